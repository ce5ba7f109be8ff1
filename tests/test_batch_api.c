/* test_batch_api.c -- requests for many points beside requests for one, and what memory they take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "tensors.h"

#define NODES                                                                                      \
    "{\"nodes\":[{\"id\":\"h\",\"op\":\"matmul\",\"inputs\":[\"W\",\"x\"]},"                       \
    "{\"id\":\"t\",\"op\":\"tanh\",\"inputs\":[\"h\"]},"                                           \
    "{\"id\":\"c\",\"op\":\"gt\",\"inputs\":[\"t\",0.1]},"                                         \
    "{\"id\":\"v\",\"op\":\"where\",\"inputs\":[\"c\",\"t\",\"b\"]},"                              \
    "{\"id\":\"n\",\"op\":\"norm\",\"inputs\":[\"v\"]},"                                           \
    "{\"id\":\"k\",\"op\":\"exp\",\"inputs\":[\"s\"]},"                                            \
    "{\"id\":\"f\",\"op\":\"mul\",\"inputs\":[\"n\",\"k\"]}],\"outputs\":[\"f\"]}"

static char *numbers(char *to, const double *x, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        to += sprintf(to, "%s[", i ? "," : rows > 1 ? "[" : "");
        for (size_t k = 0; k < columns; k++)
            to += sprintf(to, "%s%.17g", k ? "," : "", x[i * columns + k]);
        to += sprintf(to, "]");
    }
    return to + sprintf(to, "%s", rows > 1 ? "]" : "");
}

static json_t *answer(const char *body)
{
    api_call *c = ask_body("/v1/evaluate", body);
    if (api_call_reply(c)->status != 200) fail_msg("%s", api_call_reply(c)->body);
    json_t *j = ask_json(c);
    api_call_free(c);
    return j;
}

static void a_batch_is_answered_like_single_requests(void **state)
{
    (void)state;
    enum { N = 9, SIZE = 3 };
    double w[SIZE * SIZE], x[N * SIZE], s[N];
    char body[8000], *at = body;
    for (size_t i = 0; i < SIZE * SIZE; i++) w[i] = uniform();
    for (size_t i = 0; i < N * SIZE; i++) x[i] = uniform();
    for (size_t i = 0; i < N; i++) s[i] = uniform();
    at += sprintf(at, "{\"graph\":" NODES ",\"batch\":[\"x\",\"s\"],\"inputs\":{\"b\":0.5,\"W\":");
    at = numbers(at, w, SIZE, SIZE);
    at = numbers(at + sprintf(at, ",\"x\":"), x, N, SIZE);
    at = numbers(at + sprintf(at, ",\"s\":"), s, 1, N);
    sprintf(at, "}}");
    json_t *all = answer(body);
    for (size_t i = 0; i < N; i++) {
        at = body;
        at += sprintf(at, "{\"graph\":" NODES ",\"inputs\":{\"b\":0.5,\"W\":");
        at = numbers(at, w, SIZE, SIZE);
        at = numbers(at + sprintf(at, ",\"x\":"), x + i * SIZE, 1, SIZE);
        sprintf(at, ",\"s\":%.17g}}", s[i]);
        json_t *one = answer(body);
        const char *member, *id;
        json_t *tensors, *one_of;
        json_object_foreach(one, member, tensors) {
            if (!json_is_object(tensors)) continue; /* "outputs" */
            json_object_foreach(tensors, id, one_of) {
                json_t *found = json_object_get(json_object_get(all, member), id);
                bool shared = member[0] == 'v' && (strcmp(id, "W") == 0 || strcmp(id, "b") == 0);
                if (!shared) found = json_array_get(found, i);
                if (!json_equal(found, one_of)) fail_msg("%s of %s at point %zu", member, id, i);
            }
        }
        json_decref(one);
    }
    json_decref(all);
}

/* A gradient of 2000 elements at each of 2000 points: 32 MB, which sums need not. */
static void sums_fit_where_their_points_do_not(void **state)
{
    (void)state;
    enum { N = 2000 };
    static const struct {
        const char *reduce;
        int status;
    } rows[] = {{"none", 413}, {"sum", 200}, {"mean", 200}};
    char *body = malloc(N * 8 + 1000);
    api_host host = {.memory_limit = 8 << 20};
    api *small = api_new(&host);
    for (size_t row = 0; row < 3; row++) {
        char *at = body;
        at += sprintf(at, "{\"graph\":{\"nodes\":[{\"id\":\"w\",\"op\":\"full\",\"inputs\":[],\"shape\":[%d],"
                      "\"value\":2},{\"id\":\"p\",\"op\":\"mul\",\"inputs\":[\"w\",\"x\"]},"
                      "{\"id\":\"f\",\"op\":\"sum\",\"inputs\":[\"p\"]}],\"outputs\":[\"f\"]},"
                      "\"batch\":\"x\",\"values\":\"none\",\"gradients\":{\"wrt\":\"w\",\"reduce\":\"%s\"},"
                      "\"inputs\":{\"x\":[1", N, rows[row].reduce);
        for (int i = 1; i < N; i++) at += sprintf(at, ",%d", i % 7);
        sprintf(at, "]}}");
        api_head head = {.method = "POST", .path = "/v1/evaluate", .fresh_id = "fresh",
                         .content_length = -1};
        api_call *c = ask_with(small, &head, body);
        if (api_call_reply(c)->status != rows[row].status)
            fail_msg("%s: %.300s", rows[row].reduce, api_call_reply(c)->body);
        if (rows[row].status != 200) ask_expect_problem(c, "memory_limit");
        api_call_free(c);
    }
    api_free(small);
    free(body);
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
        cmocka_unit_test(a_batch_is_answered_like_single_requests),
        cmocka_unit_test(sums_fit_where_their_points_do_not),
    };
    return cmocka_run_group_tests_name("requests for batches", tests, NULL, end);
}
