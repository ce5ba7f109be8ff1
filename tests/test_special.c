/* test_special.c -- functions of one and two real numbers held against values from mpmath.
 *
 * tests/special/values.txt says at which points, and what may go wrong there; points.py beside it
 * says what its lines are. Derivatives are those that grad_gradient makes, so that the rules are
 * measured too, and not the kernels alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grad.h"

static const char *const path = "tests/special/values.txt";
static const double tolerance = 1e-13;

enum { POINTS = 1024, ORDERS = 3 };

/* Lines of one function that follow one another. */
typedef struct series {
    char op[32];
    int64_t n; /* its attribute, or -1 */
    bool pair;
    int highest; /* order */
    size_t count;
    int order[POINTS];
    double x[POINTS], y[POINTS], value[POINTS], scale[POINTS];
} series;

typedef struct line {
    char op[32];
    int order;
    int64_t n;
    bool pair;
    double x, y, value, scale;
} line;

static bool next_line(line *l, FILE *f)
{
    char text[256], n[24], x[40], y[40], value[40], scale[40];
    do
        if (!fgets(text, sizeof text, f)) return false;
    while (text[0] == '#');
    if (sscanf(text, "%31s %d %23s %39s %39s %39s %39s", l->op, &l->order, n, x, y, value, scale) != 7)
        fail_msg("%s: not a line of values: %s", path, text);
    l->n = strcmp(n, "-") == 0 ? -1 : strtoll(n, NULL, 10);
    l->pair = strcmp(y, "-") != 0;
    l->x = strtod(x, NULL);
    l->y = l->pair ? strtod(y, NULL) : 0;
    l->value = strtod(value, NULL);
    l->scale = strtod(scale, NULL);
    return true;
}

/* Reads a series; `ahead` holds the line after it, its op empty at first and at the end. */
static bool next_series(series *s, line *ahead, FILE *f)
{
    if (!ahead->op[0] && !next_line(ahead, f)) return false;
    *s = (series){.n = ahead->n, .pair = ahead->pair};
    memcpy(s->op, ahead->op, sizeof s->op);
    while (strcmp(ahead->op, s->op) == 0 && ahead->n == s->n) {
        size_t i = s->count++;
        assert_true(i < POINTS && ahead->order < ORDERS);
        s->order[i] = ahead->order;
        s->x[i] = ahead->x;
        s->y[i] = ahead->y;
        s->value[i] = ahead->value;
        s->scale[i] = ahead->scale;
        if (ahead->order > s->highest) s->highest = ahead->order;
        if (!next_line(ahead, f)) {
            ahead->op[0] = '\0';
            break;
        }
    }
    return true;
}

/* out[k][i]: the derivative of order k at point i, for k up to `highest` */
static void evaluate(const series *s, grad_dtype dtype, int highest, double out[][POINTS])
{
    static float narrow[2][POINTS];
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error err = {0};
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_node in[2], want[ORDERS], sum;
    grad_attribute n = {"n", 1, {.kind = GRAD_INT, .i = s->n}};
    const void *data[2] = {s->x, s->y};
    const int64_t count = (int64_t)s->count;
    int bad = grad_graph_new(&g, &host, dtype, &err);
    for (int k = 0; k < 2 && !bad; k++) {
        if (k == 0 || s->pair) bad = grad_input(&in[k], g, dtype, 1, &count, &err);
        for (size_t i = 0; i < s->count; i++) narrow[k][i] = (float)(k ? s->y[i] : s->x[i]);
        if (dtype == GRAD_FLOAT32) data[k] = narrow[k];
    }
    if (!bad)
        bad = grad_apply(want, g, grad_op_find(s->op), (grad_operand[]){GRAD_AT(in[0]), GRAD_AT(in[1])},
                         s->pair ? 2 : 1, &n, s->n >= 0, &err);
    for (int k = 0; k < highest && !bad; k++)
        bad = grad_apply(&sum, g, grad_op_find("sum"), (grad_operand[]){GRAD_AT(want[k])}, 1, NULL, 0,
                         &err) ||
              grad_gradient(want + k + 1, g, &sum, NULL, 1, in, 1, &err);
    if (bad || grad_compile(&p, g, want, (size_t)highest + 1, &err) ||
        grad_workspace_new(&w, p, &host, &err) || grad_run(p, w, data, &err))
        fail_msg("%s: %s", s->op, err.text);
    for (int k = 0; k <= highest; k++)
        for (size_t i = 0; i < s->count; i++) {
            const void *from = grad_result(w, (size_t)k);
            out[k][i] = dtype == GRAD_FLOAT32 ? (double)((const float *)from)[i]
                                              : ((const double *)from)[i];
        }
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
}

