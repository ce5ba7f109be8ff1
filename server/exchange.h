/* exchange.h -- one request and its answer, from the first header to the last byte.
 *
 * Knows no HTTP library: http.c brings the head, the pieces of the body and the end, and is told
 * what to do next. All calls are made by the thread of the connection but for the job, which a
 * worker runs between exchange_start_job and the call of `resume`.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "gate.h"
#include "server.h"

typedef struct exchange exchange;

/* The head of a request as it came in; the texts live, and the descriptor of the connection is
   open, until exchange_end has returned. */
typedef struct exchange_head {
    api_head api;
    gate_facts facts;
    int fd;
} exchange_head;

/* Wakes the connection of a finished job, from any thread. Nothing is touched afterwards. */
typedef void (*exchange_resume)(void *connection);

typedef enum exchange_step {
    EXCHANGE_READ,    /* bring the body and then the end */
    EXCHANGE_ANSWER,  /* send the reply */
    EXCHANGE_SUSPEND  /* suspend the connection, then call exchange_start_job */
} exchange_step;

/* Owned by two: exchange_end and exchange_release each give up one share. NULL when memory is
   short. */
exchange *exchange_new(server *s, void *connection, exchange_resume resume);

exchange_step exchange_begin(exchange *x, const exchange_head *head);
/* A piece of the body; false: too much of it for an answer, hang up. */
bool exchange_take(exchange *x, const char *data, size_t n);
/* The body is complete, or the job is done: asked again after every resumption. */
exchange_step exchange_continue(exchange *x);
void exchange_start_job(exchange *x);

/* The reply, and whether the connection must be closed after it. */
const api_reply *exchange_reply(const exchange *x);
bool exchange_closes(const exchange *x);
/* The reply's bytes are in use until exchange_release. */
void exchange_hold(exchange *x);
void exchange_release(exchange *x);

/* The request is over: it is counted and logged. `answered`: the whole reply went out. */
void exchange_end(exchange *x, bool answered);

#endif
