/* arena.c -- memory that dies all at once.
 *
 * Small pieces are cut off the last block; blocks grow with what has been taken. A piece that would
 * waste much of a block gets a block to itself, which goes behind the last one, so that the rest of
 * that stays in use.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct arena_block {
    arena_block *before;
    size_t size; /* bytes, these included */
    size_t used;
    size_t fill; /* keeps what follows aligned */
};

_Static_assert(sizeof(arena_block) % ALIGN == 0, "pieces are aligned");

/* A block of `size` bytes, charged; not linked. */
static arena_block *new_block(arena *a, size_t size)
{
    if (a->host) {
        grad_error err;
        err.code = GRAD_OK;
        if (grad_charge(a->host, size, &err) != 0) return NULL;
    }
    arena_block *block = malloc(size);
    if (!block) {
        if (a->host) grad_release(a->host, size);
        return NULL;
    }
    *block = (arena_block){NULL, size, sizeof *block, 0};
    return block;
}

static void *cut(arena_block *block, size_t bytes)
{
    void *piece = (char *)block + block->used;
    block->used += bytes;
    return piece;
}

void *arena_take(arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0) bytes = ALIGN;
    if (a->last && bytes <= a->last->size - a->last->used) return cut(a->last, bytes);

    size_t size = a->last ? a->last->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK) size = LARGEST_BLOCK;
    bool alone = bytes > size / 4;
    arena_block *block = alone ? NULL : new_block(a, size);
    if (!block) block = new_block(a, sizeof *block + bytes);
    if (!block) return NULL;
    if (alone && a->last) {
        block->before = a->last->before;
        a->last->before = block;
    } else {
        block->before = a->last;
        a->last = block;
    }
    return cut(block, bytes);
}

void *arena_array(arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) return NULL;
    return arena_take(a, count * size);
}

char *arena_text(arena *a, const char *text, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *copy = arena_take(a, n + 1);
    if (!copy) return NULL;
    if (n) memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

void arena_free(arena *a)
{
    while (a->last) {
        arena_block *block = a->last;
        a->last = block->before;
        if (a->host) grad_release(a->host, block->size);
        free(block);
    }
}
