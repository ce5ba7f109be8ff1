/* linalg_pinv.c -- least squares and the pseudoinverse, by singular values.
 *
 * A⁺ b is the shortest x for which |A x - b| is least. Singular values up to max(m, n) epsilon
 * times the largest count as zeros.
 */
#include <float.h>
#include <math.h>

#include "blas.h"
#include "factor.h"

extern const grad_op grad__op_svd_solve;

/* ---- svd_solve ------------------------------------------------------------------------------- */

enum { A_, U_, S_, VH_, B_ };

static int infer(grad_infer *f)
{
    const grad_shape *A = f->in[A_], *y = f->in[B_];
    bool turned = f->attr[0].i != 0;
    if (A->rank < 2 || y->rank < 2 || grad__rows(y) != (turned ? grad__columns(A) : grad__rows(A)))
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, B_, NULL, "b and A differ in rows");
    if (grad__infer_stacks(f, (const int[]){2, 0, 0, 0, 2}) < 0) return -1;
    f->dim[f->rank++] = turned ? grad__rows(A) : grad__columns(A);
    f->dim[f->rank++] = grad__columns(y);
    return 0;
}

static int64_t values(const grad_call *c) { return grad__columns(c->in[S_]); }

static size_t scratch(const grad_call *c)
{
    return grad_part_bytes(values(c) * grad__columns(c->shape), c->dtype);
}

static double work(const grad_call *c)
{
    return 2 * (double)values(c) * ((double)c->shape->count + (double)c->in[B_]->count);
}

/* Row i of x, of n columns, divided by s[i], or zeros where that counts as zero. */
static void divide(const grad_call *c, void *x, const void *s, int64_t n)
{
    const int64_t k = values(c), m = grad__rows(c->in[A_]), w = grad__columns(c->in[A_]);
    const double eps = c->dtype == GRAD_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
    double least = grad__real_at(c->dtype, s, 0) * eps * (double)(m > w ? m : w);
    for (int64_t i = 0; i < k; i++) {
        double by = grad__real_at(c->dtype, s, i);
        for (int64_t j = i * n; j < (i + 1) * n; j++)
            grad__real_put(c->dtype, x, j, by <= least ? 0 : grad__real_at(c->dtype, x, j) / by);
    }
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t m = grad__rows(c->in[A_]), w = grad__columns(c->in[A_]), k = values(c);
    const int64_t n = grad__columns(c->shape), tall = grad__rows(c->shape);
    const bool turned = c->attr[0].i != 0;
    const grad_dtype t = c->dtype;
    const grad_product first = {t, !turned, false, k, n, turned ? w : m};
    const grad_product second = {t, !turned, false, tall, n, k};
    char *to = out;
    grad_stacks at;
    if (k == 0) {
        grad__fill_real(t, out, c->shape->count, 0);
        return 0;
    }
    grad__stacks_begin(&at, c->shape, c->shape->rank - 2);
    grad__stacks_operand(&at, c->in[U_], 2);
    grad__stacks_operand(&at, c->in[B_], 2);
    do {
        const void *u = grad__matrix(in[U_], at.at[0], m * k, t);
        const void *s = grad__matrix(in[S_], at.at[0], k, t);
        const void *vh = grad__matrix(in[VH_], at.at[0], k * w, t);
        const void *y = grad__matrix(in[B_], at.at[1], first.k * n, t);
        if (grad__blas_product(&first, frame->scratch, turned ? vh : u, y, frame) < 0) return -1;
        divide(c, frame->scratch, s, n);
        if (grad__blas_product(&second, to, turned ? u : vh, frame->scratch, frame) < 0) return -1;
        to += (size_t)(tall * n) * grad_dtype_size(t);
    } while (grad__stacks_next(&at));
    return 0;
}

static V apply(B *b, const grad_pull *p, V y, bool turned)
{
    const V in[] = {p->in[A_], p->in[U_], p->in[S_], p->in[VH_], y};
    return v_emit(b, &grad__op_svd_solve, 5, in, 1, (grad_value[]){BOOL_(turned)});
}

/* With P = A⁺ and a rank that does not change,
   dP = -P dA P + P Pᵀ dAᵀ (I - A P) + (I - P A) dAᵀ Pᵀ P. */
static void rule(B *b, const grad_pull *p)
{
    const bool turned = p->attr[0].i != 0;
    V A = p->in[A_], x = p->y, z = apply(b, p, p->g, !turned);
    pull(p, B_, z);
    if (!wants(p, A_)) return;
    V rest = v_sub(b, p->in[B_], grad__matmul_t(b, A, x, turned, false));
    V w = apply(b, p, z, turned), v = apply(b, p, x, !turned);
    V u = v_sub(b, p->g, grad__matmul_t(b, A, z, !turned, false));
    V left[3] = {z, rest, v}, right[3] = {x, w, u}, sum[3];
    for (int i = 0; i < 3; i++)
        sum[i] = turned ? grad__sum_of_outer(b, right[i], left[i], A)
                        : grad__sum_of_outer(b, left[i], right[i], A);
    pull(p, A_, v_add(b, v_sub(b, sum[1], sum[0]), sum[2]));
}

