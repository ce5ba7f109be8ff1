/* structure_reach.c -- what one node makes of its operands' sets, as its row says (`reach`, op.h). */
#include <string.h>

#include "lanes.h"
#include "structure.h"

enum { SOURCES = 24 };

typedef struct visit {
    structure *s;
    size_t i;
    const node *n;
    const uint32_t *in;
    const grad_shape *shape;
    set_source from[SOURCES];
    size_t sources;
    int64_t *lists[SOURCES]; /* to be freed */
    size_t list_n[SOURCES];
    size_t n_lists;
} visit;

static const column_sets *sets_of(const visit *v, uint32_t k)
{
    return v->in[k] == GRAD_NONE ? NULL : v->s->of_node[v->in[k]];
}

static const grad_shape *operand(const visit *v, uint32_t k)
{
    return node_shape(v->s->g, &v->s->g->at[v->in[k]]);
}

static int all(visit *v, column_sets **out)
{
    set_source few[SOURCES], *from = few;
    grad_error err = {0};
    uint32_t n = v->n->n_in;
    if (n > SOURCES && !(from = grad__alloc_array(v->s->host, n, sizeof *from, &err))) return -1;
    for (uint32_t k = 0; k < n; k++) from[k] = (set_source){sets_of(v, k), NULL, NULL};
    int result = grad__sets_all(out, v->s, from, n);
    if (from != few) grad__free(v->s->host, from, n * sizeof *from);
    return result;
}

static void add_source(visit *v, const column_sets *sets, int64_t *at, size_t n)
{
    v->from[v->sources++] = (set_source){sets, at, NULL};
    if (!at) return;
    v->lists[v->n_lists] = at;
    v->list_n[v->n_lists++] = n;
}

/* A row of operand k for each element of the result, by steps along the result's axes. */
static int add_places(visit *v, const column_sets *sets, const int64_t *dim, int rank,
                      const int64_t *step)
{
    size_t n;
    int64_t *at = grad__places(v->s, rank, dim, step, &n);
    if (!at) return -1;
    add_source(v, sets, at, n);
    return 0;
}

/* Steps that broadcast x to y's axes. */
static void broadcast_steps(int64_t *step, const grad_shape *x, const grad_shape *y)
{
    int64_t under = 1;
    memset(step, 0, (size_t)y->rank * sizeof *step);
    for (int i = 1; i <= x->rank; i++) {
        step[y->rank - i] = x->dim[x->rank - i] == 1 ? 0 : under;
        under *= x->dim[x->rank - i];
    }
}

static int lanes(visit *v)
{
    int64_t step[GRAD_RANK_MAX];
    for (uint32_t k = 0; k < v->n->n_in; k++) {
        const column_sets *x = sets_of(v, k);
        if (!x) continue;
        if (!x->start || operand(v, k)->count == v->shape->count) {
            add_source(v, x, NULL, 0);
            continue;
        }
        broadcast_steps(step, operand(v, k), v->shape);
        if (add_places(v, x, v->shape->dim, v->shape->rank, step) < 0) return -1;
    }
    return 0;
}

/* 1: it could not be told. */
static int moves(visit *v)
{
    size_t n, count = (size_t)v->shape->count, taken = 0;
    if (v->n->n_in > SOURCES) return 1;
    for (uint32_t k = 0; k < v->n->n_in; k++) taken += sets_of(v, k) != NULL;
    int64_t *at = grad__moves(v->s, v->i, &n);
    if (!at) return 1;
    v->lists[v->n_lists] = at;
    v->list_n[v->n_lists++] = n;
    for (uint32_t k = 0; k < v->n->n_in && taken; k++)
        if (sets_of(v, k))
            v->from[v->sources++] = (set_source){sets_of(v, k), at + k * count, NULL};
    return 0;
}

/* ---- many to one -------------------------------------------------------------------------------- */

/* The sets of `rows` rows, each of those elements e of x whose to[e] is the row. */
static int gather(column_sets **out, structure *s, const column_sets *x, const int64_t *to,
                  size_t elements, size_t rows)
{
    grad_error err = {0};
    size_t *start = grad__alloc_array(s->host, rows + 1, sizeof *start, &err);
    int64_t *list = grad__alloc_array(s->host, elements, sizeof *list, &err);
    int result = -1;
    if (start && list) {
        memset(start, 0, (rows + 1) * sizeof *start);
        for (size_t e = 0; e < elements; e++)
            if (to[e] >= 0) start[to[e] + 1]++;
        for (size_t r = 0; r < rows; r++) start[r + 1] += start[r];
        for (size_t e = 0; e < elements; e++)
            if (to[e] >= 0) list[start[to[e]]++] = (int64_t)e;
        for (size_t r = rows; r-- > 0;) start[r + 1] = start[r];
        start[0] = 0;
        result = grad__sets_union(out, s, rows, &(set_source){x, list, start}, 1);
    }
    grad__free(s->host, start, (rows + 1) * sizeof *start);
    grad__free(s->host, list, elements * sizeof *list);
    return result;
}

