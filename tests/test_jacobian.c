/* test_jacobian.c -- Jacobians of random graphs beside gradients of single elements, tangents
 * beside products with Jacobians, Hessians beside Hessian-vector products, and how many sweeps they
 * take.
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

#include "random_graph.h"

/* ---- running --------------------------------------------------------------------------------- */

typedef struct ran {
    grad_program *p;
    grad_workspace *w;
} ran;

static ran run(grad_graph *g, const grad_node *results, size_t n, const void *const *data)
{
    ran r;
    good(grad_compile(&r.p, g, results, n, &err));
    good(grad_workspace_new(&r.w, r.p, &host, &err));
    good(grad_run(r.p, r.w, data, &err));
    return r;
}
static void end(ran *r)
{
    grad_workspace_free(r->w);
    grad_program_free(r->p);
}

static size_t count_of(const world *w, grad_node n)
{
    return (size_t)grad_node_shape(w->g, n)->count;
}

static bool same(double a, double b, double tolerance)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* The whole matrix, columns of all wrt side by side. Owned. */
static double *dense(const grad_jacobian *j, size_t i, size_t rows, size_t columns)
{
    double *a = calloc(rows * columns + 1, sizeof *a);
    for (size_t r = 0; r < rows; r++) {
        grad_entries e = grad_jacobian_row(j, i, r);
        for (size_t k = 0; k < e.n; k++) {
            assert_true(e.column[k] < columns && (k == 0 || e.column[k - 1] < e.column[k]));
            a[r * columns + e.column[k]] = e.value[k];
        }
    }
    return a;
}

/* ---- what must hold -------------------------------------------------------------------------- */

enum { OF = 4, WRT = 5 };

/* What a Jacobian is held against: gradients from seeds, tangents along vectors. */
typedef struct reference {
    grad_node of[OF], wrt[WRT];
    size_t n_of, n_wrt, columns;
    grad_node pulled[OF][WRT], moved[OF];
    double *unit[OF], *v;
} reference;

static grad_node like(world *w, grad_node n, double **data)
{
    const grad_shape *s = grad_node_shape(w->g, n);
    *data = calloc((size_t)s->count + 1, sizeof **data);
    w->data[w->n_data++] = *data;
    return graph_input(w->g, GRAD_FLOAT64, s->rank, s->dim);
}

static void refer(world *w, reference *r)
{
    grad_node seed[OF], tangent[WRT];
    double *v[WRT];
    r->columns = 0;
    for (size_t k = 0; k < r->n_wrt; k++) {
        tangent[k] = like(w, r->wrt[k], &v[k]);
        r->columns += count_of(w, r->wrt[k]);
    }
    r->v = calloc(r->columns + 1, sizeof *r->v);
    for (size_t k = 0, c = 0; k < r->n_wrt; k++)
        for (size_t e = 0; e < count_of(w, r->wrt[k]); e++) v[k][e] = r->v[c++] = random_uniform();
    good(grad_tangent(r->moved, w->g, r->of, r->n_of, r->wrt, tangent, r->n_wrt, &err));
    for (size_t i = 0; i < r->n_of; i++) {
        seed[i] = like(w, r->of[i], &r->unit[i]);
        good(grad_gradient(r->pulled[i], w->g, &r->of[i], &seed[i], 1, r->wrt, r->n_wrt, &err));
    }
}

static double *matrix_of(const world *w, const reference *r, const grad_jacobian *j, size_t i)
{
    return dense(j, i, count_of(w, r->of[i]), r->columns);
}

/* Every row is the gradient from a unit seed: to the last bit where rows were found by reverse
   mode, to rounding where columns were. */
static void rows_are_gradients(world *w, const reference *r, const grad_jacobian *j)
{
    double tolerance = grad_jacobian_sweeps(j, true) ? 1e-12 : 0;
    for (size_t i = 0; i < r->n_of; i++) {
        double *matrix = matrix_of(w, r, j, i);
        for (size_t row = 0; row < count_of(w, r->of[i]); row++) {
            r->unit[i][row] = 1;
            ran made = run(w->g, r->pulled[i], r->n_wrt, w->data);
            for (size_t k = 0, c = 0; k < r->n_wrt; k++)
                for (size_t e = 0; e < count_of(w, r->wrt[k]); e++, c++) {
                    double want = ((const double *)grad_result(made.w, k))[e];
                    double got = matrix[row * r->columns + c];
                    if (isnan(want) && (got == 0 || tolerance > 0)) continue; /* 0 times infinity */
                    if (!same(want, got, tolerance))
                        fail_msg("result %zu, row %zu, column %zu: %.17g, want %.17g", i, row, c,
                                 got, want);
                }
            end(&made);
            r->unit[i][row] = 0;
        }
        free(matrix);
    }
}

