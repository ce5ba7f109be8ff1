/* layers.h -- what the layers of neural networks share. */
#ifndef GRAD_OPS_LAYERS_H
#define GRAD_OPS_LAYERS_H

#include "emit.h"

/* (x - mean) / sqrt(variance + eps) along axes, and its adjoint; attributes: axis, eps, centred
   (standardise.c). */
extern const grad_op grad__op_standardise, grad__op_standardise_pull;

#endif
