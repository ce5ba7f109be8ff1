/* shape_move.c -- repeating, reversing and rotating. */
#include <inttypes.h>
#include <string.h>

#include "shape.h"

/* ---- expand and tile --------------------------------------------------------------- */

static int expand_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    const grad_value shape = f->attr[0];
    char text[96];
    if (shape.n < (uint32_t)x->rank)
        return grad_infer_fail(
            f, GRAD_SHAPE_MISMATCH, 0, "shape",
            "a tensor of shape %s does not expand to fewer axes (%" PRIu32 ")",
            grad__dims_text(text, x->rank, x->dim), shape.n);
    int64_t *list = grad_infer_list(f, shape.n);
    if (!list) return -1;
    for (uint32_t i = 0; i < shape.n; i++) {
        const int64_t from = (int64_t)i - (shape.n - (uint32_t)x->rank);
        if (shape.list[i] == -1 && from < 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "shape",
                                   "-1 keeps a size, and at shape[%" PRIu32
                                   "] a tensor of shape %s has none",
                                   i, grad__dims_text(text, x->rank, x->dim));
        list[i] = shape.list[i] == -1 ? x->dim[from] : shape.list[i];
        if (list[i] >= 0 && from >= 0 && x->dim[from] != 1 && x->dim[from] != list[i])
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, "shape",
                                   "a tensor of shape %s does not expand to size %" PRId64
                                   " along axis %" PRIu32,
                                   grad__dims_text(text, x->rank, x->dim), list[i], i);
    }
    f->attr[0] = grad__list(list, shape.n);
    return grad__infer_dims(f, 0);
}

static int expand_kernel(const grad_call *c, void *out, const void *const *in,
                         grad_frame *frame)
{
    const int fresh = c->shape->rank - c->in[0]->rank;
    grad_window all, w;
    grad__window(&all, c->in[0]);
    w.rank = c->shape->rank;
    w.start = 0;
    for (int d = 0; d < w.rank; d++) {
        w.dim[d] = c->shape->dim[d];
        w.step[d] = d < fresh || all.dim[d - fresh] == 1 ? 0 : all.step[d - fresh];
    }
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void expand_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
}

/* Every axis that repeats becomes two, the first of which expands: [n], [1, n], [r, n],
   [r * n]. Axes that do not repeat are joined, so that the detour keeps to 32 axes. */
static int tile_expand(B *b, const grad_args *a, V *out)
{
    const grad_shape *x = v_shape(b, a->in[0]);
    const grad_value *repeats = &a->attr[0];
    int64_t dim[GRAD_RANK_MAX], split[2 * GRAD_RANK_MAX], wide[2 * GRAD_RANK_MAX];
    int64_t whole[GRAD_RANK_MAX], none = 0;
    int rank = x->rank > (int)repeats->n ? x->rank : (int)repeats->n, n = 0;
    V y;

    if (repeats->n > GRAD_RANK_MAX)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "repeats",
                                "tile: a tensor has %d axes at most", GRAD_RANK_MAX);
    for (int d = 0; d < rank; d++) {
        const int from_x = d - (rank - x->rank);
        const int from_repeats = d - (rank - (int)repeats->n);
        const int64_t times = from_repeats < 0 ? 1 : repeats->list[from_repeats];
        bool joins = times == 1 && n > 0 && wide[n - 1] == split[n - 1];
        dim[d] = from_x < 0 ? 1 : x->dim[from_x];
        if (times < 0)
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "repeats",
                                    "tile: an axis cannot be repeated %" PRId64 " times",
                                    times);
        if (__builtin_mul_overflow(dim[d], times, &whole[d]))
            return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, "repeats",
                                    "tile: %" PRId64 " times %" PRId64 " is too large",
                                    dim[d], times);
        if (times != 1) {
            split[n] = 1;
            wide[n++] = times;
        }
        if (dim[d] == 1) continue;
        if (joins) {
            const int64_t both = grad__dims_product(2, (int64_t[]){split[n - 1], dim[d]});
            split[n - 1] = wide[n - 1] = both;
        } else {
            split[n] = wide[n] = dim[d];
            n++;
        }
    }
    if (grad__dims_product(rank, whole) == 0) { /* the way leads through none of x */
        y = v_reshape(b, a->in[0], rank, dim);
        for (int64_t d = 0; d < rank; d++)
            if (whole[d] == 0 && dim[d] != 0) {
                const grad_value zero = grad__list(&none, 1), one = grad__list(&d, 1);
                y = v_emit(b, &grad__op_slice, 1, &y, 4,
                           (grad_value[]){zero, zero, (grad_value)NOTHING, one});
                dim[d] = 0;
            }
        *out = v_reshape(b, y, rank, whole);
        return 0;
    }
    if (n > GRAD_RANK_MAX)
        return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, "repeats",
                                "tile: the result is too large");
    y = v_reshape(b, a->in[0], n, split);
    y = v_expand(b, y, n, wide);
    *out = v_reshape(b, y, rank, whole);
    return 0;
}

