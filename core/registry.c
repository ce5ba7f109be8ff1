/* registry.c -- the families of operators: the only list of lists.
 *
 * A new family is two lines here. Names are found by binary search in an index that is sorted once,
 * by whoever comes first; its content does not depend on who that was.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

#define FAMILIES(X)                                                                               \
    X(source, "sources")                                                                          \
    X(random, "sources")                                                                          \
    X(unary, "unary")                                                                             \
    X(special, "unary")                                                                           \
    X(activation, "activations")                                                                  \
    X(binary, "binary")                                                                           \
    X(compare, "compare, logic")                                                                  \
    X(select, "select")                                                                           \
    X(reduce, "reduce")                                                                           \
    X(running, "scan, order")                                                                     \
    X(running_extreme, "scan, order")                                                             \
    X(sort, "scan, order")                                                                        \
    X(order, "scan, order")                                                                       \
    X(softmax, "softmax")                                                                         \
    X(softmax_scaled, "softmax")                                                                  \
    X(shape, "shape")                                                                             \
    X(shape_move, "shape")                                                                        \
    X(shape_repeat, "shape")                                                                      \
    X(shape_pad, "shape")                                                                         \
    X(shape_slice, "shape")                                                                       \
    X(shape_join, "shape")                                                                        \
    X(shape_diagonal, "shape")                                                                    \
    X(shape_pixels, "shape")                                                                      \
    X(shape_index, "shape")                                                                       \
    X(index, "index")                                                                             \
    X(index_gather, "index")                                                                      \
    X(linalg, "linear algebra")                                                                   \
    X(linalg_products, "linear algebra")                                                          \
    X(linalg_einsum, "linear algebra")                                                            \
    X(linalg_distance, "linear algebra")                                                          \
    X(linalg_solve, "linear algebra")                                                             \
    X(linalg_det, "linear algebra")                                                               \
    X(linalg_cofactor, "linear algebra")                                                          \
    X(linalg_cofactor_pull, "linear algebra")                                                     \
    X(linalg_lu, "linear algebra")                                                                \
    X(linalg_cholesky, "linear algebra")                                                          \
    X(linalg_eigh, "linear algebra")                                                              \
    X(linalg_svd, "linear algebra")                                                               \
    X(linalg_pinv, "linear algebra")                                                              \
    X(linalg_qr, "linear algebra")                                                                \
    X(matrix_exp, "linear algebra")                                                               \
    X(conv, "convolution, pooling")                                                               \
    X(conv_transpose, "convolution, pooling")                                                     \
    X(pool, "convolution, pooling")                                                               \
    X(pool_adaptive, "convolution, pooling")                                                      \
    X(resample, "convolution, pooling")                                                           \
    X(unfold, "convolution, pooling")                                                             \
    X(interp, "convolution, pooling")                                                             \
    X(normalisation, "normalisation")                                                             \
    X(response_norm, "normalisation")                                                             \
    X(attention, "attention, recurrent")                                                          \
    X(recurrent, "attention, recurrent")                                                          \
    X(loss_distance, "losses")                                                                    \
    X(loss_class, "losses")                                                                       \
    X(loss_likelihood, "losses")                                                                  \
    X(loss_margin, "losses")                                                                      \
    X(derivative, "derivative")                                                                   \
    X(control_bodies, "control flow")                                                             \
    X(control_flow, "control flow")                                                               \
    X(scan, "control flow")                                                                       \
    X(part, "parts")

#define X(list, title) extern const grad_op *const grad__family_##list[];
FAMILIES(X)
#undef X

static const grad_family families[] = {
#define X(list, title) {title, grad__family_##list},
    FAMILIES(X)
#undef X
    {NULL, NULL},
};

enum { OPS_MAX = 512 };

static struct {
    pthread_once_t once;
    size_t n;
    const grad_op *in_order[OPS_MAX];
    const grad_op *by_name[OPS_MAX];
    const char *family[OPS_MAX];
} table = {.once = PTHREAD_ONCE_INIT};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const grad_op *const *)a)->name, (*(const grad_op *const *)b)->name);
}

static void fill(void)
{
    for (const grad_family *f = families; f->name; f++)
        for (const grad_op *const *op = f->ops; *op; op++) {
            if ((*op)->internal || table.n == OPS_MAX) continue;
            table.in_order[table.n] = table.by_name[table.n] = *op;
            table.family[table.n++] = f->name;
        }
    qsort(table.by_name, table.n, sizeof *table.by_name, by_name);
}

const grad_family *grad__families(void)
{
    return families;
}

size_t grad_op_count(void)
{
    pthread_once(&table.once, fill);
    return table.n;
}

const grad_op *grad_op_at(size_t i)
{
    return i < grad_op_count() ? table.in_order[i] : NULL;
}

const char *grad_op_family(const grad_op *op)
{
    for (size_t i = 0; i < grad_op_count(); i++)
        if (table.in_order[i] == op) return table.family[i];
    return "internal";
}

const grad_op *grad_op_find_n(const char *name, size_t length)
{
    size_t low = 0, high = grad_op_count();
    while (low < high) {
        size_t mid = (low + high) / 2, n = strlen(table.by_name[mid]->name);
        int order = memcmp(table.by_name[mid]->name, name, n < length ? n : length);
        if (order == 0 && n == length) return table.by_name[mid];
        if (order == 0) order = n < length ? -1 : 1;
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

const grad_op *grad_op_find(const char *name)
{
    return grad_op_find_n(name, strlen(name));
}
