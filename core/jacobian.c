/* jacobian.c -- Jacobians as sparse rows, by as few sweeps as their structure allows.
 *
 * What does not change between sweeps is computed once, by the outer program; a sweep runs the inner
 * one with the unit vectors of one colour, added up, as seeds. Of the entries in its rows (columns)
 * no two fall into one place, so each is the number that a sweep of its own would compute.
 */
#include "jacobian.h"

#include <math.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------------- */

void grad_jacobian_free(grad_jacobian *j)
{
    if (!j) return;
    grad_host *host = j->host;
    for (int way = 0; way < 2; way++) grad__direction_free(&j->way[way], j);
    grad_workspace_free(j->w);
    grad_program_free(j->outer);
    for (size_t i = 0; j->of && i < j->n_of; i++) {
        grad__sets_drop(host, j->of[i].sets);
        grad__free(host, j->of[i].value, j->of[i].entries * sizeof(double));
    }
    grad__free(host, j->of, j->n_of * sizeof *j->of);
    grad__free(host, j->wrt, j->n_wrt * sizeof *j->wrt);
    grad__free(host, j, sizeof *j);
}

static int find_structure(grad_jacobian *j, grad_graph *g, const V *of, const V *wrt,
                          const void *const *inputs, grad_error *err)
{
    column_sets **sets = grad__alloc_array(j->host, j->n_of, sizeof(column_sets *), err);
    if (!sets) return -1;
    int result = grad__structure(sets, g, of, j->n_of, wrt, j->n_wrt, inputs, err);
    for (size_t i = 0; i < j->n_of && result == 0; i++) {
        jacobian_result *r = &j->of[i];
        r->sets = sets[i];
        r->node = of[i];
        r->rows = (size_t)node_shape(g, &g->at[of[i]])->count;
        r->dtype = (grad_dtype)g->at[of[i]].dtype;
        r->entries = !sets[i] ? 0 : sets[i]->start ? sets[i]->n : r->rows * sets[i]->n;
    }
    grad__free(j->host, sets, j->n_of * sizeof(column_sets *));
    return result;
}

/* ---- sweeps ------------------------------------------------------------------------------------- */

static int make_outer(grad_jacobian *j, grad_graph *g, const V *results, grad_error *err)
{
    size_t n = j->n_results;
    for (int way = 0; way < 2; way++) {
        j->way[way].first_outer = n;
        n += j->way[way].sweep.n_outer;
    }
    V *list = grad__alloc_array(j->host, n, sizeof *list, err);
    if (!list) return -1;
    if (j->n_results) memcpy(list, results, j->n_results * sizeof *list);
    for (int way = 0; way < 2; way++) {
        const sweep *s = &j->way[way].sweep;
        if (s->n_outer) memcpy(list + j->way[way].first_outer, s->outer, s->n_outer * sizeof *list);
    }
    int result = grad_compile(&j->outer, g, list, n, err);
    grad__free(j->host, list, n * sizeof *list);
    return result;
}

int grad_jacobian_new(grad_jacobian **out, grad_graph *g, const grad_node *results, size_t n_results,
                      const grad_node *of, size_t n_of, const grad_node *wrt, size_t n_wrt,
                      const void *const *inputs, grad_error *err)
{
    grad_jacobian *j = grad__alloc(g->host, sizeof *j, err);
    if (!j) return -1;
    memset(j, 0, sizeof *j);
    *j = (grad_jacobian){.host = g->host, .g = g, .n_of = n_of, .n_wrt = n_wrt, .n_results = n_results};
    j->of = grad__alloc_array(j->host, n_of, sizeof *j->of, err);
    j->wrt = grad__alloc_array(j->host, n_wrt, sizeof *j->wrt, err);
    if (j->of) memset(j->of, 0, n_of * sizeof *j->of);
    for (size_t k = 0; j->wrt && k < n_wrt; k++) {
        size_t count = (size_t)node_shape(g, &g->at[wrt[k]])->count;
        j->wrt[k] = (jacobian_wrt){wrt[k], j->columns, count, (grad_dtype)g->at[wrt[k]].dtype};
        j->columns += count;
    }
    int result = j->of && j->wrt ? 0 : -1;
    if (j->columns >= UINT32_MAX)
        result = grad_fail(err, GRAD_TENSOR_TOO_LARGE, "a Jacobian of that many columns is too large");
    if (result == 0) result = find_structure(j, g, of, wrt, inputs, err);
    if (result == 0) result = grad__jacobian_plan(j, err);
    for (int way = 0; way < 2 && result == 0; way++)
        result = grad__direction_make(j, &j->way[way], err);
    if (result == 0) result = make_outer(j, g, results, err);
    if (result == 0) *out = j;
    else grad_jacobian_free(j);
    return result;
}

