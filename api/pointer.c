/* pointer.c -- JSON Pointers into the request. */
#include "pointer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 0)))
static void add(pointer *p, const char *format, va_list list)
{
    if (p->full) return;
    int n = vsnprintf(p->at + p->n, sizeof p->at - p->n, format, list);
    p->full = n < 0 || (size_t)n >= sizeof p->at - p->n;
    if (!p->full) p->n += (size_t)n;
}

void pointer_start(pointer *p, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    p->n = 0;
    p->full = false;
    add(p, format, list);
    va_end(list);
}

void pointer_add(pointer *p, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    add(p, format, list);
    va_end(list);
}

void pointer_name(pointer *p, json_slice raw)
{
    char plain[POINTER_ROOM];
    pointer_add(p, "/");
    if (raw.n > sizeof plain) {
        p->full = true;
        return;
    }
    size_t n = json_unescape(plain, raw);
    for (size_t i = 0; i < n && !p->full; i++) {
        if (plain[i] == '\0') p->full = true; /* no C string can say it */
        else if (plain[i] == '~') pointer_add(p, "~0");
        else if (plain[i] == '/') pointer_add(p, "~1");
        else pointer_add(p, "%c", plain[i]);
    }
}

const char *pointer_text(const pointer *p)
{
    return p->full ? NULL : p->at;
}

/* The next step of a pointer, plain; moves *at past it. False: there is none, or it is too long. */
static bool next_step(char *to, size_t room, const char **at)
{
    size_t n = 0;
    if (**at != '/') return false;
    for ((*at)++; **at && **at != '/'; (*at)++) {
        char c = **at;
        if (c == '~' && (*at)[1]) c = *++*at == '1' ? '/' : '~';
        if (n + 1 >= room) return false;
        to[n++] = c;
    }
    to[n] = 0;
    return true;
}

static bool step_into(json_cursor *c, const char *step)
{
    json_kind kind = json_peek(*c);
    char *end;
    if (kind == KIND_OBJECT) {
        for (json_enter(c); json_more(c); json_skip(c))
            if (json_is(json_name(c), step)) return true;
    } else if (kind == KIND_ARRAY) {
        unsigned long long place = strtoull(step, &end, 10);
        if (*end || end == step) return false;
        for (json_enter(c); json_more(c); json_skip(c))
            if (place-- == 0) return true;
    }
    return false;
}

size_t pointer_reach(const char *whole, const char *text)
{
    char step[POINTER_ROOM];
    json_cursor c = json_open(text);
    const char *at = whole, *reached = whole;
    while (next_step(step, sizeof step, &at) && step_into(&c, step)) reached = at;
    return (size_t)(reached - whole);
}
