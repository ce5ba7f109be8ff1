"""reference_tensors.py -- more operators: those that move, pick and combine elements."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from reference import BOOL, INF, LONG, OPS, axes_of, each, op

# ---- shape ---------------------------------------------------------------------------------------

op("reshape", "keep")(lambda x, shape: x.reshape(shape))
op("flatten", "keep")(lambda x, start_axis=0, end_axis=-1: x.flatten(start_axis, end_axis))
op("unsqueeze", "keep")(lambda x, axis: insert(x, axis))
op("transpose", "keep")(
    lambda x, axes=None: x.permute(axes if axes is not None else list(range(x.dim()))[::-1]))
op("swapaxes", "keep")(lambda x, axis1, axis2: x.swapaxes(axis1, axis2))
op("movedim", "keep")(lambda x, source, destination: x.movedim(source, destination))
op("expand", "keep")(lambda x, shape: x.expand(shape))
op("tile", "keep")(lambda x, repeats: x.tile(whole_list(repeats)))
op("flip", "keep")(lambda x, axis: x.flip(axes_of(x, axis)))
op("select", "keep")(lambda x, axis, index: x.select(axis, index))
op("diag", "keep")(lambda x, offset=0: x.diag(offset))
op("diagonal", "keep")(lambda x, offset=0, axis1=0, axis2=1: x.diagonal(offset, axis1, axis2))
op("tril", "keep")(lambda x, offset=0: x.tril(offset))
op("triu", "keep")(lambda x, offset=0: x.triu(offset))
op("pixel_shuffle", "keep")(lambda x, factor: F.pixel_shuffle(x, factor))
op("concat", "promote", "nn")(lambda *xs, axis=0: torch.cat(xs, axis))
op("stack", "promote", "nn")(lambda *xs, axis=0: torch.stack(xs, axis))
op("split", "keep")(lambda x, sizes, axis=0: tuple(x.split(whole_list(sizes), axis)))


def whole_list(n):
    return n if isinstance(n, list) else [n]


def insert(x, axis):
    axes = whole_list(axis)
    for a in sorted(k % (x.dim() + len(axes)) for k in axes):
        x = x.unsqueeze(a)
    return x


@op("squeeze", "keep")
def squeeze(x, axis=None):
    gone = [k for k in axes_of(x, axis) if x.shape[k] == 1]
    return x.reshape([n for k, n in enumerate(x.shape) if k not in gone])


@op("repeat_interleave", "keep")
def repeat_interleave(x, repeats, axis):
    return x.repeat_interleave(torch.tensor(repeats), axis)


@op("roll", "keep")
def roll(x, shift, axis=None):
    return x.roll(shift) if axis is None else x.roll(whole_list(shift), whole_list(axis))


@op("slice", "keep")
def slice_of(x, starts, stops, steps=None, axes=None):
    starts, stops = whole_list(starts), whole_list(stops)
    steps = whole_list(steps) if steps is not None else [1] * len(starts)
    axes = whole_list(axes) if axes is not None else list(range(len(starts)))
    for a, b, s, axis in zip(starts, stops, steps, axes):
        x = pick(x, axis, range(x.shape[axis])[a:b:s])
    return x


def pick(x, axis, places):
    return x.index_select(axis, torch.tensor(list(places), dtype=LONG))


@op("pad", "keep")
def pad(x, pads, mode="constant", value=0):
    for axis, (before, after) in enumerate(pads):
        n = x.shape[axis]
        x = x.narrow(axis, max(0, -before), n - max(0, -before) - max(0, -after))
    for axis, (before, after) in enumerate(pads):
        n, before, after = x.shape[axis], max(0, before), max(0, after)
        if mode == "constant":
            ends = [x.new_full([*x.shape[:axis], k, *x.shape[axis + 1:]], value)
                    for k in (before, after)]
            x = torch.cat([ends[0], x, ends[1]], axis)
        elif before or after:
            how = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
            x = pick(x, axis, np.pad(np.arange(n), (before, after), how))
    return x


# ---- index ---------------------------------------------------------------------------------------

def wrapped(i, n):
    return torch.where(i < 0, i + n, i)


@op("take", "keep", "ni")
def take(x, i, axis=0):
    n = x.shape[axis]
    axis %= x.dim()
    y = x.index_select(axis, wrapped(i, n).reshape(-1))
    return y.reshape([*x.shape[:axis], *i.shape, *x.shape[axis + 1:]])


@op("gather", "keep", "ni")
def gather(x, i, axis):
    return x.gather(axis, wrapped(i, x.shape[axis] if x.dim() else 1))


@op("scatter", "promote", "nin")
def scatter(x, i, src, axis):
    axis %= x.dim()
    i = wrapped(i, x.shape[axis])
    winner = {}
    for at in np.ndindex(*i.shape):
        to = list(at)
        to[axis] = int(i[at])
        winner[tuple(to)] = at
    y = x.clone()
    if winner:
        to, at = np.array(list(winner)).T, np.array(list(winner.values())).T
        y = y.index_put(tuple(map(torch.tensor, to)), src[tuple(map(torch.tensor, at))])
    return y


@op("scatter_add", "promote", "nin")
def scatter_add(x, i, src, axis):
    return x.scatter_add(axis, wrapped(i, x.shape[axis] if x.dim() else 1), src)


@op("segment_sum", "keep", "ni")
def segment_sum(x, segments, count):
    return x.new_zeros([count, *x.shape[1:]]).index_add(0, segments, x)


op("embedding", "keep", "in")(lambda i, w: w[i])
op("one_hot", "keep", "i")(lambda i, depth: F.one_hot(i, depth))


# ---- linear algebra ------------------------------------------------------------------------------

each("dot outer inner kron", lambda n: getattr(torch, n), "promote", "nn")
each("det logdet matrix_exp", lambda n: getattr(torch, n))
each("inv svdvals pinv", lambda n: getattr(torch.linalg, n))
op("matmul", "promote", "nn")(torch.matmul)
op("trace", "promote")(torch.trace)
op("cross", "promote", "nn")(lambda a, b, axis=-1: torch.linalg.cross(
    *torch.broadcast_tensors(a, b), dim=axis))
op("einsum", "promote", "n")(lambda *xs, equation: torch.einsum(equation, *xs))
op("tensordot", "promote", "nn")(lambda a, b, axes=2: torch.tensordot(a, b, axes))
op("linear", "promote", "nnn")(lambda x, w, b=None: F.linear(x, w, b))
op("bilinear", "promote", "nnnn")(lambda x, y, w, b=None: F.bilinear(x, y, w, b))
op("cdist", "real", "nn")(lambda a, b, p=2: torch.cdist(
    a, b, float(p), compute_mode="donot_use_mm_for_euclid_dist"))
op("slogdet")(lambda a: tuple(torch.linalg.slogdet(a)))
op("solve", "real", "nn")(lambda a, b: torch.linalg.solve(a, b))
op("lstsq", "real", "nn")(lambda a, b: torch.linalg.pinv(a) @ b)
op("matrix_power", "promote")(lambda a, n: torch.linalg.matrix_power(a, n))
op("svd")(lambda a: tuple(torch.linalg.svd(a, full_matrices=False)))
op("qr")(lambda a: tuple(torch.linalg.qr(a)))
op("eigh")(lambda a: tuple(torch.linalg.eigh(symmetric(a))))
op("eigvalsh")(lambda a: torch.linalg.eigvalsh(symmetric(a)))


def symmetric(a):
    return (a + a.mT) / 2


@op("cholesky")
def cholesky(a, lower=True):
    low = torch.linalg.cholesky(symmetric(a))
    return low if lower else low.mT


@op("triangular_solve", "real", "nn")
def triangular_solve(a, b, lower=True, unit=False, transpose=False):
    a, column = a.tril() if lower else a.triu(), b.dim() == 1
    if transpose:
        a, lower = a.mT, not lower
    x = torch.linalg.solve_triangular(a, b[:, None] if column else b, upper=not lower,
                                      unitriangular=unit)
    return x[:, 0] if column else x


# ---- convolution, pooling ------------------------------------------------------------------------

for n in "123":
    op("conv%sd" % n, "real", "nnn")(getattr(F, "conv%sd" % n))
    op("conv_transpose%sd" % n, "real", "nnn")(getattr(F, "conv_transpose%sd" % n))
    for kind in ("max", "avg"):
        op("%s_pool%sd" % (kind, n), "promote" if kind == "max" else "real")(
            (lambda f: lambda x, kernel, **a: f(x, kernel, **a))(
                getattr(F, "%s_pool%sd" % (kind, n))))
    for kind in ("avg", "max") if n != "3" else ():
        op("adaptive_%s_pool%sd" % (kind, n))(
            (lambda f: lambda x, output_size: f(x, output_size))(
                getattr(F, "adaptive_%s_pool%sd" % (kind, n))))


@op("interpolate")
def interpolate(x, size=None, scale=None, mode="nearest", align_corners=False):
    return F.interpolate(x, size, scale, mode, align_corners if mode != "nearest" else None)


@op("unfold")
def unfold(x, kernel, dilation=1, padding=0, stride=1):
    return F.unfold(x, kernel, dilation, padding, stride)


@op("interp", "real", "nnn")
def interp(x, xp, fp):
    i = torch.searchsorted(xp.detach(), x.detach(), right=True).clamp(1, len(xp) - 1)
    t = (x - xp[i - 1]) / (xp[i] - xp[i - 1])
    y = fp[i - 1] + t * (fp[i] - fp[i - 1])
    return torch.where(x < xp[0], fp[0], torch.where(x > xp[-1], fp[-1], y))


# ---- normalisation, attention, cells -------------------------------------------------------------

@op("layer_norm", "real", "nnn")
def layer_norm(x, w=None, b=None, axis=-1, eps=1e-5):
    return F.layer_norm(x, [x.shape[k] for k in axes_of(x, axis)], w, b, eps)


@op("rms_norm", "real", "nn")
def rms_norm(x, w=None, axis=-1, eps=None, label="float64"):
    eps = float(np.finfo(label).eps) if eps is None else eps
    y = x * torch.rsqrt((x * x).mean(axes_of(x, axis), keepdim=True) + eps)
    return y if w is None else y * w


op("group_norm", "real", "nnn")(
    lambda x, w=None, b=None, groups=1, eps=1e-5: F.group_norm(x, groups, w, b, eps))
op("instance_norm", "real", "nnn")(
    lambda x, w=None, b=None, eps=1e-5: F.instance_norm(x, weight=w, bias=b, eps=eps))
op("local_response_norm")(lambda x, size, alpha=1e-4, beta=0.75, k=1:
                          F.local_response_norm(x, size, alpha, beta, k))
op("dropout", "promote", "nc")(lambda x, mask, p: x * mask / (1 - p))


@op("batch_norm", "real", "nnnnn")
def batch_norm(x, mean=None, var=None, w=None, b=None, training=False, eps=1e-5):
    rest = [k for k in range(x.dim()) if k != 1]
    if training or mean is None:
        mean, var = x.mean(rest), x.var(rest, unbiased=False)
    def column(v):
        return v.reshape([1, -1] + [1] * (x.dim() - 2))
    y = (x - column(mean)) * torch.rsqrt(column(var) + eps)
    y = y if w is None else y * column(w)
    return y if b is None else y + column(b)


@op("scaled_dot_product_attention", "real", "nnnm")
def attention(q, k, v, mask=None, causal=False, scale=None):
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).tril() == 0, -INF)
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF) if mask.dtype == BOOL else scores + mask
    return scores.softmax(-1) @ v


def gates(x, w, b):
    return x @ w.mT if b is None else x @ w.mT + b


@op("rnn_cell", "real", "nnnnnn")
def rnn_cell(x, h, wi, wh, bi=None, bh=None, nonlinearity="tanh"):
    return getattr(torch, nonlinearity)(gates(x, wi, bi) + gates(h, wh, bh))


@op("gru_cell", "real", "nnnnnn")
def gru_cell(x, h, wi, wh, bi=None, bh=None):
    (ir, iz, i), (hr, hz, hn) = gates(x, wi, bi).chunk(3, -1), gates(h, wh, bh).chunk(3, -1)
    z = torch.sigmoid(iz + hz)
    return (1 - z) * torch.tanh(i + torch.sigmoid(ir + hr) * hn) + z * h


@op("lstm_cell", "real", "nnnnnnn")
def lstm_cell(x, h, c, wi, wh, bi=None, bh=None):
    i, f, g, o = (gates(x, wi, bi) + gates(h, wh, bh)).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


# ---- losses --------------------------------------------------------------------------------------

def reduced(loss, reduction, share=None):
    if reduction == "none":
        return loss
    total = loss.sum()
    return total if reduction == "sum" else total / (loss.numel() if share is None else share)


def loss(name, f, roles="nn"):
    op(name, "real", roles)(lambda *xs, reduction="mean", **a: reduced(f(*xs, **a), reduction))


loss("mse_loss", lambda x, y: (x - y) ** 2)
loss("l1_loss", lambda x, y: (x - y).abs())
loss("soft_margin_loss", lambda x, y: F.softplus(-x * y, threshold=INF))
loss("smooth_l1_loss", lambda x, y, beta=1: F.smooth_l1_loss(x, y, reduction="none", beta=beta))
loss("huber_loss", lambda x, y, delta=1: F.huber_loss(x, y, reduction="none", delta=delta))
loss("hinge_embedding_loss", lambda x, y, margin=1: torch.where(
    y != -1, x, torch.zeros_like(x)) + torch.where(y != 1, F.relu(margin - x), torch.zeros_like(x)))
loss("margin_ranking_loss", lambda a, b, y, margin=0: torch.clamp(-y * (a - b) + margin, min=0),
     "nnn")
loss("gaussian_nll_loss", lambda x, y, v, full=False, eps=1e-6:
     0.5 * (floored(v, eps).log() + (x - y) ** 2 / floored(v, eps) +
            (math.log(2 * math.pi) if full else 0)), "nnn")
loss("triplet_margin_loss", lambda a, p, n, margin=1, p_norm=2, eps=1e-6, swap=False:
     F.triplet_margin_loss(a, p, n, margin, p_norm, eps, swap, reduction="none"), "nnn")


def floored(v, eps):
    """Clamped from below without the gradient's noticing, as PyTorch does."""
    return v + (v.detach().clamp(min=eps) - v.detach())


