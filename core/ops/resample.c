/* resample.c -- interpolation on a grid, one axis after the other.
 *
 * Along an axis every element of the result is one element of x, or a mean of two neighbours. That
 * is a primitive with the axis as an attribute, and its adjoint; each is the other's derivative.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "spatial.h"

enum { NEAREST, LINEAR, CORNERS };     /* the primitives' modes */
enum { AXIS, RESULT_SIZE, MODE, FACTOR }; /* their attributes */

extern const grad_op grad__op_resample, grad__op_resample_back;

/* ---- which elements, with which weights ------------------------------------------------------ */

typedef struct tap {
    int64_t low, high;
    double of_low, of_high;
} tap;

/* Position i of `to` on an axis of `from` elements. A factor that was given is the ratio of the
   coordinates, though the sizes may have been rounded; 0: the sizes are. */
static tap tap_at(int64_t i, int64_t from, int64_t to, int64_t mode, double factor)
{
    double at;
    if (mode == NEAREST) {
        const int64_t place = factor > 0 ? (int64_t)fmin((double)i / factor, (double)(from - 1))
                                         : i * from / to;
        return (tap){place, place, 1, 0};
    }
    if (mode == CORNERS) {
        at = to > 1 ? (double)i * ((double)(from - 1) / (double)(to - 1)) : 0;
    } else {
        at = ((double)i + 0.5) * (factor > 0 ? 1 / factor : (double)from / (double)to) - 0.5;
        at = fmax(at, 0);
    }
    const int64_t low = (int64_t)fmin(at, (double)(from - 1));
    const double of_high = fmin(at - (double)low, 1);
    return (tap){low, low + (low < from - 1), 1 - of_high, of_high};
}

/* ---- kernels --------------------------------------------------------------------------------- */

enum { TAPS = 256, PIECE = 1 << 16 };

typedef struct job {
    grad_frame *frame;
    bool nearest;
    int64_t outer, from, to, inner; /* x is outer by from by inner, y outer by to by inner */
    int64_t first, n;               /* the taps at hand: y's elements first .. first + n - 1 */
    int64_t since;
    tap tap[TAPS];
} job;

static int keep_pace(job *j, int64_t more)
{
    if ((j->since += more) < 1 << 20) return 0;
    j->since = 0;
    return grad_stopped(j->frame) ? grad_frame_stopped(j->frame) : 0;
}

/* n elements of each axis after the resampled one, for one tap; then the taps of a line, where no
   axis comes after it. */
#define KERNELS(type)                                                                             \
    static void take_##type(const job *j, const tap *t, type *restrict y, const type *restrict x, \
                            int64_t n)                                                            \
    {                                                                                             \
        const type *a = x + t->low * j->inner, *b = x + t->high * j->inner;                       \
        const type p = (type)t->of_low, q = (type)t->of_high;                                     \
        if (j->nearest)                                                                           \
            memcpy(y, a, (size_t)n * sizeof *y);                                                  \
        else                                                                                      \
            for (int64_t k = 0; k < n; k++) y[k] = p * a[k] + q * b[k];                           \
    }                                                                                             \
    static void give_##type(const job *j, const tap *t, const type *restrict y, type *restrict x, \
                            int64_t n)                                                            \
    {                                                                                             \
        type *a = x + t->low * j->inner, *b = x + t->high * j->inner;                             \
        const type p = (type)t->of_low, q = (type)t->of_high;                                     \
        for (int64_t k = 0; k < n; k++) a[k] += p * y[k];                                         \
        for (int64_t k = 0; k < n && !j->nearest; k++) b[k] += q * y[k];                          \
    }                                                                                             \
    static void take_line_##type(const job *j, type *restrict y, const type *restrict x)          \
    {                                                                                             \
        const tap *t = j->tap;                                                                    \
        if (j->nearest)                                                                           \
            for (int64_t i = 0; i < j->n; i++) y[i] = x[t[i].low];                                \
        else                                                                                      \
            for (int64_t i = 0; i < j->n; i++)                                                    \
                y[i] = (type)t[i].of_low * x[t[i].low] + (type)t[i].of_high * x[t[i].high];       \
    }                                                                                             \
    static void give_line_##type(const job *j, const type *restrict y, type *restrict x)          \
    {                                                                                             \
        const tap *t = j->tap;                                                                    \
        for (int64_t i = 0; i < j->n; i++) {                                                      \
            x[t[i].low] += (type)t[i].of_low * y[i];                                              \
            if (!j->nearest) x[t[i].high] += (type)t[i].of_high * y[i];                           \
        }                                                                                         \
    }                                                                                             \
    static int lines_##type(job *j, bool back, type *out, const type *in)                         \
    {                                                                                             \
        for (int64_t o = 0; o < j->outer; o++) {                                                  \
            const int64_t in_x = o * j->from, in_y = o * j->to + j->first;                        \
            if (back) give_line_##type(j, in + in_y, out + in_x);                                 \
            else take_line_##type(j, out + in_y, in + in_x);                                      \
            if (keep_pace(j, j->n) < 0) return -1;                                                \
        }                                                                                         \
        return 0;                                                                                 \
    }                                                                                             \
    static int all_##type(job *j, bool back, type *out, const type *in)                           \
    {                                                                                             \
        if (j->inner == 1) return lines_##type(j, back, out, in);                                 \
        for (int64_t o = 0; o < j->outer; o++)                                                    \
            for (int64_t i = 0; i < j->n; i++)                                                    \
                for (int64_t k = 0; k < j->inner; k += PIECE) {                                   \
                    const int64_t n = j->inner - k < PIECE ? j->inner - k : PIECE;                \
                    const int64_t in_x = o * j->from * j->inner + k;                              \
                    const int64_t in_y = (o * j->to + j->first + i) * j->inner + k;               \
                    if (back) give_##type(j, &j->tap[i], in + in_y, out + in_x, n);               \
                    else take_##type(j, &j->tap[i], out + in_y, in + in_x, n);                    \
                    if (keep_pace(j, n) < 0) return -1;                                           \
                }                                                                                 \
        return 0;                                                                                 \
    }
