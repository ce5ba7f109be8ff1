/* sums.h -- sums over the points of a batch, of one value or of a tensor's elements. */
#ifndef GRAD_OPS_SUMS_H
#define GRAD_OPS_SUMS_H

#include "grad.h"

/* How many doubles the sums of `count` elements take. */
size_t grad__sum_room(size_t count);
void grad__sum_begin(double *sum, size_t count);
/* Adds n values of `count` elements each, `stride` bytes apart: those of the points from `first` on.
   Points must come in their order; in how many pieces is no matter. */
void grad__sum_add(double *sum, size_t count, grad_dtype dtype, size_t first, const void *values,
                   size_t stride, size_t n);
/* The sums, or means over `points`, as `count` elements of dtype. */
void grad__sum_end(void *out, double *sum, size_t count, grad_dtype dtype, size_t points, bool mean);

#endif
