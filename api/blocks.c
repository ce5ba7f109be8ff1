/* blocks.c -- Jacobians and Hessians as blocks: an output's (a node's) rows, a node's columns.
 *
 * The core gives rows of entries; here they become tensors of the output's shape followed by the
 * node's, or lists of what is not zero.
 */
#include <string.h>

#include "derivative.h"
#include "encode.h"
#include "endpoints.h"

static unsigned rows_flag(const evaluation *e)
{
    return e->request.endpoint == FOR_JACOBIAN ? IS_OUTPUT : WANTS_GRADIENT;
}

/* ---- making ---------------------------------------------------------------------------------- */

static int too_large(evaluation *e, const grad_shape *a, const grad_shape *b)
{
    char out[SHAPE_ROOM], in[SHAPE_ROOM];
    shape_text(out, a->rank, a->dim);
    shape_text(in, b->rank, b->dim);
    api_fail(e->c, "tensor_too_large", NULL, NULL, "the derivative of %s with respect to %s has %.0f "
             "elements and %d axes, and a tensor may have %lld and %d; \"sparse\": true leaves out "
             "what is 0", out, in, (double)a->count * (double)b->count, a->rank + b->rank,
             (long long)e->c->host.elements, GRAD_RANK_MAX);
    return -1;
}

/* Can all blocks be written out? */
static int check_sizes(evaluation *e, const grad_node *of, size_t n_of, const grad_node *wrt, size_t n)
{
    for (size_t i = 0; i < n_of && !e->request.sparse; i++)
        for (size_t k = 0; k < n; k++) {
            const grad_shape *a = grad_node_shape(e->graph, of[i]);
            const grad_shape *b = grad_node_shape(e->graph, wrt[k]);
            if (a->rank + b->rank > GRAD_RANK_MAX ||
                (double)a->count * (double)b->count > (double)e->c->host.elements)
                return too_large(e, a, b);
        }
    return 0;
}

