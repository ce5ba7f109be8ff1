/* shape_diagonal.c -- diagonals, and what lies on either side of them.
 *
 * offset 0 is the main diagonal, 1 the one above it, -1 the one below.
 */
#include <inttypes.h>
#include <string.h>

#include "shape.h"

/* ---- diagonal ---------------------------------------------------------------------- */

/* The elements of a diagonal in a matrix of n rows and m columns. */
static int64_t diagonal_length(int64_t n, int64_t m, int64_t offset)
{
    int64_t a = offset < 0 ? n + offset : n, b = offset > 0 ? m - offset : m;
    if (a > b) a = b;
    return a > 0 ? a : 0;
}

/* The diagonal's sizes: axis1 and axis2 go, and its length comes last. */
static int diagonal_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    if (x->rank < 2)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a diagonal needs two axes, and x has %d", x->rank);
    if (grad_infer_axis(f, 1, x->rank) < 0 || grad_infer_axis(f, 2, x->rank) < 0)
        return -1;
    const int64_t row = f->attr[1].i, column = f->attr[2].i;
    if (row == column)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "axis2",
                               "axis1 and axis2 are the same axis");
    f->rank = 0;
    for (int d = 0; d < x->rank; d++)
        if (d != row && d != column) f->dim[f->rank++] = x->dim[d];
    f->dim[f->rank++] = diagonal_length(x->dim[row], x->dim[column], f->attr[0].i);
    return 0;
}

static void diagonal_window(grad_window *w, const grad_shape *whole, int64_t length,
                            const grad_value *attr)
{
    const int64_t offset = attr[0].i;
    const int row = (int)attr[1].i, column = (int)attr[2].i;
    grad_window all;
    grad__window(&all, whole);
    w->rank = 0;
    w->start = offset < 0 ? -offset * all.step[row] : offset * all.step[column];
    for (int d = 0; d < all.rank; d++) {
        if (d == row || d == column) continue;
        w->dim[w->rank] = all.dim[d];
        w->step[w->rank++] = all.step[d];
    }
    w->dim[w->rank] = length;
    w->step[w->rank++] = all.step[row] + all.step[column];
}

static int diagonal_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    grad_window w;
    diagonal_window(&w, c->in[0], c->shape->dim[c->shape->rank - 1], c->attr);
    return grad__window_copy(NULL, out, &w, in[0], c->dtype, frame);
}

static void diagonal_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_diagonal_add, 2, (V[]){total, p->g}, 3, p->attr));
}

static int diagonal_add_infer(grad_infer *f)
{
    if (diagonal_infer(f) < 0) return -1;
    for (int d = 0; d < f->rank; d++)
        if (f->in[1]->rank != f->rank || f->in[1]->dim[d] != f->dim[d])
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL,
                                   "the piece has not the shape of the diagonal");
    grad_infer_same(f, f->in[0]);
    return 0;
}

static int diagonal_add_kernel(const grad_call *c, void *out, const void *const *in,
                               grad_frame *frame)
{
    const grad_shape *piece = c->in[1];
    grad_window w;
    grad__begin_add(c, out, in);
    if (piece->count == 0) return 0;
    diagonal_window(&w, c->shape, piece->dim[piece->rank - 1], c->attr);
    return grad__window_add(&w, out, in[1], c->dtype, frame);
}

static void diagonal_add_rule(B *b, const grad_pull *p)
{
    pull(p, 0, p->g);
    pull(p, 1, v_emit(b, &grad__op_diagonal, 1, &p->g, 3, p->attr));
}

/* ---- diag -------------------------------------------------------------------------- */

static int diag_embed_infer(grad_infer *f)
{
    const int64_t offset = f->attr[0].i, size = f->in[0]->count;
    f->rank = 2;
    f->dim[0] = f->dim[1] = size + (offset < 0 ? -offset : offset);
    return 0;
}

static int diag_embed_kernel(const grad_call *c, void *out, const void *const *in,
                             grad_frame *frame)
{
    const grad_value attr[] = {c->attr[0], INT_(0), INT_(1)};
    grad_window w;
    memset(out, 0, (size_t)c->shape->count * grad_dtype_size(c->dtype));
    if (c->in[0]->count == 0) return 0;
    diagonal_window(&w, c->shape, c->in[0]->count, attr);
    return grad__window_copy(&w, out, NULL, in[0], c->dtype, frame);
}

