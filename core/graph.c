/* graph.c -- appending nodes: shapes inferred, limits held, nothing ever changed afterwards. */
#include <string.h>

#include "functions.h"

int grad_graph_new(grad_graph **out, grad_host *host, grad_dtype real, grad_error *err)
{
    grad_graph *g = grad__alloc(host, sizeof *g, err);
    if (!g) return -1;
    memset(g, 0, sizeof *g);
    g->host = host;
    g->real = real;
    for (int i = 0; i < SCALARS; i++) g->scalar[i].node = GRAD_NONE;
    g->pool = grad__pool_new(host, err);
    if (!g->pool) {
        grad__free(host, g, sizeof *g);
        return -1;
    }
    *out = g;
    return 0;
}

void grad_graph_free(grad_graph *g)
{
    if (!g) return;
    grad_host *host = g->host;
    grad__free(host, g->at, g->room * sizeof *g->at);
    grad__free(host, g->operand, g->operand_room * sizeof *g->operand);
    if (!g->is_body) grad__functions_free(g->functions);
    grad__free(host, g->blame, g->blame_room * sizeof *g->blame);
    grad__pool_drop(g->pool);
    grad__free(host, g, sizeof *g);
}

size_t grad_graph_size(const grad_graph *g)
{
    return g->n;
}

grad_dtype grad_node_dtype(const grad_graph *g, grad_node n)
{
    return (grad_dtype)g->at[n].dtype;
}

const grad_shape *grad_node_shape(const grad_graph *g, grad_node n)
{
    return node_shape(g, &g->at[n]);
}

int grad__poll(const grad_graph *g, size_t i, const char *done, grad_error *err)
{
    if ((i & 4095) != 0 || !grad_is_set(g->host->stop)) return 0;
    return grad_fail(err, GRAD_STOPPED, "the deadline passed while the graph was being %s", done);
}

/* ---- pushing ----------------------------------------------------------------------------------- */

/* What a node that runs functions stands for, counted. */
static int count_functions(B *b, const grad_op *op, uint32_t attr)
{
    grad_graph *g = b->g;
    for (int k = 0; k < op->functions; k++) {
        int64_t number = grad__pool_values_at(g->pool, attr)[k].i;
        if (number < 0) continue;
        const function *f = grad__function_at(g, number);
        if (__builtin_add_overflow(g->within, grad__function_nodes(f), &g->within))
            g->within = UINT64_MAX;
        if (g->depth <= f->body->depth) g->depth = f->body->depth + 1;
    }
    if (g->within < g->host->nodes && g->n < g->host->nodes - g->within) return 0;
    return grad_fail(b->err, GRAD_GRAPH_TOO_LARGE,
                     "with its functions and derivatives the graph takes more than %zu nodes",
                     g->host->nodes);
}

static V push(B *b, const grad_op *op, grad_dtype dtype, uint32_t shape, uint32_t attr, size_t n_in,
              const V *in)
{
    grad_graph *g = b->g;
    if (op->functions && count_functions(b, op, attr) < 0) return GRAD_NONE;
    if (g->n + g->within >= g->host->nodes || g->n >= GRAD_NONE - 1) {
        grad_fail(b->err, GRAD_GRAPH_TOO_LARGE,
                  "the graph and its derivatives take more than %zu nodes", g->host->nodes);
        return GRAD_NONE;
    }
    if (grad__poll(g, g->n, "built", b->err) < 0) return GRAD_NONE;
    if (grad__grow(g->host, &g->at, &g->room, g->n + 1, sizeof *g->at, b->err) < 0)
        return GRAD_NONE;
    node *n = &g->at[g->n];
    *n = (node){.op = op, .shape = shape, .attr = attr, .dtype = dtype & 7u,
                .n_in = n_in & 0x1fffffffu};
    if (n_in <= INLINE_OPERANDS) {
        for (size_t k = 0; k < n_in; k++) n->in[k] = in[k];
    } else {
        if (n_in > UINT32_MAX - g->operands) {
            grad_fail(b->err, GRAD_GRAPH_TOO_LARGE, "the nodes of the graph have too many operands");
            return GRAD_NONE;
        }
        if (grad__grow(g->host, &g->operand, &g->operand_room, g->operands + n_in,
                       sizeof *g->operand, b->err) < 0)
            return GRAD_NONE;
        n = &g->at[g->n];
        n->in[0] = (uint32_t)g->operands;
        memcpy(g->operand + g->operands, in, n_in * sizeof *in);
        g->operands += n_in;
    }
    return (V)g->n++;
}

