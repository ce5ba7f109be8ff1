/* expression_parse.h -- shared by the files that read a program.
 *
 * `at` always stands at the next byte that means something. Two kinds of errors: a syntax error
 * ends the call at once. Anything else is recorded in the document, and reading goes on without
 * adding nodes: an earlier name that leads nowhere, which only the request's inputs can tell, is to
 * be told first.
 */
#ifndef API_EXPRESSION_PARSE_H
#define API_EXPRESSION_PARSE_H

#include <string.h>

#include "buffer.h"
#include "decode.h"
#include "expression.h"

/* What a piece of program comes to: an operand of the document, or one of these. */
#define VALUE_SKIPPED 0xFFFFFFFDu /* the document has a problem: nothing is added */
#define VALUE_ENDED 0xFFFFFFFEu   /* the call has ended */

typedef struct value {
    uint32_t operand;
    uint32_t at; /* where it stands in the text */
} value;

typedef enum sign {
    SIGN_NONE, SIGN_ADD, SIGN_SUB, SIGN_MUL, SIGN_DIV, SIGN_FLOOR, SIGN_REM, SIGN_MATMUL, SIGN_POW,
    SIGN_LT, SIGN_LE, SIGN_GT, SIGN_GE, SIGN_EQ, SIGN_NE, SIGN_NEG, SIGN_T, SIGNS
} sign;

typedef struct parser {
    decoder r;
    const char *start, *end;
    const char *at;
    const char *broken;    /* past the last line break that counted as space */
    uint32_t brackets;     /* that are open: line breaks are space */
    uint32_t depth;        /* of nesting */
    const grad_op *op[SIGNS];
    value *arg;            /* the arguments of calls that are being read, one after another */
    uint32_t n_args, arg_room;
    int64_t *item;         /* the items of indices, likewise */
    uint32_t n_items, item_room;
    buffer json;           /* literals are handed on as JSON */
    uint32_t loose_input;  /* a node input(...) that has no name yet, or NO_NAME */
    uint32_t *result_at;   /* of the function that is being read: what it returns */
    uint32_t failed_place; /* of the node in which the problem was found, while it has no name */
} parser;

/* ---- expression_text.c ----------------------------------------------------------------------- */

/* Ends the call with expression_syntax at `at`. Returns -1. */
int syntax_fail(parser *p, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected X, found 'y'", with advice on usual mistakes. */
int syntax_expected(parser *p, const char *what);
/* Records a problem at `at`. Returns -1. */
int problem_at(parser *p, const char *code, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int parser_end(parser *p); /* ends the call with r.err. Returns -1 */

/* Past white space and comments. */
void skip_slowly(parser *p);
static inline void skip(parser *p)
{
    while (*p->at == ' ') p->at++;
    if ((unsigned char)*p->at < ' ' || *p->at == '#') skip_slowly(p);
}

static inline uint32_t place_of(const parser *p, const char *at)
{
    return (uint32_t)(at - p->start);
}
static inline bool is_skipping(const parser *p) { return p->r.d->problem->code != NULL; }
static inline value ended(void) { return (value){VALUE_ENDED, 0}; }
static inline value skipped(uint32_t at) { return (value){VALUE_SKIPPED, at}; }
static inline bool is_ended(value v) { return v.operand == VALUE_ENDED; }
static inline bool is_literal(value v)
{
    return v.operand & OPERAND_ODD && v.operand < VALUE_SKIPPED;
}

/* An id at p->at, in backquotes or plain; n is 0 where there is none. p->at moves past it. -1: the
   call has ended. */
int read_id(parser *p, json_slice *id);
static inline bool slice_is(json_slice s, const char *text)
{
    size_t n = strlen(text);
    return s.n == n && memcmp(s.at, text, n) == 0;
}
bool is_keyword(json_slice id);

/* One level deeper into brackets, of which `at` is the first; and out, past `close`. */
int enter(parser *p, const char *at, bool bracket);
int leave(parser *p, char close, const char *open);

/* ---- expression_node.c ----------------------------------------------------------------------- */

/* Starts a node without a name, or with this one: what is pushed next are its operands. -1: the
   call has ended. */
int begin_node(parser *p, const grad_op *op, uint32_t at);
int begin_named(parser *p, uint32_t number, uint32_t at);
int put_operand(parser *p, value v);
int put_literal(parser *p, doc_odd odd, uint32_t *operand);
/* A node of few operands and no attributes. */
value make_node(parser *p, sign s, uint32_t at, uint32_t n, const value *in);
const grad_op *op_of(parser *p, sign s);
/* Gives the value a name. -1: the call has ended. */
int name_value(parser *p, json_slice id, value v, uint32_t at);
/* ... its results one each. */
int name_results(parser *p, const json_slice *id, uint32_t n, value v, uint32_t at);
/* A second name (or, without text, none) for what an operand stands for. */
int make_alias(parser *p, uint32_t number, value v, uint32_t at);
int make_constant(parser *p, uint32_t number, value v, uint32_t at);
/* The number of the name, or -1 with the call ended. Notes words. */
int intern(parser *p, json_slice id, uint32_t *number);
/* Is it an earlier node that has no name? */
static inline bool is_unnamed(const parser *p, value v)
{
    return !(v.operand & OPERAND_ODD) && p->r.d->names.at[v.operand].length == 0;
}

/* ---- the grammar ----------------------------------------------------------------------------- */

value expression(parser *p);                     /* expression_parse.c */
int statements(parser *p);                       /* expression_statement.c: up to `return` or } */
value call(parser *p, json_slice id, uint32_t at); /* expression_call.c: at the bracket */
value index_of(parser *p, value of);             /* expression_index.c: at the bracket */
/* expression_literal.c: a number, text, list, true, false, null, and where `ids` any id, as JSON
   behind what p->json holds. 0; 1 where it is none, and p->at stays; -1: the call has ended. */
int literal(parser *p, bool ids);
value list_operand(parser *p);                   /* a list of numbers */
value number_operand(parser *p);
/* Bytes of the number at `at`; 0 where it is not written as one. */
size_t number_length(const parser *p, const char *at);
/* Number k of the words; its value, and as JSON. */
double word_value(uint32_t k);
const char *word_json(uint32_t k);
int find_word(json_slice id); /* -1: none */
/* expression_declare.c: "x: float32[2, 3] = 0", after the colon; input(...) and constant(...). */
int declaration(parser *p, json_slice id, uint32_t at);
value declaring_call(parser *p, json_slice id, uint32_t at);
/* expression_function.c */
int survey_functions(parser *p);
int read_definition(parser *p);
int end_functions(parser *p);

#endif
