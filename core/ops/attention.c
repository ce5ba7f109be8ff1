/* attention.c -- scaled dot-product attention, as products of matrices around a softmax. */
#include <inttypes.h>
#include <math.h>

#include "products.h"
#include "shape.h"

extern const grad_op grad__op_softmax;

enum { Q, K, VALUES, MASK };
enum { CAUSAL, SCALE };

static int64_t from_last(const grad_shape *s, int i)
{
    return i <= s->rank ? s->dim[s->rank - i] : 1;
}

static int misfit(B *b, int input, const char *what, const grad_shape *s, const grad_shape *t)
{
    char one[96], two[96];
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, input, NULL,
                            "scaled_dot_product_attention: %s, found shapes %s and %s", what,
                            grad__dims_text(one, s->rank, s->dim),
                            grad__dims_text(two, t->rank, t->dim));
}

/* Do axes 3 and more from the last broadcast? Their sizes go to dim, from the last on. */
static bool join_stacks(int64_t *dim, int *rank, const grad_shape *s)
{
    for (int i = 3; i <= s->rank; i++) {
        int64_t size = from_last(s, i);
        for (; *rank < i; ++*rank) dim[*rank] = 1;
        if (size != 1 && dim[i - 1] != 1 && size != dim[i - 1]) return false;
        if (size != 1) dim[i - 1] = size;
    }
    return true;
}

static int check_shapes(B *b, const grad_args *a)
{
    int64_t dim[GRAD_RANK_MAX];
    char text[96];
    int rank = 2;
    const grad_shape *q = v_shape(b, a->in[Q]), *k = v_shape(b, a->in[K]);
    const grad_shape *v = v_shape(b, a->in[VALUES]);
    for (int i = Q; i <= VALUES; i++)
        if (v_rank(b, a->in[i]) < 2) return grad__need_axes(b, a, i, "two axes or more");
    if (from_last(q, 1) != from_last(k, 1))
        return misfit(b, K, "the rows of `q` and `k` must be of one length", q, k);
    if (from_last(k, 2) != from_last(v, 2))
        return misfit(b, VALUES, "`k` and `v` must have the same number of rows", k, v);
    join_stacks(dim, &rank, q);
    if (!join_stacks(dim, &rank, k))
        return misfit(b, K, "the axes of `q` and `k` before the last two must broadcast", q, k);
    if (!join_stacks(dim, &rank, v))
        return misfit(b, VALUES, "the axes before the last two must broadcast", q, v);
    if (grad__given(a, MASK) == GRAD_NONE) return 0;
    const grad_shape *m = v_shape(b, a->in[MASK]);
    int64_t columns = from_last(m, 1), rows = from_last(m, 2);
    if ((columns != 1 && columns != from_last(k, 2)) || (rows != 1 && rows != from_last(q, 2)) ||
        !join_stacks(dim, &rank, m))
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, MASK, NULL,
                                "scaled_dot_product_attention: `mask` must broadcast to the rows "
                                "of `q` by the rows of `k`, %" PRId64 " by %" PRId64
                                ", found shape %s",
                                from_last(q, 2), from_last(k, 2),
                                grad__dims_text(text, m->rank, m->dim));
    return 0;
}

/* Row i may see columns 0 to i. */
static V triangle(B *b, int64_t rows, int64_t columns)
{
    int64_t dim[2] = {rows, columns};
    V all = v_emit(b, &grad__op_full, 0, NULL, 3,
                   (grad_value[]){grad__list(dim, 2), BOOL_(true), INT_(GRAD_BOOL)});
    return v_emit(b, &grad__op_tril, 1, &all, 0, NULL);
}

