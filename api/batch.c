/* batch.c -- the member "batch": one graph, many points. */
#include "batch.h"

#include <stdio.h>
#include <string.h>

#include "evaluation.h"
#include "table.h"

#define ONE SIZE_MAX
enum { ALIGN = 64 };

/* ---- which values have the axis ---------------------------------------------------------------- */

static bool depends(const evaluation *e, const name *n)
{
    uint32_t count;
    const uint32_t *in = document_operands(&e->document, n, &count);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t from = document_source(&e->document, in[k]);
        if (from != NO_NAME && e->flag[from] & BATCHED) return true;
    }
    return false;
}

void batch_spread(evaluation *e)
{
    const document *d = &e->document;
    const uint32_t *walk = d->walk ? d->walk : d->order;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        const name *n = &d->names.at[walk[i]];
        if ((!n->op && document_kind(d, n) != DOC_ALIAS) || !depends(e, n)) continue;
        for (uint32_t r = 0; r < document_results(d, n); r++)
            e->flag[slot_of(e, walk[i], r)] |= BATCHED;
    }
}

bool batch_shows_axis(const evaluation *e, uint32_t slot, bool gradient)
{
    if (!e->request.batch) return false;
    if (!gradient) return e->flag[slot] & BATCHED;
    return e->request.reduce == GRAD_EACH && (e->flag[slot] & BATCHED || e->batch.of_points);
}

void batch_widen(form *f)
{
    f->dim--;
    f->rank++;
    f->count *= *f->dim;
}

/* ---- inputs -------------------------------------------------------------------------------------- */

int batch_take_axis(tensor_text *t, evaluation *e, const spot *at)
{
    batch_state *b = &e->batch;
    if (t->rank == 0)
        return spot_fail(e->c, at, "shape_mismatch", "", "\"batch\" names this input, so that its "
                         "first axis is that of the points; this is a number, which has no axis");
    if (!b->first[0]) {
        b->points = t->dim[0];
        snprintf(b->first, sizeof b->first, "%.*s", (int)at->id_length, at->id);
    }
    t->points = true;
    if (t->dim[0] == b->points) return 0;
    return spot_fail(e->c, at, "shape_mismatch", "", "the inputs of a batch have one length: \"%s\" "
                     "has %lld points, this has %lld", b->first, (long long)b->points,
                     (long long)t->dim[0]);
}

int batch_add_input(evaluation *e, const tensor_text *t, grad_dtype dtype, grad_error *err)
{
    batch_state *b = &e->batch;
    if (!e->request.batch) return 0;
    if (b->n_inputs == b->input_room) {
        batch_input *grown = table_grow(&e->c->host, b->input, &b->input_room, sizeof *grown, err);
        if (!grown) return -1;
        b->input = grown;
    }
    size_t bytes = grad_dtype_size(dtype);
    for (int i = 0; i < tensor_rank(t) && t->count > 0; i++) bytes *= (size_t)tensor_dim(t)[i];
    b->input[b->n_inputs++] = (batch_input){t->count > 0 ? bytes : 0, t->points};
    return 0;
}

/* ---- results -------------------------------------------------------------------------------------- */

static int too_large(const evaluation *e, const slot_walk *w, const form *f)
{
    char id[ID_ROOM], shape[SHAPE_ROOM];
    api_fail(e->c, "tensor_too_large", NULL, name_copy(id, w->name), "over the batch this takes the "
             "shape %s; a tensor may have %lld elements and %d axes", shape_text(shape, f->rank, f->dim),
             (long long)e->c->host.elements, GRAD_RANK_MAX);
    return -1;
}

