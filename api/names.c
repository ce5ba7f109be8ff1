/* names.c -- the table of ids: open addressing over a hash that nobody outside can predict.
 *
 * The hash is SipHash-1-3 under a key that the kernel gave this process, so that no client can
 * choose ids that collide. A slot is 4 bytes: an index, and above it as many bits of the hash as
 * are left, so that a wrong name is hardly ever looked at.
 */
#include "names.h"

#include <string.h>
#include <sys/auxv.h>

#include "table.h"

/* ---- the hash -------------------------------------------------------------------------------- */

static inline uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline void mix(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0], v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2], v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

/* The sixteen random bytes that every process is started with. */
static void take_key(uint64_t key[2])
{
    const void *random = (const void *)getauxval(AT_RANDOM);
    key[0] = key[1] = 0;
    if (random) memcpy(key, random, 2 * sizeof *key);
}

static uint64_t hash(const uint64_t key[2], const char *text, size_t n)
{
    uint64_t word = 0;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    size_t left = n;
    for (; left >= 8; left -= 8, text += 8) {
        memcpy(&word, text, 8);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    word = (uint64_t)n << 56;
    for (size_t i = 0; i < left; i++) word |= (uint64_t)(unsigned char)text[i] << (8 * i);
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    mix(v), mix(v), mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Where the text is, or the free slot where it would be. */
static uint32_t probe(const names *t, uint64_t h, const char *id, size_t length)
{
    uint32_t mask = t->slots - 1, tag = (uint32_t)(h >> 32) & ~mask;
    for (uint32_t at = (uint32_t)h & mask;; at = (at + 1) & mask) {
        uint32_t held = t->slot[at];
        if (held == 0) return at;
        if ((held & ~mask) != tag) continue;
        const name *candidate = &t->at[(held & mask) - 1];
        if (candidate->length == length && memcmp(candidate->id, id, length) == 0) return at;
    }
}

static void enter(names *t, uint32_t slot, uint64_t h, uint32_t index)
{
    t->slot[slot] = ((uint32_t)(h >> 32) & ~(t->slots - 1)) | (index + 1);
}

static int set_slots(names *t, uint32_t slots, grad_error *err)
{
    uint32_t *fresh = table_new(t->host, slots, sizeof *fresh, err);
    if (!fresh) return -1;
    memset(fresh, 0, slots * sizeof *fresh);
    names_free_index(t);
    t->slot = fresh;
    t->slots = slots;
    for (uint32_t i = 0; i < t->n; i++) {
        uint64_t h = hash(t->key, t->at[i].id, t->at[i].length);
        enter(t, probe(t, h, t->at[i].id, t->at[i].length), h, i);
    }
    return 0;
}

int names_start(names *t, grad_host *host, size_t guess, grad_error *err)
{
    uint32_t slots = 32;
    if (guess > UINT32_MAX / 8) guess = UINT32_MAX / 8;
    while (slots / 4 * 3 < guess) slots *= 2;
    *t = (names){.host = host, .room = (uint32_t)(guess ? guess : 1)};
    take_key(t->key);
    t->at = table_new(host, t->room, sizeof *t->at, err);
    return t->at ? set_slots(t, slots, err) : -1;
}

void names_free_index(names *t)
{
    t->slot = table_free(t->host, t->slot, t->slots, sizeof *t->slot);
    t->slots = 0;
}

void names_free(names *t)
{
    if (!t->host) return;
    names_free_index(t);
    t->at = table_free(t->host, t->at, t->room, sizeof *t->at);
    t->n = t->room = 0;
}

uint32_t names_find(const names *t, const char *id, size_t length)
{
    if (t->slots == 0) return NO_NAME;
    uint32_t held = t->slot[probe(t, hash(t->key, id, length), id, length)];
    return held ? (held & (t->slots - 1)) - 1 : NO_NAME;
}

int names_intern(uint32_t *out, names *t, const char *id, size_t length, grad_error *err)
{
    uint64_t h = hash(t->key, id, length);
    uint32_t at = probe(t, h, id, length), held = t->slot[at];
    if (held) {
        *out = (held & (t->slots - 1)) - 1;
        return 0;
    }
    if (t->n == t->room) {
        name *grown = table_grow(t->host, t->at, &t->room, sizeof *t->at, err);
        if (!grown) return -1;
        t->at = grown;
    }
    if (t->n >= t->slots / 4 * 3) {
        if (t->slots > UINT32_MAX / 2)
            return grad_fail(err, GRAD_GRAPH_TOO_LARGE, "the request has too many ids");
        if (set_slots(t, t->slots * 2, err)) return -1;
        at = probe(t, h, id, length);
    }
    enter(t, at, h, t->n);
    t->at[t->n] = (name){id, NULL, (uint32_t)length, NO_NAME, 0, NO_NAME};
    *out = t->n++;
    return 0;
}

static bool is_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26 || c == '_';
}

size_t id_run(const char *text, size_t n)
{
    size_t i = 0;
    if (n == 0 || !is_letter(text[0])) return 0;
    while (i < n && (is_letter(text[i]) || (unsigned char)(text[i] - '0') < 10 || text[i] == '.')) i++;
    return i;
}
