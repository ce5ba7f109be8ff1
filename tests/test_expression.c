/* test_expression.c -- the expression language: graph objects written as programs give the same
 * bits, and whatever is done to a program, it is answered with an answer or a problem.
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
#include <zlib.h>

#include "ask.h"

/* ---- graph objects as programs -------------------------------------------------------------- */

/* All members of `want` are in `got` with the same bits, which their texts show. */
static bool holds(const json_t *got, json_t *want, const char **which)
{
    const char *key;
    json_t *value;
    json_object_foreach(want, key, value) {
        *which = key;
        if (!json_equal(json_object_get(got, key), value)) return false;
    }
    return true;
}

static char *render(json_t *request)
{
    json_t *ask_for = json_pack("{s:O,s:s}", "graph", json_object_get(request, "graph"), "format",
                                "expression");
    char *body = json_dumps(ask_for, JSON_COMPACT);
    api_call *c = ask_body("/v1/render", body);
    const api_reply *r = api_call_reply(c);
    char *text = r->status == 200 ? strndup(r->body, r->length) : NULL;
    if (!text) fprintf(stderr, "%.*s\n", (int)(r->length < 600 ? r->length : 600), r->body);
    free(body);
    json_decref(ask_for);
    api_call_free(c);
    return text;
}

static json_t *answer(json_t *request, int *status)
{
    char *body = json_dumps(request, JSON_COMPACT);
    api_call *c = ask_body("/v1/evaluate", body);
    json_t *j = ask_json(c);
    *status = api_call_reply(c)->status;
    free(body);
    api_call_free(c);
    return j;
}

/* Evaluates the request, and the same with its graph as a program and the same outputs. */
static bool agrees(json_t *request, const char *name)
{
    int status, other;
    const char *which = "", *members[] = {"outputs", "values", "gradients"};
    json_t *want = answer(request, &status), *program = json_copy(request);
    char *text = status == 200 ? render(request) : NULL;
    bool good = false;
    if (status != 200) fprintf(stderr, "%s: %d\n", name, status);
    if (text) {
        json_object_set_new(program, "graph", json_string(text));
        json_object_set(program, "outputs", json_object_get(want, "outputs"));
        json_t *got = answer(program, &other);
        good = other == 200;
        for (size_t k = 0; good && k < 3; k++) {
            json_t *w = json_object_get(want, members[k]), *g = json_object_get(got, members[k]);
            good = k ? holds(g, w, &which) : json_equal(g, w);
        }
        if (!good) {
            char *dump = json_dumps(got, JSON_COMPACT);
            fprintf(stderr, "%s: %s\n%.600s\n%.400s\n", name, which, text, dump);
            free(dump);
        }
        json_decref(got);
    }
    free(text);
    json_decref(want);
    json_decref(program);
    return good;
}

static bool next_line(gzFile file, char **line, size_t *room)
{
    size_t n = 0;
    for (;;) {
        if (*room - n < 2) {
            *room = *room ? 2 * *room : 1 << 16;
            *line = realloc(*line, *room);
            assert_non_null(*line);
        }
        if (!gzgets(file, *line + n, (int)(*room - n))) return n > 0;
        n += strlen(*line + n);
        if ((*line)[n - 1] != '\n') continue;
        (*line)[n - 1] = '\0';
        return true;
    }
}

static void programs_give_the_bits_of_graph_objects(void **state)
{
    static const char *const files[] = {"ops", "graphs", "more"};
    int graphs = 0, bad = 0;
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        char path[100], *line = NULL;
        size_t room = 0;
        snprintf(path, sizeof path, "tests/oracle/%s.jsonl.gz", files[k]);
        gzFile file = gzopen(path, "rb");
        assert_non_null(file);
        while (next_line(file, &line, &room)) {
            json_t *j = json_loads(line, 0, NULL), *request = json_object_get(j, "request");
            if (json_is_object(json_object_get(request, "graph")) && !json_object_get(j, "path")) {
                graphs++;
                bad += !agrees(request, json_string_value(json_object_get(j, "name")));
            }
            json_decref(j);
        }
        free(line);
        gzclose(file);
    }
    printf("  %d graphs\n", graphs);
    assert_true(graphs > 1000);
    assert_int_equal(bad, 0);
}

