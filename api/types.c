/* types.c -- the type of a tensor that names none, from what its consumers take it as.
 *
 * The rule looks at the document and at how the numbers are written, never at shapes: truth values
 * taken only as conditions are bool, whole numbers taken only as indices or classes are int64, and
 * everything else has the request's dtype. What is taken both ways has to say what it is. Operands
 * that a node hands to functions are taken as the functions take their inputs.
 */
#include <stdio.h>

#include "evaluation.h"

static unsigned use_of_role(grad_role role)
{
    switch (role) {
    case GRAD_ROLE_INDEX:
    case GRAD_ROLE_CLASSES: return AS_INDEX;
    case GRAD_ROLE_CONDITION:
    case GRAD_ROLE_MASK: return AS_CONDITION;
    case GRAD_ROLE_NUMBER: break;
    }
    return AS_NUMBER;
}

unsigned use_of_operand(const document *d, const name *node, uint32_t k)
{
    const doc_more *m = document_more(d, node);
    unsigned use = use_of_role(grad_op_role(node->op, k));
    if (!m || !m->n_calls) return use;
    uint32_t kept = library_kept(node->op);
    if (k < kept) return use;
    use = 0;
    for (uint32_t i = 0; i < m->n_calls; i++) {
        uint32_t callee = d->library->call[m->calls + i];
        if (callee == NO_NAME) continue;
        const function *f = &d->library->at[callee];
        if (k - kept < f->n_inputs) use |= f->use[k - kept];
    }
    return use & AS_ANYTHING;
}

void note_uses_of(const document *d, uint16_t *flag)
{
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        if (!node->op) continue;
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++) {
            uint32_t from = document_source(d, in[k]);
            if (from == NO_NAME) continue;
            unsigned use = d->roles ? use_of_operand(d, node, k) : AS_NUMBER;
            flag[from] |= (uint16_t)(use | CONSUMED);
        }
    }
}

void note_uses(evaluation *e)
{
    if (!e->noted) note_uses_of(&e->document, e->flag);
    e->noted = true;
}

/* The first node that takes the name in one of the ways of `uses`, in words. */
static void consumer(const usage *u, unsigned uses, char *to, size_t room)
{
    const document *d = u->document;
    snprintf(to, room, "a node");
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        if (!node->op) continue;
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++) {
            if (u->literal ? node != u->literal || k != u->operand
                           : document_source(d, in[k]) != u->name)
                continue;
            if (!(use_of_operand(d, node, k) & uses)) continue;
            size_t n = (size_t)snprintf(to, room, "%s", grad_op_name(node->op));
            if (node->length)
                snprintf(to + n, room - n, " \"%.*s\"",
                         (int)(node->length < 60 ? node->length : 60), name_text(node));
            return;
        }
    }
}

static int both_ways(const usage *u, unsigned special, const char *as, const char *dtype,
                     const spot *at)
{
    char one[160], other[160];
    consumer(u, special, one, sizeof one);
    consumer(u, AS_NUMBER | AS_INDEX, other, sizeof other);
    if (special == AS_INDEX) consumer(u, AS_NUMBER, other, sizeof other);
    return spot_fail(u->document->c, at, "dtype_mismatch", "", "%s takes this as %s and %s as "
                     "numbers, so it must name its type, for example {\"dtype\": \"%s\", "
                     "\"data\": ...}", one, as, other, dtype);
}

int settle_dtype(grad_dtype *out, grad_dtype real, const usage *u, const tensor_text *t,
                 grad_dtype declared, const spot *at)
{
    if (t->named) {
        *out = t->dtype;
        if (declared == GRAD_DTYPES || declared == t->dtype) return 0;
        return spot_fail(u->document->c, at, "dtype_mismatch", "/dtype", "the node declares %s, "
                         "this is %s", grad_dtype_name(declared), grad_dtype_name(t->dtype));
    }
    *out = declared != GRAD_DTYPES ? declared : real;
    if (declared != GRAD_DTYPES) return 0;
    if (t->truths && t->count > 0 && !(u->uses & AS_ANYTHING & ~AS_CONDITION)) {
        *out = GRAD_BOOL;
    } else if (t->truths && t->count > 0 && u->uses & AS_CONDITION) {
        return both_ways(u, AS_CONDITION, "a condition", "bool", at);
    } else if (t->whole && u->uses & AS_INDEX) {
        if (u->uses & AS_NUMBER && t->count > 0)
            return both_ways(u, AS_INDEX, "integers", "int64", at);
        *out = GRAD_INT64;
    }
    return 0;
}
