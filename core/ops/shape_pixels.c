/* shape_pixels.c -- channels rearranged into a larger image. */
#include <inttypes.h>

#include "shape.h"

static int pixel_shuffle_expand(B *b, const grad_args *a, V *out)
{
    char found[96];
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, a->in[0]);
    const int64_t factor = a->attr[0].i;
    const int rank = s->rank;
    if (rank < 3)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "pixel_shuffle: `x` has channels, height and width, and may have "
                                "axes before them; found the shape %s",
                                grad__dims_text(found, rank, s->dim));
    if (factor < 1 || factor > INT32_MAX)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "factor",
                                "pixel_shuffle: `factor` must be from 1 to %d, found %" PRId64,
                                INT32_MAX, factor);
    const int64_t channels = s->dim[rank - 3], high = s->dim[rank - 2], wide = s->dim[rank - 1];
    if (channels % (factor * factor) != 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "pixel_shuffle: the square of the factor %" PRId64
                                " must divide the %" PRId64 " channels",
                                factor, channels);
    for (int d = 0; d < rank; d++) dim[d] = s->dim[d];
    dim[rank - 3] = channels / (factor * factor);
    dim[rank - 2] = high * factor;
    dim[rank - 1] = wide * factor;
    const int64_t planes = grad__dims_product(rank - 2, dim);
    V parts = v_reshape(b, a->in[0], 5, (int64_t[]){planes, factor, factor, high, wide});
    V y = v_transpose(b, parts, 5, (int64_t[]){0, 3, 1, 4, 2});
    *out = v_reshape(b, y, rank, dim);
    return 0;
}

const grad_op grad__op_pixel_shuffle = {
    .name = "pixel_shuffle",
    .doc = "Each factor^2 channels of x [channels, height, width] become one that is factor times "
           "as high and wide: channel c factor^2 + i factor + j has the pixels at row i and column "
           "j of the squares of channel c.",
    .gradient = "dx = g, put back into channels",
    .in = X_ALONE,
    .attr = {{.name = "factor", .type = ATTR_INT, .required = true}},
    .types = TYPES_KEEP,
    .expand = pixel_shuffle_expand,
    .example =
        "pixel_shuffle([[[1]], [[2]], [[3]], [[4]]], factor=2) -> [[[1, 2], [3, 4]]]\n"
        "pixel_shuffle([[[1, 2]], [[3, 4]], [[5, 6]], [[7, 8]]], factor=2) -> [[[1, 3, 2, 4], "
        "[5, 7, 6, 8]]]\n"
        "pixel_shuffle([[[1, 2]], [[3, 4]]], factor=1) -> [[[1, 2]], [[3, 4]]]",
    .trials = "[4,2,1] factor=2; [2,9,1,2] factor=3; [2,3,2] factor=1; [0,4,1,1] factor=2; "
              "[1,4,0,2] factor=2; [2,0,1,1] factor=2",
};

const grad_op *const grad__family_shape_pixels[] = {&grad__op_pixel_shuffle, NULL};
