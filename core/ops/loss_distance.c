/* loss_distance.c -- losses of the difference of predictions and targets: squared, absolute, and
 * squared near 0 but absolute farther out.
 *
 * What lies near a kink of their slopes is told apart by a primitive, so that a value is one step
 * and a slope exact on either side.
 */
#include <math.h>

#include "loss.h"

static V difference(B *b, const grad_args *a) { return v_sub(b, a->in[0], a->in[1]); }

/* ---- mse_loss and l1_loss -------------------------------------------------------------------- */

static int mse_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    *out = grad__reduce_loss(b, v_square(b, difference(b, a)), &a->attr[0]);
    return 0;
}

static int l1_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    *out = grad__reduce_loss(b, v_abs(b, difference(b, a)), &a->attr[0]);
    return 0;
}

const grad_op grad__op_mse_loss = {
    .name = "mse_loss",
    .doc = "The squared difference of predictions and targets, its mean or its sum.",
    .gradient = "2 g (x - y) / n to x, the opposite to y",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = mse_loss_expand,
    .example = "mse_loss([1, 2, 3], [1, 4, 7]) -> 6.666666666666667\n"
               "mse_loss([1, 2, 3], [1, 4, 7], reduction=\"sum\") -> 20\n"
               "mse_loss([1, 2, 3], [1, 4, 7], reduction=\"none\") -> [0, 4, 16]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"none\"; [2,3] [3] reduction=\"sum\"; "
              "[0] [0] reduction=\"sum\"",
};

const grad_op grad__op_l1_loss = {
    .name = "l1_loss",
    .doc = "The absolute difference of predictions and targets, its mean or its sum.",
    .gradient = "g sign(x - y) / n to x, the opposite to y; 0 where they are equal",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = l1_loss_expand,
    .example = "l1_loss([1, 2, 3], [1, 4, 7]) -> 2\n"
               "l1_loss([1, 2, 3], [1, 4, 7], reduction=\"sum\") -> 6\n"
               "l1_loss([1, 2, 3], [2, NaN, 0.5], reduction=\"none\") -> [1, NaN, 2.5]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"none\"; [2,3] [3] reduction=\"sum\"; "
              "[0] [0] reduction=\"sum\"; [1,3] [2,1]",
};

/* ---- smooth_l1_loss -------------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES2(smoothed, fabs(x) < y ? x / y * x / 2 : fabs(x) - y / 2,
            fabsf(x) < y ? x / y * x / 2 : fabsf(x) - y / 2)
/* clang-format on */

static void smoothed_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], ratio = v_div(b, x, p->in[1]);
    V between[3] = {ratio, v_num(b, x, -1), v_num(b, x, 1)};
    V slope = v_emit(b, &grad__op_hardtanh_between, 3, between, 0, NULL);
    pull(p, 0, v_mul(b, p->g, slope));
    pull(p, 1, v_mul(b, p->g, v_mul(b, v_num(b, x, -0.5), v_square(b, slope))));
}

const grad_op grad__op_smoothed = {
    .name = "smoothed",
    .doc = "x^2 / (2 beta) where |x| < beta, else |x| - beta / 2.",
    .gradient = "g s to x and -g s^2 / 2 to beta, for s = x / beta held to -1 <= s <= 1",
    .in = {{.name = "x"}, {.name = "beta"}},
    .types = TYPES_REAL,
    .lanes = REALS(smoothed),
    .flops = ROOT_FLOPS,
    .internal = true,
    .rule = smoothed_rule,
    .domain = {{0, 0}, {0.5, 1.5}},
    .example = "smoothed([1, -4, NaN], 2) -> [0.25, 3, NaN]",
};

static int smooth_l1_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0 || grad__check_not_negative(b, a, 0) < 0) return -1;
    V x = difference(b, a), beta = v_num(b, x, a->attr[0].r);
    V loss = a->attr[0].r == 0 ? v_abs(b, x)
                               : v_emit(b, &grad__op_smoothed, 2, (V[]){x, beta}, 0, NULL);
    *out = grad__reduce_loss(b, loss, &a->attr[1]);
    return 0;
}

