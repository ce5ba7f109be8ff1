/* bodies_add.c -- random functions appended to graphs: as functions, or written out. */
#include "bodies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct place {
    bodies *all;
    grad_graph *g;
    grad_error *err;
    bool written_out;
} place;

static void apply(const place *p, const char *op, size_t n, const grad_node *in, size_t n_attr,
                  const grad_attribute *attr, grad_node *out)
{
    grad_operand operand[32];
    if (p->err->code) return;
    for (size_t k = 0; k < n; k++) operand[k] = (grad_operand)GRAD_AT(in[k]);
    (void)!grad_apply(out, p->g, grad_op_find(op), operand, n, attr, n_attr, p->err);
}

static grad_node op(const place *p, const char *name, grad_node a, grad_node b)
{
    grad_node out = 0;
    apply(p, name, b == GRAD_NONE ? 1 : 2, (grad_node[]){a, b}, 0, NULL, &out);
    return out;
}

static grad_node number(const place *p, grad_dtype dtype, double real, int64_t whole)
{
    grad_node out = 0;
    if (!p->err->code)
        (void)!grad_constant(&out, p->g, dtype, 0, NULL, dtype == GRAD_INT64 ? (void *)&whole
                                                                           : (void *)&real, p->err);
    return out;
}
#define REAL_AT(p, x) number(p, GRAD_FLOAT64, x, 0)
#define SINE(p, x) op(p, "sin", x, GRAD_NONE)

static grad_attribute whole(const char *name, int64_t i)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_INT, .i = i}};
}
static grad_attribute truth(const char *name, bool i)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_TRUTH, .i = i}};
}
static grad_attribute named(const char *name, const char *text)
{
    return (grad_attribute){name, strlen(name),
                            {.kind = GRAD_TEXT, .n = (uint32_t)strlen(text), .text = text}};
}

static grad_node less(const place *p, grad_node a, grad_node b) /* never a tie */
{
    grad_node other = op(p, "add", op(p, "mul", b, REAL_AT(p, 0.91)), REAL_AT(p, 0.0137));
    return op(p, "lt", a, other);
}

/* Stacked results as a value: kept where it is rows or a row, else added up. */
static grad_node tidy(const place *p, grad_node y, body_type t, int64_t length)
{
    grad_attribute axis = whole("axis", 0);
    body_type to = body_stacked(p->all, t, length);
    if (p->err->code || to == BODY_ROWS || (t == BODY_NUMBER && to == BODY_ROW)) return y;
    apply(p, "sum", 1, &y, 1, &axis, &y);
    return body_is_real(t) ? SINE(p, y) : y;
}

static void add_body(const place *p, const body *f, const grad_node *in, grad_node *value);

/* A body in place. Operands and results are nodes of their own, as a body's are. */
static void put(const place *p, int number, const grad_node *in, grad_node *out)
{
    const body *f = &p->all->at[number];
    grad_node mine[BODY_OPERANDS], value[BODY_VALUES];
    for (int k = 0; k < f->n_in; k++) mine[k] = op(p, "identity", in[k], GRAD_NONE);
    add_body(p, f, mine, value);
    for (int k = 0; k < f->n_out; k++) out[k] = op(p, "identity", value[f->out[k]], GRAD_NONE);
}

static grad_node where(const place *p, grad_node pred, grad_node a, grad_node b)
{
    grad_node out = 0;
    apply(p, "where", 3, (grad_node[]){pred, a, b}, 0, NULL, &out);
    return out;
}

/* while's condition: the count, and where there is one the first number below a bound. */
static grad_node condition(const place *p, const body *f, const grad_node *in)
{
    grad_node holds = op(p, "lt", in[0], number(p, GRAD_INT64, 0, 4));
    for (int k = 1; k < f->n_in; k++)
        if (f->type[k] == BODY_NUMBER)
            return op(p, "logical_and", holds, op(p, "lt", in[k], REAL_AT(p, 0.613)));
    return holds;
}

static void while_written_out(const place *p, const body_step *s, const grad_node *in, grad_node *out)
{
    const body *f = &p->all->at[s->function];
    grad_node now[BODY_OPERANDS], next[BODY_OPERANDS], on = 0;
    memcpy(now, in, sizeof now);
    for (int64_t t = 0; t < s->length; t++) {
        grad_node holds = condition(p, f, now);
        on = t ? op(p, "logical_and", on, holds) : holds;
        put(p, s->function, now, next);
        for (int k = 0; k < s->carries; k++) now[k] = where(p, on, next[k], now[k]);
    }
    for (int k = 0; k < s->carries; k++) out[k] = op(p, "identity", now[k], GRAD_NONE);
}

static void loop_written_out(const place *p, const body_step *s, const grad_node *in, grad_node *out)
{
    const body *f = &p->all->at[s->function];
    grad_node now[BODY_OPERANDS], next[BODY_OPERANDS], y[BODY_OPERANDS][32];
    memcpy(now, in, sizeof now);
    for (int64_t t = 0; t < s->length; t++) {
        int64_t at = s->reverse ? s->length - 1 - t : t;
        grad_attribute slice[] = {whole("axis", 0), whole("index", at)};
        for (int k = s->carries; k < s->carries + s->sliced; k++)
            apply(p, "select", 1, &in[k], 2, slice, &now[k]);
        put(p, s->function, now, next);
        for (int k = 0; k < f->n_out; k++) *(k < s->carries ? &now[k] : &y[k][at]) = next[k];
    }
    for (int k = 0; k < f->n_out; k++) {
        body_type t = f->type[f->out[k]];
        int64_t dim[3] = {0};
        int rank = body_shape(p->all, t, dim + 1);
        if (k < s->carries) out[k] = op(p, "identity", now[k], GRAD_NONE);
        else if (s->length) apply(p, "stack", (size_t)s->length, y[k], 0, NULL, &out[k]);
        else if (!p->err->code)
            (void)!grad_constant(&out[k], p->g, body_dtype(t), rank + 1, dim, "", p->err);
    }
}

