/* test_control_random.c -- random functions, loops and branches beside the same graph written out,
 * and as little memory as one likes.
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

#include "bodies.h"

enum { MOST = 4000, OPERANDS = 6, WRT = 12 };

/* What a random whole is given: types are fixed, numbers and which are differentiated are drawn. */
static const body_type types[OPERANDS] = {BODY_NUMBER, BODY_ROW, BODY_ROWS, BODY_INT, BODY_TRUTH,
                                          BODY_EMPTY};
static double reals[OPERANDS][32 * BODY_WIDE];
static int64_t count;
static uint8_t yes;

typedef struct drawn {
    bodies all;
    int n_wrt, wrt[WRT]; /* values of the whole, by number */
    int n_of, of[4];
} drawn;

static bool real_at(const body *f, int v) { return body_is_real(f->type[v]); }

static void draw(drawn *d, uint64_t seed)
{
    bodies *all = &d->all;
    all->state = seed * 0x9E3779B97F4A7C15u + 1;
    bodies_random(all, 2);
    all->rows = bodies_random(all, 8) ? (int64_t)bodies_random(all, 6) : (int64_t)bodies_random(all, 31);
    bodies_make(all, 3, OPERANDS, types);
    const body *whole = &all->at[all->n - 1];
    for (int k = 0; k < OPERANDS; k++)
        for (int i = 0; i < 32 * BODY_WIDE; i++)
            reals[k][i] = (double)bodies_random(all, 2000001) / 1e6 - 1;
    count = (int64_t)bodies_random(all, 4);
    yes = (uint8_t)bodies_random(all, 2);
    d->n_of = d->n_wrt = 0;
    for (int k = 0; k < whole->n_values; k++) { /* inputs most often, intermediates at times */
        if (!real_at(whole, k) || d->n_wrt == WRT) continue;
        if (bodies_random(all, 8) < (k < OPERANDS ? 7 : 1)) d->wrt[d->n_wrt++] = k;
    }
    for (int k = whole->n_values; k-- > 0 && d->n_of < 4;)
        if (real_at(whole, k) && (bodies_random(all, 3) || k == 0)) d->of[d->n_of++] = k;
}

/* ---- running ------------------------------------------------------------------------------------ */

typedef struct run {
    grad_host host;
    grad_error err;
    grad_graph *g;
    grad_program *p;
    grad_workspace *space;
    grad_node value[BODY_VALUES], wrt[WRT], f;
    size_t n, start[2 * WRT + 2]; /* numbers, and where each result's begin */
    double out[MOST];
} run;

static grad_node apply(run *r, const char *op, grad_node a, grad_node b)
{
    grad_node n = 0;
    grad_operand in[] = {GRAD_AT(a), GRAD_AT(b)};
    if (r->err.code == GRAD_OK)
        (void)!grad_apply(&n, r->g, grad_op_find(op), in, b == GRAD_NONE ? 1 : 2, NULL, 0, &r->err);
    return n;
}

/* Adds sum(sin(x)) to *total. */
static void add_up(run *r, grad_node *total, grad_node x)
{
    grad_node s = apply(r, "sum", apply(r, "sin", x, GRAD_NONE), GRAD_NONE);
    *total = *total == GRAD_NONE ? s : apply(r, "add", *total, s);
}

static int build(run *r, drawn *d, bool written_out)
{
    grad_node in[OPERANDS];
    if (grad_graph_new(&r->g, &r->host, GRAD_FLOAT64, &r->err) < 0) return -1;
    grad_graph_functions(r->g, &d->all.library);
    for (int k = 0; k < OPERANDS; k++) {
        int64_t dim[2];
        int rank = body_shape(&d->all, types[k], dim);
        if (grad_input(&in[k], r->g, body_dtype(types[k]), rank, dim, &r->err) < 0) return -1;
    }
    if (bodies_add(&d->all, r->g, written_out, in, r->value, &r->err) < 0) return -1;
    r->f = GRAD_NONE;
    for (int k = 0; k < d->n_of; k++) add_up(r, &r->f, r->value[d->of[k]]);
    for (int k = 0; k < d->n_wrt; k++) r->wrt[k] = r->value[d->wrt[k]];
    return r->err.code ? -1 : 0;
}

/* f, its gradients, and those of the sum of sines of its gradients: want[]. */
static int differentiate(run *r, const drawn *d, grad_node *want)
{
    grad_node bent = GRAD_NONE;
    size_t n = (size_t)d->n_wrt;
    want[0] = r->f;
    if (grad_gradient(want + 1, r->g, &r->f, NULL, 1, r->wrt, n, &r->err) < 0) return -1;
    for (size_t k = 0; k < n; k++) add_up(r, &bent, want[1 + k]);
    if (n == 0) return r->err.code ? -1 : 0;
    return grad_gradient(want + 1 + n, r->g, &bent, NULL, 1, r->wrt, n, &r->err);
}

