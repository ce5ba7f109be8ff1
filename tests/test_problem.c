/* test_problem.c -- errors as documents: every row, the first one, want of memory, near names. */
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
#include "errors.h"

static api_call *fresh_call(void)
{
    api_call *c = api_call_new(ask_api());
    assert_non_null(c);
    return c;
}

static const char *member(const json_t *j, const char *name)
{
    return json_string_value(json_object_get(j, name));
}

/* ---- the table ----------------------------------------------------------------------------- */

static void the_table_begins_with_the_errors_of_the_core(void **state)
{
    (void)state;
    for (int code = 1; code < GRAD_CODES; code++)
        assert_string_equal(api_errors[code - 1].code, grad_code_name((grad_code)code));
}

static void every_row_is_complete(void **state)
{
    (void)state;
    size_t n = 0;
    for (const api_error *e = api_errors; e->code; e++, n++) {
        assert_ptr_equal(api_error_find(e->code), e); /* so none is there twice */
        assert_string_equal(api_error_name(n), e->code);
        assert_true(e->status >= 400 && e->status < 600);
        assert_true(strspn(e->code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(e->code));
        assert_null(strpbrk(e->title, "\"\\<>&"));
        assert_true(strlen(e->title) < 40 && e->title[strlen(e->title) - 1] != '.');
        assert_true(e->meaning[strlen(e->meaning) - 1] == '.');
        assert_true(e->remedy[strlen(e->remedy) - 1] == '.');
    }
    assert_null(api_error_name(n));
    assert_null(api_error_find("no_such_code"));
}

static void every_row_makes_a_problem(void **state)
{
    (void)state;
    for (const api_error *e = api_errors; e->code; e++) {
        api_call *c = ask("GET", "/healthz");
        api_refuse(c, e->code, 7, "a sentence with %s and %d", "words", 2);
        ask_expect_problem(c, e->code);
        assert_non_null(strstr(api_call_reply(c)->body, "a sentence with words and 2"));
        assert_string_equal(ask_header(c, "Retry-After"), "7");
        assert_string_equal(ask_header(c, "X-Request-Id"), "fresh");
        assert_string_equal(api_call_reply(c)->route, "/healthz");
        api_refuse(c, "internal", 0, "another sentence");
        ask_expect_problem(c, "internal");
        assert_string_equal(ask_header(c, "Retry-After"), "");
        api_call_free(c);
    }
}

static void a_call_without_a_head_can_be_refused(void **state)
{
    (void)state;
    api_call *c = fresh_call();
    api_refuse(c, "bad_request", 0, "two header fields %s", "contradict each other");
    ask_expect_problem(c, "bad_request");
    assert_string_equal(api_call_reply(c)->route, "none");
    api_call_free(c);
}

/* ---- documents ----------------------------------------------------------------------------- */

static void the_first_error_wins(void **state)
{
    (void)state;
    api_call *c = fresh_call();
    assert_int_equal(api_fail(c, "cycle", "/graph/nodes/0", "q", "a -> b -> %s", "a"), API_DONE);
    api_fail(c, "internal", NULL, NULL, "a later one");
    api_fail_core(c, &(grad_error){.code = GRAD_BAD_NUMBER}, NULL, NULL);
    api_fail_json(c, JSON_BAD, &(json_complaint){.text = "and another"});
    api_answer(c, 200, "text/plain", "fine", 4);
    ask_expect_problem(c, "cycle");
    json_t *j = ask_json(c);
    assert_string_equal(member(j, "pointer"), "/graph/nodes/0");
    assert_string_equal(member(j, "node"), "q");
    assert_string_equal(member(j, "detail"), "a -> b -> a");
    assert_int_equal(json_object_size(j), 7);
    json_decref(j);
    api_call_free(c);
}

static void an_error_replaces_an_answer(void **state)
{
    (void)state;
    api_call *c = fresh_call();
    api_answer(c, 200, "text/plain", "fine", 4);
    api_fail(c, "internal", NULL, NULL, "but then something failed");
    ask_expect_problem(c, "internal");
    api_call_free(c);
}

static void errors_of_the_core_keep_their_sentence(void **state)
{
    (void)state;
    api_call *c = fresh_call();
    grad_error err = {0};
    grad_fail(&err, GRAD_SHAPE_MISMATCH, "[2] and [3] do not broadcast");
    api_fail_core(c, &err, "/graph/nodes/1", "y");
    ask_expect_problem(c, "shape_mismatch");
    json_t *j = ask_json(c);
    assert_string_equal(member(j, "detail"), "[2] and [3] do not broadcast");
    json_decref(j);
    api_call_free(c);
    for (int code = 0; code < GRAD_CODES; code++) { /* also where there is no sentence */
        c = fresh_call();
        api_fail_core(c, &(grad_error){.code = (grad_code)code}, NULL, NULL);
        ask_expect_problem(c, code ? grad_code_name((grad_code)code) : "internal");
        api_call_free(c);
    }
}

static void errors_of_json_have_a_position(void **state)
{
    (void)state;
    static const char *const codes[] = {[JSON_BAD] = "invalid_json",
                                        [JSON_DUPLICATE] = "duplicate_member",
                                        [JSON_NO_MEMORY] = "out_of_memory",
                                        [JSON_OVER_LIMIT] = "memory_limit",
                                        [JSON_STOPPED] = "deadline_exceeded"};
    for (int v = JSON_BAD; v <= JSON_STOPPED; v++) {
        api_call *c = fresh_call();
        json_complaint why = {.line = 3, .column = 17, .text = "expected this, found that \xC3"};
        api_fail_json(c, (json_verdict)v, &why);
        ask_expect_problem(c, codes[v]);
        json_t *j = ask_json(c);
        bool placed = v <= JSON_DUPLICATE;
        assert_int_equal(json_integer_value(json_object_get(j, "line")), placed ? 3 : 0);
        assert_int_equal(json_integer_value(json_object_get(j, "column")), placed ? 17 : 0);
        json_decref(j);
        api_call_free(c);
    }
}

static void odd_texts_stay_valid_json(void **state)
{
    (void)state;
    static const char *const odd[][2] = {
        {"a\x80" "b\xFF", "a?b?"},
        {"\xC0\xAF \xE0\x80\x80 \xED\xA0\x80 \xF4\x90\x80\x80", "?? ??? ??? ????"},
        {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 \xC3", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 ?"},
        {"quote \" backslash \\ newline \n bell \a", "quote \" backslash \\ newline \n bell \a"},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        api_call *c = fresh_call();
        api_fail(c, "bad_id", odd[i][0], odd[i][0], "the id %s", odd[i][0]);
        ask_expect_problem(c, "bad_id");
        json_t *j = ask_json(c);
        assert_string_equal(member(j, "detail") + 7, odd[i][1]);
        assert_string_equal(member(j, "pointer"), odd[i][1]);
        assert_string_equal(member(j, "node"), odd[i][1]);
        json_decref(j);
        api_call_free(c);
    }
}

static void long_texts_are_bounded(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    static char text[LONG + 1];
    static const size_t lengths[] = {10, 500, 511, 512, 1023, 1024, 1199, 1200, 5000, LONG};
    static const char fill[] = {'a', '\x01', '"'}; /* \x01 takes six bytes as JSON */
    for (size_t f = 0; f < sizeof fill; f++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            memset(text, fill[f], lengths[i]);
            text[lengths[i]] = '\0';
            api_call *c = fresh_call();
            c->host.memory = c->host.used; /* the budget is used up */
            api_fail(c, "memory_limit", text, text, "%s", text);
            ask_expect_problem(c, "memory_limit");
            json_t *j = ask_json(c);
            size_t shown = strlen(member(j, "detail"));
            assert_true(shown == lengths[i] || (shown == 1199 && lengths[i] > 1199));
            assert_int_equal(member(j, "pointer") != NULL, lengths[i] < 1024);
            assert_int_equal(member(j, "node") != NULL, lengths[i] < 512);
            json_decref(j);
            api_call_free(c);
        }
}

static void an_answer_that_does_not_fit_is_a_problem(void **state)
{
    (void)state;
    api_call *c = fresh_call();
    c->host.memory = 100000;
    while (!c->out.failed) buffer_text(&c->out, "a long answer ");
    api_answer(c, 200, "text/plain", c->out.at, c->out.n);
    ask_expect_problem(c, "memory_limit");
    api_call_free(c);
}

/* ---- want of memory ------------------------------------------------------------------------ */

static size_t left;    /* allocations that jansson may still make */
static int alive;      /* and those not freed yet */

static void *scarce_malloc(size_t n)
{
    if (left == 0) return NULL;
    left--;
    alive++;
    return malloc(n);
}

static void counted_free(void *at)
{
    if (at) alive--;
    free(at);
}

/* The reply to a request during which jansson's allocation number n and all later ones fail. */
static api_call *ask_scarcely(const char *path, size_t n)
{
    api_head head = {.method = "GET", .path = path, .fresh_id = "fresh"};
    const api *a = ask_api();
    left = n;
    alive = 0;
    json_set_alloc_funcs(scarce_malloc, counted_free);
    api_call *c = ask_with(a, &head, NULL);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(alive, 0);
    return c;
}

static void without_memory_there_is_still_a_problem(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nowhere", "/v1/version", "/v1/ops/add", "/errors/cycle"};
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        bool good = false;
        for (size_t n = 0; n < 1000 && !good; n++) {
            api_call *c = ask_scarcely(paths[p], n);
            good = api_call_reply(c)->status == (p ? 200 : 404);
            if (!good) ask_expect_problem(c, "out_of_memory");
            api_call_free(c);
        }
        assert_true(good);
    }
}

