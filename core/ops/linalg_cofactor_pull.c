/* linalg_cofactor_pull.c -- the second derivative of the determinant: the gradient of cofactors.
 *
 * It is a polynomial of the entries, and computed from the singular values, without a division.
 */
#include <math.h>
#include <string.h>

#include "blas.h"
#include "factor.h"

extern const grad_op grad__op_cofactor_pull, grad__op_det_of;

/* Everything that the gradient of one matrix' cofactors takes. */
typedef struct by_values {
    grad_dtype t;
    int64_t n;
    char *a, *s, *u, *vh, *work, *x, *y;
    int32_t *integers;
    double *before;
} by_values;

static size_t lay_out(by_values *v, const grad_call *c, char *base)
{
    int64_t n = v->n = grad__rows(c->in[0]);
    grad_dtype t = v->t = c->dtype;
    grad_room r = {.base = base};
    v->a = grad__carve(&r, n * n, t);
    v->s = grad__carve(&r, n, t);
    v->u = grad__carve(&r, n * n, t);
    v->vh = grad__carve(&r, n * n, t);
    v->x = grad__carve(&r, n * n, t);
    v->y = grad__carve(&r, n * n, t);
    v->integers = grad__carve(&r, 8 * n, GRAD_INT32);
    v->before = grad__carve(&r, n + 1, GRAD_FLOAT64);
    v->work = grad__carve(&r, n ? grad__lapack_svd_work(t, n, n) : 0, t);
    return r.used;
}

static size_t pull_scratch(const grad_call *c)
{
    by_values none;
    return lay_out(&none, c, NULL);
}

static double pull_work(const grad_call *c)
{
    return (double)c->shape->count * (40 + 30 * (double)grad__rows(c->in[0])) +
           5000 * (double)grad__stack_count(c->in[0], 2);
}

/* Is the determinant of the orthogonal matrix q, which is lost here, -1? */
static bool turns_over(by_values *v, void *q)
{
    bool odd = false;
    grad__lapack_lu(v->t, v->n, q, v->integers);
    for (int64_t i = 0; i < v->n; i++)
        odd ^= (v->integers[i] != i + 1) ^ (grad__real_at(v->t, q, i * (v->n + 1)) < 0);
    return odd;
}

static int multiply(by_values *v, void *y, const void *a, const void *x, bool turn_a, bool turn_x,
                    grad_frame *frame)
{
    const grad_product p = {v->t, turn_a, turn_x, v->n, v->n, v->n};
    return grad__blas_product(&p, y, a, x, frame);
}

/* In the basis of the singular vectors: with c[i][j] the product of all singular values but two,
   K[j][j] is the sum over i of c[i][j] G[i][i], and K[i][j] is -c[i][j] G[j][i]. G in x, K in y. */
static void in_their_basis(by_values *v)
{
    int64_t n = v->n;
    double *before = v->before;
    grad__fill_real(v->t, v->y, n * n, 0);
    for (int64_t i = 0; i < n; i++) {
        double after = 1, own = grad__real_at(v->t, v->x, i * (n + 1));
        before[0] = 1;
        for (int64_t k = 0; k < n; k++)
            before[k + 1] = k == i ? before[k] : before[k] * grad__real_at(v->t, v->s, k);
        for (int64_t j = n; j-- > 0;) {
            if (j == i) continue;
            double c = before[j] * after, on = grad__real_at(v->t, v->y, j * (n + 1));
            after *= grad__real_at(v->t, v->s, j);
            grad__real_put(v->t, v->y, j * (n + 1), on + c * own);
            grad__real_put(v->t, v->y, i * n + j, -c * grad__real_at(v->t, v->x, j * n + i));
        }
    }
}

static int pull_one(by_values *v, const grad_call *c, int64_t number, void *to, const void *A,
                    const void *g, grad_frame *frame)
{
    const size_t bytes = (size_t)(v->n * v->n) * grad_dtype_size(v->t);
    if (!grad__all_finite(v->t, A, v->n * v->n)) {
        grad__fill_real(v->t, to, v->n * v->n, NAN);
        return 0;
    }
    memcpy(v->a, A, bytes);
    /* Turned, since it is read column by column: U is what comes out as Vh. */
    if (grad__lapack_svd(v->t, v->n, v->n, v->a, v->s, v->vh, v->u, v->work, v->integers) != 0)
        return grad__bad_matrix(frame, GRAD_NO_CONVERGENCE, c->in[0], c->in[0]->rank - 2, number,
                                "has singular values that were not found");
    memcpy(v->x, g, bytes);
    if (multiply(v, v->a, v->u, v->x, true, false, frame) < 0 ||
        multiply(v, v->x, v->a, v->vh, false, true, frame) < 0)
        return -1;
    in_their_basis(v);
    if (multiply(v, v->a, v->u, v->y, false, false, frame) < 0 ||
        multiply(v, v->x, v->a, v->vh, false, false, frame) < 0)
        return -1;
    if (turns_over(v, v->u) != turns_over(v, v->vh))
        for (int64_t i = 0; i < v->n * v->n; i++)
            grad__real_put(v->t, v->x, i, -grad__real_at(v->t, v->x, i));
    memcpy(to, v->x, bytes);
    return 0;
}

