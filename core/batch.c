/* batch.c -- running a program for many points, block by block.
 *
 * In a block a scalar is a row, one lane a point, and a tensor as many copies as there are points,
 * one after another. An element-wise step takes a whole block at once where its operands move alike:
 * each is of the result's own size, or one number for all points. Everything else is computed point
 * by point with the kernel of a single run, so that every bit is that of a single run.
 *
 * Blocks know nothing of each other; whoever wants to run them on several threads gives each thread a
 * workspace, and gathers the blocks' results in their order, which the sums ask for.
 */
#include <stdio.h>
#include <string.h>

#include "ops/sums.h"
#include "program.h"

/* Where the block's first point has a value, and how far apart the points have theirs. */
typedef struct place {
    char *at;
    size_t stride;
} place;

static place place_of(const grad_workspace *w, ref r, size_t element)
{
    const grad_program *p = w->p;
    if (!r.points) return (place){grad__at(w, r), 0};
    if (r.scalar) return (place){w->row[r.at], element};
    const tensor_buffer *b = &p->buffers[r.at];
    return (place){w->address[r.at], b->home == IN_INPUT ? w->points[b->at].stride : b->stride};
}

/* ---- steps ------------------------------------------------------------------------------------- */

static void row_step(const grad_workspace *w, const step *s, size_t n)
{
    size_t moves[INLINE_OPERANDS];
    const void *in[INLINE_OPERANDS];
    for (int k = 0; k < INLINE_OPERANDS; k++) {
        moves[k] = (s->in[k] & OF_POINTS) != 0;
        in[k] = moves[k] ? w->row[s->in[k] & ~OF_POINTS] : w->slab + s->in[k] * (size_t)8;
    }
    s->lanes(w->row[s->out & ~OF_POINTS], in, moves, n);
}

/* Can the n points of a block be the lanes of one run? */
static bool is_one_run(lanes_nest *nest, const grad_workspace *w, const bound *call, size_t n)
{
    const grad_call *c = &call->call;
    int64_t count = c->shape->count;
    *nest = (lanes_nest){.run = n * (size_t)count, .n_in = (int)c->n_in,
                         .out_size = grad_dtype_size(c->dtype)};
    for (size_t k = 0; k < c->n_in; k++) {
        size_t size = nest->in_size[k] = grad_dtype_size(c->in_dtype[k]);
        nest->step[k] = call->in[k].points;
        if (c->in[k]->count != (call->in[k].points ? count : 1)) return false;
        if (call->in[k].points && w->stride[k] != size * (size_t)count) return false;
    }
    return true;
}

static int run_point(const bound *call, void *out, const void *const *in, grad_frame *frame)
{
    const grad_call *c = &call->call;
    int result = call->lanes ? grad__lanes_run(call->nest, call->lanes, out, in, frame)
                             : c->op->kernel(c, out, in, frame);
    return grad__call_ended(call, result, frame);
}

static int call_step(const grad_workspace *w, const bound *call, size_t n, grad_frame *frame)
{
    const grad_call *c = &call->call;
    place out = place_of(w, call->out, grad_dtype_size(c->dtype));
    lanes_nest nest;
    for (size_t k = 0; k < c->n_in; k++) {
        place at = c->in[k] ? place_of(w, call->in[k], grad_dtype_size(c->in_dtype[k]))
                            : (place){NULL, 0};
        w->in[k] = at.at;
        w->stride[k] = at.stride;
    }
    if (call->lanes && is_one_run(&nest, w, call, n))
        return grad__call_ended(call, grad__lanes_run(&nest, call->lanes, out.at, w->in, frame),
                                frame);
    for (size_t i = 0; i < n; i++, out.at += out.stride) {
        if (run_point(call, out.at, w->in, frame) < 0) return -1;
        for (size_t k = 0; k < c->n_in; k++)
            if (w->stride[k]) w->in[k] = (const char *)w->in[k] + w->stride[k];
    }
    return 0;
}

/* ---- blocks ------------------------------------------------------------------------------------- */

/* n values of a few bytes each, from places `stride` apart to where they stand together, or back. */
static void copy_values(char *to, size_t to_stride, const char *from, size_t from_stride,
                        size_t bytes, size_t n)
{
    if (bytes == 0 || to == from) return;
    if (to_stride == bytes && from_stride == bytes) {
        memcpy(to, from, n * bytes);
    } else if (bytes == 8) {
        for (size_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, 8);
    } else {
        for (size_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, bytes);
    }
}

/* Inputs that stand one after another are read where they are. */
static void load_block(grad_workspace *w, size_t first, size_t n)
{
    const grad_program *p = w->p;
    for (size_t i = 0; i < p->points.n_inputs; i++) {
        const load *l = &p->points.inputs[i];
        const grad_points *from = &w->points[l->number];
        char *data = (char *)(uintptr_t)from->data + first * from->stride;
        if (from->stride == l->bytes) w->row[l->slot] = data;
        else copy_values(w->row[l->slot], l->bytes, data, from->stride, l->bytes, n);
    }
    for (size_t i = 0; i < p->n_buffers; i++) {
        const tensor_buffer *b = &p->buffers[i];
        if (b->home != IN_INPUT || !b->points) continue;
        const grad_points *from = &w->points[b->at];
        w->address[i] = (char *)(uintptr_t)from->data + first * from->stride;
    }
}

