/* service.c -- starts the binary, listens to what it says, talks HTTP to it byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Long enough for a sanitized build on a busy machine. */
static const double PATIENCE = 60;

const char service_example[] =
    "{\"graph\":{\"nodes\":[{\"id\":\"q\",\"op\":\"add\",\"inputs\":[\"x\",\"y\"]},"
    "{\"id\":\"f\",\"op\":\"mul\",\"inputs\":[\"q\",\"z\"]}],\"outputs\":[\"f\"]},"
    "\"inputs\":{\"x\":-2,\"y\":5,\"z\":-4}}";

double service_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void service_sleep(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* ---- the child ------------------------------------------------------------------------------- */

static const char *binary(void)
{
    const char *path = getenv("GRADD");
    return path == NULL ? "build/gradd" : path;
}

void service_launch(service *s, const char *const *args, const char *out)
{
    int pipe_ends[2];
    const char *argv[32] = {binary()};
    for (int i = 0; args[i] != NULL; i++) {
        assert_true(i < 30);
        argv[i + 1] = args[i];
    }
    memset(s, 0, sizeof *s);
    assert_int_equal(pipe(pipe_ends), 0);
    fcntl(pipe_ends[0], F_SETFD, FD_CLOEXEC);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        dup2(pipe_ends[1], STDERR_FILENO);
        close(pipe_ends[1]);
        if (out != NULL) {
            int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
            dup2(fd, STDOUT_FILENO);
        }
        execv(argv[0], (char *const *)(uintptr_t)argv);
        perror(argv[0]);
        _exit(127);
    }
    close(pipe_ends[1]);
    s->err = pipe_ends[0];
}

/* Reads some of standard error; false at its end. Waits a moment at most. */
static bool hear(service *s)
{
    struct pollfd p = {.fd = s->err, .events = POLLIN};
    if (poll(&p, 1, 20) <= 0) return true;
    char more[4096];
    ssize_t n = read(s->err, more, sizeof more);
    if (n <= 0) return false;
    for (ssize_t i = 0; i < n && s->n + 1 < sizeof s->log; i++) s->log[s->n++] = more[i];
    s->log[s->n] = '\0';
    return true;
}

void service_start(service *s, ...)
{
    const char *args[30] = {"--listen", "127.0.0.1:0"};
    va_list list;
    va_start(list, s);
    int i = 1;
    do
        args[++i] = va_arg(list, const char *);
    while (args[i] != NULL);
    va_end(list);
    service_launch(s, args, NULL);
    double until = service_now() + PATIENCE;
    const char *ready = NULL;
    while (ready == NULL && service_now() < until && hear(s)) {
        ready = strstr(s->log, "ready on http://127.0.0.1:");
        if (ready != NULL && strchr(ready, '\n') == NULL) ready = NULL;
    }
    if (ready == NULL) {
        fprintf(stderr, "not ready: %s", s->log);
        service_kill(s);
        fail();
        return;
    }
    s->port = atoi(ready + strlen("ready on http://127.0.0.1:"));
}

int service_wait(service *s, double seconds)
{
    double until = service_now() + seconds;
    int status;
    while (service_now() < until) {
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            while (hear(s)) {}
            close(s->err);
            s->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (!hear(s)) service_sleep(0.005);
    }
    return -1;
}

void service_signal(const service *s, int number)
{
    if (s->pid > 0) kill(s->pid, number);
}

int service_stop(service *s)
{
    service_signal(s, SIGTERM);
    int status = service_wait(s, PATIENCE);
    service_kill(s);
    return status;
}

void service_kill(service *s)
{
    if (s->pid <= 0) return;
    kill(s->pid, SIGKILL);
    service_wait(s, 5);
}

/* ---- connections ----------------------------------------------------------------------------- */

bool wire_try(wire *w, const service *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    struct timeval patience = {.tv_sec = (time_t)PATIENCE};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->n = 0;
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(w->fd >= 0);
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(w->fd, (struct sockaddr *)&a, sizeof a) == 0) return true;
    close(w->fd);
    w->fd = -1;
    return false;
}

void wire_open(wire *w, const service *s)
{
    assert_true(wire_try(w, s));
}

void wire_close(wire *w)
{
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

/* What the other side does not take any more is no failure here: it may have answered already. */
void wire_send(wire *w, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = send(w->fd, text, n, MSG_NOSIGNAL);
        if (done <= 0) return;
        text += done;
        n -= (size_t)done;
    }
}

void wire_print(wire *w, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_true(n >= 0 && (size_t)n < sizeof text);
    wire_send(w, text, (size_t)n);
}

static bool receive(wire *w)
{
    if (w->n + 1 >= sizeof w->buffer) return false;
    ssize_t n = recv(w->fd, w->buffer + w->n, sizeof w->buffer - 1 - w->n, 0);
    if (n <= 0) return false;
    w->n += (size_t)n;
    w->buffer[w->n] = '\0';
    return true;
}

static void take(wire *w, size_t n)
{
    memmove(w->buffer, w->buffer + n, w->n - n);
    w->n -= n;
    w->buffer[w->n] = '\0';
}

