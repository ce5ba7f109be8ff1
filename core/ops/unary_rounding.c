/* unary_rounding.c -- signs, squares, rounding, angles, and operators that pass their operand on.
 *
 * Integers stay integers here: rounding leaves them alone, and what overflows wraps.
 */
#include <math.h>

#include "loops.h"

/* ---- kernels ----------------------------------------------------------------------------------- */

/* clang-format off */
REAL_LANES1(neg, -x, -x)
INTEGER_LANES1(neg, 0 - (u64)x, 0 - (u32)x)
REAL_LANES1(abs, fabs(x), fabsf(x))
INTEGER_LANES1(abs, x < 0 ? 0 - (u64)x : (u64)x, x < 0 ? 0 - (u32)x : (u32)x)
REAL_LANES1(sign, (x > 0) - (x < 0), (x > 0) - (x < 0))
INTEGER_LANES1(sign, (x > 0) - (x < 0), (x > 0) - (x < 0))
REAL_LANES1(square, x * x, x * x)
INTEGER_LANES1(square, (u64)x * (u64)x, (u32)x * (u32)x)
REAL_LANES1(floor, floor(x), floorf(x))
REAL_LANES1(ceil, ceil(x), ceilf(x))
REAL_LANES1(round, rint(x), rintf(x))
REAL_LANES1(trunc, trunc(x), truncf(x))
REAL_LANES1(frac, x - trunc(x), x - truncf(x))
INTEGER_LANES1(whole, x, x)
/* clang-format on */

#define ROUNDING_LANES(name)                                                                      \
    {[GRAD_FLOAT64] = name##_f64, [GRAD_FLOAT32] = name##_f32, [GRAD_INT64] = whole_i64,          \
     [GRAD_INT32] = whole_i32}

/* ---- rules ------------------------------------------------------------------------------------- */

static void neg_rule(B *b, const grad_pull *p) { pull(p, 0, v_neg(b, p->g)); }
static void abs_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, v_sign(b, p->in[0])));
}
static void square_rule(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 0, v_mul(b, p->g, v_mul(b, v_num(b, x, 2), x)));
}
static void pass_rule(B *b, const grad_pull *p) { pull(p, 0, p->g); }

/* ---- rows -------------------------------------------------------------------------------------- */

#define EXACT(op_, types_, lanes_, rule_, doc_, gradient_, example_)                              \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = gradient_,                                                                    \
        .in = X_ONLY,                                                                             \
        .types = types_,                                                                          \
        .lanes = lanes_,                                                                          \
        .rule = rule_,                                                                            \
        .example = example_,                                                                      \
    };

/* clang-format off */
EXACT(neg, TYPES_PROMOTE, NUMBERS(neg), neg_rule,
      "-x.", "-g",
      "neg([1, -2.5, Infinity]) -> [-1, 2.5, -Infinity]")
EXACT(abs, TYPES_PROMOTE, NUMBERS(abs), abs_rule,
      "The absolute value.", "g sign(x): 0 at 0",
      "abs([-2, 0, 3]) -> [2, 0, 3]")
EXACT(sign, TYPES_PROMOTE, NUMBERS(sign), zero_gradient,
      "-1, 0 or 1; 0 for NaN.", "0",
      "sign([-2, 0, 3, -Infinity]) -> [-1, 0, 1, -1]")
EXACT(square, TYPES_PROMOTE, NUMBERS(square), square_rule,
      "x * x.", "2 g x",
      "square([-3, 0.5]) -> [9, 0.25]")
EXACT(floor, TYPES_PROMOTE, ROUNDING_LANES(floor), zero_gradient,
      "The largest whole number not above x.", "0",
      "floor([1.5, -1.5, 2]) -> [1, -2, 2]")
EXACT(ceil, TYPES_PROMOTE, ROUNDING_LANES(ceil), zero_gradient,
      "The smallest whole number not below x.", "0",
      "ceil([1.5, -1.5, 2]) -> [2, -1, 2]")
EXACT(round, TYPES_PROMOTE, ROUNDING_LANES(round), zero_gradient,
      "The nearest whole number, of two equally near the even one.", "0",
      "round([0.5, 1.5, 2.5, -1.5, 1.4]) -> [0, 2, 2, -2, 1]")
EXACT(trunc, TYPES_PROMOTE, ROUNDING_LANES(trunc), zero_gradient,
      "x without its fraction.", "0",
      "trunc([1.5, -1.5, 2]) -> [1, -1, 2]")
EXACT(frac, TYPES_REAL, REALS(frac), pass_rule,
      "The fraction, x - trunc(x): it has the sign of x.", "g",
      "frac([1.75, -1.75, 2]) -> [0.75, -0.75, 0]")
/* clang-format on */

static int deg2rad_expand(B *b, const grad_args *a, V *out)
{
    out[0] = v_mul(b, a->in[0], v_num(b, a->in[0], 0.0174532925199432958));
    return 0;
}

const grad_op grad__op_deg2rad = {
    .name = "deg2rad",
    .doc = "Degrees to radians: x pi / 180.",
    .gradient = "g pi / 180",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = deg2rad_expand,
    .example = "deg2rad([180, 60]) -> [3.141592653589793, 1.047197551196598]",
    .trials = "[]; [2,3]",
};

static int rad2deg_expand(B *b, const grad_args *a, V *out)
{
    out[0] = v_mul(b, a->in[0], v_num(b, a->in[0], 57.2957795130823209));
    return 0;
}

const grad_op grad__op_rad2deg = {
    .name = "rad2deg",
    .doc = "Radians to degrees: 180 x / pi.",
    .gradient = "180 g / pi",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .expand = rad2deg_expand,
    .example = "rad2deg([0, 1]) -> [0, 57.29577951308232]",
    .trials = "[]; [2,3]",
};

static int same_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return 0;
}

const grad_op grad__op_identity = {
    .name = "identity",
    .doc = "x itself, as a node of its own.",
    .gradient = "g",
    .in = X_ONLY,
    .types = TYPES_KEEP,
    .infer = same_infer,
    .alias = true,
    .rule = pass_rule,
    .example = "identity([1, -2]) -> [1, -2]",
    .trials = "[]; [2,3]; [0]",
};

const grad_op grad__op_stop_gradient = {
    .name = "stop_gradient",
    .doc = "x itself, through which no gradient passes.",
    .gradient = "none: x counts as a constant",
    .in = X_ONLY,
    .types = TYPES_KEEP,
    .infer = same_infer,
    .alias = true,
    .rule = no_gradient,
    .example = "stop_gradient([1, -2]) -> [1, -2]",
};
