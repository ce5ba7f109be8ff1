/* test_functions.c -- functions of a graph in numbers that no case is written with by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

/* ---- documents ----------------------------------------------------------------------------- */

typedef struct text {
    char *at;
    size_t n, room;
} text;

__attribute__((format(printf, 2, 3)))
static void add(text *t, const char *format, ...)
{
    va_list list;
    if (t->room - t->n < 1000) {
        t->room = 2 * t->room + 10000;
        t->at = realloc(t->at, t->room);
        assert_non_null(t->at);
    }
    va_start(list, format);
    t->n += (size_t)vsnprintf(t->at + t->n, t->room - t->n, format, list);
    va_end(list);
}

/* Function k of n calls function k + 1, the last one function `last` if that is not above it. */
static void add_chain(text *t, int n, int last)
{
    for (int k = 0; k < n; k++) {
        int next = k == n - 1 ? last : k + 1;
        add(t, "%s\"f%d\": {\"inputs\": [\"x\"], \"nodes\": [", k ? "," : "", k);
        if (next < n)
            add(t, "{\"id\": \"y\", \"op\": \"call\", \"inputs\": [\"x\"], \"function\": \"f%d\"}],"
                " \"outputs\": [\"y\"]}", next);
        else
            add(t, "{\"id\": \"y\", \"op\": \"neg\", \"inputs\": [\"x\"]}], \"outputs\": [\"y\"]}");
    }
}

/* The answer to a graph of these functions and one node. */
static api_call *ask_about(text *functions, const char *node)
{
    text t = {0};
    add(&t, "{\"graph\": {\"functions\": {");
    while (t.room < functions->n + 2000) t.room *= 2;
    t.at = realloc(t.at, t.room);
    assert_non_null(t.at);
    memcpy(t.at + t.n, functions->at, functions->n);
    t.n += functions->n;
    add(&t, "}, \"nodes\": [%s]}, \"inputs\": {\"x\": 3}}", node);
    api_call *c = ask_body("/v1/evaluate", t.at);
    free(t.at);
    free(functions->at);
    return c;
}

static const char *const neg = "{\"id\": \"z\", \"op\": \"neg\", \"inputs\": [\"x\"]}";
static const char *const call =
    "{\"id\": \"z\", \"op\": \"call\", \"inputs\": [\"x\"], \"function\": \"f0\"}";

static void check_value(api_call *c, double z, double gradient)
{
    if (api_call_reply(c)->status != 200) fail_msg("%s", api_call_reply(c)->body);
    json_t *j = ask_json(c);
    double value = 0, slope = 0;
    assert_int_equal(json_unpack(j, "{s:{s:F}, s:{s:F}}", "values", "z", &value, "gradients", "x",
                                 &slope), 0);
    assert_true(value == z && slope == gradient);
    json_decref(j);
    api_call_free(c);
}

static void check_problem(api_call *c, const char *code, const char *detail, const char *pointer)
{
    ask_expect_problem(c, code);
    json_t *j = ask_json(c);
    const char *found = json_string_value(json_object_get(j, "detail"));
    if (!strstr(found, detail)) fail_msg("\"%s\" is not in \"%s\"", detail, found);
    assert_string_equal(json_string_value(json_object_get(j, "pointer")), pointer);
    json_decref(j);
    api_call_free(c);
}

/* ---- long chains --------------------------------------------------------------------------- */

static void a_long_chain_that_nothing_calls_is_only_read(void **state)
{
    (void)state;
    text t = {0};
    add_chain(&t, 20000, 20000);
    check_value(ask_about(&t, neg), -3, -1);
}

static void a_long_ring_is_a_cycle(void **state)
{
    (void)state;
    text t = {0};
    add_chain(&t, 20000, 17);
    check_problem(ask_about(&t, neg), "cycle", "f17 -> f18 -> f19 -> f20",
                   "/graph/functions/f17/nodes/0/function");
}

