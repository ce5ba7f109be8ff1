/* encode.h -- writing an answer: what encode.c has for members that other files write. */
#ifndef API_ENCODE_H
#define API_ENCODE_H

#include "evaluation.h"

typedef struct writer {
    evaluation *e;
    buffer *b;
    size_t result;    /* the program's next result */
    bool comma;       /* something stands before, in this object */
    uint32_t written; /* since the stop flag was looked at */
} writer;

/* Starts a member: its comma, id and colon. */
void write_key(writer *w, const name *n, uint32_t result);
void write_tensor(writer *w, const form *f, const void *data);

/* blocks.c: ,"jacobian":{…} or ,"hessian":{…} */
void write_blocks(writer *w);

#endif