/* Where the results of one kind stand, and how points are taken. *k: the next result. */
static int settle(evaluation *e, grad_reduce *reduce, size_t *k, unsigned kind)
{
    batch_state *b = &e->batch;
    bool gradient = kind == WANTS_GRADIENT;
    for (slot_walk w = {.e = e}; slots_next(&w);) {
        if (!(e->flag[w.slot] & kind)) continue;
        form f = e->form[e->form_of[w.slot]];
        if (kind != WANTS_VALUE && !grad_dtype_is_float(f.dtype)) continue;
        bool varies = e->flag[w.slot] & BATCHED || (gradient && b->of_points);
        size_t size = grad_dtype_size(f.dtype), stride = (size_t)f.count * size;
        if (batch_shows_axis(e, w.slot, gradient)) batch_widen(&f);
        if (f.count > e->c->host.elements || f.rank > GRAD_RANK_MAX) return too_large(e, &w, &f);
        reduce[*k] = gradient && varies ? e->request.reduce : GRAD_EACH;
        b->result[*k] = (grad_stack){NULL, stride};
        b->room[*k] = varies ? (size_t)f.count * size : ONE;
        if (varies) b->bytes += (double)b->room[*k] + ALIGN;
        ++*k;
    }
    return 0;
}

static int compile(evaluation *e, const grad_node *results, grad_reduce *reduce, bool *batched)
{
    grad_error err = {0};
    size_t k = 0;
    for (uint32_t i = 0; i < e->batch.n_inputs; i++) batched[i] = e->batch.input[i].batched;
    endpoint asked = e->request.endpoint;
    if (settle(e, reduce, &k, WANTS_VALUE) < 0) return -1;
    if (e->request.gradients && settle(e, reduce, &k, WANTS_GRADIENT) < 0) return -1;
    if (asked == FOR_JVP && settle(e, reduce, &k, IS_OUTPUT) < 0) return -1;
    if (asked == FOR_HVP && settle(e, reduce, &k, WANTS_GRADIENT) < 0) return -1;
    const grad_batch batch = {batched, reduce};
    if (grad_compile_batch(&e->program, e->graph, results, e->n_results, &batch, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

int batch_compile(evaluation *e, const grad_node *results)
{
    batch_state *b = &e->batch;
    grad_host *host = &e->c->host;
    grad_error err = {0};
    b->result = table_new(host, e->n_results, sizeof *b->result, &err);
    b->room = table_new(host, e->n_results, sizeof *b->room, &err);
    grad_reduce *reduce = table_new(host, e->n_results, sizeof *reduce, &err);
    bool *batched = table_new(host, b->n_inputs, sizeof *batched, &err);
    int result = b->result && b->room && reduce && batched ? compile(e, results, reduce, batched)
                                                : evaluation_end(e, &err);
    table_free(host, reduce, e->n_results, sizeof *reduce);
    table_free(host, batched, b->n_inputs, sizeof *batched);
    return result;
}

/* ---- running -------------------------------------------------------------------------------------- */

/* A place in the memory of all results for each that differs from point to point. */
static int make_room(evaluation *e, grad_error *err)
{
    batch_state *b = &e->batch;
    size_t at = 0;
    b->memory = table_new(&e->c->host, (size_t)b->bytes, 1, err);
    if (!b->memory) return -1;
    for (size_t k = 0; k < e->n_results; k++) {
        if (b->room[k] == ONE) continue;
        b->result[k].data = b->memory + at;
        at += (b->room[k] + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    }
    return 0;
}

int batch_run(evaluation *e, grad_error *err)
{
    batch_state *b = &e->batch;
    grad_host *host = &e->c->host;
    if (make_room(e, err) < 0) return -1;
    grad_points *in = table_new(host, b->n_inputs, sizeof *in, err);
    if (!in) return -1;
    for (uint32_t i = 0; i < b->n_inputs; i++)
        in[i] = (grad_points){e->data[i], b->input[i].stride};
    int result = grad_run_batch(e->program, e->workspace, (size_t)b->points, in, b->result, err);
    table_free(host, in, b->n_inputs, sizeof *in);
    return result;
}

const void *batch_result(const evaluation *e, size_t k)
{
    const batch_state *b = &e->batch;
    return b->result && b->result[k].data ? b->result[k].data : grad_result(e->workspace, k);
}

void batch_free(evaluation *e)
{
    batch_state *b = &e->batch;
    grad_host *host = &e->c->host;
    b->input = table_free(host, b->input, b->input_room, sizeof *b->input);
    b->result = table_free(host, b->result, e->n_results, sizeof *b->result);
    b->room = table_free(host, b->room, e->n_results, sizeof *b->room);
    b->memory = table_free(host, b->memory, (size_t)b->bytes, 1);
}
