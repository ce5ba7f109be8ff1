"""points_elements.py -- sources, functions of elements, reductions, order."""
import itertools

from calls import SHAPES, FLOATS, INTS, INF, NAN, b, call, graph, i, node, r, t

# ---- sources -------------------------------------------------------------------------------------

for a in ({"stop": 5}, {"start": 2, "stop": 11, "step": 3}, {"start": 5, "stop": -4, "step": -2},
          {"stop": 1.25, "step": 0.25}, {"start": -0.75, "stop": 2.25}, {"start": 3, "stop": 3},
          {"stop": 0}, {"start": 5, "stop": 2}, {"stop": 4, "dtype": "float32"},
          {"stop": 4, "dtype": "int32"}, {"start": 1, "stop": 3, "dtype": "float64"}):
    call("arange", **a)
for a in ({"shape": [], "value": 2.5}, {"shape": [2, 3], "value": -1}, {"shape": [0, 3],
                                                                        "value": 1},
          {"shape": 3, "value": 7, "dtype": "int64"}, {"shape": [2], "value": 3, "dtype": "int32"},
          {"shape": [1, 2], "value": True, "dtype": "bool"}, {"shape": [2], "value": INF},
          {"shape": [2], "value": NAN, "dtype": "float32"}, {"shape": [3], "value": "-Infinity"}):
    call("full", **a)
for a in ({"n": 3}, {"n": 2, "m": 4}, {"n": 4, "m": 2}, {"n": 0}, {"n": 2, "m": 0}, {"n": 1},
          {"n": 3, "dtype": "int64"}, {"n": 2, "dtype": "float32"},
          {"n": 2, "m": 3, "dtype": "int32"}):
    call("eye", **a)

for name, low, high in (("random_uniform", 0.0, 1.0), ("random_normal", -7.0, 7.0)):
    middle, square = (0.5, 1 / 3) if name == "random_uniform" else (0.0, 1.0)
    for dtype in FLOATS:
        # In range, the moments of the distribution to four standard errors, the seed tells.
        graph(name, "float64", [
            node("u", name, shape=[4000], seed=5, dtype=dtype),
            node("v", name, shape=[4000], seed=5, dtype=dtype),
            node("w", name, shape=[4000], seed=6, dtype=dtype),
            node("below", "lt", "u", high), node("above", "ge", "u", low),
            node("in", "logical_and", "below", "above"), node("y", "all", "in"),
            node("m", "mean", "u"), node("dm", "sub", "m", middle), node("am", "abs", "dm"),
            node("mean", "lt", "am", 0.07), node("s", "square", "u"), node("ms", "mean", "s"),
            node("ds", "sub", "ms", square), node("as", "abs", "ds"), node("var", "lt", "as", 0.1),
            node("e", "eq", "u", "v"), node("same", "all", "e"),
            node("n", "ne", "u", "w"), node("other", "any", "n")],
            outputs=["y", "mean", "var", "same", "other"], values="outputs")
    for shape in ([], [0], [3, 0], [1]):
        graph(name, "float64", [node("u", name, shape=shape, seed=1), node("y", "isfinite", "u")],
              values="outputs")

# ---- unary, activations --------------------------------------------------------------------------

for op in ("identity", "stop_gradient", "hardswish", "cbrt"):
    for shape in SHAPES:
        call(op, r(*shape, lo=0.5, hi=8) if op == "cbrt" else r(*shape, lo=-5, hi=5))
call("cbrt", r(5, lo=-8, hi=-0.5))
call("cbrt", t([1e300, 1e-300, 27.0, -1e-20, 8e9], "float64"))
for source, to in itertools.product(("float64", "float32", "int64", "int32", "bool"), repeat=2):
    x = {"float64": [0.0, 1.5, -1.5, 2.999, -0.25, 100.0], "float32": [0.0, 1.5, -2.75, 3.5, 64.0],
         "int64": [0, 5, -7, 2147483648, -4294967297], "int32": [0, 5, -7, 2147483647, -2147483648],
         "bool": [True, False, True]}[source]
    call("cast", t(x, source), kind="int", dtype=to)
for to in INTS + ("bool",):
    call("cast", t([NAN, INF, "-Infinity", 1e300, -1e300, 1e19, -1e19, 2.2e9, -2.2e9], "float64"),
         kind="int", dtype=to)
    call("cast", t([NAN, INF, "-Infinity", 1e30, -1e30, 2147483648.0, 2147483520.0], "float32"),
         kind="int", dtype=to)
call("cast", t([NAN, INF, "-Infinity", 1e-50, 0.1, 1e300], "float64"), kind="int", dtype="float32")

# What PyTorch's samples try little, where its condition is good: functions by interval ...
for (low, high), names in {
        (-3, 3): "abs atan asinh erf expm1 sinh cos cosh exp exp2 sin tanh sigmoid erfc frac i0 i0e"
                 " i1 i1e logsigmoid mish silu selu hardsigmoid softsign tanhshrink relu relu6"
                 " deg2rad rad2deg sinc ndtr log_ndtr softplus celu elu gelu leaky_relu neg square"
                 " sign trunc ceil floor round nan_to_num softshrink hardshrink hardtanh",
        (-0.9, 0.9): "asin acos atanh erfinv tan", (0.1, 0.9): "ndtri logit entr",
        (1.3, 6): "acosh lgamma digamma log log2 log10 log1p sqrt rsqrt reciprocal erfcx"}.items():
    for op in names.split():
        for shape in ((2, 3), (), (1, 2), (0,)):
            call(op, r(*shape, lo=low, hi=high))