/* What counts as small is what is left of the normal numbers: below them digits are lost anyway. */
static double error_of(double found, double want, double scale)
{
    if (isnan(want)) return isnan(found) ? 0 : HUGE_VAL;
    if (isinf(want)) return found == want ? 0 : HUGE_VAL;
    double error = fabs(found - want) / fmin(fmax(fmax(fabs(want), scale), DBL_MIN), DBL_MAX);
    return isnan(error) ? HUGE_VAL : error;
}

static series s;
static double found[ORDERS][POINTS];

static void every_function_is_exact_to_a_few_roundings(void **state)
{
    (void)state;
    FILE *f = fopen(path, "r");
    line ahead = {0};
    size_t functions = 0, points = 0, bad = 0;
    double worst = 0;
    char where[96] = "";
    assert_non_null(f);
    while (next_series(&s, &ahead, f)) {
        if (!grad_op_find(s.op)) fail_msg("%s is no operator", s.op);
        evaluate(&s, GRAD_FLOAT64, s.highest, found);
        functions++;
        for (size_t i = 0; i < s.count; i++, points++) {
            double error = error_of(found[s.order[i]][i], s.value[i], s.scale[i]);
            if (error > worst) {
                worst = error;
                snprintf(where, sizeof where, "%s, order %d, at %.17g", s.op, s.order[i], s.x[i]);
            }
            if (error <= tolerance) continue;
            bad++;
            fprintf(stderr, "  %s(%.17g, %.17g), n = %d, order %d: %.17g, expected %.17g, error %.2g\n",
                    s.op, s.x[i], s.y[i], (int)s.n, s.order[i], found[s.order[i]][i], s.value[i], error);
        }
    }
    fclose(f);
    printf("  %zu functions, %zu points, worst error %.2g: %s\n", functions, points, worst, where);
    assert_true(points > 4000);
    assert_int_equal(bad, 0);
}

/* In float32 the special functions are computed in float64 and rounded once. */
static void float32_is_float64_rounded(void **state)
{
    (void)state;
    static const char names[] = " lgamma digamma polygamma erfcx erfinv ndtri ndtr log_ndtr i0 i1 i0e i1e ";
    static double wide[ORDERS][POINTS];
    FILE *f = fopen(path, "r");
    line ahead = {0};
    assert_non_null(f);
    while (next_series(&s, &ahead, f)) {
        char name[40];
        snprintf(name, sizeof name, " %s ", s.op);
        if (!strstr(names, name)) continue;
        for (size_t i = 0; i < s.count; i++) s.x[i] = (float)s.x[i];
        evaluate(&s, GRAD_FLOAT64, 0, wide);
        evaluate(&s, GRAD_FLOAT32, 0, found);
        for (size_t i = 0; i < s.count; i++) {
            double want = (float)wide[0][i];
            if (found[0][i] != want && !(isnan(want) && isnan(found[0][i])))
                fail_msg("%s(%.9g) is %.9g in float32, %.9g expected", s.op, s.x[i], found[0][i], want);
        }
    }
    fclose(f);
}

/* ---- poles, infinities, NaN ----------------------------------------------------------------------- */

#define INF HUGE_VAL

