/* loss.c -- what all losses share. */
#include "loss.h"

#include <inttypes.h>
#include <math.h>

V grad__reduce_loss(B *b, V loss, const grad_value *reduction)
{
    if (reduction->i == LOSS_NONE) return loss;
    return reduction->i == LOSS_MEAN ? v_mean(b, loss, NULL, 0, false)
                                     : v_sum(b, loss, NULL, 0, false);
}

int grad__check_broadcast(B *b, const grad_args *a)
{
    int64_t dim[GRAD_RANK_MAX]; /* from the last axis on */
    char text[96];
    int rank = 0;
    if (v_failed(b)) return -1;
    for (size_t k = 0; k < a->n_in; k++) {
        if (a->in[k] == GRAD_NONE) continue;
        const grad_shape *s = v_shape(b, a->in[k]);
        for (int i = 0; i < s->rank; i++) {
            int64_t d = s->dim[s->rank - 1 - i];
            if (i == rank) dim[rank++] = d;
            else if (dim[i] == 1) dim[i] = d;
            else if (d != 1 && d != dim[i])
                return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                        "%s: `%s` of shape %s does not broadcast with the operands "
                                        "before it: sizes %" PRId64 " and %" PRId64
                                        " meet on one axis and neither is 1",
                                        a->op->name, a->op->in[k].name,
                                        grad__dims_text(text, s->rank, s->dim), dim[i], d);
        }
    }
    return 0;
}

int grad__check_not_negative(B *b, const grad_args *a, size_t k)
{
    const char *name = a->op->attr[k].name;
    if (a->attr[k].r >= 0) return 0; /* NaN is not */
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, name, "%s: %s must be 0 or more, found %s",
                            a->op->name, name, NUMBER(a->attr[k].r));
}

V grad__hinge(B *b, V x)
{
    V between[3] = {x, v_num(b, x, 0), v_num(b, x, HUGE_VAL)};
    return v_emit(b, &grad__op_clip_between, 3, between, 0, NULL);
}
