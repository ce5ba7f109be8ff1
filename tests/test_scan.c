/* test_scan.c -- long scans as requests, beside the same graph with every step written out: an LSTM
 * over a thousand steps, and an ordinary differential equation solved in fifty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"

/* ---- requests as text --------------------------------------------------------------------------- */

typedef struct text {
    char *at;
    size_t n, room;
} text;

__attribute__((format(printf, 2, 3)))
static void put(text *t, const char *format, ...)
{
    va_list list;
    if (t->room - t->n < 512) t->at = realloc(t->at, t->room = 2 * t->room + 4096);
    va_start(list, format);
    t->n += (size_t)vsnprintf(t->at + t->n, t->room - t->n, format, list);
    va_end(list);
}

/* "id": an array of rows x columns numbers (rows 0: one row alone). */
static void put_numbers(text *t, const char *id, int rows, int columns, double scale)
{
    put(t, "\"%s\": %s", id, rows ? "[" : "");
    for (int i = 0; i < (rows ? rows : 1); i++) {
        put(t, "%s[", i ? ", " : "");
        for (int k = 0; k < columns; k++)
            put(t, "%s%.17g", k ? ", " : "", scale * sin(1.7 * i + 2.3 * k + 0.1 * i * k + id[0]));
        put(t, "]");
    }
    put(t, "%s", rows ? "]" : "");
}

static json_t *answer_to(text *t)
{
    api_call *c = ask_body("/v1/evaluate", t->at);
    if (api_call_reply(c)->status != 200)
        fail_msg("%.400s", (const char *)api_call_reply(c)->body);
    json_t *j = ask_json(c);
    api_call_free(c);
    free(t->at);
    return j;
}

/* ---- answers beside each other ------------------------------------------------------------------ */

typedef struct difference {
    double largest; /* number */
    double worst;   /* difference */
} difference;

static void compare(difference *d, const json_t *a, const json_t *b)
{
    assert_int_equal(json_typeof(a) == JSON_ARRAY, json_typeof(b) == JSON_ARRAY);
    if (json_is_array(a)) {
        assert_int_equal(json_array_size(a), json_array_size(b));
        for (size_t i = 0; i < json_array_size(a); i++)
            compare(d, json_array_get(a, i), json_array_get(b, i));
        return;
    }
    double x = json_number_value(a), y = json_number_value(b);
    d->largest = fmax(d->largest, fabs(y));
    d->worst = fmax(d->worst, fabs(x - y));
    assert_true(isfinite(x));
}

/* The members that `ids` names agree to 1e-12 of the largest number of each. */
static void assert_same(const json_t *got, const json_t *want, const char *member,
                        const char *const *ids)
{
    for (; *ids; ids++) {
        difference d = {0};
        const json_t *a = json_object_get(json_object_get(got, member), *ids);
        const json_t *b = json_object_get(json_object_get(want, member), *ids);
        assert_non_null(a);
        assert_non_null(b);
        compare(&d, a, b);
        assert_true(d.largest > 0);
        if (d.worst > 1e-12 * d.largest)
            fail_msg("%s of %s differ by %.3g, the largest is %.3g", member, *ids, d.worst, d.largest);
    }
}

/* ---- an LSTM ------------------------------------------------------------------------------------ */

enum { STEPS = 1000, INPUTS = 3, HIDDEN = 4, BATCH = 2 };

static void put_lstm_inputs(text *t)
{
    put(t, "], \"outputs\": [\"f\"]}, \"values\": [\"f\"], \"gradients\": {\"wrt\": [\"x\", \"h\", "
        "\"c\", \"wi\", \"wh\", \"bi\", \"bh\"]}, \"inputs\": {\"x\": [");
    for (int s = 0; s < STEPS; s++) {
        put(t, "%s[", s ? ", " : "");
        for (int n = 0; n < BATCH; n++)
            put(t, "%s[%.17g, %.17g, %.17g]", n ? ", " : "", sin(0.3 * s + n), cos(0.7 * s),
                sin(1.0 + s * n));
        put(t, "]");
    }
    put(t, "], ");
    put_numbers(t, "h", BATCH, HIDDEN, 0.5), put(t, ", ");
    put_numbers(t, "c", BATCH, HIDDEN, 0.5), put(t, ", ");
    put_numbers(t, "wi", 4 * HIDDEN, INPUTS, 0.9), put(t, ", ");
    put_numbers(t, "wh", 4 * HIDDEN, HIDDEN, 0.9), put(t, ", ");
    put_numbers(t, "bi", 0, 4 * HIDDEN, 0.3), put(t, ", ");
    put_numbers(t, "bh", 0, 4 * HIDDEN, 0.3), put(t, "}}");
}