/* Operand k's elements joined into `rows` rows, by steps along its axes; of sets that are alike in all
   rows nothing is to be joined. */
static int join(column_sets **out, visit *v, const column_sets *x, const grad_shape *shape,
                const int64_t *step, size_t rows)
{
    size_t n;
    if (!x->start) {
        *out = grad__sets_keep(x);
        return 0;
    }
    int64_t *to = grad__places(v->s, shape->rank, shape->dim, step, &n);
    if (!to) return -1;
    int result = gather(out, v->s, x, to, n, rows);
    grad__free(v->s->host, to, n * sizeof *to);
    return result;
}

static int adds(visit *v, column_sets **out, uint32_t first)
{
    size_t n;
    column_sets *made[SOURCES] = {NULL};
    int result = v->n->n_in > SOURCES;
    for (uint32_t k = 0; k < v->n->n_in && result == 0; k++) {
        const column_sets *x = sets_of(v, k);
        if (!x) continue;
        if (k < first) {
            add_source(v, x, NULL, 0);
            continue;
        }
        int64_t *to = grad__additions(v->s, v->i, k, &n);
        if (!to) result = 1;
        else result = gather(&made[k], v->s, x, to, n, (size_t)v->shape->count);
        grad__free(v->s->host, to, n * sizeof *to);
        if (made[k]) add_source(v, made[k], NULL, 0);
    }
    if (result == 0)
        result = grad__sets_union(out, v->s, (size_t)v->shape->count, v->from, v->sources);
    for (uint32_t k = 0; k < SOURCES; k++) grad__sets_drop(v->s->host, made[k]);
    return result;
}

/* ---- along axes --------------------------------------------------------------------------------- */

/* The axes in the row's attribute "axis", as bits; false where it has none. */
static bool axes_of(const visit *v, uint32_t *axes)
{
    const grad_value *attr = node_attr(v->s->g, v->n);
    *axes = 0;
    for (size_t k = 0; k < grad__attributes(v->n->op); k++) {
        if (strcmp(v->n->op->attr[k].name, "axis") != 0) continue;
        if (attr[k].kind == GRAD_INT) *axes |= 1u << (attr[k].i & 31);
        else if (attr[k].kind != GRAD_LIST) return false;
        for (uint32_t i = 0; attr[k].kind == GRAD_LIST && i < attr[k].n; i++)
            *axes |= 1u << (attr[k].list[i] & 31);
        return true;
    }
    return false;
}

/* Steps along x's axes to the rows that are left when `axes` are joined; their number. */
static size_t joined_steps(int64_t *step, const grad_shape *x, uint32_t axes)
{
    size_t rows = 1;
    for (int i = x->rank; i-- > 0;) {
        bool joined = axes >> i & 1;
        step[i] = joined ? 0 : (int64_t)rows;
        if (!joined) rows *= (size_t)x->dim[i];
    }
    return rows;
}

static int reduces(visit *v, column_sets **out)
{
    int64_t step[GRAD_RANK_MAX];
    uint32_t axes;
    if (!axes_of(v, &axes)) return 1;
    if (!sets_of(v, 0)) return 0;
    size_t rows = joined_steps(step, operand(v, 0), axes);
    return rows == (size_t)v->shape->count ? join(out, v, sets_of(v, 0), operand(v, 0), step, rows) : 1;
}

/* Joined along a line, of which every element then has all. */
static int runs_along(visit *v, column_sets **out)
{
    int64_t step[GRAD_RANK_MAX];
    column_sets *made[SOURCES] = {NULL};
    uint32_t axes;
    int result = !axes_of(v, &axes) || v->n->n_in > SOURCES;
    for (uint32_t k = 0; k < v->n->n_in && result == 0; k++) {
        const column_sets *x = sets_of(v, k);
        if (!x) continue;
        if (v->s->g->at[v->in[k]].shape != v->n->shape) {
            result = 1;
            continue;
        }
        size_t rows = joined_steps(step, v->shape, axes);
        result = join(&made[k], v, x, v->shape, step, rows);
        if (result == 0 && made[k] && !made[k]->start) add_source(v, made[k], NULL, 0);
        else if (result == 0 && made[k])
            result = add_places(v, made[k], v->shape->dim, v->shape->rank, step);
    }
    if (result == 0)
        result = grad__sets_union(out, v->s, (size_t)v->shape->count, v->from, v->sources);
    for (uint32_t k = 0; k < SOURCES; k++) grad__sets_drop(v->s->host, made[k]);
    return result;
}

