/* conv_columns.c -- the columns that a convolution multiplies its weights with, block by block.
 *
 * A row of the block is one tap on one channel. Its positions are walked in pieces that lie on one
 * row of x, so that a piece is a copy with zeros before and after it.
 */
#include <string.h>

#include "conv_kernels.h"

void grad__conv_geometry(grad_conv *c, int axes, const int64_t *in, const int64_t *out,
                         const int64_t *kernel, const int64_t *stride, const int64_t *dilation,
                         const int64_t *before)
{
    c->places = c->positions = c->taps = 1;
    for (int d = 0; d < 3; d++) {
        const int k = d - (3 - axes);
        c->in[d] = k < 0 ? 1 : in[k];
        c->out[d] = k < 0 ? 1 : out[k];
        c->kernel[d] = k < 0 ? 1 : kernel[k];
        c->stride[d] = k < 0 || !stride ? 1 : stride[k];
        c->dilation[d] = k < 0 || !dilation ? 1 : dilation[k];
        c->before[d] = k < 0 || !before ? 0 : before[k];
        c->places *= c->in[d];
        c->positions *= c->out[d];
        c->taps *= c->kernel[d];
    }
}

/* n positions in a row of y. Element i meets start + i * stride of a row of x, and is on it for low
   <= i < high. */
typedef struct piece {
    int64_t n, low, high, start;
} piece;

typedef struct walk {
    const grad_conv *c;
    const grad_columns *b;
    int64_t row, in_block; /* the row, and where the block has it */
    int64_t channel, tap[3];
    int64_t at, place[3];  /* positions done in the row; where the next one is in y */
    int64_t row_of_x;      /* from the beginning of the channel; -1: off it */
    piece piece;
} walk;

static void walk_begin(walk *w, const grad_conv *c, const grad_columns *b)
{
    *w = (walk){.c = c, .b = b, .row = b->row - 1, .in_block = -b->step};
}

static bool walk_row(walk *w)
{
    const grad_conv *c = w->c;
    if (++w->row == w->b->row + w->b->rows) return false;
    int64_t tap = w->row % c->taps, first = w->b->first;
    w->in_block += w->b->step;
    w->channel = w->row / c->taps;
    for (int d = 2; d >= 0; d--) {
        w->tap[d] = tap % c->kernel[d];
        tap /= c->kernel[d];
        w->place[d] = first % c->out[d];
        first /= c->out[d];
    }
    w->at = w->piece.n = 0;
    return true;
}

static int64_t meets(const walk *w, int d)
{
    return w->place[d] * w->c->stride[d] + w->tap[d] * w->c->dilation[d] - w->c->before[d];
}

/* The i for which start + i * stride is on the row of x. */
static void clip(piece *p, int64_t size, int64_t stride)
{
    const int64_t start = p->start;
    p->low = start >= 0 ? 0 : stride == 1 ? -start : (stride - 1 - start) / stride;
    p->high = start >= size ? 0 : stride == 1 ? size - start : (size - 1 - start) / stride + 1;
    if (p->high > p->n) p->high = p->n;
    if (p->low > p->n) p->low = p->n;
    if (p->high < p->low) p->high = p->low;
}

/* The next piece of the row: up to the end of a row of y, or of the block. */
static bool walk_piece(walk *w)
{
    const grad_conv *c = w->c;
    w->at += w->piece.n;
    if (w->at == w->b->n) return false;
    if (w->piece.n) {
        w->place[2] = 0;
        if (++w->place[1] == c->out[1]) {
            w->place[1] = 0;
            w->place[0]++;
        }
    }
    const int64_t rest = w->b->n - w->at, width = c->out[2] - w->place[2];
    const int64_t deep = meets(w, 0), high = meets(w, 1);
    const bool on = deep >= 0 && deep < c->in[0] && high >= 0 && high < c->in[1];
    w->piece.n = rest < width ? rest : width;
    w->piece.start = meets(w, 2);
    w->row_of_x = on ? (deep * c->in[1] + high) * c->in[2] : -1;
    if (on) clip(&w->piece, c->in[2], c->stride[2]);
    return true;
}

#define T double
#define NAME float64
#include "conv_columns_loops.h"

#define T float
#define NAME float32
#include "conv_columns_loops.h"

void grad__columns(const grad_conv *c, const grad_columns *b, void *block, const void *x)
{
    if (c->dtype == GRAD_FLOAT64) columns_float64(c, b, block, x);
    else columns_float32(c, b, block, x);
}

void grad__columns_add(const grad_conv *c, const grad_columns *b, const void *block, void *x)
{
    if (c->dtype == GRAD_FLOAT64) columns_add_float64(c, b, block, x);
    else columns_add_float32(c, b, block, x);
}
