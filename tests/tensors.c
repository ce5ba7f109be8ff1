/* tensors.c -- tensors drawn by chance, and calls of one operator with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"

const char *const alone[ALONE] = {"det", "slogdet", "inv", "cholesky", "eigh", "svd", "qr",
                                    "pinv", "matrix_exp", "eigvalsh", "svdvals", "logdet"};

int64_t count(const tensor *x)
{
    int64_t n = 1;
    for (int i = 0; i < x->rank; i++) n *= x->dim[i];
    return n;
}

tensor zeros(int rank, const int64_t *dim)
{
    tensor x = {.rank = rank};
    for (int i = 0; i < rank; i++) x.dim[i] = dim[i];
    x.at = calloc((size_t)count(&x) + 1, sizeof *x.at);
    return x;
}

static uint64_t state = 1;

double uniform(void) /* splitmix64, -1 to 1, in few enough bits for float32 */
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 42) * 0x1p-21 - 1;
}

tensor drawn(int rank, const int64_t *dim)
{
    tensor x = zeros(rank, dim);
    for (int64_t i = 0; i < count(&x); i++) x.at[i] = uniform();
    return x;
}

void raise_diagonals(tensor *x, double by)
{
    int64_t n = x->dim[x->rank - 1];
    for (int64_t i = 0; i < count(x); i++)
        if (i % (n * n) % (n + 1) == 0) x->at[i] += by;
}

static double get(const void *from, grad_dtype t, int64_t i)
{
    return t == GRAD_FLOAT64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

/* ---- calls ----------------------------------------------------------------------------------- */

static grad_node summed(grad_graph *g, const grad_node *of, size_t n, grad_error *err)
{
    grad_node total = GRAD_NONE;
    for (size_t i = 0; i < n; i++) {
        grad_node s = GRAD_NONE;
        if (grad_apply(&s, g, grad_op_find("sum"), (grad_operand[]){GRAD_AT(of[i])}, 1, NULL, 0,
                       err) < 0)
            return GRAD_NONE;
        if (total == GRAD_NONE) total = s;
        else if (grad_apply(&total, g, grad_op_find("add"),
                            (grad_operand[]){GRAD_AT(total), GRAD_AT(s)}, 2, NULL, 0, err) < 0)
            return GRAD_NONE;
    }
    return total;
}

static int build(grad_graph *g, const call *c, grad_node *want, size_t *n, grad_error *err)
{
    grad_operand operand[OPERANDS];
    grad_node in[OPERANDS], f;
    const grad_op *op = grad_op_find(c->op);
    for (size_t k = 0; k < c->n_in; k++) {
        if (grad_input(&in[k], g, c->t, c->in[k]->rank, c->in[k]->dim, err) < 0) return -1;
        operand[k] = (grad_operand)GRAD_AT(in[k]);
    }
    *n = grad_op_results(op, NULL, 0, c->n_in);
    if (grad_apply(want, g, op, operand, c->n_in, NULL, 0, err) < 0) return -1;
    if (!c->gradient && !c->derivatives) return 0;
    f = summed(g, want, *n, err);
    for (int i = 0; i < c->derivatives; i++) {
        if (f == GRAD_NONE || grad_gradient(want, g, &f, NULL, 1, in, 1, err) < 0) return -1;
        f = summed(g, want, 1, err);
    }
    want[0] = f;
    *n = 1;
    return !c->gradient || f == GRAD_NONE ? 0 : grad_gradient(want, g, &f, NULL, 1, in, 1, err);
}

void run(tensor *out, const call *c, grad_error *err)
{
    volatile int stop = 0;
    grad_host host = GRAD_HOST_DEFAULT;
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_node want[RESULTS];
    const void *data[OPERANDS];
    void *memory[OPERANDS] = {NULL};
    size_t n = 0;
    host.stop = &stop;
    *err = (grad_error){0};
    for (size_t k = 0; k < c->n_in; k++) {
        int64_t size = count(c->in[k]);
        data[k] = memory[k] = malloc((size_t)(size + 1) * 8);
        for (int64_t i = 0; i < size; i++)
            if (c->t == GRAD_FLOAT64) ((double *)memory[k])[i] = c->in[k]->at[i];
            else ((float *)memory[k])[i] = (float)c->in[k]->at[i];
    }
    if (grad_graph_new(&g, &host, c->t, err) == 0 && build(g, c, want, &n, err) == 0 &&
        grad_compile(&p, g, want, n, err) == 0 && grad_workspace_new(&w, p, &host, err) == 0) {
        stop = c->stopped;
        if (grad_run(p, w, data, err) == 0)
            for (size_t k = 0; k < n; k++) {
                const grad_shape *s = grad_node_shape(g, want[k]);
                out[k] = zeros(s->rank, s->dim);
                for (int64_t i = 0; i < s->count; i++)
                    out[k].at[i] = get(grad_result(w, k), c->t, i);
            }
    }
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    assert_int_equal(host.used, 0);
    for (size_t k = 0; k < c->n_in; k++) free(memory[k]);
}

void must_run(tensor *out, const call *c)
{
    grad_error err;
    run(out, c, &err);
    if (err.code) fail_msg("%s: %s", c->op, err.text);
}

void dispose(tensor *x, size_t n)
{
    for (size_t i = 0; i < n; i++) free(x[i].at);
}

size_t results_of(const call *c)
{
    return c->gradient || c->derivatives ? 1 : grad_op_results(grad_op_find(c->op), NULL, 0, 1);
}
