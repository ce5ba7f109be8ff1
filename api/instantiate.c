/* instantiate.c -- the operators of a document, applied to what the request gives; and those of a
 * function, applied to what its caller gives.
 *
 * The nodes are taken in an order in which each finds its operands there. An error of the core is
 * said of the document's node, and points at the operand or attribute at fault.
 */
#include <stdio.h>
#include <string.h>

#include "derivative.h"
#include "table.h"

/* ---- errors ---------------------------------------------------------------------------------- */

static int end_at(api_call *c, const document *d, const grad_error *err, const name *n)
{
    char id[ID_ROOM];
    pointer at;
    uint32_t count = 0;
    pointer_start(&at, "%s/nodes/%u", d->base, n->place);
    if (d->operand) document_operands(d, n, &count);
    if (err->input >= 0 && (!d->operand || (uint32_t)err->input < count))
        pointer_add(&at, "/inputs/%d", err->input);
    else if (err->attribute[0] && err->code != GRAD_MISSING_ATTRIBUTE)
        pointer_add(&at, "/%s", err->attribute);
    api_fail_core(c, err, pointer_text(&at), name_copy(id, n));
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
    return end_at(e->c, &e->document, &outer, n);
}

/* ---- operands -------------------------------------------------------------------------------- */

static int truth(grad_node *out, instance *i, bool value)
{
    grad_error err = {0};
    uint8_t byte = value;
    grad_node *kept = &i->truth[value];
    if (*kept == GRAD_NONE && grad_constant(kept, i->graph, GRAD_BOOL, 0, NULL, &byte, &err) < 0)
        return evaluation_end(i->e, &err);
    *out = *kept;
    return 0;
}

static int odd_operand(grad_operand *out, instance *i, uint32_t operand)
{
    const document *d = i->d;
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
        return truth(&out->node, i, odd->whole);
    case ODD_TENSOR:
        out->kind = GRAD_OPERAND_NODE;
        out->node = i->literal[odd->at];
        return 0;
    case ODD_RESULT:
        out->kind = GRAD_OPERAND_NODE;
        out->node = i->node[document_slot(d, odd->at, odd->result)];
        return 0;
    }
    return 0;
}

static int read_operands(grad_operand *to, instance *i, const uint32_t *in, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        if (in[k] & OPERAND_ODD) {
            if (odd_operand(&to[k], i, in[k]) < 0) return -1;
        } else {
            to[k] = (grad_operand)GRAD_AT(i->node[in[k]]);
        }
    }
    return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

enum { FEW = 8 };

static int apply(instance *i, uint32_t index, const grad_operand *in, uint32_t n_in)
{
    const document *d = i->d;
    grad_host *host = &i->e->c->host;
    const name *n = &d->names.at[index];
    const doc_more *m = document_more(d, n);
    uint32_t results = m ? m->results : 1;
    grad_node few[FEW], *out = few;
    grad_error err = {0};
    if (results > FEW && !(out = table_new(host, results, sizeof *out, &err)))
        return end_at(i->e->c, d, &err, n);
    int result = grad_apply(out, i->graph, n->op, in, n_in, m ? m->attr : NULL, m ? m->n : 0, &err);
    for (uint32_t r = 0; r < results && result == 0; r++)
        i->node[document_slot(d, index, r)] = out[r];
    if (out != few) table_free(host, out, results, sizeof *out);
    if (n->op == grad_op_index() && err.code == GRAD_DTYPE_MISMATCH)
        snprintf(err.text, sizeof err.text, "an index is a place or a tensor of places, which are "
                 "integers; to choose by truth values there is where(cond, a, b)");
    if (result < 0) return end_at(i->e->c, d, &err, n);
    for (uint32_t r = 0; r < results && i->e->moved && d == &i->e->document; r++) {
        uint32_t slot = document_slot(d, index, r);
        if (i->e->flag[slot] & VARIABLE && make_variable(i->e, slot) < 0) return -1;
    }
    return 0;
}

int instance_end(const instance *i, const grad_error *err, const name *n)
{
    return end_at(i->e->c, i->d, err, n);
}

static int add_node(instance *i, uint32_t index)
{
    const document *d = i->d;
    const name *n = &d->names.at[index];
    bool added = false;
    if (n->op == i->grad) {
        int together = add_grad_nodes(i, index, &added);
        if (together < 0 || added) return together;
    }
    const doc_more *m = document_more(d, n);
    grad_operand few[FEW], *in = few;
    grad_error err = {0};
    uint32_t count;
    const uint32_t *operands = document_operands(d, n, &count);
    if (count > FEW && !(in = table_new(&i->e->c->host, count, sizeof *in, &err)))
        return evaluation_end(i->e, &err);
    int result = read_operands(in, i, operands, count);
    if (result == 0 && m && m->n_calls &&
        settle_numbers(in, i->graph, d, n, i->e->request.dtype, &err) < 0)
        result = end_at(i->e->c, d, &err, n);
    if (result == 0) result = apply(i, index, in, count);
    if (in != few) table_free(&i->e->c->host, in, count, sizeof *in);
    return result;
}

