/* conv_primitives.c -- the three operators that convolutions are made of, and their derivatives.
 *
 * They are the three sums of products of conv_kernels.h. The derivative of each with respect to
 * either operand is one of the other two, so that every order of derivative is there.
 */
#include "conv_primitives.h"

#include "conv_kernels.h"

enum { STRIDE, DILATION, PADS, GROUPS, SIZE };

/* Which operand, or -1 for the result, is x, y and w. */
typedef struct places {
    int x, y, w;
} places;
static const places conv_places = {0, -1, 1}, conv_x_places = {-1, 0, 1};
static const places conv_w_places = {0, 1, -1};

/* The geometry, from shapes that fit each other. */
static void geometry(grad_conv *c, grad_dtype dtype, const int64_t *x, const int64_t *y,
                     const int64_t *w, const grad_value *attr)
{
    int64_t before[3];
    const int axes = (int)attr[STRIDE].n;
    *c = (grad_conv){.dtype = dtype, .images = x[0], .groups = attr[GROUPS].i, .from = w[1],
                     .to = w[0] / attr[GROUPS].i};
    for (int d = 0; d < axes; d++) before[d] = attr[PADS].list[2 * d];
    grad__conv_geometry(c, axes, x + 2, y + 2, w + 2, attr[STRIDE].list, attr[DILATION].list,
                        before);
}

static void geometry_of(grad_conv *c, const grad_call *call, const places *at)
{
    const grad_shape *x = at->x < 0 ? call->shape : call->in[at->x];
    const grad_shape *y = at->y < 0 ? call->shape : call->in[at->y];
    const grad_shape *w = at->w < 0 ? call->shape : call->in[at->w];
    geometry(c, call->dtype, x->dim, y->dim, w->dim, call->attr);
}

static int conv_kernel(const grad_call *call, void *out, const void *const *in, grad_frame *frame)
{
    grad_conv c;
    geometry_of(&c, call, &conv_places);
    return grad__conv_y(&c, out, in[0], in[1], frame);
}

static int conv_x_kernel(const grad_call *call, void *out, const void *const *in,
                         grad_frame *frame)
{
    grad_conv c;
    geometry_of(&c, call, &conv_x_places);
    return grad__conv_x(&c, out, in[0], in[1], frame);
}

static int conv_w_kernel(const grad_call *call, void *out, const void *const *in,
                         grad_frame *frame)
{
    grad_conv c;
    geometry_of(&c, call, &conv_w_places);
    return grad__conv_w(&c, out, in[0], in[1], frame);
}

static double work(const grad_call *call, const places *at)
{
    grad_conv c;
    geometry_of(&c, call, at);
    return 2 * (double)c.images * (double)c.groups * (double)c.to * (double)c.from *
           (double)c.taps * (double)c.positions;
}

static double conv_work(const grad_call *c) { return work(c, &conv_places); }
static double conv_x_work(const grad_call *c) { return work(c, &conv_x_places); }
static double conv_w_work(const grad_call *c) { return work(c, &conv_w_places); }

static size_t scratch(const grad_call *call, const places *at)
{
    grad_conv c;
    geometry_of(&c, call, at);
    return grad__conv_scratch(&c);
}

static size_t conv_scratch(const grad_call *c) { return scratch(c, &conv_places); }
static size_t conv_x_scratch(const grad_call *c) { return scratch(c, &conv_x_places); }
static size_t conv_w_scratch(const grad_call *c) { return scratch(c, &conv_w_places); }

/* ---- shapes: whoever appends these has checked them ------------------------------------------ */

static int conv_infer(grad_infer *f)
{
    const int64_t *x = f->in[0]->dim, *w = f->in[1]->dim;
    const int axes = (int)f->attr[STRIDE].n;
    f->rank = axes + 2;
    f->dim[0] = x[0];
    f->dim[1] = w[0];
    for (int d = 0; d < axes; d++) {
        const int64_t span = grad__span(w[2 + d], f->attr[DILATION].list[d]);
        const int64_t *pads = f->attr[PADS].list + 2 * d;
        const int64_t room = x[2 + d] + pads[0] + pads[1] - span;
        if (room < 0)
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL,
                                   "the kernel is larger than the padded input");
        f->dim[2 + d] = room / f->attr[STRIDE].list[d] + 1;
    }
    return 0;
}

