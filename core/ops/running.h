/* running.h -- running over the lines of an axis: what the scans share.
 *
 * Lines are taken in tiles, as reductions take them (reduce_kernels.h): up to 64 side by side.
 * Whatever the type, a run is kept in float64 or int64 and brought to the result's type where it is
 * written.
 */
#ifndef GRAD_OPS_RUNNING_H
#define GRAD_OPS_RUNNING_H

#include "reduce_kernels.h"
#include "shape.h"

/* The attribute that every row of a scan has, and its place. */
enum { SCAN_AXIS };
#define SCAN_ATTRIBUTES {{.name = "axis", .type = ATTR_INT, .required = true}}

int grad__running_infer(grad_infer *f);

/* What is known of a line so far. */
typedef struct scan_line {
    grad_cell so_far;
    double rest;   /* logcumsumexp: see there */
    int64_t place; /* of the extreme so far */
} scan_line;

/* Rows of a tile: row i starts at start + i * step, its elements are `across` apart. */
typedef struct scan_rows {
    int64_t start, step, n, across;
    int64_t before; /* rows that came before */
    size_t width;
} scan_rows;

typedef void (*grad_scan)(void *to, const void *from, const scan_rows *r, scan_line *h);

/* Runs over all lines of in, each beginning with `start`; `back`: from their ends. */
int grad__run_along(const grad_call *c, void *out, const void *in, grad_scan f, scan_line start,
                    bool back, grad_frame *frame);

/* step(line, element, place) takes an element in and returns the result there. A line that stands
   alone is kept in registers. */
#define SCAN(name, type, result, step_)                                                           \
    static void name(void *to, const void *from, const scan_rows *r, scan_line *h)                \
    {                                                                                             \
        const type *x = from;                                                                     \
        result *y = to;                                                                           \
        int64_t at = r->start;                                                                    \
        if (r->width == 1) {                                                                      \
            scan_line one = *h;                                                                   \
            for (int64_t i = 0; i < r->n; i++, at += r->step)                                     \
                y[at] = (result)step_(&one, x[at], r->before + i);                                \
            *h = one;                                                                             \
            return;                                                                               \
        }                                                                                         \
        for (int64_t i = 0; i < r->n; i++, at += r->step)                                         \
            for (size_t w = 0; w < r->width; w++) {                                               \
                const int64_t here = at + (int64_t)w * r->across;                                 \
                y[here] = (result)step_(&h[w], x[here], r->before + i);                           \
            }                                                                                     \
    }

#define REAL_SCANS(name, step)                                                                    \
    SCAN(name##_f64, double, double, step)                                                        \
    SCAN(name##_f32, float, float, step)
#define REALS(name) [GRAD_FLOAT64] = name##_f64, [GRAD_FLOAT32] = name##_f32

/* `scans` is indexed by the operand's dtype. */
#define SCAN_KERNEL(name, scans, start, back)                                                     \
    static int name(const grad_call *c, void *out, const void *const *in, grad_frame *frame)      \
    {                                                                                             \
        return grad__run_along(c, out, in[0], scans[c->in_dtype[0]], start, back, frame);         \
    }

#endif
