#!/usr/bin/env python3
"""points.py -- prints tests/special/values.txt: what functions are at points chosen for trouble.

Run by hand with mpmath installed: tests/special/points.py >tests/special/values.txt (some minutes).
`points.py 20 lgamma erfcx` takes twenty times as many points of two functions, for an audit.

A line is `function order n x y value scale`: the derivative of that order with respect to x, at x
(and y, else -), of a function with attribute n (else -). An error counts against the scale, which is
the largest of |value|, |x d/dx value| and |y d/dy value|: what rounding the operands may cost.
"""
import random
import sys

import mpmath as mp

mp.mp.dps = 50
PI = mp.pi
MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 1
WANTED = sys.argv[2:]

# ---- functions whose derivatives need care: lists of f, f', f'', f''' --------------------------


def deep(digits):
    """Runs a function with so many digits, for what cancels."""
    def wrap(f):
        def inner(*x):
            with mp.workdps(digits):
                return f(*x)
        return inner
    return wrap


def psi(n):
    """mpmath's own is right too, but does not end for large arguments."""
    sign = -1 if n % 2 else 1

    def cot(x):
        """The n-th derivative of pi cot(pi x): a polynomial in c = cot(pi x), as c' = -(1 + c^2)."""
        with mp.workdps(mp.mp.dps + 30):
            c = mp.cospi(x) / mp.sinpi(x)
            p = [mp.mpf(0), mp.mpf(1)]
            for _ in range(n):
                d = [k * p[k] for k in range(1, len(p))] + [mp.mpf(0), mp.mpf(0)]
                p = [-PI * (d[k] + (d[k - 2] if k > 1 else 0)) for k in range(len(d))]
            return PI * mp.polyval(p[::-1], c)

    def right(x):
        total = mp.mpf(0)
        while x < 60 + n:
            total -= sign * mp.factorial(n) / x ** (n + 1)
            x += 1
        if n == 0:
            tail = mp.log(x) - 1 / (2 * x)
        else:
            tail = -sign * (mp.factorial(n - 1) / x ** n + mp.factorial(n) / (2 * x ** (n + 1)))
        for k in range(1, 60):
            term = mp.bernoulli(2 * k) * mp.rf(2 * k, n) / (2 * k) / x ** (2 * k + n)
            tail -= sign * term
            if abs(term) < abs(tail + total) * mp.mpf(10) ** -55:
                break
        return total + tail

    def value(x):
        with mp.workdps(70):
            return right(x) if x > 0 else sign * right(1 - x) - cot(x)

    return value


def chain(n):
    return [psi(n), psi(n + 1), psi(n + 2), psi(n + 3)]


@deep(400)
def erfcx0(x):
    if x < 60:
        return mp.exp(x * x) * mp.erfc(x)
    tail = mp.mpf(0)
    for k in range(400, 0, -1):
        tail = mp.mpf(k) / 2 / (x + tail)
    return 1 / (mp.sqrt(PI) * (x + tail))


@deep(400)
def erfcx1(x):
    """With exp(x^2) times the integral of erfc, from its own continued fraction."""
    if x < 60:
        return 2 * x * erfcx0(x) - 2 / mp.sqrt(PI)
    tail = mp.mpf(0)
    for k in range(400, 1, -1):
        tail = mp.mpf(k) / 2 / (x + tail)
    return -erfcx0(x) / (x + tail)


@deep(400)
def erfcx2(x):
    if x < 60:
        return 2 * x * erfcx1(x) + 2 * erfcx0(x)
    tail = mp.mpf(0)
    for k in range(400, 2, -1):
        tail = mp.mpf(k) / 2 / (x + tail)
    return -2 * erfcx1(x) / (x + tail)


def erfcx3(x):
    return 6 * abs(erfcx2(x) / x) if x > 60 else 2 * x * erfcx2(x) + 4 * erfcx1(x)


def inverse(f, slope, guess):
    def solve(y):
        x = mp.mpf(guess(y))
        for _ in range(200):
            step = (f(x) - mp.log(y)) / slope(x)
            x -= step
            if abs(step) <= abs(x) * mp.mpf(10) ** -45:
                return x
        raise SystemExit("no inverse at %s" % y)
    return solve


