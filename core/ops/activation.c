/* activation.c -- smooth activations: sigmoid and its logarithm, softplus, silu, mish, gelu, glu.
 *
 * Everything that saturates is computed from exp(-|x|), which cannot overflow, so that both tails
 * keep their digits. Activations in pieces (relu, elu, …) are in activation_pieces.c.
 */
#include <math.h>

#include "loops.h"

static V scaled(B *b, double factor, V x) { return v_mul(b, v_num(b, x, factor), x); }
static V one_minus(B *b, V x) { return v_sub(b, v_num(b, x, 1), x); }

/* ---- primitives -------------------------------------------------------------------------------- */

static inline f64 sigmoid64(f64 x)
{
    f64 e = exp(-fabs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

static inline f32 sigmoid32(f32 x)
{
    f32 e = expf(-fabsf(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

/* Near 0 the difference would cancel: with tanh(x) = x / (1 + r), where r is the rest of its
   continued fraction x^2 / (3 + x^2 / (5 + …)), it is x r / (1 + r). */
static inline f64 tanhshrink64(f64 x)
{
    if (!(fabs(x) < 1)) return x - tanh(x);
    f64 z = x * x, r = 0;
    for (int k = 19; k > 1; k -= 2) r = z / (k + r);
    return x * r / (1 + r);
}

/* clang-format off */
MATH(sigmoid, MATH_FLOPS, sigmoid64(x), sigmoid32(x), -3, 3,
     v_mul(b, g, v_mul(b, y, one_minus(b, y))),
     "The logistic function 1 / (1 + exp(-x)).", "g y (1 - y)",
     "sigmoid([0, 0.5, -2]) -> [0.5, 0.6224593312018546, 0.1192029220221176]\n"
     "sigmoid([-40, 800]) -> [4.248354255291589e-18, 1]")
MATH(logsigmoid, 2 * MATH_FLOPS,
     (x < 0 ? x : 0) - log1p(exp(-fabs(x))), (x < 0 ? x : 0) - log1pf(expf(-fabsf(x))), -3, 3,
     v_mul(b, g, v_sigmoid(b, v_neg(b, x))),
     "The logarithm of sigmoid(x).", "g sigmoid(-x)",
     "logsigmoid([0, 1, -40]) -> [-0.6931471805599453, -0.3132616875182228, -40]\n"
     "logsigmoid(40) -> -4.248354255291589e-18")
MATH(softsign, ROOT_FLOPS, x / (1 + fabs(x)), x / (1 + fabsf(x)), -3, 3,
     v_div(b, g, v_square(b, v_add(b, v_num(b, x, 1), v_abs(b, x)))),
     "x / (1 + |x|).", "g / (1 + |x|)^2",
     "softsign([0, 0.5, -2]) -> [0, 0.3333333333333333, -0.6666666666666667]")
MATH(tanhshrink, MATH_FLOPS, tanhshrink64(x), tanhshrink64(x), -2, 2,
     v_mul(b, g, v_square(b, v_tanh(b, x))),
     "x - tanh(x).", "g tanh(x)^2",
     "tanhshrink([0, 1, -2]) -> [0, 0.2384058440442351, -1.035972419924183]\n"
     "tanhshrink(1e-5) -> 3.333333333200000e-16")

REAL_LANES1(log1pexp, (x > 0 ? x : 0) + log1p(exp(-fabs(x))),
            (x > 0 ? x : 0) + log1pf(expf(-fabsf(x))))
REAL_LANES1(log_odds, log(x / (1 - x)), logf(x / (1 - x)))
/* clang-format on */

static void log1pexp_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, v_sigmoid(b, p->in[0])));
}

const grad_op grad__op_log1pexp = {
    .name = "log1pexp",
    .doc = "log(1 + exp(x)) for any x.",
    .gradient = "g sigmoid(x)",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(log1pexp),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = log1pexp_rule,
    .example = "log1pexp([0, 1, 800]) -> [0.6931471805599453, 1.313261687518223, 800]\n"
               "log1pexp(-40) -> 4.248354255291589e-18",
};

/* g / (x (1 - x)), but NaN outside 0 to 1, where log_odds is NaN too */
static void log_odds_rule(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 0, v_mul(b, p->g, v_square(b, v_rsqrt(b, v_mul(b, x, one_minus(b, x))))));
}

static const grad_op grad__op_log_odds = {
    .name = "log_odds",
    .doc = "log(x / (1 - x)).",
    .gradient = "g / (x (1 - x))",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(log_odds),
    .flops = MATH_FLOPS,
    .internal = true,
    .rule = log_odds_rule,
    .domain = {{0.1, 0.9}},
    .example = "log_odds([0.25, 0.5, 0]) -> [-1.09861228866811, 0, -Infinity]",
};

/* ---- composites -------------------------------------------------------------------------------- */

static int logit_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    if (a->attr[0].kind != GRAD_NULL) {
        double eps = a->attr[0].r;
        if (!(eps >= 0 && eps <= 0.5))
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "eps",
                                    "logit: eps must be from 0 to 0.5, found %s",
                                    NUMBER(eps));
        x = v_emit(b, &grad__op_clip_between, 3, (V[]){x, v_num(b, x, eps), v_num(b, x, 1 - eps)}, 0,
                   NULL);
    }
    out[0] = v_emit(b, &grad__op_log_odds, 1, &x, 0, NULL);
    return 0;
}

