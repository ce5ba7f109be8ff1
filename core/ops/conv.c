/* conv.c -- convolutions over one, two and three axes: what they check, and their rows. */
#include <inttypes.h>

#include "conv_primitives.h"

enum { SAME, VALID }; /* words for padding */

/* ---- shared with the transposes -------------------------------------------------------------- */

int grad__conv_misfit(const grad_convolution *c, const char *what, int64_t expected, int64_t found)
{
    char text[96];
    return grad_expand_fail(c->s.b, GRAD_SHAPE_MISMATCH, 1, NULL,
                            "%s: %s is %" PRId64 ", expected %" PRId64
                            " (`weight` has the shape %s)",
                            c->s.a->op->name, what, found, expected,
                            grad__dims_text(text, c->w->rank, c->w->dim));
}

int grad__conv_check_bias(const grad_convolution *c)
{
    char text[96];
    if (c->bias == GRAD_NONE) return 0;
    const grad_shape *s = v_shape(c->s.b, c->bias);
    if (s->rank == 1 && s->dim[0] == c->outputs) return 0;
    return grad_expand_fail(c->s.b, GRAD_SHAPE_MISMATCH, 2, NULL,
                            "%s: `bias` has the shape [%" PRId64
                            "], a number for each channel of the result; found the shape %s",
                            c->s.a->op->name, c->outputs, grad__dims_text(text, s->rank, s->dim));
}

static int check_weight(const grad_convolution *c, const char *axes)
{
    char text[96];
    const grad_shape *w = c->w;
    bool full = w->rank == c->s.axes + 2;
    for (int d = 0; full && d < w->rank; d++)
        full = w->dim[d] > 0 || (d < 2 && w->dim[d] == c->channels);
    return full ? 0
                : grad_expand_fail(c->s.b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                   "%s: `weight` has the axes %s and %d spatial, none of them "
                                   "empty; found the shape %s",
                                   c->s.a->op->name, axes, c->s.axes,
                                   grad__dims_text(text, w->rank, w->dim));
}

int grad__conv_read(grad_convolution *c, B *b, const grad_args *a, int n, const char *axes)
{
    *c = (grad_convolution){.x = a->in[0], .weight = a->in[1], .groups = a->attr[GRAD_GROUPS].i,
                            .bias = a->n_in > 2 ? a->in[2] : GRAD_NONE};
    if (grad__space(&c->s, b, a, n) < 0 || grad__spatial(&c->s, GRAD_STRIDE, 1, c->stride) < 0 ||
        grad__spatial(&c->s, GRAD_DILATION, 1, c->dilation) < 0)
        return -1;
    c->w = v_shape(b, c->weight);
    c->channels = c->s.x->dim[c->s.x->rank - n - 1];
    if (c->groups < 1)
        return grad__spatial_fail(&c->s, GRAD_GROUPS, "must be at least 1, found %" PRId64,
                                  c->groups);
    if (c->channels % c->groups != 0 || c->groups > INT32_MAX)
        return grad__spatial_fail(&c->s, GRAD_GROUPS,
                                  "must divide the %" PRId64 " channels of x; found %" PRId64,
                                  c->channels, c->groups);
    return check_weight(c, axes);
}

/* Matrix products count rows and columns in 31 bits. */
static int check_extents(const grad_convolution *c, const int64_t *positions)
{
    if (grad__dims_product(c->w->rank - 1, c->w->dim + 1) <= INT32_MAX &&
        c->w->dim[0] <= INT32_MAX && grad__dims_product(c->s.axes, positions) <= INT32_MAX)
        return 0;
    return grad_expand_fail(c->s.b, GRAD_TENSOR_TOO_LARGE, -1, NULL,
                            "%s: a channel of the result, or what it is a sum over, would have "
                            "more than %d elements",
                            c->s.a->op->name, INT32_MAX);
}

V grad__conv_finish(grad_convolution *c, const grad_op *primitive, const int64_t *size,
                    const int64_t *positions)
{
    B *b = c->s.b;
    const int axes = c->s.axes;
    if (check_extents(c, positions) < 0) return GRAD_NONE;
    int64_t pairs[2 * GRAD_SPATIAL], dim[1 + GRAD_SPATIAL];
    const bool batch = c->s.x->rank == axes + 2;
    V x = batch ? c->x : v_unsqueeze(b, c->x, (int64_t[]){0}, 1);
    const grad_value v[] = {grad__list(c->stride, (size_t)axes),
                            grad__list(c->dilation, (size_t)axes),
                            grad__pairs(axes, c->before, c->after, pairs),
                            c->s.a->attr[GRAD_GROUPS],
                            grad__list(size, (size_t)axes)};
    V y = v_emit(b, primitive, 2, (V[]){x, c->weight}, size ? 5 : 4, v);
    if (c->bias != GRAD_NONE) {
        dim[0] = c->outputs;
        for (int d = 0; d < axes; d++) dim[1 + d] = 1;
        y = v_add(b, y, v_reshape(b, c->bias, axes + 1, dim));
    }
    if (batch || v_failed(b)) return y;
    const grad_shape *s = v_shape(b, y);
    return v_reshape(b, y, s->rank - 1, s->dim + 1);
}

