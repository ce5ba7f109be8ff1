/* spatial.h -- what convolution and pooling share: operands with spatial axes, attributes that are
 * one integer or one for each of them.
 */
#ifndef GRAD_OPS_SPATIAL_H
#define GRAD_OPS_SPATIAL_H

#include "shape.h"

enum { GRAD_SPATIAL = 3 }; /* most spatial axes there are */

/* What a composite over spatial axes knows of its operand x. */
typedef struct grad_space {
    B *b;
    const grad_args *a;
    int axes;              /* spatial ones, the last */
    const grad_shape *x;
    const int64_t *in;     /* their sizes */
} grad_space;

/* x is in[0], and has its channels, with or without a batch axis before them, and then the spatial
   axes, none of them empty. */
int grad__space(grad_space *s, B *b, const grad_args *a, int axes);
/* Attribute k for each axis, from `least` to what 31 bits hold, so that sizes computed with it fit
   64 bits. */
int grad__spatial(const grad_space *s, size_t k, int64_t least, int64_t out[GRAD_SPATIAL]);
/* Fails, naming attribute k. */
int grad__spatial_fail(const grad_space *s, size_t k, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a kernel of `taps` elements spans; as good as infinite where that is. */
static inline int64_t grad__span(int64_t taps, int64_t dilation)
{
    int64_t span;
    return __builtin_mul_overflow(taps - 1, dilation, &span) || span > INT64_MAX / 8
               ? INT64_MAX / 8
               : span + 1;
}

/* pads as an attribute: `before` and `after` by turns, in pairs[]. */
static inline grad_value grad__pairs(int axes, const int64_t *before, const int64_t *after,
                                     int64_t pairs[2 * GRAD_SPATIAL])
{
    for (int d = 0; d < axes; d++) {
        pairs[2 * d] = before[d];
        pairs[2 * d + 1] = after[d];
    }
    return (grad_value){.kind = GRAD_PAIRS, .n = 2 * (uint32_t)axes, .list = pairs};
}

/* x in the shape that has `dim` instead of its last axes. */
V grad__with_space(B *b, V x, int axes, int n, const int64_t *dim);

#endif
