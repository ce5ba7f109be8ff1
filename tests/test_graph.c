/* test_graph.c -- libgrad as a C program meets it: building, differentiating, running, refusing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
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

static grad_node scalar(world *w)
{
    grad_node n = GRAD_NONE;
    assert_int_equal(grad_input(&n, w->g, GRAD_FLOAT64, 0, NULL, &w->err), 0);
    return n;
}

static grad_node vector(world *w, int64_t size)
{
    grad_node n = GRAD_NONE;
    assert_int_equal(grad_input(&n, w->g, GRAD_FLOAT64, 1, &size, &w->err), 0);
    return n;
}

static grad_node apply(world *w, const char *op, grad_node a, grad_node b)
{
    grad_node n = GRAD_NONE;
    grad_operand in[] = {GRAD_AT(a), GRAD_AT(b)};
    if (grad_apply(&n, w->g, grad_op_find(op), in, b == GRAD_NONE ? 1 : 2, NULL, 0, &w->err) < 0)
        fail_msg("%s: %s", op, w->err.text);
    return n;
}

static void run(world *w, const grad_node *want, size_t n, const void *const *inputs,
                double *out /* n */)
{
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    if (grad_compile(&p, w->g, want, n, &w->err) < 0 ||
        grad_workspace_new(&space, p, &w->host, &w->err) < 0 ||
        grad_run(p, space, inputs, &w->err) < 0)
        fail_msg("%s", w->err.text);
    for (size_t i = 0; i < n; i++) memcpy(&out[i], grad_result(space, i), sizeof *out);
    grad_workspace_free(space);
    grad_program_free(p);
}

static void end(world *w)
{
    grad_graph_free(w->g);
    assert_int_equal(w->host.used, 0);
}

#define AT(x) (&(double){x})

static void the_picture_it_starts_from(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = scalar(&w), y = scalar(&w), z = scalar(&w);
    grad_node q = apply(&w, "add", x, y), f = apply(&w, "mul", q, z);
    grad_node want[7] = {q, f}, wrt[] = {f, q, z, x, y};
    double got[7];
    assert_int_equal(grad_gradient(want + 2, w.g, &f, NULL, 1, wrt, 5, &w.err), 0);
    run(&w, want, 7, (const void *[]){AT(-2), AT(5), AT(-4)}, got);
    const double expected[] = {3, -12, 1, -4, 3, -4, -4};
    for (int i = 0; i < 7; i++) assert_true(got[i] == expected[i]);
    end(&w);
}

static void gradients_of_several_consumers_add_up(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node a = scalar(&w), b = scalar(&w);
    grad_node c = apply(&w, "add", a, b), d = apply(&w, "mul", b, b);
    grad_node e = apply(&w, "mul", c, d), want[2], wrt[] = {a, b};
    double got[2];
    assert_int_equal(grad_gradient(want, w.g, &e, NULL, 1, wrt, 2, &w.err), 0);
    run(&w, want, 2, (const void *[]){AT(2), AT(3)}, got);
    assert_true(got[0] == 9);  /* b^2 */
    assert_true(got[1] == 39); /* b^2 + 2 b (a + b) */
    end(&w);
}

static void equal_nodes_have_gradients_of_their_own(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = scalar(&w), y = scalar(&w);
    grad_node q = apply(&w, "add", x, y), r = apply(&w, "add", x, y);
    grad_node f = apply(&w, "mul", q, x), want[4] = {q, r}, wrt[] = {q, r};
    double got[4];
    assert_int_not_equal(q, r);
    assert_int_equal(grad_gradient(want + 2, w.g, &f, NULL, 1, wrt, 2, &w.err), 0);
    run(&w, want, 4, (const void *[]){AT(2), AT(3)}, got);
    assert_true(got[0] == 5 && got[1] == 5 && got[2] == 2 && got[3] == 0);
    end(&w);
}

static void a_long_chain_needs_no_stack(void **state)
{
    (void)state;
    enum { LENGTH = 300000 };
    world w;
    begin(&w);
    grad_node x = scalar(&w), y = x, want[2];
    double got[2];
    for (int i = 0; i < LENGTH; i++) y = apply(&w, "sin", y, GRAD_NONE);
    assert_int_equal(grad_gradient(want + 1, w.g, &y, NULL, 1, &x, 1, &w.err), 0);
    want[0] = y;
    run(&w, want, 2, (const void *[]){AT(1)}, got);
    double value = 1, slope = 1;
    for (int i = 0; i < LENGTH; i++) {
        slope *= cos(value);
        value = sin(value);
    }
    assert_true(got[0] == value);
    assert_true(fabs(got[1] - slope) <= 1e-9 * fabs(slope));
    end(&w);
}

