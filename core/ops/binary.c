/* binary.c -- functions of two numbers: arithmetic, the larger and the smaller, angles, logarithms.
 *
 * Division with remainder is in binary_division.c, powers are in binary_power.c. Sums of truth values
 * are `or`, products `and`; a difference of truth values there is not.
 */
#include <math.h>

#include "loops.h"

static const double ln2 = 0.693147180559945309;

static V zero(B *b, V like) { return v_num(b, like, 0); }

/* A row of two operands. `low_a` to `high_b`: the intervals it is tried on. */
#define BINARY(op_, types_, lanes_, flops_, low_a, high_a, low_b, high_b, doc_, gradient_, example_) \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = gradient_,                                                                    \
        .in = A_AND_B,                                                                            \
        .types = types_,                                                                          \
        .lanes = lanes_,                                                                          \
        .flops = flops_,                                                                          \
        .rule = op_##_rule,                                                                       \
        .domain = {{low_a, high_a}, {low_b, high_b}},                                             \
        .example = example_,                                                                      \
    };

/* ---- arithmetic -------------------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES2(add, x + y, x + y)
INTEGER_LANES2(add, (u64)x + (u64)y, (u32)x + (u32)y)
LANES2(add_b8, b8, b8, b8, x | y)
REAL_LANES2(sub, x - y, x - y)
INTEGER_LANES2(sub, (u64)x - (u64)y, (u32)x - (u32)y)
REAL_LANES2(mul, x * y, x * y)
INTEGER_LANES2(mul, (u64)x * (u64)y, (u32)x * (u32)y)
LANES2(mul_b8, b8, b8, b8, x & y)
REAL_LANES2(div, x / y, x / y)
/* clang-format on */

static void add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, p->g);
}

static void sub_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_neg(b, p->g));
}

static void mul_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, p->in[1]));
    pull(p, 1, v_mul(b, p->g, p->in[0]));
}

static void div_rule(B *b, const grad_pull *p)
{
    V share = v_div(b, p->g, p->in[1]);
    pull(p, 0, share);
    pull(p, 1, v_neg(b, v_mul(b, share, p->y)));
}

const grad_op grad__op_add = {
    .name = "add",
    .doc = "a + b; of truth values a or b.",
    .gradient = "g to a, g to b",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = ALL_TYPES(add),
    .neutral = {{true, -0.0}, {true, -0.0}},
    .rule = add_rule,
    .example = "add(2, 3) -> 5\n"
               "add([[1, 2], [3, 4]], [10, 20]) -> [[11, 22], [13, 24]]\n"
               "add([true, false], [true, false]) -> [true, false]",
};

const grad_op grad__op_sub = {
    .name = "sub",
    .doc = "a - b.",
    .gradient = "g to a, -g to b",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(sub),
    .neutral = {{false, 0}, {true, 0}},
    .rule = sub_rule,
    .example = "sub([5, 1], [3, 4]) -> [2, -3]",
};

const grad_op grad__op_mul = {
    .name = "mul",
    .doc = "a b; of truth values a and b.",
    .gradient = "g b to a, g a to b",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = ALL_TYPES(mul),
    .neutral = {{true, 1}, {true, 1}},
    .rule = mul_rule,
    .example = "mul([3, -2], [4, 0.5]) -> [12, -1]\n"
               "mul([true, false], [true, true]) -> [true, false]",
};

const grad_op grad__op_div = {
    .name = "div",
    .doc = "a / b, the true quotient, also of integers.",
    .gradient = "g / b to a, -g y / b to b",
    .in = A_AND_B,
    .types = TYPES_REAL,
    .lanes = REALS(div),
    .flops = ROOT_FLOPS,
    .neutral = {{false, 0}, {true, 1}},
    .rule = div_rule,
    .domain = {{-2, 2}, {0.5, 2}},
    .example = "div([1, -7, 1], [3, 2, 0]) -> [0.3333333333333333, -3.5, Infinity]",
};

/* ---- the larger and the smaller ---------------------------------------------------------------- */