static json_t *lstm_by_scan(bool checkpoint)
{
    text t = {0};
    put(&t, "{\"graph\": {\"functions\": {\"cell\": {\"inputs\": [\"h\", \"c\", \"x\", \"wi\", \"wh\", "
        "\"bi\", \"bh\"], \"nodes\": [{\"id\": \"n\", \"op\": \"lstm_cell\", \"inputs\": [\"x\", \"h\", "
        "\"c\", \"wi\", \"wh\", \"bi\", \"bh\"]}, {\"id\": \"y\", \"op\": \"square\", \"inputs\": "
        "[\"n\"]}], \"outputs\": [\"n\", \"n:1\", \"y\"]}}, \"nodes\": [");
    put(&t, "{\"id\": \"s\", \"op\": \"scan\", \"function\": \"cell\", \"carries\": 2, \"shared\": 4, "
        "\"checkpoint\": %s, \"inputs\": [\"h\", \"c\", \"x\", \"wi\", \"wh\", \"bi\", \"bh\"]}, ",
        checkpoint ? "true" : "false");
    put(&t, "{\"id\": \"e\", \"op\": \"sum\", \"inputs\": [\"s:1\"]}, {\"id\": \"a\", \"op\": \"sum\", "
        "\"inputs\": [\"s:2\"]}, {\"id\": \"f\", \"op\": \"add\", \"inputs\": [\"a\", \"e\"]}");
    put_lstm_inputs(&t);
    return answer_to(&t);
}

static json_t *lstm_written_out(void)
{
    text t = {0};
    char h[24] = "h", c[24] = "c";
    put(&t, "{\"graph\": {\"nodes\": [");
    for (int s = 0; s < STEPS; s++) {
        put(&t, "{\"id\": \"x%d\", \"op\": \"select\", \"inputs\": [\"x\"], \"axis\": 0, \"index\": %d}, "
            "{\"id\": \"n%d\", \"op\": \"lstm_cell\", \"inputs\": [\"x%d\", \"%s\", \"%s\", \"wi\", "
            "\"wh\", \"bi\", \"bh\"]}, ", s, s, s, s, h, c);
        put(&t, "{\"id\": \"y%d\", \"op\": \"square\", \"inputs\": [\"n%d\"]}, {\"id\": \"t%d\", \"op\": "
            "\"sum\", \"inputs\": [\"y%d\"]}, ", s, s, s, s);
        snprintf(h, sizeof h, "n%d", s);
        snprintf(c, sizeof c, "n%d:1", s);
    }
    put(&t, "{\"id\": \"a\", \"op\": \"sum\", \"inputs\": [\"all\"]}, {\"id\": \"all\", \"op\": "
        "\"stack\", \"inputs\": [");
    for (int s = 0; s < STEPS; s++) put(&t, "%s\"t%d\"", s ? ", " : "", s);
    put(&t, "]}, {\"id\": \"e\", \"op\": \"sum\", \"inputs\": [\"%s\"]}, {\"id\": \"f\", \"op\": \"add\", "
        "\"inputs\": [\"a\", \"e\"]}", c);
    put_lstm_inputs(&t);
    return answer_to(&t);
}

static void an_lstm_over_a_thousand_steps(void **state)
{
    (void)state;
    static const char *const values[] = {"f", NULL};
    static const char *const wrt[] = {"x", "h", "c", "wi", "wh", "bi", "bh", NULL};
    json_t *want = lstm_written_out();
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        json_t *got = lstm_by_scan(checkpoint);
        assert_same(got, want, "values", values);
        assert_same(got, want, "gradients", wrt);
        json_decref(got);
    }
    json_decref(want);
}

/* ---- an ordinary differential equation ---------------------------------------------------------- */

/* The pendulum with friction, p' = v, v' = -k sin p - r v, by the classical Runge-Kutta method. */

enum { TIMES = 50 };

/* The nodes of one evaluation of the right side: names begin with `n`, the state is p, v. */
static void put_slope(text *t, const char *n, const char *p, const char *v)
{
    put(t, "{\"id\": \"%ss\", \"op\": \"sin\", \"inputs\": [\"%s\"]}, {\"id\": \"%sk\", \"op\": \"mul\", "
        "\"inputs\": [\"k\", \"%ss\"]}, {\"id\": \"%sr\", \"op\": \"mul\", \"inputs\": [\"r\", \"%s\"]}, ",
        n, p, n, n, n, v);
    put(t, "{\"id\": \"%sa\", \"op\": \"add\", \"inputs\": [\"%sk\", \"%sr\"]}, {\"id\": \"%sv\", \"op\": "
        "\"neg\", \"inputs\": [\"%sa\"]}, ", n, n, n, n, n);
}

/* id = base + factor * x */
static void put_ahead(text *t, const char *id, const char *base, double factor, const char *x)
{
    put(t, "{\"id\": \"%sx\", \"op\": \"mul\", \"inputs\": [%.17g, \"%s\"]}, {\"id\": \"%s\", \"op\": "
        "\"add\", \"inputs\": [\"%s\", \"%sx\"]}, ", id, factor, x, id, base, id);
}

