/* linalg_differences.c -- what Euclidean distances and their derivatives are made of.
 *
 * All are sums over the differences between each point of one set and each of another, taken of
 * the differences themselves: |a|² + |b|² - 2ab would cancel where points are close. None holds a
 * tensor of all differences, of which there are points times points times coordinates; and the
 * rules need no more than each other and products of matrices.
 */
#include <float.h>
#include <math.h>

#include "products.h"

extern const grad_op grad__op_weighted_differences, grad__op_difference_products;

/* ---- loops over coordinates ------------------------------------------------------------------ */

/* Sums of `term`, of d = a - b, u and s, in float64 and in eight parts. */
#define SUM(name, type, term)                                                                     \
    static double name##_##type(const void *a_, const void *b_, const void *u_, double s,         \
                                int64_t n)                                                        \
    {                                                                                             \
        const type *a = a_, *b = b_, *u = u_;                                                     \
        double part[8] = {0}, rest = 0;                                                           \
        int64_t i = 0;                                                                            \
        (void)s, (void)u;                                                                         \
        for (; i + 8 <= n; i += 8)                                                                \
            for (int k = 0; k < 8; k++) {                                                         \
                const double d = (double)a[i + k] - (double)b[i + k];                             \
                part[k] += term(i + k);                                                           \
            }                                                                                     \
        for (; i < n; i++) {                                                                      \
            const double d = (double)a[i] - (double)b[i];                                         \
            rest += term(i);                                                                      \
        }                                                                                         \
        for (int half = 4; half; half /= 2)                                                       \
            for (int k = 0; k < half; k++) part[k] += part[k + half];                             \
        return part[0] + rest;                                                                    \
    }
#define SQUARE(i) d * d
#define SCALED(i) (d / s) * (d / s)
#define PRODUCT(i) (double)u[i] * d
SUM(square, double, SQUARE)
SUM(square, float, SQUARE)
SUM(scaled, double, SCALED)
SUM(scaled, float, SCALED)
SUM(product, double, PRODUCT)
SUM(product, float, PRODUCT)

typedef double (*summed)(const void *a, const void *b, const void *u, double s, int64_t n);
static const summed squares[] = {square_double, square_float}; /* by dtype */
static const summed scaled_squares[] = {scaled_double, scaled_float};
static const summed products[] = {product_double, product_float};

typedef struct tempo {
    grad_frame *frame;
    int64_t since; /* terms since the stop flag was looked at */
} tempo;

static int keep_pace(tempo *p, int64_t terms)
{
    if ((p->since += terms) < 1 << 20) return 0;
    p->since = 0;
    return grad_stopped(p->frame) ? grad_frame_stopped(p->frame) : 0;
}

/* The sum over all n coordinates, in blocks so that a long one can be stopped. */
static int along(double *out, summed f, size_t size, const char *a, const char *b, const char *u,
                 double s, int64_t n, tempo *pace)
{
    enum { BLOCK = 4096 };
    double total = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t more = n - i < BLOCK ? n - i : BLOCK;
        size_t at = (size_t)i * size;
        total += f(a + at, b + at, u ? u + at : NULL, s, more);
        if (keep_pace(pace, more) < 0) return -1;
    }
    *out = total;
    return keep_pace(pace, 8);
}

static double element(const void *x, grad_dtype dtype, int64_t i)
{
    return dtype == GRAD_FLOAT64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

/* The root of the sum of squares; where that has lost digits or overflowed, again with differences
   measured by the largest. */
static int length(double *out, const char *a, const char *b, int64_t n, grad_dtype dtype,
                  tempo *pace)
{
    size_t size = grad_dtype_size(dtype);
    double total, largest = 0;
    if (along(&total, squares[dtype], size, a, b, NULL, 1, n, pace) < 0) return -1;
    *out = sqrt(total);
    if (total != total || (total > DBL_MIN / DBL_EPSILON && total <= DBL_MAX)) return 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(element(a, dtype, i) - element(b, dtype, i)));
    *out = largest;
    if (largest == 0 || isinf(largest)) return keep_pace(pace, n);
    if (along(&total, scaled_squares[dtype], size, a, b, NULL, largest, n, pace) < 0) return -1;
    *out = largest * sqrt(total);
    return 0;
}

/* ---- distances, difference_products ---------------------------------------------------------- */

static void put(void *out, grad_dtype dtype, int64_t i, double x)
{
    if (dtype == GRAD_FLOAT64) ((double *)out)[i] = x;
    else ((float *)out)[i] = (float)x;
}

