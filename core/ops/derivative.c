/* derivative.c -- gradients as nodes of the graph, so that they can be used and differentiated again. */
#include "emit.h"
#include "graph.h"
#include "shape.h"

static int grad_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    const grad_shape *f = v_shape(b, a->in[0]);
    for (size_t k = 0; k < a->n_in; k++)
        if (!grad_dtype_is_float(v_dtype(b, a->in[k])))
            return grad_expand_fail(b, GRAD_NOT_DIFFERENTIABLE, (int)k, NULL, "grad: operand %zu is "
                                    "%s, and only floating-point nodes have gradients", k,
                                    grad_dtype_name(v_dtype(b, a->in[k])));
    if (f->count != 1)
        return grad_expand_fail(b, GRAD_NOT_SCALAR, 0, NULL, "grad: `f` has shape %s, and a gradient "
                                "is that of one number; reduce it first, with sum or mean",
                                grad__dims_text(text, f->rank, f->dim));
    if (grad_gradient(out, b->g, a->in, NULL, 1, a->in + 1, a->n_in - 1, b->err) < 0) return -1;
    /* Several x may share one node as their gradient, and each result is to have its own. */
    for (size_t k = 0; k + 1 < a->n_in; k++) out[k] = v_identity(b, out[k]);
    return v_failed(b) ? -1 : 0;
}

static const grad_op grad_row = {
    .name = "grad",
    .doc = "The gradient of the one-element f with respect to each x, as a node like any other: zeros "
           "where f does not depend on it. It consumes f, which is an output then only if `outputs` "
           "names it.",
    .gradient = "through the nodes of the gradient: the second derivative, to any order",
    .in = {{.name = "f"}, {.name = "x"}},
    .variadic = true,
    .one_each = true,
    .types = TYPES_EACH,
    .expand = grad_expand,
    .example = "grad(2, 2) -> 0",
    .trials = "[] [3]; [1] [2] [0]",
};

const grad_op *const grad__family_derivative[] = {&grad_row, NULL};
