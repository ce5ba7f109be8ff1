/* expression_declare.c -- inputs and constants that are declared: "x: float32[2, 3] = 0",
 * x = input(shape=[2, 3]), constant([1, 2], dtype="int64").
 */
#include <stdio.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"

/* The members of a declaration, as JSON. */
typedef struct members {
    const char *value, *shape, *dtype; /* NULL: not given */
} members;

static const char *keep(parser *p, size_t from)
{
    const char *text = arena_text(&p->r.c->arena, p->json.at + from, p->json.n - from);
    p->json.n = from;
    if (text) return text;
    grad_fail(&p->r.err, GRAD_OUT_OF_MEMORY, "memory is short");
    parser_end(p);
    return NULL;
}

/* A list is one of elements in row-major order where a whole shape stands beside it. */
static const char *as_object(parser *p, const members *m)
{
    size_t before = p->json.n;
    uint32_t count = 0;
    if (m->value) {
        bool whole = m->shape && !strchr(m->shape, 'n') && m->value[0] == '[';
        buffer_format(&p->json, "%s\"value\":", count++ ? "," : "{");
        if (whole) buffer_text(&p->json, "{\"shape\":");
        if (whole) buffer_text(&p->json, m->shape);
        if (whole) buffer_text(&p->json, ",\"data\":");
        buffer_text(&p->json, m->value);
        if (whole) buffer_byte(&p->json, '}');
    }
    if (m->shape) {
        buffer_format(&p->json, "%s\"shape\":", count++ ? "," : "{");
        buffer_text(&p->json, m->shape);
    }
    if (m->dtype) {
        buffer_format(&p->json, "%s\"dtype\":", count++ ? "," : "{");
        buffer_text(&p->json, m->dtype);
    }
    buffer_text(&p->json, count ? "}" : "{}");
    if (p->json.failed) {
        grad_fail(&p->r.err, p->json.failed, "the graph's literals take more memory than is left");
        parser_end(p);
        return NULL;
    }
    return keep(p, before);
}

/* Adds the node, which has no name or is `number`. False: there is a problem, or the call ended. */
static bool declare(parser *p, const char *kind, const members *m, uint32_t number, uint32_t at)
{
    json_slice op = {kind, strlen(kind)};
    int begun = number == NO_NAME ? begin_node(p, NULL, at) : begin_named(p, number, at);
    if (begun < 0) return false;
    find_op_row(&p->r, op, op);
    p->r.text = as_object(p, m);
    return p->r.text &&
           decode_declaration(&p->r, (uint32_t)(!!m->value + !!m->shape + !!m->dtype)) == 0;
}

static bool inside_function(parser *p, const char *at)
{
    if (!p->r.f) return false;
    problem_at(p, "unknown_op", at, "an input of the graph cannot be declared in a function, whose "
               "inputs are the names in its brackets");
    return true;
}

/* ---- x: float32[2, 3] = 0 -------------------------------------------------------------------- */

static int read_size(parser *p)
{
    if (*p->at == '?') {
        buffer_text(&p->json, "null");
        p->at++;
        skip(p);
        return 0;
    }
    const char *at = p->at;
    int result = literal(p, false);
    if (result < 0) return -1;
    if (result == 0 && *at != '[') return 0;
    return syntax_expected(p, "a size: a whole number, or null for any");
}

static int read_sizes(parser *p, members *m)
{
    const char *open = p->at;
    size_t before = p->json.n;
    if (enter(p, open, true) < 0) return -1;
    buffer_byte(&p->json, '[');
    while (*p->at != ']') {
        if (read_size(p) < 0) return -1;
        if (*p->at != ',') break;
        buffer_byte(&p->json, ',');
        p->at++;
        skip(p);
    }
    if (p->json.n && p->json.at[p->json.n - 1] == ',') p->json.n--;
    buffer_byte(&p->json, ']');
    if (leave(p, ']', open) < 0) return -1;
    m->shape = keep(p, before);
    return m->shape ? 0 : -1;
}