static void picking_many_scalars_costs_their_pieces(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    world w;
    begin(&w);
    grad_node x = vector(&w, SIZE), total = GRAD_NONE, want[1];
    for (int64_t i = 0; i < SIZE; i += 10) {
        grad_node piece;
        grad_attribute at[] = {{"axis", 4, {.kind = GRAD_INT, .i = 0}},
                               {"index", 5, {.kind = GRAD_INT, .i = i}}};
        assert_int_equal(grad_apply(&piece, w.g, grad_op_find("select"),
                                    (grad_operand[]){GRAD_AT(x)}, 1, at, 2, &w.err), 0);
        total = total == GRAD_NONE ? piece : apply(&w, "add", total, piece);
    }
    assert_int_equal(grad_gradient(want, w.g, &total, NULL, 1, &x, 1, &w.err), 0);
    grad_program *p;
    assert_int_equal(grad_compile(&p, w.g, want, 1, &w.err), 0);
    /* One buffer for the whole sum, not one a piece. */
    assert_true(grad_program_cost(p).workspace < 20 * SIZE * sizeof(double));
    grad_program_free(p);
    end(&w);
}

static void answers_do_not_depend_on_what_is_asked_for(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = vector(&w, 37), y = apply(&w, "sigmoid", x, GRAD_NONE);
    grad_node z = apply(&w, "mul", apply(&w, "exp", y, GRAD_NONE), x);
    grad_node f = apply(&w, "sum", apply(&w, "tanh", z, GRAD_NONE), GRAD_NONE);
    grad_node wrt[] = {x, y, z}, all[5] = {f, y}, few[2] = {f};
    double data[37], a[5], b[2];
    for (int i = 0; i < 37; i++) data[i] = sin(i) * 2;
    assert_int_equal(grad_gradient(all + 2, w.g, &f, NULL, 1, wrt, 3, &w.err), 0);
    assert_int_equal(grad_gradient(few + 1, w.g, &f, NULL, 1, wrt, 1, &w.err), 0);
    run(&w, all, 5, (const void *[]){data}, a);
    run(&w, few, 2, (const void *[]){data}, b);
    assert_memory_equal(&a[0], &b[0], sizeof(double));
    assert_memory_equal(&a[2], &b[1], sizeof(double)); /* the first element of df/dx */
    end(&w);
}

