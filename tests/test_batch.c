/* test_batch.c -- many points in one run: every bit that of a single run, sums in a fixed order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "points.h"
#include "program.h"
#include "tensors.h"
#include "trial.h"

/* ---- every operator ---------------------------------------------------------------------------- */

/* The call, its results, their weighted sum and that one's gradients. */
static bool pose(points *s, trial *t, size_t most, uint64_t *state)
{
    grad_error err = {0};
    grad_node in[TRIAL_OPERANDS], wrt[TRIAL_OPERANDS], f = GRAD_NONE;
    size_t n_wrt = 0;
    points_begin(s, most);
    if (trial_build(s->g, t, GRAD_FLOAT64, in, s->out, &s->n_out, &err) < 0)
        fail_msg("%s %s: %s", t->op->name, t->text, err.text);
    for (size_t k = 0; k < t->n_in; k++) {
        if (in[k] == GRAD_NONE) continue;
        s->in[s->n_in] = in[k];
        s->data[s->n_in++] = calloc(most + 1, points_bytes(s, in[k]) + 1);
        if (grad_dtype_is_float(grad_node_dtype(s->g, in[k]))) wrt[n_wrt++] = in[k];
    }
    if (grad_op_is_differentiable(t->op) && trial_weigh(&f, s->g, s->out, s->n_out, state, &err) < 0)
        fail_msg("%s: %s", t->op->name, err.text);
    if (f != GRAD_NONE) {
        s->out[s->n_out] = f;
        if (grad_gradient(s->out + s->n_out + 1, s->g, &f, NULL, 1, wrt, n_wrt, &err) < 0)
            fail_msg("%s: %s", t->op->name, err.text);
        s->n_out += 1 + n_wrt;
    }
    for (size_t i = 0; i < most; i++) {
        trial_draw(t, state);
        for (size_t k = 0, at = 0; k < t->n_in; k++) {
            if (in[k] == GRAD_NONE) continue;
            for (size_t e = 0; e < t->in[k].count; e++)
                trial_store(s->data[at], trial_dtype(t, k, GRAD_FLOAT64), i * t->in[k].count + e,
                            t->in[k].value[e]);
            at++;
        }
    }
    return s->n_in > 0;
}

static void try_call(trial *t, uint64_t seed)
{
    static const size_t sizes[] = {0, 1, 2, 7};
    char what[600];
    uint64_t state = seed;
    points s;
    snprintf(what, sizeof what, "%s %s", t->op->name, t->text);
    if (pose(&s, t, 7, &state)) {
        unsigned all = (1u << s.n_in) - 1;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            points_check(&s, all, sizes[i], 0, what);
        points_check(&s, all, 7, 3, what);
        for (size_t k = 0; k < s.n_in && s.n_in > 1; k++) {
            points_check(&s, 1u << k, 7, 0, what);
            points_check(&s, all & ~(1u << k), 7, 2, what);
        }
    }
    points_end(&s);
}

static void every_operator_runs_in_a_batch_as_it_runs_alone(void **state)
{
    (void)state;
    static trial t;
    int calls = 0;
    for (size_t i = 0; i < grad_op_count(); i++) {
        const grad_op *op = grad_op_at(i);
        const char *at = trial_shapes(op);
        for (uint64_t seed = 3; at && trial_next_shapes(&t, op, &at); seed++, calls++)
            try_call(&t, seed);
    }
    printf("  %d calls\n", calls);
    assert_true(calls > 900);
}

/* ---- graphs by chance -------------------------------------------------------------------------- */

static grad_node apply(points *s, const char *op, grad_node a, grad_node b)
{
    grad_error err = {0};
    grad_node n[3] = {GRAD_NONE, GRAD_NONE, GRAD_NONE};
    grad_operand in[] = {GRAD_AT(a), GRAD_AT(b)};
    if (grad_apply(n, s->g, grad_op_find(op), in, b == GRAD_NONE ? 1 : 2, NULL, 0, &err) < 0)
        fail_msg("%s: %s", op, err.text);
    return n[0];
}

static grad_node where(points *s, grad_node test, grad_node a, grad_node b)
{
    grad_error err = {0};
    grad_node n = GRAD_NONE;
    grad_operand in[] = {GRAD_AT(test), GRAD_AT(a), GRAD_AT(b)};
    if (grad_apply(&n, s->g, grad_op_find("where"), in, 3, NULL, 0, &err) < 0)
        fail_msg("where: %s", err.text);
    return n;
}

