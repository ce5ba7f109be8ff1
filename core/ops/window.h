/* window.h -- windows that slide over the last axes of a tensor: the internal operators that
 * pooling and the local norms are made of.
 *
 * A window reaches, on each axis, from position * stride - pad over `kernel` places, `dilation`
 * apart; places beyond the tensor do not count, whatever the padding. Where `kernel` is null the
 * windows adapt: position i of n reaches from floor(i * in / n) to ceil((i + 1) * in / n).
 */
#ifndef GRAD_OPS_WINDOW_H
#define GRAD_OPS_WINDOW_H

#include "spatial.h"

/* Attributes, in this order: kernel, stride, pads (pairs), dilation, size (of the result's last
   axes) and count_pad. They fit the operand, so that no window is empty. */
enum { WINDOW_KERNEL, WINDOW_STRIDE, WINDOW_PADS, WINDOW_DILATION, WINDOW_SIZE, WINDOW_COUNT_PAD };

/* The mean over each window, padding counted as zeros where count_pad is true; its adjoint; and the
   place of the largest element in each window, counted along the last axes of x. */
extern const grad_op grad__op_window_mean, grad__op_window_mean_back, grad__op_window_argmax;

#define WINDOW_ATTRIBUTES                                                                         \
    {{.name = "kernel", .type = ATTR_INTS, .nullable = true},                                     \
     {.name = "stride", .type = ATTR_INTS, .nullable = true},                                     \
     {.name = "pads", .type = ATTR_PAIRS, .nullable = true},                                      \
     {.name = "dilation", .type = ATTR_INTS, .nullable = true},                                   \
     {.name = "size", .type = ATTR_INTS, .required = true},                                       \
     {.name = "count_pad", .type = ATTR_BOOL, .otherwise = BOOL_(1)}}

/* x, operand 0, at the places of its windows' largest elements: `size` of them along the spatial
   axes, found with the attributes v. */
V grad__window_max(const grad_space *s, const int64_t *size, const grad_value *v);
#define WINDOW_MAX_GRADIENT                                                                       \
    "g to the first of the largest elements of its window (row by row); to the last NaN, if there "\
    "is one"

/* ---- for the kernels ------------------------------------------------------------------------- */

typedef struct grad_slide { /* the windows along one axis */
    int64_t in, out;
    bool adapts, count_pad;
    int64_t kernel, stride, before, after, dilation;
} grad_slide;

typedef struct grad_reach { /* one window along one axis: first, first + step, ... before end */
    int64_t first, end, step;
    int64_t count; /* elements, padding among them where it counts */
} grad_reach;

/* Three axes, those that are missing in front; returns the number of planes that they are in. */
int64_t grad__slides(grad_slide s[3], const grad_shape *in, const grad_shape *out,
                     const grad_value *attr);
/* About how many elements of an axis all its windows reach together. */
double grad__slide_work(const grad_slide *s);

static inline grad_reach grad__reach(const grad_slide *s, int64_t i)
{
    if (s->adapts) {
        const int64_t first = i * s->in / s->out, end = ((i + 1) * s->in + s->out - 1) / s->out;
        return (grad_reach){first, end, 1, end - first};
    }
    const int64_t start = i * s->stride - s->before;
    const int64_t step = s->dilation, last = start + (s->kernel - 1) * step;
    const int64_t padded = last + 1 < s->in + s->after ? last + 1 : s->in + s->after;
    const int64_t end = last < s->in ? last + 1 : s->in;
    const int64_t skipped = start >= 0 ? 0 : step == 1 ? -start : (step - 1 - start) / step * step;
    const int64_t first = start + skipped;
    return (grad_reach){first, end, step, s->count_pad ? padded - start : end - first};
}

#endif
