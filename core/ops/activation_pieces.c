/* activation_pieces.c -- activations made of pieces: relu, its leaky and bounded kin, shrinks.
 *
 * At a kink the derivative is that of the piece named in the row's `gradient`. A piece that was not
 * chosen gets a cotangent of 0 and is kept finite, so that it cannot turn into NaN.
 */
#include <math.h>

#include "loops.h"

static V zero(B *b, V like) { return v_num(b, like, 0); }
static V scaled(B *b, double factor, V x)
{
    return factor == 1 ? x : v_mul(b, v_num(b, x, factor), x);
}

/* ---- relu -------------------------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES1(relu, x < 0 ? 0 : x, x < 0 ? 0 : x)
INTEGER_LANES1(relu, x < 0 ? 0 : x, x < 0 ? 0 : x)
/* clang-format on */

static void relu_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_where(b, v_le(b, p->y, zero(b, p->y)), zero(b, p->g), p->g));
}

const grad_op grad__op_relu = {
    .name = "relu",
    .doc = "The larger of x and 0.",
    .gradient = "g where x > 0, else 0: 0 at 0",
    .in = X_ONLY,
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(relu),
    .rule = relu_rule,
    .example = "relu([-1, 0, 2.5, NaN]) -> [0, 0, 2.5, NaN]",
};

/* ---- leaky: a slope below 0 -------------------------------------------------------------------- */

REAL_LANES2(sloped, x > 0 ? x : y * x, x > 0 ? x : y * x)

static void sloped_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], slope = p->in[1], up = v_gt(b, x, zero(b, x));
    pull(p, 0, v_mul(b, p->g, v_where(b, up, v_num(b, slope, 1), slope)));
    pull(p, 1, v_where(b, up, zero(b, x), v_mul(b, p->g, x)));
}

const grad_op grad__op_sloped = {
    .name = "sloped",
    .doc = "x where x > 0, else slope x.",
    .gradient = "g where x > 0, else g slope; to slope 0 where x > 0, else g x",
    .in = {{.name = "x"}, {.name = "slope"}},
    .types = TYPES_REAL,
    .lanes = REALS(sloped),
    .flops = 2,
    .internal = true,
    .rule = sloped_rule,
    .example = "sloped([2, 0, -4], 0.25) -> [2, 0, -1]",
};

static int leaky_relu_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    out[0] = v_emit(b, &grad__op_sloped, 2, (V[]){x, v_num(b, x, a->attr[0].r)}, 0, NULL);
    return 0;
}

const grad_op grad__op_leaky_relu = {
    .name = "leaky_relu",
    .doc = "x where x > 0, else negative_slope x.",
    .gradient = "g where x > 0, else g negative_slope, at 0 too",
    .in = X_ONLY,
    .attr = {{.name = "negative_slope", .type = ATTR_REAL, .otherwise = REAL_(0.01)}},
    .types = TYPES_REAL,
    .expand = leaky_relu_expand,
    .example = "leaky_relu([3, 0, -2]) -> [3, 0, -0.02]\n"
               "leaky_relu(-2, negative_slope=0.5) -> -1",
    .trials = "[]; [2,3]; [4] negative_slope=0.3",
};

/* A weight for each channel stands along axis 1 of x. */
static int prelu_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0], weight = a->in[1];
    if (v_failed(b)) return -1;
    const grad_shape *s = v_shape(b, x), *w = v_shape(b, weight);
    if (w->count == 1 && w->rank == 1) {
        weight = v_reshape(b, weight, 0, NULL);
    } else if (w->rank == 1) {
        int64_t dim[GRAD_RANK_MAX], channels = s->rank < 2 ? 1 : s->dim[1];
        if (w->dim[0] != channels)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                    "prelu: weight needs one element, or one for each of the %lld "
                                    "channels on axis 1 of x; found %lld",
                                    (long long)channels, (long long)w->dim[0]);
        for (int i = 0; i < s->rank; i++) dim[i] = i == 1 ? channels : 1;
        weight = v_reshape(b, weight, s->rank, dim);
    }
    out[0] = v_emit(b, &grad__op_sloped, 2, (V[]){x, weight}, 0, NULL);
    return 0;
}

const grad_op grad__op_prelu = {
    .name = "prelu",
    .doc = "x where x > 0, else weight x. A weight of rank 1 has one element, or one for each channel "
           "on axis 1 of x; any other broadcasts.",
    .gradient = "g where x > 0, else g weight; to weight the sum of g x where x <= 0",
    .in = {{.name = "x"}, {.name = "weight"}},
    .types = TYPES_REAL,
    .expand = prelu_expand,
    .example = "prelu([3, -2], 0.25) -> [3, -0.5]\n"
               "prelu([[3, -2], [-4, -6]], [0.5, 2]) -> [[3, -4], [-2, -12]]",
    .trials = "[] []; [3] [1]; [2,3] [3]; [2,3,2] [3]; [2,0,2] [0]; [2,3] [2,1]",
};

/* ---- exponential below 0 ----------------------------------------------------------------------- */

