/* softmax.c -- softmax and its logarithm along one axis, shifted by the largest element. */
#include <math.h>

#include "emit.h"
#include "reduce_kernels.h"

/* y[i] = f(x[i]) for n elements `step` apart; a[i] and b[i] belong to the sequences, and stand
   still where one sequence is walked along (a_step 0). x may be y. */
#define ROW(name, type, value)                                                                    \
    static void name(void *out, const void *in, int64_t step, size_t n, const double *a,          \
                     const double *b, size_t a_step)                                              \
    {                                                                                             \
        const type *x = in;                                                                       \
        type *y = out;                                                                            \
        for (size_t i = 0; i < n; i++) {                                                          \
            int64_t at = (int64_t)i * step;                                                       \
            double e = (double)x[at], p = a[i * a_step], q = b[i * a_step];                       \
            (void)q;                                                                              \
            y[at] = (type)(value);                                                                \
        }                                                                                         \
    }
ROW(exp_float64, double, exp(e - p))
ROW(exp_float32, float, exp(e - p))
ROW(share_float64, double, e / p)
ROW(share_float32, float, e / p)
ROW(log_float64, double, (e - p) - q)
ROW(log_float32, float, (e - p) - q)

typedef void (*row)(void *out, const void *in, int64_t step, size_t n, const double *a,
                    const double *b, size_t a_step);

/* Applies a row function to all elements of a tile. */
static int each(grad_tiles *t, row f, size_t size, void *out, const void *in, const double *a,
                const double *b)
{
    enum { PIECE = 4096 };
    grad_rows r = {0};
    int64_t most = t->width == 1 ? PIECE : 1;
    while (grad__rows_next(&r, t))
        for (int64_t i = 0; i < r.n; i += most) {
            int64_t n = r.n - i < most ? r.n - i : most;
            size_t at = (size_t)(r.start + i * r.step) * size;
            char *y = (char *)out + at;
            const char *x = (const char *)in + at;
            if (t->width == 1) f(y, x, r.step, (size_t)n, a, b, 0);
            else f(y, x, t->step, t->width, a, b, 1);
            if (grad__tiles_poll(t, (size_t)n * t->width) < 0) return -1;
        }
    return 0;
}

static int fold(double *y, grad_tiles *t, const grad_fold_row *f, const grad_map *map,
                const void *x)
{
    grad_cell cell[GRAD_TILE];
    if (grad__fold(cell, t, f, map, x) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) y[w] = cell[w].r;
    return 0;
}

static void begin(grad_tiles *t, const grad_call *c, grad_frame *frame)
{
    const grad_value axes = {.kind = GRAD_LIST, .n = 1, .list = &c->attr[0].i};
    grad__tiles_begin(t, c->in[0], &axes, frame);
}

static int softmax_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    grad_tiles t;
    double p[GRAD_TILE];
    bool wide = c->dtype == GRAD_FLOAT64;
    size_t size = grad_dtype_size(c->dtype);
    const grad_map plain = {.kind = MAP_PLAIN, .dtype = c->dtype};
    for (begin(&t, c, frame); grad__tiles_next(&t);)
        if (fold(p, &t, &grad__largest, &plain, in[0]) < 0 ||
            each(&t, wide ? exp_float64 : exp_float32, size, out, in[0], p, p) < 0 ||
            fold(p, &t, &grad__sum, &plain, out) < 0 ||
            each(&t, wide ? share_float64 : share_float32, size, out, out, p, p) < 0)
            return -1;
    return 0;
}

static int log_softmax_kernel(const grad_call *c, void *out, const void *const *in,
                              grad_frame *frame)
{
    grad_tiles t;
    double p[GRAD_TILE], q[GRAD_TILE];
    bool wide = c->dtype == GRAD_FLOAT64;
    const grad_map plain = {.kind = MAP_PLAIN, .dtype = c->dtype};
    const grad_map shifted = {.kind = MAP_EXP, .dtype = c->dtype, .p = p};
    for (begin(&t, c, frame); grad__tiles_next(&t);) {
        if (fold(p, &t, &grad__largest, &plain, in[0]) < 0 ||
            fold(q, &t, &grad__sum, &shifted, in[0]) < 0)
            return -1;
        for (size_t w = 0; w < t.width; w++) q[w] = log(q[w]);
        if (each(&t, wide ? log_float64 : log_float32, grad_dtype_size(c->dtype), out, in[0], p,
                 q) < 0)
            return -1;
    }
    return 0;
}

static int infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return grad_infer_axis(f, 0, f->in[0]->rank);
}

static V sum_along(B *b, const grad_pull *p, V v)
{
    return v_sum(b, v, &p->attr[0].i, 1, true);
}

static void softmax_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->y, v_sub(b, p->g, sum_along(b, p, v_mul(b, p->g, p->y)))));
}

static void log_softmax_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_sub(b, p->g, v_mul(b, v_exp(b, p->y), sum_along(b, p, p->g))));
}

#define AXIS_ATTRIBUTE {{.name = "axis", .type = ATTR_INT, .otherwise = INT_(-1)}}

const grad_op grad__op_softmax = {
    .name = "softmax",
    .doc = "exp(x) / sum(exp(x)) along an axis, without overflow.",
    .gradient = "y (g - sum(g y))",
    .in = {{.name = "x"}},
    .attr = AXIS_ATTRIBUTE,
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = softmax_kernel,
    .reach = REACH_LINE,
    .flops = 25,
    .in_place = true,
    .rule = softmax_rule,
    .example = "softmax([1, 2, 3]) -> "
               "[0.09003057317038046, 0.24472847105479764, 0.6652409557748219]\n"
               "softmax([[0, 0], [0, 1]], axis=0) -> "
               "[[0.5, 0.2689414213699951], [0.5, 0.7310585786300049]]\n"
               "softmax([1000, 1000, -Infinity]) -> [0.5, 0.5, 0]\n"
               "softmax(3) -> 1",
    .trials = "[]; [3]; [2,3]; [2,3] axis=0; [2,3,4] axis=1; [0,3]; [3,0]; [2,1]; [70,2] axis=0",
};

const grad_op grad__op_log_softmax = {
    .name = "log_softmax",
    .doc = "x - log(sum(exp(x))) along an axis, without overflow.",
    .gradient = "g - exp(y) sum(g)",
    .in = {{.name = "x"}},
    .attr = AXIS_ATTRIBUTE,
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = log_softmax_kernel,
    .reach = REACH_LINE,
    .flops = 25,
    .in_place = true,
    .rule = log_softmax_rule,
    .example = "log_softmax([1, 2, 3]) -> "
               "[-2.40760596444438, -1.4076059644443806, -0.4076059644443803]\n"
               "log_softmax([[0, 0], [0, 1]], axis=0) -> "
               "[[-0.6931471805599453, -1.3132616875182228], "
               "[-0.6931471805599453, -0.3132616875182228]]\n"
               "log_softmax([0, 1000]) -> [-1000, 0]\n"
               "log_softmax(3) -> 0",
    .trials = "[]; [3]; [2,3]; [2,3] axis=0; [2,3,4] axis=1; [0,3]; [3,0]; [2,1]; [70,2] axis=0",
};

const grad_op *const grad__family_softmax[] = {&grad__op_softmax, &grad__op_log_softmax, NULL};
