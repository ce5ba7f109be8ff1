/* order.h -- an order in which everything comes after what it needs: nodes, and functions.
 *
 * What is put in order are the numbers of a table of names. They are visited as they are asked for;
 * one that needs others lets them go first. The path of those who wait is a list, never the stack;
 * who is met on it again closes a cycle.
 */
#ifndef API_ORDER_H
#define API_ORDER_H

#include "call.h"
#include "names.h"

typedef struct order_step {
    uint32_t at, next; /* the one who waits, and the need that it looks at next */
} order_step;

typedef struct order {
    api_call *c;
    const names *names;
    const void *of;
    /* The k-th need of `at`: NO_NAME where there is nothing to wait for. False past the last. */
    bool (*needs)(const void *of, uint32_t at, uint32_t k, uint32_t *out);
    const char *stopped; /* the error's sentence where the deadline passes */
    uint32_t *walk;      /* the order so far */
    uint32_t n, room;
    uint8_t *state;      /* by number */
    order_step *path;
    uint32_t depth, path_room;
    uint32_t first;      /* of a cycle: its places in `path` are those from here on, */
    uint32_t start;      /* and this one stands first in the document */
} order;

/* The fields down to `stopped` are set; at most `room` numbers will be visited. -1: call ended. */
int order_begin(order *o, uint32_t room);
/* Visits the number and all that it needs. 0; 1 where they form a cycle; or -1 with the call
   ended. */
int order_visit(order *o, uint32_t at);
/* "a -> b -> a", a long one with a gap. */
void order_write_cycle(const order *o, char *to, size_t room);
void order_end(order *o);

#endif
