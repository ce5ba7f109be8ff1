/* test_metrics.c -- what is counted appears in Prometheus' text, and the text is well formed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "log.h"
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[1 << 18];
static size_t n;

static void append(void *to, const char *piece, size_t length)
{
    (void)to;
    assert_true(n + length < sizeof text);
    memcpy(text + n, piece, length);
    n += length;
    text[n] = '\0';
}

static void render(const metrics *m)
{
    n = 0;
    metrics_write(m, append, NULL);
}

/* Asserts that a whole line stands there. */
static void expect_line(const char *line)
{
    char with_ends[512];
    snprintf(with_ends, sizeof with_ends, "\n%s\n", line);
    if (strstr(text, with_ends) == NULL) print_message("missing: %s\n", line);
    assert_non_null(strstr(text, with_ends));
}

static void test_requests(void **state)
{
    (void)state;
    double phase[API_PHASES] = {0};
    phase[API_PARSE] = 0.0002;
    metrics *m = metrics_new("1.2.3", "abc");
    assert_non_null(m);
    metrics_request r = {.route = "/v1/evaluate", .method = "POST", .status = 200,
                         .seconds = 0.003, .bytes_in = 300, .phase = phase};
    metrics_count_request(m, &r);
    metrics_count_request(m, &r);
    r = (metrics_request){.route = "/no/such", .method = "BREW", .status = 799, .seconds = 99};
    metrics_count_request(m, &r);
    r = (metrics_request){.route = NULL, .method = NULL, .status = 404};
    metrics_count_request(m, &r);
    render(m);
    assert_memory_equal(text, "# HELP gradd_build_info", 23);
    expect_line("gradd_build_info{version=\"1.2.3\",build=\"abc\"} 1");
    expect_line("gradd_http_requests_total{route=\"/v1/evaluate\",method=\"POST\",code=\"200\"} 2");
    expect_line("gradd_http_requests_total{route=\"none\",method=\"other\",code=\"500\"} 1");
    expect_line("gradd_http_requests_total{route=\"none\",method=\"other\",code=\"404\"} 1");
    expect_line("gradd_http_request_duration_seconds_bucket"
                "{route=\"/v1/evaluate\",le=\"0.0025\"} 0");
    expect_line("gradd_http_request_duration_seconds_bucket"
                "{route=\"/v1/evaluate\",le=\"0.005\"} 2");
    expect_line("gradd_http_request_duration_seconds_bucket{route=\"none\",le=\"30\"} 1");
    expect_line("gradd_http_request_duration_seconds_bucket{route=\"none\",le=\"+Inf\"} 2");
    expect_line("gradd_http_request_duration_seconds_sum{route=\"/v1/evaluate\"} 0.006");
    expect_line("gradd_http_request_duration_seconds_count{route=\"/v1/evaluate\"} 2");
    expect_line("gradd_http_request_size_bytes_bucket{le=\"256\"} 2");
    expect_line("gradd_http_request_size_bytes_bucket{le=\"1024\"} 4");
    expect_line("gradd_http_request_size_bytes_sum 600");
    expect_line("gradd_eval_seconds_count{phase=\"parse\"} 2");
    expect_line("gradd_eval_seconds_count{phase=\"encode\"} 0");
    metrics_free(m);
}

static void test_gauges(void **state)
{
    (void)state;
    metrics *m = metrics_new("", "");
    assert_non_null(m);
    metrics_inflight(m, 1);
    metrics_inflight(m, 1);
    metrics_inflight(m, -1);
    metrics_queued(m);
    metrics_queued(m);
    metrics_dequeued(m, 0.02);
    metrics_count_rejected(m, "overloaded");
    metrics_count_cancelled(m, "deadline");
    render(m);
    assert_int_equal(metrics_inflight_now(m), 1);
    expect_line("gradd_inflight_requests 1");
    expect_line("gradd_queue_depth 1");
    expect_line("gradd_queue_wait_seconds_bucket{le=\"0.025\"} 1");
    expect_line("gradd_rejected_total{reason=\"overloaded\"} 1");
    expect_line("gradd_rejected_total{reason=\"draining\"} 0");
    expect_line("gradd_cancelled_total{reason=\"deadline\"} 1");
    metrics_free(m);
}

/* Every sample belongs to the family announced above it, and every family has a HELP and a TYPE. */
static void test_format(void **state)
{
    (void)state;
    metrics *m = metrics_new("1", "x");
    assert_non_null(m);
    metrics_request r = {.route = "/healthz", .method = "GET", .status = 200};
    metrics_count_request(m, &r);
    render(m);
    char family[128] = "", help[128] = "";
    int samples = 0, families = 0;
    for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char type[32];
        if (sscanf(line, "# HELP %127s", help) == 1) continue;
        if (sscanf(line, "# TYPE %127s %31s", family, type) == 2) {
            assert_string_equal(family, help);
            families++;
            continue;
        }
        assert_int_equal(strncmp(line, family, strlen(family)), 0);
        char *value = strrchr(line, ' '), *end;
        assert_non_null(value);
        strtod(value, &end);
        assert_true(end > value + 1 && *end == '\0');
        samples++;
    }
    assert_int_equal(families, 15);
    assert_true(samples > 100);
    metrics_free(m);
}

static void test_process(void **state)
{
    (void)state;
    metrics *m = metrics_new("1", "x");
    render(m);
    double value = 0;
    char *at = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_resident_memory_bytes %lf", &value), 1);
    assert_true(value > 100000);
    at = strstr(text, "\nprocess_open_fds ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_open_fds %lf", &value), 1);
    assert_true(value >= 2);
    metrics_free(m);
}

static void test_log_escape(void **state)
{
    (void)state;
    char to[32];
    assert_int_equal(log_escape(to, sizeof to, "a\"b\\c\n\xc3"), 19);
    assert_string_equal(to, "a\\\"b\\\\c\\u000a\\u00c3");
    assert_int_equal(log_escape(to, 6, "aaaa\"b"), 4);
    assert_string_equal(to, "aaaa");
    assert_int_equal(log_escape(to, 3, "aaaa"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_gauges),
        cmocka_unit_test(test_format),   cmocka_unit_test(test_process),
        cmocka_unit_test(test_log_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
