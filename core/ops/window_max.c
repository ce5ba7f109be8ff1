/* window_max.c -- where the largest element of each sliding window is. */
#include "window.h"

#include <string.h>

typedef struct job {
    grad_slide s[3];
    grad_reach r[2]; /* planes and rows of the windows at hand */
    int64_t since;
    grad_frame *frame;
} job;

enum { PIECE = 1 << 18 }; /* elements between two looks at the stop flag */

static int keep_pace(job *j, int64_t more)
{
    if ((j->since += more) < PIECE) return 0;
    j->since = 0;
    return grad_stopped(j->frame) ? grad_frame_stopped(j->frame) : 0;
}

/* A row of windows, which share r[0] and r[1]: the first of the largest elements of each, in
   row-major order, or the last NaN if there is one. */
#define ARGMAX(dtype, type, is_nan)                                                               \
    static int argmax_##type(job *j, const void *plane, int64_t *place)                           \
    {                                                                                             \
        const grad_reach a = j->r[0], b = j->r[1];                                                \
        const int64_t high = j->s[1].in, wide = j->s[2].in;                                       \
        const type *x = plane;                                                                    \
        for (int64_t i = 0; i < j->s[2].out; i++) {                                               \
            const grad_reach c = grad__reach(&j->s[2], i);                                        \
            int64_t best = (a.first * high + b.first) * wide + c.first, count = 0;                \
            type most = x[best];                                                                  \
            for (int64_t p = a.first; p < a.end; p += a.step)                                     \
                for (int64_t q = b.first; q < b.end; q += b.step) {                               \
                    const int64_t row = (p * high + q) * wide;                                    \
                    for (int64_t k = c.first; k < c.end;) {                                       \
                        const int64_t end =                                                       \
                            c.end - k < PIECE * c.step ? c.end : k + PIECE * c.step;              \
                        for (; k < end; k += c.step) {                                            \
                            const type e = x[row + k];                                            \
                            if (e > most || (is_nan)) {                                           \
                                most = e;                                                         \
                                best = row + k;                                                   \
                            }                                                                     \
                        }                                                                         \
                        if (k < c.end && keep_pace(j, PIECE) < 0) return -1;                      \
                    }                                                                             \
                    if ((count += c.end - c.first) < PIECE) continue;                             \
                    if (keep_pace(j, count) < 0) return -1;                                       \
                    count = 0;                                                                    \
                }                                                                                 \
            if (keep_pace(j, count) < 0) return -1;                                               \
            place[i] = best;                                                                      \
        }                                                                                         \
        return 0;                                                                                 \
    }
ARGMAX(GRAD_FLOAT64, double, e != e)
ARGMAX(GRAD_FLOAT32, float, e != e)
ARGMAX(GRAD_INT64, int64_t, false)
ARGMAX(GRAD_INT32, int32_t, false)
ARGMAX(GRAD_BOOL, uint8_t, false)

static int argmax(job *j, grad_dtype dtype, const void *plane, int64_t *place)
{
    switch (dtype) {
    case GRAD_FLOAT64: return argmax_double(j, plane, place);
    case GRAD_FLOAT32: return argmax_float(j, plane, place);
    case GRAD_INT64: return argmax_int64_t(j, plane, place);
    case GRAD_INT32: return argmax_int32_t(j, plane, place);
    default: return argmax_uint8_t(j, plane, place);
    }
}

static int argmax_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    job j = {.frame = frame};
    int64_t *place = out;
    const int64_t planes = grad__slides(j.s, c->in[0], c->shape, c->attr);
    const char *plane = in[0];
    const size_t bytes = (size_t)(j.s[0].in * j.s[1].in * j.s[2].in) *
                         grad_dtype_size(c->in_dtype[0]);
    for (int64_t n = 0; n < planes; n++, plane += bytes)
        for (int64_t p = 0; p < j.s[0].out; p++)
            for (int64_t q = 0; q < j.s[1].out; q++, place += j.s[2].out) {
                j.r[0] = grad__reach(&j.s[0], p);
                j.r[1] = grad__reach(&j.s[1], q);
                if (argmax(&j, c->in_dtype[0], plane, place) < 0) return -1;
            }
    return 0;
}

static double argmax_work(const grad_call *c)
{
    grad_slide s[3];
    const double planes = (double)grad__slides(s, c->in[0], c->shape, c->attr);
    return 4 * planes * grad__slide_work(&s[0]) * grad__slide_work(&s[1]) *
           grad__slide_work(&s[2]);
}

static int argmax_infer(grad_infer *f)
{
    const grad_value *size = &f->attr[WINDOW_SIZE];
    grad_infer_same(f, f->in[0]);
    for (uint32_t k = 0; k < size->n; k++) f->dim[f->rank - (int)size->n + (int)k] = size->list[k];
    return 0;
}

const grad_op grad__op_window_argmax = {
    .name = "window_argmax",
    .doc = "The place of the largest element in each of the windows that slide over the last axes "
           "of x, counted along these axes in row-major order: the first of several.",
    .gradient = "none: places are integers",
    .in = X_ALONE,
    .attr = WINDOW_ATTRIBUTES,
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = argmax_infer,
    .kernel = argmax_kernel,
    .work = argmax_work,
    .internal = true,
    .rule = no_gradient,
    .example =
        "window_argmax([1, 3, 3, 2], kernel=2, stride=1, pads=[[1, 0]], size=4) -> [0, 1, 1, 2]\n"
        "window_argmax([1, NaN, 3, NaN, 5], kernel=5, stride=1, pads=[[0, 0]], size=1) -> [3]\n"
        "window_argmax([1, 2, 4, 3], kernel=2, stride=1, pads=[[1, 1]], dilation=2, size=4) -> "
        "[1, 2, 3, 2]\n"
        "window_argmax([[1, 2], [4, 3]], size=[1, 2]) -> [[2, 3]]",
};

V grad__window_max(const grad_space *s, const int64_t *size, const grad_value *v)
{
    B *b = s->b;
    V x = s->a->in[0], places = v_emit(b, &grad__op_window_argmax, 1, &x, GRAD_ATTRIBUTES_MAX, v);
    const int64_t in = grad__dims_product(s->axes, s->in), out = grad__dims_product(s->axes, size);
    V flat = grad__with_space(b, x, s->axes, 1, &in);
    V flat_places = grad__with_space(b, places, s->axes, 1, &out);
    V y = v_emit(b, &grad__op_gather, 2, (V[]){flat, flat_places}, 1,
                 (grad_value[]){INT_(s->x->rank - s->axes)});
    return grad__with_space(b, y, 1, s->axes, size);
}
