/* shape_pad.c -- padding with a value, and cropping. */
#include <inttypes.h>

#include "shape.h"

static int pad_infer(grad_infer *f)
{
    const grad_value *pads = &f->attr[0];
    const grad_shape *x = f->in[0];
    if (pads->n != 2 * (uint32_t)x->rank)
        return grad_infer_fail(
            f, GRAD_BAD_ATTRIBUTE, -1, "pads",
            "a pair for each of the %d axes is expected, and there are %" PRIu32, x->rank,
            pads->n / 2);
    f->rank = x->rank;
    for (int d = 0; d < x->rank; d++) {
        const int64_t before = pads->list[2 * d], after = pads->list[2 * d + 1];
        int64_t size = x->dim[d];
        if (before < -size || after < -size ||
            (before < 0 && after < 0 && before < -size - after))
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "pads",
                                   "[%" PRId64 ", %" PRId64
                                   "] crops more than the size %" PRId64 " of axis %d",
                                   before, after, size, d);
        if (__builtin_add_overflow(size, before, &size) ||
            __builtin_add_overflow(size, after, &size))
            return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, -1, "pads",
                                   "the result is too large");
        f->dim[d] = size;
    }
    return grad__infer_element(f, 2, f->dtype);
}

static int pad_kernel(const grad_call *c, void *out, const void *const *in,
                      grad_frame *frame)
{
    const int64_t *pads = c->attr[0].list;
    uint64_t element;
    grad_window to, from;
    grad__element(&element, &c->attr[2], c->dtype);
    grad__fill(out, c->shape->count, &element, c->dtype);
    if (grad_stopped(frame)) return grad_frame_stopped(frame);
    if (c->in[0]->count == 0) return 0;
    grad__window(&to, c->shape);
    grad__window(&from, c->in[0]);
    for (int d = 0; d < to.rank; d++) {
        const int64_t before = pads[2 * d], after = pads[2 * d + 1];
        const int64_t cropped = (before < 0 ? -before : 0) + (after < 0 ? -after : 0);
        const int64_t kept = c->in[0]->dim[d] - cropped;
        grad__window_slice(&to, d, before > 0 ? before : 0, kept, 1);
        grad__window_slice(&from, d, before < 0 ? -before : 0, kept, 1);
    }
    return grad__window_copy(&to, out, &from, in[0], c->dtype, frame);
}

/* What was padded is cropped, and what was cropped is padded with zeros. */
static void pad_rule(B *b, const grad_pull *p)
{
    int64_t back[2 * GRAD_RANK_MAX];
    for (uint32_t k = 0; k < p->attr[0].n; k++) back[k] = -p->attr[0].list[k];
    const grad_value pads = {.kind = GRAD_PAIRS, .n = p->attr[0].n, .list = back};
    pull(p, 0, v_emit(b, &grad__op_pad, 1, &p->g, 1, &pads));
}

/* clang-format off */

const grad_op grad__op_pad = {
    .name = "pad",
    .doc = "x with value put before and after it along every axis, as many as pads says, "
           "a pair an axis; a negative number crops, on all axes, before anything is "
           "padded.",
    .gradient = "dx = pad(g, -pads)",
    .in = X_ALONE,
    .attr = {{.name = "pads", .type = ATTR_PAIRS, .required = true},
             {.name = "mode", .type = ATTR_TEXT, .otherwise = INT_(0), .choices = "constant"},
             {.name = "value", .type = ATTR_NUMBER, .otherwise = INT_(0)}},
    .types = TYPES_KEEP, .infer = pad_infer, .kernel = pad_kernel, .rule = pad_rule,
    .example = "pad([1, 2], pads=[[1, 2]]) -> [0, 1, 2, 0, 0]\n"
               "pad([[1, 2]], pads=[[0, 1], [1, 0]], value=9) -> [[9, 1, 2], [9, 9, "
               "9]]\n"
               "pad([1, 2, 3], pads=[[-1, 1]]) -> [2, 3, 0]\n"
               "pad(4, pads=[]) -> 4",
    .trials = "[3] pads=[[1,2]]; [2,3] pads=[[0,1],[2,0]] value=1.5; "
              "[2,3] pads=[[-1,2],[1,-2]]; [0,2] pads=[[1,0],[0,1]]; "
              "[2] pads=[[-1,-1]]; [] pads=[]",
};

/* clang-format on */

const grad_op *const grad__family_shape_pad[] = {&grad__op_pad, NULL};
