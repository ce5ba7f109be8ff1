/* index_gather.c -- single elements picked by tensors of indices, put back, and added back.
 *
 * Both visit the indices row by row, in row-major order. Along its last axis a row of
 * indices meets x and src at places that differ by constant steps, and by the index
 * itself.
 */
#include <inttypes.h>
#include <string.h>

#include "shape.h"

#define CHUNK 65536 /* elements between two looks at the stop flag */

extern const grad_op grad__op_arange, grad__op_scatter;

/* ---- shapes ------------------------------------------------------------------------ */

/* `indices` has the axes of x, and off the axis no more places than x. */
static int same_axes(grad_infer *f)
{
    const grad_shape *x = f->in[0], *indices = f->in[1];
    char has[96], found[96];
    if (grad_infer_axis(f, 0, x->rank) < 0) return -1;
    bool fits = indices->rank == x->rank;
    for (int d = 0; fits && d < x->rank; d++)
        fits = d == f->attr[0].i || indices->dim[d] <= x->dim[d];
    if (fits) return 0;
    return grad_infer_fail(
        f, GRAD_SHAPE_MISMATCH, 1, NULL,
        "indices of shape %s do not fit a tensor of shape %s: they have its axes, "
        "and no larger sizes off axis %" PRId64,
        grad__dims_text(found, indices->rank, indices->dim),
        grad__dims_text(has, x->rank, x->dim), f->attr[0].i);
}

static int gather_infer(grad_infer *f)
{
    if (same_axes(f) < 0) return -1;
    grad_infer_same(f, f->in[1]);
    return 0;
}

static int scatter_infer(grad_infer *f)
{
    const grad_shape *indices = f->in[1], *src = f->in[2];
    char has[96], found[96];
    if (same_axes(f) < 0) return -1;
    grad_infer_same(f, f->in[0]);
    bool fits = src->rank == indices->rank;
    for (int d = 0; fits && d < src->rank; d++) fits = src->dim[d] >= indices->dim[d];
    if (fits) return 0;
    return grad_infer_fail(
        f, GRAD_SHAPE_MISMATCH, 2, NULL,
        "src of shape %s has not an element for each of the indices of shape %s",
        grad__dims_text(found, src->rank, src->dim),
        grad__dims_text(has, indices->rank, indices->dim));
}

/* ---- rows -------------------------------------------------------------------------- */

/* A row of indices: of the elements along their last axis, element i meets, in x, x_at +
   i * x_step + index * pick, and in src the element src_at + i. */
typedef struct row {
    const int64_t *indices;
    int64_t n, size, x_at, x_step, pick, src_at;
} row;

#define PLACE(r, i)                                                                      \
    ((r)->x_at + (i) * (r)->x_step +                                                     \
     ((r)->indices[i] < 0 ? (r)->indices[i] + (r)->size : (r)->indices[i]) * (r)->pick)

#define GATHER(bytes)                                                                    \
    static void gather_##bytes(const row *r, void *to, const void *from)                 \
    {                                                                                    \
        for (int64_t i = 0; i < r->n; i++)                                               \
            memcpy((char *)to + (r->src_at + i) * (bytes),                               \
                   (const char *)from + PLACE(r, i) * (bytes), (bytes));                 \
    }
GATHER(1)
GATHER(4)
GATHER(8)

#define ADD(dtype, type, sum)                                                            \
    static void add_##type(const row *r, void *to, const void *from)                 \
    {                                                                                    \
        type *y = to;                                                                    \
        const type *src = from;                                                          \
        for (int64_t i = 0; i < r->n; i++) {                                             \
            const int64_t k = PLACE(r, i);                                               \
            y[k] = (type)(sum(y[k], src[r->src_at + i]));                                \
        }                                                                                \
    }
ADD_TYPES(ADD)

#define PUT(bytes)                                                                       \
    static void put_##bytes(const row *r, void *to, const void *from)                    \
    {                                                                                    \
        for (int64_t i = 0; i < r->n; i++)                                               \
            memcpy((char *)to + PLACE(r, i) * (bytes),                                   \
                   (const char *)from + (r->src_at + i) * (bytes), (bytes));             \
    }
PUT(1)
PUT(4)
PUT(8)

typedef void (*row_visit)(const row *r, void *to, const void *from);
static const row_visit adds[GRAD_DTYPES] = {
#define X(dtype, type, sum) [dtype] = add_##type,
    ADD_TYPES(X)
#undef X
};

