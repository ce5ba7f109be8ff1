/* batch_run.c -- a million points of a small graph: libgrad's batch beside the loop that anybody
 * would write.
 *
 *     batch_run ROUNDS [POINTS]
 *
 * prints a line for each case: its name, the median milliseconds of libgrad and of the loop, and the
 * largest relative difference between the two. The cases are
 *
 *     product   f = (x + y) z
 *     wave      f = sin((x + y) z) exp(-x^2) + tanh(y) sqrt(1 + z^2)
 *     sum       as wave, the gradients summed over the points
 *
 * each with the value at every point and the gradients by x, y and z.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grad.h"

enum { INPUTS = 3, RESULTS = 4 };
typedef enum which { PRODUCT, WAVE, SUM, CASES } which;
static const char *const names[CASES] = {"product", "wave", "sum"};

static grad_error err;
static grad_host host = GRAD_HOST_DEFAULT;
static size_t points = 1000000;
static double *in[INPUTS], *ours[RESULTS], *theirs[RESULTS];

static void check(int result)
{
    if (result == 0) return;
    fprintf(stderr, "batch_run: %s\n", err.text);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- by hand ------------------------------------------------------------------------------------ */

static void product_by_hand(void)
{
    for (size_t i = 0; i < points; i++) {
        double x = in[0][i], y = in[1][i], z = in[2][i];
        theirs[0][i] = (x + y) * z;
        theirs[1][i] = z;
        theirs[2][i] = z;
        theirs[3][i] = x + y;
    }
}

static void wave_at(double out[RESULTS], double x, double y, double z)
{
    double q = x + y, s = sin(q * z), c = cos(q * z), e = exp(-x * x), t = tanh(y);
    double r = sqrt(1 + z * z);
    out[0] = s * e + t * r;
    out[1] = c * e * z - 2 * x * s * e;
    out[2] = c * e * z + (1 - t * t) * r;
    out[3] = c * e * q + t * z / r;
}

static void wave_by_hand(void)
{
    for (size_t i = 0; i < points; i++) {
        double out[RESULTS];
        wave_at(out, in[0][i], in[1][i], in[2][i]);
        for (int k = 0; k < RESULTS; k++) theirs[k][i] = out[k];
    }
}

static void sum_by_hand(void)
{
    double sum[RESULTS] = {0};
    for (size_t i = 0; i < points; i++) {
        double out[RESULTS];
        wave_at(out, in[0][i], in[1][i], in[2][i]);
        theirs[0][i] = out[0];
        for (int k = 1; k < RESULTS; k++) sum[k] += out[k];
    }
    for (int k = 1; k < RESULTS; k++) theirs[k][0] = sum[k];
}

/* ---- as a graph --------------------------------------------------------------------------------- */

static grad_node apply(grad_graph *g, const char *op, grad_node a, grad_node b)
{
    grad_node out = GRAD_NONE;
    grad_operand operand[] = {GRAD_AT(a), GRAD_AT(b)};
    check(grad_apply(&out, g, grad_op_find(op), operand, b == GRAD_NONE ? 1 : 2, NULL, 0, &err));
    return out;
}

static grad_node one_plus(grad_graph *g, grad_node a)
{
    grad_node out = GRAD_NONE;
    grad_operand operand[] = {{GRAD_OPERAND_INT, GRAD_NONE, {1}}, GRAD_AT(a)};
    check(grad_apply(&out, g, grad_op_find("add"), operand, 2, NULL, 0, &err));
    return out;
}

static grad_node build(grad_graph *g, which c, const grad_node *x)
{
    grad_node p = apply(g, "mul", apply(g, "add", x[0], x[1]), x[2]);
    if (c == PRODUCT) return p;
    grad_node xx = apply(g, "mul", x[0], x[0]), zz = apply(g, "mul", x[2], x[2]);
    grad_node e = apply(g, "exp", apply(g, "neg", xx, GRAD_NONE), GRAD_NONE);
    grad_node r = apply(g, "sqrt", one_plus(g, zz), GRAD_NONE);
    return apply(g, "add", apply(g, "mul", apply(g, "sin", p, GRAD_NONE), e),
                 apply(g, "mul", apply(g, "tanh", x[1], GRAD_NONE), r));
}

static grad_program *compile(which c)
{
    grad_graph *g;
    grad_program *p;
    grad_node x[INPUTS], want[RESULTS];
    grad_reduce reduce[RESULTS] = {GRAD_EACH, GRAD_EACH, GRAD_EACH, GRAD_EACH};
    for (int k = 1; k < RESULTS && c == SUM; k++) reduce[k] = GRAD_SUM;
    check(grad_graph_new(&g, &host, GRAD_FLOAT64, &err));
    for (int k = 0; k < INPUTS; k++) check(grad_input(&x[k], g, GRAD_FLOAT64, 0, NULL, &err));
    want[0] = build(g, c, x);
    check(grad_gradient(want + 1, g, want, NULL, 1, x, INPUTS, &err));
    const grad_batch batch = {(bool[]){true, true, true}, reduce};
    check(grad_compile_batch(&p, g, want, RESULTS, &batch, &err));
    grad_graph_free(g);
    return p;
}

static void run(const grad_program *p)
{
    grad_workspace *w;
    grad_points from[INPUTS];
    grad_stack to[RESULTS];
    for (int k = 0; k < INPUTS; k++) from[k] = (grad_points){in[k], sizeof(double)};
    for (int k = 0; k < RESULTS; k++) to[k] = (grad_stack){ours[k], sizeof(double)};
    check(grad_workspace_new(&w, p, &host, &err));
    check(grad_run_batch(p, w, points, from, to, &err));
    grad_workspace_free(w);
}

/* ---- both ---------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double largest_difference(which c)
{
    double worst = 0;
    for (int k = 0; k < RESULTS; k++)
        for (size_t i = 0; i < (c == SUM && k > 0 ? 1 : points); i++)
            worst = fmax(worst, fabs(ours[k][i] - theirs[k][i]) / fmax(1, fabs(theirs[k][i])));
    return worst;
}

int main(int argc, char **argv)
{
    static void (*const by_hand[CASES])(void) = {product_by_hand, wave_by_hand, sum_by_hand};
    enum { MOST = 101 };
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (argc > 2) points = (size_t)atol(argv[2]);
    if (rounds < 1 || rounds > MOST || points < 1) return 2;
    for (int k = 0; k < INPUTS; k++) in[k] = malloc(points * sizeof(double));
    for (int k = 0; k < RESULTS; k++) {
        ours[k] = calloc(points, sizeof(double));
        theirs[k] = calloc(points, sizeof(double));
    }
    for (size_t i = 0; i < points; i++)
        for (int k = 0; k < INPUTS; k++)
            in[k][i] = (double)((i * 2654435761u + (size_t)k * 40503u) % 65536) / 32768 - 1;
    for (which c = PRODUCT; c < CASES; c++) {
        double a[MOST], b[MOST];
        grad_program *p = compile(c);
        for (int i = -1; i < rounds; i++) { /* the first round touches the memory */
            double start = now();
            run(p);
            double middle = now();
            by_hand[c]();
            if (i < 0) continue;
            a[i] = middle - start;
            b[i] = now() - middle;
        }
        qsort(a, (size_t)rounds, sizeof *a, by_size);
        qsort(b, (size_t)rounds, sizeof *b, by_size);
        printf("%s %.3f %.3f %.1g\n", names[c], a[rounds / 2], b[rounds / 2], largest_difference(c));
        grad_program_free(p);
    }
    return 0;
}
