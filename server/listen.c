/* listen.c -- from "localhost:8080" to listening sockets.
 *
 * "localhost" is two addresses under one port. Where one of the two families is not there, the
 * other alone will do; a port that is taken on either is an error, so that nobody else answers
 * under our name. "*" is one IPv6 socket that takes IPv4 too, or an IPv4 socket where there is no
 * IPv6.
 */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct sockets {
    listener *to;
    int count;
    char *why;
    size_t room;
} sockets;

__attribute__((format(printf, 3, 4)))
static bool explain(char *why, size_t room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, room, format, args);
    va_end(args);
    return false;
}

static bool read_place(const char *text, size_t n, listen_place *to, char *why, size_t room)
{
    const char *host = text, *colon = NULL;
    size_t host_length;
    if (n > 0 && text[0] == '[') {
        const char *bracket = memchr(text, ']', n);
        if (bracket != NULL && bracket + 1 < text + n && bracket[1] == ':') colon = bracket + 1;
        host++;
        host_length = bracket == NULL ? 0 : (size_t)(bracket - host);
    } else {
        colon = memchr(text, ':', n);
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(text + n - colon - 1)) != NULL)
            return explain(why, room, "an IPv6 address stands in brackets, as in [::1]:8080");
        host_length = colon == NULL ? 0 : (size_t)(colon - host);
    }
    if (colon == NULL)
        return explain(why, room, "expected HOST:PORT, found \"%.*s\"", (int)n, text);
    size_t digits = (size_t)(text + n - colon - 1);
    unsigned port = 0;
    bool good = digits >= 1 && digits <= 5;
    for (size_t i = 1; good && i <= digits; i++) {
        good = colon[i] >= '0' && colon[i] <= '9';
        port = port * 10 + (unsigned)(colon[i] - '0');
    }
    if (!good || port > 65535)
        return explain(why, room, "expected a port from 0 to 65535, found \"%.*s\"", (int)digits,
                       colon + 1);
    if (host_length >= sizeof to->host)
        return explain(why, room, "the name of the host is too long");
    memcpy(to->host, host, host_length);
    to->host[host_length] = '\0';
    if (strcmp(to->host, "*") == 0) to->host[0] = '\0';
    snprintf(to->port, sizeof to->port, "%u", port & 0xffff);
    return true;
}

/* The next item of a list without the spaces around it; NULL at the end. */
static const char *next_item(const char **text, size_t *n)
{
    const char *at = *text;
    while (*at == ',' || *at == ' ') at++;
    if (*at == '\0') return NULL;
    size_t length = strcspn(at, ",");
    *text = at + length;
    while (length > 0 && at[length - 1] == ' ') length--;
    *n = length;
    return at;
}

