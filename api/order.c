/* order.c -- an order in which the nodes can be computed.
 *
 * The nodes are visited as they stand in the document; one whose operands have not been visited
 * lets them go first. So a document that is in order is walked as it is, and the same document
 * always in the same way. The path of those who wait is a list, never the stack; who is met on it
 * again closes a cycle.
 */
#include <stdio.h>
#include <string.h>

#include "document.h"
#include "table.h"

enum { UNSEEN, WAITING, DONE };

typedef struct visit {
    uint32_t name, next; /* the operand to be looked at next */
} visit;

typedef struct sorter {
    document *d;
    grad_error err;
    uint8_t *state; /* by name */
    visit *path;
    uint32_t depth, path_room;
    uint32_t *walk;
    uint32_t n;
} sorter;

static int end(sorter *s)
{
    api_fail_core(s->d->c, &s->err, NULL, NULL);
    return -1;
}

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

/* ---- cycles ---------------------------------------------------------------------------------- */

/* Writes "a -> b -> a" from the path's place `first` on, starting at its place `start`. */
static void write_cycle(const sorter *s, uint32_t first, uint32_t start, char *to, size_t room)
{
    enum { SHOWN = 12 };
    uint32_t length = s->depth - first;
    size_t n = 0;
    for (uint32_t i = 0; i <= length && n < room; i++) {
        if (length > SHOWN && i == SHOWN - 2) {
            n += (size_t)snprintf(to + n, room - n, " -> ... (%u more)", length - i - 1);
            i = length - 1;
            if (n >= room) break;
        }
        const name *at = &s->d->names.at[s->path[first + (start - first + i) % length].name];
        n += (size_t)snprintf(to + n, room - n, "%s%.*s", i ? " -> " : "",
                              (int)(at->length < 40 ? at->length : 40), name_text(at));
    }
}

/* The path's last node takes `from`, which waits on the path itself. */
static int cycle(sorter *s, uint32_t from)
{
    const document *d = s->d;
    char text[900], at[96], id[ID_ROOM];
    uint32_t first = s->depth - 1;
    while (s->path[first].name != from) first--;
    uint32_t start = first;
    for (uint32_t i = first; i < s->depth; i++)
        if (d->names.at[s->path[i].name].place < d->names.at[s->path[start].name].place) start = i;
    write_cycle(s, first, start, text, sizeof text);
    const name *node = &d->names.at[s->path[start].name];
    snprintf(at, sizeof at, "/graph/nodes/%u/inputs/%u", node->place, s->path[start].next - 1);
    api_fail(d->c, "cycle", at, name_copy(id, node), "cycle: %s%s", text,
             s->depth - first > 1 ? " (each takes the next as an input)" : "");
    return -1;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static int push(sorter *s, uint32_t at)
{
    if (s->depth == s->path_room) {
        visit *grown = table_grow(&s->d->c->host, s->path, &s->path_room, sizeof *s->path, &s->err);
        if (!grown) return end(s);
        s->path = grown;
    }
    s->path[s->depth++] = (visit){at, 0};
    s->state[at] = WAITING;
    return 0;
}

static int visit_from(sorter *s, uint32_t root)
{
    const document *d = s->d;
    if (push(s, root) < 0) return -1;
    while (s->depth > 0) {
        visit *v = &s->path[s->depth - 1];
        uint32_t count, from = NO_NAME;
        const uint32_t *in = document_operands(d, &d->names.at[v->name], &count);
        while (v->next < count && from == NO_NAME) {
            from = document_source(d, in[v->next++]);
            if (from == NO_NAME || d->names.at[from].place == NO_NAME || s->state[from] == DONE)
                from = NO_NAME;
        }
        if (from == NO_NAME) {
            s->state[v->name] = DONE;
            s->walk[s->n++] = v->name;
            s->depth--;
            if ((s->n & 4095) == 0 && grad_is_set(&d->c->stop))
                return grad_fail(&s->err, GRAD_STOPPED, "the deadline passed while nodes were "
                                 "put in order"), end(s);
        } else if (s->state[from] == WAITING) {
            return cycle(s, from);
        } else if (push(s, from) < 0) {
            return -1;
        }
    }
    return 0;
}

int document_sort(document *d)
{
    grad_host *host = &d->c->host;
    sorter s = {.d = d};
    int result = -1;
    if (in_order(d)) return 0;
    s.state = table_new(host, d->names.n, sizeof *s.state, &s.err);
    s.walk = table_new(host, d->n_nodes, sizeof *s.walk, &s.err);
    if (!s.state || !s.walk) {
        end(&s);
        goto done;
    }
    memset(s.state, UNSEEN, d->names.n);
    for (uint32_t k = 0; k < d->n_nodes; k++)
        if (s.state[d->order[k]] == UNSEEN && visit_from(&s, d->order[k]) < 0) goto done;
    d->walk = s.walk;
    s.walk = NULL;
    result = 0;
done:
    table_free(host, s.state, d->names.n, sizeof *s.state);
    table_free(host, s.walk, d->n_nodes, sizeof *s.walk);
    table_free(host, s.path, s.path_room, sizeof *s.path);
    return result;
}
