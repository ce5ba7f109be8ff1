/* blas.h -- matrix products by CBLAS: blas.c is the only file that knows it. */
#ifndef GRAD_BLAS_H
#define GRAD_BLAS_H

#include "op.h"

/* y = op(a) op(b), where op(a) is m by k, op(b) is k by n, and op transposes where the flag is set:
   then the matrix stands in memory the other way round. Row-major and contiguous. */
typedef struct grad_product {
    grad_dtype dtype;
    bool transpose_a, transpose_b;
    int64_t m, n, k;
} grad_product;

/* Floating-point, no extent zero, none beyond what CBLAS counts with. */
bool grad__blas_can(const grad_product *p);
/* Computes it in pieces of a few milliseconds, between which it can be stopped (-1). How it is cut,
   and so every bit of the result, depends on the product's shape alone. */
int grad__blas_product(const grad_product *p, void *y, const void *a, const void *b,
                       grad_frame *frame);

/* A block of larger matrices, rows of which are y_step, a_step and b_step elements apart; the
   extents are the block's, none of them zero, and `onto` adds to what y holds. To keep it to
   milliseconds is the caller's part. */
typedef struct grad_block {
    grad_dtype dtype;
    bool transpose_a, transpose_b, onto;
    int64_t m, n, k, y_step, a_step, b_step;
} grad_block;
void grad__blas_block(const grad_block *p, void *y, const void *a, const void *b);

/* Around every other call into the library: one at a time where it cannot bear more. */
void grad__blas_enter(void);
void grad__blas_leave(void);

#endif
