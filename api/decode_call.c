/* decode_call.c -- the attributes of a node that name functions: call, cond, scan, while, map.
 *
 * The functions are looked at before the first node that names one, wherever they stand, because
 * they say how many results the node has.
 */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "table.h"

/* Sees to it that the functions have been read. */
static int read_library(decoder *r)
{
    library *l = r->d->library;
    if (l->read) return 0;
    json_cursor at = json_open(l->graph);
    for (json_enter(&at); json_more(&at); json_skip(&at))
        if (json_is(json_name(&at), "functions")) return decode_functions(r, at);
    l->read = true;
    return 0;
}

/* ---- a name that is none --------------------------------------------------------------------- */

typedef struct known_names {
    decoder *r;
    uint32_t next;
} known_names;

/* For api_nearest, which asks for one after another. */
static const char *known_name(const void *list, size_t i)
{
    enum { MOST = 4000 };
    known_names *k = (known_names *)(uintptr_t)list;
    const names *all = &k->r->d->library->names;
    while (k->next < all->n && all->at[k->next].length > 64) k->next++;
    if (k->next >= all->n || i >= MOST) return NULL;
    const name *n = &all->at[k->next++];
    return arena_text(&k->r->c->arena, name_text(n), n->length);
}

static int unknown_function(decoder *r, const char *attribute, const grad_value *v)
{
    char below[64], known[200] = "";
    size_t n = 0;
    known_names list = {r, 0};
    const names *all = &r->d->library->names;
    int length = (int)(v->n < 80 ? v->n : 80);
    snprintf(below, sizeof below, "/%s", attribute);
    const char *near = api_nearest(v->text, v->n, known_name, &list);
    if (near)
        return decode_fail(r, "bad_attribute", below, "%s: no function is called \"%.*s\"; did you "
                           "mean \"%s\"?", grad_op_name(r->row->op), length, v->text, near);
    if (all->n == 0)
        return decode_fail(r, "bad_attribute", below, "%s: no function is called \"%.*s\": the "
                           "graph has no \"functions\"", grad_op_name(r->row->op), length, v->text);
    for (uint32_t i = 0; i < all->n && n + 48 < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%.*s", i ? ", " : "",
                              (int)(all->at[i].length < 40 ? all->at[i].length : 40),
                              name_text(&all->at[i]));
    return decode_fail(r, "bad_attribute", below, "%s: no function is called \"%.*s\"; the graph "
                       "has %s", grad_op_name(r->row->op), length, v->text, known);
}

/* ---- operands -------------------------------------------------------------------------------- */

/* "(x, w)": the inputs as the document has them, which may not have been read yet. */
static void list_inputs(const function *f, char *to, size_t room)
{
    json_cursor at = {f->inputs};
    bool list = json_peek(at) == KIND_ARRAY;
    size_t n = 0;
    to[0] = '\0';
    if (f->n_inputs == 0) return;
    if (list) json_enter(&at);
    do {
        if (list && !json_more(&at)) break;
        json_slice text = json_skip(&at);
        if (text.n > 42 || n + 50 > room) {
            n += (size_t)snprintf(to + n, room - n, "%s...", n ? ", " : " (");
            break;
        }
        n += (size_t)snprintf(to + n, room - n, "%s%.*s", n ? ", " : " (", (int)text.n - 2,
                              text.at + 1);
    } while (list);
    snprintf(to + n, room - n, ")");
}

static int check_arity(decoder *r, const char *attribute, const function *f, const name *id)
{
    char inputs[200], kept[64] = "";
    uint32_t found, keeps = library_kept(r->row->op);
    document_operands(r->d, &r->d->names.at[r->name], &found);
    found = found > keeps ? found - keeps : 0;
    if (f->n_inputs == COUNT_UNKNOWN || found == f->n_inputs) return 0;
    list_inputs(f, inputs, sizeof inputs);
    if (keeps)
        snprintf(kept, sizeof kept, " besides %s", grad_op_input_name(r->row->op, 0));
    return decode_fail(r, "wrong_arity", "/inputs", "%s: the function \"%.*s\" of `%s` takes %u "
                       "input%s%s, found %u%s", grad_op_name(r->row->op),
                       (int)(id->length < 80 ? id->length : 80), name_text(id), attribute,
                       f->n_inputs, f->n_inputs == 1 ? "" : "s", inputs, found, kept);
}

/* ---- the node -------------------------------------------------------------------------------- */

static int push_call(decoder *r, uint32_t callee)
{
    library *l = r->d->library;
    if (l->n_calls == l->call_room) {
        uint32_t *grown = table_grow(&r->c->host, l->call, &l->call_room, sizeof *l->call, &r->err);
        if (!grown) return decode_end(r);
        l->call = grown;
    }
    l->call[l->n_calls++] = callee;
    return 0;
}

static const grad_value *given(const doc_more *m, const char *attribute)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (strcmp(m->attr[i].name, attribute) == 0 && m->attr[i].value.kind == GRAD_TEXT)
            return &m->attr[i].value;
    return NULL;
}

int decode_calls(decoder *r, doc_more *m)
{
    const grad_op *op = r->row->op;
    int results_of = grad_op_results_of(op);
    if (read_library(r) < 0) return -1;
    library *l = r->d->library;
    m->calls = l->n_calls;
    m->n_calls = r->row->calls;
    for (size_t i = 0; i < grad_op_attributes(op); i++) {
        if (!grad_op_attribute_is_function(op, i)) continue;
        const char *attribute = grad_op_attribute_name(op, i);
        const grad_value *v = given(m, attribute);
        uint32_t callee = v ? names_find(&l->names, v->text, v->n) : NO_NAME;
        if (v && callee == NO_NAME) return unknown_function(r, attribute, v);
        if (push_call(r, callee) < 0) return -1;
        if (callee == NO_NAME) continue;
        if (check_arity(r, attribute, &l->at[callee], &l->names.at[callee]) < 0) return -1;
        if ((int)i == results_of) m->results = l->at[callee].n_results;
    }
    return 0;
}