static int work_out(run *r, const grad_node *want, size_t n)
{
    const void *in[OPERANDS] = {reals[0], reals[1], reals[2], &count, &yes, reals[5]};
    if (grad_compile(&r->p, r->g, want, n, &r->err) < 0 ||
        grad_workspace_new(&r->space, r->p, &r->host, &r->err) < 0 ||
        grad_run(r->p, r->space, in, &r->err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)grad_node_shape(r->g, want[i])->count;
        r->start[i] = r->n;
        assert_true(r->n + size <= MOST);
        memcpy(r->out + r->n, grad_result(r->space, i), size * sizeof *r->out);
        r->start[i + 1] = r->n += size;
    }
    return 0;
}

static void forget(run *r)
{
    grad_workspace_free(r->space);
    grad_program_free(r->p);
    grad_graph_free(r->g);
    r->space = NULL, r->p = NULL, r->g = NULL;
    if (r->host.used) fail_msg("%zu bytes are left", r->host.used);
}

/* All of it in so much memory. 0, or -1 with the error. */
static int evaluate(run *r, drawn *d, bool written_out, size_t memory)
{
    grad_node want[2 * WRT + 1];
    *r = (run){.host = GRAD_HOST_DEFAULT};
    r->host.memory = memory;
    int result = build(r, d, written_out);
    if (result == 0) result = differentiate(r, d, want);
    if (result == 0) result = work_out(r, want, 1 + 2 * (size_t)d->n_wrt);
    forget(r);
    return result;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static uint64_t runs(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void compare(const run *got, const run *want, int n_wrt, uint64_t seed)
{
    static const char *const orders[] = {"the value", "a gradient", "a second derivative"};
    assert_int_equal(got->n, want->n);
    for (int i = 0; i < 1 + 2 * n_wrt; i++) {
        double largest = 1;
        for (size_t k = want->start[i]; k < want->start[i + 1]; k++)
            largest = fmax(largest, fabs(want->out[k]));
        for (size_t k = want->start[i]; k < want->start[i + 1]; k++)
            if (!(fabs(got->out[k] - want->out[k]) <= 1e-11 * largest))
                fail_msg("seed %llu: %s (%d) is %.17g, written out %.17g", (unsigned long long)seed,
                         orders[i == 0 ? 0 : i <= n_wrt ? 1 : 2], i, got->out[k], want->out[k]);
    }
}

static drawn d;
static run native, written;

static void control_flow_is_what_is_written_out(void **state)
{
    (void)state;
    uint64_t first = runs("CONTROL_SEED", 0), n = runs("CONTROL_RUNS", 1000);
    for (uint64_t seed = first; seed < first + n; seed++) {
        draw(&d, seed);
        if (evaluate(&native, &d, false, (size_t)1 << 30) < 0)
            fail_msg("seed %llu: %s", (unsigned long long)seed, native.err.text);
        if (evaluate(&written, &d, true, (size_t)1 << 30) < 0)
            fail_msg("seed %llu, written out: %s", (unsigned long long)seed, written.err.text);
        compare(&native, &written, d.n_wrt, seed);
    }
}

/* The value has the same bits whether or not its derivatives are asked for. */
static void values_alone_have_the_same_bits(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1020; seed++) {
        draw(&d, seed);
        assert_int_equal(evaluate(&native, &d, false, (size_t)1 << 30), 0);
        written = (run){.host = GRAD_HOST_DEFAULT};
        assert_int_equal(build(&written, &d, false), 0);
        assert_int_equal(work_out(&written, &written.f, 1), 0);
        assert_memory_equal(native.out, written.out, sizeof *native.out);
        forget(&written);
    }
}

/* Wherever memory ends, the error says so and everything is given back. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    uint64_t first = runs("CONTROL_SEED", 0), n = runs("CONTROL_ENDS", 4);
    for (uint64_t seed = first; seed < first + n; seed++) {
        draw(&d, seed);
        size_t memory = 100;
        while (evaluate(&native, &d, false, memory) < 0) {
            assert_int_equal(native.err.code, GRAD_MEMORY_LIMIT);
            memory += memory / 16 + bodies_random(&d.all, 64);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_flow_is_what_is_written_out),
        cmocka_unit_test(values_alone_have_the_same_bits),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests_name("control_random", tests, NULL, NULL);
}
