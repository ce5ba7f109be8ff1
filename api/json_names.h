/* json_names.h -- the member names of the objects that are open, for finding one that repeats.
 *
 * Objects close in the reverse order of opening, so the names of all of them stand on one stack;
 * the innermost object's are those from `base` up. Up to JSON_NAMES_FEW names of an object are
 * compared one by one. When there are more, all of them go into a hash table that the open objects
 * share; its hash is keyed afresh for every text, so that nobody can prepare names that fall
 * together.
 */
#ifndef API_JSON_NAMES_H
#define API_JSON_NAMES_H

#include "json.h"

enum { JSON_NAMES_FEW = 8, JSON_NAMES_FIXED = 64 };

typedef struct json_name_entry {
    const char *at;  /* raw, between the quotes */
    uint32_t size;   /* twice its bytes, plus 1 where it holds escapes */
    uint32_t hash;   /* 0 where it is not in the table */
} json_name_entry;

typedef struct json_names {
    grad_host *host; /* what is taken is charged here; may be NULL */
    json_name_entry *entry;
    size_t count, room;
    uint32_t *slot;      /* 0, or 1 + the index of an entry, topped up with bits of its hash */
    size_t slots, used;  /* slots: a power of two, at least twice `count`; or 0 */
    uint64_t key[2];
    json_name_entry fixed[JSON_NAMES_FIXED];
} json_names;

void json_names_start(json_names *names, grad_host *host);
void json_names_free(json_names *names);
/* Adds a name to the object that starts at `base`. JSON_GOOD; JSON_DUPLICATE with *first where the
   same name stands already; JSON_NO_MEMORY; JSON_OVER_LIMIT. */
json_verdict json_names_add(json_names *names, size_t base, json_slice raw, bool escaped,
                            const char **first);
/* The innermost object closes. */
void json_names_drop(json_names *names, size_t base);

#endif
