/* differentiate.c -- reverse mode as a walk that appends the adjoint of a graph to the graph.
 *
 * The nodes are walked once from the last to the first. A node whose cotangent is complete hands it
 * to its operator's rule, which gives each operand's share back; here the shares are brought to the
 * operand's shape and type and added up in the order in which they come (the multivariable chain
 * rule). Only nodes on a way from `wrt` to `of` are visited; leaving the others out changes no sum.
 */
#include <string.h>

#include "emit.h"
#include "graph.h"

struct grad_walk {
    V *cotangent;    /* by node; GRAD_NONE: none so far */
    uint8_t *active; /* depends on something in wrt through floating-point nodes */
    size_t n;        /* nodes there were before the walk */
};

void zero_gradient(B *b, const grad_pull *p) { (void)b, (void)p; }
void no_gradient(B *b, const grad_pull *p) { (void)b, (void)p; }

bool grad_wants(const grad_pull *p, size_t k)
{
    return k < p->n_in && p->in[k] != GRAD_NONE && p->walk->active[p->in[k]];
}

/* c with the shape of x: summed over what x was broadcast along, repeated where c was short. */
static V fit(B *b, V c, V x)
{
    const grad_shape *has = v_shape(b, c), *want = v_shape(b, x);
    if (has->id == want->id) return c;
    bool shrink = has->rank > want->rank, stretch = has->rank < want->rank;
    for (int i = 1; i <= has->rank && i <= want->rank; i++) {
        int64_t h = has->dim[has->rank - i], w = want->dim[want->rank - i];
        shrink = shrink || (w == 1 && h != 1);
        stretch = stretch || (h == 1 && w != 1);
    }
    if (shrink) {
        /* The axes that x has and c is short of stay 1 for now. */
        int64_t dim[GRAD_RANK_MAX];
        for (int i = 1; i <= want->rank; i++)
            dim[want->rank - i] =
                i > has->rank || has->dim[has->rank - i] == 1 ? 1 : want->dim[want->rank - i];
        const grad_shape *to = grad__pool_shape(b->g->pool, want->rank, dim, b->err);
        if (!to) return GRAD_NONE;
        c = v_sum_to(b, c, to);
    }
    return stretch && !v_failed(b) ? v_expand(b, c, want->rank, want->dim) : c;
}

void grad_give(B *b, const grad_pull *p, size_t k, V contribution)
{
    if (v_failed(b) || contribution == GRAD_NONE) return;
    V x = p->in[k], *sum = &p->walk->cotangent[x];
    V c = fit(b, v_cast(b, contribution, v_dtype(b, x)), x);
    *sum = *sum == GRAD_NONE ? c : v_add(b, *sum, c);
}

V grad_total(B *b, const grad_pull *p, size_t k)
{
    V sum = p->walk->cotangent[p->in[k]];
    return sum == GRAD_NONE ? v_zeros(b, p->in[k]) : sum;
}

void grad_give_total(B *b, const grad_pull *p, size_t k, V total)
{
    if (!v_failed(b)) p->walk->cotangent[p->in[k]] = total;
}

V grad_part_node(const grad_pull *p, size_t k) { return p->y + 1 + (V)k; }
V grad_part_cotangent(const grad_pull *p, size_t k) { return p->walk->cotangent[p->y + 1 + k]; }

bool grad__has_rule(const node *n)
{
    return n->op->rule && n->op->rule != zero_gradient && n->op->rule != no_gradient;
}

/* Which nodes can carry a derivative of something in wrt? */
static void mark(struct grad_walk *w, const grad_graph *g, const grad_node *wrt, size_t n_wrt)
{
    memset(w->active, 0, w->n);
    for (size_t i = 0; i < n_wrt; i++)
        if (grad_dtype_is_float((grad_dtype)g->at[wrt[i]].dtype)) w->active[wrt[i]] = 1;
    for (size_t i = 0; i < w->n; i++) {
        const node *n = &g->at[i];
        const uint32_t *in = node_in(g, n);
        bool real = grad_dtype_is_float((grad_dtype)n->dtype) || n->op->results;
        if (w->active[i] || !real || !(grad__has_rule(n) || n->op == &grad__op_part)) continue;
        for (uint32_t k = 0; k < n->n_in && !w->active[i]; k++)
            w->active[i] = in[k] != GRAD_NONE && w->active[in[k]];
    }
}

