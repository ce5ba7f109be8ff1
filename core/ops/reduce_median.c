/* reduce_median.c -- the median, and sums and means of what is not NaN. */
#include <math.h>

#include "order.h"
#include "reduce_kernels.h"
#include "shape.h"

extern const grad_op grad__op_middle, grad__op_middle_place;

enum { AXIS, KEEPDIMS }; /* attributes */

/* Attribute `axis` of a composite as a mask; said here, so that it is named and not its parts. */
static int read_axes(bool reduced[GRAD_RANK_MAX + 1], B *b, const grad_args *a)
{
    const grad_value *axes = &a->attr[AXIS];
    const int rank = v_rank(b, a->in[0]);
    int64_t place[GRAD_RANK_MAX + 1];
    char text[96];
    for (int d = 0; d <= rank; d++) reduced[d] = axes->kind == GRAD_NULL;
    if (axes->kind == GRAD_NULL) return 0;
    if (grad__axes(place, axes, rank, text) < 0)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "%s: %s", a->op->name, text);
    for (uint32_t i = 0; i < axes->n; i++) reduced[place[i]] = true;
    return 0;
}

/* ---- nansum, nanmean ------------------------------------------------------------------------- */

static V sum_along(B *b, const grad_args *a, V x)
{
    return v_emit(b, &grad__op_sum, 1, &x, 2, a->attr);
}

static V without_nan(B *b, V x, V none) { return v_where(b, none, v_num(b, x, 0), x); }

static int nansum_expand(B *b, const grad_args *a, V *out)
{
    bool reduced[GRAD_RANK_MAX + 1];
    V x = a->in[0];
    if (read_axes(reduced, b, a) < 0) return -1;
    if (grad_dtype_is_float(v_dtype(b, x))) x = without_nan(b, x, v_isnan(b, x));
    *out = sum_along(b, a, x);
    return 0;
}

static int nanmean_expand(B *b, const grad_args *a, V *out)
{
    bool reduced[GRAD_RANK_MAX + 1];
    V x = a->in[0];
    if (read_axes(reduced, b, a) < 0) return -1;
    V none = v_isnan(b, x), n = sum_along(b, a, v_logical_not(b, none));
    *out = v_div(b, sum_along(b, a, without_nan(b, x, none)), v_cast(b, n, v_dtype(b, x)));
    return 0;
}

const grad_op grad__op_nansum = {
    .name = "nansum",
    .doc = "The sum of the elements along axes that are not NaN; of none 0.",
    .gradient = "g to every element that is not NaN, 0 to the others",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_WIDE,
    .expand = nansum_expand,
    .example = "nansum([1, NaN, 3]) -> 4\n"
               "nansum([[1, NaN], [3, 4]], axis=0) -> [4, 4]\n"
               "nansum([[1, NaN], [3, 4]], axis=-1, keepdims=true) -> [[1], [7]]\n"
               "nansum([[1, NaN]], axis=[]) -> [[1, 0]]\n"
               "nansum([NaN]) -> 0\n"
               "nansum([1, Infinity]) -> Infinity",
    .trials = "[]; [3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=0; "
              "[2,3] axis=[]",
};

const grad_op grad__op_nanmean = {
    .name = "nanmean",
    .doc = "The mean of the elements along axes that are not NaN; of none NaN.",
    .gradient = "g / n to each of the n elements that are not NaN, 0 to the others",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = nanmean_expand,
    .example = "nanmean([1, NaN, 4]) -> 2.5\n"
               "nanmean([[1, NaN], [3, 4]], axis=0) -> [2, 4]\n"
               "nanmean([[1, NaN], [3, 4]], axis=-1, keepdims=true) -> [[1], [3.5]]\n"
               "nanmean([[1, NaN]], axis=[]) -> [[1, NaN]]\n"
               "nanmean([NaN]) -> NaN\n"
               "nanmean([]) -> NaN",
    .trials = "[]; [3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[2,3] axis=[]",
};

/* ---- median: the middle of rows -------------------------------------------------------------- */

enum { CHUNK = 1 << 16, SHORT = 48, BITS = 8 };

static size_t byte_of(grad_ranked x, int at) { return x.key >> at & ((1 << BITS) - 1); }

