/* test_ops.c -- the table of operators tests itself, and the test is tested on broken rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "graph.h"
#include "trial.h"

static const double tolerance = 2e-14, tolerance_float32 = 2e-5;

static int complain(const trial_report *r)
{
    fprintf(stderr, "  %s\n", r->text);
    return 1;
}

static int check_row(const grad_op *op, trial_report *worst, trial_report *narrow)
{
    static trial t;
    int bad = 0, examples = 0;
    const char *at = op->example;
    trial_report r = {0};
    while (trial_next_example(&t, op, &at)) {
        examples++;
        if (!trial_check_value(&r, &t, tolerance)) bad += complain(&r);
        if (!trial_check_float32(narrow, &t, tolerance_float32)) bad += complain(narrow);
    }
    bool computes = op->expand || op->infer || op->kernel || op->lanes[GRAD_FLOAT64] ||
                    op->lanes[GRAD_BOOL]; /* all but `input` and `constant` */
    if (op->internal && op->rule == no_gradient) computes = false; /* a check on integers */
    if (op->functions) return bad; /* needs bodies: tried as scan, while and cond */
    if (!examples && computes) bad += fprintf(stderr, "  %s: no known value\n", op->name) > 0;
    if (!op->doc || !*op->doc) bad += fprintf(stderr, "  %s: no doc line\n", op->name) > 0;
    if (!op->expand && !op->rule)
        bad += fprintf(stderr, "  %s: neither a rule nor a word that there is none\n", op->name) > 0;
    bool tried = false;
    if (grad_op_is_differentiable(op)) {
        at = trial_shapes(op);
        for (uint64_t seed = 7; trial_next_shapes(&t, op, &at); seed++) {
            tried = true;
            for (int order = 1; order <= 2; order++)
                if (!trial_check_gradient(&r, &t, order, seed)) bad += complain(&r);
            if (!trial_check_gradient_float32(narrow, &t, tolerance_float32, seed))
                bad += complain(narrow);
        }
        if (!tried) bad += fprintf(stderr, "  %s: no trials\n", op->name) > 0;
    }
    if (r.worst > worst->worst) worst->worst = r.worst;
    return bad;
}

static void every_row_agrees_with_its_known_values_and_with_differences(void **state)
{
    (void)state;
    trial_report worst = {0}, narrow = {0};
    int bad = 0, rows = 0;
    for (const grad_family *f = grad__families(); f->name; f++)
        for (const grad_op *const *op = f->ops; *op; op++, rows++)
            bad += check_row(*op, &worst, &narrow);
    printf("  %d rows, %zu of them public, largest relative error %.2g, in float32 %.2g\n", rows,
           grad_op_count(), worst.worst, narrow.worst);
    assert_int_equal(bad, 0);
}

static void names_are_found_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < grad_op_count(); i++)
        assert_ptr_equal(grad_op_find(grad_op_name(grad_op_at(i))), grad_op_at(i));
    assert_null(grad_op_find("ad"));
    assert_null(grad_op_find_n("addition", 2));
}

/* ---- does the test see a broken row? ------------------------------------------------------------ */

static void rule_of_another_function(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, v_sin(b, p->in[0])));
}

static void rule_that_forgets_an_operand(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, p->in[1]));
}

static void rule_with_the_wrong_second_derivative(B *b, const grad_pull *p)
{
    /* cos(x) as a value, but cut off from x */
    pull(p, 0, v_mul(b, p->g, v_stop_gradient(b, v_cos(b, p->in[0]))));
}

static void rule_that_float32_has_no_digits_for(B *b, const grad_pull *p)
{
    V far = v_num(b, p->y, 1e4), cos = v_cos(b, p->in[0]);
    pull(p, 0, v_mul(b, p->g, v_sub(b, v_add(b, cos, far), far)));
}

static void sabotage_is_seen(void **state)
{
    (void)state;
    static trial t;
    trial_report r = {0};
    const char *at = "[2,3]";
    grad_op bad = grad__op_sin;

    assert_true(trial_next_shapes(&t, &grad__op_sin, &at));
    assert_true(trial_check_gradient(&r, &t, 2, 1));
    bad.rule = rule_of_another_function;
    t.op = &bad;
    assert_false(trial_check_gradient(&r, &t, 1, 1));
    assert_non_null(strstr(r.text, "sin"));
    bad.rule = rule_with_the_wrong_second_derivative;
    assert_true(trial_check_gradient(&r, &t, 1, 1));
    assert_false(trial_check_gradient(&r, &t, 2, 1));

    bad.rule = rule_that_float32_has_no_digits_for;
    assert_true(trial_check_gradient(&r, &t, 1, 1));
    assert_false(trial_check_gradient_float32(&r, &t, tolerance_float32, 1));

    bad = grad__op_mul;
    bad.rule = rule_that_forgets_an_operand;
    at = "[3] [3]";
    assert_true(trial_next_shapes(&t, &bad, &at));
    assert_false(trial_check_gradient(&r, &t, 1, 1));

    /* value and rule wrong together: only the known value tells */
    bad = grad__op_cos;
    bad.example = grad__op_sin.example;
    bad.name = "sin";
    at = bad.example;
    assert_true(trial_next_example(&t, &bad, &at));
    assert_false(trial_check_value(&r, &t, tolerance));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_whole),
        cmocka_unit_test(sabotage_is_seen),
        cmocka_unit_test(every_row_agrees_with_its_known_values_and_with_differences),
    };
    return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
