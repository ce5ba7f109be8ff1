/* sweep.c -- a graph cut in two, where the seeds come in. */
#include "sweep.h"

#include <string.h>

#include "functions.h"

enum { NEEDED = 1, VARIES = 2 };

typedef struct cut {
    const grad_graph *g;
    grad_graph *inner;
    sweep *sweep;
    uint8_t *mark;
    V *map; /* by node of g: its node in `inner`, or GRAD_NONE */
    size_t n;
} cut;

static void find_varying(cut *c, const V *seeds, size_t n_seeds)
{
    const grad_graph *g = c->g;
    memset(c->mark, 0, c->n);
    for (size_t i = 0; i < n_seeds; i++) c->mark[seeds[i]] = VARIES;
    for (size_t i = 0; i < c->n; i++) {
        const uint32_t *in = node_in(g, &g->at[i]);
        for (uint32_t k = 0; k < g->at[i].n_in && g->at[i].op != &grad__op_constant; k++)
            if (in[k] != GRAD_NONE) c->mark[i] |= c->mark[in[k]] & VARIES;
    }
}

static void find_needed(cut *c, const V *results, size_t n_results)
{
    const grad_graph *g = c->g;
    for (size_t i = 0; i < n_results; i++) c->mark[results[i]] |= NEEDED;
    for (size_t i = c->n; i-- > 0;) {
        if (c->mark[i] != (NEEDED | VARIES)) continue;
        const uint32_t *in = node_in(g, &g->at[i]);
        for (uint32_t k = 0; k < g->at[i].n_in; k++)
            if (in[k] != GRAD_NONE) c->mark[in[k]] |= NEEDED;
        /* Results of one node stand together. */
        for (size_t k = i + 1; g->at[i].op->results && k < c->n && grad__is_part(g, k, i); k++)
            c->mark[k] |= NEEDED;
    }
}

/* What the inner graph takes from the outer one: an input, or the same constant. */
static int take_in(cut *c, size_t i, grad_error *err)
{
    B b = {c->inner, err, NULL};
    const node *n = &c->g->at[i];
    const grad_shape *shape = node_shape(c->g, n);
    if (n->op == &grad__op_constant) {
        c->map[i] = grad__copy_node(&b, c->g, i, c->map);
        return c->map[i] == GRAD_NONE ? -1 : 0;
    }
    sweep *s = c->sweep;
    if (grad__grow(c->g->host, &s->outer, &s->outer_room, s->n_outer + 1, sizeof *s->outer, err) < 0)
        return -1;
    s->outer[s->n_outer++] = (V)i;
    return grad_input(&c->map[i], c->inner, (grad_dtype)n->dtype, shape->rank, shape->dim, err);
}

static int copy(cut *c, const V *seeds, size_t n_seeds, grad_error *err)
{
    B b = {c->inner, err, NULL};
    const grad_graph *g = c->g;
    memset(c->map, 0xff, c->n * sizeof *c->map);
    for (size_t i = 0; i < n_seeds; i++) {
        const grad_shape *shape = node_shape(g, &g->at[seeds[i]]);
        if (grad_input(&c->map[seeds[i]], c->inner, (grad_dtype)g->at[seeds[i]].dtype, shape->rank,
                       shape->dim, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (grad__poll(g, i, "differentiated", err) < 0) return -1;
        if (!(c->mark[i] & NEEDED) || c->map[i] != GRAD_NONE) continue;
        if (!(c->mark[i] & VARIES)) {
            if (take_in(c, i, err) < 0) return -1;
        } else if ((c->map[i] = grad__copy_node(&b, g, i, c->map)) == GRAD_NONE) {
            return -1;
        }
    }
    return 0;
}

static int compile(cut *c, const V *results, size_t n_results, grad_error *err)
{
    grad_host *host = c->g->host;
    V *list = grad__alloc_array(host, n_results, sizeof *list, err);
    if (!list) return -1;
    for (size_t i = 0; i < n_results; i++) list[i] = c->map[results[i]];
    int result = grad_compile(&c->sweep->inner, c->inner, list, n_results, err);
    grad__free(host, list, n_results * sizeof *list);
    return result;
}

int grad__sweep_new(sweep *out, grad_graph *g, const V *seeds, size_t n_seeds, const V *results,
                    size_t n_results, grad_error *err)
{
    cut c = {.g = g, .sweep = out, .n = g->n};
    int result = -1;
    *out = (sweep){.n_seeds = n_seeds};
    c.mark = grad__alloc(g->host, c.n, err);
    c.map = grad__alloc_array(g->host, c.n, sizeof *c.map, err);
    if (c.mark && c.map && grad_graph_new(&c.inner, g->host, g->real, err) == 0) {
        c.inner->functions = g->functions; /* as the bodies of functions share them */
        c.inner->library = g->library;
        c.inner->is_body = true;
        find_varying(&c, seeds, n_seeds);
        find_needed(&c, results, n_results);
        result = copy(&c, seeds, n_seeds, err);
        if (result == 0) result = compile(&c, results, n_results, err);
    }
    grad_graph_free(c.inner);
    grad__free(g->host, c.mark, c.n);
    grad__free(g->host, c.map, c.n * sizeof *c.map);
    return result;
}

void grad__sweep_free(sweep *s, grad_host *host)
{
    grad__free(host, s->outer, s->outer_room * sizeof *s->outer);
    grad_program_free(s->inner);
    *s = (sweep){0};
}
