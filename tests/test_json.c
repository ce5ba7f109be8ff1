/* test_json.c -- what json_check takes, what it refuses, and in which words.
 *
 * Every text is handed over in a block of exactly its size, so that AddressSanitizer sees any byte
 * that is read behind its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* A text that may hold NUL bytes, with its size. */
#define T(s) s, sizeof(s) - 1

static char *exactly(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    return copy;
}

static json_verdict check(const char *text, size_t n, json_complaint *why)
{
    char *copy = exactly(text, n);
    json_verdict v = json_check(copy, n, NULL, why);
    free(copy);
    return v;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const char *const good[] = {
    "{}", "[]", " \t\r\n{ } \n", "0", "-0", "1", "-1.5e+10", "0.5", "10E-3", "1e400", "\"\"",
    "true", "false", "null", "[[],{},[[]]]", "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
    "[ 1 , 2 , 3 ]", "{ \"a\" : 1 , \"b\" : 2 }", "{\"\":0}",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDd1E\\u0000\"]",
    "\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"",
    "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", "[0.1e1,0E0,1E+2,123456789012345678901234567890]",
    "{\"a\":1,\"A\":2,\"a \":3,\"\\u0062\":4,\"c\":5}", "[{\"a\":1},{\"a\":1},{\"a\":{\"a\":1}}]",
    NULL,
};

typedef struct refusal {
    const char *text;
    size_t n, line, column;
    const char *say; /* a part of the sentence */
} refusal;

static const refusal bad[] = {
    {T(""), 1, 1, "expected a value, found the end of the text"},
    {T("  \n "), 2, 2, "found the end of the text"},
    {T("{"), 1, 2, "the object of line 1, column 1 is not closed"},
    {T("{\"a\":[1,\n 2"), 2, 3, "the array of line 1, column 6 is not closed"},
    {T("{\"a\""), 1, 5, "expected ':' after a member's name, found the end of the text"},
    {T("{\"a\":"), 1, 6, "expected a value, found the end of the text"},
    {T("[1,]"), 1, 4, "expected a value after the comma (remove it if there is none), found ']'"},
    {T("[1,\n ]"), 2, 2, "remove it if there is none"},
    {T("{\"a\":1,}"), 1, 8, "expected a member after the comma (remove it if there is none)"},
    {T("[,1]"), 1, 2, "expected a value, found ','"},
    {T("[1 2]"), 1, 4, "expected ',' or ']' after an element, found '2'"},
    {T("[1}"), 1, 3, "expected ',' or ']' after an element, found '}'"},
    {T("{\"a\":1]"), 1, 7, "expected ',' or '}' after a member, found ']'"},
    {T("{\"a\":1 \"b\":2}"), 1, 8, "expected ',' or '}' after a member, found '\"'"},
    {T("{\"a\" 1}"), 1, 6, "expected ':' after a member's name, found '1'"},
    {T("{\"a\"=1}"), 1, 5, "a colon stands between a name and its value"},
    {T("{\"a\":}"), 1, 6, "expected a value, found '}'"},
    {T("{a:1}"), 1, 2, "expected a member's name in double quotes, found 'a'"},
    {T("{1:1}"), 1, 2, "expected a member's name in double quotes, found '1'"},
    {T("{'a':1}"), 1, 2, "found '''; strings and names stand in double quotes"},
    {T("['a']"), 1, 2, "strings and names stand in double quotes"},
    {T("[\xE2\x80\x9C" "a]"), 1, 2, "use the plain double quote"},
    {T("1 2"), 1, 3, "expected the end of the text after the value, found '2'"},
    {T("{}}"), 1, 3, "expected the end of the text after the value, found '}'"},
    {T("[1,// one\n2]"), 1, 4, "found '/'; JSON has no comments"},
    {T("[1 /* one */]"), 1, 4, "JSON has no comments"},
    {T("# one\n[]"), 1, 1, "JSON has no comments"},
    {T("[NaN]"), 1, 2, "found 'NaN'; write \"NaN\" as a string"},
    {T("[nan]"), 1, 2, "write \"NaN\" as a string"},
    {T("{\"a\":Infinity}"), 1, 6, "write \"Infinity\" as a string"},
    {T("[1, -Infinity]"), 1, 5, "found '-Infinity'; write \"-Infinity\" as a string"},
    {T("[-inf]"), 1, 2, "write \"-Infinity\" as a string"},
    {T("[+Infinity]"), 1, 2, "write \"Infinity\" as a string"},
    {T("True"), 1, 1, "found 'True'; write true in lower case"},
    {T("[None]"), 1, 2, "write null"},
    {T("[nope]"), 1, 2, "expected a value, found 'nope'"},
    {T("[nanometre]"), 1, 2, "expected a value, found 'nanometre'"},
    {T("[tru]"), 1, 2, "expected a value, found 'tru'"},
    {T("[truee]"), 1, 6, "expected ',' or ']' after an element, found 'e'"},
    {T("nul"), 1, 1, "expected a value, found 'nul'"},
    {T("[01]"), 1, 2, "leading zeros; write 7, not 007"},
    {T("[-01]"), 1, 2, "leading zeros"},
    {T("[+1]"), 1, 2, "found '+1'; a number has no plus sign"},
    {T("[.5]"), 1, 2, "a number starts with a digit, as in 0.5"},
    {T("[1.]"), 1, 4, "expected a digit, found ']'"},
    {T("[1.e5]"), 1, 4, "expected a digit, found 'e5'"},
    {T("[1e]"), 1, 4, "expected a digit, found ']'"},
    {T("[1e+]"), 1, 5, "expected a digit, found ']'"},
    {T("[-]"), 1, 3, "expected a digit, found ']'"},
    {T("-"), 1, 2, "expected a digit, found the end of the text"},
    {T("[0x10]"), 1, 3, "expected ',' or ']' after an element, found 'x10'"},
    {T("[1,2;3]"), 1, 5, "members and elements are separated by commas"},
    {T("\""), 1, 2, "expected the rest of a string, found the end of the text"},
    {T("[\"abc"), 1, 6, "expected the rest of a string, found the end of the text"},
    {T("\"\\"), 1, 3, "expected the rest of a string"},
    {T("\"\\\""), 1, 4, "expected the rest of a string"},
    {T("[\"a\nb\"]"), 1, 4, "found a line break in a string; write \\n, or close the string"},
    {T("[\"a\tb\"]"), 1, 4, "found a tab in a string; write \\t"},
    {T("[\"a\x01\"]"), 1, 4, "found the control byte 0x01 in a string; write \\u0001"},
    {T("[\"a\0\"]"), 1, 4, "write \\u0000"},
    {T("[\"\\x41\"]"), 1, 3, "there is no escape \\x; a backslash is written \\\\"},
    {T("[\"\\'\"]"), 1, 3, "there is no escape \\'"},
    {T("[\"\\\n\"]"), 1, 3, "a backslash alone means nothing"},
    {T("[\"\\u12G4\"]"), 1, 3, "four hexadecimal digits after \\u"},
    {T("[\"\\u12"), 1, 3, "four hexadecimal digits after \\u"},
    {T("[\"\\uD800\"]"), 1, 3, "\\uD800 is one half of a surrogate pair"},
    {T("[\"\\uDC00\\uD800\"]"), 1, 3, "\\uDC00 is one half of a surrogate pair"},
    {T("[\"\\uD800\\u0041\"]"), 1, 3, "one half of a surrogate pair"},
    {T("[\"\xFF\"]"), 1, 3, "byte 0xFF in a string is not valid UTF-8"},
    {T("[\"\x80\"]"), 1, 3, "byte 0x80 in a string is not valid UTF-8"},
    {T("[\"\xC0\xAF\"]"), 1, 3, "byte 0xC0"},
    {T("[\"\xE0\x9F\xBF\"]"), 1, 3, "byte 0xE0"},
    {T("[\"\xED\xA0\x80\"]"), 1, 3, "byte 0xED"},
    {T("[\"\xF0\x8F\xBF\xBF\"]"), 1, 3, "byte 0xF0"},
    {T("[\"\xF4\x90\x80\x80\"]"), 1, 3, "byte 0xF4"},
    {T("[\"\xE2\x82\"]"), 1, 3, "byte 0xE2"},
    {T("\"\xE2\x82"), 1, 2, "byte 0xE2"},
    {T("\xEF\xBB\xBF{}"), 1, 1, "found a byte order mark; send UTF-8 without a byte order mark"},
    {T("\xFF\xFE{\0}\0"), 1, 1, "send UTF-8, not UTF-16"},
    {T("{\0}\0"), 1, 2, "found a NUL byte; JSON is text in UTF-8"},
    {T("{}\0"), 1, 3, "expected the end of the text after the value, found a NUL byte"},
    {T("[1,\x02]"), 1, 4, "expected a value, found byte 0x02"},
    {T("[\xC2\xA0" "1]"), 1, 2, "a no-break space is not white space in JSON"},
    {T("{\"a\\u0000b\":1}"), 1, 4, "a member's name may not contain \\u0000"},
    {NULL, 0, 0, 0, NULL},
};

static const refusal twice[] = {
    {T("{\"a\":1,\"a\":2}"), 1, 8,
     "the name \"a\" stands twice in one object, first on line 1, column 2"},
    {T("{\"a\":1,\n \"b\":{\"a\":1},\n \"a\":2}"), 3, 2, "first on line 1, column 2"},
    {T("{\"a\":1,\"\\u0061\":2}"), 1, 8, "the name \"\\u0061\" stands twice"},
    {T("{\"\\u0061\":1,\"a\":2}"), 1, 13, "the name \"a\" stands twice"},
    {T("{\"\\/\":1,\"/\":2}"), 1, 9, "twice"},
    {T("{\"\\u00E9\":1,\"\xC3\xA9\":2}"), 1, 13, "twice"},
    {T("{\"\\uD834\\uDD1E\":1,\"\xF0\x9D\x84\x9E\":2}"), 1, 19, "twice"},
    {T("{\"\":1,\"\":2}"), 1, 7, "twice"},
    {T("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"a\":1}"), 1, 50,
     "column 2"},
    {T("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
       "\"\\u0069\":1}"), 1, 56, "column 50"},
    {NULL, 0, 0, 0, NULL},
};

static void good_texts_are_good(void **state)
{
    (void)state;
    json_complaint why;
    for (size_t i = 0; good[i]; i++)
        if (check(good[i], strlen(good[i]), &why) != JSON_GOOD)
            fail_msg("%s: %s", good[i], why.text);
}

static void nothing_is_bad(void **state)
{
    (void)state;
    json_complaint why;
    assert_int_equal(json_check(NULL, 0, NULL, &why), JSON_BAD);
    assert_int_equal(why.offset, 0);
}

static void expect_refusals(const refusal *r, json_verdict verdict)
{
    json_complaint why;
    for (; r->text; r++) {
        if (check(r->text, r->n, &why) != verdict) fail_msg("%s is taken", r->text);
        if (why.line != r->line || why.column != r->column || !strstr(why.text, r->say))
            fail_msg("%s: %zu:%zu %s", r->text, why.line, why.column, why.text);
    }
}

static void bad_texts_are_explained(void **state)
{
    (void)state;
    expect_refusals(bad, JSON_BAD);
}

static void repeated_names_are_found(void **state)
{
    (void)state;
    expect_refusals(twice, JSON_DUPLICATE);
}

/* ---- depth, size, stopping ------------------------------------------------------------------- */

static char big[1 << 20];

static void nesting_ends_at_a_thousand(void **state)
{
    (void)state;
    json_complaint why;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
            size_t n = 0;
            for (size_t i = 0; i < depth; i++)
                n += (size_t)sprintf(big + n, "%s", kind && i % 2 ? "{\"a\":" : "[");
            n += (size_t)sprintf(big + n, "1");
            for (size_t i = depth; i-- > 0;)
                n += (size_t)sprintf(big + n, "%s", kind && i % 2 ? "}" : "]");
            assert_int_equal(check(big, n, &why), depth > JSON_DEPTH ? JSON_BAD : JSON_GOOD);
            if (depth > JSON_DEPTH) assert_non_null(strstr(why.text, "more than 1000 deep"));
        }
    }
    memset(big, '[', sizeof big);
    assert_int_equal(check(big, sizeof big, &why), JSON_BAD);
    assert_int_equal(why.column, JSON_DEPTH + 1);
}