# ... and by attribute.
for a in ({"beta": 2}, {"beta": 0.5, "threshold": 1}):
    call("softplus", r(6, lo=-4, hi=4), **a)
for op, values in (("elu", (0.5, 2)), ("celu", (0.5, 2))):
    for alpha in values:
        call(op, r(6, lo=-4, hi=4), alpha=alpha)
call("leaky_relu", r(6), negative_slope=0.3)
call("gelu", r(6), approximate="tanh")
call("hardtanh", r(6), min=-0.5, max=1.5)
call("softshrink", r(6), lambd=1)
call("hardshrink", r(6), lambd=1)
call("threshold", r(6), threshold=0.5, value=-7)
call("threshold", r(2, 3), threshold=-1, value=0.5)
for eps in (None, 0, 0.2):
    call("logit", r(6, lo=0.05, hi=0.95), eps=eps)
for a in ({}, {"nan": 1.5}, {"posinf": 8, "neginf": -9}, {"nan": -1, "posinf": 2}):
    call("nan_to_num", t([NAN, INF, "-Infinity", 0.5], "float64"), **a)
for a in ({"min": -1}, {"max": 0.5}, {"min": -1, "max": 1}, {"min": 0, "max": 0}, {}):
    call("clip", r(2, 3), **a)
for n in range(5):
    call("polygamma", r(2, 3, lo=1, hi=6), n=n)
    call("polygamma", r(3, lo=-1.7, hi=-1.3), n=n)
for shape, axis in (((2, 4), -1), ((4, 3), 0), ((2, 6, 2), 1)):
    call("glu", r(*shape), axis=axis)
call("prelu", r(2, 3), r(3))
call("prelu", r(2, 3, 2), r())

# ---- binary --------------------------------------------------------------------------------------

PAIRS = (((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 3), (3,)),
         ((1,), (2, 1)), ((2, 1, 2), (3, 1)))
for one, two in PAIRS:
    call("floor_divide", r(*one, lo=-9, hi=9), r(*two, lo=0.5, hi=3))
call("floor_divide", t([7.0, -7.0, 7.0, -7.0, 1.0, 6.0], "float64"),
     t([2.0, 2.0, -2.0, -2.0, 0.1, 3.0], "float64"))
call("floor_divide", t([1.0, -1.0, 0.0, NAN], "float64"), t([0.0, 0.0, 0.0, 1.0], "float64"))
call("floor_divide", r(4, lo=-9, hi=9), 2)
call("floor_divide", -7.5, r(4, lo=1, hi=3))
for op in ("logaddexp", "logaddexp2", "hypot", "atan2", "copysign", "xlogy", "xlog1py"):
    for one, two in PAIRS[:4]:
        call(op, r(*one, lo=0.5, hi=3), r(*two, lo=0.5, hi=3))

ODD = [0.0, -0.0, 1.0, -1.0, NAN, INF, "-Infinity", 2.5]
for op in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"):
    for one, two in PAIRS:
        call(op, i(*one, below=2, dtype="float64"), i(*two, below=2, dtype="float64"))
    call(op, t([[x] for x in ODD], "float64", (8, 1)), t(ODD, "float64"))
    call(op, i(2, 3, below=3), i(3, below=3, dtype="int32"), kind="int")
    call(op, b(2, 3), b(3), kind="bool")
    call(op, i(4, below=2), t([0.0, 1.0, 0.5, 1.0], "float32"), kind="int")
    call(op, i(4, below=3), 1, kind="int")
    call(op, i(4, below=3), 1.5, kind="int")
    call(op, b(4), r(4), kind="bool")
for op in ("eq", "ne", "lt", "le", "gt", "ge"):
    call(op, t([9007199254740993, 9007199254740992], "int64"), t([9007199254740992] * 2, "int64"),
         kind="int")
for op in ("logical_not", "isnan", "isinf", "isfinite"):
    for shape in SHAPES:
        call(op, i(*shape, below=2, dtype="float64"))
    call(op, t(ODD, "float64"))
    call(op, t(ODD, "float32"), kind="float32")
    call(op, i(4, below=2), kind="int")
    call(op, b(4), kind="bool")

# ---- reductions ----------------------------------------------------------------------------------

for op in ("any", "all"):
    for shape, axes in (((), (None, 0, [])), ((4,), (None, 0, -1, [])), ((0,), (None, 0)),
                        ((2, 3), (None, 0, 1, [0, 1], [])), ((2, 3, 2), ([0, 2], -2, 1)),
                        ((2, 0), (1, 0)), ((1, 1), (None,))):
        for axis in axes:
            call(op, b(*shape), axis=axis, kind="bool")
    call(op, t([[0.0, NAN], [0.0, 0.0], [-0.0, 2.0]], "float64"), axis=1, keepdims=True)
    call(op, i(2, 3, below=2), axis=0, kind="int")
    call(op, b(2, 3, 2), axis=[1, -1], keepdims=True, kind="bool")
