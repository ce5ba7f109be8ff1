/* probe.c -- an HTTP client of one request, over a plain socket. */
#include "probe.h"

#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const struct timeval PATIENCE = {.tv_sec = 3};

static bool is_wildcard(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* A connected socket, or -1 with errno set. */
static int dial(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof PATIENCE);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &PATIENCE, sizeof PATIENCE);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

/* The first line of the answer to a GET. */
static bool ask(int fd, char *line, size_t room)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1))
        return false;
    size_t n = 0;
    while (n + 1 < room && memchr(line, '\n', n) == NULL) {
        ssize_t more = recv(fd, line + n, room - 1 - n, 0);
        if (more < 0 && errno == EINTR) continue;
        if (more <= 0) break;
        n += (size_t)more;
    }
    line[n] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return n > 0;
}

bool probe(const char *listen, char *why, size_t room)
{
    listen_place p;
    struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *all;
    char line[256] = "";
    if (!listen_next(&listen, &p) || strcmp(p.port, "0") == 0) {
        snprintf(why, room, "--listen names no fixed port to ask at");
        return false;
    }
    /* A service that listens on every address also listens on this host's own. */
    const char *host = is_wildcard(p.host) ? "localhost" : p.host;
    int rc = getaddrinfo(host, p.port, &want, &all);
    if (rc != 0) {
        snprintf(why, room, "cannot find the address of \"%s\": %s", host, gai_strerror(rc));
        return false;
    }
    int fd = -1;
    for (const struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) fd = dial(a);
    int failed = errno;
    freeaddrinfo(all);
    if (fd < 0) {
        snprintf(why, room, "cannot connect to %s port %s: %s", host, p.port, strerror(failed));
        return false;
    }
    bool answered = ask(fd, line, sizeof line);
    close(fd);
    if (answered && strncmp(line, "HTTP/1.1 200", 12) == 0) return true;
    snprintf(why, room, "%s port %s answered \"%.100s\"", host, p.port, line);
    return false;
}
