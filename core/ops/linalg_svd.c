/* linalg_svd.c -- singular values and singular vectors.
 *
 * Vectors are computed also where only the values are wanted: another algorithm would give the
 * values other bits.
 */
#include <math.h>
#include <string.h>

#include "factor.h"

enum { MOST = 22000 }; /* beyond this the workspace has more numbers than LAPACK counts */

typedef struct svd_room {
    grad_dtype t;
    int64_t m, n, k;
    void *a, *u, *s, *vh, *work;
    int32_t *iwork;
} svd_room;

static size_t lay_out(svd_room *to, const grad_call *c, char *base)
{
    grad_room r = {.base = base};
    *to = (svd_room){.t = c->in_dtype[0], .m = grad__rows(c->in[0]), .n = grad__columns(c->in[0]),
                     .k = grad__least(c->in[0])};
    if (to->k == 0) return 0;
    to->a = grad__carve(&r, to->m * to->n, to->t);
    to->u = grad__carve(&r, to->m * to->k, to->t);
    to->s = grad__carve(&r, to->k, to->t);
    to->vh = grad__carve(&r, to->k * to->n, to->t);
    to->work = grad__carve(&r, grad__lapack_svd_work(to->t, to->n, to->m), to->t);
    to->iwork = grad__carve(&r, 8 * to->k, GRAD_INT32);
    return r.used;
}

static size_t scratch(const grad_call *c)
{
    svd_room none;
    return lay_out(&none, c, NULL);
}

static double work(const grad_call *c)
{
    double k = (double)grad__least(c->in[0]);
    return (double)c->in[0]->count * (40 + 6 * k) +
           (4000 + 20 * k * k * k) * (double)grad__stack_count(c->in[0], 2);
}

static int infer(grad_infer *f)
{
    const grad_shape *A = f->in[0];
    const int stack = A->rank - 2;
    int64_t *dim[2];
    if (grad__infer_matrix(f, 0) < 0) return -1;
    if (grad__least(A) > MOST)
        return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, 0, NULL,
                               "a matrix may have at most %d singular values", MOST);
    for (int k = 0; k < 2; k++) {
        if (!(dim[k] = grad_infer_list(f, (size_t)A->rank))) return -1;
        memcpy(dim[k], A->dim, (size_t)stack * sizeof *dim[k]);
    }
    grad_infer_same(f, A);
    f->dim[A->rank - 1] = dim[0][stack] = dim[1][stack] = grad__least(A);
    dim[1][stack + 1] = grad__columns(A);
    f->more[0] = (grad_part){f->dtype, stack + 1, dim[0]};
    f->more[1] = (grad_part){f->dtype, stack + 2, dim[1]};
    return 0;
}

static size_t three(const grad_value *attr)
{
    (void)attr;
    return 3;
}

