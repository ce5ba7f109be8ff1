/* test_singular.c -- what comes of matrices that are singular, or not finite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"

/* ---- what is not finite ---------------------------------------------------------------------- */

static void nan_gives_nan_and_its_neighbours_nothing(void **unused)
{
    (void)unused;
    static const int64_t sizes[] = {1, 3, 40};
    for (int i = 0; i < ALONE; i++)
        for (int n = 0; n < 3; n++) {
            tensor a = drawn(3, (int64_t[]){2, sizes[n], sizes[n]}), r[RESULTS];
            call c = {.op = alone[i], .n_in = 1, .in = {&a}};
            raise_diagonals(&a, (double)sizes[n]);
            a.at[0] = NAN;
            must_run(r, &c);
            for (size_t k = 0; k < results_of(&c); k++) {
                int64_t half = count(&r[k]) / 2;
                assert_true(isnan(r[k].at[0]) && isnan(r[k].at[half - 1]));
                for (int64_t j = half; j < 2 * half; j++) assert_true(isfinite(r[k].at[j]));
            }
            dispose(r, results_of(&c));
            free(a.at);
        }
}

static void infinity_is_no_trap(void **unused)
{
    (void)unused;
    for (int i = 0; i < ALONE; i++) {
        tensor a = drawn(2, (int64_t[]){40, 40}), r[RESULTS];
        call c = {.op = alone[i], .n_in = 1, .in = {&a}};
        grad_error err;
        raise_diagonals(&a, 40);
        a.at[41] = INFINITY;
        run(r, &c, &err); /* it comes back */
        if (!err.code) dispose(r, results_of(&c));
        free(a.at);
    }
}

/* ---- what is singular ------------------------------------------------------------------------ */

