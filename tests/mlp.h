/* mlp.h -- a multilayer perceptron of a hundred layers, as a request and worked out by hand.
 *
 * hidden h[i+1] = tanh(h[i] w[i]' + b[i]), the last layer without tanh, then the mean cross-entropy.
 * The reference is the chain rule written as loops; it shares no line with the library.
 */
#ifndef TESTS_MLP_H
#define TESTS_MLP_H

#include <stddef.h>
#include <stdint.h>

/* The loss that PyTorch 1.13 computes for mlp_fill's weights. */
#define MLP_TORCH_LOSS 2.371226775822245

enum { MLP_LAYERS = 100, MLP_WIDTH = 64, MLP_BATCH = 32, MLP_CLASSES = 10 };

typedef struct mlp {
    double x[MLP_BATCH][MLP_WIDTH];
    double w[MLP_LAYERS][MLP_WIDTH][MLP_WIDTH]; /* [out][in]; the last layer has MLP_CLASSES rows */
    double b[MLP_LAYERS][MLP_WIDTH];
    int64_t target[MLP_BATCH];
} mlp;

/* The gradient has the layout of its model; target is unused. */
void mlp_fill(mlp *m);                      /* the same weights every time */
double mlp_loss(const mlp *m, mlp *gradient); /* the loss, and every derivative */
/* The request, owned (free). Ids: x, w0 b0 h0 a0, w1 …, target, loss. */
char *mlp_request(const mlp *m, size_t *length);
static inline int mlp_rows(int layer) { return layer == MLP_LAYERS - 1 ? MLP_CLASSES : MLP_WIDTH; }

#endif
