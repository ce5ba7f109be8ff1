/* strided.c -- copying and adding between windows; what shape rules have in common.
 *
 * A walk joins axes that follow each other in both tensors, then visits planes of the
 * last two axes. Where the last axis is the wrong way round for one of the tensors (a
 * transpose) a plane is taken in square tiles, so that both sides stay in the cache.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shape.h"

#define CHUNK 65536 /* elements between two looks at the stop flag */
#define TILE 32

/* ---- rows of one axis -------------------------------------------------------------- */

typedef void (*row_move)(void *to, int64_t to_step, const void *from, int64_t from_step,
                         int64_t n);

/* Elements are moved as bytes, so that one function serves all types of a size. */
#define COPY_ROW(name, size)                                                             \
    static void name(void *to, int64_t to_step, const void *from, int64_t from_step,     \
                     int64_t n)                                                          \
    {                                                                                    \
        if (to_step == 1 && from_step == 1) {                                            \
            memcpy(to, from, (size_t)n * (size));                                        \
            return;                                                                      \
        }                                                                                \
        for (int64_t i = 0; i < n; i++)                                                  \
            memcpy((char *)to + i * to_step * (size),                                    \
                   (const char *)from + i * from_step * (size), (size));                 \
    }
COPY_ROW(copy_8, 8)
COPY_ROW(copy_4, 4)
COPY_ROW(copy_1, 1)

#define ADD_ROW(dtype, type, sum)                                                        \
    static void add_##type(void *to, int64_t to_step, const void *from,                  \
                           int64_t from_step, int64_t n)                                 \
    {                                                                                    \
        type *restrict y = to;                                                           \
        const type *restrict x = from;                                                   \
        if (to_step == 1 && from_step == 1) {                                            \
            for (int64_t i = 0; i < n; i++) y[i] = (type)(sum(y[i], x[i]));              \
            return;                                                                      \
        }                                                                                \
        for (int64_t i = 0; i < n; i++)                                                  \
            y[i * to_step] = (type)(sum(y[i * to_step], x[i * from_step]));              \
    }
ADD_TYPES(ADD_ROW)

static const row_move add_rows[GRAD_DTYPES] = {
#define X(dtype, type, sum) [dtype] = add_##type,
    ADD_TYPES(X)
#undef X
};

static row_move copy_row(size_t size)
{
    return size == 8 ? copy_8 : size == 4 ? copy_4 : copy_1;
}

/* ---- the walk ---------------------------------------------------------------------- */

typedef struct walk_axis {
    int64_t n, to, from; /* places, and the steps from one to the next on either side */
} walk_axis;

typedef struct walk {
    int rank;
    walk_axis axis[GRAD_RANK_MAX + 2];
    bool tiled;
    char *to;
    const char *from;
    size_t size;
    row_move row;
    grad_frame *frame;
    int64_t since; /* elements since the stop flag was looked at */
} walk;

/* Leaves out axes of size 1 and joins neighbours that are one run on both sides. */
static void walk_join(walk *w, int rank, const int64_t *dim, const int64_t *to,
                      const int64_t *from)
{
    int r = 0;
    for (int d = 0; d < rank; d++) {
        walk_axis *last = r > 0 ? &w->axis[r - 1] : NULL;
        if (dim[d] == 1) continue;
        if (last && last->to == to[d] * dim[d] && last->from == from[d] * dim[d])
            *last = (walk_axis){last->n * dim[d], to[d], from[d]};
        else
            w->axis[r++] = (walk_axis){dim[d], to[d], from[d]};
    }
    w->rank = r;
}

static int64_t magnitude(int64_t step)
{
    return step < 0 ? -step : step;
}

/* Sees to it that there are two axes at least, and that the last but one is the axis to
   tile with, if any takes shorter steps on one side than the last does. */
