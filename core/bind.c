/* bind.c -- from a node with a home to a step of the program: kernels bound to their shapes. */
#include <string.h>

#include "compile.h"

/* The programs of the functions that node n runs: NULL on failure, or where it runs none. */
static const grad_program *const *programs(compiler *c, const node *n)
{
    grad_program *p = c->p;
    size_t count = (size_t)n->op->functions;
    if (!count) return NULL;
    const grad_program **list = grad__pool_take(p->pool, count * sizeof *list, c->err);
    if (!list || grad__grow(p->host, &p->within, &p->within_room, p->n_within + count,
                            sizeof *p->within, c->err) < 0)
        return NULL;
    for (size_t k = 0; k < count; k++) {
        int64_t number = node_attr(c->g, n)[k].i;
        list[k] = NULL;
        if (number < 0) continue;
        grad_program *made = grad__function_program(grad__function_at(c->g, number), c->err);
        if (!made) return NULL;
        list[k] = p->within[p->n_within++] = grad__program_keep(made);
    }
    return list;
}

static int bind(compiler *c, uint32_t i, bound *to)
{
    const grad_graph *g = c->g;
    const node *n = &g->at[i];
    const uint32_t *in = node_in(g, n);
    bool lanes = grad__is_lanes(n);
    grad_pool *pool = c->p->pool;
    const grad_shape *kept = grad__shape_kept(c, i);
    const grad_shape **shape = grad__pool_take(pool, n->n_in * sizeof *shape, c->err);
    grad_dtype *dtype = grad__pool_take(pool, n->n_in * sizeof *dtype, c->err);
    ref *refs = grad__pool_take(pool, n->n_in * sizeof *refs, c->err);
    if (!kept || !shape || !dtype || !refs) return -1;
    for (uint32_t k = 0; k < n->n_in; k++) {
        if (in[k] == GRAD_NONE) {
            shape[k] = NULL;
            dtype[k] = GRAD_FLOAT64;
            refs[k] = (ref){0, 0, 0};
            continue;
        }
        uint32_t from = grad__operand_read(c, n, k);
        shape[k] = node_shape(g, &g->at[from]);
        dtype[k] = (grad_dtype)g->at[from].dtype;
        refs[k] = c->home[c->bytes_of[from]];
    }
    const grad_program *const *within = programs(c, n);
    if (n->op->functions && !within) return -1;
    *to = (bound){.call = {n->op, node_attr(g, n), n->n_in, (grad_dtype)n->dtype, kept, dtype, shape,
                           within},
                  .out = c->home[i], .in = refs, .node = i, .input = ITS_OWN};
    grad__blamed(g, i, &to->node, &to->input);
    if (!lanes) return 0;
    to->nest = grad__lanes_nest(pool, to->call.shape, to->call.dtype, n->n_in, shape, dtype, c->err);
    to->lanes = n->op->lanes[grad__settled(g, n->op, n->n_in, in)];
    return to->nest ? 0 : -1;
}

/* A slot as a scalar step names it. */
static uint32_t slot_of(const compiler *c, uint32_t bytes)
{
    return c->home[bytes].at | (c->home[bytes].points ? OF_POINTS : 0);
}

static void count_cost(compiler *c, uint32_t i, const bound *call)
{
    const node *n = &c->g->at[i];
    grad_cost *cost = grad__of_points(c, i) ? &c->p->points.each : &c->p->cost;
    double size = (double)node_shape(c->g, n)->count;
    double flops = call && n->op->work ? n->op->work(&call->call)
                                       : size * (n->op->flops > 0 ? n->op->flops : 1);
    cost->flops += flops;
    if (call && n->op->in_place && n->op->work) { /* touches its pieces only */
        cost->bytes += 3 * flops * (double)grad_dtype_size((grad_dtype)n->dtype);
        return;
    }
    cost->bytes += (double)grad__bytes_kept(c, i);
    for (uint32_t k = 0; call && k < n->n_in; k++)
        if (call->call.in[k])
            cost->bytes += (double)call->call.in[k]->count *
                           (double)grad_dtype_size(call->call.in_dtype[k]);
}

int grad__add_step(compiler *c, uint32_t i)
{
    grad_program *p = c->p;
    const node *n = &c->g->at[i];
    if (grad__bytes_kept(c, i) == 0 && !n->op->runs_empty) return c->err->code == GRAD_OK ? 0 : -1;
    if (grad__grow(p->host, &p->steps, &p->step_room, p->n_steps + 1, sizeof *p->steps, c->err) < 0)
        return -1;
    step *s = &p->steps[p->n_steps];
    memset(s, 0, sizeof *s);
    if (grad__is_scalar_step(c->g, n)) {
        s->lanes = n->op->lanes[grad__settled(c->g, n->op, n->n_in, n->in)];
        s->out = slot_of(c, i);
        for (uint32_t k = 0; k < n->n_in; k++) s->in[k] = slot_of(c, grad__bytes_read(c, i, k));
        count_cost(c, i, NULL);
    } else {
        if (grad__grow(p->host, &p->calls, &p->call_room, p->n_calls + 1, sizeof *p->calls, c->err))
            return -1;
        bound *call = &p->calls[p->n_calls];
        if (bind(c, i, call) < 0) return -1;
        s->in[0] = (uint32_t)p->n_calls++;
        size_t scratch = n->op->scratch ? n->op->scratch(&call->call) : 0;
        if (scratch > p->host->memory) return grad__plan_full(p->host, c->err);
        if (scratch > p->scratch) p->scratch = scratch;
        if (n->n_in > p->operands) p->operands = n->n_in;
        count_cost(c, i, call);
    }
    p->n_steps++;
    return 0;
}
