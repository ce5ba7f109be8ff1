/* order.c -- an order in which the nodes can be computed, and the walk that finds it.
 *
 * A document that is in order is walked as it is, and the same document always in the same way.
 */
#include "order.h"

#include <stdio.h>
#include <string.h>

#include "document.h"
#include "expression.h"
#include "table.h"

enum { UNSEEN, WAITING, DONE };

static int end(const order *o, const grad_error *err)
{
    api_fail_core(o->c, err, NULL, NULL);
    return -1;
}

/* ---- the walk -------------------------------------------------------------------------------- */

int order_begin(order *o, uint32_t room)
{
    grad_error err = {0};
    o->room = room;
    o->state = table_new(&o->c->host, o->names->n, sizeof *o->state, &err);
    o->walk = table_new(&o->c->host, room, sizeof *o->walk, &err);
    if (!o->state || !o->walk) return end(o, &err);
    memset(o->state, UNSEEN, o->names->n);
    return 0;
}

void order_end(order *o)
{
    grad_host *host = &o->c->host;
    o->state = table_free(host, o->state, o->names->n, sizeof *o->state);
    o->walk = table_free(host, o->walk, o->room, sizeof *o->walk);
    o->path = table_free(host, o->path, o->path_room, sizeof *o->path);
}

static int push(order *o, uint32_t at)
{
    grad_error err = {0};
    if (o->depth == o->path_room) {
        order_step *grown = table_grow(&o->c->host, o->path, &o->path_room, sizeof *o->path, &err);
        if (!grown) return end(o, &err);
        o->path = grown;
    }
    o->path[o->depth++] = (order_step){at, 0};
    o->state[at] = WAITING;
    return 0;
}

static void note_cycle(order *o, uint32_t from)
{
    o->first = o->depth - 1;
    while (o->path[o->first].at != from) o->first--;
    o->start = o->first;
    for (uint32_t i = o->first; i < o->depth; i++) { /* the first that has a name */
        const name *n = &o->names->at[o->path[i].at], *start = &o->names->at[o->path[o->start].at];
        if (n->length && (!start->length || n->place < start->place)) o->start = i;
    }
}

int order_visit(order *o, uint32_t root)
{
    grad_error err = {0};
    if (o->state[root] != UNSEEN) return 0;
    if (push(o, root) < 0) return -1;
    while (o->depth > 0) {
        order_step *step = &o->path[o->depth - 1];
        uint32_t from = NO_NAME;
        while (from == NO_NAME && o->needs(o->of, step->at, step->next, &from)) {
            step->next++;
            if (from != NO_NAME && o->state[from] == DONE) from = NO_NAME;
        }
        if (from == NO_NAME) {
            o->state[step->at] = DONE;
            o->walk[o->n++] = step->at;
            o->depth--;
            if ((o->n & 4095) == 0 && grad_is_set(&o->c->stop)) {
                grad_fail(&err, GRAD_STOPPED, "%s", o->stopped);
                return end(o, &err);
            }
        } else if (o->state[from] == WAITING) {
            note_cycle(o, from);
            return 1;
        } else if (push(o, from) < 0) {
            return -1;
        }
    }
    return 0;
}

void order_write_cycle(const order *o, char *to, size_t room)
{
    enum { SHOWN = 12 };
    uint32_t length = o->depth - o->first;
    size_t n = 0;
    for (uint32_t i = 0; i <= length && n < room; i++) {
        if (length > SHOWN && i == SHOWN - 2) {
            n += (size_t)snprintf(to + n, room - n, " -> ... (%u more)", length - i - 1);
            i = length - 1;
            if (n >= room) break;
        }
        uint32_t place = o->first + (o->start - o->first + i) % length;
        const name *at = &o->names->at[o->path[place].at];
        if (at->length == 0) continue;
        n += (size_t)snprintf(to + n, room - n, "%s%.*s", n ? " -> " : "",
                              (int)(at->length < 40 ? at->length : 40), name_text(at));
    }
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool in_order(const document *d)
{
    for (uint32_t k = 0; k < d->n_nodes; k++) {
        uint32_t count;
        const uint32_t *in = document_operands(d, &d->names.at[d->order[k]], &count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t from = document_source(d, in[i]);
            if (from == NO_NAME || d->names.at[from].place == NO_NAME) continue;
            if (d->names.at[from].place >= k) return false;
        }
    }
    return true;
}

static bool operand_of(const void *of, uint32_t at, uint32_t k, uint32_t *out)
{
    const document *d = of;
    uint32_t count;
    const uint32_t *in = document_operands(d, &d->names.at[at], &count);
    if (k >= count) return false;
    *out = document_source(d, in[k]);
    if (*out != NO_NAME && d->names.at[*out].place == NO_NAME) *out = NO_NAME;
    return true;
}

static int cycle(const document *d, const order *o)
{
    char text[900], id[ID_ROOM];
    pointer at;
    const order_step *start = &o->path[o->start];
    const name *node = &d->names.at[start->at];
    order_write_cycle(o, text, sizeof text);
    pointer_start(&at, "%s/nodes/%u/inputs/%u", d->base, node->place, start->next - 1);
    api_fail(d->c, "cycle", pointer_text(&at), name_copy(id, node), "cycle: %s%s", text,
             o->depth - o->first > 1 ? " (each takes the next as an input)" : "");
    return -1;
}

int document_sort(document *d)
{
    order o = {.c = d->c, .names = &d->names, .of = d, .needs = operand_of,
               .stopped = "the deadline passed while nodes were put in order"};
    if (in_order(d)) {
        expression_resolve(d);
        return 0;
    }
    int result = order_begin(&o, d->n_nodes);
    for (uint32_t k = 0; result == 0 && k < d->n_nodes; k++) result = order_visit(&o, d->order[k]);
    if (result > 0) result = cycle(d, &o);
    if (result == 0) {
        d->walk = o.walk;
        o.walk = NULL;
        expression_resolve(d);
    }
    order_end(&o);
    return result;
}