def log_tail(x):
    """log Phi(x)"""
    with mp.workdps(400):
        return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2) if x > -80 else \
            mp.log(erfcx0(-x / mp.sqrt(2)) / 2) - x * x / 2


def mills(x):
    with mp.workdps(400):
        if x > -80:
            return mp.exp(-x * x / 2) / mp.sqrt(2 * PI) / (mp.erfc(-x / mp.sqrt(2)) / 2)
        return mp.sqrt(2 / PI) / erfcx0(-x / mp.sqrt(2))


def lift(x):
    with mp.workdps(400):
        if x > -80:
            return x + mills(x)
        u = -x / mp.sqrt(2)
        return -erfcx1(u) / erfcx0(u) / mp.sqrt(2)


left_quantile = inverse(log_tail, mills,
                        lambda p: -mp.sqrt(-2 * mp.log(p)) if p < 0.05 else (p - 0.5) * 2.5)


def ndtri0(p):
    if p == 0.5:
        return mp.mpf(0)
    return left_quantile(p) if p < 0.5 else -left_quantile(1 - p)


def ndtri1(p):
    return mp.sqrt(2 * PI) * mp.exp(ndtri0(p) ** 2 / 2)


def erfinv0(x):
    return ndtri0((1 + x) / 2) / mp.sqrt(2) if abs(x) > 0.5 else mp.erfinv(x)


def erfinv1(x):
    return mp.sqrt(PI) / 2 * mp.exp(erfinv0(x) ** 2)


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * PI)


def bessel(n):
    return lambda x: mp.besseli(n, x)


def moment(n):
    """The integral of (1 - cos t)^n exp(-x (1 - cos t)) / pi over 0 < t < pi."""
    half = mp.mpf(1) / 2
    front = 2 ** n * mp.gamma(n + half) / (mp.sqrt(PI) * mp.gamma(n + 1))
    return lambda x: front * mp.hyp1f1(n + half, n + 1, -2 * x)


def even(n):
    return lambda x: moment(n)(abs(x)) * (-1 if x > 0 and n % 2 else 1)


def odd(n):
    if n == 0:
        return lambda x: mp.besseli(1, x) * mp.exp(-abs(x))
    return lambda x: (moment(n)(abs(x)) - moment(n + 1)(abs(x))) * (-1 if x < 0 or n % 2 else 1)


I = bessel
FAMILIES = {
    "lgamma": [lambda x: mp.loggamma(x).real] + chain(0)[:3],
    "digamma": chain(0),
    "erfcx": [erfcx0, erfcx1, erfcx2, erfcx3],
    "erfinv": [erfinv0, erfinv1, lambda x: 2 * erfinv0(x) * erfinv1(x) ** 2,
               lambda x: (2 + 8 * erfinv0(x) ** 2) * erfinv1(x) ** 3],
    "ndtri": [ndtri0, ndtri1, lambda p: ndtri0(p) * ndtri1(p) ** 2,
              lambda p: (1 + 2 * ndtri0(p) ** 2) * ndtri1(p) ** 3],
    "ndtr": [lambda x: mp.exp(log_tail(x)), density, lambda x: -x * density(x),
             lambda x: (x * x - 1) * density(x)],
    "log_ndtr": [log_tail, mills, lambda x: -mills(x) * lift(x),
                 lambda x: mills(x) * (lift(x) ** 2 - 1 + mills(x) * lift(x))],
    "i0": [I(0), I(1), lambda x: (I(0)(x) + I(2)(x)) / 2,
           lambda x: (3 * I(1)(x) + I(3)(x)) / 4],
    "i1": [I(1), lambda x: (I(0)(x) + I(2)(x)) / 2, lambda x: (3 * I(1)(x) + I(3)(x)) / 4,
           lambda x: (3 * I(0)(x) + 4 * I(2)(x) + I(4)(x)) / 8],
    "i0e": [even(0), even(1), even(2), even(3)],
    "i1e": [odd(0), odd(1), odd(2), odd(3)],
}

# ---- functions that are differentiated by a small step, with digits to spare ---------------------


