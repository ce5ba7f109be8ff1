/* test_limits.c -- what the service bounds: bodies, heads, the queue, and the time of a request. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static service s;
static answer a;
static wire w;
static char text[64];

static void send_body(size_t n, bool chunked, const char *extra)
{
    char *body = malloc(n + 1);
    assert_non_null(body);
    memset(body, ' ', n);
    if (n >= strlen(service_example)) memcpy(body, service_example, strlen(service_example));
    wire_open(&w, &s);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\n%s", extra);
    if (chunked)
        wire_print(&w, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n);
    else
        wire_print(&w, "Content-Length: %zu\r\n\r\n", n);
    wire_send(&w, body, n);
    if (chunked) wire_print(&w, "\r\n0\r\n\r\n");
    wire_read(&w, &a);
    free(body);
}

static void test_body_limit(void **state)
{
    (void)state;
    service_start(&s, "--body-limit", "64KiB", NULL);
    for (int chunked = 0; chunked < 2; chunked++) {
        send_body(65536, chunked, "");
        answer_is_example(&a);
        wire_close(&w);
        send_body(65537, chunked, "");
        answer_is_problem(&a, 413, "body_too_large");
        assert_false(answer_closes(&a)); /* the rest was read: the connection goes on */
        wire_evaluate(&w, service_example);
        wire_read(&w, &a);
        answer_is_example(&a);
        wire_close(&w);
    }
    wire_open(&w, &s);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 65537\r\n"
                   "Expect: 100-continue\r\n\r\n");
    wire_read(&w, &a);
    answer_is_problem(&a, 413, "body_too_large"); /* and no 100 before it */
    assert_true(answer_closes(&a));
    wire_close(&w);
    wire_open(&w, &s);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\n"
                   "Content-Length: 4611686018427387904\r\n\r\n");
    wire_read(&w, &a);
    answer_is_problem(&a, 413, "body_too_large");
    assert_true(answer_closes(&a));
    wire_close(&w);
    assert_true(service_metric(&s, "gradd_rejected_total{reason=\"body_too_large\"}") == 4);
    assert_int_equal(service_stop(&s), 0);
}

/* A body that no client may go on sending: it is hung up on, and the service lives. */
static void test_endless_body(void **state)
{
    (void)state;
    service_start(&s, "--body-limit", "1KiB", NULL);
    send_body(40u << 20, true, "");
    assert_true(a.status == 0 || a.status == 413);
    wire_close(&w);
    service_ask(&s, &a, "POST", "/v1/evaluate", service_example);
    answer_is_example(&a);
    assert_int_equal(service_stop(&s), 0);
}

static void test_long_body_goes_to_worker(void **state)
{
    (void)state;
    service_start(&s, NULL);
    send_body(1 << 20, false, "");
    answer_is_example(&a);
    wire_close(&w);
    assert_true(service_metric(&s, "gradd_queue_wait_seconds_count") == 1);
    assert_int_equal(service_stop(&s), 0);
}