static size_t pick(size_t n) { return (size_t)((uniform() + 1) / 2 * (double)n) % n; }

/* One more node of a pool of tensors of shapes [], [3] and [3, 3]. */
static grad_node grow(points *s, const grad_node *pool, size_t n)
{
    static const char *const plain[] = {"sin", "tanh", "square", "abs", "sigmoid", "neg"};
    static const char *const two[] = {"add", "sub", "mul", "maximum", "atan2", "hypot"};
    grad_node a = pool[pick(n)], b = pool[pick(n)];
    int rank = grad_node_shape(s->g, a)->rank;
    switch (pick(8)) {
    case 0: return apply(s, plain[pick(6)], a, GRAD_NONE);
    case 1: return apply(s, "sum", a, GRAD_NONE);
    case 2: return where(s, apply(s, "lt", a, b), a, b);
    case 3: return rank == 0 ? a : apply(s, "softmax", a, GRAD_NONE);
    case 4: return rank < 2 ? a : apply(s, "matmul", a, b == a || !grad_node_shape(s->g, b)->rank ? a : b);
    case 5: return rank < 2 ? a : apply(s, "qr", a, GRAD_NONE);
    case 6: return rank == 0 ? a : apply(s, "max", a, GRAD_NONE);
    default: return apply(s, two[pick(6)], a, b);
    }
}

static void pose_by_chance(points *s, size_t most)
{
    enum { INPUTS = 5, GROWN = 12 };
    static const int64_t dim[] = {3, 3};
    static const int rank[INPUTS] = {0, 0, 1, 2, 2};
    grad_node pool[INPUTS + GROWN];
    grad_error err = {0};
    points_begin(s, most);
    for (int k = 0; k < INPUTS; k++) {
        pool[k] = points_input(s, GRAD_FLOAT64, rank[k], dim);
        size_t count = points_bytes(s, pool[k]) / sizeof(double);
        for (size_t i = 0; i < most * count; i++)
            ((double *)s->data[k])[i] = uniform() + (i % count % 4 == 0 ? 4 : 0);
    }
    for (size_t n = INPUTS; n < INPUTS + GROWN; n++) pool[n] = grow(s, pool, n);
    grad_node f = apply(s, "sum", pool[INPUTS + GROWN - 1], GRAD_NONE);
    for (size_t n = INPUTS; n < INPUTS + GROWN - 1; n += 3)
        f = apply(s, "add", f, apply(s, "mean", pool[n], GRAD_NONE));
    s->n_out = 1 + INPUTS + GROWN;
    s->out[0] = f;
    if (grad_gradient(s->out + 1, s->g, &f, NULL, 1, pool, INPUTS + GROWN, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t n = INPUTS; n < INPUTS + GROWN; n++) s->out[s->n_out++] = pool[n];
}

static void graphs_by_chance_run_in_a_batch_as_they_run_alone(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 7, 513, 2000};
    for (int round = 0; round < 12; round++) {
        points s;
        char what[40];
        snprintf(what, sizeof what, "graph %d", round);
        pose_by_chance(&s, 2000);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            points_check(&s, round ? 1 + (unsigned)pick(31) : 31, sizes[i], 0, what);
        points_end(&s);
    }
}

/* ---- sums over the points ------------------------------------------------------------------------ */

/* f = sum(w * x) ^ 2 with w for all points; dw of each kind. */
typedef struct fit {
    points s;
    grad_node w, x, f;
    int64_t size;
} fit;

static void begin_fit(fit *t, int64_t size, size_t most)
{
    grad_error err = {0};
    points_begin(&t->s, most);
    t->size = size;
    t->w = points_input(&t->s, GRAD_FLOAT64, 1, &size);
    t->x = points_input(&t->s, GRAD_FLOAT64, 1, &size);
    t->f = apply(&t->s, "square",
                 apply(&t->s, "sum", apply(&t->s, "mul", t->w, t->x), GRAD_NONE), GRAD_NONE);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < (size_t)size * (k ? most : 1); i++)
            ((double *)t->s.data[k])[i] = uniform() * pow(10, 6 * uniform());
    assert_int_equal(grad_gradient(t->s.out, t->s.g, &t->f, NULL, 1, &t->w, 1, &err), 0);
}

