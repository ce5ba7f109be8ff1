/* linalg_contract.c -- sums over products of tensors whose axes have labels, taken pair by pair.
 *
 * Axes of size 1 go first of all: an operand without a label broadcasts along it anyway. An axis
 * that nothing after needs is summed as soon as it stands alone. A pair that shares such an axis is
 * a product of matrices, or of stacks of them, and any other pair is a product of elements; axes
 * are put in another order only where the product cannot read them as they stand.
 */
#include <string.h>

#include "products.h"
#include "shape.h"

typedef struct group { /* labels in an order */
    int n;
    uint8_t label[GRAD_RANK_MAX];
} group;

static int place_of(const grad_labelled *x, uint8_t label)
{
    for (int i = 0; i < x->rank; i++)
        if (x->label[i] == label) return i;
    return -1;
}

static bool has(const grad_labelled *x, uint8_t label) { return place_of(x, label) >= 0; }

/* Labels that operands still to come, or the result, ask for. */
static bool needed(const grad_contraction *c, uint8_t label)
{
    return c->kept[label] || c->uses[label] > 0;
}

int grad__label_axes(grad_contraction *c, B *b, const grad_labelled *x)
{
    const grad_shape *s = v_shape(b, x->v);
    for (int i = 0; i < x->rank; i++) {
        uint8_t label = x->label[i];
        int first = place_of(x, label);
        if (first < i && s->dim[first] != s->dim[i]) return i;
        if (!c->known[label] || c->size[label] == 1) c->size[label] = s->dim[i];
        else if (s->dim[i] != 1 && s->dim[i] != c->size[label]) return i;
        c->known[label] = true;
        if (first == i && s->dim[i] != 1) c->uses[label]++;
    }
    return -1;
}

/* ---- one operand ----------------------------------------------------------------------------- */

static void drop_ones(B *b, grad_labelled *x)
{
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, x->v);
    int rank = 0;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] == 1) continue;
        x->label[rank] = x->label[i];
        dim[rank++] = s->dim[i];
    }
    x->rank = rank;
    x->v = grad__reshaped(b, x->v, rank, dim);
}

/* Where two axes have one label, their diagonal, which is the last axis then. */
static void take_diagonals(B *b, grad_labelled *x)
{
    for (int j = 1; j < x->rank; j++) {
        int i = place_of(x, x->label[j]);
        uint8_t label = x->label[j];
        if (i == j) continue;
        x->v = v_emit(b, &grad__op_diagonal, 1, &x->v, 3,
                      (grad_value[]){INT_(0), INT_(i), INT_(j)});
        memmove(x->label + j, x->label + j + 1, (size_t)(x->rank - j - 1));
        memmove(x->label + i, x->label + i + 1, (size_t)(x->rank - i - 2));
        x->label[x->rank-- - 2] = label;
        j = 0;
    }
}

/* A sum that stays of one type, as the products it stands beside do. */
static V sum_of(B *b, V x, const int64_t *axes, size_t n)
{
    return v_failed(b) ? GRAD_NONE : v_cast(b, v_sum(b, x, axes, n, false), v_dtype(b, x));
}

/* Sums x over what neither `other` nor anything after needs. */
static void sum_alone(const grad_contraction *c, B *b, grad_labelled *x, const grad_labelled *other)
{
    int64_t axes[GRAD_RANK_MAX];
    int n = 0, rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (needed(c, x->label[i]) || (other && has(other, x->label[i])))
            x->label[rank++] = x->label[i];
        else axes[n++] = i;
    }
    if (n) x->v = sum_of(b, x->v, axes, (size_t)n);
    x->rank = rank;
}

/* ---- orders of axes -------------------------------------------------------------------------- */

static group joined(const group *a, const group *b, const group *c)
{
    group all = {0};
    const group *const part[] = {a, b, c};
    for (int k = 0; k < 3; k++)
        for (int i = 0; part[k] && i < part[k]->n; i++) all.label[all.n++] = part[k]->label[i];
    return all;
}

