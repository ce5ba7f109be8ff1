/* factor.h -- what the families of factorisations share: stacks of matrices, checks, small words.
 *
 * Matrices are the last two axes of a tensor, the axes before them a stack. Each matrix is computed
 * alone, from a copy at the start of a line of the scratch memory: its bits are those it has by
 * itself. A matrix with entries that are not finite comes out as NaN and is no error.
 *
 * Factors are computed once and used forwards and backwards: an operator such as lu_solve takes the
 * matrix and its factors. It is differentiated as a function of the matrix, and its kernel reads
 * only the factors; they themselves have no derivative.
 */
#ifndef GRAD_OPS_FACTOR_H
#define GRAD_OPS_FACTOR_H

#include "lapack.h"
#include "products.h"
#include "shape.h"

/* ---- kernels --------------------------------------------------------------------------------- */

/* Counts through the stacks of operands as they broadcast to the result's. */
enum { STACKED_MOST = 5 };
typedef struct grad_stacks {
    int rank, operands;
    const int64_t *dim;
    int64_t place[GRAD_RANK_MAX];
    int64_t step[STACKED_MOST][GRAD_RANK_MAX]; /* in matrices; 0 where broadcast */
    int64_t at[STACKED_MOST];                  /* the matrix of operand k that is next */
    int64_t number;                            /* of the result's matrix */
} grad_stacks;

/* The stack has the first `rank` axes of y; an operand's has all axes of x but the last `core`. */
void grad__stacks_begin(grad_stacks *s, const grad_shape *y, int rank);
void grad__stacks_operand(grad_stacks *s, const grad_shape *x, int core);
bool grad__stacks_next(grad_stacks *s);
/* Matrices in a stack: all axes of x but the last `core`. */
int64_t grad__stack_count(const grad_shape *x, int core);

static inline int64_t grad__rows(const grad_shape *x) { return x->dim[x->rank - 2]; }
static inline int64_t grad__columns(const grad_shape *x) { return x->dim[x->rank - 1]; }
static inline int64_t grad__least(const grad_shape *x)
{
    return grad__rows(x) < grad__columns(x) ? grad__rows(x) : grad__columns(x);
}

/* The place of one matrix, and of any part of a piece of scratch memory. */
static inline const void *grad__matrix(const void *in, int64_t i, int64_t count, grad_dtype t)
{
    return (const char *)in + (size_t)i * (size_t)count * grad_dtype_size(t);
}

/* Scratch memory, laid out by one function twice: for its size (base is NULL), and to be used. */
typedef struct grad_room {
    char *base;
    size_t used;
} grad_room;
/* n numbers from the start of a line on. */
static inline void *grad__carve(grad_room *r, int64_t n, grad_dtype t)
{
    void *here = r->base ? r->base + r->used : NULL;
    r->used += grad_part_bytes(n, t);
    return here;
}

bool grad__all_finite(grad_dtype t, const void *x, int64_t n);
bool grad__any_nan(grad_dtype t, const void *x, int64_t n);
void grad__fill_real(grad_dtype t, void *x, int64_t n, double value);
/* y (n by m) = the transpose of x (m by n), both row-major. */
void grad__turn(grad_dtype t, void *y, const void *x, int64_t m, int64_t n);
/* y = (x + xᵀ) / 2, n by n. */
void grad__symmetrise(grad_dtype t, void *y, const void *x, int64_t n);
/* Element i of a vector of reals. */
static inline double grad__real_at(grad_dtype t, const void *x, int64_t i)
{
    return t == GRAD_FLOAT64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}
static inline void grad__real_put(grad_dtype t, void *x, int64_t i, double value)
{
    if (t == GRAD_FLOAT64) ((double *)x)[i] = value;
    else ((float *)x)[i] = (float)value;
}

/* "matrix [0, 3] of the batch is singular": which of the matrices of the first operand, whose stack
   has the first `rank` axes of x. Returns -1. */
