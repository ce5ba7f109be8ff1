/* test_buffer.c -- text that grows, base64, and memory that dies at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "json.h"

static grad_host limited(size_t memory)
{
    grad_host host = GRAD_HOST_DEFAULT;
    host.memory = memory;
    return host;
}

/* ---- buffer ---------------------------------------------------------------------------------- */

static void text_grows(void **state)
{
    (void)state;
    grad_host host = limited(1 << 20);
    buffer b = {.host = &host};
    for (int i = 0; i < 1000; i++) {
        buffer_text(&b, "ab");
        buffer_byte(&b, ',');
        buffer_format(&b, "%d;", i);
        buffer_add(&b, "xyz", 2);
    }
    assert_int_equal(b.failed, GRAD_OK);
    assert_int_equal(b.n, 1000 * 6 + 10 + 2 * 90 + 3 * 900);
    assert_memory_equal(b.at, "ab,0;xyab,1;xy", 14);
    assert_memory_equal(b.at + b.n - 7, ",999;xy", 7);
    assert_int_equal(host.used, b.room);
    buffer_free(&b);
    assert_int_equal(host.used, 0);
    assert_int_equal(b.n, 0);
    buffer_text(&b, "again");
    assert_int_equal(b.n, 5);
    buffer_free(&b);
    assert_int_equal(host.used, 0);
}

/* Formatted text of any length, where it fits just so, and where it does not. */
static void formats_of_any_length_fit(void **state)
{
    (void)state;
    for (int before = 0; before < 300; before += 7) {
        for (int n = 200; n < 300; n += 3) {
            buffer b = {0};
            buffer_format(&b, "%*s", before, "");
            buffer_format(&b, "<%*d>", n, 42);
            assert_int_equal(b.n, before + n + 2);
            assert_memory_equal(b.at + b.n - 4, " 42>", 4);
            buffer_free(&b);
        }
    }
}

static void the_budget_ends_growth(void **state)
{
    (void)state;
    grad_host host = limited(100000);
    buffer b = {.host = &host};
    size_t n = 0;
    for (; !b.failed; n++) buffer_byte(&b, 'x');
    assert_int_equal(b.failed, GRAD_MEMORY_LIMIT);
    assert_true(host.used <= host.memory);
    assert_int_equal(b.n, n - 1);
    assert_int_equal(b.n, 100000); /* to the last byte */
    buffer_text(&b, "no more");
    buffer_format(&b, "%d", 1);
    buffer_string(&b, "no", 2);
    buffer_numbers(&b, GRAD_BOOL, "\1", 1);
    buffer_base64(&b, "no", 2);
    assert_false(buffer_reserve(&b, 0));
    assert_int_equal(b.n, 100000);
    buffer_free(&b);
    assert_int_equal(host.used, 0);

    assert_false(buffer_reserve(&b, 100001));
    assert_int_equal(b.failed, GRAD_MEMORY_LIMIT);
    buffer_free(&b);
    assert_true(buffer_reserve(&b, 100000));
    buffer_free(&b);
    buffer_byte(&b, 'x');
    assert_false(buffer_reserve(&b, SIZE_MAX));
    assert_int_equal(b.failed, GRAD_OUT_OF_MEMORY);
    buffer_free(&b);
    assert_int_equal(host.used, 0);
}

static void expect_quoted(const char *text, size_t n, const char *want)
{
    buffer b = {0};
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    buffer_string(&b, copy, n);
    free(copy);
    if (b.n != strlen(want) || memcmp(b.at, want, b.n)) fail_msg("%.*s", (int)b.n, b.at);
    json_complaint why;
    assert_int_equal(json_check(b.at, b.n, NULL, &why), JSON_GOOD);
    buffer_free(&b);
}

