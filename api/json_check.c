/* json_check.c -- holds a whole text against RFC 8259, and says what is wrong with it.
 *
 * One pass, no recursion. A scan_... function is given the place of what it is to scan and returns
 * the place behind it, or NULL when there is something to complain about. The loop in scan_text
 * alternates between a value and what may follow it. The text's end is looked at before every byte.
 */
#include "json.h"

#include <string.h>

#include "json_complain.h"
#include "json_names.h"
#include "json_text.h"

enum { POLL_BYTES = 65536 };

/* An object or array that is open. */
typedef struct frame {
    const char *open; /* its bracket */
    size_t names;     /* where the names of an object start in `names` */
} frame;

typedef struct scan {
    const char *text, *end;
    const char *poll; /* past this place the stop flag is looked at again */
    const volatile int *stop;
    json_complaint *why;
    json_verdict verdict;
    frame *top;       /* the innermost; frame[0] stands for the text itself */
    json_names names;
    frame frame[1 + JSON_DEPTH];
} scan;

/* ---- failing --------------------------------------------------------------------------------- */

#define COLD __attribute__((cold, noinline))

COLD static const char *expected(scan *s, const char *p, const char *what)
{
    s->verdict = JSON_BAD;
    json_complain_expected(s->why, s->text, p, s->end, what, s->top->open);
    return NULL;
}

/* Fails with a sentence of its own. */
#define COMPLAIN(s, p, ...) \
    ((s)->verdict = JSON_BAD, json_complain((s)->why, (s)->text, (p), __VA_ARGS__), NULL)

COLD static const char *duplicate(scan *s, json_slice name, const char *first)
{
    char shown[64];
    size_t line, column;
    json_complain_name(shown, sizeof shown, name);
    json_locate(s->text, (size_t)(first - 1 - s->text), &line, &column);
    (void)COMPLAIN(s, name.at - 1, "the name \"%s\" stands twice in one object, first on line %zu, "
                   "column %zu", shown, line, column);
    s->verdict = JSON_DUPLICATE;
    return NULL;
}

COLD static const char *no_memory(scan *s, const char *p, json_verdict verdict)
{
    (void)COMPLAIN(s, p, "there is no memory left to tell the object's names apart");
    s->verdict = verdict;
    return NULL;
}

/* Looks at the stop flag, if it is time to. */
static inline bool is_stopped(scan *s, const char *p)
{
    if (p < s->poll) return false;
    s->poll = s->end - p > POLL_BYTES ? p + POLL_BYTES : s->end;
    if (!grad_is_set(s->stop)) return false;
    (void)COMPLAIN(s, p, "the text was not read to its end: time is up");
    s->verdict = JSON_STOPPED;
    return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

static const char *scan_unicode_escape(scan *s, const char *p)
{
    int unit = text_hex4(p + 2, s->end);
    if (unit < 0) return COMPLAIN(s, p, "expected four hexadecimal digits after \\u");
    if (unit < 0xD800 || unit >= 0xE000) return p + 6;
    const char *second = p + 6;
    int low = -1;
    if (unit < 0xDC00 && s->end - second >= 6 && second[0] == '\\' && second[1] == 'u')
        low = text_hex4(second + 2, s->end);
    if (low >= 0xDC00 && low < 0xE000) return p + 12;
    return COMPLAIN(s, p, "\\u%.4s is one half of a surrogate pair; write both halves, or the "
                    "character itself in UTF-8", p + 2);
}

static const char *scan_escape(scan *s, const char *p)
{
    if (s->end - p < 2) return expected(s, s->end, "the rest of a string");
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': return scan_unicode_escape(s, p);
    default: break;
    }
    if (p[1] > 0x20 && p[1] < 0x7F)
        return COMPLAIN(s, p, "there is no escape \\%c; a backslash is written \\\\", p[1]);
    return COMPLAIN(s, p, "a backslash alone means nothing; it is written \\\\");
}

