/* special.c -- the normal distribution and error functions: erfinv erfcx ndtr ndtri log_ndtr.
 *
 * Everything hangs on two functions: erfcx(x) = exp(x^2) erfc(x), in which the tails lose their
 * exponential, and the inverse of erfc. Both are Chebyshev series (special_series.h). Derivatives
 * that cancel in the textbook's form have functions of their own here, so that gradients keep their
 * digits in the tails too. Gamma functions are in special_gamma.c, Bessel's in special_bessel.c.
 */
#include <math.h>

#include "special.h"
#include "special_series.h"

static const double root_half = 0.707106781186547524;      /* sqrt(1/2) */
static const double half_root_pi = 0.886226925452758014;   /* sqrt(pi) / 2 */
static const double root_two_pi = 2.50662827463100050;     /* sqrt(2 pi) */
static const double one_over_root_pi = 0.564189583547756287;
static const double two_over_root_pi = 1.12837916709551257;
static const double root_two_over_pi = 0.797884560802865356;

static V scaled(B *b, double factor, V x) { return v_mul(b, v_num(b, x, factor), x); }

/* ---- exp(x^2) ---------------------------------------------------------------------------------- */

/* exp(factor x^2) for |x| < 40 and a factor of 1, -1 or -1/2. The square is taken exactly, in two
   pieces (Dekker's product), because exp would multiply its rounding error by x^2. */
static double exp_of_square(double x, double factor)
{
    const double shifted = 0x1.0000002p27 * x, high = shifted - (shifted - x), low = x - high;
    const double square = x * x, rest = ((high * high - square) + 2 * high * low) + low * low;
    const double e = exp(factor * square);
    return isinf(e) ? e : e + e * (factor * rest);
}

/* ---- erfcx and its derivatives ----------------------------------------------------------------- */

static double erfcx_of(double x)
{
    if (x < -40) return HUGE_VAL;
    if (x < 0) return 2 * exp_of_square(x, 1) - erfcx_of(-x);
    if (x > 1e9) return one_over_root_pi / x;
    return SERIES(erfcx_right, (x - 4) / (x + 4)) / (1 + 2 * x);
}

/* The n-th derivative f_n of erfcx is an integral of (-2t)^n exp(-t^2 - 2xt) over t > 0; it has the
   sign of (-1)^n, and f_(n+1) = 2x f_n + 2n f_(n-1). Here -f_n / f_(n-1) for x >= 1/2, from the
   continued fraction that this is: q_n = 2n / (2x + q_(n+1)). */
static double erfcx_ratio(double x, i64 n)
{
    i64 far = n + 20 + (i64)fmin(180 / (x * x), 720);
    double q = 2 * (double)far / (x + sqrt(x * x + 2 * (double)far));
    for (i64 k = far; k >= n; k--) q = 2 * (double)k / (2 * x + q);
    return q;
}

static double erfcx_derivative_of(double x, i64 n)
{
    double before = two_over_root_pi, here = erfcx_of(x); /* 2x f_0 - f_1, and f_0 */
    if (n < 0) return NAN;
    if (x >= 2 || (x >= 0.5 && n > 3)) {
        double q = erfcx_ratio(x, n), product = n > 0 ? -q : 1;
        for (i64 k = n - 1; k > 0; k--) product *= -(q = 2 * (double)k / (2 * x + q));
        return here * product;
    }
    if (isinf(here)) return n % 2 ? -here : here;
    for (i64 k = 0; k < n; k++) {
        double next = 2 * x * here + (k == 0 ? -before : 2 * (double)k * before);
        before = here;
        here = next;
    }
    return here;
}

/* clang-format off */
ALL_ORDERS(erfcx_derivative, erfcx_derivative_of(x, y), 3 * MATH_FLOPS, -2, 2,
           "The n-th derivative of erfcx.", "g times the derivative of order n + 1",
           "erfcx_derivative([0, 2], 0) -> [1, 0.2553956763105057]\n"
           "erfcx_derivative([-1, 0.25, 1], 1) -> "
           "[-11.14633932862008, -0.7432058932300142, -0.2732120147838986]\n"
           "erfcx_derivative(100000, 2) -> 1.128379166756999e-15")

MATH(erfcx, 2 * MATH_FLOPS, erfcx_of(x), erfcx_of(x), -2, 2,
     v_mul(b, g, erfcx_derivative(b, x, v_int(b, 1))),
     "The scaled complementary error function exp(x^2) erfc(x).", "g (2 x y - 2 / sqrt(pi))",
     "erfcx([0, 1, -1]) -> [1, 0.427583576155807, 5.008980080762283]\n"
     "erfcx(1e10) -> 5.641895835477563e-11")
/* clang-format on */

/* ---- quantiles --------------------------------------------------------------------------------- */

/* The natural logarithm of 0 < x < 1, made of + - * / alone: of x = 2^e m it is
   e log(2) + 2 artanh((m - 1) / (m + 1)). */
