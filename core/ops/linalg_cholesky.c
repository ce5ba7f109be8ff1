/* linalg_cholesky.c -- Cholesky factors. */
#include <math.h>
#include <string.h>

#include "factor.h"

extern const grad_op grad__op_cholesky_lower;

static int infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    grad_infer_same(f, f->in[0]);
    return 0;
}

static size_t scratch(const grad_call *c)
{
    int64_t n = grad__rows(c->in[0]);
    return grad_part_bytes(n * n, c->dtype);
}

static double work(const grad_call *c)
{
    double n = (double)grad__rows(c->in[0]);
    return (double)c->shape->count * (3 + n / 3);
}

/* The lower triangle row by row is the upper one column by column. */
static void put_triangle(grad_dtype t, char *to, const char *m, int64_t n)
{
    size_t size = grad_dtype_size(t), row = (size_t)n * size;
    for (int64_t i = 0; i < n; i++, to += row, m += row) {
        size_t kept = (size_t)(i + 1) * size;
        memcpy(to, m, kept);
        memset(to + kept, 0, row - kept);
    }
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *A = c->in[0];
    grad_dtype t = c->dtype;
    int64_t n = grad__rows(A), many = grad__stack_count(A, 2);
    char *m = frame->scratch, *to = out;
    for (int64_t i = 0; i < many; i++, to += (size_t)(n * n) * grad_dtype_size(t)) {
        grad__symmetrise(t, m, grad__matrix(in[0], i, n * n, t), n);
        if (!grad__all_finite(t, m, n * n))
            grad__fill_real(t, m, n * n, NAN);
        else if (grad__lapack_cholesky(t, n, m) != 0)
            return grad__bad_matrix(frame, GRAD_SINGULAR_MATRIX, A, A->rank - 2, i,
                                    "is not positive definite");
        put_triangle(t, to, m, n);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* With M = tril(Lᵀ g), its diagonal halved: L⁻ᵀ M L⁻¹, made symmetric. */
static void rule(B *b, const grad_pull *p)
{
    const grad_triangular back = {.lower = true, .transpose = true};
    V m = grad__matmul_t(b, p->y, p->g, true, false);
    m = v_mul(b, v_add(b, grad__triangle(b, m, true, 0), grad__triangle(b, m, true, -1)),
              v_num(b, m, 0.5));
    V left = grad__triangular(b, p->y, m, back);
    V both = grad__triangular(b, p->y, grad__turned(b, left), back);
    pull(p, 0, grad__symmetric(b, both));
}

const grad_op grad__op_cholesky_lower = {
    .name = "cholesky_lower",
    .doc = "The lower triangular L with L Lᵀ = (A + Aᵀ)/2.",
    .gradient = "L⁻ᵀ M L⁻¹ made symmetric, where M = tril(Lᵀ g) with its diagonal halved",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .internal = true,
    .checks = 1,
    .rule = rule,
    .example = "cholesky_lower([[4, 2], [2, 10]]) -> [[2, 0], [1, 3]]",
    .trials = "d[1,1]; d[2,2]; d[3,3]; d[2,3,3]; d[17,17]; [0,0]; d[0,2,2]",
};

static int expand(B *b, const grad_args *a, V *out)
{
    if (grad__expand_square(b, a, 0) < 0) return -1;
    V y = v_emit(b, &grad__op_cholesky_lower, 1, a->in, 0, NULL);
    *out = a->attr[0].i ? y : grad__turned(b, y);
    return 0;
}

const grad_op grad__op_cholesky = {
    .name = "cholesky",
    .doc = "The lower triangular L with L Lᵀ = (A + Aᵀ)/2, or its transpose where lower is false. "
           "A matrix that is not positive definite is an error.",
    .gradient = "L⁻ᵀ M L⁻¹ made symmetric, where M = tril(Lᵀ g) with its diagonal halved",
    .in = {{.name = "A"}},
    .attr = {{.name = "lower", .type = ATTR_BOOL, .otherwise = BOOL_(true)}},
    .types = TYPES_REAL,
    .expand = expand,
    .example = "cholesky([[4, 2], [2, 10]]) -> [[2, 0], [1, 3]]\n"
               "cholesky([[4, 4], [0, 10]]) -> [[2, 0], [1, 3]]\n"
               "cholesky([[4, 2], [2, 10]], lower=false) -> [[2, 1], [0, 3]]\n"
               "cholesky([[[9]], [[16]]]) -> [[[3]], [[4]]]\n"
               "cholesky([[NaN, 0], [0, 1]]) -> [[NaN, 0], [NaN, NaN]]",
    .trials = "d[1,1]; d[3,3]; d[3,3] lower=false; d[2,3,3] lower=false; d[17,17] lower=false; "
              "[0,0]; [0,0] lower=false; d[0,2,2]",
};

const grad_op *const grad__family_linalg_cholesky[] = {
    &grad__op_cholesky, &grad__op_cholesky_lower, NULL,
};
