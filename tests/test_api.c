/* test_api.c -- requests before anyone looks at their graphs: routes, methods, media types, ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "call.h"
#include "media.h"
#include "routes.h"

#define EXAMPLE                                                                            \
    "{\"graph\":{\"nodes\":[{\"id\":\"q\",\"op\":\"add\",\"inputs\":[\"x\",\"y\"]},"             \
    "{\"id\":\"f\",\"op\":\"mul\",\"inputs\":[\"q\",\"z\"]}],\"outputs\":[\"f\"]},"              \
    "\"inputs\":{\"x\":-2,\"y\":5,\"z\":-4}}"

/* The first step of a POST to /v1/evaluate: API_BODY where its head is accepted. */
static api_next first_step(api_call **c, const api_head *head)
{
    api_head h = *head;
    if (!h.method) h.method = "POST";
    if (!h.path) h.path = "/v1/evaluate";
    *c = api_call_new(ask_api());
    assert_non_null(*c);
    return api_route(*c, &h);
}

static void expect_accepted(const api_head *head)
{
    api_call *c;
    if (first_step(&c, head) != API_BODY) fail_msg("%s", api_call_reply(c)->body);
    api_call_free(c);
}

static void expect_refused(const api_head *head, const char *code)
{
    api_call *c;
    assert_int_equal(first_step(&c, head), API_DONE);
    ask_expect_problem(c, code);
    api_call_free(c);
}

/* ---- routes -------------------------------------------------------------------------------- */

static void every_get_route_answers(void **state)
{
    (void)state;
    for (const api_row *row = api_rows; row->method; row++) {
        char path[64];
        snprintf(path, sizeof path, "%s", row->pattern);
        char *brace = strchr(path, '{');
        if (brace) strcpy(brace, strstr(path, "errors") ? "cycle" : "add");
        if (row->reads_body || strcmp(path, "/metrics") == 0) continue;
        for (int head = 0; head < 2; head++) {
            api_call *c = ask(head ? "HEAD" : "GET", path);
            if (api_call_reply(c)->status != 200) fail_msg("%s: %s", path, api_call_reply(c)->body);
            assert_string_equal(api_call_reply(c)->route, row->pattern);
            assert_null(api_call_reply(c)->code);
            api_call_free(c);
        }
    }
}

static void the_example_is_answered(void **state)
{
    (void)state;
    api_call *c = ask_body("/v1/evaluate", EXAMPLE);
    const api_reply *r = api_call_reply(c);
    const char *answer = "{\"outputs\":[\"f\"],"
                         "\"values\":{\"x\":-2,\"y\":5,\"z\":-4,\"q\":3,\"f\":-12},"
                         "\"gradients\":{\"x\":-4,\"y\":-4,\"z\":3,\"q\":-4,\"f\":1}}";
    assert_int_equal(r->length, strlen(answer));
    assert_memory_equal(r->body, answer, r->length);
    assert_int_equal(r->status, 200);
    assert_string_equal(r->route, "/v1/evaluate");
    assert_string_equal(ask_header(c, "Content-Type"), "application/json");
    assert_string_equal(ask_header(c, "Cache-Control"), "no-store");
    api_call_free(c);
}

static void a_path_that_does_not_exist_is_404(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/v1/evalute", "did you mean \\\"/v1/evaluate\\\"?"},
        {"/v1/evaluate/", "did you mean \\\"/v1/evaluate\\\"?"},
        {"/V1/Ops", "did you mean \\\"/v1/ops\\\"?"},
        {"/health", "did you mean \\\"/healthz\\\"?"},
        {"/favicon.ico", "GET /openapi.json lists what is"},
        {"/v1/graphs", "nothing is served at \\\"/v1/graphs\\\""},
        {"/v1/ops/", "did you mean"},
        {"/v1/ops/add/more", "nothing is served"},
        {"/errors/", "nothing is served"},
        {"", "nothing is served"},
        {"//", "nothing is served"},
        {"/\xFF\xFE", "nothing is served at \\\"/?\?\\\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_call *c = ask(i % 2 ? "POST" : "GET", cases[i][0]);
        ask_expect_problem(c, "not_found");
        assert_string_equal(api_call_reply(c)->route, "none");
        if (!strstr(api_call_reply(c)->body, cases[i][1]))
            fail_msg("%s: %s", cases[i][1], api_call_reply(c)->body);
        api_call_free(c);
    }
}

