/* error.c -- the one error a call can end with, and the budget it is held to. */
#include <stdarg.h>
#include <stdio.h>

#include "grad.h"

static const char *const names[GRAD_CODES] = {
    "ok",
#define X(code, name) name,
    GRAD_ERRORS(X)
#undef X
};

const char *grad_code_name(grad_code code)
{
    return (unsigned)code < GRAD_CODES ? names[code] : "internal";
}

int grad_fail(grad_error *err, grad_code code, const char *format, ...)
{
    if (err->code != GRAD_OK) return -1;
    err->code = code;
    err->node = GRAD_NONE;
    err->input = -1;
    err->attribute[0] = 0;
    va_list list;
    va_start(list, format);
    vsnprintf(err->text, sizeof err->text, format, list);
    va_end(list);
    return -1;
}

int grad_charge(grad_host *host, size_t bytes, grad_error *err)
{
    if (bytes > host->memory || host->used > host->memory - bytes)
        return grad_fail(err, GRAD_MEMORY_LIMIT,
                         "this needs more than the %zu MiB that a request may take; ask for fewer "
                         "results with `values` and `wrt`, or for smaller tensors",
                         host->memory >> 20);
    host->used += bytes;
    return 0;
}

void grad_release(grad_host *host, size_t bytes)
{
    host->used -= bytes < host->used ? bytes : host->used;
}

const char *grad_version(void)
{
    return GRAD_VERSION;
}
