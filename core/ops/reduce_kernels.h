/* reduce_kernels.h -- walking a tensor under a reduction, and folding what is met on the way.
 *
 * A reduction sees a tensor as results, each made of a sequence of elements: the reduced axes in
 * row-major order. Results are computed in tiles, a few dozen side by side. The elements of a
 * tile come as rows: row r holds element r of the sequence of every result of the tile.
 *
 *     grad_tiles t;
 *     for (grad__tiles_begin(&t, shape, &axes, frame); grad__tiles_next(&t);)
 *         if (grad__fold(sums, &t, &grad__sum, &map, x) < 0) return -1;
 *         else for (size_t w = 0; w < t.width; w++) out[t.first + w] = sums[w].r;
 *
 * A fold combines the elements of a sequence along a tree that depends on their number alone: not
 * on where the reduced axes stand, nor on how results were tiled. Fewer than eight are combined
 * from left to right; more are dealt to eight lanes in blocks of 128, and blocks are joined in
 * pairs. So a sum of a million numbers has an error of about twenty roundings, and the same bits in
 * any layout and on any processor.
 */
#ifndef GRAD_OPS_REDUCE_KERNELS_H
#define GRAD_OPS_REDUCE_KERNELS_H

#include "op.h"

enum { GRAD_TILE = 64 }; /* results side by side, at most */

/* Folds work in float64, or in int64 for integers and booleans. */
typedef union grad_cell {
    double r;
    int64_t i;
} grad_cell;

/* ---- the walk -------------------------------------------------------------------------------- */

typedef struct grad_span_axis {
    int64_t n, step; /* places, and elements from one to the next */
} grad_span_axis;

typedef struct grad_tiles {
    int64_t count;      /* elements in a sequence */
    int64_t start;      /* where element 0 of the tile's first sequence stands */
    int64_t first;      /* the tile's first result */
    size_t width;       /* results in the tile */
    int64_t step;       /* elements from one result's sequence to the next one's */
    grad_frame *frame;
    /* the rest is private */
    int n_kept, n_reduced; /* axes around the columns; axes of a sequence, outermost first */
    grad_span_axis kept[GRAD_RANK_MAX], reduced[GRAD_RANK_MAX];
    int64_t columns, column; /* results along the axis that tiles run along; the tile's first */
    int64_t at[GRAD_RANK_MAX];
    int64_t corner;     /* start of column 0 */
    int64_t results;
    size_t since;       /* elements met since the stop flag was looked at */
} grad_tiles;

/* axes: sorted and distinct, as grad_infer_axes leaves them. */
void grad__tiles_begin(grad_tiles *t, const grad_shape *shape, const grad_value *axes,
                      grad_frame *frame);
bool grad__tiles_next(grad_tiles *t);

/* The rows of a tile, as spans of rows equally far apart: row i is at start + i * step. */
typedef struct grad_rows {
    int64_t start, step, n;
    int64_t at[GRAD_RANK_MAX]; /* private */
    bool begun;
} grad_rows;

/* Start with {0}. grad__rows_before gives the spans from the last to the first; the rows in them
   are the caller's to reverse. */
bool grad__rows_next(grad_rows *r, const grad_tiles *t);
bool grad__rows_before(grad_rows *r, const grad_tiles *t);

/* To be called now and then with the number of elements just met: -1 when the run is stopped. */
int grad__tiles_poll(grad_tiles *t, size_t elements);

/* ---- maps: elements as cells ----------------------------------------------------------------- */

/* out[i] = f(x[i * step]) for n elements; p[i * p_step], where p_step is 0 or 1, and q are whatever
   f takes. */
typedef void (*grad_load)(grad_cell *out, const void *x, size_t n, int64_t step, const double *p,
                          size_t p_step, double q);

typedef enum grad_map_kind {
    MAP_PLAIN,     /* x */
    MAP_DEVIATION, /* (x - p)^2 */
    MAP_EXP,       /* exp(x - p) */
    MAP_ABS,       /* |x| */
    MAP_SQUARE,    /* (x / p)^2 */
    MAP_POWER,     /* |x / p|^q */
    MAP_NONZERO,   /* 1 where x is not 0 */
    MAP_KINDS
} grad_map_kind;

typedef struct grad_map {
    grad_map_kind kind; /* all but MAP_PLAIN want floating-point elements */
    grad_dtype dtype;   /* of the elements */
    const double *p;    /* one a result of the tile; NULL where the map takes none */
    double q;
} grad_map;

grad_load grad__map_load(grad_map_kind kind, grad_dtype dtype);

/* ---- folds ----------------------------------------------------------------------------------- */

/* acc[i] = acc[i] . x[i]; and the same for n groups of eight dealt to eight accumulators. */
typedef struct grad_fold_row {
    void (*row)(void *restrict acc, const void *restrict x, size_t n); /* cells */
    void (*eights)(void *restrict acc, const void *restrict x, size_t n);
    grad_cell identity; /* exactly: identity . x is x, the sign of zero included */
    grad_cell empty;    /* of no elements */
} grad_fold_row;

/* The largest and the smallest keep a NaN. */
extern const grad_fold_row grad__sum, grad__product, grad__largest, grad__smallest;
extern const grad_fold_row grad__sum_int, grad__product_int, grad__largest_int, grad__smallest_int;

/* out[w]: the fold of result w of the tile. Returns -1 when stopped. */
int grad__fold(grad_cell *out, grad_tiles *t, const grad_fold_row *f, const grad_map *map,
              const void *x);
/* Writes the tile's results; float32 ones are rounded once, here. */
void grad__tiles_store(const grad_tiles *t, void *out, grad_dtype dtype, const grad_cell *x);

/* ---- what the rows of reductions share (reduce.c) -------------------------------------------- */

#define GRAD_AXIS_ATTRIBUTE                                                                       \
    {.name = "axis", .type = ATTR_INTS, .nullable = true, .otherwise = NOTHING}
#define GRAD_KEEPDIMS_ATTRIBUTE {.name = "keepdims", .type = ATTR_BOOL, .otherwise = BOOL_(false)}

/* The shape rule: in[0] without the axes of attr[axis], or with them of size 1. */
int grad__infer_reduction(grad_infer *f, size_t axis, size_t keepdims);
/* ... where an empty sequence has no result. */
int grad__infer_reduction_of_some(grad_infer *f, size_t axis, size_t keepdims);
/* How many elements of in[0] make one result. */
int64_t grad__reduced(B *b, const grad_pull *p, size_t axis);
/* v, of the result's shape, as it broadcasts to in[0]. */
V grad__spread(B *b, const grad_pull *p, V v, size_t axis, size_t keepdims);
/* op (a reduction with the attributes axis, keepdims) of v along the same axes, which stay. */
V grad__along(B *b, const grad_pull *p, const grad_op *op, V v, size_t axis);

extern const grad_op grad__op_sum, grad__op_mean;

double grad__work_of_first(const grad_call *c);      /* a flop an element of in[0] */
double grad__work_of_first_exp(const grad_call *c);  /* twenty-odd */

#endif
