/* table.c -- lists that grow by doubling. */
#include "table.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { FIRST_ROOM = 16 };

/* Long lists are visited at random: on pages of 2 MiB a visit seldom misses the TLB. */
static void prefer_huge_pages(void *at, size_t bytes)
{
    const uintptr_t page = 4096;
    uintptr_t start = ((uintptr_t)at + page - 1) & ~(page - 1), end = (uintptr_t)at + bytes;
    if (bytes >= (size_t)4 << 20) madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static void *no_memory(grad_error *err)
{
    grad_fail(err, GRAD_OUT_OF_MEMORY, "memory is short");
    return NULL;
}

/* In the core's words, which name the ways out: no budget holds this much. */
static void *over_budget(grad_host *host, grad_error *err)
{
    if (grad_charge(host, SIZE_MAX, err) == 0) grad_release(host, SIZE_MAX);
    return NULL;
}

void *table_new(grad_host *host, size_t count, size_t size, grad_error *err)
{
    if (count == 0) count = 1;
    if (count > SIZE_MAX / 2 / size) return over_budget(host, err);
    if (grad_charge(host, count * size, err)) return NULL;
    void *at = malloc(count * size);
    if (at) prefer_huge_pages(at, count * size);
    if (at) return at;
    grad_release(host, count * size);
    return no_memory(err);
}

void *table_grow(grad_host *host, void *at, uint32_t *room, size_t size, grad_error *err)
{
    uint32_t more = *room ? *room : FIRST_ROOM;
    if (*room > UINT32_MAX / 2) {
        grad_fail(err, GRAD_GRAPH_TOO_LARGE, "the graph has too many parts");
        return NULL;
    }
    if (grad_charge(host, more * size, err)) return NULL;
    void *grown = realloc(at, ((size_t)*room + more) * size);
    if (!grown) {
        grad_release(host, more * size);
        return no_memory(err);
    }
    *room += more;
    prefer_huge_pages(grown, *room * size);
    return grown;
}

void *table_free(grad_host *host, void *at, size_t room, size_t size)
{
    if (at) grad_release(host, (room ? room : 1) * size);
    free(at);
    return NULL;
}

void *arena_new(arena *a, size_t count, size_t size, grad_error *err)
{
    enum { BLOCK = 64 }; /* what a piece with a block to itself takes besides, at most */
    grad_host *host = a->host;
    void *at = arena_array(a, count, size);
    if (at) return at;
    bool over = count > SIZE_MAX / 2 / size || host->used + count * size + BLOCK > host->memory;
    return over ? over_budget(host, err) : no_memory(err);
}
