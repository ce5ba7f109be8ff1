/* binary_power.c -- powers of reals and of integers.
 *
 * Both partial derivatives of a^b are primitives, because each has a case in which the formula says
 * 0 times infinity and 0 is meant: b a^(b-1) where b is 0, and a^b log(a) where a is 0.
 */
#include <math.h>

#include "loops.h"

/* ---- reals ------------------------------------------------------------------------------------- */

/* The powers most met need no call; x * x and 1 / x are exact to the last bit anyway. */
static inline f64 power64(f64 x, f64 y)
{
    return y == 2 ? x * x : y == 1 ? x : y == -1 ? 1 / x : pow(x, y);
}

static inline f32 power32(f32 x, f32 y)
{
    return y == 2 ? x * x : y == 1 ? x : y == -1 ? 1 / x : powf(x, y);
}

/* clang-format off */
REAL_LANES2(real_power, power64(x, y), power32(x, y))
REAL_LANES2(by_base, y == 0 ? 0 : y * power64(x, y - 1), y == 0 ? 0 : y * power32(x, y - 1))
REAL_LANES2(by_exponent, x == 0 && y >= 0 ? 0 : power64(x, y) * log(x),
            x == 0 && y >= 0 ? 0 : power32(x, y) * logf(x))
/* clang-format on */

static const grad_op *const slope[2] = {&grad__op_power_by_base, &grad__op_power_by_exponent};

static V partial(B *b, int of, V x, V y)
{
    return v_emit(b, slope[of], 2, (V[]){x, y}, 0, NULL);
}

static void real_power_rule(B *b, const grad_pull *p)
{
    for (int k = 0; k < 2; k++)
        pull(p, (size_t)k, v_mul(b, p->g, partial(b, k, p->in[0], p->in[1])));
}

/* a^(b-1) + b a^(b-1) log(a): the mixed derivative */
static V mixed(B *b, V x, V y)
{
    V less = v_sub(b, y, v_num(b, y, 1));
    return v_add(b, v_pow(b, x, less), v_mul(b, y, partial(b, 1, x, less)));
}

static void power_by_base_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], y = p->in[1], zero = v_num(b, y, 0);
    if (wants(p, 0)) { /* an exponent of 0 stays 0, so that nothing becomes infinite */
        V less = v_where(b, v_eq(b, y, zero), zero, v_sub(b, y, v_num(b, y, 1)));
        pull(p, 0, v_mul(b, p->g, v_mul(b, y, partial(b, 0, x, less))));
    }
    pull(p, 1, v_mul(b, p->g, mixed(b, x, y)));
}

static void power_by_exponent_rule(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 0, v_mul(b, p->g, mixed(b, x, p->in[1])));
    pull(p, 1, v_mul(b, p->g, v_xlogy(b, p->y, x)));
}

const grad_op grad__op_real_power = {
    .name = "real_power",
    .doc = "a^b of reals.",
    .gradient = "g b a^(b-1) to a, g y log(a) to b",
    .in = A_AND_B,
    .types = TYPES_REAL,
    .lanes = REALS(real_power),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = real_power_rule,
    .domain = {{0.5, 2}, {-2, 3}},
    .example = "real_power([2, 3], [10, -1.5]) -> [1024, 0.1924500897298753]",
};

const grad_op grad__op_power_by_base = {
    .name = "power_by_base",
    .doc = "b a^(b-1), and 0 where b is 0.",
    .gradient = "g b (b-1) a^(b-2) to a, g (a^(b-1) + b a^(b-1) log(a)) to b",
    .in = A_AND_B,
    .types = TYPES_REAL,
    .lanes = REALS(by_base),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = power_by_base_rule,
    .domain = {{0.5, 2}, {-2, 3}},
    .example = "power_by_base([3, 0, 0], [2, 0, 1]) -> [6, 0, 1]",
};

