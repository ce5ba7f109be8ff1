/* window_mean.c -- the mean over sliding windows, and its adjoint: two operators that are each
 * other's derivative.
 *
 * A window's rows are added up first, column by column for all windows beside it, then its columns.
 * Sums are kept in float64.
 */
#include "window.h"

#include <string.h>

enum { PIECE = 1 << 16 }; /* elements between two looks at the stop flag */

typedef struct job {
    grad_slide s[3];
    int64_t planes, in, out; /* elements of a plane */
    double *row;             /* scratch: a row of x */
    int64_t since;
    grad_frame *frame;
} job;

static int keep_pace(job *j, int64_t more)
{
    if ((j->since += more) < 1 << 20) return 0;
    j->since = 0;
    return grad_stopped(j->frame) ? grad_frame_stopped(j->frame) : 0;
}

static void begin(job *j, const grad_call *c, const grad_shape *x, const grad_shape *y,
                  grad_frame *frame)
{
    *j = (job){.row = frame->scratch, .frame = frame, .in = 1, .out = 1};
    j->planes = grad__slides(j->s, x, y, c->attr);
    for (int d = 0; d < 3; d++) {
        j->in *= j->s[d].in;
        j->out *= j->s[d].out;
    }
}

/* The sum, in an order that depends on n alone. */
static double sum(const double *x, int64_t n)
{
    double s[4] = {0};
    for (; n >= 4; n -= 4, x += 4)
        for (int u = 0; u < 4; u++) s[u] += x[u];
    for (int64_t i = 0; i < n; i++) s[i] += x[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

#define T double
#define NAME float64
#include "window_mean_loops.h"

#define T float
#define NAME float32
#include "window_mean_loops.h"

static int mean_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    job j;
    begin(&j, c, c->in[0], c->shape, frame);
    return c->dtype == GRAD_FLOAT64 ? mean_float64(&j, out, in[0]) : mean_float32(&j, out, in[0]);
}

static int back_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    job j;
    begin(&j, c, c->shape, c->in[0], frame);
    memset(out, 0, (size_t)c->shape->count * grad_dtype_size(c->dtype));
    return c->dtype == GRAD_FLOAT64 ? back_float64(&j, out, in[0]) : back_float32(&j, out, in[0]);
}

/* ---- the rest of the rows -------------------------------------------------------------------- */

int64_t grad__slides(grad_slide s[3], const grad_shape *in, const grad_shape *out,
                     const grad_value *attr)
{
    const int axes = (int)attr[WINDOW_SIZE].n, missing = 3 - axes;
    const bool adapts = attr[WINDOW_KERNEL].kind == GRAD_NULL;
    for (int d = 0; d < 3; d++) {
        const int k = d - missing;
        s[d] = (grad_slide){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1,
                            .count_pad = attr[WINDOW_COUNT_PAD].i != 0};
        if (k < 0) continue;
        s[d].in = in->dim[in->rank - axes + k];
        s[d].out = out->dim[out->rank - axes + k];
        s[d].adapts = adapts;
        if (adapts) continue;
        s[d].kernel = attr[WINDOW_KERNEL].list[k];
        s[d].stride = attr[WINDOW_STRIDE].list[k];
        s[d].before = attr[WINDOW_PADS].list[2 * k];
        s[d].after = attr[WINDOW_PADS].list[2 * k + 1];
        if (attr[WINDOW_DILATION].kind != GRAD_NULL) s[d].dilation = attr[WINDOW_DILATION].list[k];
    }
    return grad__dims_product(in->rank - axes, in->dim);
}

double grad__slide_work(const grad_slide *s)
{
    const double each = (double)(s->kernel < s->in ? s->kernel : s->in);
    return s->adapts ? (double)s->in + (double)s->out : (double)s->out * each;
}

static double work(const grad_call *c, const grad_shape *x, const grad_shape *y)
{
    grad_slide s[3];
    const double planes = (double)grad__slides(s, x, y, c->attr);
    const double rows = grad__slide_work(&s[0]) * grad__slide_work(&s[1]);
    return planes * (rows * (double)s[2].in +
                     (double)s[0].out * (double)s[1].out * grad__slide_work(&s[2]));
}

static double mean_work(const grad_call *c) { return work(c, c->in[0], c->shape); }
static double back_work(const grad_call *c) { return work(c, c->shape, c->in[0]); }