static void diag_embed_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_diagonal, 1, &p->g, 1, p->attr));
}

static int diag_expand(B *b, const grad_args *a, V *out)
{
    const int rank = v_rank(b, a->in[0]);
    const int64_t offset = a->attr[0].i, limit = INT64_MAX / 4;
    if (rank != 1 && rank != 2)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "diag: x is a vector or a matrix, and has %d axes", rank);
    if (rank == 1 && (offset > limit || offset < -limit))
        return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, -1, "offset",
                                "diag: the matrix would be too large");
    *out = v_emit(b, rank == 1 ? &grad__op_diag_embed : &grad__op_diagonal, 1, a->in, 1,
                  a->attr);
    return 0;
}

/* ---- tril and triu ----------------------------------------------------------------- */

/* Normal form: an offset beyond the corners is the corner's. */
static int triangle_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    int64_t *offset = &f->attr[0].i;
    if (x->rank < 2)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a triangle needs two axes, and x has %d", x->rank);
    if (*offset < -x->dim[x->rank - 2]) *offset = -x->dim[x->rank - 2];
    if (*offset > x->dim[x->rank - 1]) *offset = x->dim[x->rank - 1];
    grad_infer_same(f, x);
    return 0;
}

static int triangle_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    const bool lower = c->op == &grad__op_tril;
    const int64_t size = (int64_t)grad_dtype_size(c->dtype);
    const int64_t *last = c->shape->dim + c->shape->rank - 2, n = last[0], m = last[1];
    const int64_t rows = c->shape->count / m;
    const char *from = in[0];
    char *to = out;
    for (int64_t r = 0, since = 0; r < rows; r++, to += m * size, from += m * size) {
        /* The row is kept up to `cut`, or from it on. */
        int64_t cut = r % n + c->attr[0].i + lower;
        if (cut < 0) cut = 0;
        if (cut > m) cut = m;
        const int64_t first = lower ? 0 : cut, kept = lower ? cut : m - cut;
        const int64_t zeros = lower ? cut : 0;
        if (to != from)
            memcpy(to + first * size, from + first * size, (size_t)(kept * size));
        memset(to + zeros * size, 0, (size_t)((m - kept) * size));
        if ((since += m) < 65536) continue;
        since = 0;
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static void tril_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_tril, 1, &p->g, 1, p->attr));
}

static void triu_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_triu, 1, &p->g, 1, p->attr));
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

#define OFFSET {.name = "offset", .type = ATTR_INT, .otherwise = INT_(0)}
#define DIAGONAL_ATTRIBUTES {OFFSET,                                                     \
                             {.name = "axis1", .type = ATTR_INT, .otherwise = INT_(0)},           \
                             {.name = "axis2", .type = ATTR_INT, .otherwise = INT_(1)}}

const grad_op grad__op_diag = {
    .name = "diag",
    .doc = "A vector as the diagonal of a matrix of zeros, or the diagonal of a matrix "
           "as a vector.",
    .gradient = "dx = diag(g, offset), in the shape of x",
    .in = X_ALONE, .attr = {OFFSET},
    .types = TYPES_KEEP, .expand = diag_expand,
    .example = "diag([1, 2]) -> [[1, 0], [0, 2]]\n"
               "diag([1, 2], offset=-1) -> [[0, 0, 0], [1, 0, 0], [0, 2, 0]]\n"
               "diag([[1, 2], [3, 4]], offset=1) -> [2]",
    .trials = "[3]; [2] offset=1; [2] offset=-2; [3,4]; [3,4] offset=2; "
              "[4,2] offset=-1; [0]; [0] offset=2; [2,0]; [2,2] offset=5; [1]",
};

const grad_op grad__op_diag_embed = {
    .name = "diag_embed",
    .doc = "A square matrix of zeros with the vector x on a diagonal.",
    .gradient = "dx = diagonal(g, offset)",
    .in = X_ALONE, .attr = {OFFSET},
    .types = TYPES_KEEP, .infer = diag_embed_infer, .kernel = diag_embed_kernel,
    .reach = REACH_MOVE,
    .internal = true,
    .rule = diag_embed_rule,
    .example = "diag_embed([1, 2]) -> [[1, 0], [0, 2]]\n"
               "diag_embed([1], offset=1) -> [[0, 1], [0, 0]]",
    .trials = "[3]; [2] offset=-1; [0]; [1] offset=2",
};