static const grad_shape *intern(B *b, int rank, const int64_t *dim)
{
    grad_graph *g = b->g;
    if (rank < 0 || rank > GRAD_RANK_MAX) {
        grad_fail(b->err, GRAD_TENSOR_TOO_LARGE, "a tensor has at most %d axes", GRAD_RANK_MAX);
        return NULL;
    }
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0) {
            grad_fail(b->err, GRAD_SHAPE_MISMATCH, "a size is zero or more, and this is %lld",
                      (long long)dim[i]);
            return NULL;
        }
    /* Sizes beside a zero are held to the limit too, so that strides always fit. */
    int64_t extent = grad__extent(rank, dim);
    if (extent < 0 || extent > g->host->elements || extent > INT64_MAX / 8) {
        grad_fail(b->err, GRAD_TENSOR_TOO_LARGE, "a tensor may have at most %lld elements",
                  (long long)g->host->elements);
        return NULL;
    }
    return grad__pool_shape(g->pool, rank, dim, b->err);
}

int grad_input(grad_node *out, grad_graph *g, grad_dtype dtype, int rank, const int64_t *dim,
               grad_error *err)
{
    B b = {g, err, NULL};
    const grad_shape *s = intern(&b, rank, dim);
    V n = s ? push(&b, &grad__op_input, dtype, s->id, 0, 0, NULL) : GRAD_NONE;
    if (n == GRAD_NONE) return -1;
    g->at[n].in[0] = g->inputs++;
    *out = n;
    return 0;
}

int grad_constant(grad_node *out, grad_graph *g, grad_dtype dtype, int rank, const int64_t *dim,
                  const void *data, grad_error *err)
{
    B b = {g, err, NULL};
    uint32_t number;
    const grad_shape *s = intern(&b, rank, dim);
    if (!s || grad__pool_constant(&number, g->pool, data,
                                  (size_t)s->count * grad_dtype_size(dtype), err) < 0)
        return -1;
    V n = push(&b, &grad__op_constant, dtype, s->id, 0, 0, NULL);
    if (n == GRAD_NONE) return -1;
    g->at[n].in[0] = number;
    *out = n;
    return 0;
}

V grad__scalar(B *b, grad_dtype dtype, const void *data)
{
    if (v_failed(b)) return GRAD_NONE;
    uint64_t bits = 0;
    memcpy(&bits, data, grad_dtype_size(dtype));
    uint64_t h = (bits ^ dtype) * 0x9E3779B97F4A7C15u;
    scalar_memo *m = &b->g->scalar[(h >> 32) % SCALARS];
    if (m->node != GRAD_NONE && m->dtype == dtype && m->bits == bits) return m->node;
    V n;
    if (grad_constant(&n, b->g, dtype, 0, NULL, data, b->err) < 0) return GRAD_NONE;
    *m = (scalar_memo){n, dtype, bits};
    return n;
}

V grad__scalar_real(B *b, grad_dtype dtype, double x)
{
    float f = (float)x;
    if (dtype == GRAD_FLOAT64) return grad__scalar(b, dtype, &x);
    if (dtype == GRAD_FLOAT32) return grad__scalar(b, dtype, &f);
    return grad__scalar_int(b, dtype, (int64_t)x);
}

V grad__scalar_int(B *b, grad_dtype dtype, int64_t x)
{
    int32_t narrow = (int32_t)x;
    uint8_t truth = x != 0;
    switch (dtype) {
    case GRAD_INT64: return grad__scalar(b, dtype, &x);
    case GRAD_INT32: return grad__scalar(b, dtype, &narrow);
    case GRAD_BOOL: return grad__scalar(b, dtype, &truth);
    default: return grad__scalar_real(b, dtype, (double)x);
    }
}