/* ---- flip and roll ----------------------------------------------------------------- */

static int flip_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return grad_infer_axes(f, 0, f->rank);
}

static int flip_kernel(const grad_call *c, void *out, const void *const *in,
                       grad_frame *frame)
{
    const grad_value *axes = &c->attr[0];
    grad_window w;
    grad__window(&w, c->in[0]);
    for (uint32_t k = 0; k < axes->n; k++) {
        const int d = (int)axes->list[k];
        if (d < w.rank) grad__window_slice(&w, d, w.dim[d] - 1, w.dim[d], -1);
    }
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void flip_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_flip, 1, &p->g, 1, p->attr));
}

/* shift modulo size, from 0 to size - 1. */
static int64_t wrap(int64_t shift, int64_t size)
{
    if (size == 0) return 0;
    shift %= size;
    return shift < 0 ? shift + size : shift;
}

/* The normal form has a shift for every axis, and axis lists them all; where axis is null
   there is one shift, along all elements in row-major order. */
static int roll_infer(grad_infer *f)
{
    const grad_value shift = f->attr[0], axis = f->attr[1];
    const grad_shape *x = f->in[0];
    grad_infer_same(f, x);
    if (axis.kind == GRAD_NULL) {
        int64_t *one = grad_infer_list(f, 1);
        if (!one) return -1;
        if (shift.n != 1)
            return grad_infer_fail(
                f, GRAD_BAD_ATTRIBUTE, -1, "shift",
                "one shift is expected where axis is null, and shift lists %" PRIu32,
                shift.n);
        one[0] = wrap(shift.list[0], x->count);
        f->attr[0] = grad__list(one, 1);
        return 0;
    }
    if (shift.n != axis.n && shift.n != 1 && axis.n != 1)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "shift",
                               "%" PRIu32 " shifts do not go with %" PRIu32 " axes",
                               shift.n, axis.n);
    int64_t *shifts = grad_infer_list(f, (size_t)x->rank);
    int64_t *axes = grad_infer_list(f, (size_t)x->rank);
    uint32_t n = shift.n > axis.n ? shift.n : axis.n;
    if (shift.n == 0 || axis.n == 0) n = 0;
    if (!shifts || !axes) return -1;
    for (int d = 0; d < x->rank; d++) {
        axes[d] = d;
        shifts[d] = 0;
    }
    for (uint32_t k = 0; k < n; k++) { /* an axis may come again: its shifts add up */
        int64_t d;
        char text[96];
        const grad_value one = grad__list(&axis.list[axis.n == 1 ? 0 : k], 1);
        if (grad__axes(&d, &one, x->rank, text) < 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axis", "%s", text);
        if (d >= x->rank) continue;
        const int64_t more = wrap(shift.list[shift.n == 1 ? 0 : k], x->dim[d]);
        shifts[d] = wrap(shifts[d] - (x->dim[d] - more), x->dim[d]); /* cannot overflow */
    }
    f->attr[0] = grad__list(shifts, (size_t)x->rank);
    f->attr[1] = grad__list(axes, (size_t)x->rank);
    return 0;
}

/* The axes after the last that rolls are one run with it, copied as two pieces. In front
   of it a counter keeps the place read from, which starts shifted back and wraps round
   once. */
