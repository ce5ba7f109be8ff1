/* unary.c -- functions of one real number: roots, exponentials, trigonometry, error functions.
 *
 * A function is one MATH row: its cost, the C expressions in double and float, the interval it is
 * tried on, its derivative as a formula in x, y (the result) and g (the cotangent of y), and how it
 * is described. Where the textbook's formula loses digits (1 - x*x near 1) another form is taken.
 */
#include <math.h>

#include "loops.h"

static const double pi = 3.14159265358979324, ln2 = 0.693147180559945309;
static const double ln10 = 2.30258509299404568, two_over_root_pi = 1.12837916709551257;

static V plus_one(B *b, V x) { return v_add(b, v_num(b, x, 1), x); }

/* 1 - x*x, also close to 1 and -1; a row of its own because the product's two derivatives, -(1 + x)
   and 1 - x, would cancel close to 0 */
static const grad_op grad__op_one_minus_square;

static V one_minus_square(B *b, V x)
{
    return v_emit(b, &grad__op_one_minus_square, 1, &x, 0, NULL);
}

static V scaled(B *b, double factor, V x) { return v_mul(b, v_num(b, x, factor), x); }

static V bell(B *b, V x) /* exp(-x*x) */
{
    return v_exp(b, v_neg(b, v_square(b, x)));
}

/* clang-format off */

/* ---- roots and reciprocals --------------------------------------------------------------------- */

MATH(sqrt, ROOT_FLOPS, sqrt(x), sqrtf(x), 0.3, 4,
     v_div(b, g, scaled(b, 2, y)),
     "The square root; NaN below 0.", "g / (2 y): infinite at 0",
     "sqrt([0, 2, 9]) -> [0, 1.414213562373095, 3]\n"
     "sqrt(-1) -> NaN")
MATH(rsqrt, ROOT_FLOPS, 1 / sqrt(x), 1 / sqrtf(x), 0.5, 4,
     v_mul(b, scaled(b, -0.5, g), v_mul(b, y, v_square(b, y))),
     "One over the square root; infinite at 0, NaN below.", "-g y^3 / 2",
     "rsqrt([2, 4, 0]) -> [0.7071067811865475, 0.5, Infinity]")
MATH(cbrt, MATH_FLOPS, cbrt(x), cbrtf(x), 0.3, 4,
     v_div(b, g, scaled(b, 3, v_square(b, y))),
     "The cube root, also of negative numbers.", "g / (3 y^2): infinite at 0",
     "cbrt([27, -8, 2]) -> [3, -2, 1.259921049894873]")
MATH(reciprocal, ROOT_FLOPS, 1 / x, 1 / x, 0.5, 3,
     v_neg(b, v_mul(b, g, v_square(b, y))),
     "1 / x.", "-g y^2",
     "reciprocal([3, -4, 0]) -> [0.3333333333333333, -0.25, Infinity]")

/* ---- exponentials and logarithms --------------------------------------------------------------- */

MATH(exp, MATH_FLOPS, exp(x), expf(x), -2, 2,
     v_mul(b, g, y),
     "e to the power of x.", "g y",
     "exp([0, 1, -2]) -> [1, 2.718281828459045, 0.1353352832366127]\n"
     "exp([Infinity, -Infinity]) -> [Infinity, 0]")
MATH(exp2, MATH_FLOPS, exp2(x), exp2f(x), -2, 2,
     v_mul(b, g, scaled(b, ln2, y)),
     "2 to the power of x.", "g y ln 2",
     "exp2([3, 0.5, -1.5]) -> [8, 1.414213562373095, 0.3535533905932738]")
MATH(expm1, MATH_FLOPS, expm1(x), expm1f(x), -2, 2,
     v_mul(b, g, v_exp(b, x)),
     "exp(x) - 1, exact to the last digits near 0.", "g exp(x)",
     "expm1([1, -3]) -> [1.718281828459045, -0.9502129316321361]\n"
     "expm1(1e-10) -> 1.00000000005e-10")
MATH(log, MATH_FLOPS, log(x), logf(x), 0.3, 4,
     v_div(b, g, x),
     "The natural logarithm; -Infinity at 0, NaN below.", "g / x",
     "log([1, 2, 10]) -> [0, 0.6931471805599453, 2.302585092994046]\n"
     "log([0, -1]) -> [-Infinity, NaN]")