/* Ids that are words, ids of no plain name, functions that are called like operators. */
static void odd_names_are_written_so_that_they_read(void **state)
{
    static const char *const requests[] = {
        "{\"graph\":{\"nodes\":[{\"id\":\"def\",\"op\":\"add\",\"inputs\":[\"true\",\"e\"]},"
        "{\"id\":\"x.T\",\"op\":\"neg\",\"inputs\":[\"def\"]},"
        "{\"id\":\"sum\",\"op\":\"mul\",\"inputs\":[\"x.T\",\"a.b\"]}]},"
        "\"inputs\":{\"true\":2,\"e\":3,\"a.b\":5}}",
        "{\"graph\":{\"functions\":{\"sin\":{\"inputs\":[\"x\",\"return\"],\"nodes\":[{\"id\":"
        "\"y\",\"op\":\"mul\",\"inputs\":[\"x\",\"return\"]}],\"outputs\":[\"y\",\"x\"]},"
        "\"sin_1\":{\"inputs\":[],\"nodes\":[{\"id\":\"s\",\"op\":\"topk\",\"inputs\":[{\"data\":"
        "[3,1,2]}],\"k\":2}],\"outputs\":\"s:1\"}},"
        "\"nodes\":[{\"id\":\"a\",\"op\":\"call\",\"inputs\":[\"x\",3],\"function\":\"sin\"},"
        "{\"id\":\"n\",\"op\":\"call\",\"inputs\":[],\"function\":\"sin_1\"},"
        "{\"id\":\"b\",\"op\":\"sin\",\"inputs\":[\"a:1\"]}]},\"inputs\":{\"x\":0.5},"
        "\"outputs\":\"b\"}",
        "{\"graph\":{\"nodes\":[{\"id\":\"a\",\"op\":\"neg\",\"inputs\":[3]},"
        "{\"id\":\"b\",\"op\":\"pow\",\"inputs\":[-2,\"x\"]},"
        "{\"id\":\"c\",\"op\":\"mul\",\"inputs\":[-0.0,\"x\"]},"
        "{\"id\":\"d\",\"op\":\"sub\",\"inputs\":[1e300,-9223372036854775808]},"
        "{\"id\":\"k\",\"op\":\"constant\",\"value\":{\"shape\":[2,1],\"dtype\":\"float32\","
        "\"data\":[1,\"NaN\"]}},{\"id\":\"z\",\"op\":\"constant\",\"value\":{\"shape\":[0,3],"
        "\"data\":[]}},{\"id\":\"h\",\"op\":\"input\",\"dtype\":\"float32\",\"shape\":[null,2],"
        "\"value\":[[1,\"-Infinity\"]]},{\"id\":\"w\",\"op\":\"constant\",\"value\":{\"shape\":[2],"
        "\"dtype\":\"float64\",\"base64\":\"AAAAAAAA8D8AAAAAAAAAQA==\"}},"
        "{\"id\":\"t\",\"op\":\"mul\",\"inputs\":[{\"data\":3},{\"data\":[0.1,2]}]}]},"
        "\"inputs\":{\"x\":2},\"gradients\":false}",
    };
    (void)state;
    for (size_t k = 0; k < sizeof requests / sizeof *requests; k++) {
        json_t *request = json_loads(requests[k], 0, NULL);
        int status;
        assert_non_null(request);
        json_t *want = answer(request, &status);
        if (status != 200) fail_msg("%s", json_dumps(want, 0));
        json_decref(want);
        assert_true(agrees(request, requests[k]));
        json_decref(request);
    }
}