def logistic(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log1p(mp.exp(x))


LAMBDA, ALPHA = mp.mpf("1.0507009873554804934"), mp.mpf("1.6732632423543772848")
ROOT_2_PI = mp.sqrt(2 / PI)
PLAIN = {
    "sqrt": mp.sqrt, "rsqrt": lambda x: 1 / mp.sqrt(x),
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "reciprocal": lambda x: 1 / x, "square": lambda x: x * x,
    "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2), "log10": mp.log10, "log1p": mp.log1p,
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan,
    "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "acosh": mp.acosh,
    "atanh": mp.atanh, "erf": mp.erf, "erfc": mp.erfc, "sinc": mp.sincpi,
    "entr": lambda x: -x * mp.log(x), "deg2rad": lambda x: x * PI / 180,
    "rad2deg": lambda x: x * 180 / PI,
    "sigmoid": logistic, "logsigmoid": lambda x: -softplus(-x), "silu": lambda x: x * logistic(x),
    "mish": lambda x: x * mp.tanh(softplus(x)), "softsign": lambda x: x / (1 + abs(x)),
    "tanhshrink": lambda x: x - mp.tanh(x), "logit": lambda x: mp.log(x / (1 - x)),
    "softplus": lambda x: softplus(x) if x <= 20 else x,
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "elu": lambda x: x if x > 0 else mp.expm1(x), "celu": lambda x: x if x > 0 else mp.expm1(x),
    "selu": lambda x: LAMBDA * (x if x > 0 else ALPHA * mp.expm1(x)),
}
PAIRS = {
    "hypot": mp.hypot, "atan2": mp.atan2, "pow": mp.power, "div": lambda x, y: x / y,
    "logaddexp": lambda x, y: max(x, y) + softplus(-abs(x - y)),
    "logaddexp2": lambda x, y: (max(x, y) * mp.log(2) + softplus(-abs(x - y) * mp.log(2)))
    / mp.log(2),
    "xlogy": lambda x, y: x * mp.log(y), "xlog1py": lambda x, y: x * mp.log1p(y),
}

# ---- where ------------------------------------------------------------------------------------

# function: (lowest, highest, smallest magnitude, points of its own). Points are drawn with their
# logarithms uniform, and half of them again uniformly from -8 to 8 where that is inside.
TINY, HUGE = 1e-300, 1e300
ANY = (-HUGE, HUGE, TINY, [5e-324, 1e-310, -1e-310])
WAVE = (-1e15, 1e15, TINY, [1e-310, 1.5707963267948966, 3.141592653589793, 355.0, 1e5])
EXPONENT = (-745, 709, TINY, [1e-310, -708.5, -744.5, 709.7])
POSITIVE = (0, HUGE, TINY, [5e-324, 1e-310, 1.0, 0.9999999999999999, 1.0000000000000002])
UNIT = (-1, 1, TINY, [1e-310, 0.5, 0.9999999999999999, -0.9999999999999999, 0.999, -0.75])
SATURATING = (-700, 700, TINY, [1e-310, 1e-20, -20, 20, 36, -36.5, 37.5, 100])
WHERE = {
    "lgamma": (-1e4, 1e300, TINY, [1, 2, 3, 1.0000000000000002, 0.9999999999999999, 1.001, 1.999,
                                   2.0000000000000004, 1.4616321449683623, -2.4570247382208006,
                                   -2.457, -2.7476826467274127, -3.143580888349981, -0.5, -1.5,
                                   -1.0000000000000002, -2.0000000000000004, -1.9999999999999998,
                                   -9.999, -50.5, -170.3, -1000.5, -1e9 - 0.25, 1e-310]),
    "digamma": (-1e6, HUGE, 1e-305, [1.4616321449683623, 1.4616321449683622, 1.4616, 1.5,
                                     -0.504083008264455, -0.504, -1.573498473162390,
                                     -2.610720868444144, -3.635293366436901, -100.75, -1e10 - 0.5,
                                     -1e10 - 0.25, -1e12 - 0.125, -0.9999999999999999,
                                     -1.0000000000000002, 9.999999, 10, 11]),
    "erfcx": (-26.5, HUGE, TINY, [-26.6, -20, -5, -1, 0.49, 0.5, 1.99, 2, 2.01, 4, 10, 26, 27, 50,
                                  1e3, 1e7, 1e8, 1e9, 1.1e9, 1e16, 1e150, 1e155, 1e300]),
    "erfinv": (-1, 1, TINY, [0.5, 0.5000000000000001, 0.9, 0.99, 0.999, 0.9999, 0.999999, 1 - 1e-8,
                             1 - 1e-10, 1 - 1e-12, 1 - 1e-14, 1 - 2 ** -53, -1 + 2 ** -53, 5e-324,
                             1e-310, 0.9936, 0.99366]),
    "ndtri": (0, 1, TINY, [5e-324, 1e-320, 1e-310, 2.3e-308, 1e-300, 1e-200, 1e-100, 1e-20, 1e-17,
                           1e-10, 0.0031, 0.00317, 0.02, 0.2499, 0.25, 0.2501, 0.4999999999999999,
                           0.5, 0.5000000000000001, 0.75, 0.7500000000000001, 0.99, 1 - 1e-10,
                           1 - 2 ** -53]),
    "ndtr": (-38, 37, TINY, [-38.4, -37.6, -37.5, -30, -1.0000000000000002, -1, -0.999, 0, 1, 8.2,
                             8.3]),
    "log_ndtr": (-1e150, 38, TINY, [-1e5, -1e8, -1e150, -3.01, -3, -2.99, -1.0000000000000002, -1,
                                    -0.5, 0, 1, 5, 8.2, 20, 37, 37.5]),
    "i0": (-713, 713, TINY, [11.999, 12, 12.001, 709, 710, 713.9, -713.9, 1e-310, 0]),
    "i1": (-713, 713, TINY, [11.999, 12, 12.001, 709, 710, 713.9, -713.9, 1e-300, 0]),
    "i0e": (-1e15, 1e15, 1e-290, [11.999, 12, 12.001, 700, 1e5, 1e8, -1e8]),
    "i1e": (-1e15, 1e15, 1e-290, [11.999, 12, 12.001, 700, 1e5, 1e8, -1e8]),
    "sqrt": POSITIVE, "rsqrt": POSITIVE, "cbrt": ANY, "log": POSITIVE, "log2": POSITIVE,
    "log10": POSITIVE, "entr": (0, 1e300, TINY, [1e-310, 1, 0.36787944117144233, 0.5, 3]),
    "reciprocal": (-HUGE, HUGE, 1e-300, []), "square": (-1e150, 1e150, 1e-150, []),
    "exp": EXPONENT, "expm1": EXPONENT, "exp2": (-1074, 1023, TINY, [1e-310, -1073.5, 1023.9]),
    "log1p": (-1, HUGE, TINY, [1e-310, -0.9999999999999999, -0.5, -0.29, 0.41, 1]),
    "sin": WAVE, "cos": WAVE, "tan": WAVE, "sinc": WAVE,
    "asin": UNIT, "acos": UNIT, "atanh": UNIT, "atan": ANY,
    "sinh": (-710, 710, TINY, [1e-310, 0.3, 22, 709.9]), "cosh": (-710, 710, TINY, [1e-9, 710]),
    "tanh": SATURATING, "asinh": ANY,
    "acosh": (1, HUGE, 1, [1.0000000000000002, 1.0000001, 1.001, 2]),
    "erf": (-27, 27, TINY, [1e-310, 0.84, 1.25, 5.9]),
    "erfc": (-27, 26.5, TINY, [0.84, 1.25, 6, 20, 26, 26.5, 27.2]),
    "deg2rad": ANY, "rad2deg": (-1e300, 1e300, TINY, []),
    "sigmoid": SATURATING, "logsigmoid": SATURATING, "silu": SATURATING, "mish": SATURATING,
    "softplus": SATURATING, "softsign": (-1e300, 1e300, TINY, []),
    "tanhshrink": (-700, 700, 1e-100, [1e-3, 0.01, 0.1, 0.3, 1]),
    "logit": (0, 1, TINY, [0.5, 0.4999999999999999, 0.5000000000000001, 0.75, 0.9999999999999999]),
    "gelu": (-38, 38, TINY, [-37, -20, -10, -5, 8.3, 1e-310]),
    "elu": SATURATING, "celu": SATURATING, "selu": SATURATING,
}
PAIR_WHERE = {  # both operands; whole: the second too
    "hypot": ANY, "atan2": ANY, "div": (-1e150, 1e150, 1e-150, []),
    "logaddexp": (-1e15, 1e15, TINY, [-0.6931471805599453, 700, -700, 0]),
    "logaddexp2": (-1e15, 1e15, TINY, [-1, 1000, -1000, 0]),
    "pow": (0, 1e300, TINY, []), "xlogy": POSITIVE, "xlog1py": POSITIVE,
}


def draw(rng, low, high, least, count):
    out = []
    while len(out) < count:
        if rng.random() < 0.5:
            x = rng.uniform(max(low, -8), min(high, 8))
        else:
            top = max(abs(low), abs(high))
            x = float(mp.exp(rng.uniform(float(mp.log(least)), float(mp.log(top)))))
            x *= rng.choice((-1, 1))
        if low < x < high and abs(x) >= least:
            out.append(x)
    return out


def number(x):
    if mp.isinf(x):
        return "inf" if x > 0 else "-inf"
    return mp.nstr(x, 19, min_fixed=-4, max_fixed=17)


def line(name, order, n, x, y, value, scale):
    if abs(value) > mp.mpf("1.7e308"):  # just about to overflow: not for a tolerance to decide
        return
    print(name, order, n, repr(x), y if y == "-" else repr(y), number(value), mp.nstr(scale, 4))


def of_family(name, n, family, points, orders):
    for order in orders:
        for x in points[::1 if order == 0 else order + 1]:
            here = mp.mpf(x)
            try:
                value, slope = family[order](here), family[order + 1](here)
            except (ValueError, ZeroDivisionError, mp.libmp.NoConvergence):
                continue
            line(name, order, n, x, "-", value, max(abs(value), abs(here * slope)))


def stretch(f, x):
    """x f'(x), from a step that is small beside x; called with 400 digits."""
    h = x * mp.mpf(10) ** -40
    return (f(x + h) - f(x - h)) / (2 * mp.mpf(10) ** -40) if x else mp.mpf(0)


def of_plain(name, f, points):
    for x in points:
        here = mp.mpf(x)
        with mp.workdps(400):
            value = mp.mpf(f(here))
            scale = max(abs(value), abs(stretch(f, here)))
        line(name, 0, "-", x, "-", value, scale)


def of_pair(name, f, xs, ys):
    for x, y in zip(xs, ys):
        if name == "pow" and abs(mp.log(x) * y) > 700:
            y = float(700 / mp.log(x) * (y / (1 + abs(y))))
        a, b = mp.mpf(x), mp.mpf(y)
        with mp.workdps(400):
            value = f(a, b)
            scale = max(abs(value), abs(stretch(lambda t: f(t, b), a)),
                        abs(stretch(lambda t: f(a, t), b)))
        line(name, 0, "-", x, y, value, scale)


def main():
    rng = random.Random(20)
    print("# Made by points.py, which says what a line is.")
    for name, family in FAMILIES.items():
        low, high, least, own = WHERE[name]
        points = own + draw(rng, low, high, least, 80 * MANY)
        if not WANTED or name in WANTED:
            of_family(name, "-", family, points, (0, 1, 2))
    for n in list(range(11)) + [40, 170, 200]:
        points = [1, 2, 0.5, -0.5, -1.25, -20.75, 11.99, 12, 1000.0, 1e-3] + \
            draw(rng, -50, 1e6, 1e-20, 16 * MANY)
        if not WANTED or "polygamma" in WANTED:
            of_family("polygamma", n, chain(n), points, (0, 1))
    for name, f in PLAIN.items():
        low, high, least, own = WHERE[name]
        points = own + draw(rng, low, high, least, 40 * MANY)
        if not WANTED or name in WANTED:
            of_plain(name, f, points)
    for name, f in PAIRS.items():
        low, high, least, own = PAIR_WHERE[name]
        points = [draw(rng, low, high, least, 60 * MANY) for _ in range(2)]
        if not WANTED or name in WANTED:
            of_pair(name, f, own + points[0], own[::-1] + points[1])


main()
