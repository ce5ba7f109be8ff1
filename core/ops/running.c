/* running.c -- the walk along lines, and running sums and products. */
#include <math.h>

#include "running.h"

extern const grad_op grad__op_recurrence; /* reduce.c */
extern const grad_op grad__op_cumsum, grad__op_cumsum_back;

/* ---- the walk -------------------------------------------------------------------------------- */

int grad__running_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    return grad_infer_axis(f, SCAN_AXIS, f->in[0]->rank);
}

int grad__run_along(const grad_call *c, void *out, const void *in, grad_scan f, scan_line start,
                    bool back, grad_frame *frame)
{
    enum { PIECE = 1 << 14 };
    const grad_value axes = grad__list(&c->attr[SCAN_AXIS].i, 1);
    scan_line h[GRAD_TILE];
    grad_tiles t;
    grad__tiles_begin(&t, c->in[0], &axes, frame);
    while (grad__tiles_next(&t)) {
        const int64_t most = PIECE / (int64_t)t.width;
        grad_rows all = {0};
        for (size_t w = 0; w < t.width; w++) h[w] = start;
        if (!grad__rows_next(&all, &t)) continue;
        for (int64_t i = 0; i < all.n; i += most) { /* of one axis there is one span */
            const int64_t n = all.n - i < most ? all.n - i : most;
            scan_rows r = {all.start + i * all.step, all.step, n, t.step, i, t.width};
            if (back) {
                r.start = all.start + (all.n - 1 - i) * all.step;
                r.step = -all.step;
            }
            f(out, in, &r, h);
            if (grad__tiles_poll(&t, (size_t)n * t.width) < 0) return -1;
        }
    }
    return 0;
}

/* ---- cumsum ---------------------------------------------------------------------------------- */

static double add_real(scan_line *h, double x, int64_t place)
{
    (void)place;
    return h->so_far.r += x;
}

static int64_t add_whole(scan_line *h, int64_t x, int64_t place)
{
    (void)place;
    return h->so_far.i = (int64_t)((uint64_t)h->so_far.i + (uint64_t)x);
}

REAL_SCANS(sums, add_real)
SCAN(sums_i64, int64_t, int64_t, add_whole)
static const grad_scan sums[GRAD_DTYPES] = {REALS(sums), [GRAD_INT64] = sums_i64};

/* -0.0 + x is x, whatever the sign of a zero; as an integer it would not be 0. */
static scan_line sum_start(const grad_call *c)
{
    scan_line h = {.so_far = {.i = 0}};
    if (grad_dtype_is_float(c->dtype)) h.so_far.r = -0.0;
    return h;
}

SCAN_KERNEL(cumsum_kernel, sums, sum_start(c), false)
SCAN_KERNEL(cumsum_back_kernel, sums, sum_start(c), true)

static void cumsum_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_cumsum_back, 1, &p->g, 1, p->attr));
}

static void cumsum_back_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_cumsum, 1, &p->g, 1, p->attr));
}

const grad_op grad__op_cumsum = {
    .name = "cumsum",
    .doc = "The running sum along an axis: y[i] = x[0] + ... + x[i].",
    .gradient = "the running sum of g from the other end",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_WIDE,
    .infer = grad__running_infer,
    .kernel = cumsum_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .rule = cumsum_rule,
    .example = "cumsum([1, 2, 3], axis=0) -> [1, 3, 6]\n"
               "cumsum([[1, 2], [3, 4]], axis=0) -> [[1, 2], [4, 6]]\n"
               "cumsum([[1, 2], [3, 4]], axis=-1) -> [[1, 3], [3, 7]]\n"
               "cumsum([1, NaN, 3], axis=0) -> [1, NaN, NaN]\n"
               "cumsum(5, axis=0) -> 5",
    .trials = "[] axis=0; [5] axis=0; [2,3] axis=0; [2,3] axis=1; [2,3,4] axis=1; [0,3] axis=0; "
              "[3,0] axis=0; [1,3] axis=0; [40,2] axis=1; [2,70] axis=0",
};

