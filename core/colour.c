/* colour.c -- greedy colouring: each item takes the first colour that no other on its lines has. */
#include "colour.h"

#include <string.h>

static const double WORK_MAX = 3e8; /* looks at an item */

void grad__by_item(size_t *to_start, uint32_t *to_at, size_t *from, size_t items, size_t lines,
                const size_t *start, const uint32_t *at)
{
    memset(to_start, 0, (items + 1) * sizeof *to_start);
    for (size_t i = 0; i < start[lines]; i++) to_start[at[i] + 1]++;
    for (size_t k = 0; k < items; k++) to_start[k + 1] += to_start[k];
    for (size_t l = 0; l < lines; l++)
        for (size_t i = start[l]; i < start[l + 1]; i++) {
            size_t place = to_start[at[i]]++;
            to_at[place] = (uint32_t)l;
            if (from) from[place] = i;
        }
    for (size_t k = items; k-- > 0;) to_start[k + 1] = to_start[k];
    to_start[0] = 0;
}

/* Is it worth while? Not where one line holds everything, nor where the lines are too long. */
static bool is_hopeless(size_t items, size_t lines, const size_t *start)
{
    double work = 0;
    for (size_t l = 0; l < lines; l++) {
        double n = (double)(start[l + 1] - start[l]);
        work += n * n;
        if (n == (double)items) return true;
    }
    return work > WORK_MAX;
}

/* colour[k] for every item on some line. Returns how many there are. */
static size_t paint(uint32_t *colour, uint32_t *taken, size_t items, const size_t *start,
                    const uint32_t *at, const size_t *line_of, const uint32_t *line)
{
    size_t colours = 0;
    memset(taken, 0xff, (items + 1) * sizeof *taken);
    for (size_t k = 0; k < items; k++) {
        if (line_of[k] == line_of[k + 1]) continue;
        for (size_t l = line_of[k]; l < line_of[k + 1]; l++)
            for (size_t i = start[line[l]]; i < start[line[l] + 1]; i++)
                if (at[i] < k) taken[colour[at[i]]] = (uint32_t)k;
        uint32_t c = 0;
        while (taken[c] == k) c++;
        colour[k] = c;
        if (c >= colours) colours = (size_t)c + 1;
    }
    return colours;
}

static size_t paint_each(uint32_t *colour, size_t items, const size_t *line_of)
{
    uint32_t n = 0;
    for (size_t k = 0; k < items; k++)
        if (line_of[k] != line_of[k + 1]) colour[k] = n++;
    return n;
}

/* The items by colour. */
static void sort(colouring *c, const uint32_t *colour, const size_t *line_of)
{
    memset(c->start, 0, (c->colours + 1) * sizeof *c->start);
    for (size_t k = 0; k < c->items; k++)
        if (line_of[k] != line_of[k + 1]) c->start[colour[k] + 1]++;
    for (size_t i = 0; i < c->colours; i++) c->start[i + 1] += c->start[i];
    c->coloured = c->start[c->colours];
    for (size_t k = 0; k < c->items; k++)
        if (line_of[k] != line_of[k + 1]) c->item[c->start[colour[k]]++] = (uint32_t)k;
    for (size_t i = c->colours; i-- > 0;) c->start[i + 1] = c->start[i];
    c->start[0] = 0;
}

int grad__colour(colouring *out, grad_host *host, size_t items, size_t lines, const size_t *start,
                 const uint32_t *at, grad_error *err)
{
    size_t n = start[lines];
    size_t *line_of = grad__alloc_array(host, items + 1, sizeof *line_of, err);
    uint32_t *line = grad__alloc_array(host, n, sizeof *line, err);
    uint32_t *colour = grad__alloc_array(host, items, sizeof *colour, err);
    uint32_t *taken = grad__alloc_array(host, items + 1, sizeof *taken, err);
    int result = -1;
    *out = (colouring){.items = items};
    if (line_of && line && colour && taken) {
        grad__by_item(line_of, line, NULL, items, lines, start, at);
        out->colours = is_hopeless(items, lines, start)
                           ? paint_each(colour, items, line_of)
                           : paint(colour, taken, items, start, at, line_of, line);
        out->start = grad__alloc_array(host, out->colours + 1, sizeof *out->start, err);
        out->item = grad__alloc_array(host, items, sizeof *out->item, err);
        result = out->start && out->item ? 0 : -1;
    }
    if (result == 0) sort(out, colour, line_of);
    grad__free(host, line_of, (items + 1) * sizeof *line_of);
    grad__free(host, line, n * sizeof *line);
    grad__free(host, colour, items * sizeof *colour);
    grad__free(host, taken, (items + 1) * sizeof *taken);
    return result;
}

void grad__colouring_free(colouring *c, grad_host *host)
{
    grad__free(host, c->start, (c->colours + 1) * sizeof *c->start);
    grad__free(host, c->item, c->items * sizeof *c->item);
    c->start = NULL;
    c->item = NULL;
}
