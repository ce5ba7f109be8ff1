/* linalg_products.c -- products that are short formulas: inner, kron, cross, bilinear; trace. */
#include <inttypes.h>

#include "products.h"
#include "shape.h"

extern const grad_op grad__op_sum;

/* ---- inner ----------------------------------------------------------------------------------- */

static int inner_expand(B *b, const grad_args *a, V *out)
{
    int64_t dim[2 * GRAD_RANK_MAX];
    V x = a->in[0], y = a->in[1];
    const grad_shape *s = v_shape(b, x), *t = v_shape(b, y);
    if (s->rank == 0 || t->rank == 0) {
        *out = v_mul(b, x, y);
        return 0;
    }
    if (s->dim[s->rank - 1] != t->dim[t->rank - 1])
        return grad__does_not_fit(b, a, "the last axes must be of one length");
    int rank = s->rank + t->rank - 2;
    if (rank > GRAD_RANK_MAX)
        return grad__does_not_fit(b, a, "the result would have more than 32 axes");
    for (int i = 0; i < s->rank - 1; i++) dim[i] = s->dim[i];
    for (int i = 0; i < t->rank - 1; i++) dim[s->rank - 1 + i] = t->dim[i];
    V product = grad__matmul_t(b, grad__as_rows(b, x), grad__as_rows(b, y), false, true);
    *out = grad__reshaped(b, product, rank, dim);
    return 0;
}

const grad_op grad__op_inner = {
    .name = "inner",
    .doc = "The sums of products along the last axes of a and b, for each pair of rows; where one "
           "is a single number, the product.",
    .gradient = "g times the rows of b to those of a, and the other way round",
    .in = {{.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .expand = inner_expand,
    .example = "inner([1, 2, 3], [4, 5, 6]) -> 32\n"
               "inner([[1, 2], [3, 4]], [[5, 6], [7, 8], [9, 10]]) -> "
               "[[17, 23, 29], [39, 53, 67]]\n"
               "inner([1, 2], 3) -> [3, 6]",
    .trials = "[3] [3]; [2,3] [3]; [2,3] [4,3]; [2,1,3] [2,3]; [] [2,3]; [3] []; [0,3] [2,3]; "
              "[2,0] [3,0]",
};

/* ---- kron ------------------------------------------------------------------------------------ */

static V empty(B *b, V like, int rank, const int64_t *dim)
{
    return v_emit(b, &grad__op_full, 0, NULL, 3,
                  (grad_value[]){grad__list(dim, (size_t)rank), INT_(0), INT_(v_dtype(b, like))});
}

/* Each axis of a beside the same axis of b; axes of size 1 are left out. */
static int kron_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0], y = a->in[1];
    const grad_shape *s = v_shape(b, x), *t = v_shape(b, y);
    int64_t dim_x[GRAD_RANK_MAX], dim_y[GRAD_RANK_MAX], dim[GRAD_RANK_MAX];
    int rank = s->rank > t->rank ? s->rank : t->rank, n = 0;
    for (int i = 0; i < rank; i++) {
        int64_t p = i < rank - s->rank ? 1 : s->dim[i - rank + s->rank];
        int64_t q = i < rank - t->rank ? 1 : t->dim[i - rank + t->rank];
        if (__builtin_mul_overflow(p, q, &dim[i]) || n + (p != 1) + (q != 1) > GRAD_RANK_MAX)
            return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, NULL,
                                    "kron: the result would be too large");
        if (p != 1) dim_x[n] = p, dim_y[n++] = 1;
        if (q != 1) dim_x[n] = 1, dim_y[n++] = q;
    }
    if (s->count == 0 || t->count == 0) {
        *out = empty(b, x, rank, dim);
        return 0;
    }
    V product = v_mul(b, grad__reshaped(b, x, n, dim_x), grad__reshaped(b, y, n, dim_y));
    *out = grad__reshaped(b, product, rank, dim);
    return 0;
}

