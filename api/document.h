/* document.h -- a graph as its document has it: read once from the text, the same for all inputs.
 * The body of a function is a document of its own (functions.h).
 *
 * Nothing here knows the request's tensors. References are numbers of names (names.h), operands one
 * after another in one list, and whatever few nodes have (attributes, literals) stands in lists on
 * the side, so that a plain node costs some 44 bytes. Texts are borrowed from the body.
 */
#ifndef API_DOCUMENT_H
#define API_DOCUMENT_H

#include "call.h"
#include "names.h"
#include "pointer.h"

/* An operand is the number of a name, or a row in `odd` under this bit, or left off. */
#define OPERAND_ODD 0x80000000u
#define OPERAND_ABSENT UINT32_MAX

typedef enum odd_kind {
    ODD_WHOLE,  /* a bare number */
    ODD_REAL,
    ODD_TRUTH,  /* true or false */
    ODD_TENSOR, /* a tensor object */
    ODD_RESULT  /* a further result of a node: "s:1" */
} odd_kind;

typedef struct doc_odd {
    uint32_t kind;
    uint32_t at; /* ODD_TENSOR: row in `tensor`; ODD_RESULT: the name */
    union {
        int64_t whole; /* also of ODD_TRUTH */
        double real;
        uint32_t result;
    };
} doc_odd;

/* What declares a name that no operator computes. */
typedef enum doc_kind {
    DOC_OPERATOR,
    DOC_INPUT,
    DOC_CONSTANT,
    DOC_ALIAS /* a second name for what its one operand stands for (expression.h) */
} doc_kind;

#define SIZE_ANY (-1)     /* a declared size that is null */
#define RANK_ANY UINT32_MAX

/* What a node has beyond operands: attributes, more than one result, or a declaration. */
typedef struct doc_more {
    union {
        const grad_attribute *attr; /* of an operator */
        const int64_t *dim;         /* declared sizes */
    };
    uint32_t n;       /* attributes; declared rank or RANK_ANY */
    uint32_t results; /* 1 for all but a few operators */
    uint32_t further; /* results from the second on are numbered from here */
    uint32_t tensor;  /* a declared value: row in `tensor`; or NO_NAME */
    uint8_t kind;     /* doc_kind */
    uint8_t dtype;    /* declared; GRAD_DTYPES where none is */
    bool each_named;  /* the results from the second on have names of their own */
    uint8_t n_calls;  /* functions that its attributes name, */
    uint32_t calls;   /* in the library's list from here on */
} doc_more;

/* A tensor in the document's text. */
typedef struct doc_tensor {
    const char *text;
    uint32_t name;    /* the node it stands in */
    uint32_t operand; /* its place in the node's inputs, or NO_NAME: the node's value */
} doc_tensor;

/* The first error that is not the whole request's end: an earlier reference to nothing, which only
   the request's inputs can tell, goes before it. */
typedef struct doc_problem {
    const char *code; /* NULL: there is none */
    pointer at;
    char node[ID_ROOM];
    char text[640];
} doc_problem;

typedef struct document {
    api_call *c;
    const char *base;     /* the pointer of the object that it was read from: "/graph" */
    struct library *library; /* the graph's functions: functions.h */
    names names;          /* of a function, those of its inputs come first */
    uint32_t *order;      /* the names of the nodes, in document order */
    uint32_t n_nodes, order_room;
    uint32_t *operand;
    uint32_t n_operands, operand_room;
    doc_odd *odd;
    uint32_t n_odd, odd_room;
    doc_more *more;
    uint32_t n_more, more_room;
    doc_tensor *tensor;
    uint32_t n_tensors, tensor_room;
    uint32_t *undeclared; /* names that no node declares, by first mention */
    uint32_t n_undeclared, undeclared_room;
    uint32_t *walk;       /* names in an order in which they can be computed; NULL: `order` is one */
    uint32_t n_further;   /* results beyond each node's first */
    bool roles;           /* some operand is something other than a number (types.c) */
    bool declares;        /* some node declares an input */
    bool results;         /* some reference names a further result */
    const char *outputs;  /* the text of the member, or NULL */
    doc_problem *problem;
    struct source *source; /* of a program: its places in the text (expression.h); or NULL */
} document;

/* Reads the graph object, its functions included. 0; or -1 with either the call ended or d->problem
   filled, in which case references can still be looked at. */
int document_read(document *d, api_call *c, json_slice graph);
/* Ends the call with d->problem, if there is one. */
int document_complain(const document *d);
void document_free(document *d);
void document_free_plan(document *d); /* all but names, order and walk, which answers need */

/* order.c: fills d->walk where the nodes do not stand in an order in which they can be computed;
   -1 with the call ended where there is none. */
int document_sort(document *d);

/* A node's operands; also of the last one read. */
static inline const uint32_t *document_operands(const document *d, const name *n, uint32_t *count)
{
    uint32_t next = n->place + 1;
    uint32_t end = next < d->n_nodes ? d->names.at[d->order[next]].operands : d->n_operands;
    *count = end - n->operands;
    return d->operand + n->operands;
}

static inline const doc_more *document_more(const document *d, const name *n)
{
    return n->more == NO_NAME ? NULL : &d->more[n->more];
}

static inline uint32_t document_results(const document *d, const name *n)
{
    return n->more == NO_NAME ? 1 : d->more[n->more].results;
}

static inline doc_kind document_kind(const document *d, const name *n)
{
    if (n->op) return DOC_OPERATOR;
    return n->more == NO_NAME ? DOC_INPUT : (doc_kind)d->more[n->more].kind;
}

/* Whose result an operand is; NO_NAME where it is a literal or left off. */
static inline uint32_t document_source(const document *d, uint32_t operand)
{
    if (!(operand & OPERAND_ODD)) return operand;
    if (operand == OPERAND_ABSENT) return NO_NAME;
    const doc_odd *odd = &d->odd[operand & ~OPERAND_ODD];
    return odd->kind == ODD_RESULT ? odd->at : NO_NAME;
}

/* Values by slot: first the names, then the results of nodes beyond their first. */
static inline uint32_t document_slots(const document *d) { return d->names.n + d->n_further; }
static inline uint32_t document_slot(const document *d, uint32_t first, uint32_t result)
{
    if (result == 0) return first;
    return d->names.n + d->more[d->names.at[first].more].further + result - 1;
}

/* "s:1" is the second result of s. The length of the part before the colon, and which result; the
   whole text and 0 where there is no such colon. */
size_t split_result(const char *text, size_t n, uint32_t *result);

#endif
