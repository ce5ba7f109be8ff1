"""points_tensors.py -- shapes, indices, linear algebra, windows, layers, losses."""
import itertools

import numpy as np

from calls import SHAPES, INTS, INF, DRAW, b, call, full_rank, graph, i, node, r, spd, t

# ---- shape ---------------------------------------------------------------------------------------

for shape, source, to in (((2, 3, 4), 0, 2), ((2, 3, 4), -1, 0), ((2, 3, 4), [0, 1], [2, 0]),
                          ((2, 3), 1, 1), ((2, 0, 3), 2, 0), ((4,), 0, -1),
                          ((1, 2, 3, 2), [3, 0], [0, -1])):
    call("movedim", r(*shape), source=source, destination=to)
for shape, repeats, axis in (((3,), 2, 0), ((2, 3), 3, 1), ((2, 3), [1, 2], 0), ((2, 3), [0, 2, 1],
                                                                                 -1),
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
                 ((3, 4), {"starts": [3, 2], "stops": [0, -100],
                  "axes": [-1, 0], "steps": [-2, -1]}),
                 ((0, 3), {"starts": [0], "stops": [2]}),
                 ((2, 3, 4), {"starts": [1, 0], "stops": [3, 4], "axes": [1, 2], "steps": [1, 3]})):
    call("slice", r(*shape), **a)
for mode in ("constant", "reflect", "replicate", "circular"):
    for shape, pads in (((4,), [[1, 2]]), ((3, 4), [[1, 0], [2, 2]]), ((3, 4), [[-1, 1], [2, -1]]),
                        ((3, 4), [[0, 0], [-1, -2]]), ((2, 3, 3), [[1, 1], [0, 1], [2, 0]])):
        call("pad", r(*shape), pads=pads, mode=mode, **
             ({"value": 1.5} if mode == "constant" else {}))

for a in ({"shift": 2}, {"shift": -1, "axis": 1}, {"shift": [1, 5], "axis": [0, 1]}, {"shift": 0}):
    call("roll", r(2, 3), **a)
for a in ({}, {"start_axis": 1}, {"start_axis": 0, "end_axis": 1},
          {"start_axis": -2, "end_axis": -2}):
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

for shape, at, axis in (((5,), (3,), 0), ((3, 4), (2, 4), 0), ((3, 4), (3, 2), 1), ((3, 4), (2, 2),
                                                                                    -1),
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

for one, two, axes in (((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 2), 2), ((3,), (3,), 1), ((2,), (3,),
                                                                                         0),
                       ((2, 3), (4, 3), [[1], [1]]), ((2, 3, 4), (4, 2, 5), [[0, 2], [1, 0]]),
                       ((2, 3), (2, 3), [[0, 1], [0, 1]]), ((2, 0), (0, 3), 1), ((), (2,), 0),
                       ((2, 3), (3, 2), [[-1], [0]])):
    call("tensordot", r(*one), r(*two), axes=axes)
call("tensordot", r(3, 2, 2), r(2, 2, 3))
for one, two in (((2, 3), (2, 2)), ((3,), (2,)), ((1, 2), (2, 1))):
    call("kron", r(*one), r(*two))
for one, two in (((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), (3,)), ((2, 2, 3), (2, 3))):
    call("inner", r(*one), r(*two))
for one, two, axis in (((3,), (3,), -1), ((2, 3), (2, 3), 1),
                       ((3, 2), (3, 2), 0), ((2, 3), (3,), -1)):
    call("cross", r(*one), r(*two), axis=axis)
for n in (0, 1, 4):
    call("dot", r(n), r(n))
    call("outer", r(n), r(3))
for shape in ((3, 3), (2, 4), (1, 1)):
    call("trace", r(*shape))
for shape in ((3, 2), (2, 3, 3)):
    call("svdvals", full_rank(*shape))
for equation, shapes in (("ij,jk->ik", ((2, 3), (3, 2))), ("ii->i", ((3, 3),)),
                         ("bij,bjk", ((2, 2, 3), (2, 3, 2))), ("i,j->ij", ((2,), (3,))),
                         ("...i,i->...", ((2, 3, 4), (4,))), ("ij->", ((2, 3),)),
                         ("ij,kj,lk->il", ((2, 3), (4, 3), (2, 4)))):
    call("einsum", *(r(*shape) for shape in shapes), equation=equation)
for p in (2, 1, 3, 1.5, INF):
    call("cdist", r(3, 4), r(2, 4), p=p)
for one, two in (((2, 3, 2), (2, 4, 2)), ((3, 1), (2, 1)),
                 ((0, 2), (3, 2)), ((2, 1, 3, 2), (4, 2, 2))):
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
        node("p", "matmul", "u:2", "vt"), node("z", "matmul", "u", "u:2"),
        node("q", "square", "u:2")],
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
    call("conv3d", r(1, 2, 3, 4, 3), r(2, 2 // g, 2, 2, 2),
         r(2) if "stride" in a or g > 1 else None, **a)
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
          {"kernel": 2, "dilation": [2, 1]},
          {"kernel": [1, 2], "stride": [1, 2], "padding": [0, 1]}):
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
    call(
    "cross_entropy", r(
        4, 3), i(
            4, below=3), r(
                3, lo=0.2), label_smoothing=0.1, reduction=reduction)
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
