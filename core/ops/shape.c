/* shape.c -- the same elements under another shape or in another order of axes.
 *
 * reshape, flatten, squeeze and unsqueeze only rename: they are aliases and share one
 * rule.
 */
#include <inttypes.h>

#include "shape.h"

/* ---- renaming ---------------------------------------------------------------------- */

static void renaming_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_reshape_like(b, p->g, p->in[0]));
}

static int reshape_infer(grad_infer *f)
{
    const grad_value shape = f->attr[0];
    const int64_t count = f->in[0]->count;
    char want[96], have[96];
    int64_t *dim = grad_infer_list(f, shape.n);
    uint32_t free_axis = shape.n;

    if (!dim) return -1;
    for (uint32_t i = 0; i < shape.n; i++) {
        dim[i] = shape.list[i];
        if (dim[i] != -1) continue;
        if (free_axis < shape.n)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "shape",
                                   "one size at most may be -1");
        free_axis = i;
        dim[i] = 1;
    }
    f->attr[0] = grad__list(dim, shape.n);
    if (grad__infer_dims(f, 0) < 0) return -1;
    if (free_axis < shape.n) {
        const int64_t rest = grad__dims_product(f->rank, dim);
        if (rest == 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "shape",
                                   "-1 beside a size of zero could be any size");
        if (count % rest == 0) f->dim[free_axis] = dim[free_axis] = count / rest;
    }
    if (grad__dims_product(f->rank, dim) != count)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, "shape",
                               "%" PRId64 " elements of shape %s do not fit the shape %s",
                               count,
                               grad__dims_text(have, f->in[0]->rank, f->in[0]->dim),
                               grad__dims_text(want, (int)shape.n, shape.list));
    return 0;
}

static int flatten_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    if (grad_infer_axis(f, 0, x->rank) < 0 || grad_infer_axis(f, 1, x->rank) < 0)
        return -1;
    const int first = (int)f->attr[0].i, last = (int)f->attr[1].i;
    if (first > last)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "end_axis",
                               "end_axis %d comes before start_axis %d", last, first);
    f->rank = 0;
    for (int d = 0; d < first; d++) f->dim[f->rank++] = x->dim[d];
    f->dim[f->rank] = x->rank == 0 ? 1
                                   : grad__dims_product(last - first + 1, x->dim + first);
    if (f->dim[f->rank++] == INT64_MAX)
        return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, 0, NULL,
                               "the joined axis is too long");
    for (int d = last + 1; d < x->rank; d++) f->dim[f->rank++] = x->dim[d];
    return 0;
}

static int squeeze_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    if (grad_infer_axes(f, 0, x->rank) < 0) return -1;
    uint32_t k = 0;
    f->rank = 0;
    for (int d = 0; d < x->rank; d++) {
        bool named = k < f->attr[0].n && f->attr[0].list[k] == d;
        if (named) k++;
        if (!named || x->dim[d] != 1) f->dim[f->rank++] = x->dim[d];
    }
    return 0;
}

static int unsqueeze_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    if (f->attr[0].n > (uint32_t)(GRAD_RANK_MAX - x->rank))
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axis",
                               "a tensor has %d axes at most", GRAD_RANK_MAX);
    f->rank = x->rank + (int)f->attr[0].n;
    if (grad_infer_axes(f, 0, f->rank) < 0) return -1;
    uint32_t k = 0;
    for (int d = 0, from = 0; d < f->rank; d++) {
        bool fresh = k < f->attr[0].n && f->attr[0].list[k] == d;
        if (fresh) k++;
        f->dim[d] = fresh ? 1 : x->dim[from++];
    }
    return 0;
}

/* ---- the order of axes ------------------------------------------------------------- */

static int transpose_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    const size_t rank = (size_t)x->rank;
    int64_t place[GRAD_RANK_MAX];
    char text[96];
    int64_t *list = grad_infer_list(f, rank);
    if (!list) return -1;
    if (f->attr[0].kind == GRAD_NULL) {
        for (size_t d = 0; d < rank; d++) place[d] = (int64_t)(rank - 1 - d);
    } else {
        if (f->attr[0].n != rank)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axes",
                                   "all %zu axes are expected, and axes lists %" PRIu32,
                                   rank, f->attr[0].n);
        if (grad__axes(place, &f->attr[0], x->rank, text) < 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axes", "%s", text);
    }
    for (size_t d = 0; d < rank; d++) {
        list[d] = place[d];
        f->dim[d] = x->dim[place[d]];
    }
    f->rank = x->rank;
    f->attr[0] = grad__list(list, rank);
    return 0;
}

