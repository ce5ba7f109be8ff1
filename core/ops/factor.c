/* factor.c -- stacks of matrices: counting through them, turning, checking, complaining. */
#include "factor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- stacks ---------------------------------------------------------------------------------- */

int64_t grad__stack_count(const grad_shape *x, int core)
{
    return grad__dims_product(x->rank - core, x->dim);
}

void grad__stacks_begin(grad_stacks *s, const grad_shape *y, int rank)
{
    memset(s, 0, sizeof *s);
    s->rank = rank;
    s->dim = y->dim;
}

void grad__stacks_operand(grad_stacks *s, const grad_shape *x, int core)
{
    int64_t step = 1, *of = s->step[s->operands++];
    for (int i = 1; i <= x->rank - core; i++) {
        int64_t size = x->dim[x->rank - core - i];
        of[s->rank - i] = size == 1 ? 0 : step;
        step *= size;
    }
}

bool grad__stacks_next(grad_stacks *s)
{
    s->number++;
    for (int i = s->rank - 1; i >= 0; i--) { /* as an odometer counts */
        bool carry = ++s->place[i] == s->dim[i];
        for (int k = 0; k < s->operands; k++)
            s->at[k] += carry ? s->step[k][i] * (1 - s->dim[i]) : s->step[k][i];
        if (!carry) return true;
        s->place[i] = 0;
    }
    return false;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* x - x is 0, or NaN where x is not finite. */
#define SCANS(T, name)                                                                            \
    static bool finite_##name(const T *x, int64_t n)                                              \
    {                                                                                             \
        int found = 0;                                                                            \
        for (int64_t i = 0; i < n; i++) found |= x[i] - x[i] != 0;                                \
        return !found;                                                                            \
    }                                                                                             \
    static bool nan_##name(const T *x, int64_t n)                                                 \
    {                                                                                             \
        int found = 0;                                                                            \
        for (int64_t i = 0; i < n; i++) found |= x[i] != x[i];                                    \
        return found;                                                                             \
    }                                                                                             \
    static void turn_##name(T *restrict y, const T *restrict x, int64_t m, int64_t n)             \
    {                                                                                             \
        enum { TILE = 16 };                                                                       \
        for (int64_t i0 = 0; i0 < m; i0 += TILE)                                                  \
            for (int64_t j0 = 0; j0 < n; j0 += TILE)                                              \
                for (int64_t i = i0; i < m && i < i0 + TILE; i++)                                 \
                    for (int64_t j = j0; j < n && j < j0 + TILE; j++)                             \
                        y[j * m + i] = x[i * n + j];                                              \
    }                                                                                             \
    static void symmetrise_##name(T *restrict y, const T *restrict x, int64_t n)                  \
    {                                                                                             \
        enum { TILE = 16 };                                                                       \
        for (int64_t i0 = 0; i0 < n; i0 += TILE)                                                  \
            for (int64_t j0 = 0; j0 <= i0; j0 += TILE)                                            \
                for (int64_t i = i0; i < n && i < i0 + TILE; i++)                                 \
                    for (int64_t j = j0; j <= i && j < j0 + TILE; j++)                            \
                        y[i * n + j] = y[j * n + i] =                                             \
                            x[i * n + j] * (T)0.5 + x[j * n + i] * (T)0.5;                        \
    }
SCANS(double, f64)
SCANS(float, f32)

bool grad__all_finite(grad_dtype t, const void *x, int64_t n)
{
    return t == GRAD_FLOAT64 ? finite_f64(x, n) : finite_f32(x, n);
}

bool grad__any_nan(grad_dtype t, const void *x, int64_t n)
{
    return t == GRAD_FLOAT64 ? nan_f64(x, n) : nan_f32(x, n);
}

void grad__turn(grad_dtype t, void *y, const void *x, int64_t m, int64_t n)
{
    if (t == GRAD_FLOAT64) turn_f64(y, x, m, n);
    else turn_f32(y, x, m, n);
}

void grad__symmetrise(grad_dtype t, void *y, const void *x, int64_t n)
{
    if (t == GRAD_FLOAT64) symmetrise_f64(y, x, n);
    else symmetrise_f32(y, x, n);
}

void grad__fill_real(grad_dtype t, void *x, int64_t n, double value)
{
    for (int64_t i = 0; i < n; i++) grad__real_put(t, x, i, value);
}

/* ---- complaints ------------------------------------------------------------------------------ */

int grad__bad_matrix(grad_frame *frame, grad_code code, const grad_shape *x, int rank,
                     int64_t number, const char *what)
{
    int64_t place[GRAD_RANK_MAX];
    char where[96] = "";
    if (frame->err->code != GRAD_OK) return -1;
    for (int d = rank - 1; d >= 0; number /= x->dim[d--]) place[d] = number % x->dim[d];
    if (rank == 1) snprintf(where, sizeof where, "%lld", (long long)place[0]);
    else if (rank > 1) grad__dims_text(where, rank, place);
    if (rank) grad_fail(frame->err, code, "matrix %s of the batch %s", where, what);
    else grad_fail(frame->err, code, "the matrix %s", what);
    frame->err->input = 0;
    return -1;
}

static const char *why_no_matrix(const grad_shape *s, bool square)
{
    if (s->rank < 2) return "a matrix, or a stack of matrices";
    if (square && grad__rows(s) != grad__columns(s)) return "a square matrix, or a stack of them";
    if (grad__rows(s) > GRAD_LAPACK_MOST || grad__columns(s) > GRAD_LAPACK_MOST)
        return "of at most 2147483647 rows and columns";
    return NULL;
}

static int infer_check(grad_infer *f, int k, bool square)
{
    char text[96];
    const char *wanted = why_no_matrix(f->in[k], square);
    if (!wanted) return 0;
    return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, k, NULL, "`%s` must be %s, found shape %s",
                           f->op->in[k].name, wanted,
                           grad__dims_text(text, f->in[k]->rank, f->in[k]->dim));
}

int grad__infer_square(grad_infer *f, int k) { return infer_check(f, k, true); }
int grad__infer_matrix(grad_infer *f, int k) { return infer_check(f, k, false); }

static int expand_check(B *b, const grad_args *a, int k, bool square)
{
    char text[96];
    const grad_shape *s = v_shape(b, a->in[k]);
    const char *wanted = why_no_matrix(s, square);
    if (!wanted) return 0;
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, k, NULL, "%s: `%s` must be %s, found shape %s",
                            a->op->name, a->op->in[k].name, wanted,
                            grad__dims_text(text, s->rank, s->dim));
}

int grad__expand_square(B *b, const grad_args *a, int k) { return expand_check(b, a, k, true); }
int grad__expand_matrix(B *b, const grad_args *a, int k) { return expand_check(b, a, k, false); }

int grad__infer_stacks(grad_infer *f, const int *core)
{
    f->rank = 0;
    for (size_t k = 0; k < f->n_in; k++)
        if (core[k] && f->in[k]->rank - core[k] > f->rank) f->rank = f->in[k]->rank - core[k];
    for (int i = 1; i <= f->rank; i++) {
        int64_t *d = &f->dim[f->rank - i];
        *d = 1;
        for (size_t k = 0; k < f->n_in; k++) {
            int at = f->in[k]->rank - core[k] - i;
            int64_t size = core[k] && at >= 0 ? f->in[k]->dim[at] : 1;
            if (*d == 1) *d = size;
            else if (size != 1 && size != *d)
                return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                       "the stacks do not broadcast");
        }
    }
    return 0;
}
