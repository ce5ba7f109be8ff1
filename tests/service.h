/* service.h -- the real binary as a child process, and raw HTTP to it. */
#ifndef TESTS_SERVICE_H
#define TESTS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct service {
    pid_t pid;
    int err;            /* the read end of its standard error */
    int port;           /* of the first address it named */
    char log[1 << 16];  /* what it has written there */
    size_t n;
} service;

/* Starts GRADD (default build/gradd) on a free port of 127.0.0.1 with the arguments given, NULL at
   the end, and waits for its ready line. Fails the test where that does not come. */
void service_start(service *s, ...);
/* The same without waiting; `out` may be NULL, else standard output goes there. */
void service_launch(service *s, const char *const *args, const char *out);
/* Reads what the child says until it ends; its exit status, 128 + the signal, or -1 after so many
   seconds. */
int service_wait(service *s, double seconds);
void service_signal(const service *s, int number);
/* SIGTERM, and the exit status. */
int service_stop(service *s);
/* For a test that failed or is done with it: ends the child in any case. */
void service_kill(service *s);

/* ---- raw connections ------------------------------------------------------------------------- */

typedef struct wire {
    int fd;
    char buffer[1 << 17]; /* received and not yet taken */
    size_t n;
} wire;

typedef struct answer {
    int status;            /* 0: the connection ended without an answer */
    char head[8192];
    char body[1 << 16];    /* cut to this room */
    size_t length;
} answer;

void wire_open(wire *w, const service *s);
bool wire_try(wire *w, const service *s); /* false: refused */
void wire_close(wire *w);
void wire_send(wire *w, const char *text, size_t n);
void wire_print(wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next answer, whose body Content-Length measures. */
void wire_read(wire *w, answer *a);
bool wire_ended(wire *w); /* waits until the other side closes; false if it says more */

/* POST /v1/evaluate with this body, on an open connection; the answer is left to be read. */
void wire_evaluate(wire *w, const char *body);
/* One request on a connection of its own. */
void service_ask(const service *s, answer *a, const char *method, const char *path,
                 const char *body);

/* The value of a header of an answer in `to`; false where there is none. */
bool answer_header(const answer *a, const char *name, char *to, size_t room);

/* Fails the test where the answer is not this problem, or not that of service_example. */
void answer_is_problem(const answer *a, int status, const char *code);
void answer_is_example(const answer *a);
bool answer_closes(const answer *a); /* says that the connection ends with it */

/* The most memory that the process has held so far; -1 where the system does not say. */
long service_peak_mib(const service *s);
/* A metric's value, by the text of its line up to the value. */
double service_metric(const service *s, const char *line);

/* ---- requests -------------------------------------------------------------------------------- */

extern const char service_example[]; /* (x + y) * z with its inputs */
/* A chain of so many products of matrices, 400 wide: about 3 ms each. To be freed. */
char *service_long_request(int steps);

void service_sleep(double seconds);
double service_now(void);

#endif