static void tangents_are_products(world *w, const reference *r, const grad_jacobian *j)
{
    ran made = run(w->g, r->moved, r->n_of, w->data);
    for (size_t i = 0; i < r->n_of; i++) {
        double *matrix = matrix_of(w, r, j, i);
        for (size_t row = 0; row < count_of(w, r->of[i]); row++) {
            double sum = 0, size = 1;
            for (size_t c = 0; c < r->columns; c++) {
                double term = matrix[row * r->columns + c] * r->v[c];
                sum += term;
                size += fabs(term);
            }
            double got = ((const double *)grad_result(made.w, i))[row];
            if (isfinite(size) && !same(sum / size, got / size, 1e-12))
                fail_msg("result %zu, row %zu: %.17g, want %.17g", i, row, got, sum);
        }
        free(matrix);
    }
    end(&made);
}

static void hold(world *w, reference *r, bool hessian)
{
    grad_jacobian *j;
    refer(w, r);
    good(grad_jacobian_new(&j, w->g, r->of, r->n_of, r->of, r->n_of, r->wrt, r->n_wrt, w->data,
                           &err));
    for (int times = 0; times < 2; times++) good(grad_jacobian_run(j, w->data, &err));
    rows_are_gradients(w, r, j);
    tangents_are_products(w, r, j);
    if (hessian) {
        double *block[OF];
        for (size_t i = 0; i < r->n_of; i++) block[i] = matrix_of(w, r, j, i);
        for (size_t a = 0, row = 0; a < r->n_of; row += count_of(w, r->of[a++]))
            for (size_t b = 0, column = 0; b < r->n_of; column += count_of(w, r->of[b++]))
                for (size_t x = 0; x < count_of(w, r->of[a]); x++)
                    for (size_t y = 0; y < count_of(w, r->of[b]); y++) {
                        double here = block[a][x * r->columns + column + y];
                        double there = block[b][y * r->columns + row + x];
                        if (isfinite(here + there) && !same(here, there, 1e-9))
                            fail_msg("%.17g beside %.17g", here, there);
                    }
        for (size_t i = 0; i < r->n_of; i++) free(block[i]);
    }
    grad_jacobian_free(j);
    free(r->v);
}

static void free_world(world *w, size_t own)
{
    for (size_t i = own; i < w->n_data; i++) free((void *)(uintptr_t)w->data[i]);
    grad_graph_free(w->g);
}

/* With respect to all inputs, sometimes to something computed as well; to what is reached and what
   is not. */
static void one_graph(uint64_t seed, bool hessian)
{
    world w;
    reference r = {0};
    random_start(seed);
    world_start(&w, 1 + random_below(3));
    size_t own = w.n_data, inputs = w.n, steps = 2 + random_below(8);
    for (size_t k = 0; k < inputs; k++) r.wrt[r.n_wrt++] = w.node[k];
    for (size_t k = 0; k < steps; k++) w.node[w.n++] = world_grow(&w);
    if (!hessian && random_below(3) == 0) r.wrt[r.n_wrt++] = w.node[inputs];
    if (hessian) {
        grad_node f = one(w.g, "sum", one(w.g, "square", w.node[w.n - 1]));
        r.n_of = r.n_wrt;
        good(grad_gradient(r.of, w.g, &f, NULL, 1, r.wrt, r.n_wrt, &err));
    } else {
        r.n_of = 1 + random_below(3);
        for (size_t i = 0; i < r.n_of; i++)
            r.of[i] = one(w.g, "identity", w.node[w.n - 1 - random_below(2)]);
    }
    hold(&w, &r, hessian);
    free_world(&w, own);
}

/* ---- how many sweeps ---------------------------------------------------------------------------
 */

enum { N = 1000 };

static size_t sweeps_of(world *w, const grad_node *of, size_t n_of, const grad_node *wrt, size_t n,
                        size_t *entries)
{
    grad_jacobian *j;
    good(grad_jacobian_new(&j, w->g, NULL, 0, of, n_of, wrt, n, w->data, &err));
    size_t sweeps = grad_jacobian_sweeps(j, false) + grad_jacobian_sweeps(j, true);
    good(grad_jacobian_run(j, w->data, &err));
    *entries = 0;
    for (size_t i = 0; i < n_of; i++)
        for (size_t r = 0; r < count_of(w, of[i]); r++) *entries += grad_jacobian_row(j, i, r).n;
    grad_jacobian_free(j);
    return sweeps;
}

static double thousand[N];

