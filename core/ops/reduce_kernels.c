/* reduce_kernels.c -- tiles of results, rows of elements, and the tree along which they combine. */
#include "reduce_kernels.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 8,
    BLOCK = 128,      /* elements of a sequence that the lanes take before they are joined */
    LEVELS = 57,      /* blocks are at most 2^56 */
    BUFFER = 512,     /* cells that a map writes at a time */
    SHORT = 32,       /* sequences of adjacent elements that are shorter are taken side by side */
    POLL = 1 << 16,   /* elements between two looks at the stop flag */
    PIECE = 1 << 14,  /* rows of one element taken at a time */
};

/* ---- the walk -------------------------------------------------------------------------------- */

/* Axes of one kind that follow each other become one; those of size 1 go. */
static int merge(grad_span_axis *axis, bool *reduced, const grad_shape *s, const grad_value *axes)
{
    int n = 0;
    int64_t step = s->count;
    bool in[GRAD_RANK_MAX] = {false};
    for (uint32_t i = 0; i < axes->n; i++)
        if (axes->list[i] < s->rank) in[axes->list[i]] = true;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] == 1) continue;
        if (s->dim[i]) step /= s->dim[i];
        if (n && reduced[n - 1] == in[i]) {
            axis[n - 1] = (grad_span_axis){axis[n - 1].n * s->dim[i], step};
        } else {
            axis[n] = (grad_span_axis){s->dim[i], step};
            reduced[n++] = in[i];
        }
    }
    return n;
}

void grad__tiles_begin(grad_tiles *t, const grad_shape *shape, const grad_value *axes,
                      grad_frame *frame)
{
    grad_span_axis axis[GRAD_RANK_MAX];
    bool reduced[GRAD_RANK_MAX];
    int n = merge(axis, reduced, shape, axes), columns = -1;
    *t = (grad_tiles){.count = 1, .columns = 1, .results = 1, .column = -1, .frame = frame};
    /* Tiles run along the last axis if it is kept. If it is reduced, results stand alone, unless
       their sequences are so short that it pays to pick their elements from afar. */
    if (n && !reduced[n - 1]) columns = n - 1;
    else if (n == 2 && axis[1].n < SHORT) columns = 0;
    for (int i = 0; i < n; i++) {
        if (reduced[i]) {
            t->reduced[t->n_reduced++] = axis[i];
            t->count *= axis[i].n;
        } else {
            t->results *= axis[i].n;
            if (i != columns) t->kept[t->n_kept++] = axis[i];
        }
    }
    if (columns >= 0) {
        t->columns = axis[columns].n;
        t->step = axis[columns].step;
    }
}

bool grad__tiles_next(grad_tiles *t)
{
    if (t->column < 0) {
        t->column = 0;
        if (t->results == 0) return false;
    } else {
        t->first += (int64_t)t->width;
        t->column += (int64_t)t->width;
        if (t->column == t->columns) {
            int i = t->n_kept - 1;
            t->column = 0;
            for (; i >= 0; i--) { /* the next corner, as an odometer counts */
                t->corner += t->kept[i].step;
                if (++t->at[i] < t->kept[i].n) break;
                t->corner -= t->kept[i].step * t->kept[i].n;
                t->at[i] = 0;
            }
            if (i < 0) return false;
        }
    }
    int64_t left = t->columns - t->column;
    t->width = (size_t)(left < GRAD_TILE ? left : GRAD_TILE);
    t->start = t->corner + t->column * t->step;
    return true;
}

bool grad__rows_next(grad_rows *r, const grad_tiles *t)
{
    int last = t->n_reduced - 1;
    if (!r->begun) {
        *r = (grad_rows){.start = t->start, .n = 1, .begun = true};
        if (last >= 0) r->n = t->reduced[last].n, r->step = t->reduced[last].step;
        return t->count > 0;
    }
    for (int i = last - 1; i >= 0; i--) {
        r->start += t->reduced[i].step;
        if (++r->at[i] < t->reduced[i].n) return true;
        r->start -= t->reduced[i].step * t->reduced[i].n;
        r->at[i] = 0;
    }
    return false;
}

