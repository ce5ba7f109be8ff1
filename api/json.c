/* json.c -- reading checked text in place: the cursor, and what strings mean.
 *
 * Nothing here looks at a length: json_check has said that the text is good, so every value inside
 * an array or object is followed by a byte that ends it. White space is skipped before a value is
 * looked at and never after it, because behind the last value there is no text any more.
 */
#include "json.h"

#include <string.h>

#include "json_text.h"

static const char *past_space(const char *p)
{
    while (text_is_space(*p)) p++;
    return p;
}

/* The quote that closes the string whose first byte is at p. Long strings are left to memchr,
   which reads one byte after the other as far as anyone can tell and stops at the quote. */
static const char *closing_quote(const char *p)
{
    const char *start = p;
    for (int i = 0; i < 32; i++) {
        if (*p == '"') return p;
        p += *p == '\\' ? 2 : 1;
    }
    for (;; p++) {
        p = memchr(p, '"', (size_t)PTRDIFF_MAX);
        const char *back = p;
        while (back > start && back[-1] == '\\') back--;
        if ((p - back) % 2 == 0) return p;
    }
}

/* Past the bracket that closes the one at p. Without a branch on what the bytes are, save for the
   rare backslash: short tokens would make every such branch a guess. */
static const char *past_brackets(const char *p)
{
    static const signed char step[256] = {['['] = 1, ['{'] = 1, [']'] = -1, ['}'] = -1};
    int outside = -1; /* all ones outside strings, 0 inside */
    int depth = 0;
    do {
        unsigned c = (unsigned char)*p++;
        if (c == '\\') {
            p++;
            continue; /* depth is above 0: a backslash stands in a string */
        }
        outside ^= -(c == '"');
        depth += step[c] & outside;
    } while (depth);
    return p;
}

static const char *past_scalar(const char *p)
{
    while (*p != ',' && *p != ']' && *p != '}' && !text_is_space(*p)) p++;
    return p;
}

/* ---- the cursor ------------------------------------------------------------------------------ */

json_cursor json_open(const char *text)
{
    return (json_cursor){past_space(text)};
}

json_kind json_peek(json_cursor c)
{
    switch (*c.at) {
    case 'n': return KIND_NULL;
    case 'f': return KIND_FALSE;
    case 't': return KIND_TRUE;
    case '"': return KIND_STRING;
    case '[': return KIND_ARRAY;
    case '{': return KIND_OBJECT;
    default: return KIND_NUMBER;
    }
}

const char *json_type_name(json_kind t)
{
    static const char *const name[] = {
        [KIND_NULL] = "null",         [KIND_FALSE] = "false",     [KIND_TRUE] = "true",
        [KIND_NUMBER] = "a number",   [KIND_STRING] = "a string", [KIND_ARRAY] = "an array",
        [KIND_OBJECT] = "an object",
    };
    return name[t];
}

json_slice json_skip(json_cursor *c)
{
    const char *start = c->at;
    switch (json_peek(*c)) {
    case KIND_NULL:
    case KIND_TRUE: c->at += 4; break;
    case KIND_FALSE: c->at += 5; break;
    case KIND_STRING: c->at = closing_quote(start + 1) + 1; break;
    case KIND_ARRAY:
    case KIND_OBJECT: c->at = past_brackets(start); break;
    case KIND_NUMBER: c->at = past_scalar(start); break;
    }
    return (json_slice){start, (size_t)(c->at - start)};
}

void json_enter(json_cursor *c)
{
    c->at++;
}

bool json_more(json_cursor *c)
{
    const char *p = past_space(c->at);
    if (*p == ',') p = past_space(p + 1);
    bool more = *p != ']' && *p != '}';
    c->at = more ? p : p + 1;
    return more;
}

json_slice json_name(json_cursor *c)
{
    json_slice name = json_read_string(c);
    c->at = past_space(past_space(c->at) + 1); /* the colon */
    return name;
}

/* ---- strings --------------------------------------------------------------------------------- */

json_slice json_read_string(json_cursor *c)
{
    const char *start = c->at + 1, *quote = closing_quote(start);
    c->at = quote + 1;
    return (json_slice){start, (size_t)(quote - start)};
}

bool json_is(json_slice raw, const char *text)
{
    const char *at = raw.at, *end = raw.at + raw.n;
    while (at < end && *at != '\\' && *at == *text) at++, text++;
    if (at == end || *at != '\\') return at == end && *text == '\0';
    while (at < end) {
        char piece[4];
        size_t n = text_next(piece, &at);
        for (size_t i = 0; i < n; i++, text++)
            if (*text == '\0' || *text != piece[i]) return false;
    }
    return *text == '\0';
}

size_t json_unescape(char *to, json_slice raw)
{
    const char *at = raw.at, *end = raw.at + raw.n;
    char *start = to;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t n = (size_t)((slash ? slash : end) - at);
        memcpy(to, at, n);
        at += n;
        to += n;
        if (slash) {
            char piece[4];
            n = text_next(piece, &at);
            memcpy(to, piece, n);
            to += n;
        }
    }
    return (size_t)(to - start);
}

/* ---- places ---------------------------------------------------------------------------------- */

void json_locate(const char *text, size_t offset, size_t *line, size_t *column)
{
    const char *p = text, *end = text + offset;
    size_t lines = 1;
    while (p < end) {
        const char *feed = memchr(p, '\n', (size_t)(end - p));
        if (!feed) break;
        lines++;
        p = feed + 1;
    }
    *line = lines;
    *column = (size_t)(end - p) + 1;
}
