/* test_random.c -- random sources: the published generator, what is made of its words, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grad.h"
#include "ops/random.h"

/* A random tensor of `rank` sizes; freed by the caller. A stop flag and an error may be given. */
static void *draw(const char *op, int64_t seed, grad_dtype dtype, int rank, const int64_t *dim,
                  const volatile int *stop, grad_error *error)
{
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error own = {0}, *err = error ? error : &own;
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_node node = GRAD_NONE;
    void *copy = NULL;
    grad_attribute attrs[] = {
        {"seed", 4, {.kind = GRAD_INT, .i = seed}},
        {"shape", 5, {.kind = GRAD_LIST, .n = (uint32_t)rank, .list = dim}},
    };
    host.stop = stop;
    if (!grad_graph_new(&g, &host, dtype, err) &&
        !grad_apply(&node, g, grad_op_find(op), NULL, 0, attrs, 2, err) &&
        !grad_compile(&p, g, &node, 1, err) && !grad_workspace_new(&w, p, &host, err) &&
        !grad_run(p, w, NULL, err)) {
        size_t bytes = (size_t)grad_node_shape(g, node)->count * grad_dtype_size(dtype);
        copy = malloc(bytes + 1);
        memcpy(copy, grad_result(w, 0), bytes);
    }
    if (!error && own.code) fail_msg("%s: %s", op, own.text);
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    return copy;
}

static double *numbers(const char *op, int64_t seed, int64_t count)
{
    return draw(op, seed, GRAD_FLOAT64, 1, &count, NULL, NULL);
}

/* philox4x32, 10 rounds, of the file kat_vectors that comes with Random123: counter, key, result. */
static void the_generator_gives_the_published_answers(void **state)
{
    (void)state;
    static const uint32_t known[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        grad__philox(out, known[i], known[i] + 4);
        assert_memory_equal(out, known[i] + 6, sizeof out);
    }
}

static void uniform_numbers_are_its_upper_bits(void **state)
{
    (void)state;
    static const int64_t seeds[] = {0, 1, -1, INT64_MAX, INT64_MIN, 0x299f31d0a4093822};
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        const int64_t n = 10001; /* more than a piece, and odd */
        double *wide = numbers("random_uniform", seeds[s], n);
        float *narrow = draw("random_uniform", seeds[s], GRAD_FLOAT32, 1, &n, NULL, NULL);
        for (int64_t i = 0; i < n; i++) {
            const uint64_t seed = (uint64_t)seeds[s];
            const uint32_t counter[4] = {(uint32_t)(i / 2), 0, 0, 0};
            const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
            uint32_t out[4];
            grad__philox(out, counter, key);
            uint64_t w = (uint64_t)out[i % 2 * 2] << 32 | out[i % 2 * 2 + 1];
            assert_true(wide[i] == ldexp((double)(w >> 11), -53));
            assert_true((double)narrow[i] == ldexp((double)(w >> 40), -24));
        }
        free(wide);
        free(narrow);
    }
}

/* They may never change: what somebody has drawn once he must be able to draw again, anywhere. */
static void normal_numbers_have_known_bits(void **state)
{
    (void)state;
    static const struct {
        int64_t seed, at;
        double is;
    } known[] = {
        {0, 0, -0x1.05f49f2746417p-2},
        {0, 1, 0x1.42a76ea5b0d6dp-1},
        {0, 2, 0x1.ea308c1ad276ep+0},
        {0, 3, 0x1.03989d958561bp-1},
        {0, 669856, -0x1.28d43ff508b0ap+2}, /* the lowest and the highest so far */
        {0, 1761818, 0x1.3615169dd7b1ep+2},
        {0, 918233, 0x1.395934918f76p-20},
        {-1, 0, -0x1.0ca0b4b5e6a05p-3},
        {7, 0, 0x1.b0f00899f0988p+0},
        {INT64_MAX, 1, 0x1.eaa8b1c911b87p+0},
        {INT64_MIN, 1, -0x1.2d0f8334e375cp+1},
        {20, 12345, 0x1.2c7ea7a1cf6e9p+0},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        double *z = numbers("random_normal", known[k].seed, known[k].at + 1);
        if (z[known[k].at] != known[k].is)
            fail_msg("element %d of seed %lld is %a, not %a", (int)known[k].at,
                     (long long)known[k].seed, z[known[k].at], known[k].is);
        free(z);
    }
}

static void normal_numbers_in_float32_are_rounded(void **state)
{
    (void)state;
    const int64_t n = 1000;
    double *wide = numbers("random_normal", 5, n);
    float *narrow = draw("random_normal", 5, GRAD_FLOAT32, 1, &n, NULL, NULL);
    for (int64_t i = 0; i < n; i++) assert_true(narrow[i] == (float)wide[i]);
    free(wide);
    free(narrow);
}

