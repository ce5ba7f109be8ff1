/* random_graph.c -- graphs of vectors for tests. */
#include "random_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- random numbers -------------------------------------------------------------------------- */

static uint64_t state;

void random_start(uint64_t seed) { state = seed * 0x9E3779B97F4A7C15u + 1; }

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
size_t random_below(size_t n) { return (size_t)(next() >> 33) % n; }
double random_uniform(void) { return (double)(next() >> 11) * 0x1p-53 * 2 - 1; }

/* ---- graphs ---------------------------------------------------------------------------------- */

grad_host host = GRAD_HOST_DEFAULT;
grad_error err;

void good(int result)
{
    if (result != 0) fail_msg("%s: %s", grad_code_name(err.code), err.text);
}

grad_node graph_input(grad_graph *g, grad_dtype dtype, int rank, const int64_t *dim)
{
    grad_node n;
    good(grad_input(&n, g, dtype, rank, dim, &err));
    return n;
}

grad_node apply(grad_graph *g, const char *op, const grad_operand *in, size_t n,
                const grad_attribute *attr, size_t n_attr)
{
    grad_node out[2];
    good(grad_apply(out, g, grad_op_find(op), in, n, attr, n_attr, &err));
    return out[0];
}
grad_node one(grad_graph *g, const char *op, grad_node x)
{
    return apply(g, op, (grad_operand[]){GRAD_AT(x)}, 1, NULL, 0);
}
grad_node two(grad_graph *g, const char *op, grad_node x, grad_node y)
{
    return apply(g, op, (grad_operand[]){GRAD_AT(x), GRAD_AT(y)}, 2, NULL, 0);
}
grad_node part(grad_graph *g, grad_node x, int64_t start, int64_t stop, int64_t step)
{
    int64_t axis = 0;
    grad_attribute attr[] = {A_LIST("starts", &start, 1), A_LIST("stops", &stop, 1),
                             A_LIST("steps", &step, 1), A_LIST("axes", &axis, 1)};
    return apply(g, "slice", (grad_operand[]){GRAD_AT(x)}, 1, attr, 4);
}

/* A vector of n elements out of one of any length. */
static grad_node fitted(grad_graph *g, grad_node x, int64_t n)
{
    int64_t has = grad_node_shape(g, x)->count;
    while (has < n) {
        x = apply(g, "concat", (grad_operand[]){GRAD_AT(x), GRAD_AT(x)}, 2, NULL, 0);
        has *= 2;
    }
    return part(g, x, 0, n, 1);
}

static grad_node as_matrix(grad_graph *g, grad_node x, int64_t *rows)
{
    int64_t n = grad_node_shape(g, x)->count, dim[] = {-1, 2};
    while (dim[1] < 5 && n % dim[1]) dim[1]++;
    if (n % dim[1]) dim[1] = n;
    *rows = n / dim[1];
    return apply(g, "reshape", (grad_operand[]){GRAD_AT(x)}, 1,
                 (grad_attribute[]){A_LIST("shape", dim, 2)}, 1);
}
static grad_node as_vector(grad_graph *g, grad_node x)
{
    int64_t all = -1;
    return apply(g, "reshape", (grad_operand[]){GRAD_AT(x)}, 1,
                 (grad_attribute[]){A_LIST("shape", &all, 1)}, 1);
}

static grad_node any(const world *w) { return w->node[random_below(w->n)]; }

static grad_node with_axis(grad_graph *g, const char *op, grad_node x, int64_t axis)
{
    return apply(g, op, (grad_operand[]){GRAD_AT(x)}, 1, (grad_attribute[]){AN_INT("axis", axis)},
                 1);
}

