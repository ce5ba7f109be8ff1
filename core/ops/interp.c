/* interp.c -- linear interpolation between given points. */
#include <inttypes.h>

#include "spatial.h"

/* ---- the interval that each x is in ---------------------------------------------------------- */

/* The largest i below n - 1 with xp[i] <= x, or 0; NaN is in some interval too. */
static int64_t interval(const double *xp, int64_t n, double x)
{
    int64_t low = 0, high = n - 1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (xp[middle] <= x) low = middle;
        else high = middle;
    }
    return low;
}

static int64_t interval_float(const float *xp, int64_t n, float x)
{
    int64_t low = 0, high = n - 1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (xp[middle] <= x) low = middle;
        else high = middle;
    }
    return low;
}

static int interval_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    const int64_t n = c->in[1]->count;
    int64_t *place = out;
    for (int64_t i = 0; i < c->shape->count; i++) {
        place[i] = c->in_dtype[0] == GRAD_FLOAT64
                       ? interval(in[1], n, ((const double *)in[0])[i])
                       : interval_float(in[1], n, ((const float *)in[0])[i]);
        if ((i & 16383) == 16383 && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static int interval_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return 0;
}

const grad_op grad__op_interval = {
    .name = "interval",
    .doc = "For each x the place of the interval between neighbours in the increasing xp that it "
           "is in; beyond them the first or the last.",
    .gradient = "none: places are integers",
    .in = {{.name = "x"}, {.name = "xp"}},
    .types = TYPES_REAL,
    .result = RESULT_INT64,
    .infer = interval_infer,
    .kernel = interval_kernel,
    .flops = 20,
    .internal = true,
    .rule = no_gradient,
    .example = "interval([-1, 0, 0.5, 1, 3, 9], [0, 1, 2, 3]) -> [0, 0, 0, 1, 2, 2]",
};

/* ---- interp ---------------------------------------------------------------------------------- */

static int check_points(B *b, const grad_args *a)
{
    char one[96], other[96];
    const grad_shape *xp = v_shape(b, a->in[1]), *fp = v_shape(b, a->in[2]);
    if (xp->rank != 1 || xp->count == 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "interp: `xp` is a list of at least one number; found the shape %s",
                                grad__dims_text(one, xp->rank, xp->dim));
    if (fp->id != xp->id)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 2, NULL,
                                "interp: `fp` has a value for each of `xp`; found the shapes %s "
                                "and %s",
                                grad__dims_text(one, fp->rank, fp->dim),
                                grad__dims_text(other, xp->rank, xp->dim));
    return 0;
}

/* At the right end of an interval, and beyond the last, the formula starts from that end, so that
   every point is met exactly. An x beyond the points takes no part in it: its distance is 0. */
static int interp_expand(B *b, const grad_args *a, V *out)
{
    const V x = a->in[0], xp = a->in[1], fp = a->in[2];
    if (check_points(b, a) < 0) return -1;
    const int64_t n = v_shape(b, xp)->count;
    if (n == 1) {
        *out = v_where(b, v_isnan(b, x), x, v_reshape(b, fp, 0, NULL));
        return 0;
    }
    V low = v_emit(b, &grad__op_interval, 2, (V[]){x, xp}, 0, NULL);
    V high = v_add(b, low, v_int(b, 1));
    V x0 = v_take(b, xp, low), x1 = v_take(b, xp, high);
    V f0 = v_take(b, fp, low), f1 = v_take(b, fp, high);
    V zero = v_num(b, x, 0), width = v_sub(b, x1, x0), none = v_eq(b, width, zero);
    V slope = v_div(b, v_sub(b, f1, f0), v_where(b, none, v_num(b, x, 1), width));
    slope = v_where(b, none, zero, slope);
    V ended = v_ge(b, x, x1);
    V outside = v_logical_or(b, v_lt(b, x, x0), v_gt(b, x, x1));
    V from = v_where(b, ended, x1, x0);
    V distance = v_where(b, outside, zero, v_sub(b, x, from));
    *out = v_add(b, v_mul(b, slope, distance), v_where(b, ended, f1, f0));
    return 0;
}

const grad_op grad__op_interp = {
    .name = "interp",
    .doc = "The value at x of the polygon through the points (xp, fp), xp increasing; the first or "
           "last value beyond them.",
    .gradient = "the slope of the interval (at a point, of the one after it; 0 beyond the points) "
                "to x, the weights to fp, - slope times weights to xp",
    .in = {{.name = "x"}, {.name = "xp"}, {.name = "fp"}},
    .types = TYPES_REAL,
    .expand = interp_expand,
    .example = "interp(2.5, [1, 2, 3], [3, 2, 0]) -> 1\n"
               "interp([0, 1, 1.5, 2.72, 3.14], [1, 2, 3], [3, 2, 0]) -> "
               "[3, 3, 2.5, 0.5599999999999998, 0]\n"
               "interp([[-1, 1], [NaN, Infinity]], [0, 1], [5, 7]) -> [[5, 7], [NaN, 7]]\n"
               "interp([1, 2, 3], [2], [9]) -> [9, 9, 9]\n"
               "interp([1, 2, 3], [1, 2, 2, 3], [0, 1, 5, 6]) -> [0, 5, 6]",
    .trials = "[5] [3] [3]; [] [4] [4]; [2,3] [2] [2]; [0] [2] [2]; [3] [1] [1]",
    .domain = {{0, 0}, {0, 0}, {0, 0}},
};

const grad_op *const grad__family_interp[] = {&grad__op_interp, &grad__op_interval, NULL};