static int attention_expand(B *b, const grad_args *a, V *out)
{
    const grad_shape *q = v_shape(b, a->in[Q]), *k = v_shape(b, a->in[K]);
    double scale = a->attr[SCALE].kind == GRAD_NULL ? 1 / sqrt((double)from_last(q, 1))
                                                    : a->attr[SCALE].r;
    if (check_shapes(b, a) < 0) return -1;
    if (a->attr[SCALE].kind != GRAD_NULL && !isfinite(scale))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "scale",
                                "scaled_dot_product_attention: scale must be finite, found %s",
                                NUMBER(scale));
    if (from_last(q, 1) == 0) scale = 1; /* there is nothing to scale */
    V x = v_mul(b, a->in[Q], v_num(b, a->in[Q], scale));
    V score = grad__matmul_t(b, x, a->in[K], false, true), never = v_num(b, score, -INFINITY);
    if (grad__given(a, MASK) != GRAD_NONE) {
        V mask = a->in[MASK];
        score = v_dtype(b, mask) == GRAD_BOOL ? v_where(b, mask, score, never)
                                              : v_add(b, score, mask);
    }
    if (a->attr[CAUSAL].i)
        score = v_where(b, triangle(b, from_last(q, 2), from_last(k, 2)), score, never);
    V share = v_emit(b, &grad__op_softmax, 1, &score, 1, (grad_value[]){INT_(-1)});
    *out = grad__matmul_t(b, share, a->in[VALUES], false, false);
    return 0;
}

const grad_op grad__op_scaled_dot_product_attention = {
    .name = "scaled_dot_product_attention",
    .doc = "softmax(q kᵀ scale) v, with a row a query, key or value; axes before the last two "
           "broadcast. Where mask is false, or with causal at columns after the row, keys are not "
           "seen; a mask of numbers is added before the softmax. scale is 1 / sqrt(the length of a "
           "query) if null.",
    .gradient = "with s the softmax: sᵀ g to v, h = s (g vᵀ - sum(s g vᵀ)) to the mask, scale h k "
                "to q, scale hᵀ q to k",
    .in = {{.name = "q"},
           {.name = "k"},
           {.name = "v"},
           {.name = "mask", .role = GRAD_ROLE_MASK, .optional = true}},
    .attr = {{.name = "causal", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "scale", .type = ATTR_REAL, .nullable = true, .otherwise = NOTHING}},
    .types = TYPES_REAL,
    .expand = attention_expand,
    .example =
        "scaled_dot_product_attention([[0, 0]], [[1, 2], [3, 4]], [[2], [4]]) -> [[3]]\n"
        "scaled_dot_product_attention([[1, 0]], [[0, 9], [1, 9]], [[0], [1]], scale=1) -> "
        "[[0.7310585786300049]]\n"
        "scaled_dot_product_attention([[1, 1, 0, 0]], [[0, 0, 9, 9], [1, 1, 9, 9]], [[0], [1]]) -> "
        "[[0.7310585786300049]]\n"
        "scaled_dot_product_attention([[0], [0]], [[1], [2]], [[2], [4]], causal=true) -> "
        "[[2], [3]]\n"
        "scaled_dot_product_attention([[0], [0]], [[1], [2]], [[2], [4]], "
        "[[true, false], [true, true]]) -> [[2], [3]]\n"
        "scaled_dot_product_attention([[0]], [[1], [2]], [[0], [1]], [[0, 1.0]]) -> "
        "[[0.7310585786300049]]\n"
        "scaled_dot_product_attention([[0]], [[1], [2]], [[2], [4]], [[false, false]]) -> [[NaN]]",
    .trials = "[2,3] [4,3] [4,2]; [3,3] [3,3] [3,2] causal=true; [2,2,3] [2,3,3] [2,3,2] b[2,3]; "
              "[2,2,3] [2,3,3] [2,3,2] [3]; [2,3] [3,3] [3,1] [2,3] scale=0.3; "
              "[2,1,2,3] [3,4,3] [3,4,2] - causal=true; [0,3] [2,3] [2,2]; [2,3] [0,3] [0,2]; "
              "[2,0] [3,0] [3,2]",
};

const grad_op *const grad__family_attention[] = {
    &grad__op_scaled_dot_product_attention,
    NULL,
};
