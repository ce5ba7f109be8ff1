/* standardise.c -- elements relative to the mean and the spread of those along some axes: what all
 * normalising layers are made of.
 *
 * With m the mean, n elements and r = 1 / sqrt(variance + eps), y = (x - m) r. Its adjoint is a
 * primitive too, P(x, g) = r (g - mean(g) - y mean(g y)), which is symmetric in g: the adjoint of P
 * is P again, and with respect to x another such formula. So both are computed tile by tile while
 * the elements are in the cache, in float64 inside, and can be differentiated any number of times.
 * Uncentred, both means are left out, and the variance is the mean square.
 */
#include <math.h>

#include "emit.h"
#include "layers.h"
#include "reduce_kernels.h"

enum { AXIS, EPS, CENTRED };

extern const grad_op grad__op_var;

/* ---- loops over elements --------------------------------------------------------------------- */

/* What belongs to the sequences of a tile. */
typedef struct numbers {
    double mean[GRAD_TILE], scale[GRAD_TILE];   /* m and r */
    double mean_g[GRAD_TILE], slope[GRAD_TILE]; /* mean(g) and mean(g y) */
} numbers;

typedef void (*row)(void *out, const void *x, const void *g, int64_t step, size_t n,
                    const numbers *restrict q, size_t q_step);

/* out[i] = value for n elements `step` apart, where the numbers stand `q_step` apart. */
#define LOOP(type, value, step, q_step)                                                           \
    for (size_t i = 0; i < n; i++) {                                                              \
        const int64_t at = (int64_t)i * (step);                                                   \
        const size_t w = i * (q_step);                                                            \
        const double e = (double)x[at] - q->mean[w], y = e * q->scale[w];                         \
        out[at] = (type)(value);                                                                  \
    }
#define ROW(name, type, value)                                                                    \
    static void name##_##type(void *out_, const void *x_, const void *g_, int64_t step, size_t n, \
                              const numbers *restrict q, size_t q_step)                           \
    {                                                                                             \
        const type *restrict x = x_, *restrict g = g_;                                            \
        type *restrict out = out_;                                                                \
        (void)g;                                                                                  \
        if (q_step == 0 && step == 1) LOOP(type, value, 1, 0)                                     \
        else if (step == 1) LOOP(type, value, 1, 1)                                               \
        else LOOP(type, value, step, q_step)                                                      \
    }
#define VALUE y
#define SLOPE (double)g[at] * y
#define PULLED q->scale[w] * ((double)g[at] - q->mean_g[w] - y * q->slope[w])
ROW(value, double, VALUE)
ROW(value, float, VALUE)
ROW(slope, double, SLOPE)
ROW(slope, float, SLOPE)
ROW(pulled, double, PULLED)
ROW(pulled, float, PULLED)
static const row values[] = {value_double, value_float}; /* by dtype */
static const row slopes[] = {slope_double, slope_float};
static const row pulls[] = {pulled_double, pulled_float};

