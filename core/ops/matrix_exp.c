/* matrix_exp.c -- the exponential of a matrix, and its derivative in a direction.
 *
 * The derivative in the direction E is the upper right block of exp [[A, E], [0, A]]. All is
 * computed in float64.
 */
#include <math.h>
#include <string.h>

#include "factor.h"

extern const grad_op grad__op_matrix_exp_along, grad__op_concat;

/* ---- matrix_exp ------------------------------------------------------------------------------ */

static int infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    grad_infer_same(f, f->in[0]);
    return 0;
}

static size_t scratch(const grad_call *c)
{
    grad_expm none;
    return grad__expm_room(&none, grad__rows(c->in[0]), NULL);
}

static double work(const grad_call *c)
{
    return (double)c->shape->count * (50 + 30 * (double)grad__rows(c->in[0])) +
           1000 * (double)grad__stack_count(c->in[0], 2);
}

static int kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t n = grad__rows(c->in[0]), many = grad__stack_count(c->in[0], 2), all = n * n;
    double *y;
    for (int64_t i = 0; i < many; i++) {
        grad_expm e = {.frame = frame};
        grad__expm_room(&e, n, frame->scratch);
        y = e.power[0];
        for (int64_t k = 0; k < all; k++) y[k] = grad__real_at(c->dtype, in[0], i * all + k);
        if (n == 1)
            y[0] = exp(y[0]);
        else if (!grad__all_finite(GRAD_FLOAT64, y, all))
            grad__fill_real(GRAD_FLOAT64, y, all, NAN);
        else if (grad__expm(&e, &y) < 0) return -1;
        for (int64_t k = 0; k < all; k++) grad__real_put(c->dtype, out, i * all + k, y[k]);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static V along(B *b, V A, V E)
{
    return v_emit(b, &grad__op_matrix_exp_along, 2, (V[]){A, E}, 0, NULL);
}

static void rule(B *b, const grad_pull *p)
{
    pull(p, 0, along(b, grad__turned(b, p->in[0]), p->g));
}

const grad_op grad__op_matrix_exp = {
    .name = "matrix_exp",
    .doc = "I + A + A²/2 + A³/6 + …, the exponential of a square matrix, or of each in a stack.",
    .gradient = "the derivative of exp at Aᵀ in the direction g",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = kernel,
    .scratch = scratch,
    .work = work,
    .rule = rule,
    .example = "matrix_exp([[0, 1], [0, 0]]) -> [[1, 1], [0, 1]]\n"
               "matrix_exp([[0, 0], [0, 0]]) -> [[1, 0], [0, 1]]\n"
               "matrix_exp([[1]]) -> [[2.718281828459045]]\n"
               "matrix_exp([[0, -1], [1, 0]]) -> [[0.5403023058681398, -0.8414709848078965], "
               "[0.8414709848078965, 0.5403023058681398]]\n"
               "matrix_exp([[[-Infinity]], [[2]]]) -> [[[0]], [[7.38905609893065]]]\n"
               "matrix_exp([[NaN, 0], [0, 0]]) -> [[NaN, NaN], [NaN, NaN]]",
    .trials = "[1,1]; [2,2]; [3,3]; [2,2,2]; [0,0]; [0,2,2]",
};

/* ---- matrix_exp_along ------------------------------------------------------------------------ */

static int along_infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    if (f->in[1]->id != f->in[0]->id)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "E has not the shape of A");
    grad_infer_same(f, f->in[0]);
    return 0;
}

static size_t along_scratch(const grad_call *c)
{
    grad_expm none;
    return grad__expm_room(&none, 2 * grad__rows(c->in[0]), NULL);
}

static double along_work(const grad_call *c)
{
    return 8 * work(c);
}

/* The result is linear in E, which is brought to about the size of A so that it does not decide on
   the scaling: by a power of two, which is returned. */
static int fill_blocks(grad_expm *e, grad_dtype t, const void *A, const void *E, int64_t n)
{
    double of_a = 0, of_e = 0;
    for (int64_t i = 0; i < n * n; i++) {
        of_a = fmax(of_a, fabs(grad__real_at(t, A, i)));
        of_e = fmax(of_e, fabs(grad__real_at(t, E, i)));
    }
    int power = of_e > 0 ? ilogb(of_e) - (of_a > 0 ? ilogb(of_a) : -8) : 0;
    memset(e->power[0], 0, (size_t)(4 * n * n) * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double a = grad__real_at(t, A, i * n + j), x = grad__real_at(t, E, i * n + j);
            e->power[0][i * 2 * n + j] = e->power[0][(i + n) * 2 * n + n + j] = a;
            e->power[0][i * 2 * n + n + j] = ldexp(x, -power);
        }
    return power;
}

