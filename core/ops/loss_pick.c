/* loss_pick.c -- an element a sample, chosen by its class: pick, and its adjoint place.
 *
 * A sample whose target is `ignore` picks 0 and is given nothing back, so that it contributes
 * nothing to values or gradients, whatever the logits are.
 */
#include <inttypes.h>
#include <string.h>

#include "shape.h"

extern const grad_op grad__op_place;

/* Samples of a tensor along its class axis: element c of sample s, which is the one at (before,
   after) in row-major order, stands at (before * classes + c) * inner + after. */
typedef struct samples {
    int64_t classes, inner;
} samples;

static samples samples_of(const grad_shape *s, int64_t axis)
{
    samples v = {s->dim[axis], 1};
    for (int i = (int)axis + 1; i < s->rank; i++) v.inner *= s->dim[i];
    return v;
}

static int not_a_class(grad_frame *frame, const grad_shape *target, int64_t at, int64_t found,
                       int64_t classes)
{
    int64_t place[GRAD_RANK_MAX];
    char where[96];
    if (frame->err->code != GRAD_OK) return -1;
    for (int d = target->rank - 1; d >= 0; at /= target->dim[d--]) place[d] = at % target->dim[d];
    grad_fail(frame->err, GRAD_INDEX_OUT_OF_RANGE,
              "target %" PRId64 "%s%s is not a class: there are %" PRId64 ", counted from 0", found,
              target->rank ? " at " : "",
              target->rank ? grad__dims_text(where, target->rank, place) : "", classes);
    frame->err->input = 1;
    return -1;
}

/* Where sample s of class target[s] stands; -1 if it is ignored, -2 if there is no such class. */
static int64_t place_of(const samples *v, const int64_t *target, int64_t s, int64_t ignore)
{
    if (target[s] == ignore) return -1;
    if (target[s] < 0 || target[s] >= v->classes) return -2;
    return (s / v->inner * v->classes + target[s]) * v->inner + s % v->inner;
}

enum { PICK_AXIS, PICK_IGNORE };
enum { LOOK = 65536 }; /* samples between two looks at the stop flag */

static int pick_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t *target = in[1];
    bool shared = c->in[0]->count == c->in[0]->dim[c->attr[PICK_AXIS].i];
    samples v = samples_of(c->in[0], c->attr[PICK_AXIS].i);
    for (int64_t s = 0; s < c->shape->count; s++) {
        int64_t at = place_of(&v, target, s, c->attr[PICK_IGNORE].i);
        if (at == -2) return not_a_class(frame, c->in[1], s, target[s], v.classes);
        if (at >= 0 && shared) at = target[s];
        if (c->dtype == GRAD_FLOAT64)
            ((double *)out)[s] = at < 0 ? 0 : ((const double *)in[0])[at];
        else
            ((float *)out)[s] = at < 0 ? 0 : ((const float *)in[0])[at];
        if (s % LOOK == LOOK - 1 && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static int pick_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0], *target = f->in[1];
    if (x->rank < 1 || !grad_dtype_is_float(f->dtype) || target->rank != x->rank - 1)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "one class a sample is needed");
    if (grad_infer_axis(f, PICK_AXIS, x->rank) < 0) return -1;
    bool same = true, shared = true; /* x has a row for each sample, or one for all */
    for (int i = 0, d = 0; i < x->rank; i++) {
        if (i == f->attr[PICK_AXIS].i) continue;
        same = same && x->dim[i] == target->dim[d++];
        shared = shared && x->dim[i] == 1;
    }
    if (!same && !shared)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "the samples do not fit");
    grad_infer_same(f, target);
    return 0;
}

static void pick_rule(B *b, const grad_pull *p)
{
    const grad_value *a = p->attr;
    int64_t classes = v_shape(b, p->in[0])->dim[a[PICK_AXIS].i];
    pull(p, 0, v_emit(b, &grad__op_place, 2, (V[]){p->g, p->in[1]}, 3,
                      (grad_value[]){a[PICK_AXIS], a[PICK_IGNORE], INT_(classes)}));
}

