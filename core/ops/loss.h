/* loss.h -- what all losses share: operands that broadcast, and the reduction of what they cost.
 *
 * Losses are composites. They are in loss_distance.c (differences of numbers), loss_class.c
 * (classes), loss_likelihood.c (probabilities and densities) and loss_margin.c (margins).
 */
#ifndef GRAD_OPS_LOSS_H
#define GRAD_OPS_LOSS_H

#include "loops.h"
#include "shape.h"

enum { LOSS_MEAN, LOSS_SUM, LOSS_NONE, LOSS_BATCHMEAN };

#define REDUCTION_ATTRIBUTE                                                                       \
    {.name = "reduction", .type = ATTR_TEXT, .otherwise = INT_(LOSS_MEAN),                        \
     .choices = "mean|sum|none"}

/* The mean, the sum or all of `loss`. */
V grad__reduce_loss(B *b, V loss, const grad_value *reduction);

/* Do the operands broadcast? If not, -1 with the error filled: said here, so that the loss is named
   and not one of its parts. */
int grad__check_broadcast(B *b, const grad_args *a);

/* Is attr[k] at least 0? NaN is not. */
int grad__check_not_negative(B *b, const grad_args *a, size_t k);

/* The larger of x and 0; at 0 the derivative is that of x. */
V grad__hinge(B *b, V x);

/* 0 - x: unlike -x, of 0 it makes 0 and not -0. */
static inline V grad__from_zero(B *b, V x) { return v_sub(b, v_num(b, x, 0), x); }

#endif
