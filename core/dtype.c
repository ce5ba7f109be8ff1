/* dtype.c -- the five element types and NumPy 2's promotion between them. */
#include <string.h>

#include "grad.h"

static const struct {
    const char *name;
    size_t size;
} types[GRAD_DTYPES] = {
    [GRAD_FLOAT64] = {"float64", 8}, [GRAD_FLOAT32] = {"float32", 4},
    [GRAD_INT64] = {"int64", 8},     [GRAD_INT32] = {"int32", 4},
    [GRAD_BOOL] = {"bool", 1},
};

const char *grad_dtype_name(grad_dtype dtype)
{
    return (unsigned)dtype < GRAD_DTYPES ? types[dtype].name : "none";
}

size_t grad_dtype_size(grad_dtype dtype)
{
    return types[dtype].size;
}

bool grad_dtype_find(grad_dtype *out, const char *name, size_t length)
{
    for (int i = 0; i < GRAD_DTYPES; i++)
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0) {
            *out = (grad_dtype)i;
            return true;
        }
    return false;
}

/* bool gives way to everything, an integer to a float; float32 holds no 32-bit integer exactly, so
   the two meet in float64. */
grad_dtype grad_dtype_promote(grad_dtype a, grad_dtype b)
{
    if (a == b) return a;
    if (a == GRAD_BOOL) return b;
    if (b == GRAD_BOOL) return a;
    if (a == GRAD_INT64 && b == GRAD_INT32) return a;
    if (a == GRAD_INT32 && b == GRAD_INT64) return b;
    return GRAD_FLOAT64;
}
