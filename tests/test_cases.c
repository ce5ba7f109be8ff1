/* test_cases.c -- runs the golden tests of tests/cases (or of the folder that CASES names) through
 * api_handle, each twice: the same request must get the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_file.h"

/* ---- comparing ------------------------------------------------------------------------------- */

typedef struct difference {
    double tolerance;
    char path[400], text[1000];
} difference;

static bool differ(difference *d, const char *what, const json_t *want, const json_t *got)
{
    char *w = want ? json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *g = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(d->text, sizeof d->text, "%s at \"%s\": want %.200s, got %.200s", what, d->path,
             w ? w : "nothing", g ? g : "nothing");
    free(w);
    free(g);
    return false;
}

static bool compare(difference *d, const json_t *want, const json_t *got);

static bool compare_objects(difference *d, const json_t *want, const json_t *got)
{
    json_t *w = (json_t *)(uintptr_t)want, *g = (json_t *)(uintptr_t)got;
    void *i = json_object_iter(w), *j = json_object_iter(g);
    size_t n = strlen(d->path);
    for (; i && j; i = json_object_iter_next(w, i), j = json_object_iter_next(g, j)) {
        const char *key = json_object_iter_key(i);
        snprintf(d->path + n, sizeof d->path - n, "/%s", key);
        if (strcmp(key, json_object_iter_key(j)) != 0)
            return differ(d, "another member, or order", want, got);
        if (!compare(d, json_object_iter_value(i), json_object_iter_value(j))) return false;
        d->path[n] = '\0';
    }
    return !i && !j ? true : differ(d, "members", want, got);
}

static bool compare_arrays(difference *d, const json_t *want, const json_t *got)
{
    size_t n = strlen(d->path);
    if (json_array_size(want) != json_array_size(got)) return differ(d, "length", want, got);
    for (size_t i = 0; i < json_array_size(want); i++) {
        snprintf(d->path + n, sizeof d->path - n, "/%zu", i);
        if (!compare(d, json_array_get(want, i), json_array_get(got, i))) return false;
    }
    d->path[n] = '\0';
    return true;
}

static bool compare(difference *d, const json_t *want, const json_t *got)
{
    if (json_is_number(want) && json_is_number(got)) {
        double w = json_number_value(want), g = json_number_value(got);
        if (fabs(w - g) <= d->tolerance * fabs(w) && signbit(w) == signbit(g)) return true;
        return differ(d, "a number", want, got);
    }
    if (json_typeof(want) != json_typeof(got)) return differ(d, "another type", want, got);
    if (json_is_object(want)) return compare_objects(d, want, got);
    if (json_is_array(want)) return compare_arrays(d, want, got);
    return json_equal(want, got) ? true : differ(d, "a value", want, got);
}

/* ---- running --------------------------------------------------------------------------------- */

static json_t *parse(const golden *g, const char *text, size_t n, const char *what)
{
    json_error_t error;
    json_t *j = json_loadb(text, n, JSON_DECODE_ANY, &error);
    if (!j)
        fail_msg("%s:%d: %s is not JSON: %s at line %d\n%.*s", g->file, g->line, what, error.text,
                 error.line, (int)(n < 2000 ? n : 2000), text);
    return j;
}

static void compare_problem(difference *d, const golden *g, const json_t *want, const json_t *got)
{
    static const char *const members[] = {"code", "detail", "pointer", "node", "line", "column"};
    char type[100];
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *w = json_object_get(want, members[i]), *o = json_object_get(got, members[i]);
        snprintf(d->path, sizeof d->path, "/%s", members[i]);
        if ((w || o) && !(w && o && json_equal(w, o))) {
            differ(d, "a problem", w, o);
            return;
        }
    }
    const json_t *caret = json_object_get(want, "caret");
    if (caret && !json_equal(caret, json_object_get(got, "caret")))
        differ(d, "caret", caret, json_object_get(got, "caret"));
    snprintf(type, sizeof type, "/errors/%s", json_string_value(json_object_get(got, "code")));
    assert_string_equal(json_string_value(json_object_get(got, "type")), type);
    assert_int_equal(json_integer_value(json_object_get(got, "status")), g->status);
    assert_true(json_is_string(json_object_get(got, "title")));
}

/* The body is in a block of its very size, so that reading behind it is seen. */
static api_call *ask(const golden *g, const api *a, char **body)
{
    api_call *c = api_call_new(a);
    *body = malloc(g->body_length ? g->body_length : 1);
    assert_non_null(*body);
    assert_non_null(c);
    memcpy(*body, g->body, g->body_length);
    api_handle(c, &g->head, *body, g->body_length);
    return c;
}

static void run(void **state)
{
    const golden *g = *state;
    difference d = {.tolerance = g->tolerance};
    api *a = api_new(&g->host);
    assert_non_null(a);
    char *body, *other;
    api_call *c = ask(g, a, &body), *again = ask(g, a, &other);
    const api_reply *r = api_call_reply(c), *s = api_call_reply(again);
    json_t *want = parse(g, g->answer, strlen(g->answer), "the expected answer");
    json_t *got = parse(g, r->body, r->length, "the answer");
    if (r->status != g->status)
        fail_msg("%s:%d: status %d, want %d\n%.*s", g->file, g->line, r->status, g->status,
                 (int)(r->length < 2000 ? r->length : 2000), r->body);
    if (g->status >= 400) compare_problem(&d, g, want, got);
    else compare(&d, want, got);
    if (d.text[0])
        fail_msg("%s:%d: %s\n%.*s", g->file, g->line, d.text,
                 (int)(r->length < 2000 ? r->length : 2000), r->body);
    assert_int_equal(r->length, s->length);
    assert_memory_equal(r->body, s->body, r->length);
    json_decref(want);
    json_decref(got);
    api_call_free(c);
    api_call_free(again);
    free(body);
    free(other);
    api_free(a);
}

int main(void)
{
    const char *folder = getenv("CASES");
    golden_list list = {0};
    golden_read_folder(&list, folder ? folder : "tests/cases");
    struct CMUnitTest *tests = calloc(list.n + 1, sizeof *tests);
    if (!tests || list.n == 0) {
        fputs("no cases\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < list.n; i++)
        tests[i] = (struct CMUnitTest){list.at[i].claim, run, NULL, NULL, &list.at[i]};
    int failed = _cmocka_run_group_tests("cases", tests, list.n, NULL, NULL);
    free(tests);
    golden_free(&list);
    return failed;
}
