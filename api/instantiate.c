/* instantiate.c -- the operators of a document, applied to what the request gives.
 *
 * The nodes are taken in an order in which each finds its operands there. An error of the core is
 * said of the document's node, and points at the operand or attribute at fault.
 */
#include <stdio.h>
#include <string.h>

#include "evaluation.h"
#include "table.h"

/* ---- errors ---------------------------------------------------------------------------------- */

int evaluation_end_at(evaluation *e, const grad_error *err, const name *n)
{
    char at[128], id[ID_ROOM];
    uint32_t count = 0;
    size_t length = (size_t)snprintf(at, sizeof at, "/graph/nodes/%u", n->place);
    if (e->document.operand) document_operands(&e->document, n, &count);
    if (err->input >= 0 && (!e->document.operand || (uint32_t)err->input < count))
        snprintf(at + length, sizeof at - length, "/inputs/%d", err->input);
    else if (err->attribute[0] && err->code != GRAD_MISSING_ATTRIBUTE)
        snprintf(at + length, sizeof at - length, "/%s", err->attribute);
    api_fail_core(e->c, err, at, name_copy(id, n));
    return -1;
}

/* The document's node to whose expansion node `at` of the graph belongs: the one whose own node is
   the first from there on. */
static const name *node_around(const evaluation *e, grad_node at, bool *exact)
{
    const document *d = &e->document;
    const name *found = NULL;
    grad_node nearest = GRAD_NONE;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t index = d->order[i];
        const name *n = &d->names.at[index];
        if (!n->op) continue;
        for (uint32_t r = 0; r < document_results(d, n); r++) {
            grad_node own = e->node[slot_of(e, index, r)];
            if (own == GRAD_NONE || own < at || own >= nearest) continue;
            nearest = own;
            found = n;
        }
    }
    *exact = nearest == at;
    return found;
}

int evaluation_end(evaluation *e, const grad_error *err)
{
    grad_error outer = *err;
    bool exact;
    const name *n = err->node == GRAD_NONE ? NULL : node_around(e, err->node, &exact);
    if (!n) {
        api_fail_core(e->c, err, NULL, NULL);
        return -1;
    }
    /* Inside an expansion the operands are those of another operator. */
    if (!exact) outer.input = -1;
    outer.attribute[0] = '\0';
    return evaluation_end_at(e, &outer, n);
}

/* ---- operands -------------------------------------------------------------------------------- */

static int truth(grad_node *out, evaluation *e, bool value)
{
    grad_error err = {0};
    uint8_t byte = value;
    grad_node *kept = &e->truth[value];
    if (*kept == GRAD_NONE && grad_constant(kept, e->graph, GRAD_BOOL, 0, NULL, &byte, &err) < 0)
        return evaluation_end(e, &err);
    *out = *kept;
    return 0;
}

static int odd_operand(grad_operand *out, evaluation *e, uint32_t operand)
{
    const document *d = &e->document;
    *out = (grad_operand){.kind = GRAD_OPERAND_ABSENT, .node = GRAD_NONE};
    if (operand == OPERAND_ABSENT) return 0;
    const doc_odd *odd = &d->odd[operand & ~OPERAND_ODD];
    switch ((odd_kind)odd->kind) {
    case ODD_WHOLE:
        out->kind = GRAD_OPERAND_INT;
        out->i = odd->whole;
        return 0;
    case ODD_REAL:
        out->kind = GRAD_OPERAND_REAL;
        out->r = odd->real;
        return 0;
    case ODD_TRUTH:
        out->kind = GRAD_OPERAND_NODE;
        return truth(&out->node, e, odd->whole);
    case ODD_TENSOR:
        out->kind = GRAD_OPERAND_NODE;
        out->node = e->literal[odd->at];
        return 0;
    case ODD_RESULT:
        out->kind = GRAD_OPERAND_NODE;
        out->node = e->node[slot_of(e, odd->at, odd->result)];
        return 0;
    }
    return 0;
}

static int read_operands(grad_operand *to, evaluation *e, const uint32_t *in, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (in[i] & OPERAND_ODD) {
            if (odd_operand(&to[i], e, in[i]) < 0) return -1;
        } else {
            to[i] = (grad_operand)GRAD_AT(e->node[in[i]]);
        }
    }
    return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

enum { FEW = 8 };

static int apply(evaluation *e, uint32_t index, const grad_operand *in, uint32_t n_in)
{
    const document *d = &e->document;
    const name *n = &d->names.at[index];
    const doc_more *m = document_more(d, n);
    uint32_t results = m ? m->results : 1;
    grad_node few[FEW], *out = few;
    grad_error err = {0};
    if (results > FEW && !(out = table_new(&e->c->host, results, sizeof *out, &err)))
        return evaluation_end_at(e, &err, n);
    int result = grad_apply(out, e->graph, n->op, in, n_in, m ? m->attr : NULL, m ? m->n : 0, &err);
    for (uint32_t r = 0; r < results && result == 0; r++) e->node[slot_of(e, index, r)] = out[r];
    if (out != few) table_free(&e->c->host, out, results, sizeof *out);
    return result == 0 ? 0 : evaluation_end_at(e, &err, n);
}

static int add_node(evaluation *e, uint32_t index)
{
    const document *d = &e->document;
    grad_operand few[FEW], *in = few;
    grad_error err = {0};
    uint32_t count;
    const uint32_t *operands = document_operands(d, &d->names.at[index], &count);
    if (count > FEW && !(in = table_new(&e->c->host, count, sizeof *in, &err)))
        return evaluation_end(e, &err);
    int result = read_operands(in, e, operands, count);
    if (result == 0) result = apply(e, index, in, count);
    if (in != few) table_free(&e->c->host, in, count, sizeof *in);
    return result;
}

int add_nodes(evaluation *e)
{
    const document *d = &e->document;
    const uint32_t *walk = d->walk ? d->walk : d->order;
    grad_error err = {0};
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        if ((i & 4095) == 4095 && grad_is_set(&e->c->stop)) {
            grad_fail(&err, GRAD_STOPPED, "the deadline passed while the graph was built");
            return evaluation_end(e, &err);
        }
        if (d->names.at[walk[i]].op && add_node(e, walk[i]) < 0) return -1;
    }
    return 0;
}
