/* api.h -- bytes in, bytes out: what the server needs to know of the api.
 *
 * A request is one api_call. It goes through three steps, each of which says what comes next:
 *
 *     api_route    headers in   -> API_DONE (the reply is ready), or API_BODY (bring the body)
 *     api_prepare  body in      -> API_DONE, or API_RUN (the cost of running is now known)
 *     api_run                   -> the reply is ready
 *
 * A call is used by one thread at a time, and any thread may take the next step. The api opens no
 * socket, starts no thread and reads no clock but the one in api_host. After api_new everything in
 * `api` is immutable and shared by all calls.
 */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct api api;
typedef struct api_call api_call;

typedef enum api_next { API_DONE, API_BODY, API_RUN } api_next;

/* Limits and services that the host grants. Zero limits mean the contract's defaults. */
typedef struct api_host {
    size_t body_limit;    /* bytes of a body */
    size_t node_limit;    /* nodes of a document */
    size_t operand_limit; /* operands of a node */
    int64_t element_limit; /* elements of a tensor */
    size_t memory_limit;  /* bytes a request may take, body, parsing and answer included */
    const char *build;    /* for /v1/version: the commit or "unknown" */
    void *cls;
    double (*now)(void *cls); /* monotonic seconds, for phases; may be NULL */
    /* Appends the body of GET /metrics; NULL where there is none (404). */
    void (*metrics)(void *cls, void (*write)(void *to, const char *text, size_t n), void *to);
    bool (*ready)(void *cls); /* false while starting or draining; NULL: always ready */
} api_host;

/* Headers of interest, as sent; NULL where absent. All borrowed until the call is freed. */
typedef struct api_head {
    const char *method;       /* "POST" */
    const char *path;         /* without the query */
    const char *content_type;
    const char *content_encoding;
    const char *accept;
    const char *origin;
    const char *request_id;   /* X-Request-Id as sent */
    const char *fresh_id;     /* what to use where none, or a bad one, was sent */
    int64_t content_length;   /* -1 where unknown */
} api_head;

typedef struct api_header {
    const char *name;
    const char *value;
} api_header;

enum { API_HEADERS_MAX = 16 };
enum { API_PARSE, API_COMPILE, API_EVALUATE, API_ENCODE, API_PHASES };

/* Borrowed from the call; it lives until api_call_free. */
typedef struct api_reply {
    int status;
    const char *body;
    size_t length;
    api_header header[API_HEADERS_MAX]; /* Content-Type among them */
    size_t headers;
    const char *route;        /* the route's pattern, for metrics: "/v1/evaluate"; "none" */
    const char *code;         /* the error's code, or NULL */
    double phase[API_PHASES]; /* seconds spent */
} api_reply;

/* Owned; api_free. NULL only when memory is short. */
api *api_new(const api_host *host);
void api_free(api *a);

api_call *api_call_new(const api *a); /* owned; api_call_free. NULL when memory is short */
void api_call_free(api_call *c);

api_next api_route(api_call *c, const api_head *head);
/* `body` is borrowed until there is a reply. */
api_next api_prepare(api_call *c, const char *body, size_t length);
double api_call_cost(const api_call *c); /* seconds that api_run is estimated to take */
void api_run(api_call *c);

/* A flag that any thread may set to make the call stop soon, which is then deadline_exceeded. */
volatile int *api_call_stop(api_call *c);

/* The host's own refusal, as a problem document: api_refuse(c, "overloaded", "…"). A Retry-After of
   `retry` seconds is added where it is above 0. Replaces any reply there is. */
void api_refuse(api_call *c, const char *code, int retry, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const api_reply *api_call_reply(const api_call *c);

/* All three steps at once, for tests and embedders. */
const api_reply *api_handle(api_call *c, const api_head *head, const char *body, size_t length);

/* Route patterns and error codes, for the host's metrics; NULL past the end. */
const char *api_route_name(size_t i);
const char *api_error_name(size_t i);

const char *api_blas_kernels(void); /* which kernels run matrix products, for the host's log */

#endif