static grad_node thousand_of(world *w)
{
    const int64_t n = N;
    *w = (world){0};
    good(grad_graph_new(&w->g, &host, GRAD_FLOAT64, &err));
    for (int i = 0; i < N; i++) thousand[i] = random_uniform();
    w->data[w->n_data++] = thousand;
    return graph_input(w->g, GRAD_FLOAT64, 1, &n);
}

static grad_node times(grad_graph *g, grad_node x, double by)
{
    grad_operand in[] = {GRAD_AT(x), {.kind = GRAD_OPERAND_REAL, .r = by}};
    return apply(g, "mul", in, 2, NULL, 0);
}

static void an_element_wise_map_takes_one_sweep(void **unused)
{
    (void)unused;
    world w;
    size_t entries;
    grad_node x = thousand_of(&w), y = two(w.g, "mul", one(w.g, "exp", x), one(w.g, "tanh", x));
    assert_int_equal(sweeps_of(&w, &y, 1, &x, 1, &entries), 1);
    assert_int_equal(entries, N);
    grad_graph_free(w.g);
}

static void a_map_and_its_sum_take_two(void **unused)
{
    (void)unused;
    world w;
    size_t entries;
    grad_node x = thousand_of(&w), of[2] = {one(w.g, "exp", x), one(w.g, "sum", x)};
    assert_int_equal(sweeps_of(&w, of, 2, &x, 1, &entries), 2);
    assert_int_equal(entries, 2 * N);
    grad_graph_free(w.g);
}

/* sum(100 (x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2) */
static grad_node rosenbrock(grad_graph *g, grad_node x)
{
    grad_node next = part(g, x, 1, N, 1), here = part(g, x, 0, N - 1, 1);
    grad_node bend = one(g, "square", two(g, "sub", next, one(g, "square", here)));
    grad_operand off[] = {{.kind = GRAD_OPERAND_REAL, .r = 1}, GRAD_AT(here)};
    grad_node rest = one(g, "square", apply(g, "sub", off, 2, NULL, 0));
    return one(g, "sum", two(g, "add", times(g, bend, 100), rest));
}

static void rosenbrocks_hessian_takes_three(void **unused)
{
    (void)unused;
    world w;
    size_t entries;
    grad_node x = thousand_of(&w), f = rosenbrock(w.g, x), gradient;
    good(grad_gradient(&gradient, w.g, &f, NULL, 1, &x, 1, &err));
    assert_int_equal(sweeps_of(&w, &gradient, 1, &x, 1, &entries), 3);
    assert_int_equal(entries, 3 * N - 2);
    grad_graph_free(w.g);
}

/* A circulant five-point stencil, of rolls: five colours in a thousand. */
static void a_stencil_takes_as_many_as_it_has_points(void **unused)
{
    (void)unused;
    world w;
    size_t entries;
    grad_node x = thousand_of(&w), y = one(w.g, "sin", x);
    for (int64_t shift = -2; shift <= 2; shift++)
        if (shift)
            y = two(w.g, "add", y,
                    apply(w.g, "roll", (grad_operand[]){GRAD_AT(x)}, 1,
                          (grad_attribute[]){AN_INT("shift", shift)}, 1));
    assert_int_equal(sweeps_of(&w, &y, 1, &x, 1, &entries), 5);
    assert_int_equal(entries, 5 * N);
    grad_graph_free(w.g);
}

/* Each point of a batch through the same layers: a block a point. */
static void points_of_a_batch_share_sweeps(void **unused)
{
    (void)unused;
    world w;
    size_t entries;
    const int64_t dim[] = {N / 10, 10}, weight[] = {10, 4};
    grad_node v = thousand_of(&w), m = graph_input(w.g, GRAD_FLOAT64, 2, weight);
    w.data[w.n_data++] = thousand;
    grad_node x = apply(w.g, "reshape", (grad_operand[]){GRAD_AT(v)}, 1,
                        (grad_attribute[]){A_LIST("shape", dim, 2)}, 1);
    grad_node y = one(w.g, "tanh", two(w.g, "matmul", x, m));
    assert_int_equal(sweeps_of(&w, &y, 1, &v, 1, &entries), 4);
    assert_int_equal(entries, N * 4);
    grad_graph_free(w.g);
}

static void jacobians_of_random_graphs(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 1500; seed++) one_graph(seed, false);
}

static void hessians_of_random_graphs(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 1000; seed++) one_graph(seed, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_wise_map_takes_one_sweep),
        cmocka_unit_test(a_map_and_its_sum_take_two),
        cmocka_unit_test(rosenbrocks_hessian_takes_three),
        cmocka_unit_test(a_stencil_takes_as_many_as_it_has_points),
        cmocka_unit_test(points_of_a_batch_share_sweeps),
        cmocka_unit_test(jacobians_of_random_graphs),
        cmocka_unit_test(hessians_of_random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