static void every_beginning_is_bad(void **state)
{
    (void)state;
    static const char text[] =
        "{\"graph\": {\"nodes\": [{\"id\": \"na\xC3\xAFve\", \"op\": \"add\", \"inputs\": [\"x\", "
        "-1.25e-7, true, null]}]}, \"\\u0061\\n\": [\"\\uD834\\uDD1E a longer string\", {}, [], "
        "false, 12345678901234567890, 0.1234567890123456789]}";
    json_complaint why;
    assert_int_equal(check(T(text), &why), JSON_GOOD);
    for (size_t n = 0; n < sizeof text - 1; n++)
        if (check(text, n, &why) != JSON_BAD || why.offset > n) fail_msg("%.*s", (int)n, text);
}

/* An object of n members x0, x1, …, the last of which is named `last` if given. */
static size_t write_members(char *to, size_t n, const char *last)
{
    size_t used = (size_t)sprintf(to, "{");
    for (size_t i = 0; i + 1 < n; i++) used += (size_t)sprintf(to + used, "\"x%zu\":%zu,", i, i);
    if (last) used += (size_t)sprintf(to + used, "\"%s\":{}}", last);
    else used += (size_t)sprintf(to + used, "\"x%zu\":{}}", n - 1);
    return used;
}

static void many_members_are_told_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {7, 8, 9, 10, 31, 32, 33, 64, 65, 1000, 30000};
    json_complaint why;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(check(big, write_members(big, sizes[i], NULL), &why), JSON_GOOD);
        assert_int_equal(check(big, write_members(big, sizes[i], "x0"), &why), JSON_DUPLICATE);
        assert_int_equal(check(big, write_members(big, sizes[i], "\\u00785"), &why),
                         JSON_DUPLICATE);
        assert_int_equal(check(big, write_members(big, sizes[i], "\\u00785\\u0020"), &why),
                         JSON_GOOD);
    }
}

