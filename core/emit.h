/* emit.h -- the vocabulary in which derivative rules and composite operators are written.
 *
 * Each function appends one operator and returns its node: v_mul(b, x, y) is x * y with NumPy
 * broadcasting. After a failure everything returns GRAD_NONE and appends nothing, so that a formula
 * needs no checks; the caller of the rule looks once. v_emit appends any row by reference, for
 * operators that are not common enough to have a name here.
 */
#ifndef GRAD_EMIT_H
#define GRAD_EMIT_H

#include "op.h"

/* Attributes by position in the row; missing ones take the row's defaults. */
V v_emit(B *b, const grad_op *op, size_t n_in, const V *in, size_t n_attr, const grad_value *attr);
/* ... with several results: out[] receives them all (GRAD_NONE on failure). */
void v_emits(B *b, V *out, const grad_op *op, size_t n_in, const V *in, size_t n_attr,
             const grad_value *attr);

#define UNARY_WORDS(X)                                                                            \
    X(neg) X(abs) X(sign) X(square) X(sqrt) X(rsqrt) X(reciprocal) X(exp) X(expm1) X(log) X(log1p)  \
    X(sin) X(cos) X(sinh) X(cosh) X(tanh) X(sigmoid) X(erf) X(floor) X(trunc) X(isnan) X(isinf)    \
    X(logical_not) X(identity) X(stop_gradient) X(relu) X(exp2) X(softplus)
#define BINARY_WORDS(X)                                                                           \
    X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(fmod) X(copysign) X(eq) X(ne) X(lt)  \
    X(le) X(gt) X(ge) X(logical_and) X(logical_or) X(matmul) X(xlogy) X(take) X(hypot)

#define X(word)                                                                                   \
    extern const grad_op grad__op_##word;                                                         \
    static inline V v_##word(B *b, V x) { return v_emit(b, &grad__op_##word, 1, &x, 0, NULL); }
UNARY_WORDS(X)
#undef X
#define X(word)                                                                                   \
    extern const grad_op grad__op_##word;                                                         \
    static inline V v_##word(B *b, V x, V y)                                                      \
    {                                                                                             \
        return v_emit(b, &grad__op_##word, 2, (V[]){x, y}, 0, NULL);                              \
    }
BINARY_WORDS(X)
#undef X

/* Constants. v_num is a 0-d constant of x's dtype (it broadcasts); v_fill has x's shape as well. */
V v_num(B *b, V like, double value);
V v_int(B *b, int64_t value);                 /* 0-d int64 */
V v_zeros(B *b, V like);
V v_ones(B *b, V like);
V v_full(B *b, grad_dtype dtype, const grad_shape *shape, double value);

V v_cast(B *b, V x, grad_dtype dtype);
V v_where(B *b, V cond, V x, V y);

/* Shapes. Lists are copied. */
V v_reshape(B *b, V x, int rank, const int64_t *dim);
V v_reshape_like(B *b, V x, V like);
V v_expand(B *b, V x, int rank, const int64_t *dim);
V v_transpose(B *b, V x, int rank, const int64_t *axes);
V v_sum_to(B *b, V x, const grad_shape *shape); /* what broadcasting did, undone */

/* Reductions over axes; axes NULL means all. With keepdims the axes stay, of size 1. */
V v_sum(B *b, V x, const int64_t *axes, size_t n, bool keepdims);
V v_mean(B *b, V x, const int64_t *axes, size_t n, bool keepdims);
/* x with `axes` (sorted, of the result's rank) put back as axes of size 1. */
V v_unsqueeze(B *b, V x, const int64_t *axes, size_t n);

#endif
