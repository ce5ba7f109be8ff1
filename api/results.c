/* results.c -- what an answer shows, the program that computes it, and what it will cost.
 *
 * Values come first, then gradients, each in the order of the answer, so that the program's results
 * are simply numbered as they are written. Shapes are copied from the graph, which is freed before
 * anything runs.
 */
#include <string.h>

#include "derivative.h"

/* ---- the order of an answer ------------------------------------------------------------------ */

static bool show(slot_walk *w, uint32_t first)
{
    w->first = w->slot = first;
    w->result = 0;
    w->name = name_of(w->e, first);
    return true;
}

bool slots_next(slot_walk *w)
{
    enum { UNDECLARED, STRAYS, NODES };
    const evaluation *e = w->e;
    const document *d = &e->document;
    if (w->stage == UNDECLARED) {
        if (w->k < d->n_undeclared) return show(w, d->undeclared[w->k++]);
        w->stage = STRAYS;
        w->k = 0;
    }
    if (w->stage == STRAYS) {
        while (w->k < e->strays.n) {
            uint32_t slot = first_stray(e) + w->k++;
            if (e->flag[slot] & NAMED) return show(w, slot);
        }
        w->stage = NODES;
        w->k = 0;
        w->name = NULL;
    }
    if (w->name && w->name->more != NO_NAME && w->result + 1 < document_results(d, w->name) &&
        !d->more[w->name->more].each_named) {
        w->slot = slot_of(e, w->first, ++w->result);
        return true;
    }
    while (w->k < d->n_nodes && d->names.at[d->order[w->k]].length == 0) w->k++;
    return w->k < d->n_nodes && show(w, d->order[w->k++]);
}

/* ---- forms ----------------------------------------------------------------------------------- */

enum { RECENT = 64 };

static int note_form(evaluation *e, uint32_t slot, uint32_t recent[RECENT])
{
    grad_error err = {0};
    grad_node n = e->node[slot];
    const grad_shape *shape = grad_node_shape(e->graph, n);
    grad_dtype dtype = grad_node_dtype(e->graph, n);
    uint32_t *row = &recent[(shape->id * 8 + dtype) % RECENT];
    if (*row == NO_NAME || e->form[*row].shape != shape->id || e->form[*row].dtype != dtype) {
        if (e->n_forms == e->form_room) {
            form *grown = table_grow(&e->c->host, e->form, &e->form_room, sizeof *e->form, &err);
            if (!grown) return evaluation_end(e, &err);
            e->form = grown;
        }
        int64_t *dim = arena_new(&e->c->arena, (size_t)shape->rank + 1, sizeof *dim, &err);
        if (!dim) return evaluation_end(e, &err);
        *dim++ = e->batch.points;
        memcpy(dim, shape->dim, (size_t)shape->rank * sizeof *dim);
        *row = e->n_forms++;
        e->form[*row] = (form){shape->id, dtype, shape->rank, shape->count, dim};
    }
    e->form_of[slot] = *row;
    return 0;
}

/* Bytes that a tensor takes in the answer, about. */
static double answer_bytes(const evaluation *e, const slot_walk *w, bool gradient)
{
    static const double text[GRAD_DTYPES] = {20, 12, 8, 8, 6};
    form shown = e->form[e->form_of[w->slot]], *f = &shown;
    if (batch_shows_axis(e, w->slot, gradient)) batch_widen(f);
    double bytes = (double)w->name->length + 8, count = (double)f->count;
    if (f->rank > 0 && e->request.base64)
        return bytes + 64 + 8 * f->rank + count * (double)grad_dtype_size(f->dtype) * 4 / 3;
    double arrays = 1; /* of a level: two brackets and a comma each */
    for (int i = 0; i < f->rank && f->count > 0; arrays *= (double)f->dim[i++]) bytes += 3 * arrays;
    return bytes + count * text[f->dtype];
}

/* ---- what is wanted -------------------------------------------------------------------------- */