COLD static const char *bad_string_byte(scan *s, const char *p)
{
    unsigned c = (unsigned char)*p;
    if (c >= 0x80)
        return COMPLAIN(s, p, "byte 0x%02X in a string is not valid UTF-8; send the text in "
                        "UTF-8", c);
    if (c == '\n' || c == '\r')
        return COMPLAIN(s, p, "found a line break in a string; write \\%c, or close the string "
                        "before it", c == '\n' ? 'n' : 'r');
    if (c == '\t') return COMPLAIN(s, p, "found a tab in a string; write \\t");
    return COMPLAIN(s, p, "found the control byte 0x%02X in a string; write \\u%04X", c, c);
}

/* What text_plain_run stopped at, unless it is the closing quote. */
static const char *scan_odd(scan *s, const char *p, bool *escaped)
{
    if (is_stopped(s, p)) return NULL;
    if (p == s->end) return expected(s, p, "the rest of a string");
    if (*p == '\\') {
        *escaped = true;
        return scan_escape(s, p);
    }
    while (p < s->end && (signed char)*p < 0) {
        size_t n = text_utf8(p, s->end);
        if (n == 0) return bad_string_byte(s, p);
        p += n;
    }
    if (p < s->end && (unsigned char)*p < 0x20) return bad_string_byte(s, p);
    return p;
}

/* From behind the opening quote. */
static inline const char *scan_string(scan *s, const char *p, bool *escaped)
{
    for (;;) {
        p = text_plain_run(p, s->end);
        if (p < s->end && *p == '"') return p + 1;
        p = scan_odd(s, p, escaped);
        if (!p) return NULL;
    }
}

/* ---- the other scalars ----------------------------------------------------------------------- */

/* At least one digit. */
static inline const char *scan_digits(scan *s, const char *p)
{
    const char *q = text_digit_run(p, s->end);
    return q > p ? q : expected(s, p, "a digit");
}

static inline const char *scan_number(scan *s, const char *p)
{
    const char *start = p, *end = s->end;
    if (*p == '-') p++;
    if (p == end || !text_is_digit(*p)) {
        bool is_word = p < end && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'; /* -Infinity */
        return expected(s, is_word ? start : p, is_word ? "a value" : "a digit");
    }
    if (*p == '0') {
        p++;
        if (p < end && text_is_digit(*p))
            return COMPLAIN(s, start, "expected a value, found a number with leading zeros; "
                            "write 7, not 007");
    } else {
        p = text_digit_run(p, end);
    }
    if (p < end && *p == '.') {
        p = scan_digits(s, p + 1);
        if (!p) return NULL;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        p = scan_digits(s, p);
    }
    return p;
}

static inline const char *scan_word(scan *s, const char *p, const char *word, size_t n)
{
    if ((size_t)(s->end - p) >= n && memcmp(p, word, n) == 0) return p + n;
    return expected(s, p, "a value");
}

/* ---- values and what follows them ------------------------------------------------------------ */

static inline const char *scan_space(scan *s, const char *p)
{
    if (p == s->end || (unsigned char)*p > ' ') return p;
    if (*p == ' ' && s->end - p > 1 && (unsigned char)p[1] > ' ') return p + 1;
    return text_space_run(p, s->end);
}

COLD static const char *nul_in_name(scan *s, json_slice name)
{
    const char *p = name.at, *end = name.at + name.n;
    while (p < end) {
        char piece[4];
        const char *start = p;
        if (text_next(piece, &p) == 1 && *piece == '\0')
            return COMPLAIN(s, start, "a member's name may not contain \\u0000");
    }
    return end;
}

