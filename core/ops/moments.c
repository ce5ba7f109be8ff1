/* moments.c -- reductions that look at their elements twice: logsumexp, var, std and norm.
 *
 * The first look finds a centre or a scale, the second sums relative to it, so that nothing
 * overflows and little cancels. Both happen while a tile is in the cache.
 */
#include <float.h>
#include <math.h>

#include "emit.h"
#include "reduce_kernels.h"

/* Folds one map of a tile; p: a number a result, or NULL. */
static int fold(grad_cell *y, grad_tiles *t, const grad_fold_row *f, grad_map_kind kind,
                const grad_call *c, const void *x, const double *p, double q)
{
    const grad_map map = {.kind = kind, .dtype = c->in_dtype[0], .p = p, .q = q};
    return grad__fold(y, t, f, &map, x);
}

/* ---- logsumexp ------------------------------------------------------------------------------- */

static int logsumexp_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    grad_tiles t;
    grad_cell y[GRAD_TILE];
    double most[GRAD_TILE];
    grad__tiles_begin(&t, c->in[0], &c->attr[0], frame);
    while (grad__tiles_next(&t)) {
        if (fold(y, &t, &grad__largest, MAP_PLAIN, c, in[0], NULL, 0) < 0) return -1;
        for (size_t w = 0; w < t.width; w++) most[w] = isfinite(y[w].r) ? y[w].r : 0;
        if (fold(y, &t, &grad__sum, MAP_EXP, c, in[0], most, 0) < 0) return -1;
        for (size_t w = 0; w < t.width; w++) y[w].r = most[w] + log(y[w].r);
        grad__tiles_store(&t, out, c->dtype, y);
    }
    return 0;
}

static int logsumexp_infer(grad_infer *f) { return grad__infer_reduction(f, 0, 1); }

static void logsumexp_rule(B *b, const grad_pull *p)
{
    V share = v_exp(b, v_sub(b, p->in[0], grad__spread(b, p, p->y, 0, 1)));
    pull(p, 0, v_mul(b, grad__spread(b, p, p->g, 0, 1), share));
}

const grad_op grad__op_logsumexp = {
    .name = "logsumexp",
    .doc = "log(sum(exp(x))) along axes, without overflow; of no elements -Infinity.",
    .gradient = "g exp(x - y), which is g softmax(x)",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_REAL,
    .infer = logsumexp_infer,
    .kernel = logsumexp_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first_exp,
    .rule = logsumexp_rule,
    .example = "logsumexp([1, 2, 3]) -> 3.40760596444438\n"
               "logsumexp([[1, 2], [3, 5]], axis=1) -> [2.313261687518223, 5.126928011042972]\n"
               "logsumexp([[0, 0], [0, 0]], axis=0, keepdims=true) -> "
               "[[0.6931471805599453, 0.6931471805599453]]\n"
               "logsumexp([1000, 1000]) -> 1000.6931471805599\n"
               "logsumexp([-Infinity, -Infinity]) -> -Infinity",
    .trials = "[]; [3]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[2,3] axis=[]",
};

/* ---- var, std -------------------------------------------------------------------------------- */

enum { VAR_AXIS, CORRECTION, VAR_KEEPDIMS };

/* What the sum of squares is divided by; never negative. */
static double divisor(double n, const grad_value *attr)
{
    return fmax(n - attr[CORRECTION].r, 0);
}

static int spread_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame,
                         bool root)
{
    grad_tiles t;
    grad_cell y[GRAD_TILE];
    double mean[GRAD_TILE];
    grad__tiles_begin(&t, c->in[0], &c->attr[VAR_AXIS], frame);
    while (grad__tiles_next(&t)) {
        if (fold(y, &t, &grad__sum, MAP_PLAIN, c, in[0], NULL, 0) < 0) return -1;
        for (size_t w = 0; w < t.width; w++) mean[w] = y[w].r / (double)t.count;
        if (fold(y, &t, &grad__sum, MAP_DEVIATION, c, in[0], mean, 0) < 0) return -1;
        for (size_t w = 0; w < t.width; w++) {
            y[w].r /= divisor((double)t.count, c->attr);
            if (root) y[w].r = sqrt(y[w].r);
        }
        grad__tiles_store(&t, out, c->dtype, y);
    }
    return 0;
}