/* ---- appending a primitive --------------------------------------------------------------------- */

grad_dtype grad__settled(const grad_graph *g, const grad_op *op, size_t n_in, const V *in)
{
    for (size_t k = 0; k < n_in; k++)
        if (in[k] != GRAD_NONE && grad_op_role(op, k) == GRAD_ROLE_NUMBER)
            return (grad_dtype)g->at[in[k]].dtype;
    for (size_t k = 0; k < n_in; k++)
        if (in[k] != GRAD_NONE) return (grad_dtype)g->at[in[k]].dtype;
    return g->real;
}

static grad_dtype result_dtype(const grad_op *op, grad_dtype settled_to)
{
    switch (op->result) {
    case RESULT_BOOL: return GRAD_BOOL;
    case RESULT_INT64: return GRAD_INT64;
    default: return settled_to;
    }
}

enum { FEW = 8 };

V grad__copy_node(B *b, const grad_graph *from, size_t i, const V *map)
{
    grad_graph *g = b->g;
    const node *n = &from->at[i];
    const grad_shape *s = node_shape(from, n);
    size_t n_attr = grad__attributes(n->op);
    V few[FEW], *in = few, out;
    if (n->op == &grad__op_constant)
        return grad_constant(&out, g, (grad_dtype)n->dtype, s->rank, s->dim,
                             grad__pool_constant_at(from->pool, n->in[0]), b->err) < 0 ? GRAD_NONE
                                                                                       : out;
    const grad_shape *shape = grad__pool_shape(g->pool, s->rank, s->dim, b->err);
    uint32_t attr = n->attr ? grad__pool_values(g->pool, node_attr(from, n), n_attr, b->err) : 0;
    if (!shape || (n->attr && !attr)) return GRAD_NONE;
    if (n->n_in > FEW && !(in = grad__alloc_array(g->host, n->n_in, sizeof *in, b->err)))
        return GRAD_NONE;
    for (uint32_t k = 0; k < n->n_in; k++) {
        uint32_t operand = node_in(from, n)[k];
        in[k] = operand == GRAD_NONE ? GRAD_NONE : map[operand];
    }
    out = push(b, n->op, (grad_dtype)n->dtype, shape->id, attr, n->n_in, in);
    if (in != few) grad__free(g->host, in, n->n_in * sizeof *in);
    return out;
}

/* The block that holds all results, then a node for each: what grad_part_node counts on. The block
   is counted in words, which the limit on elements knows nothing of; the results are held to it. */
static V push_parts(B *b, const grad_infer *f, uint32_t handle, size_t n_in, const V *in)
{
    grad_graph *g = b->g;
    const grad_part first = {f->dtype, f->rank, (int64_t *)f->dim};
    int64_t words = 0;
    for (size_t k = 0; k < f->n_results; k++) {
        const grad_part *part = k ? &f->more[k - 1] : &first;
        const grad_shape *s = intern(b, part->rank, part->dim);
        if (!s) return GRAD_NONE;
        if (__builtin_add_overflow(words, (int64_t)(grad_part_bytes(s->count, part->dtype) / 8),
                                   &words)) {
            grad_fail(b->err, GRAD_TENSOR_TOO_LARGE, "the results of a node take too much memory");
            return GRAD_NONE;
        }
    }
    const grad_shape *block = grad__pool_shape(g->pool, 1, &words, b->err);
    V pack = block ? push(b, f->op, GRAD_INT64, block->id, handle, n_in, in) : GRAD_NONE;
    for (size_t k = 0, at = 0; k < f->n_results && pack != GRAD_NONE; k++) {
        const grad_part *part = k ? &f->more[k - 1] : &first;
        V made = grad__append(b, &grad__op_part, 1, &pack, (grad_value[]){
            INT_((int64_t)at), INT_(part->dtype),
            {.kind = GRAD_LIST, .n = (uint32_t)part->rank, .list = part->dim}});
        if (made == GRAD_NONE) return GRAD_NONE;
        at += grad_part_bytes(node_shape(g, &g->at[made])->count, part->dtype);
    }
    return pack;
}