static void a_method_that_a_path_lacks_is_405_with_allow(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "BREW",
                                          "get", "TRACE"};
    for (const api_row *row = api_rows; row->method; row++) {
        if (strchr(row->pattern, '{')) continue;
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
            bool get = strcmp(row->method, "GET") == 0;
            if (strcmp(methods[i], row->method) == 0 || (get && i == 1)) continue;
            api_call *c = ask(methods[i], row->pattern);
            ask_expect_problem(c, "method_not_allowed");
            assert_string_equal(ask_header(c, "Allow"),
                                get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS");
            assert_string_equal(api_call_reply(c)->route, row->pattern);
            api_call_free(c);
        }
    }
}

static void names_are_listed_for_metrics(void **state)
{
    (void)state;
    size_t n = 0;
    for (const api_row *row = api_rows; row->method; row++, n++)
        assert_string_equal(api_route_name(n), row->pattern);
    assert_null(api_route_name(n));
    assert_null(api_route_name(n + 1000));
}

/* ---- other origins ------------------------------------------------------------------------- */

static void a_preflight_is_answered(void **state)
{
    (void)state;
    static const struct { const char *path, *origin, *allow; } cases[] = {
        {"/v1/evaluate", "http://localhost:3000", "POST, OPTIONS"},
        {"/v1/evaluate", NULL, "POST, OPTIONS"},
        {"/v1/ops/add", "null", "GET, HEAD, OPTIONS"},
        {"/nowhere", "http://localhost:3000", "GET, HEAD, POST, OPTIONS"},
        {"*", NULL, "GET, HEAD, POST, OPTIONS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_head head = {.method = "OPTIONS", .path = cases[i].path, .origin = cases[i].origin,
                         .accept = "image/png"};
        api_call *c = ask_with(ask_api(), &head, NULL);
        assert_int_equal(api_call_reply(c)->status, 204);
        assert_int_equal(api_call_reply(c)->length, 0);
        assert_string_equal(ask_header(c, "Allow"), cases[i].allow);
        assert_string_equal(ask_header(c, "Access-Control-Allow-Methods"), cases[i].allow);
        assert_string_equal(ask_header(c, "Access-Control-Allow-Headers"),
                            "content-type, x-request-id, traceparent, request-timeout");
        assert_string_equal(ask_header(c, "Access-Control-Max-Age"), "7200");
        assert_string_equal(ask_header(c, "Access-Control-Allow-Origin"), "*");
        assert_string_equal(ask_header(c, "Content-Type"), "");
        api_call_free(c);
    }
    api_call *c = ask("OPTIONS", "/nowhere");
    ask_expect_problem(c, "not_found");
    api_call_free(c);
}

