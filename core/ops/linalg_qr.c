/* linalg_qr.c -- the reduced QR decomposition, by reflections. */
#include <math.h>
#include <string.h>

#include "factor.h"

typedef struct qr_room {
    grad_dtype t;
    int64_t m, n, k;
    void *a, *tau, *work;
} qr_room;

static size_t lay_out(qr_room *to, const grad_call *c, char *base)
{
    grad_room r = {.base = base};
    *to = (qr_room){.t = c->in_dtype[0], .m = grad__rows(c->in[0]), .n = grad__columns(c->in[0]),
                    .k = grad__least(c->in[0])};
    if (to->k == 0) return 0;
    to->a = grad__carve(&r, to->m * to->n, to->t);
    to->tau = grad__carve(&r, to->k, to->t);
    to->work = grad__carve(&r, grad__lapack_qr_work(to->t, to->m, to->n), to->t);
    return r.used;
}

static size_t scratch(const grad_call *c)
{
    qr_room none;
    return lay_out(&none, c, NULL);
}

static double work(const grad_call *c)
{
    return (double)c->in[0]->count * (10 + 4 * (double)grad__least(c->in[0])) +
           1000 * (double)grad__stack_count(c->in[0], 2);
}

static int infer(grad_infer *f)
{
    const grad_shape *A = f->in[0];
    const int64_t most = GRAD_LAPACK_MOST / 64; /* the workspace is a band of as many columns */
    if (grad__infer_matrix(f, 0) < 0) return -1;
    if (grad__columns(A) > most)
        return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, 0, NULL,
                               "a matrix may have at most %lld columns", (long long)most);
    int64_t *dim = grad_infer_list(f, (size_t)A->rank);
    if (!dim) return -1;
    grad_infer_same(f, A);
    memcpy(dim, A->dim, (size_t)A->rank * sizeof *dim);
    f->dim[A->rank - 1] = dim[A->rank - 2] = grad__least(A);
    f->more[0] = (grad_part){f->dtype, A->rank, dim};
    return 0;
}

static void put_r(const qr_room *r, void *to)
{
    for (int64_t i = 0; i < r->k; i++)
        for (int64_t j = 0; j < r->n; j++)
            grad__real_put(r->t, to, i * r->n + j,
                           j < i ? 0 : grad__real_at(r->t, r->a, j * r->m + i));
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t many = grad__stack_count(c->in[0], 2);
    qr_room r;
    lay_out(&r, c, frame->scratch);
    if (!r.a) return 0; /* no rows, or no columns */
    const size_t size = grad_dtype_size(r.t);
    char *q = out, *triangle = q + grad_part_bytes(many * r.m * r.k, r.t);
    for (int64_t i = 0; i < many; i++) {
        const void *A = grad__matrix(in[0], i, r.m * r.n, r.t);
        const bool finite = grad__all_finite(r.t, A, r.m * r.n);
        grad__turn(r.t, r.a, A, r.m, r.n);
        if (finite) grad__lapack_qr(r.t, r.m, r.n, r.a, r.tau, r.work);
        else grad__fill_real(r.t, r.a, r.m * r.n, NAN);
        put_r(&r, triangle);
        if (finite) grad__lapack_qr_q(r.t, r.m, r.n, r.a, r.tau, r.work);
        grad__turn(r.t, q, r.a, r.k, r.m);
        q += (size_t)(r.m * r.k) * size;
        triangle += (size_t)(r.k * r.n) * size;
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* ---- the derivative -------------------------------------------------------------------------- */

static V columns(B *b, V x, int64_t from, int64_t to)
{
    const int64_t axis = -1;
    return v_emit(b, &grad__op_slice, 1, &x, 4,
                  (grad_value[]){grad__list(&from, 1), grad__list(&to, 1), (grad_value)NOTHING,
                                 grad__list(&axis, 1)});
}

/* A = Q R with R square: (gQ + Q C) R⁻ᵀ, where C is the lower triangle of R gRᵀ - gQᵀ Q, mirrored
   upwards. */
static V of_tall(B *b, V q, V r, V gq, V gr)
{
    const grad_triangular back = {.lower = false};
    V m = GRAD_NONE;
    if (gr != GRAD_NONE) m = grad__matmul_t(b, r, gr, false, true);
    if (gq != GRAD_NONE) m = grad__plus(b, m, v_neg(b, grad__matmul_t(b, gq, q, true, false)));
    V mirrored = v_add(b, grad__triangle(b, m, true, 0),
                       grad__turned(b, grad__triangle(b, m, true, -1)));
    V left = grad__plus(b, grad__matmul_t(b, q, mirrored, false, false), gq);
    return grad__turned(b, grad__triangular(b, r, grad__turned(b, left), back));
}

/* Where A is wider than tall, A = [X, Y] and R = [U, W]: X = Q U is as above, and Y = Q W gives Q
   another cotangent, Y gWᵀ. */
static void rule(B *b, const grad_pull *p)
{
    extern const grad_op grad__op_concat;
    V q = grad_part_node(p, 0), r = grad_part_node(p, 1), A = p->in[0];
    V gq = grad_part_cotangent(p, 0), gr = grad_part_cotangent(p, 1);
    if (!wants(p, 0) || v_failed(b)) return;
    const int64_t m = grad__rows(v_shape(b, A)), n = grad__columns(v_shape(b, A));
    if (m >= n) {
        pull(p, 0, of_tall(b, q, r, gq, gr));
        return;
    }
    V gu = GRAD_NONE, of_y, of_x;
    if (gr != GRAD_NONE) {
        V gw = columns(b, gr, m, n);
        gu = columns(b, gr, 0, m);
        of_y = grad__matmul_t(b, q, gw, false, false);
        gq = grad__plus(b, grad__matmul_t(b, columns(b, A, m, n), gw, false, true), gq);
    } else {
        of_y = v_zeros(b, columns(b, A, m, n));
    }
    of_x = of_tall(b, q, columns(b, r, 0, m), gq, gu);
    pull(p, 0, v_emit(b, &grad__op_concat, 2, (V[]){of_x, of_y}, 1, (grad_value[]){INT_(-1)}));
}

const grad_op grad__op_qr = {
    .name = "qr",
    .doc = "The reduced QR decomposition A = Q R: Q has min(m, n) columns of length 1 that are "
           "orthogonal, R is upper triangular. Which signs they have is not laid down.",
    .gradient = "(gQ + Q C) R⁻ᵀ, where C is the lower triangle of R gRᵀ - gQᵀ Q, mirrored "
                "upwards; of a wide A = [X, Y], R = [U, W] it is that for X, with Y gWᵀ added to "
                "gQ, beside Q gW",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .results = grad__two_results,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .rule = rule,
    .example = "qr([[-2, 1], [0, 3]]) -> [[1, 0], [0, 1]]; [[-2, 1], [0, 3]]\n"
               "qr([[3], [4]]) -> [[-0.6], [-0.8]]; [[-5]]\n"
               "qr([[2, 6]]) -> [[1]]; [[2, 6]]\n"
               "qr([[[2]], [[-3]]]) -> [[[1]], [[1]]]; [[[2]], [[-3]]]\n"
               "qr([[NaN, 1], [0, 1]]) -> [[NaN, NaN], [NaN, NaN]]; [[NaN, NaN], [0, NaN]]",
    .trials = "d[1,1]; d[2,2]; d[3,3]; [4,2]; [1,3]; [2,4]; d[2,3,3]; [2,3,1]; [0,0]; [0,3]; "
              "[3,0]; [0,2,2]",
};

const grad_op *const grad__family_linalg_qr[] = {&grad__op_qr, NULL};
