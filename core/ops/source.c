/* source.c -- operators without operands: inputs, constants, tensors from attributes.
 *
 * The dtype settled for a row here is the graph's real dtype; an attribute `dtype`
 * overrides it.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "shape.h"

/* ---- numbers as elements ----------------------------------------------------------- */

#define TWO_63 9223372036854775808.0

static bool as_integer(int64_t *out, const grad_value *v)
{
    if (v->kind != GRAD_REAL)
        *out = v->i;
    else if (v->r != floor(v->r) || v->r < -TWO_63 || v->r >= TWO_63)
        return false;
    else
        *out = (int64_t)v->r;
    return true;
}

static double as_real(const grad_value *v)
{
    return v->kind == GRAD_REAL ? v->r : (double)v->i;
}

bool grad__element(void *element, const grad_value *number, grad_dtype dtype)
{
    double real = as_real(number);
    int64_t whole = 0;
    if (dtype == GRAD_FLOAT64) {
        memcpy(element, &real, sizeof real);
        return true;
    }
    if (dtype == GRAD_FLOAT32) {
        float narrow = (float)real;
        memcpy(element, &narrow, sizeof narrow);
        return isinf(real) || !isinf(narrow);
    }
    if (!as_integer(&whole, number)) return false;
    if (dtype == GRAD_INT64) {
        memcpy(element, &whole, sizeof whole);
        return true;
    }
    if (dtype == GRAD_INT32) {
        int32_t narrow = (int32_t)whole;
        memcpy(element, &narrow, sizeof narrow);
        return narrow == whole;
    }
    *(uint8_t *)element = whole != 0;
    return whole == 0 || whole == 1;
}

int grad__infer_element(grad_infer *f, size_t k, grad_dtype dtype)
{
    uint64_t element;
    const char *name = f->op->attr[k].name;
    if (grad__element(&element, &f->attr[k], dtype)) return 0;
    if (grad_dtype_is_float(dtype))
        return grad_infer_fail(f, GRAD_BAD_NUMBER, -1, name, "%s is beyond %s",
                               NUMBER(as_real(&f->attr[k])), grad_dtype_name(dtype));
    return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, name, "%s cannot hold the %s %s",
                           grad_dtype_name(dtype), name, NUMBER(as_real(&f->attr[k])));
}

void grad__fill(void *out, int64_t n, const void *element, grad_dtype dtype)
{
    size_t size = grad_dtype_size(dtype), bytes = (size_t)n * size, done = size;
    if (n <= 0) return;
    memcpy(out, element, size);
    /* What is there already, up to a cache's worth, is the next piece. */
    while (done < bytes) {
        size_t piece = done < 4096 ? done : 4096;
        if (piece > bytes - done) piece = bytes - done;
        memcpy((char *)out + done, out, piece);
        done += piece;
    }
}

/* ---- full and eye ------------------------------------------------------------------ */

static void take_dtype(grad_infer *f, const grad_value *dtype)
{
    if (dtype->kind == GRAD_INT) f->dtype = (grad_dtype)dtype->i;
}

static int full_infer(grad_infer *f)
{
    if (grad__infer_dims(f, 0) < 0) return -1;
    take_dtype(f, &f->attr[2]);
    return grad__infer_element(f, 1, f->dtype);
}

static int full_kernel(const grad_call *c, void *out, const void *const *in,
                       grad_frame *frame)
{
    uint64_t element;
    (void)in, (void)frame;
    grad__element(&element, &c->attr[1], c->dtype);
    grad__fill(out, c->shape->count, &element, c->dtype);
    return 0;
}

static int eye_infer(grad_infer *f)
{
    if (f->attr[1].kind == GRAD_NULL) f->attr[1] = f->attr[0];
    take_dtype(f, &f->attr[2]);
    f->rank = 2;
    for (size_t k = 0; k < 2; k++) {
        f->dim[k] = f->attr[k].i;
        if (f->dim[k] < 0)
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[k].name,
                                   "a size is zero or more, and this is %" PRId64,
                                   f->dim[k]);
    }
    return 0;
}

static int eye_kernel(const grad_call *c, void *out, const void *const *in,
                      grad_frame *frame)
{
    const int64_t n = c->shape->dim[0], m = c->shape->dim[1];
    const int64_t size = (int64_t)grad_dtype_size(c->dtype);
    uint64_t one;
    (void)in, (void)frame;
    grad__element(&one, &(grad_value)INT_(1), c->dtype);
    memset(out, 0, (size_t)(c->shape->count * size));
    for (int64_t i = 0; i < n && i < m; i++)
        memcpy((char *)out + i * (m + 1) * size, &one, (size_t)size);
    return 0;
}

