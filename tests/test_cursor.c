/* test_cursor.c -- what a cursor sees in checked text, and how both compare with jansson.
 *
 * Every text is handed over in a block of exactly its size, so that AddressSanitizer sees any byte
 * that is read behind its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
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

/* ---- against jansson ------------------------------------------------------------------------- */

static const char *const samples[] = {
    "{\"graph\": {\"nodes\": [{\"id\": \"q\", \"op\": \"add\", \"inputs\": [\"x\", \"y\"]}, "
    "{\"id\": \"f\", \"op\": \"mul\", \"inputs\": [\"q\", \"z\"]}], \"outputs\": [\"f\"]}, "
    "\"inputs\": {\"x\": -2, \"y\": 5, \"z\": -4}}",
    "{\"a\":1,\"b\":[1,2.5,-3e-2,1E5],\"c\":{\"d\":null,\"e\":true,\"f\":false},"
    "\"g\":\"\\u0061\\n\",\"h\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\",\"i\":[],\"j\":{},"
    "\"k\":0,\"l\":-0.0,\"m\":\"\"}",
    "[\"\\uD834\\uDD1E\\\"\\\\\\/\\b\\f\\n\\r\\t\",[[[[1],2],3],4],{\"\":{\"\":{\"\":0}}},\"a b\"]",
    "{\n  \"x\": {\"shape\": [2, 3],\n    \"dtype\": \"float32\",\n    \"data\": [0.1, 0.2, 1e-3, "
    "\"NaN\",\n      -1.5, 100]},\n  \"\\u0079\": [[1, 2],\n    [3, 4]]\n}\n",
    NULL,
};

static uint64_t random_state;

static uint64_t random_word(void) /* splitmix64 */
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* One change in place: a byte replaced, removed, doubled, or a piece copied elsewhere. */
static size_t mutate(char *text, size_t n, size_t room)
{
    static const char likely[] = "\"\\{}[],:0123456789-+.eEtfnu/ \n\t'aA"
                                 "\x80\xC3\xE2\xED\xF0\xFF\x00";
    size_t at = random_word() % n;
    switch (random_word() % 5) {
    case 0: text[at] = likely[random_word() % (sizeof likely - 1)]; return n;
    case 1: text[at] = (char)random_word(); return n;
    case 2: memmove(text + at, text + at + 1, n - at - 1); return n > 1 ? n - 1 : n;
    case 3:
        if (n == room) return n;
        memmove(text + at + 1, text + at, n - at);
        text[at] = likely[random_word() % (sizeof likely - 1)];
        return n + 1;
    default: {
        size_t from = random_word() % n, some = 1 + random_word() % 12;
        if (some > n - from) some = n - from;
        if (some > room - n) return n;
        char piece[12];
        memcpy(piece, text + from, some);
        memmove(text + at + some, text + at, n - at);
        memcpy(text + at, piece, some);
        return n + some;
    }
    }
}

/* What the cursor sees, as a tree of jansson's, without recursion: open[] are the containers. */
static json_t *read_tree(const char *text)
{
    struct {
        json_t *tree;
        char *name;
        bool is_object;
    } open[64] = {0};
    size_t depth = 0;
    json_t *value = NULL;
    json_cursor c = json_open(text);
    for (;;) {
        json_number number;
        json_slice raw;
        char *bytes;
        bool enters = false;
        switch (json_peek(c)) {
        case KIND_NULL: value = json_null(); json_skip(&c); break;
        case KIND_TRUE: value = json_true(); json_skip(&c); break;
        case KIND_FALSE: value = json_false(); json_skip(&c); break;
        case KIND_NUMBER:
            raw = json_skip(&(json_cursor){c.at});
            number = json_read_number(&c);
            value = memchr(raw.at, '.', raw.n) || memchr(raw.at, 'e', raw.n) ||
                            memchr(raw.at, 'E', raw.n)
                        ? json_real(number.real)
                        : json_integer(number.whole);
            break;
        case KIND_STRING:
            raw = json_read_string(&c);
            bytes = malloc(raw.n + 1);
            value = json_stringn(bytes, json_unescape(bytes, raw));
            free(bytes);
            break;
        case KIND_ARRAY: enters = true; value = json_array(); break;
        case KIND_OBJECT: enters = true; value = json_object(); break;
        }
        assert_non_null(value);
        if (enters) {
            open[++depth].tree = value;
            open[depth].is_object = json_is_object(value);
            json_enter(&c);
        }
        for (;;) { /* what is complete goes into what holds it */
            if (!enters) {
                if (depth == 0) return value;
                if (open[depth].is_object)
                    json_object_set_new(open[depth].tree, open[depth].name, value);
                else json_array_append_new(open[depth].tree, value);
                free(open[depth].name);
                open[depth].name = NULL;
            }
            enters = false;
            if (json_more(&c)) break;
            value = open[depth--].tree;
        }
        if (open[depth].is_object) {
            raw = json_name(&c);
            open[depth].name = calloc(1, raw.n + 1);
            json_unescape(open[depth].name, raw);
        }
    }
}

static void the_cursor_sees_what_jansson_sees(void **state)
{
    (void)state;
    for (size_t i = 0; samples[i]; i++) {
        size_t n = strlen(samples[i]);
        char *text = exactly(samples[i], n);
        json_complaint why;
        assert_int_equal(json_check(text, n, NULL, &why), JSON_GOOD);
        json_t *ours = read_tree(text), *theirs = json_loadb(text, n, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(ours, theirs));
        json_decref(ours);
        json_decref(theirs);
        json_cursor c = json_open(text);
        json_slice all = json_skip(&c); /* the same end by the short way */
        assert_int_equal(all.n, samples[i][n - 1] == '\n' ? n - 1 : n);
        free(text);
    }
}