grad_node world_grow(world *w)
{
    static const char *const smooth[] = {"sin", "tanh",    "exp",     "square",
                                         "neg", "sigmoid", "softplus"};
    static const char *const pairs[] = {"add", "mul", "sub", "logaddexp", "maximum"};
    static const char *const lines[] = {"cumsum", "softmax", "logcumsumexp", "cumprod",
                                        "log_softmax"};
    static const char *const folds[] = {"sum", "mean", "logsumexp", "var", "prod"};
    grad_graph *g = w->g;
    grad_node x = any(w), y = any(w), m;
    int64_t n = grad_node_shape(g, x)->count, rows, k = 1 + (int64_t)random_below(3);
    switch (random_below(17)) {
    case 0:
    case 1: return one(g, smooth[random_below(7)], x);
    case 2:
    case 3: return two(g, pairs[random_below(5)], x, fitted(g, y, n));
    case 4: return part(g, x, (int64_t)random_below((size_t)n), n, 1);
    case 5: return part(g, x, n - 1, -n - 1, -k);
    case 6:
        return n < MOST ? apply(g, "concat", (grad_operand[]){GRAD_AT(x), GRAD_AT(y)}, 2, NULL, 0)
                        : one(g, "sin", x);
    case 7:
        return apply(g, "roll", (grad_operand[]){GRAD_AT(x)}, 1,
                     (grad_attribute[]){AN_INT("shift", k)}, 1);
    case 8: {
        int64_t pads[] = {k, -1};
        grad_attribute attr[] = {{"pads", 4, {.kind = GRAD_PAIRS, .n = 2, .list = pads}},
                                 AN_INT("value", 2)};
        return apply(g, "pad", (grad_operand[]){GRAD_AT(x)}, 1, attr, 2);
    }
    case 9: return two(g, "take", fitted(g, x, 5), w->index);
    case 10: return with_axis(g, lines[random_below(5)], x, 0);
    case 11:
        m = as_matrix(g, x, &rows);
        return as_vector(g, with_axis(g, lines[random_below(5)], m, (int64_t)random_below(2)));
    case 12:
        m = as_matrix(g, x, &rows);
        return as_vector(g, with_axis(g, folds[random_below(5)], m, (int64_t)random_below(2)));
    case 13:
        m = as_matrix(g, x, &rows);
        return rows > 6 ? one(g, "sin", x)
                        : as_vector(g, two(g, "matmul", m, one(g, "transpose", m)));
    case 14:
        return n > 4 ? apply(g, "diff", (grad_operand[]){GRAD_AT(x)}, 1,
                             (grad_attribute[]){AN_INT("n", k)}, 1)
                     : one(g, "sin", x);
    case 15: {
        grad_operand in[] = {GRAD_AT(x), {.kind = GRAD_OPERAND_INT, .i = 0}};
        grad_node cond = apply(g, "gt", in, 2, NULL, 0);
        return apply(g, "where",
                     (grad_operand[]){GRAD_AT(cond), GRAD_AT(x), GRAD_AT(fitted(g, y, n))}, 3, NULL,
                     0);
    }
    default: {
        grad_operand in[] = {GRAD_AT(fitted(g, x, 5)), GRAD_AT(w->index), GRAD_AT(fitted(g, y, 6))};
        return apply(g, "scatter_add", in, 3, (grad_attribute[]){AN_INT("axis", 0)}, 1);
    }
    }
}

void world_start(world *w, size_t inputs)
{
    static const int64_t six = 6;
    *w = (world){0};
    good(grad_graph_new(&w->g, &host, GRAD_FLOAT64, &err));
    for (size_t i = 0; i < inputs; i++) {
        int64_t n = 1 + (int64_t)random_below(9);
        for (int64_t e = 0; e < n; e++) w->number[i][e] = random_uniform();
        w->data[w->n_data++] = w->number[i];
        w->node[w->n++] = graph_input(w->g, GRAD_FLOAT64, 1, &n);
    }
    for (int e = 0; e < 6; e++) w->whole[e] = (int64_t)random_below(5);
    w->index = graph_input(w->g, GRAD_INT64, 1, &six);
    w->data[w->n_data++] = w->whole;
}
