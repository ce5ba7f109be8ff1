/* conv_kernels.h -- convolution as three sums of products over the same geometry.
 *
 * Element (i, t) of the geometry joins the place i * stride + t * dilation - before of an input
 * with position i of an output and tap t of a kernel, where the place exists. Of x, y and w, the
 * tensors that live on places, positions and taps, each is the sum of products of the other two:
 * convolution gives y, its transpose x, and the correlation of both gives w. So the three are
 * closed under differentiation, and share this description and the columns that the geometry
 * unfolds x into.
 */
#ifndef GRAD_OPS_CONV_KERNELS_H
#define GRAD_OPS_CONV_KERNELS_H

#include "emit.h"

/* Three spatial axes always; those that are not there, in front, have the size 1. */
typedef struct grad_conv {
    grad_dtype dtype;
    int64_t images, groups;
    int64_t from, to; /* channels of x and of y in a group */
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], before[3];
    int64_t places, positions, taps; /* products of in, out and kernel */
} grad_conv;

/* Fills in from the last `axes` of the lists; a NULL list has ones, `before` zeros. */
void grad__conv_geometry(grad_conv *c, int axes, const int64_t *in, const int64_t *out,
                         const int64_t *kernel, const int64_t *stride, const int64_t *dilation,
                         const int64_t *before);

/* Each writes the whole of its tensor, in steps of a few milliseconds. They return 0, or -1 when
   stopped. What is done for an image depends on the geometry, never on how many there are. */
int grad__conv_y(const grad_conv *c, void *y, const void *x, const void *w, grad_frame *frame);
int grad__conv_x(const grad_conv *c, void *x, const void *y, const void *w, grad_frame *frame);
int grad__conv_w(const grad_conv *c, void *w, const void *x, const void *y, grad_frame *frame);
size_t grad__conv_scratch(const grad_conv *c); /* bytes; bounded whatever the sizes are */

/* ---- columns (conv_columns.c) ---------------------------------------------------------------- */

/* Row r = channel * taps + tap of the columns has, at each position, the element of x that the tap
   meets there, or zero. A block of them: rows [row, row + rows) and positions [first, first + n).
   */
typedef struct grad_columns {
    int64_t row, rows, first, n;
    int64_t step; /* elements from a row of the block to the next in memory */
} grad_columns;

/* The block from x, one image's channels; and its adjoint, which adds the block to x. */
void grad__columns(const grad_conv *c, const grad_columns *b, void *block, const void *x);
void grad__columns_add(const grad_conv *c, const grad_columns *b, const void *block, void *x);

/* ---- few channels (conv_thin.c) -------------------------------------------------------------- */

/* Are the groups so thin, and the geometry so ordinary, that the following are faster? */
bool grad__conv_is_thin(const grad_conv *c);
int grad__thin_y(const grad_conv *c, void *y, const void *x, const void *w, grad_frame *frame);
int grad__thin_x(const grad_conv *c, void *x, const void *y, const void *w, grad_frame *frame);
int grad__thin_w(const grad_conv *c, void *w, const void *x, const void *y, grad_frame *frame);
size_t grad__thin_scratch(const grad_conv *c);

#endif
