/* matrix_exp_pade.c -- the exponential of a matrix: scaling and squaring with Padé approximants.
 *
 * Degree and scaling are chosen by the norms of powers of A rather than of A, after Higham (2005)
 * and Al-Mohy and Higham (2009).
 */
#include <float.h>
#include <math.h>

#include "blas.h"
#include "factor.h"

size_t grad__expm_room(grad_expm *e, int64_t n, char *base)
{
    grad_room r = {.base = base};
    e->n = n;
    for (int i = 0; i < GRAD_EXPM_POWERS; i++) e->power[i] = grad__carve(&r, n * n, GRAD_FLOAT64);
    e->u = grad__carve(&r, n * n, GRAD_FLOAT64);
    e->v = grad__carve(&r, n * n, GRAD_FLOAT64);
    e->t = grad__carve(&r, n * n, GRAD_FLOAT64);
    e->x = grad__carve(&r, n, GRAD_FLOAT64);
    e->y = grad__carve(&r, n, GRAD_FLOAT64);
    e->pivots = grad__carve(&r, n, GRAD_INT32);
    return r.used;
}

static int multiply(const grad_expm *e, double *y, const double *a, const double *b)
{
    const grad_product p = {GRAD_FLOAT64, false, false, e->n, e->n, e->n};
    return grad__blas_product(&p, y, a, b, e->frame);
}

/* The largest sum of the sizes in a row: the 1-norm of the transpose, which has the same powers. */
static double norm(const grad_expm *e, const double *a)
{
    double most = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double s = 0;
        for (int64_t j = 0; j < e->n; j++) s += fabs(a[i * e->n + j]);
        if (s > most) most = s;
    }
    return most;
}

static void scale(const grad_expm *e, double *a, int power)
{
    const double factor = ldexp(1, power > -1000 ? power : -1000); /* less, and nothing is left */
    for (int64_t i = 0; power && i < e->n * e->n; i++) a[i] *= factor;
}

/* log2 of the norm of |A|^p; -INFINITY where that is zero. */
static double log_norm_of_power(const grad_expm *e, int p)
{
    double log_norm = 0;
    for (int64_t i = 0; i < e->n; i++) e->x[i] = 1;
    for (; p > 0; p--) {
        double most = 0;
        for (int64_t i = 0; i < e->n; i++) {
            double s = 0;
            for (int64_t j = 0; j < e->n; j++) s += fabs(e->power[0][i * e->n + j]) * e->x[j];
            e->y[i] = s;
            if (s > most) most = s;
        }
        if (most == 0) return -INFINITY;
        log_norm += log2(most);
        for (int64_t i = 0; i < e->n; i++) e->x[i] = e->y[i] / most;
    }
    return log_norm;
}

/* How often A must be halved before the first neglected term of degree m's backward error, relative
   to A, is below the rounding; c is the logarithm of the inverse of its coefficient. */
static int more_halvings(const grad_expm *e, int m, double c, int halved)
{
    double of_power = log_norm_of_power(e, 2 * m + 1);
    if (of_power == -INFINITY) return 0;
    double alpha = of_power - log_norm_of_power(e, 1) - c - 2.0 * m * halved + 53;
    return alpha > 0 ? (int)ceil(alpha / (2 * m)) : 0;
}

static const double coefficients[][14] = {
    {120, 60, 12, 1},
    {30240, 15120, 3360, 420, 30, 1},
    {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1},
    {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1},
    {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
     10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1},
};
static const int degree[] = {3, 5, 7, 9, 13};
static const double bound[] = {1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1,
                               2.097847961257068, 4.25};
/* log2 of binomial(2 m, m) (2 m + 1)! */
static const double term[] = {16.62113611, 33.22777266, 51.99497431, 72.32471810, 116.4470043};

/* to = the sum of b[first + 2 i] A^(2 i), i from 0 to n - 1. */
static void polynomial(const grad_expm *e, double *to, const double *b, int first, int n)
{
    for (int64_t i = 0; i < e->n * e->n; i++) {
        double s = i % (e->n + 1) == 0 ? b[first] : 0;
        for (int k = 1; k < n; k++) s += b[first + 2 * k] * e->power[k][i];
        to[i] = s;
    }
}