MATH(log2, MATH_FLOPS, log2(x), log2f(x), 0.3, 4,
     v_div(b, g, scaled(b, ln2, x)),
     "The logarithm to base 2.", "g / (x ln 2)",
     "log2([8, 10, 0.5]) -> [3, 3.321928094887362, -1]")
MATH(log10, MATH_FLOPS, log10(x), log10f(x), 0.3, 4,
     v_div(b, g, scaled(b, ln10, x)),
     "The logarithm to base 10.", "g / (x ln 10)",
     "log10([1000, 2, 1]) -> [3, 0.3010299956639812, 0]")
MATH(log1p, MATH_FLOPS, log1p(x), log1pf(x), -0.7, 3,
     v_div(b, g, plus_one(b, x)),
     "log(1 + x), exact to the last digits near 0.", "g / (1 + x)",
     "log1p([0, 1]) -> [0, 0.6931471805599453]\n"
     "log1p(1e-10) -> 9.9999999995e-11")

/* ---- trigonometry ------------------------------------------------------------------------------ */

MATH(sin, MATH_FLOPS, sin(x), sinf(x), -3, 3,
     v_mul(b, g, v_cos(b, x)),
     "The sine of x in radians.", "g cos(x)",
     "sin([0, 0.5, 1]) -> [0, 0.479425538604203, 0.8414709848078965]")
MATH(cos, MATH_FLOPS, cos(x), cosf(x), -3, 3,
     v_neg(b, v_mul(b, g, v_sin(b, x))),
     "The cosine of x in radians.", "-g sin(x)",
     "cos([0, 1, 2]) -> [1, 0.5403023058681397, -0.4161468365471424]")
MATH(tan, MATH_FLOPS, tan(x), tanf(x), -1, 1,
     v_mul(b, g, plus_one(b, v_square(b, y))),
     "The tangent of x in radians.", "g (1 + y^2)",
     "tan([0, 1, -0.5]) -> [0, 1.557407724654902, -0.5463024898437905]")
REAL_LANES1(one_minus_square, (1 - x) * (1 + x), (1 - x) * (1 + x))
static void one_minus_square_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_mul(b, p->g, scaled(b, -2, p->in[0])));
}
static const grad_op grad__op_one_minus_square = {
    .name = "one_minus_square",
    .doc = "1 - x^2.",
    .gradient = "-2 g x",
    .in = X_ONLY,
    .types = TYPES_REAL,
    .lanes = REALS(one_minus_square),
    .flops = 3,
    .internal = true,
    .rule = one_minus_square_rule,
    .example = "one_minus_square([0, 0.5, -1, 2]) -> [1, 0.75, 0, -3]",
};
MATH(asin, MATH_FLOPS, asin(x), asinf(x), -0.8, 0.8,
     v_mul(b, g, v_rsqrt(b, one_minus_square(b, x))),
     "The arc sine; NaN outside -1 to 1.", "g / sqrt(1 - x^2): infinite at -1 and 1",
     "asin([0, 0.5, 1]) -> [0, 0.5235987755982989, 1.570796326794897]")
MATH(acos, MATH_FLOPS, acos(x), acosf(x), -0.8, 0.8,
     v_neg(b, v_mul(b, g, v_rsqrt(b, one_minus_square(b, x)))),
     "The arc cosine; NaN outside -1 to 1.", "-g / sqrt(1 - x^2): infinite at -1 and 1",
     "acos([1, 0.5, -1]) -> [0, 1.047197551196598, 3.141592653589793]")
MATH(atan, MATH_FLOPS, atan(x), atanf(x), -2, 2,
     v_div(b, g, plus_one(b, v_square(b, x))),
     "The arc tangent.", "g / (1 + x^2)",
     "atan([1, -2]) -> [0.7853981633974483, -1.107148717794091]\n"
     "atan(Infinity) -> 1.570796326794897")
MATH(sinh, MATH_FLOPS, sinh(x), sinhf(x), -2, 2,
     v_mul(b, g, v_cosh(b, x)),
     "The hyperbolic sine.", "g cosh(x)",
     "sinh([0, 1, -1]) -> [0, 1.175201193643801, -1.175201193643801]")