static int var_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return spread_kernel(c, out, in, frame, false);
}

static int std_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return spread_kernel(c, out, in, frame, true);
}

static int var_infer(grad_infer *f)
{
    if (!isfinite(f->attr[CORRECTION].r))
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "correction",
                               "correction must be finite, found %s",
                               NUMBER(f->attr[CORRECTION].r));
    return grad__infer_reduction(f, VAR_AXIS, VAR_KEEPDIMS);
}

static double var_work(const grad_call *c) { return 4 * (double)c->in[0]->count; }

static V centred(B *b, const grad_pull *p)
{
    return v_sub(b, p->in[0], grad__along(b, p, &grad__op_mean, p->in[0], VAR_AXIS));
}

static double divisor_of(B *b, const grad_pull *p)
{
    return divisor((double)grad__reduced(b, p, VAR_AXIS), p->attr);
}

static void var_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V scale = v_mul(b, p->g, v_num(b, p->g, 2 / divisor_of(b, p)));
    pull(p, 0, v_mul(b, grad__spread(b, p, scale, VAR_AXIS, VAR_KEEPDIMS), centred(b, p)));
}

/* Where all elements are equal the gradient is 0. The division there is by 1 instead of 0, so that
   no derivative of this formula meets 0 / 0 either. */
static void std_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V none = v_eq(b, p->y, v_num(b, p->y, 0));
    V y = v_where(b, none, v_num(b, p->y, 1), p->y);
    V scale = v_div(b, p->g, v_mul(b, y, v_num(b, p->y, divisor_of(b, p))));
    scale = v_where(b, none, v_num(b, p->y, 0), scale);
    pull(p, 0, v_mul(b, grad__spread(b, p, scale, VAR_AXIS, VAR_KEEPDIMS), centred(b, p)));
}

#define VAR_ATTRIBUTES                                                                            \
    {GRAD_AXIS_ATTRIBUTE, {.name = "correction", .type = ATTR_REAL, .otherwise = REAL_(1)},       \
     GRAD_KEEPDIMS_ATTRIBUTE}

const grad_op grad__op_var = {
    .name = "var",
    .doc = "The variance along axes: sum((x - mean)^2) / max(n - correction, 0).",
    .gradient = "g 2 (x - mean) / max(n - correction, 0)",
    .in = {{.name = "x"}},
    .attr = VAR_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = var_infer,
    .kernel = var_kernel,
    .reach = REACH_AXES,
    .work = var_work,
    .rule = var_rule,
    .example = "var([1, 2, 3, 6]) -> 4.666666666666667\n"
               "var([1, 2, 3, 6], correction=0) -> 3.5\n"
               "var([[1, 2], [3, 6]], axis=0) -> [2, 8]\n"
               "var([[1, 2], [3, 6]], axis=1, correction=0.5, keepdims=true) -> "
               "[[0.3333333333333333], [3]]\n"
               "var([1000000001, 1000000002, 1000000003]) -> 1\n"
               "var([1, 2], correction=3) -> Infinity\n"
               "var([1]) -> NaN",
    .trials = "[2]; [5]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2] correction=0; "
              "[0,3] axis=1; [2,3] correction=0.5; [] correction=0; [3] axis=[] correction=0",
};

