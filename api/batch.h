/* batch.h -- a request for many points at once: which values have the axis of points, and where their
 * results stand.
 *
 * A graph is that of one point; only what comes in and what goes out has the axis.
 */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "tensor.h"

struct evaluation;
struct form;

typedef struct batch_input {
    size_t stride; /* bytes of one point's value */
    bool batched;
} batch_input;

typedef struct batch_state {
    int64_t points;      /* 0 where there is no batch, and before any of its tensors is read */
    char first[64];      /* the id of the first of them; "" before that */
    batch_input *input;  /* of the graph's inputs, by number */
    uint32_t n_inputs, input_room;
    bool of_points;      /* some node that gradients start from has the axis */
    grad_stack *result;  /* by result of the program; NULL where there is no batch */
    size_t *room;        /* ... its bytes over all points; ONE: the same at every point */
    char *memory;        /* of all results */
    double bytes;        /* it takes */
} batch_state;

/* Flags what depends on the batched inputs along the graph's edges. */
void batch_spread(struct evaluation *e);
/* Takes a batched input's first axis for the points: one that all of them have alike. */
int batch_take_axis(tensor_text *t, struct evaluation *e, const spot *at);
/* Notes the next of the graph's inputs. */
int batch_add_input(struct evaluation *e, const tensor_text *t, grad_dtype dtype, grad_error *err);

/* Does the answer show the axis in a slot's value, or in its gradient? */
bool batch_shows_axis(const struct evaluation *e, uint32_t slot, bool gradient);
/* The shape with the axis. */
void batch_widen(struct form *f);

/* The program, its results in the order of the answer. -1 with the call ended. */
int batch_compile(struct evaluation *e, const grad_node *results);
int batch_run(struct evaluation *e, grad_error *err);
/* The data of result k, of a batch or not. */
const void *batch_result(const struct evaluation *e, size_t k);
void batch_free(struct evaluation *e);

#endif