static void run_body(const place *p, const body_step *s, const grad_node *in, grad_node *out)
{
    static const char *const ops[] = {[CALL] = "call", [COND] = "cond", [SCAN] = "scan",
                                      [WHILE] = "while", [MAP] = "map"};
    char name[16], other[16];
    snprintf(name, sizeof name, "f%d", s->function);
    snprintf(other, sizeof other, "%c%d", s->what == COND ? 'f' : 'c', s->what == COND ? s->other
                                                                                       : s->function);
    grad_attribute shared = whole("shared", s->n_in - s->carries - s->sliced);
    grad_attribute call[] = {named("function", name)}, map[] = {call[0], shared};
    grad_attribute cond[] = {named("then", name), named("else", other)};
    grad_attribute scan[] = {call[0], shared, whole("carries", s->carries), whole("length", s->length),
                             truth("reverse", s->reverse), truth("checkpoint", s->checkpoint)};
    grad_attribute until[] = {named("body", name), named("cond", other), shared,
                              whole("max_steps", s->length)};
    const grad_attribute *attr = s->what == CALL ? call : s->what == COND ? cond
                               : s->what == MAP ? map : s->what == SCAN ? scan : until;
    size_t n = s->what == CALL ? 1 : s->what == COND || s->what == MAP ? 2 : s->what == SCAN ? 6 : 4;
    apply(p, ops[s->what], (size_t)s->n_in, in, n, attr, out);
}

static void written_out(const place *p, const body_step *s, const grad_node *in, grad_node *out)
{
    grad_node a[BODY_OPERANDS], b[BODY_OPERANDS];
    int n_out = p->all->at[s->function].n_out;
    if (s->what == WHILE) while_written_out(p, s, in, out);
    else if (s->what == SCAN || s->what == MAP) loop_written_out(p, s, in, out);
    else if (s->what == CALL) put(p, s->function, in, out);
    else {
        put(p, s->function, in + 1, a);
        put(p, s->other, in + 1, b);
        for (int k = 0; k < n_out; k++) out[k] = where(p, in[0], a[k], b[k]);
    }
}

static grad_node plain(const place *p, const body_step *s, const grad_node *in)
{
    grad_node out = 0;
    switch (s->what) {
    case SIN: return SINE(p, in[0]);
    case MEAN_OF: return op(p, "mul", op(p, "add", in[0], in[1]), REAL_AT(p, 0.5));
    case PRODUCT: return SINE(p, op(p, "mul", in[0], in[1]));
    case INNER: return SINE(p, op(p, "dot", in[0], in[1]));
    case TOTAL: return SINE(p, op(p, "sum", in[0], GRAD_NONE));
    case LESS: return less(p, in[0], in[1]);
    case COUNT: return op(p, "add", in[0], number(p, GRAD_INT64, 0, 1));
    case SCALED: return SINE(p, op(p, "mul", op(p, "mul", in[0], in[1]), REAL_AT(p, 0.25)));
    case SLOPE: return SINE(p, op(p, "grad", in[0], in[1]));
    default: apply(p, "where", 3, in, 0, NULL, &out);
    }
    return out;
}

static void add_body(const place *p, const body *f, const grad_node *in, grad_node *value)
{
    memcpy(value, in, (size_t)f->n_in * sizeof *in);
    for (int i = 0; i < f->n_steps; i++) {
        const body_step *s = &f->step[i];
        grad_node operand[BODY_OPERANDS] = {0};
        for (int k = 0; k < s->n_in; k++) operand[k] = value[s->in[k]];
        grad_node *out = value + s->first;
        if (s->what < CALL) *out = plain(p, s, operand);
        else if (p->written_out) written_out(p, s, operand, out);
        else run_body(p, s, operand, out);
        const body *g = &p->all->at[s->function];
        for (int k = s->carries; (s->what == SCAN || s->what == MAP) && k < g->n_out; k++)
            out[k] = tidy(p, out[k], g->type[g->out[k]], s->length);
    }
}

/* ---- a library of them -------------------------------------------------------------------------- */

static bool find(void *context, const char *name, size_t length, size_t *inputs, size_t *results)
{
    const bodies *all = context;
    char text[16] = "";
    memcpy(text, name, length < 15 ? length : 15);
    const body *f = &all->at[atoi(text + 1)];
    *inputs = (size_t)f->n_in;
    *results = text[0] == 'c' ? 1 : (size_t)f->n_out;
    return true;
}

static int build(void *context, grad_graph *g, const char *name, size_t length, const grad_node *in,
                 grad_node *out, grad_error *err)
{
    bodies *all = context;
    place p = {all, g, err, false};
    char text[16] = "";
    memcpy(text, name, length < 15 ? length : 15);
    const body *f = &all->at[atoi(text + 1)];
    grad_node value[BODY_VALUES];
    if (text[0] == 'c') {
        out[0] = condition(&p, f, in);
    } else {
        add_body(&p, f, in, value);
        for (int k = 0; k < f->n_out; k++) out[k] = value[f->out[k]];
    }
    return err->code ? -1 : 0;
}

void bodies_library(bodies *all)
{
    all->library = (grad_library){all, find, build};
}

int bodies_add(bodies *all, grad_graph *g, bool out, const grad_node *in, grad_node *value,
               grad_error *err)
{
    place p = {all, g, err, out};
    add_body(&p, &all->at[all->n - 1], in, value);
    return err->code ? -1 : 0;
}
