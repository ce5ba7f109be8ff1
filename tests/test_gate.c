/* test_gate.c -- every refusal of the gate, as a row. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "gate.h"

#define HEAD .method = "POST", .version = "HTTP/1.1", .hosts = 1
#define HEAD10 .method = "POST", .version = "HTTP/1.0"

typedef struct row {
    gate_facts facts;
    const char *code; /* NULL: let through */
} row;

static const row rows[] = {
    {{HEAD}, NULL},
    {{HEAD10}, NULL},
    {{HEAD10, .hosts = 1}, NULL},
    {{HEAD, .lengths = 1, .content_length = 12}, NULL},
    {{HEAD, .codings = 1, .transfer_encoding = "Chunked"}, NULL},
    {{HEAD, .expectations = 1, .expect = "100-Continue"}, NULL},
    {{.method = "G<T", .version = "HTTP/1.1", .hosts = 1}, "bad_request"},
    {{.method = "", .version = "HTTP/1.1", .hosts = 1}, "bad_request"},
    {{.method = "GET", .version = "HTTP/1.2", .hosts = 1}, "bad_request"},
    {{.method = "GET", .version = "HTTP/2.0", .hosts = 1}, "bad_request"},
    {{.method = "GET", .version = "HTTP/1.1 ", .hosts = 1}, "bad_request"},
    {{.method = "GET", .version = "HTTP/1.1"}, "bad_request"},
    {{.method = "GET", .version = "HTTP/1.1", .hosts = 2}, "bad_request"},
    {{.method = "GET", .version = "HTTP/1.0", .hosts = 2}, "bad_request"},
    {{HEAD, .bad_name = true}, "bad_request"},
    {{HEAD, .bad_value = true}, "bad_request"},
    {{HEAD, .lengths = 2}, "bad_request"},
    {{HEAD, .lengths = 1, .content_length = -1}, "bad_request"},
    {{HEAD, .codings = 2, .transfer_encoding = "chunked"}, "bad_request"},
    {{HEAD, .codings = 1, .transfer_encoding = "gzip, chunked"}, "bad_request"},
    {{HEAD, .codings = 1, .transfer_encoding = "xchunked"}, "bad_request"},
    {{HEAD, .codings = 1, .transfer_encoding = ""}, "bad_request"},
    {{HEAD, .codings = 1, .transfer_encoding = "chunked", .lengths = 1}, "bad_request"},
    {{HEAD10, .codings = 1, .transfer_encoding = "chunked"}, "bad_request"},
    {{HEAD, .expectations = 1, .expect = "a pony"}, "expectation_failed"},
    {{HEAD, .expectations = 2, .expect = "100-continue"}, "expectation_failed"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gate_refusal why = {0};
        bool refused = gate_refuses(&rows[i].facts, &why);
        if (refused != (rows[i].code != NULL)) print_message("row %zu\n", i);
        assert_int_equal(refused, rows[i].code != NULL);
        if (!refused) continue;
        assert_string_equal(why.code, rows[i].code);
        assert_non_null(why.detail);
    }
}

static void test_first_reason_wins(void **state)
{
    (void)state;
    gate_refusal why;
    gate_facts f = {HEAD, .bad_name = true, .expectations = 1, .expect = "a pony"};
    assert_true(gate_refuses(&f, &why));
    assert_string_equal(why.code, "bad_request");
}

static void test_tokens(void **state)
{
    (void)state;
    const char *good[] = {"Host", "x-a_b.c", "!#$%&'*+-.^_`|~09azAZ"};
    const char *bad[] = {"", "Content-Length ", "a:b", "a\x01", "\xc3\xa9", "a(b)", "a/b", "a\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(gate_is_token(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(gate_is_token(bad[i]));
}

static void test_values(void **state)
{
    (void)state;
    assert_true(gate_is_clean_value(""));
    assert_true(gate_is_clean_value("text/plain;\tq=\"\xc3\xa9\""));
    assert_false(gate_is_clean_value("a\rb"));
    assert_false(gate_is_clean_value("a\nb"));
    assert_false(gate_is_clean_value("a\x7f"));
}

static void test_lengths(void **state)
{
    (void)state;
    assert_int_equal(gate_read_length("0"), 0);
    assert_int_equal(gate_read_length("268435457"), 268435457);
    const char *bad[] = {"", "+3", "-3", "3, 3", "3 ", " 3", "0x3", "3.0",
                         "99999999999999999999", "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(gate_read_length(bad[i]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_first_reason_wins),
        cmocka_unit_test(test_tokens), cmocka_unit_test(test_values),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