static bool stands_so(const grad_labelled *x, const group *order)
{
    return memcmp(x->label, order->label, (size_t)order->n) == 0;
}

/* Some labels of x, in the order given. */
static void put_in_order(B *b, grad_labelled *x, const group *order)
{
    int64_t axes[GRAD_RANK_MAX];
    if (stands_so(x, order)) return;
    for (int i = 0; i < order->n; i++) axes[i] = place_of(x, order->label[i]);
    x->v = v_transpose(b, x->v, order->n, axes);
    memcpy(x->label, order->label, (size_t)order->n);
}

/* Labels of x that are (or are not) in y, and are (or are not) needed after. */
static group some(const grad_contraction *c, const grad_labelled *x, const grad_labelled *y,
                  bool in_y, bool after)
{
    group g = {0};
    for (int i = 0; i < x->rank; i++)
        if (has(y, x->label[i]) == in_y && needed(c, x->label[i]) == after)
            g.label[g.n++] = x->label[i];
    return g;
}

/* The labels' sizes multiplied; they are axes of one tensor. */
static int64_t sizes(const grad_contraction *c, const group *g)
{
    int64_t all = 1;
    for (int i = 0; i < g->n; i++) all *= c->size[g->label[i]];
    return all;
}

/* ---- a pair ---------------------------------------------------------------------------------- */

static void become(grad_contraction *c, B *b, V v, const group *labels)
{
    int64_t dim[GRAD_RANK_MAX];
    for (int i = 0; i < labels->n; i++) dim[i] = c->size[labels->label[i]];
    c->total.v = grad__reshaped(b, v, labels->n, dim);
    c->total.rank = labels->n;
    memcpy(c->total.label, labels->label, (size_t)labels->n);
}

/* Elements times elements; the axes of x come first, then those that only y has. */
static void multiply_elements(grad_contraction *c, B *b, grad_labelled *x, grad_labelled *y)
{
    int64_t dim_x[GRAD_RANK_MAX], dim_y[GRAD_RANK_MAX];
    const group own = some(c, y, x, false, true);
    group all = {0}, of_y = {0};
    for (int i = 0; i < x->rank; i++) {
        all.label[all.n++] = x->label[i];
        if (has(y, x->label[i])) of_y.label[of_y.n++] = x->label[i];
    }
    all = joined(&all, &own, NULL);
    of_y = joined(&of_y, &own, NULL);
    put_in_order(b, y, &of_y);
    for (int i = 0; i < all.n; i++) {
        int64_t size = c->size[all.label[i]];
        dim_x[i] = i < x->rank ? size : 1;
        dim_y[i] = has(y, all.label[i]) ? size : 1;
    }
    V v = v_mul(b, grad__reshaped(b, x->v, all.n, dim_x), grad__reshaped(b, y->v, all.n, dim_y));
    c->total = (grad_labelled){.v = v, .rank = all.n};
    memcpy(c->total.label, all.label, (size_t)all.n);
    sum_alone(c, b, &c->total, NULL);
}

/* How a pair is cut into matrices. */
typedef struct cut {
    group stack, left, right, summed;
} cut;

/* x as a stack of matrices of `rows` by what is summed, or the other way round. */
static V as_matrices(const grad_contraction *c, B *b, grad_labelled *x, const cut *k,
                     const group *rows, bool *turned)
{
    const group order = joined(&k->stack, rows, &k->summed);
    const group other = joined(&k->stack, &k->summed, rows);
    *turned = !stands_so(x, &order) && stands_so(x, &other);
    if (!*turned) put_in_order(b, x, &order);
    int64_t m = sizes(c, rows), n = sizes(c, &k->summed);
    int64_t dim[3] = {sizes(c, &k->stack), *turned ? n : m, *turned ? m : n};
    return k->stack.n ? grad__reshaped(b, x->v, 3, dim) : grad__reshaped(b, x->v, 2, dim + 1);
}