KERNELS(double)
KERNELS(float)

static int run(const grad_call *c, void *out, const void *in, grad_frame *frame, bool back)
{
    const grad_shape *x = back ? c->shape : c->in[0], *y = back ? c->in[0] : c->shape;
    const int axis = (int)c->attr[AXIS].i;
    job j = {.frame = frame, .nearest = c->attr[MODE].i == NEAREST, .from = x->dim[axis],
             .to = y->dim[axis]};
    j.outer = grad__dims_product(axis, x->dim);
    j.inner = grad__dims_product(x->rank - axis - 1, x->dim + axis + 1);
    if (back) memset(out, 0, (size_t)c->shape->count * grad_dtype_size(c->dtype));
    for (j.first = 0; j.first < j.to; j.first += j.n) {
        j.n = j.to - j.first < TAPS ? j.to - j.first : TAPS;
        for (int64_t i = 0; i < j.n; i++)
            j.tap[i] = tap_at(j.first + i, j.from, j.to, c->attr[MODE].i, c->attr[FACTOR].r);
        if ((c->dtype == GRAD_FLOAT64 ? all_double(&j, back, out, in)
                                      : all_float(&j, back, out, in)) < 0)
            return -1;
    }
    return 0;
}

static int resample_kernel(const grad_call *c, void *out, const void *const *in,
                           grad_frame *frame)
{
    return run(c, out, in[0], frame, false);
}

static int back_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    return run(c, out, in[0], frame, true);
}

/* ---- the primitives' rows -------------------------------------------------------------------- */

static int resample_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    f->dim[f->attr[AXIS].i] = f->attr[RESULT_SIZE].i;
    return 0;
}

static double back_work(const grad_call *c) { return 4 * (double)c->in[0]->count; }

static void give_back(B *b, const grad_pull *p, const grad_op *other)
{
    const grad_value v[] = {p->attr[AXIS], INT_(v_shape(b, p->in[0])->dim[p->attr[AXIS].i]),
                            p->attr[MODE], p->attr[FACTOR]};
    pull(p, 0, v_emit(b, other, 1, &p->g, 4, v));
}

static void resample_rule(B *b, const grad_pull *p) { give_back(b, p, &grad__op_resample_back); }
static void back_rule(B *b, const grad_pull *p) { give_back(b, p, &grad__op_resample); }

#define RESAMPLE_ATTRIBUTES                                                                       \
    {{.name = "axis", .type = ATTR_INT, .required = true},                                        \
     {.name = "size", .type = ATTR_INT, .required = true},                                        \
     {.name = "mode", .type = ATTR_TEXT, .required = true, .choices = "nearest|linear|corners"},  \
     {.name = "factor", .type = ATTR_REAL, .otherwise = REAL_(0)}}

