/* order.c -- differences along an axis, and places in a sorted one. */
#include <inttypes.h>

#include "emit.h"
#include "order.h"
#include "shape.h"

enum { CHUNK = 1 << 16 }; /* elements between two looks at the stop flag */

/* ---- diff ------------------------------------------------------------------------------------ */

extern const grad_op grad__op_diff;

enum { N, DIFF_AXIS };

/* y[i] = x[i + step] - x[i]; y may be x. Integers wrap; booleans differ or do not. */
#define LESS(a, b) (a) - (b)
#define DIFFERS(a, b) (a) != (b)
#define DIFFERENCES(dtype, type, minus)                                                           \
    static void differences_##type(void *to, const void *from, int64_t step, int64_t n)           \
    {                                                                                             \
        const type *x = from;                                                                     \
        type *y = to;                                                                             \
        for (int64_t i = 0; i < n; i++) y[i] = (type)(minus(x[i + step], x[i]));                  \
    }
#define DIFF_TYPES(X)                                                                             \
    X(GRAD_FLOAT64, double, LESS)                                                                 \
    X(GRAD_FLOAT32, float, LESS)                                                                  \
    X(GRAD_INT64, uint64_t, LESS)                                                                 \
    X(GRAD_INT32, uint32_t, LESS)                                                                 \
    X(GRAD_BOOL, uint8_t, DIFFERS)
DIFF_TYPES(DIFFERENCES)

static void (*const differences[GRAD_DTYPES])(void *to, const void *from, int64_t step,
                                              int64_t n) = {
#define X(dtype, type, minus) [dtype] = differences_##type,
    DIFF_TYPES(X)
#undef X
};

/* n differences of neighbours, in pieces. What a piece reads, the pieces before it left alone. */
static int difference(const grad_call *c, char *to, const char *from, int64_t step, int64_t n,
                      grad_frame *frame)
{
    const size_t size = grad_dtype_size(c->dtype);
    for (int64_t i = 0; i < n; i += CHUNK) {
        const size_t at = (size_t)i * size;
        differences[c->dtype](to + at, from + at, step, n - i < CHUNK ? n - i : CHUNK);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* From the axis on a tensor is one run, whose elements meet those a step further on. All but the
   last of n rounds take place in the scratch memory. */
static int diff_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_lines x = grad__lines(c->in[0], c->attr[DIFF_AXIS].i);
    const size_t size = grad_dtype_size(c->dtype);
    const int64_t n = c->attr[N].i, run = (x.size - n) * x.inner;
    for (int64_t o = 0; o < x.outer; o++) {
        const char *from = (const char *)in[0] + (size_t)(o * x.size * x.inner) * size;
        char *to = (char *)out + (size_t)(o * run) * size;
        if (n == 0) memcpy(to, from, (size_t)run * size);
        for (int64_t k = 1; k <= n; k++, from = frame->scratch)
            if (difference(c, k < n ? frame->scratch : to, from, x.inner, (x.size - k) * x.inner,
                           frame) < 0)
                return -1;
    }
    return 0;
}

static size_t diff_scratch(const grad_call *c)
{
    const grad_lines x = grad__lines(c->in[0], c->attr[DIFF_AXIS].i);
    return c->attr[N].i < 2 ? 0 : (size_t)(x.size * x.inner) * grad_dtype_size(c->dtype);
}

static double diff_work(const grad_call *c)
{
    return (double)c->in[0]->count * (double)(c->attr[N].i + 1);
}

static int diff_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    int64_t *n = &f->attr[N].i;
    if (x->rank == 0)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "a 0-d tensor has no neighbours to take differences of");
    if (*n < 0)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "n",
                               "differences are taken zero times or more, and n is %" PRId64, *n);
    if (grad_infer_axis(f, DIFF_AXIS, x->rank) < 0) return -1;
    const int64_t axis = f->attr[DIFF_AXIS].i;
    grad_infer_same(f, x);
    if (*n > x->dim[axis]) *n = x->dim[axis];
    f->dim[axis] -= *n;
    return 0;
}

/* A difference turned round is a difference of g between zeros, with the other sign. */
static void diff_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    const int64_t n = p->attr[N].i, axis = p->attr[DIFF_AXIS].i;
    int64_t pads[2 * GRAD_RANK_MAX] = {0};
    pads[2 * axis] = pads[2 * axis + 1] = n;
    const grad_value around = {
        .kind = GRAD_PAIRS, .n = 2 * (uint32_t)v_rank(b, p->g), .list = pads};
    V g = v_emit(b, &grad__op_pad, 1, &p->g, 1, &around);
    g = v_emit(b, &grad__op_diff, 1, &g, 2, p->attr);
    pull(p, 0, n % 2 ? v_neg(b, g) : g);
}

