"""points.py -- where operators are tried: every call as a case without its answer.

CASES is a list of (operator, kind, request). The numbers are random and the same every time, of three
digits, so that float32 holds nearly what float64 does.
"""
import itertools

import numpy as np

CASES = []
DRAW = np.random.RandomState(8)
INF, NAN = "Infinity", "NaN"
FLOATS, INTS = ("float64", "float32"), ("int64", "int32")


def t(data, dtype=None, shape=None):
    """A tensor with these elements; without a dtype the bare nested list."""
    if dtype is None:
        return {"bare": data}
    a = np.array(data, dtype=object)
    return {"shape": list(a.shape) if shape is None else list(shape), "dtype": dtype,
            "data": a.reshape(-1).tolist()}


def r(*shape, lo=-2.0, hi=2.0, dtype="float64"):
    return t(np.round(DRAW.uniform(lo, hi, shape), 3).tolist(), dtype, shape)


def i(*shape, below=5, lo=0, dtype="int64"):
    return t(DRAW.randint(lo, below, shape).tolist() if shape else int(DRAW.randint(lo, below)),
             dtype, shape)


def b(*shape):
    return t((DRAW.uniform(size=shape) < 0.5).tolist(), "bool", shape)


def spd(*shape):
    """Symmetric and well away from singular."""
    n = shape[-1]
    a = DRAW.uniform(-1, 1, shape)
    return t(np.round(a @ np.swapaxes(a, -1, -2) + n * np.eye(n), 3).tolist(), "float64", shape)


def full_rank(*shape):
    m, n = shape[-2:]
    return t(np.round(DRAW.uniform(-1, 1, shape) + 2 * np.eye(m, n), 3).tolist(), "float64", shape)


def graph(op, kind, nodes, inputs=(), outputs=("y",), functions=None, **members):
    """A case of several nodes. Inputs are a, b, c... in order."""
    g = {"nodes": nodes, "outputs": list(outputs)}
    if functions:
        g["functions"] = functions
    given = {k: x["bare"] if "bare" in x else x for k, x in zip("abcdefgh", inputs)}
    CASES.append((op, kind, {"graph": g, "inputs": given, **members}))


def call(op, *operands, kind="float64", results=1, real=None, **attributes):
    """A case of one node, y. Operands that are not tensors stand in the node as they are; `real` is
    the request's dtype."""
    names = iter("abcdefgh")
    at = [next(names) if isinstance(x, dict) else x for x in operands]
    while at and at[-1] is None:
        at.pop()
    node = {"id": "y", "op": op, "inputs": at, **attributes}
    graph(op, kind, [node], [x for x in operands if isinstance(x, dict)],
          ["y"] + ["y:%d" % k for k in range(1, results)], **({"dtype": real} if real else {}))


def node(name, op, *inputs, **attributes):
    return {"id": name, "op": op, "inputs": list(inputs), **attributes}


# ---- sources -------------------------------------------------------------------------------------

for a in ({"stop": 5}, {"start": 2, "stop": 11, "step": 3}, {"start": 5, "stop": -4, "step": -2},
          {"stop": 1.25, "step": 0.25}, {"start": -0.75, "stop": 2.25}, {"start": 3, "stop": 3},
          {"stop": 0}, {"start": 5, "stop": 2}, {"stop": 4, "dtype": "float32"},
          {"stop": 4, "dtype": "int32"}, {"start": 1, "stop": 3, "dtype": "float64"}):
    call("arange", **a)
for a in ({"shape": [], "value": 2.5}, {"shape": [2, 3], "value": -1}, {"shape": [0, 3], "value": 1},
          {"shape": 3, "value": 7, "dtype": "int64"}, {"shape": [2], "value": 3, "dtype": "int32"},
          {"shape": [1, 2], "value": True, "dtype": "bool"}, {"shape": [2], "value": INF},
          {"shape": [2], "value": NAN, "dtype": "float32"}, {"shape": [3], "value": "-Infinity"}):
    call("full", **a)
for a in ({"n": 3}, {"n": 2, "m": 4}, {"n": 4, "m": 2}, {"n": 0}, {"n": 2, "m": 0}, {"n": 1},
          {"n": 3, "dtype": "int64"}, {"n": 2, "dtype": "float32"}, {"n": 2, "m": 3, "dtype": "int32"}):
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

SHAPES = ((), (3,), (2, 3), (2, 1, 3), (0,), (2, 0), (1,))
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
        (-3, 3): "abs atan asinh erf expm1 sinh cos cosh exp exp2 sin tanh sigmoid erfc frac i0 i0e i1 i1e"
                 " logsigmoid mish silu selu hardsigmoid softsign tanhshrink relu relu6 deg2rad rad2deg"
                 " sinc ndtr log_ndtr softplus celu elu gelu leaky_relu neg square sign trunc ceil floor"
                 " round nan_to_num softshrink hardshrink hardtanh",
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
for op in ("sum", "prod", "mean", "max", "min", "logsumexp", "nansum", "nanmean", "var", "std", "norm"):
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
    call("searchsorted", t([1, 3, 3, 8], "int64"), t([3, 0, 9, 8], "int64"), right=right, kind="int")
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

