"""reference.py -- gradd's operators in terms of PyTorch, for computing what answers ought to be.

Every operator of the table that is a function of tensors, written as plainly as possible: operands
and attributes as gradd names them. Where PyTorch differs from what gradd promises (attributes like
NumPy's, gradients of class weights, stable order, the last of several writers), the promise is
kept.
How operands' types are settled is here as well: OPS[name] is (function, types, roles), with
    types  promote: numbers meet in one dtype; real: integers become reals; wide: small integers
           become int64; keep: each stays as it is; logic: truth values
    roles  a letter an operand, the last one repeats: n number, i indices, k classes, c condition,
    m mask (truth values stay, numbers are numbers)
Works with torch 1.13 and later.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

OPS = {}
INF = float("inf")
LONG, BOOL = torch.int64, torch.bool


def op(names, types="real", roles="n"):
    def keep(f):
        for name in names.split():
            OPS[name] = (f, types, roles)
        return f
    return keep


def each(names, find, types="real", roles="n"):
    for name in names.split():
        op(name, types, roles)(find(name))


# ---- unary, activations --------------------------------------------------------------------------

each("sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh"
     " cosh tanh asinh acosh atanh erf erfc erfinv lgamma digamma sinc i0 frac deg2rad rad2deg"
     " sigmoid",
     lambda n: getattr(torch, n))
each("i0e i1 i1e ndtr ndtri log_ndtr erfcx entr", lambda n: getattr(torch.special, n))
each("neg abs sign square", lambda n: getattr(torch, n), "promote")
each("floor ceil round trunc", lambda n: getattr(torch, n), "promote")
each("relu6 logsigmoid silu mish selu hardsigmoid hardswish softsign tanhshrink",
     lambda n: getattr(F, n))
op("relu", "promote")(torch.relu)
op("cbrt")(lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3))
op("identity", "keep")(lambda x: x.clone())
op("stop_gradient", "keep")(lambda x: x.detach().clone())
op("polygamma")(lambda x, n: torch.polygamma(n, x))
op("logit")(lambda x, eps=None: torch.logit(x, eps))
op("softplus")(lambda x, beta=1, threshold=20: F.softplus(x, beta, threshold))
op("leaky_relu")(lambda x, negative_slope=0.01: F.leaky_relu(x, negative_slope))
op("elu")(lambda x, alpha=1: F.elu(x, alpha))
op("celu")(lambda x, alpha=1: F.celu(x, alpha))
op("gelu")(lambda x, approximate="none": F.gelu(x, approximate=approximate))
op("softshrink")(lambda x, lambd=0.5: F.softshrink(x, lambd))
op("hardshrink")(lambda x, lambd=0.5: F.hardshrink(x, lambd))
op("threshold")(lambda x, threshold, value: F.threshold(x, threshold, value))
op("glu")(lambda x, axis=-1: F.glu(x, axis))
op("prelu")(lambda x, w: F.prelu(x, w.reshape(-1)))


@op("hardtanh")
def hardtanh(x, **a):
    return F.hardtanh(x, a.get("min", -1), a.get("max", 1))


@op("nan_to_num")
def nan_to_num(x, nan=0, posinf=None, neginf=None, label="float64"):
    most = np.finfo(label).max
    return torch.nan_to_num(x, nan, float(most) if posinf is None else posinf,
                            -float(most) if neginf is None else neginf)


@op("clip", "promote")
def clip(x, **a):
    low, high = a.get("min"), a.get("max")
    return x.clone() if low is None and high is None else torch.clamp(x, low, high)


# ---- binary, compare, logic, select --------------------------------------------------------------

each("maximum minimum fmax fmin", lambda n: getattr(torch, n), "promote", "nn")
each("div atan2 hypot copysign logaddexp logaddexp2 xlogy", lambda n: getattr(torch, n), "real",
     "nn")
op("xlog1py", "real", "nn")(torch.special.xlog1py)
each("eq ne lt le gt ge", lambda n: getattr(torch, n), "promote", "nn")
each("logical_and logical_or logical_xor", lambda n: getattr(torch, n), "logic", "nn")
op("logical_not", "logic")(torch.logical_not)
each("isnan isinf isfinite", lambda n: getattr(torch, n), "promote")
op("where", "promote", "cnn")(lambda c, a, b: torch.where(c, a, b))
op("lerp", "real", "nnn")(lambda a, b, w: a + w * (b - a))
op("masked_fill", "promote", "ncn")(lambda x, m, v: torch.where(m, v, x))
op("add", "promote", "nn")(lambda a, b: a | b if a.dtype == BOOL else a + b)
op("mul", "promote", "nn")(lambda a, b: a & b if a.dtype == BOOL else a * b)
op("sub", "promote", "nn")(lambda a, b: a - b)


@op("pow", "promote", "nn")
def power(a, b):
    return torch.pow(a, b) if a.is_floating_point() else integer(np.power, a, b)


def integer(f, a, b):
    """Integers by NumPy, whose division by zero is 0; in wide and narrow types they wrap."""
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(f(a.numpy(), b.numpy())))


@op("fmod", "promote", "nn")
def fmod(a, b):
    return torch.fmod(a, b) if a.is_floating_point() else integer(np.fmod, a, b)


@op("remainder", "promote", "nn")
def remainder(a, b):
    return torch.remainder(a, b) if a.is_floating_point() else integer(np.remainder, a, b)


@op("floor_divide", "promote", "nn")
def floor_divide(a, b):
    if not a.is_floating_point():
        return integer(np.floor_divide, a, b)
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(np.floor_divide(a.detach().numpy(), b.detach().numpy())))


# ---- reductions ----------------------------------------------------------------------------------

def axes_of(x, axis):
    if axis is None:
        return list(range(x.dim()))
    return sorted(a % max(x.dim(), 1)
                  for a in (axis if isinstance(axis, list) else [axis]))[:x.dim()]


def over(x, axis, keepdims, f):
    """f reduces the last axis; here it reduces the given ones, none of them included."""
    axes = axes_of(x, axis)
    rest = [k for k in range(x.dim()) if k not in axes]
    y = f(x.permute(rest + axes).reshape([x.shape[k] for k in rest] +
                                         [int(np.prod([x.shape[k] for k in axes]))]))
    return y.reshape([1 if k in axes else x.shape[k] for k in range(x.dim())]) if keepdims else y


def reduction(names, f, types="real"):
    op(names, types)(lambda x, axis=None, keepdims=False: over(x, axis, keepdims, f))


def lower_middle(x):
    """The median along the last axis; over equal values the gradient is even."""
    m = torch.median(x.detach(), -1, keepdim=True).values
    if not x.is_floating_point():
        return m[..., 0]
    same = (x.detach() == m) | (m != m) & (x != x)
    return torch.where(same, x, torch.zeros_like(x)).sum(-1) / same.sum(-1)


def place(f):
    return lambda x: torch.from_numpy(np.asarray(f(x.detach().numpy(), -1)))


reduction("sum", lambda x: x.sum(-1), "wide")
reduction("prod", lambda x: x.prod(-1), "wide")
reduction("nansum", lambda x: x.nansum(-1), "wide")
reduction("mean", lambda x: x.mean(-1))
reduction("nanmean", lambda x: x.nanmean(-1))
reduction("max", lambda x: x.amax(-1), "promote")
reduction("min", lambda x: x.amin(-1), "promote")
reduction("logsumexp", lambda x: x.logsumexp(-1))
reduction("any", lambda x: x.any(-1), "logic")
reduction("all", lambda x: x.all(-1), "logic")
reduction("argmax", place(np.argmax), "promote")
reduction("argmin", place(np.argmin), "promote")
reduction("median", lower_middle, "promote")


each("var std", lambda n: lambda x, axis=None, correction=1, keepdims=False: over(
    x, axis, keepdims, lambda z: getattr(torch, n)(z, -1, correction=correction)))


@op("norm")
def norm(x, ord=2, axis=None, keepdims=False):
    return over(x, axis, keepdims, lambda z: torch.linalg.vector_norm(z, float(ord), -1))


# ---- scans, order, softmax -----------------------------------------------------------------------

op("cumsum", "wide")(lambda x, axis: x.cumsum(axis))
op("cumprod", "wide")(lambda x, axis: x.cumprod(axis))
op("cummax", "promote")(lambda x, axis: x.cummax(axis).values)
op("cummin", "promote")(lambda x, axis: x.cummin(axis).values)
op("logcumsumexp")(lambda x, axis: x.logcumsumexp(axis))
op("diff", "promote")(lambda x, n=1, axis=-1: torch.diff(x, n, axis))
op("searchsorted", "promote", "nn")(
    lambda s, v, right=False: torch.searchsorted(s.detach(), v.detach(), right=right))


@op("sort", "promote")
def sort(x, axis=-1, descending=False):
    return tuple(torch.sort(x, dim=axis, descending=descending, stable=True))


@op("topk", "promote")
def topk(x, k, axis=-1, largest=True):
    v, i = torch.sort(x, dim=axis, descending=largest, stable=True)
    return (v.narrow(axis, 0, k), i.narrow(axis, 0, k)) if x.dim() else (v, i)


op("softmax")(lambda x, axis=-1: x.softmax(axis))
op("log_softmax")(lambda x, axis=-1: x.log_softmax(axis))
op("softmin")(lambda x, axis=-1: F.softmin(x, axis))
op("normalize")(lambda x, ord=2, axis=1, eps=1e-12: F.normalize(x, float(ord), axis, eps))
op("cosine_similarity", "real", "nn")(
    lambda a, b, axis=1, eps=1e-8: F.cosine_similarity(a, b, axis, eps))