const grad_op grad__op_kron = {
    .name = "kron",
    .doc = "The Kronecker product: b once for each element of a, times it; axes are matched from "
           "the last one.",
    .gradient = "to an element of a the sum of g b over its block; to b the sum of g a over blocks",
    .in = {{.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .expand = kron_expand,
    .example = "kron([1, 2], [3, 4, 5]) -> [3, 4, 5, 6, 8, 10]\n"
               "kron([[1, 2]], [[3], [4]]) -> [[3, 6], [4, 8]]\n"
               "kron([1, 10], [[1, 2], [3, 4]]) -> [[1, 2, 10, 20], [3, 4, 30, 40]]",
    .trials = "[] []; [2] [3]; [2,2] [3,2]; [2] [2,3]; [2,1,2] [1,3,2]; [0,2] [2,2]; [3] []; "
              "[1,1] [1,2]",
};

/* ---- cross ----------------------------------------------------------------------------------- */

static V rolled(B *b, V x, int64_t shift, int64_t axis)
{
    return v_emit(b, &grad__op_roll, 1, &x, 2,
                  (grad_value[]){grad__list(&shift, 1), grad__list(&axis, 1)});
}

static int cross_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    int64_t axis;
    int rank = v_rank(b, a->in[0]), other = v_rank(b, a->in[1]);
    const grad_value axes = grad__list(&a->attr[0].i, 1);
    if (other > rank) rank = other;
    if (grad__axes(&axis, &axes, rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "cross: %s", text);
    axis -= rank; /* from the last, so that it is the same of both */
    for (int k = 0; k < 2; k++) {
        const grad_shape *s = v_shape(b, a->in[k]);
        if (-axis <= s->rank && s->dim[s->rank + axis] == 3) continue;
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, k, NULL,
                                "cross: `%s` must have size 3 along axis %" PRId64
                                ", found shape %s",
                                a->op->in[k].name, a->attr[0].i,
                                grad__dims_text(text, s->rank, s->dim));
    }
    if (!grad__broadcast(v_shape(b, a->in[0]), v_shape(b, a->in[1])))
        return grad__does_not_fit(b, a, "the other axes must broadcast");
    V first = v_mul(b, rolled(b, a->in[0], -1, axis), rolled(b, a->in[1], -2, axis));
    V second = v_mul(b, rolled(b, a->in[0], -2, axis), rolled(b, a->in[1], -1, axis));
    *out = v_sub(b, first, second);
    return 0;
}

const grad_op grad__op_cross = {
    .name = "cross",
    .doc = "The vector product along an axis of size 3; the other axes broadcast.",
    .gradient = "b × g to a, g × a to b",
    .in = {{.name = "a"}, {.name = "b"}},
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)}},
    .types = TYPES_PROMOTE,
    .expand = cross_expand,
    .example = "cross([1, 0, 0], [0, 1, 0]) -> [0, 0, 1]\n"
               "cross([1, 2, 3], [[4, 5, 6], [1, 1, 2]]) -> [[-3, 6, -3], [1, 1, -1]]\n"
               "cross([[1], [2], [3]], [[4], [5], [6]], axis=0) -> [[-3], [6], [-3]]",
    .trials = "[3] [3]; [2,3] [2,3]; [2,3] [3]; [3,2] [3,1] axis=0; [1,3,2] [2,3,2] axis=1; "
              "[0,3] [0,3]",
};

/* ---- trace ----------------------------------------------------------------------------------- */

static int trace_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    const grad_shape *s = v_shape(b, a->in[0]);
    if (s->rank != 2)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "trace: `x` must be a matrix, found shape %s",
                                grad__dims_text(text, s->rank, s->dim));
    V diagonal = v_emit(b, &grad__op_diagonal, 1, a->in, 0, NULL);
    *out = v_sum(b, diagonal, NULL, 0, false);
    return 0;
}

const grad_op grad__op_trace = {
    .name = "trace",
    .doc = "The sum of a matrix's diagonal.",
    .gradient = "g on the diagonal",
    .in = X_ALONE,
    .types = TYPES_WIDE,
    .expand = trace_expand,
    .example = "trace([[1, 2], [3, 4]]) -> 5\n"
               "trace([[1, 2, 3], [4, 5, 6]]) -> 6",
    .trials = "[3,3]; [2,3]; [1,1]; [0,3]",
};

/* ---- bilinear -------------------------------------------------------------------------------- */

enum { LEFT, RIGHT, WEIGHT, BIAS };

