/* pointer.h -- JSON Pointers (RFC 6901) into the request, written when an error needs one. */
#ifndef API_POINTER_H
#define API_POINTER_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

enum { POINTER_ROOM = 1024 };

/* One that outgrows its room is left off the problem. */
typedef struct pointer {
    size_t n;
    bool full;
    char at[POINTER_ROOM];
} pointer;

/* Starts over: pointer_start(&p, "/graph/nodes/%u", 3). */
void pointer_start(pointer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pointer_add(pointer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "/" and a member's name, raw as in the body: JSON's escapes undone, the pointer's own made. */
void pointer_name(pointer *p, json_slice raw);
/* How much of a pointer leads somewhere in checked text. A node's operand has no place of its own
   where `inputs` is a bare id, nor has an attribute that was left off: the rest is cut there. */
size_t pointer_reach(const char *whole, const char *text);
const char *pointer_text(const pointer *p); /* NULL where it is too long */

#endif