const grad_op grad__op_std = {
    .name = "std",
    .doc = "The standard deviation along axes: the square root of the variance.",
    .gradient = "g (x - mean) / (y max(n - correction, 0)); 0 where y = 0",
    .in = {{.name = "x"}},
    .attr = VAR_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = var_infer,
    .kernel = std_kernel,
    .reach = REACH_AXES,
    .work = var_work,
    .rule = std_rule,
    .example = "std([1, 2, 3, 6]) -> 2.160246899469287\n"
               "std([1, 2, 3, 6], correction=0) -> 1.8708286933869707\n"
               "std([[1, 2], [3, 6]], axis=0) -> [1.414213562373095, 2.82842712474619]\n"
               "std([5, 5, 5]) -> 0",
    .trials = "[2]; [5]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2] correction=0; "
              "[0,3] axis=1; [2,3] correction=0.5",
};

/* ---- norm ------------------------------------------------------------------------------------ */

enum { ORD, NORM_AXIS, NORM_KEEPDIMS };

/* Sums that may have lost digits or overflowed on the way. */
static bool doubtful(double sum) { return !(sum > DBL_MIN / DBL_EPSILON && sum <= DBL_MAX); }

static double root(double sum, double ord) { return ord == 2 ? sqrt(sum) : pow(sum, 1 / ord); }

/* The element that weighs most. */
static const grad_fold_row *extreme(double ord)
{
    return ord > 0 ? &grad__largest : &grad__smallest;
}

/* sum(|x|^ord)^(1/ord) for any ord but 0 and the infinities; where that fails, again with elements
   measured by the largest (by the smallest for a negative ord). */
static int power_norm(grad_cell *y, grad_tiles *t, const grad_call *c, const void *x, double ord)
{
    grad_cell again[GRAD_TILE];
    double scale[GRAD_TILE];
    grad_map_kind kind = ord == 2 ? MAP_SQUARE : MAP_POWER;
    bool doubt = false;
    for (size_t w = 0; w < t->width; w++) scale[w] = ord == 2 ? 0 : 1;
    if (fold(y, t, &grad__sum, ord == 2 ? MAP_DEVIATION : kind, c, x, scale, ord) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) doubt = doubt || doubtful(y[w].r);
    if (!doubt) {
        for (size_t w = 0; w < t->width; w++) y[w].r = root(y[w].r, ord);
        return 0;
    }
    if (fold(again, t, extreme(ord), MAP_ABS, c, x, NULL, 0) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) scale[w] = again[w].r;
    if (fold(again, t, &grad__sum, kind, c, x, scale, ord) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) {
        if (!doubtful(y[w].r)) y[w].r = root(y[w].r, ord);
        else if (t->count == 0) y[w].r = 0;
        else if (scale[w] == 0 || !isfinite(scale[w])) y[w].r = scale[w];
        else y[w].r = scale[w] * root(again[w].r, ord);
    }
    return 0;
}

static int norm_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    grad_tiles t;
    grad_cell y[GRAD_TILE];
    double ord = c->attr[ORD].r;
    grad__tiles_begin(&t, c->in[0], &c->attr[NORM_AXIS], frame);
    while (grad__tiles_next(&t)) {
        int r;
        if (ord == 0) r = fold(y, &t, &grad__sum, MAP_NONZERO, c, in[0], NULL, 0);
        else if (ord == 1) r = fold(y, &t, &grad__sum, MAP_ABS, c, in[0], NULL, 0);
        else if (!isinf(ord)) r = power_norm(y, &t, c, in[0], ord);
        else r = fold(y, &t, extreme(ord), MAP_ABS, c, in[0], NULL, 0);
        if (r < 0) return -1;
        grad__tiles_store(&t, out, c->dtype, y);
    }
    return 0;
}

static int norm_infer(grad_infer *f)
{
    double ord = f->attr[ORD].r;
    if (ord != ord)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "ord", "the order may not be NaN");
    if (ord < 0 || isinf(ord))
        return grad__infer_reduction_of_some(f, NORM_AXIS, NORM_KEEPDIMS);
    return grad__infer_reduction(f, NORM_AXIS, NORM_KEEPDIMS);
}

static double norm_work(const grad_call *c)
{
    double ord = c->attr[ORD].r;
    bool cheap = ord == 0 || ord == 1 || ord == 2 || isinf(ord);
    return (cheap ? 2 : 40) * (double)c->in[0]->count;
}

