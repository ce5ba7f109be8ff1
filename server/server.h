/* server.h -- what all requests share, and the order of starting and ending it. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "body.h"
#include "config.h"
#include "listen.h"
#include "metrics.h"
#include "watch.h"
#include "workers.h"

struct http;

/* The life of the service; it only goes forward. */
typedef enum server_phase {
    SERVER_STARTING, /* not ready */
    SERVER_READY,
    SERVER_LEAVING,  /* not ready; requests are answered, every answer closes its connection */
    SERVER_STOPPING  /* new requests are refused, running ones are stopped */
} server_phase;

typedef struct server {
    const server_config *config;
    api *api;
    metrics *metrics;
    workers *workers;
    watch *watch;
    struct http *http;
    body_budget bodies;
    atomic_int phase;
    uint64_t id_seed;
    atomic_uint_fast64_t id_count;
} server;

/* Starts everything and takes requests from the listeners, which it owns from then on. 0, or -1
   with `why` filled and nothing left running (but listeners may be left open). `config` and the
   texts are borrowed. */
int server_start(server *s, const server_config *config, listener *l, int listeners,
                 const char *version, const char *build, char *why, size_t room);

server_phase server_phase_now(const server *s);

/* The steps of ending, in this order. */
void server_leave(server *s);      /* says so: /readyz is 503, every answer closes its connection */
void server_shut_door(server *s);  /* takes no more connections */
void server_cancel(server *s);     /* stops what still runs */
void server_end(server *s);        /* to be called only when no request is under way */

/* Requests begun and not answered. */
int64_t server_inflight(const server *s);

enum { SERVER_ID_ROOM = 17 };
void server_fresh_id(server *s, char *to); /* 16 hexadecimal digits, never the same twice */

#endif
