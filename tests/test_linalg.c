/* test_linalg.c -- factorisations: that they multiply back, and in what neither a batch nor other
 * results may make a difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"

/* ---- matrices -------------------------------------------------------------------------------- */

/* op(a) diag(d) op(b); d may be NULL. */
static tensor product(const tensor *a, bool turn_a, const double *d, const tensor *b, bool turn_b)
{
    int64_t m = a->dim[turn_a], k = a->dim[!turn_a], n = b->dim[!turn_b];
    tensor y = zeros(2, (int64_t[]){m, n});
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++) {
            double x = (turn_a ? a->at[l * m + i] : a->at[i * k + l]) * (d ? d[l] : 1);
            for (int64_t j = 0; j < n; j++)
                y.at[i * n + j] += x * (turn_b ? b->at[j * k + l] : b->at[l * n + j]);
        }
    return y;
}

/* Is `made`, which is freed, `want` (the identity where NULL) to `tolerance`? */
static void same(tensor made, const tensor *want, double tolerance, const char *what)
{
    double worst = 0;
    for (int64_t i = 0; i < made.dim[0]; i++)
        for (int64_t j = 0; j < made.dim[1]; j++) {
            int64_t k = i * made.dim[1] + j;
            double e = fabs(made.at[k] - (want ? want->at[k] : i == j));
            if (!(e <= worst)) worst = e;
        }
    if (!(worst <= tolerance)) fail_msg("%s: off by %g, allowed are %g", what, worst, tolerance);
    free(made.at);
}

static void check_factors(grad_dtype t, int64_t m, int64_t n)
{
    const double tolerance = (t == GRAD_FLOAT64 ? 1e-15 : 5e-7) * (double)(m + n);
    tensor a = drawn(2, (int64_t[]){m, n}), r[RESULTS];
    must_run(r, &(call){.op = "svd", .t = t, .n_in = 1, .in = {&a}});
    same(product(&r[0], false, r[1].at, &r[2], false), &a, 3 * tolerance, "U S Vh");
    same(product(&r[0], true, NULL, &r[0], false), NULL, tolerance, "Uᵀ U");
    same(product(&r[2], false, NULL, &r[2], true), NULL, tolerance, "Vh Vhᵀ");
    for (int64_t i = 1; i < r[1].dim[0]; i++) assert_true(r[1].at[i - 1] >= r[1].at[i]);
    dispose(r, 3);
    must_run(r, &(call){.op = "qr", .t = t, .n_in = 1, .in = {&a}});
    same(product(&r[0], false, NULL, &r[1], false), &a, tolerance, "Q R");
    same(product(&r[0], true, NULL, &r[0], false), NULL, tolerance, "Qᵀ Q");
    for (int64_t i = 0; i < r[1].dim[0]; i++)
        for (int64_t j = 0; j < i; j++) assert_true(r[1].at[i * n + j] == 0);
    dispose(r, 2);
    must_run(r, &(call){.op = "pinv", .t = t, .n_in = 1, .in = {&a}});
    tensor again = product(&a, false, NULL, &r[0], false);
    same(product(&again, false, NULL, &a, false), &a, 3e2 * tolerance, "A A⁺ A");
    free(again.at);
    dispose(r, 1);
    free(a.at);
}

