/* shape_slice.c -- taking parts of a tensor: slice, select and split.
 *
 * The adjoint of a part adds into the whole in place (slice_add, select_add), so that
 * many small parts of one tensor cost what the parts cost. In normal form a slice has a
 * start, stop, step and axis for each axis it names; taken as a slice again, the normal
 * form means itself: a backward slice that runs to the front has the stop -size - 1.
 */
#include <inttypes.h>

#include "shape.h"

enum { STARTS, STOPS, STEPS, AXES };

/* ---- slice ------------------------------------------------------------------------- */

static int64_t clamp(int64_t place, int64_t size, int64_t low, int64_t high)
{
    if (place < 0) place += size;
    return place < low ? low : place > high ? high : place;
}

/* One axis as Python reads start:stop:step. Returns how many places there are; a slice of
   none or one gets the step 1. */
static int64_t normal_slice(int64_t *start, int64_t *stop, int64_t *step, int64_t size)
{
    const bool back = *step < 0;
    const uint64_t stride = back ? 0 - (uint64_t)*step : (uint64_t)*step;
    const int64_t from = clamp(*start, size, back ? -1 : 0, back ? size - 1 : size);
    const int64_t to = clamp(*stop, size, back ? -1 : 0, back ? size - 1 : size);
    const int64_t span = back ? from - to : to - from;
    const int64_t count = span <= 0 ? 0 : (int64_t)(((uint64_t)span - 1) / stride) + 1;
    if (count <= 1) {
        *start = count ? from : 0;
        *stop = *start + count;
        *step = 1;
    } else {
        *start = from;
        *stop = to < 0 ? -size - 1 : to;
    }
    return count;
}

/* The lists that are given agree in length: that many axes are sliced. */
static int lengths(grad_infer *f, uint32_t *n)
{
    int first = -1;
    *n = 0;
    for (int k = STARTS; k <= AXES; k++) {
        const grad_value *v = &f->attr[k];
        if (v->kind == GRAD_NULL) continue;
        if (first < 0) *n = v->n;
        else if (v->n != *n)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[k].name,
                                   "%s and %s must be of one length, found %" PRIu32
                                   " and %" PRIu32,
                                   f->op->attr[first].name, f->op->attr[k].name, *n, v->n);
        if (first < 0) first = k;
    }
    if (*n <= (uint32_t)f->in[0]->rank) return 0;
    return grad_infer_fail(
        f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[first < 0 ? 0 : first].name,
        "%" PRIu32 " axes are sliced, and there are %d", *n, f->in[0]->rank);
}

/* Brings attr[] to normal form and sets the sizes of the part. */
static int slice_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    int64_t *list[4], place[GRAD_RANK_MAX];
    uint32_t n;
    char text[96];

    if (lengths(f, &n) < 0) return -1;
    if (f->attr[AXES].kind != GRAD_NULL &&
        grad__axes(place, &f->attr[AXES], x->rank, text) < 0)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axes", "%s", text);
    for (int k = STARTS; k <= AXES; k++)
        if (!(list[k] = grad_infer_list(f, n))) return -1;
    grad_infer_same(f, x);
    for (uint32_t i = 0; i < n; i++) {
        const int64_t axis = f->attr[AXES].kind == GRAD_NULL ? i : place[i];
        int64_t step = f->attr[STEPS].kind == GRAD_NULL ? 1 : f->attr[STEPS].list[i];
        int64_t start = step < 0 ? INT64_MAX : 0, stop = step < 0 ? INT64_MIN : INT64_MAX;
        if (step == 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "steps",
                                   "a step may not be zero");
        if (f->attr[STARTS].kind != GRAD_NULL) start = f->attr[STARTS].list[i];
        if (f->attr[STOPS].kind != GRAD_NULL) stop = f->attr[STOPS].list[i];
        f->dim[axis] = normal_slice(&start, &stop, &step, x->dim[axis]);
        list[STARTS][i] = start;
        list[STOPS][i] = stop;
        list[STEPS][i] = step;
        list[AXES][i] = axis;
    }
    for (int k = STARTS; k <= AXES; k++) f->attr[k] = grad__list(list[k], n);
    return 0;
}

static void slice_window(grad_window *w, const grad_shape *whole, const grad_shape *part,
                         const grad_value *attr)
{
    grad__window(w, whole);
    for (uint32_t i = 0; i < attr[AXES].n; i++) {
        const int axis = (int)attr[AXES].list[i];
        grad__window_slice(w, axis, attr[STARTS].list[i], part->dim[axis],
                           attr[STEPS].list[i]);
    }
}

static int slice_kernel(const grad_call *c, void *out, const void *const *in,
                        grad_frame *frame)
{
    grad_window w;
    slice_window(&w, c->in[0], c->shape, c->attr);
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void slice_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_slice_add, 2, (V[]){total, p->g}, 4, p->attr));
}

