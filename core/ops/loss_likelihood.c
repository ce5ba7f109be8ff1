/* loss_likelihood.c -- losses that are logarithms of probabilities and densities: binary
 * cross-entropies, the Kullback-Leibler divergence, Poisson and Gaussian likelihoods.
 *
 * Probabilities of 0 and 1, counts of 0 and variances of 0 are common, so values are finite there
 * wherever they can be. Outside its domain (a probability above 1) a loss is NaN.
 */
#include <math.h>

#include "loss.h"

/* ---- binary_cross_entropy -------------------------------------------------------------------- */

#define CAPPED(log) ((log) < -100 ? 100 : -(log))

static inline f64 binary64(f64 p, f64 y)
{
    f64 no = log1p(-p), yes = log(p);
    return (1 - y) * CAPPED(no) + y * CAPPED(yes);
}

static inline f32 binary32(f32 p, f32 y)
{
    f32 no = log1pf(-p), yes = logf(p);
    return (1 - y) * CAPPED(no) + y * CAPPED(yes);
}

REAL_LANES2(binary_entropy, binary64(x, y), binary32(x, y))

/* The slope to p is that of the curve without caps, but its denominator is held to 1e-12, as PyTorch
   has it: rounded to float32. To y nothing is held. */
static void binary_entropy_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1], one = v_num(b, x, 1), less = v_sub(b, one, x);
    if (wants(p, 0)) {
        V spread = v_mul(b, x, less);
        V outside = v_lt(b, spread, v_num(b, x, 0));
        V held[3] = {spread, v_num(b, x, (double)1e-12f), one};
        V below = v_emit(b, &grad__op_clip_between, 3, held, 0, NULL);
        V slope = v_div(b, v_sub(b, x, y), v_where(b, outside, v_num(b, x, NAN), below));
        pull(p, 0, v_mul(b, p->g, slope));
    }
    pull(p, 1, v_mul(b, p->g, v_sub(b, v_log1p(b, v_neg(b, x)), v_log(b, x))));
}

const grad_op grad__op_binary_entropy = {
    .name = "binary_entropy",
    .doc = "-y log(p) - (1 - y) log(1 - p), where a logarithm is -100 at least.",
    .gradient = "g (p - y) / max(p (1 - p), 1e-12) to p, g (log(1 - p) - log(p)) to y",
    .in = {{.name = "p"}, {.name = "y"}},
    .types = TYPES_REAL,
    .lanes = REALS(binary_entropy),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = binary_entropy_rule,
    .domain = {{0.1, 0.9}, {0, 1}},
    .example = "binary_entropy([0.5, 0, 0, 1, 1.5], [0.25, 0, 1, 0.5, 1]) -> "
               "[0.6931471805599453, 0, 100, 50, NaN]",
};

static V by_weight(B *b, V loss, V weight)
{
    return weight == GRAD_NONE ? loss : v_mul(b, loss, weight);
}

static int binary_cross_entropy_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    V loss = v_emit(b, &grad__op_binary_entropy, 2, a->in, 0, NULL);
    *out = grad__reduce_loss(b, by_weight(b, loss, grad__given(a, 2)), &a->attr[0]);
    return 0;
}

const grad_op grad__op_binary_cross_entropy = {
    .name = "binary_cross_entropy",
    .doc = "-(y log(p) + (1 - y) log(1 - p)) weight, where a logarithm is -100 at least; NaN for p "
           "outside 0 to 1. Prefer bce_with_logits, which loses no digits.",
    .gradient = "g (p - y) / max(p (1 - p), 1e-12) to p, g (log(1 - p) - log(p)) to y, by weight "
                "and reduction",
    .in = {{.name = "p"}, {.name = "y"}, {.name = "weight", .optional = true}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = binary_cross_entropy_expand,
    .example = "binary_cross_entropy(0.5, 1) -> 0.6931471805599453\n"
               "binary_cross_entropy([0.75, 0.125], [1, 0]) -> 0.2106067325381518\n"
               "binary_cross_entropy([0.75, 0.125], [1, 0], reduction=\"none\") -> "
               "[0.2876820724517809, 0.1335313926245226]\n"
               "binary_cross_entropy([0.75, 0.125], [1, 0], [1, 2], reduction=\"sum\") -> "
               "0.5547448577008262\n"
               "binary_cross_entropy([0, 1, 0, 1], [0, 1, 1, 0], reduction=\"none\") -> "
               "[0, 0, 100, 100]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] [3] reduction=\"none\"; [2,3] [2,3] [2,1]; "
              "[2,3] [3] reduction=\"sum\"; [0] [0] reduction=\"sum\"",
    .domain = {{0.1, 0.9}, {0, 1}, {0.5, 2}},
};

/* ---- bce_with_logits ------------------------------------------------------------------------- */

/* -(w y log s + (1 - y) log(1 - s)) for s = sigmoid(x) is (1 - y) x + (1 + (w - 1) y) log(1 +
   exp(-x)), where nothing overflows. */
static int bce_with_logits_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    V x = a->in[0], y = a->in[1], positive = grad__given(a, 3);
    V one = v_num(b, x, 1), negated = v_neg(b, x);
    V rest = v_emit(b, &grad__op_log1pexp, 1, &negated, 0, NULL);
    if (positive != GRAD_NONE)
        rest = v_mul(b, rest, v_add(b, one, v_mul(b, v_sub(b, positive, one), y)));
    V loss = v_add(b, v_mul(b, v_sub(b, one, y), x), rest);
    *out = grad__reduce_loss(b, by_weight(b, loss, grad__given(a, 2)), &a->attr[0]);
    return 0;
}