static void a_singular_matrix_is_named_by_its_place(void **unused)
{
    (void)unused;
    static const struct {
        const char *op;
        int64_t n;
        const char *text;
    } cases[] = {
        {"inv", 3, "matrix [1, 2] of the batch is singular"},
        {"inv", 20, "matrix [1, 2] of the batch is singular"},
        {"solve", 3, "matrix [1, 2] of the batch is singular"},
        {"triangular_solve", 3,
         "matrix [1, 2] of the batch is singular: it has a zero on its diagonal"},
        {"cholesky", 3, "matrix [1, 2] of the batch is not positive definite"},
        {"cholesky", 20, "matrix [1, 2] of the batch is not positive definite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int gradient = 0; gradient < 2; gradient++) {
            int64_t n = cases[i].n;
            tensor a = drawn(4, (int64_t[]){2, 3, n, n}), b = drawn(2, (int64_t[]){n, 2}), r[1];
            grad_error err;
            raise_diagonals(&a, (double)n);
            memset(a.at + 5 * n * n, 0, (size_t)(n * n) * sizeof(double));
            call c = {.op = cases[i].op, .n_in = 1, .in = {&a, &b}, .gradient = gradient};
            if (strstr(c.op, "solve")) c.n_in = 2;
            run(r, &c, &err);
            assert_int_equal(err.code, GRAD_SINGULAR_MATRIX);
            assert_string_equal(err.text, cases[i].text);
            if (err.input != 0) fail_msg("%s %d: operand %d", c.op, gradient, err.input);
            free(a.at);
            free(b.at);
        }
}

static double minor_of(const double *a, int64_t n, int64_t row, int64_t column);

static double determinant(const double *a, int64_t n)
{
    double d = n == 0;
    for (int64_t j = 0; j < n; j++) d += (j % 2 ? -a[j] : a[j]) * minor_of(a, n, 0, j);
    return d;
}

static double minor_of(const double *a, int64_t n, int64_t row, int64_t column)
{
    double rest[36];
    for (int64_t i = 0, k = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (i != row && j != column) rest[k++] = a[i * n + j];
    return determinant(rest, n - 1);
}

/* Whole numbers, the last rows sums of the others; and where `zero`, a first column of zeros. */
static void make_singular(tensor *a, int64_t n, int64_t rank, bool zero)
{
    for (int64_t i = 0; i < n * n; i++) a->at[i] = floor(4 * uniform());
    for (int64_t i = rank; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double *x = &a->at[i * n + j];
            *x = 0;
            for (int64_t k = 0; k < rank; k++) *x += a->at[k * n + j] * (double)(i + k);
        }
    for (int64_t i = 0; zero && i < n; i++) a->at[i * n] = 0;
}

static void determinants_have_gradients_where_there_is_no_inverse(void **unused)
{
    (void)unused;
    for (int64_t n = 1; n < 6; n++)
        for (int64_t less = 1; less < 3 && less <= n; less++)
            for (int zero = 0; zero < 2; zero++) {
                tensor a = zeros(2, (int64_t[]){n, n}), g[1], up[1], down[1];
                call c = {.op = "det", .n_in = 1, .in = {&a}, .gradient = true};
                make_singular(&a, n, n - less, zero);
                must_run(g, &c);
                for (int64_t i = 0; i < n; i++)
                    for (int64_t j = 0; j < n; j++) {
                        double want = ((i + j) % 2 ? -1 : 1) * minor_of(a.at, n, i, j);
                        if (fabs(g[0].at[i * n + j] - want) > 1e-10)
                            fail_msg("%d rows: %g, not %g", (int)n, g[0].at[i * n + j], want);
                    }
                dispose(g, 1);
                c.derivatives = 1; /* of the sum of the gradient */
                must_run(g, &c);
                c.gradient = false;
                for (int64_t i = 0; i < n * n; i++) {
                    double old = a.at[i];
                    a.at[i] = old + 1;
                    must_run(up, &c);
                    a.at[i] = old - 1; /* exact: of one entry it is a linear function */
                    must_run(down, &c);
                    a.at[i] = old;
                    assert_true(fabs(g[0].at[i] - (up[0].at[0] - down[0].at[0]) / 2) < 1e-9);
                    dispose(up, 1);
                    dispose(down, 1);
                }
                dispose(g, 1);
                free(a.at);
            }
}

static void logarithms_of_singular_matrices(void **unused)
{
    (void)unused;
    tensor a = zeros(2, (int64_t[]){2, 2}), r[2];
    for (int i = 0; i < 4; i++) a.at[i] = (double)(1 << i) * (i == 3 ? 0.5 : 1); /* 1 2 4 4 */
    a.at[2] = 2;
    must_run(r, &(call){.op = "slogdet", .n_in = 1, .in = {&a}});
    assert_true(r[0].at[0] == 0 && r[1].at[0] == -INFINITY);
    dispose(r, 2);
    must_run(r, &(call){.op = "slogdet", .n_in = 1, .in = {&a}, .gradient = true});
    for (int i = 0; i < 4; i++) assert_false(isfinite(r[0].at[i]));
    dispose(r, 1);
    a.at[3] = -4;
    must_run(r, &(call){.op = "logdet", .n_in = 1, .in = {&a}, .gradient = true});
    for (int i = 0; i < 4; i++) assert_true(r[0].at[i] == 0);
    dispose(r, 1);
    free(a.at);
}

static void equal_values_have_gradients(void **unused)
{
    (void)unused;
    static const char *const ops[] = {"eigvalsh", "svdvals"};
    for (int k = 0; k < 2; k++) {
        tensor a = zeros(2, (int64_t[]){4, 4}), g[1];
        raise_diagonals(&a, 3);
        must_run(g, &(call){.op = ops[k], .n_in = 1, .in = {&a}, .gradient = true});
        for (int i = 0; i < 16; i++) assert_true(fabs(g[0].at[i] - (i % 5 == 0)) < 1e-15);
        dispose(g, 1);
        free(a.at);
    }
}

static void it_can_be_stopped_between_matrices(void **unused)
{
    (void)unused;
    for (int i = 0; i < ALONE; i++) {
        tensor a = drawn(3, (int64_t[]){3, 4, 4}), r[RESULTS];
        grad_error err;
        raise_diagonals(&a, 4);
        run(r, &(call){.op = alone[i], .n_in = 1, .in = {&a}, .stopped = true}, &err);
        if (err.code != GRAD_STOPPED) fail_msg("%s: %s", alone[i], err.text);
        free(a.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nan_gives_nan_and_its_neighbours_nothing),
        cmocka_unit_test(infinity_is_no_trap),
        cmocka_unit_test(a_singular_matrix_is_named_by_its_place),
        cmocka_unit_test(determinants_have_gradients_where_there_is_no_inverse),
        cmocka_unit_test(logarithms_of_singular_matrices),
        cmocka_unit_test(equal_values_have_gradients),
        cmocka_unit_test(it_can_be_stopped_between_matrices),
    };
    return cmocka_run_group_tests_name("singular matrices", tests, NULL, NULL);
}