const grad_op grad__op_cumsum_back = {
    .name = "cumsum_back",
    .doc = "The running sum along an axis from its end: y[i] = x[i] + ... + x[n-1].",
    .gradient = "the running sum of g",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_WIDE,
    .infer = grad__running_infer,
    .kernel = cumsum_back_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .internal = true,
    .rule = cumsum_back_rule,
    .example = "cumsum_back([1, 2, 3], axis=0) -> [6, 5, 3]\n"
               "cumsum_back([[1, 2], [3, 4]], axis=0) -> [[4, 6], [3, 4]]",
    .trials = "[] axis=0; [5] axis=0; [2,3] axis=1; [2,3,4] axis=1; [0,3] axis=0",
};

/* ---- cumprod --------------------------------------------------------------------------------- */

static double times_real(scan_line *h, double x, int64_t place)
{
    (void)place;
    return h->so_far.r *= x;
}

static int64_t times_whole(scan_line *h, int64_t x, int64_t place)
{
    (void)place;
    return h->so_far.i = (int64_t)((uint64_t)h->so_far.i * (uint64_t)x);
}

REAL_SCANS(products, times_real)
SCAN(products_i64, int64_t, int64_t, times_whole)
static const grad_scan products[GRAD_DTYPES] = {REALS(products), [GRAD_INT64] = products_i64};

static scan_line product_start(const grad_call *c)
{
    scan_line h = {.so_far = {.i = 1}};
    if (grad_dtype_is_float(c->dtype)) h.so_far.r = 1;
    return h;
}

SCAN_KERNEL(cumprod_kernel, products, product_start(c), false)

/* dy[i]/dx[k] is the product of all elements up to i but x[k]: those before k, times those after.
   Summed with the weights g, what comes after is after[k] = g[k] + x[k+1] after[k+1]. Nothing is
   divided, so that zeros do no harm, in derivatives of any order. */
static void cumprod_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V x = p->in[0];
    const int64_t axis = p->attr[SCAN_AXIS].i;
    const grad_value axes = grad__list(&axis, 1);
    V before = v_emit(b, &grad__op_recurrence, 1, &x, 2, (grad_value[]){axes, REAL_(1)});
    V after = v_emit(b, &grad__op_recurrence, 2, (V[]){x, v_mul(b, x, p->g)}, 3,
                     (grad_value[]){axes, REAL_(0), BOOL_(true)});
    pull(p, 0, v_mul(b, before, v_add(b, p->g, after)));
}

const grad_op grad__op_cumprod = {
    .name = "cumprod",
    .doc = "The running product along an axis: y[i] = x[0] ... x[i].",
    .gradient = "to x[k] the sum over i >= k of g[i] times the product of x[0] ... x[i] without "
                "x[k], exact where some are 0",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_WIDE,
    .infer = grad__running_infer,
    .kernel = cumprod_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .rule = cumprod_rule,
    .example = "cumprod([1, 2, 3], axis=0) -> [1, 2, 6]\n"
               "cumprod([[1, 2], [3, 4]], axis=0) -> [[1, 2], [3, 8]]\n"
               "cumprod([[1, 2], [3, 4]], axis=-1) -> [[1, 2], [3, 12]]\n"
               "cumprod([2, 0, 3], axis=0) -> [2, 0, 0]\n"
               "cumprod(5, axis=0) -> 5",
    .trials = "[] axis=0; [5] axis=0; [2,3] axis=0; [2,3] axis=1; [2,3,4] axis=1; [0,3] axis=0; "
              "[3,0] axis=0; [1,3] axis=0; [12] axis=0",
};

/* ---- logcumsumexp ---------------------------------------------------------------------------- */

/* so_far is the largest element m, rest the sum of exp(x - m) over the others: log1p of it is exact
   where they are tiny. Two infinities of one sign are no further apart than two equal numbers. */
static double log_sum(scan_line *h, double x, int64_t place)
{
    const double m = h->so_far.r;
    if (place == 0) h->so_far.r = x;
    else if (x > m) h->rest = (h->rest + 1) * exp(m - x), h->so_far.r = x;
    else if (x == m) h->rest += x != -INFINITY;
    else h->rest += exp(x - m);
    return h->so_far.r + log1p(h->rest);
}