/* One step from (p, v); all names begin with `n`; the new state is nP, nV. */
static void put_step(text *t, const char *n, const char *p, const char *v)
{
    static const double way[4] = {0, 0.05, 0.05, 0.1}, weight[4] = {1, 2, 2, 1};
    char at[4][2][24], slope[4][24], sum[2][24], id[24];
    for (int i = 0; i < 4; i++) {
        snprintf(slope[i], sizeof slope[i], "%s%c", n, "abcd"[i]);
        snprintf(at[i][0], 24, "%.20s%s", i ? slope[i] : p, i ? "p" : "");
        snprintf(at[i][1], 24, "%.20s%s", i ? slope[i] : v, i ? "w" : "");
        if (i) {
            snprintf(id, sizeof id, "%.20sv", slope[i - 1]);
            put_ahead(t, at[i][0], p, way[i], at[i - 1][1]);
            put_ahead(t, at[i][1], v, way[i], id);
        }
        put_slope(t, slope[i], at[i][0], at[i][1]);
    }
    snprintf(sum[0], 24, "%.20s", p);
    snprintf(sum[1], 24, "%.20s", v);
    for (int i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "%.20sP%s", n, i == 3 ? "" : (const char *[]){"1", "2", "3"}[i]);
        put_ahead(t, id, sum[0], weight[i] / 60, at[i][1]);
        snprintf(sum[0], 24, "%s", id);
        char dv[24];
        snprintf(dv, sizeof dv, "%.20sv", slope[i]);
        snprintf(id, sizeof id, "%.20sV%s", n, i == 3 ? "" : (const char *[]){"1", "2", "3"}[i]);
        put_ahead(t, id, sum[1], weight[i] / 60, dv);
        snprintf(sum[1], 24, "%s", id);
    }
}

static void put_ode_end(text *t)
{
    put(t, "], \"outputs\": [\"f\"]}, \"values\": [\"f\"], \"gradients\": {\"wrt\": [\"p\", \"v\", \"k\", "
        "\"r\"]}, \"inputs\": {\"p\": [2.5, 0.3, -1], \"v\": [0, 1, 2], \"k\": 9.81, \"r\": [0.1, 0, "
        "0.5]}}");
}

static json_t *ode_by_scan(bool checkpoint)
{
    text t = {0};
    put(&t, "{\"graph\": {\"functions\": {\"step\": {\"inputs\": [\"p\", \"v\", \"k\", \"r\"], "
        "\"nodes\": [");
    put_step(&t, "n", "p", "v");
    t.n -= 2; /* the comma */
    put(&t, "], \"outputs\": [\"nP\", \"nV\", \"nP\"]}}, \"nodes\": [{\"id\": \"s\", \"op\": \"scan\", "
        "\"function\": \"step\", \"carries\": 2, \"shared\": 2, \"length\": %d, \"checkpoint\": %s, "
        "\"inputs\": [\"p\", \"v\", \"k\", \"r\"]}, {\"id\": \"q\", \"op\": \"square\", \"inputs\": "
        "[\"s:2\"]}, {\"id\": \"f\", \"op\": \"sum\", \"inputs\": [\"q\"]}", TIMES,
        checkpoint ? "true" : "false");
    put_ode_end(&t);
    return answer_to(&t);
}

static json_t *ode_written_out(void)
{
    text t = {0};
    char p[24] = "p", v[24] = "v", n[24];
    put(&t, "{\"graph\": {\"nodes\": [");
    for (int i = 0; i < TIMES; i++) {
        snprintf(n, sizeof n, "n%d", i);
        put_step(&t, n, p, v);
        snprintf(p, sizeof p, "n%dP", i);
        snprintf(v, sizeof v, "n%dV", i);
    }
    put(&t, "{\"id\": \"all\", \"op\": \"stack\", \"inputs\": [");
    for (int i = 0; i < TIMES; i++) put(&t, "%s\"n%dP\"", i ? ", " : "", i);
    put(&t, "]}, {\"id\": \"q\", \"op\": \"square\", \"inputs\": [\"all\"]}, {\"id\": \"f\", \"op\": "
        "\"sum\", \"inputs\": [\"q\"]}");
    put_ode_end(&t);
    return answer_to(&t);
}

static void a_pendulum_solved_in_fifty_steps(void **state)
{
    (void)state;
    static const char *const values[] = {"f", NULL};
    static const char *const wrt[] = {"p", "v", "k", "r", NULL};
    json_t *want = ode_written_out();
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        json_t *got = ode_by_scan(checkpoint);
        assert_same(got, want, "values", values);
        assert_same(got, want, "gradients", wrt);
        json_decref(got);
    }
    json_decref(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_lstm_over_a_thousand_steps),
        cmocka_unit_test(a_pendulum_solved_in_fifty_steps),
    };
    int failed = cmocka_run_group_tests_name("scan", tests, NULL, NULL);
    ask_end();
    return failed;
}
