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

/* The operand whose values node n may refuse, or GRAD_NONE. */
static V refusable(const grad_graph *g, const node *n)
{
    uint32_t k = n->op->checks ? (uint32_t)n->op->checks - 1 : 0;
    if (!n->op->kernel) return GRAD_NONE;
    while (!n->op->checks && k < n->n_in && grad_op_role(n->op, k) != GRAD_ROLE_INDEX)
        if (++k >= GRAD_INPUTS_MAX) return GRAD_NONE;
    return k < n->n_in ? node_in(g, n)[k] : GRAD_NONE;
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
    if (n > FAR) return -1; /* no operator of so many has any that it may refuse */
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

/* The place of the first entry that is not before node `at`: they stand in the order of nodes. */
static size_t lower_bound(const grad_graph *g, size_t at)
{
    size_t low = 0, high = g->blames;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->blame[middle].node < at) low = middle + 1;
        else high = middle;
    }
    return low;
}

static const blame *find(const grad_graph *g, V at)
{
    size_t k = lower_bound(g, at);
    return k < g->blames && g->blame[k].node == at && g->blame[k].result != GRAD_NONE ? &g->blame[k]
                                                                                      : NULL;
}

int grad__blame_call(B *b, size_t first, V result, const grad_op *op, size_t n, const V *in)
{
    grad_graph *g = b->g;
    size_t at = lower_bound(g, first), noted = g->blames; /* adjoints within the call */
    for (size_t i = first; i < g->n; i++) {
        V refused = refusable(g, &g->at[i]);
        if (refused == GRAD_NONE) continue;
        while (at < noted && g->blame[at].node < i) at++;
        bool known = at < noted && g->blame[at].node == i;
        if (known && g->blame[at].result != GRAD_NONE) continue;
        blame entry = {(V)i, result, source_among(g, refused, op, n, in)};
        if (known) g->blame[at] = entry;
        else if (at == noted && note(b, entry) < 0) return -1;
    }
    return 0;
}

int grad__blame_adjoint(B *b, size_t first, V of)
{
    const grad_graph *g = b->g;
    const blame *forward = find(g, of);
    blame same = forward ? *forward : (blame){.result = GRAD_NONE, .input = -1};
    V refused = refusable(g, &g->at[of]);
    for (size_t i = first; i < g->n; i++) {
        V mine = refusable(g, &g->at[i]);
        if (mine == GRAD_NONE) continue;
        if (note(b, mine == refused ? (blame){(V)i, same.result, same.input}
                                    : (blame){(V)i, GRAD_NONE, -1}) < 0)
            return -1;
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
    const blame *found = refusable(g, &g->at[at]) == GRAD_NONE ? NULL : find(g, at);
    if (!found) return false;
    *result = found->result;
    *input = found->input;
    return true;
}
