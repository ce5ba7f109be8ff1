/* test_openapi.c -- what the api says of itself is true: openapi, operators, errors, page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "errors.h"
#include "grad.h"
#include "routes.h"

static json_t *openapi; /* as GET /openapi.json gives it */

/* The value at a path of names, which follow each other and end at NULL; never NULL. */
static json_t *get(json_t *j, ...)
{
    va_list names;
    va_start(names, j);
    for (const char *name; (name = va_arg(names, const char *));) {
        j = json_object_get(j, name);
        if (!j) fail_msg("%s is missing", name);
    }
    va_end(names);
    return j;
}

static bool lists(json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0) return true;
    return false;
}

static const char *method_of(const api_row *row)
{
    return strcmp(row->method, "GET") == 0 ? "get" : "post";
}

static json_t *answer(const char *path)
{
    api_call *c = ask("GET", path);
    if (api_call_reply(c)->status != 200) fail_msg("%s: %s", path, api_call_reply(c)->body);
    assert_string_equal(ask_header(c, "Content-Type"), "application/json");
    json_t *j = ask_json(c);
    api_call_free(c);
    return j;
}

/* ---- openapi ------------------------------------------------------------------------------- */

static void it_is_of_this_version(void **state)
{
    (void)state;
    assert_string_equal(json_string_value(get(openapi, "openapi", NULL)), "3.1.0");
    assert_string_equal(json_string_value(get(openapi, "info", "version", NULL)), grad_version());
}

static void it_has_every_route_and_no_other(void **state)
{
    (void)state;
    size_t rows = 0, listed = 0;
    const char *path, *method;
    json_t *item, *operation;
    for (const api_row *row = api_rows; row->method; row++, rows++)
        get(openapi, "paths", row->pattern, method_of(row), NULL);
    json_object_foreach(get(openapi, "paths", NULL), path, item)
        json_object_foreach(item, method, operation) listed++;
    assert_int_equal(listed, rows);
}

static void it_says_406_where_accept_counts(void **state)
{
    (void)state;
    for (const api_row *row = api_rows; row->method; row++) {
        json_t *replies = get(openapi, "paths", row->pattern, method_of(row), "responses", NULL);
        assert_int_equal(json_object_get(replies, "406") != NULL, row->type != NULL);
        json_t *content = json_object_get(json_object_get(replies, "200"), "content");
        if (row->type) assert_non_null(json_object_get(content, row->type));
    }
}

static json_t *problem_properties(json_t *response)
{
    return get(response, "content", "application/problem+json", "schema", "properties", NULL);
}

static void it_has_every_error_and_no_other(void **state)
{
    (void)state;
    size_t rows = 0;
    json_t *codes = get(openapi, "components", "schemas", "Code", "enum", NULL), *response;
    for (const api_error *e = api_errors; e->code; e++, rows++) {
        bool found = false;
        const char *name;
        assert_true(lists(codes, e->code));
        json_object_foreach(get(openapi, "components", "responses", NULL), name, response) {
            if (strcmp(name, "Alive") == 0) continue;
            json_t *with = problem_properties(response);
            json_t *status = json_object_get(get(with, "status", NULL), "const");
            if (!status || !lists(get(with, "code", "enum", NULL), e->code)) continue;
            assert_int_equal(json_integer_value(status), e->status);
            found = true;
        }
        if (!found) fail_msg("no response has %s", e->code);
    }
    assert_int_equal(json_array_size(codes), rows);
}

static void its_responses_have_only_errors_of_the_table(void **state)
{
    (void)state;
    const char *name;
    json_t *response, *code;
    size_t i;
    json_object_foreach(get(openapi, "components", "responses", NULL), name, response) {
        if (strcmp(name, "Alive") == 0) continue;
        json_array_foreach(get(problem_properties(response), "code", "enum", NULL), i, code)
            assert_non_null(api_error_find(json_string_value(code)));
    }
}

/* Every $ref leads somewhere. */
static void follow_references(json_t *j)
{
    const char *name;
    json_t *value;
    size_t i;
    const char *ref = json_string_value(json_object_get(j, "$ref"));
    if (ref) {
        char kind[32], which[32];
        assert_int_equal(sscanf(ref, "#/components/%31[a-z]/%31s", kind, which), 2);
        get(openapi, "components", kind, which, NULL);
    }
    json_object_foreach(j, name, value) follow_references(value);
    json_array_foreach(j, i, value) follow_references(value);
}

static void its_references_lead_somewhere(void **state)
{
    (void)state;
    follow_references(openapi);
}

