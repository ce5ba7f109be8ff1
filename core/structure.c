/* structure.c -- the structure of Jacobians: sets of columns, handed from node to node.
 *
 * The nodes are walked once, as a run would: the set of an element of a result is the union of the
 * sets of those elements of the operands that it is made of, which the operator's row says (`reach`
 * in op.h). Rows that say nothing mix all elements, which is always safe.
 */
#include "structure.h"

#include <string.h>

/* ---- the walk ----------------------------------------------------------------------------------- */

typedef struct walk {
    size_t n;          /* nodes looked at */
    uint32_t *uses;    /* by node: by needed nodes; 0: not needed */
    uint32_t *wrt;     /* by node: its place in wrt, or GRAD_NONE */
    uint32_t *next;    /* by place: another of the same node, or GRAD_NONE */
    uint32_t *column;  /* by place: its first column */
    size_t n_wrt;
} walk;

static void count_uses(const grad_graph *g, walk *w, const V *of, size_t n_of)
{
    memset(w->uses, 0, w->n * sizeof *w->uses);
    for (size_t i = 0; i < n_of; i++) w->uses[of[i]]++;
    for (size_t i = w->n; i-- > 0;) {
        const uint32_t *in = node_in(g, &g->at[i]);
        for (uint32_t k = 0; w->uses[i] && k < g->at[i].n_in; k++)
            if (in[k] != GRAD_NONE) w->uses[in[k]]++;
    }
}

static void drop_used(structure *s, walk *w, size_t i)
{
    const uint32_t *in = node_in(s->g, &s->g->at[i]);
    for (uint32_t k = 0; k < s->g->at[i].n_in; k++) {
        if (in[k] == GRAD_NONE || --w->uses[in[k]] > 0) continue;
        grad__sets_drop(s->host, s->of_node[in[k]]);
        s->of_node[in[k]] = NULL;
    }
}

/* What is differentiated with respect to has columns of its own, beside what it is made of. */
static int add_own(structure *s, size_t i, size_t column)
{
    size_t rows = (size_t)node_shape(s->g, &s->g->at[i])->count;
    if (rows == 0) return 0;
    column_sets *own = grad__sets_own(s, rows, column), *was = s->of_node[i];
    if (!own || !was) {
        s->of_node[i] = own;
        return own ? 0 : -1;
    }
    set_source from[] = {{was, NULL, NULL}, {own, NULL, NULL}};
    s->of_node[i] = NULL;
    int result = grad__sets_union(&s->of_node[i], s, rows, from, 2);
    grad__sets_drop(s->host, was);
    grad__sets_drop(s->host, own);
    return result;
}

static int go(structure *s, walk *w, column_sets **sets, const V *of, size_t n_of, grad_error *err)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!w->uses[i]) continue;
        if (grad_is_set(s->host->stop))
            return grad_fail(err, GRAD_STOPPED, "the deadline passed while the structure of a "
                                                "Jacobian was looked for");
        if (grad__sets_of_node(&s->of_node[i], s, i) < 0) return -1;
        for (uint32_t k = w->wrt[i]; k != GRAD_NONE; k = w->next[k])
            if (add_own(s, i, w->column[k]) < 0) return -1;
        drop_used(s, w, i);
    }
    for (size_t i = 0; i < n_of; i++) sets[i] = grad__sets_keep(s->of_node[of[i]]);
    return 0;
}

/* ---- integers that say where elements go --------------------------------------------------------- */

static bool asks_for(const grad_graph *g, const node *n, uint32_t k)
{
    grad_depends reach = n->op->reach;
    uint32_t in = node_in(g, n)[k];
    return (reach == REACH_MOVE || reach == REACH_ADD || reach == REACH_ADD_TO) && in != GRAD_NONE &&
           !grad_dtype_is_float((grad_dtype)g->at[in].dtype) && g->at[in].op != &grad__op_constant;
}

