/* expression_function.c -- "def name(a, b) { ... return e }": functions of the graph.
 *
 * Calls want to know how many inputs and results a function has, wherever it stands. So a program
 * that has any is looked through for them first; each is read where it stands.
 */
#include <stdio.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"
#include "table.h"

/* ---- the first look -------------------------------------------------------------------------- */

/* Past a text, a comment or an id in backquotes that begins here; or p itself. */
static const char *past_quoted(const char *at, const char *end)
{
    char close = *at == '#' ? '\n' : *at;
    if (*at != '"' && *at != '\'' && *at != '`' && *at != '#') return at;
    const char *found = memchr(at + 1, close, (size_t)(end - at - 1));
    return found ? found + 1 : end;
}

static const char *past_space(const char *at, const char *end)
{
    while (at < end && (text_is_space(*at) || *at == '#'))
        at = *at == '#' ? past_quoted(at, end) : at + 1;
    return at;
}

/* How many results the body that begins at the brace returns; *at moves past it. */
static uint32_t count_results(const char **at, const char *end)
{
    uint32_t results = 1;
    int depth = 0;
    bool returning = false;
    for (const char *c = *at; c < end;) {
        const char *past = past_quoted(c, end);
        size_t n = id_run(c, (size_t)(end - c));
        if (past > c) {
            c = past;
            continue;
        }
        if (n == 6 && depth == 1 && memcmp(c, "return", 6) == 0) returning = true, results = 1;
        if (n) {
            c += n;
            continue;
        }
        depth += (*c == '(' || *c == '[' || *c == '{') - (*c == ')' || *c == ']' || *c == '}');
        if (returning && depth == 1 && *c == ',') results++;
        c++;
        *at = c;
        if (depth == 0) break;
    }
    return results;
}

/* The header of a def, as well as it can be read; *at moves past its body. False: it is none. */
static bool survey_one(parser *p, const char **at)
{
    const char *end = p->end, *c = past_space(*at, end);
    size_t before = p->json.n;
    bool quoted = *c == '`';
    json_slice id = {c + quoted, id_run(c + quoted, (size_t)(end - c) - quoted)};
    c = past_space(id.at + id.n + quoted, end);
    if (id.n == 0 || *c != '(') return true;
    buffer_text(&p->json, "{\"inputs\":[");
    for (c = past_space(c + 1, end); *c != ')';) {
        size_t tick = *c == '`', n = id_run(c + tick, (size_t)(end - c) - tick);
        if (n == 0) return true;
        buffer_string(&p->json, c + tick, n);
        c = past_space(c + n + 2 * tick, end);
        if (*c != ',') continue;
        c = past_space(c + 1, end);
        if (*c != ')') buffer_byte(&p->json, ',');
    }
    c = past_space(c + 1, end);
    if (*c != '{') return true;
    uint32_t results = count_results(&c, end);
    buffer_text(&p->json, "],\"outputs\":[0");
    for (uint32_t k = 1; k < results; k++) buffer_text(&p->json, ",0");
    buffer_text(&p->json, "]}");
    *at = c;
    char *text = NULL;
    if (!p->json.failed)
        text = arena_text(&p->r.c->arena, p->json.at + before, p->json.n - before);
    p->json.n = before;
    if (text && names_find(&p->r.d->library->names, id.at, id.n) != NO_NAME) return true;
    if (text) return decode_survey(&p->r, id, (json_cursor){text}) == 0;
    grad_fail(&p->r.err, GRAD_OUT_OF_MEMORY, "memory is short");
    parser_end(p);
    return false;
}

