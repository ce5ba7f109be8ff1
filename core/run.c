/* run.c -- running a program: a loop over its steps, in memory that was planned before. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct grad_workspace {
    const grad_program *p;
    grad_host *host;
    char *slab;      /* scalars, then tensors */
    char *scratch;
    char *memory;    /* what both stand in, from malloc */
    size_t bytes;
    void **address;  /* of each tensor buffer */
    const void **in; /* the operands of the call at hand */
};

enum { ALIGN = 64 };

void grad_program_free(grad_program *p)
{
    if (!p) return;
    grad_host *host = p->host;
    grad__free(host, p->steps, p->step_room * sizeof *p->steps);
    grad__free(host, p->calls, p->call_room * sizeof *p->calls);
    grad__free(host, p->buffers, p->buffer_room * sizeof *p->buffers);
    grad__free(host, p->constants, p->constant_room * sizeof *p->constants);
    grad__free(host, p->inputs, p->input_room * sizeof *p->inputs);
    grad__free(host, p->results, p->n_results * sizeof *p->results);
    grad__pool_drop(p->pool);
    grad__free(host, p, sizeof *p);
}

grad_cost grad_program_cost(const grad_program *p)
{
    return p->cost;
}

int grad_workspace_new(grad_workspace **out, const grad_program *p, grad_host *host,
                       grad_error *err)
{
    grad_workspace *w = grad__alloc(host, sizeof *w, err);
    if (!w) return -1;
    size_t scratch = (p->scratch + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    *w = (grad_workspace){.p = p, .host = host, .bytes = p->slab + scratch + ALIGN};
    w->address = grad__alloc_array(host, p->n_buffers, sizeof *w->address, err);
    w->in = grad__alloc_array(host, p->operands, sizeof *w->in, err);
    w->memory = grad__alloc(host, w->bytes, err);
    if (!w->address || !w->in || !w->memory) {
        grad_workspace_free(w);
        return -1;
    }
    w->scratch = (char *)(((uintptr_t)w->memory + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    w->slab = w->scratch + scratch;
    char *tensors = w->slab + ((p->slots * 8 + ALIGN - 1) & ~(size_t)(ALIGN - 1));
    for (size_t i = 0; i < p->n_buffers; i++) {
        const tensor_buffer *b = &p->buffers[i];
        w->address[i] = b->home == IN_SLAB ? tensors + b->at
                      : b->home == IN_CONSTANT
                          ? (void *)(uintptr_t)grad__pool_constant_at(p->pool, (uint32_t)b->at)
                          : NULL;
    }
    for (size_t i = 0; i < p->n_constants; i++)
        memcpy(w->slab + p->constants[i].slot * (size_t)8,
               grad__pool_constant_at(p->pool, p->constants[i].number), p->constants[i].bytes);
    *out = w;
    return 0;
}

void grad_workspace_free(grad_workspace *w)
{
    if (!w) return;
    grad_host *host = w->host;
    grad__free(host, w->address, w->p->n_buffers * sizeof *w->address);
    grad__free(host, w->in, w->p->operands * sizeof *w->in);
    grad__free(host, w->memory, w->bytes);
    grad__free(host, w, sizeof *w);
}

static void *find(const grad_workspace *w, ref r)
{
    return r.scalar ? (void *)(w->slab + r.at * (size_t)8) : w->address[r.at];
}

static int call_step(const grad_workspace *w, const bound *call, grad_frame *frame)
{
    const grad_call *c = &call->call;
    const void **in = w->in;
    int result;
    for (size_t k = 0; k < c->n_in; k++) in[k] = c->in[k] ? find(w, call->in[k]) : NULL;
    if (call->lanes)
        result = grad__lanes_run(call->nest, call->lanes, find(w, call->out), in, frame);
    else
        result = c->op->kernel(c, find(w, call->out), in, frame);
    if (result < 0 && frame->err->code != GRAD_STOPPED) frame->err->node = call->node;
    if (result == 0 && grad_stopped(frame)) return grad_frame_stopped(frame);
    return result;
}

static void load_inputs(const grad_program *p, grad_workspace *w, const void *const *inputs)
{
    for (size_t i = 0; i < p->n_inputs; i++)
        memcpy(w->slab + p->inputs[i].slot * (size_t)8, inputs[p->inputs[i].number],
               p->inputs[i].bytes);
    for (size_t i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].home == IN_INPUT)
            w->address[i] = (void *)(uintptr_t)inputs[p->buffers[i].at];
}

int grad_run(const grad_program *p, grad_workspace *w, const void *const *inputs, grad_error *err)
{
    static const size_t one[INLINE_OPERANDS] = {1, 1, 1};
    grad_frame frame = {w->scratch, w->host->stop, err};
    char *slab = w->slab;
    load_inputs(p, w, inputs);
    for (size_t i = 0; i < p->n_steps; i++) {
        const step *s = &p->steps[i];
        if (s->lanes) {
            const void *in[INLINE_OPERANDS] = {slab + s->in[0] * (size_t)8,
                                               slab + s->in[1] * (size_t)8,
                                               slab + s->in[2] * (size_t)8};
            s->lanes(slab + s->out * (size_t)8, in, one, 1);
            if ((i & 4095) == 4095 && grad_stopped(&frame)) return grad_frame_stopped(&frame);
        } else if (call_step(w, &p->calls[s->in[0]], &frame) < 0) {
            return -1;
        }
    }
    return 0;
}

const void *grad_result(const grad_workspace *w, size_t k)
{
    return find(w, w->p->results[k]);
}