/* ---- running ------------------------------------------------------------------------------------ */

static const double MENDING_MAX = 2e8; /* nodes looked at */

static bool is_finite(const jacobian_result *r)
{
    for (size_t e = 0; e < r->entries; e++)
        if (!isfinite(r->value[e])) return false;
    return true;
}

/* Result i alone, by reverse mode. */
static int run_alone(grad_jacobian *j, uint32_t i, const void *const *inputs, grad_error *err)
{
    direction d = {0};
    grad_program *outer = NULL;
    grad_workspace *w = NULL;
    d.member = grad__alloc_array(j->host, j->n_of, sizeof *d.member, err);
    if (d.member) d.member[d.n_members++] = i;
    int result = d.member ? grad__jacobian_colour_rows(j, &d, err) : -1;
    if (result == 0) result = grad__direction_make(j, &d, err);
    if (result == 0) result = grad_compile(&outer, j->g, d.sweep.outer, d.sweep.n_outer, err);
    if (result == 0) result = grad_workspace_new(&w, outer, j->host, err);
    if (result == 0) result = grad_run(outer, w, inputs, err);
    d.outer = w;
    if (result == 0) result = grad__direction_run(j, &d, err);
    grad__direction_free(&d, j);
    grad_workspace_free(w);
    grad_program_free(outer);
    return result;
}

/* Where derivatives are infinite, the zeros with which one sweep carries on what others are about
   become NaN on their way: such results are found once more, as gradients of theirs alone. */
static int mend(grad_jacobian *j, const direction *d, const void *const *inputs, grad_error *err)
{
    if (!d->forward && d->n_members < 2) return 0;
    for (size_t m = 0; m < d->n_members; m++) {
        if ((double)j->g->n * (double)d->n_members > MENDING_MAX) return 0;
        if (!is_finite(&j->of[d->member[m]]) && run_alone(j, d->member[m], inputs, err) < 0) return -1;
    }
    return 0;
}

int grad_jacobian_run(grad_jacobian *j, const void *const *inputs, grad_error *err)
{
    for (size_t i = 0; i < j->n_of; i++) {
        jacobian_result *r = &j->of[i];
        if (!r->value && !(r->value = grad__alloc_array(j->host, r->entries, sizeof(double), err)))
            return -1;
    }
    if (!j->w && grad_workspace_new(&j->w, j->outer, j->host, err) < 0) return -1;
    if (grad_run(j->outer, j->w, inputs, err) < 0) return -1;
    for (int way = 0; way < 2; way++) {
        j->way[way].outer = j->w;
        if (grad__direction_run(j, &j->way[way], err) < 0) return -1;
    }
    for (int way = 0; way < 2; way++)
        if (mend(j, &j->way[way], inputs, err) < 0) return -1;
    return 0;
}

const void *grad_jacobian_result(const grad_jacobian *j, size_t k)
{
    return grad_result(j->w, k);
}

grad_entries grad_jacobian_row(const grad_jacobian *j, size_t i, size_t row)
{
    const jacobian_result *r = &j->of[i];
    if (!r->sets) return (grad_entries){0};
    size_t from = grad__row_start(r->sets, row), n = grad__row_end(r->sets, row) - from;
    return (grad_entries){n, r->sets->column + from,
                          r->value + (r->sets->start ? from : row * r->sets->n)};
}

size_t grad_jacobian_sweeps(const grad_jacobian *j, bool forward)
{
    const colouring *c = &j->way[forward].colouring;
    size_t n = 0;
    for (size_t i = 0; i < c->colours; i++) n += c->start[i] < c->start[i + 1];
    return n;
}
