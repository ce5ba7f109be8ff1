/* pool.c -- pooling over one, two and three axes: checks, and what it expands to.
 *
 * An average is the internal window_mean. A maximum is found once, as the place of the first
 * largest element in each window, and gathered (grad__window_max): so its gradient goes to that
 * one element, and the adjoint of the gathering is a scattering by the same places.
 */
#include <inttypes.h>

#include "window.h"

enum { KERNEL, STRIDE, PADDING }; /* what the pools with a kernel have first */

typedef struct pool {
    grad_space s;
    int64_t kernel[GRAD_SPATIAL], stride[GRAD_SPATIAL], padding[GRAD_SPATIAL];
    int64_t dilation[GRAD_SPATIAL], size[GRAD_SPATIAL], pairs[2 * GRAD_SPATIAL];
} pool;

static int read(pool *p, B *b, const grad_args *a, int axes)
{
    const size_t stride = a->attr[STRIDE].kind == GRAD_NULL ? KERNEL : STRIDE;
    if (grad__space(&p->s, b, a, axes) < 0 || grad__spatial(&p->s, KERNEL, 1, p->kernel) < 0 ||
        grad__spatial(&p->s, stride, 1, p->stride) < 0 ||
        grad__spatial(&p->s, PADDING, 0, p->padding) < 0)
        return -1;
    for (int d = 0; d < axes; d++) {
        p->dilation[d] = 1;
        if (p->padding[d] > p->kernel[d] / 2)
            return grad__spatial_fail(&p->s, PADDING,
                                      "must be at most half of the kernel, and %" PRId64
                                      " is more than half of %" PRId64,
                                      p->padding[d], p->kernel[d]);
    }
    return 0;
}

/* Positions are counted while windows fit into the padded input; in ceil mode one more where part
   of a window is left, if that begins in the input or in the padding before it. */
static int find_size(pool *p, bool ceil_mode)
{
    for (int d = 0; d < p->s.axes; d++) {
        const int64_t in = p->s.in[d], stride = p->stride[d];
        const int64_t span = grad__span(p->kernel[d], p->dilation[d]);
        const int64_t room = in + 2 * p->padding[d] - span;
        int64_t size = room >= 0 ? room / stride + 1 : 0;
        if (ceil_mode && (room >= 0 ? room % stride > 0 : -room < stride) &&
            size * stride < in + p->padding[d])
            size++;
        p->size[d] = size;
        if (size < 1)
            return grad_expand_fail(p->s.b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                    "%s: the kernel spans %" PRId64 " elements of spatial axis %d, "
                                    "and with its padding x has %" PRId64,
                                    p->s.a->op->name, span, d, in + 2 * p->padding[d]);
    }
    return 0;
}

static void attributes(pool *p, grad_value v[GRAD_ATTRIBUTES_MAX])
{
    const size_t n = (size_t)p->s.axes;
    v[WINDOW_KERNEL] = grad__list(p->kernel, n);
    v[WINDOW_STRIDE] = grad__list(p->stride, n);
    v[WINDOW_PADS] = grad__pairs(p->s.axes, p->padding, p->padding, p->pairs);
    v[WINDOW_DILATION] = grad__list(p->dilation, n);
    v[WINDOW_SIZE] = grad__list(p->size, n);
    v[WINDOW_COUNT_PAD] = (grad_value)BOOL_(true);
}

/* ---- maxima ---------------------------------------------------------------------------------- */

/* A window whose first element is in the padding may step over a small input altogether. */
static int check_dilation(const pool *p, size_t k)
{
    for (int d = 0; d < p->s.axes; d++) {
        const int64_t step = p->dilation[d];
        for (int64_t start = -p->padding[d], i = 0;
             step > p->s.in[d] && start < 0 && i < p->size[d]; i++, start += p->stride[d])
            if (start + (step - 1 - start) / step * step >= p->s.in[d])
                return grad__spatial_fail(&p->s, k,
                                          "of %" PRId64 " makes a window step over the %" PRId64
                                          " elements of spatial axis %d",
                                          step, p->s.in[d], d);
    }
    return 0;
}

