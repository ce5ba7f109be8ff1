/* linalg.c -- matrix products.
 *
 * All of them are one primitive, matmul_t: a product of matrices or stacks of them, either of which
 * may stand in memory the other way round. So the adjoint of a product is two products and no
 * transpose is ever copied. Vectors are matrices of one row or column, by reshapes that cost
 * nothing.
 */
#include <string.h>

#include "blas.h"
#include "products.h"
#include "shape.h"

/* ---- loops ----------------------------------------------------------------------------------- */

typedef struct tempo {
    grad_frame *frame;
    int64_t since; /* multiplications since the stop flag was looked at */
} tempo;

static int keep_pace(tempo *p, int64_t more)
{
    if ((p->since += more) < 1 << 20) return 0;
    p->since = 0;
    return grad_stopped(p->frame) ? grad_frame_stopped(p->frame) : 0;
}

#define T double
#define NAME float64
#define PLUS_PRODUCT(s, a, b) ((s) + (a) * (b))
#include "matmul_loops.h"

#define T float
#define NAME float32
#define PLUS_PRODUCT(s, a, b) ((s) + (a) * (b))
#include "matmul_loops.h"

/* Integers wrap. */
#define T uint64_t
#define NAME int64
#define PLUS_PRODUCT(s, a, b) ((s) + (a) * (b))
#include "matmul_loops.h"

#define T uint32_t
#define NAME int32
#define PLUS_PRODUCT(s, a, b) ((s) + (a) * (b))
#include "matmul_loops.h"

/* Truth values: is there an l for which both are true? */
#define T uint8_t
#define NAME truth
#define PLUS_PRODUCT(s, a, b) ((s) | ((a) & (b)))
#include "matmul_loops.h"

static int by_loops(const grad_product *p, void *y, const void *a, const void *b, tempo *pace)
{
    switch (p->dtype) {
    case GRAD_FLOAT64: return product_float64(p, y, a, b, pace);
    case GRAD_FLOAT32: return product_float32(p, y, a, b, pace);
    case GRAD_INT64: return product_int64(p, y, a, b, pace);
    case GRAD_INT32: return product_int32(p, y, a, b, pace);
    case GRAD_BOOL: return product_truth(p, y, a, b, pace);
    case GRAD_DTYPES: break;
    }
    return 0;
}

/* ---- matmul_t -------------------------------------------------------------------------------- */

enum { TRANSPOSE_A, TRANSPOSE_B };

static grad_product product_of(const grad_call *c)
{
    const grad_shape *a = c->in[0], *y = c->shape;
    bool turned = c->attr[TRANSPOSE_A].i != 0;
    return (grad_product){.dtype = c->dtype, .transpose_a = turned,
                          .transpose_b = c->attr[TRANSPOSE_B].i != 0,
                          .m = y->dim[y->rank - 2], .n = y->dim[y->rank - 1],
                          .k = a->dim[a->rank - (turned ? 2 : 1)]};
}

/* Below this many multiplications a call costs more than the work. A sum of two vectors' products
   is done here at any length: it waits for memory, and eight partial sums are more exact. */
static bool is_small(const grad_product *p)
{
    return (p->m == 1 && p->n == 1) || (double)p->m * (double)p->n * (double)p->k <= 100;
}

/* Where matrix number i of an operand's stack starts, as the result's stack is counted through. */
typedef struct matrices {
    int64_t step[GRAD_RANK_MAX]; /* elements, by axis of the result; 0 where broadcast */
    int64_t at;
} matrices;

static void stack_of(matrices *s, const grad_shape *x, int rank)
{
    int64_t step = x->dim[x->rank - 2] * x->dim[x->rank - 1];
    *s = (matrices){.at = 0};
    for (int i = 3; i <= x->rank; i++) {
        int64_t size = x->dim[x->rank - i];
        s->step[rank - i] = size == 1 ? 0 : step;
        step *= size;
    }
}

