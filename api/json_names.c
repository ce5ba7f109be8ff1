/* json_names.c -- the member names of the objects that are open, for finding one that repeats.
 *
 * The table forgets names in the reverse order of learning them, which with linear probing makes
 * forgetting as simple as emptying the slot: nothing that came later can have been pushed past it.
 * Growing puts the entries back in the order of the stack, which keeps that true.
 */
#include "json_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "json_text.h"

enum { AHEAD = 16 }; /* entries for which memory is asked in advance */

/* ---- the hash: SipHash, one round a word and three to finish --------------------------------- */

typedef struct sip {
    uint64_t a, b, c, d;
} sip;

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotate(s->b, 13) ^ s->a;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a = rotate(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotate(s->b, 17) ^ s->c;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c = rotate(s->c, 32);
}

static inline void sip_word(sip *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

/* Never 0. Hashes what the name means, and the object it is a name of: equal names of nested
   objects must not crowd one place. */
static uint32_t hash_name(const uint64_t key[2], size_t base, const char *at, size_t n,
                          bool escaped)
{
    sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
             key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    const char *end = at + n;
    uint64_t word = 0;
    size_t bytes = 0;
    sip_word(&s, base);
    if (!escaped) {
        bytes = n;
        for (; end - at >= 8; at += 8) {
            memcpy(&word, at, 8);
            sip_word(&s, word);
        }
        word = 0;
        for (int i = 0; at < end; at++, i += 8) word |= (uint64_t)(unsigned char)*at << i;
    } else {
        while (at < end) {
            char piece[4];
            size_t some = text_next(piece, &at);
            for (size_t i = 0; i < some; i++) {
                word |= (uint64_t)(unsigned char)piece[i] << bytes % 8 * 8;
                if (++bytes % 8 == 0) {
                    sip_word(&s, word);
                    word = 0;
                }
            }
        }
    }
    sip_word(&s, word | (uint64_t)bytes << 56);
    s.c ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(&s);
    uint64_t h = s.a ^ s.b ^ s.c ^ s.d;
    uint32_t folded = (uint32_t)(h ^ h >> 32);
    return folded ? folded : 1;
}

/* ---- equality -------------------------------------------------------------------------------- */

static bool same_meaning(const char *a, size_t na, const char *b, size_t nb)
{
    const char *a_end = a + na, *b_end = b + nb;
    char x[4], y[4];
    size_t nx = 0, ny = 0, ix = 0, iy = 0;
    for (;; ix++, iy++) {
        if (ix == nx && a < a_end) nx = text_next(x, &a), ix = 0;
        if (iy == ny && b < b_end) ny = text_next(y, &b), iy = 0;
        if (ix == nx || iy == ny) return ix == nx && iy == ny;
        if (x[ix] != y[iy]) return false;
    }
}

static inline bool same_name(const json_name_entry *e, const char *at, uint32_t size)
{
    if ((e->size | size) & 1) return same_meaning(e->at, e->size / 2, at, size / 2);
    return e->size == size && *e->at == *at && memcmp(e->at, at, size / 2) == 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void fresh_key(uint64_t key[2])
{
    if (getrandom(key, 2 * sizeof key[0], GRND_NONBLOCK) == (ssize_t)(2 * sizeof key[0])) return;
    key[0] = (uint64_t)(uintptr_t)key; /* where there is no randomness yet: the stack's place is */
    key[1] = key[0] * 0x9E3779B97F4A7C15; /* all that an outsider does not know */
}

/* A slot holds 1 + index in the low bits, of which an index never needs all. The rest are bits of
   the entry's hash that its place does not tell, so that most strangers are known without a look
   at their entry, which is far away in memory. */
static void insert(json_names *names, size_t index)
{
    size_t mask = names->slots - 1;
    uint32_t hash = names->entry[index].hash;
    size_t i = hash & mask;
    while (names->slot[i]) i = (i + 1) & mask;
    names->slot[i] = (hash & ~(uint32_t)mask) | (uint32_t)(index + 1);
    names->used++;
}

static bool charge(json_names *names, size_t bytes)
{
    grad_error err = {0};
    return !names->host || grad_charge(names->host, bytes, &err) == 0;
}

static void release(json_names *names, size_t bytes)
{
    if (names->host) grad_release(names->host, bytes);
}

/* Room in the table for all names there are and one more. */
static json_verdict widen(json_names *names)
{
    size_t slots = names->slots ? names->slots : 64;
    while (slots / 2 < names->count + 1) slots *= 2;
    if (slots == names->slots) return JSON_GOOD;
    if (!charge(names, slots * sizeof *names->slot)) return JSON_OVER_LIMIT;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    if (!fresh) {
        release(names, slots * sizeof *fresh);
        return JSON_NO_MEMORY;
    }
    if (!names->slot) fresh_key(names->key);
    free(names->slot);
    release(names, names->slots * sizeof *fresh);
    names->slot = fresh;
    names->slots = slots;
    names->used = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (i + AHEAD < names->count)
            __builtin_prefetch(&fresh[names->entry[i + AHEAD].hash & (slots - 1)], 1);
        if (names->entry[i].hash) insert(names, i);
    }
    return JSON_GOOD;
}

static void set_hash(const json_names *names, size_t base, json_name_entry *e)
{
    e->hash = hash_name(names->key, base, e->at, e->size / 2, e->size & 1);
}

/* The entry of the object at `base` with the same name as `e`, or NULL. */
static const json_name_entry *look_up(const json_names *names, size_t base,
                                      const json_name_entry *e)
{
    size_t mask = names->slots - 1;
    for (size_t i = e->hash & mask; names->slot[i]; i = (i + 1) & mask) {
        if ((names->slot[i] ^ e->hash) & ~(uint32_t)mask) continue;
        size_t index = (names->slot[i] & mask) - 1;
        const json_name_entry *other = &names->entry[index];
        if (index >= base && other->hash == e->hash && same_name(other, e->at, e->size))
            return other;
    }
    return NULL;
}

/* Bytes that the list of entries takes. */
static size_t taken(const json_names *names)
{
    return names->entry == names->fixed ? 0 : names->room * sizeof *names->entry;
}

static json_verdict grow(json_names *names)
{
    bool fixed = names->entry == names->fixed;
    size_t room = names->room * 2;
    if (room > UINT32_MAX / 4 || room > SIZE_MAX / sizeof *names->entry) return JSON_NO_MEMORY;
    size_t more = room * sizeof *names->entry - taken(names);
    if (!charge(names, more)) return JSON_OVER_LIMIT;
    json_name_entry *entry = realloc(fixed ? NULL : names->entry, room * sizeof *entry);
    if (!entry) {
        release(names, more);
        return JSON_NO_MEMORY;
    }
    if (fixed) memcpy(entry, names->fixed, sizeof names->fixed);
    names->entry = entry;
    names->room = room;
    return JSON_GOOD;
}

/* ---- for json_check -------------------------------------------------------------------------- */

void json_names_start(json_names *names, grad_host *host)
{
    names->host = host;
    names->entry = names->fixed;
    names->count = 0;
    names->room = JSON_NAMES_FIXED;
    names->slot = NULL;
    names->slots = names->used = 0;
}

void json_names_free(json_names *names)
{
    release(names, taken(names) + names->slots * sizeof *names->slot);
    if (names->entry != names->fixed) free(names->entry);
    free(names->slot);
}

json_verdict json_names_add(json_names *names, size_t base, json_slice raw, bool escaped,
                            const char **first)
{
    if (raw.n > UINT32_MAX / 2) return JSON_NO_MEMORY; /* a name of two gigabytes */
    json_verdict verdict = names->count == names->room ? grow(names) : JSON_GOOD;
    if (verdict != JSON_GOOD) return verdict;
    size_t have = names->count - base;
    json_name_entry *e = &names->entry[names->count];
    *e = (json_name_entry){raw.at, (uint32_t)raw.n << 1 | escaped, 0};
    if (have < JSON_NAMES_FEW) {
        for (const json_name_entry *other = e - have; other < e; other++) {
            if (same_name(other, e->at, e->size)) {
                *first = other->at;
                return JSON_DUPLICATE;
            }
        }
        names->count++;
        return JSON_GOOD;
    }
    verdict = widen(names);
    if (verdict != JSON_GOOD) return verdict;
    if (have == JSON_NAMES_FEW) {
        for (size_t i = base; i < names->count; i++) {
            set_hash(names, base, &names->entry[i]);
            insert(names, i);
        }
    }
    set_hash(names, base, e);
    const json_name_entry *other = look_up(names, base, e);
    if (other) {
        *first = other->at;
        return JSON_DUPLICATE;
    }
    insert(names, names->count++);
    return JSON_GOOD;
}

void json_names_drop(json_names *names, size_t base)
{
    size_t n = names->count - base;
    if (n > JSON_NAMES_FEW) {
        if (n == names->used && names->slots / 16 < n) { /* nothing else is in it */
            memset(names->slot, 0, names->slots * sizeof *names->slot);
        } else {
            size_t mask = names->slots - 1;
            for (size_t index = names->count; index-- > base;) {
                size_t i = names->entry[index].hash & mask;
                while ((names->slot[i] & mask) != index + 1) i = (i + 1) & mask;
                names->slot[i] = 0;
            }
        }
        names->used -= n;
    }
    names->count = base;
}