const grad_op grad__op_svd_solve = {
    .name = "svd_solve",
    .doc = "The least squares solution op(A)⁺ b, given svd(A).",
    .gradient = "z = (op(A)⁺)ᵀ g to b; -z yᵀ + (b - A y) (A⁺ z)ᵀ + ((A⁺)ᵀ y) (g - Aᵀ z)ᵀ to A",
    .in = {{.name = "A"}, {.name = "U"}, {.name = "S"}, {.name = "Vh"}, {.name = "b"}},
    .attr = {{.name = "transpose", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .internal = true,
    .rule = rule,
    .example = "svd_solve([[2, 0], [0, 0]], [[1, 0], [0, 1]], [2, 0], [[1, 0], [0, 1]], "
               "[[6], [5]]) -> [[3], [0]]\n"
               "svd_solve([[0, 2]], [[1]], [2], [[0, 1]], [[4], [6]], transpose=true) -> [[3]]",
    /* Factors drawn by chance are not those of A: pinv and lstsq try the rule. */
    .trials = "[0,0] [0,0] [0] [0,0] [0,2]",
};

static V svd_solve(B *b, V A, V y)
{
    V part[3];
    v_emits(b, part, &grad__op_svd, 1, &A, 0, NULL);
    return v_emit(b, &grad__op_svd_solve, 5, (V[]){A, part[0], part[1], part[2], y}, 0, NULL);
}

/* ---- pinv and lstsq -------------------------------------------------------------------------- */

static int pinv_expand(B *b, const grad_args *a, V *out)
{
    V A = a->in[0];
    if (grad__expand_matrix(b, a, 0) < 0) return -1;
    *out = svd_solve(b, A, grad__eye_like(b, A, grad__rows(v_shape(b, A))));
    return 0;
}

const grad_op grad__op_pinv = {
    .name = "pinv",
    .doc = "The pseudoinverse of a matrix, or of each in a stack. Singular values up to max(m, n) "
           "epsilon times the largest count as zeros.",
    .gradient = "-yᵀ g yᵀ + (I - A y) gᵀ y yᵀ + yᵀ y gᵀ (I - y A)",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = pinv_expand,
    .example = "pinv([[2, 0], [0, 4]]) -> [[0.5, 0], [0, 0.25]]\n"
               "pinv([[3, 4]]) -> [[0.12], [0.16]]\n"
               "pinv([[2, 0], [0, 0]]) -> [[0.5, 0], [0, 0]]\n"
               "pinv([[[2]], [[0]]]) -> [[[0.5]], [[0]]]",
    .trials = "d[1,1]; d[3,3]; [1,3]; [3,1]; [4,2]; [2,4]; [2,3,1]; [0,0]; [0,3]; [3,0]; [0,2,2]",
};

static int lstsq_expand(B *b, const grad_args *a, V *out)
{
    grad_right_side r;
    if (grad__expand_matrix(b, a, 0) < 0 || grad__right_side(&r, b, a, true) < 0) return -1;
    *out = grad__left_side(b, &r, svd_solve(b, a->in[0], r.b));
    return 0;
}

const grad_op grad__op_lstsq = {
    .name = "lstsq",
    .doc = "The x for which |A x - b| is least, and of several the shortest. Stacks of A and b "
           "broadcast; b is a vector where it has one axis, or A's shape without the last axis.",
    .gradient = "z = (A⁺)ᵀ g to b; -z xᵀ + (b - A x) (A⁺ z)ᵀ + ((A⁺)ᵀ x) (g - Aᵀ z)ᵀ to A",
    .in = {{.name = "A"}, {.name = "b"}},
    .types = TYPES_REAL,
    .expand = lstsq_expand,
    .example = "lstsq([[1, 0], [0, 2], [0, 0]], [3, 4, 5]) -> [3, 2]\n"
               "lstsq([[1, 1]], [[4, 8]]) -> [[2, 4], [2, 4]]\n"
               "lstsq([[1], [1], [1]], [1, 2, 6]) -> [3]\n"
               "lstsq([[[1], [1]], [[1], [2]]], [[2, 4], [5, 5]]) -> [[3], [3]]",
    .trials = "d[2,2] [2]; [4,2] [4]; [4,2] [4,3]; [2,4] [2]; [2,4] [2,2]; [2,3,1] [2,3]; "
              "[3,1] [2,3,2]; [2,1,3,1] [3,3,2]; [0,0] [0]; [3,0] [3]; [0,3] [0,2]; [3,2] [3,0]",
};

const grad_op *const grad__family_linalg_pinv[] = {
    &grad__op_pinv, &grad__op_lstsq, &grad__op_svd_solve, NULL,
};