const grad_op grad__op_resample = {
    .name = "resample",
    .doc = "x with `size` elements along an axis, each the nearest below or a weighted mean of two "
           "of x's.",
    .gradient = "dx = resample_back(g)",
    .in = X_ALONE,
    .attr = RESAMPLE_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = resample_infer,
    .kernel = resample_kernel,
    .flops = 4,
    .internal = true,
    .rule = resample_rule,
    .example =
        "resample([1, 3, 7], axis=0, size=5, mode=\"nearest\") -> [1, 1, 3, 3, 7]\n"
        "resample([1, 3, 7], axis=0, size=6, mode=\"linear\") -> [1, 1.5, 2.5, 4, 6, 7]\n"
        "resample([1, 3, 7], axis=0, size=5, mode=\"corners\") -> [1, 2, 3, 5, 7]\n"
        "resample([1, 3, 7], axis=0, size=4, mode=\"nearest\", factor=2) -> [1, 1, 3, 3]\n"
        "resample([[1, 5], [3, 9]], axis=0, size=1, mode=\"linear\") -> [[2, 7]]",
    .trials = "[3] axis=0 size=5 mode=\"nearest\"; [2,4,2] axis=1 size=3 mode=\"linear\"; "
              "[2,3] axis=1 size=5 mode=\"corners\"; [3] axis=0 size=4 mode=\"linear\" factor=1.6; "
              "[0,3] axis=1 size=2 mode=\"linear\"; [3] axis=0 size=1 mode=\"corners\"",
};

const grad_op grad__op_resample_back = {
    .name = "resample_back",
    .doc = "The adjoint of resample: every element, by its weights, is added to those of x that "
           "it was made of, in a tensor of `size` along the axis.",
    .gradient = "dx = resample(g)",
    .in = X_ALONE,
    .attr = RESAMPLE_ATTRIBUTES,
    .types = TYPES_REAL,
    .infer = resample_infer,
    .kernel = back_kernel,
    .work = back_work,
    .internal = true,
    .rule = back_rule,
    .example =
        "resample_back([1, 2, 3, 4, 5], axis=0, size=3, mode=\"nearest\") -> [3, 7, 5]\n"
        "resample_back([4, 8, 4, 8], axis=0, size=2, mode=\"linear\") -> [11, 13]\n"
        "resample_back([1, 2, 3], axis=0, size=2, mode=\"corners\") -> [2, 4]",
    .trials = "[5] axis=0 size=3 mode=\"nearest\"; [2,3,2] axis=1 size=4 mode=\"linear\"; "
              "[4] axis=0 size=3 mode=\"linear\" factor=1.6; [0,2] axis=1 size=3 mode=\"linear\"",
};

/* ---- interpolate ----------------------------------------------------------------------------- */

enum { SIZE, SCALE, INTERPOLATE_MODE, ALIGN_CORNERS };

/* The sizes of the result, and the factors where a scale was given. */
static int read_size(const grad_space *s, int64_t *size, double *factor)
{
    const grad_value *scale = &s->a->attr[SCALE];
    const bool sized = s->a->attr[SIZE].kind != GRAD_NULL;
    if (!sized && scale->kind == GRAD_NULL)
        return grad_expand_fail(s->b, GRAD_MISSING_ATTRIBUTE, -1, "size",
                                "%s needs the attribute \"size\" or \"scale\"", s->a->op->name);
    if (sized && scale->kind != GRAD_NULL)
        return grad__spatial_fail(s, SCALE, "may not be given beside `size`");
    if (sized) return grad__spatial(s, SIZE, 1, size);
    if (scale->n != 1 && scale->n != (uint32_t)s->axes)
        return grad__spatial_fail(s, SCALE,
                                  "is one number or a list of %d, one for each spatial axis, and "
                                  "a list of %" PRIu32 " was found",
                                  s->axes, scale->n);
    for (int d = 0; d < s->axes; d++) {
        factor[d] = scale->reals[scale->n == 1 ? 0 : d];
        if (!(factor[d] > 0 && factor[d] < INFINITY))
            return grad__spatial_fail(s, SCALE, "must be positive and finite, found %s",
                                      NUMBER(factor[d]));
        const double whole = floor((double)s->in[d] * factor[d]);
        if (!(whole >= 1 && whole <= INT32_MAX))
            return grad__spatial_fail(s, SCALE,
                                      "of %s would leave spatial axis %d with %g elements",
                                      NUMBER(factor[d]), d, whole);
        size[d] = (int64_t)whole;
    }
    return 0;
}