static int matmul_t_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *y = c->shape;
    const grad_product p = product_of(c);
    bool loops = is_small(&p) || !grad__blas_can(&p);
    size_t size = grad_dtype_size(c->dtype);
    tempo pace = {frame, 0};
    int64_t place[GRAD_RANK_MAX] = {0};
    matrices a, b;
    stack_of(&a, c->in[0], y->rank);
    stack_of(&b, c->in[1], y->rank);
    for (char *to = out;; to += (size_t)(p.m * p.n) * size) {
        const void *x = (const char *)in[0] + (size_t)a.at * size;
        const void *w = (const char *)in[1] + (size_t)b.at * size;
        if ((loops ? by_loops(&p, to, x, w, &pace) : grad__blas_product(&p, to, x, w, frame)) < 0)
            return -1;
        int i = y->rank - 3;
        for (; i >= 0; i--) { /* the next place in the stack, as an odometer counts */
            a.at += a.step[i];
            b.at += b.step[i];
            if (++place[i] < y->dim[i]) break;
            a.at -= a.step[i] * y->dim[i];
            b.at -= b.step[i] * y->dim[i];
            place[i] = 0;
        }
        if (i < 0) return 0;
    }
}

static int matmul_t_infer(grad_infer *f)
{
    const grad_shape *a = f->in[0], *b = f->in[1];
    bool ta = f->attr[TRANSPOSE_A].i != 0, tb = f->attr[TRANSPOSE_B].i != 0;
    if (a->rank < 2 || b->rank < 2 ||
        a->dim[a->rank - (ta ? 2 : 1)] != b->dim[b->rank - (tb ? 1 : 2)])
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "the matrices do not fit");
    f->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 3; i <= f->rank; i++) {
        int64_t x = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t y = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "the stacks do not broadcast");
        f->dim[f->rank - i] = x == 1 ? y : x;
    }
    f->dim[f->rank - 2] = a->dim[a->rank - (ta ? 1 : 2)];
    f->dim[f->rank - 1] = b->dim[b->rank - (tb ? 2 : 1)];
    return 0;
}

static double matmul_t_work(const grad_call *c)
{
    return 2 * (double)c->shape->count * (double)product_of(c).k;
}

extern const grad_op grad__op_matmul_t;

V grad__matmul_t(B *b, V x, V y, bool transpose_x, bool transpose_y)
{
    return v_emit(b, &grad__op_matmul_t, 2, (V[]){x, y}, 2,
                  (grad_value[]){BOOL_(transpose_x), BOOL_(transpose_y)});
}

static void matmul_t_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1], g = p->g;
    bool tx = p->attr[TRANSPOSE_A].i != 0, ty = p->attr[TRANSPOSE_B].i != 0;
    pull(p, 0, tx ? grad__matmul_t(b, y, g, ty, true) : grad__matmul_t(b, g, y, false, !ty));
    pull(p, 1, ty ? grad__matmul_t(b, g, x, true, tx) : grad__matmul_t(b, x, g, !tx, false));
}

const grad_op grad__op_matmul_t = {
    .name = "matmul_t",
    .doc = "The product of two matrices, or of stacks of them that broadcast, either transposed.",
    .gradient = "g bᵀ to a, aᵀ g to b, transposed where they are",
    .in = {{.name = "a"}, {.name = "b"}},
    .attr = {{.name = "transpose_a", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "transpose_b", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_PROMOTE,
    .infer = matmul_t_infer,
    .kernel = matmul_t_kernel,
    .reach = REACH_PRODUCT,
    .work = matmul_t_work,
    .internal = true,
    .rule = matmul_t_rule,
    .example = "matmul_t([[1, 2]], [[3, 4], [5, 6]], transpose_b=true) -> [[11, 17]]\n"
               "matmul_t([[1, 2]], [[3, 4]], transpose_a=true) -> [[3, 4], [6, 8]]",
    .trials = "[2,3] [3,4]; [3,2] [3,4] transpose_a=true; [2,3] [4,3] transpose_b=true; "
              "[3,2] [4,3] transpose_a=true transpose_b=true; [2,1,2,3] [3,3,2]; "
              "[7,6] [6,5]; [6,7] [5,6] transpose_a=true transpose_b=true",
};

/* ---- matmul ---------------------------------------------------------------------------------- */

V grad__reshaped(B *b, V x, int rank, const int64_t *dim)
{
    const grad_shape *s = v_shape(b, x);
    if (v_failed(b)) return GRAD_NONE;
    if (s->rank == rank && memcmp(s->dim, dim, (size_t)rank * sizeof *dim) == 0) return x;
    return v_reshape(b, x, rank, dim);
}

V grad__as_rows(B *b, V x)
{
    const grad_shape *s = v_shape(b, x);
    int64_t dim[2] = {1, s->dim[s->rank - 1]};
    for (int i = 0; i < s->rank - 1; i++) /* of nothing there may be more than can be counted */
        if (__builtin_mul_overflow(dim[0], s->dim[i], &dim[0])) dim[0] = INT64_MAX;
    return grad__reshaped(b, x, 2, dim);
}

int grad__does_not_fit(B *b, const grad_args *a, const char *why)
{
    char left[96], right[96];
    const grad_shape *x = v_shape(b, a->in[0]), *y = v_shape(b, a->in[1]);
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                            "%s: shapes %s and %s do not fit: %s", a->op->name,
                            grad__dims_text(left, x->rank, x->dim),
                            grad__dims_text(right, y->rank, y->dim), why);
}

int grad__need_axes(B *b, const grad_args *a, int input, const char *axes)
{
    char text[96];
    const grad_shape *s = v_shape(b, a->in[input]);
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, input, NULL,
                            "%s: `%s` must have %s, found shape %s", a->op->name,
                            a->op->in[input].name, axes,
                            grad__dims_text(text, s->rank, s->dim));
}

