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
        if (candidate->length == length && memcmp(name_text(candidate), id, length) == 0) return at;
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
        const name *n = &t->at[i];
        if (n->length == 0) continue;
        uint64_t h = hash(t->key, name_text(n), n->length);
        enter(t, probe(t, h, name_text(n), n->length), h, i);
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

/* Room for one more name. 1 where the slots have moved. */
static int make_room(names *t, grad_error *err)
{
    if (t->n == t->room) {
        name *grown = table_grow(t->host, t->at, &t->room, sizeof *t->at, err);
        if (!grown) return -1;
        t->at = grown;
    }
    if (t->n < t->slots / 4 * 3) return 0;
    if (t->slots > UINT32_MAX / 2)
        return grad_fail(err, GRAD_GRAPH_TOO_LARGE, "the request has too many ids");
    return set_slots(t, t->slots * 2, err) ? -1 : 1;
}

int names_intern(uint32_t *out, names *t, const char *id, size_t length, grad_error *err)
{
    uint64_t h = hash(t->key, id, length);
    uint32_t at = probe(t, h, id, length), held = t->slot[at];
    if (held) {
        *out = (held & (t->slots - 1)) - 1;
        return 0;
    }
    int moved = make_room(t, err);
    if (moved < 0) return -1;
    if (moved) at = probe(t, h, id, length);
    enter(t, at, h, t->n);
    name *n = &t->at[t->n];
    *n = (name){.length = (uint32_t)length, .place = NO_NAME, .more = NO_NAME};
    if (length <= sizeof n->near) memcpy(n->near, id, length);
    else n->far = id;
    *out = t->n++;
    return 0;
}

void names_expect(const names *t, const char *id, size_t length)
{
    enum { CACHED = 1 << 15 };
    if (t->slots <= CACHED) return;
    __builtin_prefetch(&t->slot[(uint32_t)hash(t->key, id, length) & (t->slots - 1)]);
}

int names_add_unnamed(uint32_t *out, names *t, grad_error *err)
{
    if (make_room(t, err) < 0) return -1; /* slots hold numbers, so these are counted too */
    t->at[t->n] = (name){.place = NO_NAME, .more = NO_NAME};
    *out = t->n++;
    return 0;
}

const char *name_copy(char to[ID_ROOM], const name *n)
{
    size_t length = n->length < ID_ROOM ? n->length : 0;
    memcpy(to, name_text(n), length);
    to[length] = '\0';
    return to;
}

/* 1: may begin an id or go on in it; 2: may go on. */
static const unsigned char in_id[256] = {
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
    ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
    ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
    ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
    ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
    ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1,
    ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['_'] = 1, ['0'] = 2, ['1'] = 2, ['2'] = 2,
    ['3'] = 2, ['4'] = 2, ['5'] = 2, ['6'] = 2, ['7'] = 2, ['8'] = 2, ['9'] = 2, ['.'] = 2,
};

size_t id_run(const char *text, size_t n)
{
    size_t i = 0;
    if (n == 0 || in_id[(unsigned char)text[0]] != 1) return 0;
    while (i < n && in_id[(unsigned char)text[i]]) i++;
    return i;
}

size_t id_length(const char *text)
{
    const char *p = text;
    if (in_id[(unsigned char)*p] != 1) return 0;
    while (in_id[(unsigned char)*p]) p++;
    return (size_t)(p - text);
}
