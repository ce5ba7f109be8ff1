/* test_oracle.c -- holds the service against answers that others computed.
 *
 * Every line of every tests/oracle/NAME.jsonl.gz (or of the folder that ORACLE names) is a case,
 *     {"name", "op", "path"?, "request", "expect"}
 * whose request is posted through api_handle and whose answer must hold what "expect" holds: a
 * {"shape", "dtype", "data"} there is a tensor, null is null, any other object is compared member
 * by member. ops and graphs come from PyTorch's own samples, more from tests/oracle/make_cases.py.
 *
 * Integers and truth values must be equal. A float64 may err by 1e-8 of itself, or of a thousandth
 * of its tensor's largest element, and by 1e-10; a float32 by 2e-5 of the largest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ask.h"
#include "grad.h"
#include "json.h"

enum { FAMILIES = 40, OPS = 512 };

typedef struct worst {
    double error;
    char name[80];
} worst;

typedef struct tally {
    char name[40]; /* of an operator or a family */
    int passed, failed;
    char first[400]; /* failure */
    worst wide, narrow; /* the largest relative errors in float64 and float32 */
} tally;

static struct {
    tally families[FAMILIES], ops[OPS];
} seen;

static tally *find_tally(tally *list, int room, const char *name)
{
    for (int i = 0; i < room; i++) {
        if (!list[i].name[0]) snprintf(list[i].name, sizeof list[i].name, "%s", name);
        if (strcmp(list[i].name, name) == 0) return &list[i];
    }
    fail_msg("more names than there is room for");
    return NULL;
}

/* ---- comparing ------------------------------------------------------------------------------- */

typedef struct comparison {
    const char *name; /* of the case */
    tally *family;
    char path[200], text[600];
} comparison;