static void walk_plan(walk *w)
{
    while (w->rank < 2) {
        for (int d = w->rank; d > 0; d--) w->axis[d] = w->axis[d - 1];
        w->axis[0] = (walk_axis){1, 1, 1};
        w->rank++;
    }
    const walk_axis last = w->axis[w->rank - 1];
    int best = -1;
    for (int d = 0; d < w->rank - 1; d++) {
        const walk_axis *a = &w->axis[d];
        bool shorter = magnitude(a->from) < magnitude(last.from) ||
                       magnitude(a->to) < magnitude(last.to);
        if (shorter && a->n > 1 && (best < 0 || a->n > w->axis[best].n)) best = d;
    }
    w->tiled = best >= 0;
    if (best < 0) return;
    walk_axis swap = w->axis[best];
    w->axis[best] = w->axis[w->rank - 2];
    w->axis[w->rank - 2] = swap;
}

static int walk_plane(walk *w, int64_t to_at, int64_t from_at)
{
    const walk_axis a = w->axis[w->rank - 2], b = w->axis[w->rank - 1];
    const int64_t tall = w->tiled ? TILE : 1, wide = w->tiled ? TILE : CHUNK;
    const int64_t size = (int64_t)w->size;
    for (int64_t i0 = 0; i0 < a.n; i0 += tall)
        for (int64_t j0 = 0; j0 < b.n; j0 += wide) {
            int64_t i1 = i0 + tall < a.n ? i0 + tall : a.n;
            int64_t n = b.n - j0 < wide ? b.n - j0 : wide;
            for (int64_t i = i0; i < i1; i++)
                w->row(w->to + (to_at + i * a.to + j0 * b.to) * size, b.to,
                       w->from + (from_at + i * a.from + j0 * b.from) * size, b.from, n);
            w->since += n * (i1 - i0);
            if (w->since < CHUNK) continue;
            w->since = 0;
            if (grad_stopped(w->frame)) return grad_frame_stopped(w->frame);
        }
    return 0;
}

static int walk_all(walk *w, int64_t to_at, int64_t from_at)
{
    int64_t index[GRAD_RANK_MAX + 2] = {0};
    for (;;) {
        int d = w->rank - 3;
        if (walk_plane(w, to_at, from_at) < 0) return -1;
        for (; d >= 0; d--) {
            const walk_axis *a = &w->axis[d];
            to_at += a->to;
            from_at += a->from;
            if (++index[d] < a->n) break;
            index[d] = 0;
            to_at -= a->to * a->n;
            from_at -= a->from * a->n;
        }
        if (d < 0) return 0;
    }
}

static void contiguous(grad_window *w, int rank, const int64_t *dim)
{
    int64_t step = 1;
    w->rank = rank;
    w->start = 0;
    for (int d = rank - 1; d >= 0; d--) {
        w->dim[d] = dim[d];
        w->step[d] = step;
        if (__builtin_mul_overflow(step, dim[d], &step))
            step = 0; /* an empty tensor: never read */
    }
}

/* `sizes` is one of the windows, and says how many places there are. */
static int move(const grad_window *sizes, const grad_window *to_window, void *to,
                const grad_window *from_window, const void *from, size_t size,
                row_move row, grad_frame *frame)
{
    grad_window plain;
    walk w = {.to = to, .from = from, .size = size, .row = row, .frame = frame};
    for (int d = 0; d < sizes->rank; d++)
        if (sizes->dim[d] == 0) return 0;
    contiguous(&plain, sizes->rank, sizes->dim);
    if (!to_window) to_window = &plain;
    if (!from_window) from_window = &plain;
    walk_join(&w, sizes->rank, sizes->dim, to_window->step, from_window->step);
    walk_plan(&w);
    return walk_all(&w, to_window->start, from_window->start);
}

/* ---- small checks ------------------------------------------------------------------ */

