/* test_control.c -- functions in libgrad: loops, branches and calls beside the same graph unrolled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grad.h"

/* ---- a library of functions written in C -------------------------------------------------------- */

static grad_node apply2(grad_graph *g, const char *op, grad_node a, grad_node b, grad_error *err)
{
    grad_node n = GRAD_NONE;
    grad_operand in[] = {GRAD_AT(a), GRAD_AT(b)};
    if (err->code == GRAD_OK)
        (void)!grad_apply(&n, g, grad_op_find(op), in, b == GRAD_NONE ? 1 : 2, NULL, 0, err);
    return n;
}

/* (c, x, s) -> (tanh(c * s) + x, c * c * x) */
static void step(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
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
static void climb(grad_graph *g, const grad_node *in, grad_node *out, grad_error *err)
{
    grad_node n;
    grad_operand tenth[] = {GRAD_AT(in[0]), {GRAD_OPERAND_REAL, GRAD_NONE, {.r = 1.25}}};
    if (err->code || grad_apply(&n, g, grad_op_find("mul"), tenth, 2, NULL, 0, err) < 0) return;
    out[0] = apply2(g, "add", apply2(g, "mul", in[0], in[0], err), n, err);
}

static int call_by(grad_graph *g, const char *op, const char *function, const grad_node *in, size_t n,
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

typedef struct world {
    grad_host host;
    grad_error err;
    grad_graph *g;
} world;

static void begin(world *w)
{
    *w = (world){.host = GRAD_HOST_DEFAULT};
    assert_int_equal(grad_graph_new(&w->g, &w->host, GRAD_FLOAT64, &w->err), 0);
    grad_graph_functions(w->g, &library);
}

static void end(world *w)
{
    grad_graph_free(w->g);
    assert_int_equal(w->host.used, 0);
}

static grad_node input(world *w, int rank, int64_t a, int64_t b)
{
    grad_node n = GRAD_NONE;
    assert_int_equal(grad_input(&n, w->g, GRAD_FLOAT64, rank, (int64_t[]){a, b}, &w->err), 0);
    return n;
}

static grad_node op(world *w, const char *name, grad_node a, grad_node b)
{
    grad_node n = apply2(w->g, name, a, b, &w->err);
    if (w->err.code) fail_msg("%s: %s", name, w->err.text);
    return n;
}

static grad_attribute whole(const char *name, int64_t value)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_INT, .i = value}};
}
static grad_attribute truth(const char *name, bool value)
{
    return (grad_attribute){name, strlen(name), {.kind = GRAD_TRUTH, .i = value}};
}
static grad_attribute text(const char *name, const char *value)
{
    return (grad_attribute){name, strlen(name),
                            {.kind = GRAD_TEXT, .n = (uint32_t)strlen(value), .text = value}};
}

static void flow(world *w, const char *name, const grad_node *in, size_t n,
                 const grad_attribute *attr, size_t n_attr, grad_node *out)
{
    grad_operand operand[8];
    for (size_t i = 0; i < n; i++) operand[i] = (grad_operand)GRAD_AT(in[i]);
    if (grad_apply(out, w->g, grad_op_find(name), operand, n, attr, n_attr, &w->err) < 0)
        fail_msg("%s: %s", name, w->err.text);
}

static grad_node row(world *w, grad_node x, int64_t i)
{
    grad_node n;
    grad_operand in = GRAD_AT(x);
    grad_attribute a[] = {whole("axis", 0), whole("index", i)};
    if (grad_apply(&n, w->g, grad_op_find("select"), &in, 1, a, 2, &w->err)) fail_msg("%s", w->err.text);
    return n;
}

/* A number that depends on all of f's first derivatives: its gradient is of second order. */
static grad_node bent(world *w, grad_node f, const grad_node *wrt, size_t n)
{
    grad_node first[8], total = GRAD_NONE;
    if (grad_gradient(first, w->g, &f, NULL, 1, wrt, n, &w->err) < 0) fail_msg("%s", w->err.text);
    for (size_t i = 0; i < n; i++) {
        grad_node s = op(w, "sum", op(w, "sin", first[i], GRAD_NONE), GRAD_NONE);
        total = total == GRAD_NONE ? s : op(w, "add", total, s);
    }
    return total;
}