/* clang-format off */
REAL_LANES2(maximum, x >= y || x != x ? x : y, x >= y || x != x ? x : y)
INTEGER_LANES2(maximum, x > y ? x : y, x > y ? x : y)
LANES2(maximum_b8, b8, b8, b8, x | y)
REAL_LANES2(minimum, x <= y || x != x ? x : y, x <= y || x != x ? x : y)
INTEGER_LANES2(minimum, x < y ? x : y, x < y ? x : y)
LANES2(minimum_b8, b8, b8, b8, x & y)
LANES3(win_f64, f64, f64, f64, f64, y < z ? 0 : y == z ? x / 2 : x)
LANES3(win_f32, f32, f32, f32, f32, y < z ? 0 : y == z ? x / 2 : x)
/* clang-format on */

/* What the first of two gets of g when the larger takes it. */
static const grad_op grad__op_win;

static V win(B *b, V g, V one, V other)
{
    return v_emit(b, &grad__op_win, 3, (V[]){g, one, other}, 0, NULL);
}

static void win_rule(B *b, const grad_pull *p)
{
    pull(p, 0, win(b, p->g, p->in[1], p->in[2]));
}

static const grad_op grad__op_win = {
    .name = "win",
    .doc = "g where a > b, half of it where they are equal, 0 where a < b, g where one is NaN.",
    .gradient = "win(its cotangent, a, b) to g, 0 to a and b",
    .in = {{.name = "g"}, {.name = "a"}, {.name = "b"}},
    .types = TYPES_REAL,
    .lanes = REALS(win),
    .flops = 2,
    .internal = true,
    .rule = win_rule,
    .example = "win([6, 6, 6, 6], [1, 2, 3, NaN], 2) -> [0, 3, 6, 6]",
};

static void maximum_rule(B *b, const grad_pull *p)
{
    pull(p, 0, win(b, p->g, p->in[0], p->in[1]));
    pull(p, 1, win(b, p->g, p->in[1], p->in[0]));
}

static void minimum_rule(B *b, const grad_pull *p)
{
    pull(p, 0, win(b, p->g, p->in[1], p->in[0]));
    pull(p, 1, win(b, p->g, p->in[0], p->in[1]));
}

/* clang-format off */
BINARY(maximum, TYPES_PROMOTE, ALL_TYPES(maximum), 1, 0, 0, 0, 0,
       "The larger of a and b; NaN if one is.",
       "g to the larger, half to each where they are equal, all to each where one is NaN",
       "maximum([1, 5, NaN], [3, 2, 0]) -> [3, 5, NaN]")
BINARY(minimum, TYPES_PROMOTE, ALL_TYPES(minimum), 1, 0, 0, 0, 0,
       "The smaller of a and b; NaN if one is.",
       "g to the smaller, half to each where they are equal, all to each where one is NaN",
       "minimum([1, 5, NaN], [3, 2, 0]) -> [1, 2, NaN]")
/* clang-format on */

static V unless_nan(B *b, V x, V y, V both)
{
    if (v_failed(b) || !grad_dtype_is_float(v_dtype(b, both))) return both;
    return v_where(b, v_isnan(b, y), x, v_where(b, v_isnan(b, x), y, both));
}

static int fmax_expand(B *b, const grad_args *a, V *out)
{
    out[0] = unless_nan(b, a->in[0], a->in[1], v_maximum(b, a->in[0], a->in[1]));
    return 0;
}

static int fmin_expand(B *b, const grad_args *a, V *out)
{
    out[0] = unless_nan(b, a->in[0], a->in[1], v_minimum(b, a->in[0], a->in[1]));
    return 0;
}

const grad_op grad__op_fmax = {
    .name = "fmax",
    .doc = "The larger of a and b; the other one if one is NaN.",
    .gradient = "g to the larger, half to each where they are equal, none to NaN",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .expand = fmax_expand,
    .example = "fmax([1, 5, NaN], [3, 2, 0]) -> [3, 5, 0]",
    .trials = "[] []; [2,3] [3]; [2,1] [1,3]",
};

