/* expression_text.c -- the text of a program: space, ids, places, and errors that show them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"

/* ---- errors ---------------------------------------------------------------------------------- */

int parser_end(parser *p)
{
    return decode_end(&p->r);
}

int syntax_fail(parser *p, const char *at, const char *format, ...)
{
    char text[500], where[40];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    snprintf(where, sizeof where, "/graph/@%u", place_of(p, at));
    api_fail(p->r.c, "expression_syntax", where, NULL, "%s", text);
    return -1;
}

int problem_at(parser *p, const char *code, const char *at, const char *format, ...)
{
    char text[600];
    doc_problem *problem = p->r.d->problem;
    va_list list;
    if (is_skipping(p)) return -1;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    problem->code = code;
    problem->node[0] = '\0';
    pointer_start(&problem->at, "/graph/@%u", place_of(p, at));
    snprintf(problem->text, sizeof problem->text, "%s", text);
    return -1;
}

/* What stands at p->at, in words. */
static void describe(const parser *p, char *to, size_t room)
{
    const char *at = p->at;
    size_t n = id_length(at);
    if (at == p->end) snprintf(to, room, "the end of the program");
    else if (n) snprintf(to, room, "'%.*s'", (int)(n < 40 ? n : 40), at);
    else if (*at == '\n') snprintf(to, room, "the end of the line");
    else if (*at == '\0') snprintf(to, room, "a NUL byte");
    else if (text_is_digit(*at))
        snprintf(to, room, "'%.*s'", (int)strspn(at, "0123456789.") % 40, at);
    else if ((unsigned char)*at < 0x20 || *at == 0x7F)
        snprintf(to, room, "byte 0x%02X", (unsigned)(unsigned char)*at);
    else snprintf(to, room, "'%.*s'", (int)(text_utf8(at, p->end) ? text_utf8(at, p->end) : 1), at);
}

/* What people write that the language does not have. */
static const char *advice(const parser *p)
{
    static const struct {
        const char *start, *say;
    } rows[] = {
        {"&&", "use logical_and(a, b)"},   {"||", "use logical_or(a, b)"},
        {"&", "use logical_and(a, b)"},    {"|", "use logical_or(a, b)"},
        {"and", "use logical_and(a, b)"},  {"or", "use logical_or(a, b)"},
        {"not", "use logical_not(a)"},     {"!", "use logical_not(a)"},
        {"=", "== compares"},              {"?", "use where(cond, a, b)"},
        {"if", "use where(cond, a, b)"},   {"for", "use scan or map"},
        {"\xE2\x88\x92", "write a plain minus, -"}, {"\xC2\xB7", "write *"},
        {"\xC3\x97", "write *"},           {"\xC2\xA0", "a no-break space is not white space here"},
        {"{", "braces stand around the body of a def"},
        {NULL, NULL},
    };
    size_t word = id_length(p->at);
    if (*p->at == '=' && p->at > p->start && strchr("+-*/%@^", p->at[-1]))
        return "a variable is assigned once";
    for (size_t i = 0; rows[i].start; i++) {
        size_t n = strlen(rows[i].start);
        if ((size_t)(p->end - p->at) < n || memcmp(p->at, rows[i].start, n) != 0) continue;
        if (!word || word == n) return rows[i].say;
    }
    return NULL;
}

int syntax_expected(parser *p, const char *what)
{
    char found[64];
    const char *say = advice(p);
    describe(p, found, sizeof found);
    return syntax_fail(p, p->at, "expected %s, found %s%s%s", what, found, say ? "; " : "",
                       say ? say : "");
}

/* ---- space and ids --------------------------------------------------------------------------- */

void skip_slowly(parser *p)
{
    const char *at = p->at;
    for (;; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\r') continue;
        if (*at == '\n' && p->brackets) {
            p->broken = at + 1;
            continue;
        }
        if (*at != '#') break;
        const char *feed = memchr(at, '\n', (size_t)(p->end - at));
        at = (feed ? feed : p->end) - 1;
    }
    p->at = at;
}

bool is_keyword(json_slice id)
{
    return slice_is(id, "def") || slice_is(id, "return") || slice_is(id, "true") ||
           slice_is(id, "false") || slice_is(id, "null");
}

int read_id(parser *p, json_slice *id)
{
    const char *at = p->at;
    *id = (json_slice){at, id_length(at)};
    if (*at != '`') {
        p->at += id->n;
        return 0;
    }
    const char *close = memchr(at + 1, '`', (size_t)(p->end - at - 1));
    const char *feed = close ? memchr(at, '\n', (size_t)(close - at)) : NULL;
    if (!close || feed) return syntax_fail(p, at, "the backquote has no other one on its line");
    uint32_t result;
    *id = (json_slice){at + 1, (size_t)(close - at - 1)};
    if (!is_id(id->at, split_result(id->at, id->n, &result)))
        return syntax_fail(p, at, "`%.*s` is not an id: a letter or _ comes first, then letters, "
                           "digits, _ and .", shown(*id), id->at);
    p->at = close + 1;
    return 0;
}