static void what_cannot_be_is_refused_with_its_reason(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node x = vector(&w, 3), y = vector(&w, 4), n, i;
    int64_t huge[] = {1 << 20, 1 << 20, 1 << 20, 1 << 20};
    assert_int_equal(grad_apply(&n, w.g, grad_op_find("add"),
                                (grad_operand[]){GRAD_AT(x), GRAD_AT(y)}, 2, NULL, 0, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_SHAPE_MISMATCH);
    assert_non_null(strstr(w.err.text, "[3] and [4]"));

    w.err = (grad_error){0};
    assert_int_equal(grad_gradient(&n, w.g, &x, NULL, 1, &x, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_SEED_REQUIRED);

    w.err = (grad_error){0};
    assert_int_equal(grad_input(&n, w.g, GRAD_FLOAT64, 4, huge, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_TENSOR_TOO_LARGE);

    w.err = (grad_error){0};
    assert_int_equal(grad_input(&i, w.g, GRAD_INT64, 0, NULL, &w.err), 0);
    assert_int_equal(grad_gradient(&n, w.g, &i, NULL, 1, &x, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_NOT_DIFFERENTIABLE);

    w.err = (grad_error){0};
    grad_attribute odd = {"axes", 4, {.kind = GRAD_INT, .i = 0}};
    assert_int_equal(grad_apply(&n, w.g, grad_op_find("sum"), (grad_operand[]){GRAD_AT(x)}, 1, &odd, 1,
                                &w.err), -1);
    assert_int_equal(w.err.code, GRAD_UNKNOWN_ATTRIBUTE);
    assert_non_null(strstr(w.err.text, "did you mean \"axis\"?"));
    end(&w);
}

/* A whole life under a budget: 0 where it was enough. */
static int live(size_t memory, size_t nodes, const int *stop, grad_code *code)
{
    grad_host host = {.memory = memory, .nodes = nodes, .elements = 1000, .stop = stop};
    grad_error err = {0};
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *s = NULL;
    grad_node x, y, f, d;
    double data[50] = {0};
    int64_t size = 50;
    int result = -1;
    if (grad_graph_new(&g, &host, GRAD_FLOAT64, &err) < 0 ||
        grad_input(&x, g, GRAD_FLOAT64, 1, &size, &err) < 0)
        goto done;
    y = x;
    for (int i = 0; i < 40; i++)
        if (grad_apply(&y, g, grad_op_find("softmax"), (grad_operand[]){GRAD_AT(y)}, 1, NULL, 0,
                       &err) < 0)
            goto done;
    if (grad_apply(&f, g, grad_op_find("sum"), (grad_operand[]){GRAD_AT(y)}, 1, NULL, 0, &err) < 0 ||
        grad_gradient(&d, g, &f, NULL, 1, &x, 1, &err) < 0 ||
        grad_compile(&p, g, &d, 1, &err) < 0 || grad_workspace_new(&s, p, &host, &err) < 0 ||
        grad_run(p, s, (const void *[]){data}, &err) < 0)
        goto done;
    result = 0;
done:
    grad_workspace_free(s);
    grad_program_free(p);
    grad_graph_free(g);
    *code = err.code;
    assert_int_equal(host.used, 0);
    return result;
}

static void every_budget_is_enough_or_refused_and_nothing_leaks(void **state)
{
    (void)state;
    grad_code code;
    size_t enough = 0;
    for (size_t memory = 0; memory < 400000; memory += 61) {
        if (live(memory, 100000, NULL, &code) == 0) {
            enough = memory;
            break;
        }
        assert_int_equal(code, GRAD_MEMORY_LIMIT);
    }
    assert_true(enough > 0);
    assert_int_equal(live(1 << 24, 20, NULL, &code), -1);
    assert_int_equal(code, GRAD_GRAPH_TOO_LARGE);
}

static void a_set_flag_stops_the_work(void **state)
{
    (void)state;
    grad_code code;
    int stop = 1;
    assert_int_equal(live(1 << 24, 100000, &stop, &code), -1);
    assert_int_equal(code, GRAD_STOPPED);
}

/* Runs a program of one result, which is `bytes` long. */
static void run_one(world *w, grad_node want, const void *const *inputs, void *out, size_t bytes)
{
    grad_program *p = NULL;
    grad_workspace *space = NULL;
    if (grad_compile(&p, w->g, &want, 1, &w->err) < 0 ||
        grad_workspace_new(&space, p, &w->host, &w->err) < 0 ||
        grad_run(p, space, inputs, &w->err) < 0)
        fail_msg("%s", w->err.text);
    memcpy(out, grad_result(space, 0), bytes);
    grad_workspace_free(space);
    grad_program_free(p);
}

static void no_result_is_written_over_what_is_still_read(void **state)
{
    (void)state;
    world w;
    begin(&w);
    /* Two reals are as long as sixteen truths, but each is read eight times. */
    grad_node x = vector(&w, 2), y, i, s;
    int64_t sizes[] = {8, 2}, three = 3, order[] = {2, 0, 1};
    double pair[] = {0, 1}, rows[16], three_reals[] = {0, 1, 2}, sum[3];
    uint8_t less[16];
    assert_int_equal(grad_input(&y, w.g, GRAD_FLOAT64, 2, sizes, &w.err), 0);
    for (int k = 0; k < 16; k++) rows[k] = sin(k);
    grad_node sine = apply(&w, "sin", x, GRAD_NONE);
    run_one(&w, apply(&w, "lt", sine, y), (const void *[]){pair, rows}, less, sizeof less);
    for (int k = 0; k < 16; k++) assert_int_equal(less[k], sin(pair[k % 2]) < rows[k]);

    /* What is added and what it is added to are one tensor. */
    grad_node v = vector(&w, 3), same = apply(&w, "exp", v, GRAD_NONE);
    assert_int_equal(grad_constant(&i, w.g, GRAD_INT64, 1, &three, order, &w.err), 0);
    const grad_attribute axis = {"axis", 4, {.kind = GRAD_INT, .i = 0}};
    const grad_operand in[] = {GRAD_AT(same), GRAD_AT(i), GRAD_AT(same)};
    assert_int_equal(grad_apply(&s, w.g, grad_op_find("scatter_add"), in, 3, &axis, 1, &w.err), 0);
    run_one(&w, s, (const void *[]){pair, rows, three_reals}, sum, sizeof sum);
    assert_true(sum[0] == exp(0) + exp(1) && sum[1] == exp(1) + exp(2) &&
                sum[2] == exp(2) + exp(0));
    end(&w);
}

static void a_failed_call_leaves_its_results_alone(void **state)
{
    (void)state;
    const int64_t many[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const grad_attribute sizes = {"sizes", 5, {.kind = GRAD_LIST, .n = 10, .list = many}};
    for (size_t nodes = 3; nodes < 30; nodes++) {
        world w;
        begin(&w);
        w.host.nodes = nodes;
        grad_node x = vector(&w, 10), y = vector(&w, 4), out[10], unused = vector(&w, 3);
        grad_operand in[] = {GRAD_AT(x), GRAD_AT(y)};
        for (int k = 0; k < 10; k++) out[k] = 77;
        if (grad_apply(out, w.g, grad_op_find("add"), in, 2, NULL, 0, &w.err) < 0)
            assert_int_equal(out[0], 77);
        w.err = (grad_error){0};
        if (grad_apply(out, w.g, grad_op_find("split"), in, 1, &sizes, 1, &w.err) < 0)
            for (int k = 0; k < 10; k++) assert_int_equal(out[k], 77);
        for (int k = 0; k < 2; k++) out[k] = 77;
        w.err = (grad_error){0};
        if (grad_gradient(out, w.g, &x, &x, 1, (grad_node[]){x, unused}, 2, &w.err) < 0)
            assert_true(out[0] == 77 && out[1] == 77);
        end(&w);
    }
}

static void shapes_that_are_none_are_refused(void **state)
{
    (void)state;
    world w;
    begin(&w);
    grad_node n;
    int64_t ones[40], negative[] = {-2, -3}, beside_zero[] = {0, (int64_t)1 << 62, 8};
    for (int i = 0; i < 40; i++) ones[i] = 1;
    assert_int_equal(grad_input(&n, w.g, GRAD_FLOAT64, 33, ones, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_TENSOR_TOO_LARGE);
    w.err = (grad_error){0};
    assert_int_equal(grad_input(&n, w.g, GRAD_FLOAT64, 2, negative, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_SHAPE_MISMATCH);
    /* Nothing in it, but its strides cannot be counted. */
    w.err = (grad_error){0};
    assert_int_equal(grad_input(&n, w.g, GRAD_FLOAT64, 3, beside_zero, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_TENSOR_TOO_LARGE);
    w.err = (grad_error){0};
    w.host.elements = INT64_MAX; /* more than bytes can be counted for */
    int64_t vast = (int64_t)1 << 61;
    assert_int_equal(grad_input(&n, w.g, GRAD_FLOAT64, 1, &vast, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_TENSOR_TOO_LARGE);
    end(&w);
}

static void a_name_goes_no_further_than_its_length(void **state)
{
    (void)state;
    assert_null(grad_op_find_n("add\0add", 7));
    assert_null(grad_op_find_n("\0", 1));
    assert_null(grad_op_find_n("", 0));
    assert_ptr_equal(grad_op_find_n("additional", 3), grad_op_find("add"));
}

static void every_walk_over_a_graph_can_be_stopped(void **state)
{
    (void)state;
    world w;
    begin(&w);
    int stop = 1;
    grad_node x = scalar(&w), y = apply(&w, "sin", x, GRAD_NONE), d;
    grad_program *p;
    w.host.stop = &stop;
    assert_int_equal(grad_gradient(&d, w.g, &y, NULL, 1, &x, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_STOPPED);
    w.err = (grad_error){0};
    assert_int_equal(grad_compile(&p, w.g, &y, 1, &w.err), -1);
    assert_int_equal(w.err.code, GRAD_STOPPED);
    end(&w);
}

static void types_meet_as_numpys_do(void **state)
{
    (void)state;
    const grad_dtype f8 = GRAD_FLOAT64, f4 = GRAD_FLOAT32, i8 = GRAD_INT64, i4 = GRAD_INT32,
                     b = GRAD_BOOL;
    const grad_dtype table[5][5] = {
        {f8, f8, f8, f8, f8}, {f8, f4, f8, f8, f4}, {f8, f8, i8, i8, i8},
        {f8, f8, i8, i4, i4}, {f8, f4, i8, i4, b},
    };
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++)
            assert_int_equal(grad_dtype_promote((grad_dtype)i, (grad_dtype)k), table[i][k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_it_starts_from),
        cmocka_unit_test(gradients_of_several_consumers_add_up),
        cmocka_unit_test(equal_nodes_have_gradients_of_their_own),
        cmocka_unit_test(a_long_chain_needs_no_stack),
        cmocka_unit_test(picking_many_scalars_costs_their_pieces),
        cmocka_unit_test(answers_do_not_depend_on_what_is_asked_for),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
        cmocka_unit_test(every_budget_is_enough_or_refused_and_nothing_leaks),
        cmocka_unit_test(a_set_flag_stops_the_work),
        cmocka_unit_test(no_result_is_written_over_what_is_still_read),
        cmocka_unit_test(a_failed_call_leaves_its_results_alone),
        cmocka_unit_test(shapes_that_are_none_are_refused),
        cmocka_unit_test(a_name_goes_no_further_than_its_length),
        cmocka_unit_test(every_walk_over_a_graph_can_be_stopped),
        cmocka_unit_test(types_meet_as_numpys_do),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
