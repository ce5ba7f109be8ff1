/* random.h -- the generator under the random sources, where tests can reach it. */
#ifndef GRAD_OPS_RANDOM_H
#define GRAD_OPS_RANDOM_H

#include <stdint.h>

/* Philox4x32-10: four words from a counter of four and a key of two. */
void grad__philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

#endif
