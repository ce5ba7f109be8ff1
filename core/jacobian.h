/* jacobian.h -- Jacobians from the inside. */
#ifndef GRAD_JACOBIAN_H
#define GRAD_JACOBIAN_H

#include "colour.h"
#include "structure.h"
#include "sweep.h"

/* One direction: which results it serves, and its sweeps. */
typedef struct direction {
    bool forward;
    uint32_t *member;  /* results, by number */
    size_t n_members;
    colouring colouring; /* forward: of columns; reverse: of the members' rows, one after another */
    sweep sweep;
    const grad_workspace *outer; /* of the outer program, and its inputs among that one's results */
    size_t first_outer;
    /* Forward, of members whose rows differ: their entries by column. */
    size_t *column_start; /* columns + 1 */
    uint32_t *row;        /* among the members' rows */
    size_t *place;        /* of the entry in its result's values */
    size_t entries;
    /* While it runs: */
    grad_workspace *w;
    const void **data;
    size_t n_data;
    char *seeds;
    size_t seed_bytes;
} direction;

typedef struct jacobian_result {
    column_sets *sets;
    V node;
    size_t rows, entries;
    grad_dtype dtype;
    double *value;     /* of the entries, row by row */
} jacobian_result;

typedef struct jacobian_wrt {
    V node;
    size_t first, count; /* columns */
    grad_dtype dtype;
} jacobian_wrt;

struct grad_jacobian {
    grad_host *host;
    grad_graph *g;
    jacobian_result *of;
    size_t n_of;
    jacobian_wrt *wrt;
    size_t n_wrt, columns;
    grad_program *outer;
    grad_workspace *w;
    size_t n_results;  /* the caller's, which come first */
    direction way[2];  /* reverse, forward */
};

/* jacobian_plan.c: fills the members of both directions and their colours. */
int grad__jacobian_plan(grad_jacobian *j, grad_error *err);
/* The colours of a reverse direction whose members are known. */
int grad__jacobian_colour_rows(const grad_jacobian *j, direction *d, grad_error *err);

/* jacobian_sweep.c. */
int grad__direction_make(grad_jacobian *j, direction *d, grad_error *err); /* its sweep, from the graph */
int grad__direction_run(grad_jacobian *j, direction *d, grad_error *err); /* after its outer program */
void grad__direction_free(direction *d, const grad_jacobian *j);

#endif