int64_t grad__dims_product(int n, const int64_t *dim)
{
    int64_t all = 1;
    for (int d = 0; d < n; d++)
        if (dim[d] == 0) return 0;
    for (int d = 0; d < n; d++)
        if (__builtin_mul_overflow(all, dim[d], &all)) return INT64_MAX;
    return all;
}

bool grad__broadcast(const grad_shape *s, const grad_shape *t)
{
    for (int i = 1; i <= s->rank && i <= t->rank; i++) {
        const int64_t p = s->dim[s->rank - i], q = t->dim[t->rank - i];
        if (p != q && p != 1 && q != 1) return false;
    }
    return true;
}

grad_lines grad__lines(const grad_shape *x, int64_t axis)
{
    const int at = (int)axis;
    if (x->rank == 0) return (grad_lines){1, 1, 1};
    return (grad_lines){grad__dims_product(at, x->dim), x->dim[at],
                        grad__dims_product(x->rank - at - 1, x->dim + at + 1)};
}

int grad__axes(int64_t *out, const grad_value *axes, int rank, char text[96])
{
    const int64_t size = rank > 0 ? rank : 1;
    for (uint32_t i = 0; i < axes->n; i++) {
        int64_t axis = axes->list[i];
        if (axis < -size || axis >= size) {
            snprintf(text, 96, "axis %" PRId64 " is out of range for a tensor of rank %d",
                     axis, rank);
            return -1;
        }
        if (axis < 0) axis += size;
        for (uint32_t k = 0; k < i; k++)
            if (out[k] == axis) {
                snprintf(text, 96, "axis %" PRId64 " is named twice", axis);
                return -1;
            }
        out[i] = axis;
    }
    return 0;
}

int grad__infer_dims(grad_infer *f, size_t k)
{
    const grad_value *v = &f->attr[k];
    const char *name = f->op->attr[k].name;
    if (v->n > GRAD_RANK_MAX)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, name,
                               "a tensor has %d axes at most, and %s lists %" PRIu32,
                               GRAD_RANK_MAX, name, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->list[i] < 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, name,
                                   "a size is zero or more, and %s[%" PRIu32
                                   "] is %" PRId64,
                                   name, i, v->list[i]);
        f->dim[i] = v->list[i];
    }
    f->rank = (int)v->n;
    return 0;
}

/* ---- windows ----------------------------------------------------------------------- */

void grad__window(grad_window *w, const grad_shape *s)
{
    contiguous(w, s->rank, s->dim);
}

void grad__window_slice(grad_window *w, int axis, int64_t start, int64_t count,
                        int64_t step)
{
    w->start += start * w->step[axis];
    w->dim[axis] = count;
    w->step[axis] *= step;
}

void grad__window_drop(grad_window *w, int axis, int64_t index)
{
    w->start += index * w->step[axis];
    w->rank--;
    for (int d = axis; d < w->rank; d++) {
        w->dim[d] = w->dim[d + 1];
        w->step[d] = w->step[d + 1];
    }
}

int grad__window_copy(const grad_window *to_window, void *to,
                      const grad_window *from_window, const void *from, grad_dtype dtype,
                      grad_frame *frame)
{
    size_t size = grad_dtype_size(dtype);
    return move(to_window ? to_window : from_window, to_window, to, from_window, from,
                size, copy_row(size), frame);
}

int grad__window_add(const grad_window *to_window, void *to, const void *from,
                     grad_dtype dtype, grad_frame *frame)
{
    return move(to_window, to_window, to, NULL, from, grad_dtype_size(dtype),
                add_rows[dtype], frame);
}

void grad__begin_add(const grad_call *c, void *out, const void *const *in)
{
    if (out != in[0])
        memcpy(out, in[0], (size_t)c->shape->count * grad_dtype_size(c->dtype));
}

double grad__work_of_second(const grad_call *c)
{
    return (double)c->in[1]->count;
}

double grad__work_of_third(const grad_call *c)
{
    return (double)c->in[2]->count;
}