static int check_bilinear(B *b, const grad_args *a)
{
    char has[96], found[96];
    const grad_shape *x = v_shape(b, a->in[LEFT]), *y = v_shape(b, a->in[RIGHT]);
    const grad_shape *w = v_shape(b, a->in[WEIGHT]);
    for (int k = LEFT; k <= RIGHT; k++)
        if (v_rank(b, a->in[k]) < 1) return grad__need_axes(b, a, k, "one axis or more");
    bool same = x->rank == y->rank;
    for (int i = 0; same && i < x->rank - 1; i++) same = x->dim[i] == y->dim[i];
    if (!same)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, RIGHT, NULL,
                                "bilinear: `a` and `b` must have the same axes before the last, "
                                "found shapes %s and %s",
                                grad__dims_text(has, x->rank, x->dim),
                                grad__dims_text(found, y->rank, y->dim));
    if (w->rank != 3 || w->dim[1] != x->dim[x->rank - 1] || w->dim[2] != y->dim[y->rank - 1])
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, WEIGHT, NULL,
                                "bilinear: `weight` must have shape [outputs, %" PRId64 ", %" PRId64
                                "] for these operands, found %s",
                                x->dim[x->rank - 1], y->dim[y->rank - 1],
                                grad__dims_text(found, w->rank, w->dim));
    if (grad__given(a, BIAS) == GRAD_NONE) return 0;
    const grad_shape *s = v_shape(b, a->in[BIAS]);
    if (s->rank == 1 && s->dim[0] == w->dim[0]) return 0;
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, BIAS, NULL,
                            "bilinear: `bias` must have one element for each of the %" PRId64
                            " outputs, found shape %s",
                            w->dim[0], grad__dims_text(found, s->rank, s->dim));
}

/* Either all products of elements of a and b times weight, or the products of b and weight times a:
   whichever makes the smaller tensor on the way. */
static int bilinear_expand(B *b, const grad_args *a, V *out)
{
    int64_t dim[GRAD_RANK_MAX];
    if (check_bilinear(b, a) < 0) return -1;
    const grad_shape *s = v_shape(b, a->in[LEFT]), *w = v_shape(b, a->in[WEIGHT]);
    int64_t outputs = w->dim[0], m = w->dim[1], n = w->dim[2];
    V x = grad__as_rows(b, a->in[LEFT]), y = grad__as_rows(b, a->in[RIGHT]), z;
    if (v_failed(b)) return -1;
    int64_t rows = v_shape(b, x)->dim[0], last = 2;
    if (n <= outputs) {
        int64_t all = grad__dims_product(2, w->dim + 1);
        V pairs = v_mul(b, grad__reshaped(b, x, 3, (int64_t[]){rows, m, 1}),
                        grad__reshaped(b, y, 3, (int64_t[]){rows, 1, n}));
        pairs = grad__reshaped(b, pairs, 2, (int64_t[]){rows, all});
        V weight = grad__reshaped(b, a->in[WEIGHT], 2, (int64_t[]){outputs, all});
        z = grad__matmul_t(b, pairs, weight, false, true);
    } else { /* [outputs, rows, m] */
        z = grad__matmul_t(b, y, a->in[WEIGHT], false, true);
        z = v_cast(b, v_sum(b, v_mul(b, z, x), &last, 1, false), v_dtype(b, x));
        z = v_transpose(b, z, 2, (int64_t[]){1, 0});
    }
    for (int i = 0; i < s->rank - 1; i++) dim[i] = s->dim[i];
    dim[s->rank - 1] = outputs;
    z = grad__reshaped(b, z, s->rank, dim);
    *out = grad__given(a, BIAS) != GRAD_NONE ? v_add(b, z, a->in[BIAS]) : z;
    return 0;
}

const grad_op grad__op_bilinear = {
    .name = "bilinear",
    .doc = "aᵀ W b + bias along the last axes of a and b, for each matrix W of weight: an output "
           "each.",
    .gradient = "g W b to a, g Wᵀ a to b, g a bᵀ to weight, the sum of g to bias",
    .in = {{.name = "a"}, {.name = "b"}, {.name = "weight"}, {.name = "bias", .optional = true}},
    .types = TYPES_PROMOTE,
    .expand = bilinear_expand,
    .example = "bilinear([1, 2], [3, 4, 5], [[[1, 0, 0], [0, 0, 1]]]) -> [13]\n"
               "bilinear([[1, 2]], [[3]], [[[1], [1]], [[0], [2]]], [10, 20]) -> [[19, 32]]",
    .trials = "[3] [4] [2,3,4] [2]; [2,3] [2,2] [4,3,2] [4]; [2,2,3] [2,2,2] [3,3,2] -; "
              "[5,2] [5,3] [1,2,3]; [0,2] [0,3] [4,2,3] [4]; [2,0] [2,3] [1,0,3] [1]; "
              "[2,3] [2,0] [1,3,0]",
};

/* ---- the family ------------------------------------------------------------------------------ */

const grad_op *const grad__family_linalg_products[] = {
    &grad__op_inner, &grad__op_kron, &grad__op_cross, &grad__op_trace, &grad__op_bilinear, NULL,
};
