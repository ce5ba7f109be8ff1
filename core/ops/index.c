/* index.c -- slices picked by tensors of indices, and added back where they came from.
 *
 * Indices are checked when they are read, in the forward operator and in its adjoint
 * alike, since either may run without the other. Places that come twice are added in
 * row-major order of the indices.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shape.h"

#define CHUNK 65536 /* elements between two looks at the stop flag */

/* ---- checking ---------------------------------------------------------------------- */

/* Fills the error for indices[at], which is not in `range` ("axis 0 of size 5"). */
static int bad_index(grad_frame *frame, int operand, const grad_shape *shape, int64_t at,
                     int64_t index, const char *range)
{
    int64_t place[GRAD_RANK_MAX];
    char where[96];
    if (frame->err->code != GRAD_OK) return -1;
    for (int d = shape->rank - 1; d >= 0; at /= shape->dim[d--])
        place[d] = at % shape->dim[d];
    grad_fail(frame->err, GRAD_INDEX_OUT_OF_RANGE,
              "index %" PRId64 " is out of range for %s%s%s%s", index, range,
              shape->rank ? " (at indices" : "",
              shape->rank ? grad__dims_text(where, shape->rank, place) : "",
              shape->rank ? ")" : "");
    frame->err->input = operand;
    return -1;
}

/* Are all of `indices` from `low` to size - 1? */
static int check(grad_frame *frame, int operand, const grad_shape *shape,
                 const int64_t *indices, int64_t low, int64_t size, const char *range)
{
    for (int64_t i = 0; i < shape->count; i += CHUNK) {
        const int64_t end = i + CHUNK < shape->count ? i + CHUNK : shape->count;
        int wrong = 0;
        for (int64_t k = i; k < end; k++) wrong |= indices[k] < low || indices[k] >= size;
        for (int64_t k = i; wrong && k < end; k++)
            if (indices[k] < low || indices[k] >= size)
                return bad_index(frame, operand, shape, k, indices[k], range);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

int grad__check_indices(grad_frame *frame, int operand, const grad_shape *shape,
                        const int64_t *indices, const grad_shape *x, int64_t axis,
                        bool negative)
{
    const int64_t size = x->rank ? x->dim[axis] : 1;
    char range[64];
    snprintf(range, sizeof range, "axis %" PRId64 " of size %" PRId64, axis, size);
    return check(frame, operand, shape, indices, negative ? -size : 0, size, range);
}

/* ---- take -------------------------------------------------------------------------- */

/* The sizes of take(x, indices, axis). */
static int take_dims(grad_infer *f, const grad_shape *x, const grad_shape *indices,
                     int64_t axis)
{
    f->rank = 0;
    if (x->rank + indices->rank > GRAD_RANK_MAX + 1)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, -1, NULL,
                               "the result would have more than %d axes", GRAD_RANK_MAX);
    for (int d = 0; d < x->rank && d < axis; d++) f->dim[f->rank++] = x->dim[d];
    if (f->rank + indices->rank > GRAD_RANK_MAX)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, -1, NULL,
                               "the result would have more than %d axes", GRAD_RANK_MAX);
    for (int d = 0; d < indices->rank; d++) f->dim[f->rank++] = indices->dim[d];
    for (int d = (int)axis + 1; d < x->rank; d++) f->dim[f->rank++] = x->dim[d];
    return 0;
}

static int take_infer(grad_infer *f)
{
    if (grad_infer_axis(f, 0, f->in[0]->rank) < 0) return -1;
    return take_dims(f, f->in[0], f->in[1], f->attr[0].i);
}

/* One function an element size, since most runs are short. */
#define TAKE(name, bytes)                                                                \
    static void name(char *to, const char *from, const int64_t *indices, int64_t n,      \
                     int64_t size, size_t run)                                           \
    {                                                                                    \
        (void)run;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                \
            const int64_t k = indices[i] < 0 ? indices[i] + size : indices[i];           \
            memcpy(to + (size_t)i * (bytes), from + (size_t)k * (bytes), (bytes));       \
        }                                                                                \
    }
TAKE(take_1, 1)
TAKE(take_4, 4)
TAKE(take_8, 8)
TAKE(take_run, run)

typedef void (*taker)(char *to, const char *from, const int64_t *indices, int64_t n,
                      int64_t size, size_t run);