static void check_square(grad_dtype t, int64_t n)
{
    const double tolerance = (t == GRAD_FLOAT64 ? 1e-15 : 5e-7) * (double)n;
    tensor a = drawn(2, (int64_t[]){n, n}), b = drawn(2, (int64_t[]){n, 3}), r[RESULTS];
    tensor s = zeros(2, a.dim);
    for (int64_t i = 0; i < n * n; i++) s.at[i] = (a.at[i] + a.at[i % n * n + i / n]) / 2;
    must_run(r, &(call){.op = "eigh", .t = t, .n_in = 1, .in = {&a}});
    tensor v = {.rank = 2, .dim = {n, n}, .at = r[1].at};
    same(product(&v, false, r[0].at, &v, true), &s, 5 * tolerance, "V λ Vᵀ");
    same(product(&v, true, NULL, &v, false), NULL, tolerance, "Vᵀ V");
    dispose(r, 2);
    raise_diagonals(&s, 2 * sqrt((double)n));
    must_run(r, &(call){.op = "cholesky", .t = t, .n_in = 1, .in = {&s}});
    same(product(&r[0], false, NULL, &r[0], true), &s, 5 * tolerance, "L Lᵀ");
    dispose(r, 1);
    raise_diagonals(&a, sqrt((double)n));
    must_run(r, &(call){.op = "inv", .t = t, .n_in = 1, .in = {&a}});
    same(product(&a, false, NULL, &r[0], false), NULL, 10 * tolerance, "A A⁻¹");
    dispose(r, 1);
    must_run(r, &(call){.op = "solve", .t = t, .n_in = 2, .in = {&a, &b}});
    same(product(&a, false, NULL, &r[0], false), &b, 10 * tolerance, "A x");
    dispose(r, 1);
    free(a.at);
    free(b.at);
    free(s.at);
}

static void factors_multiply_back(void **unused)
{
    (void)unused;
    for (grad_dtype t = GRAD_FLOAT64; t <= GRAD_FLOAT32; t++) {
        check_square(t, 50);
        check_square(t, 200);
        check_factors(t, 50, 50);
        check_factors(t, 200, 120);
        check_factors(t, 120, 200);
        check_factors(t, 1, 7);
        check_factors(t, 300, 2);
    }
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Result k of matrix i: is it the i-th part of the batch's, bit for bit? */
static void check_batch(call c, int64_t n, int64_t many)
{
    tensor whole[RESULTS], part[RESULTS], all = drawn(3, (int64_t[]){many, n, n});
    raise_diagonals(&all, (double)n);
    c.n_in = 1;
    c.in[0] = &all;
    must_run(whole, &c);
    for (int64_t i = 0; i < many; i++) {
        tensor one = {.rank = 2, .dim = {n, n}, .at = all.at + i * n * n};
        c.in[0] = &one;
        must_run(part, &c);
        for (size_t k = 0; k < results_of(&c); k++) {
            int64_t size = count(&part[k]);
            assert_int_equal(count(&whole[k]), size * many);
            if (memcmp(whole[k].at + i * size, part[k].at, (size_t)size * sizeof(double)) != 0)
                fail_msg("%s%s of matrix %d of %d, %d rows", c.op, c.gradient ? "'s gradient" : "",
                         (int)i, (int)many, (int)n);
        }
        dispose(part, results_of(&c));
    }
    dispose(whole, results_of(&c));
    free(all.at);
}

static void a_batch_is_its_matrices_one_by_one(void **unused)
{
    (void)unused;
    static const int64_t sizes[] = {1, 3, 9, 17, 33};
    for (grad_dtype t = GRAD_FLOAT64; t <= GRAD_FLOAT32; t++)
        for (int i = 0; i < ALONE; i++)
            for (int n = 0; n < 5; n++)
                for (int gradient = 0; gradient < 2; gradient++)
                    check_batch((call){.op = alone[i], .t = t, .gradient = gradient}, sizes[n], 5);
}

/* The first result alone, and beside a gradient that needs all of them. */
static void values_do_not_depend_on_what_else_is_asked_for(void **unused)
{
    (void)unused;
    static const char *const pair[][2] = {{"eigvalsh", "eigh"}, {"svdvals", "svd"}};
    for (int i = 0; i < 2; i++) {
        tensor a = drawn(2, (int64_t[]){30, 30}), values[1], all[RESULTS];
        must_run(values, &(call){.op = pair[i][0], .n_in = 1, .in = {&a}});
        must_run(all, &(call){.op = pair[i][1], .n_in = 1, .in = {&a}});
        assert_memory_equal(values[0].at, all[i].at, 30 * sizeof(double));
        dispose(values, 1);
        dispose(all, i == 0 ? 2 : 3);
        free(a.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_multiply_back),
        cmocka_unit_test(a_batch_is_its_matrices_one_by_one),
        cmocka_unit_test(values_do_not_depend_on_what_else_is_asked_for),
    };
    return cmocka_run_group_tests_name("linear algebra", tests, NULL, NULL);
}
