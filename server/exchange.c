/* exchange.c -- what happens to a request, in the order in which it happens.
 *
 * Small requests that are cheap by their estimate are answered by the thread of the connection.
 * All others go to a worker: those with a long body unread, the rest prepared. A request that is
 * refused while its body is still coming in is answered after the body has been read and dropped,
 * since many clients do not look at an answer before they have sent everything; only where that
 * would be too much, or the client waits for leave to send (Expect), or the framing is in doubt, is
 * it answered at once and the connection closed.
 */
#include "exchange.h"

#include "clock.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum {
    INLINE_BODY = 16 * 1024,        /* longer bodies are a worker's from the first byte */
    DROP_MOST = 16 * 1024 * 1024    /* bytes that are read only to be dropped */
};

typedef enum stage {
    READING,  /* the body comes in */
    PREPARED, /* api_run is left to do */
    FINISHED  /* there is a reply */
} stage;

struct exchange {
    job job;        /* first, so that a job is its exchange */
    watched watched;
    server *server;
    void *connection;
    exchange_resume resume;
    api_call *call;
    exchange_head head;
    body body;
    stage stage;
    int shares;
    bool closes;
    bool coming; /* watched because the body is not complete */
    double begun, complete, queued; /* clock_seconds; seconds spent in the queue */
    const char *rejected;           /* the host's own refusal, for the metrics */
    const char *cancelled;
    char id[SERVER_ID_ROOM];
};

/* There is a reply, which needs the body no more. */
static void finish(exchange *x)
{
    body_free(&x->body);
    x->stage = FINISHED;
}

static void reject(exchange *x, const char *code)
{
    x->rejected = code;
    finish(x);
}

static void refuse_overload(exchange *x, const char *what)
{
    api_refuse(x->call, "overloaded", 1, "%s; try again in a moment", what);
    reject(x, "overloaded");
}

static void refuse_draining(exchange *x)
{
    api_refuse(x->call, "draining", 1, "the service is about to stop and takes no new work");
    reject(x, "draining");
}

/* What the head alone says. */
static void judge_head(exchange *x)
{
    gate_refusal why;
    /* The route is looked for in any case: refusals, too, carry its name and the request's id. */
    api_next next = api_route(x->call, &x->head.api);
    if (gate_refuses(&x->head.facts, &why)) {
        api_refuse(x->call, why.code, 0, "%s", why.detail);
        reject(x, why.code);
        x->closes = true;
    } else if (next == API_DONE) {
        const char *code = api_call_reply(x->call)->code;
        x->stage = FINISHED;
        if (code != NULL && strcmp(code, "body_too_large") == 0) x->rejected = code;
    } else if (server_phase_now(x->server) == SERVER_STOPPING) {
        refuse_draining(x);
    }
}

/* What the whole body says, other than its content. */
static void judge_body(exchange *x)
{
    if (x->body.state == BODY_TOO_LARGE) {
        api_refuse(x->call, "body_too_large", 0,
                   "the body has %zu bytes; the limit is %zu (--body-limit)", x->body.received,
                   x->body.limit);
        reject(x, "body_too_large");
    } else if (x->body.state == BODY_NO_ROOM) {
        refuse_overload(x, "the requests under way take all the memory there is for bodies");
    }
}

static const char *body_text(const exchange *x)
{
    return x->body.at == NULL ? "" : x->body.at;
}

/* The part of the work that needs no worker. */
static void work_here(exchange *x)
{
    double most = x->server->config->inline_cost * 1e-6;
    if (x->body.n > INLINE_BODY || (most <= 0 && x->body.n > 0)) return;
    if (api_prepare(x->call, body_text(x), x->body.n) != API_RUN) {
        finish(x);
    } else if (api_call_cost(x->call) <= most) {
        api_run(x->call);
        finish(x);
    } else {
        x->stage = PREPARED;
    }
}

/* Says what became of a request whose stop flag was set. `waiting`: no worker had begun it. */
static void conclude(exchange *x, bool waiting)
{
    const char *code = api_call_reply(x->call)->code;
    bool cut = x->watched.stopped && code != NULL && strcmp(code, "deadline_exceeded") == 0;
    if (!waiting && !cut) return;
    x->cancelled = "deadline";
    if (server_phase_now(x->server) == SERVER_STOPPING) {
        x->cancelled = "draining";
        api_refuse(x->call, "draining", 1, "the service is about to stop and could not wait");
    } else if (waiting) {
        api_refuse(x->call, "deadline_exceeded", 0,
                   "the request waited for a worker until its %g seconds were over",
                   x->server->config->timeout);
    }
}

/* The part that a worker does. */
static void work(job *j)
{
    exchange *x = (exchange *)(void *)j;
    server *s = x->server;
    x->queued = clock_seconds() - x->complete;
    metrics_dequeued(s->metrics, x->queued);
    bool late = __atomic_load_n(api_call_stop(x->call), __ATOMIC_RELAXED) != 0;
    if (!late) {
        api_next next = API_RUN;
        if (x->stage == READING) next = api_prepare(x->call, body_text(x), x->body.n);
        if (next == API_RUN) api_run(x->call);
    }
    watch_remove(s->watch, &x->watched);
    conclude(x, late);
    finish(x);
    x->resume(x->connection);
}

