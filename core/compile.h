/* compile.h -- what the files that turn a graph into a program share. */
#ifndef GRAD_COMPILE_H
#define GRAD_COMPILE_H

#include "functions.h"
#include "program.h"

typedef struct compiler {
    const grad_graph *g;
    grad_program *p;
    plan *plan;
    grad_error *err;
    size_t n;            /* nodes looked at */
    uint8_t *mark;       /* NEEDED, CONSTANT */
    uint32_t *bytes_of;  /* the node whose bytes this one has */
    uint32_t *last_use;  /* the last node that reads these bytes; FOREVER: a result */
    ref *home;
} compiler;

#define FOREVER UINT32_MAX
enum { NEEDED = 1, CONSTANT = 2 };

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

#endif
