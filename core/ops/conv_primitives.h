/* conv_primitives.h -- the internal operators that convolutions expand to, and what convolutions
 * and their transposes share on the way there.
 */
#ifndef GRAD_OPS_CONV_PRIMITIVES_H
#define GRAD_OPS_CONV_PRIMITIVES_H

#include "spatial.h"

/* Attributes, in this order: stride, dilation, pads (pairs, of any sign), groups, and for conv_x
   and conv_w the spatial sizes of the result. Operands have a batch axis, and fit. */
extern const grad_op grad__op_conv;   /* y of x and w */
extern const grad_op grad__op_conv_x; /* x of y and w: the transpose */
extern const grad_op grad__op_conv_w; /* w of x and y: the correlation */

/* ---- shared by conv.c and conv_transpose.c --------------------------------------------------- */

/* Attributes that both have, in this order. */
enum { GRAD_STRIDE, GRAD_PADDING, GRAD_DILATION, GRAD_GROUPS, GRAD_OUTPUT_PADDING };

typedef struct grad_convolution {
    grad_space s;
    V x, weight, bias;
    const grad_shape *w;
    int64_t groups, channels, outputs; /* channels of x, of the result */
    int64_t stride[GRAD_SPATIAL], dilation[GRAD_SPATIAL];
    int64_t before[GRAD_SPATIAL], after[GRAD_SPATIAL];
} grad_convolution;

/* Reads everything but padding and checks the rank of weight, whose first axes `axes` names. */
int grad__conv_read(grad_convolution *c, B *b, const grad_args *a, int n, const char *axes);
/* `outputs` is known: does the bias fit? */
int grad__conv_check_bias(const grad_convolution *c);
/* `found`, a size that is `what` in words, is not the one expected of weight. */
int grad__conv_misfit(const grad_convolution *c, const char *what, int64_t expected,
                      int64_t found);
/* The primitive on x and weight with a batch axis, then bias, and the axes as x has them. `size` is
   NULL, or the transpose's; `positions` are the spatial sizes of what is not as large as x. */
V grad__conv_finish(grad_convolution *c, const grad_op *primitive, const int64_t *size,
                    const int64_t *positions);

#define CONV_OPERANDS {{.name = "x"}, {.name = "weight"}, {.name = "bias", .optional = true}}
#define CONV_STRIDE_ROW {.name = "stride", .type = ATTR_INTS, .otherwise = INT_(1)}
#define CONV_REST_ROWS                                                                            \
    {.name = "dilation", .type = ATTR_INTS, .otherwise = INT_(1)},                                \
        {.name = "groups", .type = ATTR_INT, .otherwise = INT_(1)}

#endif
