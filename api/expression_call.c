/* expression_call.c -- calls: operands by position or by name, attributes by keyword. */
#include <stdio.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"
#include "table.h"

/* A call while its arguments are read. */
typedef struct call_state {
    json_slice id;
    const char *open;      /* the bracket */
    const op_row *row;     /* NULL: nothing has this name */
    const function *f;     /* NULL: it is an operator */
    uint32_t first, found; /* its operands in p->arg */
    size_t json;           /* where its attributes begin in p->json */
    uint32_t attributes;
    bool keyword;          /* one has been seen */
    const char *extra;     /* the first operand beyond what the operator takes */
} call_state;

/* ---- what is called -------------------------------------------------------------------------- */

static int unknown_callee(parser *p, json_slice id, const char *at)
{
    const char *near = api_nearest_op(id.at, id.n);
    if (near)
        return problem_at(p, "unknown_op", at, "there is no operator and no function \"%.*s\"; did "
                          "you mean \"%s\"?", shown(id), id.at, near);
    return problem_at(p, "unknown_op", at, "there is no operator and no function \"%.*s\"; GET "
                      "/v1/ops lists the operators", shown(id), id.at);
}

static void find_callee(parser *p, call_state *s, const char *at)
{
    static const json_slice call_op = {"call", 4};
    const library *l = p->r.d->library;
    uint32_t number = names_find(&l->names, s->id.at, s->id.n);
    if (number != NO_NAME) {
        s->f = &l->at[number];
        find_op_row(&p->r, call_op, call_op);
        s->row = p->r.row;
    } else if (find_op_row(&p->r, s->id, s->id)) {
        s->row = p->r.row;
    } else {
        unknown_callee(p, s->id, at);
    }
}

/* Which operand has this name; NO_NAME: none. */
static uint32_t operand_named(const call_state *s, json_slice id)
{
    uint32_t k = 0;
    if (s->f) {
        json_cursor at = {s->f->inputs};
        for (json_enter(&at); json_more(&at); k++) {
            json_slice input = json_read_string(&at);
            if (input.n == id.n && memcmp(input.at, id.at, id.n) == 0) return k;
        }
        return NO_NAME;
    }
    for (; s->row && s->row->op && k < grad_op_inputs(s->row->op); k++)
        if (slice_is(id, grad_op_input_name(s->row->op, k))) return k;
    return NO_NAME;
}

/* Which attribute has this name; the number of attributes: none. */
static size_t attribute_named(const grad_op *op, json_slice id)
{
    size_t k = 0, n = grad_op_attributes(op);
    while (k < n && !slice_is(id, grad_op_attribute_name(op, k))) k++;
    return k;
}

static const char *attribute_name(const void *op, size_t i)
{
    return i < grad_op_attributes(op) ? grad_op_attribute_name(op, i) : NULL;
}

