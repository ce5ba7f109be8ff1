/* log.c -- a ring of bytes between those who have something to say and the thread that writes it.
 *
 * Standard error may be a pipe that nobody reads. Who logs therefore only copies the line into a
 * ring; a line that finds no room is counted and left out, and the count is written once there is
 * room again.
 */
#define _GNU_SOURCE /* pthread_timedjoin_np */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RING = 1 << 18, LINE = 2048 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    bool running, ending;
    size_t from, n;       /* the lines not yet written: ring[from], …, n bytes, around the end */
    unsigned long left_out;
    char ring[RING];
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void write_all(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, text, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return;
        text += done;
        n -= (size_t)done;
    }
}

/* Copies a line into the ring; the lock is held. */
static bool put(const char *text, size_t n)
{
    if (n > RING - logger.n) return false;
    size_t at = (logger.from + logger.n) % RING, first = RING - at < n ? RING - at : n;
    memcpy(logger.ring + at, text, first);
    memcpy(logger.ring, text + first, n - first);
    logger.n += n;
    return true;
}

static void say(const char *text, size_t n)
{
    pthread_mutex_lock(&logger.lock);
    bool running = logger.running;
    if (running) {
        char note[80];
        int m = logger.left_out == 0
                    ? 0
                    : snprintf(note, sizeof note, "gradd: %lu lines of log were left out\n",
                               logger.left_out);
        if (m > 0 && put(note, (size_t)m)) logger.left_out = 0;
        if (!put(text, n)) logger.left_out++;
        pthread_cond_signal(&logger.more);
    }
    pthread_mutex_unlock(&logger.lock);
    if (!running) write_all(text, n);
}

static void *write_lines(void *unused)
{
    (void)unused;
    static char piece[RING];
    pthread_mutex_lock(&logger.lock);
    for (;;) {
        while (logger.n == 0 && !logger.ending) pthread_cond_wait(&logger.more, &logger.lock);
        if (logger.n == 0) break;
        size_t n = logger.n, first = RING - logger.from < n ? RING - logger.from : n;
        memcpy(piece, logger.ring + logger.from, first);
        memcpy(piece + first, logger.ring, n - first);
        logger.from = (logger.from + n) % RING;
        logger.n = 0;
        pthread_mutex_unlock(&logger.lock);
        write_all(piece, n);
        pthread_mutex_lock(&logger.lock);
    }
    pthread_mutex_unlock(&logger.lock);
    return NULL;
}

size_t log_escape(char *to, size_t room, const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        char piece[8];
        unsigned char c = (unsigned char)*text;
        int m;
        if (c == '"' || c == '\\')
            m = snprintf(piece, sizeof piece, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            m = snprintf(piece, sizeof piece, "\\u%04x", c); /* bytes, read as Latin-1 */
        else
            m = snprintf(piece, sizeof piece, "%c", c);
        if (n + (size_t)m >= room) break;
        memcpy(to + n, piece, (size_t)m);
        n += (size_t)m;
    }
    to[n] = '\0';
    return n;
}

int log_start(void)
{
    int failed = pthread_create(&logger.thread, NULL, write_lines, NULL);
    if (failed != 0) return failed;
    pthread_mutex_lock(&logger.lock);
    logger.running = true;
    logger.ending = false;
    pthread_mutex_unlock(&logger.lock);
    return 0;
}

void log_stop(void)
{
    pthread_mutex_lock(&logger.lock);
    bool running = logger.running;
    logger.running = false;
    logger.ending = true;
    pthread_cond_signal(&logger.more);
    pthread_mutex_unlock(&logger.lock);
    if (!running) return;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_timedjoin_np(logger.thread, NULL, &until) != 0) pthread_detach(logger.thread);
}

void log_event(const char *format, ...)
{
    char line[LINE] = "gradd: ";
    size_t n = strlen(line);
    va_list args;
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    n += m < 0 ? 0 : (size_t)m < sizeof line - n - 1 ? (size_t)m : sizeof line - n - 2;
    line[n++] = '\n';
    say(line, n);
}

void log_request(const log_request_line *r)
{
    char line[LINE], id[200], method[64], path[512], when[32], code[64] = "";
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    log_escape(id, sizeof id, r->request_id == NULL ? "" : r->request_id);
    log_escape(method, sizeof method, r->method == NULL ? "" : r->method);
    log_escape(path, sizeof path, r->path == NULL ? "" : r->path);
    if (r->code != NULL) snprintf(code, sizeof code, "\"code\":\"%.40s\",", r->code);
    int n = snprintf(line, sizeof line,
                     "{\"time\":\"%s.%03ldZ\",\"level\":\"info\",\"message\":\"request\","
                     "\"request_id\":\"%s\",\"method\":\"%s\",\"path\":\"%s\",\"route\":\"%.100s\","
                     "\"status\":%d,%s\"bytes_in\":%zu,\"bytes_out\":%zu,\"queue_ms\":%.3f,"
                     "\"total_ms\":%.3f}\n",
                     when, now.tv_nsec / 1000000, id, method, path,
                     r->route == NULL ? "none" : r->route, r->status, code, r->bytes_in,
                     r->bytes_out, r->queue_seconds * 1e3, r->seconds * 1e3);
    if (n > 0 && (size_t)n < sizeof line) say(line, (size_t)n);
}
