/* structure.h -- which entries of a Jacobian can be other than zero.
 *
 * A row stands for an element of a result, a column for an element of a node that is differentiated
 * with respect to; the columns of all such nodes are numbered one after another. What is found is
 * safe: an entry that is not in the structure is on no path along which a derivative travels.
 */
#ifndef GRAD_STRUCTURE_H
#define GRAD_STRUCTURE_H

#include "graph.h"

/* A set of columns for each row, sorted. NULL stands for empty sets. */
typedef struct column_sets {
    int holders;
    size_t n;        /* columns in `column` */
    uint32_t *column;
    size_t *start;   /* row r has column[start[r]] to column[start[r + 1]]; NULL: each row has all */
    size_t rows;     /* where `start` is not NULL */
} column_sets;

/* sets[i]: of of[i], to be dropped. `inputs` are the data of g's inputs, as for a run: where elements
   are moved to may depend on integers among them. Fails only where the host says stop; where
   memory or patience ends, rows get more columns than they need. */
int grad__structure(column_sets **sets, grad_graph *g, const V *of, size_t n_of, const V *wrt,
                    size_t n_wrt, const void *const *inputs, grad_error *err);
void grad__sets_drop(grad_host *host, column_sets *s);

static inline size_t grad__row_start(const column_sets *s, size_t r)
{
    return s->start ? s->start[r] : 0;
}
static inline size_t grad__row_end(const column_sets *s, size_t r)
{
    return s->start ? s->start[r + 1] : s->n;
}

/* ---- between the files that find it ------------------------------------------------------------- */

/* What a row's set is made of: the rows of `sets` that `at` says, one a row (-1: none), or where that
   is NULL its own; or those in at[list[r]] to at[list[r + 1]]. */
typedef struct set_source {
    const column_sets *sets;
    const int64_t *at;
    const size_t *list;
} set_source;

typedef struct structure {
    grad_graph *g;
    grad_host *host;
    const void *const *inputs;
    column_sets **of_node;  /* by node */
    size_t columns;
    uint32_t *seen;         /* by column: the stamp of who took it last */
    uint32_t stamp;
    double patience;        /* columns that may still be looked at */
    grad_program *indices;  /* integers that say where elements go, */
    grad_workspace *at;
    uint32_t *index_of;     /* by node: its place among the program's results, or GRAD_NONE */
} structure;

/* structure_sets.c. NULL is no failure but the empty sets; -1 only where memory ends. */
int grad__sets_union(column_sets **out, structure *s, size_t rows, const set_source *from, size_t n);
int grad__sets_all(column_sets **out, structure *s, const set_source *from, size_t n);
column_sets *grad__sets_own(structure *s, size_t rows, size_t first); /* row r: first + r; NULL: memory */
column_sets *grad__sets_keep(const column_sets *s);

/* structure_reach.c: the sets of node i, given those of its operands. -1 only where memory ends. */
int grad__sets_of_node(column_sets **out, structure *s, size_t i);

/* structure_moves.c: where elements go. Lists of int64 that the caller frees (with their count). */
/* For each place of a tensor of these sizes sum(place[i] * step[i]). NULL when memory is short. */
int64_t *grad__places(structure *s, int rank, const int64_t *dim, const int64_t *step, size_t *n);
/* REACH_MOVE: at[k * count + r] is the element of operand k that element r of node i is, or -1. NULL:
   it could not be told. */
int64_t *grad__moves(structure *s, size_t i, size_t *n);
/* REACH_ADD: for each element of operand k the element of node i that it is added to, or -1. */
int64_t *grad__additions(structure *s, size_t i, size_t k, size_t *n);

#endif
