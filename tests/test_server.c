/* test_server.c -- the real binary over real sockets: HTTP, framing, and what it says of itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "service.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static service shared; /* one with default settings, for all tests that only talk */
static answer a;
static wire w;
static char text[512];

static int start_shared(void **state)
{
    (void)state;
    service_start(&shared, NULL);
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    return service_stop(&shared);
}

/* ---- plain talk ------------------------------------------------------------------------------ */

static void test_evaluate(void **state)
{
    (void)state;
    service_ask(&shared, &a, "POST", "/v1/evaluate", service_example);
    answer_is_example(&a);
    assert_true(answer_header(&a, "Content-Type", text, sizeof text));
    assert_string_equal(text, "application/json");
}

static size_t keep(char *piece, size_t size, size_t count, void *to)
{
    answer *into = to;
    size_t n = size * count;
    if (into->length + n >= sizeof into->body) return 0;
    memcpy(into->body + into->length, piece, n);
    into->length += n;
    into->body[into->length] = '\0';
    return n;
}

static void test_libcurl(void **state)
{
    (void)state;
    char url[64];
    long status = 0, connections = 0;
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/evaluate", shared.port);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, &service_example[0]);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
    for (int i = 0; i < 3; i++) {
        a.length = 0;
        assert_int_equal(curl_easy_perform(curl), CURLE_OK);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connections);
        a.status = (int)status;
        answer_is_example(&a);
        assert_int_equal(connections, i == 0); /* kept alive */
    }
    curl_easy_cleanup(curl);
}

static void test_request_ids(void **state)
{
    (void)state;
    char first[64];
    wire_open(&w, &shared);
    for (int i = 0; i < 2; i++) {
        wire_print(&w, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
        wire_read(&w, &a);
        assert_true(answer_header(&a, "X-Request-Id", text, sizeof text));
        assert_int_equal(strspn(text, "0123456789abcdef"), 16);
        assert_int_equal(strlen(text), 16);
        if (i == 0) snprintf(first, sizeof first, "%.60s", text);
    }
    assert_string_not_equal(first, text);
    wire_print(&w, "GET /healthz HTTP/1.1\r\nHost: t\r\nX-Request-Id: mine-1\r\n\r\n");
    wire_read(&w, &a);
    assert_true(answer_header(&a, "X-Request-Id", text, sizeof text));
    assert_string_equal(text, "mine-1");
    wire_close(&w);
}

static void test_not_found_and_not_allowed(void **state)
{
    (void)state;
    service_ask(&shared, &a, "GET", "/v2/evaluate", NULL);
    answer_is_problem(&a, 404, "not_found");
    service_ask(&shared, &a, "GET", "/v1/evaluate", NULL);
    answer_is_problem(&a, 405, "method_not_allowed");
    assert_true(answer_header(&a, "Allow", text, sizeof text));
    assert_non_null(strstr(text, "POST"));
    service_ask(&shared, &a, "GET", "/healthz%00x", NULL);
    answer_is_problem(&a, 404, "not_found");
    service_ask(&shared, &a, "GET", "http://elsewhere/%68ealthz?verbose", NULL);
    assert_int_equal(a.status, 200);
}

static void test_refusal_keeps_connection(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_print(&w, "POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    wire_read(&w, &a);
    answer_is_problem(&a, 404, "not_found");
    wire_evaluate(&w, service_example);
    wire_read(&w, &a);
    answer_is_example(&a);
    wire_close(&w);
}

static void test_head(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_print(&w, "HEAD /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    wire_print(&w, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    service_sleep(0.1);
    /* Take the first head by hand: its Content-Length announces no body. */
    char c, *end = NULL;
    size_t n = 0;
    while (end == NULL && n + 1 < sizeof a.head && read(w.fd, &c, 1) == 1) {
        a.head[n++] = c;
        a.head[n] = '\0';
        end = strstr(a.head, "\r\n\r\n");
    }
    assert_non_null(strstr(a.head, " 200 "));
    wire_read(&w, &a);
    assert_int_equal(a.status, 200);
    wire_close(&w);
}

static void test_pipelining(void **state)
{
    (void)state;
    enum { N = 5 };
    wire_open(&w, &shared);
    for (int i = 0; i < N; i++) {
        wire_evaluate(&w, service_example);
        wire_print(&w, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    for (int i = 0; i < N; i++) {
        wire_read(&w, &a);
        answer_is_example(&a);
        wire_read(&w, &a);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, "ok"));
    }
    wire_close(&w);
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(service_example), service_example);
    wire_open(&w, &shared);
    for (int i = 0; i < n; i++) wire_send(&w, request + i, 1);
    wire_read(&w, &a);
    answer_is_example(&a);
    wire_close(&w);
}

static void test_chunked(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0, n = strlen(service_example); i < n; i += 7)
        wire_print(&w, "%zx\r\n%.7s\r\n", n - i < 7 ? n - i : 7, service_example + i);
    wire_print(&w, "0\r\n\r\n");
    wire_read(&w, &a);
    answer_is_example(&a);
    wire_close(&w);
}

static void test_http_1_0(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_print(&w, "GET /healthz HTTP/1.0\r\n\r\n");
    wire_read(&w, &a);
    assert_int_equal(a.status, 200);
    assert_true(wire_ended(&w));
    wire_close(&w);
}

/* ---- framing --------------------------------------------------------------------------------- */

static void test_smuggling_is_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET /healthz HTTP/1.1\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n",
        "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n",
        "POST /v1/evaluate HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length : 2\r\n",
        "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n",
        "GET /healthz HTTP/1.2\r\nHost: t\r\n",
        "GET /healthz HTTP/1.1\r\nHost: t\r\nX-\x01: y\r\n",
        "G<T /healthz HTTP/1.1\r\nHost: t\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        wire_open(&w, &shared);
        wire_print(&w, "%s\r\n{}", heads[i]);
        wire_read(&w, &a);
        /* The HTTP library refuses some of these by itself, as text or by hanging up. */
        if (a.status != 400 && a.status != 0) print_message("%s: %d\n", heads[i], a.status);
        assert_true(a.status == 400 || a.status == 0);
        if (strstr(a.body, "bad_request") != NULL) assert_true(answer_closes(&a));
        if (a.status != 0) assert_true(wire_ended(&w) || w.n > 0);
        wire_close(&w);
    }
    assert_true(service_metric(&shared, "gradd_rejected_total{reason=\"bad_request\"}") >= 5);
}