const grad_op grad__op_fmin = {
    .name = "fmin",
    .doc = "The smaller of a and b; the other one if one is NaN.",
    .gradient = "g to the smaller, half to each where they are equal, none to NaN",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .expand = fmin_expand,
    .example = "fmin([1, 5, NaN], [3, 2, 0]) -> [1, 2, 0]",
    .trials = "[] []; [2,3] [3]; [2,1] [1,3]",
};

/* ---- angles and signs -------------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES2(atan2, atan2(x, y), atan2f(x, y))
REAL_LANES2(hypot, hypot(x, y), hypotf(x, y))
REAL_LANES2(copysign, copysign(x, y), copysignf(x, y))
/* clang-format on */

/* Dividing twice by the length, not once by its square, which overflows and underflows. */
static void atan2_rule(B *b, const grad_pull *p)
{
    V length = v_hypot(b, p->in[0], p->in[1]), share = v_div(b, p->g, length);
    pull(p, 0, v_mul(b, share, v_div(b, p->in[1], length)));
    pull(p, 1, v_neg(b, v_mul(b, share, v_div(b, p->in[0], length))));
}

static void hypot_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, v_div(b, p->in[0], p->y)));
    pull(p, 1, v_mul(b, p->g, v_div(b, p->in[1], p->y)));
}

static void copysign_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, v_mul(b, v_sign(b, p->in[0]), v_sign(b, p->y))));
}

/* clang-format off */
BINARY(atan2, TYPES_REAL, REALS(atan2), MATH_FLOPS, 0.5, 2, -2, 2,
       "The angle of the point with ordinate a and abscissa b, from -pi to pi.",
       "g b / (a^2 + b^2) to a, -g a / (a^2 + b^2) to b: NaN at the origin",
       "atan2([1, -1, 1], [2, -1, -1]) -> [0.4636476090008061, -2.356194490192345, "
       "2.356194490192345]")
BINARY(hypot, TYPES_REAL, REALS(hypot), MATH_FLOPS, 0.5, 2, -2, 2,
       "The length sqrt(a^2 + b^2), without overflow on the way.",
       "g a / y to a, g b / y to b: NaN at the origin",
       "hypot([3, 1, 0], [4, -2, 0]) -> [5, 2.23606797749979, 0]")
BINARY(copysign, TYPES_REAL, REALS(copysign), 1, 0, 0, 0, 0,
       "|a| with the sign of b; of 0 and NaN too.",
       "g where a has the sign of y, else -g; 0 where a is 0. None to b",
       "copysign([1, -1, 3], [-2, 2, -0.0]) -> [-1, 1, -3]")
/* clang-format on */

/* ---- logarithms -------------------------------------------------------------------------------- */

static inline f64 logaddexp64(f64 x, f64 y)
{
    if (x == y) return x + ln2; /* infinities too */
    return (x > y ? x : y) + log1p(exp(-fabs(x - y)));
}

static inline f32 logaddexp32(f32 x, f32 y)
{
    if (x == y) return x + (f32)ln2;
    return (x > y ? x : y) + log1pf(expf(-fabsf(x - y)));
}

static inline f64 logaddexp2_64(f64 x, f64 y)
{
    if (x == y) return x + 1;
    return (x > y ? x : y) + log1p(exp2(-fabs(x - y))) / ln2;
}

static inline f32 logaddexp2_32(f32 x, f32 y)
{
    if (x == y) return x + 1;
    return (x > y ? x : y) + log1pf(exp2f(-fabsf(x - y))) / (f32)ln2;
}

/* clang-format off */
REAL_LANES2(logaddexp, logaddexp64(x, y), logaddexp32(x, y))
REAL_LANES2(logaddexp2, logaddexp2_64(x, y), logaddexp2_32(x, y))
REAL_LANES2(xlogy, y != y ? y : x == 0 ? 0 : x * log(y), y != y ? y : x == 0 ? 0 : x * logf(y))
REAL_LANES2(xlog1py, y != y ? y : x == 0 ? 0 : x * log1p(y),
            y != y ? y : x == 0 ? 0 : x * log1pf(y))
/* clang-format on */

static void logaddexp_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1];
    pull(p, 0, v_mul(b, p->g, v_sigmoid(b, v_sub(b, x, y))));
    pull(p, 1, v_mul(b, p->g, v_sigmoid(b, v_sub(b, y, x))));
}