# ---- shape ---------------------------------------------------------------------------------------

for shape, source, to in (((2, 3, 4), 0, 2), ((2, 3, 4), -1, 0), ((2, 3, 4), [0, 1], [2, 0]),
                          ((2, 3), 1, 1), ((2, 0, 3), 2, 0), ((4,), 0, -1),
                          ((1, 2, 3, 2), [3, 0], [0, -1])):
    call("movedim", r(*shape), source=source, destination=to)
for shape, repeats, axis in (((3,), 2, 0), ((2, 3), 3, 1), ((2, 3), [1, 2], 0), ((2, 3), [0, 2, 1], -1),
                             ((3,), 0, 0), ((0, 2), 2, 0), ((2, 1, 2), 2, 1)):
    call("repeat_interleave", r(*shape), repeats=repeats, axis=axis)
for shape, sizes, axis in (((5,), [2, 3], 0), ((2, 6), [1, 2, 3], 1), ((4, 2), [4], 0),
                           ((3, 2), [0, 3], 0), ((2, 3, 2), [1, 1, 1], -2), ((0, 2), [0, 0], 0)):
    call("split", r(*shape), sizes=sizes, axis=axis, results=len(sizes))
for shape, a in (((6,), {"starts": 1, "stops": 4}), ((6,), {"starts": [-4], "stops": [-1]}),
                 ((6,), {"starts": [0], "stops": [100], "steps": [2]}),
                 ((6,), {"starts": [5], "stops": [-100], "steps": [-1]}),
                 ((6,), {"starts": [4], "stops": [0], "steps": [-2]}),
                 ((6,), {"starts": [3], "stops": [3]}), ((6,), {"starts": [5], "stops": [2]}),
                 ((3, 4), {"starts": [0, 1], "stops": [2, 3]}),
                 ((3, 4), {"starts": [1], "stops": [4], "axes": [1]}),
                 ((3, 4), {"starts": [3, 2], "stops": [0, -100], "axes": [-1, 0], "steps": [-2, -1]}),
                 ((0, 3), {"starts": [0], "stops": [2]}),
                 ((2, 3, 4), {"starts": [1, 0], "stops": [3, 4], "axes": [1, 2], "steps": [1, 3]})):
    call("slice", r(*shape), **a)
for mode in ("constant", "reflect", "replicate", "circular"):
    for shape, pads in (((4,), [[1, 2]]), ((3, 4), [[1, 0], [2, 2]]), ((3, 4), [[-1, 1], [2, -1]]),
                        ((3, 4), [[0, 0], [-1, -2]]), ((2, 3, 3), [[1, 1], [0, 1], [2, 0]])):
        call("pad", r(*shape), pads=pads, mode=mode, **({"value": 1.5} if mode == "constant" else {}))

for a in ({"shift": 2}, {"shift": -1, "axis": 1}, {"shift": [1, 5], "axis": [0, 1]}, {"shift": 0}):
    call("roll", r(2, 3), **a)
for a in ({}, {"start_axis": 1}, {"start_axis": 0, "end_axis": 1}, {"start_axis": -2, "end_axis": -2}):
    call("flatten", r(2, 3, 2), **a)
for a in ({"axis": 0}, {"axis": [0, 2]}, {"axis": 1}, {}):
    call("squeeze", r(1, 2, 1), **a)
for a in ({"axis": 0}, {"axis": [0, 2]}, {"axis": -1}):
    call("unsqueeze", r(2, 3), **a)
call("transpose", r(2, 3, 4))
call("transpose", r(2, 3, 4), axes=[1, -1, 0])
call("pixel_shuffle", r(1, 8, 2, 3), factor=2)
call("pixel_shuffle", r(9, 1, 2), factor=3)

# ---- index ---------------------------------------------------------------------------------------

for shape, at, axis in (((5,), (3,), 0), ((3, 4), (2, 4), 0), ((3, 4), (3, 2), 1), ((3, 4), (2, 2), -1),
                        ((3, 4), (0, 4), 0), ((2, 3, 2), (2, 3, 1), 2)):
    n = shape[axis]
    call("scatter", r(*shape), i(*at, below=n), r(*at), axis=axis)
    call("scatter", r(*shape), i(*at, below=n, lo=-n), r(*at), axis=axis)
call("scatter", r(3), t([1, 1, 1, 0, 0], "int64"), r(5), axis=0)
call("scatter", r(2, 3), t([[0, 0, 0], [0, 1, 0]], "int64"), r(2, 3), axis=0)
call("scatter", r(2, 3), t([[2, 2, 2], [0, 2, 0]], "int32"), r(2, 3), axis=1)
call("scatter", i(4, below=9), t([2, 0], "int64"), i(2, below=9), axis=0, kind="int")
call("scatter_add", r(3), t([1, 1, -1, 0, 1], "int64"), r(5), axis=0)
call("scatter_add", r(2, 3), t([[2, 2], [0, -1]], "int32"), r(2, 2), axis=1)
call("scatter_add", i(3, below=9), t([1, 1], "int64"), i(2, below=9), axis=0, kind="int")
for shape, count in (((6,), 4), ((4, 2), 3), ((0, 2), 3), ((5,), 9), ((3, 2, 2), 2), ((1,), 1)):
    call("segment_sum", r(*shape), i(shape[0], below=count), count=count)
