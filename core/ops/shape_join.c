/* shape_join.c -- joining tensors along an axis they have (concat), or a new one (stack).
 *
 * Both are one kernel: what an operand gives is contiguous from the axis on.
 */
#include <inttypes.h>
#include <string.h>

#include "shape.h"

/* ---- both -------------------------------------------------------------------------- */

/* Before the axis lie `outer` places; operand k gives count / outer elements at each. */
static int join_kernel(const grad_call *c, void *out, const void *const *in,
                       grad_frame *frame)
{
    const size_t size = grad_dtype_size(c->dtype);
    const int64_t outer = grad__dims_product((int)c->attr[0].i, c->shape->dim);
    char *to = out;
    size_t since = 0;
    for (int64_t i = 0; i < outer; i++)
        for (size_t k = 0; k < c->n_in; k++) {
            const size_t bytes = (size_t)(c->in[k]->count / outer) * size;
            if (bytes == 0) continue;
            memcpy(to, (const char *)in[k] + (size_t)i * bytes, bytes);
            to += bytes;
            if ((since += bytes + 64) < 500000) continue;
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
    return 0;
}

/* Has operand k the sizes of the first operand, along every axis but `except`? */
static int join_check(grad_infer *f, size_t k, int except)
{
    const grad_shape *a = f->in[0], *x = f->in[k];
    char first[96], other[96];
    bool same = x->rank == a->rank;
    for (int d = 0; same && d < a->rank; d++)
        same = d == except || x->dim[d] == a->dim[d];
    if (same) return 0;
    grad__dims_text(first, a->rank, a->dim);
    grad__dims_text(other, x->rank, x->dim);
    if (except < 0)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                               "shapes %s and %s differ: what is stacked has one shape",
                               first, other);
    return grad_infer_fail(
        f, GRAD_SHAPE_MISMATCH, (int)k, NULL,
        "shapes %s and %s do not join along axis %d: the other axes differ", first, other,
        except);
}

/* ---- concat ------------------------------------------------------------------------ */

static int concat_infer(grad_infer *f)
{
    int64_t all = 0;
    if (f->in[0]->rank == 0)
        return grad_infer_fail(
            f, GRAD_SHAPE_MISMATCH, 0, NULL,
            "0-d tensors have no axis to join along (stack makes one)");
    if (grad_infer_axis(f, 0, f->in[0]->rank) < 0) return -1;
    const int axis = (int)f->attr[0].i;
    grad_infer_same(f, f->in[0]);
    for (size_t k = 0; k < f->n_in; k++) {
        if (join_check(f, k, axis) < 0) return -1;
        if (__builtin_add_overflow(all, f->in[k]->dim[axis], &all))
            return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, (int)k, NULL,
                                   "the result is too large");
    }
    f->dim[axis] = all;
    return 0;
}

static void concat_rule(B *b, const grad_pull *p)
{
    const int64_t axis = p->attr[0].i;
    int64_t start = 0, stop;
    for (size_t k = 0; k < p->n_in && !v_failed(b); k++, start = stop) {
        stop = start + v_shape(b, p->in[k])->dim[axis];
        pull(p, k,
             v_emit(b, &grad__op_slice, 1, &p->g, 4,
                    (grad_value[]){grad__list(&start, 1), grad__list(&stop, 1),
                                   (grad_value)NOTHING, grad__list(&axis, 1)}));
    }
}

/* ---- stack ------------------------------------------------------------------------- */

static int stack_infer(grad_infer *f)
{
    const grad_shape *a = f->in[0];
    if (a->rank == GRAD_RANK_MAX)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a tensor has %d axes at most", GRAD_RANK_MAX);
    f->rank = a->rank + 1;
    if (grad_infer_axis(f, 0, f->rank) < 0) return -1;
    for (size_t k = 1; k < f->n_in; k++)
        if (join_check(f, k, -1) < 0) return -1;
    for (int d = 0, from = 0; d < f->rank; d++)
        f->dim[d] = d == f->attr[0].i ? (int64_t)f->n_in : a->dim[from++];
    return 0;
}

static void stack_rule(B *b, const grad_pull *p)
{
    for (size_t k = 0; k < p->n_in && !v_failed(b); k++)
        pull(p, k,
             v_emit(b, &grad__op_select, 1, &p->g, 2,
                    (grad_value[]){p->attr[0], INT_((int64_t)k)}));
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

const grad_op grad__op_concat = {
    .name = "concat",
    .doc = "Tensors joined along an axis; their other axes have the same sizes.",
    .gradient = "da = the slice of g where a stands",
    .in = {{"a", GRAD_ROLE_NUMBER, false}}, .variadic = true,
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(0)}},
    .types = TYPES_PROMOTE, .infer = concat_infer, .kernel = join_kernel,
    .reach = REACH_MOVE,
    .rule = concat_rule,
    .example = "concat([1, 2], [3]) -> [1, 2, 3]\n"
               "concat([[1], [2]], [[3], [4]], axis=1) -> [[1, 3], [2, 4]]\n"
               "concat([[1, 2]]) -> [[1, 2]]",
    .trials = "[2] [3]; [2,3] [2,1] [2,2] axis=-1; [1,2] [0,2] [3,2]; [3]; [0] [0]; "
              "[2,0] [2,1] axis=1",
};

const grad_op grad__op_stack = {
    .name = "stack",
    .doc = "Tensors of one shape joined along a new axis, at the place that axis names "
           "in the result.",
    .gradient = "da = g at a's index",
    .in = {{"a", GRAD_ROLE_NUMBER, false}}, .variadic = true,
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(0)}},
    .types = TYPES_PROMOTE, .infer = stack_infer, .kernel = join_kernel,
    .reach = REACH_MOVE,
    .rule = stack_rule,
    .example = "stack(1, 2, 3) -> [1, 2, 3]\n"
               "stack([1, 2], [3, 4], axis=-1) -> [[1, 3], [2, 4]]\n"
               "stack([1, 2]) -> [[1, 2]]",
    .trials = "[] []; [3] [3] axis=1; [2,3] [2,3] [2,3] axis=-2; [2]; "
              "[0,2] [0,2] axis=1; [1] [1] axis=0",
};

/* clang-format on */

const grad_op *const grad__family_shape_join[] = {
    &grad__op_concat, &grad__op_stack, NULL,
};
