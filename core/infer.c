/* infer.c -- what shape rules are written with: broadcasting, axes, and errors that name the operator. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

int grad_infer_fail(grad_infer *f, grad_code code, int input, const char *attribute,
                    const char *format, ...)
{
    char text[sizeof f->err->text];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (f->err->code != GRAD_OK) return -1;
    grad_fail(f->err, code, "%s: %s", f->op->name, text);
    f->err->input = input;
    if (attribute) snprintf(f->err->attribute, sizeof f->err->attribute, "%s", attribute);
    return -1;
}

void grad_infer_same(grad_infer *f, const grad_shape *s)
{
    f->rank = s->rank;
    if (s->rank) memcpy(f->dim, s->dim, (size_t)s->rank * sizeof *f->dim);
}

const char *grad__dims_text(char text[96], int rank, const int64_t *dim)
{
    size_t at = 1;
    text[0] = '[';
    for (int d = 0; d < rank; d++) {
        char one[32];
        size_t n = (size_t)snprintf(one, sizeof one, "%s%" PRId64, d ? ", " : "", dim[d]);
        if (at + n > 88) {
            memcpy(text + at, ", ...", 5);
            at += 5;
            break;
        }
        memcpy(text + at, one, n);
        at += n;
    }
    text[at++] = ']';
    text[at] = 0;
    return text;
}

const char *grad__number_text(char text[32], double x)
{
    if (!isfinite(x)) return isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    return text;
}

/* The first operand from `first` on whose axis `axis`, counted from the end, has this size. */
static const grad_shape *has_size(const grad_infer *f, size_t first, int axis, int64_t size)
{
    for (;; first++) {
        const grad_shape *s = f->in[first];
        if (s && s->rank + axis >= 0 && s->dim[s->rank + axis] == size) return s;
    }
}

int grad_infer_broadcast(grad_infer *f, size_t first, size_t n)
{
    f->rank = 0;
    for (size_t k = first; k < first + n; k++) {
        const grad_shape *s = f->in[k];
        if (!s) continue;
        int shift = s->rank - f->rank;
        if (shift > 0) { /* more axes in front */
            memmove(f->dim + shift, f->dim, (size_t)f->rank * sizeof *f->dim);
            for (int i = 0; i < shift; i++) f->dim[i] = 1;
            f->rank = s->rank;
        }
        for (int i = 0; i < s->rank; i++) {
            int64_t *d = &f->dim[f->rank - s->rank + i];
            if (*d == 1) {
                *d = s->dim[i];
            } else if (s->dim[i] != 1 && s->dim[i] != *d) {
                char left[96], right[96];
                const grad_shape *other = has_size(f, first, i - s->rank, *d);
                grad__dims_text(left, other->rank, other->dim);
                grad__dims_text(right, s->rank, s->dim);
                return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                       "shapes %s and %s do not broadcast: sizes %lld and %lld "
                                       "meet on one axis and neither is 1",
                                       left, right, (long long)*d, (long long)s->dim[i]);
            }
        }
    }
    return 0;
}

int64_t *grad_infer_list(grad_infer *f, size_t n)
{
    return grad__pool_take(f->build->g->pool, (n ? n : 1) * sizeof(int64_t), f->err);
}

static int one_axis(grad_infer *f, size_t k, int rank, int64_t *axis)
{
    int64_t limit = rank ? rank : 1; /* a 0-d tensor accepts 0 and -1 */
    if (*axis < -limit || *axis >= limit)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[k].name,
                               "axis %lld is out of range for a tensor of rank %d",
                               (long long)*axis, rank);
    if (*axis < 0) *axis += limit;
    return 0;
}

int grad_infer_axis(grad_infer *f, size_t k, int rank)
{
    return one_axis(f, k, rank, &f->attr[k].i);
}

int grad_infer_axes(grad_infer *f, size_t k, int rank)
{
    bool seen[GRAD_RANK_MAX] = {false};
    grad_value *v = &f->attr[k];
    if (v->kind == GRAD_NULL) {
        for (int i = 0; i < rank; i++) seen[i] = true;
    } else {
        for (uint32_t i = 0; i < v->n; i++) {
            int64_t axis = v->list[i];
            if (one_axis(f, k, rank, &axis) < 0) return -1;
            if (seen[axis])
                return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[k].name,
                                       "axis %lld is named twice", (long long)v->list[i]);
            seen[axis] = true;
        }
    }
    int64_t *list = grad_infer_list(f, (size_t)rank);
    if (!list) return -1;
    uint32_t n = 0;
    for (int i = 0; i < rank; i++)
        if (seen[i]) list[n++] = i;
    *v = (grad_value){.kind = GRAD_LIST, .n = n, .list = list};
    return 0;
}