const grad_op grad__op_logit = {
    .name = "logit",
    .doc = "log(x / (1 - x)), the inverse of sigmoid; with eps, x is first clipped to eps .. 1 - eps.",
    .gradient = "g / (x (1 - x)); 0 where x was clipped",
    .in = X_ONLY,
    .attr = {{.name = "eps", .type = ATTR_REAL, .nullable = true, .otherwise = NOTHING}},
    .types = TYPES_REAL,
    .expand = logit_expand,
    .domain = {{0.1, 0.9}},
    .example = "logit([0.25, 0.5, 1]) -> [-1.09861228866811, 0, Infinity]\n"
               "logit([0, 0.5], eps=0.25) -> [-1.09861228866811, 0]",
    .trials = "[]; [2,3]; [4] eps=0.3",
};

static int softplus_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    double beta = a->attr[0].r, threshold = a->attr[1].r;
    if (beta == 0 || isnan(beta))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "beta",
                                "softplus: beta must not be %s", NUMBER(beta));
    V u = beta == 1 ? x : scaled(b, beta, x);
    V curve = v_emit(b, &grad__op_log1pexp, 1, &u, 0, NULL);
    if (beta != 1) curve = v_div(b, curve, v_num(b, x, beta));
    out[0] = v_where(b, v_gt(b, u, v_num(b, u, threshold)), x, curve);
    return 0;
}

const grad_op grad__op_softplus = {
    .name = "softplus",
    .doc = "log(1 + exp(beta x)) / beta; x itself where beta x is above threshold.",
    .gradient = "g sigmoid(beta x); g above threshold",
    .in = X_ONLY,
    .attr = {{.name = "beta", .type = ATTR_REAL, .otherwise = REAL_(1)},
             {.name = "threshold", .type = ATTR_REAL, .otherwise = REAL_(20)}},
    .types = TYPES_REAL,
    .expand = softplus_expand,
    .example = "softplus([0, 1, 800]) -> [0.6931471805599453, 1.313261687518223, 800]\n"
               "softplus(-40) -> 4.248354255291589e-18\n"
               "softplus([1, -1], beta=2, threshold=1) -> [1, 0.06346400552148625]",
    .trials = "[]; [2,3]; [4] beta=3 threshold=0.2",
};

static int silu_expand(B *b, const grad_args *a, V *out)
{
    out[0] = v_mul(b, a->in[0], v_sigmoid(b, a->in[0]));
    return 0;
}

static int mish_expand(B *b, const grad_args *a, V *out)
{
    out[0] = v_mul(b, a->in[0], v_tanh(b, v_emit(b, &grad__op_log1pexp, 1, a->in, 0, NULL)));
    return 0;
}

const grad_op grad__op_silu = {
    .name = "silu",
    .doc = "x sigmoid(x), also known as swish.",
    .gradient = "g (s + y (1 - s)) with s = sigmoid(x)",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = silu_expand,
    .example = "silu([0, 1, -2]) -> [0, 0.7310585786300049, -0.2384058440442351]",
    .trials = "[]; [2,3]",
};

const grad_op grad__op_mish = {
    .name = "mish",
    .doc = "x tanh(log(1 + exp(x))).",
    .gradient = "g (t + x (1 - t^2) sigmoid(x)) with t = tanh(log(1 + exp(x)))",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = mish_expand,
    .example = "mish([0, 1, -2]) -> [0, 0.8650983882673103, -0.2525014826957089]",
    .trials = "[]; [2,3]",
};