/* Applies a row function to all elements of a tile. */
static int each(grad_tiles *t, row f, size_t size, void *out, const void *x, const void *g,
                const numbers *q)
{
    enum { PIECE = 4096 };
    grad_rows r = {0};
    int64_t most = t->width == 1 ? PIECE : 1;
    while (grad__rows_next(&r, t))
        for (int64_t i = 0; i < r.n; i += most) {
            int64_t n = r.n - i < most ? r.n - i : most;
            size_t at = (size_t)(r.start + i * r.step) * size;
            const char *from = (const char *)x + at, *with = g ? (const char *)g + at : NULL;
            char *to = (char *)out + at;
            if (t->width == 1) f(to, from, with, r.step, (size_t)n, q, 0);
            else f(to, from, with, t->step, t->width, q, 1);
            if (grad__tiles_poll(t, (size_t)n * t->width) < 0) return -1;
        }
    return 0;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static int mean_of(double *mean, grad_tiles *t, grad_dtype dtype, grad_map_kind kind,
                   const double *p, const void *x)
{
    grad_cell y[GRAD_TILE];
    const grad_map map = {.kind = kind, .dtype = dtype, .p = p};
    if (grad__fold(y, t, &grad__sum, &map, x) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) mean[w] = y[w].r / (double)t->count;
    return 0;
}

/* m (0 if uncentred) and r. */
static int measure(numbers *q, grad_tiles *t, const grad_call *c, const void *x)
{
    double variance[GRAD_TILE];
    for (size_t w = 0; w < t->width; w++) q->mean[w] = q->mean_g[w] = 0;
    if (c->attr[CENTRED].i && mean_of(q->mean, t, c->dtype, MAP_PLAIN, NULL, x) < 0) return -1;
    if (mean_of(variance, t, c->dtype, MAP_DEVIATION, q->mean, x) < 0) return -1;
    for (size_t w = 0; w < t->width; w++) q->scale[w] = 1 / sqrt(variance[w] + c->attr[EPS].r);
    return 0;
}

static int standardise_kernel(const grad_call *c, void *out, const void *const *in,
                              grad_frame *frame)
{
    grad_tiles t;
    numbers q;
    for (grad__tiles_begin(&t, c->in[0], &c->attr[AXIS], frame); grad__tiles_next(&t);)
        if (measure(&q, &t, c, in[0]) < 0 ||
            each(&t, values[c->dtype], grad_dtype_size(c->dtype), out, in[0], NULL, &q) < 0)
            return -1;
    return 0;
}

/* The products g y are kept where the result is to stand, until they are added up. */
static int pull_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const void *x = in[0], *g = in[1];
    const size_t size = grad_dtype_size(c->dtype);
    grad_tiles t;
    numbers q;
    for (grad__tiles_begin(&t, c->in[0], &c->attr[AXIS], frame); grad__tiles_next(&t);)
        if (measure(&q, &t, c, x) < 0 ||
            (c->attr[CENTRED].i && mean_of(q.mean_g, &t, c->dtype, MAP_PLAIN, NULL, g) < 0) ||
            each(&t, slopes[c->dtype], size, out, x, g, &q) < 0 ||
            mean_of(q.slope, &t, c->dtype, MAP_PLAIN, NULL, out) < 0 ||
            each(&t, pulls[c->dtype], size, out, x, g, &q) < 0)
            return -1;
    return 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static V call(B *b, const grad_op *op, size_t n, const V *in, const grad_pull *p)
{
    return v_emit(b, op, n, in, 3, p->attr);
}

static void standardise_rule(B *b, const grad_pull *p)
{
    pull(p, 0, call(b, &grad__op_standardise_pull, 2, (V[]){p->in[0], p->g}, p));
}

static V mean_along(B *b, const grad_pull *p, V x)
{
    return grad__along(b, p, &grad__op_mean, x, AXIS);
}

static V scale_of(B *b, const grad_pull *p, V x)
{
    V spread = p->attr[CENTRED].i
                   ? v_emit(b, &grad__op_var, 1, &x, 3,
                            (grad_value[]){p->attr[AXIS], REAL_(0), BOOL_(true)})
                   : mean_along(b, p, v_square(b, x));
    return v_rsqrt(b, v_add(b, spread, v_num(b, x, p->attr[EPS].r)));
}

/* With h the cotangent, K = mean(g h) - mean(g) mean(h) - mean(g y) mean(h y):
   -r (r K y + mean(g y) P(h) + mean(h y) P(g)) to x, and P(h) to g. */
static void standardise_pull_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], g = p->in[1], h = p->g;
    V back = call(b, &grad__op_standardise_pull, 2, (V[]){x, h}, p);
    pull(p, 1, back);
    if (!wants(p, 0)) return;
    V y = call(b, &grad__op_standardise, 1, &x, p), r = scale_of(b, p, x);
    V gy = mean_along(b, p, v_mul(b, g, y)), hy = mean_along(b, p, v_mul(b, h, y));
    V k = v_sub(b, mean_along(b, p, v_mul(b, g, h)), v_mul(b, gy, hy));
    if (p->attr[CENTRED].i)
        k = v_sub(b, k, v_mul(b, mean_along(b, p, g), mean_along(b, p, h)));
    V sum = v_add(b, v_mul(b, v_mul(b, r, k), y), v_add(b, v_mul(b, gy, back), v_mul(b, hy, p->y)));
    pull(p, 0, v_neg(b, v_mul(b, r, sum)));
}