int survey_functions(parser *p)
{
    library *l = p->r.d->library;
    size_t limit = p->r.c->api->host.node_limit;
    const char *at = p->start;
    l->read = true;
    if (!strstr(at, "def")) return 0;
    if (names_start(&l->names, &p->r.c->host, 16, &p->r.err) < 0) return parser_end(p);
    while (at < p->end) {
        const char *past = past_quoted(at, p->end);
        size_t n = id_run(at, (size_t)(p->end - at));
        if (past > at) {
            at = past;
        } else if (n == 3 && memcmp(at, "def", 3) == 0) {
            at += n;
            size_t before = p->json.n;
            if (!survey_one(p, &at)) return -1;
            p->json.n = before;
            if (l->names.n <= limit) continue;
            api_fail(p->r.c, "graph_too_large", "/graph/@0", NULL, "the graph has more than %zu "
                     "functions", limit);
            return -1;
        } else {
            at += n ? n : 1;
        }
    }
    return 0;
}

/* ---- the body -------------------------------------------------------------------------------- */

/* A value that is returned, as a node of the function or an input. */
static int one_result(parser *p, uint32_t k)
{
    uint32_t number;
    document *d = p->r.d;
    value v = expression(p);
    if (is_ended(v)) return -1;
    if (is_skipping(p)) return 0;
    if (v.operand == OPERAND_ABSENT) {
        problem_at(p, "wrong_type", p->start + v.at, "a function cannot return null");
        return 0;
    }
    bool further = is_literal(v) && d->odd[v.operand & ~OPERAND_ODD].kind == ODD_RESULT;
    bool plain = !is_literal(v);
    for (uint32_t w = 0; w < d->source->n_words; w++)
        plain = plain && d->source->word[w].name != v.operand;
    if (plain) {
        p->r.f->result[k] = v.operand;
        p->result_at[k] = v.at;
        return 0;
    }
    if (names_add_unnamed(&number, &d->names, &p->r.err) < 0) return parser_end(p);
    p->r.f->result[k] = number;
    return is_literal(v) && !further ? make_constant(p, number, v, v.at)
                                     : make_alias(p, number, v, v.at);
}

static int results(parser *p)
{
    function *f = p->r.f;
    const char *at = p->at;
    size_t n = id_length(at);
    if (n != 6 || memcmp(at, "return", 6) != 0)
        return syntax_fail(p, at, "expected 'return' and what the function returns, before its "
                           "'}'");
    p->at += n;
    skip(p);
    f->result = table_new(&p->r.c->host, f->n_results, sizeof *f->result, &p->r.err);
    p->result_at = arena_new(&p->r.c->arena, f->n_results, sizeof *p->result_at, &p->r.err);
    if (!f->result || !p->result_at) return parser_end(p);
    memset(f->result, 0, f->n_results * sizeof *f->result);
    for (uint32_t k = 0;; k++) {
        if (one_result(p, k) < 0) return -1;
        if (*p->at != ',' && k + 1 == f->n_results) break;
        if (*p->at != ',' || k + 1 == f->n_results)
            return syntax_expected(p, "an operator, ',' or '}' after what is returned");
        p->at++;
        skip(p);
    }
    if (*p->at == ';') {
        p->at++;
        skip(p);
    }
    return *p->at == '}' ? 0 : syntax_expected(p, "an operator, ',' or '}' after what is returned");
}

static int check_results(parser *p)
{
    const function *f = p->r.f;
    for (uint32_t k = 0; k < f->n_results; k++) {
        const name *n = &f->d.names.at[f->result[k]];
        if (f->result[k] < f->n_inputs || n->place != NO_NAME) continue;
        return problem_at(p, "unknown_id", p->start + p->result_at[k], "the function returns "
                          "\"%.*s\", which is not in it", (int)(n->length < 80 ? n->length : 80),
                          name_text(n));
    }
    return 0;
}

