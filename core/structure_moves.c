/* structure_moves.c -- where operators that move elements take them: their kernels are run on the
 * numbers of the elements.
 */
#include <string.h>

#include "emit.h"
#include "structure.h"

/* ---- along axes --------------------------------------------------------------------------------- */

int64_t *grad__places(structure *s, int rank, const int64_t *dim, const int64_t *step, size_t *n)
{
    grad_error err = {0};
    int64_t place[GRAD_RANK_MAX] = {0}, at = 0;
    size_t count = 1;
    for (int i = 0; i < rank; i++) count *= (size_t)dim[i];
    int64_t *list = grad__alloc_array(s->host, count, sizeof *list, &err);
    *n = count;
    if (!list) return NULL;
    for (size_t r = 0; r < count; r++) {
        list[r] = at;
        for (int i = rank; i-- > 0;) {
            at += step[i];
            if (++place[i] < dim[i]) break;
            at -= step[i] * dim[i];
            place[i] = 0;
        }
    }
    s->patience -= (double)count;
    return list;
}

/* ---- kernels on numbers ------------------------------------------------------------------------- */

static const double AWAY = 1099511627776.0; /* 2^40, beyond all numbers of elements */

typedef struct bench {
    size_t bytes;
    char *memory;
    const grad_shape **shape;
    grad_dtype *dtype;
    const void **data;
    double *number, *out;
    void *scratch;
} bench;

static char *take(char **at, size_t bytes)
{
    char *mine = *at;
    *at += (bytes + 63) & ~(size_t)63;
    return mine;
}

static const void *values_of(const structure *s, uint32_t i)
{
    const grad_graph *g = s->g;
    if (g->at[i].op == &grad__op_constant)
        return grad__pool_constant_at(g->pool, g->at[i].in[0]);
    return s->index_of && s->index_of[i] != GRAD_NONE ? grad_result(s->at, s->index_of[i])
                                                         : NULL;
}

static bool is_real(const grad_graph *g, uint32_t i)
{
    return grad_dtype_is_float((grad_dtype)g->at[i].dtype);
}

static int lay_out(structure *s, size_t i, bench *b, grad_call *c)
{
    const grad_graph *g = s->g;
    const node *n = &g->at[i];
    const uint32_t *in = node_in(g, n);
    grad_error err = {0};
    size_t numbers = 0, count = (size_t)node_shape(g, n)->count;
    for (uint32_t k = 0; k < n->n_in; k++)
        if (is_real(g, in[k])) numbers += (size_t)node_shape(g, &g->at[in[k]])->count;
    *c = (grad_call){.op = n->op, .attr = node_attr(g, n), .n_in = n->n_in, .dtype = GRAD_FLOAT64,
                     .shape = node_shape(g, n)};
    const size_t lists = (size_t)n->n_in * (sizeof *b->shape + sizeof *b->dtype + sizeof *b->data);
    b->bytes = lists + (numbers + count) * sizeof(double) + 8 * 64;
    b->memory = grad__alloc(s->host, b->bytes, &err);
    if (!b->memory) return -1;
    char *at = (char *)(((uintptr_t)b->memory + 63) & ~(uintptr_t)63);
    b->shape = (const grad_shape **)(void *)take(&at, n->n_in * sizeof *b->shape);
    b->dtype = (grad_dtype *)(void *)take(&at, n->n_in * sizeof *b->dtype);
    b->data = (const void **)(void *)take(&at, n->n_in * sizeof *b->data);
    b->number = (double *)(void *)take(&at, numbers * sizeof(double));
    b->out = (double *)(void *)take(&at, count * sizeof(double));
    numbers = 0;
    for (uint32_t k = 0; k < n->n_in; k++) {
        const node *x = &g->at[in[k]];
        b->shape[k] = node_shape(g, x);
        b->dtype[k] = is_real(g, in[k]) ? GRAD_FLOAT64 : (grad_dtype)x->dtype;
        b->data[k] = is_real(g, in[k]) ? b->number + numbers : values_of(s, in[k]);
        if (!b->data[k]) return -1;
        if (is_real(g, in[k])) numbers += (size_t)b->shape[k]->count;
    }
    for (size_t e = 0; e < numbers; e++) b->number[e] = (double)(e + 1);
    c->in_dtype = b->dtype;
    c->in = b->shape;
    s->patience -= 2 * (double)(numbers + count);
    return 0;
}

static int run(structure *s, const bench *b, const grad_call *c)
{
    grad_error err = {0};
    size_t bytes = c->op->scratch ? c->op->scratch(c) + 64 : 0;
    char *scratch = bytes ? grad__alloc(s->host, bytes, &err) : NULL;
    if (bytes && !scratch) return -1;
    grad_frame frame = {(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63), s->host->stop, &err};
    int result = c->op->kernel(c, b->out, b->data, &frame);
    grad__free(s->host, scratch, bytes);
    return result;
}

/* Of result r the operand and element whose number it has. */
static void read_numbers(const structure *s, size_t i, const bench *b, int64_t *to, size_t count,
                         double away)
{
    const uint32_t *in = node_in(s->g, &s->g->at[i]);
    for (size_t r = 0; r < count; r++) {
        double number = b->out[r] - away - 1;
        for (uint32_t k = 0; k < s->g->at[i].n_in; k++) {
            double size = is_real(s->g, in[k]) ? (double)b->shape[k]->count : 0;
            bool here = number >= 0 && number < size;
            /* A constant has not moved away with the numbers. */
            if (away == 0) to[k * count + r] = here ? (int64_t)number : -1;
            else if (!here) to[k * count + r] = -1;
            number = number < size ? -1 : number - size;
        }
    }
}

