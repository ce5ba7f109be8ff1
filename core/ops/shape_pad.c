/* shape_pad.c -- cropping, and padding with a value or with what is there already.
 *
 * Padding with a value is a primitive of the same name, which crops too. The other modes
 * crop with it, and then join slices of what is left before and after it, axis by axis.
 */
#include <inttypes.h>

#include "shape.h"

extern const grad_op grad__op_pad_value, grad__op_concat;

/* ---- with a value ------------------------------------------------------------------ */

static int pad_value_infer(grad_infer *f)
{
    const grad_value *pads = &f->attr[0];
    const grad_shape *x = f->in[0];
    if (pads->n != 2 * (uint32_t)x->rank)
        return grad_infer_fail(
            f, GRAD_BAD_ATTRIBUTE, -1, "pads",
            "a pair for each axis of x is expected, %d in all, found %" PRIu32, x->rank,
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
    return grad__infer_element(f, 1, f->dtype);
}

static int pad_value_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    const int64_t *pads = c->attr[0].list;
    uint64_t element;
    grad_window to, from;
    grad__element(&element, &c->attr[1], c->dtype);
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
static void pad_value_rule(B *b, const grad_pull *p)
{
    int64_t back[2 * GRAD_RANK_MAX];
    for (uint32_t k = 0; k < p->attr[0].n; k++) back[k] = -p->attr[0].list[k];
    const grad_value pads = {.kind = GRAD_PAIRS, .n = p->attr[0].n, .list = back};
    pull(p, 0, v_emit(b, &grad__op_pad_value, 1, &p->g, 1, &pads));
}

/* ---- with what is there ------------------------------------------------------------ */

enum { CONSTANT, REFLECT, REPLICATE, CIRCULAR };
enum { PADS, MODE, VALUE };

/* How much a mode can put on one side of an axis of `size`. */
static int64_t most(int64_t mode, int64_t size)
{
    if (mode == REPLICATE) return size ? INT64_MAX : 0;
    return mode == REFLECT && size ? size - 1 : size;
}

static const char *const most_words[] = {
    [REFLECT] = "fewer than there are",
    [REPLICATE] = "none where there are none",
    [CIRCULAR] = "as many as there are",
};

/* x[start], x[start + step], … along axis: `count` of them. */
static V part(B *b, V x, int64_t axis, int64_t start, int64_t count, int64_t step)
{
    const int64_t size = v_shape(b, x)->dim[axis];
    int64_t stop = start + count * step;
    if (stop < 0) stop = -size - 1;
    return v_emit(b, &grad__op_slice, 1, &x, 4,
                  (grad_value[]){grad__list(&start, 1), grad__list(&stop, 1),
                                 grad__list(&step, 1), grad__list(&axis, 1)});
}

/* The element at `place` along axis, `count` times. */
static V repeated(B *b, V x, int64_t axis, int64_t place, int64_t count)
{
    int64_t dim[GRAD_RANK_MAX];
    V one = part(b, x, axis, place, 1, 1);
    if (v_failed(b)) return GRAD_NONE;
    const grad_shape *s = v_shape(b, one);
    for (int d = 0; d < s->rank; d++) dim[d] = d == axis ? count : s->dim[d];
    return v_expand(b, one, s->rank, dim);
}

/* What goes before x (or after it) along axis: `count` places. */
static V beside(B *b, V x, int64_t axis, bool before, int64_t count, int64_t mode)
{
    const int64_t size = v_shape(b, x)->dim[axis], last = size - 1;
    if (mode == REPLICATE) return repeated(b, x, axis, before ? 0 : last, count);
    if (mode == CIRCULAR) return part(b, x, axis, before ? size - count : 0, count, 1);
    return part(b, x, axis, before ? count : last - 1, count, -1);
}

static int pad_expand(B *b, const grad_args *a, V *out)
{
    const grad_value *pads = &a->attr[PADS];
    const int64_t mode = a->attr[MODE].i;
    const grad_value *value = &a->attr[VALUE];
    int64_t crops[2 * GRAD_RANK_MAX];
    bool cropped = false;
    if (mode != CONSTANT && (value->kind == GRAD_REAL ? value->r != 0 : value->i != 0))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "value",
                                "pad: only the mode \"constant\" pads with a value");
    if (mode == CONSTANT || pads->n != 2 * (uint32_t)v_rank(b, a->in[0])) {
        *out = v_emit(b, &grad__op_pad_value, 1, a->in, 2, (grad_value[]){*pads, *value});
        return 0;
    }
    for (uint32_t k = 0; k < pads->n; k++) {
        crops[k] = pads->list[k] < 0 ? pads->list[k] : 0;
        cropped = cropped || crops[k];
    }
    const grad_value crop = {.kind = GRAD_PAIRS, .n = pads->n, .list = crops};
    V x = cropped ? v_emit(b, &grad__op_pad_value, 1, a->in, 1, &crop) : a->in[0];
    for (int64_t axis = 0; axis < pads->n / 2 && !v_failed(b); axis++) {
        const int64_t *n = &pads->list[2 * axis], size = v_shape(b, x)->dim[axis];
        V parts[3];
        size_t k = 0;
        for (int i = 0; i < 2; i++)
            if (n[i] > most(mode, size))
                return grad_expand_fail(
                    b, GRAD_BAD_ATTRIBUTE, -1, "pads",
                    "pad: %" PRId64 " places beside the %" PRId64 " that axis %" PRId64
                    " has are too many: this mode takes %s",
                    n[i], size, axis, most_words[mode]);
        if (n[0] > 0) parts[k++] = beside(b, x, axis, true, n[0], mode);
        parts[k++] = x;
        if (n[1] > 0) parts[k++] = beside(b, x, axis, false, n[1], mode);
        const grad_value along = INT_(axis);
        if (k > 1) x = v_emit(b, &grad__op_concat, k, parts, 1, &along);
    }
    *out = x;
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

const grad_op grad__op_pad = {
    .name = "pad",
    .doc = "x with places put before and after it along every axis, as many as pads says, "
           "a pair an axis: with value in them, with x reflected at its first and last "
           "element, with that element repeated, or with x from its other end. A negative "
           "number crops, on all axes, before anything is padded.",
    .gradient = "dx = g cropped, with what stands at the copies added to where they come "
                "from",
    .in = X_ALONE,
    .attr = {{.name = "pads", .type = ATTR_PAIRS, .required = true},
             {.name = "mode", .type = ATTR_TEXT, .otherwise = INT_(CONSTANT),
              .choices = "constant|reflect|replicate|circular"},
             {.name = "value", .type = ATTR_NUMBER, .otherwise = INT_(0)}},
    .types = TYPES_KEEP, .expand = pad_expand,
    .example = "pad([1, 2], pads=[[1, 2]]) -> [0, 1, 2, 0, 0]\n"
               "pad([[1, 2]], pads=[[0, 1], [1, 0]], value=9) -> [[9, 1, 2], [9, 9, "
               "9]]\n"
               "pad([1, 2, 3], pads=[[-1, 1]]) -> [2, 3, 0]\n"
               "pad(4, pads=[]) -> 4\n"
               "pad([1, 2, 3], pads=[[2, 1]], mode=reflect) -> [3, 2, 1, 2, 3, 2]\n"
               "pad([1, 2, 3], pads=[[2, 1]], mode=replicate) -> [1, 1, 1, 2, 3, 3]\n"
               "pad([1, 2, 3], pads=[[2, 1]], mode=circular) -> [2, 3, 1, 2, 3, 1]\n"
               "pad([1, 2, 3, 4], pads=[[-1, 2]], mode=circular) -> [2, 3, 4, 2, 3]\n"
               "pad([[1, 2], [3, 4]], pads=[[1, 0], [0, 1]], mode=reflect) -> "
               "[[3, 4, 3], [1, 2, 1], [3, 4, 3]]",
    .trials = "[3] pads=[[1,2]]; [2,3] pads=[[0,1],[2,0]] value=1.5; "
              "[2,3] pads=[[-1,2],[1,-2]]; [0,2] pads=[[1,0],[0,1]]; "
              "[2] pads=[[-1,-1]]; [] pads=[]; [3] pads=[[2,2]] mode=reflect; "
              "[2,3] pads=[[1,0],[1,2]] mode=reflect; [3] pads=[[4,2]] mode=replicate; "
              "[2,3] pads=[[1,-1],[-1,2]] mode=replicate; [3] pads=[[3,2]] mode=circular; "
              "[2,3,2] pads=[[1,1],[0,0],[-1,1]] mode=circular; "
              "[0,3] pads=[[0,0],[1,1]] mode=reflect; [] pads=[] mode=circular",
};

const grad_op grad__op_pad_value = {
    .name = "pad", /* what its errors speak of */
    .doc = "x cropped by what is negative in pads, and value put around it.",
    .gradient = "dx = pad(g, -pads)",
    .in = X_ALONE,
    .attr = {{.name = "pads", .type = ATTR_PAIRS, .required = true},
             {.name = "value", .type = ATTR_NUMBER, .otherwise = INT_(0)}},
    .types = TYPES_KEEP, .infer = pad_value_infer, .kernel = pad_value_kernel,
    .reach = REACH_MOVE,
    .internal = true, .rule = pad_value_rule,
    .example = "pad([1, 2, 3], pads=[[-1, 1]], value=7) -> [2, 3, 7]",
    .trials = "[2,3] pads=[[-1,2],[1,-2]]",
};

/* clang-format on */

const grad_op *const grad__family_shape_pad[] = {&grad__op_pad, &grad__op_pad_value, NULL};