static int interpolate_expand(B *b, const grad_args *a, V *out)
{
    char found[96];
    grad_space s;
    int64_t size[GRAD_SPATIAL] = {0};
    double factor[GRAD_SPATIAL] = {0};
    const grad_shape *x = v_shape(b, a->in[0]);
    const bool linear = a->attr[INTERPOLATE_MODE].i != 0, corners = a->attr[ALIGN_CORNERS].i != 0;
    if (linear ? x->rank != 4 : x->rank < 3 || x->rank > 5)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "%s: for the mode \"%s\" `x` has the axes batch, channels and %s; "
                                "found the shape %s",
                                a->op->name, linear ? "bilinear" : "nearest",
                                linear ? "two spatial" : "one to three spatial",
                                grad__dims_text(found, x->rank, x->dim));
    if (grad__space(&s, b, a, x->rank - 2) < 0) return -1;
    if (corners && !linear)
        return grad__spatial_fail(&s, ALIGN_CORNERS,
                                  "may be true where the mode is \"bilinear\" only");
    if (read_size(&s, size, factor) < 0) return -1;
    V y = a->in[0];
    for (int d = s.axes - 1; d >= 0; d--)
        y = v_emit(b, &grad__op_resample, 1, &y, 4,
                   (grad_value[]){INT_(2 + d), INT_(size[d]),
                                  INT_(!linear ? NEAREST : corners ? CORNERS : LINEAR),
                                  REAL_(corners ? 0 : factor[d])});
    *out = y;
    return 0;
}

const grad_op grad__op_interpolate = {
    .name = "interpolate",
    .doc =
        "x [batch, channels, spatial axes] brought to another size, or to floor(scale size): "
        "the nearest pixel below, or for two spatial axes the weighted mean of the four "
        "around, where the corners of the outer pixels stay in place, or with align_corners "
        "their centres.",
    .gradient = "dx = g, by the same weights, added to the elements that were read",
    .in = X_ALONE,
    .attr = {{.name = "size", .type = ATTR_INTS, .nullable = true},
             {.name = "scale", .type = ATTR_REALS, .nullable = true},
             {.name = "mode", .type = ATTR_TEXT, .otherwise = INT_(0),
              .choices = "nearest|bilinear"},
             {.name = "align_corners", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_REAL,
    .expand = interpolate_expand,
    .example =
        "interpolate([[[1, 3, 7]]], size=5) -> [[[1, 1, 3, 3, 7]]]\n"
        "interpolate([[[1, 3, 7]]], scale=2) -> [[[1, 1, 3, 3, 7, 7]]]\n"
        "interpolate([[[1, 3, 7]]], scale=[1.5], mode=\"nearest\") -> [[[1, 1, 3, 7]]]\n"
        "interpolate([[[[1, 3, 8], [2, 6, 4]]]], scale=[1, 2]) -> [[[[1, 1, 3, 3, 8, 8], [2, "
        "2, 6, 6, 4, 4]]]]\n"
        "interpolate([[[[[1, 2]], [[3, 4]]]]], size=[1, 2, 3]) -> [[[[[1, 1, 2], [1, 1, 2]]]]]\n"
        "interpolate([[[[1, 3, 8], [2, 6, 4]]]], size=[2, 4], mode=\"bilinear\") -> [[[[1, "
        "2.25, 4.875, 8], [2, 4.5, 5.25, 4]]]]\n"
        "interpolate([[[[1, 3, 8], [2, 6, 4]]]], size=[3, 5], mode=\"bilinear\", "
        "align_corners=true) -> [[[[1, 2, 3, 5.5, 8], [1.5, 3, 4.5, 5.25, 6], [2, 4, 6, 5, "
        "4]]]]\n"
        "interpolate([[[[1, 3, 8], [2, 6, 4]]]], scale=[1, 1.5], mode=\"bilinear\") -> [[[[1, "
        "1.9999999999999998, 3.8333333333333326, 7.166666666666666], [2, 3.9999999999999996, "
        "5.666666666666667, 4.333333333333334]]]]\n"
        "interpolate([[[[1, 3, 8], [2, 6, 4]]]], size=1, mode=\"bilinear\") -> [[[[4.5]]]]",
    .trials =
        "[1,2,3] size=5; "
        "[2,1,4] scale=0.7; "
        "[1,1,3,2] size=[2,4]; "
        "[1,1,2,3] scale=[1.5,2]; "
        "[1,1,2,1,2] size=[3,2,1]; "
        "[1,2,3,2] size=[4,3] mode=\"bilinear\"; "
        "[1,2,3,2] size=[2,5] mode=\"bilinear\" align_corners=true; "
        "[1,1,4,3] scale=[1.6,0.7] mode=\"bilinear\"; "
        "[0,2,3,2] size=4 mode=\"bilinear\"; "
        "[1,0,3] size=4; "
        "[1,1,1,1] scale=2 mode=\"bilinear\"",
};

const grad_op *const grad__family_resample[] = {
    &grad__op_interpolate, &grad__op_resample, &grad__op_resample_back, NULL,
};
