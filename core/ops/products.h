/* products.h -- what the files of linear algebra share: products of matrices, and contractions of
 * tensors whose axes have labels.
 */
#ifndef GRAD_OPS_PRODUCTS_H
#define GRAD_OPS_PRODUCTS_H

#include "emit.h"

/* ---- linalg.c -------------------------------------------------------------------------------- */

/* The product of matrices or of stacks of them that broadcast, either transposed: no copy. */
V grad__matmul_t(B *b, V x, V y, bool transpose_x, bool transpose_y);
/* x itself where it has that shape. */
V grad__reshaped(B *b, V x, int rank, const int64_t *dim);
/* x as one matrix whose rows are its last axis: all axes before it become one. */
V grad__as_rows(B *b, V x);

/* Failures that name the operands and show their shapes; they return -1. */
int grad__does_not_fit(B *b, const grad_args *a, const char *why);
int grad__need_axes(B *b, const grad_args *a, int input, const char *axes); /* "one axis" */

/* ---- contractions (linalg_contract.c) -------------------------------------------------------- */

/* Labels are numbers. Of an einsum they are 0 to 51 for A to Z and a to z, then the axes that
   ellipses stand for; an axis of size 1 broadcasts against others of its label. */
enum { GRAD_LABELS = 52 + GRAD_RANK_MAX };

typedef struct grad_labelled {
    V v;
    int rank;
    uint8_t label[GRAD_RANK_MAX];
} grad_labelled;

/* Start with {0}. First every operand's labels are noted with grad__label_axes, in any order, and
   the labels of the result written down; then the operands are taken one after the other. */
typedef struct grad_contraction {
    int64_t size[GRAD_LABELS];
    bool known[GRAD_LABELS];   /* the size is that of some axis */
    size_t uses[GRAD_LABELS];  /* operands still to be taken that have the label */
    bool kept[GRAD_LABELS];    /* the result has it */
    int rank;                  /* of the result, and its labels */
    uint8_t label[GRAD_RANK_MAX];
    grad_labelled total;       /* of the operands taken; nothing before the first */
    bool begun;
} grad_contraction;

/* Notes the axes of x. Where an axis has neither the size of its label nor 1, its place is returned
   (and nothing may be done any more), otherwise -1. */
int grad__label_axes(grad_contraction *c, B *b, const grad_labelled *x);
void grad__contract(grad_contraction *c, B *b, const grad_labelled *x, bool last);
V grad__contracted(grad_contraction *c, B *b);

#endif
