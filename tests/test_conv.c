/* test_conv.c -- the kernels of convolution against plain loops, in sizes at which they cut their
 * work into blocks, which the table's own small trials never reach.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/conv_kernels.h"

typedef struct geometry {
    const char *what;
    int axes;
    int64_t images, groups, from, to;
    int64_t in[3], kernel[3], stride[3], dilation[3], before[3], after[3];
} geometry;

static const geometry geometries[] = {
    {"more positions and rows than a block has",
     2, 2, 1, 40, 5, {30, 31}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {"more channels of the result than are summed over or multiplied at a time",
     2, 1, 1, 30, 600, {20, 26}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {"a stride of two, as the first layer of a network has it",
     2, 1, 1, 3, 8, {45, 70}, {7, 7}, {2, 2}, {1, 1}, {3, 3}, {3, 3}},
    {"x is its own columns", 2, 2, 1, 300, 5, {30, 30}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
    {"groups of many channels",
     1, 2, 3, 4, 6, {900}, {5}, {3}, {2}, {4}, {0}},
    {"cropped instead of padded",
     2, 1, 1, 4, 8, {20, 30}, {2, 3}, {1, 2}, {3, 1}, {-2, 1}, {0, -4}},
    {"three axes",
     3, 1, 1, 4, 8, {7, 9, 11}, {3, 2, 3}, {2, 1, 1}, {1, 2, 1}, {1, 0, 1}, {1, 1, 1}},
    {"one channel a group, more rows than are packed at a time",
     2, 2, 3, 1, 1, {300, 60}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {"one channel a group, longer rows than are packed at a time",
     1, 1, 2, 1, 1, {1300}, {5}, {1}, {3}, {6}, {6}},
    {"one channel a group, strides",
     2, 1, 2, 1, 1, {40, 53}, {3, 4}, {3, 2}, {2, 1}, {2, 1}, {1, 3}},
    {"one channel a group, strides without overlap",
     2, 1, 2, 1, 1, {40, 53}, {2, 1}, {4, 5}, {1, 1}, {0, 3}, {0, 0}},
    {"one channel a group, three axes",
     3, 1, 2, 1, 1, {6, 17, 12}, {3, 3, 2}, {2, 1, 2}, {1, 1, 3}, {2, 1, 0}, {0, 1, 2}},
    {"one channel a group, cropped",
     2, 1, 2, 1, 1, {20, 30}, {2, 3}, {1, 2}, {3, 1}, {-2, 1}, {0, -4}},
    {"few channels of the result",
     2, 1, 1, 20, 2, {33, 34}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
};

static grad_conv conv_of(const geometry *g, grad_dtype dtype, int64_t images)
{
    int64_t out[3];
    grad_conv c = {.dtype = dtype, .images = images, .groups = g->groups, .from = g->from,
                   .to = g->to};
    for (int d = 0; d < g->axes; d++)
        out[d] = (g->in[d] + g->before[d] + g->after[d] - (g->kernel[d] - 1) * g->dilation[d] - 1) /
                     g->stride[d] +
                 1;
    grad__conv_geometry(&c, g->axes, g->in, out, g->kernel, g->stride, g->dilation, g->before);
    return c;
}

/* ---- plain loops ----------------------------------------------------------------------------- */

typedef struct tensors {
    int64_t n_x, n_y, n_w;
    double *x, *y, *w, *of_x, *of_y, *of_w; /* operands, and the results of the loops */
} tensors;

/* As the kernel sees it. */
static double at(const double *list, bool wide, int64_t i)
{
    return wide ? list[i] : (double)(float)list[i];
}

/* The place that tap and position join, or -1. */
static int64_t place_of(const grad_conv *c, int64_t tap, int64_t position)
{
    int64_t place = 0, scale = 1;
    for (int d = 2; d >= 0; d--) {
        const int64_t i = position % c->out[d] * c->stride[d] +
                          tap % c->kernel[d] * c->dilation[d] - c->before[d];
        if (i < 0 || i >= c->in[d]) return -1;
        place += i * scale;
        scale *= c->in[d];
        position /= c->out[d];
        tap /= c->kernel[d];
    }
    return place;
}

static void by_loops(const grad_conv *c, tensors *t)
{
    const bool wide = c->dtype == GRAD_FLOAT64;
    for (int64_t n = 0; n < c->images * c->groups; n++)
        for (int64_t tap = 0; tap < c->taps; tap++)
            for (int64_t p = 0; p < c->positions; p++) {
                const int64_t place = place_of(c, tap, p);
                for (int64_t m = 0; m < c->to && place >= 0; m++)
                    for (int64_t k = 0; k < c->from; k++) {
                        const int64_t i_x = (n * c->from + k) * c->places + place;
                        const int64_t i_y = (n * c->to + m) * c->positions + p;
                        const int64_t i_w =
                            ((n % c->groups * c->to + m) * c->from + k) * c->taps + tap;
                        const double x = at(t->x, wide, i_x), y = at(t->y, wide, i_y);
                        const double w = at(t->w, wide, i_w);
                        t->of_y[i_y] += w * x;
                        t->of_x[i_x] += w * y;
                        t->of_w[i_w] += x * y;
                    }
            }
}

static double *numbers(int64_t n, bool random)
{
    double *list = calloc((size_t)n, sizeof *list);
    assert_non_null(list);
    for (int64_t i = 0; random && i < n; i++) list[i] = (double)rand() / RAND_MAX - 0.5;
    return list;
}

