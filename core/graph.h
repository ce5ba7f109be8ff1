/* graph.h -- a graph from the inside: the array of nodes that everything in core/ works on. */
#ifndef GRAD_GRAPH_H
#define GRAD_GRAPH_H

#include "op.h"
#include "pool.h"

enum { INLINE_OPERANDS = 3 };

/* 32 bytes. Operands beyond three stand in the graph's side table, from in[0] on. */
typedef struct node {
    const grad_op *op;
    uint32_t shape;      /* id */
    uint32_t attr;       /* handle */
    uint32_t dtype : 3;
    uint32_t n_in : 29;
    uint32_t in[INLINE_OPERANDS]; /* of an input or a constant, in[0] is its number */
} node;

_Static_assert(sizeof(node) == 32, "a node takes 32 bytes");

/* Scalars that rules ask for again and again (1, 2, 0.5) are one node each while they are
   remembered here; which ones are, changes no result. */
enum { SCALARS = 64 };
typedef struct scalar_memo {
    V node;
    grad_dtype dtype;
    uint64_t bits;
} scalar_memo;

/* Of a node whose kernel may refuse an operand's values: the result of the call that it is part of,
   and which of that call's operands the values come from; GRAD_NONE and -1: not known. */
typedef struct blame {
    V node, result;
    int input;
} blame;

struct grad_graph {
    grad_host *host;
    grad_pool *pool;
    grad_dtype real;
    node *at;
    size_t n, room;
    uint32_t *operand;
    size_t operands, operand_room;
    blame *blame; /* in the order of their nodes */
    size_t blames, blame_room;
    uint32_t inputs;
    struct functions *functions; /* shared by a graph and the bodies it leads to; NULL: none yet */
    const grad_library *library;
    uint64_t within;             /* nodes of the functions that nodes here run, theirs included */
    uint32_t depth;              /* how deep those are nested */
    bool is_body;
    scalar_memo scalar[SCALARS];
};

struct grad_build {
    grad_graph *g;
    grad_error *err;
    const grad_args *call; /* the composite being expanded, the outermost; NULL: none */
};

static inline const uint32_t *node_in(const grad_graph *g, const node *n)
{
    return n->n_in <= INLINE_OPERANDS ? n->in : g->operand + n->in[0];
}

static inline const grad_shape *node_shape(const grad_graph *g, const node *n)
{
    return grad__pool_shape_at(g->pool, n->shape);
}

static inline const grad_value *node_attr(const grad_graph *g, const node *n)
{
    return grad__pool_values_at(g->pool, n->attr);
}

/* For long loops: at every 4096th i, -1 where the host has asked to stop; `done` says what was being
   done to the graph. */
int grad__poll(const grad_graph *g, size_t i, const char *done, grad_error *err);

/* Appends a primitive whose operands have settled types. attr: complete, one a row's attribute;
   may be rewritten to normal form. GRAD_NONE on failure. Of several results, the node of their
   block: result k is the node k + 1 places after it. */
V grad__append(B *b, const grad_op *op, size_t n_in, const V *in, grad_value *attr);
/* Appends a copy of node i of another graph, an input excepted; map[] says where its operands are. */
V grad__copy_node(B *b, const grad_graph *from, size_t i, const V *map);
/* Has its operator a derivative that may be other than zero? */
bool grad__has_rule(const node *n);
/* Is node i one result of the several of node `pack`? They follow it directly. */
bool grad__is_part(const grad_graph *g, size_t i, size_t pack);
/* The dtype that chooses a primitive's kernel: the first number operand speaks for all. */
grad_dtype grad__settled(const grad_graph *g, const grad_op *op, size_t n_in, const V *in);
/* blame.c. The nodes from `first` on are what a call op(in…) with this result has appended; what
   the adjoint of node `of` has. -1 when out of memory. */
int grad__blame_call(B *b, size_t first, V result, const grad_op *op, size_t n, const V *in);
int grad__blame_adjoint(B *b, size_t first, V of);
/* The error with which op(in…) could not be appended becomes one of the composite that it is a part
   of, if it is: that one's name, its operand, and its attribute or none. */
void grad__blame_part(B *b, const grad_op *op, size_t n, const V *in);
/* Fills in whom to name when node `at` refuses a value; false: itself. */
bool grad__blamed(const grad_graph *g, V at, V *result, int *input);

/* A 0-d constant. */
V grad__scalar(B *b, grad_dtype dtype, const void *data);
V grad__scalar_real(B *b, grad_dtype dtype, double x);
V grad__scalar_int(B *b, grad_dtype dtype, int64_t x);

size_t grad__attributes(const grad_op *op); /* how many the row has */
/* Where a number is kept that was given in a list's stead, and integers given as numbers. */
typedef union attribute_room {
    int64_t one;
    double reals[GRAD_RANK_MAX];
} attribute_room;
/* v[] from named attributes: checked, converted, defaults filled in. They borrow from `room`, one
   an attribute of the row, and from `attrs`. */
int grad__attributes_read(grad_value *v, const grad_op *op, const grad_attribute *attrs, size_t n,
                          attribute_room *room, grad_error *err);
void grad__attributes_default(grad_value *v, const grad_op *op);

extern const grad_op grad__op_input, grad__op_constant, grad__op_cast, grad__op_identity,
    grad__op_part;

#endif
