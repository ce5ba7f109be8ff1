/* jacobian_sweep.c -- one direction of a Jacobian: its sweeps, what they are seeded with and what is read
 * from them.
 */
#include <string.h>

#include "jacobian.h"

void grad__direction_free(direction *d, const grad_jacobian *j)
{
    grad_host *host = j->host;
    grad_workspace_free(d->w);
    grad__free(host, d->data, d->n_data * sizeof *d->data);
    grad__free(host, d->seeds, d->seed_bytes);
    grad__free(host, d->member, j->n_of * sizeof *d->member);
    grad__free(host, d->column_start, (j->columns + 1) * sizeof *d->column_start);
    grad__free(host, d->row, d->entries * sizeof *d->row);
    grad__free(host, d->place, d->entries * sizeof *d->place);
    grad__colouring_free(&d->colouring, host);
    grad__sweep_free(&d->sweep, host);
}

static int add_inputs(V *out, grad_graph *g, const V *like, size_t n, grad_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const node *x = &g->at[like[i]];
        const grad_shape *shape = node_shape(g, x);
        if (grad_input(&out[i], g, (grad_dtype)x->dtype, shape->rank, shape->dim, err) < 0) return -1;
    }
    return 0;
}

/* Appends the direction's sweep to the graph and cuts it off again. */
int grad__direction_make(grad_jacobian *j, direction *d, grad_error *err)
{
    grad_graph *g = j->g;
    size_t n = d->n_members, most = n > j->n_wrt ? n : j->n_wrt;
    if (n == 0) return 0;
    V *list = grad__alloc_array(j->host, 4 * most, sizeof *list, err);
    if (!list) return -1;
    V *mine = list, *wrt = mine + most, *seeds = wrt + most, *results = seeds + most;
    for (size_t m = 0; m < n; m++) mine[m] = j->of[d->member[m]].node;
    for (size_t k = 0; k < j->n_wrt; k++) wrt[k] = j->wrt[k].node;
    size_t n_seeds = d->forward ? j->n_wrt : n, n_results = d->forward ? n : j->n_wrt;
    int result = add_inputs(seeds, g, d->forward ? wrt : mine, n_seeds, err);
    if (result == 0)
        result = d->forward ? grad_tangent(results, g, mine, n, wrt, seeds, j->n_wrt, err)
                            : grad_gradient(results, g, mine, seeds, n, wrt, j->n_wrt, err);
    if (result == 0)
        result = grad__sweep_new(&d->sweep, g, seeds, n_seeds, results, n_results, err);
    grad__free(j->host, list, 4 * most * sizeof *list);
    return result;
}

/* ---- running ------------------------------------------------------------------------------------ */

static size_t seed_room(size_t count, grad_dtype dtype)
{
    return (count * grad_dtype_size(dtype) + 63) & ~(size_t)63;
}

/* Seed k: of a column's node going forward, of a member's rows going back. */
static void seed_of(const grad_jacobian *j, const direction *d, size_t k, size_t *count,
                    grad_dtype *dtype)
{
    *count = d->forward ? j->wrt[k].count : j->of[d->member[k]].rows;
    *dtype = d->forward ? j->wrt[k].dtype : j->of[d->member[k]].dtype;
}

static int prepare(grad_jacobian *j, direction *d, grad_error *err)
{
    size_t count, at = 0;
    grad_dtype dtype;
    if (!d->data) {
        d->n_data = d->sweep.n_seeds + d->sweep.n_outer;
        d->data = grad__alloc_array(j->host, d->n_data, sizeof *d->data, err);
        for (size_t k = 0; k < d->sweep.n_seeds; k++) {
            seed_of(j, d, k, &count, &dtype);
            d->seed_bytes += seed_room(count, dtype);
        }
        d->seeds = grad__alloc(j->host, d->seed_bytes, err);
        if (!d->data || !d->seeds || grad_workspace_new(&d->w, d->sweep.inner, j->host, err) < 0)
            return -1;
    }
    memset(d->seeds, 0, d->seed_bytes);
    for (size_t k = 0; k < d->sweep.n_seeds; k++) {
        d->data[k] = d->seeds + at;
        seed_of(j, d, k, &count, &dtype);
        at += seed_room(count, dtype);
    }
    for (size_t k = 0; k < d->sweep.n_outer; k++)
        d->data[d->sweep.n_seeds + k] = grad_result(d->outer, d->first_outer + k);
    return 0;
}

