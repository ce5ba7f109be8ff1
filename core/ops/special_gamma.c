/* special_gamma.c -- the logarithm of the gamma function and its derivatives.
 *
 * digamma and polygamma add the first terms of their series until the argument is large enough for
 * the Euler-Maclaurin formula (Abramowitz and Stegun 6.3.18, 23.2) and come back from the negative
 * axis by reflection, with the distance to the nearest pole taken exactly.
 */
#include <inttypes.h>
#include <math.h>

#include "special.h"

static const double pi = 3.14159265358979324;

/* ---- kernels ----------------------------------------------------------------------------------- */

static double lgamma_of(double x)
{
    int sign; /* not the C library's global one: threads share that */
    return lgamma_r(x, &sign);
}

static double digamma_of(double x)
{
    /* B_2k / 2k */
    static const double c[] = {1 / 12.0,  -1 / 120.0,       1 / 252.0, -1 / 240.0,
                               1 / 132.0, -691 / 32760.0, 1 / 12.0,  -3617 / 8160.0};
    if (x == 0) return copysign(HUGE_VAL, -x);
    if (x < 0) {
        const double past = x - rint(x); /* exact: the distance to the nearest pole */
        if (past == 0 || isinf(x)) return NAN;
        return digamma_of(1 - x) - pi / tan(pi * past);
    }
    double sum = 0, tail = 0;
    while (x < 10) {
        sum -= 1 / x;
        x += 1;
    }
    const double z = 1 / (x * x);
    for (size_t k = sizeof c / sizeof *c; k-- > 0;) tail = z * (tail + c[k]);
    return log(x) - 0.5 / x - tail + sum;
}

/* x^n for n >= 0 by squaring */
static double whole_power(double x, i64 n)
{
    double power = 1;
    for (; n > 0; n /= 2) {
        if (n % 2) power *= x;
        x *= x;
    }
    return power;
}

/* x^s times the sum of (x + k)^-s over all k >= 0, for x > 0 and s > 1 */
static double zeta_tail(double x, i64 s)
{
    /* B_2k / (2k)! */
    static const double c[] = {1 / 12.0,
                               -1 / 720.0,
                               1 / 30240.0,
                               -1 / 1209600.0,
                               1 / 47900160.0,
                               -691 / 1307674368000.0,
                               1 / 74724249600.0,
                               -3617 / 10670622842880000.0,
                               43867 / 5109094217170944000.0,
                               -174611 / 802857662698291200000.0};
    const double order = (double)s;
    double sum = 0, at = x, share = 1; /* (x / at)^s */
    while (at < 16 || at < order + 8) {
        sum += share;
        at += 1;
        share = whole_power(x / at, s);
        if (share * (1 + at / (order - 1)) < 0x1p-60 * sum) return sum;
    }
    double rest = at / (order - 1) + 0.5, factor = order / at;
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        rest += c[k] * factor;
        factor *= (order + 2 * (double)k + 1) / at * ((order + 2 * (double)k + 2) / at);
    }
    return sum + share * rest;
}

/* n! times the sum of (x + k)^-(n+1), for x > 0 and n > 0 */
static double pole_sum(double x, i64 n)
{
    const double order = (double)n, sum = zeta_tail(x, n + 1) / x;
    if (isinf(x)) return 0;
    if (n > 170) return exp(lgamma_of(order + 1) - order * log(x) + log(sum));
    double factorial = 1;
    if (n <= 22)
        for (i64 k = 2; k <= n; k++) factorial *= (double)k;
    else
        factorial = tgamma(order + 1);
    const double root = pow(x, order * -0.5); /* in two halves, that neither goes out of range */
    return factorial * root * sum * root;
}

/* Every pole to the right of x counts like one to the left of the mirrored x; those that the mirrored
   x would have beyond the last one, at 0, are taken away. */
