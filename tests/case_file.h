/* case_file.h -- golden tests as data: a request, and the answer that it must get.
 *
 *     # a comment
 *     the gradient of a product is the other factor
 *     POST /v1/evaluate
 *     {"graph": {"nodes": [{"id": "y", "op": "mul", "inputs": ["a", "b"]}]},
 *      "inputs": {"a": 2, "b": 3}}
 *     200
 *     {"outputs": ["y"], "values": {"a": 2, "b": 3, "y": 6}, "gradients": {"a": 3, "b": 2, "y": 1}}
 *
 * The sentence names the claim. Between the request line and the body may stand headers
 * (Content-Type: text/plain), limits of the service (Node-Limit: 3; Operand-, Element-, Memory- and
 * Body-Limit) and Tolerance: 1e-6, relative, where the answer is known to a few digits only. The
 * body goes on to the line that is a status alone, the answer to the next empty line. A case begins
 * after an empty line. In an answer every member must match, in this order; of a problem document
 * the members that say where and what: code, detail, pointer, node, line and column, and caret where
 * the case has it.
 *
 * What an operator refuses takes two lines, with no claim and no empty line between two of them: the
 * node alone, and the status, the code, the pointer from the node on ("." is the node itself) and
 * the detail. The request is that node in a graph, its id y, without gradients.
 *
 *     {"op": "sum", "inputs": [{"data": [1, 2]}], "axis": 3}
 *     422 bad_attribute /axis sum: axis 3 is out of range for a tensor of rank 1
 */
#ifndef TESTS_CASE_FILE_H
#define TESTS_CASE_FILE_H

#include <stddef.h>

#include "api.h"

typedef struct golden {
    char *claim;        /* "file.case: the sentence" */
    char *file;
    int line;
    const char *method, *path;
    char *body;
    size_t body_length;
    api_head head;
    api_host host;      /* limits; zero where the case names none */
    double tolerance;
    int status;
    char *answer;
} golden;

typedef struct golden_list {
    golden *at;
    size_t n, room;
    char **text; /* of the files: headers and paths are in it */
    size_t texts;
} golden_list;

/* Adds the cases of a file; a malformed file ends the program with a message. */
void golden_read(golden_list *to, const char *path);
/* All files *.case of a folder, by name. */
void golden_read_folder(golden_list *to, const char *folder);
void golden_free(golden_list *l);

#endif