static int conv_x_infer(grad_infer *f)
{
    const int64_t *y = f->in[0]->dim, *w = f->in[1]->dim;
    const int axes = (int)f->attr[STRIDE].n;
    f->rank = axes + 2;
    f->dim[0] = y[0];
    f->dim[1] = w[1] * f->attr[GROUPS].i;
    for (int d = 0; d < axes; d++) f->dim[2 + d] = f->attr[SIZE].list[d];
    return 0;
}

static int conv_w_infer(grad_infer *f)
{
    const int64_t *x = f->in[0]->dim, *y = f->in[1]->dim;
    const int axes = (int)f->attr[STRIDE].n;
    f->rank = axes + 2;
    f->dim[0] = y[1];
    f->dim[1] = x[1] / f->attr[GROUPS].i;
    for (int d = 0; d < axes; d++) f->dim[2 + d] = f->attr[SIZE].list[d];
    return 0;
}

/* ---- derivatives ----------------------------------------------------------------------------- */

/* The same convolution's other products; `like` has the sizes of x, or of w. */
static V emit(B *b, const grad_op *op, V left, V right, const grad_value *attr, V like)
{
    grad_value v[] = {attr[STRIDE], attr[DILATION], attr[PADS], attr[GROUPS], NOTHING};
    const bool sized = like != GRAD_NONE;
    if (sized) v[SIZE] = grad__list(v_shape(b, like)->dim + 2, attr[STRIDE].n);
    return v_emit(b, op, 2, (V[]){left, right}, sized ? 5 : 4, v);
}

static void conv_rule(B *b, const grad_pull *p)
{
    const V x = p->in[0], w = p->in[1];
    pull(p, 0, emit(b, &grad__op_conv_x, p->g, w, p->attr, x));
    pull(p, 1, emit(b, &grad__op_conv_w, x, p->g, p->attr, w));
}

static void conv_x_rule(B *b, const grad_pull *p)
{
    const V y = p->in[0], w = p->in[1];
    pull(p, 0, emit(b, &grad__op_conv, p->g, w, p->attr, GRAD_NONE));
    pull(p, 1, emit(b, &grad__op_conv_w, p->g, y, p->attr, w));
}

static void conv_w_rule(B *b, const grad_pull *p)
{
    const V x = p->in[0], y = p->in[1];
    pull(p, 0, emit(b, &grad__op_conv_x, y, p->g, p->attr, x));
    pull(p, 1, emit(b, &grad__op_conv, x, p->g, p->attr, GRAD_NONE));
}

/* ---- the table ------------------------------------------------------------------------------- */

#define GEOMETRY                                                                                  \
    {.name = "stride", .type = ATTR_INTS, .required = true},                                      \
        {.name = "dilation", .type = ATTR_INTS, .required = true},                                \
        {.name = "pads", .type = ATTR_PAIRS, .required = true},                                   \
        {.name = "groups", .type = ATTR_INT, .otherwise = INT_(1)}
#define SIZED {GEOMETRY, {.name = "size", .type = ATTR_INTS, .required = true}}

const grad_op grad__op_conv = {
    .name = "conv",
    .doc = "Each channel of the result is the sum of the group's channels of x, each correlated "
           "with its kernel in w: at position i and tap t stands the place i stride + t dilation - "
           "pads of x.",
    .gradient = "dx = conv_x(g, w), dw = conv_w(x, g)",
    .in = {{.name = "x"}, {.name = "w"}},
    .attr = {GEOMETRY},
    .types = TYPES_REAL,
    .infer = conv_infer,
    .kernel = conv_kernel,
    .scratch = conv_scratch,
    .work = conv_work,
    .internal = true,
    .rule = conv_rule,
    .example =
        "conv([[[1, 2, 3, 4]]], [[[1, 10]]], stride=1, dilation=1, pads=[[0, 0]]) -> "
        "[[[21, 32, 43]]]\n"
        "conv([[[1, 2, 3, 4]]], [[[1, 10]]], stride=2, dilation=2, pads=[[1, 2]]) -> "
        "[[[20, 42, 4]]]\n"
        "conv([[[1, 2, 3, 4]]], [[[1, 10]]], stride=1, dilation=1, pads=[[-1, -1]]) -> [[[32]]]",
    .trials = "[2,2,5] [3,2,2] stride=2 dilation=1 pads=[[1,0]]; "
              "[1,4,5] [2,2,2] stride=1 dilation=3 pads=[[2,-1]] groups=2; "
              "[1,2,3,4] [2,2,2,1] stride=[1,2] dilation=[1,1] pads=[[0,1],[0,0]]; "
              "[1,1,2,3,2] [1,1,2,1,2] stride=[1,1,1] dilation=[1,1,1] pads=[[1,0],[0,0],[0,0]]; "
              "[0,2,3] [2,2,2] stride=1 dilation=1 pads=[[0,0]]; "
              "[1,2,19] [2,1,3] stride=2 dilation=2 pads=[[2,1]] groups=2; "
              "[2,1,5,6] [2,1,2,3] stride=[1,2] dilation=[3,1] pads=[[1,2],[3,-1]]; "
              "[1,1,3,4,3] [1,1,2,2,2] stride=[1,2,1] dilation=[2,1,1] pads=[[1,1],[1,0],[1,1]]",
};