/* The result's axes, or -1: the stacks broadcast, then the rows of a and the columns of b. */
static int matmul_dims(B *b, const grad_args *args, int64_t *dim)
{
    const grad_shape *x = v_shape(b, args->in[0]), *y = v_shape(b, args->in[1]);
    int most = x->rank > y->rank ? x->rank : y->rank, rank = 0;
    for (int k = 0; k < 2; k++)
        if (v_rank(b, args->in[k]) == 0)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, k, NULL,
                                    "%s takes vectors and matrices, and `%s` is a single number; "
                                    "mul multiplies by a number",
                                    args->op->name, args->op->in[k].name);
    if (x->dim[x->rank - 1] != y->dim[y->rank - (y->rank > 1 ? 2 : 1)])
        return grad__does_not_fit(b, args, "the last axis of the first must be as long as the "
                                           "last but one of the second");
    for (int i = most; i > 2; i--) {
        int64_t p = i <= x->rank ? x->dim[x->rank - i] : 1;
        int64_t q = i <= y->rank ? y->dim[y->rank - i] : 1;
        if (p != q && p != 1 && q != 1)
            return grad__does_not_fit(b, args, "the axes before the last two must broadcast");
        dim[rank++] = p == 1 ? q : p;
    }
    if (x->rank > 1) dim[rank++] = x->dim[x->rank - 2];
    if (y->rank > 1) dim[rank++] = y->dim[y->rank - 1];
    return rank;
}

static int matmul_expand(B *b, const grad_args *args, V *out)
{
    int64_t dim[GRAD_RANK_MAX];
    V x = args->in[0], y = args->in[1];
    int rank = matmul_dims(b, args, dim), of_y;
    if (rank < 0) return -1;
    of_y = v_rank(b, y);
    if (of_y == 1) y = grad__reshaped(b, y, 2, (int64_t[]){v_shape(b, y)->dim[0], 1});
    /* A stack times one matrix is one tall matrix times it. */
    if (v_rank(b, x) == 1 || of_y <= 2) x = grad__as_rows(b, x);
    *out = grad__reshaped(b, grad__matmul_t(b, x, y, false, false), rank, dim);
    return 0;
}

