/* evaluation.h -- one request to evaluate, from its members to its program.
 *
 * A document knows names; an evaluation gives each a value. Everything that has one (an input, a
 * constant, a result of a node) is a slot: first the document's names, then the results of nodes
 * beyond their first, then the strays, inputs that no node takes and only lists of ids name.
 */
#ifndef API_EVALUATION_H
#define API_EVALUATION_H

#include "batch.h"
#include "functions.h"
#include "members.h"
#include "tensor.h"

/* Flags of a slot. */
enum {
    GIVEN = 1,        /* `inputs` has a value for it */
    WANTS_VALUE = 2,
    WANTS_GRADIENT = 4,
    CONSUMED = 8,     /* some node takes it (or another result of its node) */
    AS_NUMBER = 16,   /* ... as what: types.c */
    AS_INDEX = 32,
    AS_CONDITION = 64,
    AS_ANYTHING = AS_NUMBER | AS_INDEX | AS_CONDITION,
    NAMED = 128,      /* some list names it */
    IS_OUTPUT = 256,
    IS_OF = 512,
    BATCHED = 1024,   /* has a value for each point of the batch */
    HAS_VECTOR = 2048,
    VARIABLE = 4096   /* in question under this or another name */
};

/* What an id in a list means. */
typedef struct ref {
    uint32_t slot;
    uint32_t first; /* the slot of its node's first result */
    uint32_t result;
} ref;

/* An id that gradients start from, and where the request says so. */
typedef struct seed {
    ref at;
    const char *text;  /* its seed's text, or NULL */
    json_slice key;    /* the seed's member */
    int64_t index;     /* in the list that names it; -1: it is not in a list */
} seed;

/* A shape and a type as the answer needs them, once the graph is gone. */
typedef struct form {
    uint32_t shape;    /* the graph's id */
    grad_dtype dtype;
    int rank;
    int64_t count;
    const int64_t *dim; /* before it stands how many points there are, if there is a batch */
} form;

typedef struct evaluation {
    api_call *c;
    request request;
    document document;
    names strays;
    uint32_t n_slots;
    uint16_t *flag;        /* by slot */
    bool noted;            /* the flags CONSUMED and AS_... are there */
    grad_node *node;       /* by slot; GRAD_NONE before it has one */
    uint32_t *form_of;     /* by slot: row in `form` */
    form *form;
    uint32_t n_forms, form_room;
    seed *outputs;         /* the outputs; seeds unused */
    uint32_t n_outputs;
    const char *outputs_at; /* the pointer of the list that names them; NULL: by default */
    seed *of;
    uint32_t n_of;
    const char *of_at;     /* likewise; NULL: the outputs, for want of a list */
    seed *vectors;         /* tangents or vectors, each with its text */
    uint32_t n_vectors;
    grad_node *moved;      /* by slot: its tangent or vector, an input of the graph; or, to check it,
                              the number of the input that is added to it; or GRAD_NONE */
    size_t n_variables;    /* to check: floating-point nodes in question */
    form *of_form;         /* ... and of the nodes that gradients start from */
    grad_node *of_node, *seed_node; /* the floating-point ones of `of` */
    uint32_t n_of_nodes;
    const void **data;     /* of the graph's inputs, by number */
    uint32_t n_data, data_room;
    grad_graph *graph;
    grad_library library;  /* where the core finds the graph's functions */
    grad_program *program;
    grad_workspace *workspace;
    grad_jacobian *jacobian; /* in the program's stead, where the request asks for blocks */
    size_t n_results;
    batch_state batch;
    double answer;         /* estimated bytes */
} evaluation;

/* A document being applied to operands: the request's own, or a function's body. */
typedef struct instance {
    evaluation *e;
    const document *d;
    const uint16_t *use;   /* by name; of the request's own document noted when they are needed */
    grad_graph *graph;
    grad_node *node;       /* by slot */
    grad_node *literal;    /* by the document's tensors: their constants */
    grad_node truth[2];    /* false and true as operands; GRAD_NONE before they are needed */
    const grad_op *grad;   /* the operator of that name */
    uint32_t *grad_first, *grad_next; /* grad_nodes.c: the nodes of `grad` of each f; NULL: not yet */
} instance;

uint32_t meant_slot(const evaluation *e, uint32_t slot); /* select.c: what a second name stands for */
const char *vectors_at(const evaluation *e); /* select.c: "/tangents" or "/vectors" */