static void a_chain_is_called_as_far_as_functions_nest(void **state)
{
    (void)state;
    text t = {0}, deep = {0};
    add_chain(&t, 64, 64);
    check_value(ask_about(&t, call), -3, -1);
    add_chain(&deep, 65, 65);
    check_problem(ask_about(&deep, call), "graph_too_large", "64",
                   "/graph/functions/f63/nodes/0");
}

/* Each scans the next. */
static void loops_within_loops_take_memory_for_each_once(void **state)
{
    (void)state;
    text t = {0};
    for (int k = 0; k < 60; k++)
        add(&t, "\"f%d\": {\"inputs\": [\"x\"], \"nodes\": [{\"id\": \"y\", \"op\": \"scan\", "
            "\"inputs\": [\"x\"], \"carries\": 1, \"length\": 1, \"function\": \"f%d\"}], "
            "\"outputs\": [\"y\"]}, ", k, k + 1);
    add(&t, "\"f60\": {\"inputs\": [\"x\"], \"nodes\": [%s], \"outputs\": [\"z\"]}", neg);
    check_value(ask_about(&t, call), -3, -1);
}

/* ---- growth -------------------------------------------------------------------------------- */

/* Each calls the next twice. */
static void what_doubles_at_every_level_is_refused(void **state)
{
    (void)state;
    text t = {0};
    for (int k = 0; k < 50; k++) {
        add(&t, "\"f%d\": {\"inputs\": [\"x\"], \"nodes\": [{\"id\": \"a\", \"op\": \"call\", "
            "\"inputs\": [\"x\"], \"function\": \"f%d\"}, ", k, k + 1);
        add(&t, "{\"id\": \"b\", \"op\": \"call\", \"inputs\": [\"a\"], \"function\": \"f%d\"}], "
            "\"outputs\": [\"b\"]}, ", k + 1);
    }
    add(&t, "\"f50\": {\"inputs\": [\"x\"], \"nodes\": [%s], \"outputs\": [\"z\"]}", neg);
    api_call *c = ask_about(&t, call);
    ask_expect_problem(c, "graph_too_large");
    api_call_free(c);
}

/* The function's results are written once, and counted for every node that names it. */
static void results_are_counted_before_there_is_room_for_them(void **state)
{
    (void)state;
    text t = {0}, nodes = {0};
    add(&t, "\"f0\": {\"inputs\": [\"x\"], \"nodes\": [], \"outputs\": [\"x\"");
    for (int k = 1; k < 100000; k++) add(&t, ", \"x\"");
    add(&t, "]}");
    for (int k = 0; k < 400; k++)
        add(&nodes, "%s{\"id\": \"n%d\", \"op\": \"call\", \"inputs\": [\"x\"], "
            "\"function\": \"f0\"}", k ? ", " : "", k);
    check_problem(ask_about(&t, nodes.at), "graph_too_large", "results", "/graph/nodes/320");
    free(nodes.at);
}

/* ---- types --------------------------------------------------------------------------------- */

/* Whether the last of a long chain takes integers is known without going down it for each call. */
static void a_type_is_found_through_many_functions(void **state)
{
    (void)state;
    text t = {0};
    for (int k = 0; k < 2000; k++)
        add(&t, "\"g%d\": {\"inputs\": [\"x\", \"i\"], \"nodes\": [{\"id\": \"y\", "
            "\"op\": \"cond\", \"inputs\": [true, \"x\", \"i\"], \"then\": \"g%d\", "
            "\"else\": \"g%d\"}], "
            "\"outputs\": [\"y\"]}, ", k, k + 1, k + 1);
    add(&t, "\"g2000\": {\"inputs\": [\"x\", \"i\"], \"nodes\": [{\"id\": \"y\", \"op\": \"take\", "
        "\"inputs\": [\"x\", \"i\"]}], \"outputs\": [\"y\"]}");
    check_value(ask_about(&t, "{\"id\": \"u\", \"op\": \"unsqueeze\", \"inputs\": [\"x\"], "
                               "\"axis\": 0}, {\"id\": \"z\", \"op\": \"call\", "
                               "\"inputs\": [\"u\", 0], \"function\": \"g1990\"}"), 3, 1);
}