static bool decompose(const svd_room *r, const void *A)
{
    if (!grad__all_finite(r->t, A, r->m * r->n)) {
        grad__fill_real(r->t, r->u, r->m * r->k, NAN);
        grad__fill_real(r->t, r->s, r->k, NAN);
        grad__fill_real(r->t, r->vh, r->k * r->n, NAN);
        return true;
    }
    memcpy(r->a, A, (size_t)(r->m * r->n) * grad_dtype_size(r->t));
    /* Read column by column it is turned, and so are the results: U is V, and Vh is Uᵀ. */
    return grad__lapack_svd(r->t, r->n, r->m, r->a, r->s, r->vh, r->u, r->work, r->iwork) == 0;
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *A = c->in[0];
    const int64_t many = grad__stack_count(A, 2);
    svd_room r;
    lay_out(&r, c, frame->scratch);
    if (!r.a) return 0; /* no rows, or no columns */
    const size_t size = grad_dtype_size(r.t), of_u = (size_t)(r.m * r.k) * size,
                 of_s = (size_t)r.k * size, of_vh = (size_t)(r.k * r.n) * size;
    char *u = out, *s = u + grad_part_bytes(many * r.m * r.k, r.t);
    char *vh = s + grad_part_bytes(many * r.k, r.t), *end = (char *)out + c->shape->count * 8;
    for (int64_t i = 0; i < many; i++, u += of_u, s += of_s, vh += of_vh) {
        if (!decompose(&r, grad__matrix(in[0], i, r.m * r.n, r.t)))
            return grad__bad_matrix(frame, GRAD_NO_CONVERGENCE, A, A->rank - 2, i,
                                    "has singular values that were not found");
        memcpy(u, r.u, of_u);
        if (s < end) memcpy(s, r.s, of_s);
        if (vh < end) memcpy(vh, r.vh, of_vh);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* ---- the derivative -------------------------------------------------------------------------- */

/* (X - Xᵀ) / E, for X = xᵀ y or x yᵀ */
static V turning(B *b, V x, V y, bool of_rows, V E)
{
    V m = grad__matmul_t(b, x, y, !of_rows, of_rows);
    return v_div(b, v_sub(b, m, grad__turned(b, m)), E);
}

/* U M Vh, M = diag(gS) + (Uᵀ gU - …) / E S + S (Vh gVhᵀ - …) / E with E[i][j] = s[j]² - s[i]²; and
   what gU and gVh have outside of the spaces that U and Vh span, divided by S. */
static void rule(B *b, const grad_pull *p)
{
    V u = grad_part_node(p, 0), s = grad_part_node(p, 1), vh = grad_part_node(p, 2);
    V gu = grad_part_cotangent(p, 0), gs = grad_part_cotangent(p, 1);
    V gv = grad_part_cotangent(p, 2), middle = GRAD_NONE, sum = GRAD_NONE;
    if (!wants(p, 0) || v_failed(b)) return;
    const grad_shape *A = v_shape(b, p->in[0]);
    int64_t m = grad__rows(A), n = grad__columns(A), k = grad__least(A);
    if (gu == GRAD_NONE && gv == GRAD_NONE) {
        pull(p, 0, grad__matmul_t(b, v_mul(b, u, grad__as_row(b, gs)), vh, false, false));
        return;
    }
    V row = grad__as_row(b, s), column = grad__as_column(b, s), eye = grad__eye_like(b, s, k);
    V E = v_add(b, v_mul(b, v_sub(b, row, column), v_add(b, row, column)), eye);
    if (gu != GRAD_NONE) middle = v_mul(b, turning(b, u, gu, false, E), row);
    if (gv != GRAD_NONE)
        middle = grad__plus(b, middle, v_mul(b, turning(b, vh, gv, true, E), column));
    if (gs != GRAD_NONE) middle = grad__plus(b, middle, v_mul(b, eye, grad__as_row(b, gs)));
    V left = grad__matmul_t(b, u, middle, false, false);
    if (m > k && gu != GRAD_NONE) {
        V inside = grad__matmul_t(b, u, grad__matmul_t(b, u, gu, true, false), false, false);
        left = v_add(b, left, v_div(b, v_sub(b, gu, inside), row));
    }
    sum = grad__matmul_t(b, left, vh, false, false);
    if (n > k && gv != GRAD_NONE) {
        V inside = grad__matmul_t(b, grad__matmul_t(b, gv, vh, false, true), vh, false, false);
        V right = v_div(b, v_sub(b, gv, inside), column);
        sum = v_add(b, sum, grad__matmul_t(b, u, right, false, false));
    }
    pull(p, 0, sum);
}

const grad_op grad__op_svd = {
    .name = "svd",
    .doc = "The reduced singular value decomposition A = U diag(S) Vh: the columns of U and the "
           "rows of Vh are of length 1 and orthogonal, S is descending. Which sign a pair of "
           "vectors has is not laid down.",
    .gradient = "U (diag(gS) + (Uᵀ gU - gUᵀ U)/E S + S (Vh gVhᵀ - gVh Vhᵀ)/E) Vh with E[i][j] = "
                "S[j]² - S[i]², plus what gU and gVh have outside of the spaces of U and Vh, "
                "divided by S; not finite where vectors of equal singular values were used",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .results = three,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .trims = true,
    .checks = 1,
    .rule = rule,
    .example = "svd([[-3]]) -> [[1]]; [3]; [[-1]]\n"
               "svd([[[2]], [[0]]]) -> [[[1]], [[1]]]; [[2], [0]]; [[[1]], [[1]]]\n"
               "svd([[NaN, 1]]) -> [[NaN]]; [NaN]; [[NaN, NaN]]",
    .trials = "[1,1]; [2,2]; [3,3]; [4,2]; [2,4]; [2,3,3]; [2,3,2]; [0,0]; [0,3]; [3,0]; [0,2,2]",
};

static int svdvals_expand(B *b, const grad_args *a, V *out)
{
    V part[3];
    if (grad__expand_matrix(b, a, 0) < 0) return -1;
    v_emits(b, part, &grad__op_svd, 1, a->in, 0, NULL);
    *out = part[1];
    return 0;
}

const grad_op grad__op_svdvals = {
    .name = "svdvals",
    .doc = "The singular values of a matrix, or of each in a stack, in descending order.",
    .gradient = "U diag(g) Vh",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = svdvals_expand,
    .example = "svdvals([[3, 0], [0, -4]]) -> [4, 3]\n"
               "svdvals([[3, 4]]) -> [5]\n"
               "svdvals([[[2]], [[-7]]]) -> [[2], [7]]\n"
               "svdvals([[1, 0], [0, 1]]) -> [1, 1]",
    .trials = "[1,1]; [2,2]; [3,3]; [4,2]; [2,4]; [2,3,3]; [0,0]; [0,3]; [3,0]; [0,2,2]",
};

const grad_op *const grad__family_linalg_svd[] = {&grad__op_svd, &grad__op_svdvals, NULL};