const grad_op grad__op_conv_x = {
    .name = "conv_x",
    .doc = "The adjoint of conv in x: every element of y times its kernel in w is added to the "
           "places that conv would have read, in a tensor of the given spatial size.",
    .gradient = "dy = conv(g, w), dw = conv_w(g, y)",
    .in = {{.name = "y"}, {.name = "w"}},
    .attr = SIZED,
    .types = TYPES_REAL,
    .infer = conv_x_infer,
    .kernel = conv_x_kernel,
    .scratch = conv_x_scratch,
    .work = conv_x_work,
    .internal = true,
    .rule = conv_x_rule,
    .example =
        "conv_x([[[1, 2, 3]]], [[[1, 10]]], stride=1, dilation=1, pads=[[0, 0]], size=4) -> "
        "[[[1, 12, 23, 30]]]\n"
        "conv_x([[[1, 2, 3]]], [[[1, 10]]], stride=2, dilation=2, pads=[[1, 2]], size=4) -> "
        "[[[0, 12, 0, 23]]]",
    .trials = "[2,3,3] [3,2,2] stride=2 dilation=1 pads=[[1,0]] size=5; "
              "[1,2,3] [2,2,2] stride=1 dilation=3 pads=[[2,-1]] groups=2 size=5; "
              "[1,2,3,2] [2,2,2,1] stride=[1,2] dilation=[1,1] pads=[[0,1],[0,0]] size=[3,4]; "
              "[0,2,2] [2,2,2] stride=1 dilation=1 pads=[[0,0]] size=3; "
              "[1,2,9] [2,1,3] stride=2 dilation=2 pads=[[2,1]] groups=2 size=19; "
              "[2,2,5,4] [2,1,2,3] stride=[1,2] dilation=[3,1] pads=[[1,2],[3,-1]] size=[5,7]",
};

const grad_op grad__op_conv_w = {
    .name = "conv_w",
    .doc = "The adjoint of conv in w: for every tap of kernels of the given size, the sum over the "
           "batch of x times y at the places and positions that the tap joins.",
    .gradient = "dx = conv_x(y, g), dy = conv(x, g)",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = SIZED,
    .types = TYPES_REAL,
    .infer = conv_w_infer,
    .kernel = conv_w_kernel,
    .scratch = conv_w_scratch,
    .work = conv_w_work,
    .internal = true,
    .rule = conv_w_rule,
    .example =
        "conv_w([[[1, 2, 3, 4]]], [[[1, 10, 100]]], stride=1, dilation=1, pads=[[0, 0]], size=2) "
        "-> [[[321, 432]]]\n"
        "conv_w([[[1, 2, 3, 4]]], [[[1, 10, 100]]], stride=2, dilation=2, pads=[[1, 2]], size=2) "
        "-> [[[420, 42]]]",
    .trials = "[2,2,5] [2,3,3] stride=2 dilation=1 pads=[[1,0]] size=2; "
              "[1,4,5] [1,2,3] stride=1 dilation=3 pads=[[2,-1]] groups=2 size=2; "
              "[1,2,3,4] [1,2,3,2] stride=[1,2] dilation=[1,1] pads=[[0,1],[0,0]] size=[2,1]; "
              "[0,2,3] [0,2,2] stride=1 dilation=1 pads=[[0,0]] size=2; "
              "[1,2,19] [1,2,9] stride=2 dilation=2 pads=[[2,1]] groups=2 size=3; "
              "[2,1,5,7] [2,1,5,4] stride=[1,2] dilation=[3,1] pads=[[1,2],[3,-1]] size=[2,3]",
};
