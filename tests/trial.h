/* trial.h -- calls of operators written as text, and what they come to: how the table tests itself.
 *
 * An example is a call with its result, "sum([[1, 2], [3, 4]], axis=0) -> [4, 6]"; a trial names only
 * shapes, "[2,3] i[4]<5 axis=0" (core/op.h has both forms). A malformed text fails the test that
 * reads it.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "op.h"

enum { TRIAL_OPERANDS = 16, TRIAL_ROOM = 1024, TRIAL_RANK = 8, TRIAL_ATTRS = 8, TRIAL_LIST = 16,
       TRIAL_RESULTS = 8 };

typedef struct trial_tensor {
    bool absent, truth, whole; /* whole: written without a point; truth: as true and false */
    size_t heavy;              /* the rows of matrices whose diagonals outweigh the rest, or 0 */
    int rank;
    int64_t dim[TRIAL_RANK];
    size_t count;
    int64_t below;             /* of an integer operand: its values are 0 .. below - 1 */
    double value[TRIAL_ROOM];
} trial_tensor;

typedef struct trial {
    const grad_op *op;
    char text[512];
    size_t n_in, n_out, n_attrs;
    trial_tensor in[TRIAL_OPERANDS], out[TRIAL_OPERANDS];
    grad_attribute attr[TRIAL_ATTRS];
    int64_t list[TRIAL_ATTRS][TRIAL_LIST];
} trial;

/* Each reads one item from *at and moves it on; false when there is none left. */
bool trial_next_example(trial *t, const grad_op *op, const char **at);
bool trial_next_shapes(trial *t, const grad_op *op, const char **at);

/* The row's trials, or those that an element-wise row without any has; NULL where there are none. */
const char *trial_shapes(const grad_op *op);

/* What was wrong, for a message that names operator, text and place; "" where all is well. */
typedef struct trial_report {
    char text[800];
    double worst; /* the largest relative error met */
} trial_report;

/* The example's results in float64, each element to a relative tolerance. */
bool trial_check_value(trial_report *r, trial *t, double tolerance);
/* The same call in float32 against float64, both from operands that float32 can hold; tolerance
   relative to the largest element. Changes t. */
bool trial_check_float32(trial_report *r, trial *t, double tolerance);
/* First (order 1) or second (order 2) derivatives against central differences, at random points of
   the row's domain. */
bool trial_check_gradient(trial_report *r, const trial *t, int order, uint64_t seed);
/* First derivatives in float32 against float64 at such a point; tolerance relative to the largest
   element of an operand's, or to a hundredth of what is differentiated where that is more. */
bool trial_check_gradient_float32(trial_report *r, const trial *t, double tolerance,
                                  uint64_t seed);

/* The pieces that these are made of. The type of operand k where reals are `real`; element i of an
   array of such; the operands in[] and the call with its n results appended to g. */
grad_dtype trial_dtype(const trial *t, size_t k, grad_dtype real);
void trial_store(void *to, grad_dtype dtype, size_t i, double x);
int trial_build(grad_graph *g, const trial *t, grad_dtype real, grad_node *in, grad_node *result,
                size_t *n, grad_error *err);
/* f = sum over nodes of sum(random * node), a scalar; GRAD_NONE nodes and integers left out. The
   random numbers are such that float32 holds them. GRAD_NONE where nothing is left. */
int trial_weigh(grad_node *f, grad_graph *g, const grad_node *node, size_t n, uint64_t *state,
                grad_error *err);
/* Operands by chance: distinct values, well apart; ties and kinks are for the golden cases. */
void trial_draw(trial *t, uint64_t *state);

#endif
