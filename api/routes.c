/* routes.c -- the table of routes, and the refusals that need no more than a request's head.
 *
 * To add an endpoint: write its file, declare it in endpoints.h, give it a row at the foot and
 * describe it in openapi.yaml (a test compares the two).
 */
#include "routes.h"

#include <stdio.h>
#include <string.h>

#include "endpoints.h"
#include "media.h"

/* ---- matching ------------------------------------------------------------------------------ */

static bool matches(const api_row *row, const char *path, json_slice *param)
{
    size_t stem = strcspn(row->pattern, "{");
    if (!row->pattern[stem]) return strcmp(row->pattern, path) == 0;
    if (strncmp(row->pattern, path, stem) != 0) return false;
    const char *rest = path + stem;
    *param = (json_slice){rest, strlen(rest)};
    return *rest && !strchr(rest, '/');
}

/* HEAD is GET without a body in the answer, which the host leaves out. */
static bool is_method(const api_row *row, const char *method)
{
    return strcmp(row->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0);
}

/* The methods of all rows that share a pattern, as Allow lists them. */
static const char *methods(api_call *c, const char *pattern)
{
    size_t n = 0;
    for (const api_row *row = api_rows; row->method; row++) {
        if (strcmp(row->pattern, pattern) != 0) continue;
        n += (size_t)snprintf(c->allow + n, sizeof c->allow - n, "%s, ",
                              strcmp(row->method, "GET") == 0 ? "GET, HEAD" : row->method);
        if (n >= sizeof c->allow) n = sizeof c->allow - 1;
    }
    snprintf(c->allow + n, sizeof c->allow - n, "OPTIONS");
    return c->allow;
}

/* ---- refusals ------------------------------------------------------------------------------ */

static const char *fixed_path(const void *list, size_t i)
{
    const api_row *row = list;
    for (; row->method; row++)
        if (row->pattern[1] && !strchr(row->pattern, '{') && i-- == 0) return row->pattern;
    return NULL;
}

static void refuse_path(api_call *c, const char *path)
{
    const char *near = api_nearest(path, strlen(path), fixed_path, api_rows);
    if (near)
        api_fail(c, "not_found", NULL, NULL,
                 "nothing is served at \"%.200s\"; did you mean \"%s\"?", path, near);
    else
        api_fail(c, "not_found", NULL, NULL,
                 "nothing is served at \"%.200s\"; GET /openapi.json lists what is", path);
}

static void refuse_method(api_call *c, const char *method, const char *pattern)
{
    const char *allow = methods(c, pattern);
    api_fail(c, "method_not_allowed", NULL, NULL, "%.40s is not possible at %s; it allows %s",
             method, pattern, allow);
    api_add_header(c, "Allow", allow);
}

/* What a browser asks before a page of another origin may send its request. A path that does not
   exist is not refused here: the page is to see the 404 itself, which it could not otherwise. */
static void answer_options(api_call *c, const char *pattern)
{
    const char *allow = pattern ? methods(c, pattern) : "GET, HEAD, POST, OPTIONS";
    api_answer(c, 204, NULL, "", 0);
    api_add_header(c, "Allow", allow);
    api_add_header(c, "Access-Control-Allow-Methods", allow);
    api_add_header(c, "Access-Control-Allow-Headers",
                   "content-type, x-request-id, traceparent, request-timeout");
    api_add_header(c, "Access-Control-Max-Age", "7200");
}

/* JSON by its name, or a name that says nothing: what curl -d sends, what a form-like fetch sends,
   or none at all. */
static bool is_json(const char *type)
{
    return !type || !*type || media_is(type, "application/json") ||
           media_is(type, "application/x-www-form-urlencoded") || media_is(type, "text/plain");
}

