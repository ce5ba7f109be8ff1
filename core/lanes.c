/* lanes.c -- merging axes into runs of lanes, and walking them. */
#include "lanes.h"

#include <string.h>

/* An operand's stride in elements along each axis of `out`: 0 where it is broadcast. */
static void strides_of(int64_t *stride, const grad_shape *out, const grad_shape *in)
{
    int64_t step = 1;
    for (int i = 1; i <= out->rank; i++) {
        int64_t size = i <= in->rank ? in->dim[in->rank - i] : 1;
        stride[out->rank - i] = size == 1 ? 0 : step;
        step *= size;
    }
}

/* Axis a (outer) and b = a + 1 can be one where every operand's outer stride continues its inner. */
static bool mergeable(int64_t stride[][GRAD_RANK_MAX], size_t n_in, int a, int b, int64_t size_b)
{
    for (size_t k = 0; k < n_in; k++)
        if (stride[k][a] != stride[k][b] * size_b) return false;
    return true;
}

const lanes_nest *grad__lanes_nest(grad_pool *pool, const grad_shape *out, grad_dtype out_dtype,
                                   size_t n_in, const grad_shape *const *in,
                                   const grad_dtype *in_dtype, grad_error *err)
{
    int64_t stride[GRAD_INPUTS_MAX][GRAD_RANK_MAX], dim[GRAD_RANK_MAX];
    int rank = 0;
    for (size_t k = 0; k < n_in; k++) strides_of(stride[k], out, in[k]);
    for (int i = 0; i < out->rank; i++) { /* axes of one element go, the others merge */
        if (out->dim[i] == 1) continue;
        dim[rank] = out->dim[i];
        for (size_t k = 0; k < n_in; k++) stride[k][rank] = stride[k][i];
        rank++;
        if (rank > 1 && mergeable(stride, n_in, rank - 2, rank - 1, dim[rank - 1])) {
            dim[rank - 2] *= dim[rank - 1];
            for (size_t k = 0; k < n_in; k++) stride[k][rank - 2] = stride[k][rank - 1];
            rank--;
        }
    }
    lanes_nest *nest = grad__pool_take(pool, sizeof *nest, err);
    if (!nest) return NULL;
    *nest = (lanes_nest){.run = 1, .n_in = (int)n_in, .out_size = grad_dtype_size(out_dtype)};
    if (rank > 0) {
        rank--;
        nest->run = (size_t)dim[rank];
        for (size_t k = 0; k < n_in; k++) nest->step[k] = stride[k][rank] != 0;
    }
    nest->rank = rank;
    for (size_t k = 0; k < n_in; k++) nest->in_size[k] = grad_dtype_size(in_dtype[k]);
    if (rank == 0) return nest;
    int64_t *list = grad__pool_take(pool, (n_in + 1) * (size_t)rank * sizeof *list, err);
    if (!list) return NULL;
    memcpy(list, dim, (size_t)rank * sizeof *list);
    nest->dim = list;
    for (size_t k = 0; k < n_in; k++) {
        list += rank;
        for (int i = 0; i < rank; i++) list[i] = stride[k][i] * (int64_t)nest->in_size[k];
        nest->stride[k] = list;
    }
    return nest;
}

/* Long runs are cut so that a stop is seen within about a millisecond. Cutting changes no bit. */
enum { PIECE = 32768 };

static int one_run(const lanes_nest *nest, grad_lanes lanes, char *out, const char *const *in,
                   grad_frame *frame)
{
    const void *at[GRAD_INPUTS_MAX] = {0};
    for (size_t done = 0; done < nest->run; done += PIECE) {
        size_t n = nest->run - done < PIECE ? nest->run - done : PIECE;
        for (int k = 0; k < nest->n_in; k++)
            at[k] = in[k] + done * nest->step[k] * nest->in_size[k];
        lanes(out + done * nest->out_size, at, nest->step, n);
        if (n == PIECE && grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

int grad__lanes_run(const lanes_nest *nest, grad_lanes lanes, void *out, const void *const *in,
                    grad_frame *frame)
{
    const char *at[GRAD_INPUTS_MAX] = {0};
    char *to = out;
    int64_t place[GRAD_RANK_MAX] = {0};
    size_t since = 0;
    for (int k = 0; k < nest->n_in; k++) at[k] = in[k];
    for (;;) {
        if (one_run(nest, lanes, to, at, frame) < 0) return -1;
        to += nest->run * nest->out_size;
        if ((since += nest->run) > PIECE) {
            since = 0;
            if (grad_stopped(frame)) return grad_frame_stopped(frame);
        }
        int i = nest->rank - 1;
        for (; i >= 0; i--) { /* the next place, as an odometer counts */
            for (int k = 0; k < nest->n_in; k++) at[k] += nest->stride[k][i];
            if (++place[i] < nest->dim[i]) break;
            place[i] = 0;
            for (int k = 0; k < nest->n_in; k++) at[k] -= nest->stride[k][i] * nest->dim[i];
        }
        if (i < 0) return 0;
    }
}