bool grad__rows_before(grad_rows *r, const grad_tiles *t)
{
    int last = t->n_reduced - 1;
    if (!r->begun) {
        if (!grad__rows_next(r, t)) return false;
        for (int i = 0; i < last; i++) {
            r->at[i] = t->reduced[i].n - 1;
            r->start += t->reduced[i].step * r->at[i];
        }
        return true;
    }
    for (int i = last - 1; i >= 0; i--) {
        r->start -= t->reduced[i].step;
        if (r->at[i]-- > 0) return true;
        r->start += t->reduced[i].step * t->reduced[i].n;
        r->at[i] = t->reduced[i].n - 1;
    }
    return false;
}

int grad__tiles_poll(grad_tiles *t, size_t elements)
{
    if ((t->since += elements) < POLL) return 0;
    t->since = 0;
    return grad_stopped(t->frame) ? grad_frame_stopped(t->frame) : 0;
}

/* ---- maps ------------------------------------------------------------------------------------ */

#define LOAD(name, type, field, value)                                                            \
    static void name(grad_cell *out, const void *data, size_t n, int64_t step, const double *of,  \
                     size_t p_step, double q)                                                     \
    {                                                                                             \
        const type *restrict x = data;                                                            \
        const double *restrict own = of, same = of ? *of : 0;                                     \
        grad_cell *restrict y = out;                                                              \
        (void)own, (void)same, (void)q;                                                           \
        if (p_step) for (size_t i = 0; i < n; i++) y[i].field = value(x[(int64_t)i * step], own[i]);\
        else for (size_t i = 0; i < n; i++) y[i].field = value(x[(int64_t)i * step], same);       \
    }
#define TO_DOUBLE(x, p) (double)(x)
#define TO_INT(x, p) (int64_t)(x)
#define SQUARED(x) (x) * (x)
#define DEVIATION(x, p) SQUARED((double)(x) - (p))
#define EXP(x, p) exp((double)(x) - (p))
#define ABS(x, p) fabs((double)(x))
#define SQUARE(x, p) SQUARED((double)(x) / (p))
#define POWER(x, p) pow(fabs((double)(x)) / (p), q)
#define NONZERO(x, p) ((x) != 0)

