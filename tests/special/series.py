#!/usr/bin/env python3
"""series.py -- prints core/ops/special_series.h: the Chebyshev series of the special functions.

Run by hand with mpmath installed: tests/special/series.py >core/ops/special_series.h. Each series is
the interpolant at the zeros of T_64, computed with 40 digits and cut where its terms no longer reach
the last bit of a double.
"""
import mpmath as mp

mp.mp.dps = 40
NODES = 64


def series(f, low, high):
    """Coefficients of f on low .. high, the first one halved already."""
    angle = [mp.pi * (k + mp.mpf(1) / 2) / NODES for k in range(NODES)]
    value = [f((low + high) / 2 + (high - low) / 2 * mp.cos(a)) for a in angle]
    c = [2 * mp.fsum(v * mp.cos(j * a) for v, a in zip(value, angle)) / NODES
         for j in range(NODES)]
    c[0] /= 2
    size = max(abs(v) for v in value)
    n = NODES
    while n > 1 and abs(c[n - 1]) < size * mp.mpf(2) ** -57:
        n -= 1
    if n > NODES - 8:
        raise SystemExit("a series does not converge")
    return c[:n]


def show(name, what, c):
    text = ["%r" % float(x) for x in c]
    print("\n/* %s */" % what)
    print("static const double %s[] = {" % name)
    for i in range(0, len(text), 3):
        print("    " + ", ".join("%23s" % t for t in text[i:i + 3]) + ",")
    print("};")


def inverse_erfc(s):
    """y with erfc(y) = exp(-s^2), divided by s."""
    y = s - mp.log(s * mp.sqrt(mp.pi)) / (2 * s) if s > 1.5 else mp.mpf(0.886) * s * s
    for _ in range(60):
        tail = mp.erfc(y)
        step = (mp.log(tail) + s * s) * tail * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += step
        if abs(step) < mp.mpf(10) ** -36 * abs(y):
            return y / s
    raise SystemExit("no inverse of erfc for %s" % s)


def inverse_erf(z):
    """erfinv(x) / x of z = x^2."""
    x = mp.sqrt(z)
    return mp.erfinv(x) / x if x else mp.sqrt(mp.pi) / 2


def scaled_erfc(u):
    """(1 + 2 x) exp(x^2) erfc(x) of u = (x - 4) / (x + 4)."""
    if u == 1:
        return 2 / mp.sqrt(mp.pi)
    x = 4 * (1 + u) / (1 - u)
    if x < 25:
        with mp.workdps(340):
            return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)
    # the continued fraction; its convergents close in from both sides
    tail = mp.mpf(0)
    for k in range(400, 0, -1):
        tail = mp.mpf(k) / 2 / (x + tail)
    return (1 + 2 * x) / (mp.sqrt(mp.pi) * (x + tail))


def bessel(order):
    """sqrt(x) exp(-x) I(x) of t = 1 / x."""
    return lambda t: mp.sqrt(1 / t) * mp.exp(-1 / t) * mp.besseli(order, 1 / t)


def main():
    print("/* special_series.h -- Chebyshev series, computed by tests/special/series.py.")
    print(" *")
    print(" * A series is over u from -1 to 1; how u comes from the argument stands above it.")
    print(" */")
    print("#ifndef GRAD_OPS_SPECIAL_SERIES_H")
    print("#define GRAD_OPS_SPECIAL_SERIES_H")
    show("erfinv_middle", "erfinv(x) / x for |x| <= 1/2; u = 8 x^2 - 1",
         series(inverse_erf, mp.mpf(0), mp.mpf(1) / 4))
    show("erfinv_near",
         "y / s where erfc(y) = exp(-s^2), for s from 13/16 to 9/4; u = (32 s - 49) / 23",
         series(inverse_erfc, mp.mpf(13) / 16, mp.mpf(9) / 4))
    show("erfinv_far", "y / s, for 1/s from 0.16 to 0.45; u = (200 / s - 61) / 29",
         series(lambda t: inverse_erfc(1 / t), mp.mpf(16) / 100, mp.mpf(45) / 100))
    show("erfinv_farther", "y / s, for 1/s from 0.035 to 0.16; u = (400 / s - 39) / 25",
         series(lambda t: inverse_erfc(1 / t), mp.mpf(35) / 1000, mp.mpf(16) / 100))
    show("erfcx_right", "(1 + 2 x) exp(x^2) erfc(x) for x >= 0; u = (x - 4) / (x + 4)",
         series(scaled_erfc, mp.mpf(-1), mp.mpf(1)))
    for order in (0, 1):
        show("i%d_far" % order, "sqrt(x) exp(-x) I%d(x) for x >= 12; u = 24 / x - 1" % order,
             series(bessel(order), mp.mpf(0), mp.mpf(1) / 12))
    print("\n#endif")


main()
