/* conv_transpose.c -- transposed convolutions over one, two and three axes.
 *
 * They are the adjoints of convolutions whose padding after the input is short by the output
 * padding: then sizes fit exactly, whatever the stride.
 */
#include <inttypes.h>

#include "conv_primitives.h"

static int transposed_size(grad_convolution *c, const int64_t *extra, int64_t *size)
{
    for (int d = 0; d < c->s.axes; d++) {
        const int64_t larger = c->stride[d] > c->dilation[d] ? c->stride[d] : c->dilation[d];
        if (extra[d] >= larger)
            return grad__spatial_fail(&c->s, GRAD_OUTPUT_PADDING,
                                      "must be smaller than the stride or the dilation, and "
                                      "%" PRId64 " is not smaller than %" PRId64,
                                      extra[d], larger);
        size[d] = (c->s.in[d] - 1) * c->stride[d] + grad__span(c->w->dim[2 + d], c->dilation[d]) +
                  extra[d] - 2 * c->before[d];
        c->after[d] = c->before[d] - extra[d];
        if (size[d] < 1)
            return grad__spatial_fail(&c->s, GRAD_PADDING,
                                      "leaves nothing of the result: its size on spatial axis %d "
                                      "would be %" PRId64,
                                      d, size[d]);
    }
    return 0;
}

static int transpose_expand(B *b, const grad_args *a, V *out, int axes)
{
    grad_convolution c;
    int64_t size[GRAD_SPATIAL], extra[GRAD_SPATIAL];
    if (grad__conv_read(&c, b, a, axes, "[channels of x, channels of a group of the result]") < 0 ||
        grad__spatial(&c.s, GRAD_PADDING, 0, c.before) < 0 ||
        grad__spatial(&c.s, GRAD_OUTPUT_PADDING, 0, extra) < 0)
        return -1;
    c.outputs = c.w->dim[1] * c.groups;
    if (c.w->dim[0] != c.channels)
        return grad__conv_misfit(&c, "the number of channels of x in `weight`", c.channels,
                                 c.w->dim[0]);
    if (grad__conv_check_bias(&c) < 0 || transposed_size(&c, extra, size) < 0) return -1;
    *out = grad__conv_finish(&c, &grad__op_conv_x, size, c.s.in);
    return v_failed(b) ? -1 : 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int transpose1d_expand(B *b, const grad_args *a, V *out)
{
    return transpose_expand(b, a, out, 1);
}
static int transpose2d_expand(B *b, const grad_args *a, V *out)
{
    return transpose_expand(b, a, out, 2);
}
static int transpose3d_expand(B *b, const grad_args *a, V *out)
{
    return transpose_expand(b, a, out, 3);
}

#define TRANSPOSE_ATTRIBUTES                                                                      \
    {CONV_STRIDE_ROW,                                                                             \
     {.name = "padding", .type = ATTR_INTS, .otherwise = INT_(0)},                                \
     CONV_REST_ROWS,                                                                              \
     {.name = "output_padding", .type = ATTR_INTS, .otherwise = INT_(0)}}
#define TRANSPOSE_GRADIENT                                                                        \
    "the convolution of g with weight to x, the correlation of g with x to weight, the sum of g "  \
    "over batch and positions to bias"

const grad_op grad__op_conv_transpose1d = {
    .name = "conv_transpose1d",
    .doc =
        "The adjoint of conv1d in x, as a function of x [batch, channels, length] and weight "
        "[channels of x, channels of a group of the result, taps], plus bias by channel: each "
        "element of x adds its kernel to the result.",
    .gradient = TRANSPOSE_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = TRANSPOSE_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = transpose1d_expand,
    .example =
        "conv_transpose1d([[[1, 2, 3]]], [[[1, 10]]]) -> [[[1, 12, 23, 30]]]\n"
        "conv_transpose1d([[[1, 2, 3]]], [[[1, 10, 100]]], [0.5], stride=2, padding=1, "
        "output_padding=1) -> [[[10.5, 102.5, 20.5, 203.5, 30.5, 300.5]]]\n"
        "conv_transpose1d([[1, 2]], [[[1, 10]]], dilation=2, output_padding=1) -> [[1, 2, 10, "
        "20, 0]]\n"
        "conv_transpose1d([[1, 2], [3, 4]], [[[1, 10]], [[2, 20]]], groups=2) -> [[1, 12, 20], "
        "[6, 68, 80]]",
    .trials =
        "[2,2,3] [2,3,2] [3]; "
        "[2,3] [2,3,2]; "
        "[1,4,3] [4,2,3] [4] stride=3 padding=1 output_padding=2 groups=2; "
        "[1,1,3] [1,2,2] - dilation=3 output_padding=2; "
        "[0,2,3] [2,3,2] [3]; "
        "[2,0,3] [0,3,2] [3]; "
        "[1,1,1] [1,1,1] [1]",
};

const grad_op grad__op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .doc =
        "The adjoint of conv2d in x, as a function of x [batch, channels, height, width] and "
        "weight [channels of x, channels of a group of the result, taps], plus bias by "
        "channel: each element of x adds its kernel to the result.",
    .gradient = TRANSPOSE_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = TRANSPOSE_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = transpose2d_expand,
    .example =
        "conv_transpose2d([[[1, 2], [3, 4]]], [[[[1, 10], [100, 1000]]]]) -> [[[1, 12, 20], "
        "[103, 1234, 2040], [300, 3400, 4000]]]\n"
        "conv_transpose2d([[[1, 2], [3, 4]]], [[[[1, 10], [100, 1000]]]], [0.5], stride=[1, "
        "2], padding=[1, 0], output_padding=[0, 1]) -> [[[103.5, 1030.5, 204.5, 2040.5, 0.5]]]\n"
        "conv_transpose2d([[[1, 2]]], [[[[1, 10]]]], dilation=[1, 2]) -> [[[1, 2, 10, 20]]]\n"
        "conv_transpose2d([[[1]], [[2]]], [[[[3]], [[4]]], [[[5]], [[6]]]], groups=2) -> "
        "[[[3]], [[4]], [[10]], [[12]]]",
    .trials =
        "[2,2,2,3] [2,3,2,2] [3]; "
        "[2,2,2] [2,3,2,2]; "
        "[1,4,2,3] [4,2,3,2] [4] stride=[2,3] padding=[1,0] output_padding=[1,2] groups=2; "
        "[1,1,2,2] [1,2,2,2] - dilation=[2,1]; "
        "[2,2,2,2] [2,3,1,1] -; "
        "[0,2,2,2] [2,3,2,2] [3]",
};

