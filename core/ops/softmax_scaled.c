/* softmax_scaled.c -- what stands beside softmax: softmin, and vectors brought to length 1. */
#include <inttypes.h>
#include <stdio.h>

#include "loops.h"
#include "shape.h"

extern const grad_op grad__op_softmax, grad__op_norm;

static int bad_axis(B *b, const grad_args *a, const char *why)
{
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "%s: %s", a->op->name, why);
}

static int check_eps(B *b, const grad_args *a, double eps)
{
    if (eps >= 0) return 0;
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "eps",
                            "%s: eps must be 0 or more, found %s", a->op->name, NUMBER(eps));
}

/* max(norm(x), eps); where the norm is below eps it has no part in the gradient. */
static V length_of(B *b, V x, double ord, grad_value axis, double eps)
{
    V length = v_emit(b, &grad__op_norm, 1, &x, 3, (grad_value[]){REAL_(ord), axis, BOOL_(true)});
    return v_emit(b, &grad__op_clip, 1, &length, 1, (grad_value[]){REAL_(eps)});
}

/* ---- softmin --------------------------------------------------------------------------------- */

static int softmin_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    int64_t axis;
    const grad_value axes = grad__list(&a->attr[0].i, 1);
    if (grad__axes(&axis, &axes, v_rank(b, a->in[0]), text) < 0) return bad_axis(b, a, text);
    V negated = v_neg(b, a->in[0]);
    *out = v_emit(b, &grad__op_softmax, 1, &negated, 1, (grad_value[]){INT_(axis)});
    return 0;
}

const grad_op grad__op_softmin = {
    .name = "softmin",
    .doc = "softmax(-x): exp(-x) / sum(exp(-x)) along an axis, without overflow.",
    .gradient = "y (sum(g y) - g)",
    .in = X_ONLY,
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)}},
    .types = TYPES_REAL,
    .expand = softmin_expand,
    .example = "softmin([3, 2, 1]) -> "
               "[0.09003057317038046, 0.24472847105479764, 0.6652409557748219]\n"
               "softmin([[1, 1], [1, 0]], axis=0) -> "
               "[[0.5, 0.2689414213699951], [0.5, 0.7310585786300049]]\n"
               "softmin(3) -> 1",
    .trials = "[]; [3]; [2,3]; [2,3] axis=0; [2,3,4] axis=1; [0,3]; [3,0]; [2,1]",
};

/* ---- normalize ------------------------------------------------------------------------------- */

enum { ORD, AXIS, EPS };

static int normalize_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    int64_t place[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, a->in[0]);
    const double ord = a->attr[ORD].r;
    grad_value axis = a->attr[AXIS];
    if (axis.kind == GRAD_INT) axis = grad__list(&a->attr[AXIS].i, 1);
    if (ord != ord)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "ord",
                                "normalize: the order of the norm may not be NaN");
    if (check_eps(b, a, a->attr[EPS].r) < 0) return -1;
    if (axis.kind == GRAD_LIST && grad__axes(place, &axis, s->rank, text) < 0)
        return bad_axis(b, a, text);
    if (s->count == 0) { /* nothing to divide */
        *out = v_identity(b, a->in[0]);
        return 0;
    }
    *out = v_div(b, a->in[0], length_of(b, a->in[0], ord, axis, a->attr[EPS].r));
    return 0;
}

const grad_op grad__op_normalize = {
    .name = "normalize",
    .doc = "x / max(norm(x), eps), the norm of order ord along the axis, or along several.",
    .gradient = "g / m - y sum(g y) / m for ord = 2, where m = max(norm(x), eps); g / eps where "
                "the norm is below eps",
    .in = X_ONLY,
    .attr = {{.name = "ord", .type = ATTR_REAL, .otherwise = REAL_(2)},
             {.name = "axis", .type = ATTR_INTS, .nullable = true, .otherwise = INT_(1)},
             {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-12)}},
    .types = TYPES_REAL,
    .expand = normalize_expand,
    .example = "normalize([[3, 4], [0, 0]]) -> [[0.6, 0.8], [0, 0]]\n"
               "normalize([[3, 4], [4, 3]], axis=0) -> [[0.6, 0.8], [0.8, 0.6]]\n"
               "normalize([3, -1], ord=1, axis=0) -> [0.75, -0.25]\n"
               "normalize([[1, 7], [5, 5]], axis=null) -> [[0.1, 0.7], [0.5, 0.5]]\n"
               "normalize([[3, 4], [1, 1]], ord=Infinity, axis=-1) -> [[0.75, 1], [1, 1]]\n"
               "normalize([3, 4], axis=0, eps=50) -> [0.06, 0.08]",
    .trials = "[2,3]; [3] axis=0; [2,3,4]; [2,3] ord=1; [2,3] ord=3 axis=0; [2,3] ord=Infinity; "
              "[2,3] ord=0; [2,3,2] axis=[0,2]; [2,3] axis=null; [2,3] eps=100; [0,3]; [3,0]; "
              "[] axis=0",
};

