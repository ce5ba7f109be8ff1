/* functions.h -- bodies of functions: graphs of their own that nodes of other graphs run.
 *
 * A function is known by its number. It stands in a table that a graph shares with all bodies that
 * it leads to, found again by what it was made of: a name with its operands' types, or another
 * function and what was derived from it. Nodes that run functions have their numbers as their first
 * attributes (`functions` of the row); every append counts the nodes of what is run, so that a
 * small document cannot stand for an endless graph.
 */
#ifndef GRAD_FUNCTIONS_H
#define GRAD_FUNCTIONS_H

#include "graph.h"

enum { NESTING_MAX = 64 };

typedef struct function {
    grad_graph *body;
    size_t n_in, n_out;
    V *in;  /* the body's inputs: the operands, in order */
    V *out;
    grad_program *program; /* made when a program first needs it */
    void *key;
    size_t key_bytes;
} function;

typedef struct operand_type {
    grad_dtype dtype;
    int rank;
    const int64_t *dim;
} operand_type;

function *grad__function_at(const grad_graph *g, int64_t number);
/* Its program, all results wanted: borrowed from the function. NULL and err on failure. */
grad_program *grad__function_program(function *f, grad_error *err);
/* Nodes that running it stands for, those of functions within included. */
uint64_t grad__function_nodes(const function *f);

/* The library's function of this name, which has n operands and n_out results, for operands of these
   types; built if it is new. */
int grad__function_named(int64_t *number, B *b, const char *name, size_t length,
                         const operand_type *type, size_t n, size_t n_out);

/* A function made by the core: found by its key, else begun, filled and added. `key` says all that it
   depends on. 1: it is there and *number set; 0: fill (*f)->in[] has n_in inputs of the given types,
   append to (*f)->body, set (*f)->out[], then add it; -1: failed. */
int grad__function_begin(int64_t *number, function **f, B *b, const void *key, size_t key_bytes,
                         const operand_type *type, size_t n_in, size_t n_out);
int grad__function_add(int64_t *number, B *b, function *f);
void grad__function_drop(function *f); /* one that was begun and not added */

/* Appends the body of f to `to`, its inputs being in[]: map[] receives the node of each node. */
int grad__function_copy(B *to, V *map, const function *f, const V *in);

void grad__functions_free(struct functions *table);

#endif