/* u + v in place of v, v - u in place of u: the two halves of the approximant number `which`. */
static int halves(const grad_expm *e, int which)
{
    const double *b = coefficients[which];
    int64_t all = e->n * e->n;
    double *odd = e->t, *spare = e->power[4];
    if (degree[which] < 13) {
        polynomial(e, odd, b, 1, which + 2);
        polynomial(e, e->v, b, 0, which + 2);
    } else {
        for (int64_t i = 0; i < all; i++)
            e->u[i] = b[13] * e->power[3][i] + b[11] * e->power[2][i] + b[9] * e->power[1][i];
        if (multiply(e, spare, e->power[3], e->u) < 0) return -1;
        polynomial(e, odd, b, 1, 4);
        for (int64_t i = 0; i < all; i++) odd[i] += spare[i];
        for (int64_t i = 0; i < all; i++)
            e->u[i] = b[12] * e->power[3][i] + b[10] * e->power[2][i] + b[8] * e->power[1][i];
        if (multiply(e, spare, e->power[3], e->u) < 0) return -1;
        polynomial(e, e->v, b, 0, 4);
        for (int64_t i = 0; i < all; i++) e->v[i] += spare[i];
    }
    if (multiply(e, e->u, e->power[0], odd) < 0) return -1;
    for (int64_t i = 0; i < all; i++) {
        double u = e->u[i];
        e->u[i] = e->v[i] - u;
        e->v[i] += u;
    }
    return 0;
}

/* v = u⁻¹ v */
static void divide(const grad_expm *e)
{
    int64_t n = e->n;
    grad__lapack_lu(GRAD_FLOAT64, n, e->u, e->pivots);
    grad__solve_triangle(GRAD_FLOAT64, e->v, e->u, n, n, (grad_triangular){.lower = true});
    grad__solve_triangle(GRAD_FLOAT64, e->v, e->u, n, n, (grad_triangular){.unit = true});
    for (int64_t i = n; i-- > 0;)
        grad__exchange_rows(GRAD_FLOAT64, e->v, n, i, e->pivots[i] - 1);
}

/* Powers of A up to what the approximant needs, and which it is; A is halved so often. */
static int choose(const grad_expm *e, int *which, int *halved)
{
    double *const *a = e->power;
    double size = norm(e, a[0]), d4, d6, d8, d10;
    /* So that its powers can be computed; the sums of a row may be beyond the largest number. */
    *halved = size > 0x1p60 ? (isinf(size) ? DBL_MAX_EXP + 32 : ilogb(size)) - 60 : 0;
    scale(e, a[0], -*halved);
    if (multiply(e, a[1], a[0], a[0]) < 0) return -1;
    if (size <= bound[*which = 0]) return 0;
    if (multiply(e, a[2], a[1], a[1]) < 0) return -1;
    if (size <= bound[*which = 1]) return 0;
    if (multiply(e, a[3], a[2], a[1]) < 0) return -1;
    d4 = pow(norm(e, a[2]), 0.25);
    d6 = pow(norm(e, a[3]), 1.0 / 6);
    for (*which = 0; *which < 2; ++*which)
        if (fmax(d4, d6) < bound[*which] &&
            more_halvings(e, degree[*which], term[*which], 0) == 0)
            return 0;
    if (multiply(e, a[4], a[2], a[2]) < 0) return -1;
    d8 = pow(norm(e, a[4]), 0.125);
    for (; *which < 4; ++*which)
        if (fmax(d6, d8) < bound[*which] &&
            more_halvings(e, degree[*which], term[*which], 0) == 0)
            return 0;
    if (multiply(e, e->t, a[2], a[3]) < 0) return -1;
    d10 = pow(norm(e, e->t), 0.1);
    double eta = fmin(fmax(d6, d8), fmax(d8, d10));
    int s = eta > bound[4] ? (int)ceil(log2(eta / bound[4])) : 0;
    s += more_halvings(e, 13, term[4], s);
    *halved += s;
    scale(e, a[0], -s);
    scale(e, a[1], -2 * s);
    scale(e, a[2], -4 * s);
    scale(e, a[3], -6 * s);
    return 0;
}

/* Will squaring change nothing any more? */
static bool is_lost(const grad_expm *e)
{
    int64_t nan = 0, large = 0, all = e->n * e->n;
    for (int64_t i = 0; i < all; i++) {
        nan += isnan(e->v[i]) != 0;
        large += e->v[i] == INFINITY;
    }
    return nan == all || large == all;
}

int grad__expm(grad_expm *e, double **result)
{
    int which, halved;
    if (choose(e, &which, &halved) < 0 || halves(e, which) < 0) return -1;
    divide(e);
    for (; halved > 0 && !is_lost(e); halved--) {
        double *squared = e->t;
        if (multiply(e, squared, e->v, e->v) < 0) return -1;
        e->t = e->v;
        e->v = squared;
    }
    *result = e->v;
    return 0;
}