/* Results that are to stand one after another are written there at once. An input that is a result
   too stays where it is. */
static void aim_results(grad_workspace *w, size_t first)
{
    const grad_program *p = w->p;
    for (size_t k = 0; k < p->n_results; k++) {
        const program_result *r = &p->results[k];
        const grad_stack *to = &w->results[k];
        if (r->at.scalar && r->at.points && !r->given && r->reduce == GRAD_EACH && to->data &&
            to->stride == r->bytes)
            w->row[r->at.at] = (char *)to->data + first * to->stride;
    }
}

static int run_block(grad_workspace *w, size_t first, size_t n, grad_frame *frame)
{
    const grad_program *p = w->p;
    load_block(w, first, n);
    aim_results(w, first);
    for (size_t i = p->points.first; i < p->n_steps; i++) {
        const step *s = &p->steps[i];
        if (!s->lanes) {
            if (call_step(w, &p->calls[s->in[0]], n, frame) < 0) return -1;
        } else {
            row_step(w, s, n);
            if ((i & 15) == 15 && grad_stopped(frame)) return grad_frame_stopped(frame);
        }
    }
    return grad_stopped(frame) ? grad_frame_stopped(frame) : 0;
}

/* A block in which something was refused is run again point by point: the first point's error is
   the one to tell, whatever the blocks. */
static int find_point(grad_workspace *w, size_t first, size_t n, const grad_error *found,
                      grad_error *err)
{
    for (size_t i = first; i < first + n; i++) {
        grad_error own = {0};
        grad_frame frame = {w->scratch, w->stop, &own};
        if (run_block(w, i, 1, &frame) == 0) continue;
        size_t length = strlen(own.text);
        if (own.code != GRAD_STOPPED)
            snprintf(own.text + length, sizeof own.text - length, " (point %zu of the batch)", i);
        if (err->code == GRAD_OK) *err = own;
        return -1;
    }
    if (err->code == GRAD_OK) *err = *found;
    return -1;
}

/* ---- results ------------------------------------------------------------------------------------ */

static void gather(grad_workspace *w, size_t first, size_t n)
{
    const grad_program *p = w->p;
    for (size_t k = 0; k < p->n_results; k++) {
        const program_result *r = &p->results[k];
        const grad_stack *to = &w->results[k];
        if (!to->data || r->bytes == 0) continue;
        size_t size = grad_dtype_size((grad_dtype)r->dtype);
        place from = place_of(w, r->at, size);
        if (r->reduce == GRAD_EACH)
            copy_values((char *)to->data + first * to->stride, to->stride, from.at, from.stride,
                        r->bytes, n);
        else
            grad__sum_add(w->sums + r->sum, r->bytes / size, (grad_dtype)r->dtype, first, from.at, from.stride,
                          n);
    }
}

static void begin_sums(grad_workspace *w)
{
    const grad_program *p = w->p;
    for (size_t k = 0; k < p->n_results; k++) {
        const program_result *r = &p->results[k];
        if (r->reduce != GRAD_EACH)
            grad__sum_begin(w->sums + r->sum, r->bytes / grad_dtype_size((grad_dtype)r->dtype));
    }
}

static void end_sums(grad_workspace *w, size_t points)
{
    const grad_program *p = w->p;
    for (size_t k = 0; k < p->n_results; k++) {
        const program_result *r = &p->results[k];
        if (r->reduce != GRAD_EACH && w->results[k].data)
            grad__sum_end(w->results[k].data, w->sums + r->sum, r->bytes / grad_dtype_size((grad_dtype)r->dtype),
                          (grad_dtype)r->dtype, points, r->reduce == GRAD_MEAN);
    }
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* No row is another caller's any more. */
static void reset_rows(grad_workspace *w)
{
    const points_plan *b = &w->p->points;
    for (size_t i = 0; i < b->slots; i++) w->row[i] = w->rows + i * b->block * 8;
}

static void load_shared(grad_workspace *w)
{
    const grad_program *p = w->p;
    for (size_t i = 0; i < p->n_inputs; i++)
        memcpy(w->slab + p->inputs[i].slot * (size_t)8, w->points[p->inputs[i].number].data,
               p->inputs[i].bytes);
    for (size_t i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].home == IN_INPUT && !p->buffers[i].points)
            w->address[i] = (void *)(uintptr_t)w->points[p->buffers[i].at].data;
}

int grad_run_batch(const grad_program *p, grad_workspace *w, size_t points,
                   const grad_points *inputs, const grad_stack *results, grad_error *err)
{
    grad_error found = {0};
    grad_frame frame = {w->scratch, w->stop, &found};
    if (!p->points.block) return grad_fail(err, GRAD_INTERNAL, "the program is not one for a batch");
    w->points = inputs;
    w->results = results;
    reset_rows(w);
    load_shared(w);
    begin_sums(w);
    if (grad__run_steps(w, 0, p->points.first, &frame) < 0) {
        if (err->code == GRAD_OK) *err = found;
        return -1;
    }
    for (size_t first = 0; first < points; first += p->points.block) {
        size_t n = points - first < p->points.block ? points - first : p->points.block;
        if (run_block(w, first, n, &frame) < 0) return find_point(w, first, n, &found, err);
        gather(w, first, n);
    }
    end_sums(w, points);
    return 0;
}
