/* test_results.c -- primitives with several results, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "trial.h"

/* ---- a primitive: sin(x), how many elements there are, cos(x) -------------------------------- */

static int64_t words_seen; /* of the block, by the kernel that ran last */

static size_t three(const grad_value *attr)
{
    (void)attr;
    return 3;
}

static int waves_infer(grad_infer *f)
{
    int64_t *dim = grad_infer_list(f, (size_t)f->in[0]->rank);
    if (!dim) return -1;
    grad_infer_same(f, f->in[0]);
    if (f->rank) memcpy(dim, f->dim, (size_t)f->rank * sizeof *dim);
    f->more[0] = (grad_part){GRAD_INT64, 0, dim};
    f->more[1] = (grad_part){f->dtype, f->rank, dim};
    return 0;
}

static int waves_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t n = c->in[0]->count;
    const size_t part = grad_part_bytes(n, GRAD_FLOAT64), number = grad_part_bytes(1, GRAD_INT64);
    double *sines = out, *cosines = (double *)((char *)out + part + number);
    const double *x = in[0];
    (void)frame;
    words_seen = c->shape->count;
    const size_t bytes = (size_t)c->shape->count * 8;
    for (int64_t i = 0; i < n; i++) sines[i] = sin(x[i]);
    if (bytes > part) *(int64_t *)((char *)out + part) = n;
    for (int64_t i = 0; i < n && bytes > part + number; i++) cosines[i] = cos(x[i]);
    return 0;
}

/* Either cotangent may be missing, and the integer between them always is. */
static void waves_rule(B *b, const grad_pull *p)
{
    V s = grad_part_cotangent(p, 0), c = grad_part_cotangent(p, 2);
    assert_int_equal(grad_part_cotangent(p, 1), GRAD_NONE);
    if (s != GRAD_NONE) pull(p, 0, v_mul(b, s, grad_part_node(p, 2)));
    if (c != GRAD_NONE) pull(p, 0, v_neg(b, v_mul(b, c, grad_part_node(p, 0))));
}

static const grad_op waves = {
    .name = "waves",
    .in = {{.name = "x"}},
    .types = TYPES_REAL,
    .results = three,
    .infer = waves_infer,
    .kernel = waves_kernel,
    .trims = true,
    .rule = waves_rule,
};

/* ---- composites ------------------------------------------------------------------------------ */

static void ask(B *b, const grad_args *a, V r[3])
{
    v_emits(b, r, &waves, 1, a->in, 0, NULL);
}

static int first_expand(B *b, const grad_args *a, V *out)
{
    V r[3];
    ask(b, a, r);
    out[0] = r[0];
    return 0;
}

static int last_expand(B *b, const grad_args *a, V *out)
{
    V r[3];
    ask(b, a, r);
    out[0] = r[2];
    return 0;
}

static int product_expand(B *b, const grad_args *a, V *out)
{
    V r[3];
    ask(b, a, r);
    out[0] = v_mul(b, r[0], r[2]);
    return 0;
}

static int twice_expand(B *b, const grad_args *a, V *out) /* sin(cos(x)) and its neighbours */
{
    V r[3], again[3];
    ask(b, a, r);
    v_emits(b, again, &waves, 1, &r[2], 0, NULL);
    out[0] = again[2], out[1] = r[1], out[2] = v_add(b, again[0], r[0]);
    return 0;
}

static const grad_op first = {.name = "first", .in = {{.name = "x"}}, .expand = first_expand},
                     last = {.name = "last", .in = {{.name = "x"}}, .expand = last_expand},
                     product = {.name = "product", .in = {{.name = "x"}}, .expand = product_expand},
                     twice = {.name = "twice", .in = {{.name = "x"}}, .results = three,
                              .expand = twice_expand};

static void derivatives_come_from_the_results_that_are_used(void **state)
{
    static const grad_op *const rows[] = {&waves, &first, &last, &product, &twice};
    static trial t;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = "[]; [3]; [2,3]; [1]; [0,3]";
        while (trial_next_shapes(&t, rows[i], &at))
            for (int order = 1; order <= 2; order++) {
                trial_report r = {0};
                if (!trial_check_gradient(&r, &t, order, 3)) fail_msg("%s", r.text);
            }
    }
}

static void values_come_out_of_the_block(void **state)
{
    static const char *const texts[] = {
        ("waves([[0, 0, 0], [0, 0, 0], [0, 0, 0]]) -> "
         "[[0, 0, 0], [0, 0, 0], [0, 0, 0]]; 9; [[1, 1, 1], [1, 1, 1], [1, 1, 1]]"),
        "waves([0, 0]) -> [0, 0]; 2; [1, 1]",
        "waves(0) -> 0; 1; 1",
        "waves([]) -> []; 0; []",
    };
    static trial t;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *at = texts[i];
        trial_report r = {0};
        assert_true(trial_next_example(&t, &waves, &at));
        if (!trial_check_value(&r, &t, 0)) fail_msg("%s", r.text);
    }
}

/* ---- what is not needed is cut off ----------------------------------------------------------- */

/* Runs waves on nine elements for results of the given numbers. */
static void run_for(const size_t *which, size_t n)
{
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error err = {0};
    grad_graph *g;
    grad_program *p;
    grad_workspace *w;
    grad_node x, r[3], want[3];
    const double zeros[9] = {0};
    assert_int_equal(grad_graph_new(&g, &host, GRAD_FLOAT64, &err), 0);
    assert_int_equal(grad_input(&x, g, GRAD_FLOAT64, 1, (int64_t[]){9}, &err), 0);
    assert_int_equal(grad_apply(r, g, &waves, (grad_operand[]){GRAD_AT(x)}, 1, NULL, 0, &err), 0);
    for (size_t i = 0; i < n; i++) want[i] = r[which[i]];
    assert_int_equal(grad_compile(&p, g, want, n, &err), 0);
    assert_int_equal(grad_workspace_new(&w, p, &host, &err), 0);
    words_seen = -1;
    assert_int_equal(grad_run(p, w, (const void *[]){zeros}, &err), 0);
    for (size_t i = 0; i < n; i++) {
        if (which[i] == 1) assert_int_equal(*(const int64_t *)grad_result(w, i), 9);
        else assert_true(((const double *)grad_result(w, i))[8] == (which[i] == 2));
    }
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    assert_int_equal(host.used, 0);
}

static void results_at_the_end_are_cut_off(void **state)
{
    (void)state;
    run_for((size_t[]){0, 1, 2}, 3);
    assert_int_equal(words_seen, 16 + 8 + 16);
    run_for((size_t[]){2}, 1);
    assert_int_equal(words_seen, 16 + 8 + 16);
    run_for((size_t[]){1}, 1);
    assert_int_equal(words_seen, 16 + 8);
    run_for((size_t[]){1, 0}, 2);
    assert_int_equal(words_seen, 16 + 8);
    run_for((size_t[]){0}, 1);
    assert_int_equal(words_seen, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_of_the_block),
        cmocka_unit_test(derivatives_come_from_the_results_that_are_used),
        cmocka_unit_test(results_at_the_end_are_cut_off),
    };
    return cmocka_run_group_tests_name("several results", tests, NULL, NULL);
}
