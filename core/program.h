/* program.h -- a program from the inside: steps over a slab of memory that was planned beforehand.
 *
 * A workspace is one slab: first the scalars, 8 bytes a slot, then the tensors. Most graphs of many
 * nodes are scalar graphs, so a scalar element-wise node costs one step of 24 bytes and nothing
 * else; everything larger is a step that points to a bound call.
 */
#ifndef GRAD_PROGRAM_H
#define GRAD_PROGRAM_H

#include <string.h>

#include "graph.h"
#include "lanes.h"

/* A scalar step has `lanes` and slots; a step without is call number in[0]. In the steps of a block
   of points, slots with the bit OF_POINTS are rows of the block. */
#define OF_POINTS 0x80000000u
typedef struct step {
    grad_lanes lanes;
    uint32_t out;
    uint32_t in[INLINE_OPERANDS];
} step;

/* Where a value is: a scalar's slot, or a tensor's place in the table of buffers; of a batch, where
   each point has its own, a row of the block. */
typedef struct ref {
    uint32_t scalar : 1;
    uint32_t points : 1;
    uint32_t at : 30;
} ref;
#define REF_MAX ((1u << 30) - 1)

#define ITS_OWN INT32_MAX

typedef struct bound {
    grad_call call;
    const lanes_nest *nest; /* element-wise calls */
    grad_lanes lanes;
    ref out;
    const ref *in;
    uint32_t node; /* to name in an error */
    int input;     /* ... and its operand; ITS_OWN: the one that the kernel names */
} bound;

typedef enum home { IN_SLAB, IN_CONSTANT, IN_INPUT } home;

typedef struct tensor_buffer {
    home home;
    uint64_t at;     /* byte in the slab, or number of the constant or input */
    uint64_t offset; /* bytes from there on, */
    bool points;     /* of what the block has for each point; */
    size_t stride;   /* then bytes from one point to the next */
} tensor_buffer;

/* A scalar that is there before the first step: copied to its slot from a constant (when the
   workspace is made) or an input (when a run begins). */
typedef struct load {
    uint32_t slot, number;
    uint32_t bytes;
} load;

/* A million values and gradients may be wanted: 16 bytes each. */
typedef struct program_result {
    ref at;
    uint32_t sum;        /* where points are summed: its place among the sums */
    uint64_t bytes : 48;
    uint64_t reduce : 2; /* grad_reduce */
    uint64_t dtype : 3;
    uint64_t given : 1;  /* it is an input of the graph */
} program_result;

_Static_assert(sizeof(program_result) == 16, "a result takes 16 bytes");

/* What a program for a batch has beside: steps from `first` on are those of a block, which has rows
   instead of slots and copies instead of tensors. */
typedef struct points_plan {
    size_t block;  /* points; 0: the program is not for a batch */
    size_t first;
    size_t slots;
    size_t bytes;  /* of the tensors of one point */
    size_t sums;   /* numbers */
    load *inputs;
    size_t n_inputs, input_room;
    grad_cost each; /* of one point: flops and bytes */
} points_plan;

struct grad_program {
    grad_host *host;
    int holders;     /* whoever may free it */
    grad_program **within; /* programs of functions that it runs */
    size_t n_within, within_room;
    grad_pool *pool; /* shapes, attributes, constants, and the bound calls' arrays */
    step *steps;
    size_t n_steps, step_room;
    bound *calls;
    size_t n_calls, call_room;
    tensor_buffer *buffers;
    size_t n_buffers, buffer_room;
    load *constants, *inputs;
    size_t n_constants, constant_room, n_inputs, input_room;
    program_result *results;
    size_t n_results;
    size_t slots;      /* scalars */
    size_t slab;       /* bytes, scalars included */
    size_t operands;   /* the most that any call has */
    size_t scratch;    /* bytes, the most that any call asks for */
    points_plan points;
    grad_cost cost;
};

/* Most values are numbers, for which a call would take longer than the copy. */
static inline void grad__copy(void *to, const void *from, size_t bytes)
{
    if (bytes == 8) memcpy(to, from, 8);
    else if (bytes) memcpy(to, from, bytes);
}

struct grad_workspace {
    const grad_program *p;
    const volatile int *stop;
    char *slab;      /* scalars, then tensors */
    char *scratch;
    void **address;  /* of each tensor buffer */
    const void **in; /* the operands of the call at hand */
    size_t *stride;  /* ... and from point to point */
    char *rows;      /* of a block of points: scalars, */
    char **row;      /* ... by slot, unless a row is the caller's own memory, */
    char *copies;    /* tensors */
    double *sums;
    const grad_points *points; /* the inputs of the run at hand, */
    const grad_stack *results; /* and where its results go */
    grad_host *host; /* whose memory it is; NULL: the caller's of grad__workspace_at */
    void *memory;
    size_t bytes;
};

static inline size_t grad__result_bytes(const grad_program *p, size_t k)
{
    return p->results[k].bytes;
}
grad_program *grad__program_keep(grad_program *p);

/* A workspace in memory of the caller's, 64-byte aligned, of so many bytes: nothing to be freed. Its
   p->scratch bytes of scratch are in use only while it runs, so that workspaces of which one runs at
   a time may share them: otherwise loops within loops would double at every level. */
size_t grad__workspace_bytes(const grad_program *p);
grad_workspace *grad__workspace_at(void *memory, void *scratch, const grad_program *p,
                                   const volatile int *stop);

/* ---- running (run.c) ---------------------------------------------------------------------------- */

static inline void *grad__at(const grad_workspace *w, ref r)
{
    return r.scalar ? (void *)(w->slab + r.at * (size_t)8) : w->address[r.at];
}
/* Steps from `first` to before `end`, none of them a block's. */
int grad__run_steps(grad_workspace *w, size_t first, size_t end, grad_frame *frame);
/* What a call leaves in the frame when its kernel has returned `result`; returns that. */
int grad__call_ended(const bound *call, int result, grad_frame *frame);

/* ---- planning (plan.c) -------------------------------------------------------------------------- */

/* Hands out slots and regions of the slab and takes them back. */
typedef struct plan plan;

plan *grad__plan_new(grad_host *host, grad_error *err);
void grad__plan_free(plan *p);
int grad__plan_slot(uint32_t *slot, plan *p, grad_error *err);
int grad__plan_slot_own(uint32_t *slot, plan *p, grad_error *err); /* nobody else's, before or after */
int grad__plan_slot_back(plan *p, uint32_t slot, grad_error *err);
int grad__plan_region(uint64_t *at, plan *p, uint64_t bytes, grad_error *err);
int grad__plan_region_back(plan *p, uint64_t at, uint64_t bytes, grad_error *err);
int grad__plan_full(const grad_host *host, grad_error *err); /* fails: beyond the host's memory */
uint64_t grad__plan_slots(const plan *p);
uint64_t grad__plan_bytes(const plan *p); /* of all regions */

#endif