/* Two differences are known: jansson refuses numbers beyond its types, which for json_check are
   numbers, and passes over some NUL bytes, which json_check never does. */
static void verdicts_agree_with_jansson(void **state)
{
    (void)state;
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    size_t taken = 0, doubled = 0;
    random_state = 7;
    for (int round = 0; round < 20000; round++) {
        char text[1024];
        size_t n = strlen(samples[round % 4]);
        memcpy(text, samples[round % 4], n);
        for (uint64_t times = 1 + random_word() % 3; times > 0; times--)
            n = mutate(text, n, sizeof text);
        char *copy = exactly(text, n);
        json_complaint why;
        json_error_t err;
        json_verdict verdict = json_check(copy, n, NULL, &why);
        json_t *theirs = json_loadb(copy, n, flags, &err);
        bool beyond = !theirs && json_error_code(&err) == json_error_numeric_overflow;
        bool repeats = !theirs && json_error_code(&err) == json_error_duplicate_key;
        if (memchr(copy, 0, n)) {
            assert_int_not_equal(verdict, JSON_GOOD);
        } else if (!beyond) {
            json_verdict want = theirs ? JSON_GOOD : repeats ? JSON_DUPLICATE : JSON_BAD;
            if (verdict != want)
                fail_msg("%.*s\n%s\n%s", (int)n, text, why.text, theirs ? "good" : err.text);
        }
        if (verdict == JSON_GOOD && theirs) {
            const char *first = json_open(copy).at;
            if (*first == '{' || *first == '[') {
                json_t *ours = read_tree(copy);
                if (!json_equal(ours, theirs)) fail_msg("%.*s", (int)n, text);
                json_decref(ours);
            }
        }
        taken += theirs != NULL;
        doubled += repeats;
        json_decref(theirs);
        free(copy);
    }
    assert_true(taken > 1000); /* the mutations are of both sorts */
    assert_true(doubled > 10);
}

/* ---- strings --------------------------------------------------------------------------------- */

static void strings_mean_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *means;
        size_t n;
    } rows[] = {
        {"", T("")}, {"abc", T("abc")}, {"\\u0061bc", T("abc")}, {"a\\u0062\\u0063", T("abc")},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", T("\"\\/\b\f\n\r\t")}, {"\\u00e9", T("\xC3\xA9")},
        {"\\u20AC!", T("\xE2\x82\xAC!")}, {"\\ud834\\udd1E", T("\xF0\x9D\x84\x9E")},
        {"\xC3\xA9", T("\xC3\xA9")}, {"a\\u0000b", T("a\0b")}, {"\\uFFFF", T("\xEF\xBF\xBF")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_slice raw = {rows[i].raw, strlen(rows[i].raw)};
        char to[64];
        assert_int_equal(json_unescape(to, raw), rows[i].n);
        assert_memory_equal(to, rows[i].means, rows[i].n);
        assert_int_equal(json_is(raw, rows[i].means), strlen(rows[i].means) == rows[i].n);
        assert_int_equal(json_is_plain(raw), !strchr(rows[i].raw, '\\'));
    }
    json_slice ab = {"ab", 2}, escaped = {"a\\b", 3};
    assert_false(json_is(ab, "a"));
    assert_false(json_is(ab, "abc"));
    assert_false(json_is(ab, ""));
    assert_false(json_is(escaped, "a\\b"));
    assert_true(json_is(escaped, "a\b"));
    assert_false(json_is(escaped, "a"));
    assert_false(json_is(escaped, "a\bc"));
}

/* Strings of any length, with escapes just before the end. */
static void long_strings_end_where_they_end(void **state)
{
    (void)state;
    static const char *const tails[] = {"",           "\\\\",     "\\\"", "\\\\\\\"",
                                        "\\\"\\\\", "\\\\\\\\", NULL};
    for (size_t length = 0; length < 80; length++) {
        for (size_t i = 0; tails[i]; i++) {
            char text[128], letters[80];
            memset(letters, 'a', sizeof letters);
            int n = sprintf(text, "[\"%.*s%s\"]", (int)length, letters, tails[i]);
            char *copy = exactly(text, (size_t)n);
            json_complaint why;
            assert_int_equal(json_check(copy, (size_t)n, NULL, &why), JSON_GOOD);
            json_cursor c = json_open(copy), whole = c;
            assert_int_equal(json_skip(&whole).n, n);
            json_enter(&c);
            assert_true(json_more(&c));
            assert_int_equal(json_read_string(&c).n, length + strlen(tails[i]));
            assert_false(json_more(&c));
            assert_ptr_equal(c.at, copy + n);
            free(copy);
        }
    }
}

static void kinds_have_names(void **state)
{
    (void)state;
    static const char *const text[] = {"null", "false", "true", "-1", "\"\"", "[]", "{}"};
    static const char *const name[] = {"null",     "false",    "true",     "a number",
                                       "a string", "an array", "an object"};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(json_peek(json_open(text[i])), i);
        assert_string_equal(json_type_name((json_kind)i), name[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cursor_sees_what_jansson_sees),
        cmocka_unit_test(verdicts_agree_with_jansson),
        cmocka_unit_test(strings_mean_what_they_say),
        cmocka_unit_test(long_strings_end_where_they_end),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