/* f, its gradients and those of a function of its gradients, in out[] one after another. */
static size_t evaluate(world *w, grad_node f, const grad_node *wrt, size_t n,
                       const void *const *inputs, double *out)
{
    grad_node want[32];
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    size_t at = 0;
    want[0] = f;
    grad_node curved = bent(w, f, wrt, n);
    if (grad_gradient(want + 1, w->g, &f, NULL, 1, wrt, n, &w->err) < 0 ||
        grad_gradient(want + 1 + n, w->g, &curved, NULL, 1, wrt, n, &w->err) < 0 ||
        grad_compile(&p, w->g, want, 1 + 2 * n, &w->err) < 0 ||
        grad_workspace_new(&space, p, &w->host, &w->err) < 0 ||
        grad_run(p, space, inputs, &w->err) < 0)
        fail_msg("%s", w->err.text);
    for (size_t i = 0; i < 1 + 2 * n; i++) {
        size_t count = (size_t)grad_node_shape(w->g, want[i])->count;
        memcpy(out + at, grad_result(space, i), count * sizeof *out);
        at += count;
    }
    grad_workspace_free(space);
    grad_program_free(p);
    return at;
}

static void assert_close(const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-12 * (1 + fabs(want[i]))))
            fail_msg("number %zu is %.17g, expected %.17g", i, got[i], want[i]);
}

/* ---- tests -------------------------------------------------------------------------------------- */

enum { STEPS = 11, WIDTH = 3 };

static double data[3][STEPS * WIDTH];

static const void *const *numbers(void)
{
    static const void *in[3] = {data[0], data[1], data[2]};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < STEPS * WIDTH; i++) data[k][i] = 0.7 * sin(1 + 3.1 * i + 17 * k);
    return in;
}

static grad_node summary(world *w, grad_node c, grad_node y)
{
    return op(w, "add", op(w, "sum", op(w, "sin", c, GRAD_NONE), GRAD_NONE),
              op(w, "sum", op(w, "exp", y, GRAD_NONE), GRAD_NONE));
}

static size_t unrolled(bool reverse, double *out)
{
    world w;
    begin(&w);
    grad_node c = input(&w, 1, WIDTH, 0), xs = input(&w, 2, STEPS, WIDTH), s = input(&w, 1, WIDTH, 0);
    grad_node wrt[] = {c, xs, s}, total = GRAD_NONE;
    for (int64_t t = 0; t < STEPS; t++) {
        grad_node next[2];
        step(w.g, (grad_node[]){c, row(&w, xs, reverse ? STEPS - 1 - t : t), s}, next, &w.err);
        grad_node part = op(&w, "sum", op(&w, "exp", next[1], GRAD_NONE), GRAD_NONE);
        total = total == GRAD_NONE ? part : op(&w, "add", total, part);
        c = next[0];
    }
    grad_node f = op(&w, "add", op(&w, "sum", op(&w, "sin", c, GRAD_NONE), GRAD_NONE), total);
    size_t n = evaluate(&w, f, wrt, 3, numbers(), out);
    end(&w);
    return n;
}

static void a_scan_is_the_loop_written_out(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        bool reverse = way & 1, checkpoint = way & 2;
        double want[256], got[256];
        size_t n = unrolled(reverse, want);
        world w;
        begin(&w);
        grad_node in[] = {input(&w, 1, WIDTH, 0), input(&w, 2, STEPS, WIDTH), input(&w, 1, WIDTH, 0)};
        grad_node out[2];
        grad_attribute a[] = {text("function", "step"), whole("carries", 1), whole("shared", 1),
                              truth("reverse", reverse), truth("checkpoint", checkpoint)};
        flow(&w, "scan", in, 3, a, 5, out);
        grad_node f = summary(&w, out[0], out[1]);
        assert_int_equal(evaluate(&w, f, in, 3, numbers(), got), n);
        assert_close(got, want, n);
        end(&w);
    }
}

static void a_scan_of_no_steps_hands_its_carries_on(void **state)
{
    (void)state;
    world w;
    double got[64];
    begin(&w);
    grad_node in[] = {input(&w, 1, WIDTH, 0), input(&w, 2, 0, WIDTH), input(&w, 1, WIDTH, 0)}, out[2];
    grad_attribute a[] = {text("function", "step"), whole("carries", 1), whole("shared", 1)};
    flow(&w, "scan", in, 3, a, 3, out);
    grad_node f = op(&w, "sum", out[0], GRAD_NONE);
    assert_int_equal(grad_node_shape(w.g, out[1])->dim[0], 0);
    evaluate(&w, f, in, 3, numbers(), got);
    assert_close(got, (double[]){data[0][0] + data[0][1] + data[0][2], 1, 1, 1, 0, 0, 0}, 7);
    end(&w);
}