const grad_op grad__op_diagonal = {
    .name = "diagonal",
    .doc = "The diagonals of the matrices that axis1 and axis2 span, as the last axis; "
           "the two axes go.",
    .gradient = "dx = zeros with g added on the diagonals",
    .in = X_ALONE, .attr = DIAGONAL_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = diagonal_infer, .kernel = diagonal_kernel,
    .reach = REACH_MOVE,
    .rule = diagonal_rule,
    .example = "diagonal([[1, 2], [3, 4]]) -> [1, 4]\n"
               "diagonal([[1, 2, 3], [4, 5, 6]], offset=1) -> [2, 6]\n"
               "diagonal([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], axis1=1, axis2=2) -> "
               "[[1, 4], [5, 8]]",
    .trials = "[3,3]; [2,3] offset=1; [3,2] offset=-1; "
              "[2,3,4] offset=1 axis1=-1 axis2=0; [2,3,3] axis1=2 axis2=1; "
              "[2,2] offset=7; [0,3]; [1,1]",
};

const grad_op grad__op_diagonal_add = {
    .name = "diagonal_add",
    .doc = "base with piece added on the diagonals that diagonal would take.",
    .gradient = "dbase = g, dpiece = diagonal(g)",
    .in = {{"base", GRAD_ROLE_NUMBER, false}, {"piece", GRAD_ROLE_NUMBER, false}},
    .attr = DIAGONAL_ATTRIBUTES,
    .types = TYPES_KEEP, .infer = diagonal_add_infer, .kernel = diagonal_add_kernel,
    .reach = REACH_ADD_TO,
    .work = grad__work_of_second, .in_place = true, .internal = true,
    .rule = diagonal_add_rule,
    .example = "diagonal_add([[1, 2], [3, 4]], [10, 20]) -> [[11, 2], [3, 24]]",
    .trials = "[3,3] [3]; [2,3] [2] offset=1; [2,3,3] [2,2] axis1=2 axis2=1 offset=-1",
};

const grad_op grad__op_tril = {
    .name = "tril",
    .doc = "The lower triangles of the matrices in x, up to and with the diagonal; zeros "
           "above it.",
    .gradient = "dx = tril(g, offset)",
    .in = X_ALONE, .attr = {OFFSET},
    .types = TYPES_KEEP, .infer = triangle_infer, .kernel = triangle_kernel,
    .reach = REACH_MOVE,
    .in_place = true,
    .rule = tril_rule,
    .example = "tril([[1, 2], [3, 4]]) -> [[1, 0], [3, 4]]\n"
               "tril([[1, 2, 3], [4, 5, 6]], offset=1) -> [[1, 2, 0], [4, 5, 6]]",
    .trials = "[3,3]; [3,2] offset=-1; [2,4] offset=1; [2,3,3]; [2,2] offset=9; "
              "[2,2] offset=-9; [0,3]; [1,1]",
};

const grad_op grad__op_triu = {
    .name = "triu",
    .doc = "The upper triangles of the matrices in x, from the diagonal on; zeros below "
           "it.",
    .gradient = "dx = triu(g, offset)",
    .in = X_ALONE, .attr = {OFFSET},
    .types = TYPES_KEEP, .infer = triangle_infer, .kernel = triangle_kernel,
    .reach = REACH_MOVE,
    .in_place = true,
    .rule = triu_rule,
    .example = "triu([[1, 2], [3, 4]]) -> [[1, 2], [0, 4]]\n"
               "triu([[1, 2, 3], [4, 5, 6]], offset=1) -> [[0, 2, 3], [0, 0, 6]]",
    .trials = "[3,3]; [3,2] offset=-1; [2,4] offset=1; [2,3,3]; [2,2] offset=9; "
              "[2,2] offset=-9; [0,3]; [1,1]",
};

/* clang-format on */

const grad_op *const grad__family_shape_diagonal[] = {
    &grad__op_diag,
    &grad__op_diag_embed,
    &grad__op_diagonal,
    &grad__op_diagonal_add,
    &grad__op_tril,
    &grad__op_triu,
    NULL,
};