static void the_api_is_not_made_without_memory(void **state)
{
    (void)state;
    api *a = NULL;
    size_t n = 0;
    for (; n < 1000000 && !a; n = n * 2 + 1) {
        left = n;
        alive = 0;
        json_set_alloc_funcs(scarce_malloc, counted_free);
        a = api_new(NULL);
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(alive, 0);
    }
    assert_true(a && n > 1);
    api_free(a);
}

/* ---- nearest names ------------------------------------------------------------------------- */

static const char *at(const void *list, size_t i) { return ((const char *const *)list)[i]; }

static void the_nearest_name_is_found_if_one_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"inputs", "outputs",  "dtype", "gradients", "values",
                                        "graph",  "encoding", "of",    "x",         "x1", NULL};
    static const char *const cases[][2] = {
        {"input", "inputs"}, {"inptus", "inputs"}, {"output", "outputs"}, {"Values", "values"},
        {"DTYPE", "dtype"}, {"gradient", "gradients"}, {"grahp", "graph"}, {"fo", "of"},
        {"batch", NULL}, {"", NULL}, {"y", NULL}, {"x2", "x"}, {"xx", "x"}, {"zzzzzzzzz", NULL},
        {"encodign", "encoding"}, {"enc", NULL}, {"o", "of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = api_nearest(cases[i][0], strlen(cases[i][0]), at, names);
        if ((found == NULL) != (cases[i][1] == NULL) || (found && strcmp(found, cases[i][1]) != 0))
            fail_msg("%s: %s", cases[i][0], found ? found : "none");
    }
}

