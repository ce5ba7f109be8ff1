/* tensors.h -- tensors drawn by chance, and calls of one operator with them. */
#ifndef TESTS_TENSORS_H
#define TESTS_TENSORS_H

#include "grad.h"

enum { RESULTS = 3, OPERANDS = 2 };

typedef struct tensor {
    int rank;
    int64_t dim[4];
    double *at; /* from malloc */
} tensor;

int64_t count(const tensor *x);
tensor zeros(int rank, const int64_t *dim);
tensor drawn(int rank, const int64_t *dim); /* from -1 to 1, numbers that float32 holds */
double uniform(void);                       /* one such number */
void raise_diagonals(tensor *x, double by); /* of square matrices */
void dispose(tensor *x, size_t n);

typedef struct call {
    const char *op;
    grad_dtype t;
    size_t n_in;
    const tensor *in[OPERANDS];
    bool stopped;    /* before it runs */
    int derivatives; /* so often f, sum(results) at first, = sum(f's gradient by operand 0) */
    bool gradient;   /* the gradient of that by operand 0, as the only result */
} call;

size_t results_of(const call *c);
/* out[]: as many results as there are; none where err->code says why. */
void run(tensor *out, const call *c, grad_error *err);
void must_run(tensor *out, const call *c); /* else the test fails */

/* Operators of one square matrix. */
enum { ALONE = 12 };
extern const char *const alone[ALONE];

#endif
