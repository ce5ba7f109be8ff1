/* buffer.c -- text that grows. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

enum { FIRST_ROOM = 256, DOUBLING_ENDS = 1 << 20 };

static bool fail(buffer *b, grad_code code)
{
    b->failed = code;
    return false;
}

static bool charge(buffer *b, size_t bytes)
{
    if (!b->host) return true;
    grad_error err;
    err.code = GRAD_OK;
    return grad_charge(b->host, bytes, &err) == 0;
}

/* More than is asked for: large buffers grow by half, since their bytes are the request's. */
static size_t comfortable(size_t room, size_t need)
{
    size_t step = room < FIRST_ROOM ? FIRST_ROOM : room < DOUBLING_ENDS ? room : room / 2;
    size_t wish = room > SIZE_MAX - step ? need : room + step;
    return wish > need ? wish : need;
}

/* Slow path of buffer_reserve. Only the new size is charged, also while the bytes are moved. */
static bool grow(buffer *b, size_t need)
{
    size_t room = comfortable(b->room, need);
    if (!charge(b, room - b->room)) {
        room = need;
        if (!charge(b, room - b->room)) return fail(b, GRAD_MEMORY_LIMIT);
    }
    char *at = realloc(b->at, room);
    if (!at) {
        if (b->host) grad_release(b->host, room - b->room);
        return fail(b, GRAD_OUT_OF_MEMORY);
    }
    b->at = at;
    b->room = room;
    return true;
}

/* A byte that cannot stand in a string as it is; its escape takes 6 bytes at most. */
static size_t write_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letter[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    to[0] = '\\';
    to[1] = c == '"' || c == '\\' ? (char)c : letter[c & 0x1F];
    if (to[1]) return 2;
    memcpy(to + 1, "u00", 3);
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
    return 6;
}

void buffer_free(buffer *b)
{
    free(b->at);
    if (b->host) grad_release(b->host, b->room);
    *b = (buffer){.host = b->host};
}

bool buffer_reserve(buffer *b, size_t more)
{
    if (b->failed) return false;
    if (more <= b->room - b->n) return true;
    if (more > SIZE_MAX - b->n) return fail(b, GRAD_OUT_OF_MEMORY);
    return grow(b, b->n + more);
}

void buffer_add(buffer *b, const char *text, size_t n)
{
    if (n == 0 || !buffer_reserve(b, n)) return;
    memcpy(b->at + b->n, text, n);
    b->n += n;
}

void buffer_text(buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_byte(buffer *b, char c)
{
    if (!buffer_reserve(b, 1)) return;
    b->at[b->n++] = c;
}

/* Whatever the bytes are, what is written is good JSON: a byte that is not UTF-8 becomes U+FFFD. */
void buffer_string(buffer *b, const char *text, size_t n)
{
    const char *p = text, *end = text + n;
    if (!buffer_reserve(b, n + 2)) return;
    b->at[b->n++] = '"';
    for (;;) {
        const char *run = text_plain_run(p, end);
        buffer_add(b, p, (size_t)(run - p));
        if (run == end) break;
        p = run;
        if ((signed char)*p >= 0) {
            char escape[6];
            buffer_add(b, escape, write_escape(escape, (unsigned char)*p++));
            continue;
        }
        size_t some = text_utf8(p, end);
        if (some) buffer_add(b, p, some);
        else buffer_text(b, "\xEF\xBF\xBD");
        p += some ? some : 1;
    }
    buffer_byte(b, '"');
}

void buffer_format(buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = b->failed ? -1 : vsnprintf(b->at ? b->at + b->n : NULL, b->room - b->n, format, args);
    if (n >= 0 && (size_t)n >= b->room - b->n && buffer_reserve(b, (size_t)n + 1))
        vsnprintf(b->at + b->n, (size_t)n + 1, format, again);
    if (n >= 0 && !b->failed) b->n += (size_t)n;
    va_end(again);
    va_end(args);
}
