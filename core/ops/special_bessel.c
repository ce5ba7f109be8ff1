/* special_bessel.c -- modified Bessel functions of the first kind, plain and scaled by exp(-|x|).
 *
 * Up to |x| = 12 they are their power series, whose terms are all positive; beyond it Chebyshev
 * series in 1 / x. Derivatives are not differences of neighbours, which cancel, but come from
 * recurrences run in the direction in which they are stable.
 */
#include <math.h>

#include "special.h"
#include "special_series.h"

static const double far = 12;

/* ---- orders 0 and 1 ---------------------------------------------------------------------------- */

/* n! (2 / x)^n I(x) of order n, the sum of n! (x^2 / 4)^k / (k! (k + n)!), for 0 <= x < 12 */
static double power_series(double x, double n)
{
    const double z = x * x / 4;
    double sum = 1;
    for (int k = z < 1 ? 12 : 34; k > 0; k--) sum = 1 + sum * (z / (k * (k + n)));
    return sum;
}

/* exp(-x) I(x) for x >= 12 */
static double scaled_far(double x, int order)
{
    const double u = 2 * far / x - 1;
    return (order == 0 ? SERIES(i0_far, u) : SERIES(i1_far, u)) / sqrt(x);
}

/* A scaled value without its scale, exp(-x); exp alone would overflow too early. */
static double unscaled(double scaled, double x)
{
    if (x > 1500) return HUGE_VAL;
    const double half = exp(x / 2);
    return scaled * half * half;
}

static double i0_of(double x)
{
    x = fabs(x);
    return x < far ? power_series(x, 0) : unscaled(scaled_far(x, 0), x);
}

static double i0e_of(double x)
{
    x = fabs(x);
    return x < far ? power_series(x, 0) * exp(-x) : scaled_far(x, 0);
}

static double i1_of(double x)
{
    const double size = fabs(x);
    if (size < far) return x / 2 * power_series(size, 1);
    return copysign(unscaled(scaled_far(size, 1), size), x);
}

static double i1e_of(double x)
{
    const double size = fabs(x);
    if (size < far) return x / 2 * power_series(size, 1) * exp(-size);
    return copysign(scaled_far(size, 1), x);
}

/* ---- higher orders, for the derivatives of I --------------------------------------------------- */

/* I of order n. The recurrence I_(k-1) - I_(k+1) = 2k / x I_k is stable upwards while k is well
   below x; else I_k / I_(k-1) is taken downwards, from where it hardly matters what it was. */
static double bessel_of(double x, i64 n)
{
    const double size = fabs(x), sign = x < 0 && n % 2 ? -1 : 1;
    if (n < 0) return NAN;
    if (n < 2) return n == 0 ? i0_of(x) : i1_of(x);
    if (size > 1500) return sign * HUGE_VAL;
    if (size < far) {
        double first = sign;
        for (i64 k = 1; k <= n; k++) first *= size / 2 / (double)k;
        return first * power_series(size, (double)n);
    }
    if ((double)n * (double)n < 2 * size) {
        double before = scaled_far(size, 0), here = scaled_far(size, 1);
        for (i64 k = 1; k < n; k++) {
            const double next = before - 2 * (double)k / size * here;
            before = here;
            here = next;
        }
        return sign * unscaled(here, size);
    }
    double ratio = 0, product = sign;
    for (i64 k = n + 50 + (i64)(20 * sqrt(size)); k > 0; k--) {
        ratio = size / (2 * (double)k + size * ratio);
        if (k <= n) product *= ratio;
    }
    return unscaled(scaled_far(size, 0) * product, size);
}

/* clang-format off */
LANES2(bessel_i_f64, f64, f64, i64, bessel_of(x, y))
LANES2(bessel_i_f32, f32, f32, i64, bessel_of(x, y))
/* clang-format on */

extern const grad_op grad__op_bessel_i;

static V bessel_i(B *b, V x, V order)
{
    return v_emit(b, &grad__op_bessel_i, 2, (V[]){x, order}, 0, NULL);
}

/* 2 I_n' = I_(n-1) + I_(n+1), and of order -1 there is I_1 again. Halved before they are added: the
   sum may be beyond the type where I_n' is not. */
static V bessel_slope(B *b, V x, V order)
{
    V half = v_num(b, x, 0.5), one = v_int(b, 1);
    V below = bessel_i(b, x, v_abs(b, v_sub(b, order, one)));
    V above = bessel_i(b, x, v_add(b, order, one));
    return v_add(b, v_mul(b, half, below), v_mul(b, half, above));
}

static void bessel_i_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, bessel_slope(b, p->in[0], p->in[1])));
}

const grad_op grad__op_bessel_i = {
    .name = "bessel_i",
    .doc = "The modified Bessel function of the first kind of order n.",
    .gradient = "g (I_(n-1)(x) + I_(n+1)(x)) / 2",
    .in = {{.name = "x"}, {.name = "n", .role = GRAD_ROLE_INDEX}},
    .types = TYPES_REAL,
    .lanes = REALS(bessel_i),
    .flops = 3 * MATH_FLOPS,
    .internal = true,
    .rule = bessel_i_rule,
    .example = "bessel_i([1, -1, 20], 2) -> [0.1357476697670383, 0.1357476697670383, "
               "39312785.22104076]\n"
               "bessel_i(2, [0, 1, 3]) -> [2.279585302336067, 1.590636854637329, "
               "0.2127399592398527]",
    .trials = "[3] i[]<3; [2,3] i[3]<3",
};