/* For each pair of points of a and b, their distance, or with u the sum of u (a - b). */
static int pairs(const grad_call *c, void *out, const void *a, const void *b, const void *u,
                 const grad_shape *points, grad_frame *frame)
{
    const int64_t *dim = c->shape->dim, n = points->dim[2];
    const size_t size = grad_dtype_size(c->dtype), point = (size_t)n * size;
    tempo pace = {frame, 0};
    int64_t at = 0;
    for (int64_t stack = 0; stack < dim[0]; stack++)
        for (int64_t i = 0; i < dim[1]; i++)
            for (int64_t j = 0; j < dim[2]; j++, at++) {
                size_t left = (size_t)(stack * dim[1] + i) * point;
                const char *x = (const char *)a + left;
                const char *y = (const char *)b + (size_t)(stack * dim[2] + j) * point;
                double value;
                if ((u ? along(&value, products[c->dtype], size, x, y, (const char *)u + left, 1, n,
                               &pace)
                       : length(&value, x, y, n, c->dtype, &pace)) < 0)
                    return -1;
                put(out, c->dtype, at, value);
            }
    return 0;
}

static int distances_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    return pairs(c, out, in[0], in[1], NULL, c->in[0], frame);
}

static int difference_products_kernel(const grad_call *c, void *out, const void *const *in,
                                      grad_frame *frame)
{
    return pairs(c, out, in[1], in[2], in[0], c->in[1], frame);
}

/* Stacks of points, [stack, points, coordinates], as operands k and k + 1. */
static int check_points(grad_infer *f, int k)
{
    const grad_shape *a = f->in[k], *b = f->in[k + 1];
    if (!grad_dtype_is_float(f->dtype))
        return grad_infer_fail(f, GRAD_DTYPE_MISMATCH, k, NULL, "takes floating-point operands");
    if (a->rank == 3 && b->rank == 3 && a->dim[0] == b->dim[0] && a->dim[2] == b->dim[2]) return 0;
    return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, k + 1, NULL, "the points do not fit");
}

static int has_shape(grad_infer *f, int64_t stack, int64_t m, int64_t n)
{
    const int64_t *dim = f->in[0]->dim;
    if (f->in[0]->rank == 3 && dim[0] == stack && dim[1] == m && dim[2] == n) return 0;
    return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL, "the first operand does not fit");
}

static void set_shape(grad_infer *f, int64_t stack, int64_t m, int64_t n)
{
    f->rank = 3;
    f->dim[0] = stack;
    f->dim[1] = m;
    f->dim[2] = n;
}

static int distances_infer(grad_infer *f)
{
    if (check_points(f, 0) < 0) return -1;
    set_shape(f, f->in[0]->dim[0], f->in[0]->dim[1], f->in[1]->dim[1]);
    return 0;
}

static int difference_products_infer(grad_infer *f)
{
    if (check_points(f, 1) < 0) return -1;
    const int64_t *a = f->in[1]->dim;
    if (has_shape(f, a[0], a[1], a[2]) < 0) return -1;
    set_shape(f, a[0], a[1], f->in[2]->dim[1]);
    return 0;
}

static double work_of_pairs(const grad_call *c)
{
    return 3 * (double)c->shape->count * (double)(c->in[0]->dim[2] + 2);
}

static V call(B *b, const grad_op *op, V x, V y, V z)
{
    return v_emit(b, op, 3, (V[]){x, y, z}, 0, NULL);
}

static V swapped(B *b, V x) { return v_transpose(b, x, 3, (int64_t[]){0, 2, 1}); }

static V row_sums(B *b, V x)
{
    int64_t last = 2;
    return v_sum(b, x, &last, 1, true);
}

/* Of equal points the gradient is 0; the division there is by 1, so that no derivative of this
   formula meets 0 / 0 either. */
static void distances_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1], zero = v_num(b, p->y, 0);
    V same = v_eq(b, p->y, zero);
    V weight = v_div(b, p->g, v_where(b, same, v_num(b, p->y, 1), p->y));
    weight = v_where(b, same, zero, weight);
    pull(p, 0, call(b, &grad__op_weighted_differences, weight, x, y));
    pull(p, 1, call(b, &grad__op_weighted_differences, swapped(b, weight), y, x));
}

static void difference_products_rule(B *b, const grad_pull *p)
{
    V u = p->in[0], x = p->in[1], y = p->in[2];
    pull(p, 0, call(b, &grad__op_weighted_differences, p->g, x, y));
    pull(p, 1, v_mul(b, u, row_sums(b, p->g)));
    pull(p, 2, v_neg(b, grad__matmul_t(b, p->g, u, true, false)));
}

/* ---- weighted_differences -------------------------------------------------------------------- */

enum { COLUMNS = 256 };

#define WEIGHTED(type)                                                                            \
    static void add_weighted_##type(double *sum, const void *a_, const void *b_, double w,        \
                                    size_t n)                                                     \
    {                                                                                             \
        const type *a = a_, *b = b_;                                                              \
        for (size_t k = 0; k < n; k++) sum[k] += w * ((double)a[k] - (double)b[k]);               \
    }