int64_t *grad__moves(structure *s, size_t i, size_t *n)
{
    const node *at = &s->g->at[i];
    grad_error err = {0};
    bench b = {0};
    grad_call c;
    size_t count = (size_t)node_shape(s->g, at)->count, numbers = 0;
    *n = count * at->n_in;
    int64_t *to = grad__alloc_array(s->host, *n, sizeof *to, &err);
    int result = to ? lay_out(s, i, &b, &c) : -1;
    if (result == 0) result = run(s, &b, &c);
    if (result == 0) {
        read_numbers(s, i, &b, to, count, 0);
        for (uint32_t k = 0; k < at->n_in; k++)
            if (is_real(s->g, node_in(s->g, at)[k])) numbers += (size_t)b.shape[k]->count;
        for (size_t e = 0; e < numbers; e++) b.number[e] += AWAY;
        result = run(s, &b, &c);
    }
    if (result == 0) read_numbers(s, i, &b, to, count, AWAY);
    grad__free(s->host, b.memory, b.bytes);
    if (result == 0) return to;
    grad__free(s->host, to, *n * sizeof *to);
    return NULL;
}

/* ---- additions ---------------------------------------------------------------------------------- */

/* A graph of the node alone, in float64, and its gradient with respect to operand k. */
static int build_alone(grad_graph *alone, const structure *s, size_t i, size_t k, V *map,
                       grad_node *out, grad_error *err)
{
    const grad_graph *g = s->g;
    const node *n = &g->at[i];
    const uint32_t *in = node_in(g, n);
    B b = {alone, err, NULL};
    V seed;
    for (uint32_t j = 0; j < n->n_in; j++) {
        const grad_shape *shape = node_shape(g, &g->at[in[j]]);
        grad_dtype dtype = is_real(g, in[j]) ? GRAD_FLOAT64 : (grad_dtype)g->at[in[j]].dtype;
        if (grad_input(&map[in[j]], alone, dtype, shape->rank, shape->dim, err) < 0) return -1;
    }
    V y = grad__copy_node(&b, g, i, map), x = (V)k; /* the inputs are the first nodes */
    if (y == GRAD_NONE) return -1;
    node *copy = &alone->at[y];
    uint32_t *to = copy->n_in <= INLINE_OPERANDS ? copy->in : alone->operand + copy->in[0];
    for (uint32_t j = 0; j < copy->n_in; j++) to[j] = j; /* also where two operands are one node */
    copy->dtype = GRAD_FLOAT64;
    const grad_shape *shape = node_shape(g, n);
    if (grad_input(&seed, alone, GRAD_FLOAT64, shape->rank, shape->dim, err) < 0) return -1;
    return grad_gradient(out, alone, &y, &seed, 1, &x, 1, err);
}

static int run_alone(int64_t *to, const structure *s, grad_graph *alone, size_t i, V of,
                     const double *number, size_t n, grad_error *err)
{
    const node *at = &s->g->at[i];
    grad_program *program = NULL;
    grad_workspace *w = NULL;
    const void **data = grad__alloc_array(s->host, at->n_in + 1, sizeof *data, err);
    int result = -1;
    if (!data || grad_compile(&program, alone, &of, 1, err) < 0 ||
        grad_workspace_new(&w, program, s->host, err) < 0)
        goto done;
    for (uint32_t j = 0; j < at->n_in; j++) data[j] = values_of(s, node_in(s->g, at)[j]);
    data[at->n_in] = number;
    result = grad_run(program, w, data, err);
    for (size_t e = 0; e < n && result == 0; e++)
        to[e] = (int64_t)((const double *)grad_result(w, 0))[e] - 1;
done:
    grad_workspace_free(w);
    grad_program_free(program);
    grad__free(s->host, data, (at->n_in + 1) * sizeof *data);
    return result;
}

int64_t *grad__additions(structure *s, size_t i, size_t k, size_t *n)
{
    const grad_graph *g = s->g;
    grad_error err = {0};
    grad_graph *alone = NULL;
    V of = GRAD_NONE;
    size_t count = (size_t)node_shape(g, &g->at[i])->count;
    *n = (size_t)node_shape(g, &g->at[node_in(g, &g->at[i])[k]])->count;
    V *map = grad__alloc_array(s->host, i, sizeof *map, &err);
    double *number = grad__alloc_array(s->host, count, sizeof *number, &err);
    int64_t *to = grad__alloc_array(s->host, *n, sizeof *to, &err);
    for (size_t r = 0; number && r < count; r++) number[r] = (double)(r + 1);
    int result = map && number && to ? grad_graph_new(&alone, s->host, GRAD_FLOAT64, &err) : -1;
    if (result == 0) result = build_alone(alone, s, i, k, map, &of, &err);
    if (result == 0) result = run_alone(to, s, alone, i, of, number, *n, &err);
    s->patience -= (double)(*n + count);
    grad_graph_free(alone);
    grad__free(s->host, map, i * sizeof *map);
    grad__free(s->host, number, count * sizeof *number);
    if (result == 0) return to;
    grad__free(s->host, to, *n * sizeof *to);
    return NULL;
}
