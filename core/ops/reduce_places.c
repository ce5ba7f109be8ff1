/* reduce_places.c -- where the extremes along axes are: argmax and argmin. */
#include "reduce_kernels.h"

enum { AXIS, KEEPDIMS }; /* attributes */

typedef struct finder {
    grad_cell best[GRAD_TILE];
    int64_t place[GRAD_TILE];
    int64_t next; /* place of the next row */
    bool real, least;
} finder;

/* Is x better than what was found so far? The first NaN beats everything. */
static bool beats(const finder *f, grad_cell x, grad_cell best)
{
    if (!f->real) return f->least ? x.i < best.i : x.i > best.i;
    if (x.r != x.r) return best.r == best.r;
    return f->least ? x.r < best.r : x.r > best.r;
}

static void look(finder *f, const grad_cell *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, f->next++)
        for (size_t w = 0; w < width; w++, x++)
            if (f->next == 0 || beats(f, *x, f->best[w])) {
                f->best[w] = *x;
                f->place[w] = f->next;
            }
}

static int find_place(const grad_call *c, void *out, const void *const *in, grad_frame *frame,
                      bool least)
{
    enum { CELLS = 512 };
    grad_cell x[CELLS];
    grad_tiles t;
    grad_load load = grad__map_load(MAP_PLAIN, c->in_dtype[0]);
    int64_t size = (int64_t)grad_dtype_size(c->in_dtype[0]);
    grad__tiles_begin(&t, c->in[0], &c->attr[AXIS], frame);
    while (grad__tiles_next(&t)) {
        finder f = {.next = 0, .real = grad_dtype_is_float(c->in_dtype[0]), .least = least};
        grad_rows r = {0};
        /* A row, or where rows are single elements many of them, are looked at together. */
        int64_t most = t.width == 1 ? CELLS : 1;
        while (grad__rows_next(&r, &t))
            for (int64_t i = 0; i < r.n; i += most) {
                int64_t n = r.n - i < most ? r.n - i : most;
                const char *at = (const char *)in[0] + (r.start + i * r.step) * size;
                load(x, at, t.width == 1 ? (size_t)n : t.width, t.width == 1 ? r.step : t.step,
                     NULL, 0, 0);
                look(&f, x, (size_t)n, t.width);
                if (grad__tiles_poll(&t, (size_t)n * t.width) < 0) return -1;
            }
        for (size_t w = 0; w < t.width; w++) ((int64_t *)out)[t.first + (int64_t)w] = f.place[w];
    }
    return 0;
}

static int infer(grad_infer *f) { return grad__infer_reduction_of_some(f, AXIS, KEEPDIMS); }

static int argmax_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return find_place(c, out, in, frame, false);
}

static int argmin_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return find_place(c, out, in, frame, true);
}

const grad_op grad__op_argmax = {
    .name = "argmax",
    .doc = "Where the largest element along axes is: its place in row-major order, the first of "
           "equals; a NaN counts as the largest.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = infer,
    .kernel = argmax_kernel,
    .work = grad__work_of_first,
    .rule = no_gradient,
    .example = "argmax([1, 3, 3]) -> 1\n"
               "argmax([[1, 5], [7, 4]]) -> 2\n"
               "argmax([[1, 5], [7, 4]], axis=1) -> [1, 0]\n"
               "argmax([[1, 5], [7, 4]], axis=0, keepdims=true) -> [[1, 0]]\n"
               "argmax([1, NaN, 2]) -> 1",
};

const grad_op grad__op_argmin = {
    .name = "argmin",
    .doc = "Where the smallest element along axes is: its place in row-major order, the first of "
           "equals; a NaN counts as the smallest.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = infer,
    .kernel = argmin_kernel,
    .work = grad__work_of_first,
    .rule = no_gradient,
    .example = "argmin([3, 1, 1]) -> 1\n"
               "argmin([[1, 5], [7, 0]]) -> 3\n"
               "argmin([[1, 5], [7, 4]], axis=1) -> [0, 1]\n"
               "argmin([1, NaN, 2]) -> 1",
};