static bool admit_body(api_call *c, const api_head *head)
{
    const char *coding = head->content_encoding;
    size_t limit = c->api->host.body_limit;
    if (coding && *coding && !media_is(coding, "identity")) {
        api_fail(c, "unsupported_media_type", NULL, NULL,
                 "the body is encoded as \"%.100s\"; send it as it is", coding);
        api_add_header(c, "Accept-Encoding", "identity");
    } else if (!is_json(head->content_type)) {
        api_fail(c, "unsupported_media_type", NULL, NULL,
                 "the body is \"%.100s\"; expected application/json", head->content_type);
        api_add_header(c, "Accept-Post", "application/json");
    } else if (head->content_length > 0 && (uint64_t)head->content_length > limit) {
        api_fail(c, "body_too_large", NULL, NULL,
                 "the body has %lld bytes, and %zu are accepted", (long long)head->content_length,
                 limit);
    }
    return !api_failed(c);
}

bool api_admit(api_call *c, const api_head *head)
{
    const api_row *known = NULL;
    for (const api_row *row = api_rows; row->method && !c->row; row++) {
        if (!matches(row, head->path, &c->param)) continue;
        known = row;
        if (is_method(row, head->method)) c->row = row;
    }
    if (known) c->reply.route = known->pattern;
    bool everything = strcmp(head->path, "*") == 0;
    if (strcmp(head->method, "OPTIONS") == 0 && (known || head->origin || everything))
        answer_options(c, known ? known->pattern : NULL);
    else if (!known)
        refuse_path(c, head->path);
    else if (!c->row)
        refuse_method(c, head->method, known->pattern);
    else if (c->row->type && media_weight(head->accept, c->row->type) <= 0)
        api_fail(c, "not_acceptable", NULL, NULL,
                 "the answer is %s, which Accept: %.200s excludes", c->row->type, head->accept);
    else
        return !c->row->reads_body || admit_body(c, head);
    return false;
}

const char *api_route_name(size_t i)
{
    size_t n = 0;
    while (n < i && api_rows[n].method) n++;
    return api_rows[n].pattern;
}

/* clang-format off */
const api_row api_rows[] = {
    {"POST", "/v1/evaluate", true, "application/json",
     "the values of a graph's nodes and their gradients", evaluate_prepare, evaluate_run},
    {"POST", "/v1/jvp", true, "application/json",
     "how outputs change along tangents of the inputs", jvp_prepare, evaluate_run},
    {"POST", "/v1/jacobian", true, "application/json",
     "the Jacobians of all outputs", jacobian_prepare, blocks_run},
    {"POST", "/v1/hessian", true, "application/json",
     "the Hessian of one output", hessian_prepare, blocks_run},
    {"POST", "/v1/hvp", true, "application/json",
     "the Hessian of one output times vectors", hvp_prepare, evaluate_run},
    {"POST", "/v1/check", true, "application/json",
     "gradients beside central differences", check_prepare, check_run},
    {"POST", "/v1/render", true, "text/plain",
     "a graph written as a program", render_prepare, NULL},
    {"GET", "/v1/ops", false, "application/json",
     "all operators", ops_prepare, NULL},
    {"GET", "/v1/ops/{name}", false, "application/json",
     "one operator", op_prepare, NULL},
    {"GET", "/v1/version", false, "application/json",
     "which build this is", version_prepare, NULL},
    {"GET", "/openapi.json", false, "application/json",
     "the description of this interface", openapi_prepare, NULL},
    {"GET", "/errors/{code}", false, NULL,
     "what an error means and what to do about it", error_prepare, NULL},
    {"GET", "/healthz", false, NULL, "is the service alive", health_prepare, NULL},
    {"GET", "/livez", false, NULL, "is the service alive", health_prepare, NULL},
    {"GET", "/readyz", false, NULL, "does the service take requests", ready_prepare, NULL},
    {"GET", "/metrics", false, NULL, "figures for Prometheus", metrics_prepare, NULL},
    {"GET", "/", false, NULL, "a page for people", index_prepare, NULL},
    {NULL, NULL, false, NULL, NULL, NULL, NULL},
};
/* clang-format on */
