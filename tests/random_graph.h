/* random_graph.h -- graphs of vectors for tests: built by name, or at random out of many operators. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include <string.h>

#include "grad.h"

enum { MOST = 40 }; /* elements of an input, and of most results */

/* Random numbers: a sequence from each seed. */
void random_start(uint64_t seed);
size_t random_below(size_t n);
double random_uniform(void); /* -1 to 1 */

/* What all of them are made with; a failure fails the test. */
extern grad_host host;
extern grad_error err;
void good(int result);

/* Appending nodes. */
#define A_LIST(name_, list_, n_)                                                                  \
    {name_, strlen(name_), {.kind = GRAD_LIST, .n = (uint32_t)(n_), .list = (list_)}}
#define AN_INT(name_, i_) {name_, strlen(name_), {.kind = GRAD_INT, .i = (i_)}}
grad_node graph_input(grad_graph *g, grad_dtype dtype, int rank, const int64_t *dim);
grad_node apply(grad_graph *g, const char *op, const grad_operand *in, size_t n,
                const grad_attribute *attr, size_t n_attr);
grad_node one(grad_graph *g, const char *op, grad_node x);
grad_node two(grad_graph *g, const char *op, grad_node x, grad_node y);
grad_node part(grad_graph *g, grad_node x, int64_t start, int64_t stop, int64_t step);

/* A graph with the data of its inputs, by number: vectors, then integers 0 to 4. */
typedef struct world {
    grad_graph *g;
    grad_node node[64]; /* vectors: inputs first */
    size_t n;
    grad_node index;
    const void *data[80];
    double number[8][MOST];
    int64_t whole[6];
    size_t n_data;
} world;

void world_start(world *w, size_t inputs);
/* A further vector made of one or two that are there. */
grad_node world_grow(world *w);

#endif