/* scale x above 0, scale alpha (exp(x / width) - 1) at 0 and below */
static V exponential_below(B *b, V x, double alpha, double width, double scale)
{
    V low = v_le(b, x, zero(b, x));
    V u = v_where(b, low, x, zero(b, x)); /* exp must not overflow above 0 */
    if (width != 1) u = v_div(b, u, v_num(b, x, width));
    return v_where(b, low, scaled(b, scale * alpha, v_expm1(b, u)), scaled(b, scale, x));
}

static int elu_expand(B *b, const grad_args *a, V *out)
{
    out[0] = exponential_below(b, a->in[0], a->attr[0].r, 1, 1);
    return 0;
}

static int celu_expand(B *b, const grad_args *a, V *out)
{
    double alpha = a->attr[0].r;
    if (alpha == 0 || isnan(alpha))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "alpha", "celu: alpha must not be %s",
                                NUMBER(alpha));
    out[0] = exponential_below(b, a->in[0], alpha, alpha, 1);
    return 0;
}

static int selu_expand(B *b, const grad_args *a, V *out)
{
    out[0] = exponential_below(b, a->in[0], 1.67326324235437728, 1, 1.05070098735548049);
    return 0;
}

const grad_op grad__op_elu = {
    .name = "elu",
    .doc = "x where x > 0, else alpha (exp(x) - 1).",
    .gradient = "g where x > 0, else g alpha exp(x), at 0 too",
    .in = X_ONLY,
    .attr = {{.name = "alpha", .type = ATTR_REAL, .otherwise = REAL_(1)}},
    .types = TYPES_REAL,
    .expand = elu_expand,
    .example = "elu([2, 0, -1]) -> [2, 0, -0.6321205588285577]\n"
               "elu([800, -1], alpha=2) -> [800, -1.264241117657115]",
    .trials = "[]; [2,3]; [4] alpha=1.5",
};

const grad_op grad__op_celu = {
    .name = "celu",
    .doc = "x where x > 0, else alpha (exp(x / alpha) - 1).",
    .gradient = "g where x > 0, else g exp(x / alpha)",
    .in = X_ONLY,
    .attr = {{.name = "alpha", .type = ATTR_REAL, .otherwise = REAL_(1)}},
    .types = TYPES_REAL,
    .expand = celu_expand,
    .example = "celu([2, 0, -1], alpha=2) -> [2, 0, -0.7869386805747332]",
    .trials = "[]; [2,3]; [4] alpha=1.5",
};

const grad_op grad__op_selu = {
    .name = "selu",
    .doc = "1.0507009873554805 times elu(x) with alpha 1.6732632423543772.",
    .gradient = "1.0507… g where x > 0, else 1.7581… g exp(x), at 0 too",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = selu_expand,
    .example = "selu([1, 0, -1]) -> [1.05070098735548, 0, -1.111330737812563]",
    .trials = "[]; [2,3]",
};

/* ---- bounded ----------------------------------------------------------------------------------- */

static V ramp(B *b, V x, double low, double high)
{
    return v_emit(b, &grad__op_hardtanh_between, 3, (V[]){x, v_num(b, x, low), v_num(b, x, high)}, 0,
                  NULL);
}

static int relu6_expand(B *b, const grad_args *a, V *out)
{
    out[0] = ramp(b, a->in[0], 0, 6);
    return 0;
}

static int hardtanh_expand(B *b, const grad_args *a, V *out)
{
    return grad__expand_between(b, a, out, &grad__op_hardtanh_between);
}

static V six_high(B *b, V x) { return ramp(b, v_add(b, x, v_num(b, x, 3)), 0, 6); }

REAL_LANES1(hardsigmoid, x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6,
            x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6)

/* PyTorch's slope is a sixth rounded to float32, also in float64; its answers are the measure. */
static void hardsigmoid_rule(B *b, const grad_pull *p)
{
    const V x = p->in[0];
    V inside = v_logical_and(b, v_gt(b, x, v_num(b, x, -3)), v_lt(b, x, v_num(b, x, 3)));
    pull(p, 0, v_where(b, inside, v_mul(b, p->g, v_num(b, x, (double)(1.0f / 6.0f))),
                       v_num(b, x, 0)));
}

static int hardswish_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    out[0] = v_div(b, v_mul(b, x, six_high(b, x)), v_num(b, x, 6));
    return 0;
}

const grad_op grad__op_relu6 = {
    .name = "relu6",
    .doc = "x held to 0 <= x <= 6.",
    .gradient = "g where 0 < x < 6, else 0: 0 at 0 and 6",
    .in = X_ONLY,
    .types = TYPES_PROMOTE,
    .expand = relu6_expand,
    .domain = {{-3, 9}},
    .example = "relu6([-1, 2.5, 7]) -> [0, 2.5, 6]",
    .trials = "[]; [2,3]; [12]",
};