/* How many of the two would have to be copied into another order? */
static int copies(const cut *k, const grad_labelled *x, const grad_labelled *y)
{
    const group one = joined(&k->stack, &k->left, &k->summed);
    const group two = joined(&k->stack, &k->summed, &k->left);
    const group three = joined(&k->stack, &k->right, &k->summed);
    const group four = joined(&k->stack, &k->summed, &k->right);
    return (!stands_so(x, &one) && !stands_so(x, &two)) +
           (!stands_so(y, &three) && !stands_so(y, &four));
}

static void multiply(grad_contraction *c, B *b, grad_labelled *x, grad_labelled *y)
{
    cut k = {.stack = some(c, x, y, true, true), .left = some(c, x, y, false, true),
             .right = some(c, y, x, false, true), .summed = some(c, x, y, true, false)};
    cut other = {.stack = some(c, y, x, true, true), .left = k.left, .right = k.right,
                 .summed = some(c, y, x, true, false)};
    if (k.stack.n + k.left.n + k.right.n > GRAD_RANK_MAX) {
        grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, NULL,
                         "a product on the way to the result would have more than %d axes",
                         GRAD_RANK_MAX);
        return;
    }
    if (copies(&other, x, y) < copies(&k, x, y)) k = other;
    /* Many products of two vectors each are worth it only where nothing is copied for them. */
    bool vectors = k.left.n + k.right.n == 0 && k.stack.n > 0;
    if (k.summed.n == 0 || (vectors && copies(&k, x, y) > 0)) {
        multiply_elements(c, b, x, y);
        return;
    }
    bool turned_x, turned_y;
    V left = as_matrices(c, b, x, &k, &k.left, &turned_x);
    V right = as_matrices(c, b, y, &k, &k.right, &turned_y);
    const group result = joined(&k.stack, &k.left, &k.right);
    become(c, b, grad__matmul_t(b, left, right, turned_x, !turned_y), &result);
}

/* Does the result begin with an axis of y, of those that only one of the two has? */
static bool starts_with_second(const grad_contraction *c, const grad_labelled *x,
                               const grad_labelled *y)
{
    for (int i = 0; i < c->rank; i++)
        if (has(x, c->label[i]) != has(y, c->label[i])) return has(y, c->label[i]);
    return false;
}

/* Where a size is 0 there is nothing to add up, or no result to have it. */
static bool is_empty(const grad_contraction *c)
{
    for (int i = 0; i < GRAD_LABELS; i++)
        if (c->known[i] && c->size[i] == 0) return true;
    return false;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void grad__contract(grad_contraction *c, B *b, const grad_labelled *x, bool last)
{
    grad_labelled y = *x;
    if (v_failed(b)) return;
    if (is_empty(c)) {
        c->total = y;
        return;
    }
    drop_ones(b, &y);
    for (int i = 0; i < y.rank; i++)
        if (place_of(&y, y.label[i]) == i) c->uses[y.label[i]]--;
    take_diagonals(b, &y);
    sum_alone(c, b, &y, c->begun ? &c->total : NULL);
    if (!c->begun) {
        c->total = y;
        c->begun = true;
        return;
    }
    grad_labelled before = c->total;
    sum_alone(c, b, &before, &y);
    if (v_failed(b)) return;
    if (last && starts_with_second(c, &before, &y)) multiply(c, b, &y, &before);
    else multiply(c, b, &before, &y);
}

V grad__contracted(grad_contraction *c, B *b)
{
    int64_t dim[GRAD_RANK_MAX];
    group order = {0};
    if (v_failed(b)) return GRAD_NONE;
    for (int i = 0; i < c->rank; i++) {
        dim[i] = c->size[c->label[i]];
        if (dim[i] > 1) order.label[order.n++] = c->label[i];
    }
    if (is_empty(c)) {
        const grad_value shape = grad__list(dim, (size_t)c->rank);
        return v_emit(b, &grad__op_full, 0, NULL, 3,
                      (grad_value[]){shape, INT_(0), INT_(v_dtype(b, c->total.v))});
    }
    put_in_order(b, &c->total, &order);
    return grad__reshaped(b, c->total.v, c->rank, dim);
}