const grad_op grad__op_bce_with_logits = {
    .name = "bce_with_logits",
    .doc = "-(pos_weight y log s + (1 - y) log(1 - s)) weight, where s = sigmoid(x): the binary "
           "cross-entropy, without overflow.",
    .gradient = "g (sigmoid(x) - y) to x (for a pos_weight of 1), by weight and reduction",
    .in = {{.name = "x"},
           {.name = "y"},
           {.name = "weight", .optional = true},
           {.name = "pos_weight", .optional = true}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = bce_with_logits_expand,
    .example = "bce_with_logits(0, 1) -> 0.6931471805599453\n"
               "bce_with_logits([2, -1], [1, 0]) -> 0.2200948492805977\n"
               "bce_with_logits([2, -1], [1, 0], reduction=\"none\") -> "
               "[0.1269280110429725, 0.3132616875182228]\n"
               "bce_with_logits([2, -1], [1, 0.5], [1, 2], [3, 3], reduction=\"none\") -> "
               "[0.3807840331289175, 4.253046750072891]\n"
               "bce_with_logits([1000, -1000], [0, 1], reduction=\"sum\") -> 2000",
    .trials = "[] []; [3] [3]; [2,3] [2,3] [3] [3] reduction=\"none\"; [2,3] [2,3] - [3]; "
              "[2,3] [2,3] [2,1] reduction=\"sum\"; [0] [0] reduction=\"sum\"",
    .domain = {{-3, 3}, {0, 1}, {0.5, 2}, {0.5, 2}},
};

/* ---- kl_div ---------------------------------------------------------------------------------- */

REAL_LANES1(xlogx, x == 0 ? 0 : x * log(x), x == 0 ? 0 : x * logf(x))

static void xlogx_rule(B *b, const grad_pull *p)
{
    const V x = p->in[0];
    pull(p, 0, v_mul(b, p->g, v_add(b, v_log(b, x), v_num(b, x, 1))));
}

static const grad_op grad__op_xlogx = {
    .name = "xlogx",
    .doc = "x log(x), and 0 at 0.",
    .gradient = "g (log(x) + 1)",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(xlogx),
    .flops = MATH_FLOPS,
    .internal = true,
    .rule = xlogx_rule,
    .domain = {{0.5, 2}},
    .example = "xlogx([0, 2, 0.5, -1]) -> [0, 1.386294361119891, -0.3465735902799726, NaN]",
};

static int kl_div_expand(B *b, const grad_args *a, V *out)
{
    enum { LOG_TARGET, REDUCTION };
    if (grad__check_broadcast(b, a) < 0) return -1;
    V logp = a->in[0], t = a->in[1];
    V loss = a->attr[LOG_TARGET].i
                 ? v_mul(b, v_exp(b, t), v_sub(b, t, logp))
                 : v_sub(b, v_emit(b, &grad__op_xlogx, 1, &t, 0, NULL), v_mul(b, t, logp));
    loss = grad__reduce_loss(b, loss, &a->attr[REDUCTION]);
    if (!v_failed(b) && a->attr[REDUCTION].i == LOSS_BATCHMEAN && v_rank(b, logp) > 0)
        loss = v_div(b, loss, v_num(b, loss, (double)v_shape(b, logp)->dim[0]));
    *out = loss;
    return 0;
}

const grad_op grad__op_kl_div = {
    .name = "kl_div",
    .doc = "target (log(target) - logp), with log_target exp(target) (target - logp): the "
           "Kullback-Leibler divergence. \"batchmean\" is the sum divided by logp's first size.",
    .gradient = "-g target to logp, g (log(target) + 1 - logp) to target; with log_target "
                "-g exp(target) and g exp(target) (target - logp + 1)",
    .in = {{.name = "logp"}, {.name = "target"}},
    .attr = {{.name = "log_target", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "reduction", .type = ATTR_TEXT, .otherwise = INT_(LOSS_MEAN),
              .choices = "mean|sum|none|batchmean"}},
    .types = TYPES_REAL,
    .expand = kl_div_expand,
    .example = "kl_div([-1, -2], [0.5, 0.25]) -> 0.1534264097200273\n"
               "kl_div([-1, -2], [0.5, 0.25], reduction=\"sum\") -> 0.3068528194400546\n"
               "kl_div([-1, -2], [0.5, 0], reduction=\"none\") -> [0.1534264097200273, 0]\n"
               "kl_div([[-1, -2], [-1, -3]], [0.5, 0.5], reduction=\"batchmean\") -> "
               "1.0568528194400546\n"
               "kl_div([-1, -2], [-1, -1], log_target=true, reduction=\"none\") -> "
               "[0, 0.3678794411714423]\n"
               "kl_div(-1, 0.5, reduction=\"batchmean\") -> 0.1534264097200273",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"batchmean\"; [2,3] [3] reduction=\"none\"; "
              "[2,3] [2,3] log_target=true reduction=\"sum\"; [3] [3] log_target=true; "
              "[] [] reduction=\"batchmean\"; [0] [0] reduction=\"sum\"",
    .domain = {{-3, 0}, {0.1, 0.9}},
};

/* ---- poisson_nll_loss ------------------------------------------------------------------------ */

/* Stirling's log(y!) where y > 1, else 0. What is not taken is kept from 0 and infinity. */
static V stirling(B *b, V y)
{
    V few = v_le(b, y, v_num(b, y, 1));
    V n = v_where(b, few, v_num(b, y, 2), y);
    V circle = v_log(b, v_mul(b, n, v_num(b, n, 6.283185307179586)));
    V approximate = v_add(b, v_sub(b, v_mul(b, n, v_log(b, n)), n),
                          v_mul(b, v_num(b, n, 0.5), circle));
    return v_where(b, few, v_num(b, y, 0), approximate);
}

static int poisson_nll_loss_expand(B *b, const grad_args *a, V *out)
{
    enum { LOG_INPUT, FULL, EPS, REDUCTION };
    if (grad__check_broadcast(b, a) < 0 || grad__check_not_negative(b, a, EPS) < 0) return -1;
    V x = a->in[0], y = a->in[1], loss;
    if (a->attr[LOG_INPUT].i)
        loss = v_sub(b, v_exp(b, x), v_mul(b, y, x));
    else
        loss = v_sub(b, x, v_mul(b, y, v_log(b, v_add(b, x, v_num(b, x, a->attr[EPS].r)))));
    if (a->attr[FULL].i) loss = v_add(b, loss, stirling(b, y));
    *out = grad__reduce_loss(b, loss, &a->attr[REDUCTION]);
    return 0;
}

const grad_op grad__op_poisson_nll_loss = {
    .name = "poisson_nll_loss",
    .doc = "exp(x) - y x, or without log_input x - y log(x + eps): -log of the chance of y events "
           "where exp(x) (x) are expected, up to log(y!), which `full` adds by Stirling's formula "
           "where y > 1.",
    .gradient = "g (exp(x) - y) to x, -g x to y; without log_input g (1 - y / (x + eps)) and "
                "-g log(x + eps); `full` adds g (log(y) + 1 / (2 y)) to y where y > 1",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {{.name = "log_input", .type = ATTR_BOOL, .otherwise = BOOL_(true)},
             {.name = "full", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-8)},
             REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = poisson_nll_loss_expand,
    .example = "poisson_nll_loss([0, 0, 1], [2, 3, 4]) -> 0.2394272761530151\n"
               "poisson_nll_loss([0, 0, 1], [2, 3, 4], reduction=\"none\") -> "
               "[1, 1, -1.281718171540955]\n"
               "poisson_nll_loss([0, 1], [3, 2], reduction=\"sum\") -> 1.718281828459045\n"
               "poisson_nll_loss([0.5, 1], [3, 0], log_input=false, eps=0.5, reduction=\"none\") "
               "-> [0.5, 1]\n"
               "poisson_nll_loss([4, 1], [1, 0], log_input=false, reduction=\"none\") -> "
               "[2.6137056363801094, 1]\n"
               "poisson_nll_loss([0, 0, 0], [0, 1, 2], full=true, reduction=\"none\") -> "
               "[1, 1, 1.651806484604536]",
    .trials = "[] []; [3] [3] full=true; [2,3] [2,3] log_input=false; "
              "[2,3] [3] log_input=false full=true eps=0.1 reduction=\"none\"; "
              "[2,1] [3] full=true reduction=\"sum\"; [0] [0] reduction=\"sum\"",
    .domain = {{0.2, 2}, {0.1, 4}},
};

/* ---- gaussian_nll_loss ----------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES2(floored, x < 0 ? NAN : x < y ? y : x, x < 0 ? NAN : x < y ? y : x)
/* clang-format on */

static void floored_rule(B *b, const grad_pull *p)
{
    (void)b;
    pull(p, 0, p->g);
}

const grad_op grad__op_floored = {
    .name = "floored",
    .doc = "The larger of x and low; NaN where x is negative.",
    .gradient = "g to x, also where low was taken",
    .in = {{.name = "x"}, {.name = "low"}},
    .types = TYPES_REAL,
    .lanes = REALS(floored),
    .internal = true,
    .rule = floored_rule,
    .domain = {{1, 2}, {0.1, 0.5}},
    .example = "floored([0, 0.5, 3, -1, NaN], 0.5) -> [0.5, 0.5, 3, NaN, NaN]",
};

/* A variance for each row of x, rather than for each element, gets its last axis back. */
static V fitted(B *b, V var, V x)
{
    const grad_shape *v = v_shape(b, var), *s = v_shape(b, x);
    if (v->rank != s->rank - 1) return var;
    for (int i = 0; i < v->rank; i++)
        if (v->dim[i] != s->dim[i]) return var;
    return v_unsqueeze(b, var, &(int64_t){v->rank}, 1);
}

static int gaussian_nll_loss_expand(B *b, const grad_args *a, V *out)
{
    enum { FULL, EPS, REDUCTION };
    if (v_failed(b)) return -1;
    V x = a->in[0], y = a->in[1], var = fitted(b, a->in[2], x);
    grad_args fit = *a;
    fit.in = (V[]){x, y, var};
    if (grad__check_broadcast(b, &fit) < 0 || grad__check_not_negative(b, a, EPS) < 0) return -1;
    var = v_emit(b, &grad__op_floored, 2, (V[]){var, v_num(b, var, a->attr[EPS].r)}, 0, NULL);
    V far = v_div(b, v_square(b, v_sub(b, x, y)), var);
    V loss = v_mul(b, v_num(b, x, 0.5), v_add(b, v_log(b, var), far));
    if (a->attr[FULL].i) loss = v_add(b, loss, v_num(b, loss, 0.9189385332046727));
    *out = grad__reduce_loss(b, loss, &a->attr[REDUCTION]);
    return 0;
}

const grad_op grad__op_gaussian_nll_loss = {
    .name = "gaussian_nll_loss",
    .doc = "(log(v) + (x - y)^2 / v) / 2 for v = max(var, eps): -log of the density of y under a "
           "normal distribution, up to log(2 pi) / 2, which `full` adds. var broadcasts, or has "
           "x's shape without its last axis; NaN where it is negative.",
    .gradient = "g (x - y) / v to x, the opposite to y, g (1 / v - (x - y)^2 / v^2) / 2 to var, "
                "also where eps was taken",
    .in = {{.name = "x"}, {.name = "y"}, {.name = "var"}},
    .attr = {{.name = "full", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-6)},
             REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = gaussian_nll_loss_expand,
    .example = "gaussian_nll_loss([1, 3], [0, 1], [1, 4]) -> 0.8465735902799727\n"
               "gaussian_nll_loss([1, 3], [0, 1], [1, 4], reduction=\"none\") -> "
               "[0.5, 1.1931471805599454]\n"
               "gaussian_nll_loss([1, 3], [0, 1], [1, 4], reduction=\"sum\", full=true) -> "
               "3.5310242469692907\n"
               "gaussian_nll_loss([1, 1], [0, 0], [0, 1], eps=0.5, reduction=\"none\") -> "
               "[0.6534264097200273, 0.5]\n"
               "gaussian_nll_loss([[1, 2], [3, 4]], 0, [1, 2], reduction=\"none\") -> "
               "[[0.5, 2], [2.5965735902799727, 4.346573590279973]]",
    .trials = "[] [] []; [3] [3] [3]; [2,3] [2,3] [2] full=true; [2,3] [2,3] [2,1]; "
              "[2,3] [3] [3] reduction=\"none\"; [2,3] [2,3] [] reduction=\"sum\" eps=0.1; "
              "[2,2] [2,2] [2]; [0] [0] [0] reduction=\"sum\"",
    .domain = {{0, 0}, {0, 0}, {0.5, 2}},
};

const grad_op *const grad__family_loss_likelihood[] = {
    &grad__op_binary_cross_entropy, &grad__op_bce_with_logits,   &grad__op_kl_div,
    &grad__op_poisson_nll_loss,     &grad__op_gaussian_nll_loss, &grad__op_binary_entropy,
    &grad__op_xlogx,                &grad__op_floored,           NULL,
};
