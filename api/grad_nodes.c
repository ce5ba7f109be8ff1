/* grad_nodes.c -- all nodes of `grad` that take one f are added together, by one walk over the graph.
 *
 * A walk of its own for each would cost as many walks as there are such nodes, and a copy of what
 * their gradients share for each. A node whose operands are not there yet waits for its turn.
 */
#include <string.h>

#include "derivative.h"

/* Of what slot an operand is; NO_NAME where it is none's. */
static uint32_t slot_at(const document *d, uint32_t operand)
{
    if (!(operand & OPERAND_ODD)) return operand;
    if (operand == OPERAND_ABSENT) return NO_NAME;
    const doc_odd *odd = &d->odd[operand & ~OPERAND_ODD];
    return odd->kind == ODD_RESULT ? document_slot(d, odd->at, odd->result) : NO_NAME;
}

static const uint32_t *operands_of(const instance *i, uint32_t index, uint32_t *count)
{
    return document_operands(i->d, &i->d->names.at[index], count);
}

/* Chains the nodes of one f: i->grad_first by slot of f, i->grad_next by name. */
static int chain(instance *i)
{
    const document *d = i->d;
    grad_host *host = &i->e->c->host;
    grad_error err = {0};
    uint32_t count;
    i->grad_first = table_new(host, document_slots(d) + d->names.n, sizeof *i->grad_first, &err);
    if (!i->grad_first) return evaluation_end(i->e, &err);
    memset(i->grad_first, 0xff, (document_slots(d) + d->names.n) * sizeof *i->grad_first);
    i->grad_next = i->grad_first + document_slots(d);
    for (uint32_t k = d->n_nodes; k-- > 0;) {
        const uint32_t index = d->order[k], *in = operands_of(i, index, &count);
        uint32_t f = count ? slot_at(d, in[0]) : NO_NAME;
        if (f == NO_NAME || d->names.at[index].op != i->grad) continue;
        i->grad_next[index] = i->grad_first[f];
        i->grad_first[f] = index;
    }
    return 0;
}

void free_grad_nodes(instance *i)
{
    size_t n = document_slots(i->d) + i->d->names.n;
    i->grad_first = table_free(&i->e->c->host, i->grad_first, n, sizeof *i->grad_first);
}

static bool is_there(const instance *i, uint32_t operand)
{
    uint32_t slot = slot_at(i->d, operand);
    return slot != NO_NAME && i->node[slot] != GRAD_NONE &&
           grad_dtype_is_float(grad_node_dtype(i->graph, i->node[slot]));
}

/* May the node be added now, and nothing be wrong with it? How many operands it has. */
static uint32_t can_join(const instance *i, uint32_t index)
{
    uint32_t count;
    const uint32_t *in = operands_of(i, index, &count);
    const doc_more *m = document_more(i->d, &i->d->names.at[index]);
    if (count < 2 || (m && m->n) || i->node[index] != GRAD_NONE) return 0;
    for (uint32_t k = 0; k < count; k++)
        if (!is_there(i, in[k])) return 0;
    return count;
}

static int keep(instance *i, uint32_t index, const grad_node *made, uint32_t results)
{
    for (uint32_t r = 0; r < results; r++) {
        uint32_t slot = document_slot(i->d, index, r);
        i->node[slot] = made[r];
        bool asked = i->e->moved && i->d == &i->e->document && i->e->flag[slot] & VARIABLE;
        if (asked && make_variable(i->e, slot) < 0) return -1;
    }
    return 0;
}

/* The nodes that are added together: `index`, then all that can join it. Their number; 0 with the call
   ended. */
static uint32_t gather(instance *i, uint32_t index, uint32_t f, uint32_t **members, uint32_t *room)
{
    grad_host *host = &i->e->c->host;
    grad_error err = {0};
    uint32_t n = 0;
    for (uint32_t m = i->grad_first[f]; m != NO_NAME; m = i->grad_next[m]) {
        if (m != index && !can_join(i, m)) continue;
        if (n == *room) {
            uint32_t *grown = table_grow(host, *members, room, sizeof *grown, &err);
            if (!grown) return evaluation_end(i->e, &err), 0;
            *members = grown;
        }
        (*members)[n++] = m;
        if (m != index) continue;
        (*members)[n - 1] = (*members)[0];
        (*members)[0] = m;
    }
    return n;
}

static int add_together(instance *i, uint32_t f, const uint32_t *members, uint32_t n)
{
    grad_host *host = &i->e->c->host;
    grad_error err = {0};
    uint32_t count, total = 1;
    for (uint32_t m = 0; m < n; m++) total += can_join(i, members[m]) - 1;
    grad_operand *in = table_new(host, total, sizeof *in, &err);
    grad_node *made = table_new(host, total, sizeof *made, &err);
    int result = in && made ? 0 : evaluation_end(i->e, &err);
    if (result == 0) in[0] = (grad_operand)GRAD_AT(i->node[f]);
    for (uint32_t m = 0, at = 1; m < n && result == 0; m++) {
        const uint32_t *from = operands_of(i, members[m], &count);
        for (uint32_t k = 1; k < count; k++)
            in[at++] = (grad_operand)GRAD_AT(i->node[slot_at(i->d, from[k])]);
    }
    const name *first = &i->d->names.at[members[0]];
    if (result == 0 && grad_apply(made, i->graph, first->op, in, total, NULL, 0, &err) < 0)
        result = instance_end(i, &err, first);
    for (uint32_t m = 0, at = 0; m < n && result == 0; m++) {
        count = can_join(i, members[m]) - 1;
        result = keep(i, members[m], made + at, count);
        at += count;
    }
    table_free(host, in, total, sizeof *in);
    table_free(host, made, total, sizeof *made);
    return result;
}

int add_grad_nodes(instance *i, uint32_t index, bool *added)
{
    uint32_t count, room = 0, *members = NULL;
    *added = i->node[index] != GRAD_NONE;
    if (*added) return 0;
    if (!i->grad_first && chain(i) < 0) return -1;
    if (!can_join(i, index)) return 0;
    *added = true;
    const uint32_t f = slot_at(i->d, operands_of(i, index, &count)[0]);
    uint32_t n = gather(i, index, f, &members, &room);
    int result = n ? add_together(i, f, members, n) : -1;
    table_free(&i->e->c->host, members, room, sizeof *members);
    return result;
}
