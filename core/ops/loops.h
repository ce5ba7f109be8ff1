/* loops.h -- lane kernels from expressions: what the element-wise families are generated with.
 *
 *     LANES1(sin_f64, f64, f64, sin(x))
 *
 * defines the grad_lanes sin_f64: the type of the result, the type of the operand, and a lane of the
 * result as an expression of x, a lane of the operand. LANES2 has x and y, LANES3 x, y and z.
 * A kernel's name ends in its operands' type, which is what the initialisers of a row's `lanes`
 * (REALS, NUMBERS, ALL_TYPES) go by. Integers wrap: arithmetic on them is written in u64 and u32.
 */
#ifndef GRAD_OPS_LOOPS_H
#define GRAD_OPS_LOOPS_H

#include "emit.h"

typedef double f64;
typedef float f32;
typedef int64_t i64;
typedef int32_t i32;
typedef uint8_t b8; /* a bool: 0 or 1 */
typedef uint64_t u64;
typedef uint32_t u32;

/* The result may stand where an operand stood, but then lane for lane: no lane reads another's. */
#if defined(__GNUC__) && !defined(__clang__)
#define LANES_APART _Pragma("GCC ivdep")
#else
#define LANES_APART
#endif

/* The loop over all lanes; `setting` gives x, y and z their values in lane i. */
#define LANES_LOOP(R, e, setting)                                                                 \
    LANES_APART                                                                                   \
    for (size_t i = 0; i < n; i++) {                                                              \
        setting;                                                                                  \
        out_[i] = (R)(e);                                                                         \
    }

#define LANES1(name, R, A, e)                                                                     \
    static void name(void *out, const void *const *in, const size_t *step, size_t n)              \
    {                                                                                             \
        R *out_ = out;                                                                            \
        const A *a = in[0];                                                                       \
        if (step[0]) {                                                                            \
            LANES_LOOP(R, e, const A x = a[i])                                                    \
        } else {                                                                                  \
            const A x = *a;                                                                       \
            const R same = (R)(e);                                                                \
            LANES_LOOP(R, same, )                                                                 \
        }                                                                                         \
    }

#define LANES2(name, R, A, B, e)                                                                  \
    static void name(void *out, const void *const *in, const size_t *step, size_t n)              \
    {                                                                                             \
        R *out_ = out;                                                                            \
        const A *a = in[0];                                                                       \
        const B *b = in[1];                                                                       \
        if (step[0] && step[1]) {                                                                 \
            LANES_LOOP(R, e, const A x = a[i]; const B y = b[i])                                  \
        } else if (step[0]) {                                                                     \
            const B y = *b;                                                                       \
            LANES_LOOP(R, e, const A x = a[i])                                                    \
        } else if (step[1]) {                                                                     \
            const A x = *a;                                                                       \
            LANES_LOOP(R, e, const B y = b[i])                                                    \
        } else {                                                                                  \
            const A x = *a;                                                                       \
            const B y = *b;                                                                       \
            const R same = (R)(e);                                                                \
            LANES_LOOP(R, same, )                                                                 \
        }                                                                                         \
    }

#define LANES3(name, R, A, B, C, e)                                                               \
    static void name(void *out, const void *const *in, const size_t *step, size_t n)              \
    {                                                                                             \
        R *out_ = out;                                                                            \
        const A *a = in[0];                                                                       \
        const B *b = in[1];                                                                       \
        const C *c = in[2];                                                                       \
        if (step[0] && step[1] && step[2]) {                                                      \
            LANES_LOOP(R, e, const A x = a[i]; const B y = b[i]; const C z = c[i])                \
        } else if (step[0] && step[1]) {                                                          \
            const C z = *c;                                                                       \
            LANES_LOOP(R, e, const A x = a[i]; const B y = b[i])                                  \
        } else if (step[0] && step[2]) {                                                          \
            const B y = *b;                                                                       \
            LANES_LOOP(R, e, const A x = a[i]; const C z = c[i])                                  \
        } else if (step[0]) {                                                                     \
            const B y = *b;                                                                       \
            const C z = *c;                                                                       \
            LANES_LOOP(R, e, const A x = a[i])                                                    \
        } else {                                                                                  \
            const A x = *a;                                                                       \
            const size_t step_b = step[1], step_c = step[2];                                      \
            LANES_LOOP(R, e, const B y = b[i * step_b]; const C z = c[i * step_c])                \
        }                                                                                         \
    }

