/* http.c -- the one file that knows libmicrohttpd: turns its callbacks into exchanges.
 *
 * Each listener has a daemon of its own with one epoll thread. The access handler is called with
 * the head of a request, then with each piece of its body, then once more when it is complete, and
 * again after a suspended connection has been resumed. Rules of libmicrohttpd 0.9.75 that show here
 * (newer releases agree with them): a reply to a request whose body is still to come, if queued in
 * the first call, closes the connection; none can be queued while pieces come in; a suspended
 * connection must have been resumed when the daemon is stopped.
 */
#define _GNU_SOURCE /* accept4 */
#include "http.h"

#include "clock.h"
#include "exchange.h"

#include <microhttpd.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A connection's memory bounds the head of a request and the pieces of its body. All of it is
   cleared for every request, so that a larger pool costs small requests (64 KiB: a fifth of their
   rate) and gains long bodies nothing that was measurable. */
enum { POOL = 16 * 1024, POOL_STEP = 4 * 1024, STACK = 2 * 1024 * 1024 };

enum { DOOR_OPEN, DOOR_CLOSING, DOOR_SHUT };

/* A listener and who serves it. */
typedef struct door {
    http *http;
    struct MHD_Daemon *daemon;
    listener listener;
    unsigned limit; /* of connections */
    atomic_int state;
} door;

struct http {
    server *server;
    struct MHD_Response *no_memory; /* what is said when there is not even memory for a problem */
    int count;
    door door[];
};

/* ---- a request's head ------------------------------------------------------------------------ */

/* Headers that somebody looks at: where their text goes, and their count. */
static const struct {
    const char *name;
    size_t text, count; /* offsets in exchange_head; NOWHERE */
} known[] = {
#define NOWHERE ((size_t)-1)
#define TEXT(member) offsetof(exchange_head, member)
    {"Host", NOWHERE, TEXT(facts.hosts)},
    {"Content-Length", NOWHERE, TEXT(facts.lengths)},
    {"Transfer-Encoding", TEXT(facts.transfer_encoding), TEXT(facts.codings)},
    {"Expect", TEXT(facts.expect), TEXT(facts.expectations)},
    {"Content-Type", TEXT(api.content_type), NOWHERE},
    {"Content-Encoding", TEXT(api.content_encoding), NOWHERE},
    {"Accept", TEXT(api.accept), NOWHERE},
    {"Origin", TEXT(api.origin), NOWHERE},
    {"X-Request-Id", TEXT(api.request_id), NOWHERE},
    {NULL, NOWHERE, NOWHERE},
};

static void keep_header(exchange_head *head, size_t row, const char *value)
{
    char *base = (char *)head;
    if (known[row].text != NOWHERE) {
        const char **text = (const char **)(void *)(base + known[row].text);
        if (*text == NULL) *text = value;
    }
    if (known[row].count == NOWHERE) return;
    unsigned *count = (unsigned *)(void *)(base + known[row].count);
    (*count)++;
    if (count == &head->facts.lengths && *count == 1)
        head->facts.content_length = gate_read_length(value);
}

static enum MHD_Result look_at_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    exchange_head *head = cls;
    (void)kind;
    if (value == NULL) value = "";
    if (!gate_is_token(name)) head->facts.bad_name = true;
    if (!gate_is_clean_value(value)) head->facts.bad_value = true;
    for (size_t i = 0; known[i].name != NULL; i++)
        if (strcasecmp(name, known[i].name) == 0) {
            keep_header(head, i, value);
            break;
        }
    return MHD_YES;
}

/* "http://host/path", which a client may send as well as "/path". */
static const char *skip_authority(const char *url)
{
    if (strncasecmp(url, "http://", 7) != 0) return url;
    const char *path = strchr(url + 7, '/');
    return path == NULL ? "/" : path;
}

static void read_head(exchange_head *head, struct MHD_Connection *connection, const char *url,
                      const char *method, const char *version)
{
    memset(head, 0, sizeof *head);
    head->facts.method = head->api.method = method;
    head->facts.version = version;
    head->facts.content_length = -1;
    head->api.path = skip_authority(url);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_header, head);
    head->api.content_length = head->facts.content_length;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    head->fd = info == NULL ? -1 : info->connect_fd;
}

/* ---- a request ------------------------------------------------------------------------------- */

static void resume(void *connection)
{
    MHD_resume_connection(connection);
}

static void release(void *cls)
{
    exchange_release(cls);
}