static size_t scratch_for(const grad_shape *x)
{
    return (size_t)x->dim[x->rank - 1] * sizeof(double);
}

static size_t mean_scratch(const grad_call *c) { return scratch_for(c->in[0]); }
static size_t back_scratch(const grad_call *c) { return scratch_for(c->shape); }

static int infer(grad_infer *f)
{
    const grad_value *size = &f->attr[WINDOW_SIZE];
    grad_infer_same(f, f->in[0]);
    for (uint32_t k = 0; k < size->n; k++) f->dim[f->rank - (int)size->n + (int)k] = size->list[k];
    return 0;
}

/* The other of the two, back to the size that operand 0 has. */
static void give_back(B *b, const grad_pull *p, const grad_op *other)
{
    grad_value v[GRAD_ATTRIBUTES_MAX];
    const grad_shape *s = v_shape(b, p->in[0]);
    const uint32_t axes = p->attr[WINDOW_SIZE].n;
    memcpy(v, p->attr, sizeof v);
    v[WINDOW_SIZE] = grad__list(s->dim + s->rank - axes, axes);
    pull(p, 0, v_emit(b, other, 1, &p->g, GRAD_ATTRIBUTES_MAX, v));
}

static void mean_rule(B *b, const grad_pull *p) { give_back(b, p, &grad__op_window_mean_back); }
static void back_rule(B *b, const grad_pull *p) { give_back(b, p, &grad__op_window_mean); }

const grad_op grad__op_window_mean = {
    .name = "window_mean",
    .doc = "The mean of x over each of the windows that slide over its last axes.",
    .gradient = "dx = window_mean_back(g)",
    .in = X_ALONE,
    .attr = WINDOW_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = mean_kernel,
    .scratch = mean_scratch,
    .work = mean_work,
    .internal = true,
    .rule = mean_rule,
    .example =
        "window_mean([1, 2, 4, 8], kernel=2, stride=1, pads=[[0, 0]], size=3) -> [1.5, 3, 6]\n"
        "window_mean([1, 2, 4], kernel=2, stride=2, pads=[[1, 0]], size=2) -> [0.5, 3]\n"
        "window_mean([1, 2, 4], kernel=2, stride=2, pads=[[1, 0]], size=2, count_pad=false) -> "
        "[1, 3]\n"
        "window_mean([1, 2, 4], size=2) -> [1.5, 3]\n"
        "window_mean([1, 2, 4], size=5) -> [1, 1.5, 2, 3, 4]\n"
        "window_mean([[1, 2], [3, 4]], kernel=[2, 1], stride=[1, 1], pads=[[0, 0], [0, 0]], "
        "size=[1, 2]) -> [[2, 3]]",
    .trials = "[4] kernel=3 stride=2 pads=[[1,1]] size=2; "
              "[2,5,4] kernel=[2,3] stride=[2,1] pads=[[0,1],[1,1]] size=[3,4] count_pad=false; "
              "[2,3,4] size=[2,3]; [2,2,3,2] size=[1,4,2]; [0,3] size=2; [2,3] size=0",
};

const grad_op grad__op_window_mean_back = {
    .name = "window_mean_back",
    .doc = "The adjoint of window_mean: each element, in equal shares, is added to the places of "
           "its window, in a tensor whose last axes have the given size.",
    .gradient = "dx = window_mean(g)",
    .in = X_ALONE,
    .attr = WINDOW_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = back_kernel,
    .scratch = back_scratch,
    .work = back_work,
    .internal = true,
    .rule = back_rule,
    .example =
        "window_mean_back([2, 4, 6], kernel=2, stride=1, pads=[[0, 0]], size=4) -> [1, 3, 5, 3]\n"
        "window_mean_back([2, 4], kernel=2, stride=2, pads=[[1, 0]], size=3) -> [1, 2, 2]\n"
        "window_mean_back([2, 4], size=3) -> [1, 3, 2]\n"
        "window_mean_back([], size=2) -> [0, 0]",
    .trials = "[2] kernel=3 stride=2 pads=[[1,1]] size=4; "
              "[2,3,4] kernel=[2,3] stride=[2,1] pads=[[0,1],[1,1]] size=[5,4] count_pad=false; "
              "[2,2,3] size=[3,4]; [0,2] size=3; [2,0] size=3",
};