const grad_op grad__op_matmul = {
    .name = "matmul",
    .doc = "The matrix product; a vector is a row on the left and a column on the right, and axes "
           "before the last two are stacks that broadcast.",
    .gradient = "g bᵀ to a, aᵀ g to b",
    .in = {{.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .expand = matmul_expand,
    .example = "matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]]) -> [[19, 22], [43, 50]]\n"
               "matmul([1, 2, 3], [4, 5, 6]) -> 32\n"
               "matmul([[1, 2], [3, 4]], [5, 6]) -> [17, 39]\n"
               "matmul([1, 2], [[3, 4, 5], [6, 7, 8]]) -> [15, 18, 21]\n"
               "matmul([[[1, 2]], [[3, 4]]], [[1, 1], [0, 1]]) -> [[[1, 3]], [[3, 7]]]",
    .trials = "[3] [3]; [2,3] [3]; [3] [3,4]; [2,3] [3,4]; [8,9] [9,7]; [2,3,4] [4,5]; "
              "[2,3,4] [4]; [3] [2,3,4]; [2,3,4] [2,4,2]; [2,1,3,4] [3,4,2]; [2,3] [4,3,2]; "
              "[0,3] [3,2]; [2,0] [0,3]; [0] [0]; [3,0,2] [2,4]",
};

/* ---- dot, outer, linear ---------------------------------------------------------------------- */

static int vectors(B *b, const grad_args *args)
{
    for (int k = 0; k < 2; k++)
        if (v_rank(b, args->in[k]) != 1) return grad__need_axes(b, args, k, "one axis");
    return 0;
}

static int dot_expand(B *b, const grad_args *args, V *out)
{
    if (vectors(b, args) < 0) return -1;
    if (v_shape(b, args->in[0])->id != v_shape(b, args->in[1])->id)
        return grad__does_not_fit(b, args, "the vectors must be of one length");
    *out = v_matmul(b, args->in[0], args->in[1]);
    return 0;
}

const grad_op grad__op_dot = {
    .name = "dot",
    .doc = "The sum of the products of two vectors' elements.",
    .gradient = "g b to a, g a to b",
    .in = {{.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .expand = dot_expand,
    .example = "dot([1, 2, 3], [4, -5, 6]) -> 12\n"
               "dot([], []) -> 0",
    .trials = "[1] [1]; [3] [3]; [0] [0]; [40] [40]",
};

static int outer_expand(B *b, const grad_args *args, V *out)
{
    if (vectors(b, args) < 0) return -1;
    int64_t column[2] = {v_shape(b, args->in[0])->dim[0], 1};
    *out = v_mul(b, v_reshape(b, args->in[0], 2, column), args->in[1]);
    return 0;
}

const grad_op grad__op_outer = {
    .name = "outer",
    .doc = "The matrix of the products of each element of a with each of b.",
    .gradient = "g b to a, gᵀ a to b",
    .in = {{.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .expand = outer_expand,
    .example = "outer([1, 2], [3, 4, 5]) -> [[3, 4, 5], [6, 8, 10]]",
    .trials = "[1] [1]; [2] [3]; [0] [3]; [3] [0]",
};

static int linear_expand(B *b, const grad_args *args, V *out)
{
    int64_t dim[GRAD_RANK_MAX];
    char found[96];
    V x = args->in[0], w = args->in[1], bias = args->n_in > 2 ? args->in[2] : GRAD_NONE;
    const grad_shape *sx = v_shape(b, x), *sw = v_shape(b, w);
    if (sx->rank < 1) return grad__need_axes(b, args, 0, "one axis or more");
    if (sw->rank < 1 || sw->rank > 2)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "linear: `weight` must have two axes, outputs and inputs, found "
                                "shape %s", grad__dims_text(found, sw->rank, sw->dim));
    if (sx->dim[sx->rank - 1] != sw->dim[sw->rank - 1])
        return grad__does_not_fit(b, args, "the last axes must be of one length");
    int rank = sx->rank - 1;
    for (int i = 0; i < rank; i++) dim[i] = sx->dim[i];
    if (sw->rank == 2) dim[rank++] = sw->dim[0];
    if (bias != GRAD_NONE) {
        const grad_shape *s = v_shape(b, bias);
        if (s->rank > 1 || (s->rank == 1 && s->dim[0] != 1 &&
                            (sw->rank != 2 || s->dim[0] != sw->dim[0])))
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 2, NULL,
                                    "linear: `bias` must have one element for each of the %lld "
                                    "outputs, found shape %s",
                                    sw->rank == 2 ? (long long)sw->dim[0] : 1LL,
                                    grad__dims_text(found, s->rank, s->dim));
    }
    V y = grad__matmul_t(b, grad__as_rows(b, x), grad__as_rows(b, w), false, true);
    y = grad__reshaped(b, y, rank, dim);
    *out = bias == GRAD_NONE ? y : v_add(b, y, bias);
    return 0;
}

const grad_op grad__op_linear = {
    .name = "linear",
    .doc = "x weightᵀ + bias along the last axis of x; weight has a row an output.",
    .gradient = "g weight to x, gᵀ x to weight, the sum of g to bias",
    .in = {{.name = "x"}, {.name = "weight"}, {.name = "bias", .optional = true}},
    .types = TYPES_PROMOTE,
    .expand = linear_expand,
    .example = "linear([1, 2], [[3, 4], [5, 6], [7, 8]]) -> [11, 17, 23]\n"
               "linear([[1, 2], [0, 1]], [[3, 4]], [10]) -> [[21], [14]]",
    .trials = "[3] [4,3] [4]; [2,3] [4,3] -; [2,3] [4,3] [4]; [2,2,3] [4,3] [4]; [0,3] [4,3] [4]; "
              "[2,0] [3,0] [3]; [2,3] [3] []",
};

const grad_op *const grad__family_linalg[] = {
    &grad__op_matmul, &grad__op_dot, &grad__op_outer, &grad__op_linear, &grad__op_matmul_t, NULL,
};