const grad_op grad__op_diff = {
    .name = "diff",
    .doc = "The differences of neighbours along an axis, x[i+1] - x[i], n times; of booleans "
           "whether they differ.",
    .gradient = "the differences of g between n zeros on either side, times (-1)^n",
    .in = {{.name = "x"}},
    .attr = {{.name = "n", .type = ATTR_INT, .otherwise = INT_(1)},
             {.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)}},
    .types = TYPES_KEEP,
    .infer = diff_infer,
    .kernel = diff_kernel,
    .reach = REACH_AHEAD,
    .scratch = diff_scratch,
    .work = diff_work,
    .rule = diff_rule,
    .example = "diff([1, 4, 9, 16]) -> [3, 5, 7]\n"
               "diff([1, 4, 9, 16], n=2) -> [2, 2]\n"
               "diff([1, 4, 9], n=0) -> [1, 4, 9]\n"
               "diff([1, 4], n=3) -> []\n"
               "diff([[1, 2], [4, 8]], axis=0) -> [[3, 6]]\n"
               "diff([true, false, false]) -> [true, false]",
    .trials = "[4]; [4] n=2; [5] n=3; [3] n=0; [2] n=3; [2,3]; [3,2] axis=0; [2,5,3] n=2 axis=1; "
              "[0,3]; [3,0] axis=0; [1]; [0]",
};

/* ---- searchsorted ---------------------------------------------------------------------------- */

enum { RIGHT };

#define SEARCH(dtype, type, suffix)                                                               \
    static void search_##suffix(int64_t *to, const void *in, int64_t size, const void *at,        \
                                int64_t n, bool right)                                            \
    {                                                                                             \
        const type *sorted = in, *value = at;                                                     \
        for (int64_t i = 0; i < n; i++) {                                                         \
            const uint64_t key = grad__key_##suffix(value[i]);                                    \
            int64_t low = 0, high = size;                                                         \
            while (low < high) {                                                                  \
                const int64_t middle = low + (high - low) / 2;                                    \
                const uint64_t here = grad__key_##suffix(sorted[middle]);                         \
                if (here < key || (right && here == key)) low = middle + 1;                       \
                else high = middle;                                                               \
            }                                                                                     \
            to[i] = low;                                                                          \
        }                                                                                         \
    }
GRAD_KEY_TYPES(SEARCH)

static void (*const searches[GRAD_DTYPES])(int64_t *to, const void *in, int64_t size,
                                           const void *at, int64_t n, bool right) = {
#define X(dtype, type, suffix) [dtype] = search_##suffix,
    GRAD_KEY_TYPES(X)
#undef X
};

/* Lines of `sorted` go with lines of `values`; if there is but one, with all of them. */
static int searchsorted_kernel(const grad_call *c, void *out, const void *const *in,
                               grad_frame *frame)
{
    enum { SOME = 2048 };
    const grad_shape *sorted = c->in[0], *values = c->in[1];
    const size_t bytes = grad_dtype_size(c->in_dtype[0]);
    const int64_t size = sorted->dim[sorted->rank - 1];
    const int64_t line = sorted->rank == 1 ? values->count : values->dim[values->rank - 1];
    const char *from = in[0], *at = in[1];
    int64_t *to = out, since = 0;
    for (int64_t done = 0; done < values->count; from += (size_t)size * bytes)
        for (int64_t i = 0; i < line;) {
            const int64_t n = line - i < SOME ? line - i : SOME;
            searches[c->in_dtype[0]](to, from, size, at, n, c->attr[RIGHT].i != 0);
            i += n;
            done += n;
            to += n;
            at += (size_t)n * bytes;
            if ((since += n + 8) < SOME) continue;
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
    return 0;
}

static double searchsorted_work(const grad_call *c)
{
    const int64_t size = c->in[0]->dim[c->in[0]->rank - 1];
    return (double)c->in[1]->count * 10 * (64 - __builtin_clzll((uint64_t)size | 1));
}

static int searchsorted_infer(grad_infer *f)
{
    const grad_shape *sorted = f->in[0], *values = f->in[1];
    char has[96], found[96];
    if (sorted->rank == 0)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                               "sorted has one axis at least, and this is 0-d");
    bool fits = sorted->rank == 1 || sorted->rank == values->rank;
    for (int d = 0; fits && d < sorted->rank - 1; d++) fits = sorted->dim[d] == values->dim[d];
    if (!fits)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL,
                               "values of shape %s do not go with sorted of shape %s: all axes but "
                               "the last are the same, or sorted has only one",
                               grad__dims_text(found, values->rank, values->dim),
                               grad__dims_text(has, sorted->rank, sorted->dim));
    grad_infer_same(f, values);
    return 0;
}

const grad_op grad__op_searchsorted = {
    .name = "searchsorted",
    .doc = "For each value its place along the last axis of sorted, which ascends: how many "
           "elements there are less than it, or with right not greater; NaN counts as the largest.",
    .gradient = "none: the result is an integer",
    .in = {{.name = "sorted"}, {.name = "values"}},
    .attr = {{.name = "right", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_PROMOTE,
    .result = RESULT_INT64,
    .infer = searchsorted_infer,
    .kernel = searchsorted_kernel,
    .work = searchsorted_work,
    .rule = no_gradient,
    .example = "searchsorted([1, 3, 5], [0, 1, 2, 5, 6]) -> [0, 0, 1, 2, 3]\n"
               "searchsorted([1, 3, 5], [0, 1, 2, 5, 6], right=true) -> [0, 1, 1, 3, 3]\n"
               "searchsorted([1, 3, 5], 4) -> 2\n"
               "searchsorted([[1, 2], [3, 4]], [[2, 3, 0], [2, 3, 9]]) -> [[1, 2, 0], [0, 0, 2]]\n"
               "searchsorted([1, 2, NaN], [3, NaN]) -> [2, 2]\n"
               "searchsorted([], [3]) -> [0]",
};

const grad_op *const grad__family_order[] = {&grad__op_diff, &grad__op_searchsorted, NULL};