int grad__bad_matrix(grad_frame *frame, grad_code code, const grad_shape *x, int rank,
                     int64_t number, const char *what);

/* ---- the exponential (matrix_exp_pade.c) ----------------------------------------------------- */

enum { GRAD_EXPM_POWERS = 5 };
typedef struct grad_expm {
    int64_t n;
    double *power[GRAD_EXPM_POWERS]; /* A, A², A⁴, A⁶, A⁸ */
    double *u, *v, *t;
    double *x, *y;                   /* vectors */
    int32_t *pivots;
    grad_frame *frame;
} grad_expm;

size_t grad__expm_room(grad_expm *e, int64_t n, char *base); /* lays it out; bytes */
/* *result = exp of the matrix of finite numbers in e->power[0], which is lost. -1: stopped. */
int grad__expm(grad_expm *e, double **result);

/* ---- shapes ---------------------------------------------------------------------------------- */

/* Has operand k two axes, and, for square, are they of one size? If not, the error is filled. */
int grad__infer_matrix(grad_infer *f, int k);
int grad__infer_square(grad_infer *f, int k);
int grad__expand_square(B *b, const grad_args *a, int k);
int grad__expand_matrix(B *b, const grad_args *a, int k);
/* The result's stack is that of the operands' broadcast: f->rank and f->dim. core[k] is the number
   of axes of operand k that are no stack's; 0: it has no say. */
int grad__infer_stacks(grad_infer *f, const int *core);

/* The right-hand side of A x = b: a vector (or a stack of them) becomes matrices of one column.
   vectors_too: b is a stack of vectors also where its shape is A's without the last axis. */
typedef struct grad_right_side {
    V b;
    bool vector;
} grad_right_side;
int grad__right_side(grad_right_side *out, B *b, const grad_args *a, bool vectors_too);
V grad__left_side(B *b, const grad_right_side *r, V x); /* the solution, of b's form */

/* ---- words ----------------------------------------------------------------------------------- */

extern const grad_op grad__op_eye;
extern const grad_op grad__op_lu, grad__op_lu_solve, grad__op_triangular, grad__op_svd;

size_t grad__two_results(const grad_value *attr); /* 2, for `results` of a row */
V grad__plus(B *b, V x, V y);   /* the sum; GRAD_NONE counts as nothing */
V grad__turned(B *b, V x);      /* the transposes */
V grad__eye_like(B *b, V x, int64_t n);
V grad__triangle(B *b, V x, bool lower, int64_t offset);
V grad__symmetric(B *b, V x);   /* (x + xᵀ) / 2 */
V grad__as_row(B *b, V x);      /* [..., n] as [..., 1, n] */
V grad__as_column(B *b, V x);   /* [..., n] as [..., n, 1] */
V grad__as_matrix(B *b, V x);   /* [...] as [..., 1, 1] */
/* The sum of x yᵀ over the stacks that x and y have and A has not. */
V grad__sum_of_outer(B *b, V x, V y, V A);

/* The factors of A: LU and its pivots. */
typedef struct grad_lu {
    V A, factors, pivots;
} grad_lu;
grad_lu grad__lu(B *b, V A);
/* Solves op(A) x = y; `strict`: an exactly singular matrix is an error, else the result is not
   finite. */
V grad__lu_solve(B *b, const grad_lu *lu, V y, bool transpose, bool strict);
/* Solves op(A) x = y for triangular A. */
typedef struct grad_triangular {
    bool lower, unit, transpose, strict;
} grad_triangular;
V grad__triangular(B *b, V A, V y, grad_triangular how);

/* ... and the loops and calls behind them. op(m) x = y for the n by k matrix y in x, where m is
   triangular, row by row; rows i and p of a matrix of k columns change places. */
void grad__solve_triangle(grad_dtype t, void *x, const void *m, int64_t n, int64_t k,
                          grad_triangular how);
void grad__exchange_rows(grad_dtype t, void *m, int64_t k, int64_t i, int64_t p);

#endif