/* ---- derivatives of the scaled functions ------------------------------------------------------- */

/* K_n(x), the integral of (1 - cos t)^n exp(-x (1 - cos t)) / pi over 0 < t < pi: I0 scaled is K_0,
   I1 scaled K_0 - K_1, and -K_(n+1) is the derivative of K_n. By parts,
       (2n + 1) K_n = (n + 1 + 2x) K_(n+1) - x K_(n+2),
   which is stable downwards; *ratio takes K_(n+1) / K_n. Below 12 the first derivatives lose little
   when they are differences after all, and are sooner there. */
static double moment(double x, i64 n, double *ratio)
{
    double product = i0e_of(x), r = *ratio = 0;
    for (i64 k = n + 72; k >= 0; k--) {
        r = (2 * (double)k + 1) / ((double)k + 1 + 2 * x - x * r);
        if (k == n) *ratio = r;
        if (k < n) product *= r;
    }
    return product;
}

/* Of order n the derivative at 0 of exp(-|x|) f(x), for which the slope of |x| counts as 0 there, is
   that of f: of I0 it is n! / (n/2)!^2 / 2^n for even n, else 0. */
static double at_zero(i64 n)
{
    double value = 1;
    for (i64 k = 2; k <= n; k += 2) value *= (double)(k - 1) / (double)k;
    return n % 2 ? 0 : value;
}

static double i0e_derivative_of(double x, i64 n)
{
    double ratio;
    if (n < 0) return NAN;
    if (x == 0) return at_zero(n);
    const double size = fabs(x), sign = x > 0 && n % 2 ? -1 : 1;
    if (n == 0) return i0e_of(x);
    if (n == 1 && size < far) return sign * (i0e_of(size) - i1e_of(size));
    return size > 1e300 ? sign * 0 : sign * moment(size, n, &ratio);
}

static double i1e_derivative_of(double x, i64 n)
{
    double ratio;
    if (n <= 0) return n == 0 ? i1e_of(x) : NAN;
    if (x == 0) return at_zero(n + 1);
    const double size = fabs(x), sign = x < 0 || n % 2 ? -1 : 1;
    if (n == 1 && size < far)
        return (power_series(size, 0) - (size + 1) / 2 * power_series(size, 1)) * exp(-size);
    if (size > 1e300) return sign * 0;
    const double k = moment(size, n, &ratio);
    return sign * (k - k * ratio);
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* clang-format off */
ALL_ORDERS(i0e_derivative, i0e_derivative_of(x, y), 30 * MATH_FLOPS, 0.5, 3,
           "The n-th derivative of i0e.", "g times the derivative of order n + 1",
           "i0e_derivative([0, 2], 0) -> [1, 0.308508322553671]\n"
           "i0e_derivative([-1, 0, 1], 1) -> [0.257849192243932, 0, -0.257849192243932]\n"
           "i0e_derivative([0, 1], 2) -> [0.5, 0.3077879691381555]\n"
           "i0e_derivative(1e8, 1) -> -1.994711409487331e-13")
ALL_ORDERS(i1e_derivative, i1e_derivative_of(x, y), 30 * MATH_FLOPS, 0.5, 3,
           "The n-th derivative of i1e.", "g times the derivative of order n + 1",
           "i1e_derivative([0, 2], 0) -> [0, 0.2152692892489377]\n"
           "i1e_derivative([-1, 0, 1], 1) -> [0.04993877689422354, 0.5, 0.04993877689422354]")

MATH(i0, 2 * MATH_FLOPS, i0_of(x), i0_of(x), -3, 3,
     v_mul(b, g, bessel_i(b, x, v_int(b, 1))),
     "The modified Bessel function of the first kind of order 0.", "g i1(x)",
     "i0([0, 1, -2, 20]) -> [1, 1.266065877752008, 2.279585302336067, 43558282.55955353]")
MATH(i0e, 2 * MATH_FLOPS, i0e_of(x), i0e_of(x), 0.2, 4,
     v_mul(b, g, i0e_derivative(b, x, v_int(b, 1))),
     "i0(x) exp(-|x|).", "g (i1e(x) - sign(x) i0e(x)): 0 at 0",
     "i0e([0, 1, -700]) -> [1, 0.4657596075936404, 0.01508129565153136]")
MATH(i1, 2 * MATH_FLOPS, i1_of(x), i1_of(x), -3, 3,
     v_mul(b, g, bessel_slope(b, x, v_int(b, 1))),
     "The modified Bessel function of the first kind of order 1.",
     "g (i0(x) - i1(x) / x), and g / 2 at 0",
     "i1([0, 1, -2, 20]) -> [0, 0.565159103992485, -1.590636854637329, 42454973.38512777]")
MATH(i1e, 2 * MATH_FLOPS, i1e_of(x), i1e_of(x), 0.2, 4,
     v_mul(b, g, i1e_derivative(b, x, v_int(b, 1))),
     "i1(x) exp(-|x|).", "g (i0e(x) - y (sign(x) + 1 / x)), and g / 2 at 0",
     "i1e([0, 1, -700]) -> [0, 0.2079104153497084, -0.01507051944471685]")
/* clang-format on */