/* The examples of one path: each request has an answer, or else a problem, of its name. */
static void try_examples(const char *path, json_t *post)
{
    json_t *requests = get(post, "requestBody", "content", "application/json", "examples", NULL);
    json_t *answers = get(post, "responses", "200", "content", NULL);
    bool as_text = json_object_get(answers, "text/plain");
    json_t *good = get(answers, as_text ? "text/plain" : "application/json", "examples", NULL);
    json_t *bad = get(openapi, "components", "responses", "Unprocessable", "content",
                      "application/problem+json", "examples", NULL), *example;
    const char *name;
    json_object_foreach(requests, name, example) {
        char *body = json_dumps(get(example, "value", NULL), 0);
        api_call *c = ask_body(path, body);
        json_t *expected = json_object_get(json_object_get(good, name), "value"), *found;
        if (!expected) expected = json_object_get(json_object_get(bad, name), "value");
        found = as_text ? json_stringn(api_call_reply(c)->body, api_call_reply(c)->length)
                        : ask_json(c);
        char *text = json_dumps(expected, 0);
        if (!expected || !json_equal(expected, found))
            fail_msg("%s: expected %s, found %.*s", name, text, (int)api_call_reply(c)->length,
                     api_call_reply(c)->body);
        free(text);
        json_decref(found);
        api_call_free(c);
        free(body);
    }
}

static void its_examples_work(void **state)
{
    (void)state;
    const char *path;
    json_t *item;
    int tried = 0;
    json_object_foreach(get(openapi, "paths", NULL), path, item) {
        json_t *post = json_object_get(item, "post");
        if (!post) continue;
        try_examples(path, post);
        tried++;
    }
    assert_true(tried > 0);
}

/* ---- operators ----------------------------------------------------------------------------- */

static void every_operator_is_listed(void **state)
{
    (void)state;
    json_t *all = answer("/v1/ops"), *ops = get(all, "ops", NULL);
    json_t *schema = get(openapi, "components", "schemas", "Operator", NULL), *name, *value;
    assert_int_equal(json_array_size(ops), grad_op_count());
    for (size_t i = 0; i < grad_op_count(); i++) {
        const grad_op *op = grad_op_at(i);
        char path[128];
        const char *member;
        size_t k;
        snprintf(path, sizeof path, "/v1/ops/%s", grad_op_name(op));
        json_t *one = answer(path);
        assert_true(json_equal(one, json_array_get(ops, i)));
        assert_string_equal(json_string_value(get(one, "name", NULL)), grad_op_name(op));
        json_array_foreach(get(schema, "required", NULL), k, name)
            get(one, json_string_value(name), NULL);
        json_object_foreach(one, member, value) get(schema, "properties", member, NULL);
        if (grad_op_gradient(op))
            assert_string_equal(json_string_value(get(one, "gradient", NULL)), grad_op_gradient(op));
        if (grad_op_example(op))
            assert_string_equal(json_string_value(get(one, "example", NULL)), grad_op_example(op));
        json_decref(one);
    }
    json_decref(all);
}

static void inputs_and_attributes_are_described(void **state)
{
    (void)state;
    json_t *sum = answer("/v1/ops/sum"), *attributes = get(sum, "attributes", NULL);
    json_t *axis = json_array_get(attributes, 0), *keepdims = json_array_get(attributes, 1);
    assert_string_equal(json_string_value(get(axis, "name", NULL)), "axis");
    assert_true(json_is_null(get(axis, "default", NULL)));
    assert_true(json_is_false(get(axis, "required", NULL)));
    assert_true(json_is_false(get(keepdims, "default", NULL)));
    assert_string_equal(json_string_value(get(keepdims, "type", NULL)), "boolean");
    json_decref(sum);
    json_t *take = answer("/v1/ops/take"), *indices = json_array_get(get(take, "inputs", NULL), 1);
    assert_string_equal(json_string_value(get(indices, "role", NULL)), "index");
    assert_true(json_is_false(get(indices, "optional", NULL)));
    assert_true(json_is_true(get(take, "differentiable", NULL)));
    json_decref(take);
    json_t *loss = answer("/v1/ops/mse_loss");
    json_t *reduction = json_array_get(get(loss, "attributes", NULL), 0);
    assert_string_equal(json_string_value(get(reduction, "default", NULL)), "mean");
    assert_true(lists(get(reduction, "choices", NULL), "none"));
    json_decref(loss);
}

static void a_misspelt_operator_is_404(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/v1/ops/ad", "did you mean \\\"add\\\"?"},
        {"/v1/ops/summ", "did you mean \\\"sum\\\"?"},
        {"/v1/ops/no_such_operator_at_all", "GET /v1/ops lists all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_call *c = ask("GET", cases[i][0]);
        ask_expect_problem(c, "not_found");
        assert_string_equal(api_call_reply(c)->route, "/v1/ops/{name}");
        if (!strstr(api_call_reply(c)->body, cases[i][1]))
            fail_msg("%s", api_call_reply(c)->body);
        api_call_free(c);
    }
}