static void run_fit(fit *t, grad_reduce reduce, size_t n, size_t block, double *out)
{
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_error err = {0};
    grad_batch batch = {(bool[]){false, true}, &reduce};
    size_t bytes = (size_t)t->size * sizeof(double);
    grad_points in[] = {{t->s.data[0], 0}, {t->s.data[1], bytes}};
    assert_int_equal(grad_compile_batch(&p, t->s.g, t->s.out, 1, &batch, &err), 0);
    if (block) p->points.block = block;
    assert_int_equal(grad_workspace_new(&w, p, &t->s.host, &err), 0);
    assert_int_equal(grad_run_batch(p, w, n, in, &(grad_stack){out, bytes}, &err), 0);
    grad_workspace_free(w);
    grad_program_free(p);
}

static void check_sums(int64_t size, size_t n)
{
    fit t;
    double *each = calloc(n * (size_t)size + 1, sizeof *each);
    double *sum = calloc((size_t)size, sizeof *sum), *again = calloc((size_t)size, sizeof *again);
    begin_fit(&t, size, n);
    run_fit(&t, GRAD_EACH, n, 0, each);
    run_fit(&t, GRAD_SUM, n, 0, sum);
    for (size_t k = 0; k < (size_t)size; k++) {
        long double whole = 0, size_of = 0;
        for (size_t i = 0; i < n; i++) {
            whole += each[i * (size_t)size + k];
            size_of += fabsl(each[i * (size_t)size + k]);
        }
        /* The long double has 11 bits more, of which n additions may take some. */
        long double room = fabsl(whole) * 0x1p-53L + size_of * (long double)n * 0x1p-64L;
        if (fabsl(sum[k] - whole) > room)
            fail_msg("sum of %zu points: %.17g, not %.20Lg", n, sum[k], whole);
    }
    for (size_t block = 1; block < 30; block = 2 * block + 1) {
        run_fit(&t, GRAD_SUM, n, block, again);
        assert_memory_equal(sum, again, (size_t)size * sizeof *sum);
    }
    run_fit(&t, GRAD_MEAN, n, 0, again);
    for (size_t k = 0; k < (size_t)size; k++) {
        if (n == 0) assert_true(sum[k] == 0 && !signbit(sum[k]) && isnan(again[k]));
        else assert_true(again[k] == sum[k] / (double)n);
        if (n == 1) assert_memory_equal(&sum[k], &each[k], sizeof *sum);
    }
    points_end(&t.s);
    free(each), free(sum), free(again);
}

static void sums_are_right_and_the_same_for_every_block(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 7, 8, 513, 2000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int64_t size = 1; size < 200; size = 3 * size + 2) check_sums(size, sizes[i]);
}

static void sums_keep_signs_and_infinities(void **state)
{
    (void)state;
    static const double values[][3] = {{-0.0, -0.0, -0.0}, {INFINITY, 1, 2}, {INFINITY, -INFINITY, 0},
                                       {NAN, 1, 2}, {1e308, 1e308, 1}, {1e16, 1, -1e16}};
    static const double want[] = {-0.0, INFINITY, NAN, NAN, INFINITY, 1};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        points s;
        grad_program *p = NULL;
        grad_workspace *w = NULL;
        grad_error err = {0};
        double got = 7;
        points_begin(&s, 3);
        s.out[0] = points_input(&s, GRAD_FLOAT64, 0, NULL);
        grad_batch batch = {(bool[]){true}, (grad_reduce[]){GRAD_SUM}};
        assert_int_equal(grad_compile_batch(&p, s.g, s.out, 1, &batch, &err), 0);
        assert_int_equal(grad_workspace_new(&w, p, &s.host, &err), 0);
        assert_int_equal(grad_run_batch(p, w, 3, &(grad_points){values[i], sizeof(double)},
                                        &(grad_stack){&got, 0}, &err), 0);
        if (isnan(want[i])) assert_true(isnan(got));
        else assert_memory_equal(&got, &want[i], sizeof got);
        grad_workspace_free(w);
        grad_program_free(p);
        points_end(&s);
    }
}