exchange *exchange_new(server *s, void *connection, exchange_resume resume)
{
    exchange *x = calloc(1, sizeof *x);
    if (x == NULL) return NULL;
    x->call = api_call_new(s->api);
    if (x->call == NULL) {
        free(x);
        return NULL;
    }
    x->begun = clock_seconds();
    x->server = s;
    x->connection = connection;
    x->resume = resume;
    x->job.run = work;
    x->body.limit = s->config->body_limit;
    x->body.budget = &s->bodies;
    x->shares = 1;
    server_fresh_id(s, x->id);
    metrics_inflight(s->metrics, 1);
    return x;
}

static void watch_client(exchange *x)
{
    x->watched.stop = NULL;
    x->watched.fd = x->head.fd;
    watch_add(x->server->watch, &x->watched);
    x->coming = true;
}

static void unwatch_client(exchange *x)
{
    if (x->coming) watch_remove(x->server->watch, &x->watched);
    x->coming = false;
}

exchange_step exchange_begin(exchange *x, const exchange_head *head)
{
    x->head = *head;
    x->head.api.fresh_id = x->id;
    judge_head(x);
    const gate_facts *f = &x->head.facts;
    bool body_comes = f->content_length > 0 || f->codings > 0;
    bool at_once = f->expectations > 0 || f->content_length > DROP_MOST;
    if (x->stage == FINISHED && body_comes && at_once) x->closes = true;
    if (x->closes) return EXCHANGE_ANSWER;
    if (x->stage == READING) body_expect(&x->body, f->content_length);
    if (body_comes) watch_client(x);
    return EXCHANGE_READ;
}

bool exchange_take(exchange *x, const char *data, size_t n)
{
    if (x->stage == READING)
        body_add(&x->body, data, n);
    else
        x->body.received += n;
    bool dropped = x->stage != READING || x->body.state != BODY_GOOD;
    size_t kept = x->stage == READING ? x->body.limit : 0;
    return !dropped || x->body.received <= kept || x->body.received - kept <= DROP_MOST;
}

exchange_step exchange_continue(exchange *x)
{
    unwatch_client(x);
    if (x->stage == FINISHED) return EXCHANGE_ANSWER;
    x->complete = clock_seconds();
    judge_body(x);
    if (x->stage == READING) work_here(x);
    if (x->stage == FINISHED) return EXCHANGE_ANSWER;
    if (workers_admit(x->server->workers)) return EXCHANGE_SUSPEND;
    refuse_overload(x, "all workers are busy and the queue is full");
    return EXCHANGE_ANSWER;
}

void exchange_start_job(exchange *x)
{
    server *s = x->server;
    x->watched.stop = api_call_stop(x->call);
    x->watched.deadline = x->complete + s->config->timeout;
    watch_add(s->watch, &x->watched);
    metrics_queued(s->metrics);
    workers_push(s->workers, &x->job);
}

const api_reply *exchange_reply(const exchange *x)
{
    return api_call_reply(x->call);
}

bool exchange_closes(const exchange *x)
{
    return x->closes || server_phase_now(x->server) >= SERVER_LEAVING;
}

void exchange_hold(exchange *x)
{
    x->shares++;
}

void exchange_release(exchange *x)
{
    if (--x->shares > 0) return;
    api_call_free(x->call);
    body_free(&x->body);
    free(x);
}

static const char *header_of(const api_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->headers; i++)
        if (strcmp(reply->header[i].name, name) == 0) return reply->header[i].value;
    return NULL;
}

void exchange_end(exchange *x, bool answered)
{
    const api_reply *reply = api_call_reply(x->call);
    metrics *m = x->server->metrics;
    unwatch_client(x);
    /* 499: the client went away before it had its answer; never sent, only counted. */
    metrics_request r = {
        .route = reply->route,
        .method = x->head.api.method,
        .status = answered && reply->status != 0 ? reply->status : 499,
        .seconds = clock_seconds() - x->begun,
        .bytes_in = x->body.received,
        .phase = reply->phase,
    };
    metrics_count_request(m, &r);
    if (x->rejected != NULL) metrics_count_rejected(m, x->rejected);
    if (x->cancelled != NULL) metrics_count_cancelled(m, x->cancelled);
    if (x->server->config->log == LOG_REQUESTS) {
        log_request_line line = {
            .request_id = header_of(reply, "X-Request-Id"),
            .method = r.method,
            .path = x->head.api.path,
            .route = r.route,
            .code = reply->code,
            .status = r.status,
            .bytes_in = r.bytes_in,
            .bytes_out = reply->length,
            .seconds = r.seconds,
            .queue_seconds = x->queued,
        };
        log_request(&line);
    }
    metrics_inflight(m, -1);
    exchange_release(x);
}