/* Each returns 0, or -1 with the call ended. */
int bind_inputs(evaluation *e);      /* bind.c: names to the request's inputs; references */
int select_ids(evaluation *e);       /* select.c: outputs, of, wrt, values, seeds, vectors */
int read_inputs(evaluation *e);      /* sources.c: the inputs into the graph */
int add_input(grad_node *out, evaluation *e, const tensor_text *t, grad_dtype dtype, const spot *at);
int add_zeros(grad_node *out, evaluation *e, grad_node like);
int add_document(evaluation *e);     /* instantiate.c: the graph's constants, inputs, operators */
void add_library(evaluation *e);     /* ... and where its functions are found */
int check_of(evaluation *e);         /* adjoint.c: where gradients start */
int read_vector(grad_node *out, evaluation *e, const seed *s, const char *base, const char *what);
int add_gradients(grad_node *out, evaluation *e, const grad_node *wrt, size_t n);
int check_unused(evaluation *e);     /* bind.c */
int evaluation_compile(evaluation *e); /* results.c: which results, the program, their forms */
void write_answer(evaluation *e);    /* encode.c: into c->out */

/* evaluate.c: an endpoint's steps. Prepare reads the request and builds its graph; then compiles it,
   or where `later`, leaves that to run. */
api_next evaluation_prepare(api_call *c, endpoint asked, bool later);
void evaluation_free(void *e);
void evaluation_free_plan(evaluation *e); /* what running does not need */
void evaluation_free_run(evaluation *e);

/* grad_nodes.c: adds a node of `grad`, and others of the same f with it; *added is false where it is
   better added alone. */
int add_grad_nodes(instance *i, uint32_t index, bool *added);
void free_grad_nodes(instance *i);
/* instantiate.c: ends the call with an error of this node of the document. Returns -1. */
int instance_end(const instance *i, const grad_error *err, const name *n);

/* weak.c: of a node that names functions, which cannot know their types: its bare numbers become
   constants. -1 with err filled. */
int settle_numbers(grad_operand *in, grad_graph *g, const document *d, const name *n,
                   grad_dtype real, grad_error *err);

/* The document's tensors as constants, and as values of inputs that have no other. */
int read_tensors(instance *i);       /* sources.c */

/* Ends the call with err, said of a node of the document where it is known. Returns -1. */
int evaluation_end(evaluation *e, const grad_error *err); /* instantiate.c */

/* bind.c: what an id means, if anything. `raw` may have escapes. */
bool find_ref(const evaluation *e, json_slice raw, ref *out);
/* The nearest known id, or NULL. */
const char *nearest_id(evaluation *e, json_slice raw);

/* types.c: which type a tensor has, from how it is written and what it is taken as. */
typedef struct usage {
    const document *document;
    unsigned uses;         /* AS_... */
    uint32_t name;         /* whose tensor it is, */
    const name *literal;   /* unless it is a literal: the node that it stands in, */
    uint32_t operand;      /* and where */
} usage;

/* `real`: what numbers are by default; `declared`: GRAD_DTYPES where nothing is. */
int settle_dtype(grad_dtype *out, grad_dtype real, const usage *u, const tensor_text *t,
                 grad_dtype declared, const spot *at);
/* What operand k of a node is taken as; nothing where functions ignore it. */
unsigned use_of_operand(const document *d, const name *node, uint32_t k);
/* Flags every slot with what it is taken as, once. */
void note_uses(evaluation *e);

/* results.c: all slots that an answer may show, in its order:
       for (slot_walk w = {.e = e}; slots_next(&w);) ... w.slot, w.name, w.result */
typedef struct slot_walk {
    const evaluation *e;
    uint32_t stage, k;
    uint32_t slot, first, result;
    const name *name;
} slot_walk;
bool slots_next(slot_walk *w);

static inline uint32_t first_stray(const evaluation *e)
{
    return document_slots(&e->document);
}

/* The name of a slot that is a node's first result, an input or a constant. */
static inline const name *name_of(const evaluation *e, uint32_t first)
{
    return first < e->document.names.n ? &e->document.names.at[first]
                                       : &e->strays.at[first - first_stray(e)];
}

static inline uint32_t slot_of(const evaluation *e, uint32_t first, uint32_t result)
{
    return result == 0 ? first : document_slot(&e->document, first, result);
}

#endif