/* ---- convolution ----------------------------------------------------------------------------- */

static int read_padding(grad_convolution *c)
{
    const grad_value *padding = &c->s.a->attr[GRAD_PADDING];
    const int64_t *kernel = c->w->dim + 2;
    if (padding->kind != GRAD_INT) {
        if (grad__spatial(&c->s, GRAD_PADDING, 0, c->before) < 0) return -1;
        for (int d = 0; d < c->s.axes; d++) c->after[d] = c->before[d];
        return 0;
    }
    for (int d = 0; d < c->s.axes && padding->i == SAME; d++) {
        if (c->stride[d] != 1)
            return grad__spatial_fail(&c->s, GRAD_PADDING,
                                      "may be \"same\" where the stride is 1, found %" PRId64,
                                      c->stride[d]);
        const int64_t all = grad__span(kernel[d], c->dilation[d]) - 1;
        c->before[d] = all / 2;
        c->after[d] = all - all / 2;
    }
    return 0;
}

static int conv_expand(B *b, const grad_args *a, V *out, int axes)
{
    grad_convolution c;
    if (grad__conv_read(&c, b, a, axes, "[channels of the result, channels of a group of x]") < 0)
        return -1;
    c.outputs = c.w->dim[0];
    if (c.outputs % c.groups != 0)
        return grad__spatial_fail(&c.s, GRAD_GROUPS,
                                  "must divide the %" PRId64 " channels of the result; found "
                                  "%" PRId64,
                                  c.outputs, c.groups);
    if (c.w->dim[1] != c.channels / c.groups)
        return grad__conv_misfit(&c, "the number of channels of a group in `weight`",
                                 c.channels / c.groups, c.w->dim[1]);
    if (read_padding(&c) < 0 || grad__conv_check_bias(&c) < 0) return -1;
    int64_t size[GRAD_SPATIAL];
    for (int d = 0; d < axes; d++) {
        const int64_t span = grad__span(c.w->dim[2 + d], c.dilation[d]);
        const int64_t room = c.s.in[d] + c.before[d] + c.after[d];
        if (span > room)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                    "%s: the kernel spans %" PRId64
                                    " elements of spatial axis %d, and with its padding x has "
                                    "%" PRId64,
                                    a->op->name, span, d, room);
        size[d] = (room - span) / c.stride[d] + 1;
    }
    *out = grad__conv_finish(&c, &grad__op_conv, NULL, size);
    return v_failed(b) ? -1 : 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int conv1d_expand(B *b, const grad_args *a, V *out) { return conv_expand(b, a, out, 1); }
static int conv2d_expand(B *b, const grad_args *a, V *out) { return conv_expand(b, a, out, 2); }
static int conv3d_expand(B *b, const grad_args *a, V *out) { return conv_expand(b, a, out, 3); }

static const int64_t none[] = {0};
#define CONV_ATTRIBUTES                                                                           \
    {CONV_STRIDE_ROW,                                                                             \
     {.name = "padding",                                                                          \
      .type = ATTR_INTS,                                                                          \
      .otherwise = {.kind = GRAD_LIST, .n = 1, .list = none},                                     \
      .choices = "same|valid"},                                                                   \
     CONV_REST_ROWS}
#define CONV_GRADIENT                                                                             \
    "the transposed convolution of g with weight to x, the correlation of x with g to weight, the "\
    "sum of g over batch and positions to bias"

const grad_op grad__op_conv1d = {
    .name = "conv1d",
    .doc =
        "x [batch, channels, length] correlated over one axis with weight [channels out, "
        "channels in / groups, length], plus bias by channel; padding is of zeros, or \"same\" "
        "for a result of the size of x, or \"valid\" for none.",
    .gradient = CONV_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = CONV_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = conv1d_expand,
    .example =
        "conv1d([[[1, 2, 3, 4]]], [[[1, 10]]]) -> [[[21, 32, 43]]]\n"
        "conv1d([[1, 2, 3, 4]], [[[1, 10]]], [100]) -> [[121, 132, 143]]\n"
        "conv1d([[[1, 2, 3, 4]]], [[[1, 10]]], stride=2, padding=1, dilation=2) -> [[[20, 42]]]\n"
        "conv1d([[[1, 2, 3, 4]]], [[[1, 10]]], padding=\"same\") -> [[[21, 32, 43, 4]]]\n"
        "conv1d([[[1, 2, 3, 4]]], [[[1, 10]]], padding=\"valid\") -> [[[21, 32, 43]]]\n"
        "conv1d([[1, 2], [3, 4]], [[[1, 10]], [[2, 20]]], groups=2) -> [[21], [86]]",
    .trials =
        "[2,2,5] [3,2,2] [3]; "
        "[2,5] [3,2,2]; "
        "[1,4,6] [2,2,3] [2] stride=2 padding=1 dilation=2 groups=2; "
        "[1,2,5] [2,2,4] - padding=\"same\" dilation=2; "
        "[1,1,1] [1,1,1] [1] padding=\"valid\"; "
        "[0,2,3] [2,2,2] [2]; "
        "[2,0,3] [2,0,2] [2]; "
        "[2,3,3] [3,1,3] - groups=3 padding=2 stride=3",
};