static int transpose_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    grad_window all, w;
    grad__window(&all, c->in[0]);
    w.rank = all.rank;
    w.start = 0;
    for (int d = 0; d < w.rank; d++) {
        w.dim[d] = all.dim[c->attr[0].list[d]];
        w.step[d] = all.step[c->attr[0].list[d]];
    }
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void transpose_rule(B *b, const grad_pull *p)
{
    int64_t back[GRAD_RANK_MAX];
    const uint32_t rank = p->attr[0].n;
    for (uint32_t d = 0; d < rank; d++) back[p->attr[0].list[d]] = d;
    pull(p, 0, v_transpose(b, p->g, (int)rank, back));
}

static int swapaxes_expand(B *b, const grad_args *a, V *out)
{
    const int rank = v_rank(b, a->in[0]);
    int64_t pair[2], place[GRAD_RANK_MAX];
    char text[96];
    for (size_t k = 0; k < 2; k++) {
        const grad_value one = grad__list(&a->attr[k].i, 1);
        if (grad__axes(&pair[k], &one, rank, text) < 0)
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, a->op->attr[k].name,
                                    "swapaxes: %s", text);
    }
    for (int d = 0; d < rank; d++)
        place[d] = d == pair[0] ? pair[1] : d == pair[1] ? pair[0] : d;
    *out = v_transpose(b, a->in[0], rank, place);
    return 0;
}

