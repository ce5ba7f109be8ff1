/* encode.c -- the answer's text: outputs, values and gradients, straight from tensor memory.
 *
 * Members stand in document order, undeclared inputs first. Arrays are nested as their shape says,
 * written row after row with a list of places, one an axis.
 */
#include <string.h>

#include "encode.h"

/* ---- small things ---------------------------------------------------------------------------- */

static bool stopped(writer *w)
{
    if (!grad_is_set(&w->e->c->stop)) return false;
    api_fail(w->e->c, "deadline_exceeded", NULL, NULL, "the deadline passed while the answer was "
             "written");
    return true;
}

/* Ids need no escapes. */
void write_key(writer *w, const name *n, uint32_t result)
{
    buffer *b = w->b;
    if (!buffer_reserve(b, (size_t)n->length + NUMBER_ROOM + 8)) return;
    char *to = b->at + b->n;
    if (w->comma) *to++ = ',';
    *to++ = '"';
    memcpy(to, name_text(n), n->length);
    to += n->length;
    if (result) {
        *to++ = ':';
        to += number_write_int(to, result);
    }
    *to++ = '"';
    *to++ = ':';
    b->n = (size_t)(to - b->at);
    w->comma = true;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void write_numbers(writer *w, grad_dtype dtype, const void *data, int64_t count)
{
    enum { PIECE = 1 << 16 };
    size_t size = grad_dtype_size(dtype);
    for (int64_t i = 0; i < count; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;
        if (i > 0) {
            if (stopped(w)) return;
            buffer_byte(w->b, ',');
        }
        buffer_numbers(w->b, dtype, (const char *)data + (size_t)i * size, (size_t)n);
    }
}

/* n copies of a bracket; there are at most GRAD_RANK_MAX. */
static void write_brackets(buffer *b, char bracket, int n)
{
    char text[GRAD_RANK_MAX + 1];
    memset(text, bracket, (size_t)n);
    buffer_add(b, text, (size_t)n);
}

static void write_nested(writer *w, const form *f, const void *data)
{
    int64_t place[GRAD_RANK_MAX] = {0}, row = f->dim[f->rank - 1], rows = f->count / row;
    size_t bytes = (size_t)row * grad_dtype_size(f->dtype);
    write_brackets(w->b, '[', f->rank);
    for (int64_t i = 0; i < rows; i++) {
        if (i > 0) {
            int axis = f->rank - 2;
            while (++place[axis] == f->dim[axis]) place[axis--] = 0;
            int levels = f->rank - 1 - axis; /* arrays that end here, and begin again */
            write_brackets(w->b, ']', levels);
            buffer_byte(w->b, ',');
            write_brackets(w->b, '[', levels);
            if ((i & 65535) == 0 && stopped(w)) return;
        }
        write_numbers(w, f->dtype, (const char *)data + (size_t)i * bytes, row);
    }
    write_brackets(w->b, ']', f->rank);
}

static void write_head(buffer *b, const form *f)
{
    buffer_text(b, "{\"shape\":[");
    buffer_numbers(b, GRAD_INT64, f->dim, (size_t)f->rank);
    buffer_text(b, "],\"dtype\":\"");
    buffer_text(b, grad_dtype_name(f->dtype));
}

static void write_base64(writer *w, const form *f, const void *data)
{
    enum { PIECE = 3 << 16 }; /* whole groups, so that only the last one is padded */
    size_t bytes = (size_t)f->count * grad_dtype_size(f->dtype);
    write_head(w->b, f);
    buffer_text(w->b, "\",\"base64\":\"");
    for (size_t i = 0; i < bytes; i += PIECE) {
        if (i > 0 && stopped(w)) return;
        buffer_base64(w->b, (const char *)data + i, bytes - i < PIECE ? bytes - i : PIECE);
    }
    buffer_text(w->b, "\"}");
}

void write_tensor(writer *w, const form *f, const void *data)
{
    if (f->rank == 0) {
        buffer_numbers(w->b, f->dtype, data, 1);
    } else if (w->e->request.base64) {
        write_base64(w, f, data);
    } else if (f->count > 0) {
        write_nested(w, f, data);
    } else if (f->rank == 1) {
        buffer_text(w->b, "[]");
    } else {
        write_head(w->b, f);
        buffer_text(w->b, "\",\"data\":[]}");
    }
}

/* ---- members --------------------------------------------------------------------------------- */

static void write_outputs(writer *w)
{
    const evaluation *e = w->e;
    buffer_text(w->b, "{\"outputs\":[");
    for (uint32_t i = 0; i < e->n_outputs; i++) {
        const name *n = name_of(e, e->outputs[i].at.first);
        if (i > 0) buffer_byte(w->b, ',');
        buffer_byte(w->b, '"');
        buffer_add(w->b, name_text(n), n->length);
        if (e->outputs[i].at.result) buffer_format(w->b, ":%u", e->outputs[i].at.result);
        buffer_byte(w->b, '"');
    }
    buffer_byte(w->b, ']');
}

static const void *next_result(writer *w)
{
    const evaluation *e = w->e;
    return e->jacobian ? grad_jacobian_result(e->jacobian, w->result++)
                       : batch_result(e, w->result++);
}

/* The member of all slots that have the flag. */
static void write_tensors(writer *w, const char *member, unsigned flag)
{
    const evaluation *e = w->e;
    buffer_text(w->b, member);
    w->comma = false;
    for (slot_walk s = {.e = e}; slots_next(&s) && !api_failed(e->c) && !w->b->failed;) {
        if (!(e->flag[s.slot] & flag)) continue;
        if ((++w->written & 4095) == 0 && stopped(w)) return;
        form f = e->form[e->form_of[s.slot]];
        bool none = flag != WANTS_VALUE && !grad_dtype_is_float(f.dtype);
        if (none && flag == IS_OUTPUT && !e->outputs_at) continue; /* an output by default */
        if (batch_shows_axis(e, s.slot, flag == WANTS_GRADIENT)) batch_widen(&f);
        write_key(w, s.name, s.result);
        if (none)
            buffer_text(w->b, "null");
        else
            write_tensor(w, &f, next_result(w));
    }
    buffer_byte(w->b, '}');
}

void write_answer(evaluation *e)
{
    api_call *c = e->c;
    writer w = {.e = e, .b = &c->out};
    buffer_reserve(w.b, (size_t)e->answer + 256);
    write_outputs(&w);
    if (e->request.values != WHICH_NONE) write_tensors(&w, ",\"values\":{", WANTS_VALUE);
    if (e->request.gradients) write_tensors(&w, ",\"gradients\":{", WANTS_GRADIENT);
    if (e->request.endpoint == FOR_JVP) write_tensors(&w, ",\"tangents\":{", IS_OUTPUT);
    if (e->jacobian) write_blocks(&w);
    if (e->request.endpoint == FOR_HVP) write_tensors(&w, ",\"hvp\":{", WANTS_GRADIENT);
    buffer_byte(w.b, '}');
    if (c->out.failed == GRAD_MEMORY_LIMIT)
        api_fail(c, "memory_limit", NULL, NULL, "the answer does not fit into the memory that a "
                 "request may take; ask for fewer results with \"values\" and with \"wrt\" in "
                 "\"gradients\"");
    api_answer(c, 200, "application/json", c->out.at, c->out.n);
}
