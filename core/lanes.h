/* lanes.h -- element-wise calls as runs of contiguous lanes.
 *
 * Broadcasting is settled when a program is compiled: axes along which all operands move alike are
 * merged, and what is left is a nest of loops around the innermost run, in which an operand either
 * moves with the lanes or stands still.
 */
#ifndef GRAD_LANES_H
#define GRAD_LANES_H

#include "op.h"
#include "pool.h"

typedef struct lanes_nest {
    size_t run;                        /* lanes of the innermost loop */
    size_t step[GRAD_INPUTS_MAX];      /* 0 or 1, in the innermost loop */
    int n_in, rank;                    /* loops around it */
    size_t out_size, in_size[GRAD_INPUTS_MAX]; /* bytes an element */
    const int64_t *dim;                /* rank of them, outermost first */
    const int64_t *stride[GRAD_INPUTS_MAX]; /* bytes, by operand, then loop */
} lanes_nest;

/* The nest for operands of these shapes broadcast to `out`; lives in the pool. NULL and err on
   failure. */
const lanes_nest *grad__lanes_nest(grad_pool *pool, const grad_shape *out, grad_dtype out_dtype,
                                   size_t n_in, const grad_shape *const *in,
                                   const grad_dtype *in_dtype, grad_error *err);
/* Runs it; returns -1 with the error filled when stopped. */
int grad__lanes_run(const lanes_nest *nest, grad_lanes lanes, void *out, const void *const *in,
                    grad_frame *frame);
#endif