REAL_SCANS(log_sums, log_sum)
static const grad_scan log_sums[GRAD_DTYPES] = {REALS(log_sums)};

SCAN_KERNEL(logcumsumexp_kernel, log_sums, (scan_line){.rest = 0}, false)

/* x along the axis from `from` to `to`. */
static V between(B *b, V x, int64_t axis, int64_t from, int64_t to)
{
    return v_emit(b, &grad__op_slice, 1, &x, 4,
                  (grad_value[]){grad__list(&from, 1), grad__list(&to, 1), (grad_value)NOTHING,
                                 grad__list(&axis, 1)});
}

/* dy[i]/dx[k] = exp(x[k] - y[i]) for i >= k, which is exp(x[k] - y[k]) times the falls
   exp(y[j-1] - y[j]) from k to i. None of these is larger than 1. With a[j] the fall to j, the sum
   over i of g[i] times the falls to it is s[k] = g[k] + a[k+1] s[k+1]. */
static void logcumsumexp_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V x = p->in[0], y = p->y, share = v_exp(b, v_sub(b, x, y));
    const grad_shape *s = v_shape(b, y);
    const int64_t axis = p->attr[SCAN_AXIS].i, n = s->rank ? s->dim[axis] : 1;
    int64_t pads[2 * GRAD_RANK_MAX] = {0};
    if (n < 2) {
        pull(p, 0, s->rank ? v_mul(b, share, p->g) : p->g);
        return;
    }
    V last = between(b, y, axis, 0, n - 1), next = between(b, y, axis, 1, n);
    V same = v_logical_and(b, v_isinf(b, next), v_eq(b, last, next));
    V fall = v_exp(b, v_where(b, same, v_num(b, y, 0), v_sub(b, last, next)));
    pads[2 * axis] = 1;
    const grad_value first = {.kind = GRAD_PAIRS, .n = 2 * (uint32_t)s->rank, .list = pads};
    fall = v_emit(b, &grad__op_pad, 1, &fall, 1, &first);
    V after = v_emit(b, &grad__op_recurrence, 2, (V[]){fall, v_mul(b, fall, p->g)}, 3,
                     (grad_value[]){grad__list(&axis, 1), REAL_(0), BOOL_(true)});
    pull(p, 0, v_mul(b, share, v_add(b, p->g, after)));
}

const grad_op grad__op_logcumsumexp = {
    .name = "logcumsumexp",
    .doc = "log(exp(x[0]) + ... + exp(x[i])) along an axis, without overflow.",
    .gradient = "to x[k] the sum over i >= k of g[i] exp(x[k] - y[i])",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = grad__running_infer,
    .kernel = logcumsumexp_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .flops = 45,
    .rule = logcumsumexp_rule,
    .example = "logcumsumexp([1, 2, 3], axis=0) -> [1, 2.313261687518223, 3.40760596444438]\n"
               "logcumsumexp([[0, 1], [0, 1]], axis=0) -> "
               "[[0, 1], [0.6931471805599453, 1.6931471805599454]]\n"
               "logcumsumexp([[0, 1], [0, 1]], axis=-1) -> "
               "[[0, 1.3132616875182228], [0, 1.3132616875182228]]\n"
               "logcumsumexp([1000, 1000, 10], axis=0) -> "
               "[1000, 1000.6931471805599, 1000.6931471805599]\n"
               "logcumsumexp([-Infinity, -Infinity, 0, -50], axis=0) -> "
               "[-Infinity, -Infinity, 0, 1.9287498479639178e-22]\n"
               "logcumsumexp([Infinity, Infinity, 1], axis=0) -> [Infinity, Infinity, Infinity]\n"
               "logcumsumexp([1, NaN, 3], axis=0) -> [1, NaN, NaN]",
    .trials = "[] axis=0; [5] axis=0; [2,3] axis=0; [2,3] axis=1; [2,3,4] axis=1; [0,3] axis=0; "
              "[3,0] axis=0; [0,3] axis=1; [1,3] axis=0; [12] axis=0",
};

const grad_op *const grad__family_running[] = {
    &grad__op_cumsum, &grad__op_cumsum_back, &grad__op_cumprod, &grad__op_logcumsumexp, NULL,
};