/* ---- memory -------------------------------------------------------------------------------- */

static const char everything[] =
    "{\"graph\": {\"nodes\": ["
    "{\"id\": \"c\", \"op\": \"call\", \"inputs\": [\"x\", {\"data\": [1, 2]}, 0.5], "
    "\"function\": \"f\"},"
    "{\"id\": \"s\", \"op\": \"scan\", \"inputs\": [1, \"c\", \"x\"], \"function\": \"step\", "
    "\"carries\": 1, \"shared\": 1}], \"functions\": {"
    "\"g\": {\"inputs\": [\"z\", \"a_long_name_of_an_input\"], \"nodes\": ["
    "{\"id\": \"y\", \"op\": \"split\", \"inputs\": [\"z\"], \"sizes\": [1, 1]},"
    "{\"id\": \"q\", \"op\": \"add\", \"inputs\": [\"y:1\", \"w\"]},"
    "{\"id\": \"w\", \"op\": \"constant\", \"value\": [1]}], "
    "\"outputs\": [\"q\", \"a_long_name_of_an_input\", \"q\"]},"
    "\"f\": {\"inputs\": [\"x\", \"i\", \"k\"], \"nodes\": ["
    "{\"id\": \"t\", \"op\": \"mul\", \"inputs\": [\"x\", \"k\"]},"
    "{\"id\": \"u\", \"op\": \"call\", \"inputs\": [\"t\", \"i\"], \"function\": \"g\"},"
    "{\"id\": \"v\", \"op\": \"concat\", \"inputs\": [\"u\", \"u:2\"]}], \"outputs\": [\"v\"]},"
    "\"step\": {\"inputs\": [\"h\", \"x\", \"w\"], \"nodes\": ["
    "{\"id\": \"p\", \"op\": \"gt\", \"inputs\": [\"x\", 0]},"
    "{\"id\": \"n\", \"op\": \"cond\", \"inputs\": [\"p\", \"h\", \"x\"], \"then\": \"times\", "
    "\"else\": \"times\"}], \"outputs\": [\"n\", \"n\"]},"
    "\"times\": {\"inputs\": [\"a\", \"b\"], \"nodes\": ["
    "{\"id\": \"y\", \"op\": \"mul\", \"inputs\": [\"a\", \"b\"]}], \"outputs\": \"y\"}}}, "
    "\"inputs\": {\"x\": [2, 3]}, \"outputs\": \"s\"}";

/* Wherever memory ends, the request ends well; the sanitizer looks at what is left behind. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    const api_head head = {.method = "POST", .path = "/v1/evaluate"};
    size_t answers = 0;
    for (size_t limit = 500; answers == 0; limit += 113) {
        api *a = api_new(&(api_host){.memory_limit = limit});
        assert_non_null(a);
        api_call *c = ask_with(a, &head, everything);
        if (api_call_reply(c)->status == 200) answers++;
        else ask_expect_problem(c, "memory_limit");
        api_call_free(c);
        api_free(a);
        assert_true(limit < 10000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_chain_that_nothing_calls_is_only_read),
        cmocka_unit_test(a_long_ring_is_a_cycle),
        cmocka_unit_test(a_chain_is_called_as_far_as_functions_nest),
        cmocka_unit_test(loops_within_loops_take_memory_for_each_once),
        cmocka_unit_test(what_doubles_at_every_level_is_refused),
        cmocka_unit_test(results_are_counted_before_there_is_room_for_them),
        cmocka_unit_test(a_type_is_found_through_many_functions),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    int failed = cmocka_run_group_tests_name("functions", tests, NULL, NULL);
    ask_end();
    return failed;
}
