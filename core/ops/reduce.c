/* reduce.c -- sums, products, extremes and truth along axes.
 *
 * A kernel here is a fold (reduce_kernels.h) and how its results are written. Rules reach from a
 * result back to the elements it was made of with grad__spread.
 */
#include "emit.h"
#include "reduce_kernels.h"

/* ---- what rows share ------------------------------------------------------------------------- */

int grad__infer_reduction(grad_infer *f, size_t axis, size_t keepdims)
{
    const grad_shape *s = f->in[0];
    const grad_value *axes = &f->attr[axis];
    uint32_t next = 0;
    if (grad_infer_axes(f, axis, s->rank) < 0) return -1;
    f->rank = 0;
    for (int i = 0; i < s->rank; i++) {
        bool reduced = next < axes->n && axes->list[next] == i;
        if (!reduced) f->dim[f->rank++] = s->dim[i];
        else if (f->attr[keepdims].i) f->dim[f->rank++] = 1;
        next += reduced;
    }
    return 0;
}

int grad__infer_reduction_of_some(grad_infer *f, size_t axis, size_t keepdims)
{
    if (grad__infer_reduction(f, axis, keepdims) < 0) return -1;
    const grad_value *axes = &f->attr[axis];
    for (uint32_t i = 0; i < axes->n; i++)
        if (axes->list[i] < f->in[0]->rank && f->in[0]->dim[axes->list[i]] == 0)
            return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 0, NULL,
                                   "axis %lld has size 0, and of no elements there is no %s",
                                   (long long)axes->list[i], f->op->name);
    return 0;
}

int64_t grad__reduced(B *b, const grad_pull *p, size_t axis)
{
    const grad_shape *s = v_shape(b, p->in[0]);
    const grad_value *axes = &p->attr[axis];
    int64_t n = 1;
    for (uint32_t i = 0; i < axes->n; i++)
        if (axes->list[i] < s->rank) n *= s->dim[axes->list[i]];
    return n;
}

V grad__spread(B *b, const grad_pull *p, V v, size_t axis, size_t keepdims)
{
    const grad_value *axes = &p->attr[axis];
    if (p->attr[keepdims].i || axes->n == 0 || v_rank(b, v) == 0) return v;
    return v_unsqueeze(b, v, axes->list, axes->n);
}

V grad__along(B *b, const grad_pull *p, const grad_op *op, V v, size_t axis)
{
    return v_emit(b, op, 1, &v, 2, (grad_value[]){p->attr[axis], BOOL_(true)});
}

double grad__work_of_first(const grad_call *c) { return (double)c->in[0]->count; }
double grad__work_of_first_exp(const grad_call *c) { return 22 * (double)c->in[0]->count; }

/* ---- folds ----------------------------------------------------------------------------------- */

enum { AXIS, KEEPDIMS }; /* attributes */

/* `real` or `whole`, as the operand's type asks for. */
static int reduce(const grad_call *c, void *out, const void *const *in, grad_frame *frame,
                  const grad_fold_row *real, const grad_fold_row *whole, bool mean)
{
    grad_tiles t;
    grad_cell y[GRAD_TILE];
    const grad_map map = {.kind = MAP_PLAIN, .dtype = c->in_dtype[0]};
    const grad_fold_row *f = grad_dtype_is_float(map.dtype) ? real : whole;
    grad__tiles_begin(&t, c->in[0], &c->attr[AXIS], frame);
    while (grad__tiles_next(&t)) {
        if (grad__fold(y, &t, f, &map, in[0]) < 0) return -1;
        if (mean)
            for (size_t w = 0; w < t.width; w++) y[w].r /= (double)t.count;
        grad__tiles_store(&t, out, c->dtype, y);
    }
    return 0;
}

#define KERNEL(name, real, whole, mean)                                                           \
    static int name(const grad_call *c, void *out, const void *const *in, grad_frame *frame)      \
    {                                                                                             \
        return reduce(c, out, in, frame, real, whole, mean);                                      \
    }
