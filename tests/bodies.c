/* bodies.c -- random functions, made up. */
#include "bodies.h"

#include <string.h>

grad_dtype body_dtype(body_type t)
{
    return body_is_real(t) ? GRAD_FLOAT64 : t == BODY_INT ? GRAD_INT64 : GRAD_BOOL;
}

int body_shape(const bodies *all, body_type t, int64_t dim[2])
{
    dim[0] = t == BODY_ROWS ? all->rows : t == BODY_ROW ? BODY_WIDE : 0;
    dim[1] = BODY_WIDE;
    return t == BODY_ROWS ? 2 : t == BODY_ROW || t == BODY_EMPTY ? 1 : 0;
}

/* ---- making them up ------------------------------------------------------------------------------ */

uint64_t bodies_random(bodies *all, uint64_t below)
{
    all->state = all->state * 6364136223846793005u + 1442695040888963407u;
    return (all->state >> 33) % below;
}

static int pick(bodies *all, const body *f, unsigned types)
{
    int from = (int)bodies_random(all, (uint64_t)f->n_values);
    for (int k = 0; k < f->n_values; k++) {
        int v = (from + k) % f->n_values;
        if (types >> f->type[v] & 1) return v;
    }
    return -1;
}

#define ONE_OF(t) (1u << (t))
#define REAL (ONE_OF(BODY_NUMBER) | ONE_OF(BODY_ROW) | ONE_OF(BODY_ROWS) | ONE_OF(BODY_EMPTY))
#define ANY 0x3fu

/* The type that two real ones broadcast to; -1 where they do not. */
static int meet(body_type a, body_type b)
{
    if (a == b || b == BODY_NUMBER) return (int)a;
    if (a == BODY_NUMBER) return (int)b;
    return a == BODY_EMPTY || b == BODY_EMPTY ? -1 : BODY_ROWS;
}

body_type body_stacked(const bodies *all, body_type t, int64_t length)
{
    if (t == BODY_NUMBER && length == BODY_WIDE) return BODY_ROW;
    return t == BODY_ROW && length == all->rows ? BODY_ROWS : t == BODY_TRUTH ? BODY_INT : t;
}

static int make(bodies *all, int depth, int n_in, const body_type *type, int n_out, const int *want);

static void add_results(body *f, body_step *s, int n, const body_type *type)
{
    s->first = f->n_values;
    for (int k = 0; k < n; k++) f->type[f->n_values++] = type[k];
}

/* Operands of a step that runs a body: `n` more of these types. Their types as the body sees them. */
static bool add_operands(bodies *all, const body *f, body_step *s, int n, unsigned types,
                         body_type *seen, bool slices)
{
    for (int k = 0; k < n; k++) {
        int v = pick(all, f, types);
        if (v < 0) return false;
        seen[s->n_in] = slices ? f->type[v] == BODY_ROWS ? BODY_ROW : BODY_NUMBER : f->type[v];
        s->in[s->n_in++] = v;
    }
    return true;
}

static bool make_loop(bodies *all, int depth, body *f, body_step *s)
{
    body_type seen[BODY_OPERANDS], type[BODY_OPERANDS];
    int want[BODY_OPERANDS], extra = 1 + (int)bodies_random(all, 2);
    bool over_rows = bodies_random(all, 2);
    s->carries = s->what == MAP ? 0 : (int)bodies_random(all, 3);
    s->sliced = (int)bodies_random(all, 3) + (s->what == MAP);
    if (s->sliced > 2) s->sliced = 2;
    if (!add_operands(all, f, s, s->carries, ANY, seen, false) ||
        !add_operands(all, f, s, s->sliced, ONE_OF(over_rows ? BODY_ROWS : BODY_ROW), seen, true) ||
        !add_operands(all, f, s, (int)bodies_random(all, 3), ANY, seen, false))
        return false;
    s->length = !s->sliced ? (int64_t)bodies_random(all, 6) : over_rows ? all->rows : BODY_WIDE;
    s->reverse = s->what == SCAN && bodies_random(all, 2);
    s->checkpoint = s->what == SCAN && bodies_random(all, 2);
    for (int k = 0; k < s->carries + extra; k++) want[k] = k < s->carries ? (int)seen[k] : -1;
    s->function = make(all, depth, s->n_in, seen, s->carries + extra, want);
    if (s->function < 0) return false;
    const body *g = &all->at[s->function];
    for (int k = 0; k < g->n_out; k++) {
        body_type t = g->type[g->out[k]];
        type[k] = k < s->carries ? t : body_stacked(all, t, s->length);
    }
    add_results(f, s, g->n_out, type);
    return true;
}