static enum MHD_Result answer(struct MHD_Connection *connection, exchange *x)
{
    const api_reply *reply = exchange_reply(x);
    void *text = reply->length == 0 ? NULL : (void *)(uintptr_t)reply->body;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        reply->length, text, release, x);
    if (response == NULL) return MHD_NO;
    exchange_hold(x);
    for (size_t i = 0; i < reply->headers; i++)
        MHD_add_response_header(response, reply->header[i].name, reply->header[i].value);
    if (exchange_closes(x)) MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result queued =
        MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result do_step(struct MHD_Connection *connection, exchange *x, exchange_step step)
{
    if (step == EXCHANGE_ANSWER) return answer(connection, x);
    if (step == EXCHANGE_SUSPEND) {
        MHD_suspend_connection(connection);
        exchange_start_job(x);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    http *h = ((door *)cls)->http;
    exchange *x = *context;
    if (x == NULL) {
        exchange_head head;
        x = exchange_new(h->server, connection, resume);
        if (x == NULL) return MHD_queue_response(connection, 503, h->no_memory);
        *context = x;
        read_head(&head, connection, url, method, version);
        return do_step(connection, x, exchange_begin(x, &head));
    }
    if (*size > 0) {
        bool good = exchange_take(x, data, *size);
        *size = 0;
        return good ? MHD_YES : MHD_NO;
    }
    return do_step(connection, x, exchange_continue(x));
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    exchange *x = *context;
    *context = NULL;
    if (x != NULL) exchange_end(x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* Percent-decoding of the path. A NUL would end the path early, so it stays as it was sent. */
static size_t unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strstr(text, "%00") != NULL ? strlen(text) : MHD_http_unescape(text);
}

/* ---- the door -------------------------------------------------------------------------------- */

/* Connections that the kernel has completed may carry requests already, and shutting the socket
   would reset them; so they are taken in first, as far as there is room (0.9.75 would block for
   ever on one too many). */
static void take_in_waiting(door *d)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    unsigned open = info == NULL ? d->limit : info->num_connections;
    for (; open < d->limit; open++) {
        struct sockaddr_storage address;
        socklen_t n = sizeof address;
        int fd = accept4(d->listener.fd, (struct sockaddr *)&address, &n,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        MHD_add_connection(d->daemon, fd, (struct sockaddr *)&address, n);
    }
}

/* Stops listening, once. The socket stays open until the daemon is gone, as it asks for, but a
   connection that is tried from now on is refused at once. */
static void shut(door *d)
{
    int closing = DOOR_CLOSING;
    if (!atomic_compare_exchange_strong(&d->state, &closing, DOOR_SHUT)) return;
    MHD_quiesce_daemon(d->daemon);
    take_in_waiting(d);
    shutdown(d->listener.fd, SHUT_RDWR);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    door *d = cls;
    (void)connection;
    (void)context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED && atomic_load(&d->state) == DOOR_CLOSING) shut(d);
}

/* Stopping from another thread while the epoll loop turns may end in abort(): both would remove the
   socket from the loop, and the loop panics if it comes second. So we connect to ourselves, and the
   daemon's own thread shuts the door when it meets a new connection. */
static void shut_from_within(door *d)
{
    atomic_store(&d->state, DOOR_CLOSING);
    int call = listen_connect(&d->listener);
    double until = clock_seconds() + 0.5;
    while (call >= 0 && atomic_load(&d->state) != DOOR_SHUT && clock_seconds() < until)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    shut(d); /* at the limit none is accepted, and the loop has let go of the socket */
    if (call >= 0) close(call);
}

void http_shut_door(http *h)
{
    for (int i = 0; i < h->count; i++) shut_from_within(&h->door[i]);
}

/* ---- start and stop -------------------------------------------------------------------------- */

static struct MHD_Response *make_no_memory(void)
{
    static char text[] = "{\"type\":\"/errors/out_of_memory\",\"title\":\"Out of memory\","
                         "\"status\":503,\"code\":\"out_of_memory\","
                         "\"detail\":\"there is no memory left to look at the request\"}";
    struct MHD_Response *r =
        MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
    if (r == NULL) return NULL;
    MHD_add_response_header(r, "Content-Type", "application/problem+json");
    MHD_add_response_header(r, "Retry-After", "1");
    return r;
}

static struct MHD_Daemon *start_daemon(door *d, unsigned idle)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
        on_request, d,
        MHD_OPTION_LISTEN_SOCKET, d->listener.fd,
        MHD_OPTION_CONNECTION_LIMIT, d->limit,
        MHD_OPTION_CONNECTION_TIMEOUT, idle,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)POOL_STEP,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, d,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, d,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
}

http *http_start(server *s, const listener *l, int listeners, char *why, size_t room)
{
    http *h = calloc(1, sizeof *h + (size_t)listeners * sizeof *h->door);
    if (h != NULL) h->no_memory = make_no_memory();
    if (h == NULL || h->no_memory == NULL) {
        snprintf(why, room, "not enough memory to start");
        free(h);
        return NULL;
    }
    h->server = s;
    /* The connections are shared out; rounded up, for a door must have one. */
    uint64_t share = (s->config->connections + (uint64_t)listeners - 1) / (uint64_t)listeners;
    while (h->count < listeners) {
        door *d = &h->door[h->count];
        d->http = h;
        d->listener = l[h->count];
        d->limit = (unsigned)share;
        d->daemon = start_daemon(d, (unsigned)s->config->idle_timeout);
        if (d->daemon == NULL) {
            snprintf(why, room, "cannot serve on %s", d->listener.url);
            http_stop(h);
            return NULL;
        }
        h->count++;
    }
    return h;
}

void http_stop(http *h)
{
    for (int i = 0; i < h->count; i++) {
        MHD_stop_daemon(h->door[i].daemon); /* closes the socket where the door was open */
        if (atomic_load(&h->door[i].state) == DOOR_SHUT) close(h->door[i].listener.fd);
    }
    MHD_destroy_response(h->no_memory);
    free(h);
}
