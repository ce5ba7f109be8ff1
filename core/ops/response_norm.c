/* response_norm.c -- local response normalisation, across neighbouring channels. */
#include <inttypes.h>

#include "window.h"

enum { SIZE, ALPHA, BETA, K };

static int response_expand(B *b, const grad_args *a, V *out)
{
    char found[96];
    const V x = a->in[0];
    const grad_shape *s = v_shape(b, x);
    const int64_t size = a->attr[SIZE].i;
    if (s->rank < 3)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "local_response_norm: `x` has the axes batch, channels and one or "
                                "more after them; found the shape %s",
                                grad__dims_text(found, s->rank, s->dim));
    if (size < 1 || size > INT32_MAX)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "size",
                                "local_response_norm: `size` must be from 1 to %d, found %" PRId64,
                                INT32_MAX, size);
    const int64_t rest = grad__dims_product(s->rank - 2, s->dim + 2);
    const int64_t dim[] = {s->dim[0], s->dim[1], rest}, kernel[] = {size, 1}, stride[] = {1, 1};
    const int64_t before[] = {size / 2, 0}, after[] = {(size - 1) / 2, 0};
    int64_t pairs[2 * GRAD_SPATIAL];
    V squares = v_reshape(b, v_square(b, x), 3, dim);
    V mean = v_emit(b, &grad__op_window_mean, 1, &squares, GRAD_ATTRIBUTES_MAX,
                    (grad_value[GRAD_ATTRIBUTES_MAX]){
                        [WINDOW_KERNEL] = grad__list(kernel, 2),
                        [WINDOW_STRIDE] = grad__list(stride, 2),
                        [WINDOW_PADS] = grad__pairs(2, before, after, pairs),
                        [WINDOW_DILATION] = NOTHING,
                        [WINDOW_SIZE] = grad__list(dim + 1, 2),
                        [WINDOW_COUNT_PAD] = BOOL_(true),
                    });
    V base = v_add(b, v_mul(b, v_reshape_like(b, mean, x), v_num(b, x, a->attr[ALPHA].r)),
                   v_num(b, x, a->attr[K].r));
    *out = v_div(b, x, v_pow(b, base, v_num(b, x, a->attr[BETA].r)));
    return 0;
}

const grad_op grad__op_local_response_norm = {
    .name = "local_response_norm",
    .doc = "x / (k + alpha m)^beta, where m is the mean of x squared over `size` neighbouring "
           "channels (axis 1), those beyond the first and last counted as zeros.",
    .gradient = "g d - 2 alpha beta x M'(g x d / n), where n = k + alpha m, d = n^-beta and M' is "
                "the adjoint of the mean",
    .in = X_ALONE,
    .attr = {{.name = "size", .type = ATTR_INT, .required = true},
             {.name = "alpha", .type = ATTR_REAL, .otherwise = REAL_(1e-4)},
             {.name = "beta", .type = ATTR_REAL, .otherwise = REAL_(0.75)},
             {.name = "k", .type = ATTR_REAL, .otherwise = REAL_(1)}},
    .types = TYPES_REAL,
    .expand = response_expand,
    .example =
        "local_response_norm([[[1], [2], [3]]], size=2) -> [[[0.9999625016405497], "
        "[1.9996250820124553], [2.9985383313015643]]]\n"
        "local_response_norm([[[1], [2], [3]]], size=3, alpha=1.5) -> [[[0.3907949713906801], "
        "[0.4204482076268573], [0.6619501839293747]]]\n"
        "local_response_norm([[[1], [2], [3]]], size=1, alpha=1.0, beta=2.0) -> [[[0.25], "
        "[0.08], [0.03]]]\n"
        "local_response_norm([[[1], [2], [3]]], size=5, alpha=1.0, beta=0.5, k=2.0) -> "
        "[[[0.45643546458763845], [0.9128709291752769], [1.3693063937629153]]]",
    .trials = "[2,4,3] size=3 alpha=0.5; [1,3,2,2] size=2 alpha=1 beta=2 k=0.5; [1,2,2] size=5; "
              "[0,2,3] size=2; [2,0,3] size=2; [1,1,1] size=1",
};

const grad_op *const grad__family_response_norm[] = {&grad__op_local_response_norm, NULL};
