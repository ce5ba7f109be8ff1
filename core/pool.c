/* pool.c -- counted memory, and the tables that a graph and its programs share. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

/* ---- counted memory --------------------------------------------------------------------------- */

void *grad__alloc(grad_host *host, size_t bytes, grad_error *err)
{
    if (grad_charge(host, bytes, err) < 0) return NULL;
    void *p = malloc(bytes ? bytes : 1);
    if (!p) {
        grad_release(host, bytes);
        grad_fail(err, GRAD_OUT_OF_MEMORY, "the machine has no memory left for %zu bytes", bytes);
    }
    return p;
}

void *grad__alloc_array(grad_host *host, size_t count, size_t size, grad_error *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
    return grad__alloc(host, bytes, err);
}

void grad__free(grad_host *host, void *p, size_t bytes)
{
    if (!p) return;
    free(p);
    grad_release(host, bytes);
}

int grad__grow(grad_host *host, void *array, size_t *room, size_t need, size_t size,
               grad_error *err)
{
    void *old, *p;
    if (need <= *room) return 0;
    size_t more = *room + *room / 2 + 16;
    if (more < need) more = need;
    if (more > SIZE_MAX / size || grad_charge(host, (more - *room) * size, err) < 0)
        return grad_fail(err, GRAD_MEMORY_LIMIT, "a table of %zu entries is too large", more);
    memcpy(&old, array, sizeof old);
    p = realloc(old, more * size);
    if (!p) {
        grad_release(host, (more - *room) * size);
        return grad_fail(err, GRAD_OUT_OF_MEMORY, "the machine has no memory left");
    }
    memcpy(array, &p, sizeof p);
    *room = more;
    return 0;
}

/* ---- the pool ---------------------------------------------------------------------------------- */

typedef struct block {
    struct block *before;
    size_t bytes, used; /* after this header */
} block;

#define BLOCK_BYTES ((size_t)16 << 10)
#define HEADER ((sizeof(block) + 15) & ~(size_t)15)
#define CHUNK 256u /* attribute values a chunk */

struct grad_pool {
    grad_host *host;
    int holders;
    block *last;
    const grad_shape **shape; /* by id */
    size_t shapes, shape_room;
    uint32_t *slot;           /* open addressing over shape ids + 1 */
    size_t slots;
    grad_value **chunk;       /* attribute values: handle = chunk * CHUNK + place, from 1 */
    size_t chunks, chunk_room, chunk_used;
    const void **constant;
    size_t constants, constant_room;
};

grad_pool *grad__pool_new(grad_host *host, grad_error *err)
{
    grad_pool *p = grad__alloc(host, sizeof *p, err);
    if (!p) return NULL;
    memset(p, 0, sizeof *p);
    p->host = host;
    p->holders = 1;
    p->chunk_used = CHUNK;
    if (!grad__pool_shape(p, 0, NULL, err)) {
        grad__pool_drop(p);
        return NULL;
    }
    return p;
}

void grad__pool_keep(grad_pool *p)
{
    __atomic_add_fetch(&p->holders, 1, __ATOMIC_RELAXED);
}

void grad__pool_drop(grad_pool *p)
{
    if (!p || __atomic_sub_fetch(&p->holders, 1, __ATOMIC_ACQ_REL) > 0) return;
    grad_host *host = p->host;
    for (block *b = p->last; b;) {
        block *before = b->before;
        grad__free(host, b, HEADER + b->bytes);
        b = before;
    }
    grad__free(host, p->shape, p->shape_room * sizeof *p->shape);
    grad__free(host, p->slot, p->slots * sizeof *p->slot);
    grad__free(host, p->chunk, p->chunk_room * sizeof *p->chunk);
    grad__free(host, p->constant, p->constant_room * sizeof *p->constant);
    grad__free(host, p, sizeof *p);
}

void *grad__pool_take(grad_pool *p, size_t bytes, grad_error *err)
{
    if (bytes > SIZE_MAX / 2) {
        grad_fail(err, GRAD_MEMORY_LIMIT, "a constant is too large");
        return NULL;
    }
    bytes = (bytes + 15) & ~(size_t)15;
    if (!p->last || p->last->bytes - p->last->used < bytes) {
        /* Small graphs take one small block; large ones soon take large blocks. */
        size_t room = p->last ? p->last->bytes * 2 : BLOCK_BYTES / 8;
        if (room > BLOCK_BYTES * 16) room = BLOCK_BYTES * 16;
        if (room < bytes) room = bytes;
        block *b = grad__alloc(p->host, HEADER + room, err);
        if (!b) return NULL;
        *b = (block){p->last, room, 0};
        p->last = b;
    }
    void *at = (char *)p->last + HEADER + p->last->used;
    p->last->used += bytes;
    return at;
}

/* ---- shapes ------------------------------------------------------------------------------------ */

int64_t grad__extent(int rank, const int64_t *dim)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        if (dim[i] != 0 && __builtin_mul_overflow(n, dim[i], &n)) return -1;
    return n;
}