static void strings_are_quoted(void **state)
{
    (void)state;
    expect_quoted("", 0, "\"\"");
    expect_quoted("n1", 2, "\"n1\"");
    expect_quoted("a \"b\" \\c/ a longer one", 22, "\"a \\\"b\\\" \\\\c/ a longer one\"");
    expect_quoted("\0\x01\b\t\n\x0B\f\r\x1F\x7F", 10,
                  "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7F\"");
    expect_quoted("na\xC3\xAFve \xE2\x82\xAC \xF0\x9D\x84\x9E", 15,
                  "\"na\xC3\xAFve \xE2\x82\xAC \xF0\x9D\x84\x9E\"");
    expect_quoted("cut \xE2\x82", 6, "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_quoted("\xFF" "a\xC0\xAF", 4, "\"\xEF\xBF\xBD" "a\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_quoted("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* ---- numbers, base64 ------------------------------------------------------------------------- */

static void expect_numbers(grad_dtype dtype, const void *data, size_t count, const char *want)
{
    buffer b = {0};
    buffer_byte(&b, '[');
    buffer_numbers(&b, dtype, data, count);
    buffer_text(&b, "]");
    buffer_byte(&b, '\0');
    assert_int_equal(b.failed, GRAD_OK);
    assert_string_equal(b.at, want);
    buffer_free(&b);
}

static void arrays_of_every_dtype_are_written(void **state)
{
    (void)state;
    expect_numbers(GRAD_FLOAT64, (double[]){1, -0.5, (double)NAN, 1e20}, 4,
                   "[1,-0.5,\"NaN\",1e+20]");
    expect_numbers(GRAD_FLOAT32, (float[]){0.1f, 2, -INFINITY}, 3, "[0.1,2,\"-Infinity\"]");
    expect_numbers(GRAD_INT64, (int64_t[]){INT64_MIN, 0, 42}, 3, "[-9223372036854775808,0,42]");
    expect_numbers(GRAD_INT32, (int32_t[]){INT32_MIN, 7}, 2, "[-2147483648,7]");
    expect_numbers(GRAD_BOOL, (uint8_t[]){1, 0, 1}, 3, "[true,false,true]");
    expect_numbers(GRAD_FLOAT64, NULL, 0, "[]");
}

static void long_arrays_come_back(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static double x[COUNT];
    for (int i = 0; i < COUNT; i++) x[i] = i % 3 ? i / 7.0 - 300 : i;
    buffer b = {0};
    buffer_byte(&b, '[');
    buffer_numbers(&b, GRAD_FLOAT64, x, COUNT);
    buffer_byte(&b, ']');
    json_complaint why;
    assert_int_equal(json_check(b.at, b.n, NULL, &why), JSON_GOOD);
    json_cursor c = json_open(b.at);
    size_t i = 0;
    for (json_enter(&c); json_more(&c); i++) assert_true(json_read_real(&c) == x[i]);
    assert_int_equal(i, COUNT);
    buffer_free(&b);
}

static void base64_is_the_standard_one(void **state)
{
    (void)state;
    static const char *const rows[][2] = { /* RFC 4648, section 10 */
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xFE", "+//+"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buffer b = {0};
        size_t n = strlen(rows[i][0]), got = 99;
        char back[16];
        buffer_base64(&b, rows[i][0], n);
        assert_int_equal(b.n, strlen(rows[i][1]));
        if (b.n) assert_memory_equal(b.at, rows[i][1], b.n);
        assert_true(base64_read(back, &got, rows[i][1], strlen(rows[i][1])));
        assert_int_equal(got, n);
        assert_memory_equal(back, rows[i][0], n);
        buffer_free(&b);
    }
}

static void base64_comes_back(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        unsigned char *bytes = malloc(n + 1), *back = malloc((n + 2) / 3 * 3 + 1);
        size_t got;
        buffer b = {0};
        for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * 167 + n * 59 + i * i);
        buffer_base64(&b, bytes, n);
        assert_true(base64_read(back, &got, b.at, b.n));
        assert_int_equal(got, n);
        assert_memory_equal(back, bytes, n);
        buffer_free(&b);
        free(bytes);
        free(back);
    }
}

static void malformed_base64_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Z", "Zg", "Zg=", "Zm9", "Zg==Zg==", "=", "==", "===", "====", "Z===", "=g==", "Zg=A",
        "Zm=v", "Z=8=", "Zm9v\n", " Zm9v", "Zm 9", "Zm9v====", "Zh==", "Zm9=", "Zm9-", "Zm9_",
        "Zm9*",
        "Zm9\xFF", "Zg\\u", "Zm9vZ===", "Zm9v=m8=", NULL,
    };
    char back[16];
    size_t got = 99;
    for (size_t i = 0; rows[i]; i++) {
        if (base64_read(back, &got, rows[i], strlen(rows[i]))) fail_msg("%s", rows[i]);
        assert_int_equal(got, 99);
    }
    assert_false(base64_read(back, &got, "Zm\0v", 4));
}

/* ---- arena ----------------------------------------------------------------------------------- */

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 3000 };
    static unsigned char *piece[PIECES];
    grad_host host = limited((size_t)64 << 20);
    arena a = {.host = &host};
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = i % 100 == 99 ? i * 10 : i % 37;
        piece[i] = arena_take(&a, n);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = i % 100 == 99 ? i * 10 : i % 37;
        size_t k = 0;
        while (k < n && piece[i][k] == i % 251) k++;
        assert_int_equal(k, n);
    }
    assert_true(host.used > 450000 && host.used < 3000000);
    arena_free(&a);
    assert_int_equal(host.used, 0);
    arena_free(&a);
}

static void the_budget_ends_taking(void **state)
{
    (void)state;
    grad_host host = limited(50000);
    arena a = {.host = &host};
    size_t taken = 0;
    while (arena_take(&a, 16)) taken += 16;
    assert_true(host.used <= host.memory);
    assert_true(taken > 25000);
    assert_null(arena_take(&a, 60000));
    assert_null(arena_take(&a, SIZE_MAX));
    assert_null(arena_array(&a, SIZE_MAX / 8, 16));
    assert_null(arena_array(&a, (size_t)1 << 33, (size_t)1 << 33));
    arena_free(&a);
    assert_int_equal(host.used, 0);

    arena uncounted = {0};
    assert_non_null(arena_take(&uncounted, 0));
    int64_t *list = arena_array(&uncounted, 10000, sizeof *list);
    assert_non_null(list);
    list[9999] = 1;
    assert_string_equal(arena_text(&uncounted, "gradient", 4), "grad");
    assert_string_equal(arena_text(&uncounted, NULL, 0), "");
    arena_free(&uncounted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(formats_of_any_length_fit),
        cmocka_unit_test(the_budget_ends_growth),
        cmocka_unit_test(strings_are_quoted),
        cmocka_unit_test(arrays_of_every_dtype_are_written),
        cmocka_unit_test(long_arrays_come_back),
        cmocka_unit_test(base64_is_the_standard_one),
        cmocka_unit_test(base64_comes_back),
        cmocka_unit_test(malformed_base64_is_refused),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(the_budget_ends_taking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
