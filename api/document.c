/* document.c -- reading the graph object: its members, and its list of nodes one after another.
 *
 * The first error in document order is the one to report, but whether a reference leads anywhere is
 * known only when all nodes have been read. So after an error the rest of the list is still gone
 * through for the ids that it declares. What ends everything at once is a limit, the deadline or
 * want of memory.
 */
#include "document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "expression.h"
#include "table.h"

/* ---- errors ---------------------------------------------------------------------------------- */

int decode_end(decoder *r)
{
    api_fail_core(r->c, &r->err, NULL, NULL);
    return -1;
}

__attribute__((format(printf, 4, 0)))
static void record(decoder *r, const char *code, const char *node, const char *format, va_list list)
{
    doc_problem *p = r->d->problem;
    p->code = code;
    snprintf(p->node, sizeof p->node, "%s", node);
    vsnprintf(p->text, sizeof p->text, format, list);
}

int decode_fail(decoder *r, const char *code, const char *below, const char *format, ...)
{
    doc_problem *p = r->d->problem;
    char node[ID_ROOM] = "";
    va_list list;
    if (p->code || api_failed(r->c)) return -1;
    if (r->name != NO_NAME) name_copy(node, &r->d->names.at[r->name]);
    pointer_start(&p->at, "%s/nodes/%u%s", r->d->base, r->node, below);
    va_start(list, format);
    record(r, code, node, format, list);
    va_end(list);
    return -1;
}

int decode_member_fail(decoder *r, const char *code, json_slice member, const char *format, ...)
{
    va_list list;
    if (r->d->problem->code || api_failed(r->c)) return -1;
    pointer_start(&r->d->problem->at, "%s", r->d->base);
    if (member.n) pointer_name(&r->d->problem->at, member);
    va_start(list, format);
    record(r, code, "", format, list);
    va_end(list);
    return -1;
}

/* ---- lists ----------------------------------------------------------------------------------- */

uint32_t *push_operand(decoder *r)
{
    document *d = r->d;
    if (d->n_operands == d->operand_room) {
        uint32_t *grown = table_grow(&r->c->host, d->operand, &d->operand_room,
                                     sizeof *d->operand, &r->err);
        if (!grown) return NULL;
        d->operand = grown;
    }
    return &d->operand[d->n_operands++];
}

doc_odd *push_odd(decoder *r, uint32_t *number)
{
    document *d = r->d;
    if (d->n_odd == d->odd_room) {
        doc_odd *grown = table_grow(&r->c->host, d->odd, &d->odd_room, sizeof *d->odd, &r->err);
        if (!grown) return NULL;
        d->odd = grown;
    }
    *number = d->n_odd;
    return &d->odd[d->n_odd++];
}

doc_more *push_more(decoder *r)
{
    document *d = r->d;
    if (d->n_more == d->more_room) {
        doc_more *grown = table_grow(&r->c->host, d->more, &d->more_room, sizeof *d->more, &r->err);
        if (!grown) return NULL;
        d->more = grown;
    }
    d->names.at[r->name].more = d->n_more;
    doc_more *m = &d->more[d->n_more++];
    *m = (doc_more){.results = 1, .tensor = NO_NAME, .dtype = GRAD_DTYPES};
    return m;
}

int push_tensor(decoder *r, uint32_t *number, const char *text, uint32_t operand)
{
    document *d = r->d;
    if (d->n_tensors == d->tensor_room) {
        doc_tensor *grown = table_grow(&r->c->host, d->tensor, &d->tensor_room, sizeof *d->tensor,
                                       &r->err);
        if (!grown) return decode_end(r);
        d->tensor = grown;
    }
    *number = d->n_tensors;
    d->tensor[d->n_tensors++] = (doc_tensor){text, r->name, operand};
    return 0;
}

int decode_plain(decoder *r, json_slice *text)
{
    if (json_is_plain(*text)) return 0;
    char *copy = arena_new(&r->c->arena, text->n, 1, &r->err);
    if (!copy) return decode_end(r);
    *text = (json_slice){copy, json_unescape(copy, *text)};
    return 0;
}