/* Objects of many members within objects of many members, all of the same names: each is a world
   of its own, and the outer ones are remembered when the inner ones are gone. */
static void nested_objects_do_not_mix(void **state)
{
    (void)state;
    enum { DEEP = 40, WIDE = 40 };
    json_complaint why;
    for (size_t repeat = 0; repeat <= DEEP; repeat++) { /* the level that repeats; DEEP: none */
        size_t n = 0;
        for (size_t level = 0; level < DEEP; level++) {
            n += (size_t)sprintf(big + n, "{");
            for (size_t i = 0; i < level % WIDE; i++)
                n += (size_t)sprintf(big + n, "\"x%zu\":{\"x0\":1},", i);
            n += (size_t)sprintf(big + n, "\"deeper\":");
        }
        n += (size_t)sprintf(big + n, "1");
        for (size_t level = DEEP; level-- > 0;) {
            for (size_t i = level % WIDE; i < WIDE; i++)
                n += (size_t)sprintf(big + n, ",\"x%zu\":1", i);
            n += (size_t)sprintf(big + n, ",\"%s\":1}", level == repeat ? "deeper" : "other");
        }
        assert_int_equal(check(big, n, &why), repeat < DEEP ? JSON_DUPLICATE : JSON_GOOD);
        if (repeat < DEEP) assert_non_null(strstr(why.text, "\"deeper\""));
    }
}

