/* points.h -- graphs run for many points at once, held against as many single runs. */
#ifndef TESTS_POINTS_H
#define TESTS_POINTS_H

#include "grad.h"

enum { POINT_INPUTS = 16, POINT_RESULTS = 40 };

typedef struct points {
    grad_host host;
    grad_graph *g;
    size_t n_in, n_out;
    grad_node in[POINT_INPUTS], out[POINT_RESULTS]; /* in[]: by the inputs' numbers */
    void *data[POINT_INPUTS];  /* `most` values of each, one after another; from calloc */
    size_t most;
} points;

void points_begin(points *s, size_t most);
grad_node points_input(points *s, grad_dtype dtype, int rank, const int64_t *dim);
size_t points_bytes(const points *s, grad_node n); /* of one value */
void points_end(points *s); /* the test fails where memory was not given back */

/* Runs n points of which the inputs in `mask` have values of their own, in blocks of `block` (0: as
   the library likes), and each alone. The test fails unless all results agree bit for bit; or, where
   some point alone is refused, unless the batch is refused for the first such point. */
void points_check(points *s, unsigned mask, size_t n, size_t block, const char *what);

#endif