static bool differ(comparison *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool differ(comparison *c, const char *format, ...)
{
    char what[300];
    va_list list;
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    snprintf(c->text, sizeof c->text, "%s: %s: %s", c->name, c->path, what);
    return false;
}

typedef struct flat {
    const json_t **at;
    size_t n, room;
} flat;

static void flatten(flat *f, const json_t *j)
{
    if (!json_is_array(j)) {
        if (f->n == f->room) {
            f->room = f->room ? 2 * f->room : 64;
            f->at = realloc(f->at, f->room * sizeof *f->at);
            assert_non_null(f->at);
        }
        f->at[f->n++] = j;
        return;
    }
    for (size_t i = 0; i < json_array_size(j); i++) flatten(f, json_array_get(j, i));
}

/* A number, or one of the three strings that stand for none; false where it is neither. */
static bool real_of(double *out, const json_t *j)
{
    static const struct {
        const char *text;
        double value;
    } special[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    *out = json_number_value(j);
    if (json_is_number(j)) return true;
    for (size_t i = 0; json_is_string(j) && i < 3; i++) {
        *out = special[i].value;
        if (strcmp(json_string_value(j), special[i].text) == 0) return true;
    }
    return false;
}

static bool same_shape(const json_t *want, const json_t *got)
{
    if (json_is_object(got)) return json_equal(json_object_get(got, "shape"), want);
    for (size_t i = 0; i < json_array_size(want); i++) {
        json_int_t n = json_integer_value(json_array_get(want, i));
        if (!json_is_array(got) || (json_int_t)json_array_size(got) != n) return false;
        if (n == 0) return true; /* what is inside nothing cannot be told */
        got = json_array_get(got, 0);
    }
    return !json_is_array(got);
}

static bool compare_reals(comparison *c, const flat *want, const flat *got, bool narrow)
{
    double largest = 0, w, g;
    worst *most = narrow ? &c->family->narrow : &c->family->wide;
    for (size_t i = 0; i < want->n; i++)
        if (real_of(&w, want->at[i]) && isfinite(w)) largest = fmax(largest, fabs(w));
    for (size_t i = 0; i < want->n; i++) {
        if (!real_of(&w, want->at[i]) || !real_of(&g, got->at[i]))
            return differ(c, "element %zu is not a number", i);
        if (isnan(w) ? isnan(g) : w == g) continue;
        /* What an error is relative to; the constants make the 1e-10. */
        double scale = narrow ? largest + 5e-6 : fmax(fabs(w), 1e-3 * largest) + 0.01;
        double error = fabs(w - g) / scale;
        if (!(error <= (narrow ? 2e-5 : 1e-8)))
            return differ(c, "[%zu] is %.17g, want %.17g", i, g, w);
        if (error > most->error) {
            most->error = error;
            snprintf(most->name, sizeof most->name, "%s", c->name);
        }
    }
    return true;
}

static bool compare_tensors(comparison *c, const json_t *want, const json_t *got)
{
    const json_t *shape = json_object_get(want, "shape");
    const char *dtype = json_string_value(json_object_get(want, "dtype"));
    flat w = {0}, g = {0};
    bool good = true;
    if (!same_shape(shape, got)) {
        char *s = json_dumps(shape, 0);
        differ(c, "another shape than %s", s);
        free(s);
        return false;
    }
    if (json_is_object(got) &&
        strcmp(json_string_value(json_object_get(got, "dtype")), dtype) != 0)
        return differ(c, "another dtype than %s", dtype);
    flatten(&w, json_object_get(want, "data"));
    flatten(&g, json_is_object(got) ? json_object_get(got, "data") : got);
    if (w.n != g.n) good = differ(c, "%zu elements, want %zu", g.n, w.n);
    else if (strncmp(dtype, "float", 5) == 0) good = compare_reals(c, &w, &g, dtype[5] == '3');
    else
        for (size_t i = 0; good && i < w.n; i++)
            if (!json_equal(w.at[i], g.at[i])) good = differ(c, "[%zu] is not the %s", i, dtype);
    free(w.at);
    free(g.at);
    return good;
}

static bool compare(comparison *c, json_t *want, const json_t *got)
{
    const char *name;
    json_t *value;
    size_t n = strlen(c->path);
    if (json_is_null(want)) return json_is_null(got) || differ(c, "is not null");
    if (!got || json_is_null(got)) return differ(c, "%s", got ? "is null" : "missing");
    if (json_object_get(want, "data")) return compare_tensors(c, want, got);
    json_object_foreach(want, name, value) {
        snprintf(c->path + n, sizeof c->path - n, "/%s", name);
        if (!compare(c, value, json_object_get(got, name))) return false;
        c->path[n] = '\0';
    }
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The text of the case's request, as it stands in the file. */
static json_slice request_of(const char *line)
{
    json_cursor at = json_open(line);
    json_slice found = {NULL, 0};
    for (json_enter(&at); json_more(&at);) {
        bool is = json_is(json_name(&at), "request");
        json_slice value = json_skip(&at);
        if (is) found = value;
    }
    return found;
}

static void post(comparison *c, const char *op, const char *path, json_t *want, json_slice body)
{
    api_head head = {.method = "POST", .path = path, .fresh_id = "x", .content_length = -1};
    json_error_t err;
    api_call *call = api_call_new(ask_api());
    assert_non_null(call);
    const api_reply *r = api_handle(call, &head, body.at, body.n);
    json_t *got = json_loadb(r->body, r->length, 0, &err);
    bool good = r->status == 200 && got;
    if (good) good = compare(c, want, got);
    else differ(c, "%d %.*s", r->status, (int)(r->length < 250 ? r->length : 250), r->body);
    json_decref(got);
    api_call_free(call);
    tally *mine = find_tally(seen.ops, OPS, op);
    if (!good && !mine->failed) memcpy(mine->first, c->text, sizeof mine->first - 1);
    if (!good && getenv("VERBOSE")) fprintf(stderr, "  %s\n", c->text);
    mine->failed += !good;
    mine->passed += good;
    c->family->failed += !good;
    c->family->passed += good;
}

static void run_case(const char *line, const char *file, int number)
{
    json_error_t err;
    json_t *j = json_loads(line, 0, &err);
    if (!j) fail_msg("%s:%d: %s", file, number, err.text);
    const char *op = json_string_value(json_object_get(j, "op"));
    const char *path = json_string_value(json_object_get(j, "path"));
    if (!path) path = "/v1/evaluate";
    const grad_op *row = grad_op_find(strncmp(op, "kink ", 5) == 0 ? op + 5 : op);
    comparison c = {.name = json_string_value(json_object_get(j, "name"))};
    c.family = find_tally(seen.families, FAMILIES, row ? grad_op_family(row) : "graphs");
    post(&c, op, path, json_object_get(j, "expect"), request_of(line));
    json_decref(j);
}

/* The next line without its end, in *line, which grows; false at the end of the file. */
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

static void every_answer_agrees(void **state)
{
    const char *path = *state;
    gzFile file = gzopen(path, "rb");
    char *line = NULL;
    size_t room = 0;
    int number = 0, bad = 0, status;
    if (!file) fail_msg("%s cannot be read", path);
    memset(seen.ops, 0, sizeof seen.ops);
    while (next_line(file, &line, &room)) run_case(line, path, ++number);
    free(line);
    gzerror(file, &status);
    gzclose(file);
    assert_true(status == Z_OK || status == Z_STREAM_END);
    assert_true(number > 0);
    for (tally *t = seen.ops; t < seen.ops + OPS && t->name[0]; t++) {
        bad += t->failed;
        if (t->failed)
            fprintf(stderr, "  %s: %d of %d fail; first: %s\n", t->name, t->failed,
                    t->passed + t->failed, t->first);
    }
    assert_int_equal(bad, 0);
}

static void report(void)
{
    int passed = 0, failed = 0;
    for (const tally *t = seen.families; t < seen.families + FAMILIES && t->name[0]; t++) {
        passed += t->passed;
        failed += t->failed;
        printf("  %-22s %4d cases", t->name, t->passed + t->failed);
        if (t->wide.error > 0) printf(", float64 within %.1e (%s)", t->wide.error, t->wide.name);
        if (t->narrow.error > 0)
            printf(", float32 within %.1e (%s)", t->narrow.error, t->narrow.name);
        printf("\n");
    }
    printf("  %d cases agree, %d do not\n", passed, failed);
}

static int in_order(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(void)
{
    enum { FILES = 16 };
    static char paths[FILES][300];
    static struct CMUnitTest tests[FILES];
    const char *folder = getenv("ORACLE");
    size_t n = 0;
    if (!folder) folder = "tests/oracle";
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && n < FILES && (e = readdir(dir));) {
        size_t length = strlen(e->d_name), end = strlen(".jsonl.gz");
        if (length < end || strcmp(e->d_name + length - end, ".jsonl.gz") != 0) continue;
        snprintf(paths[n], sizeof paths[n], "%s/%.100s", folder, e->d_name);
        tests[n] = (struct CMUnitTest){paths[n], every_answer_agrees, NULL, NULL, paths[n]};
        n++;
    }
    if (dir) closedir(dir);
    if (n == 0) {
        fprintf(stderr, "no cases in %s\n", folder);
        return 1;
    }
    qsort(tests, n, sizeof *tests, in_order);
    int failed = _cmocka_run_group_tests("oracle", tests, n, NULL, NULL);
    report();
    ask_end();
    return failed;
}
