/* arena.h -- memory that dies all at once, with the request it was taken for. */
#ifndef API_ARENA_H
#define API_ARENA_H

#include <stddef.h>

#include "grad.h"

typedef struct arena_block arena_block;

typedef struct arena {
    arena_block *last;
    grad_host *host; /* blocks are charged here; NULL: uncounted */
} arena;

/* NULL when memory is short or the budget is used up. Aligned to 16 bytes; not cleared. */
void *arena_take(arena *a, size_t bytes);
/* count * size, checked for overflow. */
void *arena_array(arena *a, size_t count, size_t size);
char *arena_text(arena *a, const char *text, size_t n); /* a copy, ended by NUL */
void arena_free(arena *a);

#endif
