/* run.c -- running a program: a loop over its steps, in memory that was planned before. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

enum { ALIGN = 64 };

static size_t aligned(size_t bytes) { return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

/* ---- life -------------------------------------------------------------------------------------- */

grad_program *grad__program_keep(grad_program *p)
{
    __atomic_add_fetch(&p->holders, 1, __ATOMIC_RELAXED);
    return p;
}

void grad_program_free(grad_program *p)
{
    if (!p || __atomic_sub_fetch(&p->holders, 1, __ATOMIC_ACQ_REL) > 0) return;
    grad_host *host = p->host;
    for (size_t i = 0; i < p->n_within; i++) grad_program_free(p->within[i]);
    grad__free(host, p->within, p->within_room * sizeof *p->within);
    grad__free(host, p->steps, p->step_room * sizeof *p->steps);
    grad__free(host, p->calls, p->call_room * sizeof *p->calls);
    grad__free(host, p->buffers, p->buffer_room * sizeof *p->buffers);
    grad__free(host, p->constants, p->constant_room * sizeof *p->constants);
    grad__free(host, p->inputs, p->input_room * sizeof *p->inputs);
    grad__free(host, p->results, p->n_results * sizeof *p->results);
    grad__free(host, p->points.inputs, p->points.input_room * sizeof *p->points.inputs);
    grad__pool_drop(p->pool);
    grad__free(host, p, sizeof *p);
}

grad_cost grad_program_cost(const grad_program *p)
{
    return p->cost;
}

/* Of a batch: the rows and copies of a block, the strides of operands, and the sums. */
static size_t rows_bytes(const points_plan *b) { return aligned(b->slots * b->block * 8); }
static size_t points_bytes(const grad_program *p)
{
    const points_plan *b = &p->points;
    if (!b->block) return 0;
    return rows_bytes(b) + aligned(b->slots * sizeof(char *)) + aligned(b->bytes * b->block) +
           aligned(p->operands * sizeof(size_t)) + aligned(b->sums * sizeof(double));
}

/* The workspace itself, addresses, operands and slab, one after another. */
size_t grad__workspace_bytes(const grad_program *p)
{
    return aligned(sizeof(grad_workspace)) + aligned(p->n_buffers * sizeof(void *)) +
           aligned(p->operands * sizeof(void *)) + aligned(p->slab) + points_bytes(p);
}

static void *address_of(const grad_workspace *w, const tensor_buffer *b)
{
    const grad_program *p = w->p;
    if (b->home == IN_CONSTANT)
        return (void *)(uintptr_t)grad__pool_constant_at(p->pool, (uint32_t)b->at);
    if (b->home == IN_INPUT) return NULL;
    if (b->points) return w->copies + b->at * p->points.block + b->offset;
    return w->slab + aligned(p->slots * 8) + b->at + b->offset;
}

grad_workspace *grad__workspace_at(void *memory, void *scratch, const grad_program *p,
                                   const volatile int *stop)
{
    char *at = memory;
    grad_workspace *w = memory;
    *w = (grad_workspace){.p = p, .stop = stop, .scratch = scratch};
    w->address = (void **)(at += aligned(sizeof *w));
    w->in = (const void **)(at += aligned(p->n_buffers * sizeof(void *)));
    w->slab = at + aligned(p->operands * sizeof(void *));
    w->rows = w->slab + aligned(p->slab);
    w->copies = w->rows + rows_bytes(&p->points);
    w->stride = (size_t *)(w->copies + aligned(p->points.bytes * p->points.block));
    w->sums = (double *)((char *)w->stride + aligned(p->operands * sizeof(size_t)));
    w->row = (char **)((char *)w->sums + aligned(p->points.sums * sizeof(double)));
    for (size_t i = 0; i < p->n_buffers; i++) w->address[i] = address_of(w, &p->buffers[i]);
    for (size_t i = 0; i < p->n_constants; i++)
        grad__copy(w->slab + p->constants[i].slot * (size_t)8,
                   grad__pool_constant_at(p->pool, p->constants[i].number), p->constants[i].bytes);
    return w;
}

int grad_workspace_new(grad_workspace **out, const grad_program *p, grad_host *host,
                       grad_error *err)
{
    size_t own = grad__workspace_bytes(p), bytes = own + p->scratch + ALIGN;
    void *memory = grad__alloc(host, bytes, err);
    if (!memory) return -1;
    char *start = (char *)memory + (ALIGN - (uintptr_t)memory % ALIGN) % ALIGN;
    grad_workspace *w = grad__workspace_at(start, start + own, p, host->stop);
    w->host = host;
    w->memory = memory;
    w->bytes = bytes;
    *out = w;
    return 0;
}

void grad_workspace_free(grad_workspace *w)
{
    if (w) grad__free(w->host, w->memory, w->bytes);
}

/* ---- running ----------------------------------------------------------------------------------- */

int grad__call_ended(const bound *call, int result, grad_frame *frame)
{
    if (result < 0 && frame->err->code != GRAD_STOPPED) {
        frame->err->node = call->node;
        if (call->call.program) frame->err->input = -1; /* an operand of a node within the body */
        if (frame->err->input >= 0 && call->input != ITS_OWN) frame->err->input = call->input;
    }
    if (result == 0 && grad_stopped(frame)) return grad_frame_stopped(frame);
    return result;
}

static int call_step(const grad_workspace *w, const bound *call, grad_frame *frame)
{
    const grad_call *c = &call->call;
    const void **in = w->in;
    int result;
    for (size_t k = 0; k < c->n_in; k++) in[k] = c->in[k] ? grad__at(w, call->in[k]) : NULL;
    if (call->lanes)
        result = grad__lanes_run(call->nest, call->lanes, grad__at(w, call->out), in, frame);
    else
        result = c->op->kernel(c, grad__at(w, call->out), in, frame);
    return grad__call_ended(call, result, frame);
}

static void load_inputs(const grad_program *p, grad_workspace *w, const void *const *inputs)
{
    for (size_t i = 0; i < p->n_inputs; i++)
        grad__copy(w->slab + p->inputs[i].slot * (size_t)8, inputs[p->inputs[i].number],
                   p->inputs[i].bytes);
    for (size_t i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].home == IN_INPUT)
            w->address[i] = (void *)(uintptr_t)inputs[p->buffers[i].at];
}

int grad__run_steps(grad_workspace *w, size_t first, size_t end, grad_frame *frame)
{
    static const size_t one[INLINE_OPERANDS] = {1, 1, 1};
    const grad_program *p = w->p;
    char *slab = w->slab;
    for (size_t i = first; i < end; i++) {
        const step *s = &p->steps[i];
        if (s->lanes) {
            const void *in[INLINE_OPERANDS] = {slab + s->in[0] * (size_t)8,
                                               slab + s->in[1] * (size_t)8,
                                               slab + s->in[2] * (size_t)8};
            s->lanes(slab + s->out * (size_t)8, in, one, 1);
            if ((i & 4095) == 4095 && grad_stopped(frame)) return grad_frame_stopped(frame);
        } else if (call_step(w, &p->calls[s->in[0]], frame) < 0) {
            return -1;
        }
    }
    return 0;
}

int grad_run(const grad_program *p, grad_workspace *w, const void *const *inputs, grad_error *err)
{
    grad_frame frame = {w->scratch, w->stop, err};
    if (p->points.block) return grad_fail(err, GRAD_INTERNAL, "the program is one for a batch");
    load_inputs(p, w, inputs);
    return grad__run_steps(w, 0, p->n_steps, &frame);
}

const void *grad_result(const grad_workspace *w, size_t k)
{
    return grad__at(w, w->p->results[k].at);
}
