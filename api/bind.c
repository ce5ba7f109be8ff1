/* bind.c -- the names of a document meet the inputs of a request.
 *
 * What no node declares is an input if the request has a value for it, and an error otherwise; a
 * value that nothing refers to is the last error of all.
 */
#include <stdio.h>
#include <string.h>

#include "evaluation.h"
#include "expression.h"
#include "table.h"

static int end(evaluation *e, const grad_error *err)
{
    api_fail_core(e->c, err, NULL, NULL);
    return -1;
}

/* ---- looking ids up -------------------------------------------------------------------------- */

/* The text of an id without escapes, in `room` where it has some. */
static json_slice plain(json_slice raw, char *room, size_t size)
{
    if (json_is_plain(raw) || raw.n > size) return raw;
    return (json_slice){room, json_unescape(room, raw)};
}

static uint32_t find_name(const evaluation *e, const char *text, size_t n)
{
    uint32_t at = names_find(&e->document.names, text, n);
    if (at != NO_NAME) return at;
    at = names_find(&e->strays, text, n);
    return at == NO_NAME ? NO_NAME : first_stray(e) + at;
}

bool find_ref(const evaluation *e, json_slice raw, ref *out)
{
    char room[512];
    json_slice id = plain(raw, room, sizeof room);
    uint32_t result, first;
    size_t n = split_result(id.at, id.n, &result);
    first = find_name(e, id.at, n);
    if (first == NO_NAME) return false;
    const name *at = name_of(e, first);
    if (at->place == NO_NAME && !(e->flag[first] & GIVEN)) return false;
    if (result >= document_results(&e->document, at)) return false;
    *out = (ref){slot_of(e, first, result), first, result};
    return true;
}

typedef struct id_texts {
    const char **at;
    size_t n;
} id_texts;

static const char *id_text(const void *list, size_t i)
{
    const id_texts *texts = list;
    return i < texts->n ? texts->at[i] : NULL;
}

const char *nearest_id(evaluation *e, json_slice raw)
{
    enum { MOST = 4000 };
    const document *d = &e->document;
    id_texts texts = {arena_array(&e->c->arena, MOST, sizeof(char *)), 0};
    if (!texts.at) return NULL;
    for (uint32_t i = 0; i < d->names.n + e->strays.n && texts.n < MOST; i++) {
        uint32_t first = i < d->names.n ? i : first_stray(e) + i - d->names.n;
        const name *n = name_of(e, first);
        if (n->length > 64 || !n->length || (n->place == NO_NAME && !(e->flag[first] & GIVEN))) continue;
        const char *text = arena_text(&e->c->arena, name_text(n), n->length);
        if (!text) return NULL;
        texts.at[texts.n++] = text;
    }
    return api_nearest(raw.at, raw.n, id_text, &texts);
}

/* ---- references ------------------------------------------------------------------------------ */

static int unknown_input(evaluation *e, const name *node, uint32_t k, const name *from,
                         uint32_t result)
{
    char at[96], id[ID_ROOM];
    json_slice text = {name_text(from), from->length};
    int shown = (int)(text.n < 80 ? text.n : 80);
    snprintf(at, sizeof at, "/graph/nodes/%u/inputs/%u", node->place, k);
    name_copy(id, node);
    if (result) {
        uint32_t results = document_results(&e->document, from);
        api_fail(e->c, "unknown_input", at, id, "\"%.*s\" has %u result%s, so there is no "
                 "\"%.*s:%u\"", shown, text.at, results, results == 1 ? "" : "s", shown, text.at,
                 result);
        return -1;
    }
    const char *near = nearest_id(e, text);
    if (near)
        api_fail(e->c, "unknown_input", at, id, "no node is called \"%.*s\" and the request's "
                 "\"inputs\" has no value for it; did you mean \"%s\"?", shown, text.at, near);
    else if (json_is(text, "NaN") || json_is(text, "Infinity"))
        api_fail(e->c, "unknown_input", at, id, "no node and no input is called \"%.*s\"; the number "
                 "is written {\"data\": \"%.*s\"}", shown, text.at, shown, text.at);
    else
        api_fail(e->c, "unknown_input", at, id, "no node is called \"%.*s\" and the request's "
                 "\"inputs\" has no value for it", shown, text.at);
    return -1;
}

/* Is operand k of the node good? */
static int check_operand(evaluation *e, const name *node, uint32_t k, uint32_t operand)
{
    const document *d = &e->document;
    uint32_t from = document_source(d, operand), result = 0;
    if (from == NO_NAME) return 0;
    if (operand & OPERAND_ODD) result = d->odd[operand & ~OPERAND_ODD].result;
    const name *at = &d->names.at[from];
    if (at->place == NO_NAME && !(e->flag[from] & GIVEN)) return unknown_input(e, node, k, at, 0);
    /* Of a document with an error, the nodes behind it have not been looked into. */
    bool known = at->place == NO_NAME || !d->problem->code;
    return known && result >= document_results(d, at) ? unknown_input(e, node, k, at, result) : 0;
}