/* The distance by its definition, all of the table. */
static int plain_distance(const char *a, const char *b)
{
    int d[12][12], na = (int)strlen(a), nb = (int)strlen(b);
    for (int i = 0; i <= na; i++)
        for (int j = 0; j <= nb; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            int least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < least) least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least) least = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[na][nb];
}

static void the_distance_is_that_of_its_definition(void **state)
{
    (void)state;
    uint32_t seed = 1;
    size_t near = 0;
    for (int trial = 0; trial < 200000; trial++) {
        char words[2][12] = {{0}};
        for (int w = 0; w < 2; w++) {
            seed = seed * 1664525 + 1013904223;
            int n = (int)(seed >> 28) % 11;
            for (int i = 0; i < n; i++) {
                seed = seed * 1664525 + 1013904223;
                words[w][i] = "abc"[(seed >> 16) % 3];
            }
        }
        const char *list[] = {words[1], NULL};
        int n = (int)strlen(words[0]), m = (int)strlen(words[1]);
        int d = plain_distance(words[0], words[1]);
        bool expected = n && d <= (n < 3 ? 1 : n / 3) && d < (n > m ? n : m);
        near += expected;
        if ((api_nearest(words[0], (size_t)n, at, list) != NULL) != expected)
            fail_msg("%s %s: %d", words[0], words[1], d);
    }
    assert_true(near > 1000);
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
        cmocka_unit_test(the_table_begins_with_the_errors_of_the_core),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_row_makes_a_problem),
        cmocka_unit_test(a_call_without_a_head_can_be_refused),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(an_error_replaces_an_answer),
        cmocka_unit_test(errors_of_the_core_keep_their_sentence),
        cmocka_unit_test(errors_of_json_have_a_position),
        cmocka_unit_test(odd_texts_stay_valid_json),
        cmocka_unit_test(long_texts_are_bounded),
        cmocka_unit_test(an_answer_that_does_not_fit_is_a_problem),
        cmocka_unit_test(without_memory_there_is_still_a_problem),
        cmocka_unit_test(the_api_is_not_made_without_memory),
        cmocka_unit_test(the_nearest_name_is_found_if_one_is_near),
        cmocka_unit_test(the_distance_is_that_of_its_definition),
    };
    return cmocka_run_group_tests_name("problem", tests, NULL, end);
}
