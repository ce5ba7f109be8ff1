/* blame.c -- whose fault it is when a kernel refuses the values it meets.
 *
 * A kernel that finds an index out of range knows its own operand. Its caller knows the call that he
 * made, of which the kernel may be one part of many, and that call's operands; and where the kernel
 * is part of an adjoint, the call that was differentiated. So every node whose kernel may refuse an
 * operand's values is noted when it is appended, with the call's result and the call's operand from
 * which the values come. Likewise a part that cannot be appended, because of its operands' shapes or
 * types, speaks for the composite that it is a part of.
 */
#include <stdio.h>
#include <string.h>

#include "graph.h"

/* The operand whose values node n may refuse, or -1. */
static int refusable(const node *n)
{
    if (!n->op->kernel) return -1;
    if (n->op->checks) return n->op->checks - 1;
    for (uint32_t k = 0; k < n->n_in && k < GRAD_INPUTS_MAX; k++)
        if (grad_op_role(n->op, k) == GRAD_ROLE_INDEX) return (int)k;
    return -1;
}

/* Where v stands among a call's operands, or -1. Of several places one that is no mere number. */
static int place_among(V v, const grad_op *op, size_t n, const V *in)
{
    int found = -1;
    for (size_t k = 0; k < n; k++)
        if (in[k] == v && (found < 0 || grad_op_role(op, (size_t)found) == GRAD_ROLE_NUMBER))
            found = (int)k;
    return found;
}

/* From which of a call's operands v was computed: the nearest, looking no farther than a few nodes,
   of which a composite puts one or two between its operands and its kernels. */
static int source_among(const grad_graph *g, V v, const grad_op *op, size_t n, const V *in)
{
    enum { FAR = 32 };
    V queue[FAR] = {v};
    for (size_t at = 0, end = 1; at < end; at++) {
        int found = place_among(queue[at], op, n, in);
        if (found >= 0) return found;
        const node *from = &g->at[queue[at]];
        if (from->op == &grad__op_input || from->op == &grad__op_constant) continue;
        for (uint32_t k = 0; k < from->n_in && end < FAR; k++)
            if (node_in(g, from)[k] != GRAD_NONE) queue[end++] = node_in(g, from)[k];
    }
    return -1;
}

static int note(B *b, blame entry)
{
    grad_graph *g = b->g;
    if (grad__grow(g->host, &g->blame, &g->blame_room, g->blames + 1, sizeof *g->blame, b->err) < 0)
        return -1;
    g->blame[g->blames++] = entry;
    return 0;
}

static const blame *find(const grad_graph *g, V at)
{
    size_t low = 0, high = g->blames; /* they stand in the order of their nodes */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->blame[middle].node < at) low = middle + 1;
        else high = middle;
    }
    return low < g->blames && g->blame[low].node == at ? &g->blame[low] : NULL;
}

int grad__blame_call(B *b, size_t first, V result, const grad_op *op, size_t n, const V *in)
{
    for (size_t i = first; i < b->g->n; i++) {
        const node *made = &b->g->at[i];
        int k = refusable(made);
        if (k < 0 || (uint32_t)k >= made->n_in || node_in(b->g, made)[k] == GRAD_NONE) continue;
        int source = source_among(b->g, node_in(b->g, made)[k], op, n, in);
        if (note(b, (blame){(V)i, result, source}) < 0) return -1;
    }
    return 0;
}

int grad__blame_adjoint(B *b, size_t first, V of)
{
    const grad_graph *g = b->g;
    for (size_t i = first; i < g->n; i++) {
        const node *forward = &g->at[of], *made = &g->at[i];
        int k = refusable(made), l = refusable(forward);
        if (k < 0 || l < 0 || node_in(g, made)[k] != node_in(g, forward)[l]) continue;
        const blame *same = find(g, of);
        if (same && note(b, (blame){(V)i, same->result, same->input}) < 0) return -1;
    }
    return 0;
}

void grad__blame_part(B *b, const grad_op *op, size_t n, const V *in)
{
    const grad_args *call = b->call;
    grad_error *err = b->err;
    const size_t length = strlen(op->name);
    char rest[sizeof err->text];
    if (!call || call->op == op || strncmp(err->text, op->name, length) != 0 ||
        err->text[length] != ':')
        return;
    snprintf(rest, sizeof rest, "%s", err->text + length);
    snprintf(err->text, sizeof err->text, "%s%s", call->op->name, rest);
    if (err->input >= 0 && (size_t)err->input < n)
        err->input = source_among(b->g, in[err->input], call->op, call->n_in, call->in);
    for (size_t k = 0; k < grad__attributes(call->op); k++)
        if (strcmp(call->op->attr[k].name, err->attribute) == 0) return;
    err->attribute[0] = 0;
}

bool grad__blamed(const grad_graph *g, V at, V *result, int *input)
{
    const blame *found = refusable(&g->at[at]) < 0 ? NULL : find(g, at);
    if (!found) return false;
    *result = found->result;
    *input = found->input;
    return true;
}
