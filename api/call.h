/* call.h -- one request inside the api: what every endpoint is given. */
#ifndef API_CALL_H
#define API_CALL_H

#include "api.h"
#include "arena.h"
#include "buffer.h"
#include "grad.h"
#include "json.h"

/* A route: a row of the table in routes.c. A pattern may end in "/{name}", which matches one
   segment. */
typedef struct api_row {
    const char *method;
    const char *pattern;
    bool reads_body;                    /* the body is JSON (415 for anything else) */
    const char *type;                   /* of its answers: 406 where Accept excludes it; or NULL */
    const char *doc;
    api_next (*prepare)(api_call *c);   /* c->body is complete; API_RUN where run is to follow */
    void (*run)(api_call *c);           /* NULL where prepare always ends it */
} api_row;

/* What the api keeps for all calls. */
struct api {
    api_host host;       /* limits filled in */
    buffer ops;          /* GET /v1/ops, written once */
};

struct api_call {
    const api *api;
    const api_row *row;
    json_slice param;    /* what {name} matched */
    const char *accept;  /* borrowed from the head; may be NULL */
    const char *body;
    size_t length;
    const struct document *program; /* the graph, if it is written as a program: problems say where */
    volatile int stop;
    grad_host host;      /* this request's memory and its stop flag */
    arena arena;         /* everything small dies with the call; counted in host */
    buffer out;          /* the answer's body */
    double cost;         /* seconds that run is estimated to take */
    void *job;           /* what prepare leaves for run */
    void (*job_free)(void *job);
    api_reply reply;
    char request_id[129];
    char allow[48];      /* texts of headers: Allow, */
    char retry[12];      /* Retry-After */
    char timing[120];    /* and Server-Timing */
    char problem[2048];  /* the body of a problem, unless it is longer; always room for one */
};

/* Ends the call with a problem document; always returns API_DONE. The first error wins: a call that
   has a problem keeps it. `pointer` ("/graph/nodes/3") and `node` may be NULL. */
api_next api_fail(api_call *c, const char *code, const char *pointer, const char *node,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for an error of the core, with its own sentence. */
api_next api_fail_core(api_call *c, const grad_error *err, const char *pointer, const char *node);
/* ... and for text that json_check refused. */
api_next api_fail_json(api_call *c, json_verdict verdict, const json_complaint *why);
bool api_failed(const api_call *c);

/* Ends the call with a document. `body` must live as long as the call (c->out does). */
api_next api_answer(api_call *c, int status, const char *content_type, const char *body, size_t n);
/* Takes back any reply there is, and starts one with the headers that every reply has. */
void api_start_reply(api_call *c);
void api_add_header(api_call *c, const char *name, const char *value); /* borrowed texts */

double api_now(const api_call *c); /* 0 where the host has no clock */

/* "did you mean": the candidate nearest to `name` (edit distance, swaps counted once) or NULL. */
typedef const char *(*api_candidate)(const void *list, size_t i); /* NULL past the end */
const char *api_nearest(const char *name, size_t n, api_candidate at, const void *list);
const char *api_nearest_op(const char *name, size_t n); /* among the operators */

#endif
