/* shape.h -- what the shape, index and source families share: windows, small checks.
 *
 * A window picks elements of a tensor: place (i0, i1, …) is its element start +
 * i0*step[0] + …. Transposing, slicing, flipping and expanding are all one copy between
 * two windows; their adjoints add through the same window. Windows are made of the whole
 * tensor and narrowed axis by axis.
 */
#ifndef GRAD_OPS_SHAPE_H
#define GRAD_OPS_SHAPE_H

#include "emit.h"

typedef struct grad_window {
    int rank;
    int64_t start;
    int64_t dim[GRAD_RANK_MAX];
    int64_t step[GRAD_RANK_MAX]; /* in elements; 0 repeats, negative runs backwards */
} grad_window;

/* ---- windows (strided.c) ----------------------------------------------------------- */

void grad__window(grad_window *w, const grad_shape *s); /* all of s */
/* Axis `axis` becomes `count` places from `start` on, `step` apart. */
void grad__window_slice(grad_window *w, int axis, int64_t start, int64_t count,
                        int64_t step);
/* Axis `axis` becomes one place, and goes. */
void grad__window_drop(grad_window *w, int axis, int64_t index);

/* Copies (adds) elements between windows of the same sizes; a NULL window is the
   contiguous tensor of the other's sizes. No place of `to` may come twice. They return 0,
   or -1 when stopped. */
int grad__window_copy(const grad_window *to_window, void *to,
                      const grad_window *from_window, const void *from, grad_dtype dtype,
                      grad_frame *frame);
int grad__window_add(const grad_window *to_window, void *to, const void *from,
                     grad_dtype dtype, grad_frame *frame);

/* What every kernel that adds into in[0] begins with: out holds the base. */
void grad__begin_add(const grad_call *c, void *out, const void *const *in);
/* `work` of rows that add in[1], or in[2], into in[0]. */
double grad__work_of_second(const grad_call *c);
double grad__work_of_third(const grad_call *c);

/* ---- one axis (strided.c) ---------------------------------------------------------- */

/* A tensor around one of its axes, as [outer, size, inner]: element i of line (o, k) is at
   (o * size + i) * inner + k. A 0-d tensor is one line of one element. */
typedef struct grad_lines {
    int64_t outer, size, inner;
} grad_lines;

grad_lines grad__lines(const grad_shape *x, int64_t axis);

/* ---- small checks (strided.c) ------------------------------------------------------ */

/* The product of n sizes, or INT64_MAX where it is larger. */
int64_t grad__dims_product(int n, const int64_t *dim);
/* Do tensors of these shapes broadcast? */
bool grad__broadcast(const grad_shape *s, const grad_shape *t);
/* A list of distinct axes as places 0 .. rank-1 in its own order (rank 0 counts as 1):
   out[] takes `rank` of them. On failure -1, with a sentence in text. */
int grad__axes(int64_t *out, const grad_value *axes, int rank, char text[96]);
/* A list attribute as sizes of the result: not negative, 32 at most. */
int grad__infer_dims(grad_infer *f, size_t k);

/* ---- indices (index.c) ------------------------------------------------------------- */

/* Is each of `indices`, of the given shape, a place along x's axis? Negative ones count
   from its end where they are allowed. If not, -1 with the error filled, naming the
   operand. */
int grad__check_indices(grad_frame *frame, int operand, const grad_shape *shape,
                        const int64_t *indices, const grad_shape *x, int64_t axis,
                        bool negative);

/* X(dtype, the C type it is added in, how). Integers wrap; booleans are joined by or. */
#define PLUS(a, b) (a) + (b)
#define OR(a, b) (a) | (b)
/* clang-format off */
#define ADD_TYPES(X)                                                                     \
    X(GRAD_FLOAT64, double, PLUS)                                                        \
    X(GRAD_FLOAT32, float, PLUS)                                                         \
    X(GRAD_INT64, uint64_t, PLUS)                                                        \
    X(GRAD_INT32, uint32_t, PLUS)                                                        \
    X(GRAD_BOOL, uint8_t, OR)
/* clang-format on */

/* ---- numbers (source.c) ------------------------------------------------------------ */

/* A number or truth value as one element of dtype; false where dtype cannot hold it. */
bool grad__element(void *element, const grad_value *number, grad_dtype dtype);
/* Is attr[k] such a number? */
int grad__infer_element(grad_infer *f, size_t k, grad_dtype dtype);
void grad__fill(void *out, int64_t n, const void *element, grad_dtype dtype);

/* ---- rows that other files append ------------------------------------------------- */

extern const grad_op grad__op_full;
extern const grad_op grad__op_reshape, grad__op_unsqueeze, grad__op_transpose;
extern const grad_op grad__op_expand, grad__op_flip, grad__op_roll, grad__op_pad;
extern const grad_op grad__op_slice, grad__op_slice_add;
extern const grad_op grad__op_select, grad__op_select_add;
extern const grad_op grad__op_diagonal, grad__op_diagonal_add, grad__op_diag_embed;
extern const grad_op grad__op_tril, grad__op_triu;
extern const grad_op grad__op_take_add, grad__op_embedding;
extern const grad_op grad__op_gather, grad__op_scatter_add;

/* clang-format off */
#define X_ALONE {{"x", GRAD_ROLE_NUMBER, false}} /* the operands of a row that has one */
/* clang-format on */

static inline grad_value grad__list(const int64_t *list, size_t n)
{
    return (grad_value){.kind = GRAD_LIST, .n = (uint32_t)n, .list = list};
}

#endif