enum { MAX_DILATION = 3, MAX_CEIL_MODE };

static int max_expand(B *b, const grad_args *a, V *out, int axes)
{
    pool p;
    grad_value v[GRAD_ATTRIBUTES_MAX];
    if (read(&p, b, a, axes) < 0 || grad__spatial(&p.s, MAX_DILATION, 1, p.dilation) < 0 ||
        find_size(&p, a->attr[MAX_CEIL_MODE].i != 0) < 0 || check_dilation(&p, MAX_DILATION) < 0)
        return -1;
    attributes(&p, v);
    *out = grad__window_max(&p.s, p.size, v);
    return 0;
}

/* ---- averages -------------------------------------------------------------------------------- */

enum { AVG_CEIL_MODE = 3, AVG_COUNT_PAD };

static int avg_expand(B *b, const grad_args *a, V *out, int axes)
{
    pool p;
    grad_value v[GRAD_ATTRIBUTES_MAX];
    if (read(&p, b, a, axes) < 0 || find_size(&p, a->attr[AVG_CEIL_MODE].i != 0) < 0) return -1;
    attributes(&p, v);
    v[WINDOW_COUNT_PAD] = a->attr[AVG_COUNT_PAD];
    *out = v_emit(b, &grad__op_window_mean, 1, a->in, GRAD_ATTRIBUTES_MAX, v);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define EXPANSIONS(family, axes)                                                                  \
    static int family##axes##d_expand(B *b, const grad_args *a, V *out)                           \
    {                                                                                             \
        return family##_expand(b, a, out, axes);                                                  \
    }
EXPANSIONS(max, 1)
EXPANSIONS(max, 2)
EXPANSIONS(max, 3)
EXPANSIONS(avg, 1)
EXPANSIONS(avg, 2)
EXPANSIONS(avg, 3)

#define KERNEL_ROWS                                                                               \
    {.name = "kernel", .type = ATTR_INTS, .required = true},                                      \
        {.name = "stride", .type = ATTR_INTS, .nullable = true},                                  \
        {.name = "padding", .type = ATTR_INTS, .otherwise = INT_(0)}
#define CEIL_ROW {.name = "ceil_mode", .type = ATTR_BOOL, .otherwise = BOOL_(false)}
#define MAX_ATTRIBUTES                                                                            \
    {KERNEL_ROWS, {.name = "dilation", .type = ATTR_INTS, .otherwise = INT_(1)}, CEIL_ROW}
#define AVG_ATTRIBUTES                                                                            \
    {KERNEL_ROWS, CEIL_ROW,                                                                       \
     {.name = "count_include_pad", .type = ATTR_BOOL, .otherwise = BOOL_(true)}}
const grad_op grad__op_max_pool1d = {
    .name = "max_pool1d",
    .doc =
        "The largest element of x in each window of kernel elements along the last axis, which "
        "begin stride apart (null: the kernel); padding never wins.",
    .gradient = WINDOW_MAX_GRADIENT,
    .in = X_ALONE,
    .attr = MAX_ATTRIBUTES,
    .types = TYPES_KEEP,
    .expand = max1d_expand,
    .example =
        "max_pool1d([[[1, 5, 2, 4, 3]]], kernel=2) -> [[[5, 4]]]\n"
        "max_pool1d([[1, 5, 2, 4, 3]], kernel=2, stride=1) -> [[5, 5, 4, 4]]\n"
        "max_pool1d([[1, 5, 2, 4, 3]], kernel=3, stride=2, padding=1) -> [[5, 5, 4]]\n"
        "max_pool1d([[1, 5, 2, 4, 3]], kernel=2, stride=1, dilation=3) -> [[4, 5]]\n"
        "max_pool1d([[1, 5, 2, 4, 3]], kernel=2, ceil_mode=true) -> [[5, 4, 3]]\n"
        "max_pool1d([[1, NaN, 3, 2]], kernel=2) -> [[NaN, 3]]\n"
        "max_pool1d([[-Infinity, -3]], kernel=2, stride=2, padding=1) -> [[-Infinity, -3]]",
    .trials =
        "[2,2,5] kernel=2; "
        "[2,6] kernel=3 stride=2 padding=1 ceil_mode=true; "
        "[1,1,7] kernel=3 stride=1 dilation=2 padding=1; "
        "[0,2,4] kernel=2; "
        "[2,0,4] kernel=2; "
        "[1,1] kernel=1",
};

const grad_op grad__op_max_pool2d = {
    .name = "max_pool2d",
    .doc =
        "The largest element of x in each window of kernel elements along the last two axes, "
        "which begin stride apart (null: the kernel); padding never wins.",
    .gradient = WINDOW_MAX_GRADIENT,
    .in = X_ALONE,
    .attr = MAX_ATTRIBUTES,
    .types = TYPES_KEEP,
    .expand = max2d_expand,
    .example =
        "max_pool2d([[[[1, 2, 3], [6, 5, 4], [7, 9, 8]]]], kernel=2, stride=1) -> [[[[6, 5], "
        "[9, 9]]]]\n"
        "max_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=[1, 2], stride=[2, 1]) -> "
        "[[[2, 3], [9, 9]]]\n"
        "max_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, padding=[1, 0], stride=1) "
        "-> [[[2, 3], [6, 5], [9, 9], [9, 9]]]\n"
        "max_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, stride=1, dilation=[2, 1]) "
        "-> [[[9, 9]]]\n"
        "max_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, ceil_mode=true) -> [[[6, "
        "4], [9, 8]]]",
    .trials =
        "[2,2,3,4] kernel=2 stride=1; "
        "[2,5,4] kernel=[3,2] stride=[2,3] padding=[1,0] dilation=[1,2] ceil_mode=true; "
        "[1,1,4,4] kernel=2; "
        "[0,2,3,3] kernel=2",
};

const grad_op grad__op_max_pool3d = {
    .name = "max_pool3d",
    .doc =
        "The largest element of x in each window of kernel elements along the last three axes, "
        "which begin stride apart (null: the kernel); padding never wins.",
    .gradient = WINDOW_MAX_GRADIENT,
    .in = X_ALONE,
    .attr = MAX_ATTRIBUTES,
    .types = TYPES_KEEP,
    .expand = max3d_expand,
    .example =
        "max_pool3d([[[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]]], kernel=2) -> [[[[[8]]]]]\n"
        "max_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[1, 2, 1], stride=1) -> "
        "[[[[4, 3]], [[8, 7]]]]\n"
        "max_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[2, 1, 2], stride=[1, 2, "
        "1], padding=[1, 0, 0]) -> [[[[2]], [[8]], [[8]]]]\n"
        "max_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[1, 2, 2], dilation=[2, 1, "
        "1], stride=1) -> [[[[4]], [[8]]]]\n"
        "max_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[2, 1, 1], stride=[3, 1, "
        "1], padding=[1, 0, 0], ceil_mode=true) -> [[[[1, 2], [4, 3]]]]",
    .trials =
        "[1,2,2,3,4] kernel=2 stride=1; "
        "[2,3,3,2] kernel=[2,3,1] stride=2 padding=[1,1,0] dilation=[2,1,1] ceil_mode=true; "
        "[0,1,2,2,2] kernel=2",
};

const grad_op grad__op_avg_pool1d = {
    .name = "avg_pool1d",
    .doc =
        "The mean of x over each window of kernel elements along the last axis, which begin "
        "stride apart (null: the kernel); padding counts as zeros, or not at all.",
    .gradient = "g, in equal shares, to the elements of its window",
    .in = X_ALONE,
    .attr = AVG_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = avg1d_expand,
    .example =
        "avg_pool1d([[[1, 5, 2, 4, 3]]], kernel=2) -> [[[3, 3]]]\n"
        "avg_pool1d([[1, 5, 2, 4, 3]], kernel=3, stride=1) -> [[2.6666666666666665, "
        "3.6666666666666665, 3]]\n"
        "avg_pool1d([[1, 5, 2, 4, 3]], kernel=2, padding=1) -> [[0.5, 3.5, 3.5]]\n"
        "avg_pool1d([[1, 5, 2, 4, 3]], kernel=2, padding=1, count_include_pad=false) -> [[1, "
        "3.5, 3.5]]\n"
        "avg_pool1d([[1, 5, 2, 4, 3]], kernel=2, ceil_mode=true) -> [[3, 3, 3]]",
    .trials =
        "[2,2,5] kernel=2; "
        "[2,6] kernel=3 stride=2 padding=1 ceil_mode=true; "
        "[1,1,5] kernel=2 padding=1 count_include_pad=false; "
        "[0,2,4] kernel=2; "
        "[2,0,4] kernel=2; "
        "[1,1] kernel=1",
};

const grad_op grad__op_avg_pool2d = {
    .name = "avg_pool2d",
    .doc =
        "The mean of x over each window of kernel elements along the last two axes, which "
        "begin stride apart (null: the kernel); padding counts as zeros, or not at all.",
    .gradient = "g, in equal shares, to the elements of its window",
    .in = X_ALONE,
    .attr = AVG_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = avg2d_expand,
    .example =
        "avg_pool2d([[[[1, 2, 3], [6, 5, 4], [7, 9, 8]]]], kernel=2, stride=1) -> [[[[3.5, "
        "3.5], [6.75, 6.5]]]]\n"
        "avg_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=[3, 1]) -> "
        "[[[4.666666666666667, 5.333333333333333, 5]]]\n"
        "avg_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, stride=[1, 2], padding=[0, "
        "1]) -> [[[1.75, 3.5], [3.25, 6.5]]]\n"
        "avg_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, stride=[1, 2], padding=[0, "
        "1], count_include_pad=false) -> [[[3.5, 3.5], [6.5, 6.5]]]\n"
        "avg_pool2d([[[1, 2, 3], [6, 5, 4], [7, 9, 8]]], kernel=2, ceil_mode=true) -> [[[3.5, "
        "3.5], [8, 8]]]",
    .trials =
        "[2,2,3,4] kernel=2 stride=1; "
        "[2,5,4] kernel=[3,2] stride=[2,3] padding=[1,0] ceil_mode=true count_include_pad=false; "
        "[1,1,4,4] kernel=2; "
        "[0,2,3,3] kernel=2",
};

const grad_op grad__op_avg_pool3d = {
    .name = "avg_pool3d",
    .doc =
        "The mean of x over each window of kernel elements along the last three axes, which "
        "begin stride apart (null: the kernel); padding counts as zeros, or not at all.",
    .gradient = "g, in equal shares, to the elements of its window",
    .in = X_ALONE,
    .attr = AVG_ATTRIBUTES,
    .types = TYPES_REAL,
    .expand = avg3d_expand,
    .example =
        "avg_pool3d([[[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]]], kernel=2) -> [[[[[4.5]]]]]\n"
        "avg_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[1, 2, 1]) -> [[[[2.5, "
        "2.5]], [[6.5, 6.5]]]]\n"
        "avg_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[2, 1, 2], stride=[1, 2, "
        "1], padding=[1, 0, 0]) -> [[[[0.75]], [[4.25]], [[3.5]]]]\n"
        "avg_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[2, 1, 2], stride=[1, 2, "
        "1], padding=[1, 0, 0], count_include_pad=false) -> [[[[1.5]], [[4.25]], [[7]]]]\n"
        "avg_pool3d([[[[1, 2], [4, 3]], [[8, 6], [5, 7]]]], kernel=[2, 1, 1], stride=[3, 1, "
        "1], padding=[1, 0, 0], ceil_mode=true) -> [[[[0.5, 1], [2, 1.5]]]]",
    .trials =
        "[1,2,2,3,4] kernel=2 stride=1; "
        "[2,3,3,2] kernel=[2,3,1] stride=2 padding=[1,1,0] ceil_mode=true; "
        "[1,1,3,2,2] kernel=2 padding=1 count_include_pad=false; "
        "[0,1,2,2,2] kernel=2",
};

const grad_op *const grad__family_pool[] = {
    &grad__op_max_pool1d, &grad__op_max_pool2d, &grad__op_max_pool3d,
    &grad__op_avg_pool1d, &grad__op_avg_pool2d, &grad__op_avg_pool3d, NULL,
};