WEIGHTED(double)
WEIGHTED(float)

static int weighted_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    const int64_t *dim = c->in[0]->dim, n = c->shape->dim[2];
    const size_t size = grad_dtype_size(c->dtype);
    double total[COLUMNS];
    tempo pace = {frame, 0};
    for (int64_t row = 0; row < dim[0] * dim[1]; row++)
        for (int64_t k = 0; k < n; k += COLUMNS) {
            const size_t width = (size_t)(n - k < COLUMNS ? n - k : COLUMNS);
            const char *a = (const char *)in[1] + (size_t)(row * n + k) * size;
            for (size_t i = 0; i < width; i++) total[i] = 0;
            for (int64_t j = 0; j < dim[2]; j++) {
                const double w = element(in[0], c->dtype, row * dim[2] + j);
                const int64_t at = (row / dim[1] * dim[2] + j) * n + k;
                const char *b = (const char *)in[2] + (size_t)at * size;
                if (c->dtype == GRAD_FLOAT64) add_weighted_double(total, a, b, w, width);
                else add_weighted_float(total, a, b, w, width);
                if (keep_pace(&pace, (int64_t)width + 4) < 0) return -1;
            }
            for (size_t i = 0; i < width; i++)
                put(out, c->dtype, row * n + k + (int64_t)i, total[i]);
        }
    return 0;
}

static int weighted_infer(grad_infer *f)
{
    if (check_points(f, 1) < 0) return -1;
    const grad_shape *a = f->in[1];
    grad_infer_same(f, a);
    return has_shape(f, a->dim[0], a->dim[1], f->in[2]->dim[1]);
}

static double weighted_work(const grad_call *c)
{
    return 3 * (double)c->shape->count * (double)c->in[0]->dim[2];
}

static void weighted_rule(B *b, const grad_pull *p)
{
    V w = p->in[0], x = p->in[1], y = p->in[2];
    pull(p, 0, call(b, &grad__op_difference_products, p->g, x, y));
    pull(p, 1, v_mul(b, p->g, row_sums(b, w)));
    pull(p, 2, v_neg(b, grad__matmul_t(b, w, p->g, true, false)));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define POINTS {.name = "a"}, {.name = "b"}

const grad_op grad__op_distances = {
    .name = "distances",
    .doc = "The Euclidean distance of each point of a from each of b.",
    .gradient = "g (a - b) / y to a, the opposite to b, summed over the points of the other; 0 "
                "where y = 0",
    .in = {POINTS},
    .types = TYPES_PROMOTE, .infer = distances_infer, .kernel = distances_kernel,
    .work = work_of_pairs, .internal = true, .rule = distances_rule,
    .example = "distances([[[0, 0], [3, 3]]], [[[3, 4]]]) -> [[[5], [1]]]\n"
               "distances([[[3e200]]], [[[0]]]) -> [[[3e200]]]\n"
               "distances([[[3e-200, 0]]], [[[0, 4e-200]]]) -> [[[5e-200]]]",
    .trials = "[1,3,2] [1,2,2]; [2,2,9] [2,3,9]; [1,2,1] [1,0,1]",
};

const grad_op grad__op_difference_products = {
    .name = "difference_products",
    .doc = "For each point i of a and j of b the sum of u[i] (a[i] - b[j]) over coordinates.",
    .gradient = "the differences weighted by g to u; g u to a, -g u to b",
    .in = {{.name = "u"}, POINTS},
    .types = TYPES_PROMOTE, .infer = difference_products_infer,
    .kernel = difference_products_kernel,
    .work = work_of_pairs, .internal = true, .rule = difference_products_rule,
    .example = "difference_products([[[1, 2]]], [[[3, 5]]], [[[1, 1], [0, 2]]]) -> [[[10, 9]]]",
    .trials = "[1,3,2] [1,3,2] [1,2,2]; [2,2,9] [2,2,9] [2,3,9]",
};

const grad_op grad__op_weighted_differences = {
    .name = "weighted_differences",
    .doc = "For each point i of a the sum of w[i][j] (a[i] - b[j]) over the points j of b.",
    .gradient = "the products of g and the differences to w; g w to a, -g w to b",
    .in = {{.name = "w"}, POINTS},
    .types = TYPES_PROMOTE, .infer = weighted_infer, .kernel = weighted_kernel,
    .work = weighted_work, .internal = true, .rule = weighted_rule,
    .example = "weighted_differences([[[1, 2]]], [[[3, 5]]], [[[1, 1], [0, 2]]]) -> [[[8, 10]]]",
    .trials = "[1,3,2] [1,3,4] [1,2,4]; [2,2,3] [2,2,3] [2,3,3]; [1,2,0] [1,2,3] [1,0,3]",
};
