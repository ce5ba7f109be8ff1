/* json_complain.c -- sentences about text that is not JSON: what was expected, what was found, and
 * what to write instead.
 *
 * To give advice on one more mistake, add a row to `advice`.
 */
#include "json_complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"

/* What people write that JSON does not have. The first row that fits wins; words fit whole and in
   any case. */
static const struct {
    const char *start;
    const char *say;
} advice[] = {
    {"nan", "write \"NaN\" as a string"},
    {"-nan", "write \"NaN\" as a string"},
    {"infinity", "write \"Infinity\" as a string"},
    {"-infinity", "write \"-Infinity\" as a string"},
    {"+infinity", "write \"Infinity\" as a string"},
    {"inf", "write \"Infinity\" as a string"},
    {"-inf", "write \"-Infinity\" as a string"},
    {"+inf", "write \"Infinity\" as a string"},
    {"true", "write true in lower case"},
    {"false", "write false in lower case"},
    {"null", "write null in lower case"},
    {"none", "write null"},
    {"nil", "write null"},
    {"undefined", "write null"},
    {"'", "strings and names stand in double quotes"},
    {"`", "strings and names stand in double quotes"},
    {"\xE2\x80\x98", "use the plain double quote"}, /* the typographer's quotes */
    {"\xE2\x80\x99", "use the plain double quote"},
    {"\xE2\x80\x9C", "use the plain double quote"},
    {"\xE2\x80\x9D", "use the plain double quote"},
    {"//", "JSON has no comments"},
    {"/*", "JSON has no comments"},
    {"#", "JSON has no comments"},
    {"\xEF\xBB\xBF", "send UTF-8 without a byte order mark"},
    {"\xFF\xFE", "send UTF-8, not UTF-16"},
    {"\xFE\xFF", "send UTF-8, not UTF-16"},
    {"\xC2\xA0", "a no-break space is not white space in JSON"},
    {"+", "a number has no plus sign"},
    {".", "a number starts with a digit, as in 0.5"},
    {";", "members and elements are separated by commas"},
    {"=", "a colon stands between a name and its value"},
    {NULL, NULL},
};

static bool is_word(char c)
{
    return text_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The bytes of the word or number at p, a sign before it included; 0 where there is none. */
static size_t word_length(const char *p, const char *end)
{
    const char *q = p;
    if (q < end && (*q == '-' || *q == '+')) q++;
    if (q == end || !is_word(*q)) return 0;
    while (q < end && q - p < 64 && is_word(*q)) q++;
    return (size_t)(q - p);
}

static const char *find_advice(const char *p, const char *end)
{
    size_t word = word_length(p, end);
    for (size_t i = 0; advice[i].start; i++) {
        const char *start = advice[i].start;
        size_t n = strlen(start);
        if ((size_t)(end - p) < n || (n > 1 && word && word != n)) continue;
        size_t same = 0;
        const char any_case = word ? 0x20 : 0;
        while (same < n && (p[same] | any_case) == (start[same] | any_case)) same++;
        if (same == n) return advice[i].say;
    }
    return NULL;
}

static void describe(char *to, size_t room, const char *p, const char *end)
{
    size_t word = word_length(p, end), n = text_utf8(p, end);
    if (p == end) snprintf(to, room, "the end of the text");
    else if (word) snprintf(to, room, "'%.*s'", (int)(word > 24 ? 24 : word), p);
    else if (*p == '\n' || *p == '\r') snprintf(to, room, "a line break");
    else if (*p == '\t') snprintf(to, room, "a tab");
    else if (*p == '\0') snprintf(to, room, "a NUL byte");
    else if (n == 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) snprintf(to, room, "a byte order mark");
    else if (n == 0 || (unsigned char)*p < 0x20 || *p == 0x7F)
        snprintf(to, room, "byte 0x%02X", (unsigned)(unsigned char)*p);
    else snprintf(to, room, "'%.*s'", (int)n, p);
}

static void locate(json_complaint *why, const char *text, const char *p)
{
    why->offset = (size_t)(p - text);
    json_locate(text, why->offset, &why->line, &why->column);
}

void json_complain(json_complaint *why, const char *text, const char *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    locate(why, text, p);
}

void json_complain_expected(json_complaint *why, const char *text, const char *p, const char *end,
                            const char *what, const char *open)
{
    char found[48];
    describe(found, sizeof found, p, end);
    if (p == end && open) {
        size_t line, column;
        json_locate(text, (size_t)(open - text), &line, &column);
        json_complain(why, text, p,
                      "expected %s, found %s: the %s of line %zu, column %zu is not closed", what,
                      found, *open == '{' ? "object" : "array", line, column);
        return;
    }
    const char *say = p < end ? find_advice(p, end) : NULL;
    if (p < end && *p == '\0') say = "JSON is text in UTF-8";
    json_complain(why, text, p, "expected %s, found %s%s%s", what, found, say ? "; " : "",
                  say ? say : "");
}

void json_complain_name(char *to, size_t room, json_slice raw)
{
    size_t n = raw.n;
    if (n > room - 1) {
        n = room - 1;
        while (n && ((unsigned char)raw.at[n] & 0xC0) == 0x80) n--;
    }
    memcpy(to, raw.at, n);
    to[n] = '\0';
}
