/* test_blame.c -- when a kernel refuses a value, the error names the call that the caller made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "grad.h"

typedef struct world {
    grad_host host;
    grad_error err;
    grad_graph *g;
} world;

static void begin(world *w)
{
    *w = (world){.host = GRAD_HOST_DEFAULT};
    assert_int_equal(grad_graph_new(&w->g, &w->host, GRAD_FLOAT64, &w->err), 0);
}

static void end(world *w)
{
    grad_graph_free(w->g);
    assert_int_equal(w->host.used, 0);
}

static grad_node input(world *w, grad_dtype dtype, int rank, const int64_t *dim)
{
    grad_node n = GRAD_NONE;
    assert_int_equal(grad_input(&n, w->g, dtype, rank, dim, &w->err), 0);
    return n;
}

static grad_node apply(world *w, const char *op, const grad_operand *in, size_t n_in)
{
    grad_node n = GRAD_NONE;
    if (grad_apply(&n, w->g, grad_op_find(op), in, n_in, NULL, 0, &w->err) < 0)
        fail_msg("%s: %s", op, w->err.text);
    return n;
}

static grad_node gradient(world *w, grad_node f, grad_node x)
{
    grad_node n = GRAD_NONE;
    if (grad_gradient(&n, w->g, &f, NULL, 1, &x, 1, &w->err) < 0) fail_msg("%s", w->err.text);
    return n;
}

/* Runs for `want` alone, which must fail with an index out of range. */
static void run_into(world *w, grad_node want, const void *const *inputs)
{
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    if (grad_compile(&p, w->g, &want, 1, &w->err) < 0 ||
        grad_workspace_new(&space, p, &w->host, &w->err) < 0)
        fail_msg("%s", w->err.text);
    assert_int_equal(grad_run(p, space, inputs, &w->err), -1);
    assert_int_equal(w->err.code, GRAD_INDEX_OUT_OF_RANGE);
    grad_workspace_free(space);
    grad_program_free(p);
}

#define PAIR(a, b) ((grad_operand[]){GRAD_AT(a), GRAD_AT(b)})
#define ONE(a) (&(grad_operand)GRAD_AT(a))

static const double x_data[] = {1, 2, 3};
static const int64_t size = 3, i_data[] = {0, 1, 3};

/* f = sum(take(x, i)^2), its gradient, and the gradient of the sum of that: whichever runs alone,
   the take is at fault, and its second operand. */
static void a_call_is_named_by_its_adjoints_to_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 3; order++) {
        world w;
        begin(&w);
        grad_node x = input(&w, GRAD_FLOAT64, 1, &size), i = input(&w, GRAD_INT64, 1, &size);
        grad_node taken = apply(&w, "take", PAIR(x, i), 2);
        grad_node f = apply(&w, "sum", ONE(apply(&w, "square", ONE(taken), 1)), 1);
        for (int k = 0; k < order; k++) f = apply(&w, "sum", ONE(gradient(&w, f, x)), 1);
        run_into(&w, f, (const void *[]){x_data, i_data});
        assert_int_equal(w.err.node, taken);
        assert_int_equal(w.err.input, 1);
        end(&w);
    }
}

/* The kernel that looks the classes up is far inside, and finds them cast. */
static void a_composite_is_named_with_its_own_operand(void **state)
{
    (void)state;
    static const double logits[] = {0, 1, 2, 3, 4, 5};
    static const int32_t classes[] = {1, 3};
    for (int order = 0; order < 3; order++) {
        world w;
        begin(&w);
        grad_node x = input(&w, GRAD_FLOAT64, 2, (int64_t[]){2, 3});
        grad_node t = input(&w, GRAD_INT32, 1, &(int64_t){2});
        grad_node loss = apply(&w, "cross_entropy", PAIR(x, t), 2), f = loss;
        for (int k = 0; k < order; k++) f = apply(&w, "sum", ONE(gradient(&w, f, x)), 1);
        run_into(&w, f, (const void *[]){logits, classes});
        assert_int_equal(w.err.node, loss);
        assert_int_equal(w.err.input, 1);
        end(&w);
    }
}

static void a_bare_number_is_an_operand_too(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = input(&w, GRAD_FLOAT64, 1, &size);
    grad_operand in[] = {GRAD_AT(x), {.kind = GRAD_OPERAND_INT, .node = GRAD_NONE, .i = 7}};
    grad_node y = apply(&w, "nll_loss", in, 2);
    run_into(&w, y, (const void *[]){x_data});
    assert_int_equal(w.err.node, y);
    assert_int_equal(w.err.input, 1);
    end(&w);
}

/* Two calls share their indices; the gradient of one of them names that one. */
static void the_call_that_was_differentiated_is_named(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = input(&w, GRAD_FLOAT64, 1, &size), y = input(&w, GRAD_FLOAT64, 1, &size);
    grad_node i = input(&w, GRAD_INT64, 1, &size);
    grad_node of_x = apply(&w, "take", PAIR(x, i), 2), of_y = apply(&w, "take", PAIR(y, i), 2);
    grad_node f = apply(&w, "sum", ONE(apply(&w, "add", PAIR(of_x, of_y), 2)), 1);
    run_into(&w, gradient(&w, f, y), (const void *[]){x_data, x_data, i_data});
    assert_int_equal(w.err.node, of_y);
    assert_int_equal(w.err.input, 1);
    end(&w);
}

/* A gradient that is a node stands for many kernels: each is its own take's adjoint. */
static void of_many_calls_the_one_at_fault_is_named(void **state)
{
    (void)state;
    enum { CALLS = 7 };
    static const int64_t good = 0, bad = 3;
    for (int wrong = 0; wrong < CALLS; wrong++) {
        world w;
        grad_node taken[CALLS], f = GRAD_NONE;
        const void *in[1 + CALLS] = {x_data};
        begin(&w);
        grad_node x = input(&w, GRAD_FLOAT64, 1, &size);
        for (int k = 0; k < CALLS; k++) {
            taken[k] = apply(&w, "take", PAIR(x, input(&w, GRAD_INT64, 0, NULL)), 2);
            f = k ? apply(&w, "add", PAIR(f, taken[k]), 2) : taken[k];
            in[1 + k] = k == wrong ? &bad : &good;
        }
        run_into(&w, apply(&w, "grad", PAIR(f, x), 2), in);
        assert_int_equal(w.err.node, taken[wrong]);
        assert_int_equal(w.err.input, 1);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_named_by_its_adjoints_to_any_order),
        cmocka_unit_test(a_composite_is_named_with_its_own_operand),
        cmocka_unit_test(a_bare_number_is_an_operand_too),
        cmocka_unit_test(the_call_that_was_differentiated_is_named),
        cmocka_unit_test(of_many_calls_the_one_at_fault_is_named),
    };
    return cmocka_run_group_tests_name("blame", tests, NULL, NULL);
}