static void test_expectation(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
                   "Expect: a-pony\r\n\r\n");
    wire_read(&w, &a);
    answer_is_problem(&a, 417, "expectation_failed");
    assert_true(answer_closes(&a));
    wire_close(&w);
    wire_open(&w, &shared);
    wire_print(&w, "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n"
                   "Expect: 100-continue\r\n\r\n", strlen(service_example));
    wire_read(&w, &a);
    assert_int_equal(a.status, 100);
    wire_send(&w, service_example, strlen(service_example));
    wire_read(&w, &a);
    answer_is_example(&a);
    wire_close(&w);
}

/* Clients that leave in the middle, at once or after a while, leave nothing behind. */
static void test_broken_off(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        wire_open(&w, &shared);
        wire_print(&w, "%s /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n%s",
                   i % 3 == 0 ? "GET" : "POST", i % 4 == 0 ? "" : "{");
        if (i % 5 == 0) service_sleep(0.02);
        wire_close(&w);
    }
    wire_open(&w, &shared);
    wire_print(&w, "POST /v1/eva");
    wire_close(&w);
    double until = service_now() + 10;
    while (service_metric(&shared, "gradd_inflight_requests") > 1 && service_now() < until)
        service_sleep(0.02);
    assert_true(service_metric(&shared, "gradd_inflight_requests") == 1); /* the question itself */
    service_ask(&shared, &a, "GET", "/healthz", NULL);
    assert_int_equal(a.status, 200);
}

/* A client that has said all and closes its half is still answered. (Only where no worker is
   needed: resumed connections are read first, and the library takes the end for a departure.) */
