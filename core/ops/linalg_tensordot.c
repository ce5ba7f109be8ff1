/* linalg_tensordot.c -- sums of products over pairs of axes: a contraction of two tensors. */
#include <inttypes.h>
#include <stdio.h>

#include "products.h"
#include "shape.h"

/* Two lists of axes, one beside the other. */
typedef struct axis_pairs {
    uint32_t n;
    int64_t axis[2][GRAD_RANK_MAX];
} axis_pairs;

static int last_and_first(B *b, const grad_args *a, int64_t n, axis_pairs *p)
{
    for (int k = 0; k < 2; k++) {
        int rank = v_rank(b, a->in[k]);
        if (n >= 0 && n <= rank) continue;
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axes",
                                "tensordot: axes must be from 0 to the number of axes of both "
                                "operands; `%s` has %d, found %" PRId64,
                                a->op->in[k].name, rank, n);
    }
    p->n = (uint32_t)n;
    for (int i = 0; i < n; i++) {
        p->axis[0][i] = v_rank(b, a->in[0]) - n + i;
        p->axis[1][i] = i;
    }
    return 0;
}

static int as_listed(B *b, const grad_args *a, const grad_value *v, axis_pairs *p)
{
    char text[96];
    p->n = v->n / 2;
    for (uint32_t k = 0; k < 2; k++) {
        int rank = v_rank(b, a->in[k]);
        const grad_value axes = grad__list(v->list + k * p->n, p->n);
        if (rank == 0 && p->n) snprintf(text, sizeof text, "a number has no axis to sum over");
        else if (grad__axes(p->axis[k], &axes, rank, text) == 0) continue;
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axes", "tensordot: of `%s`: %s",
                                a->op->in[k].name, text);
    }
    return 0;
}

static int tensordot_expand(B *b, const grad_args *a, V *out)
{
    char left[96], right[96];
    const grad_value *v = &a->attr[0];
    grad_contraction c = {0};
    grad_labelled x[2] = {{.v = a->in[0], .rank = v_rank(b, a->in[0])},
                          {.v = a->in[1], .rank = v_rank(b, a->in[1])}};
    axis_pairs p;
    if ((v->kind == GRAD_INT ? last_and_first(b, a, v->i, &p) : as_listed(b, a, v, &p)) < 0)
        return -1;
    int rank = x[0].rank + x[1].rank - 2 * (int)p.n, next = x[0].rank;
    if (rank > GRAD_RANK_MAX)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "tensordot: the result would have %d axes, and a tensor has %d at "
                                "most", rank, GRAD_RANK_MAX);
    for (int i = 0; i < x[0].rank; i++) x[0].label[i] = (uint8_t)i;
    for (int i = 0; i < x[1].rank; i++) x[1].label[i] = GRAD_LABELS;
    for (uint32_t i = 0; i < p.n; i++) x[1].label[p.axis[1][i]] = (uint8_t)p.axis[0][i];
    for (int i = 0; i < x[1].rank; i++)
        if (x[1].label[i] == GRAD_LABELS) x[1].label[i] = (uint8_t)next++;
    grad__label_axes(&c, b, &x[0]);
    int axis = grad__label_axes(&c, b, &x[1]);
    if (axis >= 0) {
        const grad_shape *s = v_shape(b, a->in[0]), *t = v_shape(b, a->in[1]);
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "tensordot: axis %d of `b`, of shape %s, meets axis %d of `a`, of "
                                "shape %s, and they are of different sizes",
                                axis, grad__dims_text(right, t->rank, t->dim), x[1].label[axis],
                                grad__dims_text(left, s->rank, s->dim));
    }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < x[k].rank; i++) {
            bool summed = false;
            for (uint32_t j = 0; j < p.n; j++) summed = summed || p.axis[k][j] == i;
            if (!summed) c.label[c.rank++] = x[k].label[i];
        }
    for (int i = 0; i < c.rank; i++) c.kept[c.label[i]] = true;
    grad__contract(&c, b, &x[0], false);
    grad__contract(&c, b, &x[1], true);
    *out = grad__contracted(&c, b);
    return 0;
}

const grad_op grad__op_tensordot = {
    .name = "tensordot",
    .doc = "The sum of products over pairs of axes: the last `axes` of a with the first of b, or "
           "those of two lists, [[axes of a], [axes of b]]; what is left of a comes first.",
    .gradient = "to each operand the sum of products of g and the other one over its own axes",
    .in = {{.name = "a"}, {.name = "b"}},
    .attr = {{.name = "axes", .type = ATTR_LISTS, .otherwise = INT_(2)}},
    .types = TYPES_PROMOTE,
    .expand = tensordot_expand,
    .example = "tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]]) -> 70\n"
               "tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]], axes=1) -> [[19, 22], [43, 50]]\n"
               "tensordot([1, 2], [3, 4], axes=0) -> [[3, 4], [6, 8]]\n"
               "tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]], axes=[[0], [1]]) -> "
               "[[23, 31], [34, 46]]\n"
               "tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]], axes=[[0, 1], [-1, -2]]) -> 69\n"
               "tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]], axes=[1, 0]) -> [[19, 22], [43, 50]]",
    .trials = "[2,3] [2,3]; [2,3] [3,4] axes=1; [2] [3] axes=0; "
              "[2,3,4] [4,3,2] axes=[[1,2],[1,0]]; [2,3] [4,2] axes=[[0],[1]]; [2,3,4] [3,4,2]; "
              "[0,3] [3,2] axes=1; [2,0] [0,3] axes=1; "
              "[] [2] axes=0; [2,1] [3,2] axes=[[1],[0]]",
};