/* Of which seed an item is, searching on from seed *k and its first item. */
static void find_seed(const grad_jacobian *j, const direction *d, size_t item, size_t *k,
                      size_t *first, grad_dtype *dtype)
{
    size_t count;
    for (;; ++*k) {
        seed_of(j, d, *k, &count, dtype);
        if (item < *first + count) return;
        *first += count;
    }
}

static void set_seeds(const grad_jacobian *j, const direction *d, size_t colour, double value)
{
    const colouring *c = &d->colouring;
    size_t k = 0, first = 0;
    grad_dtype dtype;
    for (size_t i = c->start[colour]; i < c->start[colour + 1]; i++) {
        find_seed(j, d, c->item[i], &k, &first, &dtype);
        void *to = (void *)(uintptr_t)d->data[k];
        if (dtype == GRAD_FLOAT64) ((double *)to)[c->item[i] - first] = value;
        else ((float *)to)[c->item[i] - first] = (float)value;
    }
}

static double read_real(const void *data, grad_dtype dtype, size_t i)
{
    return dtype == GRAD_FLOAT64 ? ((const double *)data)[i] : ((const float *)data)[i];
}

/* The rows of a colour, out of the cotangents. */
static void read_rows(grad_jacobian *j, const direction *d, size_t colour)
{
    const colouring *c = &d->colouring;
    size_t m = 0, first = 0;
    grad_dtype unused;
    for (size_t i = c->start[colour]; i < c->start[colour + 1]; i++) {
        find_seed(j, d, c->item[i], &m, &first, &unused);
        jacobian_result *r = &j->of[d->member[m]];
        size_t row = c->item[i] - first, k = 0;
        size_t from = grad__row_start(r->sets, row), end = grad__row_end(r->sets, row);
        double *value = r->value + (r->sets->start ? from : row * r->sets->n);
        for (size_t e = from; e < end; e++) {
            size_t column = r->sets->column[e];
            while (column >= j->wrt[k].first + j->wrt[k].count) k++;
            *value++ = read_real(grad_result(d->w, k), j->wrt[k].dtype, column - j->wrt[k].first);
        }
    }
}

/* A column of results whose rows are alike. */
static void read_alike(jacobian_result *r, size_t column, const void *tangent)
{
    size_t low = 0, high = r->sets->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (r->sets->column[mid] < column) low = mid + 1;
        else high = mid;
    }
    if (low == r->sets->n || r->sets->column[low] != column) return;
    for (size_t row = 0; row < r->rows; row++)
        r->value[row * r->sets->n + low] = read_real(tangent, r->dtype, row);
}

/* The columns of a colour, out of the tangents. */
static void read_columns(grad_jacobian *j, const direction *d, size_t colour)
{
    const colouring *c = &d->colouring;
    for (size_t i = c->start[colour]; i < c->start[colour + 1]; i++) {
        size_t column = c->item[i], m = 0, first = 0;
        for (size_t e = d->column_start[column]; e < d->column_start[column + 1]; e++) {
            while (d->row[e] >= first + j->of[d->member[m]].rows) first += j->of[d->member[m++]].rows;
            jacobian_result *r = &j->of[d->member[m]];
            r->value[d->place[e]] = read_real(grad_result(d->w, m), r->dtype, d->row[e] - first);
        }
        for (m = 0; m < d->n_members; m++) {
            jacobian_result *r = &j->of[d->member[m]];
            if (r->sets && !r->sets->start) read_alike(r, column, grad_result(d->w, m));
        }
    }
}

int grad__direction_run(grad_jacobian *j, direction *d, grad_error *err)
{
    if (d->n_members == 0 || d->colouring.coloured == 0) return 0;
    if (prepare(j, d, err) < 0) return -1;
    for (size_t colour = 0; colour < d->colouring.colours; colour++) {
        if (d->colouring.start[colour] == d->colouring.start[colour + 1]) continue;
        if (grad_is_set(j->host->stop))
            return grad_fail(err, GRAD_STOPPED, "the deadline passed after %zu of the %zu sweeps of a "
                             "Jacobian", colour, d->colouring.colours);
        set_seeds(j, d, colour, 1);
        if (grad_run(d->sweep.inner, d->w, d->data, err) < 0) {
            err->node = GRAD_NONE; /* a node of the inner graph */
            return -1;
        }
        if (d->forward) read_columns(j, d, colour);
        else read_rows(j, d, colour);
        set_seeds(j, d, colour, 0);
    }
    return 0;
}