static int unknown_attribute(parser *p, const call_state *s, json_slice id, const char *at)
{
    char known[200] = "it takes none";
    size_t n = 0;
    if (s->f)
        return problem_at(p, "unknown_attribute", at, "the function %.*s has no input \"%.*s\"",
                          shown(s->id), s->id.at, shown(id), id.at);
    const grad_op *op = s->row->op;
    const char *near = api_nearest(id.at, id.n, attribute_name, op);
    for (size_t i = 0; i < grad_op_attributes(op) && n < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "it takes ",
                              grad_op_attribute_name(op, i));
    return problem_at(p, "unknown_attribute", at, "%s has no attribute \"%.*s\"; %s%s%s",
                      grad_op_name(op), shown(id), id.at, near ? "did you mean \"" : known,
                      near ? near : "", near ? "\"?" : "");
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int put_argument(parser *p, call_state *s, uint32_t k, value v, const char *at)
{
    if (k >= p->r.c->api->host.operand_limit) {
        char where[40];
        snprintf(where, sizeof where, "/graph/@%u", place_of(p, at));
        api_fail(p->r.c, "graph_too_large", where, NULL, "a node may take at most %zu inputs",
                 p->r.c->api->host.operand_limit);
        return -1;
    }
    while (s->first + k >= p->n_args) {
        if (p->n_args == p->arg_room) {
            value *grown = table_grow(&p->r.c->host, p->arg, &p->arg_room, sizeof *grown,
                                      &p->r.err);
            if (!grown) return parser_end(p);
            p->arg = grown;
        }
        p->arg[p->n_args++] = (value){OPERAND_ABSENT, place_of(p, at)};
    }
    if (k < s->found && s->keyword && p->arg[s->first + k].operand != OPERAND_ABSENT)
        problem_at(p, "wrong_arity", at, "%.*s: this input is given twice", shown(s->id), s->id.at);
    p->arg[s->first + k] = (value){v.operand, place_of(p, at)};
    if (k >= s->found) s->found = k + 1;
    return 0;
}

static int positional(parser *p, call_state *s)
{
    const char *at = p->at;
    uint32_t k = s->found;
    value v = expression(p);
    if (is_ended(v)) return -1;
    if (s->row && s->row->op && k == s->row->most) s->extra = at;
    return put_argument(p, s, k, v, at);
}

/* Is it `name=` here, and not `name==`? */
static bool is_keyword_argument(const parser *p)
{
    const char *at = p->at + id_length(p->at);
    if (at == p->at) return false;
    while (text_is_space(*at)) at++;
    return *at == '=' && at[1] != '=';
}

static bool ends_argument(const parser *p) { return *p->at == ',' || *p->at == ')'; }

/* The attribute's value goes behind the others as JSON. */
static int attribute(parser *p, call_state *s, json_slice id)
{
    const char *at = p->at;
    size_t before = p->json.n;
    const grad_op *op = s->row->op;
    bool callee = grad_op_attribute_is_function(op, attribute_named(op, id));
    buffer_byte(&p->json, s->attributes ? ',' : '{');
    buffer_string(&p->json, id.at, id.n);
    buffer_byte(&p->json, ':');
    int result = literal(p, callee);
    if (result < 0) return -1;
    if (result == 0 && ends_argument(p)) {
        s->attributes++;
        return 0;
    }
    p->json.n = before;
    p->at = at;
    problem_at(p, "bad_attribute", at, "%.*s: the attribute \"%.*s\" takes a number, a text in "
               "quotes, a list of numbers, true, false or null; it is no expression",
               shown(s->id), s->id.at, shown(id), id.at);
    return is_ended(expression(p)) ? -1 : 0;
}

static bool given_before(parser *p, const call_state *s, json_slice id)
{
    if (s->attributes == 0) return false;
    buffer_byte(&p->json, '}'); /* for those who look for the end of a number */
    p->json.n--;
    if (p->json.failed) return false;
    json_cursor at = {p->json.at + s->json};
    uint32_t k = 0;
    for (json_enter(&at); k < s->attributes; k++) {
        if (k) at.at++; /* the comma */
        json_slice given = json_name(&at);
        if (given.n == id.n && memcmp(given.at, id.at, id.n) == 0) return true;
        json_skip(&at);
    }
    return false;
}

static int keyword(parser *p, call_state *s)
{
    const char *at = p->at;
    json_slice id;
    if (read_id(p, &id) < 0) return -1;
    skip(p);
    p->at++;
    skip(p);
    s->keyword = true;
    uint32_t k = operand_named(s, id);
    if (k != NO_NAME || is_skipping(p)) {
        value v = expression(p);
        if (is_ended(v)) return -1;
        return k == NO_NAME ? 0 : put_argument(p, s, k, v, at);
    }
    if (s->f || attribute_named(s->row->op, id) == grad_op_attributes(s->row->op)) {
        unknown_attribute(p, s, id, at);
        return is_ended(expression(p)) ? -1 : 0;
    }
    if (given_before(p, s, id))
        return syntax_fail(p, at, "\"%.*s\" is given twice", shown(id), id.at);
    return attribute(p, s, id);
}

static int arguments(parser *p, call_state *s)
{
    if (enter(p, s->open, true) < 0) return -1;
    while (*p->at != ')') {
        if (is_keyword_argument(p)) {
            if (keyword(p, s) < 0) return -1;
        } else if (s->keyword) {
            return syntax_fail(p, p->at, "inputs by position stand before those by name");
        } else if (positional(p, s) < 0) {
            return -1;
        }
        if (*p->at != ',') break;
        p->at++;
        skip(p);
    }
    return leave(p, ')', s->open);
}

/* ---- how many -------------------------------------------------------------------------------- */

/* Bytes of the argument at `text`; 0 where it is not a literal. */
static size_t argument_length(const parser *p, const char *text)
{
    size_t n = 0;
    int depth = 0;
    json_slice word = {text, id_length(text)};
    if (word.n && !slice_is(word, "true") && !slice_is(word, "false") && !slice_is(word, "null"))
        return 0;
    for (; text + n < p->end && n < 40; n++) {
        if (text[n] == '(') return 0;
        if (depth == 0 && (text[n] == ',' || text[n] == ')')) break;
        depth += (text[n] == '[') - (text[n] == ']');
    }
    return n < 40 ? n : 0;
}

/* The operands beyond what the operator takes, as the attributes that they look like. */
static void suggest(const parser *p, const call_state *s, char *to, size_t room)
{
    const grad_op *op = s->row->op;
    size_t n = 0;
    to[0] = '\0';
    for (uint32_t k = s->row->most; k < s->found && n < room; k++) {
        size_t a = k - s->row->most;
        const char *text = p->start + p->arg[s->first + k].at;
        size_t length = argument_length(p, text);
        if (a >= grad_op_attributes(op) || length == 0) break;
        n += (size_t)snprintf(to + n, room - n, "%s%s=%.*s", n ? ", " : "; did you mean ",
                              grad_op_attribute_name(op, a), (int)length, text);
    }
    if (n && n + 2 < room) strcpy(to + n, "?");
}

static int check_arity(parser *p, const call_state *s, const char *at)
{
    const op_row *row = s->row;
    const grad_op *op = row->op;
    char inputs[160] = "", takes[48], say[200] = "";
    size_t n = 0, named = grad_op_inputs(op);
    for (uint32_t k = 0; k < s->found && k < named; k++)
        if (p->arg[s->first + k].operand == OPERAND_ABSENT && !grad_op_input_is_optional(op, k))
            return problem_at(p, "wrong_arity", at, "%s needs its input \"%s\"", grad_op_name(op),
                              grad_op_input_name(op, k));
    if (s->found >= row->least && s->found <= row->most) return 0;
    for (size_t k = 0; k < named && n < sizeof inputs; k++)
        n += (size_t)snprintf(inputs + n, sizeof inputs - n, "%s%s", k ? ", " : " (",
                              grad_op_input_name(op, k));
    if (s->found > row->most) suggest(p, s, say, sizeof say);
    if (row->most == UINT32_MAX) snprintf(takes, sizeof takes, "at least %u", row->least);
    else if (row->least == row->most) snprintf(takes, sizeof takes, "%u", row->most);
    else snprintf(takes, sizeof takes, "%u to %u", row->least, row->most);
    return problem_at(p, "wrong_arity", s->extra ? s->extra : at, "%s takes %s input%s%s%s, found "
                      "%u; attributes are given by name%s", grad_op_name(op), takes,
                      row->least == 1 && row->most == 1 ? "" : "s", inputs, inputs[0] ? ")" : "",
                      s->found, say);
}

/* ---- the node -------------------------------------------------------------------------------- */

static const char *attribute_text(parser *p, call_state *s)
{
    if (s->f) {
        buffer_text(&p->json, "{\"function\":");
        buffer_string(&p->json, s->id.at, s->id.n);
        s->attributes = 1;
    }
    if (s->attributes == 0) return "{}";
    buffer_byte(&p->json, '}');
    const char *text = arena_text(&p->r.c->arena, p->json.at + s->json, p->json.n - s->json);
    p->json.n = s->json;
    if (text) return text;
    grad_fail(&p->r.err, GRAD_OUT_OF_MEMORY, "memory is short");
    parser_end(p);
    return NULL;
}

static int add(parser *p, call_state *s, uint32_t at)
{
    const op_row *row = s->row;
    bool plain = s->attributes == 0 && !row->required && row->results == 1 && !row->calls;
    if (begin_node(p, row->op, at) < 0) return -1;
    for (uint32_t k = 0; k < s->found; k++)
        if (put_operand(p, p->arg[s->first + k]) < 0) return -1;
    if (row->roles) p->r.d->roles = true;
    if (plain) return 0;
    p->r.row = row;
    p->r.text = attribute_text(p, s);
    return p->r.text ? decode_attributes(&p->r, s->attributes) : -1;
}

value call(parser *p, json_slice id, uint32_t at)
{
    call_state s = {.id = id, .open = p->at, .first = p->n_args, .json = p->json.n};
    op_row row;
    const char *start = p->start + at;
    uint32_t result;
    if (split_result(id.at, id.n, &result) != id.n) {
        syntax_fail(p, start, "a result of a node is not called");
        return ended();
    }
    if (slice_is(id, "input") || slice_is(id, "constant")) return declaring_call(p, id, at);
    find_callee(p, &s, start);
    if (s.row) { /* those read on the way may take its place in the table */
        row = *s.row;
        s.row = &row;
    }
    if (arguments(p, &s) < 0) return ended();
    p->n_args = s.first;
    if (!is_skipping(p) && (s.f || check_arity(p, &s, start) == 0) && add(p, &s, at) == 0)
        return (value){p->r.name, at};
    if (api_failed(p->r.c)) return ended();
    p->json.n = s.json;
    /* The problem may be this node's; if it turns out to have a name, that is told. */
    if (p->r.d->problem->node[0] == '\0' && p->failed_place == NO_NAME) p->failed_place = at;
    return skipped(at);
}
