/* call.c -- a request on its way: the three steps, and what every reply has.
 *
 * The steps keep house, so that an endpoint need not: they watch the stop flag, hold the body to
 * its limit and to JSON, charge it to the request's memory and take the time.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "routes.h"

/* Names, operands and results are counted in 32 bits: no longer text holds more of them. */
static const size_t LONGEST_BODY = (size_t)4 << 30;

/* A graph may grow this many times beyond its document when derivatives are added. */
enum { GROWTH = 16 };

static const api_host contract = {
    .body_limit = (size_t)256 << 20,
    .node_limit = 2000000,
    .operand_limit = 1000000,
    .element_limit = 100000000,
    .memory_limit = (size_t)2 << 30,
    .build = "unknown",
};

/* ---- the api ------------------------------------------------------------------------------- */

api *api_new(const api_host *host)
{
    api *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    api_host *h = &a->host;
    if (host) *h = *host;
    if (!h->body_limit) h->body_limit = contract.body_limit;
    if (h->body_limit > LONGEST_BODY) h->body_limit = LONGEST_BODY;
    if (!h->node_limit) h->node_limit = contract.node_limit;
    if (!h->operand_limit) h->operand_limit = contract.operand_limit;
    if (h->element_limit <= 0) h->element_limit = contract.element_limit;
    if (!h->memory_limit) h->memory_limit = contract.memory_limit;
    if (!h->build) h->build = contract.build;
    if (ops_write(&a->ops)) return a;
    api_free(a);
    return NULL;
}

void api_free(api *a)
{
    if (!a) return;
    buffer_free(&a->ops);
    free(a);
}

/* ---- a call -------------------------------------------------------------------------------- */

api_call *api_call_new(const api *a)
{
    api_call *c = malloc(sizeof *c);
    if (!c) return NULL;
    memset(c, 0, offsetof(api_call, problem));
    size_t nodes = a->host.node_limit;
    c->api = a;
    c->host = (grad_host){
        .memory = a->host.memory_limit,
        .nodes = nodes < GRAD_NONE / GROWTH ? nodes * GROWTH : GRAD_NONE,
        .elements = a->host.element_limit,
        .stop = &c->stop,
    };
    c->arena.host = &c->host;
    c->out.host = &c->host;
    c->reply.route = "none";
    return c;
}

static void free_job(api_call *c)
{
    if (c->job && c->job_free) c->job_free(c->job);
    c->job = NULL;
}

void api_call_free(api_call *c)
{
    if (!c) return;
    free_job(c);
    buffer_free(&c->out);
    arena_free(&c->arena);
    free(c);
}

volatile int *api_call_stop(api_call *c) { return &c->stop; }
double api_call_cost(const api_call *c) { return c->cost; }
const api_reply *api_call_reply(const api_call *c) { return &c->reply; }

double api_now(const api_call *c)
{
    const api_host *h = &c->api->host;
    return h->now ? h->now(h->cls) : 0;
}

/* ---- the reply ----------------------------------------------------------------------------- */

void api_add_header(api_call *c, const char *name, const char *value)
{
    if (c->reply.headers < API_HEADERS_MAX)
        c->reply.header[c->reply.headers++] = (api_header){name, value};
}

void api_start_reply(api_call *c)
{
    c->reply.status = 0;
    c->reply.body = NULL;
    c->reply.length = 0;
    c->reply.code = NULL;
    c->reply.headers = 0;
    if (c->request_id[0]) api_add_header(c, "X-Request-Id", c->request_id);
    api_add_header(c, "X-Content-Type-Options", "nosniff");
    /* Nothing here keeps state or knows its caller, so that any page may ask. */
    api_add_header(c, "Access-Control-Allow-Origin", "*");
    api_add_header(c, "Access-Control-Expose-Headers", "X-Request-Id, Retry-After, Server-Timing");
}

api_next api_answer(api_call *c, int status, const char *content_type, const char *body, size_t n)
{
    if (api_failed(c)) return API_DONE;
    if (c->out.failed)
        return api_fail(c, grad_code_name(c->out.failed), NULL, NULL,
                        "the answer does not fit into the memory that a request may take");
    c->reply.status = status;
    c->reply.body = body;
    c->reply.length = n;
    if (content_type) api_add_header(c, "Content-Type", content_type);
    if (c->row && strcmp(c->row->method, "POST") == 0)
        api_add_header(c, "Cache-Control", "no-store");
    return API_DONE;
}

