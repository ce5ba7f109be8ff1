/* render_values.c -- ids, attributes and tensors as a program has them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "render_write.h"
#include "table.h"

/* ---- ids ------------------------------------------------------------------------------------- */

static bool is_word(const char *id, size_t n)
{
    static const char *const words[] = {"def", "return", "true", "false", "null"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) == n && memcmp(words[k], id, n) == 0) return true;
    return n > 2 && memcmp(id + n - 2, ".T", 2) == 0;
}

void render_id(render_writer *w, const name *n, uint32_t result)
{
    bool quoted = result || is_word(name_text(n), n->length);
    if (quoted) buffer_byte(w->b, '`');
    buffer_add(w->b, name_text(n), n->length);
    if (result) buffer_format(w->b, ":%u", result);
    if (quoted) buffer_byte(w->b, '`');
}

static bool is_operator(const char *id, size_t n)
{
    if (n == 5 && memcmp(id, "input", 5) == 0) return true;
    if (n == 8 && memcmp(id, "constant", 8) == 0) return true;
    return grad_op_find_n(id, n) != NULL;
}

/* A function of an operator's name gets another one, which no answer shows. */
void render_function(render_writer *w, const char *id, size_t n)
{
    const library *l = w->d->library;
    char other[80];
    if (!is_operator(id, n)) {
        bool quoted = is_word(id, n);
        if (quoted) buffer_byte(w->b, '`');
        buffer_add(w->b, id, n);
        if (quoted) buffer_byte(w->b, '`');
        return;
    }
    for (unsigned k = 1;; k++) { /* names of operators are short */
        int length = snprintf(other, sizeof other, "%.*s_%u", (int)n, id, k);
        if (names_find(&l->names, other, (size_t)length) != NO_NAME) continue;
        if (is_operator(other, (size_t)length)) continue;
        buffer_text(w->b, other);
        return;
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

void render_real(render_writer *w, double x)
{
    char text[NUMBER_ROOM];
    if (isnan(x)) buffer_text(w->b, "nan");
    else if (isinf(x)) buffer_text(w->b, x < 0 ? "-inf" : "inf");
    else buffer_add(w->b, text, number_write_double(text, x));
}

static int write_text(render_writer *w, const char *text, size_t n)
{
    char quote = memchr(text, '"', n) ? '\'' : '"';
    for (size_t i = 0; i < n; i++) {
        if (text[i] != quote && (unsigned char)text[i] >= 0x20) continue;
        api_fail(w->c, "bad_attribute", NULL, NULL, "the attribute's text \"%.*s\" cannot be "
                 "written in a program", (int)(n < 80 ? n : 80), text);
        return -1;
    }
    buffer_byte(w->b, quote);
    buffer_add(w->b, text, n);
    buffer_byte(w->b, quote);
    return 0;
}

static void write_list(render_writer *w, const int64_t *list, uint32_t n)
{
    buffer_byte(w->b, '[');
    for (uint32_t i = 0; i < n; i++) buffer_format(w->b, i ? ", %lld" : "%lld", (long long)list[i]);
    buffer_byte(w->b, ']');
}

int render_attribute(render_writer *w, const grad_value *v, bool callee)
{
    uint32_t each = v->kind == GRAD_PAIRS ? 2 : v->n / 2;
    switch (v->kind) {
    case GRAD_NULL: buffer_text(w->b, "null"); break;
    case GRAD_INT: buffer_format(w->b, "%lld", (long long)v->i); break;
    case GRAD_REAL: render_real(w, v->r); break;
    case GRAD_TRUTH: buffer_text(w->b, v->i ? "true" : "false"); break;
    case GRAD_TEXT:
        if (!callee) return write_text(w, v->text, v->n);
        render_function(w, v->text, v->n);
        break;
    case GRAD_LIST: write_list(w, v->list, v->n); break;
    case GRAD_PAIRS:
    case GRAD_LISTS:
        buffer_byte(w->b, '[');
        for (uint32_t i = 0; each && i < v->n; i += each) {
            if (i) buffer_text(w->b, ", ");
            write_list(w, v->list + i, each);
        }
        buffer_byte(w->b, ']');
        break;
    case GRAD_REALS:
        buffer_byte(w->b, '[');
        for (uint32_t i = 0; i < v->n; i++) {
            if (i) buffer_text(w->b, ", ");
            render_real(w, v->reals[i]);
        }
        buffer_byte(w->b, ']');
    }
    return 0;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Numbers as they were written, for a float32 is rounded once; the strings as words. */
void render_data(render_writer *w, const char *data)
{
    json_cursor end = {data};
    json_slice text = json_skip(&end);
    const char *from = text.at, *stop = text.at + text.n, *at = from;
    for (; at < stop; at++) {
        if (*at == '\n' || *at == '\r' || *at == '\t') {
            buffer_add(w->b, from, (size_t)(at - from));
            from = at + 1;
        } else if (*at == '"') {
            json_cursor string = {at};
            buffer_add(w->b, from, (size_t)(at - from));
            json_slice word = json_read_string(&string);
            buffer_text(w->b, json_is(word, "NaN")        ? "nan"
                              : json_is(word, "Infinity") ? "inf"
                                                          : "-inf");
            from = string.at;
            at = from - 1;
        }
    }
    buffer_add(w->b, from, (size_t)(stop - from));
}

static double element(const void *data, grad_dtype dtype, int64_t i)
{
    switch (dtype) {
    case GRAD_FLOAT32: return (double)((const float *)data)[i];
    case GRAD_FLOAT64: return ((const double *)data)[i];
    default: return 0;
    }
}

/* A tensor in base64 as a list of its elements. */
static int write_elements(render_writer *w, const tensor_text *t, const spot *at)
{
    char text[NUMBER_ROOM];
    grad_error err = {0};
    void *data = arena_new(&w->c->arena, tensor_room(t, t->dtype), 1, &err);
    if (!data) {
        api_fail_core(w->c, &err, NULL, NULL);
        return -1;
    }
    if (tensor_fill(data, w->c, t, t->dtype, at) < 0) return -1;
    buffer_byte(w->b, '[');
    for (int64_t i = 0; i < t->count; i++) {
        double x = element(data, t->dtype, i);
        if (i) buffer_text(w->b, ", ");
        if (t->dtype == GRAD_BOOL) buffer_text(w->b, ((const uint8_t *)data)[i] ? "true" : "false");
        else if (t->dtype == GRAD_INT64)
            buffer_format(w->b, "%lld", (long long)((const int64_t *)data)[i]);
        else if (t->dtype == GRAD_INT32) buffer_format(w->b, "%d", ((const int32_t *)data)[i]);
        else if (t->dtype == GRAD_FLOAT32 && isfinite(x))
            buffer_add(w->b, text, number_write_float(text, (float)x));
        else render_real(w, x);
    }
    buffer_byte(w->b, ']');
    return 0;
}

static int write_value(render_writer *w, const tensor_text *t, const spot *at)
{
    if (!t->data) return write_elements(w, t, at);
    render_data(w, t->data);
    return 0;
}

/* Must the shape be written beside the elements? */
bool render_needs_shape(const tensor_text *t)
{
    return !t->data || (t->flat && t->rank != 1) || (t->rank == 0 && *t->data == '[');
}

void render_shape(render_writer *w, uint32_t n, const int64_t *dim)
{
    buffer_byte(w->b, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i) buffer_text(w->b, ", ");
        if (dim[i] == SIZE_ANY) buffer_text(w->b, "null");
        else buffer_format(w->b, "%lld", (long long)dim[i]);
    }
    buffer_byte(w->b, ']');
}

/* The operand k of a node, or (NO_NAME) its own value. */
int render_measure(render_writer *w, tensor_text *t, const name *n, uint32_t row, uint32_t operand,
                   spot *at)
{
    *at = (spot){.graph = w->d->base, .node = n->place, .operand = operand, .id = name_text(n),
                 .id_length = n->length};
    return tensor_measure(t, w->c, w->d->tensor[row].text, false, at);
}

/* input(value=..., shape=..., dtype=...), or constant(...). */
int render_declaring_call(render_writer *w, const char *op, const doc_more *m, const tensor_text *t,
                                const spot *at)
{
    const char *comma = "";
    bool own = t && render_needs_shape(t);
    buffer_format(w->b, "%s(", op);
    if (t) {
        if (op[0] == 'i') buffer_text(w->b, "value=");
        if (write_value(w, t, at) < 0) return -1;
        comma = ", ";
    }
    if (own || (m && m->n != RANK_ANY)) {
        buffer_format(w->b, "%sshape=", comma);
        render_shape(w, own ? (uint32_t)t->rank : m->n, own ? t->dim : m->dim);
        comma = ", ";
    }
    grad_dtype dtype = t && t->named ? t->dtype : m ? (grad_dtype)m->dtype : GRAD_DTYPES;
    if (dtype != GRAD_DTYPES)
        buffer_format(w->b, "%sdtype=\"%s\"", comma, grad_dtype_name(dtype));
    buffer_byte(w->b, ')');
    return 0;
}
