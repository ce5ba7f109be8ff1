"""calls.py -- how points are written: tensors, calls, and the list of cases without answers.

CASES is a list of (operator, kind, request). The numbers are random and the same every time, of
three digits, so that float32 holds nearly what float64 does.
"""
import numpy as np

CASES = []
DRAW = np.random.RandomState(8)
INF, NAN = "Infinity", "NaN"
SHAPES = ((), (3,), (2, 3), (2, 1, 3), (0,), (2, 0), (1,))
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
