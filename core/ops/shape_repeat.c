/* shape_repeat.c -- repeating each element on its own: repeat_interleave. */
#include <inttypes.h>

#include "graph.h"
#include "shape.h"

enum { REPEATS, AXIS };

/* One number for all: [n], [n, 1], [n, r], [n * r]. */
static V evenly(B *b, V x, grad_lines at, int64_t times)
{
    x = v_reshape(b, x, 4, (int64_t[]){at.outer, at.size, 1, at.inner});
    return v_expand(b, x, 4, (int64_t[]){at.outer, at.size, times, at.inner});
}

/* A number for each: places of the axis are listed as often as they are wanted. */
static V one_by_one(B *b, V x, int64_t axis, const grad_value *repeats, int64_t total)
{
    grad_host *host = b->g->host;
    V indices = GRAD_NONE;
    int64_t *place = NULL, n = 0;
    if (total > host->elements) {
        grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, "repeats",
                         "repeat_interleave: %" PRId64 " places along an axis are too many",
                         total);
        return GRAD_NONE;
    }
    if (!(place = grad__alloc_array(host, (size_t)total, sizeof *place, b->err)))
        return GRAD_NONE;
    for (uint32_t i = 0; i < repeats->n; i++)
        for (int64_t k = 0; k < repeats->list[i]; k++) place[n++] = i;
    if (grad_constant(&indices, b->g, GRAD_INT64, 1, &n, place, b->err) < 0)
        indices = GRAD_NONE;
    grad__free(host, place, (size_t)total * sizeof *place);
    const grad_value along = INT_(axis);
    return v_emit(b, &grad__op_take, 2, (V[]){x, indices}, 1, &along);
}

static int repeat_interleave_expand(B *b, const grad_args *a, V *out)
{
    const grad_value *repeats = &a->attr[REPEATS], *given = &a->attr[AXIS];
    const int64_t one = 1;
    int64_t axis = given->kind == GRAD_NULL ? 0 : given->i, dim[GRAD_RANK_MAX], total = 0;
    V x = a->in[0];
    char text[96];
    const grad_value axes = grad__list(&axis, 1);
    if (given->kind == GRAD_NULL || v_rank(b, x) == 0)
        x = v_reshape(b, x, 1, v_rank(b, x) ? &v_shape(b, x)->count : &one);
    if (v_failed(b)) return -1;
    const grad_shape *s = v_shape(b, x);
    if (grad__axes(&axis, &axes, s->rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "repeat_interleave: %s",
                                text);
    const grad_lines at = grad__lines(s, axis);
    const bool even = repeats->n == 1;
    if (!even && repeats->n != at.size)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "repeats",
                                "repeat_interleave: one number is expected, or one for each of "
                                "the %" PRId64 " places of axis %" PRId64 ", and repeats lists "
                                "%" PRIu32,
                                at.size, axis, repeats->n);
    for (uint32_t i = 0; i < repeats->n; i++) {
        const int64_t times = repeats->list[i];
        int64_t more = times;
        if (times < 0)
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "repeats",
                                    "repeat_interleave: a place cannot be repeated %" PRId64
                                    " times",
                                    times);
        if ((even && __builtin_mul_overflow(times, at.size, &more)) ||
            __builtin_add_overflow(total, more, &total))
            return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, "repeats",
                                    "repeat_interleave: the result is too large");
    }
    for (int d = 0; d < s->rank; d++) dim[d] = d == axis ? total : s->dim[d];
    x = even ? evenly(b, x, at, repeats->list[0]) : one_by_one(b, x, axis, repeats, total);
    *out = v_reshape(b, x, s->rank, dim);
    return 0;
}

/* clang-format off */

const grad_op grad__op_repeat_interleave = {
    .name = "repeat_interleave",
    .doc = "x with each place along axis repeated where it stands, `repeats` times, or each as "
           "often as its number in the list; as one row of all elements if axis is null.",
    .gradient = "dx = g summed over the copies",
    .in = X_ALONE,
    .attr = {{.name = "repeats", .type = ATTR_INTS, .required = true},
             {.name = "axis", .type = ATTR_INT, .required = true, .nullable = true}},
    .types = TYPES_KEEP, .expand = repeat_interleave_expand,
    .example = "repeat_interleave([1, 2], repeats=2, axis=0) -> [1, 1, 2, 2]\n"
               "repeat_interleave([[1, 2], [3, 4]], repeats=[1, 2], axis=0) -> "
               "[[1, 2], [3, 4], [3, 4]]\n"
               "repeat_interleave([[1, 2], [3, 4]], repeats=2, axis=-1) -> "
               "[[1, 1, 2, 2], [3, 3, 4, 4]]\n"
               "repeat_interleave([[1, 2], [3, 4]], repeats=2, axis=null) -> "
               "[1, 1, 2, 2, 3, 3, 4, 4]\n"
               "repeat_interleave([1, 2, 3], repeats=[2, 0, 1], axis=0) -> [1, 1, 3]\n"
               "repeat_interleave(5, repeats=3, axis=0) -> [5, 5, 5]",
    .trials = "[3] repeats=2 axis=0; [2,3] repeats=3 axis=0; [2,3] repeats=[1,0,2] axis=-1; "
              "[2,3,2] repeats=[2,1,1] axis=1; [2,3] repeats=2 axis=null; [] repeats=2 axis=0; "
              "[2,3] repeats=0 axis=1; [0,3] repeats=2 axis=0; [0,3] repeats=[] axis=0; "
              "[1,2] repeats=3 axis=0",
};

/* clang-format on */

const grad_op *const grad__family_shape_repeat[] = {&grad__op_repeat_interleave, NULL};
