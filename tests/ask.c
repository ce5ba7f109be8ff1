/* ask.c -- for tests: one request to the api, and what came back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ask.h"
#include "errors.h"

static api *shared;

const api *ask_api(void)
{
    if (!shared) shared = api_new(NULL);
    assert_non_null(shared);
    return shared;
}

void ask_end(void)
{
    api_free(shared);
    shared = NULL;
}

api_call *ask_with(const api *a, const api_head *head, const char *body)
{
    api_call *c = api_call_new(a);
    assert_non_null(c);
    api_handle(c, head, body, body ? strlen(body) : 0);
    return c;
}

api_call *ask(const char *method, const char *path)
{
    api_head head = {.method = method, .path = path, .fresh_id = "fresh", .content_length = -1};
    return ask_with(ask_api(), &head, NULL);
}

api_call *ask_body(const char *path, const char *body)
{
    api_head head = {.method = "POST", .path = path, .fresh_id = "fresh", .content_length = -1};
    return ask_with(ask_api(), &head, body);
}

const char *ask_header(const api_call *c, const char *name)
{
    const api_reply *r = api_call_reply(c);
    const char *value = "";
    for (size_t i = 0; i < r->headers; i++) {
        if (strcmp(r->header[i].name, name) != 0) continue;
        assert_string_equal(value, ""); /* none twice */
        value = r->header[i].value;
    }
    return value;
}

json_t *ask_json(const api_call *c)
{
    json_error_t err;
    const api_reply *r = api_call_reply(c);
    json_t *j = json_loadb(r->body, r->length, JSON_REJECT_DUPLICATES, &err);
    if (!j) fail_msg("%s in: %.*s", err.text, (int)r->length, r->body);
    return j;
}

static const char *text(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));
    return value ? value : "";
}

void ask_expect_problem(const api_call *c, const char *code)
{
    const api_reply *r = api_call_reply(c);
    const api_error *e = api_error_find(code);
    assert_non_null(e);
    json_t *j = ask_json(c);
    assert_string_equal(text(j, "code"), code);
    assert_string_equal(r->code, code);
    assert_int_equal(r->status, e->status);
    assert_int_equal(json_integer_value(json_object_get(j, "status")), e->status);
    assert_string_equal(text(j, "title"), e->title);
    assert_memory_equal(text(j, "type"), "/errors/", 8);
    assert_string_equal(text(j, "type") + 8, code);
    assert_true(strlen(text(j, "detail")) >= 10);
    assert_string_equal(ask_header(c, "Content-Type"), "application/problem+json");
    assert_string_equal(ask_header(c, "Cache-Control"), "no-store");
    assert_string_equal(ask_header(c, "Access-Control-Allow-Origin"), "*");
    json_decref(j);
}
