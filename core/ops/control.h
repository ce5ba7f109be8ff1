/* control.h -- what the files about control flow share: three primitives, and bodies made of bodies.
 *
 * loop runs a body a known number of times, repeat while a condition holds, branch one of two
 * bodies. Everything else, derivatives included, is made of these. Their results end with tapes
 * (the carries that each step began with), which a program drops where nothing reads them.
 */
#ifndef GRAD_OPS_CONTROL_H
#define GRAD_OPS_CONTROL_H

#include "emit.h"
#include "functions.h"

/* Attributes by place. `results` counts the body's, carries first; tapes not included. `taped` is
   how many steps a tape can hold: it is set by the shape rules, so that a loop which is too long to
   be differentiated can still be run. */
enum { LOOP_BODY, LOOP_RESULTS, LOOP_CARRIES, LOOP_SLICED, LOOP_LENGTH, LOOP_REVERSE,
       LOOP_TAPED };
enum { REPEAT_COND, REPEAT_BODY, REPEAT_CARRIES, REPEAT_MOST, REPEAT_TAPED };
enum { BRANCH_THEN, BRANCH_ELSE, BRANCH_RESULTS };

extern const grad_op grad__op_loop, grad__op_repeat, grad__op_branch;

/* The type of node x; borrowed from its graph. */
static inline operand_type grad__type_of(const grad_graph *g, V x)
{
    const grad_shape *s = grad_node_shape(g, x);
    return (operand_type){grad_node_dtype(g, x), s->rank, s->dim};
}

static inline bool grad__same_type(const operand_type *a, const operand_type *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* An array for a while: freed with grad__free(host, p, count * size). */
static inline void *grad__array(B *b, size_t count, size_t size)
{
    return grad__alloc_array(b->g->host, count, size, b->err);
}

/* control_kernels.c */
size_t grad__loop_scratch(const grad_call *c);
size_t grad__repeat_scratch(const grad_call *c);
size_t grad__branch_scratch(const grad_call *c);
double grad__loop_work(const grad_call *c);
double grad__repeat_work(const grad_call *c);
double grad__branch_work(const grad_call *c);
int grad__loop_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame);
int grad__repeat_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame);
int grad__branch_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame);

/* control_flow.c: checks that end with an error of the operator's, and NULL or -1. */

/* The function that attribute k names, for operands of n types, and its number. */
function *grad__control_find(int64_t *number, B *b, const grad_args *a, int k,
                             const operand_type *type, size_t n);
/* Do the body's first results have the types of the carries, so that they can go round? */
int grad__control_carries(B *b, const grad_args *a, const function *f, const V *carry,
                          size_t carries);
/* Is attribute k null, or 0 or more? */
int grad__control_count(B *b, const grad_args *a, int k);
operand_type *grad__control_types(B *b, const V *in, size_t n); /* as grad__array */

/* What rows that name functions say of operands and attributes. */
#define OPERANDS {.name = "inputs", .optional = true}
#define BODY_OF_RESULTS .type = ATTR_FUNCTION, .required = true, .gives_results = true

/* control_adjoint.c */
void grad__loop_rule(B *b, const grad_pull *p);
void grad__repeat_rule(B *b, const grad_pull *p);
void grad__branch_rule(B *b, const grad_pull *p);

#endif
