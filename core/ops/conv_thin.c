/* conv_thin.c -- convolutions in groups of few channels, where a matrix product has too few rows.
 *
 * The elements that a block of results is made of are packed so that for each tap they lie in the
 * order of the results, at a distance of the tap's own: then results are sums of whole vectors.
 * Places of the input that a stride leads to are packed by their remainder, and for the adjoint the
 * x of a remainder are sums over the taps that meet it. Rows are packed with the columns that a
 * kernel overlaps; what is computed for these is not used.
 */
#include <string.h>

#include "conv_kernels.h"

enum {
    VECTOR_BYTES = 16,
    VECTORS = 8,       /* results computed at a time */
    SLACK = VECTORS * VECTOR_BYTES / 4, /* elements touched beyond an end, at most */
    PACKED = 8192,     /* elements packed at a time, if that is a row at all */
    MOST_PACKED = 1 << 16,
    COLUMNS = 512,     /* results in a row of a block */
    CHANNELS_BYTES = 16, /* channels of y in a group: up to two in float64, four in float32 */
    MOST_STRIDE = 8,
    LEAST_POSITIONS = 8,
    MOST_DILATION = 4096,
    MOST_TAPS = 1024   /* times channels of x */
};

/* How a block is packed: `rows` by `columns` results, which read up to reach[] places further. */
typedef struct packing {
    int64_t rows, columns, pitch, plane; /* plane: elements of rows by pitch */
    int64_t planes;                      /* of a channel */
    int64_t rests[3], reach[3];          /* remainders of the stride, and whole strides, of taps */
    int64_t elements;                    /* all channels together */
} packing;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* `high` and `wide` are the extents of the results; by_rest: are remainders packed apart? */
static packing pack_plan(const grad_conv *c, int64_t channels, int64_t high, int64_t wide,
                         bool by_rest)
{
    packing p;
    for (int d = 0; d < 3; d++) {
        const int64_t last = (c->kernel[d] - 1) * c->dilation[d];
        p.rests[d] = by_rest ? smaller(c->stride[d], last + 1) : 1;
        p.reach[d] = last / c->stride[d];
    }
    p.columns = smaller(wide, COLUMNS);
    p.pitch = p.columns + p.reach[2];
    p.planes = c->kernel[0] * p.rests[1] * p.rests[2];
    p.rows = PACKED / (channels * p.planes * p.pitch) - p.reach[1];
    p.rows = smaller(high, larger(1, p.rows));
    p.plane = (p.rows + p.reach[1]) * p.pitch;
    p.elements = channels * p.planes * p.plane;
    return p;
}

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -1 - (-1 - a) / b; }

/* Place i of x is what a tap without remainder meets from position `base`: the extent of these. */
static void bases(const grad_conv *c, int d, int64_t *first, int64_t *n)
{
    *first = floor_div(c->before[d], c->stride[d]);
    *n = floor_div(c->in[d] - 1 + c->before[d], c->stride[d]) - *first + 1;
}

static packing plan_y(const grad_conv *c)
{
    return pack_plan(c, c->from, c->out[1], c->out[2], true);
}

static packing plan_x(const grad_conv *c)
{
    int64_t first, high, wide;
    bases(c, 1, &first, &high);
    bases(c, 2, &first, &wide);
    return pack_plan(c, c->to, high, wide, false);
}

bool grad__conv_is_thin(const grad_conv *c)
{
    const int64_t size = (int64_t)grad_dtype_size(c->dtype);
    if (c->to > CHANNELS_BYTES / size || c->to == 0 || c->positions < LEAST_POSITIONS ||
        c->from == 0 || c->from > MOST_TAPS || c->taps > MOST_TAPS || c->from * c->taps > MOST_TAPS)
        return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] > MOST_STRIDE || c->dilation[d] > MOST_DILATION) return false;
    return plan_y(c).elements <= MOST_PACKED && plan_x(c).elements <= MOST_PACKED;
}

/* Packed elements, a block of results, one kernel's weights, and where its taps read. */
size_t grad__thin_scratch(const grad_conv *c)
{
    const packing y = plan_y(c), x = plan_x(c);
    const int64_t taps = larger(c->from, c->to) * c->taps;
    const int64_t elements = larger(y.elements, x.elements) + larger(y.plane, x.plane) +
                             2 * SLACK + taps;
    return (size_t)elements * grad_dtype_size(c->dtype) + (size_t)taps * sizeof(int32_t);
}

#define T double
#define NAME float64
#include "conv_thin_loops.h"

#define T float
#define NAME float32
#include "conv_thin_loops.h"

int grad__thin_y(const grad_conv *c, void *y, const void *x, const void *w, grad_frame *frame)
{
    return c->dtype == GRAD_FLOAT64 ? thin_y_float64(c, y, x, w, frame)
                                    : thin_y_float32(c, y, x, w, frame);
}

int grad__thin_x(const grad_conv *c, void *x, const void *y, const void *w, grad_frame *frame)
{
    return c->dtype == GRAD_FLOAT64 ? thin_x_float64(c, x, y, w, frame)
                                    : thin_x_float32(c, x, y, w, frame);
}

int grad__thin_w(const grad_conv *c, void *w, const void *x, const void *y, grad_frame *frame)
{
    return c->dtype == GRAD_FLOAT64 ? thin_w_float64(c, w, x, y, frame)
                                    : thin_w_float32(c, w, x, y, frame);
}