const grad_op grad__op_pick = {
    .name = "pick",
    .doc = "The element of each sample whose place along the class axis is its target; 0 where the "
           "target is `ignore`. x may have one sample for all.",
    .gradient = "g to the elements that were picked",
    .in = {{.name = "x"}, {.name = "target", .role = GRAD_ROLE_INDEX}},
    .attr = {{.name = "axis", .type = ATTR_INT, .required = true},
             {.name = "ignore", .type = ATTR_INT, .otherwise = INT_(-100)}},
    .infer = pick_infer,
    .kernel = pick_kernel,
    .reach = REACH_MOVE,
    .internal = true,
    .rule = pick_rule,
    .example = "pick([[1, 2], [3, 4], [5, 6]], [1, 0, -100], axis=1) -> [2, 3, 0]\n"
               "pick([[1, 2]], [1, 0, -100], axis=1) -> [2, 1, 0]",
    .trials = "[4,3] i[4]<3 axis=1; [2,3,4] i[2,4]<3 axis=1; [3] i[]<3 axis=0; "
              "[4,3] i[4]<3 axis=1 ignore=1; [1,3] i[4]<3 axis=1; [0,3] i[0]<3 axis=1",
};

enum { PLACE_AXIS, PLACE_IGNORE, CLASSES };

static int place_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t *target = in[1];
    samples v = samples_of(c->shape, c->attr[PLACE_AXIS].i);
    memset(out, 0, (size_t)c->shape->count * grad_dtype_size(c->dtype));
    for (int64_t s = 0; s < c->in[1]->count; s++) {
        int64_t at = place_of(&v, target, s, c->attr[PLACE_IGNORE].i);
        if (at == -2) return not_a_class(frame, c->in[1], s, target[s], v.classes);
        if (at >= 0 && c->dtype == GRAD_FLOAT64)
            ((double *)out)[at] = ((const double *)in[0])[s];
        else if (at >= 0)
            ((float *)out)[at] = ((const float *)in[0])[s];
        if (s % LOOK == LOOK - 1 && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static int place_infer(grad_infer *f)
{
    const grad_shape *g = f->in[0];
    if (g->id != f->in[1]->id || g->rank == GRAD_RANK_MAX || !grad_dtype_is_float(f->dtype))
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "one class a sample is needed");
    if (grad_infer_axis(f, PLACE_AXIS, g->rank + 1) < 0) return -1;
    for (int i = 0; i < g->rank; i++) f->dim[i < f->attr[PLACE_AXIS].i ? i : i + 1] = g->dim[i];
    f->dim[f->attr[PLACE_AXIS].i] = f->attr[CLASSES].i;
    f->rank = g->rank + 1;
    return 0;
}

static void place_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_pick, 2, (V[]){p->g, p->in[1]}, 2,
                      (grad_value[]){p->attr[PLACE_AXIS], p->attr[PLACE_IGNORE]}));
}

const grad_op grad__op_place = {
    .name = "place",
    .doc = "Zeros with each sample's value at its target along a new class axis, except where the "
           "target is `ignore`.",
    .gradient = "g picked at the targets",
    .in = {{.name = "x"}, {.name = "target", .role = GRAD_ROLE_INDEX}},
    .attr = {{.name = "axis", .type = ATTR_INT, .required = true},
             {.name = "ignore", .type = ATTR_INT, .otherwise = INT_(-100)},
             {.name = "classes", .type = ATTR_INT, .required = true}},
    .infer = place_infer,
    .kernel = place_kernel,
    .reach = REACH_MOVE,
    .internal = true,
    .rule = place_rule,
    .example = "place([7, 8, 9], [1, 0, -100], axis=1, classes=2) -> [[0, 7], [8, 0], [0, 0]]",
    .trials = "[4] i[4]<3 axis=1 classes=3; [2,4] i[2,4]<3 axis=1 classes=3; "
              "[] i[]<3 axis=0 classes=3; [4] i[4]<3 axis=1 ignore=1 classes=3",
};