static int take_all(grad_lines x, char *to, const char *from, const grad_shape *shape,
                    const int64_t *indices, size_t element, grad_frame *frame)
{
    const size_t run = (size_t)x.inner * element;
    const int64_t n = shape->count, most = x.inner < CHUNK ? CHUNK / x.inner : 1;
    const taker small = run == 8 ? take_8 : run == 4 ? take_4 : take_1;
    const taker take = run == 8 || run == 4 || run == 1 ? small : take_run;
    int64_t since = 0;
    for (int64_t o = 0; o < x.outer; o++, from += (size_t)x.size * run)
        for (int64_t i = 0; i < n; i += most) {
            const int64_t some = n - i < most ? n - i : most;
            take(to, from, indices + i, some, x.size, run);
            to += (size_t)some * run;
            if ((since += some) < most) continue;
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
    return 0;
}

static int take_kernel(const grad_call *c, void *out, const void *const *in,
                       grad_frame *frame)
{
    const int64_t axis = c->attr[0].i, *indices = in[1];
    if (grad__check_indices(frame, 1, c->in[1], indices, c->in[0], axis, true) < 0)
        return -1;
    if (c->shape->count == 0) return 0;
    return take_all(grad__lines(c->in[0], axis), out, in[0], c->in[1], indices,
                    grad_dtype_size(c->dtype), frame);
}

static void take_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V total = grad_total(b, p, 0);
    grad_give_total(
        b, p, 0,
        v_emit(b, &grad__op_take_add, 3, (V[]){total, p->in[1], p->g}, 1, p->attr));
}

static int take_add_infer(grad_infer *f)
{
    if (grad_infer_axis(f, 0, f->in[0]->rank) < 0 ||
        take_dims(f, f->in[0], f->in[1], f->attr[0].i) < 0)
        return -1;
    for (int d = 0; d < f->rank; d++)
        if (f->in[2]->rank != f->rank || f->in[2]->dim[d] != f->dim[d])
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 2, NULL,
                                   "the piece has not the shape of what is taken");
    grad_infer_same(f, f->in[0]);
    return 0;
}

#define TAKE_ADD(dtype, type, sum)                                                       \
    static void take_add_##type(void *to, const void *from, const int64_t *indices,      \
                                int64_t n, grad_lines x)                                     \
    {                                                                                    \
        const type *piece = from;                                                        \
        for (int64_t i = 0; i < n; i++, piece += x.inner) {                              \
            type *y = (type *)to +                                                       \
                      (indices[i] < 0 ? indices[i] + x.size : indices[i]) * x.inner;     \
            for (int64_t k = 0; k < x.inner; k++) y[k] = (type)(sum(y[k], piece[k]));    \
        }                                                                                \
    }
ADD_TYPES(TAKE_ADD)

typedef void (*take_adder)(void *to, const void *from, const int64_t *indices, int64_t n,
                           grad_lines x);
static const take_adder take_adders[GRAD_DTYPES] = {
#define X(dtype, type, sum) [dtype] = take_add_##type,
    ADD_TYPES(X)
#undef X
};

static int take_add_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    const int64_t axis = c->attr[0].i, *indices = in[1], n = c->in[1]->count;
    const bool negative = c->attr[1].i;
    const grad_lines x = grad__lines(c->shape, axis);
    const size_t element = grad_dtype_size(c->dtype);
    const char *piece = in[2];
    char *to = out;
    int64_t since = 0;
    if (grad__check_indices(frame, 1, c->in[1], indices, c->shape, axis, negative) < 0)
        return -1;
    if (c->shape->count == 0) return 0;
    const int64_t most = x.inner < CHUNK ? CHUNK / x.inner : 1;
    grad__begin_add(c, out, in);
    for (int64_t o = 0; o < x.outer; o++, to += (size_t)(x.size * x.inner) * element)
        for (int64_t i = 0; i < n; i += most) {
            const int64_t some = n - i < most ? n - i : most;
            take_adders[c->dtype](to, piece, indices + i, some, x);
            piece += (size_t)(some * x.inner) * element;
            if ((since += some) < most) continue;
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
    return 0;
}

static void take_add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    if (p->attr[1].i)
        pull(p, 2, v_emit(b, &grad__op_take, 2, (V[]){p->g, p->in[1]}, 1, p->attr));
    else
        pull(p, 2, v_emit(b, &grad__op_embedding, 2, (V[]){p->in[1], p->g}, 0, NULL));
}

/* ---- segment_sum ------------------------------------------------------------------- */

