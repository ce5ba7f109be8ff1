/* test_number.c -- numbers out of text and into it: against the C library, both ways.
 *
 * Numbers are read from blocks of exactly their text's size, so that AddressSanitizer sees any byte
 * that is read behind its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "json.h"

static uint64_t random_state;

static uint64_t random_word(void) /* splitmix64 */
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The same value, the sign of zero included. */
static bool same(double a, double b)
{
    return a == b && !signbit(a) == !signbit(b);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A number read in the three ways there are, out of an array that ends with the block. */
typedef struct reading {
    json_number number;
    double real;
    float single;
} reading;

static reading read_text(const char *text, size_t n)
{
    reading r;
    char *copy = malloc(n + 2);
    assert_non_null(copy);
    copy[0] = '[';
    memcpy(copy + 1, text, n);
    copy[n + 1] = ']';
    json_complaint why;
    if (json_check(copy, n + 2, NULL, &why) != JSON_GOOD) fail_msg("%s: %s", text, why.text);
    for (int way = 0; way < 3; way++) {
        json_cursor c = {copy};
        json_enter(&c);
        assert_true(json_more(&c));
        if (way == 0) r.number = json_read_number(&c);
        else if (way == 1) r.real = json_read_real(&c);
        else r.single = json_read_float(&c);
        assert_ptr_equal(c.at, copy + n + 1);
    }
    free(copy);
    assert_true(same(r.number.real, r.real));
    return r;
}

/* strtod and strtof round correctly, however many digits there are. */
static reading expect_nearest(const char *text)
{
    reading r = read_text(text, strlen(text));
    if (!same(r.real, strtod(text, NULL))) fail_msg("%.60s is read as %.17g", text, r.real);
    if (!same((double)r.single, (double)strtof(text, NULL)))
        fail_msg("%.60s is read as the float %.9g", text, (double)r.single);
    return r;
}

static void reals_are_the_nearest(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0", "-0", "0.0", "-0.0e5", "0e400", "0e-400", "1", "0.1", "0.3", "123456789.125", "1e22",
        "1e23", "8.5e22", "9007199254740991", "9007199254740992", "9007199254740993",
        "9007199254740993.0", "9007199254740992.99999999999999999999999", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "18446744073709551616",
        "99999999999999999999", "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "1e308", "1e309", "-1e309", "1e400", "-1e400",
        "1e99999999999999999999999", "-1e-99999999999999999999999", "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.4e-324", "-2.4e-324", "2.2250738585072011e-308",
        "2.2250738585072014e-308", "3.4028234663852886e38", "3.4028235677973366e38",
        "3.4028235677973365e38", "3.5e38", "1e39", "1.1754943508222875e-38", "1.4e-45", "7e-46",
        "7.1e-46", "16777216", "16777217", "16777219", "16777217.0000000001", "16777216.999999999",
        "0.000000000000000000000000000000000000001", "0.5000000298023223876953125",
        "0.50000002980232238769531250000000000001", "0.50000002980232238769531249999999999999",
        "1.00000005960464477539062500000000000000000000000000000000000000000000000000000000001",
        "0.0000001234567890123456789", "123456789012345678901234567890e-15", "1E5", "1e+5",
        "1.5E-7",
        "7450580596923828125e-27", "18446744073709551615e-27", "9999999999999999999e-27",
        "9007199254740993e-1", "90071992547409930000e-4", "1e-27", "1e-28", NULL,
    };
    for (size_t i = 0; texts[i]; i++) expect_nearest(texts[i]);
}

