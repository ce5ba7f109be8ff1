/* world.h -- a graph under test, and a library of functions written in C that it may use.
 *
 *     step(c, x, s)     tanh(c * s) + x, c * c * x
 *     swap(a, b)        b, a
 *     wave(x)           x * sin(x)
 *     grow(x)           exp(x)
 *     twice(x)          wave(wave(x)), by calls
 *     below(x, limit)   sum(x) < limit
 *     climb(x, limit)   x * x + 1.25 x
 *     d1, d2, ...       sin, and each the one before twice; dx0, dx1, ... call each other without end
 *
 * Calls that fail end the test, but for those that take an error of their own.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <string.h>

#include "grad.h"

typedef struct world {
    grad_host host;
    grad_error err;
    grad_graph *g;
} world;

void begin(world *w);
void end(world *w); /* all memory has been given back */
grad_node input(world *w, int rank, int64_t a, int64_t b); /* float64, of shape [a, b] */
grad_node op(world *w, const char *name, grad_node a, grad_node b); /* b: GRAD_NONE of unary ones */
void flow(world *w, const char *name, const grad_node *in, size_t n, const grad_attribute *attr,
          size_t n_attr, grad_node *out);
grad_node row(world *w, grad_node x, int64_t i);

/* One operator more, unless err is filled. */
grad_node apply2(grad_graph *g, const char *op, grad_node a, grad_node b, grad_error *err);
int call_by(grad_graph *g, const char *op, const char *function, const grad_node *in, size_t n,
            grad_node *out, grad_error *err);
/* Functions `step` and `climb`, in place. */
void step(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err);
void climb(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err);

static inline grad_attribute whole(const char *name, int64_t value)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_INT, .i = value}};
}
static inline grad_attribute truth(const char *name, bool value)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_TRUTH, .i = value}};
}
static inline grad_attribute text(const char *name, const char *value)
{
    return (grad_attribute){name, strlen(name),
                            {.kind = GRAD_TEXT, .n = (uint32_t)strlen(value), .text = value}};
}

#endif