static void every_reply_has_the_common_headers(void **state)
{
    (void)state;
    static const char *const requests[][2] = {
        {"GET", "/healthz"},     {"GET", "/nowhere"},     {"DELETE", "/v1/evaluate"},
        {"GET", "/"},            {"OPTIONS", "/v1/ops"},  {"POST", "/v1/evaluate"},
        {"GET", "/v1/ops"},      {"GET", "/openapi.json"},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        api_call *c = ask(requests[i][0], requests[i][1]);
        assert_string_equal(ask_header(c, "X-Request-Id"), "fresh");
        assert_string_equal(ask_header(c, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(ask_header(c, "Access-Control-Allow-Origin"), "*");
        assert_string_equal(ask_header(c, "Access-Control-Allow-Credentials"), "");
        assert_string_equal(ask_header(c, "Access-Control-Expose-Headers"),
                            "X-Request-Id, Retry-After, Server-Timing");
        api_call_free(c);
    }
}

/* ---- heads --------------------------------------------------------------------------------- */

static void a_good_request_id_comes_back(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'a', sizeof longest);
    longest[128] = '\0';
    const char *const cases[][2] = {
        {"a", "a"}, {"A-z_0.9", "A-z_0.9"}, {longest, longest}, {NULL, "fresh"}, {"", "fresh"},
        {"a b", "fresh"}, {"a\"b", "fresh"}, {"\xC3\xA4", "fresh"}, {"a\r\nb", "fresh"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_head head = {.method = "GET", .path = "/healthz", .request_id = cases[i][0],
                         .fresh_id = "fresh"};
        api_call *c = ask_with(ask_api(), &head, NULL);
        assert_string_equal(ask_header(c, "X-Request-Id"), cases[i][1]);
        api_call_free(c);
    }
    longest[128] = 'a';
    longest[129] = '\0';
    api_head head = {.method = "GET", .path = "/healthz", .request_id = longest};
    api_call *c = ask_with(ask_api(), &head, NULL);
    assert_string_equal(ask_header(c, "X-Request-Id"), "");
    api_call_free(c);
}

static void bodies_that_say_json_or_nothing_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        NULL, "", "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;x=\"a;b\"", " application/json ", "application/x-www-form-urlencoded",
        "text/plain", "text/plain;charset=UTF-8",
    };
    static const char *const bad[] = {
        "application/jsonx", "application/js", "application/x-safetensors", "text/html", "json",
        "multipart/form-data; boundary=x", "image/png", "application/problem+json", ";",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect_accepted(&(api_head){.content_type = good[i]});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(&(api_head){.content_type = bad[i]}, "unsupported_media_type");
}

static void only_plain_bodies_are_read(void **state)
{
    (void)state;
    expect_accepted(&(api_head){.content_encoding = "identity"});
    expect_accepted(&(api_head){.content_encoding = ""});
    expect_refused(&(api_head){.content_encoding = "gzip"}, "unsupported_media_type");
    expect_refused(&(api_head){.content_encoding = "zstd"}, "unsupported_media_type");
    api_call *c;
    first_step(&c, &(api_head){.content_encoding = "br"});
    assert_string_equal(ask_header(c, "Accept-Encoding"), "identity");
    api_call_free(c);
}

static void an_accept_that_excludes_json_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {
        NULL, "", "*/*", "application/json", "application/*", "APPLICATION/JSON", "*",
        "text/html, */*;q=0.1", "text/html,application/json;q=0.001", "application/json;v=1",
        "text/html;x=\"a,b;q=0\", application/json", "application/*;q=0.5, */*;q=0",
        "*/*;q=0, application/json", " ,, application/json ,", "text/html, image/gif, *; q=.2",
    };
    static const char *const bad[] = {
        "text/html", "application/json;q=0", "*/*;q=0", "*/*, application/json;q=0.0",
        "application/xml", "image/*", "application/jsonx", "application/*;q=0, */*",
        "application/problem+json",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect_accepted(&(api_head){.accept = good[i]});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_refused(&(api_head){.accept = bad[i]}, "not_acceptable");
        expect_refused(&(api_head){.accept = bad[i], .method = "GET", .path = "/v1/ops"},
                       "not_acceptable");
        api_head probe = {.method = "GET", .path = "/readyz", .accept = bad[i]};
        api_call *c = ask_with(ask_api(), &probe, NULL);
        assert_int_equal(api_call_reply(c)->status, 200);
        api_call_free(c);
    }
    assert_true(media_weight("text/*;q=0.3, text/html;q=0.7", "text/html") > 0.69);
    assert_true(media_weight("text/html;q=0.7, text/*;q=0.9", "text/html") < 0.71);
    assert_true(media_weight("text/html;q=7", "text/html") == 1);
}