static void name_socket(listener *l)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
    if (getsockname(l->fd, (struct sockaddr *)&address, &n) == 0)
        getnameinfo((struct sockaddr *)&address, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = address.ss_family == AF_INET6;
    snprintf(l->url, sizeof l->url, v6 ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

/* Adds one socket; 0, or the errno of what failed. */
static int add_socket(sockets *s, const struct sockaddr *address, socklen_t n, bool both)
{
    if (s->count == LISTEN_MAX) return E2BIG;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int yes = 1, v6only = !both;
    bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0;
    if (good && address->sa_family == AF_INET6)
        good = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == 0;
    good = good && bind(fd, address, n) == 0 && listen(fd, SOMAXCONN) == 0;
    if (!good) {
        int failed = errno;
        close(fd);
        return failed;
    }
    s->to[s->count].fd = fd;
    name_socket(&s->to[s->count++]);
    return 0;
}

static int add_v4(sockets *s, uint32_t host, unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(host);
    return add_socket(s, (struct sockaddr *)&a, sizeof a, false);
}

static int add_v6(sockets *s, struct in6_addr host, unsigned port, bool both)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    a.sin6_addr = host;
    return add_socket(s, (struct sockaddr *)&a, sizeof a, both);
}

static bool no_such_family(int failed)
{
    return failed == EAFNOSUPPORT || failed == EADDRNOTAVAIL || failed == EPROTONOSUPPORT;
}

static unsigned port_of(const listener *l)
{
    return (unsigned)strtoul(strrchr(l->url, ':') + 1, NULL, 10);
}

static int add_localhost(sockets *s, unsigned port)
{
    /* Port 0: the second address must get the port that the first one was given, which may be
       taken there, hence the tries. */
    for (int tries = port == 0 ? 16 : 1;; tries--) {
        int before = s->count;
        int failed4 = add_v4(s, INADDR_LOOPBACK, port);
        if (failed4 != 0 && !no_such_family(failed4)) return failed4;
        unsigned same = failed4 == 0 ? port_of(&s->to[before]) : port;
        int failed6 = add_v6(s, in6addr_loopback, same, false);
        if (failed6 == 0 || (no_such_family(failed6) && failed4 == 0)) return 0;
        listen_close(s->to + before, s->count - before);
        s->count = before;
        if (failed6 != EADDRINUSE || tries == 1) return failed6;
    }
}

static bool add_place(sockets *s, const listen_place *p)
{
    unsigned port = (unsigned)strtoul(p->port, NULL, 10);
    int failed;
    if (p->host[0] == '\0') {
        failed = add_v6(s, in6addr_any, port, true);
        if (failed != 0 && no_such_family(failed)) failed = add_v4(s, INADDR_ANY, port);
    } else if (strcmp(p->host, "localhost") == 0) {
        failed = add_localhost(s, port);
    } else {
        struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all;
        int rc = getaddrinfo(p->host, p->port, &want, &all);
        if (rc != 0)
            return explain(s->why, s->room, "cannot find the address of \"%s\": %s", p->host,
                           gai_strerror(rc));
        failed = 0;
        for (const struct addrinfo *a = all; a != NULL && failed == 0; a = a->ai_next)
            failed = add_socket(s, a->ai_addr, a->ai_addrlen, false);
        freeaddrinfo(all);
    }
    if (failed == 0) return true;
    const char *brackets = strchr(p->host, ':') != NULL ? "[%s]" : "%s";
    char host[sizeof p->host + 2];
    snprintf(host, sizeof host, brackets, p->host[0] == '\0' ? "*" : p->host);
    return explain(s->why, s->room, "cannot listen on %s:%s: %s", host, p->port,
                   failed == E2BIG ? "too many addresses" : strerror(failed));
}

bool listen_next(const char **text, listen_place *to)
{
    size_t n;
    char why[8];
    const char *item = next_item(text, &n);
    return item != NULL && read_place(item, n, to, why, sizeof why);
}

bool listen_check(const char *text, char *why, size_t room)
{
    int count = 0;
    size_t n;
    for (const char *item; (item = next_item(&text, &n)) != NULL; count++) {
        listen_place p;
        if (!read_place(item, n, &p, why, room)) return false;
    }
    if (count == 0) return explain(why, room, "expected HOST:PORT, found nothing");
    if (count > LISTEN_MAX) return explain(why, room, "more than %d addresses", LISTEN_MAX);
    return true;
}

int listen_open(listener *to, const char *text, char *why, size_t room)
{
    sockets s = {.to = to, .why = why, .room = room};
    listen_place p;
    while (listen_next(&text, &p))
        if (!add_place(&s, &p)) {
            listen_close(to, s.count);
            return -1;
        }
    return s.count;
}

void listen_close(listener *l, int count)
{
    for (int i = 0; i < count; i++)
        if (l[i].fd >= 0) close(l[i].fd);
}

int listen_connect(const listener *l)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof address;
    if (getsockname(l->fd, (struct sockaddr *)&address, &n) != 0) return -1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    /* A wildcard address, connected to, is this host. */
    if (connect(fd, (struct sockaddr *)&address, n) == 0 || errno == EINPROGRESS) return fd;
    close(fd);
    return -1;
}