/* One run gives the values of all of them. Where it fails, none are known. */
static int find_indices(structure *s, const walk *w)
{
    grad_graph *g = s->g;
    grad_error err = {0};
    V *list = NULL;
    size_t n = 0, room = 0;
    int result = 0;
    s->index_of = grad__alloc_array(s->host, w->n, sizeof *s->index_of, &err);
    if (!s->index_of) return -1;
    memset(s->index_of, 0xff, w->n * sizeof *s->index_of);
    for (size_t i = 0; i < w->n && result == 0; i++)
        for (uint32_t k = 0; w->uses[i] && k < g->at[i].n_in && result == 0; k++) {
            if (!asks_for(g, &g->at[i], k)) continue;
            uint32_t in = node_in(g, &g->at[i])[k];
            if (s->index_of[in] != GRAD_NONE) continue;
            result = grad__grow(s->host, &list, &room, n + 1, sizeof *list, &err);
            if (result == 0) list[s->index_of[in] = (uint32_t)n++] = in;
        }
    if (result == 0 && n > 0 &&
        (grad_compile(&s->indices, g, list, n, &err) < 0 ||
         grad_workspace_new(&s->at, s->indices, s->host, &err) < 0 ||
         grad_run(s->indices, s->at, s->inputs, &err) < 0))
        memset(s->index_of, 0xff, w->n * sizeof *s->index_of);
    grad__free(s->host, list, room * sizeof *list);
    return result;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void free_all(structure *s, walk *w)
{
    for (size_t i = 0; s->of_node && i < w->n; i++) grad__sets_drop(s->host, s->of_node[i]);
    grad_workspace_free(s->at);
    grad_program_free(s->indices);
    grad__free(s->host, s->index_of, w->n * sizeof *s->index_of);
    grad__free(s->host, s->of_node, w->n * sizeof(column_sets *));
    grad__free(s->host, s->seen, s->columns * sizeof *s->seen);
    grad__free(s->host, w->uses, w->n * sizeof *w->uses);
    grad__free(s->host, w->wrt, w->n * sizeof *w->wrt);
    grad__free(s->host, w->next, w->n_wrt * sizeof *w->next);
    grad__free(s->host, w->column, w->n_wrt * sizeof *w->column);
}

/* Every column in every row: when all else fails. */
static int give_up(column_sets **sets, structure *s, size_t n_of, grad_error *err)
{
    for (size_t i = 0; i < n_of; i++) grad__sets_drop(s->host, sets[i]), sets[i] = NULL;
    column_sets *whole = grad__alloc(s->host, sizeof *whole, err);
    if (!whole) return -1;
    *whole = (column_sets){.holders = 1, .n = s->columns};
    whole->column = grad__alloc_array(s->host, s->columns, sizeof *whole->column, err);
    for (size_t c = 0; whole->column && c < s->columns; c++) whole->column[c] = (uint32_t)c;
    for (size_t i = 0; whole->column && i < n_of; i++) sets[i] = grad__sets_keep(whole);
    int result = whole->column ? 0 : -1;
    if (!whole->column) whole->n = 0;
    grad__sets_drop(s->host, whole);
    return result;
}

int grad__structure(column_sets **sets, grad_graph *g, const V *of, size_t n_of, const V *wrt,
                    size_t n_wrt, const void *const *inputs, grad_error *err)
{
    grad_error own = {0};
    walk w = {.n_wrt = n_wrt};
    structure s = {.g = g, .host = g->host, .inputs = inputs, .patience = 1e8};
    for (size_t i = 0; i < n_of; i++) {
        sets[i] = NULL;
        if (w.n <= of[i]) w.n = (size_t)of[i] + 1;
    }
    for (size_t i = 0; i < n_wrt; i++) {
        s.columns += (size_t)node_shape(g, &g->at[wrt[i]])->count;
        if (w.n <= wrt[i]) w.n = (size_t)wrt[i] + 1;
    }
    int result = -1;
    s.of_node = grad__alloc_array(s.host, w.n, sizeof(column_sets *), &own);
    s.seen = grad__alloc_array(s.host, s.columns, sizeof *s.seen, &own);
    w.uses = grad__alloc_array(s.host, w.n, sizeof *w.uses, &own);
    w.wrt = grad__alloc_array(s.host, w.n, sizeof *w.wrt, &own);
    w.next = grad__alloc_array(s.host, n_wrt, sizeof *w.next, &own);
    w.column = grad__alloc_array(s.host, n_wrt, sizeof *w.column, &own);
    if (s.of_node) memset(s.of_node, 0, w.n * sizeof(column_sets *));
    if (s.of_node && s.seen && w.uses && w.wrt && w.next && w.column) {
        memset(s.seen, 0, s.columns * sizeof *s.seen);
        memset(w.wrt, 0xff, w.n * sizeof *w.wrt);
        count_uses(g, &w, of, n_of);
        for (size_t i = 0, at = 0; i < n_wrt; i++) {
            w.next[i] = w.wrt[wrt[i]];
            w.wrt[wrt[i]] = (uint32_t)i;
            w.column[i] = (uint32_t)at;
            at += (size_t)node_shape(g, &g->at[wrt[i]])->count;
        }
        result = find_indices(&s, &w);
        if (result == 0) result = go(&s, &w, sets, of, n_of, &own);
    }
    free_all(&s, &w);
    if (result == 0) return 0;
    if (grad_is_set(s.host->stop))
        return grad_fail(err, GRAD_STOPPED, "the deadline passed while the structure of a Jacobian "
                                            "was looked for");
    return give_up(sets, &s, n_of, err);
}