static void random_decimals_are_the_nearest(void **state)
{
    (void)state;
    char text[128];
    random_state = 1;
    for (int round = 0; round < 100000; round++) {
        size_t n = 0, digits = 1 + random_word() % (round % 10 == 0 ? 40 : 20);
        size_t point = random_word() % (digits + 1);
        if (random_word() % 2) text[n++] = '-';
        if (point == 0) text[n++] = '0';
        for (size_t i = 0; i < digits; i++) {
            if (i == point) text[n++] = '.';
            text[n++] = (char)('0' + random_word() % 10);
            if (i == 0 && point > 0 && text[n - 1] == '0') text[n - 1] = '1';
        }
        text[n] = '\0';
        int range = round % 3 == 0 ? 700 : 60;
        if (round % 2) sprintf(text + n, "e%d", (int)(random_word() % (unsigned)range) - range / 2);
        expect_nearest(text);
    }
}

/* Exactly halfway between two neighbours, and a hair to either side of it. */
static void halfway_goes_to_even(void **state)
{
    (void)state;
    static char text[1200];
    random_state = 2;
    for (int round = 0; round < 3000; round++) {
        double x = double_of(random_word() & ~((uint64_t)1 << 63));
        double next = nextafter(x, INFINITY);
        if (!isfinite(x) || !isfinite(next)) continue;
        long double middle = ((long double)x + (long double)next) / 2;
        if (round % 2) { /* halfway between floats */
            float f = (float)double_of((uint64_t)(1023 - 60 + random_word() % 120) << 52 |
                                       random_word() >> 12);
            middle = ((long double)f + (long double)nextafterf(f, INFINITY)) / 2;
        }
        snprintf(text, sizeof text, "%.770Le", middle);
        expect_nearest(text);
        char *e = strchr(text, 'e'), exponent[16];
        strcpy(exponent, e);
        snprintf(e, (size_t)(text + sizeof text - e), "000000000000000000000000001%s", exponent);
        expect_nearest(text);
        for (char *p = e - 1; p > text; p--) { /* the last digit that is not 0, one less */
            if (*p <= '0') continue;
            (*p)--;
            break;
        }
        snprintf(e, (size_t)(text + sizeof text - e), "999999999999999999999999999%s", exponent);
        expect_nearest(text);
    }
}

static void endless_digits_are_read(void **state)
{
    (void)state;
    enum { ZEROS = 100000 };
    static char text[2 * ZEROS + 100];
    char zeros[ZEROS + 1];
    memset(zeros, '0', ZEROS);
    zeros[ZEROS] = '\0';
    snprintf(text, sizeof text, "1%se-%d", zeros, ZEROS);
    reading r = read_text(text, strlen(text));
    assert_true(r.real == 1 && r.number.is_whole && r.number.whole == 1 && r.single == 1);
    snprintf(text, sizeof text, "-0.%s25e%d", zeros, ZEROS + 1);
    r = read_text(text, strlen(text));
    assert_true(r.real == -2.5 && !r.number.is_whole && r.single == -2.5f);
    snprintf(text, sizeof text, "0.%s25e%d", zeros, ZEROS + 2);
    r = read_text(text, strlen(text));
    assert_true(r.real == 25 && r.number.is_whole && r.number.whole == 25);
    snprintf(text, sizeof text, "-1%s", zeros);
    r = read_text(text, strlen(text));
    assert_true(r.real == -INFINITY && !r.number.is_whole && r.single == -INFINITY);
    snprintf(text, sizeof text, "-0.%s1", zeros);
    r = read_text(text, strlen(text));
    assert_true(same(r.real, -0.0) && !r.number.is_whole);
    snprintf(text, sizeof text, "9007199254740993.%s", zeros); /* halfway, exactly */
    assert_true(read_text(text, strlen(text)).real == 9007199254740992.0);
    snprintf(text, sizeof text, "9007199254740993.%s1", zeros);
    assert_true(read_text(text, strlen(text)).real == 9007199254740994.0);
    snprintf(text, sizeof text, "0.%s%s", zeros, zeros);
    r = read_text(text, strlen(text));
    assert_true(same(r.real, 0) && r.number.is_whole && r.number.whole == 0);
}