/* ---- the table ------------------------------------------------------------------------------- */

static int standardise_infer(grad_infer *f)
{
    if (!grad_dtype_is_float(f->dtype))
        return grad_infer_fail(f, GRAD_DTYPE_MISMATCH, 0, NULL, "takes floating-point operands");
    grad_infer_same(f, f->in[0]);
    return grad_infer_axes(f, AXIS, f->in[0]->rank);
}

static int standardise_pull_infer(grad_infer *f)
{
    if (f->in[1]->id != f->in[0]->id)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "x and g are of one shape");
    return standardise_infer(f);
}

#define STANDARDISE_ATTRIBUTES                                                                    \
    {GRAD_AXIS_ATTRIBUTE,                                                                         \
     {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(0)},                                   \
     {.name = "centred", .type = ATTR_BOOL, .otherwise = BOOL_(true)}}

const grad_op grad__op_standardise = {
    .name = "standardise",
    .doc = "(x - mean) / sqrt(variance + eps) along axes; uncentred, x / sqrt(mean square + eps).",
    .gradient = "r (g - mean(g) - y mean(g y)), where r = 1 / sqrt(variance + eps)",
    .in = {{.name = "x"}},
    .attr = STANDARDISE_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = standardise_infer,
    .kernel = standardise_kernel,
    .flops = 6,
    .internal = true,
    .rule = standardise_rule,
    .example = "standardise([1, 3, 5, 7], eps=4) -> [-1, -0.3333333333333333, 0.3333333333333333, "
               "1]\n"
               "standardise([[1, 3], [2, 2]], axis=1, eps=3) -> [[-0.5, 0.5], [0, 0]]\n"
               "standardise([1, 1, 7, 7], eps=0, centred=false) -> [0.2, 0.2, 1.4, 1.4]\n"
               "standardise([1000000001, 1000000003]) -> [-1, 1]",
    .trials = "[4]; [2,5] axis=1 eps=0.1; [5,2] axis=0 eps=0.1; [2,3,4] axis=[0,2]; "
              "[2,5] axis=1 eps=0.1 centred=false; [2,3,4] axis=[1] centred=false; [0,3] axis=1; "
              "[3,0] axis=1; [] eps=1; [2,40] axis=1; [40,2] axis=0 centred=false",
};

const grad_op grad__op_standardise_pull = {
    .name = "standardise_pull",
    .doc = "r (g - mean(g) - y mean(g y)) with y = standardise(x): its adjoint.",
    .gradient = "itself of g; to x a formula of the same means",
    .in = {{.name = "x"}, {.name = "g"}},
    .attr = STANDARDISE_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = standardise_pull_infer,
    .kernel = pull_kernel,
    .flops = 14,
    .internal = true,
    .rule = standardise_pull_rule,
    .example = "standardise_pull([1, 3, 5, 7], [1, 0, 0, 1], eps=4) -> "
               "[0.1666666666666667, -0.1666666666666667, -0.1666666666666667, "
               "0.1666666666666667]\n"
               "standardise_pull([1, 1, 7, 7], [1, 0, 0, 0], centred=false) -> "
               "[0.198, -0.002, -0.014, -0.014]",
    .trials = "[4] [4]; [2,5] [2,5] axis=1 eps=0.1; [5,2] [5,2] axis=0 eps=0.1; "
              "[2,3,4] [2,3,4] axis=[0,2]; [2,5] [2,5] axis=1 eps=0.1 centred=false; "
              "[0,3] [0,3] axis=1; [40,2] [40,2] axis=0 centred=false",
};