/* Values and gradients as PyTorch has them, where it has them right. */
static const struct {
    const char *op;
    int n;
    double x, value, slope;
} edges[] = {
    {"lgamma", -1, 0, INF, -INF},        {"lgamma", -1, -0.0, INF, INF},
    {"lgamma", -1, -1, INF, NAN},        {"lgamma", -1, INF, INF, INF},
    {"lgamma", -1, -INF, INF, NAN},      {"lgamma", -1, NAN, NAN, NAN},
    {"lgamma", -1, 1e308, INF, 709.19620864216608}, {"lgamma", -1, -1e17, INF, NAN},
    {"digamma", -1, 0, -INF, INF},       {"digamma", -1, -0.0, INF, INF},
    {"digamma", -1, -3, NAN, INF},       {"digamma", -1, INF, INF, 0},
    {"digamma", -1, -INF, NAN, NAN},     {"digamma", -1, NAN, NAN, NAN},
    {"polygamma", 1, 0, INF, -INF},      {"polygamma", 1, -2, INF, -INF},
    {"polygamma", 2, 0, -INF, INF},      {"polygamma", 2, -1, -INF, INF},
    {"polygamma", 1, INF, 0, 0},         {"polygamma", 3, NAN, NAN, NAN},
    {"polygamma", 171, 1, INF, -INF},    {"polygamma", 200, -0.5, -INF, INF},
    {"polygamma", 501, -0.25, INF, INF}, {"polygamma", 500, -0.25, INF, INF},
    {"polygamma", 500, -0.75, -INF, INF}, {"polygamma", 1000000000, 3, -INF, INF},
    {"polygamma", 1000000000, 1e9, 0, 0}, {"polygamma", 1, 1e-320, INF, -INF},
    {"erfinv", -1, 1, INF, INF},         {"erfinv", -1, -1, -INF, INF},
    {"erfinv", -1, 1.5, NAN, NAN},       {"erfinv", -1, -INF, NAN, NAN},
    {"erfinv", -1, NAN, NAN, NAN},       {"ndtri", -1, 0, -INF, INF},
    {"ndtri", -1, 1, INF, INF},          {"ndtri", -1, -1e-300, NAN, NAN},
    {"ndtri", -1, 2, NAN, NAN},          {"ndtri", -1, NAN, NAN, NAN},
    {"ndtr", -1, -INF, 0, 0},            {"ndtr", -1, INF, 1, 0},
    {"ndtr", -1, NAN, NAN, NAN},         {"ndtr", -1, -1e300, 0, 0},
    {"log_ndtr", -1, -INF, -INF, INF},   {"log_ndtr", -1, INF, 0, 0},
    {"log_ndtr", -1, NAN, NAN, NAN},     {"log_ndtr", -1, -1e300, -INF, 1e300},
    {"erfcx", -1, INF, 0, 0},            {"erfcx", -1, -INF, INF, -INF},
    {"erfcx", -1, -30, INF, -INF},       {"erfcx", -1, NAN, NAN, NAN},
    {"i0", -1, INF, INF, INF},           {"i0", -1, -INF, INF, -INF},
    {"i0", -1, 1000, INF, INF},          {"i0", -1, NAN, NAN, NAN},
    {"i1", -1, INF, INF, INF},           {"i1", -1, -INF, -INF, INF},
    {"i1", -1, 0, 0, 0.5},               {"i1", -1, NAN, NAN, NAN},
    {"i0e", -1, INF, 0, 0},              {"i0e", -1, -INF, 0, 0},
    {"i0e", -1, 0, 1, 0},                {"i0e", -1, NAN, NAN, NAN},
    {"i1e", -1, INF, 0, 0},              {"i1e", -1, -INF, 0, 0},
    {"i1e", -1, 0, 0, 0.5},              {"i1e", -1, NAN, NAN, NAN},
};

static void edges_are_what_they_are_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        s = (series){.n = edges[i].n, .count = 1};
        snprintf(s.op, sizeof s.op, "%s", edges[i].op);
        s.x[0] = edges[i].x;
        evaluate(&s, GRAD_FLOAT64, 1, found);
        if (error_of(found[0][0], edges[i].value, 0) > 1e-15 ||
            error_of(found[1][0], edges[i].slope, 0) > 1e-15)
            fail_msg("%s(%g), n = %d: %g with slope %g, expected %g with slope %g", s.op, s.x[0],
                     edges[i].n, found[0][0], found[1][0], edges[i].value, edges[i].slope);
    }
}

/* The second derivatives at 0, where formulas say 0 / 0. */
static void bessel_functions_are_smooth_at_zero(void **state)
{
    (void)state;
    static const char *const op[] = {"i0", "i1", "i0e", "i1e"};
    static const double want[] = {0.5, 0, 0.5, 0};
    for (int i = 0; i < 4; i++) {
        s = (series){.n = -1, .count = 1};
        snprintf(s.op, sizeof s.op, "%s", op[i]);
        evaluate(&s, GRAD_FLOAT64, 2, found);
        assert_true(found[2][0] == want[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_exact_to_a_few_roundings),
        cmocka_unit_test(float32_is_float64_rounded),
        cmocka_unit_test(edges_are_what_they_are_elsewhere),
        cmocka_unit_test(bessel_functions_are_smooth_at_zero),
    };
    return cmocka_run_group_tests_name("special functions", tests, NULL, NULL);
}
