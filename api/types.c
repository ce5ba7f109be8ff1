/* types.c -- the type of a tensor that names none, from what its consumers take it as.
 *
 * The rule looks at the document and at how the numbers are written, never at shapes: truth values
 * taken only as conditions are bool, whole numbers taken only as indices or classes are int64, and
 * everything else has the request's dtype. What is taken both ways has to say what it is.
 */
#include <stdio.h>

#include "evaluation.h"

unsigned use_of_role(grad_role role)
{
    switch (role) {
    case GRAD_ROLE_INDEX:
    case GRAD_ROLE_CLASSES: return AS_INDEX;
    case GRAD_ROLE_CONDITION: return AS_CONDITION;
    case GRAD_ROLE_NUMBER: break;
    }
    return AS_NUMBER;
}

void note_uses(evaluation *e)
{
    const document *d = &e->document;
    if (e->noted) return;
    e->noted = true;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++) {
            uint32_t from = document_source(d, in[k]);
            if (from == NO_NAME) continue;
            unsigned use = d->roles ? use_of_role(grad_op_role(node->op, k)) : AS_NUMBER;
            e->flag[from] |= (uint16_t)(use | CONSUMED);
        }
    }
}

/* The first node that takes the name in one of the ways of `uses`, in words. */
static void consumer(const evaluation *e, uint32_t index, unsigned uses, char *to, size_t room)
{
    const document *d = &e->document;
    snprintf(to, room, "a node");
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++) {
            if (document_source(d, in[k]) != index) continue;
            if (!(use_of_role(grad_op_role(node->op, k)) & uses)) continue;
            snprintf(to, room, "%s \"%.*s\"", grad_op_name(node->op),
                     (int)(node->length < 60 ? node->length : 60), name_text(node));
            return;
        }
    }
}

static int both_ways(evaluation *e, uint32_t index, unsigned special, const char *as,
                     const char *dtype, const spot *at)
{
    char one[160], other[160];
    consumer(e, index, special, one, sizeof one);
    consumer(e, index, AS_NUMBER | AS_INDEX, other, sizeof other);
    if (special == AS_INDEX) consumer(e, index, AS_NUMBER, other, sizeof other);
    return spot_fail(e->c, at, "dtype_mismatch", "", "%s takes this as %s and %s as numbers, so it "
                     "must name its type, for example {\"dtype\": \"%s\", \"data\": ...}",
                     one, as, other, dtype);
}

int settle_dtype(grad_dtype *out, evaluation *e, const tensor_text *t, unsigned as,
                 grad_dtype declared, uint32_t slot, const spot *at)
{
    if (t->named) {
        *out = t->dtype;
        if (declared == GRAD_DTYPES || declared == t->dtype) return 0;
        return spot_fail(e->c, at, "dtype_mismatch", "/dtype", "the node declares %s, this is %s",
                         grad_dtype_name(declared), grad_dtype_name(t->dtype));
    }
    *out = declared != GRAD_DTYPES ? declared : e->request.dtype;
    if (declared != GRAD_DTYPES) return 0;
    if (!as && t->truths) note_uses(e);
    if (!as) as = e->flag[slot] & (AS_NUMBER | AS_INDEX | AS_CONDITION);
    if (t->truths && t->count > 0 && !(as & ~AS_CONDITION)) {
        *out = GRAD_BOOL;
    } else if (t->truths && t->count > 0 && as & AS_CONDITION) {
        return both_ways(e, slot, AS_CONDITION, "a condition", "bool", at);
    } else if (t->whole && as & AS_INDEX) {
        if (as & AS_NUMBER && t->count > 0)
            return both_ways(e, slot, AS_INDEX, "integers", "int64", at);
        *out = GRAD_INT64;
    }
    return 0;
}