/* The same expression for several types; f64 and f32 may differ (sin, sinf). */
#define REAL_LANES1(name, e64, e32)                                                               \
    LANES1(name##_f64, f64, f64, e64)                                                             \
    LANES1(name##_f32, f32, f32, e32)
#define REAL_LANES2(name, e64, e32)                                                               \
    LANES2(name##_f64, f64, f64, f64, e64)                                                        \
    LANES2(name##_f32, f32, f32, f32, e32)
#define INTEGER_LANES1(name, e64, e32)                                                            \
    LANES1(name##_i64, i64, i64, e64)                                                             \
    LANES1(name##_i32, i32, i32, e32)
#define INTEGER_LANES2(name, e64, e32)                                                            \
    LANES2(name##_i64, i64, i64, i64, e64)                                                        \
    LANES2(name##_i32, i32, i32, i32, e32)

#define REALS(name) {[GRAD_FLOAT64] = name##_f64, [GRAD_FLOAT32] = name##_f32}
#define INTEGERS(name) {[GRAD_INT64] = name##_i64, [GRAD_INT32] = name##_i32}
#define NUMBERS(name)                                                                             \
    {[GRAD_FLOAT64] = name##_f64, [GRAD_FLOAT32] = name##_f32, [GRAD_INT64] = name##_i64,         \
     [GRAD_INT32] = name##_i32}
#define ALL_TYPES(name)                                                                           \
    {[GRAD_FLOAT64] = name##_f64, [GRAD_FLOAT32] = name##_f32, [GRAD_INT64] = name##_i64,         \
     [GRAD_INT32] = name##_i32,   [GRAD_BOOL] = name##_b8}

/* Operands under the names they have everywhere. */
#define X_ONLY {{.name = "x"}}
#define A_AND_B {{.name = "a"}, {.name = "b"}}

/* What an operator is counted as, in additions. */
#define ROOT_FLOPS 4
#define MATH_FLOPS 20

/* A function of one real number: kernels, rule and row. The derivative is a formula in b, x (the
   operand), y (the result) and g (the cotangent of y). */
#define MATH(op_, flops_, e64, e32, low, high, derivative_, doc_, gradient_, example_)            \
    REAL_LANES1(op_, e64, e32)                                                                    \
    static void op_##_rule(B *b, const grad_pull *p)                                              \
    {                                                                                             \
        const V x = p->in[0], y = p->y, g = p->g;                                                 \
        (void)x, (void)y, (void)g;                                                                \
        pull(p, 0, derivative_);                                                                  \
    }                                                                                             \
    const grad_op grad__op_##op_ = {                                                              \
        .name = #op_,                                                                             \
        .doc = doc_,                                                                              \
        .gradient = gradient_,                                                                    \
        .in = X_ONLY,                                                                             \
        .types = TYPES_REAL,                                                                      \
        .lanes = REALS(op_),                                                                      \
        .flops = flops_,                                                                          \
        .rule = op_##_rule,                                                                       \
        .domain = {{low, high}},                                                                  \
        .example = example_,                                                                      \
    };

/* ---- what sibling files append ---------------------------------------------------------------- */

/* Attributes that are compared with x (unary_bounds.c): x, become real where it is an integer and an
   attribute a fraction; an attribute as a 0-d constant of x's type; as a double. */
V grad__make_room(B *b, V x, const grad_value *v, size_t n);
V grad__constant_of(B *b, V x, const grad_value *v);
double grad__real_of(const grad_value *v);
/* inner(x, attr[0], attr[1]): attributes `min` and `max`, checked; null is no bound. */
int grad__expand_between(B *b, const grad_args *a, V *out, const grad_op *inner);

extern const grad_op grad__op_clip, grad__op_nan_to_num, grad__op_cast;
extern const grad_op grad__op_clip_between, grad__op_hardtanh_between;
extern const grad_op grad__op_log1pexp, grad__op_erfc;
extern const grad_op grad__op_floor_divide, grad__op_remainder; /* binary_division.c */
extern const grad_op grad__op_power_by_base, grad__op_power_by_exponent; /* binary_power.c */

#endif