static uint64_t hash_shape(int rank, const int64_t *dim)
{
    uint64_t h = 0x9E3779B97F4A7C15u + (uint64_t)rank;
    for (int i = 0; i < rank; i++) {
        h = (h ^ (uint64_t)dim[i]) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
    }
    return h;
}

static bool same(const grad_shape *s, int rank, const int64_t *dim)
{
    return s->rank == rank && (rank == 0 || memcmp(s->dim, dim, (size_t)rank * sizeof *dim) == 0);
}

static int rehash(grad_pool *p, grad_error *err)
{
    size_t slots = p->slots ? p->slots * 2 : 32;
    uint32_t *slot = grad__alloc_array(p->host, slots, sizeof *slot, err);
    if (!slot) return -1;
    memset(slot, 0, slots * sizeof *slot);
    for (size_t i = 0; i < p->shapes; i++) {
        size_t at = hash_shape(p->shape[i]->rank, p->shape[i]->dim) & (slots - 1);
        while (slot[at]) at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    grad__free(p->host, p->slot, p->slots * sizeof *p->slot);
    p->slot = slot;
    p->slots = slots;
    return 0;
}

const grad_shape *grad__pool_shape(grad_pool *p, int rank, const int64_t *dim, grad_error *err)
{
    if (rank == 0 && p->shapes) return p->shape[0];
    if (p->shapes * 2 >= p->slots && rehash(p, err) < 0) return NULL;
    size_t at = hash_shape(rank, dim) & (p->slots - 1);
    for (; p->slot[at]; at = (at + 1) & (p->slots - 1))
        if (same(p->shape[p->slot[at] - 1], rank, dim)) return p->shape[p->slot[at] - 1];
    grad_shape *s = grad__pool_take(p, sizeof *s + (size_t)rank * sizeof *dim, err);
    if (!s || grad__grow(p->host, &p->shape, &p->shape_room, p->shapes + 1, sizeof *p->shape, err))
        return NULL;
    s->rank = rank;
    s->id = (uint32_t)p->shapes;
    s->count = grad__extent(rank, dim);
    for (int i = 0; i < rank; i++)
        if (dim[i] == 0) s->count = 0;
    if (rank) memcpy(s->dim, dim, (size_t)rank * sizeof *dim);
    p->shape[p->shapes++] = s;
    p->slot[at] = (uint32_t)p->shapes;
    return s;
}

const grad_shape *grad__pool_shape_at(const grad_pool *p, uint32_t id)
{
    return p->shape[id];
}

/* ---- attributes and constants ------------------------------------------------------------------ */

_Static_assert(sizeof(double) == sizeof(int64_t), "lists of either are copied alike");

static int copy_value(grad_pool *p, grad_value *to, const grad_value *from, grad_error *err)
{
    *to = *from;
    size_t bytes = from->kind == GRAD_TEXT ? from->n
                 : from->kind >= GRAD_LIST ? from->n * sizeof(int64_t)
                                           : 0;
    if (!bytes) return 0;
    void *copy = grad__pool_take(p, bytes, err);
    if (!copy) return -1;
    memcpy(copy, from->text, bytes);
    to->text = copy;
    return 0;
}

uint32_t grad__pool_values(grad_pool *p, const grad_value *v, size_t n, grad_error *err)
{
    if (n == 0) return 0;
    if (CHUNK - p->chunk_used < n) {
        if (grad__grow(p->host, &p->chunk, &p->chunk_room, p->chunks + 1, sizeof *p->chunk, err))
            return 0;
        grad_value *fresh = grad__pool_take(p, CHUNK * sizeof *fresh, err);
        if (!fresh) return 0;
        p->chunk[p->chunks++] = fresh;
        p->chunk_used = p->chunks == 1; /* handle 0 means none */
    }
    if (p->chunks >= UINT32_MAX / CHUNK) {
        grad_fail(err, GRAD_GRAPH_TOO_LARGE, "the graph has too many attributes");
        return 0;
    }
    size_t at = p->chunk_used;
    for (size_t i = 0; i < n; i++)
        if (copy_value(p, &p->chunk[p->chunks - 1][at + i], &v[i], err) < 0) return 0;
    p->chunk_used += n;
    return (uint32_t)((p->chunks - 1) * CHUNK + at);
}

const grad_value *grad__pool_values_at(const grad_pool *p, uint32_t handle)
{
    return handle ? &p->chunk[handle / CHUNK][handle % CHUNK] : NULL;
}

int grad__pool_constant(uint32_t *out, grad_pool *p, const void *data, size_t bytes,
                        grad_error *err)
{
    void *copy = grad__pool_take(p, bytes, err);
    if (!copy || grad__grow(p->host, &p->constant, &p->constant_room, p->constants + 1,
                            sizeof *p->constant, err) < 0)
        return -1;
    if (bytes) memcpy(copy, data, bytes);
    *out = (uint32_t)p->constants;
    p->constant[p->constants++] = copy;
    return 0;
}

const void *grad__pool_constant_at(const grad_pool *p, uint32_t number)
{
    return p->constant[number];
}