call("segment_sum", i(5, below=9), t([0, 2, 2, 1, 0], "int32"), count=3, kind="int")
for shape, depth in (((), 3), ((4,), 5), ((2, 3), 5), ((0,), 2), ((1,), 6), ((2, 1, 2), 5)):
    call("one_hot", i(*shape), depth=max(depth, 5), kind="int")
    call("one_hot", i(*shape, below=3, dtype="int32"), depth=depth if depth > 2 else 3, kind="int")
for dtype in INTS:
    call("take", r(4, 3), i(5, below=4, lo=-4, dtype=dtype), kind="int")
    call("take", r(4, 3), i(2, 2, below=3, lo=-3, dtype=dtype), axis=1, kind="int")
    call("take", i(4, below=99), i(3, below=4, dtype=dtype), kind="int")
    call("take", r(4, 3), i(below=4, dtype=dtype), axis=0, kind="int")
    call("gather", r(3, 4), i(3, 2, below=4, lo=-4, dtype=dtype), axis=1, kind="int")
    call("gather", r(3, 4), i(2, 2, below=3, dtype=dtype), axis=0, kind="int")
    call("gather", b(3, 4), i(3, 2, below=4, dtype=dtype), axis=1, kind="int")
    call("embedding", i(2, 3, below=4, dtype=dtype), r(4, 3), kind="int")
    call("cross_entropy", r(4, 3), i(4, below=3, dtype=dtype), kind="int")
    call("nll_loss", r(4, 3), i(4, below=3, dtype=dtype), r(3, lo=0.5), kind="int")

# ---- linear algebra ------------------------------------------------------------------------------

for one, two, axes in (((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 2), 2), ((3,), (3,), 1), ((2,), (3,), 0),
                       ((2, 3), (4, 3), [[1], [1]]), ((2, 3, 4), (4, 2, 5), [[0, 2], [1, 0]]),
                       ((2, 3), (2, 3), [[0, 1], [0, 1]]), ((2, 0), (0, 3), 1), ((), (2,), 0),
                       ((2, 3), (3, 2), [[-1], [0]])):
    call("tensordot", r(*one), r(*two), axes=axes)
call("tensordot", r(3, 2, 2), r(2, 2, 3))
for one, two in (((2, 3), (2, 2)), ((3,), (2,)), ((1, 2), (2, 1))):
    call("kron", r(*one), r(*two))
for one, two in (((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)), ((2, 2, 3), (2, 3))):
    call("inner", r(*one), r(*two))
for one, two, axis in (((3,), (3,), -1), ((2, 3), (2, 3), 1), ((3, 2), (3, 2), 0), ((2, 3), (3,), -1)):
    call("cross", r(*one), r(*two), axis=axis)
for n in (0, 1, 4):
    call("dot", r(n), r(n))
    call("outer", r(n), r(3))
for shape in ((3, 3), (2, 4), (1, 1)):
    call("trace", r(*shape))
for shape in ((3, 2), (2, 3, 3)):
    call("svdvals", full_rank(*shape))
for equation, shapes in (("ij,jk->ik", ((2, 3), (3, 2))), ("ii->i", ((3, 3),)), ("bij,bjk", ((2, 2, 3), (2, 3, 2))),
                         ("i,j->ij", ((2,), (3,))), ("...i,i->...", ((2, 3, 4), (4,))),
                         ("ij,kj,lk->il", ((2, 3), (4, 3), (2, 4))), ("ij->", ((2, 3),))):
    call("einsum", *(r(*shape) for shape in shapes), equation=equation)
for p in (2, 1, 3, 1.5, INF):
    call("cdist", r(3, 4), r(2, 4), p=p)
for one, two in (((2, 3, 2), (2, 4, 2)), ((3, 1), (2, 1)), ((0, 2), (3, 2)), ((2, 1, 3, 2), (4, 2, 2))):
    call("cdist", r(*one), r(*two))
for shape in ((2, 2), (3, 3), (1, 1), (2, 3, 3), (0, 2, 2)):
    call("matrix_exp", r(*shape, lo=-1, hi=1))
    call("eigvalsh", r(*shape))
    call("inv", full_rank(*shape))
call("matrix_exp", r(3, 3, lo=-6, hi=6))
call("eigvalsh", spd(4, 4))
for shape in ((3, 3), (4, 2), (2, 4), (1, 1), (2, 3, 2), (1, 3)):
    call("pinv", full_rank(*shape))
for one, two in (((3, 3), (3, 2)), ((4, 2), (4, 1)), ((2, 4), (2, 3)), ((2, 4, 2), (2, 4, 2)),
                 ((4, 2), (4,)), ((3, 3), (3,))):
    call("lstsq", full_rank(*one), r(*two))