static int sow(B *b, struct grad_walk *w, V of, V seed)
{
    if (!grad_dtype_is_float(v_dtype(b, of)))
        return grad_fail(b->err, GRAD_NOT_DIFFERENTIABLE,
                         "a result of type %s has no gradient", grad_dtype_name(v_dtype(b, of)));
    if (seed == GRAD_NONE) {
        if (v_shape(b, of)->count != 1)
            return grad_fail(b->err, GRAD_SEED_REQUIRED,
                             "a result of %lld elements needs a seed of its shape",
                             (long long)v_shape(b, of)->count);
        seed = v_rank(b, of) == 0 ? v_num(b, of, 1) : v_ones(b, of);
    } else {
        if (v_shape(b, seed)->id != v_shape(b, of)->id)
            return grad_fail(b->err, GRAD_SHAPE_MISMATCH, "a seed has the shape of its result");
        seed = v_cast(b, seed, v_dtype(b, of));
    }
    if (w->active[of])
        w->cotangent[of] = w->cotangent[of] == GRAD_NONE ? seed : v_add(b, w->cotangent[of], seed);
    return v_failed(b) ? -1 : 0;
}

/* Has a cotangent come back to node i, or to one of its several results? */
static bool is_reached(const grad_graph *g, const struct grad_walk *w, size_t i)
{
    if (!g->at[i].op->results) return w->cotangent[i] != GRAD_NONE;
    for (size_t k = i + 1; k < w->n && grad__is_part(g, k, i); k++)
        if (w->cotangent[k] != GRAD_NONE) return true;
    return false;
}

/* Does anything that node n reads want a share of its cotangent? */
static bool is_wanted(const grad_graph *g, const struct grad_walk *w, const node *n)
{
    const uint32_t *in = node_in(g, n);
    for (uint32_t k = 0; k < n->n_in; k++)
        if (in[k] != GRAD_NONE && w->active[in[k]]) return true;
    return false;
}

/* Operands and attributes are copied: appending may move the arrays that hold them. */
static int visit(B *b, struct grad_walk *w, size_t i)
{
    enum { FEW = 8 };
    V few[FEW], *in = few;
    node n = b->g->at[i];
    if (!grad__has_rule(&n) || !is_wanted(b->g, w, &b->g->at[i])) return 0;
    if (n.n_in > FEW && !(in = grad__alloc_array(b->g->host, n.n_in, sizeof *in, b->err))) return -1;
    memcpy(in, node_in(b->g, &b->g->at[i]), n.n_in * sizeof *in);
    grad_pull p = {.y = (V)i, .g = w->cotangent[i], .n_in = n.n_in, .in = in,
                   .attr = node_attr(b->g, &n), .walk = w};
    size_t before = b->g->n;
    n.op->rule(b, &p);
    if (!v_failed(b)) grad__blame_adjoint(b, before, (V)i);
    if (in != few) grad__free(b->g->host, in, n.n_in * sizeof *in);
    return v_failed(b) ? -1 : 0;
}

int grad_gradient(grad_node *out, grad_graph *g, const grad_node *of, const grad_node *seed,
                  size_t n_of, const grad_node *wrt, size_t n_wrt, grad_error *err)
{
    B build = {g, err, NULL}, *b = &build;
    struct grad_walk w = {.n = g->n};
    int result = -1;
    w.cotangent = grad__alloc_array(g->host, w.n, sizeof *w.cotangent, err);
    w.active = grad__alloc(g->host, w.n, err);
    if (!w.cotangent || !w.active) goto done;
    memset(w.cotangent, 0xff, w.n * sizeof *w.cotangent);
    mark(&w, g, wrt, n_wrt);
    for (size_t i = 0; i < n_of; i++)
        if (sow(b, &w, of[i], seed ? seed[i] : GRAD_NONE) < 0) goto done;
    for (size_t i = w.n; i-- > 0;) {
        if (grad__poll(g, i, "differentiated", err) < 0) goto done;
        if (is_reached(g, &w, i) && visit(b, &w, i) < 0) goto done;
    }
    for (size_t i = 0; i < n_wrt; i++) {
        V *of_x = &w.cotangent[wrt[i]];
        if (*of_x == GRAD_NONE && grad_dtype_is_float(v_dtype(b, wrt[i]))) *of_x = v_zeros(b, wrt[i]);
    }
    if (v_failed(b)) goto done;
    for (size_t i = 0; i < n_wrt; i++) out[i] = w.cotangent[wrt[i]];
    result = 0;
done:
    grad__free(g->host, w.cotangent, w.n * sizeof *w.cotangent);
    grad__free(g->host, w.active, w.n);
    return result;
}
