/* tensor.h -- tensors as a request writes them: measured first, read once their type is known. */
#ifndef API_TENSOR_H
#define API_TENSOR_H

#include "call.h"
#include "pointer.h"

/* Where a tensor stands: below `base` under `key`, or in a node of the graph. */
typedef struct spot {
    const char *base;        /* "/inputs"; NULL: in the graph */
    json_slice key;          /* raw */
    const char *graph;       /* "/graph", or a function in it: */
    uint32_t node, operand;  /* .../nodes/NODE/inputs/OPERAND; UINT32_MAX: /value */
    const char *id;          /* whose tensor it is, for the problem's "node" */
    size_t id_length;
} spot;

/* What a tensor's text says before a number of it is read. */
typedef struct tensor_text {
    const char *data;   /* a scalar or nested arrays; NULL where it is base64 */
    json_slice base64;
    bool in_object;     /* data is the object's member "data" */
    bool flat;          /* data is one list, whatever the shape */
    bool named;         /* the dtype is given */
    grad_dtype dtype;
    bool truths;        /* all elements are true or false */
    bool whole;         /* all are whole numbers; looked at only where `look` was set */
    bool points;        /* the first axis is that of a batch's points; the caller's to set */
    int rank;
    int64_t count;
    int64_t dim[GRAD_RANK_MAX];
} tensor_text;

/* The shape at each point. */
static inline int tensor_rank(const tensor_text *t) { return t->rank - t->points; }
static inline const int64_t *tensor_dim(const tensor_text *t) { return t->dim + t->points; }

/* Shape, size and kind of the tensor at `text`. -1 with the call ended: not a tensor, ragged, too
   large. `look`: find out whether all numbers are whole. */
int tensor_measure(tensor_text *out, api_call *c, const char *text, bool look, const spot *at);

/* The elements as `dtype`, into tensor_room bytes. -1 with the call ended. */
int tensor_fill(void *to, api_call *c, const tensor_text *t, grad_dtype dtype, const spot *at);
size_t tensor_room(const tensor_text *t, grad_dtype dtype);

/* Ends the call with a problem at the spot and `below`. Returns -1. */
int spot_fail(api_call *c, const spot *at, const char *code, const char *below, const char *format,
              ...) __attribute__((format(printf, 5, 6)));

/* "[2, 3]" into `to`; long ones are cut short. */
enum { SHAPE_ROOM = 96 };
const char *shape_text(char to[SHAPE_ROOM], int rank, const int64_t *dim);

#endif