const grad_op grad__op_conv2d = {
    .name = "conv2d",
    .doc =
        "x [batch, channels, height, width] correlated over two axes with weight [channels out, "
        "channels in / groups, height, width], plus bias by channel; padding is of zeros, or "
        "\"same\" for a result of the size of x, or \"valid\" for none.",
    .gradient = CONV_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = CONV_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = conv2d_expand,
    .example =
        "conv2d([[[[1, 2, 3], [4, 5, 6]]]], [[[[1, 10], [100, 1000]]]]) -> [[[[5421, 6532]]]]\n"
        "conv2d([[[1, 2, 3], [4, 5, 6]]], [[[[1, 10], [100, 1000]]]], [0.5], stride=[1, 2], "
        "padding=[1, 0]) -> [[[2100.5], [5421.5], [54.5]]]\n"
        "conv2d([[[1, 2], [3, 4]]], [[[[1, 10], [100, 1000]]]], padding=\"same\") -> [[[4321, "
        "402], [43, 4]]]\n"
        "conv2d([[[1, 2, 3], [4, 5, 6]]], [[[[1, 10]]]], dilation=2) -> [[[31], [64]]]\n"
        "conv2d([[[1]], [[2]]], [[[[3]]], [[[4]]], [[[5]]], [[[6]]]], groups=2) -> [[[3]], "
        "[[4]], [[10]], [[12]]]",
    .trials =
        "[2,2,3,4] [3,2,2,2] [3]; "
        "[2,3,3] [2,2,2,1] [2]; "
        "[1,4,5,4] [4,2,3,2] [4] stride=[2,1] padding=[1,2] dilation=[1,2] groups=2; "
        "[1,2,3,4] [2,2,2,3] - padding=\"same\"; "
        "[1,3,3,3] [6,1,2,2] [6] groups=3; "
        "[2,3,2,2] [2,3,1,1] [2]; "
        "[0,2,3,3] [2,2,2,2] [2]",
};

const grad_op grad__op_conv3d = {
    .name = "conv3d",
    .doc =
        "x [batch, channels, depth, height, width] correlated over three axes with weight "
        "[channels out, channels in / groups, depth, height, width], plus bias by channel; "
        "padding is of "
        "zeros, or \"same\" for a result of the size of x, or \"valid\" for none.",
    .gradient = CONV_GRADIENT,
    .in = CONV_OPERANDS,
    .attr = CONV_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = conv3d_expand,
    .example =
        "conv3d([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], [[[[[1, 10], [100, 1000]], [[10000, "
        "100000], [1000000, 10000000]]]]]) -> [[[[87654321]]]]\n"
        "conv3d([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], [[[[[1], [10]]]]], [0.5], stride=[1, "
        "1, 2], padding=[0, 1, 0]) -> [[[[10.5], [31.5], [3.5]], [[50.5], [75.5], [7.5]]]]\n"
        "conv3d([[[[1, 2]], [[3, 4]], [[5, 6]]]], [[[[[1]], [[10]]]]], dilation=[2, 1, 1]) -> "
        "[[[[51, 62]]]]\n"
        "conv3d([[[[1, 2]]], [[[3, 4]]]], [[[[[1, 10]]]], [[[[1, 10]]]]], groups=2, "
        "padding=\"same\") -> [[[[21, 2]]], [[[43, 4]]]]",
    .trials =
        "[1,2,2,3,2] [2,2,2,2,2] [2]; "
        "[1,2,3,2] [2,1,1,2,2] -; "
        "[1,2,3,3,4] [2,1,2,2,3] [2] stride=[2,1,2] padding=[1,0,1] groups=2; "
        "[1,1,2,3,3] [1,1,2,2,2] - padding=\"same\"; "
        "[1,1,3,1,3] [1,1,2,1,2] - dilation=[2,1,2]; "
        "[0,1,2,2,2] [2,1,2,2,2] [2]",
};

const grad_op *const grad__family_conv[] = {
    &grad__op_conv1d, &grad__op_conv2d, &grad__op_conv3d, &grad__op_conv,
    &grad__op_conv_x, &grad__op_conv_w, NULL,
};