const grad_op grad__op_hardtanh = {
    .name = "hardtanh",
    .doc = "x held to min <= x <= max.",
    .gradient = "g where min < x < max, else 0: 0 at the bounds too",
    .in = X_ONLY,
    .attr = {{.name = "min", .type = ATTR_NUMBER, .otherwise = INT_(-1)},
             {.name = "max", .type = ATTR_NUMBER, .otherwise = INT_(1)}},
    .types = TYPES_PROMOTE,
    .expand = hardtanh_expand,
    .example = "hardtanh([-2, 0.5, 3]) -> [-1, 0.5, 1]\n"
               "hardtanh([-2, 0.5, 3], min=0, max=2) -> [0, 0.5, 2]",
    .trials = "[]; [2,3]; [4] min=-0.5 max=1.5",
};

const grad_op grad__op_hardsigmoid = {
    .name = "hardsigmoid",
    .doc = "relu6(x + 3) / 6.",
    .gradient = "g / 6 where -3 < x < 3, else 0: 0 at the bounds too",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(hardsigmoid),
    .rule = hardsigmoid_rule,
    .domain = {{-5, 5}},
    .example = "hardsigmoid([-4, 0, 1, 4]) -> [0, 0.5, 0.6666666666666667, 1]",
    .trials = "[]; [2,3]; [12]",
};

const grad_op grad__op_hardswish = {
    .name = "hardswish",
    .doc = "x relu6(x + 3) / 6.",
    .gradient = "g (2 x + 3) / 6 where -3 < x < 3; 0 below, g above, at the bounds too",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = hardswish_expand,
    .domain = {{-5, 5}},
    .example = "hardswish([-4, -1, 1, 4]) -> [0, -0.3333333333333333, 0.6666666666666667, 4]",
    .trials = "[]; [2,3]; [12]",
};

/* ---- shrinks and thresholds -------------------------------------------------------------------- */

static int check_lambd(B *b, const grad_args *a)
{
    double lambd = a->attr[0].r;
    if (lambd >= 0) return 0;
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "lambd",
                            "%s: lambd must not be negative, found %s", a->op->name, NUMBER(lambd));
}

/* x less what lies between the bounds; the clip passes g on at the bounds, so that it cancels. */
static int softshrink_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    double lambd = a->attr[0].r;
    if (check_lambd(b, a) < 0) return -1;
    V between[3] = {x, v_num(b, x, -lambd), v_num(b, x, lambd)};
    out[0] = v_sub(b, x, v_emit(b, &grad__op_clip_between, 3, between, 0, NULL));
    return 0;
}

static int hardshrink_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    if (check_lambd(b, a) < 0) return -1;
    out[0] = v_where(b, v_le(b, v_abs(b, x), v_num(b, x, a->attr[0].r)), zero(b, x), x);
    return 0;
}

static int threshold_expand(B *b, const grad_args *a, V *out)
{
    V x = grad__make_room(b, a->in[0], a->attr, 2);
    V low = v_le(b, x, grad__constant_of(b, x, &a->attr[0]));
    out[0] = v_where(b, low, grad__constant_of(b, x, &a->attr[1]), x);
    return 0;
}

const grad_op grad__op_softshrink = {
    .name = "softshrink",
    .doc = "x moved towards 0 by lambd, and 0 where |x| <= lambd.",
    .gradient = "g where |x| > lambd, else 0",
    .in = X_ONLY,
    .attr = {{.name = "lambd", .type = ATTR_REAL, .otherwise = REAL_(0.5)}},
    .types = TYPES_REAL,
    .expand = softshrink_expand,
    .example = "softshrink([-2, -0.5, 0.25, 1]) -> [-1.5, 0, 0, 0.5]\n"
               "softshrink([-3, 1], lambd=2) -> [-1, 0]",
    .trials = "[]; [2,3]; [4] lambd=1",
};

const grad_op grad__op_hardshrink = {
    .name = "hardshrink",
    .doc = "x, but 0 where |x| <= lambd.",
    .gradient = "g where |x| > lambd, else 0",
    .in = X_ONLY,
    .attr = {{.name = "lambd", .type = ATTR_REAL, .otherwise = REAL_(0.5)}},
    .types = TYPES_REAL,
    .expand = hardshrink_expand,
    .example = "hardshrink([-2, -0.5, 0.25, 1]) -> [-2, 0, 0, 1]\n"
               "hardshrink([-3, 1], lambd=2) -> [-3, 0]",
    .trials = "[]; [2,3]; [4] lambd=1",
};

const grad_op grad__op_threshold = {
    .name = "threshold",
    .doc = "x where x > threshold, else value.",
    .gradient = "g where x > threshold, else 0",
    .in = X_ONLY,
    .attr = {{.name = "threshold", .type = ATTR_NUMBER, .required = true},
             {.name = "value", .type = ATTR_NUMBER, .required = true}},
    .types = TYPES_PROMOTE,
    .expand = threshold_expand,
    .example = "threshold([0.5, 1, 2], threshold=1, value=20) -> [20, 20, 2]",
    .trials = "[] threshold=0.1 value=20; [2,3] threshold=-0.5 value=1",
};
