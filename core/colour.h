/* colour.h -- which rows, or columns, of a sparse matrix can be found by one sweep.
 *
 * Items that stand on one line together must differ in colour: of columns, the lines are the rows.
 */
#ifndef GRAD_COLOUR_H
#define GRAD_COLOUR_H

#include "pool.h"

typedef struct colouring {
    size_t colours;
    size_t *start;  /* the items of colour c: item[start[c]] to item[start[c + 1]] */
    uint32_t *item; /* those that stand on some line; the others have no colour */
    size_t items;   /* there are */
    size_t coloured;
} colouring;

/* Line l holds the items at[start[l]] to at[start[l + 1]], each once. Where that would take too long
   every item has a colour of its own. */
int grad__colour(colouring *out, grad_host *host, size_t items, size_t lines, const size_t *start,
                 const uint32_t *at, grad_error *err);
void grad__colouring_free(colouring *c, grad_host *host);

/* The matrix turned round: to_start has `items` + 1 places, to_at those of `at`. `from` says, where it
   is not NULL, at which place of `at` each stood. */
void grad__by_item(size_t *to_start, uint32_t *to_at, size_t *from, size_t items, size_t lines,
                const size_t *start, const uint32_t *at);

#endif