/* A member's name and the colon, from the comma or the opening bracket on. */
static inline const char *scan_name(scan *s, const char *p)
{
    p = scan_space(s, p);
    if (p == s->end || *p != '"') {
        bool closed = p < s->end && *p == '}';
        return expected(s, p, closed ? "a member after the comma (remove it if there is none)"
                                     : "a member's name in double quotes");
    }
    bool escaped = false;
    const char *first, *start = p + 1;
    p = scan_string(s, start, &escaped);
    if (!p) return NULL;
    json_slice name = {start, (size_t)(p - 1 - start)};
    if (escaped && !nul_in_name(s, name)) return NULL;
    json_verdict added = json_names_add(&s->names, s->top->names, name, escaped, &first);
    if (added == JSON_DUPLICATE) return duplicate(s, name, first);
    if (added != JSON_GOOD) return no_memory(s, start - 1, added);
    p = scan_space(s, p);
    if (p == s->end || *p != ':') return expected(s, p, "':' after a member's name");
    return p + 1;
}

/* A bracket closes: any more that do, then a comma and whatever of the next member precedes its
   value. Ends at the next value, or outside all of them. */
static inline const char *scan_next(scan *s, const char *p)
{
    while (s->top > s->frame) {
        p = scan_space(s, p);
        bool is_object = *s->top->open == '{';
        char close = is_object ? '}' : ']';
        if (is_stopped(s, p)) return NULL;
        if (p < s->end && *p == ',') return is_object ? scan_name(s, p + 1) : p + 1;
        if (p == s->end || *p != close)
            return expected(s, p, is_object ? "',' or '}' after a member"
                                            : "',' or ']' after an element");
        if (is_object) json_names_drop(&s->names, s->top->names);
        s->top--;
        p++;
    }
    return p;
}

/* Goes into the object or array at p, as far as its first value. */
static inline const char *scan_open(scan *s, const char *p)
{
    bool is_object = *p == '{';
    if (s->top == s->frame + JSON_DEPTH)
        return COMPLAIN(s, p, "objects and arrays are nested more than %d deep", JSON_DEPTH);
    *++s->top = (frame){p, s->names.count};
    p = scan_space(s, p + 1);
    if (p < s->end && *p == (is_object ? '}' : ']')) return scan_next(s, p);
    return is_object ? scan_name(s, p) : p;
}

COLD static const char *not_a_value(scan *s, const char *p)
{
    const char *back = p;
    while (back > s->text && text_is_space(back[-1])) back--;
    if (p < s->end && (*p == ']' || *p == '}') && back > s->text && back[-1] == ',')
        return expected(s, p, "a value after the comma (remove it if there is none)");
    return expected(s, p, "a value");
}

/* One value and what follows it, or the opening of one. */
static const char *scan_text(scan *s, const char *p)
{
    do {
        bool escaped = false;
        p = scan_space(s, p);
        if (p == s->end) return not_a_value(s, p);
        switch (*p) {
        case '{': case '[': p = scan_open(s, p); continue;
        case '"': p = scan_string(s, p + 1, &escaped); break;
        case 't': p = scan_word(s, p, "true", 4); break;
        case 'f': p = scan_word(s, p, "false", 5); break;
        case 'n': p = scan_word(s, p, "null", 4); break;
        case '-': case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9': p = scan_number(s, p); break;
        default: return not_a_value(s, p);
        }
        if (p) p = scan_next(s, p);
    } while (p && s->top > s->frame);
    return p;
}

json_verdict json_check(const char *text, size_t n, grad_host *host, json_complaint *why)
{
    scan s;
    if (n == 0) text = ""; /* it may be NULL */
    s.text = s.poll = text;
    s.end = text + n;
    s.stop = host ? host->stop : NULL;
    s.why = why;
    s.verdict = JSON_GOOD;
    s.top = s.frame;
    *s.top = (frame){NULL, 0};
    json_names_start(&s.names, host);
    const char *p = scan_text(&s, text);
    if (p) {
        p = text_space_run(p, s.end);
        if (p < s.end) expected(&s, p, "the end of the text after the value");
    }
    json_names_free(&s.names);
    return s.verdict;
}
