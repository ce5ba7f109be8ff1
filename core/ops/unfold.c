/* unfold.c -- the windows of an image as columns, and its adjoint, which adds columns to an image.
   */
#include <inttypes.h>
#include <string.h>

#include "conv_kernels.h"
#include "spatial.h"

enum { KERNEL, DILATION, PADDING, STRIDE, SIZE };

extern const grad_op grad__op_columns, grad__op_columns_back;

/* ---- the primitives -------------------------------------------------------------------------- */

/* How many windows there are along an axis; 0 or less: none. */
static int64_t windows(int64_t in, const grad_value *attr, int d)
{
    const int64_t span = grad__span(attr[KERNEL].list[d], attr[DILATION].list[d]);
    const int64_t room = in + 2 * attr[PADDING].list[d] - span;
    return room < 0 ? 0 : room / attr[STRIDE].list[d] + 1;
}

static void geometry(grad_conv *c, const grad_call *call, const grad_shape *image)
{
    const grad_value *attr = call->attr;
    int64_t out[2];
    *c = (grad_conv){.dtype = call->dtype, .images = image->dim[0], .groups = 1,
                     .from = image->dim[1], .to = 1};
    for (int d = 0; d < 2; d++) out[d] = windows(image->dim[2 + d], attr, d);
    grad__conv_geometry(c, 2, image->dim + 2, out, attr[KERNEL].list, attr[STRIDE].list,
                        attr[DILATION].list, attr[PADDING].list);
}

/* All columns of all images, some rows at a time. */
static int walk(const grad_conv *c, char *columns, char *image, bool back, grad_frame *frame)
{
    enum { ELEMENTS = 1 << 18 };
    const size_t size = grad_dtype_size(c->dtype);
    const int64_t rows = c->from * c->taps, n = c->positions;
    const int64_t most_n = n < ELEMENTS ? n : ELEMENTS, most_rows = 1 + (ELEMENTS - 1) / most_n;
    for (int64_t k = 0; k < c->images && rows > 0; k++) {
        for (int64_t row = 0; row < rows; row += most_rows)
            for (int64_t first = 0; first < n; first += most_n) {
                const grad_columns b = {.row = row, .first = first, .step = n,
                                        .rows = rows - row < most_rows ? rows - row : most_rows,
                                        .n = n - first < most_n ? n - first : most_n};
                char *block = columns + (size_t)(row * n + first) * size;
                if (back) grad__columns_add(c, &b, block, image);
                else grad__columns(c, &b, block, image);
                if (grad_stopped(frame)) return grad_frame_stopped(frame);
            }
        columns += (size_t)(rows * n) * size;
        image += (size_t)(c->from * c->places) * size;
    }
    return 0;
}

static int columns_kernel(const grad_call *call, void *out, const void *const *in,
                          grad_frame *frame)
{
    grad_conv c;
    geometry(&c, call, call->in[0]);
    return walk(&c, out, (char *)(uintptr_t)in[0], false, frame);
}

static int columns_back_kernel(const grad_call *call, void *out, const void *const *in,
                               grad_frame *frame)
{
    grad_conv c;
    geometry(&c, call, call->shape);
    memset(out, 0, (size_t)call->shape->count * grad_dtype_size(call->dtype));
    return walk(&c, (char *)(uintptr_t)in[0], out, true, frame);
}

static int columns_infer(grad_infer *f)
{
    const int64_t *x = f->in[0]->dim;
    int64_t taps = 1, count = 1;
    for (int d = 0; d < 2; d++) {
        const int64_t n = windows(x[2 + d], f->attr, d);
        if (__builtin_mul_overflow(taps, f->attr[KERNEL].list[d], &taps) ||
            __builtin_mul_overflow(count, n, &count))
            count = taps = INT64_MAX;
    }
    f->rank = 3;
    f->dim[0] = x[0];
    if (__builtin_mul_overflow(x[1], taps, &f->dim[1])) f->dim[1] = INT64_MAX;
    f->dim[2] = count;
    return 0;
}

/* Attribute `size`: channels, height and width of the image. */
static int columns_back_infer(grad_infer *f)
{
    f->rank = 4;
    f->dim[0] = f->in[0]->dim[0];
    for (int d = 0; d < 3; d++) f->dim[1 + d] = f->attr[SIZE].list[d];
    return 0;
}

static double columns_back_work(const grad_call *c) { return (double)c->in[0]->count; }

static void columns_rule(B *b, const grad_pull *p)
{
    grad_value v[] = {p->attr[KERNEL], p->attr[DILATION], p->attr[PADDING], p->attr[STRIDE],
                      grad__list(v_shape(b, p->in[0])->dim + 1, 3)};
    pull(p, 0, v_emit(b, &grad__op_columns_back, 1, &p->g, 5, v));
}

static void columns_back_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_columns, 1, &p->g, 4, p->attr));
}

#define WINDOWS                                                                                   \
    {.name = "kernel", .type = ATTR_INTS, .required = true},                                      \
        {.name = "dilation", .type = ATTR_INTS, .required = true},                                \
        {.name = "padding", .type = ATTR_INTS, .required = true},                                 \
        {.name = "stride", .type = ATTR_INTS, .required = true}

