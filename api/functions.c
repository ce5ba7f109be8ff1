/* functions.c -- the functions of a graph as a whole: none may come to call itself. */
#include "functions.h"

#include <stdio.h>
#include <string.h>

#include "order.h"
#include "table.h"

uint32_t library_kept(const grad_op *op)
{
    uint32_t n = 0;
    while (n < grad_op_inputs(op) && grad_op_role(op, n) != GRAD_ROLE_NUMBER) n++;
    return n;
}

void library_free(library *l)
{
    if (!l || !l->c) return;
    grad_host *host = &l->c->host;
    for (uint32_t i = 0; l->at && i < l->names.n; i++) {
        function *f = &l->at[i];
        table_free(host, f->use, f->d.names.n, sizeof *f->use);
        table_free(host, f->result, f->n_results, sizeof *f->result);
        document_free(&f->d);
    }
    l->at = table_free(host, l->at, l->room, sizeof *l->at);
    l->call = table_free(host, l->call, l->call_room, sizeof *l->call);
    names_free(&l->names);
}

/* ---- recursion ------------------------------------------------------------------------------- */

/* Where the function's k-th call stands: its node, and which attribute it is. */
static const name *find_call(const function *f, uint32_t k, const char **attribute)
{
    const document *d = &f->d;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        const name *node = &d->names.at[d->order[i]];
        const doc_more *m = document_more(d, node);
        if (!m || f->calls + k < m->calls || f->calls + k >= m->calls + m->n_calls) continue;
        uint32_t before = f->calls + k - m->calls;
        for (size_t a = 0; a < grad_op_attributes(node->op); a++) {
            if (!grad_op_attribute_is_function(node->op, a) || before-- > 0) continue;
            *attribute = grad_op_attribute_name(node->op, a);
            return node;
        }
    }
    return NULL;
}

static int recursion(const library *l, const order *o)
{
    char text[900], id[ID_ROOM];
    pointer at;
    const char *attribute = "";
    const order_step *start = &o->path[o->start];
    const function *f = &l->at[start->at];
    const name *node = find_call(f, start->next - 1, &attribute);
    order_write_cycle(o, text, sizeof text);
    pointer_start(&at, "%s/nodes/%u/%s", f->d.base, node ? node->place : 0, attribute);
    api_fail(l->c, "cycle", pointer_text(&at), node ? name_copy(id, node) : NULL,
             "cycle of functions: %s%s; a function may not come to call itself", text,
             o->depth - o->first > 1 ? " (each calls the next)" : "");
    return -1;
}

static bool callee_of(const void *of, uint32_t at, uint32_t k, uint32_t *out)
{
    const library *l = of;
    const function *f = &l->at[at];
    if (k >= f->n_calls) return false;
    *out = l->call[f->calls + k];
    return true;
}

int library_sort(library *l)
{
    grad_error err = {0};
    order o = {.c = l->c, .names = &l->names, .of = l, .needs = callee_of,
               .stopped = "the deadline passed while functions were put in order"};
    int result = order_begin(&o, l->names.n);
    for (uint32_t i = 0; result == 0 && i < l->names.n; i++) result = order_visit(&o, i);
    if (result > 0) result = recursion(l, &o);
    for (uint32_t i = 0; result == 0 && i < o.n; i++) {
        function *f = &l->at[o.walk[i]];
        size_t bytes = f->d.names.n * sizeof *f->use;
        f->use = table_new(&l->c->host, f->d.names.n, sizeof *f->use, &err);
        if (!f->use) {
            api_fail_core(l->c, &err, NULL, NULL);
            result = -1;
        } else {
            memset(f->use, 0, bytes);
            note_uses_of(&f->d, f->use);
        }
    }
    order_end(&o);
    return result;
}
