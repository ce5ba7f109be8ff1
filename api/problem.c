/* problem.c -- errors as RFC 9457 problem documents.
 *
 * The first error wins: a call that has a problem keeps it, and only the host's own refusal
 * replaces it. A problem is written into the call itself, and where even building it takes more
 * memory than there is, it becomes out_of_memory, whose text takes none.
 */
#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "errors.h"
#include "expression.h"
#include "pointer.h"

enum { DETAIL_ROOM = 1200, WHERE_ROOM = 1024, NODE_ROOM = 512 };

/* What a problem says beyond its row of the table. Texts may be NULL, positions 0: left off. */
typedef struct particulars {
    const char *detail, *pointer, *node;
    size_t line, column;
    const char *caret;
} particulars;

/* How many bytes the UTF-8 character at `at` has, 0 where it is none (RFC 3629). */
static size_t character(const unsigned char *at)
{
    static const struct { unsigned char first, last, low, high; size_t n; } forms[] = {
        {0x01, 0x7F, 0x80, 0xBF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (*at < forms[f].first || *at > forms[f].last) continue;
        for (size_t k = 1; k < forms[f].n; k++) {
            unsigned char low = k == 1 ? forms[f].low : 0x80, high = k == 1 ? forms[f].high : 0xBF;
            if (at[k] < low || at[k] > high) return 0;
        }
        return forms[f].n;
    }
    return 0;
}

/* A sentence may quote what the client sent, and cut it anywhere: what is no UTF-8 becomes '?'. */
static void make_clean(char *text)
{
    for (char *at = text; *at;) {
        size_t n = character((const unsigned char *)at);
        if (!n) *at = '?';
        at += n ? n : 1;
    }
}

/* Formats into `to`; a text that is too long ends in "...". */
__attribute__((format(printf, 3, 0)))
static void write_text(char *to, size_t room, const char *format, va_list list)
{
    int n = vsnprintf(to, room, format, list);
    if (n < 0) to[0] = '\0';
    if (n >= 0 && (size_t)n >= room) memcpy(to + room - 4, "...", 4);
    make_clean(to);
}

/* A copy of a member's text in `to`; NULL where it is too long to be of use. */
static const char *copy(char *to, size_t room, const char *text)
{
    size_t n = text ? strnlen(text, room) : room;
    if (n >= room) return NULL;
    memcpy(to, text, n + 1);
    make_clean(to);
    return to;
}

static json_t *problem_tree(const api_error *e, const particulars *p)
{
    char type[64];
    snprintf(type, sizeof type, "/errors/%s", e->code);
    json_t *j = json_object();
    int failed = json_object_set_new(j, "type", json_string(type)) |
                 json_object_set_new(j, "title", json_string(e->title)) |
                 json_object_set_new(j, "status", json_integer(e->status)) |
                 json_object_set_new(j, "code", json_string(e->code)) |
                 json_object_set_new(j, "detail", json_string(p->detail));
    if (p->pointer) failed |= json_object_set_new(j, "pointer", json_string(p->pointer));
    if (p->node) failed |= json_object_set_new(j, "node", json_string(p->node));
    if (p->line) failed |= json_object_set_new(j, "line", json_integer((json_int_t)p->line));
    if (p->column) failed |= json_object_set_new(j, "column", json_integer((json_int_t)p->column));
    if (p->caret) failed |= json_object_set_new(j, "caret", json_string(p->caret));
    if (!failed) return j;
    json_decref(j);
    return NULL;
}

/* The document's text: in the call, or in its arena where it is long. NULL when memory is short. */
static const char *encode(api_call *c, const json_t *j, size_t *n)
{
    char *to = c->problem;
    *n = json_dumpb(j, to, sizeof c->problem, JSON_COMPACT);
    if (*n > sizeof c->problem) {
        size_t room = *n;
        c->host.memory = SIZE_MAX; /* the budget may be what the problem is about */
        to = arena_take(&c->arena, room);
        *n = to ? json_dumpb(j, to, room, JSON_COMPACT) : 0;
        if (*n > room) *n = 0;
    }
    return *n ? to : NULL;
}

/* The problem that needs no memory. Nothing in its row has to be escaped. */
static const char *encode_shortage(api_call *c, const api_error *e, size_t *n)
{
    *n = (size_t)snprintf(c->problem, sizeof c->problem,
                          "{\"type\":\"/errors/%s\",\"title\":\"%s\",\"status\":%d,"
                          "\"code\":\"%s\",\"detail\":\"%s %s\"}",
                          e->code, e->title, e->status, e->code, e->meaning, e->remedy);
    return c->problem;
}

static api_next refuse(api_call *c, const char *code, const particulars *p)
{
    const api_error *e = api_error_find(code);
    assert(e);
    if (!e) e = api_error_find("internal");
    size_t n = 0;
    json_t *j = problem_tree(e, p);
    const char *body = j ? encode(c, j, &n) : NULL;
    json_decref(j);
    if (!body) {
        e = api_error_find("out_of_memory");
        body = encode_shortage(c, e, &n);
    }
    api_start_reply(c);
    c->reply.status = e->status;
    c->reply.code = e->code;
    c->reply.body = body;
    c->reply.length = n;
    api_add_header(c, "Content-Type", "application/problem+json");
    api_add_header(c, "Cache-Control", "no-store");
    return API_DONE;
}

bool api_failed(const api_call *c) { return c->reply.code != NULL; }

__attribute__((format(printf, 5, 6)))
api_next api_fail(api_call *c, const char *code, const char *at, const char *node,
                  const char *format, ...)
{
    char detail[DETAIL_ROOM], where[WHERE_ROOM], which[NODE_ROOM];
    if (api_failed(c)) return API_DONE;
    va_list list;
    va_start(list, format);
    write_text(detail, sizeof detail, format, list);
    va_end(list);
    source_place place = {.line = 0};
    particulars p = {.detail = detail, .node = node && *node ? copy(which, sizeof which, node) : NULL};
    if (c->program && at && expression_locate(&place, c->program, at)) {
        p.line = place.line;
        p.column = place.column;
        make_clean(place.caret);
        p.caret = place.caret;
    }
    at = copy(where, sizeof where, at);
    if (at && c->body) where[pointer_reach(where, c->body)] = 0; /* the text is known to be good */
    p.pointer = at;
    return refuse(c, code, &p);
}

api_next api_fail_core(api_call *c, const grad_error *err, const char *at, const char *node)
{
    const char *code = grad_code_name(err->code ? err->code : GRAD_INTERNAL);
    if (err->text[0]) return api_fail(c, code, at, node, "%s", err->text);
    return api_fail(c, code, at, node, "%s", api_error_find(code)->meaning);
}

api_next api_fail_json(api_call *c, json_verdict verdict, const json_complaint *why)
{
    const char *code = verdict == JSON_STOPPED      ? "deadline_exceeded"
                       : verdict == JSON_NO_MEMORY  ? "out_of_memory"
                       : verdict == JSON_OVER_LIMIT ? "memory_limit"
                                                    : NULL;
    if (code) return api_fail(c, code, NULL, NULL, "%s", api_error_find(code)->meaning);
    if (api_failed(c)) return API_DONE;
    char detail[sizeof why->text + 1];
    snprintf(detail, sizeof detail, "%s", why->text);
    make_clean(detail);
    return refuse(c, verdict == JSON_DUPLICATE ? "duplicate_member" : "invalid_json",
                  &(particulars){.detail = detail, .line = why->line, .column = why->column});
}

void api_refuse(api_call *c, const char *code, int retry, const char *format, ...)
{
    char detail[DETAIL_ROOM];
    va_list list;
    va_start(list, format);
    write_text(detail, sizeof detail, format, list);
    va_end(list);
    refuse(c, code, &(particulars){.detail = detail});
    if (retry > 0) {
        snprintf(c->retry, sizeof c->retry, "%d", retry);
        api_add_header(c, "Retry-After", c->retry);
    }
}