static int along_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t n = grad__rows(c->in[0]), many = grad__stack_count(c->in[0], 2), all = n * n;
    for (int64_t i = 0; i < many; i++) {
        grad_expm e = {.frame = frame};
        const void *A = grad__matrix(in[0], i, all, c->dtype);
        const void *E = grad__matrix(in[1], i, all, c->dtype);
        double *y = NULL;
        int power = 0;
        grad__expm_room(&e, 2 * n, frame->scratch);
        if (n == 1) {
            double a = grad__real_at(c->dtype, A, 0);
            grad__real_put(c->dtype, out, i, grad__real_at(c->dtype, E, 0) * exp(a));
            continue;
        }
        if (grad__all_finite(c->dtype, A, all) && grad__all_finite(c->dtype, E, all)) {
            power = fill_blocks(&e, c->dtype, A, E, n);
            if (grad__expm(&e, &y) < 0) return -1;
        }
        for (int64_t k = 0; k < all; k++)
            grad__real_put(c->dtype, out, i * all + k,
                           y ? ldexp(y[k / n * 2 * n + n + k % n], power) : NAN);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static V block(B *b, V x, int row, int column, int64_t n)
{
    const int64_t from[2] = {row * n, column * n}, to[2] = {(row + 1) * n, (column + 1) * n};
    const int64_t axes[2] = {-2, -1};
    return v_emit(b, &grad__op_slice, 1, &x, 4,
                  (grad_value[]){grad__list(from, 2), grad__list(to, 2), (grad_value)NOTHING,
                                 grad__list(axes, 2)});
}

static V joined(B *b, V x, V y, int64_t axis)
{
    return v_emit(b, &grad__op_concat, 2, (V[]){x, y}, 1, (grad_value[]){INT_(axis)});
}

/* y is the upper right block of exp(M), M = [[A, E], [0, A]]: the gradient of M is the derivative
   of exp at Mᵀ in the direction [[0, g], [0, 0]]. */
static void along_rule(B *b, const grad_pull *p)
{
    V A = p->in[0], E = p->in[1];
    if (!wants(p, 0)) {
        pull(p, 1, along(b, grad__turned(b, A), p->g));
        return;
    }
    if (v_failed(b)) return;
    const int64_t n = grad__rows(v_shape(b, A));
    V zero = v_zeros(b, A);
    V M = joined(b, joined(b, A, E, -1), joined(b, zero, A, -1), -2);
    V G = joined(b, joined(b, zero, p->g, -1), joined(b, zero, zero, -1), -2);
    V of_M = along(b, grad__turned(b, M), G);
    pull(p, 0, v_add(b, block(b, of_M, 0, 0, n), block(b, of_M, 1, 1, n)));
    pull(p, 1, block(b, of_M, 0, 1, n));
}

const grad_op grad__op_matrix_exp_along = {
    .name = "matrix_exp_along",
    .doc = "The derivative of matrix_exp at A in the direction E.",
    .gradient = "matrix_exp_along(Aᵀ, g) to E; the blocks of matrix_exp_along([[A, E], [0, A]]ᵀ, "
                "[[0, g], [0, 0]]) on the diagonal to A",
    .in = {{.name = "A"}, {.name = "E"}},
    .types = TYPES_REAL,
    .infer = along_infer,
    .kernel = along_kernel,
    .scratch = along_scratch,
    .work = along_work,
    .internal = true,
    .rule = along_rule,
    .example = "matrix_exp_along([[0]], [[3]]) -> [[3]]\n"
               "matrix_exp_along([[0, 0], [0, 0]], [[1, 2e10], [3, 4]]) -> [[1, 2e10], [3, 4]]\n"
               "matrix_exp_along([[0, 1], [0, 0]], [[0, 0], [0, 2]]) -> [[0, 1], [0, 2]]",
    .trials = "[1,1] [1,1]; [2,2] [2,2]; [2,2,2] [2,2,2]; [0,0] [0,0]; [0,2,2] [0,2,2]",
};

const grad_op *const grad__family_matrix_exp[] = {
    &grad__op_matrix_exp,
    &grad__op_matrix_exp_along,
    NULL,
};