for op in ("argmax", "argmin"):
    for shape, axes in (((), (None, 0)), ((5,), (None, 0, -1)), ((2, 3), (None, 0, 1)),
                        ((2, 3, 2), (1, -3, None)), ((1,), (0,)), ((0, 3), (1,)), ((3, 1), (1,))):
        for axis in axes:
            call(op, r(*shape), axis=axis)
    call(op, r(2, 3, 2), axis=1, keepdims=True)
    call(op, r(2, 3), keepdims=True)
    call(op, t([1.0, 3.0, 3.0, 1.0, 1.0], "float64"))
    call(op, t([[1.0, NAN, 3.0], [NAN, 5.0, NAN]], "float64"), axis=1)
    call(op, t(["-Infinity", INF, INF, "-Infinity"], "float64"))
    call(op, i(3, 4, below=3), axis=1, kind="int")
    call(op, i(3, 4, below=3, dtype="int32"), axis=0, kind="int")
    call(op, r(3, 4, dtype="float32"), axis=0, kind="float32")
for shape, axes in (((), (None, 0)), ((5,), (None, 0)), ((4,), (None, -1)), ((1,), (0,)),
                    ((2, 3), (None, 0, 1)), ((3, 4, 2), (1, -1, None, 0)), ((0, 3), (1,)),
                    ((2, 0, 3), (0,))):
    for axis in axes:
        call("median", r(*shape, lo=-9, hi=9), axis=axis)
call("median", r(3, 4), axis=1, keepdims=True)
call("median", r(2, 2), keepdims=True)
call("median", t([2.0, 1.0, 2.0, 3.0, 2.0], "float64"))
call("median", t([1.0, 2.0, 3.0, 4.0], "float64"))
call("median", i(5, below=9), kind="int")
call("median", i(2, 4, below=9, dtype="int32"), axis=1, kind="int")
for op in ("sum", "prod", "mean", "max", "min", "logsumexp",
           "nansum", "nanmean", "var", "std", "norm"):
    for shape, axis in (((2, 3, 2), [0, -1]), ((2, 3), []), ((), 0), ((), -1), ((1, 4), 1)):
        if op not in ("var", "std") or shape == (2, 3, 2):
            call(op, r(*shape, lo=0.5), axis=axis, keepdims=shape == (1, 4))
for op, axis in (("sum", 0), ("prod", 1), ("nansum", [0, 1]), ("norm", 0)):
    call(op, r(*((0, 3) if axis == 0 else (3, 0))), axis=axis)
for p in (0, 1, 2, 3, 0.5, INF, "-Infinity", 2.5):
    call("norm", r(2, 3, lo=0.2), ord=p, axis=1)
    call("norm", r(4, lo=-3, hi=-0.2), ord=p)
for correction in (0, 1, 2):
    call("var", r(2, 4), axis=1, correction=correction)
    call("std", r(2, 4), axis=0 if correction < 2 else 1, correction=correction)

# ---- scans, order --------------------------------------------------------------------------------

for shape in ((), (4,), (2, 3), (2, 2, 2), (0,)):
    call("searchsorted", t([-1.0, 0.0, 0.5, 0.5, 2.0], "float64"), r(*shape))
for right in (False, True):
    call("searchsorted", t([-1.0, 0.0, 0.5, 0.5, 2.0], "float64"),
         t([0.5, -1.0, 2.0, 3.0, -5.0, 0.25], "float64"), right=right)
    call("searchsorted", t([[1.0, 2.0, 2.0], [-1.0, 0.0, 1.0]], "float64"),
         t([[2.0, 0.0, 5.0, 1.5], [0.0, 2.0, -3.0, 1.0]], "float64"), right=right)
    call("searchsorted", t([1, 3, 3, 8], "int64"), t(
        [3, 0, 9, 8], "int64"), right=right, kind="int")
call("searchsorted", t([], "float64", (0,)), r(3))
call("searchsorted", t([1, 3, 5], "int32"), t([0.5, 3.5, 4.0], "float64"), kind="int")
for shape, axis in (((4,), 0), ((2, 3), -1), ((2, 3), 0), ((), 0), ((0, 2), 0), ((3, 1, 2), 1)):
    for op in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"):
        call(op, r(*shape), axis=axis)
    for down in (False, True):
        call("sort", r(*shape), axis=axis, descending=down, results=2)
call("sort", t([2.0, 1.0, 2.0, 1.0, 2.0], "float64"), results=2)
call("sort", t([2.0, 1.0, 2.0, 1.0, 2.0], "float64"), descending=True, results=2)
call("topk", r(6), k=3, results=2)
call("topk", r(3, 4), k=2, axis=0, largest=False, results=2)
call("topk", r(3, 4), k=4, results=2)
call("topk", r(3, 4), k=0, results=2)
call("diff", r(3, 5), n=2)
call("diff", r(3, 5), n=0, axis=0)
call("diff", r(3), n=1)
