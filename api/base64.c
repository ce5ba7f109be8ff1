/* base64.c -- bytes as text and back: the standard alphabet with padding, and nothing else. */
#include <string.h>

#include "buffer.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NOT_A_DIGIT = 0x40 };

/* The value of each digit. */
static void fill_values(unsigned char value[256])
{
    memset(value, NOT_A_DIGIT, 256);
    for (unsigned char i = 0; i < 64; i++) value[(unsigned char)alphabet[i]] = i;
}

void buffer_base64(buffer *b, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    if (bytes / 3 > SIZE_MAX / 4 - 1) {
        b->failed = b->failed ? b->failed : GRAD_OUT_OF_MEMORY;
        return;
    }
    if (bytes == 0 || !buffer_reserve(b, (bytes + 2) / 3 * 4)) return;
    char *to = b->at + b->n;
    for (; bytes >= 3; bytes -= 3, p += 3, to += 4) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        to[0] = alphabet[v >> 18];
        to[1] = alphabet[v >> 12 & 63];
        to[2] = alphabet[v >> 6 & 63];
        to[3] = alphabet[v & 63];
    }
    if (bytes) {
        unsigned v = (unsigned)p[0] << 16 | (bytes == 2 ? (unsigned)p[1] << 8 : 0);
        to[0] = alphabet[v >> 18];
        to[1] = alphabet[v >> 12 & 63];
        to[2] = bytes == 2 ? alphabet[v >> 6 & 63] : '=';
        to[3] = '=';
        to += 4;
    }
    b->n = (size_t)(to - b->at);
}

/* Strict: whole groups of four, padding at the end only, and no bits that get lost. */
bool base64_read(void *to, size_t *out, const char *text, size_t n)
{
    unsigned char value[256], *q = to;
    const unsigned char *p = (const unsigned char *)text;
    if (n % 4) return false;
    if (n == 0) {
        *out = 0;
        return true;
    }
    size_t padding = p[n - 1] != '=' ? 0 : p[n - 2] != '=' ? 1 : 2;
    const unsigned char *end = p + (n - (padding ? 4 : 0));
    unsigned seen = 0; /* all values together: any that is not a digit shows */
    fill_values(value);
    for (; p < end; p += 4, q += 3) {
        unsigned a = value[p[0]], b = value[p[1]], c = value[p[2]], d = value[p[3]];
        unsigned v = a << 18 | b << 12 | c << 6 | d;
        seen |= a | b | c | d;
        q[0] = (unsigned char)(v >> 16);
        q[1] = (unsigned char)(v >> 8);
        q[2] = (unsigned char)v;
    }
    if (padding) {
        unsigned a = value[p[0]], b = value[p[1]], c = padding == 1 ? value[p[2]] : 0;
        unsigned v = a << 18 | b << 12 | c << 6;
        seen |= a | b | c;
        if (v & (padding == 1 ? 0xFFu : 0xFFFFu)) return false;
        *q++ = (unsigned char)(v >> 16);
        if (padding == 1) *q++ = (unsigned char)(v >> 8);
    }
    if (seen & NOT_A_DIGIT) return false;
    *out = (size_t)(q - (unsigned char *)to);
    return true;
}