const grad_op grad__op_columns = {
    .name = "columns",
    .doc = "The windows of the images x [batch, channels, height, width] as columns.",
    .gradient = "dx = columns_back(g)",
    .in = X_ALONE,
    .attr = {WINDOWS},
    .types = TYPES_REAL,
    .infer = columns_infer,
    .kernel = columns_kernel,
    .reach = REACH_MOVE,
    .internal = true,
    .rule = columns_rule,
    .example =
        "columns([[[[1, 2, 3], [4, 5, 6]]]], kernel=[1, 2], dilation=[1, 1], padding=[0, 0], "
        "stride=[1, 1]) -> [[[1, 2, 4, 5], [2, 3, 5, 6]]]",
    .trials = "[2,2,3,4] kernel=[2,3] dilation=[1,1] padding=[1,0] stride=[2,1]; "
              "[1,1,4,3] kernel=[2,1] dilation=[2,1] padding=[0,1] stride=[1,2]; "
              "[0,1,2,2] kernel=[1,1] dilation=[1,1] padding=[0,0] stride=[1,1]",
};

const grad_op grad__op_columns_back = {
    .name = "columns_back",
    .doc = "The adjoint of columns: every column is added to its window of an image of the given "
           "channels, height and width.",
    .gradient = "dx = columns(g)",
    .in = X_ALONE,
    .attr = {WINDOWS, {.name = "size", .type = ATTR_INTS, .required = true}},
    .types = TYPES_REAL,
    .infer = columns_back_infer,
    .kernel = columns_back_kernel,
    .reach = REACH_ADD,
    .work = columns_back_work,
    .internal = true,
    .rule = columns_back_rule,
    .example = "columns_back([[[1, 2, 4, 5], [10, 20, 40, 50]]], kernel=[1, 2], dilation=[1, 1], "
               "padding=[0, 0], stride=[1, 1], size=[1, 2, 3]) -> [[[[1, 12, 20], [4, 45, 50]]]]",
    .trials = "[2,12,4] kernel=[2,3] dilation=[1,1] padding=[1,0] stride=[2,1] size=[2,3,4]; "
              "[0,1,4] kernel=[1,1] dilation=[1,1] padding=[0,0] stride=[1,1] size=[1,2,2]",
};

/* ---- unfold ---------------------------------------------------------------------------------- */

static int unfold_expand(B *b, const grad_args *a, V *out)
{
    grad_space s;
    int64_t list[4][GRAD_SPATIAL];
    grad_value v[4];
    if (grad__space(&s, b, a, 2) < 0) return -1;
    for (size_t k = 0; k < 4; k++) {
        if (grad__spatial(&s, k, k == PADDING ? 0 : 1, list[k]) < 0) return -1;
        v[k] = grad__list(list[k], 2);
    }
    for (int d = 0; d < 2; d++)
        if (windows(s.in[d], v, d) < 1)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                    "unfold: the kernel spans %" PRId64
                                    " elements of spatial axis %d, and with its padding x has "
                                    "%" PRId64,
                                    grad__span(list[KERNEL][d], list[DILATION][d]), d,
                                    s.in[d] + 2 * list[PADDING][d]);
    const bool batch = s.x->rank == 4;
    V x = batch ? a->in[0] : v_unsqueeze(b, a->in[0], (int64_t[]){0}, 1);
    V y = v_emit(b, &grad__op_columns, 1, &x, 4, v);
    if (!batch && !v_failed(b)) y = v_reshape(b, y, 2, v_shape(b, y)->dim + 1);
    *out = y;
    return 0;
}

const grad_op grad__op_unfold = {
    .name = "unfold",
    .doc =
        "The windows of x [batch, channels, height, width] as columns: [batch, channels times "
        "kernel elements, windows], both counted row by row.",
    .gradient = "dx = each column of g added to the window that it was",
    .in = X_ALONE,
    .attr = {{.name = "kernel", .type = ATTR_INTS, .required = true},
             {.name = "dilation", .type = ATTR_INTS, .otherwise = INT_(1)},
             {.name = "padding", .type = ATTR_INTS, .otherwise = INT_(0)},
             {.name = "stride", .type = ATTR_INTS, .otherwise = INT_(1)}},
    .types = TYPES_REAL,
    .expand = unfold_expand,
    .example =
        "unfold([[[1, 2, 3], [4, 5, 6]]], kernel=[1, 2]) -> [[1, 2, 4, 5], [2, 3, 5, 6]]\n"
        "unfold([[[[1, 2, 3], [4, 5, 6]]]], kernel=2) -> [[[1, 2], [2, 3], [4, 5], [5, 6]]]\n"
        "unfold([[[1, 2, 3], [4, 5, 6]]], kernel=[2, 1], dilation=[1, 2], padding=[0, 1], "
        "stride=[1, 2]) -> [[0, 2, 0], [0, 5, 0]]\n"
        "unfold([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], kernel=1, stride=2) -> [[1], [5]]",
    .trials =
        "[2,2,3,4] kernel=2; "
        "[2,3,3] kernel=[2,1] stride=[1,2]; "
        "[1,1,4,3] kernel=2 dilation=[2,1] padding=[1,0] stride=2; "
        "[0,2,3,3] kernel=2; "
        "[1,0,2,2] kernel=1; "
        "[1,1,1] kernel=1",
};

const grad_op *const grad__family_unfold[] = {
    &grad__op_unfold, &grad__op_columns, &grad__op_columns_back, NULL,
};