const grad_op grad__op_power_by_exponent = {
    .name = "power_by_exponent",
    .doc = "a^b log(a), and 0 where a is 0 and b >= 0.",
    .gradient = "g (a^(b-1) + b a^(b-1) log(a)) to a, g y log(a) to b",
    .in = A_AND_B,
    .types = TYPES_REAL,
    .lanes = REALS(by_exponent),
    .flops = 3 * MATH_FLOPS,
    .internal = true,
    .rule = power_by_exponent_rule,
    .domain = {{0.5, 2}, {-2, 3}},
    .example = "power_by_exponent([2, 0, 0], [1, 0, 3]) -> [1.386294361119891, 0, 0]",
};

/* ---- integers ---------------------------------------------------------------------------------- */

/* By squaring; it wraps. The exponent has been found not negative. */
#define WHOLE_POWER(i, u)                                                                         \
    static inline i whole_power_of_##i(i x, i y)                                                  \
    {                                                                                             \
        u base = (u)x, result = 1;                                                                \
        for (; y > 0; y /= 2) {                                                                   \
            if (y % 2) result *= base;                                                            \
            base *= base;                                                                         \
        }                                                                                         \
        return (i)result;                                                                         \
    }
WHOLE_POWER(i64, u64)
WHOLE_POWER(i32, u32)
INTEGER_LANES2(whole_power, whole_power_of_i64(x, y), whole_power_of_i32(x, y))

const grad_op grad__op_whole_power = {
    .name = "whole_power",
    .doc = "a^b of integers, b not negative.",
    .gradient = "none",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = INTEGERS(whole_power),
    .flops = MATH_FLOPS,
    .internal = true,
    .rule = no_gradient,
};

static int refuse_exponent(grad_frame *frame, i64 exponent)
{
    grad_fail(frame->err, GRAD_BAD_ATTRIBUTE,
              "pow: an integer to the power of a negative integer, here %lld, is not an integer; "
              "cast one of them to a real type",
              (long long)exponent);
    frame->err->input = 0;
    return -1;
}

static int not_negative_kernel(const grad_call *c, void *out, const void *const *in,
                               grad_frame *frame)
{
    for (i64 i = 0; i < c->shape->count; i++) {
        i64 y = c->dtype == GRAD_INT64 ? ((const i64 *)in[0])[i] : ((const i32 *)in[0])[i];
        if (y < 0) return refuse_exponent(frame, y);
        if (c->dtype == GRAD_INT64) ((i64 *)out)[i] = y;
        else ((i32 *)out)[i] = (i32)y;
        if (i % 65536 == 65535 && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

const grad_op grad__op_not_negative = {
    .name = "not_negative",
    .doc = "x, an integer exponent; an error where it is negative.",
    .gradient = "none",
    .in = X_ONLY,
    .types = TYPES_PROMOTE,
    .kernel = not_negative_kernel,
    .reach = REACH_SAME,
    .checks = 1,
    .in_place = true,
    .internal = true,
    .rule = no_gradient,
};

/* ---- pow --------------------------------------------------------------------------------------- */

static int pow_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0], y = a->in[1];
    if (v_failed(b)) return -1;
    if (grad_dtype_is_float(v_dtype(b, x))) {
        out[0] = v_emit(b, &grad__op_real_power, 2, a->in, 0, NULL);
        return 0;
    }
    if (v_dtype(b, x) == GRAD_BOOL) {
        x = v_cast(b, x, GRAD_INT64);
        y = v_cast(b, y, GRAD_INT64);
    }
    y = v_emit(b, &grad__op_not_negative, 1, &y, 0, NULL);
    out[0] = v_emit(b, &grad__op_whole_power, 2, (V[]){x, y}, 0, NULL);
    return 0;
}

const grad_op grad__op_pow = {
    .name = "pow",
    .doc = "a to the power of b; of integers an integer, and then b may not be negative.",
    .gradient = "g b a^(b-1) to a, 0 where b is 0; g y log(a) to b, 0 where a is 0 and b >= 0",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .expand = pow_expand,
    .domain = {{0.5, 2}, {-2, 3}},
    .example = "pow([2, 2, 3, 0], [10, 0.5, -1.5, 0]) -> [1024, 1.414213562373095, "
               "0.1924500897298753, 1]\n"
               "pow([-2, -2, -2], [2, 3, 0.5]) -> [4, -8, NaN]",
    .trials = "[] []; [3] [3]; [2,3] [3]; [2,1] [1,3]; [0,3] [3]",
};
