/* render_write.h -- shared by the files that write a graph as a program. */
#ifndef API_RENDER_WRITE_H
#define API_RENDER_WRITE_H

#include "decode.h"
#include "render.h"
#include "tensor.h"

typedef struct render_writer {
    api_call *c;
    buffer *b;
    const document *d;
    const char *indent;
} render_writer;

/* render_values.c; -1 with the call ended. */
void render_id(render_writer *w, const name *n, uint32_t result);
void render_function(render_writer *w, const char *id, size_t n);
void render_real(render_writer *w, double x);
int render_attribute(render_writer *w, const grad_value *v, bool callee);
void render_data(render_writer *w, const char *data); /* JSON's nested arrays, or one number */
void render_shape(render_writer *w, uint32_t n, const int64_t *dim);
/* What the text of operand k of a node, or (NO_NAME) its own value, says of itself. */
int render_measure(render_writer *w, tensor_text *t, const name *n, uint32_t row, uint32_t operand,
                   spot *at);
bool render_needs_shape(const tensor_text *t); /* beside the elements */
/* input(value=..., shape=..., dtype=...), or constant(...); m and t may be NULL. */
int render_declaring_call(render_writer *w, const char *op, const doc_more *m, const tensor_text *t,
                          const spot *at);

#endif