int compile_blocks(evaluation *e, const grad_node *results, size_t values, const grad_node *wrt,
                   size_t n)
{
    grad_error err = {0};
    bool hessian = e->request.endpoint == FOR_HESSIAN;
    size_t n_of = hessian ? n : derivative_nodes(NULL, e, IS_OUTPUT);
    const grad_node *of = results + values; /* gradients */
    if (!hessian) {
        grad_node *outputs = arena_new(&e->c->arena, n_of, sizeof *outputs, &err);
        if (!outputs) return evaluation_end(e, &err);
        derivative_nodes(outputs, e, IS_OUTPUT);
        of = outputs;
    }
    e->n_results = values + (hessian ? n : 0);
    if (check_sizes(e, of, n_of, wrt, n) < 0) return -1;
    if (grad_jacobian_new(&e->jacobian, e->graph, results, e->n_results, of, n_of, wrt, n, e->data,
                          &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

void blocks_run(api_call *c)
{
    evaluation *e = c->job;
    grad_error err = {0};
    double start = api_now(c);
    int result = evaluation_compile(e);
    double compiled = api_now(c);
    c->reply.phase[API_COMPILE] += compiled - start;
    if (result == 0 && grad_jacobian_run(e->jacobian, e->data, &err) < 0) evaluation_end(e, &err);
    double ran = api_now(c);
    c->reply.phase[API_EVALUATE] += ran - compiled;
    if (!api_failed(c)) write_answer(e);
    evaluation_free_run(e);
    evaluation_free_plan(e);
    c->reply.phase[API_ENCODE] += api_now(c) - ran;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Result i with respect to the columns from `first` on. */
typedef struct block {
    const form *row, *column;
    size_t i, first;
} block;

/* The entries of a row that are the block's. */
static grad_entries entries_of(const writer *w, const block *b, size_t row)
{
    grad_entries all = grad_jacobian_row(w->e->jacobian, b->i, row);
    size_t low = 0, high = all.n, end;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (all.column[mid] < b->first) low = mid + 1;
        else high = mid;
    }
    for (end = low; end < all.n && all.column[end] < b->first + (size_t)b->column->count;) end++;
    return (grad_entries){end - low, all.column + low, all.value + low};
}

static void put(void *to, grad_dtype dtype, size_t i, double value)
{
    if (dtype == GRAD_FLOAT64) ((double *)to)[i] = value;
    else ((float *)to)[i] = (float)value;
}

static void *take(writer *w, size_t count, size_t size)
{
    grad_error err = {0};
    void *made = table_new(&w->e->c->host, count, size, &err);
    if (!made) api_fail_core(w->e->c, &err, NULL, NULL);
    return made;
}

static void write_dense(writer *w, const block *b)
{
    int64_t dim[GRAD_RANK_MAX];
    grad_dtype dtype = b->column->dtype;
    size_t columns = (size_t)b->column->count, rows = (size_t)b->row->count;
    size_t size = grad_dtype_size(dtype);
    form f = {.dtype = dtype, .rank = b->row->rank + b->column->rank,
              .count = b->row->count * b->column->count, .dim = dim};
    memcpy(dim, b->row->dim, (size_t)b->row->rank * sizeof *dim);
    memcpy(dim + b->row->rank, b->column->dim, (size_t)b->column->rank * sizeof *dim);
    char *data = take(w, rows * columns, size);
    if (!data) return;
    memset(data, 0, rows * columns * size);
    for (size_t r = 0; r < rows; r++) {
        grad_entries e = entries_of(w, b, r);
        for (size_t i = 0; i < e.n; i++)
            put(data + r * columns * size, dtype, e.column[i] - b->first, e.value[i]);
    }
    write_tensor(w, &f, data);
    table_free(&w->e->c->host, data, rows * columns, size);
}

/* What is not zero, NaN among it. */
static size_t list_entries(const writer *w, const block *b, int64_t *row, int64_t *column, void *data)
{
    size_t n = 0;
    for (size_t r = 0; r < (size_t)b->row->count; r++) {
        grad_entries e = entries_of(w, b, r);
        for (size_t i = 0; i < e.n; i++) {
            if (e.value[i] == 0) continue;
            if (row) {
                row[n] = (int64_t)r;
                column[n] = (int64_t)(e.column[i] - b->first);
                put(data, b->column->dtype, n, e.value[i]);
            }
            n++;
        }
    }
    return n;
}

static void write_list(writer *w, const char *member, grad_dtype dtype, size_t n, const void *data)
{
    int64_t dim = (int64_t)n;
    buffer_text(w->b, member);
    write_tensor(w, &(form){.dtype = dtype, .rank = 1, .count = dim, .dim = &dim}, data);
}

static void write_sparse(writer *w, const block *b)
{
    grad_host *host = &w->e->c->host;
    size_t n = list_entries(w, b, NULL, NULL, NULL), size = grad_dtype_size(b->column->dtype);
    int64_t *row = take(w, n, sizeof *row), *column = take(w, n, sizeof *column);
    void *data = take(w, n, size);
    if (row && column && data) {
        list_entries(w, b, row, column, data);
        buffer_text(w->b, "{\"shape\":[");
        buffer_numbers(w->b, GRAD_INT64, (int64_t[]){b->row->count, b->column->count}, 2);
        buffer_byte(w->b, ']');
        write_list(w, ",\"rows\":", GRAD_INT64, n, row);
        write_list(w, ",\"cols\":", GRAD_INT64, n, column);
        write_list(w, ",\"data\":", b->column->dtype, n, data);
        buffer_byte(w->b, '}');
    }
    table_free(host, row, n, sizeof *row);
    table_free(host, column, n, sizeof *column);
    table_free(host, data, n, size);
}

/* The blocks of one row of blocks. */
static void write_row(writer *w, block *b)
{
    const evaluation *e = w->e;
    buffer_byte(w->b, '{');
    w->comma = false;
    b->first = 0;
    for (slot_walk s = {.e = e}; slots_next(&s) && !api_failed(e->c) && !w->b->failed;) {
        if (!(e->flag[s.slot] & WANTS_GRADIENT)) continue;
        b->column = &e->form[e->form_of[s.slot]];
        write_key(w, s.name, s.result);
        if (!grad_dtype_is_float(b->column->dtype)) {
            buffer_text(w->b, "null");
            continue;
        }
        if (e->request.sparse) write_sparse(w, b);
        else write_dense(w, b);
        b->first += (size_t)b->column->count;
    }
    buffer_byte(w->b, '}');
}

void write_blocks(writer *w)
{
    const evaluation *e = w->e;
    block b = {0};
    bool comma = false;
    buffer_text(w->b, e->request.endpoint == FOR_JACOBIAN ? ",\"jacobian\":{" : ",\"hessian\":{");
    for (slot_walk s = {.e = e}; slots_next(&s) && !api_failed(e->c) && !w->b->failed;) {
        if (!(e->flag[s.slot] & rows_flag(e))) continue;
        b.row = &e->form[e->form_of[s.slot]];
        bool real = grad_dtype_is_float(b.row->dtype);
        if (!real && rows_flag(e) == IS_OUTPUT && !e->outputs_at) continue; /* by default */
        w->comma = comma;
        comma = true;
        write_key(w, s.name, s.result);
        if (real) write_row(w, &b);
        else buffer_text(w->b, "null");
        b.i += real;
    }
    buffer_byte(w->b, '}');
}