for shape in ((2, 2), (3, 3), (1, 1), (2, 3, 3)):
    # The vectors' signs are free: put the matrix together again, and a function of it.
    k = len(shape)
    graph("eigh", "float64", [
        node("w", "eigh", "a"), node("l", "unsqueeze", "w", axis=-2), node("vl", "mul", "w:1", "l"),
        node("vt", "swapaxes", "w:1", axis1=-1, axis2=-2), node("y", "matmul", "vl", "vt"),
        node("e", "exp", "l"), node("ve", "mul", "w:1", "e"), node("z", "matmul", "ve", "vt"),
        node("o", "matmul", "vt", "w:1"), node("q", "square", "w:1")],
        [r(*shape)], ["w", "y", "z", "o", "q"], values="outputs")
for shape in ((3, 3), (4, 2), (2, 4), (1, 1), (2, 3, 2), (2, 0)):
    graph("svd", "float64", [
        node("u", "svd", "a"), node("s", "unsqueeze", "u:1", axis=-2), node("us", "mul", "u", "s"),
        node("y", "matmul", "us", "u:2"), node("ut", "swapaxes", "u", axis1=-1, axis2=-2),
        node("o", "matmul", "ut", "u"), node("vt", "swapaxes", "u:2", axis1=-1, axis2=-2),
        node("p", "matmul", "u:2", "vt"), node("z", "matmul", "u", "u:2"), node("q", "square", "u:2")],
        [full_rank(*shape) if 0 not in shape else r(*shape)], ["u:1", "y", "o", "p", "z", "q"],
        values="outputs")
for shape in ((3, 3), (4, 2), (2, 4), (1, 1), (2, 3, 2)):
    # Q and R up to the signs of R's diagonal; where the matrix is wide, gradients of the product.
    wide = shape[-1] > shape[-2]
    graph("qr", "float64", [
        node("q", "qr", "a"), node("y", "matmul", "q", "q:1"), node("m", "abs", "q:1"),
        node("n", "abs", "q"), node("qt", "swapaxes", "q", axis1=-1, axis2=-2),
        node("o", "matmul", "qt", "q"), node("z", "triu", "q:1")],
        [full_rank(*shape)], ["y", "m", "n", "o"], values="outputs",
        gradients=False if wide else {})
for lower, unit, transpose in itertools.product((False, True), repeat=3):
    call("triangular_solve", full_rank(3, 3), r(3, 2), lower=lower, unit=unit, transpose=transpose)
call("cholesky", spd(3, 3), lower=False)
call("cholesky", spd(2, 2, 2))

# ---- convolution, pooling ------------------------------------------------------------------------