/* (1 + erf(u)) / 2 is erfc(-u) / 2 and (1 + tanh(u)) / 2 is sigmoid(2u): neither cancels. */
static int gelu_expand(B *b, const grad_args *a, V *out)
{
    static const double half_root = 0.707106781186547524, slope = 1.59576912160573071;
    V x = a->in[0];
    if (a->attr[0].i == 0) {
        V tail = v_emit(b, &grad__op_erfc, 1, (V[]){scaled(b, -half_root, x)}, 0, NULL);
        out[0] = v_mul(b, scaled(b, 0.5, x), tail);
    } else {
        V bend = v_add(b, v_num(b, x, 1), scaled(b, 0.044715, v_square(b, x)));
        out[0] = v_mul(b, x, v_sigmoid(b, v_mul(b, scaled(b, slope, x), bend)));
    }
    return 0;
}

const grad_op grad__op_gelu = {
    .name = "gelu",
    .doc = "x times the normal distribution function of x, or its approximation with tanh.",
    .gradient = "g (y / x + x exp(-x^2 / 2) / sqrt(2 pi)), or that of the approximation",
    .in = X_ONLY,
    .attr = {{.name = "approximate", .type = ATTR_TEXT, .otherwise = INT_(0),
              .choices = "none|tanh"}},
    .types = TYPES_REAL,
    .expand = gelu_expand,
    .example = "gelu([0, 1, -1, 2]) -> [0, 0.8413447460685429, -0.1586552539314571, "
               "1.954499736103642]\n"
               "gelu([1, -1, 2], approximate=\"tanh\") -> [0.8411919906082767, "
               "-0.1588080093917233, 1.954597694087775]",
    .trials = "[]; [2,3]; [4] approximate=\"tanh\"",
};

extern const grad_op grad__op_slice;

static int glu_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    if (v_failed(b)) return -1;
    int rank = v_rank(b, x);
    int64_t axis = a->attr[0].i;
    if (rank == 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "glu: x needs an axis to halve, found a 0-d tensor");
    if (axis < -rank || axis >= rank)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis",
                                "glu: axis %lld is out of range for a tensor of rank %d",
                                (long long)axis, rank);
    if (axis < 0) axis += rank;
    int64_t size = v_shape(b, x)->dim[axis];
    if (size % 2)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "glu: axis %lld must have an even size to be halved, found %lld",
                                (long long)axis, (long long)size);
    V half[2];
    for (int k = 0; k < 2; k++) {
        int64_t start = k * (size / 2), stop = start + size / 2;
        half[k] = v_emit(b, &grad__op_slice, 1, &x, 4,
                         (grad_value[]){{.kind = GRAD_LIST, .n = 1, .list = &start},
                                        {.kind = GRAD_LIST, .n = 1, .list = &stop},
                                        NOTHING,
                                        {.kind = GRAD_LIST, .n = 1, .list = &axis}});
    }
    out[0] = v_mul(b, half[0], v_sigmoid(b, half[1]));
    return 0;
}

const grad_op grad__op_glu = {
    .name = "glu",
    .doc = "The first half of x along axis times the sigmoid of the second half.",
    .gradient = "g sigmoid(second) to the first half, g first s (1 - s) to the second",
    .in = X_ONLY,
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)}},
    .types = TYPES_REAL,
    .expand = glu_expand,
    .example = "glu([1, -3, 0, 2]) -> [0.5, -2.642391233933647]\n"
               "glu([[2], [0]], axis=0) -> [[1]]",
    .trials = "[4]; [2,6]; [4,3] axis=0; [2,2,3] axis=1; [0,2]",
};

/* ---- the family -------------------------------------------------------------------------------- */

extern const grad_op grad__op_relu6, grad__op_selu, grad__op_hardsigmoid, grad__op_hardswish;
extern const grad_op grad__op_leaky_relu, grad__op_elu, grad__op_celu, grad__op_hardtanh;
extern const grad_op grad__op_softshrink, grad__op_hardshrink, grad__op_threshold, grad__op_prelu;
extern const grad_op grad__op_sloped;

const grad_op *const grad__family_activation[] = {
    &grad__op_relu,       &grad__op_relu6,      &grad__op_sigmoid,    &grad__op_logsigmoid,
    &grad__op_silu,       &grad__op_mish,       &grad__op_selu,       &grad__op_hardsigmoid,
    &grad__op_hardswish,  &grad__op_softsign,   &grad__op_tanhshrink, &grad__op_logit,
    &grad__op_softplus,   &grad__op_leaky_relu, &grad__op_elu,        &grad__op_celu,
    &grad__op_gelu,       &grad__op_hardtanh,   &grad__op_softshrink, &grad__op_hardshrink,
    &grad__op_threshold,  &grad__op_prelu,      &grad__op_glu,        &grad__op_log1pexp,
    &grad__op_log_odds,   &grad__op_sloped,     NULL,
};
