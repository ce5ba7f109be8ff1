/* pool_adaptive.c -- pooling by windows that adapt to the size of the result. */
#include "window.h"

static int adaptive_expand(B *b, const grad_args *a, V *out, int axes, bool max)
{
    grad_space s;
    int64_t size[GRAD_SPATIAL];
    if (grad__space(&s, b, a, axes) < 0 || grad__spatial(&s, 0, 0, size) < 0) return -1;
    const grad_value v[GRAD_ATTRIBUTES_MAX] = {
        [WINDOW_KERNEL] = NOTHING,   [WINDOW_STRIDE] = NOTHING, [WINDOW_PADS] = NOTHING,
        [WINDOW_DILATION] = NOTHING, [WINDOW_SIZE] = grad__list(size, (size_t)axes),
        [WINDOW_COUNT_PAD] = BOOL_(true)};
    *out = max ? grad__window_max(&s, size, v)
               : v_emit(b, &grad__op_window_mean, 1, a->in, GRAD_ATTRIBUTES_MAX, v);
    return 0;
}

static int adaptive_avg1d_expand(B *b, const grad_args *a, V *out)
{
    return adaptive_expand(b, a, out, 1, false);
}
static int adaptive_avg2d_expand(B *b, const grad_args *a, V *out)
{
    return adaptive_expand(b, a, out, 2, false);
}
static int adaptive_max1d_expand(B *b, const grad_args *a, V *out)
{
    return adaptive_expand(b, a, out, 1, true);
}
static int adaptive_max2d_expand(B *b, const grad_args *a, V *out)
{
    return adaptive_expand(b, a, out, 2, true);
}

#define SIZE_ATTRIBUTE {{.name = "output_size", .type = ATTR_INTS, .required = true}}

const grad_op grad__op_adaptive_avg_pool1d = {
    .name = "adaptive_avg_pool1d",
    .doc =
        "The mean of x in windows along the last axis, as many as output_size says: position i "
        "of n reaches from floor(i size / n) to ceil((i + 1) size / n).",
    .gradient = "g, in equal shares, to the elements of its window",
    .in = X_ALONE,
    .attr = SIZE_ATTRIBUTE,
    .types = TYPES_REAL,
    .expand = adaptive_avg1d_expand,
    .example =
        "adaptive_avg_pool1d([[[1, 5, 2, 4, 3]]], output_size=1) -> [[[3]]]\n"
        "adaptive_avg_pool1d([[1, 5, 2, 4, 3]], output_size=2) -> [[2.6666666666666665, 3]]\n"
        "adaptive_avg_pool1d([[1, 5, 2, 4, 3]], output_size=7) -> [[1, 3, 3.5, 2, 3, 3.5, 3]]",
    .trials =
        "[2,2,5] output_size=3; "
        "[2,3] output_size=5; "
        "[0,2,3] output_size=2; "
        "[1,2,3] output_size=0",
};

const grad_op grad__op_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d",
    .doc =
        "The mean of x in windows along the last two axes, as many as output_size says: "
        "position i of n reaches from floor(i size / n) to ceil((i + 1) size / n).",
    .gradient = "g, in equal shares, to the elements of its window",
    .in = X_ALONE,
    .attr = SIZE_ATTRIBUTE,
    .types = TYPES_REAL,
    .expand = adaptive_avg2d_expand,
    .example =
        "adaptive_avg_pool2d([[[[1, 2, 3], [6, 5, 4], [7, 9, 8]]]], output_size=2) -> [[[[3.5, "
        "3.5], [6.75, 6.5]]]]\n"
        "adaptive_avg_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], output_size=[1, 3]) -> "
        "[[[4.666666666666667, 5.333333333333333, 5]]]",
    .trials =
        "[2,2,3,5] output_size=[2,3]; "
        "[2,3,2] output_size=4; "
        "[0,2,3,3] output_size=1",
};

const grad_op grad__op_adaptive_max_pool1d = {
    .name = "adaptive_max_pool1d",
    .doc =
        "The largest element of x in windows along the last axis, as many as output_size says: "
        "position i of n reaches from floor(i size / n) to ceil((i + 1) size / n).",
    .gradient = WINDOW_MAX_GRADIENT,
    .in = X_ALONE,
    .attr = SIZE_ATTRIBUTE,
    .types = TYPES_KEEP,
    .expand = adaptive_max1d_expand,
    .example =
        "adaptive_max_pool1d([[[1, 5, 2, 4, 3]]], output_size=1) -> [[[5]]]\n"
        "adaptive_max_pool1d([[1, 5, 2, 4, 3]], output_size=2) -> [[5, 4]]\n"
        "adaptive_max_pool1d([[1, 5, 2, 4, 3]], output_size=7) -> [[1, 5, 5, 2, 4, 4, 3]]",
    .trials =
        "[2,2,5] output_size=3; "
        "[2,3] output_size=5; "
        "[0,2,3] output_size=2; "
        "[1,2,3] output_size=0",
};

const grad_op grad__op_adaptive_max_pool2d = {
    .name = "adaptive_max_pool2d",
    .doc =
        "The largest element of x in windows along the last two axes, as many as output_size "
        "says: position i of n reaches from floor(i size / n) to ceil((i + 1) size / n).",
    .gradient = WINDOW_MAX_GRADIENT,
    .in = X_ALONE,
    .attr = SIZE_ATTRIBUTE,
    .types = TYPES_KEEP,
    .expand = adaptive_max2d_expand,
    .example =
        "adaptive_max_pool2d([[[[1, 2, 3], [6, 5, 4], [7, 9, 8]]]], output_size=2) -> [[[[6, "
        "5], [9, 9]]]]\n"
        "adaptive_max_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], output_size=[1, 3]) -> [[[7, "
        "9, 8]]]",
    .trials =
        "[2,2,3,5] output_size=[2,3]; "
        "[2,3,2] output_size=4; "
        "[0,2,3,3] output_size=1",
};

const grad_op *const grad__family_pool_adaptive[] = {
    &grad__op_adaptive_avg_pool1d, &grad__op_adaptive_avg_pool2d,
    &grad__op_adaptive_max_pool1d, &grad__op_adaptive_max_pool2d,
    &grad__op_window_mean,         &grad__op_window_mean_back,
    &grad__op_window_argmax,       NULL,
};