#define REAL_LOADS(type)                                                                          \
    LOAD(plain_##type, type, r, TO_DOUBLE)                                                        \
    LOAD(deviation_##type, type, r, DEVIATION)                                                    \
    LOAD(exp_##type, type, r, EXP)                                                                \
    LOAD(abs_##type, type, r, ABS)                                                                \
    LOAD(square_##type, type, r, SQUARE)                                                          \
    LOAD(power_##type, type, r, POWER)                                                            \
    LOAD(nonzero_##type, type, r, NONZERO)
REAL_LOADS(double)
REAL_LOADS(float)
LOAD(plain_int64, int64_t, i, TO_INT)
LOAD(plain_int32, int32_t, i, TO_INT)
LOAD(plain_bool, uint8_t, i, TO_INT)

#define REAL_ROW(type)                                                                            \
    {                                                                                             \
        [MAP_PLAIN] = plain_##type, [MAP_DEVIATION] = deviation_##type, [MAP_EXP] = exp_##type,   \
        [MAP_ABS] = abs_##type, [MAP_SQUARE] = square_##type, [MAP_POWER] = power_##type,         \
        [MAP_NONZERO] = nonzero_##type,                                                           \
    }
static const grad_load loads[GRAD_DTYPES][MAP_KINDS] = {
    [GRAD_FLOAT64] = REAL_ROW(double),
    [GRAD_FLOAT32] = REAL_ROW(float),
    [GRAD_INT64] = {plain_int64},
    [GRAD_INT32] = {plain_int32},
    [GRAD_BOOL] = {plain_bool},
};

grad_load grad__map_load(grad_map_kind kind, grad_dtype dtype)
{
    return loads[dtype][kind];
}

/* ---- folds ----------------------------------------------------------------------------------- */

/* Runs of eight have a length the compiler knows, so that it makes vectors of them at -O2 too. */
#define FOLD(name, type, field, combine, start, none)                                             \
    static void name##_row(void *restrict to, const void *restrict from, size_t n)                \
    {                                                                                             \
        type *restrict acc = to;                                                                  \
        const type *restrict x = from;                                                            \
        for (; n >= LANES; n -= LANES, acc += LANES, x += LANES)                                  \
            for (int u = 0; u < LANES; u++) acc[u] = (type)combine(acc[u], x[u]);                 \
        for (size_t i = 0; i < n; i++) acc[i] = (type)combine(acc[i], x[i]);                      \
    }                                                                                             \
    static void name##_eights(void *restrict to, const void *restrict from, size_t n)             \
    {                                                                                             \
        type acc[LANES];                                                                          \
        const type *restrict x = from;                                                            \
        memcpy(acc, to, sizeof acc);                                                              \
        for (; n; n--, x += LANES)                                                                \
            for (int u = 0; u < LANES; u++) acc[u] = (type)combine(acc[u], x[u]);                 \
        memcpy(to, acc, sizeof acc);                                                              \
    }                                                                                             \
    const grad_fold_row grad__##name = {                                                          \
        name##_row, name##_eights, {.field = start}, {.field = none}};

#define PLUS(a, x) ((a) + (x))
#define TIMES(a, x) ((a) * (x))
#define LARGER(a, x) ((((x) > (a)) | ((x) != (x))) ? (x) : (a))
#define SMALLER(a, x) ((((x) < (a)) | ((x) != (x))) ? (x) : (a))
#define PLUS_WRAP(a, x) ((uint64_t)(a) + (uint64_t)(x))
#define TIMES_WRAP(a, x) ((uint64_t)(a) * (uint64_t)(x))
#define LARGER_INT(a, x) ((x) > (a) ? (x) : (a))
#define SMALLER_INT(a, x) ((x) < (a) ? (x) : (a))

FOLD(sum, double, r, PLUS, -0.0, 0)
FOLD(product, double, r, TIMES, 1, 1)
FOLD(largest, double, r, LARGER, -INFINITY, -INFINITY)
FOLD(smallest, double, r, SMALLER, INFINITY, INFINITY)
FOLD(sum_int, int64_t, i, PLUS_WRAP, 0, 0)
FOLD(product_int, int64_t, i, TIMES_WRAP, 1, 1)
FOLD(largest_int, int64_t, i, LARGER_INT, INT64_MIN, INT64_MIN)
FOLD(smallest_int, int64_t, i, SMALLER_INT, INT64_MAX, INT64_MAX)

/* The tree, for `width` sequences at once. Lane l of sequence w is lane[l * width + w]. Joined
   blocks wait in `level` as the bits of a binary counter: level k holds 2^k blocks. */
typedef struct fold_tree {
    const grad_fold_row *f;
    size_t width, lanes, fill; /* fill: rows in the block so far */
    uint64_t blocks;
    grad_cell lane[LANES * GRAD_TILE];
    grad_cell level[LEVELS][GRAD_TILE];
} fold_tree;

static void clear(fold_tree *t)
{
    for (size_t i = 0; i < t->lanes * t->width; i++) t->lane[i] = t->f->identity;
    t->fill = 0;
}

/* Joins the lanes: (0.4 . 2.6) . (1.5 . 3.7). */
static void join(fold_tree *t)
{
    for (size_t half = t->lanes / 2; half; half /= 2)
        t->f->row(t->lane, t->lane + half * t->width, half * t->width);
}

static void close_block(fold_tree *t)
{
    int k = 0;
    size_t bytes = t->width * sizeof(grad_cell);
    join(t);
    for (uint64_t bits = t->blocks++; bits & 1; bits >>= 1, k++) {
        t->f->row(t->level[k], t->lane, t->width);
        memcpy(t->lane, t->level[k], bytes);
    }
    memcpy(t->level[k], t->lane, bytes);
    clear(t);
}

static void finish(grad_cell *out, fold_tree *t)
{
    int k = 0;
    join(t);
    for (uint64_t bits = t->blocks; bits; bits >>= 1, k++) {
        if (!(bits & 1)) continue;
        t->f->row(t->level[k], t->lane, t->width);
        memcpy(t->lane, t->level[k], t->width * sizeof(grad_cell));
    }
    memcpy(out, t->lane, t->width * sizeof(grad_cell));
}

/* Takes `rows` rows that follow each other in x. */
static void feed(fold_tree *t, const grad_cell *x, size_t rows)
{
    while (rows) {
        size_t at = t->fill % t->lanes, n = 1;
        if (at == 0 && t->lanes == LANES && rows >= LANES) {
            n = rows < BLOCK - t->fill ? rows / LANES : (BLOCK - t->fill) / LANES;
            if (t->width == 1) t->f->eights(t->lane, x, n);
            else for (size_t g = 0; g < n; g++)
                t->f->row(t->lane, x + g * LANES * t->width, LANES * t->width);
            n *= LANES;
        } else {
            t->f->row(t->lane + at * t->width, x, t->width);
        }
        x += n * t->width;
        rows -= n;
        if ((t->fill += n) == BLOCK) close_block(t);
    }
}

/* ---- folding a tile -------------------------------------------------------------------------- */

typedef struct source {
    const char *x;
    size_t size; /* bytes an element */
    bool direct; /* elements are cells already */
    grad_load load;
    const grad_map *map;
} source;

/* One span of a tile whose results stand alone: pieces of rows of one element each. */
static int fold_single(fold_tree *tree, grad_tiles *t, const grad_rows *r, const source *s)
{
    grad_cell buffer[BUFFER];
    int64_t most = s->direct && r->step == 1 ? PIECE : BUFFER;
    for (int64_t done = 0; done < r->n;) {
        int64_t n = r->n - done < most ? r->n - done : most;
        const char *at = s->x + (r->start + done * r->step) * (int64_t)s->size;
        if (most == PIECE) {
            feed(tree, (const grad_cell *)at, (size_t)n);
        } else {
            s->load(buffer, at, (size_t)n, r->step, s->map->p, 0, s->map->q);
            feed(tree, buffer, (size_t)n);
        }
        done += n;
        if (grad__tiles_poll(t, (size_t)n) < 0) return -1;
    }
    return 0;
}

/* One span of a tile of several results: row by row, or all at once where rows are adjacent. */
static int fold_rows(fold_tree *tree, grad_tiles *t, const grad_rows *r, const source *s)
{
    grad_cell buffer[BUFFER];
    size_t width = t->width;
    bool direct = s->direct && t->step == 1;
    int64_t most = direct && r->step == (int64_t)width ? PIECE / GRAD_TILE
                 : direct ? 1 : (int64_t)(BUFFER / width);
    for (int64_t done = 0; done < r->n;) {
        int64_t n = r->n - done < most ? r->n - done : most;
        const char *at = s->x + (r->start + done * r->step) * (int64_t)s->size;
        if (direct) {
            feed(tree, (const grad_cell *)at, (size_t)n);
        } else {
            for (int64_t i = 0; i < n; i++)
                s->load(buffer + (size_t)i * width, at + i * r->step * (int64_t)s->size, width,
                        t->step, s->map->p, s->map->p != NULL, s->map->q);
            feed(tree, buffer, (size_t)n);
        }
        done += n;
        if (grad__tiles_poll(t, (size_t)n * width) < 0) return -1;
    }
    return 0;
}

int grad__fold(grad_cell *out, grad_tiles *t, const grad_fold_row *f, const grad_map *map,
              const void *x)
{
    fold_tree tree;
    grad_rows r = {0};
    if (t->count == 0) {
        for (size_t w = 0; w < t->width; w++) out[w] = f->empty;
        return 0;
    }
    source s = {x, grad_dtype_size(map->dtype), false, loads[map->dtype][map->kind], map};
    s.direct = map->kind == MAP_PLAIN &&
               (map->dtype == GRAD_FLOAT64 || map->dtype == GRAD_INT64);
    tree.f = f;
    tree.width = t->width;
    tree.lanes = t->count < LANES ? 1 : LANES;
    tree.blocks = 0;
    clear(&tree);
    while (grad__rows_next(&r, t))
        if ((t->width == 1 ? fold_single(&tree, t, &r, &s) : fold_rows(&tree, t, &r, &s)) < 0)
            return -1;
    finish(out, &tree);
    return 0;
}

#define STORE(type, value)                                                                        \
    {                                                                                             \
        type *to = (type *)out + t->first;                                                        \
        for (size_t w = 0; w < t->width; w++) to[w] = (type)(value);                              \
        break;                                                                                    \
    }

void grad__tiles_store(const grad_tiles *t, void *out, grad_dtype dtype, const grad_cell *x)
{
    switch (dtype) {
    case GRAD_FLOAT64: STORE(double, x[w].r)
    case GRAD_FLOAT32: STORE(float, x[w].r)
    case GRAD_INT64: STORE(int64_t, x[w].i)
    case GRAD_INT32: STORE(int32_t, x[w].i)
    case GRAD_BOOL: STORE(uint8_t, x[w].i > 0)
    case GRAD_DTYPES: break;
    }
}