static int check_references(evaluation *e)
{
    const document *d = &e->document;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++)
            if (check_operand(e, node, k, in[k]) < 0) return -1;
    }
    return 0;
}

/* ---- the request's inputs -------------------------------------------------------------------- */

/* Marks what has a value; *matched counts those that no node declares. Names that are new become
   strays, if they can be ids at all. */
static int mark_given(evaluation *e, uint32_t *matched)
{
    grad_error err = {0};
    for (uint32_t k = 0; k < e->request.n_inputs; k++) {
        json_slice id = json_name(&(json_cursor){e->request.inputs[k]});
        if ((k & 4095) == 4095 && grad_is_set(&e->c->stop)) {
            grad_fail(&err, GRAD_STOPPED, "the deadline passed while the inputs were read");
            return end(e, &err);
        }
        if (!json_is_plain(id)) {
            char *copy = arena_new(&e->c->arena, id.n, 1, &err);
            if (!copy) return end(e, &err);
            id = (json_slice){copy, json_unescape(copy, id)};
        }
        uint32_t found = names_find(&e->document.names, id.at, id.n);
        if (found != NO_NAME) {
            e->flag[found] |= GIVEN;
            *matched += e->document.names.at[found].place == NO_NAME;
        } else if (is_id(id.at, id.n)) {
            if (!e->strays.host && names_start(&e->strays, &e->c->host, 8, &err) < 0)
                return end(e, &err);
            if (names_intern(&found, &e->strays, id.at, id.n, &err) < 0) return end(e, &err);
        }
    }
    return 0;
}

/* The arrays by slot, now that all slots are known. */
static int make_slots(evaluation *e)
{
    grad_host *host = &e->c->host;
    grad_error err = {0};
    uint32_t before = first_stray(e);
    e->n_slots = before + e->strays.n;
    if (e->strays.n) {
        uint16_t *flag = table_new(host, e->n_slots, sizeof *flag, &err);
        if (!flag) return end(e, &err);
        memcpy(flag, e->flag, before * sizeof *flag);
        for (uint32_t i = before; i < e->n_slots; i++) flag[i] = GIVEN;
        table_free(host, e->flag, before, sizeof *flag);
        e->flag = flag;
    }
    e->node = table_new(host, e->n_slots, sizeof *e->node, &err);
    if (!e->node) return end(e, &err);
    memset(e->node, 0xff, e->n_slots * sizeof *e->node);
    return 0;
}

int bind_inputs(evaluation *e)
{
    document *d = &e->document;
    const doc_problem *p = d->problem;
    grad_error err = {0};
    uint32_t matched = 0;
    e->n_slots = first_stray(e);
    e->flag = table_new(&e->c->host, e->n_slots, sizeof *e->flag, &err);
    if (!e->flag) return end(e, &err);
    memset(e->flag, 0, e->n_slots * sizeof *e->flag);
    if (mark_given(e, &matched) < 0) return -1;
    if (make_slots(e) < 0) return -1;
    bool settled = d->source && (d->source->n_words || d->source->n_dots);
    if (settled && expression_settle(d, e->flag, GIVEN, 0) < 0) return -1;
    bool look = p->code || d->results || settled || matched < d->n_undeclared;
    if (look && check_references(e) < 0) return -1;
    if (p->code) return document_complain(d);
    if (d->source) { /* words and parts of dotted names are no inputs */
        uint32_t n = 0;
        for (uint32_t i = 0; i < d->n_undeclared; i++)
            if (e->flag[d->undeclared[i]] & GIVEN) d->undeclared[n++] = d->undeclared[i];
        d->n_undeclared = n;
    }
    return 0;
}

int check_unused(evaluation *e)
{
    uint32_t first = first_stray(e), k = 0;
    while (k < e->strays.n && e->flag[first + k] & NAMED) k++;
    if (k == e->strays.n) return 0;
    const name *n = &e->strays.at[k];
    json_slice text = {name_text(n), n->length};
    int shown = (int)(n->length < 80 ? n->length : 80);
    pointer at;
    pointer_start(&at, "/inputs");
    pointer_name(&at, text);
    /* Neither it nor another that nothing refers to is what was meant. */
    for (uint32_t i = k; i < e->strays.n; i++)
        if (!(e->flag[first + i] & NAMED)) e->flag[first + i] &= (uint16_t)~GIVEN;
    const char *near = nearest_id(e, text);
    if (near)
        api_fail(e->c, "unused_input", pointer_text(&at), NULL,
                 "nothing in the graph refers to \"%.*s\"; did you mean \"%s\"?", shown, text.at,
                 near);
    else
        api_fail(e->c, "unused_input", pointer_text(&at), NULL,
                 "nothing in the graph refers to \"%.*s\"", shown, text.at);
    return -1;
}