/* Visits the rows of `indices`, which are not empty, in order. */
static int visit_rows(const grad_shape *indices, const int64_t *data, const grad_shape *x,
                      const grad_shape *src, int64_t axis, row_visit visit, void *to,
                      const void *from, grad_frame *frame)
{
    const int last = indices->rank - 1;
    int64_t index[GRAD_RANK_MAX] = {0}, since = 0;
    grad_window in_x, in_src;
    grad__window(&in_x, x);
    grad__window(&in_src, src);
    row r = {.indices = data, .n = last < 0 ? 1 : indices->dim[last]};
    r.size = last < 0 ? 1 : x->dim[axis];
    r.pick = last < 0 ? 0 : in_x.step[axis];
    r.x_step = axis != last;
    if (last >= 0 && axis < last) in_x.step[axis] = 0;
    for (;;) {
        int d = last - 1;
        visit(&r, to, from);
        r.indices += r.n;
        if ((since += r.n) >= CHUNK) {
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
        for (; d >= 0; d--) {
            r.x_at += in_x.step[d];
            r.src_at += in_src.step[d];
            if (++index[d] < indices->dim[d]) break;
            r.x_at -= in_x.step[d] * index[d];
            r.src_at -= in_src.step[d] * index[d];
            index[d] = 0;
        }
        if (d < 0) return 0;
    }
}

/* ---- kernels and rules ------------------------------------------------------------- */

static int gather_kernel(const grad_call *c, void *out, const void *const *in,
                         grad_frame *frame)
{
    const int64_t axis = c->attr[0].i;
    const size_t size = grad_dtype_size(c->dtype);
    const row_visit gather = size == 8 ? gather_8 : size == 4 ? gather_4 : gather_1;
    if (grad__check_indices(frame, 1, c->in[1], in[1], c->in[0], axis, true) < 0)
        return -1;
    return visit_rows(c->in[1], in[1], c->in[0], c->in[1], axis, gather, out, in[0],
                      frame);
}

static int scatter_by(row_visit visit, const grad_call *c, void *out,
                      const void *const *in, grad_frame *frame)
{
    const int64_t axis = c->attr[0].i;
    if (grad__check_indices(frame, 1, c->in[1], in[1], c->shape, axis, true) < 0)
        return -1;
    if (c->shape->count == 0) return 0;
    grad__begin_add(c, out, in);
    if (c->in[1]->count == 0) return 0;
    return visit_rows(c->in[1], in[1], c->shape, c->in[2], axis, visit, out, in[2], frame);
}

static int scatter_kernel(const grad_call *c, void *out, const void *const *in,
                          grad_frame *frame)
{
    const size_t size = grad_dtype_size(c->dtype);
    const row_visit put = size == 8 ? put_8 : size == 4 ? put_4 : put_1;
    return scatter_by(put, c, out, in, frame);
}

static int scatter_add_kernel(const grad_call *c, void *out, const void *const *in,
                              grad_frame *frame)
{
    return scatter_by(adds[c->dtype], c, out, in, frame);
}

static void gather_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V total = grad_total(b, p, 0);
    grad_give_total(
        b, p, 0,
        v_emit(b, &grad__op_scatter_add, 3, (V[]){total, p->in[1], p->g}, 1, p->attr));
}

/* back, of the shape of the indices, with zeros where src goes beyond them: those
   elements were left out. */
static V as_src(B *b, const grad_pull *p, V back)
{
    const grad_shape *indices = v_shape(b, p->in[1]), *src = v_shape(b, p->in[2]);
    int64_t pads[2 * GRAD_RANK_MAX];
    if (indices->id == src->id) return back;
    for (int d = 0; d < src->rank; d++) {
        pads[2 * d] = 0;
        pads[2 * d + 1] = src->dim[d] - indices->dim[d];
    }
    const grad_value around = {
        .kind = GRAD_PAIRS, .n = 2 * (uint32_t)src->rank, .list = pads};
    return v_emit(b, &grad__op_pad, 1, &back, 1, &around);
}

static void scatter_add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    if (!wants(p, 2)) return;
    V back = v_emit(b, &grad__op_gather, 2, (V[]){p->g, p->in[1]}, 1, p->attr);
    pull(p, 2, as_src(b, p, back));
}

/* Which of the elements that go to one place stays there? The indices are numbered, and
   the numbers scattered: where one comes back, its element stayed. */
static V stayed(B *b, const grad_pull *p)
{
    V indices = p->in[1];
    if (v_failed(b)) return GRAD_NONE;
    const int64_t count = v_shape(b, indices)->count;
    V numbers = v_emit(b, &grad__op_arange, 0, NULL, 2, (grad_value[]){INT_(0), INT_(count)});
    numbers = v_reshape_like(b, numbers, indices);
    V to = v_full(b, GRAD_INT64, v_shape(b, p->in[0]), 0);
    to = v_emit(b, &grad__op_scatter, 3, (V[]){to, indices, numbers}, 1, p->attr);
    return v_eq(b, v_emit(b, &grad__op_gather, 2, (V[]){to, indices}, 1, p->attr), numbers);
}

