/* test_control.c -- functions in libgrad: loops, branches and calls beside the same graph unrolled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "world.h"

/* ---- values and derivatives --------------------------------------------------------------------- */

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
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
