/* sweeps_run.c -- what structure saves, and what forward mode costs.
 *
 *     sweeps_run      milliseconds and ratios, a line each
 *
 * A Jacobian and a Hessian whose structure is found are put beside one run of the whole program for
 * every row; tangents by reverse mode applied twice beside tangents that are written by hand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grad.h"

enum { N = 1000, CHAIN = 50, LAYERS = 10, WIDTH = 64, POINTS = 32 };

static grad_error err;
static grad_host host = GRAD_HOST_DEFAULT;

static void good(int result)
{
    if (result == 0) return;
    fprintf(stderr, "sweeps_run: %s\n", err.text);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static grad_graph *graph(void)
{
    grad_graph *g = NULL;
    good(grad_graph_new(&g, &host, GRAD_FLOAT64, &err));
    return g;
}

static grad_node input(grad_graph *g, int rank, int64_t a, int64_t b)
{
    grad_node n = GRAD_NONE;
    good(grad_input(&n, g, GRAD_FLOAT64, rank, (int64_t[]){a, b}, &err));
    return n;
}

static grad_node apply(grad_graph *g, const char *op, const grad_operand *in, size_t n)
{
    grad_node out = GRAD_NONE;
    good(grad_apply(&out, g, grad_op_find(op), in, n, NULL, 0, &err));
    return out;
}
static grad_node one(grad_graph *g, const char *op, grad_node x)
{
    return apply(g, op, (grad_operand[]){GRAD_AT(x)}, 1);
}
static grad_node two(grad_graph *g, const char *op, grad_node x, grad_node y)
{
    return apply(g, op, (grad_operand[]){GRAD_AT(x), GRAD_AT(y)}, 2);
}
static grad_node from_one(grad_graph *g, grad_node x)
{
    return apply(g, "sub", (grad_operand[]){{.kind = GRAD_OPERAND_INT, .i = 1}, GRAD_AT(x)}, 2);
}
static grad_node part(grad_graph *g, grad_node x, int64_t start, int64_t stop)
{
    grad_node out = GRAD_NONE;
    grad_attribute attr[] = {{"starts", 6, {.kind = GRAD_LIST, .n = 1, .list = &start}},
                             {"stops", 5, {.kind = GRAD_LIST, .n = 1, .list = &stop}}};
    good(grad_apply(&out, g, grad_op_find("slice"), (grad_operand[]){GRAD_AT(x)}, 1, attr, 2, &err));
    return out;
}

/* sum(100 (x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2) */
static grad_node rosenbrock(grad_graph *g, grad_node x)
{
    grad_node next = part(g, x, 1, N), here = part(g, x, 0, N - 1);
    grad_node bend = one(g, "square", two(g, "sub", next, one(g, "square", here)));
    grad_operand by[] = {GRAD_AT(bend), {.kind = GRAD_OPERAND_INT, .i = 100}};
    grad_node steep = apply(g, "mul", by, 2);
    return one(g, "sum", two(g, "add", steep, one(g, "square", from_one(g, here))));
}

/* ---- structure ------------------------------------------------------------------------------- */

static double x[N], seed[N];

/* One run of values and gradient for every row: milliseconds. */
static double row_by_row(grad_graph *g, grad_node of, grad_node wrt)
{
    grad_node seeds = input(g, 1, N, 0), row = GRAD_NONE;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    double start = now();
    good(grad_gradient(&row, g, &of, &seeds, 1, &wrt, 1, &err));
    good(grad_compile(&p, g, &row, 1, &err));
    good(grad_workspace_new(&w, p, &host, &err));
    for (int r = 0; r < N; r++) {
        seed[r] = 1;
        good(grad_run(p, w, (const void *[]){x, seed}, &err));
        seed[r] = 0;
    }
    double took = now() - start;
    grad_workspace_free(w);
    grad_program_free(p);
    return took;
}

static void compare(const char *what, grad_graph *g, grad_node of, grad_node wrt)
{
    grad_jacobian *j = NULL;
    const void *data[] = {x, NULL};
    double each = row_by_row(g, of, wrt), start = now();
    good(grad_jacobian_new(&j, g, NULL, 0, &of, 1, &wrt, 1, data, &err));
    double made = now() - start;
    good(grad_jacobian_run(j, data, &err));
    double took = now() - start, again = now();
    good(grad_jacobian_run(j, data, &err));
    again = now() - again;
    printf("%s: %zu of %d sweeps; %.3f ms (%.3f of them to find the structure), again %.4f ms; row by "
           "row %.2f ms: %.0f times, again %.0f times\n", what,
           grad_jacobian_sweeps(j, false) + grad_jacobian_sweeps(j, true), N, took, made, again, each,
           each / took, each / again);
    grad_jacobian_free(j);
}