for a in ({}, {"stride": 2}, {"padding": 1}, {"padding": [1, 0, 2], "stride": [1, 2, 1]},
          {"dilation": 2, "padding": 2}, {"padding": "same"}, {"padding": "valid"},
          {"groups": 2}, {"padding": "same", "dilation": [1, 2, 1]}):
    g = a.get("groups", 1)
    call("conv3d", r(1, 2, 3, 4, 3), r(2, 2 // g, 2, 2, 2), r(2) if "stride" in a or g > 1 else None, **a)
call("conv3d", r(2, 2, 2, 2), r(1, 2, 1, 2, 1), r(1))
for n, name in ((1, "conv1d"), (2, "conv2d")):
    for padding in ("same", "valid"):
        call(name, r(1, 2, *(5,) * n), r(2, 2, *(2,) * n), r(2), padding=padding)
for n in (1, 2, 3):
    x = r(1, 2, *(5, 4, 4)[:n])
    for a in ({}, {"stride": 1}, {"padding": 1}, {"ceil_mode": True, "stride": 2}):
        call("avg_pool%dd" % n, x, kernel=2, **a)
        call("max_pool%dd" % n, x, kernel=2, **a)
    call("avg_pool%dd" % n, x, kernel=2, padding=1, count_include_pad=False)
    call("max_pool%dd" % n, x, kernel=2, dilation=2, stride=1)
    call("max_pool%dd" % n, x, kernel=[3, 2, 1][:n], stride=[2, 1, 2][:n])
    call("avg_pool%dd" % n, x, kernel=[3, 2, 1][:n], stride=[2, 1, 2][:n])
    call("conv_transpose%dd" % n, r(1, 2, *(3, 2, 2)[:n]), r(2, 2, *(2,) * n), r(2), stride=2,
         output_padding=1)
    call("interpolate", x, scale=2)
    call("interpolate", x, size=[3, 5, 2][:n])
for a in ({"kernel": 2}, {"kernel": [2, 3], "padding": 1}, {"kernel": 2, "stride": 2},
          {"kernel": 2, "dilation": [2, 1]}, {"kernel": [1, 2], "stride": [1, 2], "padding": [0, 1]}):
    call("unfold", r(2, 2, 4, 3), **a)
for size in (1, 2, 3, 7):
    call("adaptive_avg_pool1d", r(1, 2, 5), output_size=size)
    call("adaptive_max_pool1d", r(1, 2, 5), output_size=size)
    call("adaptive_avg_pool2d", r(1, 2, 5, 4), output_size=[size, 2])
    call("adaptive_max_pool2d", r(1, 2, 5, 4), output_size=[2, size])
for corners in (False, True):
    call("interpolate", r(1, 2, 3, 4), size=[5, 3], mode="bilinear", align_corners=corners)
    call("interpolate", r(1, 1, 3, 2), scale=2, mode="bilinear", align_corners=corners)
KNOTS = t([-1.0, 0.0, 0.5, 2.0], "float64")
for shape in ((), (5,), (2, 3), (0,)):
    call("interp", r(*shape), KNOTS, r(4))
call("interp", t([-3.0, -0.5, 0.25, 1.0, 4.0], "float64"), KNOTS, r(4))
call("interp", t([-1.5, 0.3, 2.5], "float64"), t([-1.0, 1.0], "float64"), r(2))

# ---- normalisation, attention, cells -------------------------------------------------------------

for shape, axis in (((4,), -1), ((2, 3), -1), ((2, 3), [-1]), ((2, 3, 2), [1, 2]), ((1, 1), -1)):
    k = shape[1:] if axis == [1, 2] else shape[-1:]
    call("rms_norm", r(*shape), axis=axis)
    call("rms_norm", r(*shape), r(*k), axis=axis, eps=0.1)
call("rms_norm", t([0.0, 0.0, 0.0], "float64"), eps=1e-3)
call("layer_norm", r(2, 3, 2), r(3, 2), r(3, 2), axis=[1, 2], eps=0.01)
call("layer_norm", r(2, 3), None, r(3))
call("batch_norm", r(3, 2), r(2), r(2, lo=0.5), r(2), r(2))
call("batch_norm", r(3, 2, 2), None, None, r(2), None, training=True)
call("batch_norm", r(4, 2), r(2), r(2, lo=0.5), training=True)
call("group_norm", r(2, 4, 3), r(4), r(4), groups=2)
call("instance_norm", r(2, 2, 4), r(2), r(2), eps=0.1)
for shape in SHAPES:
    call("dropout", r(*shape), b(*shape), p=0.25)
call("dropout", r(2, 3), b(2, 3), p=0)
call("dropout", r(2, 3), b(3), p=0.5)
for lead in ((), (2,), (1, 2)):
    q, k, v = r(*lead, 3, 4), r(*lead, 5, 4), r(*lead, 5, 2)
    mask = t((DRAW.uniform(size=(3, 5)) < 0.6 + np.eye(3, 5)).tolist(), "bool", (3, 5))
    call("scaled_dot_product_attention", q, k, v)
    call("scaled_dot_product_attention", q, k, v, mask)
    call("scaled_dot_product_attention", q, k, v, r(3, 5), scale=0.7)
    call("scaled_dot_product_attention", q, k, v, causal=True)
for lead in ((2,), (1,), (0,), ()):
    x, h, c = r(*lead, 3), r(*lead, 2), r(*lead, 2)
    for nonlinearity in ("tanh", "relu"):
        call("rnn_cell", x, h, r(2, 3), r(2, 2), r(2), r(2), nonlinearity=nonlinearity)
    call("rnn_cell", x, h, r(2, 3), r(2, 2))
    call("gru_cell", x, h, r(6, 3), r(6, 2), r(6), r(6))
    call("gru_cell", x, h, r(6, 3), r(6, 2), None, r(6))
    call("lstm_cell", x, h, c, r(8, 3), r(8, 2), r(8), r(8), results=2)
    call("lstm_cell", x, h, c, r(8, 3), r(8, 2), r(8), results=2)

# ---- losses: what PyTorch does not differentiate, each reduction ---------------------------------

SIGNS = t([1.0, -1.0, -1.0, 1.0], "float64")
for reduction in ("mean", "sum", "none"):
    for name in ("mse_loss", "l1_loss", "soft_margin_loss", "smooth_l1_loss", "huber_loss"):
        call(name, r(2, 3), r(2, 3), reduction=reduction)
    call("cross_entropy", r(4, 3), i(4, below=3), r(3, lo=0.2), label_smoothing=0.1, reduction=reduction)
    call("cross_entropy", r(2, 3, 2), r(2, 3, 2, lo=0.1, hi=1), r(3, lo=0.2), reduction=reduction)
    call("cross_entropy", r(4, 3), t([0, 2, 1, 2], "int64"), ignore_index=2, reduction=reduction)
    call("nll_loss", r(4, 3), i(4, below=3), r(3, lo=0.2), reduction=reduction)
    call("binary_cross_entropy", r(2, 3, lo=0.1, hi=0.9), r(2, 3, lo=0.1, hi=0.9), r(3, lo=0.1),
         reduction=reduction)
    call("bce_with_logits", r(2, 3), r(2, 3, lo=0.1, hi=0.9), r(3, lo=0.1), r(3, lo=0.1),
         reduction=reduction)
    for log_target in (False, True):
        call("kl_div", r(2, 3), r(2, 3, lo=0.1, hi=1), reduction=reduction, log_target=log_target)
    call("poisson_nll_loss", r(4), r(4, lo=1.2, hi=5), full=True, reduction=reduction)
    call("poisson_nll_loss", r(4, lo=0.5), r(4, lo=0.2, hi=5), log_input=False, reduction=reduction)
    call("gaussian_nll_loss", r(2, 3), r(2, 3), r(2, 3, lo=0.5), full=True, reduction=reduction)
    call("hinge_embedding_loss", r(4), SIGNS, margin=1.5, reduction=reduction)
    call("margin_ranking_loss", r(4), r(4), SIGNS, margin=0.3, reduction=reduction)
    call("triplet_margin_loss", r(4, 3), r(4, 3), r(4, 3), margin=2, swap=True, reduction=reduction)
    call("cosine_embedding_loss", r(4, 3), r(4, 3), SIGNS, margin=-0.5, reduction=reduction)
call("kl_div", r(2, 3), r(2, 3, lo=0.1, hi=1), reduction="batchmean")

# ---- derivative, control flow --------------------------------------------------------------------

graph("grad", "float64", [node("s", "sin", "a"), node("f", "mul", "s", "a"), node("y", "grad", "f", "a"),
                          node("z", "grad", "y", "a")], [t(0.7, "float64")], ["f", "y", "z"])
graph("grad", "float64", [node("p", "mul", "a", "b"), node("e", "exp", "p"), node("f", "sum", "e"),
                          node("y", "grad", "f", "a", "b")], [r(2, 3), r(3)], ["y", "y:1"])
graph("grad", "float64", [node("e", "square", "a"), node("f", "sum", "e"), node("y", "grad", "f", "b")],
      [r(2), r(3)])
LINE = {"line": {"inputs": ["x", "w"], "nodes": [node("p", "mul", "x", "w"), node("q", "tanh", "p")],
                 "outputs": ["q"]},
        "two": {"inputs": ["x", "w"], "nodes": [node("p", "add", "x", "w"), node("q", "mul", "x", "w")],
                "outputs": ["p", "q"]},
        "step": {"inputs": ["h", "x", "w"],
                 "nodes": [node("p", "mul", "h", "w"), node("s", "add", "p", "x"), node("n", "tanh", "s"),
                           node("y", "square", "n")], "outputs": ["n", "y"]},
        "less": {"inputs": ["h", "w"], "nodes": [node("s", "sum", "h"), node("q", "lt", "s", 10)],
                 "outputs": ["q"]},
        "grow": {"inputs": ["h", "w"], "nodes": [node("m", "mul", "h", "w"), node("q", "add", "m", 1)],
                 "outputs": ["q"]},
        "nest": {"inputs": ["x", "w"], "nodes": [node("c", "call", "x", "w", function="two"),
                                                 node("q", "sub", "c", "c:1")], "outputs": ["q"]}}
for one, two in (((3,), (3,)), ((2, 3), ()), ((0,), (1,))):
    graph("call", "float64", [node("y", "call", "a", "b", function="line")], [r(*one), r(*two)],
          functions=LINE)
graph("call", "float64", [node("y", "call", "a", "b", function="two")], [r(3), r(3)], ["y", "y:1"],
      functions=LINE)
graph("call", "float64", [node("u", "call", "a", "b", function="nest"),
                          node("y", "call", "u", "b", function="nest")], [r(2), r(2)], functions=LINE)
for truth in (True, False):
    graph("cond", "float64", [{"id": "y", "op": "cond", "inputs": ["c", "a", "b"], "then": "line",
                               "else": "grow"}], [r(3), r(3), t(truth, "bool")], functions=LINE)
for reverse, checkpoint, steps in ((False, False, 4), (True, False, 3), (False, True, 5), (True, True, 1)):
    graph("scan", "float64", [node("y", "scan", "a", "b", "c", function="step", carries=1, shared=1,
                                   reverse=reverse, checkpoint=checkpoint)],
          [r(2), r(steps, 2), r(2)], ["y", "y:1"], functions=LINE)
graph("scan", "float64", [node("y", "scan", "a", "b", function="grow", carries=1, shared=1, length=3)],
      [r(2), r(2)], functions=LINE)
for start, most in ((0.5, 20), (0.5, 2), (11.0, 5)):
    graph("while", "float64", [node("y", "while", "a", "b", cond="less", body="grow", shared=1,
                                    max_steps=most)], [t([start, start], "float64"), r(2, lo=1.1)],
          functions=LINE)
graph("map", "float64", [node("y", "map", "a", "b", function="line")], [r(4, 3), r(4, 3)], functions=LINE)
graph("map", "float64", [node("y", "map", "a", "b", function="two", shared=1)], [r(3, 2), r(2)],
      ["y", "y:1"], functions=LINE)

# ---- integers and truth values -------------------------------------------------------------------

BIG = {"int64": [9223372036854775807, -9223372036854775808, 3, -3, 0],
       "int32": [2147483647, -2147483648, 3, -3, 0]}
for dtype in INTS:
    for op in ("add", "sub", "mul", "maximum", "minimum", "fmod", "remainder", "floor_divide",
               "fmax", "fmin"):
        call(op, i(2, 3, below=9, lo=-9, dtype=dtype), t([2, -3, 7], dtype), kind="int")
        call(op, i(3, below=9, lo=-9, dtype=dtype), 4, kind="int")
        call(op, t(BIG[dtype], dtype), t([2, 3, -1, 2, 5], dtype), kind="int")
        call(op, i(0, below=9, dtype=dtype), i(1, below=9, dtype=dtype), kind="int")
    for op in ("fmod", "remainder", "floor_divide"):
        call(op, t([7, -7, 0, 7, -7], dtype), t([0, 0, 0, -2, 2], dtype), kind="int")
    call("pow", i(2, 4, below=6, lo=-5, dtype=dtype), i(4, below=5, dtype=dtype), kind="int")
    call("pow", t([3, -3, 2, 0], dtype), t([41, 21, 70, 0], dtype), kind="int")
    for op in ("abs", "sign", "neg", "square", "floor", "ceil", "round", "trunc", "relu", "identity"):
        call(op, i(2, 3, below=9, lo=-9, dtype=dtype), kind="int")
    for op in ("abs", "neg", "square"):
        call(op, t(BIG[dtype], dtype), kind="int")
    for op in ("sum", "prod", "max", "min", "any", "all"):
        for axis, keepdims in ((None, False), (0, False), (1, True), ([], False)):
            call(op, i(3, 2, below=5, lo=-4, dtype=dtype), axis=axis, keepdims=keepdims, kind="int")
    call("sum", t([2147483647, 2147483647, 2], dtype), kind="int")
    call("prod", t([2147483647, 2147483647, 2], dtype), kind="int")
    call("sum", i(0, 2, dtype=dtype), axis=0, kind="int")
    call("prod", i(0, 2, dtype=dtype), axis=0, kind="int")
    for op in ("cumsum", "cummax", "cummin"):
        call(op, i(3, 4, below=9, lo=-9, dtype=dtype), axis=1, kind="int")
    call("cumsum", t([2147483647, 1, 1], dtype), axis=0, kind="int")
    call("sort", i(3, 4, below=5, dtype=dtype), results=2, kind="int")
    call("sort", i(7, below=4, dtype=dtype), descending=True, results=2, kind="int")
    call("topk", t([3, 9, -2, 7, 1], dtype), k=2, results=2, kind="int")
    call("topk", t([[3, 9, -2], [7, 1, 0]], dtype), k=1, axis=0, largest=False, results=2, kind="int")
    call("clip", i(2, 4, below=9, lo=-9, dtype=dtype), min=-2, max=3, kind="int")
    call("clip", i(5, below=9, lo=-9, dtype=dtype), min=0, kind="int")
    call("where", b(2, 3), i(2, 3, dtype=dtype), i(3, lo=-4, dtype=dtype), kind="int")
    call("where", b(4), i(4, dtype=dtype), -1, kind="int")
    call("where", b(4), i(4, dtype=dtype), 0.5, kind="int")
    call("masked_fill", i(4, dtype=dtype), b(4), 9, kind="int")
    call("concat", i(2, 2, dtype=dtype), i(1, 2, dtype=dtype), kind="int")
    call("stack", i(2, dtype=dtype), i(2, dtype=dtype), axis=1, kind="int")
    call("diff", i(5, below=9, dtype=dtype), kind="int")
    call("matmul", i(2, 3, lo=-4, dtype=dtype), i(3, 2, dtype=dtype), kind="int")
    call("dot", i(4, lo=-4, dtype=dtype), i(4, dtype=dtype), kind="int")
    call("outer", i(2, dtype=dtype), i(3, dtype=dtype), kind="int")
    call("reshape", i(2, 3, dtype=dtype), shape=[3, -1], kind="int")
    call("transpose", i(2, 3, dtype=dtype), kind="int")
    call("pad", i(3, dtype=dtype), pads=[[1, 2]], value=7, kind="int")
    call("tile", i(2, dtype=dtype), repeats=[2, 2], kind="int")
    call("flip", i(2, 3, dtype=dtype), axis=1, kind="int")
    call("roll", i(5, dtype=dtype), shift=2, kind="int")
    call("tril", i(3, 3, below=9, dtype=dtype), kind="int")
    call("select", i(2, 3, dtype=dtype), axis=0, index=-1, kind="int")
    call("slice", i(5, dtype=dtype), starts=[1], stops=[4], kind="int")
    call("split", i(5, dtype=dtype), sizes=[2, 3], results=2, kind="int")
    call("expand", i(3, dtype=dtype), shape=[2, 3], kind="int")
    # Mathematics on integers has the request's dtype.
    for real in FLOATS:
        for op in ("sin", "exp", "sqrt", "mean", "var", "std", "norm", "softmax", "sigmoid", "log1p",
                   "logsumexp", "tanh", "cbrt", "nanmean", "silu", "lgamma"):
            call(op, i(2, 3, below=6, lo=1, dtype=dtype), kind="int", real=real)
        for op in ("div", "atan2", "hypot", "copysign", "logaddexp", "xlogy"):
            call(op, i(2, 3, below=6, lo=1, dtype=dtype), i(3, below=6, lo=1, dtype=dtype), kind="int",
                 real=real)
        call("div", i(3, below=9, dtype=dtype), 2, kind="int", real=real)
        call("add", i(3, below=9, dtype=dtype), 0.5, kind="int", real=real)
        call("mul", r(3, dtype="float32"), i(3, dtype=dtype), kind="int", real=real)
        call("add", r(3, dtype="float64"), i(3, dtype=dtype), kind="int", real=real)
        call("lerp", i(3, dtype=dtype), i(3, dtype=dtype), 0.25, kind="int", real=real)
        call("mse_loss", i(3, dtype=dtype), i(3, dtype=dtype), kind="int", real=real)
for op in ("add", "mul", "maximum", "minimum"):
    call(op, b(2, 3), b(3), kind="bool")
    call(op, b(3), i(3), kind="bool")
    call(op, b(3), r(3, dtype="float32"), kind="bool")
    call(op, b(3), 2, kind="bool")
for op in ("sum", "prod", "max", "min", "mean"):
    call(op, b(2, 3), kind="bool")
    call(op, b(2, 3), axis=0, kind="bool")
call("cumsum", b(5), axis=0, kind="bool")
call("where", b(3), b(3), b(3), kind="bool")
call("concat", b(3), b(2), kind="bool")
call("concat", b(3), r(2, dtype="float32"), i(2, dtype="int32"), kind="bool")
call("stack", i(2), r(2, dtype="float32"), kind="int")
call("where", b(3), i(3), r(3, dtype="float32"), kind="int")
call("flip", b(3), axis=0, kind="bool")
call("take", b(4), i(3, below=4), kind="bool")

# ---- tensors that name no type -------------------------------------------------------------------

for dtype in (None, "float32"):
    u = {"kind": "untyped", "real": dtype}
    call("add", t([1, 2, 3]), t([[1], [2]]), **u)
    call("mul", t(3), t([1.5, 2]), **u)
    call("div", t([1, 2]), t([3, 4]), **u)
    call("sum", t([[1, 2], [3, 4]]), axis=0, **u)
    call("pow", t([2, 3]), 2, **u)
    call("pow", 2, t([2, 3]), **u)
    call("maximum", t([1, 5]), 3, **u)
    call("exp", t([0, 1]), **u)
    call("sub", t([True, False]), t([1, 2]), **u)
    call("mean", t([1, 2, 4]), **u)
    call("where", t([True, False]), t([1, 2]), t([3, 4]), **u)
    call("where", t([1, 0, 0.5]), t([1, 2, 3]), 0, **u)
    call("masked_fill", t([1, 2, 3]), t([True, False, True]), -1, **u)
    call("dropout", t([1, 2, 3]), t([True, False, True]), p=0.5, **u)
    call("take", t([1.5, 2, 3]), t([0, -1, 1]), **u)
    call("take", t([1.5, 2, 3]), {"data": [2, 0]}, **u)
    call("gather", t([[1, 2], [3, 4]]), t([[1], [0]]), axis=1, **u)
    call("scatter_add", t([1, 2, 3]), t([0, 0]), t([5, 6]), axis=0, **u)
    call("scatter", t([1, 2, 3]), t([0, 0]), t([5, 6]), axis=0, **u)
    call("embedding", t([1, 0]), t([[1, 2], [3, 4]]), **u)
    call("segment_sum", t([1, 2, 3]), t([0, 1, 0]), count=2, **u)
    call("one_hot", t([2, 0]), depth=3, **u)
    call("cross_entropy", t([[1, 2, 3], [3, 2, 1]]), t([0, 2]), **u)
    call("cross_entropy", t([[1, 2, 3], [3, 2, 1]]), t([[0.5, 0.5, 0], [0, 0, 1]]), **u)
    call("nll_loss", t([[-1, -2], [-3, -1]]), t([1, 0]), **u)
    call("matmul", t([[1, 2], [3, 4]]), t([1, 1]), **u)
    call("lt", t([1, 2]), t([2, 1]), **u)
    call("logical_not", t([True, False]), **u)
    call("logical_and", t([True, False]), t([1, 1]), **u)
    call("any", t([False, True]), **u)
    call("softmax", t([1, 2, 3]), **u)
    call("sort", t([3, 1, 2]), results=2, **u)
    call("concat", t([1, 2]), t([3]), **u)
    call("clip", t([-3, 0.5, 3]), min=-1, max=1, **u)
    call("linear", t([[1, 2]]), t([[1, 0], [0, 1]]), t([1, 1]), **u)
    call("add", t([1, 2]), {"data": [3, 4], "dtype": "int64"}, **u)
    call("sum", t([[]]), axis=1, **u)
    call("add", 1, 2, **u)
    call("mul", 2.5, 2, **u)
    call("sin", 1, **u)
    call("where", True, 1, 2.5, **u)
    call("add", t([9007199254740993, 1e300 if not dtype else 1e30]), t([0, 1]), **u)
