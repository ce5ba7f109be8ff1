/* test_control_limits.c -- loops without end, loops beyond the memory, functions beyond the graph. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

enum { WIDTH = 3 };

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
        cmocka_unit_test(a_while_without_end_is_no_convergence),
        cmocka_unit_test(memory_grows_with_the_steps_or_with_their_square_root),
        cmocka_unit_test(a_loop_too_long_to_be_differentiated_can_be_run),
        cmocka_unit_test(the_longest_of_all_scans_is_cut_into_segments_at_once),
        cmocka_unit_test(a_while_over_most_of_the_memory_can_be_run),
        cmocka_unit_test(functions_that_double_are_too_large_at_once),
        cmocka_unit_test(functions_without_end_are_too_large),
    };
    return cmocka_run_group_tests_name("control_limits", tests, NULL, NULL);
}