static int pull_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    by_values v;
    const int64_t many = grad__stack_count(c->in[0], 2);
    lay_out(&v, c, frame->scratch);
    for (int64_t i = 0; i < many; i++) {
        size_t at = (size_t)(i * v.n * v.n) * grad_dtype_size(v.t);
        if (pull_one(&v, c, i, (char *)out + at, (const char *)in[0] + at,
                     (const char *)in[1] + at, frame) < 0)
            return -1;
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static V cofactor_pull(B *b, V A, V g)
{
    return v_emit(b, &grad__op_cofactor_pull, 2, (V[]){A, g}, 0, NULL);
}

static V inner(B *b, V x, V y)
{
    int rank = v_rank(b, x);
    return v_sum(b, v_mul(b, x, y), (int64_t[]){rank - 2, rank - 1}, 2, true);
}

/* With M = A⁻ᵀ and d = det(A), y is d (<g, M> M - M gᵀ M); differentiated as it stands, where A has
   an inverse. k is the cotangent, g the operand. */
static void pull_rule(B *b, const grad_pull *p)
{
    V A = p->in[0], g = p->in[1], k = p->g;
    pull(p, 1, cofactor_pull(b, A, k));
    if (!wants(p, 0)) return;
    const grad_lu lu = grad__lu(b, A);
    V d = grad__as_matrix(b, v_emit(b, &grad__op_det_of, 3, (V[]){A, lu.factors, lu.pivots}, 0,
                                    NULL));
    V M = grad__lu_solve(b, &lu, grad__eye_like(b, A, grad__rows(v_shape(b, A))), true, false);
    V mg = grad__matmul_t(b, M, g, false, true), mk = grad__matmul_t(b, M, k, false, true);
    V mgm = grad__matmul_t(b, mg, M, false, false), mkm = grad__matmul_t(b, mk, M, false, false);
    V once = v_add(b, v_mul(b, inner(b, k, M), mgm), v_mul(b, inner(b, g, M), mkm));
    V twice = v_add(b, grad__matmul_t(b, mg, mkm, false, false),
                    grad__matmul_t(b, mk, mgm, false, false));
    pull(p, 0, v_add(b, v_mul(b, inner(b, k, p->y), M), v_mul(b, d, v_sub(b, twice, once))));
}

static int pull_infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    if (f->in[1]->id != f->in[0]->id)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "g has not the shape of A");
    grad_infer_same(f, f->in[0]);
    return 0;
}

const grad_op grad__op_cofactor_pull = {
    .name = "cofactor_pull",
    .doc = "The gradient with respect to A of the sum of g times A's cofactors.",
    .gradient = "cofactor_pull(A, g') to g; to A as of det(A) (<g, M> M - M gᵀ M), M = A⁻ᵀ",
    .in = {{.name = "A"}, {.name = "g"}},
    .types = TYPES_REAL,
    .infer = pull_infer,
    .kernel = pull_kernel,
    .scratch = pull_scratch,
    .work = pull_work,
    .internal = true,
    .checks = 1,
    .rule = pull_rule,
    .example = "cofactor_pull([[5, 6], [7, 8]], [[1, 2], [3, 4]]) -> [[4, -3], [-2, 1]]\n"
               "cofactor_pull([[0]], [[2]]) -> [[0]]\n"
               "cofactor_pull([[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 2], [0, 3, 4]])"
               " -> [[0, 0, 0], [0, 4, -3], [0, -2, 1]]",
    .trials = "[1,1] [1,1]; d[2,2] [2,2]; d[3,3] [3,3]; d[4,4] [4,4]; d[2,3,3] [2,3,3]; "
              "[0,0] [0,0]; [0,2,2] [0,2,2]",
};

const grad_op *const grad__family_linalg_cofactor_pull[] = {&grad__op_cofactor_pull, NULL};