static void test_long_head(void **state)
{
    (void)state;
    char *filler = malloc(50001);
    service_start(&s, NULL);
    assert_non_null(filler);
    memset(filler, 'a', 50000);
    filler[50000] = '\0';
    wire_open(&w, &s);
    wire_print(&w, "GET /healthz HTTP/1.1\r\nHost: t\r\nX-Long: ");
    wire_send(&w, filler, 50000);
    wire_print(&w, "\r\n\r\n");
    wire_read(&w, &a);
    assert_true(a.status == 431 || a.status == 0);
    wire_close(&w);
    wire_open(&w, &s);
    wire_print(&w, "GET /");
    wire_send(&w, filler, 50000);
    wire_print(&w, " HTTP/1.1\r\nHost: t\r\n\r\n");
    wire_read(&w, &a);
    assert_true(a.status == 414 || a.status == 431 || a.status == 0);
    wire_close(&w);
    free(filler);
    service_ask(&s, &a, "GET", "/healthz", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(service_stop(&s), 0);
}

static void test_deadline(void **state)
{
    (void)state;
    char *body = service_long_request(600);
    service_start(&s, "--timeout", "0.05", "--workers", "1", NULL);
    double start = service_now();
    service_ask(&s, &a, "POST", "/v1/evaluate", body);
    answer_is_problem(&a, 504, "deadline_exceeded");
    assert_true(service_now() - start < 5);
    assert_true(service_metric(&s, "gradd_cancelled_total{reason=\"deadline\"}") == 1);
    service_ask(&s, &a, "POST", "/v1/evaluate", service_example);
    answer_is_example(&a);
    assert_int_equal(service_stop(&s), 0);
    free(body);
}

static void test_queue_full(void **state)
{
    (void)state;
    static wire running, waiting;
    char *body = service_long_request(300);
    service_start(&s, "--workers", "1", "--queue", "1", NULL);
    wire_open(&running, &s);
    wire_open(&waiting, &s);
    wire_evaluate(&running, body);
    double until = service_now() + 10;
    while (service_metric(&s, "gradd_queue_wait_seconds_count") < 1 && service_now() < until) {}
    wire_evaluate(&waiting, body);
    while (service_metric(&s, "gradd_queue_depth") < 1 && service_now() < until) {}
    service_ask(&s, &a, "POST", "/v1/evaluate", body);
    answer_is_problem(&a, 503, "overloaded");
    assert_true(answer_header(&a, "Retry-After", text, sizeof text));
    assert_int_equal(atoi(text), 1);
    /* What is cheap, and how it is, can still be asked. */
    service_ask(&s, &a, "POST", "/v1/evaluate", service_example);
    answer_is_example(&a);
    service_ask(&s, &a, "GET", "/readyz", NULL);
    assert_int_equal(a.status, 200);
    assert_true(service_metric(&s, "gradd_rejected_total{reason=\"overloaded\"}") == 1);
    wire_read(&running, &a);
    assert_int_equal(a.status, 200);
    wire_read(&waiting, &a);
    assert_int_equal(a.status, 200);
    wire_close(&running);
    wire_close(&waiting);
    assert_int_equal(service_stop(&s), 0);
    free(body);
}

/* A client that does not read its long answer does not keep its long body in our memory. */
static void test_answered_body_is_let_go(void **state)
{
    (void)state;
    enum { LENGTH = 13 << 20 };
    static const char request[] =
        "{\"graph\":{\"nodes\":[{\"id\":\"x\",\"op\":\"constant\",\"value\":0.1},"
        "{\"id\":\"y\",\"op\":\"expand\",\"inputs\":[\"x\"],\"shape\":[350000]},"
        "{\"id\":\"z\",\"op\":\"sin\",\"inputs\":[\"y\"]}]},\"values\":\"outputs\",\"gradients\":false}";
    char *body = malloc(LENGTH + 1);
    wire slow;
    assert_non_null(body);
    memset(body, ' ', LENGTH);
    body[LENGTH] = '\0';
    memcpy(body, request, strlen(request));
    service_start(&s, "--body-limit", "14MiB", "--memory-limit", "25MiB", NULL);
    wire_open(&slow, &s);
    wire_evaluate(&slow, body); /* the answer of 7 MB is more than sockets hold */
    double until = service_now() + 5;
    while (service_metric(&s, "gradd_queue_wait_seconds_count") < 1 && service_now() < until) {}
    service_sleep(0.3); /* taken by a worker; now it is done */
    assert_true(service_metric(&s, "gradd_inflight_requests") == 2); /* it, and this question */
    send_body(LENGTH, false, "");
    answer_is_example(&a);
    wire_close(&w);
    wire_read(&slow, &a);
    assert_int_equal(a.status, 200);
    wire_close(&slow);
    assert_int_equal(service_stop(&s), 0);
    free(body);
}

static void test_everything_to_workers(void **state)
{
    (void)state;
    service_start(&s, "--inline-cost", "0", "--workers", "2", NULL);
    wire_open(&w, &s);
    for (int i = 0; i < 20; i++) wire_evaluate(&w, service_example);
    for (int i = 0; i < 20; i++) {
        wire_read(&w, &a);
        answer_is_example(&a);
    }
    wire_close(&w);
    assert_true(service_metric(&s, "gradd_queue_wait_seconds_count") == 20);
    assert_int_equal(service_stop(&s), 0);
}

static int clean_up(void **state)
{
    (void)state;
    service_kill(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_body_limit, clean_up),
        cmocka_unit_test_teardown(test_endless_body, clean_up),
        cmocka_unit_test_teardown(test_long_body_goes_to_worker, clean_up),
        cmocka_unit_test_teardown(test_long_head, clean_up),
        cmocka_unit_test_teardown(test_deadline, clean_up),
        cmocka_unit_test_teardown(test_queue_full, clean_up),
        cmocka_unit_test_teardown(test_answered_body_is_let_go, clean_up),
        cmocka_unit_test_teardown(test_everything_to_workers, clean_up),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