/* The axes of segments are the first of x; a slice of x is taken for each. */
static int segment_sum_expand(B *b, const grad_args *a, V *out)
{
    const grad_shape *x = v_shape(b, a->in[0]), *segments = v_shape(b, a->in[1]);
    const int rest = x->rank - segments->rank;
    int64_t dim[GRAD_RANK_MAX + 1];
    char has[96], found[96];
    bool fits = rest >= 0;
    for (int d = 0; fits && d < segments->rank; d++) fits = segments->dim[d] == x->dim[d];
    if (!fits)
        return grad_expand_fail(
            b, GRAD_SHAPE_MISMATCH, 1, NULL,
            "segment_sum: segments of shape %s are not one for each slice of a tensor of "
            "shape %s: their axes are its first",
            grad__dims_text(found, segments->rank, segments->dim),
            grad__dims_text(has, x->rank, x->dim));
    if (a->attr[0].i < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "count",
                                "segment_sum: count is zero or more, and this is %" PRId64,
                                a->attr[0].i);
    if (rest == GRAD_RANK_MAX)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "segment_sum: a tensor has %d axes at most",
                                GRAD_RANK_MAX);
    dim[0] = a->attr[0].i;
    for (int d = 0; d < rest; d++) dim[d + 1] = x->dim[segments->rank + d];
    V zeros = v_emit(b, &grad__op_full, 0, NULL, 3,
                     (grad_value[]){grad__list(dim, (size_t)rest + 1), INT_(0),
                                    INT_(v_dtype(b, a->in[0]))});
    *out = v_emit(b, &grad__op_take_add, 3, (V[]){zeros, a->in[1], a->in[0]}, 0, NULL);
    return 0;
}

/* ---- embedding and one_hot --------------------------------------------------------- */

static int embedding_infer(grad_infer *f)
{
    const grad_shape *weight = f->in[1];
    char found[96];
    if (weight->rank != 2)
        return grad_infer_fail(
            f, GRAD_SHAPE_MISMATCH, 1, NULL,
            "weight is a matrix, a row for each index, and this one has shape %s",
            grad__dims_text(found, weight->rank, weight->dim));
    return take_dims(f, weight, f->in[0], 0);
}

static int embedding_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    if (grad__check_indices(frame, 0, c->in[0], in[0], c->in[1], 0, false) < 0) return -1;
    if (c->shape->count == 0) return 0;
    return take_all(grad__lines(c->in[1], 0), out, in[1], c->in[0], in[0],
                    grad_dtype_size(c->dtype), frame);
}

static void embedding_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 1)) return;
    V total = grad_total(b, p, 1);
    grad_give_total(b, p, 1,
                    v_emit(b, &grad__op_take_add, 3, (V[]){total, p->in[0], p->g}, 2,
                           (grad_value[]){INT_(0), BOOL_(false)}));
}

static int one_hot_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    if (f->attr[0].i < 0)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "depth",
                               "depth is zero or more, and this is %" PRId64,
                               f->attr[0].i);
    if (f->rank == GRAD_RANK_MAX)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a tensor has %d axes at most", GRAD_RANK_MAX);
    f->dim[f->rank++] = f->attr[0].i;
    return 0;
}

static int one_hot_kernel(const grad_call *c, void *out, const void *const *in,
                          grad_frame *frame)
{
    const int64_t depth = c->attr[0].i, *indices = in[0];
    int64_t *to = out;
    char range[40];
    snprintf(range, sizeof range, "depth %" PRId64, depth);
    if (check(frame, 0, c->in[0], indices, 0, depth, range) < 0) return -1;
    if (c->shape->count == 0) return 0;
    memset(out, 0, (size_t)c->shape->count * sizeof *to);
    for (int64_t i = 0; i < c->in[0]->count; i++, to += depth) to[indices[i]] = 1;
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

const grad_op grad__op_take = {
    .name = "take",
    .doc = "The slices of x along axis that indices name, one for each; the axis gives "
           "way to those of indices. Negative indices count from the end.",
    .gradient = "dx = zeros with g added at the indices",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, false}},
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(0)}},
    .types = TYPES_KEEP, .infer = take_infer, .kernel = take_kernel,
    .reach = REACH_MOVE, .runs_empty = true,
    .rule = take_rule,
    .example = "take([5, 6, 7], [2, 0, -1]) -> [7, 5, 7]\n"
               "take([[1, 2], [3, 4]], 1) -> [3, 4]\n"
               "take([[1, 2, 3], [4, 5, 6]], [[0, 2]], axis=1) -> [[[1, 3]], [[4, 6]]]",
    .trials = "[4] i[3]<4; [4,2] i[2,2]<4; [2,3] i[4]<3 axis=-1; [2,3,2] i[]<3 axis=1; "
              "[] i[2]<1; [3] i[0]<3; [3,0] i[2]<3; [1,2] i[3]<1",
};

