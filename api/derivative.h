/* derivative.h -- evaluations that ask for derivatives other than gradients: the steps that they
 * have beyond those of evaluation.h. Each returns 0, or -1 with the call ended.
 */
#ifndef API_DERIVATIVE_H
#define API_DERIVATIVE_H

#include "evaluation.h"
#include "table.h"

int start_derivative(evaluation *e);  /* before the graph is built */
int make_variables(evaluation *e);    /* while it is: inputs and constants that are there now */
int make_variable(evaluation *e, uint32_t slot); /* ... and a result */
int settle_derivative(evaluation *e); /* once it is: defaults, the output, tangents and vectors */

/* The floating-point nodes with a flag, in the order of an answer, into out unless that is NULL; how
   many there are. */
size_t derivative_nodes(grad_node *out, const evaluation *e, unsigned flag);

/* How many results follow values and gradients, and the nodes that they are. */
size_t count_derivatives(const evaluation *e);
int add_derivatives(grad_node *out, evaluation *e, const grad_node *gradients, const grad_node *wrt,
                    size_t n);

/* blocks.c: the program's stead where the request asks for blocks. results: values, then the gradients
   if it asks for them. */
int compile_blocks(evaluation *e, const grad_node *results, size_t values, const grad_node *wrt,
                   size_t n);

#endif