static void make(tensors *t, const grad_conv *c)
{
    t->n_x = c->images * c->groups * c->from * c->places;
    t->n_y = c->images * c->groups * c->to * c->positions;
    t->n_w = c->groups * c->to * c->from * c->taps;
    t->x = numbers(t->n_x, true);
    t->y = numbers(t->n_y, true);
    t->w = numbers(t->n_w, true);
    t->of_x = numbers(t->n_x, false);
    t->of_y = numbers(t->n_y, false);
    t->of_w = numbers(t->n_w, false);
}

static void drop(tensors *t)
{
    double *all[] = {t->x, t->y, t->w, t->of_x, t->of_y, t->of_w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* ---- the kernels ----------------------------------------------------------------------------- */

typedef int (*kernel)(const grad_conv *c, void *out, const void *a, const void *b,
                      grad_frame *frame);

static void *in_dtype(const double *list, int64_t n, grad_dtype dtype)
{
    void *copy = malloc((size_t)n * 8);
    assert_non_null(copy);
    for (int64_t i = 0; i < n; i++)
        if (dtype == GRAD_FLOAT64) ((double *)copy)[i] = list[i];
        else ((float *)copy)[i] = (float)list[i];
    return copy;
}

/* The result; the memory it is put into was full of NaN. */
static void *run(kernel f, const grad_conv *c, int64_t n, const double *a, int64_t n_a,
                 const double *b, int64_t n_b, const int *stop, int expected)
{
    grad_error err = {0};
    void *one = in_dtype(a, n_a, c->dtype), *other = in_dtype(b, n_b, c->dtype);
    void *out = malloc((size_t)n * 8);
    void *scratch = aligned_alloc(64, (grad__conv_scratch(c) | 63) + 1);
    grad_frame frame = {scratch, stop, &err};
    memset(out, 0xff, (size_t)n * 8);
    memset(scratch, 0xff, grad__conv_scratch(c));
    assert_int_equal(f(c, out, one, other, &frame), expected);
    assert_int_equal(err.code, expected ? GRAD_STOPPED : GRAD_OK);
    free(one);
    free(other);
    free(scratch);
    return out;
}

static void compare(const char *what, const char *result, const grad_conv *c, const void *found,
                    const double *expected, int64_t n)
{
    const bool wide = c->dtype == GRAD_FLOAT64;
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++) {
        const double is = wide ? ((const double *)found)[i] : (double)((const float *)found)[i];
        if (!(fabs(is - expected[i]) <= (wide ? 1e-13 : 1e-5) * most))
            fail_msg("%s: %s[%lld] is %.17g, expected %.17g", what, result, (long long)i, is,
                     expected[i]);
    }
}

static void blocks_add_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++)
        for (int dtype = GRAD_FLOAT64; dtype <= GRAD_FLOAT32; dtype++) {
            const geometry *g = &geometries[i];
            const grad_conv c = conv_of(g, (grad_dtype)dtype, g->images);
            tensors t;
            make(&t, &c);
            by_loops(&c, &t);
            void *y = run(grad__conv_y, &c, t.n_y, t.x, t.n_x, t.w, t.n_w, NULL, 0);
            compare(g->what, "y", &c, y, t.of_y, t.n_y);
            free(y);
            void *x = run(grad__conv_x, &c, t.n_x, t.y, t.n_y, t.w, t.n_w, NULL, 0);
            compare(g->what, "x", &c, x, t.of_x, t.n_x);
            free(x);
            void *w = run(grad__conv_w, &c, t.n_w, t.x, t.n_x, t.y, t.n_y, NULL, 0);
            compare(g->what, "w", &c, w, t.of_w, t.n_w);
            free(w);
            drop(&t);
        }
}

static void an_image_has_the_same_bits_among_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        const grad_conv three = conv_of(&geometries[i], GRAD_FLOAT32, 3);
        const grad_conv one = conv_of(&geometries[i], GRAD_FLOAT32, 1);
        tensors t;
        make(&t, &three);
        const int64_t n_x = t.n_x / 3, n_y = t.n_y / 3;
        float *all = run(grad__conv_y, &three, t.n_y, t.x, t.n_x, t.w, t.n_w, NULL, 0);
        float *last = run(grad__conv_y, &one, n_y, t.x + 2 * n_x, n_x, t.w, t.n_w, NULL, 0);
        assert_memory_equal(all + 2 * n_y, last, (size_t)n_y * sizeof *last);
        free(all);
        free(last);
        all = run(grad__conv_x, &three, t.n_x, t.y, t.n_y, t.w, t.n_w, NULL, 0);
        last = run(grad__conv_x, &one, n_x, t.y + 2 * n_y, n_y, t.w, t.n_w, NULL, 0);
        assert_memory_equal(all + 2 * n_x, last, (size_t)n_x * sizeof *last);
        free(all);
        free(last);
        drop(&t);
    }
}

static void a_stop_flag_ends_it(void **state)
{
    (void)state;
    const int stop = 1;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        const grad_conv c = conv_of(&geometries[i], GRAD_FLOAT64, 1);
        tensors t;
        make(&t, &c);
        free(run(grad__conv_y, &c, t.n_y, t.x, t.n_x, t.w, t.n_w, &stop, -1));
        free(run(grad__conv_x, &c, t.n_x, t.y, t.n_y, t.w, t.n_w, &stop, -1));
        free(run(grad__conv_w, &c, t.n_w, t.x, t.n_x, t.y, t.n_y, &stop, -1));
        drop(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_add_up),
        cmocka_unit_test(an_image_has_the_same_bits_among_others),
        cmocka_unit_test(a_stop_flag_ends_it),
    };
    return cmocka_run_group_tests_name("convolution", tests, NULL, NULL);
}
