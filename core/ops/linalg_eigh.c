/* linalg_eigh.c -- eigenvalues and eigenvectors of symmetric matrices.
 *
 * The vectors are computed also where only the values are wanted: another algorithm would give the
 * values other bits.
 */
#include <math.h>
#include <string.h>

#include "factor.h"

enum { MOST = 32766 }; /* beyond this the workspace has more numbers than LAPACK counts */

typedef struct eigh_room {
    grad_dtype t;
    int64_t n;
    void *a, *w, *work;
    int32_t *iwork;
} eigh_room;

static size_t lay_out(eigh_room *to, const grad_call *c, char *base)
{
    int64_t work, iwork;
    grad_room r = {.base = base};
    *to = (eigh_room){.t = c->in_dtype[0], .n = grad__rows(c->in[0])};
    grad__lapack_eigh_work(to->n, &work, &iwork);
    to->a = grad__carve(&r, to->n * to->n, to->t);
    to->w = grad__carve(&r, to->n, to->t);
    to->work = grad__carve(&r, work, to->t);
    to->iwork = grad__carve(&r, iwork, GRAD_INT32);
    return r.used;
}

static size_t scratch(const grad_call *c)
{
    eigh_room none;
    return lay_out(&none, c, NULL);
}

static double work(const grad_call *c)
{
    return (double)c->in[0]->count * (20 + 12 * (double)grad__rows(c->in[0])) +
           2000 * (double)grad__stack_count(c->in[0], 2);
}

static int infer(grad_infer *f)
{
    const grad_shape *A = f->in[0];
    if (grad__infer_square(f, 0) < 0) return -1;
    if (grad__rows(A) > MOST)
        return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, 0, NULL,
                               "a matrix may have at most %d rows", MOST);
    int64_t *dim = grad_infer_list(f, (size_t)A->rank);
    if (!dim) return -1;
    memcpy(dim, A->dim, (size_t)A->rank * sizeof *dim);
    grad_infer_same(f, A);
    f->rank--;
    f->more[0] = (grad_part){f->dtype, A->rank, dim};
    return 0;
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *A = c->in[0];
    const int64_t many = grad__stack_count(A, 2);
    eigh_room r;
    lay_out(&r, c, frame->scratch);
    const size_t row = (size_t)r.n * grad_dtype_size(r.t);
    const size_t of_values = grad_part_bytes(many * r.n, r.t);
    const bool vectors_too = (size_t)c->shape->count * 8 > of_values;
    char *values = out, *vectors = values + of_values;
    for (int64_t i = 0; i < many && r.n > 0; i++, values += row, vectors += row * (size_t)r.n) {
        grad__symmetrise(r.t, r.a, grad__matrix(in[0], i, r.n * r.n, r.t), r.n);
        if (!grad__all_finite(r.t, r.a, r.n * r.n)) {
            grad__fill_real(r.t, r.a, r.n * r.n, NAN);
            grad__fill_real(r.t, r.w, r.n, NAN);
        } else if (grad__lapack_eigh(r.t, r.n, r.a, r.w, r.work, r.iwork) != 0) {
            return grad__bad_matrix(frame, GRAD_NO_CONVERGENCE, A, A->rank - 2, i,
                                    "has eigenvalues that were not found");
        }
        memcpy(values, r.w, row);
        if (vectors_too) grad__turn(r.t, vectors, r.a, r.n, r.n); /* they are columns */
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* V (diag(g) + (Vᵀ G) / D) Vᵀ made symmetric, D being the differences of the eigenvalues, off the
   diagonal; the second term only where the vectors were used. */
static void rule(B *b, const grad_pull *p)
{
    V g = grad_part_cotangent(p, 0), G = grad_part_cotangent(p, 1);
    V w = grad_part_node(p, 0), v = grad_part_node(p, 1), middle = GRAD_NONE, left;
    if (!wants(p, 0)) return;
    if (G != GRAD_NONE) {
        V eye = grad__eye_like(b, v, grad__rows(v_shape(b, v)));
        V d = v_sub(b, grad__as_row(b, w), grad__as_column(b, w));
        V off = v_sub(b, v_num(b, v, 1), eye);
        middle = v_div(b, v_mul(b, grad__matmul_t(b, v, G, true, false), off), v_add(b, d, eye));
        if (g != GRAD_NONE) middle = v_add(b, middle, v_mul(b, eye, grad__as_row(b, g)));
        left = grad__matmul_t(b, v, middle, false, false);
    } else {
        left = v_mul(b, v, grad__as_row(b, g));
    }
    pull(p, 0, grad__symmetric(b, grad__matmul_t(b, left, v, false, true)));
}

const grad_op grad__op_eigh = {
    .name = "eigh",
    .doc = "The eigenvalues of (A + Aᵀ)/2 in ascending order, and the eigenvectors of length 1 as "
           "the columns of a matrix V: (A + Aᵀ)/2 = V diag(values) Vᵀ. Which sign a vector has is "
           "not laid down.",
    .gradient = "V (diag(g) + Vᵀ G / D) Vᵀ made symmetric, with D[i][j] = values[j] - values[i] "
                "off the diagonal; not finite where vectors of equal eigenvalues were used",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .results = grad__two_results,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .trims = true,
    .checks = 1,
    .rule = rule,
    .example = "eigh([[2, 0], [0, 1]]) -> [1, 2]; [[0, 1], [1, 0]]\n"
               "eigh([[5]]) -> [5]; [[1]]\n"
               "eigh([[[3]], [[-4]]]) -> [[3], [-4]]; [[[1]], [[1]]]\n"
               "eigh([[NaN, 0], [0, 1]]) -> [NaN, NaN]; [[NaN, NaN], [NaN, NaN]]",
    .trials = "[1,1]; [2,2]; [3,3]; [4,4]; [2,3,3]; [0,0]; [0,2,2]; [2,0,0]",
};

static int eigvalsh_expand(B *b, const grad_args *a, V *out)
{
    V part[2];
    if (grad__expand_square(b, a, 0) < 0) return -1;
    v_emits(b, part, &grad__op_eigh, 1, a->in, 0, NULL);
    *out = part[0];
    return 0;
}

const grad_op grad__op_eigvalsh = {
    .name = "eigvalsh",
    .doc = "The eigenvalues of (A + Aᵀ)/2 in ascending order.",
    .gradient = "V diag(g) Vᵀ, with the eigenvectors as the columns of V",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = eigvalsh_expand,
    .example = "eigvalsh([[2, 0], [0, 1]]) -> [1, 2]\n"
               "eigvalsh([[0, 2], [2, 3]]) -> [-1, 4]\n"
               "eigvalsh([[0, 4], [0, 3]]) -> [-1, 4]\n"
               "eigvalsh([[1, 0], [0, 1]]) -> [1, 1]",
    .trials = "[1,1]; [2,2]; [3,3]; [5,5]; [2,3,3]; [0,0]; [0,2,2]",
};

const grad_op *const grad__family_linalg_eigh[] = {&grad__op_eigh, &grad__op_eigvalsh, NULL};
