/* mlp_run.c -- the hundred-layer perceptron in process: compiled once, run again and again.
 *
 *     mlp_run request FILE    writes the request (tests/mlp.h) for the comparison with torch
 *     mlp_run time ROUNDS     median milliseconds for the value and every gradient
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grad.h"
#include "mlp.h"

static grad_error err;
static grad_host host = GRAD_HOST_DEFAULT;

static void check(int result)
{
    if (result == 0) return;
    fprintf(stderr, "mlp_run: %s\n", err.text);
    exit(1);
}

static grad_node input(grad_graph *g, grad_dtype dtype, int rank, int64_t a, int64_t b)
{
    grad_node n = GRAD_NONE;
    check(grad_input(&n, g, dtype, rank, (int64_t[]){a, b}, &err));
    return n;
}

static grad_node apply(grad_graph *g, const char *op, size_t n_in, const grad_node *in)
{
    grad_operand operand[3];
    grad_node out = GRAD_NONE;
    for (size_t k = 0; k < n_in; k++) operand[k] = (grad_operand)GRAD_AT(in[k]);
    check(grad_apply(&out, g, grad_op_find(op), operand, n_in, NULL, 0, &err));
    return out;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int time_it(const mlp *m, int rounds)
{
    enum { INPUTS = 2 + 2 * MLP_LAYERS };
    grad_graph *g;
    grad_program *p;
    grad_workspace *w;
    grad_node wrt[4 * MLP_LAYERS], want[4 * MLP_LAYERS + 1], h;
    const void *data[INPUTS];
    size_t n = 0, inputs = 0;
    check(grad_graph_new(&g, &host, GRAD_FLOAT64, &err));
    h = wrt[n++] = input(g, GRAD_FLOAT64, 2, MLP_BATCH, MLP_WIDTH);
    data[inputs++] = m->x;
    for (int l = 0; l < MLP_LAYERS; l++) {
        grad_node weight = input(g, GRAD_FLOAT64, 2, mlp_rows(l), MLP_WIDTH);
        grad_node bias = input(g, GRAD_FLOAT64, 1, mlp_rows(l), 0);
        data[inputs++] = m->w[l];
        data[inputs++] = m->b[l];
        h = apply(g, "linear", 3, (grad_node[]){h, weight, bias});
        if (l < MLP_LAYERS - 1) h = apply(g, "tanh", 1, &h);
        wrt[n++] = weight;
        wrt[n++] = bias;
    }
    grad_node target = input(g, GRAD_INT64, 1, MLP_BATCH, 0);
    data[inputs++] = m->target;
    want[n] = apply(g, "cross_entropy", 2, (grad_node[]){h, target});
    check(grad_gradient(want, g, &want[n], NULL, 1, wrt, n, &err));
    check(grad_compile(&p, g, want, n + 1, &err));
    check(grad_workspace_new(&w, p, &host, &err));
    double *ms = malloc((size_t)rounds * sizeof *ms);
    if (!ms) return 1;
    for (int i = -3; i < rounds; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        check(grad_run(p, w, data, &err));
        clock_gettime(CLOCK_MONOTONIC, &b);
        if (i >= 0) ms[i] = 1e3 * (double)(b.tv_sec - a.tv_sec) + 1e-6 * (double)(b.tv_nsec - a.tv_nsec);
    }
    qsort(ms, (size_t)rounds, sizeof *ms, by_size);
    printf("%.4f\n", ms[rounds / 2]);
    free(ms);
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    return 0;
}

static int write_request(const mlp *m, const char *path)
{
    size_t n;
    char *text = mlp_request(m, &n);
    FILE *f = fopen(path, "w");
    int bad = !f || fwrite(text, 1, n, f) != n || fclose(f) != 0;
    free(text);
    return bad;
}

int main(int argc, char **argv)
{
    static mlp m;
    mlp_fill(&m);
    if (argc == 3 && strcmp(argv[1], "request") == 0) return write_request(&m, argv[2]);
    if (argc == 3 && strcmp(argv[1], "time") == 0 && atoi(argv[2]) > 0)
        return time_it(&m, atoi(argv[2]));
    fputs("use: mlp_run request FILE | mlp_run time ROUNDS\n", stderr);
    return 2;
}