static void an_element_depends_on_seed_and_place_alone(void **state)
{
    (void)state;
    static const char *const ops[] = {"random_uniform", "random_normal"};
    for (int k = 0; k < 2; k++) {
        double *long_one = numbers(ops[k], 3, 20000);
        double *other_seed = numbers(ops[k], 4, 20000);
        for (int64_t n = 1; n < 20000; n = 2 * n + 1) {
            double *short_one = numbers(ops[k], 3, n);
            assert_memory_equal(short_one, long_one, (size_t)n * sizeof *short_one);
            free(short_one);
        }
        double *block = draw(ops[k], 3, GRAD_FLOAT64, 3, (int64_t[]){7, 11, 13}, NULL, NULL);
        double *scalar = draw(ops[k], 3, GRAD_FLOAT64, 0, NULL, NULL, NULL);
        assert_memory_equal(block, long_one, 7 * 11 * 13 * sizeof *block);
        assert_true(scalar[0] == long_one[0]);
        size_t same = 0;
        for (int i = 0; i < 20000; i++) same += long_one[i] == other_seed[i];
        assert_int_equal(same, 0);
        free(long_one);
        free(other_seed);
        free(block);
        free(scalar);
    }
}

/* ---- are they distributed as they should be? ------------------------------------------------------ */

enum { MANY = 1000000, BINS = 1000 };

/* Chi-square over equal bins of u, as a number of standard deviations from what is expected. */
static double excess(const double *u, size_t step)
{
    static double hits[BINS];
    double sum = 0;
    size_t n = 0;
    memset(hits, 0, sizeof hits);
    for (size_t i = 0; i < MANY; i += step, n++) hits[(size_t)(u[i] * BINS)]++;
    const double mean = (double)n / BINS;
    for (int k = 0; k < BINS; k++) sum += (hits[k] - mean) * (hits[k] - mean) / mean;
    return (sum - (BINS - 1)) / sqrt(2.0 * (BINS - 1));
}

static void uniform_numbers_are_uniform(void **state)
{
    (void)state;
    for (int64_t seed = 0; seed < 5; seed++) {
        double *u = numbers("random_uniform", seed, MANY), products = 0;
        for (int i = 0; i < MANY; i++) assert_true(u[i] >= 0 && u[i] < 1);
        assert_true(fabs(excess(u, 1)) < 4.5);
        assert_true(fabs(excess(u, 2)) < 4.5);
        for (int i = 1; i < MANY; i++) products += (u[i - 1] - 0.5) * (u[i] - 0.5);
        assert_true(fabs(products) < 4.5 * sqrt(MANY) / 12); /* neighbours are independent */
        free(u);
    }
}

static void normal_numbers_are_normal(void **state)
{
    (void)state;
    for (int64_t seed = 0; seed < 5; seed++) {
        double *z = numbers("random_normal", seed, MANY), power[5] = {0}, far = 0;
        for (int i = 0; i < MANY; i++) {
            double p = 1;
            for (int k = 1; k < 5; k++) power[k] += (p *= z[i]) / MANY;
            far += fabs(z[i]) > 3;
            z[i] = erfc(-z[i] / sqrt(2)) / 2;
        }
        /* moments 0, 1, 0, 3, of variances 1, 2, 15 and 96 an element */
        assert_true(fabs(power[1]) < 4.5 / 1e3);
        assert_true(fabs(power[2] - 1) < 4.5 * sqrt(2) / 1e3);
        assert_true(fabs(power[3]) < 4.5 * sqrt(15) / 1e3);
        assert_true(fabs(power[4] - 3) < 4.5 * sqrt(96) / 1e3);
        assert_true(fabs(far - 2699.8) < 4.5 * sqrt(2699.8));
        assert_true(fabs(excess(z, 1)) < 4.5);
        free(z);
    }
}

/* ---- limits ------------------------------------------------------------------------------------- */

static void drawing_stops_when_told_and_keeps_to_the_limits(void **state)
{
    (void)state;
    static const char *const ops[] = {"random_uniform", "random_normal"};
    const int stop = 1;
    for (int k = 0; k < 2; k++) {
        grad_error err = {0};
        assert_null(draw(ops[k], 1, GRAD_FLOAT64, 2, (int64_t[]){20000, 20000}, NULL, &err));
        assert_int_equal(err.code, GRAD_TENSOR_TOO_LARGE);
        err = (grad_error){0};
        assert_null(draw(ops[k], 1, GRAD_FLOAT64, 1, (int64_t[]){50000000}, &stop, &err));
        assert_int_equal(err.code, GRAD_STOPPED);
        free(draw(ops[k], 1, GRAD_FLOAT64, 2, (int64_t[]){0, INT64_MAX}, NULL, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_gives_the_published_answers),
        cmocka_unit_test(uniform_numbers_are_its_upper_bits),
        cmocka_unit_test(normal_numbers_have_known_bits),
        cmocka_unit_test(normal_numbers_in_float32_are_rounded),
        cmocka_unit_test(an_element_depends_on_seed_and_place_alone),
        cmocka_unit_test(uniform_numbers_are_uniform),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(drawing_stops_when_told_and_keeps_to_the_limits),
    };
    return cmocka_run_group_tests_name("random sources", tests, NULL, NULL);
}