/* Thousands of objects, of few members and of many, come and go while others stay open. */
static void closed_objects_are_forgotten(void **state)
{
    (void)state;
    json_complaint why;
    for (int repeat = 0; repeat < 2; repeat++) {
        size_t n = (size_t)sprintf(big, "{\"a\":1,\"b\":2,\"c\":");
        n += write_members(big + n, 20, NULL) - 3; /* open: its last value is to come */
        n += (size_t)sprintf(big + n, "[0");
        for (size_t i = 0; i < 3000; i++) {
            big[n++] = ',';
            n += write_members(big + n, i % 1000 == 0 ? 400 : i % 12 + 1, NULL);
        }
        n += (size_t)sprintf(big + n, "],\"%s\":1},\"d\":1}", repeat ? "x7" : "y");
        assert_int_equal(check(big, n, &why), repeat ? JSON_DUPLICATE : JSON_GOOD);
    }
}

static void long_names_are_cut_in_the_sentence(void **state)
{
    (void)state;
    json_complaint why;
    char name[600] = "";
    for (int i = 0; i < 90; i++) strcat(name, "\xE2\x82\xAC");
    size_t n = (size_t)sprintf(big, "{\"%s\":1,\"%s\":2}", name, name);
    assert_int_equal(check(big, n, &why), JSON_DUPLICATE);
    assert_non_null(strstr(why.text, "\xE2\x82\xAC\xE2\x82\xAC\" stands twice"));
}