/* ---- arange ------------------------------------------------------------------------ */

enum { START, STOP, STEP, DTYPE };

static bool all_whole(const grad_value *attr)
{
    return attr[START].kind == GRAD_INT && attr[STOP].kind == GRAD_INT &&
           attr[STEP].kind == GRAD_INT;
}

/* The places from start to stop, computed without a sign so that nothing overflows. */
static uint64_t count_whole(int64_t start, int64_t stop, int64_t step)
{
    uint64_t span = (uint64_t)stop - (uint64_t)start, stride = (uint64_t)step;
    if (step == 0 || (step > 0 ? stop <= start : stop >= start)) return 0;
    if (step < 0) {
        span = 0 - span;
        stride = 0 - stride;
    }
    return span / stride + (span % stride != 0);
}

static int arange_infer(grad_infer *f)
{
    grad_value *attr = f->attr;
    double count;
    for (size_t k = START; k <= STEP; k++)
        if (attr[k].kind == GRAD_TRUTH || !isfinite(as_real(&attr[k])))
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, f->op->attr[k].name,
                                   "%s must be a finite number, found %s", f->op->attr[k].name,
                                   attr[k].kind == GRAD_REAL ? NUMBER(attr[k].r)
                                   : attr[k].i               ? "true"
                                                             : "false");
    if (as_real(&attr[STEP]) == 0)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "step", "step may not be zero");
    if (all_whole(attr)) f->dtype = GRAD_INT64;
    take_dtype(f, &attr[DTYPE]);
    if (f->dtype == GRAD_BOOL)
        return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "dtype",
                               "a range of numbers is not bool");
    f->rank = 1;
    if (all_whole(attr)) {
        uint64_t n = count_whole(attr[START].i, attr[STOP].i, attr[STEP].i);
        count = (double)n;
        if (count < TWO_63 / 2) f->dim[0] = (int64_t)n;
        int64_t last = (int64_t)((uint64_t)attr[START].i + (n - 1) * (uint64_t)attr[STEP].i);
        if (f->dtype == GRAD_INT32 && n > 0 &&
            ((int32_t)attr[START].i != attr[START].i || (int32_t)last != last))
            return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "dtype",
                                   "int32 cannot hold %" PRId64 " to %" PRId64, attr[START].i, last);
    } else {
        const double span = as_real(&attr[STOP]) - as_real(&attr[START]);
        const double steps = span / as_real(&attr[STEP]);
        const bool underflow = steps == 0 && span != 0 && !signbit(steps);
        count = underflow ? 1 : ceil(steps);
        if (count < TWO_63 / 2) f->dim[0] = count > 0 ? (int64_t)count : 0;
    }
    if (count < TWO_63 / 2) return 0;
    return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, -1, "stop",
                           "a range of %g elements is too long", count);
}

/* Element i is start + i * step: exact where all three are whole, else rounded in
   float64. What an integer dtype cannot hold is cut and saturated, or wraps, as a cast
   does. */
static grad_value arange_element(const grad_value *attr, bool whole, int64_t i,
                                 grad_dtype dtype)
{
    if (whole) {
        uint64_t at = (uint64_t)attr[START].i + (uint64_t)i * (uint64_t)attr[STEP].i;
        return (grad_value)INT_(dtype == GRAD_INT32 ? (int32_t)at : (int64_t)at);
    }
    const double real = as_real(&attr[START]) + (double)i * as_real(&attr[STEP]);
    if (grad_dtype_is_float(dtype)) return (grad_value)REAL_(real);
    if (dtype == GRAD_INT32)
        return (grad_value)REAL_(trunc(fmin(fmax(real, INT32_MIN), INT32_MAX)));
    if (real >= TWO_63) return (grad_value)INT_(INT64_MAX);
    return (grad_value)INT_(real < -TWO_63 ? INT64_MIN : (int64_t)real);
}