static int slice_add_infer(grad_infer *f)
{
    if (slice_infer(f) < 0) return -1;
    for (int d = 0; d < f->rank; d++)
        if (f->in[1]->rank != f->rank || f->in[1]->dim[d] != f->dim[d])
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL,
                                   "the piece has not the shape of the slice");
    grad_infer_same(f, f->in[0]);
    return 0;
}

static int slice_add_kernel(const grad_call *c, void *out, const void *const *in,
                            grad_frame *frame)
{
    grad_window w;
    grad__begin_add(c, out, in);
    slice_window(&w, c->shape, c->in[1], c->attr);
    return grad__window_add(&w, out, in[1], c->dtype, frame);
}

static void slice_add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_emit(b, &grad__op_slice, 1, &p->g, 4, p->attr));
}

/* ---- select ------------------------------------------------------------------------ */

static int select_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    int64_t *index = &f->attr[1].i;
    if (x->rank == 0)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a 0-d tensor has no axis to select from");
    if (grad_infer_axis(f, 0, x->rank) < 0) return -1;
    const int axis = (int)f->attr[0].i;
    const int64_t size = x->dim[axis];
    if (*index < -size || *index >= size)
        return grad_infer_fail(f, GRAD_INDEX_OUT_OF_RANGE, -1, "index",
                               "index %" PRId64
                               " is out of range for axis %d of size %" PRId64,
                               *index, axis, size);
    if (*index < 0) *index += size;
    f->rank = 0;
    for (int d = 0; d < x->rank; d++)
        if (d != axis) f->dim[f->rank++] = x->dim[d];
    return 0;
}

static int select_kernel(const grad_call *c, void *out, const void *const *in,
                         grad_frame *frame)
{
    grad_window w;
    grad__window(&w, c->in[0]);
    grad__window_drop(&w, (int)c->attr[0].i, c->attr[1].i);
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void select_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_select_add, 2, (V[]){total, p->g}, 2, p->attr));
}

static int select_add_infer(grad_infer *f)
{
    if (select_infer(f) < 0) return -1;
    for (int d = 0; d < f->rank; d++)
        if (f->in[1]->rank != f->rank || f->in[1]->dim[d] != f->dim[d])
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL,
                                   "the piece has not the shape of the selection");
    grad_infer_same(f, f->in[0]);
    return 0;
}

static int select_add_kernel(const grad_call *c, void *out, const void *const *in,
                             grad_frame *frame)
{
    grad_window w;
    grad__begin_add(c, out, in);
    grad__window(&w, c->shape);
    grad__window_drop(&w, (int)c->attr[0].i, c->attr[1].i);
    return grad__window_add(&w, out, in[1], c->dtype, frame);
}

static void select_add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_emit(b, &grad__op_select, 1, &p->g, 2, p->attr));
}

/* ---- split ------------------------------------------------------------------------- */

static size_t split_results(const grad_value *attr)
{
    return attr[0].n;
}

static int split_expand(B *b, const grad_args *a, V *out)
{
    const grad_shape *x = v_shape(b, a->in[0]);
    const grad_value *sizes = &a->attr[0], axes = grad__list(&a->attr[1].i, 1);
    int64_t axis, at = 0;
    char text[96];

    if (x->rank == 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "split: a 0-d tensor has no axis");
    if (grad__axes(&axis, &axes, x->rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "split: %s", text);
    if (sizes->n == 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "sizes",
                                "split: one size at least is expected, found []");
    const int64_t whole = x->dim[axis];
    for (uint32_t k = 0; k < sizes->n; k++) {
        if (sizes->list[k] < 0)
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "sizes",
                                    "split: a size is zero or more, and sizes[%" PRIu32
                                    "] is %" PRId64,
                                    k, sizes->list[k]);
        at = sizes->list[k] > INT64_MAX - at ? INT64_MAX : at + sizes->list[k];
    }
    if (at != whole)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, "sizes",
                                "split: the sizes add up to %" PRId64 ", and axis %" PRId64
                                " has size %" PRId64,
                                at, axis, whole);
    at = 0;
    for (uint32_t k = 0; k < sizes->n; k++) {
        const int64_t stop = at + sizes->list[k];
        out[k] = v_emit(b, &grad__op_slice, 1, a->in, 4,
                        (grad_value[]){grad__list(&at, 1), grad__list(&stop, 1),
                                       (grad_value)NOTHING, grad__list(&axis, 1)});
        at = stop;
    }
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

#define WHOLE_AND_PIECE                                                                  \
    {{"base", GRAD_ROLE_NUMBER, false}, {"piece", GRAD_ROLE_NUMBER, false}}
#define SLICE_ATTRIBUTES                                                                         \
    {{.name = "starts", .type = ATTR_INTS, .required = true, .nullable = true},                  \
     {.name = "stops", .type = ATTR_INTS, .required = true, .nullable = true},                   \
     {.name = "steps", .type = ATTR_INTS, .nullable = true},                                     \
     {.name = "axes", .type = ATTR_INTS, .nullable = true}}
#define SELECT_ATTRIBUTES                                                                        \
    {{.name = "axis", .type = ATTR_INT, .required = true},                                       \
     {.name = "index", .type = ATTR_INT, .required = true}}