size_t split_result(const char *text, size_t n, uint32_t *result)
{
    size_t digits = 0;
    uint64_t value = 0;
    *result = 0;
    while (digits < n && digits < 10 && (unsigned char)(text[n - 1 - digits] - '0') < 10) digits++;
    if (digits == 0 || digits + 1 >= n || text[n - 1 - digits] != ':') return n;
    if (text[n - digits] == '0' && digits > 1) return n;
    for (size_t i = n - digits; i < n; i++) value = value * 10 + (uint64_t)(text[i] - '0');
    if (value > UINT32_MAX) return n;
    *result = (uint32_t)value;
    return n - digits - 1;
}

/* ---- the list of nodes ----------------------------------------------------------------------- */

static int too_many_nodes(decoder *r)
{
    pointer at;
    pointer_start(&at, "%s/nodes/%u", r->d->base, r->node);
    api_fail(r->c, "graph_too_large", pointer_text(&at), NULL, "the graph has more than %zu nodes",
             r->c->api->host.node_limit);
    return -1;
}

int decode_nodes(decoder *r, json_cursor *at)
{
    document *d = r->d;
    const library *l = d->library;
    size_t limit = r->c->api->host.node_limit;
    json_slice here = {"nodes", 5};
    if (json_peek(*at) != KIND_ARRAY)
        return decode_member_fail(r, "wrong_type", here, "\"nodes\" must be an array of nodes, "
                                  "found %s", json_type_name(json_peek(*at)));
    for (json_enter(at); json_more(at); r->node++) {
        if (l->n_nodes + (size_t)r->node >= limit || r->node == NO_NAME) return too_many_nodes(r);
        if ((r->node & 4095) == 4095 && grad_is_set(&r->c->stop)) {
            grad_fail(&r->err, GRAD_STOPPED, "the deadline passed while the graph was read");
            return decode_end(r);
        }
        r->name = NO_NAME;
        if (d->problem->code) {
            if (!decode_id_only(r, at)) return -1;
        } else if (decode_node(r, at) < 0 && api_failed(r->c)) {
            return -1;
        }
    }
    if (d->problem->code) return -1;
    /* The functions may have been read on the way. */
    if (l->n_nodes + (size_t)r->node > limit) return too_many_nodes(r);
    if (r->node > 0 || r->f) return 0;
    return decode_member_fail(r, "empty_graph", here, "the graph has no nodes");
}

/* ---- the other members ----------------------------------------------------------------------- */

static const char *known_member(const void *list, size_t i)
{
    static const char *const members[] = {"nodes", "outputs", "functions", "version", "name",
                                          "doc", NULL};
    (void)list;
    return members[i];
}

static int unknown_member(decoder *r, json_slice member)
{
    const char *near = api_nearest(member.at, member.n, known_member, NULL);
    if (near)
        return decode_member_fail(r, "unknown_member", member, "a graph has no member \"%.*s\"; did "
                                  "you mean \"%s\"?", shown(member), member.at, near);
    return decode_member_fail(r, "unknown_member", member, "a graph has no member \"%.*s\"; it "
                              "takes nodes, outputs, functions, version, name and doc",
                              shown(member), member.at);
}

static int read_version(decoder *r, json_slice member, json_cursor at)
{
    json_cursor start = at;
    json_slice text = json_skip(&at);
    if (json_peek(start) == KIND_NUMBER && json_read_real(&start) == 1) return 0;
    return decode_member_fail(r, "wrong_type", member, "\"version\" must be 1, found %.*s",
                              shown(text), text.at);
}

/* An id or a list of ids; they are looked up when all inputs are known. */
int decode_outputs(decoder *r, json_slice member, json_cursor at)
{
    uint32_t k = 0;
    r->d->outputs = at.at;
    if (json_peek(at) == KIND_STRING) return 0;
    if (json_peek(at) != KIND_ARRAY)
        return decode_member_fail(r, "wrong_type", member, "\"outputs\" must be an id or a list of "
                                  "ids, found %s", json_type_name(json_peek(at)));
    for (json_enter(&at); json_more(&at); json_skip(&at), k++) {
        if (json_peek(at) == KIND_STRING) continue;
        decode_member_fail(r, "wrong_type", member, "\"outputs\" must be a list of ids, found %s in "
                           "it", json_type_name(json_peek(at)));
        pointer_add(&r->d->problem->at, "/%u", k);
        return -1;
    }
    return 0;
}