/* As numpy.moveaxis: the axes not named keep their order, in the places left. */
static int movedim_expand(B *b, const grad_args *a, V *out)
{
    const grad_value *source = &a->attr[0], *destination = &a->attr[1];
    const int rank = v_rank(b, a->in[0]);
    int64_t from[GRAD_RANK_MAX], to[GRAD_RANK_MAX], place[GRAD_RANK_MAX];
    char text[96];
    int next = 0;

    if (source->n != destination->n)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "destination",
                                "movedim: source and destination must be of one length, "
                                "found %" PRIu32 " and %" PRIu32,
                                source->n, destination->n);
    if (grad__axes(from, source, rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "source", "movedim: %s", text);
    if (grad__axes(to, destination, rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "destination", "movedim: %s",
                                text);

    uint64_t moved = 0;
    for (int d = 0; d < rank; d++) place[d] = -1;
    for (uint32_t k = 0; k < source->n; k++) {
        moved |= (uint64_t)1 << from[k];
        place[to[k]] = from[k];
    }
    for (int d = 0; d < rank; d++) {
        if (place[d] >= 0) continue;
        while (moved >> next & 1) next++;
        place[d] = next++;
    }
    *out = v_transpose(b, a->in[0], rank, place);
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

const grad_op grad__op_reshape = {
    .name = "reshape",
    .doc = "x's elements, in row-major order, under another shape; one size may be -1 "
           "and is worked out.",
    .gradient = "dx = reshape(g, shape of x)",
    .in = X_ALONE,
    .attr = {{.name = "shape", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .infer = reshape_infer, .alias = true, .rule = renaming_rule,
    .example = "reshape([1, 2, 3, 4], shape=[2, 2]) -> [[1, 2], [3, 4]]\n"
               "reshape([[1, 2, 3], [4, 5, 6]], shape=[3, -1]) -> [[1, 2], [3, 4], [5, "
               "6]]\n"
               "reshape([[7]], shape=[]) -> 7",
    .trials = "[2,3] shape=[3,2]; [2,3] shape=[-1]; [] shape=[1,1]; [1] shape=[]; "
              "[0,3] shape=[5,0]; [0,3] shape=[-1,3]",
};

const grad_op grad__op_flatten = {
    .name = "flatten",
    .doc = "The axes from start_axis to end_axis joined into one; a 0-d x becomes a "
           "vector of one.",
    .gradient = "dx = reshape(g, shape of x)",
    .in = X_ALONE,
    .attr = {{.name = "start_axis", .type = ATTR_INT, .otherwise = INT_(0)},
             {.name = "end_axis", .type = ATTR_INT, .otherwise = INT_(-1)}},
    .types = TYPES_KEEP, .infer = flatten_infer, .alias = true, .rule = renaming_rule,
    .example = "flatten([[1, 2], [3, 4]]) -> [1, 2, 3, 4]\n"
               "flatten([[[1], [2]], [[3], [4]]], start_axis=1) -> [[1, 2], [3, 4]]\n"
               "flatten(5) -> [5]",
    .trials = "[2,3]; [2,1,3] start_axis=1; [2,1,3] end_axis=1; []; [0,3]; "
              "[2,0,3] start_axis=-2",
};

const grad_op grad__op_squeeze = {
    .name = "squeeze",
    .doc = "x without its axes of size 1, or without those that axis names; an axis of "
           "another size stays.",
    .gradient = "dx = reshape(g, shape of x)",
    .in = X_ALONE,
    .attr = {{.name = "axis", .type = ATTR_INTS, .nullable = true}},
    .types = TYPES_KEEP, .infer = squeeze_infer, .alias = true, .rule = renaming_rule,
    .example = "squeeze([[[1], [2]]]) -> [1, 2]\n"
               "squeeze([[[1], [2]]], axis=0) -> [[1], [2]]\n"
               "squeeze([[1, 2]], axis=[0, 1]) -> [1, 2]",
    .trials = "[1,3,1]; [1,3,1] axis=-1; [1,3,1] axis=[0,1]; [1,3] axis=[]; []; [1,0]",
};

const grad_op grad__op_unsqueeze = {
    .name = "unsqueeze",
    .doc = "x with new axes of size 1 at the places that axis names, counted in the "
           "result.",
    .gradient = "dx = reshape(g, shape of x)",
    .in = X_ALONE,
    .attr = {{.name = "axis", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .infer = unsqueeze_infer, .alias = true, .rule = renaming_rule,
    .example = "unsqueeze([1, 2], axis=0) -> [[1, 2]]\n"
               "unsqueeze([1, 2], axis=-1) -> [[1], [2]]\n"
               "unsqueeze(3, axis=[0, 1]) -> [[3]]",
    .trials = "[3] axis=0; [2,3] axis=[0,-1]; [] axis=0; [0] axis=1",
};

const grad_op grad__op_transpose = {
    .name = "transpose",
    .doc = "x with its axes in the order given, axis i of the result being axes[i] of x; "
           "reversed if null.",
    .gradient = "dx = transpose(g, the inverse order)",
    .in = X_ALONE,
    .attr = {{.name = "axes", .type = ATTR_INTS, .nullable = true}},
    .types = TYPES_KEEP, .infer = transpose_infer, .kernel = transpose_kernel,
    .reach = REACH_MOVE,
    .rule = transpose_rule,
    .example = "transpose([[1, 2, 3], [4, 5, 6]]) -> [[1, 4], [2, 5], [3, 6]]\n"
               "transpose([[[1, 2], [3, 4]]], axes=[2, 0, 1]) -> [[[1, 3]], [[2, 4]]]\n"
               "transpose(3) -> 3",
    .trials = "[2,3]; [2,3,4] axes=[2,0,1]; [2,3,4] axes=[-1,1,0]; []; [3]; [0,3]; [1,3]",
};

const grad_op grad__op_swapaxes = {
    .name = "swapaxes",
    .doc = "x with two axes exchanged.",
    .gradient = "dx = swapaxes(g, axis1, axis2)",
    .in = X_ALONE,
    .attr = {{.name = "axis1", .type = ATTR_INT, .required = true},
             {.name = "axis2", .type = ATTR_INT, .required = true}},
    .types = TYPES_KEEP, .expand = swapaxes_expand,
    .example = "swapaxes([[1, 2], [3, 4]], axis1=0, axis2=1) -> [[1, 3], [2, 4]]\n"
               "swapaxes([[[1, 2]], [[3, 4]]], axis1=0, axis2=-1) -> [[[1, 3]], [[2, "
               "4]]]",
    .trials = "[2,3] axis1=0 axis2=1; [2,3,4] axis1=-1 axis2=0; [2,3] axis1=1 axis2=1; "
              "[] axis1=0 axis2=0; [0,3] axis1=0 axis2=1",
};

const grad_op grad__op_movedim = {
    .name = "movedim",
    .doc = "x with the axes of source moved to the places of destination; the others "
           "keep their order.",
    .gradient = "dx = movedim(g, destination, source)",
    .in = X_ALONE,
    .attr = {{.name = "source", .type = ATTR_INTS, .required = true},
             {.name = "destination", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .expand = movedim_expand,
    .example = "movedim([[1, 2], [3, 4]], source=0, destination=1) -> [[1, 3], [2, 4]]\n"
               "movedim([[[1, 2], [3, 4]]], source=[0, 1], destination=[-1, 0]) -> "
               "[[[1], [2]], [[3], [4]]]",
    .trials = "[2,3,4] source=0 destination=-1; [2,3,4] source=[2,0] destination=[0,1]; "
              "[3] source=0 destination=0; [2,0,3] source=1 destination=0",
};

/* clang-format on */

const grad_op *const grad__family_shape[] = {
    &grad__op_reshape,   &grad__op_flatten,  &grad__op_squeeze, &grad__op_unsqueeze,
    &grad__op_transpose, &grad__op_swapaxes, &grad__op_movedim, NULL,
};