/* Is it time to look at the stop flag, and is it set? */
static int poll(int64_t i, grad_frame *frame)
{
    return i % CHUNK == CHUNK - 1 && grad_stopped(frame) ? grad_frame_stopped(frame) : 0;
}

/* Of the m candidates in a, which agree above bit `at`, keeps those with the byte at `at` that the
   one of rank *r has. Returns how many there are, or -1 when stopped. */
static int64_t narrow(grad_ranked *a, int64_t m, int at, int64_t *r, grad_frame *frame)
{
    int64_t count[1 << BITS] = {0}, kept = 0;
    size_t byte = 0;
    for (int64_t i = 0; i < m; i++) {
        count[byte_of(a[i], at)]++;
        if (poll(i, frame) < 0) return -1;
    }
    for (; *r >= count[byte]; byte++) *r -= count[byte];
    for (int64_t i = 0; i < m && count[byte] < m; i++) {
        if (byte_of(a[i], at) == byte) a[kept++] = a[i];
        if (poll(i, frame) < 0) return -1;
    }
    return count[byte];
}

/* Where the lower middle of n elements stands, the first of equals; the first NaN if there is one.
   `a` has room for n. -1 when stopped. */
static int64_t find_middle(grad_ranked *a, const void *x, int64_t n, grad_dtype dtype,
                           grad_frame *frame)
{
    const size_t size = grad_dtype_size(dtype);
    const uint64_t nan = dtype == GRAD_FLOAT64 ? UINT64_MAX : UINT32_MAX;
    int64_t m = n, r = (n - 1) / 2;
    for (int64_t i = 0; i < n; i += CHUNK) {
        const int64_t end = i + CHUNK < n ? i + CHUNK : n;
        grad__rank[dtype](a + i, (const char *)x + (size_t)i * size, end - i, 1, i, 0);
        for (int64_t j = i; grad_dtype_is_float(dtype) && j < end; j++)
            if (a[j].key == nan) return j;
        if (end < n && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    for (int at = 8 * (int)size - BITS; at >= 0 && m > SHORT; at -= BITS)
        if ((m = narrow(a, m, at, &r, frame)) < 0) return -1;
    if (m > SHORT) return a->place; /* all that are left are equal */
    grad__insertion_sort(a, m);
    while (r > 0 && a[r - 1].key == a[r].key) r--;
    return a[r].place;
}

static int64_t row_size(const grad_call *c) { return c->in[0]->dim[1]; }

static size_t middle_scratch(const grad_call *c)
{
    return (size_t)row_size(c) * sizeof(grad_ranked);
}

static double middle_work(const grad_call *c) { return 20 * (double)c->in[0]->count; }

/* A row of x at a time: the middle element, or its place. */
static int each_row(const grad_call *c, void *out, const void *in, bool place, grad_frame *frame)
{
    const int64_t n = row_size(c), rows = c->in[0]->dim[0];
    const size_t size = grad_dtype_size(c->in_dtype[0]);
    int64_t since = 0;
    for (int64_t i = 0; i < rows; i++) {
        const char *row = (const char *)in + (size_t)(i * n) * size;
        const int64_t at = find_middle(frame->scratch, row, n, c->in_dtype[0], frame);
        if (at < 0) return -1;
        if (place) ((int64_t *)out)[i] = at;
        else memcpy((char *)out + (size_t)i * size, row + (size_t)at * size, size);
        if ((since += n + SHORT) < CHUNK) continue;
        since = 0;
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static int middle_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return each_row(c, out, in[0], false, frame);
}

static int middle_place_kernel(const grad_call *c, void *out, const void *const *in,
                               grad_frame *frame)
{
    return each_row(c, out, in[0], true, frame);
}

static int middle_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    if (x->rank != 2 || x->dim[1] == 0)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "takes rows of one element at least");
    f->rank = 1;
    f->dim[0] = x->dim[0];
    return 0;
}

/* Shared: all elements equal to the middle have an equal part, or all that are NaN. */
static void middle_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    const int64_t last = 1;
    V x = p->in[0], g = v_unsqueeze(b, p->g, &last, 1);
    if (p->attr[0].i) {
        V mask = v_eq(b, x, v_unsqueeze(b, p->y, &last, 1));
        mask = v_logical_or(b, mask, v_isnan(b, x));
        V n = v_cast(b, v_sum(b, mask, &last, 1, true), v_dtype(b, x));
        pull(p, 0, v_where(b, mask, v_div(b, g, n), v_num(b, x, 0)));
        return;
    }
    const grad_value axis = INT_(last);
    V place = v_unsqueeze(b, v_emit(b, &grad__op_middle_place, 1, &x, 0, NULL), &last, 1);
    V total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_scatter_add, 3, (V[]){total, place, g}, 1, &axis));
}