static double plain_log(double x)
{
    static const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    int e;
    double m = frexp(x, &e);
    if (m < 0.7071) {
        m *= 2;
        e--;
    }
    const double s = (m - 1) / (m + 1), z = s * s;
    double sum = 0;
    for (int k = 21; k > 1; k -= 2) sum = z * (sum + 1.0 / k);
    return e * ln2_high + (2 * s + (2 * s * sum + e * ln2_low));
}

/* y with erfc(y) = q, for 0 < q <= 1/2: about s = sqrt(-log(q)) */
static double inverse_erfc(double q)
{
    const double s = sqrt(-plain_log(q));
    if (s < 2.25) return s * SERIES(erfinv_near, (32 * s - 49) / 23);
    if (s < 6.25) return s * SERIES(erfinv_far, (200 / s - 61) / 29);
    return s * SERIES(erfinv_farther, (400 / s - 39) / 25);
}

static double erfinv_of(double x)
{
    const double size = fabs(x);
    if (size <= 0.5) return x * SERIES(erfinv_middle, 8 * (x * x) - 1);
    if (size < 1) return copysign(inverse_erfc(1 - size), x);
    return size == 1 ? copysign(HUGE_VAL, x) : NAN;
}

double grad__normal_quantile(double p)
{
    if (p >= 0.25 && p <= 0.75) return erfinv_of(2 * (p - 0.5)) / root_half;
    if (p > 0 && p < 0.25) return inverse_erfc(2 * p) / -root_half;
    if (p > 0.75 && p < 1) return inverse_erfc(2 * (1 - p)) / root_half;
    return p == 0 ? -HUGE_VAL : p == 1 ? HUGE_VAL : NAN;
}

/* clang-format off */
MATH(erfinv, 2 * MATH_FLOPS, erfinv_of(x), erfinv_of(x), -0.9, 0.9,
     v_mul(b, g, scaled(b, half_root_pi, v_exp(b, v_square(b, y)))),
     "The inverse of erf; infinite at -1 and 1, NaN outside.", "sqrt(pi) / 2 g exp(y^2)",
     "erfinv([0, 0.5, -0.75]) -> [0, 0.4769362762044699, -0.8134198475976184]\n"
     "erfinv([1, -1, 2]) -> [Infinity, -Infinity, NaN]")
/* clang-format on */

/* ---- the distribution function and its logarithm ----------------------------------------------- */

static double ndtr_of(double x)
{
    if (x < -40) return 0;
    if (x < -1) return erfcx_of(x * -root_half) / 2 * exp_of_square(x, -0.5);
    return erfc(x * -root_half) / 2;
}

static double log_ndtr_of(double x)
{
    if (x < -1) return log(erfcx_of(x * -root_half) / 2) - x / 2 * x;
    if (x < 0) return log(erfc(x * -root_half) / 2);
    return log1p(erfc(x * root_half) / -2);
}

/* The density over the distribution function: the derivative of log_ndtr. */
static double mills_of(double x)
{
    if (x < 0) return root_two_over_pi / erfcx_of(x * -root_half);
    if (x > 40) return 0;
    return root_two_over_pi * exp_of_square(x, -0.5) / erfc(x * -root_half);
}

/* x + mills(x), which goes to 0 like -1/x on the left */
static double lift_of(double x)
{
    return x < -3 ? erfcx_ratio(x * -root_half, 1) * root_half : x + mills_of(x);
}

REAL_LANES1(mills, mills_of(x), mills_of(x))
REAL_LANES1(lift, lift_of(x), lift_of(x))

static double density_of(double x)
{
    return fabs(x) < 40 ? exp_of_square(x, -0.5) / root_two_pi : isnan(x) ? x : 0;
}

REAL_LANES1(density, density_of(x), density_of(x))

static void density_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_neg(b, v_mul(b, p->g, v_mul(b, p->in[0], p->y))));
}

static const grad_op grad__op_density = {
    .name = "density",
    .doc = "phi(x) = exp(-x^2 / 2) / sqrt(2 pi), the density of the normal distribution.",
    .gradient = "-g x y",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(density),
    .flops = MATH_FLOPS,
    .internal = true,
    .rule = density_rule,
    .example = "density([0, 1, -30]) -> [0.3989422804014327, 0.2419707245191434, "
               "1.473646134878548e-196]",
};

static const grad_op grad__op_mills, grad__op_lift;

static V mills(B *b, V x) { return v_emit(b, &grad__op_mills, 1, &x, 0, NULL); }
static V lift(B *b, V x) { return v_emit(b, &grad__op_lift, 1, &x, 0, NULL); }

static void mills_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_neg(b, v_mul(b, p->g, v_mul(b, p->y, lift(b, p->in[0])))));
}

static void lift_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_sub(b, p->g, v_mul(b, p->g, v_mul(b, mills(b, p->in[0]), p->y))));
}

static const grad_op grad__op_mills = {
    .name = "mills",
    .doc = "phi(x) / Phi(x), the normal density over the distribution function.",
    .gradient = "-g y (x + y)",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(mills),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = mills_rule,
    .example = "mills([0, 1, -1]) -> [0.7978845608028654, 0.2875999709391784, 1.525135276160981]\n"
               "mills(-100000) -> 100000.00001",
};