static int read_members(decoder *r, json_cursor at)
{
    bool nodes = false;
    for (json_enter(&at); json_more(&at);) {
        json_slice member = json_name(&at);
        json_kind type = json_peek(at);
        if (json_is(member, "nodes")) {
            nodes = true;
            if (decode_nodes(r, &at) < 0) return -1;
            continue;
        }
        if (json_is(member, "outputs")) {
            if (decode_outputs(r, member, at) < 0) return -1;
        } else if (json_is(member, "functions")) {
            if (decode_functions(r, at) < 0) return -1;
        } else if (json_is(member, "version")) {
            if (read_version(r, member, at) < 0) return -1;
        } else if (json_is(member, "name") || json_is(member, "doc")) {
            if (type != KIND_STRING)
                return decode_member_fail(r, "wrong_type", member, "\"%.*s\" must be a string, "
                                          "found %s", shown(member), member.at,
                                          json_type_name(type));
        } else {
            return unknown_member(r, member);
        }
        json_skip(&at);
    }
    if (nodes) return 0;
    return decode_member_fail(r, "missing_member", (json_slice){"", 0},
                              "the graph needs a member \"nodes\", a list of nodes");
}

/* Names that no node declares, in the order in which they are mentioned first. */
static int list_undeclared(decoder *r)
{
    document *d = r->d;
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->names.n; i++) n += d->names.at[i].place == NO_NAME;
    if (n == 0) return 0;
    d->undeclared = table_new(&r->c->host, n, sizeof *d->undeclared, &r->err);
    if (!d->undeclared) return decode_end(r);
    d->undeclared_room = n;
    for (uint32_t i = 0; i < d->names.n; i++)
        if (d->names.at[i].place == NO_NAME && d->names.at[i].length)
            d->undeclared[d->n_undeclared++] = i;
    return 0;
}

int document_read(document *d, api_call *c, json_slice graph)
{
    decoder r = {.c = c, .d = d, .name = NO_NAME};
    *d = (document){.c = c, .base = "/graph"};
    d->problem = arena_new(&c->arena, 1, sizeof *d->problem, &r.err);
    if (!d->problem) return decode_end(&r);
    *d->problem = (doc_problem){.at = {.full = true}};
    d->library = arena_new(&c->arena, 1, sizeof *d->library, &r.err);
    if (!d->library) return decode_end(&r);
    *d->library = (library){.c = c, .graph = graph.at};
    bool program = *graph.at == '"';
    size_t guess = graph.n / (program ? 16 : 48) + 4;
    if (names_start(&d->names, &c->host, guess, &r.err) < 0) return decode_end(&r);
    int result = program ? expression_read(&r, graph) : read_members(&r, json_open(graph.at));
    if (api_failed(c) || list_undeclared(&r) < 0) return -1;
    return result;
}

int document_complain(const document *d)
{
    const doc_problem *p = d->problem;
    if (p->code)
        api_fail(d->c, p->code, pointer_text(&p->at), p->node[0] ? p->node : NULL, "%s", p->text);
    return -1;
}

void document_free_plan(document *d)
{
    if (!d->c) return;
    grad_host *host = &d->c->host;
    expression_free_plan(d);
    names_free_index(&d->names);
    d->operand = table_free(host, d->operand, d->operand_room, sizeof *d->operand);
    d->odd = table_free(host, d->odd, d->odd_room, sizeof *d->odd);
    d->tensor = table_free(host, d->tensor, d->tensor_room, sizeof *d->tensor);
    d->n_operands = d->n_odd = d->n_tensors = 0;
}

void document_free(document *d)
{
    if (!d->c) return;
    grad_host *host = &d->c->host;
    document_free_plan(d);
    expression_free(d);
    names_free(&d->names);
    d->order = table_free(host, d->order, d->order_room, sizeof *d->order);
    d->more = table_free(host, d->more, d->more_room, sizeof *d->more);
    d->undeclared = table_free(host, d->undeclared, d->undeclared_room, sizeof *d->undeclared);
    d->walk = table_free(host, d->walk, d->n_nodes, sizeof *d->walk);
}