/* Sets the flags that "all" stands for, and counts. */
static int mark_results(evaluation *e, size_t *values, size_t *gradients)
{
    uint32_t recent[RECENT];
    const request *r = &e->request;
    unsigned of = r->endpoint & (FOR_JVP | FOR_JACOBIAN) ? IS_OUTPUT
                  : r->endpoint == FOR_HVP               ? WANTS_GRADIENT
                                                         : 0;
    memset(recent, 0xff, sizeof recent);
    for (slot_walk w = {.e = e}; slots_next(&w);) {
        uint16_t *flag = &e->flag[w.slot];
        bool real = grad_dtype_is_float(grad_node_dtype(e->graph, e->node[w.slot]));
        if (r->values == WHICH_ALL) *flag |= WANTS_VALUE;
        if (r->endpoint == FOR_EVALUATE && r->gradients && !r->wrt && real &&
            (e->document.source || document_kind(&e->document, w.name) != DOC_CONSTANT))
            *flag |= WANTS_GRADIENT;
        if (!(*flag & (WANTS_VALUE | WANTS_GRADIENT | of))) continue;
        if (note_form(e, w.slot, recent) < 0) return -1;
        if (*flag & WANTS_VALUE) ++*values, e->answer += answer_bytes(e, &w, false);
        if (*flag & WANTS_GRADIENT && real) ++*gradients, e->answer += answer_bytes(e, &w, true);
        if (of && (*flag & of) && real) /* a tangent, a product */
            e->answer += answer_bytes(e, &w, of == WANTS_GRADIENT);
    }
    return 0;
}

static int compile(evaluation *e, grad_node *results, grad_node *wrt, size_t values,
                   size_t gradients, size_t derivatives)
{
    grad_error err = {0};
    size_t v = 0, g = 0;
    for (slot_walk w = {.e = e}; slots_next(&w);) {
        if (e->flag[w.slot] & WANTS_VALUE) results[v++] = e->node[w.slot];
        if (e->flag[w.slot] & WANTS_GRADIENT &&
            grad_dtype_is_float(e->form[e->form_of[w.slot]].dtype))
            wrt[g++] = e->node[w.slot];
    }
    grad_node *more = results + values;
    if (e->request.gradients && add_gradients(more, e, wrt, gradients) < 0) return -1;
    if (e->request.endpoint & (FOR_JACOBIAN | FOR_HESSIAN))
        return compile_blocks(e, results, values, wrt, gradients);
    if (add_derivatives(more + gradients, e, more, wrt, gradients) < 0) return -1;
    e->n_results = values + gradients + derivatives;
    if (e->request.batch) return batch_compile(e, results);
    if (grad_compile(&e->program, e->graph, results, e->n_results, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

/* Is there room for what running and answering will take? */
static int check_memory(evaluation *e)
{
    const grad_host *host = &e->c->host;
    grad_cost cost = grad_program_cost(e->program);
    double need = (double)host->used + (double)cost.workspace + e->batch.bytes + e->answer;
    e->c->cost = cost.seconds + cost.point * (double)e->batch.points + 2e-9 * e->answer;
    if (need <= (double)host->memory) return 0;
    api_fail(e->c, "memory_limit", NULL, NULL, "computing and writing this takes more than the %zu "
             "MiB that a request may take; ask for fewer results with \"values\" (\"outputs\", or "
             "a list of ids) and with \"wrt\" in \"gradients\"", host->memory >> 20);
    return -1;
}

int evaluation_compile(evaluation *e)
{
    grad_host *host = &e->c->host;
    grad_error err = {0};
    size_t values = 0, gradients = 0;
    e->form_of = table_new(host, e->n_slots, sizeof *e->form_of, &err);
    if (!e->form_of) return evaluation_end(e, &err);
    if (mark_results(e, &values, &gradients) < 0) return -1;
    size_t derivatives = count_derivatives(e), n = values + gradients + derivatives;
    grad_node *results = table_new(host, n, sizeof *results, &err);
    grad_node *wrt = table_new(host, gradients, sizeof *wrt, &err);
    int result = results && wrt ? compile(e, results, wrt, values, gradients, derivatives)
                                : evaluation_end(e, &err);
    table_free(host, results, n, sizeof *results);
    table_free(host, wrt, gradients, sizeof *wrt);
    if (result < 0) return -1;
    return e->program ? check_memory(e) : 0;
}