static void test_half_closed(void **state)
{
    (void)state;
    wire_open(&w, &shared);
    wire_evaluate(&w, service_example);
    shutdown(w.fd, SHUT_WR);
    wire_read(&w, &a);
    answer_is_example(&a);
    wire_close(&w);
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static void test_metrics(void **state)
{
    (void)state;
    const char *line = "gradd_http_requests_total"
                       "{route=\"/v1/evaluate\",method=\"POST\",code=\"200\"}";
    double before = service_metric(&shared, line);
    for (int i = 0; i < 3; i++) service_ask(&shared, &a, "POST", "/v1/evaluate", service_example);
    assert_true(service_metric(&shared, line) == before + 3);
    service_ask(&shared, &a, "GET", "/metrics", NULL);
    assert_true(answer_header(&a, "Content-Type", text, sizeof text));
    assert_int_equal(strncmp(text, "text/plain; version=0.0.4", 25), 0);
    assert_non_null(strstr(a.body, "gradd_build_info{version=\""));
    assert_non_null(strstr(a.body, "process_open_fds"));
}

static void test_request_log(void **state)
{
    (void)state;
    service s;
    service_start(&s, "--log", "requests", NULL);
    wire_open(&w, &s);
    wire_print(&w, "GET /a\"b HTTP/1.1\r\nHost: t\r\nX-Request-Id: me\r\n\r\n");
    wire_read(&w, &a);
    wire_close(&w);
    assert_int_equal(service_stop(&s), 0);
    assert_non_null(strstr(s.log, "\"message\":\"request\",\"request_id\":\"me\","
                                  "\"method\":\"GET\",\"path\":\"/a\\\"b\","
                                  "\"route\":\"none\",\"status\":404,"
                                  "\"code\":\"not_found\""));
}

/* Runs the binary to its end; its standard output is then in a.body. */
static int run(service *s, const char *const *args)
{
    char path[] = "/tmp/gradd-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    service_launch(s, args, path);
    int status = service_wait(s, 30);
    service_kill(s);
    ssize_t n = read(fd, a.body, sizeof a.body - 1);
    a.body[n > 0 ? n : 0] = '\0';
    close(fd);
    unlink(path);
    return status;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_command_line(void **state)
{
    (void)state;
    service s;
    assert_int_equal(run(&s, ARGS("--workers", "0")), 2);
    assert_string_equal(s.log, "gradd: --workers: expected a whole number from 1 to 1024, "
                               "found \"0\"\n");
    assert_int_equal(run(&s, ARGS("--no-such")), 2);
    assert_int_equal(run(&s, ARGS("--listen", "nowhere")), 2);
    setenv("GRADD_TIMEOUT", "soon", 1);
    assert_int_equal(run(&s, ARGS("--check")), 2);
    assert_non_null(strstr(s.log, "gradd: GRADD_TIMEOUT: "));
    setenv("GRADD_TIMEOUT", "7", 1);
    assert_int_equal(run(&s, ARGS("--check", "--workers=3")), 0);
    assert_non_null(strstr(a.body, "timeout = 7\n"));
    assert_non_null(strstr(a.body, "workers = 3\n"));
    unsetenv("GRADD_TIMEOUT");
    assert_int_equal(run(&s, ARGS("--help")), 0);
    assert_non_null(strstr(a.body, "GRADD_DRAIN_TIMEOUT"));
    assert_int_equal(run(&s, ARGS("--version")), 0);
    assert_int_equal(strncmp(a.body, "gradd ", 6), 0);
}

static void test_healthcheck(void **state)
{
    (void)state;
    service s;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", shared.port);
    assert_int_equal(run(&s, ARGS("--healthcheck", "--listen", address)), 0);
    assert_string_equal(s.log, "");
    assert_int_equal(run(&s, ARGS("--healthcheck", "--listen", "127.0.0.1:0")), 1);
    assert_int_equal(run(&s, ARGS("--healthcheck", "--listen", "127.0.0.1:1")), 1);
    assert_non_null(strstr(s.log, "Connection refused"));
}

static void test_address_in_use(void **state)
{
    (void)state;
    service s;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", shared.port);
    assert_int_equal(run(&s, ARGS("--listen", address)), 1);
    assert_non_null(strstr(s.log, "Address already in use"));
}

static void test_several_addresses(void **state)
{
    (void)state;
    service s;
    char *also;
    service_start(&s, "--listen", "127.0.0.1:0,localhost:0", NULL);
    int first = s.port;
    also = strstr(s.log, " and http://127.0.0.1:");
    assert_non_null(also);
    s.port = atoi(also + strlen(" and http://127.0.0.1:"));
    assert_true(s.port != 0 && s.port != first);
    service_ask(&s, &a, "GET", "/healthz", NULL);
    assert_int_equal(a.status, 200);
    s.port = first;
    service_ask(&s, &a, "GET", "/healthz", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(service_stop(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_libcurl),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_not_found_and_not_allowed),
        cmocka_unit_test(test_refusal_keeps_connection),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_http_1_0),
        cmocka_unit_test(test_smuggling_is_refused),
        cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_request_log),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_healthcheck),
        cmocka_unit_test(test_address_in_use),
        cmocka_unit_test(test_several_addresses),
    };
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