MATH(cosh, MATH_FLOPS, cosh(x), coshf(x), -2, 2,
     v_mul(b, g, v_sinh(b, x)),
     "The hyperbolic cosine.", "g sinh(x)",
     "cosh([0, 1, -2]) -> [1, 1.543080634815244, 3.762195691083631]")
MATH(tanh, MATH_FLOPS, tanh(x), tanhf(x), -2, 2,
     v_mul(b, g, v_sub(b, v_num(b, y, 1), v_square(b, y))),
     "The hyperbolic tangent.", "g (1 - y^2)",
     "tanh([0, 0.5, 1]) -> [0, 0.4621171572600098, 0.7615941559557649]\n"
     "tanh([1000, -Infinity]) -> [1, -1]")
MATH(asinh, MATH_FLOPS, asinh(x), asinhf(x), -2, 2,
     v_div(b, g, v_hypot(b, x, v_num(b, x, 1))),
     "The inverse of sinh.", "g / sqrt(x^2 + 1)",
     "asinh([1, -3]) -> [0.881373587019543, -1.818446459232067]")
MATH(acosh, MATH_FLOPS, acosh(x), acoshf(x), 1.5, 4,
     v_mul(b, v_mul(b, g, v_rsqrt(b, v_sub(b, x, v_num(b, x, 1)))), v_rsqrt(b, plus_one(b, x))),
     "The inverse of cosh; NaN below 1.", "g / sqrt(x^2 - 1): infinite at 1",
     "acosh([1, 2]) -> [0, 1.316957896924817]")
MATH(atanh, MATH_FLOPS, atanh(x), atanhf(x), -0.8, 0.8,
     v_div(b, g, one_minus_square(b, x)),
     "The inverse of tanh; infinite at -1 and 1, NaN outside.", "g / (1 - x^2)",
     "atanh([0.5, -0.25, 1]) -> [0.5493061443340549, -0.255412811882995, Infinity]")

/* ---- error functions, entropy ------------------------------------------------------------------ */

MATH(erf, MATH_FLOPS, erf(x), erff(x), -2, 2,
     v_mul(b, g, scaled(b, two_over_root_pi, bell(b, x))),
     "The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
     "2 / sqrt(pi) g exp(-x^2)",
     "erf([0, 0.5, -1]) -> [0, 0.5204998778130465, -0.8427007929497149]")
MATH(erfc, MATH_FLOPS, erfc(x), erfcf(x), -2, 2,
     v_mul(b, g, scaled(b, -two_over_root_pi, bell(b, x))),
     "1 - erf(x), exact to the last digits for large x.", "-2 / sqrt(pi) g exp(-x^2)",
     "erfc([0.5, -1]) -> [0.4795001221869535, 1.842700792949715]\n"
     "erfc(5) -> 1.537459794428035e-12")
MATH(entr, MATH_FLOPS,
     x > 0 ? -x * log(x) : x == 0 ? 0 : x < 0 ? -HUGE_VAL : x,
     x > 0 ? -x * logf(x) : x == 0 ? 0 : x < 0 ? -HUGE_VALF : x, 0.3, 3,
     v_neg(b, v_mul(b, g, plus_one(b, v_log(b, x)))),
     "The entropy -x log(x); 0 at 0, -Infinity below.", "-g (1 + log(x)): infinite at 0",
     "entr([0, 0.5, 2]) -> [0, 0.3465735902799727, -1.386294361119891]\n"
     "entr(-1) -> -Infinity")

/* clang-format on */

/* ---- sinc -------------------------------------------------------------------------------------- */

/* The spherical Bessel function of t of order n: sin(t)/t is that of order 0, and the derivative of
   one is made of its neighbours without dividing by t. One of negative order counts as 0. */
static double spherical(double t, i64 n)
{
    if (n < 0) return 0;
    if (fabs(t) <= (double)n || t == 0) { /* the power series; few terms, none large */
        double first = 1, sum = 0, term = 1;
        for (i64 k = 1; k <= n; k++) first *= t / (double)(2 * k + 1);
        for (i64 k = 1; sum + term != sum; k++) {
            sum += term;
            term *= -t * t / (2 * (double)k * (double)(2 * n + 2 * k + 1));
        }
        return first * sum;
    }
    double below = cos(t) / t, here = sin(t) / t; /* orders -1 and 0 */
    for (i64 k = 0; k < n; k++) {
        double above = (double)(2 * k + 1) / t * here - below;
        below = here;
        here = above;
    }
    return here;
}

