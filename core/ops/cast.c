/* cast.c -- from one element type to another.
 *
 * A real that becomes an integer is cut off towards zero, held to the integer's range, and 0 where
 * it is not a number; an integer that becomes a narrower one keeps its low bits. Whatever is not
 * zero is true, NaN included.
 */
#include <string.h>

#include "loops.h"

/* The first real past the range on either side is exact in both real types: -2^63 and 2^63. */
#define SATURATE(type, x, least, most)                                                            \
    ((x) != (x) ? 0 : (x) < (least) ? (least) : (x) >= -(f64)(least) ? (most) : (type)(x))
#define AS_SELF(type, x) (x)
#define AS_BOOL(type, x) ((x) != 0)
#define AS_I64(type, x) SATURATE(i64, x, INT64_MIN, INT64_MAX)
#define AS_I32(type, x) SATURATE(i32, x, INT32_MIN, INT32_MAX)
#define LOW_BITS(type, x) ((u32)(u64)(x))

/* A loop from operand to result; both have their own memory. */
#define CAST(from, to, convert)                                                                   \
    static void from##_to_##to(void *out, const void *in, size_t n)                               \
    {                                                                                             \
        const from *restrict x = in;                                                              \
        to *restrict y = out;                                                                     \
        for (size_t i = 0; i < n; i++) y[i] = (to)(convert(to, x[i]));                            \
    }

CAST(f64, f32, AS_SELF)
CAST(f64, i64, AS_I64)
CAST(f64, i32, AS_I32)
CAST(f64, b8, AS_BOOL)
CAST(f32, f64, AS_SELF)
CAST(f32, i64, AS_I64)
CAST(f32, i32, AS_I32)
CAST(f32, b8, AS_BOOL)
CAST(i64, f64, AS_SELF)
CAST(i64, f32, AS_SELF)
CAST(i64, i32, LOW_BITS)
CAST(i64, b8, AS_BOOL)
CAST(i32, f64, AS_SELF)
CAST(i32, f32, AS_SELF)
CAST(i32, i64, AS_SELF)
CAST(i32, b8, AS_BOOL)
CAST(b8, f64, AS_SELF)
CAST(b8, f32, AS_SELF)
CAST(b8, i64, AS_SELF)
CAST(b8, i32, AS_SELF)

typedef void (*cast_loop)(void *out, const void *in, size_t n);

/* [from][to]; NULL where nothing changes */
static const cast_loop loops[GRAD_DTYPES][GRAD_DTYPES] = {
    [GRAD_FLOAT64] = {NULL, f64_to_f32, f64_to_i64, f64_to_i32, f64_to_b8},
    [GRAD_FLOAT32] = {f32_to_f64, NULL, f32_to_i64, f32_to_i32, f32_to_b8},
    [GRAD_INT64] = {i64_to_f64, i64_to_f32, NULL, i64_to_i32, i64_to_b8},
    [GRAD_INT32] = {i32_to_f64, i32_to_f32, i32_to_i64, NULL, i32_to_b8},
    [GRAD_BOOL] = {b8_to_f64, b8_to_f32, b8_to_i64, b8_to_i32, NULL},
};

static int cast_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    enum { PIECE = 65536 }; /* elements between two looks at the stop flag */
    cast_loop loop = loops[c->in_dtype[0]][c->dtype];
    size_t from = grad_dtype_size(c->in_dtype[0]), to = grad_dtype_size(c->dtype);
    size_t count = (size_t)c->shape->count;
    for (size_t done = 0; done < count; done += PIECE) {
        size_t n = count - done < PIECE ? count - done : PIECE;
        const char *x = (const char *)in[0] + done * from;
        char *y = (char *)out + done * to;
        if (loop) loop(y, x, n);
        else memcpy(y, x, n * to);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static int cast_infer(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    f->dtype = (grad_dtype)f->attr[0].i;
    return 0;
}

/* The walk brings g back to x's type. */
static void cast_rule(B *b, const grad_pull *p) { pull(p, 0, p->g); }

const grad_op grad__op_cast = {
    .name = "cast",
    .doc = "x in another element type; a real becomes an integer by dropping its fraction.",
    .gradient = "g, cast back; none from or to integers",
    .in = X_ONLY,
    .attr = {{.name = "dtype", .type = ATTR_DTYPE, .required = true}},
    .types = TYPES_KEEP,
    .result = RESULT_SET,
    .infer = cast_infer,
    .kernel = cast_kernel,
    .reach = REACH_SAME,
    .rule = cast_rule,
    .example = "cast([1.7, -1.7, NaN, 1e30], dtype=\"int32\") -> [1, -1, 0, 2147483647]\n"
               "cast([0, -2.5, NaN], dtype=\"bool\") -> [false, true, true]\n"
               "cast([2.5, 1], dtype=\"float64\") -> [2.5, 1]",
    .trials = "[] dtype=\"float64\"; [2,3] dtype=\"float64\"",
};
