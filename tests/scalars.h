/* scalars.h -- large scalar graphs: made, written as a request, and worked out by plain C.
 *
 * The reference is the loop that anybody would write: an array of (op, a, b) and one switch, forward
 * and backward. Node -1 is the input x; ids are x and n0, n1, ….
 */
#ifndef TESTS_SCALARS_H
#define TESTS_SCALARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum scalar_op { SCALAR_SIN, SCALAR_TANH, SCALAR_ADD, SCALAR_SUB, SCALAR_MUL } scalar_op;

typedef struct scalar_node {
    scalar_op op;
    int32_t a, b;
} scalar_node;

void scalars_chain(scalar_node *g, int n);           /* sin of sin of … */
void scalars_dag(scalar_node *g, int n, int reach);  /* operands from the last `reach` nodes */
void scalars_star(scalar_node *g, int n);            /* x added n times: one node, n consumers */
/* value[0] is x, value[i + 1] node i; likewise the gradient, which is that of the sum of all nodes
   that nothing consumes: the outputs of a request that names none. */
void scalars_run(const scalar_node *g, int n, double x, double *value, double *gradient);
/* Owned (free). Backwards: the last node stands first. */
char *scalars_request(const scalar_node *g, int n, double x, bool backwards, size_t *length);

#endif