static void carries_that_change_places_are_kept_apart(void **state)
{
    (void)state;
    for (int64_t length = 1; length < 6; length++) {
        world w;
        double got[64];
        begin(&w);
        grad_node in[] = {input(&w, 1, WIDTH, 0), input(&w, 1, WIDTH, 0)}, out[2];
        grad_attribute a[] = {text("function", "swap"), whole("carries", 2), whole("length", length)};
        flow(&w, "scan", in, 2, a, 3, out);
        evaluate(&w, op(&w, "sum", out[0], GRAD_NONE), in, 2, numbers(), got);
        const double *from = data[length & 1];
        assert_close(got, (double[]){from[0] + from[1] + from[2]}, 1);
        for (int i = 0; i < 6; i++) assert_true(got[1 + i] == ((i < 3) != (length & 1)));
        end(&w);
    }
}

static void a_map_is_the_function_of_each_row(void **state)
{
    (void)state;
    world w;
    double want[256], got[256];
    begin(&w);
    grad_node x = input(&w, 2, STEPS, WIDTH), y[2];
    y[0] = op(&w, "mul", x, op(&w, "sin", x, GRAD_NONE));
    grad_attribute a = text("function", "wave");
    flow(&w, "map", &x, 1, &a, 1, &y[1]);
    size_t n = evaluate(&w, op(&w, "sum", op(&w, "exp", y[0], GRAD_NONE), GRAD_NONE), &x, 1,
                        numbers(), want);
    assert_int_equal(evaluate(&w, op(&w, "sum", op(&w, "exp", y[1], GRAD_NONE), GRAD_NONE), &x, 1,
                              numbers(), got), n);
    assert_close(got, want, n);
    end(&w);
}

static void a_call_within_a_call_is_differentiated(void **state)
{
    (void)state;
    world w;
    double want[64], got[64];
    begin(&w);
    grad_node x = input(&w, 1, WIDTH, 0), y = x, z;
    for (int i = 0; i < 2; i++) y = op(&w, "mul", y, op(&w, "sin", y, GRAD_NONE));
    if (call_by(w.g, "call", "twice", &x, 1, &z, &w.err) < 0) fail_msg("%s", w.err.text);
    size_t n = evaluate(&w, op(&w, "sum", y, GRAD_NONE), &x, 1, numbers(), want);
    assert_int_equal(evaluate(&w, op(&w, "sum", z, GRAD_NONE), &x, 1, numbers(), got), n);
    assert_close(got, want, n);
    end(&w);
}

static void a_cond_runs_and_differentiates_one_branch(void **state)
{
    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        world w;
        double want[64], got[64];
        uint8_t pred = (uint8_t)taken;
        begin(&w);
        grad_node p, x, out;
        assert_int_equal(grad_input(&p, w.g, GRAD_BOOL, 0, NULL, &w.err), 0);
        x = input(&w, 1, WIDTH, 0);
        grad_attribute a[] = {text("then", "wave"), text("else", "grow")};
        flow(&w, "cond", (grad_node[]){p, x}, 2, a, 2, &out);
        grad_node y = taken ? op(&w, "mul", x, op(&w, "sin", x, GRAD_NONE))
                            : op(&w, "exp", x, GRAD_NONE);
        numbers();
        const void *in[] = {&pred, data[0]};
        size_t n = evaluate(&w, op(&w, "sum", y, GRAD_NONE), &x, 1, in, want);
        assert_int_equal(evaluate(&w, op(&w, "sum", out, GRAD_NONE), &x, 1, in, got), n);
        assert_close(got, want, n);
        end(&w);
    }
}