static int arange_kernel(const grad_call *c, void *out, const void *const *in,
                         grad_frame *frame)
{
    const int64_t n = c->shape->count;
    const bool whole = all_whole(c->attr);
    const size_t size = grad_dtype_size(c->dtype);
    (void)in;
    for (int64_t i = 0; i < n; i++) {
        const grad_value v = arange_element(c->attr, whole, i, c->dtype);
        uint64_t element = 0;
        if (i % 65536 == 65535 && grad_stopped(frame)) return grad_frame_stopped(frame);
        grad__element(&element, &v, c->dtype);
        memcpy((char *)out + (size_t)i * size, &element, size);
    }
    return 0;
}

/* ---- the table --------------------------------------------------------------------- */

/* clang-format off */

/* These two are appended by the engine itself, with their bytes; here they are listed. */
const grad_op grad__op_input = {
    .name = "input",
    .doc = "An input of the graph. It may declare its shape (a list, null where a size "
           "is free), its dtype, and a value that stands in when the request gives none.",
    .gradient = "whatever reaches it",
    .attr = {{.name = "shape", .type = ATTR_INTS, .nullable = true},
             {.name = "dtype", .type = ATTR_DTYPE, .nullable = true},
             {.name = "value", .type = ATTR_TENSOR, .nullable = true}},
    .types = TYPES_KEEP, .rule = no_gradient,
};

const grad_op grad__op_constant = {
    .name = "constant",
    .doc = "The tensor given as value, which no request changes.",
    .gradient = "whatever reaches it, where it is asked for by name",
    .attr = {{.name = "value", .type = ATTR_TENSOR, .required = true},
             {.name = "shape", .type = ATTR_INTS, .nullable = true},
             {.name = "dtype", .type = ATTR_DTYPE, .nullable = true}},
    .types = TYPES_KEEP, .rule = no_gradient,
};

const grad_op grad__op_arange = {
    .name = "arange",
    .doc = "start, start + step, ... up to stop, which is left out; int64 if all three "
           "are whole numbers.",
    .gradient = "none: it has no operands",
    .attr = {{.name = "start", .type = ATTR_NUMBER, .otherwise = INT_(0)},
             {.name = "stop", .type = ATTR_NUMBER, .required = true},
             {.name = "step", .type = ATTR_NUMBER, .otherwise = INT_(1)},
             {.name = "dtype", .type = ATTR_DTYPE, .nullable = true}},
    .types = TYPES_KEEP, .result = RESULT_SET, .infer = arange_infer,
    .kernel = arange_kernel,
    .rule = no_gradient,
    .example = "arange(stop=4) -> [0, 1, 2, 3]\n"
               "arange(start=5, stop=0, step=-2) -> [5, 3, 1]\n"
               "arange(start=1, stop=2, step=0.25) -> [1, 1.25, 1.5, 1.75]\n"
               "arange(start=3, stop=3) -> []",
};

const grad_op grad__op_full = {
    .name = "full",
    .doc = "A tensor of the given shape, every element of it the value.",
    .gradient = "none: it has no operands",
    .attr = {{.name = "shape", .type = ATTR_INTS, .required = true},
             {.name = "value", .type = ATTR_NUMBER, .required = true},
             {.name = "dtype", .type = ATTR_DTYPE, .nullable = true}},
    .types = TYPES_KEEP, .result = RESULT_SET, .infer = full_infer, .kernel = full_kernel,
    .rule = no_gradient,
    .example = "full(shape=[2, 2], value=0.5) -> [[0.5, 0.5], [0.5, 0.5]]\n"
               "full(shape=[], value=7) -> 7\n"
               "full(shape=3, value=true, dtype=\"bool\") -> [true, true, true]\n"
               "full(shape=[0], value=1) -> []",
};

const grad_op grad__op_eye = {
    .name = "eye",
    .doc = "n rows and m columns (as many as rows, if not given) with ones on the "
           "diagonal, zeros elsewhere.",
    .gradient = "none: it has no operands",
    .attr = {{.name = "n", .type = ATTR_INT, .required = true},
             {.name = "m", .type = ATTR_INT, .nullable = true},
             {.name = "dtype", .type = ATTR_DTYPE, .nullable = true}},
    .types = TYPES_KEEP, .result = RESULT_SET, .infer = eye_infer, .kernel = eye_kernel,
    .rule = no_gradient,
    .example = "eye(n=2) -> [[1, 0], [0, 1]]\n"
               "eye(n=2, m=3) -> [[1, 0, 0], [0, 1, 0]]",
};

/* clang-format on */

const grad_op *const grad__family_source[] = {
    &grad__op_input, &grad__op_constant, &grad__op_arange,
    &grad__op_full,  &grad__op_eye,      NULL,
};