def cosine_terms(a, b, y, margin):
    squares = ((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12)
    cos = (a * b).sum(-1) / squares.sqrt()
    zero = torch.zeros_like(cos)
    return torch.where(y == 1, 1 - cos, zero) + torch.where(y == -1, F.relu(cos - margin), zero)


loss("cosine_embedding_loss", lambda a, b, y, margin=0: cosine_terms(a, b, y, margin), "nnn")


@op("kl_div", "real", "nn")
def kl_div(x, t, log_target=False, reduction="mean"):
    l = t.exp() * (t - x) if log_target else torch.special.xlogy(t, t) - t * x
    return l.sum() / x.shape[0] if reduction == "batchmean" else reduced(l, reduction)


@op("poisson_nll_loss", "real", "nn")
def poisson(x, y, log_input=True, full=False, eps=1e-8, reduction="mean"):
    l = x.exp() - y * x if log_input else x - y * (x + eps).log()
    if full:
        stirling = y * y.log() - y + 0.5 * (2 * math.pi * y).log()
        l = l + torch.where(y > 1, stirling, torch.zeros_like(l))
    return reduced(l, reduction)


@op("binary_cross_entropy", "real", "nnn")
def bce(p, y, w=None, reduction="mean"):
    l = -(y * p.log().clamp(min=-100) + (1 - y) * (1 - p).log().clamp(min=-100))
    return reduced(l if w is None else l * w, reduction)


@op("bce_with_logits", "real", "nnnn")
def bce_logits(x, y, w=None, pw=None, reduction="mean"):
    l = -(y * F.logsigmoid(x) * (1 if pw is None else pw) + (1 - y) * F.logsigmoid(-x))
    return reduced(l if w is None else l * w, reduction)


def pick_classes(logp, target, weight, ignore, axis):
    """-w logp at the classes, and the weights; zero where ignored."""
    c = logp.shape[axis]
    w = torch.ones(c, dtype=logp.dtype) if weight is None else weight
    kept = target != ignore
    t = torch.where(kept, target, torch.zeros_like(target))
    w_t = torch.where(kept, w[t], torch.zeros((), dtype=logp.dtype))
    return -logp.gather(axis, t.unsqueeze(axis)).squeeze(axis) * w_t, w_t, w, kept


@op("nll_loss", "real", "nkn")
def nll_loss(logp, target, weight=None, ignore_index=-100, reduction="mean"):
    l, w_t, _, _ = pick_classes(logp, target, weight, ignore_index, min(1, logp.dim() - 1))
    return reduced(l, reduction, w_t.sum())


@op("cross_entropy", "real", "nkn")
def cross_entropy(x, target, weight=None, ignore_index=-100, label_smoothing=0, reduction="mean"):
    axis = min(1, x.dim() - 1)
    c, logp = x.shape[axis], x.log_softmax(axis)
    column = [c if k == axis else 1 for k in range(x.dim())]
    if target.is_floating_point():
        t = target * (1 - label_smoothing) + label_smoothing / c
        w = 1 if weight is None else weight.reshape(column)
        l = -(logp * t * w).sum(axis)
        return reduced(l, reduction)
    l, w_t, w, kept = pick_classes(logp, target, weight, ignore_index, axis)
    smooth = torch.where(kept, -(logp * w.reshape(column)).sum(axis), torch.zeros_like(l))
    return reduced((1 - label_smoothing) * l + label_smoothing / c * smooth, reduction, w_t.sum())


# ---- sources -------------------------------------------------------------------------------------

def source(name):
    def keep(f):
        OPS[name] = (f, "source", "")
        return f
    return keep


def drawn(f):
    return lambda shape, seed, dtype="float64": torch.from_numpy(
        np.asarray(f(np.random.RandomState(seed), whole_list(shape))))


source("random_uniform")(drawn(lambda g, shape: g.uniform(size=shape)))
source("random_normal")(drawn(lambda g, shape: g.normal(size=shape)))