/* The first carry counts up, which ends it: see condition(). */
static bool make_while(bodies *all, int depth, body *f, body_step *s)
{
    body_type seen[BODY_OPERANDS];
    int want[BODY_OPERANDS];
    s->carries = 1 + (int)bodies_random(all, 3);
    if (!add_operands(all, f, s, 1, ONE_OF(BODY_INT), seen, false) ||
        !add_operands(all, f, s, s->carries - 1, ANY, seen, false) ||
        !add_operands(all, f, s, (int)bodies_random(all, 2), ANY, seen, false))
        return false;
    s->length = 4;
    for (int k = 0; k < s->carries; k++) want[k] = (int)seen[k];
    s->function = make(all, depth, s->n_in, seen, s->carries, want);
    if (s->function < 0) return false;
    body *g = &all->at[s->function];
    body_step *count = &g->step[g->n_steps++];
    *count = (body_step){.what = COUNT, .n_in = 1};
    add_results(g, count, 1, seen);
    g->out[0] = count->first;
    add_results(f, s, s->carries, seen);
    return true;
}

static bool make_call(bodies *all, int depth, body *f, body_step *s)
{
    body_type seen[BODY_OPERANDS + 1], type[BODY_OPERANDS];
    int want[BODY_OPERANDS] = {-1, -1}, n = 1 + (int)bodies_random(all, 2);
    if ((s->what == COND && !add_operands(all, f, s, 1, ONE_OF(BODY_TRUTH), seen, false)) ||
        !add_operands(all, f, s, 1 + (int)bodies_random(all, 3), ANY, seen, false))
        return false;
    int kept = s->what == COND;
    s->function = make(all, depth, s->n_in - kept, seen + kept, n, want);
    if (s->function < 0) return false;
    const body *g = &all->at[s->function];
    for (int k = 0; k < n; k++) want[k] = (int)(type[k] = g->type[g->out[k]]);
    if (kept) s->other = make(all, depth, s->n_in - kept, seen + kept, n, want);
    if (s->other < 0) return false;
    add_results(f, s, n, type);
    return true;
}

static bool make_plain(bodies *all, body *f, body_step *s)
{
    static const unsigned takes[][3] = {
        [SIN] = {REAL}, [MEAN_OF] = {REAL, REAL}, [PRODUCT] = {REAL, REAL},
        [INNER] = {ONE_OF(BODY_ROW), ONE_OF(BODY_ROW)}, [TOTAL] = {REAL},
        [LESS] = {ONE_OF(BODY_NUMBER), ONE_OF(BODY_NUMBER)},
        [PICK] = {ONE_OF(BODY_TRUTH), REAL, REAL}, [COUNT] = {ONE_OF(BODY_INT)},
        [SCALED] = {ONE_OF(BODY_INT), REAL}, [SLOPE] = {ONE_OF(BODY_NUMBER), REAL}};
    for (int k = 0; k < 3 && takes[s->what][k]; k++)
        if ((s->in[s->n_in++] = pick(all, f, takes[s->what][k])) < 0) return false;
    body_type last = f->type[s->in[s->n_in - 1]];
    int t = s->what == INNER || s->what == TOTAL ? BODY_NUMBER : s->what == LESS ? BODY_TRUTH : (int)last;
    if (s->what == MEAN_OF || s->what == PRODUCT) t = meet(f->type[s->in[0]], last);
    if (s->what == PICK) t = meet(f->type[s->in[1]], last);
    if (t < 0) return false;
    add_results(f, s, 1, &(body_type){(body_type)t});
    return true;
}

/* want[]: the types of the results, -1 where any will do. The number of the body, or -1. */
static int make(bodies *all, int depth, int n_in, const body_type *type, int n_out, const int *want)
{
    body f = {.n_in = n_in, .n_out = n_out};
    int steps = 2 + (int)bodies_random(all, 5);
    for (int k = 0; k < n_in; k++) f.type[f.n_values++] = type[k];
    if (n_in == 0) return -1;
    for (int tries = 0; f.n_steps < steps && tries < 40; tries++) {
        body_step *s = &f.step[f.n_steps];
        *s = (body_step){.what = (int)bodies_random(all, depth > 0 ? KINDS : CALL)};
        f.n_steps += s->what < CALL                      ? make_plain(all, &f, s)
                     : s->what == SCAN || s->what == MAP ? make_loop(all, depth - 1, &f, s)
                     : s->what == WHILE                  ? make_while(all, depth - 1, &f, s)
                                                         : make_call(all, depth - 1, &f, s);
    }
    for (int k = 0; k < n_out; k++) { /* the latest, most often */
        unsigned types = want[k] < 0 ? ANY & ~ONE_OF(BODY_ROWS) & ~ONE_OF(BODY_EMPTY) : ONE_OF(want[k]);
        f.out[k] = pick(all, &f, types);
        for (int v = f.n_values; v-- > 0 && bodies_random(all, 4);)
            if (types >> f.type[v] & 1) {
                f.out[k] = v;
                break;
            }
        if (f.out[k] < 0) return -1;
    }
    if (all->n == BODIES_MOST) return -1;
    all->at[all->n] = f;
    return all->n++;
}

void bodies_make(bodies *all, int depth, int n_in, const body_type *type)
{
    int want[] = {-1, -1, -1};
    do all->n = 0;
    while (make(all, depth, n_in, type, 3, want) < 0);
    bodies_library(all);
}
