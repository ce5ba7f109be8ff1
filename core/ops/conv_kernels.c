/* conv_kernels.c -- convolution, its transpose and its weights, by matrix products over columns.
 *
 * For one image and group, y = w columns(x), where w is channels of y by rows, a row being a tap
 * on a channel of x. The columns are made in blocks that stay in the second-level cache, and each
 * block is used up at once. Where a kernel of one tap walks x step by step, x is its own columns.
 */
#include <string.h>

#include "blas.h"
#include "conv_kernels.h"

enum {
    POSITIONS = 512,       /* in a block: matrix products want a few hundred columns */
    BLOCK_BYTES = 1 << 20, /* of columns */
    CHANNELS = 512,        /* of y, summed over at a time */
    MOST_PRODUCTS = 1 << 26 /* multiplications in one product, milliseconds */
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* What is being computed: where its tensors are, and the block at hand. */
typedef struct job {
    const grad_conv *c;
    size_t size;           /* bytes an element */
    int64_t rows;          /* of the whole matrix of columns: from * taps */
    grad_columns most;     /* the largest block */
    bool plain;            /* x is its own columns */
    char *x, *y, *w;       /* of the image and group */
    char *block;           /* the columns: scratch, or in x itself */
    grad_columns b;
    grad_frame *frame;
} job;

static bool is_plain(const grad_conv *c)
{
    bool plain = c->taps == 1;
    for (int d = 0; d < 3; d++)
        plain = plain && c->stride[d] == 1 && c->before[d] == 0 && c->in[d] == c->out[d];
    return plain;
}

/* Thin groups are summed tap by tap, unless x is its own columns. */
static bool is_thin(const grad_conv *c) { return !is_plain(c) && grad__conv_is_thin(c); }

static void largest_block(const grad_conv *c, size_t size, grad_columns *most)
{
    const int64_t rows = c->from * c->taps;
    most->n = smaller(c->positions, POSITIONS);
    most->rows = larger(1, smaller(rows, BLOCK_BYTES / ((int64_t)size * larger(1, most->n))));
    most->step = most->n;
}

size_t grad__conv_scratch(const grad_conv *c)
{
    grad_columns most;
    const size_t size = grad_dtype_size(c->dtype);
    largest_block(c, size, &most);
    const size_t block = is_plain(c) ? 0 : (size_t)most.rows * (size_t)most.n * size;
    const size_t thin = is_thin(c) ? grad__thin_scratch(c) : 0;
    return block > thin ? block : thin;
}

/* x, y and w are written to or read: what a job does with them, its product says. */
static job begin(const grad_conv *c, const void *x, const void *y, const void *w,
                 grad_frame *frame)
{
    job j = {.c = c, .size = grad_dtype_size(c->dtype), .rows = c->from * c->taps,
             .plain = is_plain(c), .frame = frame, .x = (char *)(uintptr_t)x,
             .y = (char *)(uintptr_t)y, .w = (char *)(uintptr_t)w};
    largest_block(c, j.size, &j.most);
    return j;
}

/* The job from one image and group to the next; the weights begin again with each image. */
static void step_on(job *j, int64_t group)
{
    const grad_conv *c = j->c;
    const size_t weights = (size_t)(c->to * j->rows) * j->size;
    j->x += (size_t)(c->from * c->places) * j->size;
    j->y += (size_t)(c->to * c->positions) * j->size;
    j->w += weights;
    if (group == c->groups - 1) j->w -= weights * (size_t)c->groups;
}

static void set_block(job *j, int64_t first, int64_t row)
{
    j->b = (grad_columns){.row = row, .first = first,
                          .rows = smaller(j->most.rows, j->rows - row),
                          .n = smaller(j->most.n, j->c->positions - first)};
    j->b.step = j->plain ? j->c->positions : j->b.n;
    j->block = j->plain ? j->x + (size_t)(row * j->c->positions + first) * j->size
                        : j->frame->scratch;
}

/* How many of `extent` to take at a time, when each of them costs `products`. */
static int64_t share(int64_t extent, int64_t products)
{
    return smaller(extent, larger(1, MOST_PRODUCTS / products));
}

/* ---- the three products of a block ----------------------------------------------------------- */

/* y += w columns(x), from the first row on without what y held. */
static int block_of_y(job *j)
{
    const grad_conv *c = j->c;
    const int64_t each = share(c->to, j->b.n * j->b.rows);
    grad_block p = {.dtype = c->dtype, .n = j->b.n, .k = j->b.rows, .onto = j->b.row > 0,
                    .y_step = c->positions, .a_step = j->rows, .b_step = j->b.step};
    if (!j->plain) grad__columns(c, &j->b, j->block, j->x);
    for (int64_t i = 0; i < c->to; i += each) {
        p.m = smaller(each, c->to - i);
        grad__blas_block(&p, j->y + (size_t)(i * c->positions + j->b.first) * j->size,
                         j->w + (size_t)(i * j->rows + j->b.row) * j->size, j->block);
        if (grad_stopped(j->frame)) return grad_frame_stopped(j->frame);
    }
    return 0;
}

/* columns(x) = w' y, added to x. */
static int block_of_x(job *j)
{
    const grad_conv *c = j->c;
    const int64_t depth = smaller(c->to, CHANNELS), each = share(j->b.rows, j->b.n * depth);
    grad_block p = {.dtype = c->dtype, .transpose_a = true, .n = j->b.n, .y_step = j->b.step,
                    .a_step = j->rows, .b_step = c->positions};
    for (int64_t k = 0; k < c->to; k += depth) {
        p.k = smaller(depth, c->to - k);
        p.onto = k > 0;
        for (int64_t i = 0; i < j->b.rows; i += each) {
            p.m = smaller(each, j->b.rows - i);
            grad__blas_block(&p, j->block + (size_t)(i * j->b.step) * j->size,
                             j->w + (size_t)(k * j->rows + j->b.row + i) * j->size,
                             j->y + (size_t)(k * c->positions + j->b.first) * j->size);
            if (grad_stopped(j->frame)) return grad_frame_stopped(j->frame);
        }
    }
    if (!j->plain) grad__columns_add(c, &j->b, j->block, j->x);
    return 0;
}

/* w += y columns(x)'. */
static int block_of_w(job *j)
{
    const grad_conv *c = j->c;
    const int64_t each = share(c->to, j->b.n * j->b.rows);
    grad_block p = {.dtype = c->dtype, .transpose_b = true, .n = j->b.rows, .k = j->b.n,
                    .onto = true, .y_step = j->rows, .a_step = c->positions, .b_step = j->b.step};
    if (!j->plain) grad__columns(c, &j->b, j->block, j->x);
    for (int64_t i = 0; i < c->to; i += each) {
        p.m = smaller(each, c->to - i);
        grad__blas_block(&p, j->w + (size_t)(i * j->rows + j->b.row) * j->size,
                         j->y + (size_t)(i * c->positions + j->b.first) * j->size, j->block);
        if (grad_stopped(j->frame)) return grad_frame_stopped(j->frame);
    }
    return 0;
}

/* ---- all blocks ------------------------------------------------------------------------------ */

static int each_block(job *j, int (*product)(job *j))
{
    if (j->rows == 0 || j->c->to == 0) return 0;
    for (int64_t image = 0; image < j->c->images; image++)
        for (int64_t group = 0; group < j->c->groups; step_on(j, group++))
            for (int64_t first = 0; first < j->c->positions; first += j->most.n)
                for (int64_t row = 0; row < j->rows; row += j->most.rows) {
                    set_block(j, first, row);
                    if (product(j) < 0) return -1;
                }
    return 0;
}

int grad__conv_y(const grad_conv *c, void *y, const void *x, const void *w, grad_frame *frame)
{
    if (is_thin(c)) return grad__thin_y(c, y, x, w, frame);
    job j = begin(c, x, y, w, frame);
    if (j.rows == 0)
        memset(y, 0, (size_t)(c->images * c->groups * c->to * c->positions) * j.size);
    return each_block(&j, block_of_y);
}

int grad__conv_x(const grad_conv *c, void *x, const void *y, const void *w, grad_frame *frame)
{
    if (is_thin(c)) return grad__thin_x(c, x, y, w, frame);
    job j = begin(c, x, y, w, frame);
    if (!j.plain || c->to == 0)
        memset(x, 0, (size_t)(c->images * c->groups * c->from * c->places) * j.size);
    return each_block(&j, block_of_x);
}

int grad__conv_w(const grad_conv *c, void *w, const void *x, const void *y, grad_frame *frame)
{
    /* With more channels the product over columns is faster again. */
    if (c->to == 1 && is_thin(c)) return grad__thin_w(c, w, x, y, frame);
    job j = begin(c, x, y, w, frame);
    memset(w, 0, (size_t)(c->groups * c->to * j.rows) * j.size);
    return each_block(&j, block_of_w);
}
