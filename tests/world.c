/* world.c -- a graph under test, and functions for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/* ---- a library of functions written in C -------------------------------------------------------- */

grad_node apply2(grad_graph *g, const char *op, grad_node a, grad_node b, grad_error *err)
{
    grad_node n = GRAD_NONE;
    grad_operand in[] = {GRAD_AT(a), GRAD_AT(b)};
    if (err->code == GRAD_OK)
        (void)!grad_apply(&n, g, grad_op_find(op), in, b == GRAD_NONE ? 1 : 2, NULL, 0, err);
    return n;
}

/* (c, x, s) -> (tanh(c * s) + x, c * c * x) */
void step(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    grad_node t = apply2(g, "tanh", apply2(g, "mul", in[0], in[2], err), GRAD_NONE, err);
    out[0] = apply2(g, "add", t, in[1], err);
    out[1] = apply2(g, "mul", apply2(g, "square", in[0], GRAD_NONE, err), in[1], err);
}

/* (a, b) -> (b, a): carries that are only handed on */
static void swap(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    (void)g, (void)err;
    out[0] = in[1];
    out[1] = in[0];
}

/* (x) -> (x * sin(x)) */
static void wave(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    out[0] = apply2(g, "mul", in[0], apply2(g, "sin", in[0], GRAD_NONE, err), err);
}

/* (x) -> (exp(x)) */
static void grow(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    out[0] = apply2(g, "exp", in[0], GRAD_NONE, err);
}

/* (x, limit) -> (sum(x) < limit) */
static void below(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    out[0] = apply2(g, "lt", apply2(g, "sum", in[0], GRAD_NONE, err), in[1], err);
}

/* (x, limit) -> (x * x + 0.1 x) */
void climb(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    grad_node n;
    grad_operand tenth[] = {GRAD_AT(in[0]), {GRAD_OPERAND_REAL, GRAD_NONE, {.r = 1.25}}};
    if (err->code || grad_apply(&n, g, grad_op_find("mul"), tenth, 2, NULL, 0, err) < 0) return;
    out[0] = apply2(g, "add", apply2(g, "mul", in[0], in[0], err), n, err);
}

int call_by(grad_graph *g, const char *op, const char *function, const grad_node *in, size_t n,
                   grad_node *out, grad_error *err)
{
    grad_operand operand[8];
    grad_attribute a = {"function", 8,
                        {.kind = GRAD_TEXT, .n = (uint32_t)strlen(function), .text = function}};
    for (size_t i = 0; i < n; i++) operand[i] = (grad_operand)GRAD_AT(in[i]);
    return grad_apply(out, g, grad_op_find(op), operand, n, &a, 1, err);
}

/* (x) -> (wave(wave(x))), by calls */
static void twice(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    grad_node once;
    if (call_by(g, "call", "wave", in, 1, &once, err) == 0)
        (void)!call_by(g, "call", "wave", &once, 1, out, err);
}

static const struct entry {
    const char *name;
    size_t inputs, results;
    void (*build)(grad_graph *, const grad_node *, grad_node *, grad_error *);
} entries[] = {
    {"step", 3, 2, step}, {"swap", 2, 2, swap},   {"wave", 1, 1, wave},  {"grow", 1, 1, grow},
    {"twice", 1, 1, twice}, {"below", 2, 1, below}, {"climb", 2, 1, climb},
};

static bool find(void *context, const char *name, size_t length, size_t *inputs, size_t *results)
{
    (void)context;
    if (name[0] == 'd' && length > 1) {
        *inputs = *results = 1;
        return true;
    }
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (strlen(entries[i].name) == length && memcmp(entries[i].name, name, length) == 0) {
            *inputs = entries[i].inputs;
            *results = entries[i].results;
            return true;
        }
    return false;
}

/* d1 is sin, and each dN calls the one before twice; dx0 calls dx1 calls dx2 ... without end. */
static int build_doubling(grad_graph *body, const char *name, const grad_node *in, grad_node *out,
                          grad_error *err)
{
    char before[24];
    grad_node once;
    if (name[1] == 'x') {
        snprintf(before, sizeof before, "dx%d", atoi(name + 2) + 1);
        return call_by(body, "call", before, in, 1, out, err);
    }
    if (atoi(name + 1) == 1) {
        *out = apply2(body, "sin", in[0], GRAD_NONE, err);
        return err->code ? -1 : 0;
    }
    snprintf(before, sizeof before, "d%d", atoi(name + 1) - 1);
    return call_by(body, "call", before, in, 1, &once, err) < 0
               ? -1 : call_by(body, "call", before, &once, 1, out, err);
}

static int build(void *context, grad_graph *body, const char *name, size_t length,
                 const grad_node *in, grad_node *out, grad_error *err)
{
    char text[32] = "";
    (void)context;
    memcpy(text, name, length < 31 ? length : 31);
    if (text[0] == 'd') return build_doubling(body, text, in, out, err);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (strcmp(entries[i].name, text) == 0) entries[i].build(body, in, out, err);
    return err->code ? -1 : 0;
}

static const grad_library library = {NULL, find, build};

/* ---- a graph under test ------------------------------------------------------------------------- */

void begin(world *w)
{
    *w = (world){.host = GRAD_HOST_DEFAULT};
    assert_int_equal(grad_graph_new(&w->g, &w->host, GRAD_FLOAT64, &w->err), 0);
    grad_graph_functions(w->g, &library);
}

void end(world *w)
{
    grad_graph_free(w->g);
    assert_int_equal(w->host.used, 0);
}

grad_node input(world *w, int rank, int64_t a, int64_t b)
{
    grad_node n = GRAD_NONE;
    assert_int_equal(grad_input(&n, w->g, GRAD_FLOAT64, rank, (int64_t[]){a, b}, &w->err), 0);
    return n;
}

grad_node op(world *w, const char *name, grad_node a, grad_node b)
{
    grad_node n = apply2(w->g, name, a, b, &w->err);
    if (w->err.code) fail_msg("%s: %s", name, w->err.text);
    return n;
}

void flow(world *w, const char *name, const grad_node *in, size_t n,
                 const grad_attribute *attr, size_t n_attr, grad_node *out)
{
    grad_operand operand[8];
    for (size_t i = 0; i < n; i++) operand[i] = (grad_operand)GRAD_AT(in[i]);
    if (grad_apply(out, w->g, grad_op_find(name), operand, n, attr, n_attr, &w->err) < 0)
        fail_msg("%s: %s", name, w->err.text);
}

grad_node row(world *w, grad_node x, int64_t i)
{
    grad_node n;
    grad_operand in = GRAD_AT(x);
    grad_attribute a[] = {whole("axis", 0), whole("index", i)};
    if (grad_apply(&n, w->g, grad_op_find("select"), &in, 1, a, 2, &w->err)) fail_msg("%s", w->err.text);
    return n;
}

/* A number that depends on all of f's first derivatives: its gradient is of second order. */
