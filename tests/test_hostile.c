/* test_hostile.c -- bodies made to hurt, posted to the real service: each gets its error in good
 * time and little memory, and the service lives on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

static service gradd;
static answer a;

static int start(void **state)
{
    (void)state;
    service_start(&gradd, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return service_stop(&gradd);
}

/* before, then `piece` so many times, then after */
static char *repeat(const char *before, const char *piece, size_t times, const char *after)
{
    size_t n = strlen(piece);
    char *text = malloc(strlen(before) + n * times + strlen(after) + 1), *at = text;
    if (!text) abort();
    at = stpcpy(at, before);
    for (size_t i = 0; i < times; i++, at += n) memcpy(at, piece, n);
    strcpy(at, after);
    return text;
}

/* Posts the body, frees it, and expects this problem; then that the service still works. */
static void refused(char *body, int status, const char *code)
{
    service_ask(&gradd, &a, "POST", "/v1/evaluate", body);
    free(body);
    answer_is_problem(&a, status, code);
    service_ask(&gradd, &a, "POST", "/v1/evaluate", service_example);
    answer_is_example(&a);
}

#define SUM_OF "{\"graph\":{\"nodes\":[{\"id\":\"y\",\"op\":\"sum\",\"inputs\":[\"x\"]}]},\"inputs\":{\"x\":"

static void test_nesting_of_a_hundred_thousand(void **state)
{
    (void)state;
    refused(repeat("", "[", 100000, ""), 400, "invalid_json");
    refused(repeat("", "{\"a\":", 100000, ""), 400, "invalid_json");
    refused(repeat(SUM_OF, "[", 100000, ""), 400, "invalid_json");
    /* within JSON's depth, beyond any tensor's rank */
    char *close = repeat("", "]", 900, "}}"), *body = repeat(SUM_OF, "[", 900, close);
    free(close);
    refused(body, 413, "tensor_too_large");
}

static void test_a_node_with_ten_million_inputs(void **state)
{
    (void)state;
    refused(repeat("{\"graph\":{\"nodes\":[{\"id\":\"y\",\"op\":\"concat\",\"inputs\":[\"x\"", ",\"x\"",
                   10000000, "]}]},\"inputs\":{\"x\":[1]}}"), 413, "graph_too_large");
}

static void test_more_nodes_than_the_limit(void **state)
{
    (void)state;
    refused(repeat("{\"graph\":{\"nodes\":[{}", ",{}", 2000001, "]}}"), 413, "graph_too_large");
    char *body = malloc(2000002 * 44 + 100), *at = body;
    assert_non_null(body);
    at = stpcpy(at, "{\"graph\":{\"nodes\":[");
    for (int i = 0; i < 2000001; i++)
        at += sprintf(at, "%s{\"id\":\"n%d\",\"op\":\"eye\",\"n\":1}", i ? "," : "", i);
    strcpy(at, "]}}");
    refused(body, 413, "graph_too_large");
}

static void test_documents_that_grow(void **state)
{
    (void)state;
    refused(repeat("[{}", ",{}", 3000000, "]"), 422, "wrong_type");
    refused(repeat(SUM_OF "[{}", ",{}", 3000000, "]}}"), 422, "wrong_type");
    refused(repeat(SUM_OF "[[]", ",[]", 3000000, "],\"z\":1}}"), 422, "unused_input");
}

static void test_small_texts_for_large_tensors(void **state)
{
    (void)state;
    static const char *const nodes[] = {
        "{\"id\":\"y\",\"op\":\"full\",\"shape\":[100000000,2],\"value\":0}",
        "{\"id\":\"y\",\"op\":\"full\",\"shape\":[4611686018427387904,4611686018427387904],\"value\":0}",
        "{\"id\":\"y\",\"op\":\"arange\",\"stop\":1e15}",
        "{\"id\":\"y\",\"op\":\"eye\",\"n\":1000000}",
        "{\"id\":\"y\",\"op\":\"one_hot\",\"inputs\":[1],\"depth\":9000000000}",
        "{\"id\":\"y\",\"op\":\"expand\",\"inputs\":[1],\"shape\":[99999999999]}",
        "{\"id\":\"y\",\"op\":\"tile\",\"inputs\":[{\"data\":[1,2]}],\"repeats\":[9223372036854775807]}",
        "{\"id\":\"y\",\"op\":\"pad\",\"inputs\":[{\"data\":[1]}],\"pads\":[[9223372036854775807,1]]}",
        "{\"id\":\"y\",\"op\":\"diag\",\"inputs\":[{\"data\":[1]}],\"offset\":9000000000000000000}",
    };
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        refused(repeat("{\"graph\":{\"nodes\":[", nodes[i], 1, "]}}"), 413, "tensor_too_large");
    /* each within the limit of a tensor, together beyond that of a request */
    char *body = malloc(20000), *at = body;
    assert_non_null(body);
    at = stpcpy(at, "{\"graph\":{\"nodes\":[{\"id\":\"n0\",\"op\":\"full\",\"shape\":[99999999],\"value\":1}");
    for (int i = 1; i < 40; i++)
        at += sprintf(at, ",{\"id\":\"n%d\",\"op\":\"sin\",\"inputs\":[\"n%d\"]}", i, i - 1);
    strcpy(at, "]},\"gradients\":false}");
    refused(body, 413, "memory_limit");
}

static void test_hostile_bodies_took_little_memory(void **state)
{
    (void)state;
    long peak = service_peak_mib(&gradd);
    assert_true(peak > 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(peak, 1, 800); /* the largest body alone is 88 MiB */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting_of_a_hundred_thousand),
        cmocka_unit_test(test_a_node_with_ten_million_inputs),
        cmocka_unit_test(test_more_nodes_than_the_limit),
        cmocka_unit_test(test_documents_that_grow),
        cmocka_unit_test(test_small_texts_for_large_tensors),
        cmocka_unit_test(test_hostile_bodies_took_little_memory),
    };
    return cmocka_run_group_tests_name("hostile", tests, start, stop);
}