KERNEL(sum_kernel, &grad__sum, &grad__sum_int, false)
KERNEL(mean_kernel, &grad__sum, NULL, true)
KERNEL(prod_kernel, &grad__product, &grad__product_int, false)
KERNEL(max_kernel, &grad__largest, &grad__largest_int, false)
KERNEL(min_kernel, &grad__smallest, &grad__smallest_int, false)

static int infer(grad_infer *f) { return grad__infer_reduction(f, AXIS, KEEPDIMS); }
static int infer_of_some(grad_infer *f) { return grad__infer_reduction_of_some(f, AXIS, KEEPDIMS); }

static V spread(B *b, const grad_pull *p, V v) { return grad__spread(b, p, v, AXIS, KEEPDIMS); }

/* ---- sum, mean ------------------------------------------------------------------------------- */

static void sum_rule(B *b, const grad_pull *p)
{
    pull(p, 0, spread(b, p, p->g));
}

const grad_op grad__op_sum = {
    .name = "sum",
    .doc = "The sum of the elements along axes; of no elements 0.",
    .gradient = "g to every element",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_WIDE,
    .infer = infer,
    .kernel = sum_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first,
    .rule = sum_rule,
    .example = "sum([[1, 2], [3, 4]]) -> 10\n"
               "sum([[1, 2], [3, 4]], axis=0) -> [4, 6]\n"
               "sum([[1, 2], [3, 4]], axis=-1, keepdims=true) -> [[3], [7]]\n"
               "sum([[1, 2], [3, 4]], axis=[]) -> [[1, 2], [3, 4]]\n"
               "sum(5, axis=-1) -> 5\n"
               "sum([]) -> 0",
    .trials = "[]; [3]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [2,1,3] axis=[0,1]; "
              "[0,3] axis=0; [2,0] axis=0; [2,3] axis=[]; [300] axis=0; [40,3] axis=0",
};

static void mean_rule(B *b, const grad_pull *p)
{
    V n = v_num(b, p->g, (double)grad__reduced(b, p, AXIS));
    pull(p, 0, v_div(b, spread(b, p, p->g), n));
}

const grad_op grad__op_mean = {
    .name = "mean",
    .doc = "The mean of the elements along axes; of no elements NaN.",
    .gradient = "g / n to each of the n elements",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_REAL,
    .infer = infer,
    .kernel = mean_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first,
    .rule = mean_rule,
    .example = "mean([1, 2, 6]) -> 3\n"
               "mean([[1, 2], [3, 5]], axis=1) -> [1.5, 4]\n"
               "mean([[1, 2], [3, 5]], axis=[0, 1], keepdims=true) -> [[2.75]]\n"
               "mean([]) -> NaN",
    .trials = "[]; [3]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[2,3] axis=[]",
};

/* ---- prod ------------------------------------------------------------------------------------ */

extern const grad_op grad__op_recurrence;

static V products(B *b, const grad_pull *p, bool reverse)
{
    return v_emit(b, &grad__op_recurrence, 1, p->in, 3,
                  (grad_value[]){p->attr[AXIS], REAL_(1), BOOL_(reverse)});
}

/* The product of the others is that of the elements before times that of those after: no division,
   so that zeros do no harm, in derivatives of any order. */
static void prod_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V others = v_mul(b, products(b, p, false), products(b, p, true));
    pull(p, 0, v_mul(b, spread(b, p, p->g), others));
}

const grad_op grad__op_prod = {
    .name = "prod",
    .doc = "The product of the elements along axes; of no elements 1.",
    .gradient = "g times the product of the other elements, exact where some are 0",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_WIDE,
    .infer = infer,
    .kernel = prod_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first,
    .rule = prod_rule,
    .example = "prod([2, 3, 4]) -> 24\n"
               "prod([[1, 2], [3, 4]], axis=0) -> [3, 8]\n"
               "prod([[2, 0], [3, 4]], axis=1, keepdims=true) -> [[0], [12]]\n"
               "prod([]) -> 1",
    .trials = "[]; [1]; [4]; [2,3]; [2,3] axis=0 keepdims=true; [2,3,2] axis=[0,2]; [0,3] axis=0; "
              "[2,3] axis=[]; [12]",
};

/* h = init; at each element y = h, then h = u + a h. It is its own adjoint, run the other way. */
enum { RECURRENCE_AXIS, INIT, REVERSE };