static const grad_op grad__op_lift = {
    .name = "lift",
    .doc = "x + phi(x) / Phi(x).",
    .gradient = "g - g phi(x) / Phi(x) y",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(lift),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = lift_rule,
    .example = "lift([0, 1, -1]) -> [0.7978845608028654, 1.287599970939178, 0.5251352761609812]\n"
               "lift(-100000) -> 9.999999998e-6",
};

/* 1 / phi(y) where Phi(y) = p. Taken as p mills(y), phi does not suffer from y's rounding, which
   exp(y^2 / 2) would multiply by y^2. */
static double quantile_slope_of(double p)
{
    const double near = p < 0.5 ? p : 1 - p;
    if (near > 0) return 1 / (near * mills_of(-fabs(grad__normal_quantile(p))));
    return near == 0 ? HUGE_VAL : NAN;
}

REAL_LANES1(quantile_slope, quantile_slope_of(x), quantile_slope_of(x))

extern const grad_op grad__op_ndtri;

static void quantile_slope_rule(B *b, const grad_pull *p)
{
    V quantile = v_emit(b, &grad__op_ndtri, 1, p->in, 0, NULL);
    pull(p, 0, v_mul(b, p->g, v_mul(b, quantile, v_square(b, p->y))));
}

static const grad_op grad__op_quantile_slope = {
    .name = "quantile_slope",
    .doc = "The derivative of ndtri.",
    .gradient = "g ndtri(p) y^2",
    .in = {{.name = "p"}},
    .types = TYPES_REAL,
    .lanes = REALS(quantile_slope),
    .flops = 4 * MATH_FLOPS,
    .internal = true,
    .rule = quantile_slope_rule,
    .domain = {{0.2, 0.8}},
    .example = "quantile_slope([0.5, 0, 1]) -> [2.506628274631001, Infinity, Infinity]\n"
               "quantile_slope(1e-100) -> 4.690375414837741e+98",
};

/* clang-format off */
MATH(ndtri, 2 * MATH_FLOPS, grad__normal_quantile(x), grad__normal_quantile(x), 0.1, 0.9,
     v_mul(b, g, v_emit(b, &grad__op_quantile_slope, 1, &x, 0, NULL)),
     "The inverse of ndtr, the quantile of the normal distribution; NaN outside 0 to 1.",
     "sqrt(2 pi) g exp(y^2 / 2)",
     "ndtri([0.5, 0.125, 0.875]) -> [0, -1.150349380376008, 1.150349380376008]\n"
     "ndtri([0, 1, 2]) -> [-Infinity, Infinity, NaN]\n"
     "ndtri(1e-10) -> -6.361340902404056")
MATH(ndtr, 2 * MATH_FLOPS, ndtr_of(x), ndtr_of(x), -2, 2,
     v_mul(b, g, v_emit(b, &grad__op_density, 1, &x, 0, NULL)),
     "The distribution function of the standard normal distribution.",
     "g exp(-x^2 / 2) / sqrt(2 pi)",
     "ndtr([0, 1, -1, -30]) -> [0.5, 0.8413447460685429, 0.1586552539314571, "
     "4.906713927148187e-198]")
MATH(log_ndtr, 3 * MATH_FLOPS, log_ndtr_of(x), log_ndtr_of(x), -3, 2,
     v_mul(b, g, mills(b, x)),
     "The logarithm of ndtr(x), exact in both tails.",
     "g phi(x) / ndtr(x), with phi the density",
     "log_ndtr([0, 1, -1]) -> [-0.6931471805599453, -0.1727537790234499, -1.841021645009264]\n"
     "log_ndtr([-100000, 20]) -> [-5000000012.431864, -2.753624118606234e-89]")
/* clang-format on */

/* ---- the family -------------------------------------------------------------------------------- */

extern const grad_op grad__op_lgamma, grad__op_digamma, grad__op_polygamma;  /* special_gamma.c */
extern const grad_op grad__op_polygamma_of;
extern const grad_op grad__op_i0, grad__op_i0e, grad__op_i1, grad__op_i1e;   /* special_bessel.c */
extern const grad_op grad__op_bessel_i, grad__op_i0e_derivative, grad__op_i1e_derivative;

const grad_op *const grad__family_special[] = {
    &grad__op_erfinv,           &grad__op_erfcx,          &grad__op_ndtr,
    &grad__op_ndtri,            &grad__op_log_ndtr,       &grad__op_lgamma,
    &grad__op_digamma,          &grad__op_polygamma,      &grad__op_i0,
    &grad__op_i0e,              &grad__op_i1,             &grad__op_i1e,
    &grad__op_erfcx_derivative, &grad__op_mills,          &grad__op_lift,
    &grad__op_density,          &grad__op_quantile_slope,
    &grad__op_polygamma_of,     &grad__op_bessel_i,       &grad__op_i0e_derivative,
    &grad__op_i1e_derivative,   NULL,
};