int enter(parser *p, const char *at, bool bracket)
{
    if (p->depth++ >= JSON_DEPTH)
        return syntax_fail(p, at, "the program is nested more than %d deep", JSON_DEPTH);
    if (!bracket) return 0;
    p->brackets++;
    p->at = at + 1;
    skip(p);
    return 0;
}

int leave(parser *p, char close, const char *open)
{
    if (*p->at != close) {
        size_t line, column;
        char what[80];
        if (p->at < p->end) {
            snprintf(what, sizeof what, "an operator, ',' or '%c'", close);
            return syntax_expected(p, what);
        }
        json_locate(p->start, (size_t)(open - p->start), &line, &column);
        return syntax_fail(p, open, "the '%c' of line %zu, column %zu is not closed", *open, line,
                           column);
    }
    p->depth--;
    p->brackets--;
    p->at++;
    skip(p);
    return 0;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* The line around the offset, and a mark below it; a long line is shown from near the mark on. */
static void draw(source_place *out, const source *s, uint32_t at)
{
    enum { BEFORE = 60, SHOWN = 120 };
    const char *mark = s->text + at, *start = mark - (out->column - 1), *from = start;
    const char *feed = memchr(mark, '\n', s->length - at);
    const char *end = feed ? feed : s->text + s->length;
    char *to = out->caret, *mark_to;
    if (mark - from > BEFORE) from = mark - BEFORE;
    while (from > start && from < mark && ((unsigned char)*from & 0xC0) == 0x80) from++;
    if (end - from > SHOWN) end = from + SHOWN;
    while (end > mark && ((unsigned char)*end & 0xC0) == 0x80) end--;
    if (from > start) to = stpcpy(to, "...");
    for (const char *c = from; c < end; c++)
        *to++ = (unsigned char)*c >= 0x20 || *c == '\t' ? *c : ' ';
    *to++ = '\n';
    mark_to = to;
    if (from > start) to = stpcpy(to, "   ");
    for (const char *c = from; c < mark; c++)
        if (((unsigned char)*c & 0xC0) != 0x80) *to++ = *c == '\t' ? '\t' : ' ';
    if (mark_to <= to) *to++ = '^';
    *to = '\0';
}

/* Where the keyword of an attribute stands in the call that begins at `at`. */
static uint32_t find_keyword(const source *s, uint32_t at, const char *word, size_t n)
{
    const char *start = s->text + at, *end = s->text + s->length, *open;
    long depth = 0;
    open = memchr(start, '(', (size_t)(end - start));
    for (const char *c = open; c && c < end; c++) {
        if (*c == '(' || *c == '[') depth++;
        if ((*c == ')' || *c == ']') && --depth == 0) break;
        size_t run = id_run(c, (size_t)(end - c));
        if (depth == 1 && run == n && memcmp(c, word, n) == 0) {
            const char *after = c + run;
            while (*after == ' ') after++;
            if (*after == '=' && after[1] != '=') return (uint32_t)(c - s->text);
        }
        if (run) c += run - 1;
    }
    return at;
}

static uint32_t node_place(const document *d, const char *path)
{
    const source *s = d->source;
    char *end;
    if (strncmp(path, "/nodes/", 7) != 0) return s->start;
    unsigned long node = strtoul(path + 7, &end, 10);
    if (node >= d->n_nodes || !s->node_at) return s->start;
    uint32_t at = s->node_at[node];
    if (strncmp(end, "/inputs/", 8) == 0 && s->operand_at && d->operand) {
        uint32_t count;
        unsigned long k = strtoul(end + 8, NULL, 10);
        const uint32_t *in = document_operands(d, &d->names.at[d->order[node]], &count);
        return k < count ? s->operand_at[(uint32_t)(in - d->operand) + k] : at;
    }
    if (end[0] != '/' || id_length(end + 1) == 0) return at;
    return find_keyword(s, at, end + 1, id_length(end + 1));
}

bool expression_locate(source_place *out, const document *d, const char *path)
{
    const source *s = d->source;
    const library *l = d->library;
    uint32_t at = 0;
    if (!s || strncmp(path, "/graph/", 7) != 0) return false;
    if (path[7] == '@') {
        at = (uint32_t)strtoul(path + 8, NULL, 10);
    } else {
        path += 6;
        for (uint32_t i = 0; strncmp(path, "/functions/", 11) == 0 && i < l->names.n; i++) {
            const document *body = &l->at[i].d;
            size_t n = body->base ? strlen(body->base) - 6 : 0;
            if (!body->source || !n || strncmp(path, body->base + 6, n) != 0) continue;
            if (path[n] != '/' && path[n]) continue;
            d = body;
            path += n;
        }
        at = node_place(d, path);
    }
    if (at > s->length) return false;
    json_locate(s->text, at, &out->line, &out->column);
    draw(out, s, at);
    return true;
}
