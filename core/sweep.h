/* sweep.h -- what of a graph is left to run when only some inputs change: the rest is computed once.
 *
 * A sweep is a linear map of its seeds. What does not depend on them (values, derivatives of single
 * operators) is the same in every sweep: the outer program computes it, the inner one takes it as
 * inputs, after the seeds.
 */
#ifndef GRAD_SWEEP_H
#define GRAD_SWEEP_H

#include "graph.h"

typedef struct sweep {
    size_t n_seeds;
    V *outer;        /* nodes that the outer program is to give: the inner one's inputs from n_seeds on */
    size_t n_outer, outer_room;
    grad_program *inner;
} sweep;

/* `seeds` are inputs of g, `results` what a sweep is to compute. */
int grad__sweep_new(sweep *out, grad_graph *g, const V *seeds, size_t n_seeds, const V *results,
                    size_t n_results, grad_error *err);
void grad__sweep_free(sweep *s, grad_host *host);

#endif
