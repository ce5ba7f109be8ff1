"""points_types.py -- integers, truth values, and tensors that name no type."""
from calls import FLOATS, INTS, b, call, i, r, t

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
    for op in ("abs", "sign", "neg", "square", "floor",
               "ceil", "round", "trunc", "relu", "identity"):
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
    call("topk", t([[3, 9, -2], [7, 1, 0]], dtype), k=1,
         axis=0, largest=False, results=2, kind="int")
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
        for op in ("sin", "exp", "sqrt", "mean", "var", "std", "norm", "softmax", "sigmoid",
                   "log1p",
                   "logsumexp", "tanh", "cbrt", "nanmean", "silu", "lgamma"):
            call(op, i(2, 3, below=6, lo=1, dtype=dtype), kind="int", real=real)
        for op in ("div", "atan2", "hypot", "copysign", "logaddexp", "xlogy"):
            call(op, i(2, 3, below=6, lo=1, dtype=dtype), i(3, below=6, lo=1, dtype=dtype),
                 kind="int",
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
