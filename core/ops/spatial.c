/* spatial.c -- reading the operands and attributes of operators with spatial axes. */
#include "spatial.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int grad__spatial_fail(const grad_space *s, size_t k, const char *format, ...)
{
    char text[300];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return grad_expand_fail(s->b, GRAD_BAD_ATTRIBUTE, -1, s->a->op->attr[k].name, "%s: `%s` %s",
                            s->a->op->name, s->a->op->attr[k].name, text);
}

int grad__space(grad_space *s, B *b, const grad_args *a, int axes)
{
    char found[96];
    const grad_shape *x = v_shape(b, a->in[0]);
    *s = (grad_space){.b = b, .a = a, .axes = axes, .x = x};
    if (x->rank != axes + 1 && x->rank != axes + 2)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "%s: `%s` has channels and %d spatial ax%s, and may have a batch "
                                "axis before them; found the shape %s",
                                a->op->name, a->op->in[0].name, axes, axes == 1 ? "is" : "es",
                                grad__dims_text(found, x->rank, x->dim));
    s->in = x->dim + x->rank - axes;
    for (int d = 0; d < axes; d++)
        if (s->in[d] == 0)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                    "%s: a spatial axis of `%s` is empty; found the shape %s",
                                    a->op->name, a->op->in[0].name,
                                    grad__dims_text(found, x->rank, x->dim));
    return 0;
}

int grad__spatial(const grad_space *s, size_t k, int64_t least, int64_t out[GRAD_SPATIAL])
{
    const grad_value *v = &s->a->attr[k];
    const int64_t *list = v->kind == GRAD_INT ? &v->i : v->list;
    const uint32_t n = v->kind == GRAD_INT ? 1 : v->n;
    if (n != 1 && n != (uint32_t)s->axes)
        return grad__spatial_fail(s, k,
                                  "is one integer or a list of %d, one for each spatial axis, and "
                                  "a list of %" PRIu32 " was found",
                                  s->axes, n);
    for (int d = 0; d < s->axes; d++) {
        out[d] = list[n == 1 ? 0 : d];
        if (out[d] < least)
            return grad__spatial_fail(s, k, "must be at least %" PRId64 ", found %" PRId64, least,
                                      out[d]);
        if (out[d] > INT32_MAX)
            return grad__spatial_fail(s, k, "must be at most %d, found %" PRId64, INT32_MAX,
                                      out[d]);
    }
    return 0;
}

V grad__with_space(B *b, V x, int axes, int n, const int64_t *dim)
{
    int64_t all[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, x);
    int rank = s->rank - axes;
    if (v_failed(b)) return GRAD_NONE;
    for (int d = 0; d < rank; d++) all[d] = s->dim[d];
    for (int d = 0; d < n; d++) all[rank++] = dim[d];
    return v_reshape(b, x, rank, all);
}
