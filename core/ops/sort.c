/* sort.c -- sort and topk: values in order along an axis, and the places they come from.
 *
 * A line is turned into keys with places (order.h) and sorted stably: a short one by insertion, a
 * longer one byte by byte, from the least on (radix sort), so that its time hardly depends on what
 * the elements are. A stable order is unique: how it was found changes no answer.
 */
#include <inttypes.h>

#include "emit.h"
#include "order.h"
#include "shape.h"

enum {
    SHORT = 64,      /* lines up to this long are sorted by insertion */
    BYTES = 8,       /* of a key */
    CHUNK = 1 << 16, /* elements between two looks at the stop flag */
};

/* ---- keys ------------------------------------------------------------------------------------ */

#define RANK(dtype, type, suffix)                                                                 \
    static void rank_##suffix(grad_ranked *to, const void *from, int64_t n, int64_t step,         \
                              int64_t first, uint64_t flip)                                       \
    {                                                                                             \
        const type *x = from;                                                                     \
        for (int64_t i = 0; i < n; i++)                                                           \
            to[i] = (grad_ranked){grad__key_##suffix(x[i * step]) ^ flip, first + i};             \
    }
GRAD_KEY_TYPES(RANK)

const grad_rank grad__rank[GRAD_DTYPES] = {
#define X(dtype, type, suffix) [dtype] = rank_##suffix,
    GRAD_KEY_TYPES(X)
#undef X
};

/* ---- sorting a line -------------------------------------------------------------------------- */

/* Counts how often each byte has each value; *sorted: are the keys in order already? */
static int count_bytes(int64_t count[BYTES][256], bool *sorted, const grad_ranked *a, int64_t n,
                       grad_frame *frame)
{
    uint64_t last = 0;
    bool falls = false;
    for (int64_t i = 0; i < n; i += CHUNK) {
        const int64_t end = i + CHUNK < n ? i + CHUNK : n;
        for (int64_t j = i; j < end; j++) {
            const uint64_t key = a[j].key;
            for (int k = 0; k < BYTES; k++) count[k][key >> 8 * k & 255]++;
            falls |= key < last;
            last = key;
        }
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    *sorted = !falls;
    return 0;
}

/* Sorts a, with b as room for as many, and leaves in a what comes of it. Bytes that all keys share
   are passed over. -1 when stopped. */
static int radix_sort(grad_ranked *a, grad_ranked *b, int64_t n, grad_frame *frame)
{
    int64_t count[BYTES][256] = {{0}};
    grad_ranked *from = a, *to = b;
    bool sorted = false;
    if (count_bytes(count, &sorted, a, n, frame) < 0) return -1;
    for (int k = 0; k < BYTES && !sorted; k++) {
        int64_t *start = count[k], sum = 0;
        if (start[a[0].key >> 8 * k & 255] == n) continue;
        for (int v = 0; v < 256; v++) {
            const int64_t many = start[v];
            start[v] = sum;
            sum += many;
        }
        for (int64_t i = 0; i < n; i += CHUNK) {
            const int64_t end = i + CHUNK < n ? i + CHUNK : n;
            for (int64_t j = i; j < end; j++) to[start[from[j].key >> 8 * k & 255]++] = from[j];
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
        grad_ranked *swap = from;
        from = to;
        to = swap;
    }
    for (int64_t i = 0; i < n && from != a; i += CHUNK) {
        memcpy(a + i, from + i, (size_t)(n - i < CHUNK ? n - i : CHUNK) * sizeof *a);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* Leaves the line in order in a, which has room for twice as many. */
static int sort_line(grad_ranked *a, const char *x, int64_t n, int64_t step, size_t size,
                     grad_rank rank, uint64_t flip, grad_frame *frame)
{
    for (int64_t i = 0; i < n; i += CHUNK) {
        rank(a + i, x + (size_t)(i * step) * size, n - i < CHUNK ? n - i : CHUNK, step, i, flip);
        if (n > CHUNK && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    if (n > SHORT) return radix_sort(a, a + n, n, frame);
    grad__insertion_sort(a, n);
    return 0;
}

/* ---- the first k of a line ------------------------------------------------------------------- */

static bool is_after(grad_ranked x, grad_ranked y)
{
    return x.key != y.key ? x.key > y.key : x.place > y.place;
}

/* The entry at `at` sinks to where nothing below it comes after it. */
static void sink(grad_ranked *heap, int64_t k, int64_t at)
{
    const grad_ranked one = heap[at];
    for (int64_t next; (next = 2 * at + 1) < k; at = next) {
        if (next + 1 < k && is_after(heap[next + 1], heap[next])) next++;
        if (!is_after(heap[next], one)) break;
        heap[at] = heap[next];
    }
    heap[at] = one;
}

/* At every 64th of these steps a look at the stop flag costs nothing. */
static bool is_time(int64_t step) { return (step & 63) == 63; }

/* Keeps the first k elements met so far in a heap whose top is the last of them, and puts them in
   order in the end. Elements come by their places, so that of equals the first ones stay. */
static int first_of_line(grad_ranked *heap, int64_t k, const char *x, int64_t n, int64_t step,
                         size_t size, grad_rank rank, uint64_t flip, grad_frame *frame)
{
    enum { SOME = 256 };
    grad_ranked some[SOME];
    rank(heap, x, k, step, 0, flip);
    for (int64_t i = k / 2; i-- > 0;) {
        sink(heap, k, i);
        if (is_time(i) && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    for (int64_t at = k; at < n; at += SOME) {
        const int64_t m = n - at < SOME ? n - at : SOME;
        rank(some, x + (size_t)(at * step) * size, m, step, at, flip);
        for (int64_t i = 0; i < m; i++)
            if (some[i].key < heap[0].key) {
                heap[0] = some[i];
                sink(heap, k, 0);
            }
        if (is_time(at / SOME) && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    for (int64_t left = k - 1; left > 0; left--) {
        const grad_ranked last = heap[0];
        heap[0] = heap[left];
        heap[left] = last;
        sink(heap, left, 0);
        if (is_time(left) && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

/* ---- the kernel of both ---------------------------------------------------------------------- */

enum { SORT_AXIS, DESCENDING };
enum { K, TOPK_AXIS, LARGEST };

/* Is it worth keeping k of n in a heap? */
static bool is_few(int64_t k, int64_t n) { return k <= n / 32; }

#define COPY(bytes)                                                                               \
    for (int64_t i = 0; i < n; i++)                                                               \
        memcpy((char *)to + i * step * (bytes),                                                   \
               (const char *)from + a[i].place * step * (bytes), (bytes));                        \
    break;

/* to[i] = from[a[i].place], as bytes; the elements of a line are `step` apart on both sides. */
static void copy_values(void *to, const void *from, const grad_ranked *a, int64_t n, int64_t step,
                        size_t size)
{
    switch (size) {
    case 8: COPY(8)
    case 4: COPY(4)
    case 1: COPY(1)
    }
}

/* The first `k` of each line: their values, and then their places where the block has room. */
static int order_lines(const grad_call *c, void *out, const void *in, int64_t axis, int64_t k,
                       bool backwards, grad_frame *frame)
{
    const grad_lines x = grad__lines(c->in[0], axis);
    const grad_rank rank = grad__rank[c->in_dtype[0]];
    const size_t size = grad_dtype_size(c->in_dtype[0]);
    const size_t values = grad_part_bytes(x.outer * k * x.inner, c->in_dtype[0]);
    const bool wanted = (size_t)c->shape->count * 8 > values;
    const uint64_t flip = backwards ? UINT64_MAX : 0;
    int64_t *places = (int64_t *)((char *)out + values), since = 0;
    grad_ranked *a = frame->scratch;
    for (int64_t o = 0; o < x.outer; o++)
        for (int64_t j = 0; j < x.inner; j++) {
            const char *line = (const char *)in + (size_t)(o * x.size * x.inner + j) * size;
            int64_t to = o * k * x.inner + j;
            if ((is_few(k, x.size)
                     ? first_of_line(a, k, line, x.size, x.inner, size, rank, flip, frame)
                     : sort_line(a, line, x.size, x.inner, size, rank, flip, frame)) < 0)
                return -1;
            for (int64_t i = 0; i < k; i += CHUNK) {
                const int64_t n = k - i < CHUNK ? k - i : CHUNK;
                copy_values((char *)out + (size_t)to * size, line, a + i, n, x.inner, size);
                for (int64_t m = 0; wanted && m < n; m++)
                    places[to + m * x.inner] = a[i + m].place;
                to += n * x.inner;
                if ((since += n + x.size / SHORT) < CHUNK) continue;
                since = 0;
                if (grad_stopped(frame)) return grad_frame_stopped(frame);
            }
        }
    return 0;
}

static int64_t line_size(const grad_shape *x, int64_t axis) { return x->rank ? x->dim[axis] : 1; }

/* Rough: a few passes over keys and places for each element. */
static double order_work(const grad_call *c) { return 60 * (double)c->in[0]->count; }

static size_t two_results(const grad_value *attr)
{
    (void)attr;
    return 2;
}

/* The first result has its sizes; the second, of places, has the same. */
static int set_places(grad_infer *f)
{
    int64_t *dim = grad_infer_list(f, (size_t)f->rank);
    if (!dim) return -1;
    if (f->rank) memcpy(dim, f->dim, (size_t)f->rank * sizeof *dim);
    f->more[0] = (grad_part){GRAD_INT64, f->rank, dim};
    return 0;
}

/* The values' cotangents go where the values came from. */
static void order_rule(B *b, const grad_pull *p, int64_t axis)
{
    V g = grad_part_cotangent(p, 0);
    const grad_value at = INT_(axis);
    if (!wants(p, 0) || g == GRAD_NONE) return;
    V total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_scatter_add, 3, (V[]){total, grad_part_node(p, 1), g}, 1,
                           &at));
}

/* ---- sort ------------------------------------------------------------------------------------ */

static int sort_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return grad_infer_axis(f, SORT_AXIS, f->rank) < 0 ? -1 : set_places(f);
}

static size_t sort_scratch(const grad_call *c)
{
    return 2 * (size_t)line_size(c->in[0], c->attr[SORT_AXIS].i) * sizeof(grad_ranked);
}

static int sort_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t axis = c->attr[SORT_AXIS].i;
    return order_lines(c, out, in[0], axis, line_size(c->in[0], axis), c->attr[DESCENDING].i != 0,
                       frame);
}

static void sort_rule(B *b, const grad_pull *p) { order_rule(b, p, p->attr[SORT_AXIS].i); }

const grad_op grad__op_sort = {
    .name = "sort",
    .doc = "The elements along an axis in ascending order, or descending, and their places; equals "
           "keep their order, and NaN counts as the largest.",
    .gradient = "g to the places the values come from",
    .in = {{.name = "x"}},
    .attr = {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)},
             {.name = "descending", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_KEEP,
    .results = two_results,
    .infer = sort_infer,
    .kernel = sort_kernel,
    .scratch = sort_scratch,
    .work = order_work,
    .trims = true,
    .rule = sort_rule,
    .example = "sort([3, 1, 2]) -> [1, 2, 3]; [1, 2, 0]\n"
               "sort([3, 1, 2], descending=true) -> [3, 2, 1]; [0, 2, 1]\n"
               "sort([1, 0, 1, 0], descending=true) -> [1, 1, 0, 0]; [0, 2, 1, 3]\n"
               "sort([[3, 1], [2, 4]], axis=0) -> [[2, 1], [3, 4]]; [[1, 0], [0, 1]]\n"
               "sort([1, NaN, -Infinity]) -> [-Infinity, 1, NaN]; [2, 0, 1]\n"
               "sort([1, NaN, Infinity], descending=true) -> [NaN, Infinity, 1]; [1, 2, 0]\n"
               "sort(5, axis=0) -> 5; 0",
    .trials = "[]; [5]; [70]; [2,3]; [3,2] axis=0; [2,3,4] axis=1 descending=true; [0,3]; [3,0]; "
              "[1,3] axis=0",
};

/* ---- topk ------------------------------------------------------------------------------------ */

static int topk_infer(grad_infer *f)
{
    const grad_shape *x = f->in[0];
    const int64_t k = f->attr[K].i;
    if (grad_infer_axis(f, TOPK_AXIS, x->rank) < 0) return -1;
    const int64_t axis = f->attr[TOPK_AXIS].i, size = line_size(x, axis);
    if (k < 0 || k > size || (x->rank == 0 && k == 0))
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "k",
                               "%" PRId64 " of the %" PRId64 " elements along axis %" PRId64
                               " cannot be taken",
                               k, size, axis);
    grad_infer_same(f, x);
    if (f->rank) f->dim[axis] = k;
    return set_places(f);
}

static size_t topk_scratch(const grad_call *c)
{
    const int64_t k = c->attr[K].i, n = line_size(c->in[0], c->attr[TOPK_AXIS].i);
    return (size_t)(is_few(k, n) ? k : 2 * n) * sizeof(grad_ranked);
}

static int topk_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return order_lines(c, out, in[0], c->attr[TOPK_AXIS].i, c->attr[K].i, c->attr[LARGEST].i != 0,
                       frame);
}

static void topk_rule(B *b, const grad_pull *p) { order_rule(b, p, p->attr[TOPK_AXIS].i); }

const grad_op grad__op_topk = {
    .name = "topk",
    .doc = "The k largest elements along an axis from the largest on, or the k smallest from the "
           "smallest on, and their places; of equals the first come first, and NaN counts as the "
           "largest.",
    .gradient = "g to the places the values come from",
    .in = {{.name = "x"}},
    .attr = {{.name = "k", .type = ATTR_INT, .required = true},
             {.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)},
             {.name = "largest", .type = ATTR_BOOL, .otherwise = BOOL_(true)}},
    .types = TYPES_KEEP,
    .results = two_results,
    .infer = topk_infer,
    .kernel = topk_kernel,
    .scratch = topk_scratch,
    .work = order_work,
    .trims = true,
    .rule = topk_rule,
    .example = "topk([3, 1, 4, 2], k=2) -> [4, 3]; [2, 0]\n"
               "topk([3, 1, 4, 2], k=3, largest=false) -> [1, 2, 3]; [1, 3, 0]\n"
               "topk([[3, 1], [2, 4]], k=1, axis=0) -> [[3, 4]]; [[0, 1]]\n"
               "topk([1, 2, 1, 2], k=3) -> [2, 2, 1]; [1, 3, 0]\n"
               "topk([1, NaN, 3], k=2) -> [NaN, 3]; [1, 2]\n"
               "topk([1, NaN, 3], k=2, largest=false) -> [1, 3]; [0, 2]\n"
               "topk(5, k=1) -> 5; 0",
    .trials = "[] k=1; [5] k=2; [40] k=3; [2,3] k=3; [3,2] k=2 axis=0 largest=false; "
              "[2,3,4] k=2 axis=1; [0,3] k=1; [3,2] k=0; [1,3] k=1 axis=0",
};

const grad_op *const grad__family_sort[] = {&grad__op_sort, &grad__op_topk, NULL};
