/* json.h -- JSON text as it is: checked once as a whole, then read in place without a tree.
 *
 * json_check is the only place that meets malformed text: it holds the whole body against RFC 8259
 * (UTF-8 included), refuses names that repeat within an object and nesting beyond JSON_DEPTH, and
 * says where by line and column. A json_cursor then walks text that is known to be good: it never
 * fails, needs no memory and copies nothing.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grad.h"

enum { JSON_DEPTH = 1000 };

/* jansson.h is included beside this header in places, and owns json_type, JSON_OBJECT and
   json_string: hence json_kind, KIND_OBJECT and json_read_string. */

/* A piece of text, borrowed, not ended by NUL. */
typedef struct json_slice {
    const char *at;
    size_t n;
} json_slice;

typedef enum json_verdict {
    JSON_GOOD,
    JSON_BAD,        /* invalid_json */
    JSON_DUPLICATE,  /* duplicate_member */
    JSON_NO_MEMORY,  /* out_of_memory */
    JSON_OVER_LIMIT, /* memory_limit: the host's */
    JSON_STOPPED     /* the stop flag was set */
} json_verdict;

typedef struct json_complaint {
    size_t line, column; /* from 1; columns count bytes */
    size_t offset;
    char text[200];      /* one sentence: what was expected, what was found, what to write instead */
} json_complaint;

/* Checks the whole text. Memory beyond a fixed stack is taken only for objects of many members, and
   given back at the end; the host, which may be NULL, counts it and has the stop flag. */
json_verdict json_check(const char *text, size_t n, grad_host *host, json_complaint *why);

/* Where an offset stands, for other errors that want a position. */
void json_locate(const char *text, size_t offset, size_t *line, size_t *column);

typedef enum json_kind {
    KIND_NULL,
    KIND_FALSE,
    KIND_TRUE,
    KIND_NUMBER,
    KIND_STRING,
    KIND_ARRAY,
    KIND_OBJECT
} json_kind;

const char *json_type_name(json_kind t); /* "an object", "a number"; static */

/* A place in checked text, always at the first byte of a value or past the last one. The text is an
   array or an object: a bare number would have no byte behind it to say where it ends. */
typedef struct json_cursor {
    const char *at;
} json_cursor;

json_cursor json_open(const char *text);     /* skips white space */
json_kind json_peek(json_cursor c);
/* The value's text from first to last byte; *c moves past it. */
json_slice json_skip(json_cursor *c);

/* Iteration. Enter with json_enter at an array or object; then, while json_more(c), read a value
   (for objects: json_name first) and leave *c past it. json_more skips commas and, at the end, the
   closing bracket.
       for (json_enter(&c); json_more(&c);) { json_slice name = json_name(&c); json_skip(&c); } */
void json_enter(json_cursor *c);
bool json_more(json_cursor *c);
json_slice json_name(json_cursor *c);        /* raw, between the quotes; *c moves to the value */

/* A string's raw text between the quotes; *c moves past it. */
json_slice json_read_string(json_cursor *c);
/* Does raw text mean exactly these bytes, escapes undone? Fast where there is no backslash. */
bool json_is(json_slice raw, const char *text);
/* Undoes escapes into `to` (at least raw.n bytes); returns the bytes written. */
size_t json_unescape(char *to, json_slice raw);
static inline bool json_is_plain(json_slice raw)
{
    for (size_t i = 0; i < raw.n; i++)
        if (raw.at[i] == '\\') return false;
    return true;
}

/* Numbers. */
typedef struct json_number {
    double real;      /* the nearest float64; +-infinity where it is beyond the type */
    int64_t whole;    /* the exact value, where is_whole */
    bool is_whole;    /* written without '.' or exponent, or with them but whole, and within int64 */
} json_number;
json_number json_read_number(json_cursor *c);
double json_read_real(json_cursor *c);       /* the fast path for arrays of float64 */
float json_read_float(json_cursor *c);       /* rounded once, from the text */

#endif