static int add_nodes(instance *i)
{
    const document *d = i->d;
    const uint32_t *walk = d->walk ? d->walk : d->order;
    grad_error err = {0};
    for (uint32_t k = 0; k < d->n_nodes; k++) {
        if ((k & 4095) == 4095 && grad_is_set(&i->e->c->stop)) {
            grad_fail(&err, GRAD_STOPPED, "the deadline passed while the graph was built");
            return evaluation_end(i->e, &err);
        }
        const name *n = &d->names.at[walk[k]];
        if (n->op && add_node(i, walk[k]) < 0) return -1;
        if (!n->op && document_kind(d, n) == DOC_ALIAS) {
            uint32_t operand = d->operand[n->operands], from = document_source(d, operand);
            uint32_t result = operand & OPERAND_ODD ? d->odd[operand & ~OPERAND_ODD].result : 0;
            i->node[walk[k]] = i->node[document_slot(d, from, result)];
        }
    }
    return 0;
}

/* ---- documents ------------------------------------------------------------------------------- */

static int add_all(instance *i)
{
    const document *d = i->d;
    grad_host *host = &i->e->c->host;
    grad_error err = {0};
    bool whole = d == &i->e->document;
    i->truth[0] = i->truth[1] = GRAD_NONE;
    i->grad = grad_op_find("grad");
    i->literal = table_new(host, d->n_tensors, sizeof *i->literal, &err);
    if (!i->literal) return evaluation_end(i->e, &err);
    int result = read_tensors(i);
    if (result == 0 && whole) result = read_inputs(i->e);
    if (result == 0 && whole && i->e->moved) result = make_variables(i->e);
    if (result == 0) result = add_nodes(i);
    free_grad_nodes(i);
    table_free(host, i->literal, d->n_tensors, sizeof *i->literal);
    return result;
}

int add_document(evaluation *e)
{
    instance whole = {.e = e, .d = &e->document, .use = e->flag};
    whole.graph = e->graph;
    whole.node = e->node;
    if (e->document.roles) note_uses(e);
    return add_all(&whole);
}

/* ---- functions ------------------------------------------------------------------------------- */

static const function *find_function(const evaluation *e, const char *id, size_t length)
{
    const library *l = e->document.library;
    uint32_t number = names_find(&l->names, id, length);
    return number == NO_NAME ? NULL : &l->at[number];
}

static bool find(void *context, const char *id, size_t length, size_t *inputs, size_t *results)
{
    const function *f = find_function(context, id, length);
    if (!f) return false;
    *inputs = f->n_inputs;
    *results = f->n_results;
    return true;
}

/* The core passes an error on to the node that names the function, and from there to its caller;
   what ends the call is the first of them, said of the node inside. */
static int told(const evaluation *e, grad_error *err)
{
    const char *code = e->c->reply.code;
    return grad_fail(err, GRAD_INTERNAL, "a function could not be built: %s", code ? code : "");
}

static int build(void *context, grad_graph *body, const char *id, size_t length,
                 const grad_node *in, grad_node *out, grad_error *err)
{
    evaluation *e = context;
    const function *f = find_function(e, id, length);
    grad_host *host = &e->c->host;
    if (!f) return grad_fail(err, GRAD_INTERNAL, "no function of this name");
    if (grad_is_set(&e->c->stop))
        return grad_fail(err, GRAD_STOPPED, "the deadline passed while the graph was built");
    uint32_t slots = document_slots(&f->d);
    instance i = {.e = e, .d = &f->d, .use = f->use, .graph = body};
    i.node = table_new(host, slots, sizeof *i.node, err);
    if (!i.node) return -1;
    memset(i.node, 0xff, slots * sizeof *i.node); /* GRAD_NONE */
    if (f->n_inputs) memcpy(i.node, in, f->n_inputs * sizeof *in);
    int result = add_all(&i);
    for (uint32_t k = 0; k < f->n_results && result == 0; k++) out[k] = i.node[f->result[k]];
    table_free(host, i.node, slots, sizeof *i.node);
    return result == 0 ? 0 : told(e, err);
}

void add_library(evaluation *e)
{
    if (e->document.library->names.n == 0) return;
    e->library = (grad_library){e, find, build};
    grad_graph_functions(e->graph, &e->library);
}
