/* linalg_distance.c -- cdist: the distances between two sets of points. The Euclidean one comes
 * from linalg_differences.c; other norms are taken of a tensor of all differences.
 */
#include "products.h"
#include "shape.h"

extern const grad_op grad__op_norm;
extern const grad_op grad__op_distances, grad__op_difference_products;
extern const grad_op grad__op_weighted_differences; /* linalg_differences.c */

/* The axes before the last two, broadcast; -1 where they do not. */
static int stack_of(const grad_shape *s, const grad_shape *t, int64_t *dim)
{
    int rank = (s->rank > t->rank ? s->rank : t->rank) - 2;
    for (int i = 3; i <= rank + 2; i++) {
        int64_t p = i <= s->rank ? s->dim[s->rank - i] : 1;
        int64_t q = i <= t->rank ? t->dim[t->rank - i] : 1;
        if (p != q && p != 1 && q != 1) return -1;
        dim[rank + 2 - i] = p == 1 ? q : p;
    }
    return rank;
}

/* x as [stack, points, coordinates]. */
static V as_points(B *b, V x, int rank, const int64_t *stack)
{
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, x);
    bool same = s->rank == rank + 2;
    for (int i = 0; i < rank; i++) {
        dim[i] = stack[i];
        same = same && s->dim[i] == stack[i];
    }
    dim[rank] = s->dim[s->rank - 2];
    dim[rank + 1] = s->dim[s->rank - 1];
    if (!same) x = v_expand(b, x, rank + 2, dim);
    return grad__reshaped(b, x, 3, (int64_t[]){grad__dims_product(rank, stack), dim[rank],
                                               dim[rank + 1]});
}

static V by_norm(B *b, V x, V y, double p)
{
    const int64_t *s = v_shape(b, x)->dim, *t = v_shape(b, y)->dim, last = 3;
    V gap = v_sub(b, v_reshape(b, x, 4, (int64_t[]){s[0], s[1], 1, s[2]}),
                  v_reshape(b, y, 4, (int64_t[]){t[0], 1, t[1], t[2]}));
    return v_emit(b, &grad__op_norm, 1, &gap, 2, (grad_value[]){REAL_(p), grad__list(&last, 1)});
}

static int cdist_expand(B *b, const grad_args *a, V *out)
{
    int64_t dim[GRAD_RANK_MAX];
    double p = a->attr[0].r;
    if (!(p >= 0))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "p",
                                "cdist: p must be 0 or more, found %s", NUMBER(p));
    for (int k = 0; k < 2; k++)
        if (v_rank(b, a->in[k]) < 2) return grad__need_axes(b, a, k, "two axes or more");
    const grad_shape *s = v_shape(b, a->in[0]), *t = v_shape(b, a->in[1]);
    if (s->dim[s->rank - 1] != t->dim[t->rank - 1])
        return grad__does_not_fit(b, a, "points must have the same number of coordinates, the size "
                                        "of the last axis");
    int rank = stack_of(s, t, dim);
    if (rank < 0)
        return grad__does_not_fit(b, a, "the axes before the last two must broadcast");
    V x = as_points(b, a->in[0], rank, dim), y = as_points(b, a->in[1], rank, dim);
    dim[rank] = s->dim[s->rank - 2];
    dim[rank + 1] = t->dim[t->rank - 2];
    bool none = s->dim[s->rank - 1] == 0; /* no coordinates: all points are equal */
    if (v_failed(b)) return -1;
    V z = p == 2 || none ? v_emit(b, &grad__op_distances, 2, (V[]){x, y}, 0, NULL)
                         : by_norm(b, x, y, p);
    *out = grad__reshaped(b, z, rank + 2, dim);
    return 0;
}

const grad_op grad__op_cdist = {
    .name = "cdist",
    .doc = "The p-norm of the difference of each point of a and each of b, which are the rows of "
           "matrices, or of stacks of them that broadcast.",
    .gradient = "g (a - b) / y to a for p = 2, and as norm has it; 0 where points are equal",
    .in = {{.name = "a"}, {.name = "b"}},
    .attr = {{.name = "p", .type = ATTR_REAL, .otherwise = REAL_(2)}},
    .types = TYPES_REAL,
    .expand = cdist_expand,
    .example = "cdist([[0, 0], [3, 3]], [[3, 4]]) -> [[5], [1]]\n"
               "cdist([[0, 0], [3, 3]], [[3, 4]], p=1) -> [[7], [1]]\n"
               "cdist([[0, 0], [3, 3]], [[3, 4]], p=0) -> [[2], [1]]\n"
               "cdist([[0, 0], [3, 3]], [[3, 4]], p=Infinity) -> [[4], [1]]\n"
               "cdist([[0, 1]], [[1, 0]], p=0.5) -> [[4]]\n"
               "cdist([[1000000001, 1]], [[1000000000, 1]]) -> [[1]]\n"
               "cdist([[[1], [2]]], [[[0]], [[5]]]) -> [[[1], [2]], [[4], [3]]]",
    .trials = "[3,2] [4,2]; [3,2] [2,2] p=0; [3,2] [2,2] p=1; [3,2] [2,2] p=3; "
              "[3,2] [2,2] p=Infinity; [2,3,2] [2,2]; [2,1,2,3] [3,2,3] p=2.5; [0,2] [3,2]; "
              "[2,0] [3,0]; [2,0] [3,0] p=Infinity; [1,9] [2,9]",
};

const grad_op *const grad__family_linalg_distance[] = {
    &grad__op_cdist,
    &grad__op_distances,
    &grad__op_difference_products,
    &grad__op_weighted_differences,
    NULL,
};