static void programs_are_short_to_read(void **state)
{
    static const char request[] =
        "{\"graph\":{\"functions\":{\"twice\":{\"inputs\":[\"a\"],\"nodes\":[{\"id\":\"b\",\"op\":"
        "\"mul\",\"inputs\":[\"a\",2]}],\"outputs\":[\"b\"]}},\"nodes\":[{\"id\":\"w\",\"op\":"
        "\"constant\",\"value\":[1,\"Infinity\"]},{\"id\":\"y\",\"op\":\"pow\","
        "\"inputs\":[-2,\"x\"]},"
        "{\"id\":\"z\",\"op\":\"sum\",\"inputs\":[\"w\"],\"axis\":0,\"keepdims\":true},"
        "{\"id\":\"u\",\"op\":\"call\",\"inputs\":[\"z\"],\"function\":\"twice\"},{\"id\":\"k\","
        "\"op\":\"input\",\"dtype\":\"int64\",\"shape\":[2],\"value\":[0,1]},{\"id\":\"t\",\"op\":"
        "\"take\",\"inputs\":[{\"data\":[0.5,2]},\"k\"]}],\"outputs\":\"u\"}}";
    json_t *j = json_loads(request, 0, NULL);
    char *text = render(j), *again;
    (void)state;
    assert_non_null(text);
    assert_string_equal(text, "def twice(a) {\n    b = a * 2\n    return b\n}\n"
                              "w = [1,inf]\ny = (-2) ** x\nz = sum(w, axis=0, keepdims=true)\n"
                              "u = twice(z)\nk: int64[2] = [0,1]\nt = take([0.5,2], k)\n"
                              "# outputs: u\n");
    json_object_set_new(j, "graph", json_string(text)); /* a program comes back as it is */
    again = render(j);
    assert_string_equal(text, again);
    free(text);
    free(again);
    json_decref(j);
}

/* ---- mutations ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static const char *const seeds[] = {
    "q = x + y\nf = q * z",
    "def g(a, b) {\n  c = a * b; return c, a + b\n}\np, q = g(x, 3)\nf = p + q ** -2",
    "v, i = topk(x, k=3)\nf = sum(v) # the largest\n",
    "x: float32[2, null] = 0; y = x[..., 0:1, null][i] @ W.T",
    "w = constant([[1, 2], [3, -inf]], dtype=\"float64\")\nf = sum(w * pi, axis=[0, 1])",
    "a = b + 1; b = -c ** 2 // 3 % 5; c = `d.T`; e < 3",
    "def s(h, x) { return h + x, h }\nl, ys = scan(0.5, x, function=s, carries=1)\ngrad(l, x)",
    "f = where(x > 0, x[::-1], [1e5, .5, 2.])\nb = f\nsum(b)",
};

static const char *const pieces[] = {
    "(", ")", "[", "]", "{", "}", ",", ";", "\n", "=", "==", ":", "...", "**", "^", "-", "+", "*",
    ".T", "`", "\"", "'", "#", "def ", "return ", "null", "true", "x", "f", "sum(", "grad(", "pi",
    "nan", "1", "0", "1e400", "9223372036854775808", ".", "é", "\t", "axis=", "input(",
    "constant(",
    "x[", "out", "-1", "s:1", "<", "@", "%", "call(", "function=g",
};

static void mutate(char *text, size_t room, uint64_t *state)
{
    size_t changes = 1 + next_random(state) % 4;
    for (size_t k = 0; k < changes; k++) {
        size_t n = strlen(text), at = next_random(state) % (n + 1), cut;
        const char *piece = pieces[next_random(state) % (sizeof pieces / sizeof *pieces)];
        switch (next_random(state) % 4) {
        case 0: /* out */
            cut = next_random(state) % 6;
            if (cut > n - at) cut = n - at;
            memmove(text + at, text + at + cut, n - at - cut + 1);
            break;
        case 1: /* a byte */
            if (at < n) text[at] = (char)(32 + next_random(state) % 95);
            break;
        case 2: /* a part of another program */
            piece = seeds[next_random(state) % (sizeof seeds / sizeof *seeds)];
            piece += next_random(state) % strlen(piece);
            /* fall through */
        default:
            cut = strlen(piece);
            if (n + cut + 1 > room) break;
            memmove(text + at + cut, text + at, n - at + 1);
            memcpy(text + at, piece, cut);
        }
    }
}