/* Milliseconds with three digits after the point; by hand, for every request comes by here. */
static char *write_milliseconds(char *to, double seconds)
{
    char digits[24];
    size_t n = 0;
    uint64_t micro = seconds > 0 && seconds < 1e6 ? (uint64_t)(seconds * 1e6 + 0.5) : 0;
    while (n < 4 || micro) {
        digits[n++] = (char)('0' + micro % 10);
        micro /= 10;
        if (n == 3) digits[n++] = '.';
    }
    if (digits[n - 1] == '.') digits[n++] = '0';
    while (n) *to++ = digits[--n];
    return to;
}

/* Server-Timing, where there is a clock. */
static void add_timing(api_call *c)
{
    static const char *const names[API_PHASES] = {
        [API_PARSE] = "parse;dur=",
        [API_COMPILE] = ", compile;dur=",
        [API_EVALUATE] = ", evaluate;dur=",
        [API_ENCODE] = ", encode;dur=",
    };
    char *at = c->timing;
    if (!c->api->host.now || !c->row || !c->row->reads_body) return;
    for (int k = 0; k < API_PHASES; k++) {
        size_t n = strlen(names[k]);
        memcpy(at, names[k], n);
        at = write_milliseconds(at + n, c->reply.phase[k]);
    }
    *at = '\0';
    api_add_header(c, "Server-Timing", c->timing);
}

/* ---- the steps ----------------------------------------------------------------------------- */

static bool is_request_id(const char *text)
{
    size_t n = text ? strnlen(text, sizeof((api_call *)0)->request_id) : 0;
    return n >= 1 && n < sizeof((api_call *)0)->request_id &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static void take_request_id(api_call *c, const api_head *head)
{
    const char *id = is_request_id(head->request_id) ? head->request_id : head->fresh_id;
    if (is_request_id(id)) memcpy(c->request_id, id, strlen(id) + 1);
}

static api_next stopped(api_call *c)
{
    return api_fail(c, "deadline_exceeded", NULL, NULL,
                    "the request was stopped before it was finished");
}

static api_next empty_body(api_call *c)
{
    json_complaint why = {.line = 1, .column = 1};
    snprintf(why.text, sizeof why.text,
             "expected a JSON object, found an empty body; send for example "
             "{\"graph\": {\"nodes\": [...]}, \"inputs\": {...}}");
    return api_fail_json(c, JSON_BAD, &why);
}

/* Everything about a body that no endpoint need look at again. */
static bool take_body(api_call *c, const char *body, size_t length)
{
    grad_error err = {0};
    json_complaint why = {0};
    size_t limit = c->api->host.body_limit;
    if (length > limit)
        api_fail(c, "body_too_large", NULL, NULL,
                 "the body has %zu bytes, and %zu are accepted", length, limit);
    else if (length == 0)
        empty_body(c);
    else if (grad_charge(&c->host, length, &err))
        api_fail_core(c, &err, NULL, NULL);
    if (api_failed(c)) return false;
    double start = api_now(c);
    json_verdict verdict = json_check(body, length, &c->host, &why);
    c->reply.phase[API_PARSE] += api_now(c) - start;
    if (verdict != JSON_GOOD) api_fail_json(c, verdict, &why);
    c->body = body;
    c->length = length;
    return verdict == JSON_GOOD;
}

/* What only the work needed goes at once: the client may take its time with the answer. */
static void finish(api_call *c)
{
    if (!c->reply.status)
        api_fail(c, "internal", NULL, NULL, "the request ended without an answer");
    add_timing(c);
    free_job(c);
    if (!api_failed(c)) arena_free(&c->arena); /* a long problem stands in it */
    c->body = NULL;
}

api_next api_route(api_call *c, const api_head *head)
{
    take_request_id(c, head);
    c->accept = head->accept;
    api_start_reply(c);
    if (!api_admit(c, head)) return API_DONE;
    return c->row->reads_body ? API_BODY : c->row->prepare(c);
}

api_next api_prepare(api_call *c, const char *body, size_t length)
{
    api_next next = API_DONE;
    if (c->reply.status || !c->row || !c->row->reads_body) return API_DONE;
    if (grad_is_set(&c->stop))
        stopped(c);
    else if (take_body(c, body, length))
        next = c->row->prepare(c);
    if (next == API_DONE) finish(c);
    return next;
}

void api_run(api_call *c)
{
    if (c->reply.status || !c->row || !c->row->run) return;
    if (grad_is_set(&c->stop))
        stopped(c);
    else
        c->row->run(c);
    finish(c);
}

const api_reply *api_handle(api_call *c, const api_head *head, const char *body, size_t length)
{
    api_next next = api_route(c, head);
    if (next == API_BODY) next = api_prepare(c, body, length);
    if (next == API_RUN) api_run(c);
    return api_call_reply(c);
}
