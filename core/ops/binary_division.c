/* binary_division.c -- division with remainder, rounded down or towards zero.
 *
 * remainder goes with floor_divide and has the divisor's sign, fmod goes with truncation and has the
 * dividend's. Of integers both are 0 where the divisor is; of reals they are what IEEE makes of it.
 */
#include <math.h>

#include "loops.h"

/* ---- reals ------------------------------------------------------------------------------------- */

/* The quotient is taken of what fmod leaves, which divides exactly, so that floor_divide and
   remainder always fit together: 1 // 0.1 is 9. */
#define REAL_DIVISION(f, fmod, copysign, floor)                                                   \
    static inline f remainder_##f(f x, f y)                                                       \
    {                                                                                             \
        f rest = fmod(x, y);                                                                      \
        if (rest == 0) return copysign(0, y);                                                     \
        return (rest < 0) != (y < 0) ? rest + y : rest;                                           \
    }                                                                                             \
    static inline f floor_divide_##f(f x, f y)                                                    \
    {                                                                                             \
        if (y == 0) return x / y;                                                                 \
        f rest = fmod(x, y), quotient = (x - rest) / y;                                           \
        if (rest != 0 && (rest < 0) != (y < 0)) quotient -= 1;                                    \
        if (quotient == 0) return copysign(0, x / y);                                             \
        f down = floor(quotient);                                                                 \
        return quotient - down > (f)0.5 ? down + 1 : down;                                        \
    }
REAL_DIVISION(f64, fmod, copysign, floor)
REAL_DIVISION(f32, fmodf, copysignf, floorf)

/* ---- integers: no trap for a divisor of 0, none for the lowest integer by -1 -------------------- */

#define INTEGER_DIVISION(i, u)                                                                    \
    static inline i fmod_##i(i x, i y) { return y == 0 || y == -1 ? 0 : x % y; }                  \
    static inline i remainder_##i(i x, i y)                                                       \
    {                                                                                             \
        i rest = fmod_##i(x, y);                                                                  \
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;                              \
    }                                                                                             \
    static inline i floor_divide_##i(i x, i y)                                                    \
    {                                                                                             \
        if (y == 0) return 0;                                                                     \
        if (y == -1) return (i)(0 - (u)x);                                                        \
        return x / y - (x % y != 0 && (x < 0) != (y < 0));                                        \
    }
INTEGER_DIVISION(i64, u64)
INTEGER_DIVISION(i32, u32)

/* clang-format off */
REAL_LANES2(fmod_lanes, fmod(x, y), fmodf(x, y))
INTEGER_LANES2(fmod_lanes, fmod_i64(x, y), fmod_i32(x, y))
REAL_LANES2(remainder_lanes, remainder_f64(x, y), remainder_f32(x, y))
INTEGER_LANES2(remainder_lanes, remainder_i64(x, y), remainder_i32(x, y))
REAL_LANES2(floor_divide_lanes, floor_divide_f64(x, y), floor_divide_f32(x, y))
INTEGER_LANES2(floor_divide_lanes, floor_divide_i64(x, y), floor_divide_i32(x, y))
/* clang-format on */

/* ---- rows -------------------------------------------------------------------------------------- */

static void fmod_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_neg(b, v_mul(b, p->g, v_trunc(b, v_div(b, p->in[0], p->in[1])))));
}

static void remainder_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_neg(b, v_mul(b, p->g, v_emit(b, &grad__op_floor_divide, 2, p->in, 0, NULL))));
}

const grad_op grad__op_fmod = {
    .name = "fmod",
    .doc = "What is left of a after b is taken off as often as fits; it has the sign of a.",
    .gradient = "g to a, -g trunc(a / b) to b",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(fmod_lanes),
    .flops = MATH_FLOPS,
    .rule = fmod_rule,
    .domain = {{-2, 2}, {0.5, 1.5}},
    .example = "fmod([-7, 7, 6.5], [3, -3, 2]) -> [-1, 1, 0.5]\n"
               "fmod(7, 0) -> NaN",
};

const grad_op grad__op_remainder = {
    .name = "remainder",
    .doc = "a - b floor(a / b), the % of the expression language; it has the sign of b.",
    .gradient = "g to a, -g floor(a / b) to b",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(remainder_lanes),
    .flops = MATH_FLOPS,
    .rule = remainder_rule,
    .domain = {{-2, 2}, {0.5, 1.5}},
    .example = "remainder([-7, 7, 6.5], [3, -3, 2]) -> [2, -2, 0.5]\n"
               "remainder(7, 0) -> NaN",
};

const grad_op grad__op_floor_divide = {
    .name = "floor_divide",
    .doc = "floor(a / b), the // of the expression language.",
    .gradient = "0",
    .in = A_AND_B,
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(floor_divide_lanes),
    .flops = MATH_FLOPS,
    .rule = zero_gradient,
    .domain = {{-2, 2}, {0.5, 1.5}},
    .example = "floor_divide([-7, 7, 6.5], [3, -3, 2]) -> [-3, -3, 3]\n"
               "floor_divide([1, 1], [0.1, 0]) -> [9, Infinity]",
};