static double polygamma_of_order(double x, i64 n)
{
    const double sign = n % 2 ? 1 : -1; /* of the terms on the right */
    if (n <= 0) return n < 0 ? NAN : digamma_of(x);
    if (x > 0 || isnan(x)) return sign * pole_sum(x, n);
    const double past = x - rint(x);
    if (isinf(x)) return NAN;
    if (past == 0) return sign * HUGE_VAL;
    const double right = pole_sum(past > 0 ? past : 1 + past, n);
    const double left = pole_sum(past > 0 ? 1 - past : -past, n);
    const double beyond = pole_sum(1 - x, n);
    if (n % 2) return isinf(left) ? left : right + (left - beyond);
    if (fabs(past) == 0.5) return -beyond;
    if (isinf(right) || isinf(left)) return past > 0 ? -HUGE_VAL : HUGE_VAL;
    return left - right - beyond;
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* clang-format off */
ALL_ORDERS(polygamma_of, polygamma_of_order(x, y), 20 * MATH_FLOPS, 0.5, 3,
           "The n-th derivative of digamma.", "g times the derivative of order n + 1",
           "polygamma_of([1, 2], 0) -> [-0.5772156649015329, 0.4227843350984671]\n"
           "polygamma_of([1, 0.5], [1, 2]) -> [1.644934066848226, -16.82879664423432]")

MATH(digamma, 2 * MATH_FLOPS, digamma_of(x), digamma_of(x), 0.5, 4,
     v_mul(b, g, polygamma_of(b, x, v_int(b, 1))),
     "The derivative of lgamma; NaN at negative whole numbers, -Infinity at 0.",
     "g polygamma(x, n=1)",
     "digamma([1, 0.5, -1.5]) -> [-0.5772156649015329, -1.963510026021423, 0.7031566406452432]\n"
     "digamma([0, -0.0, -1]) -> [-Infinity, Infinity, NaN]")
MATH(lgamma, 3 * MATH_FLOPS, lgamma_of(x), lgamma_of(x), 0.5, 4,
     v_mul(b, g, v_emit(b, &grad__op_digamma, 1, &x, 0, NULL)),
     "The logarithm of |gamma(x)|; Infinity at 0 and at negative whole numbers.",
     "g digamma(x)",
     "lgamma([1, 0.5, 10, -1.5]) -> [0, 0.5723649429247001, 12.80182748008147, "
     "0.8600470153764811]\n"
     "lgamma([0, -2]) -> [Infinity, Infinity]")
/* clang-format on */

enum { ORDER_MAX = 1000000000 };

static int polygamma_expand(B *b, const grad_args *a, V *out)
{
    const i64 n = a->attr[0].i;
    if (n < 0 || n > ORDER_MAX)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "n",
                                "polygamma: n must be from 0 to %d, found %" PRId64, ORDER_MAX, n);
    if (n == 0) out[0] = v_emit(b, &grad__op_digamma, 1, a->in, 0, NULL);
    else out[0] = polygamma_of(b, a->in[0], v_int(b, n));
    return 0;
}

const grad_op grad__op_polygamma = {
    .name = "polygamma",
    .doc = "The n-th derivative of digamma, which itself is n = 0; infinite at whole numbers up to "
           "0, and where it is beyond the type, as for most x when n > 170.",
    .gradient = "g polygamma(x, n + 1)",
    .in = X_ONLY,
    .attr = {{.name = "n", .type = ATTR_INT, .required = true}},
    .types = TYPES_REAL,
    .expand = polygamma_expand,
    .domain = {{0.5, 3}},
    .example = "polygamma([1, 2], n=0) -> [-0.5772156649015329, 0.4227843350984671]\n"
               "polygamma([1, 10, -0.5], n=1) -> "
               "[1.644934066848226, 0.1051663356816857, 8.934802200544679]\n"
               "polygamma([1, 0, -1], n=2) -> [-2.404113806319189, -Infinity, -Infinity]\n"
               "polygamma([0.5, 1], n=200) -> [-Infinity, -Infinity]",
    .trials = "[] n=0; [2,3] n=1; [4] n=2; [0,3] n=1; [3] n=5",
};