/* From its own place on, as many more as the result is shorter. */
static int looks_ahead(visit *v)
{
    uint32_t axes;
    const grad_shape *x = operand(v, 0);
    if (!axes_of(v, &axes) || !sets_of(v, 0) || x->rank != v->shape->rank || !axes) return 1;
    int axis = __builtin_ctz(axes);
    int64_t step[GRAD_RANK_MAX], under = 1, more = x->dim[axis] - v->shape->dim[axis];
    if (more < 0 || more >= SOURCES) return 1;
    for (int i = x->rank; i-- > 0; under *= x->dim[i]) step[i] = under;
    for (int64_t ahead = 0; ahead <= more; ahead++) {
        if (add_places(v, sets_of(v, 0), v->shape->dim, x->rank, step) < 0) return -1;
        int64_t *at = v->lists[v->n_lists - 1];
        for (size_t r = 0; r < (size_t)v->shape->count; r++) at[r] += ahead * step[axis];
    }
    return 0;
}

/* ---- products ----------------------------------------------------------------------------------- */

/* Operand k of a product of (stacks of) matrices: its rows, or columns, joined; and which of them each
   element of the result has. */
static int factor(visit *v, column_sets **made, uint32_t k, bool turned)
{
    const grad_shape *x = operand(v, k), *y = v->shape;
    int64_t step[GRAD_RANK_MAX], to_y[GRAD_RANK_MAX] = {0};
    int summed = x->rank - ((k == 0) != turned ? 1 : 2);
    if (!sets_of(v, k)) return 0;
    size_t rows = joined_steps(step, x, 1u << summed);
    if (join(made, v, sets_of(v, k), x, step, rows) < 0) return -1;
    if (!*made) return 0;
    if (!(*made)->start) {
        add_source(v, *made, NULL, 0);
        return 0;
    }
    int kept = summed == x->rank - 1 ? x->rank - 2 : x->rank - 1;
    for (int i = 3; i <= x->rank; i++)
        to_y[y->rank - i] = x->dim[x->rank - i] == 1 ? 0 : step[x->rank - i];
    to_y[y->rank - (k == 0 ? 2 : 1)] = step[kept];
    return add_places(v, *made, y->dim, y->rank, to_y);
}

static int multiplies(visit *v, column_sets **out)
{
    column_sets *made[2] = {NULL, NULL};
    const grad_value *turned = node_attr(v->s->g, v->n); /* transpose_a, transpose_b */
    int result = factor(v, &made[0], 0, turned[0].i);
    if (result == 0) result = factor(v, &made[1], 1, turned[1].i);
    if (result == 0)
        result = grad__sets_union(out, v->s, (size_t)v->shape->count, v->from, v->sources);
    for (int k = 0; k < 2; k++) grad__sets_drop(v->s->host, made[k]);
    return result;
}

/* ---- every kind --------------------------------------------------------------------------------- */

static bool carries(const visit *v)
{
    bool real = grad_dtype_is_float((grad_dtype)v->n->dtype) || v->n->op->results;
    bool some = false;
    for (uint32_t k = 0; k < v->n->n_in; k++) some = some || sets_of(v, k);
    return some && real;
}

/* 0, or 1 where the row's word does not hold here, or -1. */
static int by_reach(visit *v, column_sets **out)
{
    const grad_op *op = v->n->op;
    int result = 1;
    if (op->alias || op->reach == REACH_SAME || op == &grad__op_part)
        add_source(v, sets_of(v, 0), NULL, 0), result = 0;
    else if (!op->kernel && v->n->n_in <= SOURCES) result = lanes(v);
    else if (op->reach == REACH_MOVE) result = moves(v);
    else if (op->reach == REACH_AHEAD) result = looks_ahead(v);
    else if (op->reach == REACH_ADD) return adds(v, out, 0);
    else if (op->reach == REACH_ADD_TO) return adds(v, out, 1);
    else if (op->reach == REACH_AXES) return reduces(v, out);
    else if (op->reach == REACH_LINE) return runs_along(v, out);
    else if (op->reach == REACH_PRODUCT) return multiplies(v, out);
    if (result != 0) return result;
    return grad__sets_union(out, v->s, (size_t)v->shape->count, v->from, v->sources);
}

int grad__sets_of_node(column_sets **out, structure *s, size_t i)
{
    visit v = {.s = s, .i = i, .n = &s->g->at[i]};
    v.in = node_in(s->g, v.n);
    v.shape = node_shape(s->g, v.n);
    *out = NULL;
    if (!grad__has_rule(v.n) && v.n->op != &grad__op_part) return 0;
    if (!carries(&v)) return 0;
    int result = s->patience < 0 ? 1 : by_reach(&v, out);
    for (size_t k = 0; k < v.n_lists; k++)
        grad__free(s->host, v.lists[k], v.list_n[k] * sizeof *v.lists[k]);
    return result == 1 ? all(&v, out) : result;
}