static int roll_kernel(const grad_call *c, void *out, const void *const *in,
                       grad_frame *frame)
{
    const size_t size = grad_dtype_size(c->dtype);
    const bool flat = c->attr[1].kind == GRAD_NULL;
    const int rank = flat ? 1 : c->shape->rank;
    const int64_t *dim = flat ? &c->shape->count : c->shape->dim;
    const int64_t *shift = c->attr[0].list;
    int64_t done[GRAD_RANK_MAX] = {0}, from[GRAD_RANK_MAX], step[GRAD_RANK_MAX];
    int64_t run = 1, at = 0, since = 0;
    int last = rank - 1;

    while (last >= 0 && shift[last] == 0) run *= dim[last--];
    if (last < 0) {
        memcpy(out, in[0], (size_t)c->shape->count * size);
        return 0;
    }
    const size_t cut = (size_t)(shift[last] * run) * size;
    run *= dim[last];
    for (int64_t d = last - 1, all = run; d >= 0; all *= dim[d--]) {
        step[d] = all;
        from[d] = wrap(-shift[d], dim[d]);
        at += from[d] * all;
    }
    const size_t bytes = (size_t)run * size;
    for (char *to = out;; to += bytes) {
        const char *row = (const char *)in[0] + (size_t)at * size;
        int d = last - 1;
        memcpy(to + cut, row, bytes - cut);
        memcpy(to, row + (bytes - cut), cut);
        if ((since += run) >= 65536) {
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
        for (; d >= 0; d--) {
            at += step[d];
            if (++from[d] == dim[d]) {
                from[d] = 0;
                at -= dim[d] * step[d];
            }
            if (++done[d] < dim[d]) break;
            done[d] = 0; /* and from[d] has come round to where it started */
        }
        if (d < 0) return 0;
    }
}

static void roll_rule(B *b, const grad_pull *p)
{
    int64_t back[GRAD_RANK_MAX];
    for (uint32_t k = 0; k < p->attr[0].n; k++) back[k] = -p->attr[0].list[k];
    pull(p, 0,
         v_emit(b, &grad__op_roll, 1, &p->g, 2,
                (grad_value[]){grad__list(back, p->attr[0].n), p->attr[1]}));
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

const grad_op grad__op_expand = {
    .name = "expand",
    .doc = "x broadcast to the given shape; -1 keeps the size of an axis.",
    .gradient = "dx = g summed over the axes that were repeated",
    .in = X_ALONE,
    .attr = {{.name = "shape", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .infer = expand_infer, .kernel = expand_kernel,
    .reach = REACH_MOVE,
    .broadcasts = true,
    .rule = expand_rule,
    .example = "expand([1, 2], shape=[2, 2]) -> [[1, 2], [1, 2]]\n"
               "expand([[1], [2]], shape=[-1, 3]) -> [[1, 1, 1], [2, 2, 2]]\n"
               "expand(4, shape=[2]) -> [4, 4]",
    .trials = "[3] shape=[2,3]; [2,1] shape=[2,3]; [2,1,3] shape=[4,-1,5,3]; "
              "[] shape=[2]; [] shape=[]; [1] shape=[0]; [0,1] shape=[0,2]",
};

const grad_op grad__op_tile = {
    .name = "tile",
    .doc = "x laid side by side, repeats[i] times along axis i; the last axes if repeats "
           "is shorter.",
    .gradient = "dx = g summed over the copies",
    .in = X_ALONE,
    .attr = {{.name = "repeats", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .expand = tile_expand,
    .example = "tile([1, 2], repeats=2) -> [1, 2, 1, 2]\n"
               "tile([[1, 2]], repeats=[2, 1]) -> [[1, 2], [1, 2]]\n"
               "tile([1, 2], repeats=[2, 2]) -> [[1, 2, 1, 2], [1, 2, 1, 2]]\n"
               "tile([1, 2], repeats=0) -> []",
    .trials = "[3] repeats=2; [2,3] repeats=[2,1]; [2,3] repeats=[2,3]; "
              "[2,1,3] repeats=2; [] repeats=[2,2]; [2] repeats=[]; "
              "[2,3] repeats=[0,2]; [0,3] repeats=2",
};

const grad_op grad__op_flip = {
    .name = "flip",
    .doc = "x with the order of its elements reversed along the axes named; along all if "
           "null.",
    .gradient = "dx = flip(g, axis)",
    .in = X_ALONE,
    .attr = {{.name = "axis", .type = ATTR_INTS, .required = true, .nullable = true}},
    .types = TYPES_KEEP, .infer = flip_infer, .kernel = flip_kernel,
    .reach = REACH_MOVE, .rule = flip_rule,
    .example = "flip([1, 2, 3], axis=0) -> [3, 2, 1]\n"
               "flip([[1, 2], [3, 4]], axis=1) -> [[2, 1], [4, 3]]\n"
               "flip([[1, 2], [3, 4]], axis=null) -> [[4, 3], [2, 1]]",
    .trials = "[3] axis=0; [2,3] axis=[0,1]; [2,3,2] axis=-2; [2,3] axis=[]; [] axis=0; "
              "[0,3] axis=1; [2,1,3] axis=null",
};

const grad_op grad__op_roll = {
    .name = "roll",
    .doc = "x with its elements moved shift places along axis, those pushed out coming "
           "in again; as one row of all elements if axis is null.",
    .gradient = "dx = roll(g, -shift, axis)",
    .in = X_ALONE,
    .attr = {{.name = "shift", .type = ATTR_INTS, .required = true},
             {.name = "axis", .type = ATTR_INTS, .nullable = true}},
    .types = TYPES_KEEP, .infer = roll_infer, .kernel = roll_kernel,
    .reach = REACH_MOVE, .rule = roll_rule,
    .example = "roll([1, 2, 3, 4], shift=1) -> [4, 1, 2, 3]\n"
               "roll([[1, 2], [3, 4]], shift=1) -> [[4, 1], [2, 3]]\n"
               "roll([[1, 2, 3], [4, 5, 6]], shift=[1, -1], axis=[0, 1]) -> [[5, 6, 4], "
               "[2, 3, 1]]",
    .trials = "[4] shift=1; [2,3] shift=-7; [2,3] shift=1 axis=0; "
              "[2,3,2] shift=[1,-1] axis=[0,1]; [2,3] shift=[1,1] axis=1; [] shift=2; "
              "[0,3] shift=1 axis=1; [1,3] shift=2 axis=-1",
};

/* clang-format on */

const grad_op *const grad__family_shape_move[] = {
    &grad__op_expand, &grad__op_tile, &grad__op_flip, &grad__op_roll, NULL,
};
