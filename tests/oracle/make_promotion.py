#!/usr/bin/env python3
"""make_promotion.py -- writes promotion.txt beside itself: types and values as NumPy 2 has them.

Run by hand, with NumPy 2.1 or later:
    tests/oracle/make_promotion.py
A line is "op dtype [dtype] -> dtype: elements": what the operator gives for the operands below,
cast to those types. Where NumPy turns integers into reals of its own choice (float64, float16) the
type is written "real", which is the request's; where it has no answer, "none". An int8, made of
truth values, is written int64.
"""
import os
import sys

import numpy as np

if int(np.__version__.split(".")[0]) < 2:
    sys.exit("NumPy 2 is needed, this is " + np.__version__)
A, B, M = [7, -3, 0, 1], [2, 2, 3, 1], [[7, -3], [0, 1]]
DTYPES = ["float64", "float32", "int64", "int32", "bool"]
TWO = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
       "maximum": np.maximum, "minimum": np.minimum, "fmax": np.fmax, "fmin": np.fmin,
       "fmod": np.fmod, "remainder": np.remainder, "floor_divide": np.floor_divide,
       "atan2": np.arctan2, "hypot": np.hypot, "copysign": np.copysign, "logaddexp": np.logaddexp,
       "logaddexp2": np.logaddexp2, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
       "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
       "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
       "concat": lambda a, b: np.concatenate([a, b]), "stack": lambda a, b: np.stack([a, b]),
       "where": lambda a, b: np.where(np.array(A) > 0, a, b), "matmul": np.matmul, "dot": np.dot,
       "inner": np.inner, "outer": np.outer, "kron": np.kron}
ONE = {"sum": np.sum, "prod": np.prod, "cumsum": np.cumsum, "cumprod": np.cumprod,
       "nansum": np.nansum,
       "mean": np.mean, "nanmean": np.nanmean, "max": np.max, "min": np.min, "argmax": np.argmax,
       "argmin": np.argmin, "any": np.any, "all": np.all, "sort": np.sort, "abs": np.abs,
       "neg": np.negative, "sign": np.sign, "square": np.square, "exp": np.exp, "expm1": np.expm1,
       "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh,
       "atan": np.arctan,
       "asinh": np.arcsinh, "exp2": np.exp2, "cbrt": np.cbrt, "deg2rad": np.deg2rad,
       "rad2deg": np.rad2deg, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
       "round": np.round, "logical_not": np.logical_not, "isnan": np.isnan, "isinf": np.isinf,
       "isfinite": np.isfinite, "flip": np.flip, "diag": np.diag}
SQUARE = {"trace": np.trace, "transpose": np.transpose, "tril": np.tril, "triu": np.triu}


def line(f, name, operands, dtypes):
    xs = [np.array(np.array(x) != 0 if d == "bool" else x, d) for x, d in zip(operands, dtypes)]
    try:
        y = np.asarray(f(*xs))
        y = y.astype("int64") if y.dtype == "int8" else y
    except TypeError:
        y = None
    whole = not any(d.startswith("float") for d in dtypes)
    if y is not None and whole and y.dtype.kind == "f":
        kind = "real"
        y = np.asarray(f(*(x.astype("float64") for x in xs)))
    else:
        kind = "none" if y is None else str(y.dtype)
    values = "" if kind == "none" else " ".join(repr(float(v)) for v in y.reshape(-1))
    return ("%s %s -> %s: %s" % (name, " ".join(dtypes), kind, values)).rstrip()


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "promotion.txt"),
              "w") as out:
        print("# op dtype [dtype] -> dtype: elements; from make_promotion.py, NumPy",
              np.__version__,
              file=out)
        for name, f in TWO.items():
            for a in DTYPES:
                for b in DTYPES:
                    print(line(f, name, (A, B), (a, b)), file=out)
        for names, operand in ((ONE, A), (SQUARE, M)):
            for name, f in names.items():
                for a in DTYPES:
                    print(line(f, name, (operand,), (a,)), file=out)


if __name__ == "__main__":
    main()