static V infer_and_push(B *b, const grad_op *op, size_t n_in, const V *in, grad_value *attr)
{
    grad_graph *g = b->g;
    const grad_shape *few_shapes[FEW], **shape = few_shapes;
    grad_dtype few_dtypes[FEW], *dtype = few_dtypes;
    size_t results = op->results ? op->results(attr) : 1;
    grad_part *more = NULL;
    V out = GRAD_NONE;
    if (n_in > FEW) {
        shape = grad__alloc_array(g->host, n_in, sizeof *shape, b->err);
        dtype = grad__alloc_array(g->host, n_in, sizeof *dtype, b->err);
        if (!shape || !dtype) goto done;
    }
    if (results > 1) {
        more = grad__alloc_array(g->host, results - 1, sizeof *more, b->err);
        if (!more) goto done;
        memset(more, 0, (results - 1) * sizeof *more);
    }
    for (size_t k = 0; k < n_in; k++) {
        shape[k] = in[k] == GRAD_NONE ? NULL : node_shape(g, &g->at[in[k]]);
        dtype[k] = in[k] == GRAD_NONE ? GRAD_FLOAT64 : (grad_dtype)g->at[in[k]].dtype;
    }
    grad_dtype meet = grad__settled(g, op, n_in, in);
    grad_infer f = {.op = op, .n_in = n_in, .in = shape, .in_dtype = dtype, .attr = attr,
                    .build = b, .err = b->err, .n_results = results, .more = more,
                    .dtype = result_dtype(op, meet)};
    if (op->result == RESULT_SET) f.dtype = meet;
    if ((op->infer ? op->infer(&f) : grad_infer_broadcast(&f, 0, n_in)) < 0) goto done;
    if (!op->kernel && !op->alias && !op->lanes[meet]) {
        grad_infer_fail(&f, GRAD_DTYPE_MISMATCH, 0, NULL, "does not take %s operands",
                        grad_dtype_name(meet));
        goto done;
    }
    size_t n_attr = grad__attributes(op);
    const grad_shape *s = op->results ? NULL : intern(b, f.rank, f.dim);
    if (!s && !op->results) goto done;
    uint32_t handle = grad__pool_values(g->pool, attr, n_attr, b->err);
    if (n_attr && !handle) goto done;
    out = op->results ? push_parts(b, &f, handle, n_in, in)
                      : push(b, op, f.dtype, s->id, handle, n_in, in);
done:
    if (v_failed(b)) grad__blame_part(b, op, n_in, in);
    grad__free(g->host, more, (results - 1) * sizeof *more);
    if (n_in > FEW) {
        grad__free(g->host, shape, n_in * sizeof *shape);
        grad__free(g->host, dtype, n_in * sizeof *dtype);
    }
    return out;
}

V grad__append(B *b, const grad_op *op, size_t n_in, const V *in, grad_value *attr)
{
    const grad_graph *g = b->g;
    if (v_failed(b)) return GRAD_NONE;
    /* Most nodes are element-wise and of one shape: nothing is left to infer. */
    if (!op->infer && n_in > 0 && n_in <= INLINE_OPERANDS && op->result == RESULT_SAME &&
        !op->attr[0].name) {
        uint32_t shape = g->at[in[0]].shape, dtype = g->at[in[0]].dtype;
        bool alike = op->lanes[dtype] != NULL;
        for (size_t k = 1; k < n_in; k++)
            alike = alike && in[k] != GRAD_NONE && g->at[in[k]].shape == shape &&
                    g->at[in[k]].dtype == dtype;
        if (alike) return push(b, op, (grad_dtype)dtype, shape, 0, n_in, in);
    }
    return infer_and_push(b, op, n_in, in, attr);
}