static void whole_numbers_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_whole;
        int64_t whole;
    } rows[] = {
        {"0", true, 0}, {"-0", true, 0}, {"0.0", true, 0}, {"0e9", true, 0}, {"0.000e-99", true, 0},
        {"7", true, 7}, {"-12", true, -12}, {"1.0", true, 1}, {"1e2", true, 100},
        {"1.5e1", true, 15},
        {"1000e-3", true, 1}, {"1000e-4", false, 0}, {"1.50", false, 0}, {"0.5", false, 0},
        {"1e-1", false, 0}, {"1e18", true, 1000000000000000000}, {"1e19", false, 0},
        {"1e999999999999999999999", false, 0}, {"1e-999999999999999999999", false, 0},
        {"9223372036854775807", true, INT64_MAX}, {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN}, {"-9223372036854775809", false, 0},
        {"9.223372036854775807e18", true, INT64_MAX}, {"9.223372036854775808e18", false, 0},
        {"-9.223372036854775808e18", true, INT64_MIN}, {"922337203685477580.7e1", true, INT64_MAX},
        {"92233720368547758070e-1", true, INT64_MAX}, {"92233720368547758080e-1", false, 0},
        {"18446744073709551616", false, 0}, {"99999999999999999999", false, 0},
        {"100000000000000000000e-2", true, 1000000000000000000},
        {"100000000000000000000e-20", true, 1}, {"100000000000000000001e-20", false, 0},
        {"9007199254740993", true, 9007199254740993},
        {"9007199254740993.00000000000000000000", true, 9007199254740993},
        {"9007199254740993.00000000000000000001", false, 0},
        {"0.00000000000000000000000001e26", true, 1}, {"0.00000000000000000000000001e25", false, 0},
        {"7766279631452241920e-20", false, 0}, {"1e-20", false, 0},
        {"12345678901234567890000e-4", true, 1234567890123456789}, {NULL, false, 0},
    };
    for (size_t i = 0; rows[i].text; i++) {
        reading r = expect_nearest(rows[i].text);
        if (r.number.is_whole != rows[i].is_whole ||
            (r.number.is_whole && r.number.whole != rows[i].whole))
            fail_msg("%s: %s %lld", rows[i].text, r.number.is_whole ? "whole" : "not whole",
                     (long long)r.number.whole);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void reals_are_written_as_promised(void **state)
{
    (void)state;
    static const struct {
        double x;
        const char *text;
    } rows[] = {
        {0.0, "0"}, {-0.0, "-0.0"}, {1, "1"}, {3, "3"}, {-12, "-12"}, {0.1, "0.1"}, {-2.5, "-2.5"},
        {100, "100"}, {1e15, "1000000000000000"}, {9007199254740991.0, "9007199254740991"},
        {-9007199254740991.0, "-9007199254740991"},
        {9007199254740992.0, "9.007199254740992e+15"}, {1e16, "1e+16"}, {-1e20, "-1e+20"},
        {1e300, "1e+300"}, {1.7976931348623157e308, "1.7976931348623157e+308"}, {1e-7, "1e-07"},
        {5e-324, "5e-324"}, {-2.2250738585072014e-308, "-2.2250738585072014e-308"},
        {0.30000000000000004, "0.30000000000000004"}, {123456.789, "123456.789"},
        {(double)NAN, "\"NaN\""}, {-(double)NAN, "\"NaN\""}, {(double)INFINITY, "\"Infinity\""},
        {-(double)INFINITY, "\"-Infinity\""},
    };
    static const struct {
        float x;
        const char *text;
    } singles[] = {
        {0.0f, "0"}, {-0.0f, "-0.0"}, {0.1f, "0.1"}, {-3.0f, "-3"}, {16777216.0f, "16777216"},
        {1.5e10f, "15000000512"}, {9007199254740992.0f, "9.007199e+15"}, {1e16f, "1e+16"},
        {3.4028235e38f, "3.4028235e+38"}, {1e-45f, "1e-45"}, {0.33333334f, "0.33333334"},
        {NAN, "\"NaN\""}, {INFINITY, "\"Infinity\""}, {-INFINITY, "\"-Infinity\""},
    };
    char text[NUMBER_ROOM + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text[number_write_double(text, rows[i].x)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        text[number_write_float(text, singles[i].x)] = '\0';
        assert_string_equal(text, singles[i].text);
    }
}

static size_t significant_digits(const char *text)
{
    size_t n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '.' || *text == '-' || (*text == '0' && n == 0)) continue;
        n++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

/* No text of fewer digits reads back as the same double. */
static void expect_shortest(double x, const char *text)
{
    char shorter[40];
    size_t n = significant_digits(text);
    if (n < 2) return;
    snprintf(shorter, sizeof shorter, "%.*e", (int)n - 2, x);
    if (strtod(shorter, NULL) == x) fail_msg("%s is longer than %s", text, shorter);
}

static void expect_round_trip(double x)
{
    char text[NUMBER_ROOM + 1];
    size_t n = number_write_double(text, x);
    assert_true(n <= 24);
    text[n] = '\0';
    reading r = read_text(text, n);
    if (!same(r.real, x) || !same(strtod(text, NULL), x)) fail_msg("%.17g is written %s", x, text);
    expect_shortest(x, text);
    bool has_exponent = strchr(text, 'e') != NULL;
    if (x == floor(x) && has_exponent != (fabs(x) >= 0x1p53)) fail_msg("%s", text);
}

static void any_double_comes_back(void **state)
{
    (void)state;
    random_state = 3;
    for (int round = 0; round < 60000; round++) {
        uint64_t bits = random_word();
        double x = double_of(bits);
        switch (round % 6) {
        case 0: x = (double)(bits >> 11) * 0x1p-53; break;
        case 1: x = (double)((int64_t)(bits % 200001) - 100000) / 100; break;
        case 2: x = (double)((int64_t)bits >> (bits % 64)); break;
        case 3: x = 0x1p53 + (double)((int64_t)(bits % 64) - 32); break;
        default: break;
        }
        if (isfinite(x)) expect_round_trip(x);
    }
}

static void any_float_comes_back(void **state)
{
    (void)state;
    random_state = 4;
    for (int round = 0; round < 60000; round++) {
        float x = float_of((uint32_t)random_word());
        if (round % 3 == 0) x = (float)(random_word() >> 40) * 0x1p-24f;
        if (!isfinite(x)) continue;
        char text[NUMBER_ROOM + 1], shorter[40];
        size_t n = number_write_float(text, x);
        text[n] = '\0';
        reading r = read_text(text, n);
        if (!same((double)r.single, (double)x)) fail_msg("%.9g is written %s", (double)x, text);
        size_t digits = significant_digits(text);
        if (digits < 2 || (x == floorf(x) && fabsf(x) < 0x1p53f)) continue;
        snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, (double)x);
        if (strtof(shorter, NULL) == x) fail_msg("%s is longer than %s", text, shorter);
    }
}

static void integers_are_written(void **state)
{
    (void)state;
    char text[NUMBER_ROOM + 1], want[32];
    random_state = 5;
    for (int round = 0; round < 20000; round++) {
        int64_t x = (int64_t)random_word() >> (random_word() % 64);
        if (round == 0) x = INT64_MIN;
        if (round == 1) x = INT64_MAX;
        if (round == 2) x = 0;
        text[number_write_int(text, x)] = '\0';
        snprintf(want, sizeof want, "%lld", (long long)x);
        assert_string_equal(text, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_are_the_nearest),
        cmocka_unit_test(random_decimals_are_the_nearest),
        cmocka_unit_test(halfway_goes_to_even),
        cmocka_unit_test(endless_digits_are_read),
        cmocka_unit_test(whole_numbers_are_known),
        cmocka_unit_test(reals_are_written_as_promised),
        cmocka_unit_test(any_double_comes_back),
        cmocka_unit_test(any_float_comes_back),
        cmocka_unit_test(integers_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