static void a_body_beyond_the_limit_is_413(void **state)
{
    (void)state;
    size_t n = strlen(EXAMPLE);
    api_host host = {.body_limit = n};
    api *a = api_new(&host);
    assert_non_null(a);
    for (size_t more = 0; more < 2; more++) {
        api_head head = {.method = "POST", .path = "/v1/evaluate",
                         .content_length = (int64_t)(n + more)};
        api_call *c = api_call_new(a);
        assert_int_equal(api_route(c, &head), more ? API_DONE : API_BODY);
        if (more) ask_expect_problem(c, "body_too_large");
        api_call_free(c);
        head.content_length = -1;
        c = ask_with(a, &head, more ? EXAMPLE " " : EXAMPLE);
        if (more) ask_expect_problem(c, "body_too_large");
        else assert_int_equal(api_call_reply(c)->status, 200);
        api_call_free(c);
    }
    api_free(a);
    expect_refused(&(api_head){.content_length = INT64_MAX}, "body_too_large");
    expect_accepted(&(api_head){.content_length = 256 << 20});
    expect_refused(&(api_head){.content_length = (256 << 20) + 1}, "body_too_large");
}

/* ---- bodies and steps ---------------------------------------------------------------------- */

static void a_body_counts_as_memory(void **state)
{
    (void)state;
    api_host host = {.memory_limit = 10};
    api *a = api_new(&host);
    api_head head = {.method = "POST", .path = "/v1/evaluate", .content_length = -1};
    api_call *c = ask_with(a, &head, EXAMPLE);
    ask_expect_problem(c, "memory_limit");
    api_call_free(c);
    api_free(a);
}

static void names_count_as_memory(void **state)
{
    (void)state;
    enum { NAMES = 20000 };
    api_host host = {.memory_limit = 800000};
    api *a = api_new(&host);
    api_head head = {.method = "POST", .path = "/v1/evaluate", .content_length = -1};
    char *body = malloc(NAMES * 12 + 32), *at = body;
    assert_non_null(body);
    at += sprintf(at, "{\"inputs\":{\"z\":0");
    for (int i = 0; i < NAMES; i++) at += sprintf(at, ",\"%x\":0", i);
    strcpy(at, "}}");
    api_call *c = ask_with(a, &head, body);
    ask_expect_problem(c, "memory_limit");
    api_call_free(c);
    api_free(a);
    free(body);
}

/* A client may take its time with the answer: only that is kept for it. */
static void what_is_answered_lets_go(void **state)
{
    (void)state;
    api_call *c = ask_body("/v1/evaluate", EXAMPLE);
    assert_int_equal(api_call_reply(c)->status, 200);
    assert_null(c->job);
    assert_null(c->body);
    assert_int_equal(c->host.used, strlen(EXAMPLE) + c->out.room);
    api_call_free(c);
}

