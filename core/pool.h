/* pool.h -- what a graph and its programs share: shapes, attributes, constants; and counted memory.
 *
 * Everything handed out by a pool stays where it is until the last holder lets go. A pool is
 * written by one thread (the one building the graph) and may then be read by any.
 */
#ifndef GRAD_POOL_H
#define GRAD_POOL_H

#include "grad.h"

/* Memory counted against the host's budget. NULL with *err filled when there is no more. */
void *grad__alloc(grad_host *host, size_t bytes, grad_error *err);
void *grad__alloc_array(grad_host *host, size_t count, size_t size, grad_error *err);
void grad__free(grad_host *host, void *p, size_t bytes);
/* Grows *array (of *room elements of `size`) to hold at least `need`; keeps what is there. */
int grad__grow(grad_host *host, void *array, size_t *room, size_t need, size_t size,
               grad_error *err);

typedef struct grad_pool grad_pool;

grad_pool *grad__pool_new(grad_host *host, grad_error *err);
void grad__pool_keep(grad_pool *p);
void grad__pool_drop(grad_pool *p);

/* Bytes that live as long as the pool, 16-byte aligned. */
void *grad__pool_take(grad_pool *p, size_t bytes, grad_error *err);

/* The one copy of a shape; its id is its number. The scalar shape has id 0. */
const grad_shape *grad__pool_shape(grad_pool *p, int rank, const int64_t *dim, grad_error *err);
const grad_shape *grad__pool_shape_at(const grad_pool *p, uint32_t id);

/* Attribute values kept in order; lists and texts are copied. Returns their handle, 0 on failure
   (0 is also the handle of no attributes at all). */
uint32_t grad__pool_values(grad_pool *p, const grad_value *v, size_t n, grad_error *err);
const grad_value *grad__pool_values_at(const grad_pool *p, uint32_t handle);

/* Constant data, copied; by number. */
int grad__pool_constant(uint32_t *out, grad_pool *p, const void *data, size_t bytes,
                        grad_error *err);
const void *grad__pool_constant_at(const grad_pool *p, uint32_t number);

/* The sizes other than 0 multiplied, which no stride passes; -1 where that passes int64. */
int64_t grad__extent(int rank, const int64_t *dim);

#endif