/* ---- errors -------------------------------------------------------------------------------- */

static void every_error_is_explained(void **state)
{
    (void)state;
    for (const api_error *e = api_errors; e->code; e++) {
        char path[64];
        snprintf(path, sizeof path, "/errors/%s", e->code);
        json_t *j = answer(path);
        assert_string_equal(json_string_value(get(j, "code", NULL)), e->code);
        assert_string_equal(json_string_value(get(j, "title", NULL)), e->title);
        assert_int_equal(json_integer_value(get(j, "status", NULL)), e->status);
        assert_non_null(strstr(json_string_value(get(j, "detail", NULL)), e->meaning));
        assert_non_null(strstr(json_string_value(get(j, "detail", NULL)), e->remedy));
        json_decref(j);
        api_head head = {.method = "GET", .path = path,
                         .accept = "text/html,application/xhtml+xml,*/*;q=0.8"};
        api_call *c = ask_with(ask_api(), &head, NULL);
        assert_int_equal(api_call_reply(c)->status, 200);
        assert_string_equal(ask_header(c, "Content-Type"), "text/html; charset=utf-8");
        assert_string_equal(ask_header(c, "Vary"), "Accept");
        assert_non_null(strstr(api_call_reply(c)->body, e->title));
        api_call_free(c);
    }
    json_t *example = get(openapi, "paths", "/errors/{code}", "get", "responses", "200", "content",
                          "application/json", "example", NULL);
    json_t *cycle = answer("/errors/cycle");
    assert_true(json_equal(example, cycle));
    json_decref(cycle);
}

static void an_unknown_error_is_404(void **state)
{
    (void)state;
    api_call *c = ask("GET", "/errors/cycel");
    ask_expect_problem(c, "not_found");
    assert_non_null(strstr(api_call_reply(c)->body, "did you mean \\\"cycle\\\"?"));
    api_call_free(c);
}

/* ---- version and page ---------------------------------------------------------------------- */

static void the_version_is_told(void **state)
{
    (void)state;
    json_t *j = answer("/v1/version");
    assert_string_equal(json_string_value(get(j, "name", NULL)), "gradd");
    assert_string_equal(json_string_value(get(j, "version", NULL)), grad_version());
    assert_string_equal(json_string_value(get(j, "build", NULL)), "unknown");
    assert_string_equal(json_string_value(get(j, "blas", NULL)), api_blas_kernels());
    json_decref(j);
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
    (void)state;
    api_call *c = ask("GET", "/");
    const char *page = api_call_reply(c)->body, *policy = ask_header(c, "Content-Security-Policy");
    assert_int_equal(api_call_reply(c)->length, strlen(page));
    assert_string_equal(ask_header(c, "Content-Type"), "text/html; charset=utf-8");
    assert_memory_equal(policy, "default-src 'none'; script-src 'sha256-", 38);
    assert_non_null(strstr(policy, "; style-src 'sha256-"));
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(page, " src="));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "style=\"")); /* the policy would not let these */
    assert_null(strstr(page, "onclick"));
    for (const char *at = page; (at = strstr(at, "href=\"")); at++)
        assert_true(at[6] == '/' || strncmp(at + 6, "data:,", 6) == 0);
    api_call_free(c);
}

static int begin(void **state)
{
    (void)state;
    openapi = answer("/openapi.json");
    return 0;
}

static int end(void **state)
{
    (void)state;
    json_decref(openapi);
    ask_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_of_this_version),
        cmocka_unit_test(it_has_every_route_and_no_other),
        cmocka_unit_test(it_says_406_where_accept_counts),
        cmocka_unit_test(it_has_every_error_and_no_other),
        cmocka_unit_test(its_responses_have_only_errors_of_the_table),
        cmocka_unit_test(its_references_lead_somewhere),
        cmocka_unit_test(its_examples_work),
        cmocka_unit_test(every_operator_is_listed),
        cmocka_unit_test(inputs_and_attributes_are_described),
        cmocka_unit_test(a_misspelt_operator_is_404),
        cmocka_unit_test(every_error_is_explained),
        cmocka_unit_test(an_unknown_error_is_404),
        cmocka_unit_test(the_version_is_told),
        cmocka_unit_test(the_page_needs_nothing_from_elsewhere),
    };
    return cmocka_run_group_tests_name("openapi", tests, begin, end);
}
