/* emit_shape.c -- the words of emit.h that make constants and change shapes. */
#include "emit.h"
#include "ops/shape.h"

/* ---- constants --------------------------------------------------------------------- */

V v_full(B *b, grad_dtype dtype, const grad_shape *shape, double value)
{
    if (v_failed(b)) return GRAD_NONE;
    return v_emit(b, &grad__op_full, 0, NULL, 3,
                  (grad_value[]){grad__list(shape->dim, (size_t)shape->rank),
                                 REAL_(value), INT_(dtype)});
}

V v_zeros(B *b, V like)
{
    return v_failed(b) ? GRAD_NONE : v_full(b, v_dtype(b, like), v_shape(b, like), 0);
}

V v_ones(B *b, V like)
{
    return v_failed(b) ? GRAD_NONE : v_full(b, v_dtype(b, like), v_shape(b, like), 1);
}

/* ---- shapes ------------------------------------------------------------------------ */

static V with_list(B *b, const grad_op *op, V x, const int64_t *list, size_t n)
{
    const grad_value value = grad__list(list, n);
    return v_emit(b, op, 1, &x, 1, &value);
}

V v_reshape(B *b, V x, int rank, const int64_t *dim)
{
    return with_list(b, &grad__op_reshape, x, dim, (size_t)rank);
}

V v_reshape_like(B *b, V x, V like)
{
    if (v_failed(b)) return GRAD_NONE;
    const grad_shape *s = v_shape(b, like);
    return v_shape(b, x)->id == s->id ? x : v_reshape(b, x, s->rank, s->dim);
}

V v_expand(B *b, V x, int rank, const int64_t *dim)
{
    return with_list(b, &grad__op_expand, x, dim, (size_t)rank);
}

V v_transpose(B *b, V x, int rank, const int64_t *axes)
{
    return with_list(b, &grad__op_transpose, x, axes, (size_t)rank);
}

V v_unsqueeze(B *b, V x, const int64_t *axes, size_t n)
{
    return with_list(b, &grad__op_unsqueeze, x, axes, n);
}