static int read_body(parser *p, const char *start)
{
    function *f = p->r.f;
    library *l = f->d.library;
    json_cursor inputs = {f->inputs};
    p->r.d = &f->d;
    f->calls = l->n_calls;
    if (decode_function_inputs(&p->r, inputs) < 0)
        return api_failed(p->r.c) ? -1 : document_complain(&f->d);
    f->n_inputs = f->d.names.n;
    for (uint32_t k = 0; k < f->n_inputs; k++) f->d.names.at[k].place = NO_NAME;
    p->loose_input = p->failed_place = NO_NAME;
    if (enter(p, p->at, true) < 0 || statements(p) < 0 || results(p) < 0) return -1;
    if (leave(p, '}', start) < 0) return -1;
    if (expression_settle(&f->d, NULL, 0, f->n_inputs) < 0) return -1;
    if (decode_references(&p->r) < 0) return -1;
    if (is_skipping(p) || check_results(p) < 0) return document_complain(&f->d);
    if (document_sort(&f->d) < 0) return -1;
    f->n_calls = l->n_calls - f->calls;
    l->n_nodes += f->d.n_nodes;
    names_free_index(&f->d.names);
    return 0;
}

static int begin_body(parser *p, function *f, json_slice id, const char *at)
{
    document *whole = p->r.d;
    char *base = arena_new(&p->r.c->arena, id.n + 24, 1, &p->r.err);
    source *s = arena_new(&p->r.c->arena, 1, sizeof *s, &p->r.err);
    if (!base || !s) return parser_end(p);
    sprintf(base, "/graph/functions/%.*s", (int)id.n, id.at);
    f->d = (document){.c = p->r.c, .base = base, .library = whole->library,
                      .problem = whole->problem, .source = s};
    *s = (source){.text = p->start, .length = place_of(p, p->end), .start = place_of(p, at)};
    return names_start(&f->d.names, &p->r.c->host, 16, &p->r.err) < 0 ? parser_end(p) : 0;
}

/* The names in brackets, which the first look has noted. */
static int skip_inputs(parser *p)
{
    const char *open = p->at;
    json_slice id;
    if (*open != '(') return syntax_expected(p, "'(' and the names of the function's inputs");
    if (enter(p, open, true) < 0) return -1;
    while (*p->at != ')') {
        if (read_id(p, &id) < 0) return -1;
        if (id.n == 0) return syntax_expected(p, "a name");
        skip(p);
        if (*p->at != ',') break;
        p->at++;
        skip(p);
    }
    if (leave(p, ')', open) < 0) return -1;
    p->brackets++; /* a line break may stand before the brace */
    skip(p);
    p->brackets--;
    return *p->at == '{' ? 0 : syntax_expected(p, "'{' and the function's body");
}

int read_definition(parser *p)
{
    const char *at = p->at;
    json_slice id;
    library *l = p->r.d->library;
    if (p->r.f) return syntax_fail(p, at, "a function is defined outside of others");
    p->at += 3;
    skip(p);
    const char *name_at = p->at;
    if (read_id(p, &id) < 0) return -1;
    if (id.n == 0) return syntax_expected(p, "the function's name");
    skip(p);
    if (skip_inputs(p) < 0) return -1;
    uint32_t number = names_find(&l->names, id.at, id.n);
    if (number == NO_NAME) return syntax_fail(p, at, "the function cannot be read");
    if (grad_op_find_n(id.at, id.n) || slice_is(id, "input") || slice_is(id, "constant"))
        return problem_at(p, "duplicate_id", name_at, "\"%.*s\" is an operator", shown(id), id.at),
               document_complain(p->r.d);
    function *f = &l->at[number];
    if (f->d.c)
        return problem_at(p, "duplicate_id", name_at, "a function \"%.*s\" stands above",
                          shown(id), id.at), document_complain(p->r.d);
    if (is_skipping(p)) {
        const char *end = p->at;
        count_results(&end, p->end);
        p->at = end;
        skip(p);
        return 0;
    }
    document *whole = p->r.d;
    uint32_t loose = p->loose_input;
    if (begin_body(p, f, id, at) < 0) return -1;
    p->r.f = f;
    int result = read_body(p, p->at);
    p->r.f = NULL;
    p->r.d = whole;
    p->loose_input = loose;
    return result;
}

int end_functions(parser *p)
{
    library *l = p->r.d->library;
    return l->names.n ? library_sort(l) : 0;
}