const grad_op grad__op_slice = {
    .name = "slice",
    .doc = "x[start:stop:step] along each axis named (the first axes, if null), read as "
           "NumPy reads it: negative places count from the end, places beyond it stop "
           "there, null starts or stops run from end to end.",
    .gradient = "dx = zeros with g added at the places taken",
    .in = X_ALONE, .attr = SLICE_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = slice_infer, .kernel = slice_kernel,
    .reach = REACH_MOVE, .rule = slice_rule,
    .example = "slice([1, 2, 3, 4], starts=1, stops=3) -> [2, 3]\n"
               "slice([1, 2, 3, 4], starts=-1, stops=-100, steps=-2) -> [4, 2]\n"
               "slice([1, 2, 3, 4], starts=null, stops=null, steps=-1) -> [4, 3, 2, 1]\n"
               "slice([[1, 2, 3], [4, 5, 6]], starts=[1], stops=[99], axes=[-1]) -> "
               "[[2, 3], [5, 6]]",
    .trials = "[5] starts=1 stops=4; [5] starts=-1 stops=-9 steps=-2; "
              "[3,4] starts=[0,1] stops=[2,4] steps=[1,2]; "
              "[3,4] starts=3 stops=0 steps=-1 axes=1; "
              "[2,3,2] starts=[1,0] stops=[2,1] axes=[2,0]; [5] starts=3 stops=2; "
              "[0,3] starts=1 stops=2 axes=1; [] starts=[] stops=[]",
};

const grad_op grad__op_slice_add = {
    .name = "slice_add",
    .doc = "base with piece added to the places that slice would take.",
    .gradient = "dbase = g, dpiece = slice(g)",
    .in = WHOLE_AND_PIECE, .attr = SLICE_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = slice_add_infer, .kernel = slice_add_kernel,
    .reach = REACH_ADD_TO,
    .work = grad__work_of_second, .in_place = true, .internal = true,
    .rule = slice_add_rule,
    .example = "slice_add([1, 2, 3], [10, 20], starts=0, stops=3, steps=2) -> [11, 2, 23]",
    .trials = "[4] [2] starts=1 stops=3; [2,3] [2,2] starts=2 stops=0 steps=-1 axes=1; "
              "[3] [0] starts=1 stops=1",
};

const grad_op grad__op_select = {
    .name = "select",
    .doc = "The elements of x at one index along axis, which goes; a negative index "
           "counts from the end.",
    .gradient = "dx = zeros with g added at the index",
    .in = X_ALONE, .attr = SELECT_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = select_infer, .kernel = select_kernel,
    .reach = REACH_MOVE,
    .rule = select_rule,
    .example = "select([5, 6, 7], axis=0, index=1) -> 6\n"
               "select([[1, 2], [3, 4]], axis=-1, index=-1) -> [2, 4]",
    .trials = "[3] axis=0 index=1; [2,3] axis=1 index=-1; [2,3,4] axis=1 index=0; "
              "[1] axis=0 index=0; [0,3] axis=1 index=2",
};

const grad_op grad__op_select_add = {
    .name = "select_add",
    .doc = "base with piece added to the places that select would take.",
    .gradient = "dbase = g, dpiece = select(g)",
    .in = WHOLE_AND_PIECE, .attr = SELECT_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = select_add_infer, .kernel = select_add_kernel,
    .reach = REACH_ADD_TO,
    .work = grad__work_of_second, .in_place = true, .internal = true,
    .rule = select_add_rule,
    .example = "select_add([1, 2, 3], 10, axis=0, index=1) -> [1, 12, 3]",
    .trials = "[3] [] axis=0 index=1; [2,3] [2] axis=1 index=-1; [0,3] [0] axis=1 index=2",
};

const grad_op grad__op_split = {
    .name = "split",
    .doc = "x cut along axis into parts of the given sizes, which add up to its own: one "
           "result a size.",
    .gradient = "dx = the parts' gradients, joined",
    .in = X_ALONE,
    .attr = {{.name = "sizes", .type = ATTR_INTS, .required = true},
             {.name = "axis", .type = ATTR_INT, .otherwise = INT_(0)}},
    .types = TYPES_KEEP, .expand = split_expand, .results = split_results,
    .example = "split([1, 2, 3], sizes=[1, 2]) -> [1]; [2, 3]\n"
               "split([[1, 2, 3], [4, 5, 6]], sizes=[2, 1], axis=1) -> [[1, 2], [4, "
               "5]]; [[3], [6]]",
    .trials = "[5] sizes=[2,3]; [2,5] sizes=[1,0,4] axis=-1; [3,2] sizes=3; "
              "[0,2] sizes=[1,1] axis=1",
};

/* clang-format on */

const grad_op *const grad__family_shape_slice[] = {
    &grad__op_slice,      &grad__op_slice_add, &grad__op_select,
    &grad__op_select_add, &grad__op_split,     NULL,
};
