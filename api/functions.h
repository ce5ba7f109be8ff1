/* functions.h -- the graph's member "functions": bodies that nodes of call, scan and so on name.
 *
 * A body is a document like the graph's own, whose undeclared names are the function's inputs. All
 * of them are looked at once, for names and attributes, when the graph is read; they become graphs
 * when nodes name them, once for each list of operand types (body.c).
 */
#ifndef API_FUNCTIONS_H
#define API_FUNCTIONS_H

#include "document.h"

#define COUNT_UNKNOWN UINT32_MAX /* of what cannot be counted: an error will say so */

typedef struct function {
    document d;             /* the names of its inputs come first, declared by no node */
    const char *text;       /* the object; its inputs, or NULL */
    const char *inputs;
    uint32_t n_inputs;
    uint32_t n_results;
    uint32_t *result;       /* their slots */
    uint32_t calls, n_calls; /* the functions that its nodes name: in library.call */
    uint16_t *use;          /* by name: what it is taken as (types.c) */
} function;

typedef struct library {
    api_call *c;
    const char *graph;  /* the text of the graph object */
    bool read;          /* the functions have been looked at, or there are none */
    names names;        /* theirs; a name's number is the function's, in document order */
    function *at;
    uint32_t room;
    uint32_t *call;     /* functions by number: those that nodes name, node by node; or NO_NAME */
    uint32_t n_calls, call_room;
    uint32_t n_nodes;   /* of all functions */
} library;

void library_free(library *l);

/* Of a node that names functions: operands that it keeps for itself, as cond does its first. The
   next is the functions' first input, and so on. */
uint32_t library_kept(const grad_op *op);

/* Puts the functions in an order in which each comes after those that it names, and notes for each
   what its inputs are taken as. -1 with the call ended: a function that comes to call itself. */
int library_sort(library *l);

/* types.c: what the names of a document are taken as by its nodes; flags are added, by name. */
void note_uses_of(const document *d, uint16_t *flag);

#endif
