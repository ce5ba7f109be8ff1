/* table.h -- lists that grow by doubling, counted in the request's memory. */
#ifndef API_TABLE_H
#define API_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "grad.h"

/* Room for more items than *room, in place or elsewhere: the new address, with *room raised. NULL
   with *err filled when there is none; the old list then stays as it is. */
void *table_grow(grad_host *host, void *at, uint32_t *room, size_t size, grad_error *err);
/* `count` items at once, not cleared. */
void *table_new(grad_host *host, size_t count, size_t size, grad_error *err);
/* Also for table_new's, with its count. Gives NULL back, for at = table_free(...). */
void *table_free(grad_host *host, void *at, size_t room, size_t size);
/* The same in an arena that has a host, where it dies with the request. */
void *arena_new(arena *a, size_t count, size_t size, grad_error *err);

#endif