static void text_that_is_not_json_is_400(void **state)
{
    (void)state;
    static const struct { const char *body, *code; int line, column; } cases[] = {
        {"", "invalid_json", 1, 1},
        {"{\n  \"graph\": nan}", "invalid_json", 2, 12},
        {"{\"graph\": 1,\n\"graph\": 2}", "duplicate_member", 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_call *c = ask_body("/v1/evaluate", cases[i].body);
        ask_expect_problem(c, cases[i].code);
        json_t *j = ask_json(c);
        assert_int_equal(json_integer_value(json_object_get(j, "line")), cases[i].line);
        assert_int_equal(json_integer_value(json_object_get(j, "column")), cases[i].column);
        json_decref(j);
        api_call_free(c);
    }
}

static void a_stopped_call_ends_at_its_next_step(void **state)
{
    (void)state;
    for (int step = 0; step < 2; step++) {
        api_call *c;
        assert_int_equal(first_step(&c, &(api_head){.content_length = -1}), API_BODY);
        if (step == 0) *api_call_stop(c) = 1;
        api_next next = api_prepare(c, EXAMPLE, strlen(EXAMPLE));
        assert_int_equal(next, step == 0 ? API_DONE : API_RUN);
        *api_call_stop(c) = 1;
        if (step == 1) api_run(c);
        ask_expect_problem(c, "deadline_exceeded");
        api_call_free(c);
    }
}

static double ticking(void *cls) { return *(double *)cls += 0.001; }

static void phases_are_timed(void **state)
{
    (void)state;
    double time = 100;
    api_host host = {.now = ticking, .cls = &time};
    api *a = api_new(&host);
    api_head head = {.method = "POST", .path = "/v1/evaluate", .content_length = -1};
    api_call *c = ask_with(a, &head, EXAMPLE);
    const api_reply *r = api_call_reply(c);
    assert_int_equal(r->status, 200);
    assert_true(r->phase[API_PARSE] >= 0.001);
    double parse, compile, evaluate, encode;
    assert_int_equal(sscanf(ask_header(c, "Server-Timing"),
                            "parse;dur=%lf, compile;dur=%lf, evaluate;dur=%lf, encode;dur=%lf",
                            &parse, &compile, &evaluate, &encode), 4);
    assert_true(parse >= 1 && parse < 100);
    api_call_free(c);
    api_free(a);
}

/* ---- the service itself -------------------------------------------------------------------- */

static void write_metrics(void *cls, void (*write)(void *to, const char *text, size_t n), void *to)
{
    (void)cls;
    write(to, "one 1\n", 6);
    write(to, "two 2\n", 6);
}

static bool not_ready(void *cls)
{
    (void)cls;
    return false;
}

static void health_and_metrics_come_from_the_host(void **state)
{
    (void)state;
    api_host host = {.metrics = write_metrics, .ready = not_ready, .build = "abc"};
    api *a = api_new(&host);
    api_head head = {.method = "GET", .path = "/metrics", .accept = "application/openmetrics-text"};
    api_call *c = ask_with(a, &head, NULL);
    assert_int_equal(api_call_reply(c)->length, 12);
    assert_memory_equal(api_call_reply(c)->body, "one 1\ntwo 2\n", 12);
    assert_memory_equal(ask_header(c, "Content-Type"), "text/plain; version=0.0.4", 25);
    api_call_free(c);
    head.path = "/readyz";
    c = ask_with(a, &head, NULL);
    ask_expect_problem(c, "draining");
    api_call_free(c);
    head.path = "/livez";
    c = ask_with(a, &head, NULL);
    assert_int_equal(api_call_reply(c)->length, strlen("{\"status\":\"ok\"}"));
    assert_string_equal(ask_header(c, "Cache-Control"), "no-store");
    api_call_free(c);
    api_free(a);
    c = ask("GET", "/metrics"); /* a host without any */
    ask_expect_problem(c, "not_found");
    api_call_free(c);
}

static int end(void **state)
{
    (void)state;
    ask_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_get_route_answers),
        cmocka_unit_test(the_example_is_answered),
        cmocka_unit_test(a_path_that_does_not_exist_is_404),
        cmocka_unit_test(a_method_that_a_path_lacks_is_405_with_allow),
        cmocka_unit_test(names_are_listed_for_metrics),
        cmocka_unit_test(a_preflight_is_answered),
        cmocka_unit_test(every_reply_has_the_common_headers),
        cmocka_unit_test(a_good_request_id_comes_back),
        cmocka_unit_test(bodies_that_say_json_or_nothing_are_read),
        cmocka_unit_test(only_plain_bodies_are_read),
        cmocka_unit_test(an_accept_that_excludes_json_is_refused),
        cmocka_unit_test(a_body_beyond_the_limit_is_413),
        cmocka_unit_test(a_body_counts_as_memory),
        cmocka_unit_test(names_count_as_memory),
        cmocka_unit_test(what_is_answered_lets_go),
        cmocka_unit_test(text_that_is_not_json_is_400),
        cmocka_unit_test(a_stopped_call_ends_at_its_next_step),
        cmocka_unit_test(phases_are_timed),
        cmocka_unit_test(health_and_metrics_come_from_the_host),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, end);
}