/* A thousand weights' gradient over 1e5 points, in memory that holds two hundred of them. */
static void sums_take_no_memory_for_the_points(void **state)
{
    (void)state;
    enum { POINTS = 100000, SIZE = 1000 };
    fit t;
    static double sum[SIZE];
    begin_fit(&t, SIZE, 1);
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_error err = {0};
    grad_batch batch = {(bool[]){false, true}, (grad_reduce[]){GRAD_SUM}};
    grad_points in[] = {{t.s.data[0], 0}, {t.s.data[1], 0}};
    assert_int_equal(grad_compile_batch(&p, t.s.g, t.s.out, 1, &batch, &err), 0);
    size_t before = t.s.host.used;
    assert_true(grad_program_cost(p).workspace < 200 * SIZE * sizeof(double));
    t.s.host.memory = before + 200 * SIZE * sizeof(double);
    assert_int_equal(grad_workspace_new(&w, p, &t.s.host, &err), 0);
    assert_int_equal(grad_run_batch(p, w, POINTS, in, &(grad_stack){sum, 0}, &err), 0);
    grad_workspace_free(w);
    grad_program_free(p);
    points_end(&t.s);
}

static void only_reals_are_summed(void **state)
{
    (void)state;
    points s;
    grad_program *p = NULL;
    grad_error err = {0};
    points_begin(&s, 1);
    s.out[0] = points_input(&s, GRAD_INT64, 0, NULL);
    grad_batch batch = {(bool[]){true}, (grad_reduce[]){GRAD_SUM}};
    assert_int_equal(grad_compile_batch(&p, s.g, s.out, 1, &batch, &err), -1);
    assert_int_equal(err.code, GRAD_DTYPE_MISMATCH);
    points_end(&s);
}

/* ---- errors -------------------------------------------------------------------------------------- */

/* det-like failures at one point, an index out of range at another: the first point's is told. */
static void the_first_point_at_fault_is_named(void **state)
{
    (void)state;
    enum { MOST = 700 };
    const int64_t dim[] = {2, 2};
    for (size_t index_at = 0; index_at < MOST; index_at += 233) {
        points s;
        grad_error err = {0};
        points_begin(&s, MOST);
        grad_node a = points_input(&s, GRAD_FLOAT64, 2, dim);
        grad_node i = points_input(&s, GRAD_INT64, 0, NULL);
        s.out[0] = apply(&s, "inv", a, GRAD_NONE);
        if (grad_apply(&s.out[1], s.g, grad_op_find("take"), (grad_operand[]){GRAD_AT(a), GRAD_AT(i)},
                       2, NULL, 0, &err) < 0)
            fail_msg("%s", err.text);
        s.n_out = 2;
        for (size_t k = 0; k < MOST; k++) {
            double *m = (double *)s.data[0] + 4 * k;
            m[0] = m[3] = k == 300 || k == 650 ? 0 : 1 + (double)k;
            ((int64_t *)s.data[1])[k] = k == index_at ? 9 : 1;
        }
        for (size_t block = 0; block < 700; block = 5 * block + 1)
            points_check(&s, 3, MOST, block, "a batch with faults");
        points_check(&s, 2, MOST, 0, "faults at points and one of all");
        points_end(&s);
    }
}

static void a_stopped_batch_ends(void **state)
{
    (void)state;
    points s;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_error err = {0};
    volatile int stop = 0;
    double x[2] = {1, 2};
    points_begin(&s, 1);
    s.host.stop = &stop;
    grad_node in = points_input(&s, GRAD_FLOAT64, 0, NULL);
    s.out[0] = apply(&s, "sin", in, GRAD_NONE);
    grad_batch batch = {(bool[]){true}, NULL};
    assert_int_equal(grad_compile_batch(&p, s.g, s.out, 1, &batch, &err), 0);
    assert_int_equal(grad_workspace_new(&w, p, &s.host, &err), 0);
    stop = 1;
    assert_int_equal(grad_run_batch(p, w, 2, &(grad_points){x, 8}, &(grad_stack){x, 8}, &err), -1);
    assert_int_equal(err.code, GRAD_STOPPED);
    assert_null(strstr(err.text, "point"));
    err = (grad_error){0};
    stop = 0;
    assert_int_equal(grad_run(p, w, (const void *[]){x}, &err), -1); /* not what it is made for */
    assert_int_equal(err.code, GRAD_INTERNAL);
    grad_workspace_free(w);
    grad_program_free(p);
    points_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_runs_in_a_batch_as_it_runs_alone),
        cmocka_unit_test(graphs_by_chance_run_in_a_batch_as_they_run_alone),
        cmocka_unit_test(sums_are_right_and_the_same_for_every_block),
        cmocka_unit_test(sums_keep_signs_and_infinities),
        cmocka_unit_test(sums_take_no_memory_for_the_points),
        cmocka_unit_test(only_reals_are_summed),
        cmocka_unit_test(the_first_point_at_fault_is_named),
        cmocka_unit_test(a_stopped_batch_ends),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