static void structures(void)
{
    for (int i = 0; i < N; i++) x[i] = 0.001 * i;
    grad_graph *g = graph();
    grad_node v = input(g, 1, N, 0);
    compare("Jacobian of exp(x) tanh(x), 1000 to 1000", g, two(g, "mul", one(g, "exp", v),
                                                              one(g, "tanh", v)), v);
    grad_graph_free(g);
    g = graph();
    v = input(g, 1, N, 0);
    grad_node f = rosenbrock(g, v), gradient = GRAD_NONE;
    good(grad_gradient(&gradient, g, &f, NULL, 1, &v, 1, &err));
    compare("Hessian of Rosenbrock's function, 1000", g, gradient, v);
    grad_graph_free(g);
}

/* ---- forward mode ---------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double u = *(const double *)a, v = *(const double *)b;
    return (u > v) - (u < v);
}

/* The median of many runs. */
static double time_of(grad_graph *g, const grad_node *results, size_t n, const void *const *data)
{
    enum { ROUNDS = 51 };
    double took[ROUNDS];
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    good(grad_compile(&p, g, results, n, &err));
    good(grad_workspace_new(&w, p, &host, &err));
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        good(grad_run(p, w, data, &err));
        took[i] = now() - start;
    }
    grad_workspace_free(w);
    grad_program_free(p);
    qsort(took, ROUNDS, sizeof *took, by_size);
    return took[ROUNDS / 2];
}

static void report(const char *what, grad_graph *g, grad_node y, grad_node by_hand, grad_node v,
                   grad_node t, const void *const *data)
{
    grad_node twice = GRAD_NONE;
    good(grad_tangent(&twice, g, &y, 1, &v, &t, 1, &err));
    double value = time_of(g, &y, 1, data);
    double hand = time_of(g, (grad_node[]){y, by_hand}, 2, data);
    double ours = time_of(g, (grad_node[]){y, twice}, 2, data);
    printf("%s: value %.4f ms; with its tangent %.4f ms, by hand %.4f ms\n", what, value, ours, hand);
}

static void tangents(void)
{
    static double many[LAYERS][WIDTH * WIDTH], first[POINTS * WIDTH], second[POINTS * WIDTH];
    const void *data[2 + LAYERS];
    grad_graph *g = graph();
    enum { LONG = 100000 };
    static double point[LONG], along[LONG];
    for (int i = 0; i < LONG; i++) point[i] = 1e-5 * i, along[i] = 1;
    grad_node v = input(g, 1, LONG, 0), t = input(g, 1, LONG, 0), y = v, dy = t;
    for (int i = 0; i < CHAIN; i++) {
        grad_node next = one(g, i % 2 ? "sin" : "tanh", y);
        dy = i % 2 ? two(g, "mul", dy, one(g, "cos", y))
                   : two(g, "mul", dy, from_one(g, one(g, "square", next)));
        y = next;
    }
    data[0] = point;
    data[1] = along;
    report("a chain of 50 maps of 100,000 elements", g, y, dy, v, t, data);
    grad_graph_free(g);

    g = graph();
    for (int i = 0; i < POINTS * WIDTH; i++) first[i] = 0.001 * i - 1, second[i] = 0.5;
    y = v = input(g, 2, POINTS, WIDTH);
    dy = t = input(g, 2, POINTS, WIDTH);
    data[0] = first;
    data[1] = second;
    for (int l = 0; l < LAYERS; l++) {
        for (int i = 0; i < WIDTH * WIDTH; i++) many[l][i] = 0.01 * (i % 17 - 8);
        grad_node weight = input(g, 2, WIDTH, WIDTH);
        data[2 + l] = many[l];
        y = one(g, "tanh", two(g, "matmul", y, weight));
        dy = two(g, "mul", two(g, "matmul", dy, weight), from_one(g, one(g, "square", y)));
    }
    report("a perceptron of 10 layers of 64, 32 points", g, y, dy, v, t, data);
    grad_graph_free(g);
}

int main(void)
{
    structures();
    tangents();
    return 0;
}