const grad_op grad__op_take_add = {
    .name = "take_add",
    .doc = "base with piece added to the slices that take would give.",
    .gradient = "dbase = g, dpiece = take(g, indices)",
    .in = {{"base", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, false},
           {"piece", GRAD_ROLE_NUMBER, false}},
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(0)},
             {.name = "negative", .type = ATTR_BOOL, .otherwise = BOOL_(true)}},
    .types = TYPES_KEEP, .infer = take_add_infer, .kernel = take_add_kernel,
    .reach = REACH_ADD_TO,
    .work = grad__work_of_third, .in_place = true, .runs_empty = true,
    .internal = true, .rule = take_add_rule,
    .example = "take_add([1, 2, 3], [0, 0, -1], [10, 20, 30]) -> [31, 2, 33]",
    .trials = "[4] i[3]<4 [3]; [3,2] i[2,2]<2 [3,2,2] axis=1; [4,2] i[2]<4 [2,2]",
};

const grad_op grad__op_segment_sum = {
    .name = "segment_sum",
    .doc = "`count` sums of slices of x: each slice goes to the sum that its segment "
           "names. Negative segments count from the end.",
    .gradient = "dx = take(g, segments)",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"segments", GRAD_ROLE_INDEX, false}},
    .attr = {{.name = "count", .type = ATTR_INT, .required = true}},
    .types = TYPES_WIDE, .expand = segment_sum_expand,
    .example = "segment_sum([1, 2, 3], [0, 2, 0], count=3) -> [4, 0, 2]\n"
               "segment_sum([[1, 2], [3, 4]], [-1, -1], count=2) -> [[0, 0], [4, 6]]\n"
               "segment_sum([], [], count=2) -> [0, 0]",
    .trials = "[4] i[4]<3 count=3; [4,2] i[4]<3 count=5; [2,3,2] i[2,3]<2 count=2; "
              "[] i[]<2 count=2; [3] i[]<2 count=2; [0,2] i[0]<3 count=3; "
              "[2,0] i[2]<3 count=3; [0] i[0]<1 count=0",
};

const grad_op grad__op_embedding = {
    .name = "embedding",
    .doc = "For each index its row of the matrix weight; no index is negative.",
    .gradient = "dweight = zeros with the rows of g added at the indices",
    .in = {{"indices", GRAD_ROLE_INDEX, false}, {"weight", GRAD_ROLE_NUMBER, false}},
    .types = TYPES_KEEP, .infer = embedding_infer, .kernel = embedding_kernel,
    .reach = REACH_MOVE,
    .runs_empty = true,
    .rule = embedding_rule,
    .example = "embedding([1, 0, 1], [[1, 2], [3, 4]]) -> [[3, 4], [1, 2], [3, 4]]\n"
               "embedding(0, [[5, 6]]) -> [5, 6]",
    .trials = "i[3]<4 [4,2]; i[2,2]<3 [3,1]; i[]<2 [2,3]; i[0]<2 [2,3]; i[2]<2 [2,0]",
};

const grad_op grad__op_one_hot = {
    .name = "one_hot",
    .doc = "For each index a row of `depth` integers, 1 at the index and 0 elsewhere; no "
           "index is negative.",
    .gradient = "none: the operand is an integer",
    .in = {{"indices", GRAD_ROLE_INDEX, false}},
    .attr = {{.name = "depth", .type = ATTR_INT, .required = true}},
    .types = TYPES_KEEP, .result = RESULT_INT64, .infer = one_hot_infer,
    .kernel = one_hot_kernel,
    .runs_empty = true, .rule = no_gradient,
    .example = "one_hot([1, 0], depth=3) -> [[0, 1, 0], [1, 0, 0]]\n"
               "one_hot(2, depth=3) -> [0, 0, 1]",
};

/* clang-format on */

const grad_op *const grad__family_index[] = {
    &grad__op_take,      &grad__op_take_add, &grad__op_segment_sum,
    &grad__op_embedding, &grad__op_one_hot,  NULL,
};
