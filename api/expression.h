/* expression.h -- a graph that is written as a program: "q = x + y; f = q * z".
 *
 * The text is read in one pass, straight into the document that a graph object would be read into;
 * there is no tree in between. A sub-expression is a node whose name has no text, so that no answer
 * shows it. What only the whole program and the request's inputs can tell (is `e` a variable, is
 * `W.T` an id?) is noted on the way and settled when both are known.
 */
#ifndef API_EXPRESSION_H
#define API_EXPRESSION_H

#include "document.h"

struct decoder;

/* A name that means a number unless something in the graph has it. */
typedef struct source_word {
    uint32_t name;
    uint32_t which;
} source_word;

/* A node written "W.T": transposes W, unless `full` is an id. */
typedef struct source_dot {
    uint32_t place, full;
} source_dot;

/* What a document has beside its nodes where it is a program: places in the text, for errors. */
typedef struct source {
    const char *text; /* the whole program, ended by NUL */
    uint32_t length;
    uint32_t start;   /* where this document begins: of a function, its "def" */
    uint32_t *node_at, node_room;       /* by node */
    uint32_t *operand_at, operand_room; /* by operand */
    source_word word[4];
    uint32_t n_words;
    source_dot *dot;
    uint32_t n_dots, dot_room;
    uint32_t n_aliases;
} source;

/* Reads the program, a JSON string. 0; or -1 with the call ended or a problem in the document. */
int expression_read(struct decoder *r, json_slice text);
void expression_free(document *d);
void expression_free_plan(document *d);

/* settle.c: decides on words and dotted names. `given`: has the request a value for the name? Of a
   function flag is NULL, and the first n_inputs names are its inputs. -1 with the call ended. */
int expression_settle(document *d, const uint16_t *flag, unsigned given, uint32_t n_inputs);
/* Second names give way to what they stand for, now that nodes are in order. */
void expression_resolve(document *d);

/* Of a document that is a program: what a pointer into it means. */
typedef struct source_place {
    size_t line, column;
    char caret[320]; /* the line, and below it a mark */
} source_place;

/* "/graph/nodes/3/inputs/1", or "/graph/@17": the byte itself. False for other pointers. */
bool expression_locate(source_place *out, const document *d, const char *path);

#endif