static void a_while_is_differentiated_through_its_steps(void **state)
{
    (void)state;
    world w;
    double want[64], got[64], x0[WIDTH] = {0.11, 0.2, 0.3}, limit = 40, sum = 0.61;
    begin(&w);
    grad_node x = input(&w, 1, WIDTH, 0), top = input(&w, 0, 0, 0), y = x, out;
    grad_attribute a[] = {text("cond", "below"), text("body", "climb"), whole("shared", 1),
                          whole("max_steps", 50)};
    flow(&w, "while", (grad_node[]){x, top}, 2, a, 4, &out);
    double v[WIDTH];
    int steps = 0;
    for (memcpy(v, x0, sizeof v); sum < limit; steps++) {
        sum = 0;
        for (int i = 0; i < WIDTH; i++) sum += v[i] = v[i] * v[i] + 1.25 * v[i];
        climb(w.g, (grad_node[]){y, top}, &y, &w.err);
    }
    assert_true(steps > 3);
    const void *in[] = {x0, &limit};
    size_t n = evaluate(&w, op(&w, "sum", op(&w, "log", y, GRAD_NONE), GRAD_NONE), &x, 1, in, want);
    assert_int_equal(evaluate(&w, op(&w, "sum", op(&w, "log", out, GRAD_NONE), GRAD_NONE), &x, 1, in,
                              got), n);
    assert_close(got, want, n);
    end(&w);
}