static V half_life(B *b, V gap) { return v_sigmoid(b, v_mul(b, v_num(b, gap, ln2), gap)); }

static void logaddexp2_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1];
    pull(p, 0, v_mul(b, p->g, half_life(b, v_sub(b, x, y))));
    pull(p, 1, v_mul(b, p->g, half_life(b, v_sub(b, y, x))));
}

/* g times the logarithm to a, but 0 where a is 0 and the logarithm of b is none; `edge` is where it
   ends */
static V log_share(B *b, const grad_pull *p, V logarithm, double edge)
{
    V x = p->in[0], y = p->in[1];
    V none = v_logical_and(b, v_eq(b, x, zero(b, x)), v_le(b, y, v_num(b, y, edge)));
    return v_where(b, none, zero(b, p->g), v_mul(b, p->g, logarithm));
}

static void xlogy_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1];
    pull(p, 0, log_share(b, p, v_log(b, y), 0));
    pull(p, 1, v_div(b, v_mul(b, p->g, x), y));
}

static void xlog1py_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1];
    pull(p, 0, log_share(b, p, v_log1p(b, y), -1));
    pull(p, 1, v_div(b, v_mul(b, p->g, x), v_add(b, v_num(b, y, 1), y)));
}

/* clang-format off */
BINARY(logaddexp, TYPES_REAL, REALS(logaddexp), 2 * MATH_FLOPS, 0, 0, 0, 0,
       "log(exp(a) + exp(b)), without overflow on the way.",
       "g sigmoid(a - b) to a, g sigmoid(b - a) to b",
       "logaddexp([1, 1000, 1], [2, 1000, -Infinity]) -> [2.313261687518223, 1000.69314718056, 1]\n"
       "logaddexp(0, -40) -> 4.248354255291589e-18")
BINARY(logaddexp2, TYPES_REAL, REALS(logaddexp2), 2 * MATH_FLOPS, 0, 0, 0, 0,
       "log2(2^a + 2^b), without overflow on the way.",
       "g / (1 + 2^(b - a)) to a, g / (1 + 2^(a - b)) to b",
       "logaddexp2([1, 1000, 0], [2, 1000, 3]) -> [2.584962500721156, 1001, 3.169925001442312]")
BINARY(xlogy, TYPES_REAL, REALS(xlogy), MATH_FLOPS, 0.5, 2, 0.5, 3,
       "a log(b), and 0 where a is 0 unless b is NaN.",
       "g log(b) to a, g a / b to b; to a 0 where a = 0 and b <= 0",
       "xlogy([2, 0, 0], [3, 0, -1]) -> [2.197224577336219, 0, 0]")
BINARY(xlog1py, TYPES_REAL, REALS(xlog1py), MATH_FLOPS, 0.5, 2, -0.5, 2,
       "a log(1 + b), and 0 where a is 0 unless b is NaN.",
       "g log(1 + b) to a, g a / (1 + b) to b; to a 0 where a = 0 and b <= -1",
       "xlog1py([2, 0], [3, -1]) -> [2.772588722239781, 0]\n"
       "xlog1py(3, 1e-10) -> 2.99999999985e-10")
/* clang-format on */

/* ---- the family -------------------------------------------------------------------------------- */

extern const grad_op grad__op_whole_power, grad__op_not_negative, grad__op_real_power;

const grad_op *const grad__family_binary[] = {
    &grad__op_add,           &grad__op_sub,          &grad__op_mul,
    &grad__op_div,           &grad__op_pow,          &grad__op_maximum,
    &grad__op_minimum,       &grad__op_fmax,         &grad__op_fmin,
    &grad__op_fmod,          &grad__op_remainder,    &grad__op_floor_divide,
    &grad__op_atan2,         &grad__op_hypot,        &grad__op_copysign,
    &grad__op_logaddexp,     &grad__op_logaddexp2,   &grad__op_xlogy,
    &grad__op_xlog1py,       &grad__op_win,          &grad__op_real_power,
    &grad__op_whole_power,   &grad__op_not_negative, &grad__op_power_by_base,
    &grad__op_power_by_exponent, NULL,
};