#define RECURRENCE(name, type)                                                                    \
    static void name(void *out, const void *factor, const void *add, int64_t at, int64_t step,    \
                     size_t n, double *h)                                                         \
    {                                                                                             \
        const type *a = factor, *u = add;                                                         \
        type *y = out;                                                                            \
        for (size_t w = 0; w < n; w++, at += step) {                                              \
            double product = (double)a[at] * h[w];                                                \
            y[at] = (type)h[w];                                                                   \
            h[w] = u ? (double)u[at] + product : product;                                         \
        }                                                                                         \
    }
RECURRENCE(recur_float64, double)
RECURRENCE(recur_float32, float)

static int recurrence_kernel(const grad_call *c, void *out, const void *const *in,
                             grad_frame *frame)
{
    const void *u = c->n_in > 1 ? in[1] : NULL;
    bool reverse = c->attr[REVERSE].i != 0, wide = c->dtype == GRAD_FLOAT64;
    grad_tiles t;
    double h[GRAD_TILE];
    grad__tiles_begin(&t, c->in[0], &c->attr[RECURRENCE_AXIS], frame);
    while (grad__tiles_next(&t)) {
        grad_rows r = {0};
        for (size_t w = 0; w < t.width; w++) h[w] = c->attr[INIT].r;
        while (reverse ? grad__rows_before(&r, &t) : grad__rows_next(&r, &t))
            for (int64_t i = 0; i < r.n; i++) {
                int64_t at = r.start + (reverse ? r.n - 1 - i : i) * r.step;
                if (wide) recur_float64(out, in[0], u, at, t.step, t.width, h);
                else recur_float32(out, in[0], u, at, t.step, t.width, h);
                if (grad__tiles_poll(&t, t.width) < 0) return -1;
            }
    }
    return 0;
}

static int recurrence_infer(grad_infer *f)
{
    if (!grad_dtype_is_float(f->dtype))
        return grad_infer_fail(f, GRAD_DTYPE_MISMATCH, 0, NULL, "takes floating-point operands");
    if (f->n_in > 1 && f->in[1] && f->in[1]->id != f->in[0]->id)
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "a and u are of one shape");
    grad_infer_same(f, f->in[0]);
    return grad_infer_axes(f, RECURRENCE_AXIS, f->in[0]->rank);
}

/* With L the cotangent of the h that an element makes: L = g + a L of the element after. */
static void recurrence_rule(B *b, const grad_pull *p)
{
    V after = v_emit(b, &grad__op_recurrence, 2, (V[]){p->in[0], p->g}, 3,
                     (grad_value[]){p->attr[RECURRENCE_AXIS], REAL_(0),
                                    BOOL_(!p->attr[REVERSE].i)});
    pull(p, 0, v_mul(b, after, p->y));
    pull(p, 1, after);
}