static void scatter_rule(B *b, const grad_pull *p)
{
    V indices = p->in[1];
    pull(p, 0,
         v_emit(b, &grad__op_scatter, 3, (V[]){p->g, indices, v_zeros(b, p->in[2])}, 1,
                p->attr));
    if (!wants(p, 2)) return;
    V back = v_emit(b, &grad__op_gather, 2, (V[]){p->g, indices}, 1, p->attr);
    back = v_where(b, stayed(b, p), back, v_num(b, back, 0));
    pull(p, 2, as_src(b, p, back));
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

#define AXIS_REQUIRED {{.name = "axis", .type = ATTR_INT, .required = true}}

const grad_op grad__op_gather = {
    .name = "gather",
    .doc = "For each place of indices the element of x at that place, but for axis, "
           "where the index stands instead: x[indices[i][j]][j] for two axes and axis 0.",
    .gradient = "dx = zeros with g added where the elements came from",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, false}},
    .attr = AXIS_REQUIRED,
    .types = TYPES_KEEP, .infer = gather_infer, .kernel = gather_kernel,
    .reach = REACH_MOVE,
    .rule = gather_rule,
    .example = "gather([5, 6, 7], [2, 2, -3], axis=0) -> [7, 7, 5]\n"
               "gather([[1, 2], [3, 4]], [[1, 0]], axis=0) -> [[3, 2]]\n"
               "gather([[1, 2], [3, 4]], [[0, 0], [1, 0]], axis=1) -> [[1, 1], [4, 3]]",
    .trials = "[4] i[3]<4 axis=0; [3,4] i[5,2]<3 axis=0; [3,4] i[2,6]<4 axis=-1; "
              "[2,3,2] i[1,5,2]<3 axis=1; [] i[]<1 axis=0; [3] i[0]<3 axis=0; "
              "[0,3] i[0,2]<3 axis=1",
};

const grad_op grad__op_scatter = {
    .name = "scatter",
    .doc = "x with the elements of src put at the places from which gather would take "
           "them; of several for one place the last in row-major order stays.",
    .gradient = "dx = g, but 0 where an element was put; dsrc = gather(g, indices) for "
                "the elements that stayed, 0 for the others",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, false},
           {"src", GRAD_ROLE_NUMBER, false}},
    .attr = AXIS_REQUIRED,
    .types = TYPES_PROMOTE, .infer = scatter_infer, .kernel = scatter_kernel,
    .reach = REACH_MOVE,
    .work = grad__work_of_third, .in_place = true, .runs_empty = true,
    .rule = scatter_rule,
    .example = "scatter([0, 0, 1], [2, 0, 2], [3, 4, 5], axis=0) -> [4, 0, 5]\n"
               "scatter([[1, 1], [1, 1]], [[1, 0]], [[5, 6]], axis=0) -> [[1, 6], "
               "[5, 1]]\n"
               "scatter([[1, 2, 3]], [[-1]], [[7, 8]], axis=1) -> [[1, 2, 7]]",
    .trials = "[4] i[3]<4 [3] axis=0; [3,4] i[2,3]<3 [2,3] axis=0; "
              "[3,4] i[2,3]<4 [3,5] axis=1; [2,3,2] i[1,5,2]<3 [1,5,2] axis=-2; "
              "[] i[]<1 [] axis=0; [3] i[0]<3 [0] axis=0; [1] i[3]<1 [3] axis=0",
};

const grad_op grad__op_scatter_add = {
    .name = "scatter_add",
    .doc = "x with the elements of src added at the places from which gather would take "
           "them.",
    .gradient = "dx = g, dsrc = gather(g, indices)",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, false},
           {"src", GRAD_ROLE_NUMBER, false}},
    .attr = AXIS_REQUIRED,
    .types = TYPES_PROMOTE, .infer = scatter_infer, .kernel = scatter_add_kernel,
    .reach = REACH_ADD_TO,
    .work = grad__work_of_third, .in_place = true, .runs_empty = true,
    .rule = scatter_add_rule,
    .example = "scatter_add([0, 0, 1], [2, 0, 2], [3, 4, 5], axis=0) -> [4, 0, 9]\n"
               "scatter_add([[1, 1], [1, 1]], [[1, 0]], [[5, 6]], axis=0) -> [[1, 7], "
               "[6, 1]]",
    .trials = "[4] i[3]<4 [3] axis=0; [3,4] i[2,3]<3 [2,3] axis=0; "
              "[3,4] i[2,3]<4 [3,5] axis=1; [2,3,2] i[1,5,2]<3 [1,5,2] axis=-2; "
              "[] i[]<1 [] axis=0; [3] i[0]<3 [0] axis=0; [1] i[3]<1 [3] axis=0",
};

/* clang-format on */

const grad_op *const grad__family_index_gather[] = {
    &grad__op_gather,
    &grad__op_scatter,
    &grad__op_scatter_add,
    NULL,
};