static void a_while_without_end_is_no_convergence(void **state)
{
    (void)state;
    world w;
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    double x0[WIDTH] = {-0.1, -0.2, -0.05}, limit = 40; /* climbs to zero from below, no further */
    begin(&w);
    grad_node x = input(&w, 1, WIDTH, 0), top = input(&w, 0, 0, 0), out;
    grad_attribute a[] = {text("cond", "below"), text("body", "climb"), whole("shared", 1),
                          whole("max_steps", 7)};
    flow(&w, "while", (grad_node[]){x, top}, 2, a, 4, &out);
    assert_int_equal(grad_compile(&p, w.g, &out, 1, &w.err), 0);
    assert_int_equal(grad_workspace_new(&space, p, &w.host, &w.err), 0);
    assert_int_equal(grad_run(p, space, (const void *[]){x0, &limit}, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_NO_CONVERGENCE);
    assert_true(w.err.node <= out);
    grad_workspace_free(space);
    grad_program_free(p);
    end(&w);
}

/* Bytes that the gradient of a scan over `length` steps runs in. */
static double memory_of(int64_t length, bool checkpoint)
{
    world w;
    grad_program *p = NULL;
    grad_node x[2], out, wrt[2];
    begin(&w);
    x[0] = input(&w, 1, 1000, 0);
    x[1] = input(&w, 1, 1000, 0);
    grad_attribute a[] = {text("function", "climb"), whole("carries", 1), whole("shared", 1),
                          whole("length", length), truth("checkpoint", checkpoint)};
    flow(&w, "scan", x, 2, a, 5, &out);
    grad_node f = op(&w, "sum", out, GRAD_NONE);
    assert_int_equal(grad_gradient(wrt, w.g, &f, NULL, 1, x, 2, &w.err), 0);
    assert_int_equal(grad_compile(&p, w.g, wrt, 2, &w.err), 0);
    double bytes = (double)grad_program_cost(p).workspace;
    grad_program_free(p);
    end(&w);
    return bytes;
}

static void memory_grows_with_the_steps_or_with_their_square_root(void **state)
{
    (void)state;
    double row = 1000 * sizeof(double);
    double plain = memory_of(6400, false) - memory_of(1600, false);
    double kept = memory_of(6400, true) - memory_of(1600, true);
    assert_true(plain > 4000 * row && plain < 6000 * row); /* 4800 more steps */
    assert_true(kept < 200 * row);                         /* 40 more of each of two levels */
}

static void a_loop_too_long_to_be_differentiated_can_be_run(void **state)
{
    (void)state;
    world w;
    grad_program *p = NULL;
    grad_node x[2], out, wrt;
    begin(&w);
    x[0] = input(&w, 1, 1000, 0);
    x[1] = input(&w, 0, 0, 0);
    grad_attribute a[] = {text("function", "climb"), whole("carries", 1), whole("shared", 1),
                          whole("length", 1000000)};
    flow(&w, "scan", x, 2, a, 4, &out);
    assert_int_equal(grad_compile(&p, w.g, &out, 1, &w.err), 0);
    assert_true(grad_program_cost(p).workspace < 1000000);
    grad_program_free(p);
    grad_attribute b[] = {text("cond", "below"), text("body", "climb"), whole("shared", 1),
                          whole("max_steps", INT64_MAX)};
    flow(&w, "while", x, 2, b, 4, &wrt);
    assert_int_equal(grad_compile(&p, w.g, &wrt, 1, &w.err), 0);
    grad_program_free(p);
    grad_node f = op(&w, "sum", out, GRAD_NONE);
    assert_int_equal(grad_gradient(&wrt, w.g, &f, NULL, 1, &out, 1, &w.err), 0); /* not beyond it */
    assert_int_equal(grad_gradient(&wrt, w.g, &f, NULL, 1, x, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_MEMORY_LIMIT);
    end(&w);
}

static void the_longest_of_all_scans_is_cut_into_segments_at_once(void **state)
{
    (void)state;
    for (int64_t less = 0; less < 3; less++) {
        world w;
        begin(&w);
        grad_node x[] = {input(&w, 0, 0, 0), input(&w, 0, 0, 0)}, out;
        grad_attribute a[] = {text("function", "climb"), whole("carries", 1), whole("shared", 1),
                              whole("length", INT64_MAX - less), truth("checkpoint", true)};
        flow(&w, "scan", x, 2, a, 5, &out);
        end(&w);
    }
}

/* Nothing is kept of it unless it is differentiated, and then not even one step can be. */
static void a_while_over_most_of_the_memory_can_be_run(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    static double many[MANY];
    world w;
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    begin(&w);
    w.host.memory = (size_t)2 << 20;
    grad_node x[] = {input(&w, 1, MANY, 0), input(&w, 0, 0, 0)}, out, back;
    grad_attribute a[] = {text("cond", "below"), text("body", "climb"), whole("shared", 1),
                          whole("max_steps", 9)};
    flow(&w, "while", x, 2, a, 4, &out);
    assert_int_equal(grad_compile(&p, w.g, &out, 1, &w.err), 0);
    assert_int_equal(grad_workspace_new(&space, p, &w.host, &w.err), 0);
    for (int i = 0; i < MANY; i++) many[i] = 1;
    assert_int_equal(grad_run(p, space, (const void *[]){many, &(double){40001}}, &w.err), 0);
    assert_true(*(const double *)grad_result(space, 0) == 2.25);
    grad_workspace_free(space);
    grad_program_free(p);
    grad_node f = op(&w, "sum", out, GRAD_NONE);
    assert_int_equal(grad_gradient(&back, w.g, &f, NULL, 1, x, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_MEMORY_LIMIT);
    end(&w);
}

static void functions_that_double_are_too_large_at_once(void **state)
{
    (void)state;
    world w;
    grad_node x, out;
    begin(&w);
    x = input(&w, 0, 0, 0);
    assert_int_equal(call_by(w.g, "call", "d10", &x, 1, &out, &w.err), 0);
    assert_int_equal(call_by(w.g, "call", "d30", &x, 1, &out, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_GRAPH_TOO_LARGE);
    end(&w);
}

static void functions_without_end_are_too_large(void **state)
{
    (void)state;
    world w;
    grad_node x, out;
    begin(&w);
    x = input(&w, 0, 0, 0);
    assert_int_equal(call_by(w.g, "call", "dx0", &x, 1, &out, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_GRAPH_TOO_LARGE);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_is_the_loop_written_out),
        cmocka_unit_test(a_scan_of_no_steps_hands_its_carries_on),
        cmocka_unit_test(carries_that_change_places_are_kept_apart),
        cmocka_unit_test(a_map_is_the_function_of_each_row),
        cmocka_unit_test(a_call_within_a_call_is_differentiated),
        cmocka_unit_test(a_cond_runs_and_differentiates_one_branch),
        cmocka_unit_test(a_while_is_differentiated_through_its_steps),
        cmocka_unit_test(a_while_without_end_is_no_convergence),
        cmocka_unit_test(memory_grows_with_the_steps_or_with_their_square_root),
        cmocka_unit_test(a_loop_too_long_to_be_differentiated_can_be_run),
        cmocka_unit_test(the_longest_of_all_scans_is_cut_into_segments_at_once),
        cmocka_unit_test(a_while_over_most_of_the_memory_can_be_run),
        cmocka_unit_test(functions_that_double_are_too_large_at_once),
        cmocka_unit_test(functions_without_end_are_too_large),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
