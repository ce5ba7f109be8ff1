/* json_text.h -- what JSON is spelt with: runs of bytes, UTF-8 sequences and escapes.
 *
 * For the files that read and write text. The text_..._run functions say where a run that starts at
 * p ends: they look at sixteen bytes at a time where the processor can, and never past `end`.
 */
#ifndef API_JSON_TEXT_H
#define API_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool text_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool text_is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* May it stand in a string as it is? Not so quotes, backslashes, control bytes, and whatever is
   beyond ASCII, which takes a closer look. */
static inline bool text_is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

static inline const char *text_plain_run(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: beyond ASCII too */
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned mask = (unsigned)_mm_movemask_epi8(odd);
        if (mask) return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && text_is_plain(*p)) p++;
    return p;
}

static inline const char *text_digit_run(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
                                      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
        unsigned mask = (unsigned)_mm_movemask_epi8(digit) ^ 0xFFFFu;
        if (mask) return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && text_is_digit(*p)) p++;
    return p;
}

static inline const char *text_space_run(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i space = _mm_cmpeq_epi8(v, _mm_set1_epi8(' '));
        space = _mm_or_si128(space, _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
        space = _mm_or_si128(space, _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
        space = _mm_or_si128(space, _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
        unsigned mask = (unsigned)_mm_movemask_epi8(space) ^ 0xFFFFu;
        if (mask) return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && text_is_space(*p)) p++;
    return p;
}

/* Bytes of the UTF-8 sequence at p: 1 to 4, or 0 where there is no good one (too long for its
   code point, a surrogate, beyond U+10FFFF, cut short). */
static inline size_t text_utf8(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    ptrdiff_t room = end - p;
    if (room < 1) return 0;
    if (u[0] < 0x80) return 1;
    if (room < 2 || u[0] < 0xC2 || u[0] > 0xF4 || (u[1] & 0xC0) != 0x80) return 0;
    if (u[0] < 0xE0) return 2;
    if (room < 3 || (u[2] & 0xC0) != 0x80) return 0;
    if (u[0] < 0xF0) {
        if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F)) return 0;
        return 3;
    }
    if (room < 4 || (u[3] & 0xC0) != 0x80) return 0;
    if ((u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F)) return 0;
    return 4;
}

/* The value of a hexadecimal digit, or -1. */
static inline int text_hex(char c)
{
    if (text_is_digit(c)) return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The code unit of the four digits after "\u", or -1 where they are not four. */
static inline int text_hex4(const char *p, const char *end)
{
    int unit = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex(p[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The next character of a checked string, an escape undone: 1 to 4 bytes go to `to`, and *at moves
   past what they were written as. (A character beyond ASCII that is not escaped comes in single
   bytes.) */
static inline size_t text_next(char to[4], const char **at)
{
    const char *p = *at;
    *at = p + 1;
    to[0] = *p;
    if (*p != '\\') return 1;
    *at = p + 2;
    switch (p[1]) {
    case 'b': to[0] = '\b'; return 1;
    case 'f': to[0] = '\f'; return 1;
    case 'n': to[0] = '\n'; return 1;
    case 'r': to[0] = '\r'; return 1;
    case 't': to[0] = '\t'; return 1;
    case 'u': break;
    default: to[0] = p[1]; return 1;
    }
    unsigned code = (unsigned)text_hex4(p + 2, p + 6);
    *at = p + 6;
    if (code >= 0xD800 && code < 0xE000) { /* checked text has the other half behind it */
        code = 0x10000 + ((code - 0xD800) << 10) + ((unsigned)text_hex4(p + 8, p + 12) - 0xDC00);
        *at = p + 12;
    }
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3F));
    to[0] = (char)((0xF00u >> n & 0xF0u) | code);
    return n;
}

#endif
