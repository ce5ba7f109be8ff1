/* compile.h -- what the files that turn a graph into a program share. */
#ifndef GRAD_COMPILE_H
#define GRAD_COMPILE_H

#include "functions.h"
#include "program.h"

typedef struct compiler {
    const grad_graph *g;
    grad_program *p;
    plan *plan[2];       /* what is computed once; of a batch, what each point has */
    const grad_batch *batch; /* or NULL */
    grad_error *err;
    size_t n;            /* nodes looked at */
    uint8_t *mark;       /* NEEDED, CONSTANT, POINTS */
    uint32_t *bytes_of;  /* the node whose bytes this one has */
    uint32_t *last_use;  /* the last node that reads these bytes; FOREVER: a result */
    ref *home;
} compiler;

#define FOREVER UINT32_MAX
enum { NEEDED = 1, CONSTANT = 2, POINTS = 4 };

/* Has each point of a batch its own value of node i? */
static inline bool grad__of_points(const compiler *c, uint32_t i) { return c->mark[i] & POINTS; }

/* ---- reading the graph (compile.c) ---------------------------------------------------------------- */

bool grad__is_lanes(const node *n); /* computed element by element */
bool grad__is_scalar_step(const grad_graph *g, const node *n);
/* The node that operand k of n is really read from. */
uint32_t grad__operand_read(const compiler *c, const node *n, uint32_t k);
/* The node in whose bytes operand k of node i stands. */
uint32_t grad__bytes_read(const compiler *c, uint32_t i, uint32_t k);
/* The shape a node's bytes are given: of a block of results that may be trimmed, up to the last one
   that is needed. NULL and err when out of memory. */
const grad_shape *grad__shape_kept(const compiler *c, uint32_t i);
size_t grad__bytes_kept(const compiler *c, uint32_t i);

/* ---- steps (bind.c) -------------------------------------------------------------------------------- */

/* Appends node i, whose home and operands' homes are known, to the program. */
int grad__add_step(compiler *c, uint32_t i);

/* Rough rates of one core, good enough to tell microseconds from milliseconds. */
static inline double grad__seconds(const grad_cost *cost)
{
    return 4e-10 * cost->flops + 2e-10 * cost->bytes;
}

/* ---- batches (compile_batch.c) --------------------------------------------------------------------- */

/* Marks the nodes that depend on batched inputs. */
int grad__mark_points(compiler *c);
/* Notes how result k, node i, is taken over the points. */
int grad__reduce_result(compiler *c, size_t k, grad_node i);
/* Decides how many points make a block; the rest of the program is known. */
void grad__size_block(compiler *c);

#endif