LANES2(spherical_bessel_f64, f64, f64, i64, spherical(x, y))
LANES2(spherical_bessel_f32, f32, f32, i64, spherical((f64)x, y))

static const grad_op grad__op_spherical_bessel;

static V spherical_bessel(B *b, V x, V order)
{
    return v_emit(b, &grad__op_spherical_bessel, 2, (V[]){x, order}, 0, NULL);
}

/* (2n + 1) j_n' = n j_(n-1) - (n + 1) j_(n+1) */
static void spherical_bessel_rule(B *b, const grad_pull *p)
{
    V x = p->in[0], order = p->in[1], one = v_int(b, 1);
    if (!wants(p, 0)) return;
    V n = v_cast(b, order, v_dtype(b, x));
    V below = v_mul(b, n, spherical_bessel(b, x, v_sub(b, order, one)));
    V above = v_mul(b, plus_one(b, n), spherical_bessel(b, x, v_add(b, order, one)));
    V slope = v_div(b, v_sub(b, below, above), plus_one(b, scaled(b, 2, n)));
    pull(p, 0, v_mul(b, p->g, slope));
}

static const grad_op grad__op_spherical_bessel = {
    .name = "spherical_bessel",
    .doc = "The spherical Bessel function j_n(x).",
    .gradient = "g (n j_(n-1)(x) - (n + 1) j_(n+1)(x)) / (2 n + 1)",
    .in = {{.name = "x"}, {.name = "n", .role = GRAD_ROLE_INDEX}},
    .types = TYPES_REAL,
    .lanes = REALS(spherical_bessel),
    .flops = 2 * MATH_FLOPS,
    .internal = true,
    .rule = spherical_bessel_rule,
    .example = "spherical_bessel([0.3, 2], 1) -> [0.09910288804064188, 0.4353977749799916]\n"
               "spherical_bessel(5, 3) -> 0.229820618164296",
    .trials = "[3] i[]<3",
};

/* clang-format off */
MATH(sinc, MATH_FLOPS,
     x == 0 ? 1 : sin(pi * x) / (pi * x),
     x == 0 ? 1 : sinf((f32)pi * x) / ((f32)pi * x), -2, 2,
     v_mul(b, g, scaled(b, -pi, spherical_bessel(b, scaled(b, pi, x), v_int(b, 1)))),
     "sin(pi x) / (pi x), and 1 at 0.", "g (cos(pi x) - y) / x, and 0 at 0",
     "sinc([0, 0.5, 0.25]) -> [1, 0.6366197723675814, 0.9003163161571061]")
/* clang-format on */

/* ---- the family -------------------------------------------------------------------------------- */

extern const grad_op grad__op_ceil, grad__op_round, grad__op_frac; /* unary_rounding.c */
extern const grad_op grad__op_deg2rad, grad__op_rad2deg;

const grad_op *const grad__family_unary[] = {
    &grad__op_neg,         &grad__op_abs,     &grad__op_sign,    &grad__op_square,
    &grad__op_sqrt,        &grad__op_rsqrt,   &grad__op_cbrt,    &grad__op_reciprocal,
    &grad__op_exp,         &grad__op_exp2,    &grad__op_expm1,   &grad__op_log,
    &grad__op_log2,        &grad__op_log10,   &grad__op_log1p,   &grad__op_sin,
    &grad__op_cos,         &grad__op_tan,     &grad__op_asin,    &grad__op_acos,
    &grad__op_atan,        &grad__op_sinh,    &grad__op_cosh,    &grad__op_tanh,
    &grad__op_asinh,       &grad__op_acosh,   &grad__op_atanh,   &grad__op_erf,
    &grad__op_erfc,        &grad__op_sinc,    &grad__op_entr,    &grad__op_floor,
    &grad__op_ceil,        &grad__op_round,   &grad__op_trunc,   &grad__op_frac,
    &grad__op_deg2rad,     &grad__op_rad2deg, &grad__op_identity, &grad__op_stop_gradient,
    &grad__op_nan_to_num,  &grad__op_clip,    &grad__op_cast,    &grad__op_spherical_bessel,
    &grad__op_clip_between, &grad__op_hardtanh_between, &grad__op_one_minus_square,
    NULL,
};
