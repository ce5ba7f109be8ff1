/* decode.h -- shared by the files that read a graph's text. */
#ifndef API_DECODE_H
#define API_DECODE_H

#include "document.h"
#include "functions.h"

/* What an operator's name in the text stands for; looked up once for all nodes that repeat it. */
typedef struct op_row {
    const char *text;
    uint32_t n;
    doc_kind kind;
    const grad_op *op;
    uint32_t least, most; /* operands */
    uint32_t results;     /* without attributes */
    bool required;        /* some attribute must be given */
    bool roles;           /* some operand is not simply a number */
    uint8_t calls;        /* attributes that name a function */
} op_row;

enum { OP_ROWS = 64 };

typedef struct decoder {
    api_call *c;
    document *d;
    function *f;          /* whose body is being read; NULL: the graph's own nodes */
    grad_error err;       /* of memory and sizes */
    uint32_t node;        /* the one being read: its place, name, text and operator */
    uint32_t name;
    const char *text;
    const op_row *row;
    op_row rows[OP_ROWS];
} decoder;

/* document.c */
int decode_nodes(decoder *r, json_cursor *at); /* the list; *at moves past it */
int decode_outputs(decoder *r, json_slice member, json_cursor at);

/* decode_function.c: once, wherever the member stands */
int decode_functions(decoder *r, json_cursor at);
/* ... and in parts: notes a function and counts its inputs and outputs; the list of its inputs, when
   r->d is its body; do all references in the body lead somewhere? */
int decode_survey(decoder *r, json_slice id, json_cursor at);
int decode_function_inputs(decoder *r, json_cursor at);
int decode_references(decoder *r);

/* decode_call.c: the node's attributes that name functions */
int decode_calls(decoder *r, doc_more *m);

/* decode_node.c */
int decode_node(decoder *r, json_cursor *at);
bool decode_id_only(decoder *r, json_cursor *at); /* false: memory */

/* decode_operand.c */
int decode_operands(decoder *r, json_cursor *at); /* *at moves past them */

/* decode_op.c: fills r->row */
int decode_op(decoder *r, json_cursor op);
/* ... by its name, which is not empty and kept; `plain`: without escapes. False: there is none. */
bool find_op_row(decoder *r, json_slice text, json_slice plain);

/* decode_attribute.c */
int decode_attributes(decoder *r, uint32_t count);
int decode_declaration(decoder *r, uint32_t count);
bool is_node_member(json_slice name); /* one that every node may have */

/* Records the problem (the first one stays) at /graph/nodes/K and `below`. Returns -1. */
int decode_fail(decoder *r, const char *code, const char *below, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* ... at a member of the object that the document is read from; member.n 0: at the object. */
int decode_member_fail(decoder *r, const char *code, json_slice member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int decode_end(decoder *r); /* ends the call with r->err: memory, a limit. Returns -1 */

/* Lists with room for one more; NULL when there is none (r->err). */
uint32_t *push_operand(decoder *r);
doc_odd *push_odd(decoder *r, uint32_t *number);
doc_more *push_more(decoder *r); /* the node's own row */
int push_tensor(decoder *r, uint32_t *number, const char *text, uint32_t operand);

/* A text as the client meant it: the raw one where it has no escapes, else a copy in the arena. */
int decode_plain(decoder *r, json_slice *text);

static inline int shown(json_slice s) { return (int)(s.n < 80 ? s.n : 80); }

#endif
