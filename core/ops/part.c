/* part.c -- one result taken out of the block that a primitive with several results has written. */
#include <string.h>

#include "graph.h"

enum { OFFSET, DTYPE, SHAPE };

static const size_t PIECE = 1 << 20; /* bytes between two looks at the stop flag */

static int part_infer(grad_infer *f)
{
    f->dtype = (grad_dtype)f->attr[DTYPE].i;
    f->rank = (int)f->attr[SHAPE].n;
    if (f->rank) memcpy(f->dim, f->attr[SHAPE].list, (size_t)f->rank * sizeof *f->dim);
    return 0;
}

static int part_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const size_t bytes = (size_t)c->shape->count * grad_dtype_size(c->dtype);
    const char *from = (const char *)in[0] + c->attr[OFFSET].i;
    for (size_t at = 0; at < bytes; at += PIECE) {
        memcpy((char *)out + at, from + at, bytes - at < PIECE ? bytes - at : PIECE);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

const grad_op grad__op_part = {
    .name = "part",
    .doc = "One result of an operator that has several.",
    .gradient = "left to the operator",
    .in = {{.name = "block"}},
    .attr = {{.name = "offset", .type = ATTR_INT, .required = true},
             {.name = "dtype", .type = ATTR_DTYPE, .required = true},
             {.name = "shape", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP,
    .result = RESULT_SET,
    .infer = part_infer,
    .kernel = part_kernel,
    .rule = no_gradient, /* cotangents wait until the walk comes to the block: differentiate.c */
    .internal = true,
};

bool grad__is_part(const grad_graph *g, size_t i, size_t pack)
{
    return g->at[i].op == &grad__op_part && g->at[i].in[0] == pack;
}

const grad_op *const grad__family_part[] = {&grad__op_part, NULL};