static int read_default(parser *p, members *m)
{
    const char *at = p->at;
    size_t before = p->json.n;
    int result = literal(p, false);
    if (result < 0) return -1;
    bool ends = p->at == p->end || *p->at == '\n' || *p->at == ';' || *p->at == '}';
    if (result == 0 && ends) {
        m->value = keep(p, before);
        return m->value ? 0 : -1;
    }
    p->json.n = before;
    p->at = at;
    problem_at(p, "wrong_type", at, "the default of an input is a number or a list of numbers, and "
               "no expression");
    return is_ended(expression(p)) ? -1 : 0;
}

int declaration(parser *p, json_slice id, uint32_t at)
{
    members m = {NULL, NULL, NULL};
    uint32_t number;
    json_slice type;
    const char *start = p->at;
    size_t before = p->json.n;
    if (read_id(p, &type) < 0) return -1;
    skip(p);
    if (type.n == 0 && *p->at != '[') return syntax_expected(p, "a type, as in x: float32[2, 3]");
    if (type.n) {
        buffer_string(&p->json, type.at, type.n);
        if (!(m.dtype = keep(p, before))) return -1;
    }
    if (*p->at == '[' && read_sizes(p, &m) < 0) return -1;
    if (*p->at == '=' && p->at[1] != '=') {
        p->at++;
        skip(p);
        if (read_default(p, &m) < 0) return -1;
    }
    if (is_skipping(p) || inside_function(p, start)) return name_value(p, id, skipped(at), at);
    if (intern(p, id, &number) < 0) return -1;
    if (p->r.d->names.at[number].place != NO_NAME) /* which is said of a value likewise */
        return name_value(p, id, (value){number, at}, at);
    return declare(p, "input", &m, number, at) || !api_failed(p->r.c) ? 0 : -1;
}

/* ---- input(...), constant(...) --------------------------------------------------------------- */

static int read_member(parser *p, members *m, json_slice call, bool *first)
{
    const char *at = p->at;
    size_t n = id_length(at), before = p->json.n;
    const char **to = NULL, *after = at + n;
    json_slice word = {at, n};
    while (text_is_space(*after)) after++;
    if (n && *after == '=' && after[1] != '=') {
        to = slice_is(word, "value")   ? &m->value
             : slice_is(word, "shape") ? &m->shape
             : slice_is(word, "dtype") ? &m->dtype
                                       : NULL;
        if (!to)
            problem_at(p, "unknown_attribute", at, "%.*s has no attribute \"%.*s\"; it takes "
                       "shape, dtype, value", shown(call), call.at, shown(word), at);
        p->at = after + 1;
        skip(p);
    } else if (*first) {
        to = &m->value;
    } else {
        problem_at(p, "wrong_arity", at, "%.*s takes one value by position; shape and dtype are "
                   "given by name", shown(call), call.at);
    }
    *first = false;
    at = p->at;
    int result = literal(p, to == &m->dtype);
    if (result < 0) return -1;
    if (result == 0 && (*p->at == ',' || *p->at == ')')) {
        const char *text = keep(p, before);
        if (to && *to) return syntax_fail(p, at, "this is given twice");
        if (to) *to = text;
        return text ? 0 : -1;
    }
    p->json.n = before;
    p->at = at;
    problem_at(p, "wrong_type", at, "%.*s takes numbers and lists of numbers, and no expressions",
               shown(call), call.at);
    return is_ended(expression(p)) ? -1 : 0;
}

value declaring_call(parser *p, json_slice id, uint32_t at)
{
    members m = {NULL, NULL, NULL};
    const char *open = p->at;
    bool first = true, is_input = id.n == 5;
    if (enter(p, open, true) < 0) return ended();
    while (*p->at != ')') {
        if (read_member(p, &m, id, &first) < 0) return ended();
        if (*p->at != ',') break;
        p->at++;
        skip(p);
    }
    if (leave(p, ')', open) < 0) return ended();
    if (is_skipping(p) || (is_input && inside_function(p, p->start + at))) return skipped(at);
    if (declare(p, is_input ? "input" : "constant", &m, NO_NAME, at)) {
        if (is_input) p->loose_input = p->r.name;
        return (value){p->r.name, at};
    }
    if (api_failed(p->r.c)) return ended();
    if (p->r.d->problem->node[0] == '\0') p->failed_place = at;
    return skipped(at);
}
