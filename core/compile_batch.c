/* compile_batch.c -- what a program for many points has that others have not: which nodes have a
 * value for each point, how results are taken over the points, how many points make a block.
 */
#include "compile.h"
#include "ops/sums.h"

int grad__mark_points(compiler *c)
{
    const grad_graph *g = c->g;
    for (uint32_t i = 0; i < c->n; i++) {
        const node *n = &g->at[i];
        bool points = false;
        if (grad__poll(g, i, "compiled", c->err) < 0) return -1;
        if (n->op == &grad__op_constant) continue;
        if (n->op == &grad__op_input) {
            points = c->batch->batched[n->in[0]];
        } else {
            const uint32_t *in = node_in(g, n);
            for (uint32_t k = 0; k < n->n_in && !points; k++)
                points = in[k] != GRAD_NONE && grad__of_points(c, in[k]);
        }
        if (points) c->mark[i] |= POINTS;
    }
    return 0;
}

int grad__reduce_result(compiler *c, size_t k, grad_node i)
{
    const node *n = &c->g->at[i];
    program_result *r = &c->p->results[k];
    r->dtype = n->dtype & 7u;
    r->given = c->g->at[c->bytes_of[i]].op == &grad__op_input;
    r->reduce = (c->batch->reduce ? c->batch->reduce[k] : GRAD_EACH) & 3u;
    if (r->reduce == GRAD_EACH) return 0;
    if (!grad_dtype_is_float((grad_dtype)r->dtype))
        return grad_fail(c->err, GRAD_DTYPE_MISMATCH, "only floating-point results are summed over "
                         "the points of a batch, not %s", grad_dtype_name((grad_dtype)r->dtype));
    size_t room = grad__sum_room((size_t)node_shape(c->g, n)->count);
    size_t most = c->p->host->memory / sizeof(double);
    if (most > UINT32_MAX) most = UINT32_MAX;
    if (room > most - c->p->points.sums)
        return grad_fail(c->err, GRAD_MEMORY_LIMIT, "summing over the points of a batch takes more "
                         "than the %zu MiB that a request may take", c->p->host->memory >> 20);
    r->sum = (uint32_t)c->p->points.sums;
    c->p->points.sums += room;
    return 0;
}

/* A block's rows and copies are to stay in the second-level cache. Where scalars are many, eight
   points still make vectors of them; tensors are long enough alone. */
enum { MOST_POINTS = 512, MANY_SCALARS = 8, CACHE = 256 << 10 };

static size_t block_of(const points_plan *b, size_t most)
{
    size_t bytes = b->slots * 8 + b->bytes, points = MOST_POINTS;
    size_t least = b->slots * 8 > b->bytes && bytes < most / MANY_SCALARS ? MANY_SCALARS : 1;
    while (points > least && points * bytes > CACHE) points /= 2;
    return points;
}

void grad__size_block(compiler *c)
{
    grad_program *p = c->p;
    points_plan *b = &p->points;
    b->slots = (size_t)grad__plan_slots(c->plan[1]);
    b->bytes = (size_t)grad__plan_bytes(c->plan[1]);
    b->block = block_of(b, p->host->memory / 4);
    b->each.steps = p->n_steps - b->first;
    p->cost.flops += b->each.flops;
    p->cost.bytes += b->each.bytes;
    p->cost.point = grad__seconds(&b->each) + 1e-8 * (double)b->each.steps / (double)b->block;
}