const grad_op grad__op_conv_transpose3d = {
    .name = "conv_transpose3d",
    .doc =
        "The adjoint of conv3d in x, as a function of x [batch, channels, depth, height, "
        "width] and weight [channels of x, channels of a group of the result, taps], plus bias "
        "by channel: each element of x adds its kernel to the result.",
    .gradient = TRANSPOSE_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = TRANSPOSE_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = transpose3d_expand,
    .example =
        "conv_transpose3d([[[[1, 2]]]], [[[[[1, 10]], [[100, 1000]]]]]) -> [[[[1, 12, 20]], "
        "[[100, 1200, 2000]]]]\n"
        "conv_transpose3d([[[[1, 2]]]], [[[[[1, 10]], [[100, 1000]]]]], [0.5], stride=[1, 1, "
        "2], padding=[0, 0, 1], output_padding=[0, 0, 1]) -> [[[[10.5, 2.5, 20.5]], [[1000.5, "
        "200.5, 2000.5]]]]\n"
        "conv_transpose3d([[[[1, 2]]], [[[3, 4]]]], [[[[[1, 10]]]], [[[[2, 20]]]]], groups=2, "
        "dilation=2) -> [[[[1, 2, 10, 20]]], [[[6, 8, 60, 80]]]]",
    .trials =
        "[1,2,2,2,1] [2,2,2,1,2] [2]; "
        "[2,2,1,2] [2,1,2,2,1]; "
        "[1,2,2,1,2] [2,1,2,2,3] [2] stride=[2,1,3] padding=[0,0,1] output_padding=[1,0,2] "
        "groups=2; "
        "[1,1,2,1,2] [1,1,2,2,2] - dilation=[1,3,2]; "
        "[0,1,2,2,2] [1,2,2,2,2] [2]",
};

const grad_op *const grad__family_conv_transpose[] = {
    &grad__op_conv_transpose1d, &grad__op_conv_transpose2d, &grad__op_conv_transpose3d, NULL,
};
