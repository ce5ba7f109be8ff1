/* expression_statement.c -- a program's statements, one after another. */
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"
#include "table.h"

/* What follows an id that begins a statement, without moving there. */
static char after_id(const parser *p)
{
    const char *at = p->at;
    if (*at == '`') {
        const char *close = memchr(at + 1, '`', (size_t)(p->end - at - 1));
        if (!close) return '\0';
        at = close + 1;
    } else {
        at += id_length(at);
    }
    while (*at == ' ' || *at == '\t' || (*at == '\n' && p->brackets)) at++;
    if (*at == '=') return at[1] == '=' ? '\0' : '=';
    return *at == ',' || *at == ':' ? *at : '\0';
}

/* An id that is to be given a value. */
static int read_target(parser *p, json_slice *id)
{
    const char *at = p->at;
    uint32_t result;
    if (read_id(p, id) < 0) return -1;
    if (id->n == 0) return syntax_expected(p, "a name");
    if (*at != '`' && is_keyword(*id))
        return syntax_fail(p, at, "'%.*s' is a word of the language; as an id it stands in "
                           "backquotes", shown(*id), id->at);
    if (split_result(id->at, id->n, &result) != id->n)
        return syntax_fail(p, at, "`%.*s` is a result of a node, and not assigned", shown(*id),
                           id->at);
    skip(p);
    return 0;
}

static int no_loose_input(parser *p)
{
    if (p->loose_input == NO_NAME || is_skipping(p)) return 0;
    const document *d = p->r.d;
    uint32_t at = d->source->node_at[d->names.at[p->loose_input].place];
    return syntax_fail(p, p->start + at, "an input needs a name: x = input(...)");
}

static int several(parser *p, json_slice first, uint32_t at)
{
    grad_error *err = &p->r.err;
    uint32_t n = 1, room = 0;
    json_slice few[8], *id = few;
    int result = 0;
    few[0] = first;
    while (result == 0 && *p->at == ',') {
        p->at++;
        skip(p);
        if (n == (room ? room : 8)) {
            uint32_t wider = room ? room : 0;
            json_slice *grown = table_grow(&p->r.c->host, room ? id : NULL, &wider, sizeof *id,
                                           err);
            if (!grown) {
                result = parser_end(p);
                break;
            }
            if (!room) memcpy(grown, few, sizeof few);
            id = grown;
            room = wider;
        }
        result = read_target(p, &id[n]);
        if (result == 0) n++;
    }
    if (result == 0 && (*p->at != '=' || p->at[1] == '=')) result = syntax_expected(p, "'='");
    if (result == 0) {
        p->at++;
        skip(p);
        value v = expression(p);
        result = is_ended(v) ? -1 : name_results(p, id, n, v, at);
    }
    if (room) table_free(&p->r.c->host, id, room, sizeof *id);
    return result < 0 && api_failed(p->r.c) ? -1 : 0;
}

/* Does the program end here, but for space? */
static bool at_end(parser *p)
{
    const char *at = p->at;
    for (;; p->at++) {
        skip(p);
        if (*p->at != '\n' && *p->at != ';') break;
    }
    bool end = p->at == p->end;
    p->at = at;
    return end;
}

/* A value by itself: the last one is named "out". */
static int bare(parser *p)
{
    static const json_slice out = {"out", 3};
    const char *at = p->at;
    uint32_t number;
    value v = expression(p);
    if (is_ended(v)) return -1;
    if (*p->at == '=' && p->at[1] != '=')
        return syntax_fail(p, p->at, "a value is given to a name, x = ..., and to nothing else");
    if (p->r.f || !at_end(p)) {
        bool plain = !is_skipping(p) && !(v.operand & OPERAND_ODD) && !is_unnamed(p, v);
        if (!plain) return 0;
        if (names_add_unnamed(&number, &p->r.d->names, &p->r.err) < 0) return parser_end(p);
        return make_alias(p, number, v, place_of(p, at)); /* so that it has to lead somewhere */
    }
    if (!is_skipping(p) && !(v.operand & OPERAND_ODD) && !is_unnamed(p, v)) {
        if (intern(p, out, &number) < 0) return -1;
        if (number == v.operand) return 0; /* it is called so already */
    }
    return name_value(p, out, v, place_of(p, at));
}

static int statement(parser *p)
{
    const char *start = p->at;
    uint32_t at = place_of(p, start);
    char next = id_length(start) || *start == '`' ? after_id(p) : '\0';
    json_slice id;
    if (next == '\0') {
        size_t n = id_length(start);
        if (n == 3 && memcmp(start, "def", 3) == 0) return read_definition(p);
        return bare(p) < 0 ? -1 : no_loose_input(p);
    }
    if (read_target(p, &id) < 0) return -1;
    if (next == ',') return several(p, id, at);
    p->at++;
    skip(p);
    if (next == ':') return declaration(p, id, at);
    names_expect(&p->r.d->names, id.at, id.n);
    value v = expression(p);
    if (is_ended(v)) return -1;
    if (name_value(p, id, v, at) < 0) return -1;
    return p->loose_input == NO_NAME ? 0 : no_loose_input(p);
}

/* Within braces a line break ends a statement where the next line cannot go on with it. */
static int end_of_statement(parser *p, const char *before)
{
    bool braces = p->r.f != NULL;
    if (p->at == p->end || *p->at == ';' || *p->at == '\n') return 0;
    if (braces && (*p->at == '}' || (p->broken && p->broken > before))) return 0;
    return syntax_expected(p, braces ? "an operator, ';' or the end of the line"
                                     : "an operator, or the end of the line or ';'");
}

int statements(parser *p)
{
    for (;;) {
        skip(p);
        while (*p->at == ';' || *p->at == '\n') {
            p->at++;
            skip(p);
        }
        if (p->at == p->end) return 0;
        if (p->r.f) {
            size_t n = id_length(p->at);
            if (*p->at == '}' || (n == 6 && memcmp(p->at, "return", 6) == 0)) return 0;
        }
        const char *before = p->at;
        if (statement(p) < 0) return -1;
        if (end_of_statement(p, before) < 0) return -1;
    }
}