/* ---- median ---------------------------------------------------------------------------------- */

/* What is reduced becomes the rows of a matrix: its axes go to the end, in their order. */
static int median_expand(B *b, const grad_args *a, V *out)
{
    bool reduced[GRAD_RANK_MAX + 1];
    int64_t order[GRAD_RANK_MAX], dim[GRAD_RANK_MAX], size[2] = {1, 1};
    V x = a->in[0];
    const grad_shape *s = v_shape(b, x);
    const bool all = a->attr[AXIS].kind == GRAD_NULL;
    int rank = 0, at = 0;
    bool moved = false;
    if (read_axes(reduced, b, a) < 0) return -1;
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < s->rank; d++) {
            if (reduced[d] != last) continue;
            moved = moved || d != at;
            order[at++] = d;
            size[last] *= s->dim[d];
        }
    for (int d = 0; d < s->rank; d++)
        if (!reduced[d] || a->attr[KEEPDIMS].i) dim[rank++] = reduced[d] ? 1 : s->dim[d];
    if (size[1] == 0 && !(all && grad_dtype_is_float(v_dtype(b, x))))
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "median: of no elements there is no median");
    if (size[1] == 0) {
        *out = v_expand(b, v_num(b, x, NAN), rank, dim);
        return 0;
    }
    if (moved) x = v_transpose(b, x, s->rank, order);
    x = v_emit(b, &grad__op_middle, 1, (V[]){v_reshape(b, x, 2, size)}, 1,
               (grad_value[]){BOOL_(all)});
    *out = v_reshape(b, x, rank, dim);
    return 0;
}

const grad_op grad__op_median = {
    .name = "median",
    .doc = "The middle of the elements along axes, of an even number the lower of the two; NaN if "
           "there is one.",
    .gradient = "g to the middle element: where axis is null in equal parts to all that equal it, "
                "else to the first of them",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_KEEP,
    .expand = median_expand,
    .example = "median([5, 1, 3]) -> 3\n"
               "median([4, 1, 3, 2]) -> 2\n"
               "median([[1, 5, 3], [8, 7, 9]], axis=1) -> [3, 8]\n"
               "median([[1, 5, 3], [8, 7, 9]], axis=0, keepdims=true) -> [[1, 5, 3]]\n"
               "median([[1, 5, 3], [8, 7, 9]], axis=[0, 1]) -> 5\n"
               "median([1, NaN, 3]) -> NaN\n"
               "median([]) -> NaN",
    .trials = "[]; [5]; [6]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; "
              "[2,3,4] axis=0; [60] axis=0; [0,3] axis=1; [2,3] axis=[]; [] axis=-1",
};

const grad_op grad__op_middle = {
    .name = "middle",
    .doc = "The lower middle of each row; NaN if there is one.",
    .gradient = "g to the first element that equals it, or in equal parts to all",
    .in = {{.name = "x"}},
    .attr = {{.name = "shared", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_KEEP,
    .infer = middle_infer,
    .kernel = middle_kernel,
    .scratch = middle_scratch,
    .work = middle_work,
    .internal = true,
    .rule = middle_rule,
    .example = "middle([[4, 1, 3, 2], [0, -0, 0, 7]]) -> [2, 0]",
    .trials = "[2,5]; [1,60]; [3,4] shared=true; [0,3]",
};

const grad_op grad__op_middle_place = {
    .name = "middle_place",
    .doc = "Where the lower middle of each row stands first.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = middle_infer,
    .kernel = middle_place_kernel,
    .scratch = middle_scratch,
    .work = middle_work,
    .internal = true,
    .rule = no_gradient,
    .example = "middle_place([[4, 1, 3, 2], [5, 7, 7, 9], [1, 3, 3, 3]]) -> [3, 1, 1]\n"
               "middle_place([[4, NaN, 3, NaN]]) -> [1]",
};
