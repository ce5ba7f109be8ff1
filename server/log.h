/* log.h -- lines on standard error, written by a thread of their own so that no one waits. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stddef.h>

/* Until log_start and after log_stop lines are written at once by the caller. */
int log_start(void);  /* 0, or an errno */
void log_stop(void);  /* writes what is left, for a second at most */

/* "gradd: " and the sentence, one line. */
void log_event(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One request, as a line of JSON. Texts may be NULL. */
typedef struct log_request_line {
    const char *request_id, *method, *path, *route, *code;
    int status;
    size_t bytes_in, bytes_out;
    double seconds, queue_seconds;
} log_request_line;
void log_request(const log_request_line *r);

/* The text as it stands between the quotes of a JSON string, cut to the room; the bytes written. */
size_t log_escape(char *to, size_t room, const char *text);

#endif