static void broken_programs_are_told_so(void **state)
{
    enum { TRIES = 20000, ROOM = 2000 };
    uint64_t random = 7;
    int answered = 0;
    (void)state;
    for (int k = 0; k < TRIES; k++) {
        char text[ROOM];
        snprintf(text, sizeof text, "%s", seeds[(size_t)k % (sizeof seeds / sizeof *seeds)]);
        mutate(text, sizeof text, &random);
        json_t *request = json_pack(
            "{s:s,s:{s:[f,f,f],s:f,s:f,s:[i,i]},s:[ssss],s:b}", "graph", text, "inputs", "x", 1.0,
            2.0, 3.0, "y", 0.5, "z", 2.0, "i", 0, 1, "values", "x", "y", "z", "i", "gradients",
            k % 2);
        if (!request) continue; /* a character was cut in two */
        char *body = json_dumps(request, JSON_COMPACT);
        api_call *c = ask_body("/v1/evaluate", body);
        const api_reply *r = api_call_reply(c);
        json_t *j = ask_json(c);
        if (r->status == 200) answered++;
        else if (r->status == 500 || !json_object_get(j, "code"))
            fail_msg("%s\n%.*s", body, (int)r->length, r->body);
        json_decref(j);
        json_decref(request);
        free(body);
        api_call_free(c);
    }
    assert_true(answered > 100);
    printf("  %d of %d mutants are programs\n", answered, TRIES);
}

/* ---- size ------------------------------------------------------------------------------ */

static char *repeat(const char *before, const char *piece, size_t times, const char *after)
{
    size_t n = strlen(piece);
    char *text = malloc(strlen(before) + n * times + strlen(after) + 1), *to = text;
    assert_non_null(text);
    to = stpcpy(to, before);
    for (size_t k = 0; k < times; k++) to = stpcpy(to, piece);
    strcpy(to, after);
    return text;
}

static void expect(const char *before, const char *piece, size_t times, const char *after,
                   const char *code)
{
    char *body = repeat(before, piece, times, after);
    api_call *c = ask_body("/v1/evaluate", body);
    const api_reply *r = api_call_reply(c);
    if (code) ask_expect_problem(c, code);
    else if (r->status != 200) fail_msg("%s: %.*s", piece, (int)r->length, r->body);
    api_call_free(c);
    free(body);
}

#define GRAPH "{\"graph\":\"f = "
#define INPUTS "\",\"inputs\":{\"x\":1},\"values\":\"outputs\",\"gradients\":{\"wrt\":\"x\"}}"

static void long_programs_are_loops_and_deep_ones_refused(void **state)
{
    (void)state;
    expect(GRAPH, "x + ", 200000, "x" INPUTS, NULL);
    expect(GRAPH, "-", 200000, "x" INPUTS, NULL);
    expect(GRAPH, "(", 900, "x" INPUTS, "expression_syntax");
    expect(GRAPH, "(", 100000, "x" INPUTS, "expression_syntax");
    expect(GRAPH, "sin(", 100000, "x" INPUTS, "expression_syntax");
    expect(GRAPH, "[", 100000, "1" INPUTS, "expression_syntax");
    expect(GRAPH, "x[", 100000, "1" INPUTS, "expression_syntax");
    expect(GRAPH, "x ** ", 100000, "x" INPUTS, "expression_syntax");
    expect(GRAPH "x", ".T", 100000, INPUTS, "expression_syntax");
    expect(GRAPH "(x)", ".T", 10000, INPUTS, NULL);
    expect(GRAPH "x", "[None]", 1, INPUTS, "unknown_input");
    expect("{\"graph\":\"", "def f(a) { ", 100000, INPUTS, "expression_syntax");
    expect("{\"graph\":\"", "def ", 100000, INPUTS, "expression_syntax");
    expect("{\"graph\":\"a = x\\n", "b = a;", 2, INPUTS, "duplicate_id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_give_the_bits_of_graph_objects),
        cmocka_unit_test(odd_names_are_written_so_that_they_read),
        cmocka_unit_test(programs_are_short_to_read),
        cmocka_unit_test(broken_programs_are_told_so),
        cmocka_unit_test(long_programs_are_loops_and_deep_ones_refused),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    ask_end();
    return result;
}