const grad_op grad__op_recurrence = {
    .name = "recurrence",
    .doc = "y[0] = init, y[i+1] = u[i] + a[i] y[i], along axes in row-major order, or backwards.",
    .gradient = "with L the recurrence of a and g the other way: L y to a, L to u",
    .in = {{.name = "a"}, {.name = "u", .optional = true}},
    .attr = {GRAD_AXIS_ATTRIBUTE,
             {.name = "init", .type = ATTR_REAL, .otherwise = REAL_(0)},
             {.name = "reverse", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_PROMOTE,
    .infer = recurrence_infer,
    .kernel = recurrence_kernel,
    .reach = REACH_LINE,
    .flops = 2,
    .internal = true,
    .rule = recurrence_rule,
    .example = "recurrence([2, 3, 4], init=1) -> [1, 2, 6]\n"
               "recurrence([2, 3, 4], init=1, reverse=true) -> [12, 4, 1]\n"
               "recurrence([2, 3, 4], [1, 10, 100]) -> [0, 1, 13]",
    .trials = "[] - init=1; [4] - init=1 reverse=true; [2,3] [2,3]; "
              "[2,3,2] [2,3,2] axis=[0,2] init=0.5 reverse=true; [2,3] [2,3] axis=0; [0] [0]",
};

/* ---- max, min -------------------------------------------------------------------------------- */

/* Elements that are the result share its gradient; where the result is NaN, those that are NaN. */
static void extreme_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V x = p->in[0];
    V mask = v_logical_or(b, v_eq(b, x, spread(b, p, p->y)), v_isnan(b, x));
    V n = v_cast(b, grad__along(b, p, &grad__op_sum, mask, AXIS), v_dtype(b, x));
    pull(p, 0, v_where(b, mask, v_div(b, spread(b, p, p->g), n), v_num(b, x, 0)));
}

const grad_op grad__op_max = {
    .name = "max",
    .doc = "The largest element along axes; NaN if there is one.",
    .gradient = "g to the largest element, in equal parts where several are",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_KEEP,
    .infer = infer_of_some,
    .kernel = max_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first,
    .rule = extreme_rule,
    .example = "max([1, 3, 2]) -> 3\n"
               "max([[1, 5], [3, 4]], axis=1) -> [5, 4]\n"
               "max([[1, 5], [3, 4]], axis=0, keepdims=true) -> [[3, 5]]\n"
               "max([1, NaN, 2]) -> NaN",
    .trials = "[]; [5]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[2,3] axis=[]",
};

const grad_op grad__op_min = {
    .name = "min",
    .doc = "The smallest element along axes; NaN if there is one.",
    .gradient = "g to the smallest element, in equal parts where several are",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_KEEP,
    .infer = infer_of_some,
    .kernel = min_kernel,
    .reach = REACH_AXES,
    .work = grad__work_of_first,
    .rule = extreme_rule,
    .example = "min([1, 3, 2]) -> 1\n"
               "min([[1, 5], [3, 4]], axis=1) -> [1, 3]\n"
               "min([[1, 5], [3, 4]], axis=0, keepdims=true) -> [[1, 4]]\n"
               "min([1, NaN, 2]) -> NaN",
    .trials = "[]; [5]; [2,3]; [2,3] axis=1 keepdims=true; [2,3,4] axis=[0,2]; [0,3] axis=1; "
              "[2,3] axis=[]",
};

/* ---- any, all -------------------------------------------------------------------------------- */

const grad_op grad__op_any = {
    .name = "any",
    .doc = "Is any element along axes not zero? Of no elements, no.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_LOGIC,
    .infer = infer,
    .kernel = max_kernel,
    .work = grad__work_of_first,
    .rule = no_gradient,
    .example = "any([0, 2, 0]) -> true\n"
               "any([[0, 0], [0, 3]], axis=1) -> [false, true]\n"
               "any([]) -> false",
};

const grad_op grad__op_all = {
    .name = "all",
    .doc = "Are all elements along axes different from zero? Of no elements, yes.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = {GRAD_AXIS_ATTRIBUTE, GRAD_KEEPDIMS_ATTRIBUTE},
    .types = TYPES_LOGIC,
    .infer = infer,
    .kernel = min_kernel,
    .work = grad__work_of_first,
    .rule = no_gradient,
    .example = "all([1, 2, 0]) -> false\n"
               "all([[1, 0], [2, 3]], axis=1) -> [false, true]\n"
               "all([]) -> true",
};

/* ---- the family ------------------------------------------------------------------------------ */

extern const grad_op grad__op_logsumexp, grad__op_var, grad__op_std, grad__op_norm; /* moments.c */
extern const grad_op grad__op_argmax, grad__op_argmin; /* reduce_places.c */
extern const grad_op grad__op_nansum, grad__op_nanmean, grad__op_median; /* reduce_median.c */
extern const grad_op grad__op_middle, grad__op_middle_place;

const grad_op *const grad__family_reduce[] = {
    &grad__op_sum,    &grad__op_mean,   &grad__op_prod, &grad__op_max,  &grad__op_min,
    &grad__op_logsumexp, &grad__op_any, &grad__op_all,  &grad__op_var,  &grad__op_std,
    &grad__op_norm,   &grad__op_argmax, &grad__op_argmin, &grad__op_recurrence,
    &grad__op_median, &grad__op_middle, &grad__op_middle_place, &grad__op_nansum,
    &grad__op_nanmean, NULL,
};
