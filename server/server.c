/* server.c -- puts the parts together, and takes them apart in the order that loses no request. */
#include "server.h"

#include "clock.h"
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static double now(void *cls)
{
    (void)cls;
    return clock_seconds();
}

static void write_metrics(void *cls, void (*write)(void *to, const char *text, size_t n), void *to)
{
    const server *s = cls;
    metrics_write(s->metrics, write, to);
}

static bool is_ready(void *cls)
{
    return server_phase_now(cls) == SERVER_READY;
}

static void advance(server *s, server_phase phase)
{
    atomic_store(&s->phase, (int)phase);
}

server_phase server_phase_now(const server *s)
{
    return (server_phase)atomic_load_explicit(&s->phase, memory_order_relaxed);
}

/* A bijection of 64 bits (splitmix64's finalizer), so that ids differ as their counts do. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void server_fresh_id(server *s, char *to)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t x = scramble(s->id_seed + atomic_fetch_add_explicit(&s->id_count, 1,
                                                                  memory_order_relaxed));
    for (int i = 0; i < 16; i++, x <<= 4) to[i] = digits[x >> 60];
    to[16] = '\0';
}

static void free_parts(server *s)
{
    workers_stop(s->workers);
    watch_stop(s->watch);
    api_free(s->api);
    metrics_free(s->metrics);
}

int server_start(server *s, const server_config *config, listener *l, int listeners,
                 const char *version, const char *build, char *why, size_t room)
{
    memset(s, 0, sizeof *s);
    s->config = config;
    s->bodies.most = config->memory_limit > config->body_limit ? config->memory_limit
                                                               : config->body_limit + 1;
    if (getrandom(&s->id_seed, sizeof s->id_seed, GRND_NONBLOCK) != sizeof s->id_seed)
        s->id_seed = (uint64_t)time(NULL);
    api_host host = {
        .body_limit = config->body_limit,
        .node_limit = config->node_limit,
        .operand_limit = config->operand_limit,
        .element_limit = (int64_t)config->element_limit,
        .memory_limit = config->memory_limit,
        .build = build,
        .cls = s,
        .now = now,
        .metrics = write_metrics,
        .ready = is_ready,
    };
    s->metrics = metrics_new(version, build);
    s->api = api_new(&host);
    s->workers = workers_start(config->workers, config->queue);
    s->watch = watch_start();
    if (s->metrics == NULL || s->api == NULL || s->workers == NULL || s->watch == NULL) {
        snprintf(why, room, "not enough memory or threads to start");
    } else {
        s->http = http_start(s, l, listeners, why, room);
        if (s->http != NULL) {
            advance(s, SERVER_READY);
            return 0;
        }
    }
    free_parts(s);
    return -1;
}

void server_leave(server *s)
{
    advance(s, SERVER_LEAVING);
}

void server_shut_door(server *s)
{
    http_shut_door(s->http);
}

void server_cancel(server *s)
{
    advance(s, SERVER_STOPPING);
    watch_stop_all(s->watch);
}

void server_end(server *s)
{
    /* The workers first: one of them may still be inside the call that resumed a connection. */
    workers_stop(s->workers);
    s->workers = NULL;
    http_stop(s->http);
    free_parts(s);
}

int64_t server_inflight(const server *s)
{
    return metrics_inflight_now(s->metrics);
}