const grad_op grad__op_smooth_l1_loss = {
    .name = "smooth_l1_loss",
    .doc = "d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, for d = x - y; with beta 0 it is "
           "l1_loss.",
    .gradient = "g d / beta where |d| < beta, else g sign(d), to x; the opposite to y",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {{.name = "beta", .type = ATTR_REAL, .otherwise = REAL_(1)}, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = smooth_l1_loss_expand,
    .example = "smooth_l1_loss([1, 2, 3], [1, 2.5, 7]) -> 1.2083333333333333\n"
               "smooth_l1_loss([1, 2, 3], [1, 2.5, 7], beta=2) -> 1.0208333333333333\n"
               "smooth_l1_loss([1, 2, 3], [1, 2.5, 7], beta=0) -> 1.5\n"
               "smooth_l1_loss([1, 2, 3], [1, 2.5, 7], reduction=\"sum\") -> 3.625\n"
               "smooth_l1_loss([0, 1, -1, Infinity, NaN], 0, reduction=\"none\") -> "
               "[0, 0.5, 0.5, Infinity, NaN]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"none\" beta=0.5; "
              "[2,3] [3] reduction=\"sum\" beta=2; [2,1] [3] beta=0; [0] [0] reduction=\"sum\"",
};

/* ---- huber_loss ------------------------------------------------------------------------------ */

/* clang-format off */
REAL_LANES2(huber, fabs(x) <= y ? x * x / 2 : y * (fabs(x) - y / 2),
            fabsf(x) <= y ? x * x / 2 : y * (fabsf(x) - y / 2))
/* clang-format on */

static void huber_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], delta = p->in[1], between[3] = {x, v_neg(b, delta), delta};
    pull(p, 0, v_mul(b, p->g, v_emit(b, &grad__op_clip_between, 3, between, 0, NULL)));
    pull(p, 1, v_mul(b, p->g, v_relu(b, v_sub(b, v_abs(b, x), delta))));
}

const grad_op grad__op_huber = {
    .name = "huber",
    .doc = "x^2 / 2 where |x| <= delta, else delta (|x| - delta / 2).",
    .gradient = "g x where |x| <= delta, else g delta sign(x)",
    .in = {{.name = "x"}, {.name = "delta"}},
    .types = TYPES_REAL,
    .lanes = REALS(huber),
    .flops = 4,
    .internal = true,
    .rule = huber_rule,
    .domain = {{0, 0}, {0.5, 1.5}},
    .example = "huber([1, -4, NaN], 2) -> [0.5, 6, NaN]",
};

static int huber_loss_expand(B *b, const grad_args *a, V *out)
{
    double delta = a->attr[0].r;
    if (grad__check_broadcast(b, a) < 0) return -1;
    if (!(delta > 0))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "delta",
                                "huber_loss: delta must be above 0, found %s",
                                NUMBER(delta));
    V x = difference(b, a);
    V loss = v_emit(b, &grad__op_huber, 2, (V[]){x, v_num(b, x, delta)}, 0, NULL);
    *out = grad__reduce_loss(b, loss, &a->attr[1]);
    return 0;
}

const grad_op grad__op_huber_loss = {
    .name = "huber_loss",
    .doc = "d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), for d = x - y.",
    .gradient = "g d held to -delta <= d <= delta to x, the opposite to y",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {{.name = "delta", .type = ATTR_REAL, .otherwise = REAL_(1)}, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = huber_loss_expand,
    .example = "huber_loss([1, 2, 3], [1, 2.5, 7]) -> 1.2083333333333333\n"
               "huber_loss([1, 2, 3], [1, 2.5, 7], delta=2) -> 2.0416666666666665\n"
               "huber_loss([1, 2, 3], [1, 2.5, 7], delta=Infinity, reduction=\"sum\") -> 8.125\n"
               "huber_loss([0, 0.5, -2, Infinity, NaN], 0, delta=0.5, reduction=\"none\") -> "
               "[0, 0.125, 0.875, Infinity, NaN]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"none\" delta=0.5; "
              "[2,3] [3] reduction=\"sum\" delta=2; [0] [0] reduction=\"sum\"",
};

const grad_op *const grad__family_loss_distance[] = {
    &grad__op_mse_loss, &grad__op_l1_loss, &grad__op_smooth_l1_loss, &grad__op_huber_loss,
    &grad__op_smoothed, &grad__op_huber,   NULL,
};
