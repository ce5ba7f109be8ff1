/* compare.c -- comparisons, logic, and tests for numbers that are not finite: results are bool. */
#include <math.h>

#include "loops.h"

/* ---- comparisons: IEEE's, so that NaN is unequal to everything, itself included ------------------ */

#define COMPARE_LANES(name, e)                                                                    \
    LANES2(name##_f64, b8, f64, f64, e)                                                           \
    LANES2(name##_f32, b8, f32, f32, e)                                                           \
    LANES2(name##_i64, b8, i64, i64, e)                                                           \
    LANES2(name##_i32, b8, i32, i32, e)                                                           \
    LANES2(name##_b8, b8, b8, b8, e)

#define COMPARISON(op_, e, doc_, example_)                                                        \
    COMPARE_LANES(op_, e)                                                                         \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = "none",                                                                       \
        .in = A_AND_B,                                                                            \
        .types = TYPES_PROMOTE,                                                                   \
        .result = RESULT_BOOL,                                                                    \
        .lanes = ALL_TYPES(op_),                                                                  \
        .rule = no_gradient,                                                                      \
        .example = example_,                                                                      \
    };

/* clang-format off */
COMPARISON(eq, x == y, "Whether a equals b; NaN equals nothing.",
           "eq([1, 2, NaN], [1, 3, NaN]) -> [true, false, false]")
COMPARISON(ne, x != y, "Whether a differs from b; NaN differs from everything.",
           "ne([1, 2, NaN], [1, 3, NaN]) -> [false, true, true]")
COMPARISON(lt, x < y, "Whether a is less than b.",
           "lt([1, 2, 3], 2) -> [true, false, false]")
COMPARISON(le, x <= y, "Whether a is less than b or equal to it.",
           "le([1, 2, 3], 2) -> [true, true, false]")
COMPARISON(gt, x > y, "Whether a is greater than b.",
           "gt([1, 2, 3], 2) -> [false, false, true]")
COMPARISON(ge, x >= y, "Whether a is greater than b or equal to it.",
           "ge([1, 2, 3], 2) -> [false, true, true]")
/* clang-format on */

/* ---- logic: a number is true where it is not 0 ---------------------------------------------------- */

#define LOGIC(op_, e, doc_, example_)                                                             \
    LANES2(op_##_b8, b8, b8, b8, e)                                                               \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = "none",                                                                       \
        .in = {{.name = "a", .role = GRAD_ROLE_CONDITION},                                        \
               {.name = "b", .role = GRAD_ROLE_CONDITION}},                                       \
        .types = TYPES_LOGIC,                                                                     \
        .result = RESULT_BOOL,                                                                    \
        .lanes = {[GRAD_BOOL] = op_##_b8},                                                        \
        .rule = no_gradient,                                                                      \
        .example = example_,                                                                      \
    };

/* clang-format off */
LOGIC(logical_and, x & y, "Whether both are true.",
      "logical_and([true, true, false], [true, false, false]) -> [true, false, false]\n"
      "logical_and([2, 0], [1, 1]) -> [true, false]")
LOGIC(logical_or, x | y, "Whether one is true, or both.",
      "logical_or([true, true, false], [true, false, false]) -> [true, true, false]")
LOGIC(logical_xor, x ^ y, "Whether exactly one is true.",
      "logical_xor([true, true, false], [true, false, false]) -> [false, true, false]")
/* clang-format on */

LANES1(logical_not_b8, b8, b8, x ^ 1)

const grad_op grad__op_logical_not = {
    .name = "logical_not",
    .doc = "Whether x is not true.",
    .gradient = "none",
    .in = {{.name = "x", .role = GRAD_ROLE_CONDITION}},
    .types = TYPES_LOGIC,
    .result = RESULT_BOOL,
    .lanes = {[GRAD_BOOL] = logical_not_b8},
    .rule = no_gradient,
    .example = "logical_not([true, false]) -> [false, true]\n"
               "logical_not([0, 3]) -> [true, false]",
};

/* ---- NaN and infinities ------------------------------------------------------------------------ */

/* Integers and truth values are always finite: `whole` is what they answer. */
#define KIND_OF_NUMBER(op_, e, whole, doc_, example_)                                             \
    LANES1(op_##_f64, b8, f64, e)                                                                 \
    LANES1(op_##_f32, b8, f32, e)                                                                 \
    LANES1(op_##_i64, b8, i64, ((void)x, whole))                                                  \
    LANES1(op_##_i32, b8, i32, ((void)x, whole))                                                  \
    LANES1(op_##_b8, b8, b8, ((void)x, whole))                                                    \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = "none",                                                                       \
        .in = X_ONLY,                                                                             \
        .types = TYPES_KEEP,                                                                      \
        .result = RESULT_BOOL,                                                                    \
        .lanes = ALL_TYPES(op_),                                                                  \
        .rule = no_gradient,                                                                      \
        .example = example_,                                                                      \
    };

/* clang-format off */
KIND_OF_NUMBER(isnan, x != x, 0, "Whether x is not a number.",
               "isnan([1, NaN, Infinity]) -> [false, true, false]")
KIND_OF_NUMBER(isinf, isinf(x) != 0, 0, "Whether x is infinite.",
               "isinf([1, NaN, -Infinity]) -> [false, false, true]")
KIND_OF_NUMBER(isfinite, isfinite(x) != 0, 1, "Whether x is a number and not infinite.",
               "isfinite([1, NaN, Infinity]) -> [true, false, false]")
/* clang-format on */

const grad_op *const grad__family_compare[] = {
    &grad__op_eq,          &grad__op_ne,         &grad__op_lt,          &grad__op_le,
    &grad__op_gt,          &grad__op_ge,         &grad__op_logical_and, &grad__op_logical_or,
    &grad__op_logical_xor, &grad__op_logical_not, &grad__op_isnan,      &grad__op_isinf,
    &grad__op_isfinite,    NULL,
};