bool answer_header(const answer *a, const char *name, char *to, size_t room)
{
    size_t n = strlen(name);
    for (const char *line = strstr(a->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':') continue;
        const char *value = line + n + 1 + strspn(line + n + 1, " ");
        snprintf(to, room, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}

void wire_read(wire *w, answer *a)
{
    char *end, text[32];
    a->status = 0;
    a->length = 0;
    a->head[0] = a->body[0] = '\0';
    w->buffer[w->n] = '\0';
    while ((end = strstr(w->buffer, "\r\n\r\n")) == NULL)
        if (!receive(w)) return;
    size_t head = (size_t)(end - w->buffer) + 4;
    assert_true(head < sizeof a->head);
    memcpy(a->head, w->buffer, head);
    a->head[head] = '\0';
    take(w, head);
    if (sscanf(a->head, "HTTP/1.%*d %d", &a->status) != 1) fail();
    size_t left = answer_header(a, "Content-Length", text, sizeof text) ? (size_t)atol(text) : 0;
    a->length = left;
    size_t kept = 0;
    while (left > 0) {
        if (w->n == 0 && !receive(w)) {
            a->status = 0;
            return;
        }
        size_t n = w->n < left ? w->n : left;
        for (size_t i = 0; i < n && kept + 1 < sizeof a->body; i++) a->body[kept++] = w->buffer[i];
        take(w, n);
        left -= n;
    }
    a->body[kept] = '\0';
}

bool wire_ended(wire *w)
{
    char c;
    return w->n == 0 && recv(w->fd, &c, 1, 0) == 0;
}

void wire_evaluate(wire *w, const char *body)
{
    wire_print(w,
               "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n",
               strlen(body));
    wire_send(w, body, strlen(body));
}

void service_ask(const service *s, answer *a, const char *method, const char *path,
                 const char *body)
{
    wire *w = malloc(sizeof *w);
    assert_non_null(w);
    wire_open(w, s);
    wire_print(w, "%s %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n", method, path);
    if (body != NULL) wire_print(w, "Content-Length: %zu\r\n", strlen(body));
    wire_print(w, "\r\n");
    if (body != NULL) wire_send(w, body, strlen(body));
    wire_read(w, a);
    wire_close(w);
    free(w);
}

void answer_is_problem(const answer *a, int status, const char *code)
{
    char text[80];
    assert_int_equal(a->status, status);
    assert_true(answer_header(a, "Content-Type", text, sizeof text));
    assert_string_equal(text, "application/problem+json");
    snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    assert_non_null(strstr(a->body, text));
}

void answer_is_example(const answer *a)
{
    assert_int_equal(a->status, 200);
    assert_non_null(strstr(a->body, "\"f\":-12"));
    assert_non_null(strstr(a->body, "\"x\":-4"));
}

bool answer_closes(const answer *a)
{
    char text[16];
    return answer_header(a, "Connection", text, sizeof text) && strcmp(text, "close") == 0;
}

long service_peak_mib(const service *s)
{
    char path[64], line[256];
    long kib = -1024;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %ld", &kib);
    if (f) fclose(f);
    return kib / 1024;
}

double service_metric(const service *s, const char *line)
{
    answer *a = malloc(sizeof *a);
    assert_non_null(a);
    service_ask(s, a, "GET", "/metrics", NULL);
    assert_int_equal(a->status, 200);
    double value = -1;
    size_t n = strlen(line);
    for (const char *at = a->body; at != NULL; at = strchr(at, '\n')) {
        if (*at == '\n') at++;
        if (strncmp(at, line, n) == 0 && at[n] == ' ') value = strtod(at + n, NULL);
    }
    free(a);
    return value;
}

/* ---- requests -------------------------------------------------------------------------------- */

char *service_long_request(int steps)
{
    size_t room = 512 + (size_t)steps * 80, n = 0;
    char *text = malloc(room);
    assert_non_null(text);
    /* The matrix depends on an input, so that nothing can be computed beforehand; 400 times its
       elements is 1, so that no product grows or vanishes. */
    n += (size_t)snprintf(text + n, room - n,
                          "{\"graph\":{\"nodes\":["
                          "{\"id\":\"a\",\"op\":\"full\",\"shape\":[400,400],\"value\":0.0025},"
                          "{\"id\":\"m0\",\"op\":\"mul\",\"inputs\":[\"a\",\"x\"]}");
    for (int i = 1; i <= steps; i++)
        n += (size_t)snprintf(text + n, room - n,
                              ",{\"id\":\"m%d\",\"op\":\"matmul\",\"inputs\":[\"m%d\",\"m0\"]}", i,
                              i - 1);
    snprintf(text + n, room - n,
             ",{\"id\":\"f\",\"op\":\"sum\",\"inputs\":[\"m%d\"]}],\"outputs\":[\"f\"]},"
             "\"inputs\":{\"x\":1},\"values\":\"outputs\",\"gradients\":false}",
             steps);
    return text;
}