/* ---- cosine_similarity ----------------------------------------------------------------------- */

/* x with the axis, which counts from the last, as long as in the broadcast shape: its norm is the
   norm of what it broadcasts to. */
static V long_enough(B *b, V x, int rank, int axis, int64_t size)
{
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, x);
    const bool has = s->rank + axis >= 0;
    if ((has && s->dim[s->rank + axis] == size) || rank == 0) return x;
    const int to = has ? s->rank : -axis;
    for (int i = 0; i < to; i++) dim[i] = i < to - s->rank ? 1 : s->dim[i - to + s->rank];
    dim[to + axis] = size;
    return v_expand(b, x, to, dim);
}

static int cosine_similarity_expand(B *b, const grad_args *a, V *out)
{
    char text[96], other[96];
    int64_t axis, size = 1, last;
    const grad_shape *s = v_shape(b, a->in[0]), *t = v_shape(b, a->in[1]);
    const int rank = s->rank > t->rank ? s->rank : t->rank;
    const grad_value axes = grad__list(&a->attr[0].i, 1);
    if (check_eps(b, a, a->attr[1].r) < 0) return -1;
    if (grad__axes(&axis, &axes, rank, text) < 0) return bad_axis(b, a, text);
    if (!grad__broadcast(s, t))
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "cosine_similarity: shapes %s and %s do not broadcast",
                                grad__dims_text(text, s->rank, s->dim),
                                grad__dims_text(other, t->rank, t->dim));
    last = rank ? axis - rank : -1;
    if (s->rank + last >= 0) size = s->dim[s->rank + last];
    if (size == 1 && t->rank + last >= 0) size = t->dim[t->rank + last];
    V part[2];
    for (int k = 0; k < 2; k++) {
        V x = long_enough(b, a->in[k], rank, (int)last, size);
        part[k] = v_div(b, x, length_of(b, x, 2, grad__list(&last, 1), a->attr[1].r));
    }
    *out = v_sum(b, v_mul(b, part[0], part[1]), &last, 1, false);
    return 0;
}

const grad_op grad__op_cosine_similarity = {
    .name = "cosine_similarity",
    .doc = "sum(a b) / (max(|a|, eps) max(|b|, eps)) along an axis, of a and b broadcast.",
    .gradient = "g (b / |b| - y a / |a|) / |a| to a, the same with a and b exchanged to b; a norm "
                "below eps is as constant as eps",
    .in = A_AND_B,
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(1)},
             {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-8)}},
    .types = TYPES_REAL,
    .expand = cosine_similarity_expand,
    .example = "cosine_similarity([[3, 4], [1, 0]], [[4, 3], [0, 2]]) -> [0.96, 0]\n"
               "cosine_similarity([3, 4], [6, 8], axis=0) -> 1\n"
               "cosine_similarity([[3], [4]], [[4], [3]], axis=0) -> [0.96]\n"
               "cosine_similarity([[3, 4]], [5], axis=1) -> [0.9899494936611665]\n"
               "cosine_similarity([3, 4], [0, 0], axis=0) -> 0\n"
               "cosine_similarity([3, 4], [3, 4], axis=0, eps=10) -> 0.25",
    .trials = "[2,3] [2,3]; [3] [3] axis=0; [2,3] [3] axis=-1; [2,1,3] [4,3] axis=1; "
              "[2,3] [2,1] axis=1; [3] [2,3] axis=0; [2,3] [2,3] eps=100; [0,3] [0,3]; "
              "[2,0] [2,0]; [] [] axis=0",
};

const grad_op *const grad__family_softmax_scaled[] = {
    &grad__op_softmin,
    &grad__op_normalize,
    &grad__op_cosine_similarity,
    NULL,
};
