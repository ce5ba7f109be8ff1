/* bodies.h -- random functions of a graph, and the same written out: loops step by step, calls in
 * place, both sides of a cond and as many steps of a while as there can be, of which where() picks.
 *
 * Every value lies between -1 and 1, and one step changes it by little more than its operands
 * change, so that the two ways agree to a few roundings, derivatives included.
 */
#ifndef TESTS_BODIES_H
#define TESTS_BODIES_H

#include "grad.h"

/* Types of values: a number, WIDE numbers, `bodies.rows` rows of them, none; an integer, a truth. */
typedef enum body_type { BODY_NUMBER, BODY_ROW, BODY_ROWS, BODY_EMPTY, BODY_INT, BODY_TRUTH } body_type;

enum { BODY_WIDE = 2, BODY_OPERANDS = 6, BODY_VALUES = 64, BODY_STEPS = 14, BODIES_MOST = 64 };

/* What a step does. */
enum { SIN, MEAN_OF, PRODUCT, INNER, TOTAL, LESS, PICK, COUNT, SCALED, SLOPE, /* plain */
       CALL, COND, SCAN, WHILE, MAP, /* these run bodies */
       KINDS };

typedef struct body_step {
    int what;
    int n_in, in[BODY_OPERANDS]; /* values, by number */
    int first;                /* the number of its first result */
    int function, other;      /* bodies that it runs */
    int carries, sliced;
    int64_t length;           /* of a scan; of a while at most */
    bool reverse, checkpoint;
} body_step;

typedef struct body {
    int n_in, n_values, n_steps, n_out;
    body_type type[BODY_VALUES]; /* of the operands, then of what the steps compute */
    body_step step[BODY_STEPS];
    int out[BODY_OPERANDS];
} body;

typedef struct bodies {
    uint64_t state; /* of the random numbers; set by the caller */
    int64_t rows;
    int n;
    body at[BODIES_MOST]; /* the last one is the whole: it is given to bodies_add */
    grad_library library; /* the others under the names f0, f1, …, conditions under c0, c1, … */
} bodies;

/* Random bodies of which the last has these operands; it may run others to a depth of `depth`. */
void bodies_make(bodies *all, int depth, int n_in, const body_type *type);
uint64_t bodies_random(bodies *all, uint64_t below);
/* Appends the last body: value[] receives all its values, operands first. */
int bodies_add(bodies *all, grad_graph *g, bool written_out, const grad_node *in, grad_node *value,
               grad_error *err);

static inline bool body_is_real(body_type t) { return t <= BODY_EMPTY; }
grad_dtype body_dtype(body_type t);
int body_shape(const bodies *all, body_type t, int64_t dim[2]); /* the rank */
/* What is made of stacked results, so that they are a value like any other: a row or rows where they
   have that shape, else their sum. */
body_type body_stacked(const bodies *all, body_type t, int64_t length);
void bodies_library(bodies *all); /* bodies_add.c; bodies_make has done it */

#endif
