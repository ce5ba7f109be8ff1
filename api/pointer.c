/* pointer.c -- JSON Pointers into the request. */
#include "pointer.h"

#include <stdarg.h>
#include <stdio.h>

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
