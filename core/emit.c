/* emit.c -- the words of emit.h that are more than one operator applied to its operands. */
#include "emit.h"

#include <string.h>

#include "graph.h"

extern const grad_op grad__op_where, grad__op_sum, grad__op_mean;

V v_cast(B *b, V x, grad_dtype dtype)
{
    if (x == GRAD_NONE || v_failed(b)) return GRAD_NONE;
    if (v_dtype(b, x) == dtype) return x;
    return grad__append(b, &grad__op_cast, 1, &x, (grad_value[GRAD_ATTRIBUTES_MAX]){INT_(dtype)});
}

V v_num(B *b, V like, double value)
{
    return grad__scalar_real(b, v_dtype(b, like), value);
}

V v_int(B *b, int64_t value)
{
    return grad__scalar_int(b, GRAD_INT64, value);
}

V v_where(B *b, V cond, V x, V y)
{
    return v_emit(b, &grad__op_where, 3, (V[]){cond, x, y}, 0, NULL);
}

static V reduce(B *b, const grad_op *op, V x, const int64_t *axes, size_t n, bool keepdims)
{
    grad_value axis = {.kind = axes ? GRAD_LIST : GRAD_NULL, .n = (uint32_t)n, .list = axes};
    return v_emit(b, op, 1, &x, 2, (grad_value[]){axis, BOOL_(keepdims)});
}

V v_sum(B *b, V x, const int64_t *axes, size_t n, bool keepdims)
{
    return reduce(b, &grad__op_sum, x, axes, n, keepdims);
}

V v_mean(B *b, V x, const int64_t *axes, size_t n, bool keepdims)
{
    return reduce(b, &grad__op_mean, x, axes, n, keepdims);
}

/* Sums over the axes along which `shape` has size 1, or no axis at all, and x has more. */
V v_sum_to(B *b, V x, const grad_shape *shape)
{
    if (x == GRAD_NONE || v_failed(b)) return GRAD_NONE;
    const grad_shape *from = v_shape(b, x);
    int64_t axes[GRAD_RANK_MAX];
    size_t n = 0;
    int front = from->rank - shape->rank;
    if (from->id == shape->id) return x;
    for (int i = 0; i < from->rank; i++)
        if (i < front || (shape->dim[i - front] == 1 && from->dim[i] != 1)) axes[n++] = i;
    if (n) x = v_sum(b, x, axes, n, false);
    if (v_failed(b) || v_shape(b, x)->id == shape->id) return x;
    return v_reshape(b, x, shape->rank, shape->dim);
}
