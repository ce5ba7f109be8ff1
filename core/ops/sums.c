/* sums.c -- sums over the points of a batch.
 *
 * A sum is a double and what rounding has lost from it so far, added when all is done: it is good to
 * the last digit for a million points. Of few elements several sums are kept side by side, the sum
 * of point i being number i % WAYS, so that they are added with vectors; they are joined in order at
 * the end. So the order of every addition depends on the points' numbers alone: whoever computes
 * blocks on several threads need only hand them in one after another.
 */
#include "sums.h"

#include <math.h>
#include <string.h>

enum { WAYS = 8, FEW = 64 };

static size_t ways_of(size_t count) { return count < FEW ? WAYS : 1; }

size_t grad__sum_room(size_t count)
{
    return 2 * count * ways_of(count);
}

/* Minus zero and nothing lost: what leaves any number as it is. */
void grad__sum_begin(double *sum, size_t count)
{
    size_t n = count * ways_of(count);
    for (size_t i = 0; i < n; i++) sum[i] = -0.0;
    memset(sum + n, 0, n * sizeof *sum);
}

/* x is added to *sum, and to *lost what that rounds away. */
#define ADD(sum, lost, x)                                                                         \
    do {                                                                                          \
        const double a = (sum), b = (x), t = a + b, z = t - a;                                    \
        (lost) += (a - (t - z)) + (b - z);                                                        \
        (sum) = t;                                                                                \
    } while (0)

#define ADD_PIECE(name, T)                                                                        \
    static void name(double *restrict sum, double *restrict lost, const T *restrict x, size_t n)  \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) ADD(sum[i], lost[i], x[i]);                                \
    }
ADD_PIECE(add_f64, double)
ADD_PIECE(add_f32, float)

/* Rounds of WAYS points of one element each. */
#define ADD_ROUNDS(name, T)                                                                       \
    static void name(double *sum, double *lost, const T *x, size_t rounds)                        \
    {                                                                                             \
        double s[WAYS], l[WAYS];                                                                  \
        memcpy(s, sum, sizeof s);                                                                 \
        memcpy(l, lost, sizeof l);                                                                \
        for (; rounds > 0; rounds--, x += WAYS)                                                   \
            for (int i = 0; i < WAYS; i++) ADD(s[i], l[i], x[i]);                                 \
        memcpy(sum, s, sizeof s);                                                                 \
        memcpy(lost, l, sizeof l);                                                                \
    }
ADD_ROUNDS(rounds_f64, double)
ADD_ROUNDS(rounds_f32, float)

static void add(double *sum, double *lost, grad_dtype dtype, const char *x, size_t n)
{
    if (dtype == GRAD_FLOAT64) add_f64(sum, lost, (const double *)x, n);
    else add_f32(sum, lost, (const float *)x, n);
}

void grad__sum_add(double *sum, size_t count, grad_dtype dtype, size_t first, const void *values,
                   size_t stride, size_t n)
{
    size_t ways = ways_of(count), size = grad_dtype_size(dtype);
    double *lost = sum + count * ways;
    const char *x = values;
    for (size_t i = 0; i < n;) {
        size_t way = (first + i) % ways, rounds = (n - i) / WAYS;
        if (count == 1 && stride == size && way == 0 && rounds > 0) {
            if (dtype == GRAD_FLOAT64) rounds_f64(sum, lost, (const double *)x, rounds);
            else rounds_f32(sum, lost, (const float *)x, rounds);
            i += rounds * WAYS;
            x += rounds * WAYS * size;
        } else {
            add(sum + way * count, lost + way * count, dtype, x, count);
            i++;
            x += stride;
        }
    }
}

void grad__sum_end(void *out, double *sum, size_t count, grad_dtype dtype, size_t points, bool mean)
{
    size_t ways = ways_of(count);
    double *lost = sum + count * ways;
    for (size_t i = 0; i < count; i++) {
        double whole = sum[i], rest = lost[i];
        for (size_t way = 1; way < ways; way++) {
            rest += lost[way * count + i];
            ADD(whole, rest, sum[way * count + i]);
        }
        if (isfinite(rest) && rest != 0) whole += rest;
        if (points == 0) whole = 0;
        if (mean) whole /= (double)points;
        if (dtype == GRAD_FLOAT64) ((double *)out)[i] = whole;
        else ((float *)out)[i] = (float)whole;
    }
}