/* dy/dx where y is the largest or smallest |x|: its sign, in equal parts where several are. */
static V slope_of_extreme(B *b, const grad_pull *p, V x, V y)
{
    V mask = v_logical_or(b, v_eq(b, v_abs(b, x), y), v_isnan(b, x));
    V n = v_cast(b, grad__along(b, p, &grad__op_sum, mask, NORM_AXIS), v_dtype(b, x));
    return v_where(b, mask, v_div(b, v_sign(b, x), n), v_num(b, x, 0));
}

/* dy/dx = sign(x) (|x| / y)^(ord - 1), and 0 where y = 0. There, and where a power would be
   infinite, it is taken of 1, so that no derivative of this formula meets 0 times infinity. */
static V slope_of_power(B *b, V x, V y, double ord)
{
    V zero = v_num(b, x, 0), one = v_num(b, x, 1), slope;
    V none = v_eq(b, y, zero);
    V ratio = v_div(b, x, v_where(b, none, one, y));
    if (ord == 2) {
        slope = ratio;
    } else {
        V size = v_where(b, ord < 1 ? v_eq(b, x, zero) : none, one, v_abs(b, ratio));
        slope = v_mul(b, v_sign(b, x), v_pow(b, size, v_num(b, x, ord - 1)));
    }
    return v_where(b, none, zero, slope);
}

static void norm_rule(B *b, const grad_pull *p)
{
    double ord = p->attr[ORD].r;
    if (!wants(p, 0) || ord == 0) return;
    V x = p->in[0], slope;
    V y = grad__spread(b, p, p->y, NORM_AXIS, NORM_KEEPDIMS);
    if (ord == 1) slope = v_sign(b, x);
    else if (isinf(ord)) slope = slope_of_extreme(b, p, x, y);
    else slope = slope_of_power(b, x, y, ord);
    pull(p, 0, v_mul(b, grad__spread(b, p, p->g, NORM_AXIS, NORM_KEEPDIMS), slope));
}

const grad_op grad__op_norm = {
    .name = "norm",
    .doc = "The norm of the elements along axes as a vector, sum(|x|^ord)^(1/ord); ord 0 counts "
           "what is not 0, the infinities take the largest and the smallest |x|.",
    .gradient = "g sign(x) (|x| / y)^(ord - 1), 0 where y = 0; for the infinities g sign(x) to the "
                "extreme element, in equal parts where several are",
    .in = {{.name = "x"}},
    .attr = {{.name = "ord", .type = ATTR_REAL, .otherwise = REAL_(2)},
             GRAD_AXIS_ATTRIBUTE,
             GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_REAL,
    .infer = norm_infer,
    .kernel = norm_kernel,
    .reach = REACH_AXES,
    .work = norm_work,
    .rule = norm_rule,
    .example = "norm([3, -4]) -> 5\n"
               "norm([3, -4, 0], ord=0) -> 2\n"
               "norm([3, -4], ord=1) -> 7\n"
               "norm([1, 2, 3], ord=3) -> 3.3019272488946267\n"
               "norm([1, 4], ord=0.5) -> 9\n"
               "norm([1, 2], ord=-1) -> 0.6666666666666666\n"
               "norm([3, -4], ord=Infinity) -> 4\n"
               "norm([3, -4], ord=-Infinity) -> 3\n"
               "norm([[3, 4], [5, 12]], axis=1, keepdims=true) -> [[5], [13]]\n"
               "norm([3e200, 4e200]) -> 5e200\n"
               "norm([0, 0]) -> 0",
    .trials = "[]; [3]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[5] ord=0; [5] ord=1; [5] ord=3; [2,3] ord=1.5 axis=0; [4] ord=0.5; [4] ord=-1; "
              "[5] ord=Infinity; [2,3] ord=-Infinity axis=1; [3] axis=[]",
};
