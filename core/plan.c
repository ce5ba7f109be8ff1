/* plan.c -- who lives where in the slab, and who may move in when they are gone.
 *
 * Scalars take slots of 8 bytes, handed out again last in, first out, so that they stay in cache.
 * Tensors take regions whose sizes are rounded up to one of four classes an octave; a region that
 * comes back serves the next tensor of its class.
 */
#include <string.h>

#include "program.h"

enum { ALIGN = 64, SMALL = 16, CLASSES = 16 + 4 * 56 };

typedef struct region {
    uint64_t at;
    size_t next; /* place + 1 in the list of its class; 0 ends it */
} region;

struct plan {
    grad_host *host;
    uint32_t *free_slot;
    size_t n_free, free_room;
    uint64_t slots, bytes;
    region *region; /* regions that came back; taken ones leave their entries unused */
    size_t n_regions, region_room;
    size_t head[CLASSES];
    size_t spare;   /* unused entries, as a list */
};

plan *grad__plan_new(grad_host *host, grad_error *err)
{
    plan *p = grad__alloc(host, sizeof *p, err);
    if (!p) return NULL;
    memset(p, 0, sizeof *p);
    p->host = host;
    return p;
}

void grad__plan_free(plan *p)
{
    if (!p) return;
    grad_host *host = p->host;
    grad__free(host, p->free_slot, p->free_room * sizeof *p->free_slot);
    grad__free(host, p->region, p->region_room * sizeof *p->region);
    grad__free(host, p, sizeof *p);
}

uint64_t grad__plan_slots(const plan *p) { return p->slots; }
uint64_t grad__plan_bytes(const plan *p) { return p->bytes; }

int grad__plan_slot(uint32_t *slot, plan *p, grad_error *err)
{
    if (p->n_free == 0) return grad__plan_slot_own(slot, p, err);
    *slot = p->free_slot[--p->n_free];
    return 0;
}

int grad__plan_slot_own(uint32_t *slot, plan *p, grad_error *err)
{
    if (p->slots >= REF_MAX)
        return grad_fail(err, GRAD_GRAPH_TOO_LARGE, "too many values are alive at once");
    *slot = (uint32_t)p->slots++;
    return 0;
}

int grad__plan_slot_back(plan *p, uint32_t slot, grad_error *err)
{
    if (grad__grow(p->host, &p->free_slot, &p->free_room, p->n_free + 1, sizeof *p->free_slot, err))
        return -1;
    p->free_slot[p->n_free++] = slot;
    return 0;
}

/* The class that `bytes` falls in, and the size all its regions have. */
static size_t class_of(uint64_t bytes, uint64_t *size)
{
    uint64_t units = bytes / ALIGN + (bytes % ALIGN != 0);
    if (units < SMALL) {
        *size = units * ALIGN;
        return (size_t)units;
    }
    int octave = 63 - __builtin_clzll(units); /* at least 4 */
    uint64_t quarter = (uint64_t)1 << (octave - 2);
    uint64_t steps = (units - ((uint64_t)1 << octave) + quarter - 1) / quarter;
    *size = (((uint64_t)1 << octave) + steps * quarter) * ALIGN;
    return SMALL + 4 * (size_t)(octave - 4) + (size_t)steps;
}

int grad__plan_full(const grad_host *host, grad_error *err)
{
    return grad_fail(err, GRAD_MEMORY_LIMIT,
                     "running this takes more than the %zu MiB that a request may take; ask "
                     "for fewer results with `values` and `wrt`, or for smaller tensors",
                     host->memory >> 20);
}

int grad__plan_region(uint64_t *at, plan *p, uint64_t bytes, grad_error *err)
{
    uint64_t size;
    size_t c = class_of(bytes, &size);
    if (c < CLASSES && p->head[c]) {
        size_t entry = p->head[c];
        *at = p->region[entry - 1].at;
        p->head[c] = p->region[entry - 1].next;
        p->region[entry - 1].next = p->spare;
        p->spare = entry;
        return 0;
    }
    if (c >= CLASSES || size > p->host->memory - p->bytes) return grad__plan_full(p->host, err);
    *at = p->bytes;
    p->bytes += size;
    return 0;
}

int grad__plan_region_back(plan *p, uint64_t at, uint64_t bytes, grad_error *err)
{
    uint64_t size;
    size_t c = class_of(bytes, &size), entry = p->spare;
    if (entry) {
        p->spare = p->region[entry - 1].next;
    } else {
        if (grad__grow(p->host, &p->region, &p->region_room, p->n_regions + 1, sizeof *p->region,
                       err) < 0)
            return -1;
        entry = ++p->n_regions;
    }
    p->region[entry - 1] = (region){at, p->head[c]};
    p->head[c] = entry;
    return 0;
}
