/* random.c -- random sources: tensors that depend on a seed and on nothing else.
 *
 * The generator is Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (SC11). It has no state: block n of four words is a function of the counter
 * (n, 0) and of the key, which is the seed, low word first in both. Element i of a tensor, in
 * row-major order, is made of the 64-bit number w that the words 0 and 1 of block i / 2 form for
 * even i, the words 2 and 3 for odd i, the first of them being the upper half. So it depends on the
 * seed and on i alone, and a longer tensor begins like a shorter one.
 *
 * What follows is exact, or rounded as IEEE 754 says, so that the bits are the same on every
 * machine; the normal distribution is reached through its quantile function, which is made so.
 */
#include "random.h"

#include "shape.h"
#include "special.h"

void grad__philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
    uint32_t k = key[0], l = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t left = (uint64_t)a * 0xD2511F53u, right = (uint64_t)c * 0xCD9E8D57u;
        a = (uint32_t)(right >> 32) ^ b ^ k;
        b = (uint32_t)right;
        c = (uint32_t)(left >> 32) ^ d ^ l;
        d = (uint32_t)left;
        k += 0x9E3779B9u;
        l += 0xBB67AE85u;
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

/* The numbers w of the elements 2 n and 2 n + 1. */
static void pair(uint64_t w[2], uint64_t seed, uint64_t n)
{
    const uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    grad__philox(out, counter, key);
    w[0] = (uint64_t)out[0] << 32 | out[1];
    w[1] = (uint64_t)out[2] << 32 | out[3];
}

static double uniform64(uint64_t w) { return (double)(w >> 11) * 0x1p-53; }
static float uniform32(uint64_t w) { return (float)(w >> 40) * 0x1p-24f; }

/* Of an odd multiple of 2^-53, which is never 0 or 1. */
static double normal(uint64_t w)
{
    return grad__normal_quantile(((double)(w >> 12) + 0.5) * 0x1p-52);
}

enum { SHAPE, SEED, DTYPE };
enum { PIECE = 8192 }; /* elements between two looks at the stop flag; an even number */

/* Elements i to end of the tensor, i even. */
#define FILL(name, type, element)                                                                 \
    static void name(void *out, uint64_t seed, int64_t i, int64_t end)                            \
    {                                                                                             \
        type *to = out;                                                                           \
        for (; i < end; i += 2) {                                                                 \
            uint64_t w[2];                                                                        \
            pair(w, seed, (uint64_t)i / 2);                                                       \
            to[i] = element(w[0]);                                                                \
            if (i + 1 < end) to[i + 1] = element(w[1]);                                           \
        }                                                                                         \
    }
FILL(fill_uniform64, double, uniform64)
FILL(fill_uniform32, float, uniform32)
FILL(fill_normal64, double, normal)
FILL(fill_normal32, float, (float)normal)

static int run(const grad_call *c, void *out, grad_frame *frame,
               void (*fill)(void *out, uint64_t seed, int64_t i, int64_t end))
{
    const int64_t n = c->shape->count;
    for (int64_t i = 0; i < n; i += PIECE) {
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
        fill(out, (uint64_t)c->attr[SEED].i, i, n - i < PIECE ? n : i + PIECE);
    }
    return 0;
}

static int uniform_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    (void)in;
    return run(c, out, frame, c->dtype == GRAD_FLOAT32 ? fill_uniform32 : fill_uniform64);
}

static int normal_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    (void)in;
    return run(c, out, frame, c->dtype == GRAD_FLOAT32 ? fill_normal32 : fill_normal64);
}

static int random_infer(grad_infer *f)
{
    const grad_value *dtype = &f->attr[DTYPE];
    if (grad__infer_dims(f, SHAPE) < 0) return -1;
    if (dtype->kind == GRAD_INT) f->dtype = (grad_dtype)dtype->i;
    if (grad_dtype_is_float(f->dtype)) return 0;
    return grad_infer_fail(f, GRAD_BAD_ATTRIBUTE, -1, "dtype",
                           "random numbers are float64 or float32, not %s",
                           grad_dtype_name(f->dtype));
}

/* clang-format off */
#define RANDOM_ATTRIBUTES                                                                         \
    {{.name = "shape", .type = ATTR_INTS, .required = true},                                      \
     {.name = "seed", .type = ATTR_INT, .required = true},                                        \
     {.name = "dtype", .type = ATTR_DTYPE, .nullable = true}}

static const grad_op grad__op_random_uniform = {
    .name = "random_uniform",
    .doc = "Uniform random numbers, 0 <= y < 1, the same for a seed everywhere. Element i of the "
           "tensor, in row-major order, is the upper 53 bits (float32: 24 bits) of a 64-bit number, "
           "times 2^-53 (2^-24). The number is words 0 and 1 (i even) or 2 and 3 (i odd), upper half "
           "first, of what Philox4x32-10 makes of the counter i / 2, rounded down, and the key seed, "
           "low words first.",
    .gradient = "none: it has no operands",
    .attr = RANDOM_ATTRIBUTES,
    .types = TYPES_KEEP, .result = RESULT_SET, .infer = random_infer,
    .kernel = uniform_kernel, .flops = 20,
    .rule = no_gradient,
    .example = "random_uniform(shape=[2, 2], seed=0) -> [[0.3990464708489645, 0.7357127844834425], "
               "[0.9722412015223156, 0.6939309190579442]]\n"
               "random_uniform(shape=3, seed=9223372036854775807) -> "
               "[0.1988420285232874, 0.9723579408724224, 0.03201049677339618]\n"
               "random_uniform(shape=[], seed=-1) -> 0.4478220364738066\n"
               "random_uniform(shape=[0], seed=1, dtype=\"float64\") -> []",
};

static const grad_op grad__op_random_normal = {
    .name = "random_normal",
    .doc = "Random numbers of the standard normal distribution, the same for a seed everywhere. "
           "Element i is ndtri((k + 1/2) 2^-52), where k is the upper 52 bits of the 64-bit number of "
           "which random_uniform makes its element i; float32 is the same, rounded.",
    .gradient = "none: it has no operands",
    .attr = RANDOM_ATTRIBUTES,
    .types = TYPES_KEEP, .result = RESULT_SET, .infer = random_infer,
    .kernel = normal_kernel, .flops = 150,
    .rule = no_gradient,
    .example = "random_normal(shape=[2, 2], seed=0) -> [[-0.2558159702035154, 0.6301836564311267], "
               "[1.914803272770282, 0.5070237393399028]]\n"
               "random_normal(shape=2, seed=-9223372036854775808) -> "
               "[0.3612772726352416, -2.352035904716941]\n"
               "random_normal(shape=[1, 1], seed=7) -> [[1.691162622054067]]",
};
/* clang-format on */

const grad_op *const grad__family_random[] = {
    &grad__op_random_uniform,
    &grad__op_random_normal,
    NULL,
};
