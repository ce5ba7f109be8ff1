/* test_drain.c -- the end of the service: what is under way is answered, whatever happens. */
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
static wire w, other;

/* Sends a long request and waits until a worker has begun it. */
static void begin_long_request(int steps)
{
    char *body = service_long_request(steps);
    wire_open(&w, &s);
    wire_evaluate(&w, body);
    double until = service_now() + 10;
    while (service_metric(&s, "gradd_queue_wait_seconds_count") < 1 && service_now() < until) {}
    free(body);
}

static void test_idle(void **state)
{
    (void)state;
    service_start(&s, NULL);
    assert_int_equal(service_stop(&s), 0);
    assert_non_null(strstr(s.log, "gradd: stopped\n"));
    service_start(&s, NULL);
    service_signal(&s, SIGINT);
    assert_int_equal(service_wait(&s, 10), 0);
}

static void test_idle_connections_do_not_hold(void **state)
{
    (void)state;
    service_start(&s, NULL);
    wire_open(&w, &s);
    wire_evaluate(&w, service_example);
    wire_read(&w, &a);
    assert_int_equal(a.status, 200);
    assert_false(answer_closes(&a));
    wire_open(&other, &s); /* has said nothing at all */
    double start = service_now();
    assert_int_equal(service_stop(&s), 0);
    assert_true(service_now() - start < 5);
    assert_true(wire_ended(&w));
    wire_close(&w);
    wire_close(&other);
}

static void test_request_under_way(void **state)
{
    (void)state;
    service_start(&s, NULL);
    wire_open(&other, &s);
    wire_evaluate(&other, service_example);
    wire_read(&other, &a);
    begin_long_request(300);
    service_signal(&s, SIGTERM);
    /* No new connection, */
    double until = service_now() + 10;
    static wire late;
    while (wire_try(&late, &s) && service_now() < until) wire_close(&late);
    assert_int_equal(late.fd, -1);
    /* but an answer, the last one, on those that are there. */
    wire_evaluate(&other, service_example);
    wire_read(&other, &a);
    assert_int_equal(a.status, 200);
    assert_true(answer_closes(&a));
    wire_read(&w, &a);
    assert_int_equal(a.status, 200);
    assert_true(answer_closes(&a));
    assert_int_equal(service_wait(&s, 20), 0);
    wire_close(&w);
    wire_close(&other);
}

/* A request whose bytes lie on a connection that nobody has looked at yet. */
static void test_request_just_arrived(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        service_start(&s, NULL);
        wire_open(&w, &s);
        wire_evaluate(&w, service_example);
        service_signal(&s, SIGTERM);
        wire_read(&w, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(service_wait(&s, 20), 0);
        wire_close(&w);
    }
}

static void test_delay(void **state)
{
    (void)state;
    service_start(&s, "--drain-delay", "0.5", NULL);
    service_ask(&s, &a, "GET", "/readyz", NULL);
    assert_int_equal(a.status, 200);
    double start = service_now();
    service_signal(&s, SIGTERM);
    service_sleep(0.1);
    service_ask(&s, &a, "GET", "/readyz", NULL); /* a new connection */
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "draining"));
    service_ask(&s, &a, "GET", "/healthz", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(service_wait(&s, 20), 0);
    assert_true(service_now() - start >= 0.5);
}

static void test_second_signal(void **state)
{
    (void)state;
    service_start(&s, NULL);
    begin_long_request(600);
    service_signal(&s, SIGTERM);
    service_sleep(0.1);
    service_signal(&s, SIGTERM);
    assert_int_equal(service_wait(&s, 2), 1);
    wire_close(&w);
}

static void test_timeout(void **state)
{
    (void)state;
    service_start(&s, "--drain-timeout", "0.1", "--workers", "1", NULL);
    begin_long_request(600);
    wire_open(&other, &s);
    char *body = service_long_request(600);
    wire_evaluate(&other, body); /* waits for the worker */
    free(body);
    service_sleep(0.05);
    double start = service_now();
    service_signal(&s, SIGTERM);
    wire_read(&w, &a);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "\"code\":\"draining\""));
    assert_true(answer_closes(&a));
    wire_read(&other, &a);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "\"code\":\"draining\""));
    assert_int_equal(service_wait(&s, 10), 1);
    assert_true(service_now() - start < 5);
    wire_close(&w);
    wire_close(&other);
}

/* A body that never ends is not waited for longer than the timeout. */
static void test_stuck_upload(void **state)
{
    (void)state;
    service_start(&s, "--drain-timeout", "0.2", NULL);
    wire_open(&w, &s);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{");
    service_sleep(0.1);
    service_signal(&s, SIGTERM);
    assert_int_equal(service_wait(&s, 20), 1);
    wire_close(&w);
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
        cmocka_unit_test_teardown(test_idle, clean_up),
        cmocka_unit_test_teardown(test_idle_connections_do_not_hold, clean_up),
        cmocka_unit_test_teardown(test_request_under_way, clean_up),
        cmocka_unit_test_teardown(test_request_just_arrived, clean_up),
        cmocka_unit_test_teardown(test_delay, clean_up),
        cmocka_unit_test_teardown(test_second_signal, clean_up),
        cmocka_unit_test_teardown(test_timeout, clean_up),
        cmocka_unit_test_teardown(test_stuck_upload, clean_up),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