static void the_flag_stops_the_check(void **state)
{
    (void)state;
    json_complaint why;
    volatile int stop = 1;
    grad_host host = GRAD_HOST_DEFAULT;
    size_t n = write_members(big, 30000, NULL);
    host.stop = &stop;
    assert_int_equal(json_check(big, n, &host, &why), JSON_STOPPED);
    stop = 0;
    assert_int_equal(json_check(big, n, &host, &why), JSON_GOOD);
}

static void names_count_as_memory(void **state)
{
    (void)state;
    json_complaint why;
    grad_host host = GRAD_HOST_DEFAULT;
    size_t n = write_members(big, 30000, NULL);
    host.used = 5;
    for (host.memory = 1000; host.memory < (size_t)4 << 20; host.memory *= 2) {
        json_verdict verdict = json_check(big, n, &host, &why);
        assert_int_equal(host.used, 5);
        if (verdict == JSON_GOOD) return;
        assert_int_equal(verdict, JSON_OVER_LIMIT);
    }
    fail_msg("30000 names take more than 4 MiB");
}

static void places_are_found(void **state)
{
    (void)state;
    static const char text[] = "ab\ncd\n\ne";
    static const size_t want[][2] = {{1, 1}, {1, 2}, {1, 3}, {2, 1}, {2, 2},
                                     {2, 3}, {3, 1}, {4, 1}, {4, 2}};
    for (size_t i = 0; i < sizeof text; i++) {
        size_t line, column;
        json_locate(text, i, &line, &column);
        assert_int_equal(line, want[i][0]);
        assert_int_equal(column, want[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_good),
        cmocka_unit_test(nothing_is_bad),
        cmocka_unit_test(bad_texts_are_explained),
        cmocka_unit_test(repeated_names_are_found),
        cmocka_unit_test(nesting_ends_at_a_thousand),
        cmocka_unit_test(every_beginning_is_bad),
        cmocka_unit_test(many_members_are_told_apart),
        cmocka_unit_test(nested_objects_do_not_mix),
        cmocka_unit_test(closed_objects_are_forgotten),
        cmocka_unit_test(long_names_are_cut_in_the_sentence),
        cmocka_unit_test(the_flag_stops_the_check),
        cmocka_unit_test(names_count_as_memory),
        cmocka_unit_test(places_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
