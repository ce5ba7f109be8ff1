/* normalisation.c -- layers that bring elements to mean 0 and spread 1 and scale them; dropout.
 *
 * The normalising itself is standardise.c. What differs is along which axes it goes, and along
 * which weight and bias lie.
 */
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "layers.h"
#include "shape.h"

static int check_eps(B *b, const grad_args *a, size_t k)
{
    if (a->attr[k].kind == GRAD_NULL || a->attr[k].r >= 0) return 0;
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "eps",
                            "%s: eps must be 0 or more, found %s", a->op->name,
                            NUMBER(a->attr[k].r));
}

/* Operand k must have the shape dim, which `what` says in words. */
static int check_shape(B *b, const grad_args *a, size_t k, int rank, const int64_t *dim,
                       const char *what)
{
    char has[96], wants[96];
    if (grad__given(a, k) == GRAD_NONE) return 0;
    const grad_shape *s = v_shape(b, a->in[k]);
    if (s->rank == rank && memcmp(s->dim, dim, (size_t)rank * sizeof *dim) == 0) return 0;
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                            "%s: `%s` must have shape %s, %s, found %s", a->op->name,
                            a->op->in[k].name, grad__dims_text(wants, rank, dim), what,
                            grad__dims_text(has, s->rank, s->dim));
}

static V standardised(B *b, V x, const int64_t *axes, size_t n, double eps, bool centred)
{
    return v_emit(b, &grad__op_standardise, 1, &x, 3,
                  (grad_value[]){grad__list(axes, n), REAL_(eps), BOOL_(centred)});
}

static V scaled(B *b, V y, V weight, V bias)
{
    if (weight != GRAD_NONE) y = v_mul(b, y, weight);
    return bias == GRAD_NONE ? y : v_add(b, y, bias);
}

/* ---- along the last axes --------------------------------------------------------------------- */

/* attr[k] as the first of x's last axes: all from there on are meant. -1 on failure. */
static int first_axis(B *b, const grad_args *a, size_t k)
{
    char text[96];
    int64_t place[GRAD_RANK_MAX];
    const int rank = v_rank(b, a->in[0]);
    grad_value axes = a->attr[k];
    if (axes.kind == GRAD_INT) axes = grad__list(&a->attr[k].i, 1);
    int64_t first = rank;
    if (axes.n == 0) snprintf(text, sizeof text, "one axis at least is expected, found []");
    else if (grad__axes(place, &axes, rank, text) == 0) {
        for (uint32_t i = 0; i < axes.n; i++)
            if (place[i] < first) first = place[i];
        if (rank - first == axes.n || rank == 0) return (int)first;
        snprintf(text, sizeof text, "the axes must be the last ones, up to axis %d", rank - 1);
    }
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "axis", "%s: %s", a->op->name, text);
}

/* Standardised along the last axes, of which weight and bias have the shape. */
static int expand_last(B *b, const grad_args *a, V *out, double eps, bool centred)
{
    const grad_shape *s = v_shape(b, a->in[0]);
    int64_t axes[GRAD_RANK_MAX];
    const int first = first_axis(b, a, 0), n = s->rank - first;
    if (first < 0) return -1;
    for (size_t k = 1; k <= 2; k++)
        if (check_shape(b, a, k, n, s->dim + first, "the sizes of the axes normalised") < 0)
            return -1;
    for (int i = 0; i < n; i++) axes[i] = first + i;
    V y = standardised(b, a->in[0], axes, (size_t)n, eps, centred);
    *out = scaled(b, y, grad__given(a, 1), grad__given(a, 2));
    return 0;
}

static int layer_norm_expand(B *b, const grad_args *a, V *out)
{
    return check_eps(b, a, 1) < 0 ? -1 : expand_last(b, a, out, a->attr[1].r, true);
}

static int rms_norm_expand(B *b, const grad_args *a, V *out)
{
    double eps = v_dtype(b, a->in[0]) == GRAD_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
    if (check_eps(b, a, 1) < 0) return -1;
    if (a->attr[1].kind != GRAD_NULL) eps = a->attr[1].r;
    return expand_last(b, a, out, eps, false);
}

/* ---- by channel ------------------------------------------------------------------------------ */

/* Axis 1 is the channels. */
static int check_channels(B *b, const grad_args *a, int rank)
{
    char text[96];
    const grad_shape *s = v_shape(b, a->in[0]);
    if (s->rank >= rank) return 0;
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                            "%s: `x` must have %s, found shape %s", a->op->name,
                            rank == 2 ? "axes for samples and channels, and any more"
                                      : "axes for samples and channels, and one more at least",
                            grad__dims_text(text, s->rank, s->dim));
}

static int check_by_channel(B *b, const grad_args *a, size_t k)
{
    return check_shape(b, a, k, 1, &v_shape(b, a->in[0])->dim[1], "one element a channel");
}

/* Operand k, one element a channel, as it broadcasts against x; GRAD_NONE where it was left off. */
static V by_channel(B *b, const grad_args *a, size_t k)
{
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, a->in[0]);
    if (grad__given(a, k) == GRAD_NONE) return GRAD_NONE;
    dim[0] = s->dim[1];
    for (int i = 1; i < s->rank - 1; i++) dim[i] = 1;
    return s->rank == 2 ? a->in[k] : v_reshape(b, a->in[k], s->rank - 1, dim);
}

static int group_norm_expand(B *b, const grad_args *a, V *out)
{
    const int64_t groups = a->attr[0].i, last = 2;
    if (check_eps(b, a, 1) < 0 || check_channels(b, a, 2) < 0) return -1;
    const grad_shape *s = v_shape(b, a->in[0]);
    const int64_t channels = s->dim[1];
    if (groups < 1 || channels % groups)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "groups",
                                "group_norm: groups must divide the number of channels, %" PRId64
                                ", found %" PRId64, channels, groups);
    if (check_by_channel(b, a, 1) < 0 || check_by_channel(b, a, 2) < 0) return -1;
    int64_t each = channels / groups * grad__dims_product(s->rank - 2, s->dim + 2);
    V y = v_reshape(b, a->in[0], 3, (int64_t[]){s->dim[0], groups, each});
    y = standardised(b, y, &last, 1, a->attr[1].r, true);
    y = v_reshape(b, y, s->rank, s->dim);
    *out = scaled(b, y, by_channel(b, a, 1), by_channel(b, a, 2));
    return 0;
}

static int instance_norm_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    int64_t axes[GRAD_RANK_MAX];
    if (check_eps(b, a, 0) < 0 || check_channels(b, a, 3) < 0) return -1;
    const grad_shape *s = v_shape(b, a->in[0]);
    if (check_by_channel(b, a, 1) < 0 || check_by_channel(b, a, 2) < 0) return -1;
    if (grad__dims_product(s->rank - 2, s->dim + 2) == 1)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "instance_norm: of one element a channel there is no spread, found "
                                "shape %s", grad__dims_text(text, s->rank, s->dim));
    for (int i = 2; i < s->rank; i++) axes[i - 2] = i;
    V y = standardised(b, a->in[0], axes, (size_t)s->rank - 2, a->attr[0].r, true);
    *out = scaled(b, y, by_channel(b, a, 1), by_channel(b, a, 2));
    return 0;
}

/* ---- batch_norm ------------------------------------------------------------------------------ */

enum { X, MEAN, VAR, WEIGHT, BIAS };
enum { TRAINING, EPS };

static V of_batch(B *b, const grad_args *a)
{
    int64_t axes[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, a->in[X]);
    int n = 0;
    for (int i = 0; i < s->rank; i++)
        if (i != 1) axes[n++] = i;
    V y = standardised(b, a->in[X], axes, (size_t)n, a->attr[EPS].r, true);
    return scaled(b, y, by_channel(b, a, WEIGHT), by_channel(b, a, BIAS));
}

/* By the mean and the variance that were given: one factor a channel. */
static V of_given(B *b, const grad_args *a)
{
    V mean = by_channel(b, a, MEAN), var = by_channel(b, a, VAR), weight = by_channel(b, a, WEIGHT);
    V scale = v_rsqrt(b, v_add(b, var, v_num(b, var, a->attr[EPS].r)));
    if (weight != GRAD_NONE) scale = v_mul(b, scale, weight);
    return scaled(b, v_sub(b, a->in[X], mean), scale, by_channel(b, a, BIAS));
}

static int batch_norm_expand(B *b, const grad_args *a, V *out)
{
    char text[96];
    const bool training = a->attr[TRAINING].i != 0;
    if (check_eps(b, a, EPS) < 0 || check_channels(b, a, 2) < 0) return -1;
    const grad_shape *s = v_shape(b, a->in[X]);
    for (size_t k = MEAN; k <= BIAS; k++)
        if (check_by_channel(b, a, k) < 0) return -1;
    for (size_t k = MEAN; k <= VAR && !training; k++)
        if (grad__given(a, k) == GRAD_NONE)
            return grad_expand_fail(b, GRAD_WRONG_ARITY, -1, NULL,
                                    "batch_norm: `%s` is needed unless training is true, when the "
                                    "batch's own mean and variance are used",
                                    a->op->in[k].name);
    if (training && s->dim[0] == 1 && grad__dims_product(s->rank - 2, s->dim + 2) == 1)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, X, NULL,
                                "batch_norm: of one element a channel there is no spread, found "
                                "shape %s", grad__dims_text(text, s->rank, s->dim));
    *out = training ? of_batch(b, a) : of_given(b, a);
    return 0;
}

/* ---- dropout --------------------------------------------------------------------------------- */

static int dropout_expand(B *b, const grad_args *a, V *out)
{
    const double p = a->attr[0].r;
    char has[96], found[96];
    V x = a->in[0];
    if (!(p >= 0 && p <= 1))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "p",
                                "dropout: p must be from 0 to 1, found %s", NUMBER(p));
    const grad_shape *s = v_shape(b, x), *t = v_shape(b, a->in[1]);
    if (!grad__broadcast(s, t))
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "dropout: `x` of shape %s and `mask` of shape %s do not broadcast",
                                grad__dims_text(has, s->rank, s->dim),
                                grad__dims_text(found, t->rank, t->dim));
    V kept = v_mul(b, x, v_cast(b, a->in[1], v_dtype(b, x)));
    /* Where everything is dropped, as p = 1 says, nothing is kept. */
    *out = p == 1 ? v_mul(b, kept, v_num(b, x, 0)) : v_div(b, kept, v_num(b, x, 1 - p));
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define WEIGHT_AND_BIAS {.name = "weight", .optional = true}, {.name = "bias", .optional = true}
#define LAST_AXES {.name = "axis", .type = ATTR_INTS, .otherwise = INT_(-1)}
#define EPS_1E5 {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-5)}

const grad_op grad__op_layer_norm = {
    .name = "layer_norm",
    .doc = "(x - mean) / sqrt(variance + eps) weight + bias along the last axis, or several last "
           "axes; the variance is the mean squared deviation.",
    .gradient = "r (h - mean(h) - n mean(h n)) to x, where h = g weight, n is x normalised and r = "
                "1 / sqrt(variance + eps); sums of g n to weight, of g to bias",
    .in = {{.name = "x"}, WEIGHT_AND_BIAS},
    .attr = {LAST_AXES, EPS_1E5},
    .types = TYPES_REAL,
    .expand = layer_norm_expand,
    .example =
        "layer_norm([[1, 3], [2, 2]], eps=3) -> [[-0.5, 0.5], [0, 0]]\n"
        "layer_norm([1, 2, 3]) -> [-1.22473568590839, 0, 1.22473568590839]\n"
        "layer_norm([[1, 3], [5, 7]], axis=[0, 1], eps=4) -> "
        "[[-1, -0.3333333333333333], [0.3333333333333333, 1]]\n"
        "layer_norm([[1, 3], [2, 2]], [2, 4], [10, 20], eps=3) -> [[9, 22], [10, 20]]\n"
        "layer_norm([[1, 3]], null, [10, 20], eps=3) -> [[9.5, 20.5]]",
    .trials = "[4] [4] [4]; [2,5] [5] -; [2,5] - [5]; [2,5]; [2,3,4] [3,4] [3,4] axis=[1,2]; "
              "[2,3,4] [2,3,4] - axis=[-1,0,1] eps=0.5; [0,3] [3] [3]; [2,0] [0] [0]; [1] [1] [1]; "
              "[2,40] [40] [40]",
};

const grad_op grad__op_rms_norm = {
    .name = "rms_norm",
    .doc = "x / sqrt(mean square + eps) weight along the last axis, or several last axes; where "
           "eps is null it is the smallest step from 1 in x's type.",
    .gradient = "r (h - n mean(h n)) to x, where h = g weight, n is x normalised and r = 1 / "
                "sqrt(mean square + eps); sums of g n to weight",
    .in = {{.name = "x"}, {.name = "weight", .optional = true}},
    .attr = {LAST_AXES,
             {.name = "eps", .type = ATTR_REAL, .nullable = true, .otherwise = NOTHING}},
    .types = TYPES_REAL,
    .expand = rms_norm_expand,
    .example = "rms_norm([1, 1, 7, 7]) -> [0.2, 0.2, 1.4, 1.4]\n"
               "rms_norm([1, 1, 7, 7], [10, 5, 1, 0], eps=75) -> [1, 0.5, 0.7, 0]\n"
               "rms_norm([[1, 7], [1, 7]], axis=[0, 1]) -> [[0.2, 1.4], [0.2, 1.4]]",
    .trials = "[4] [4]; [2,5] [5] eps=0.1; [2,5]; [2,3,4] [3,4] axis=[1,2]; [0,3] [3]; "
              "[1] [1] eps=0.1; [2,0] [0]",
};

const grad_op grad__op_group_norm = {
    .name = "group_norm",
    .doc = "(x - mean) / sqrt(variance + eps) weight + bias, where the channels (axis 1) of a "
           "sample (axis 0) are taken in groups, each with all axes after; weight and bias have an "
           "element a channel.",
    .gradient = "as of layer_norm, by group",
    .in = {{.name = "x"}, WEIGHT_AND_BIAS},
    .attr = {{.name = "groups", .type = ATTR_INT, .required = true}, EPS_1E5},
    .types = TYPES_REAL,
    .expand = group_norm_expand,
    .example = "group_norm([[1, 3, 5, 5]], groups=2, eps=3) -> [[-0.5, 0.5, 0, 0]]\n"
               "group_norm([[[1, 3], [5, 7]]], [1, 3], [0, 10], groups=1, eps=4) -> "
               "[[[-1, -0.3333333333333333], [11, 13]]]",
    .trials = "[2,4] [4] [4] groups=2; [2,4,3] [4] - groups=1 eps=0.1; [1,2,2,3] - [2] groups=2; "
              "[0,4] [4] [4] groups=2; [2,4,0] [4] [4] groups=2; [2,6] groups=3",
};

const grad_op grad__op_instance_norm = {
    .name = "instance_norm",
    .doc = "(x - mean) / sqrt(variance + eps) weight + bias along the axes after the channels "
           "(axis 1); weight and bias have an element a channel.",
    .gradient = "as of layer_norm, by channel of a sample",
    .in = {{.name = "x"}, WEIGHT_AND_BIAS},
    .attr = {EPS_1E5},
    .types = TYPES_REAL,
    .expand = instance_norm_expand,
    .example = "instance_norm([[[1, 3], [5, 5]]], eps=3) -> [[[-0.5, 0.5], [0, 0]]]\n"
               "instance_norm([[[1, 3], [5, 5]]], [2, 2], [0, 7], eps=3) -> [[[-1, 1], [7, 7]]]",
    .trials = "[2,3,4] [3] [3]; [1,2,2,3] [2] - eps=0.1; [2,2,3]; [0,2,3] [2] [2]; [2,2,0] - [2]",
};

const grad_op grad__op_batch_norm = {
    .name = "batch_norm",
    .doc = "(x - mean) / sqrt(var + eps) weight + bias, where the operands but x have an element a "
           "channel (axis 1); in training mean and var are the batch's own, along all other axes, "
           "and var is the mean squared deviation.",
    .gradient = "g weight / sqrt(var + eps) to x, less in training what the batch's own mean and "
                "var take; sums over the channel to the others",
    .in = {{.name = "x"},
           {.name = "mean", .optional = true},
           {.name = "var", .optional = true},
           WEIGHT_AND_BIAS},
    .attr = {{.name = "training", .type = ATTR_BOOL, .otherwise = BOOL_(false)}, EPS_1E5},
    .types = TYPES_REAL,
    .expand = batch_norm_expand,
    .example =
        "batch_norm([[1, 2], [3, 2]], [0, 1], [1, 4], eps=0) -> [[1, 0.5], [3, 0.5]]\n"
        "batch_norm([[1, 2], [3, 2]], [0, 1], [1, 1], [2, 4], [10, 20], eps=3) -> "
        "[[11, 22], [13, 22]]\n"
        "batch_norm([[1, 2], [3, 2]], training=true, eps=3) -> [[-0.5, 0], [0.5, 0]]\n"
        "batch_norm([[1, 2], [3, 2]], null, null, [2, 1], [10, 20], training=true, eps=3) -> "
        "[[9, 20], [11, 20]]\n"
        "batch_norm([[[1, 3]], [[5, 7]]], training=true, eps=4) -> "
        "[[[-1, -0.3333333333333333]], [[0.3333333333333333, 1]]]",
    .trials = "[3,2] [2] [2]; [3,2] [2] [2] [2] [2]; [2,3,4] [3] [3] [3] - eps=0.1; "
              "[3,2] - - [2] [2] training=true; [2,3,4] - - [3] - training=true eps=0.1; "
              "[2,2,2,3] [2] [2] - [2] training=true; [0,2] - - [2] [2] training=true; "
              "[0,2] [2] [2]; [4,0] - - [0] [0] training=true; [40,2] training=true",
    .domain = {{0, 0}, {0, 0}, {0.5, 2}},
};

const grad_op grad__op_dropout = {
    .name = "dropout",
    .doc = "x mask / (1 - p): where mask is false, 0; p is the share that was dropped, and of p = "
           "1 nothing is left.",
    .gradient = "g mask / (1 - p)",
    .in = {{.name = "x"}, {.name = "mask", .role = GRAD_ROLE_CONDITION}},
    .attr = {{.name = "p", .type = ATTR_REAL, .required = true}},
    .types = TYPES_REAL,
    .expand = dropout_expand,
    .example = "dropout([1, 2, 3], [true, false, true], p=0.5) -> [2, 0, 6]\n"
               "dropout([1, 2, 3], [true, false, true], p=0) -> [1, 0, 3]\n"
               "dropout([1, 2], [true, true], p=1) -> [0, 0]",
    .trials = "[4] b[4] p=0.25; [2,3] b[3] p=0.5; [] b[] p=0; [2] b[2] p=1; [0,3] b[0,3] p=0.5",
};

const grad_op *const grad__family_normalisation[] = {
    &grad__op_layer_norm,    &grad__op_rms_norm,         &grad__op_group_norm,
    &grad__op_instance_norm, &grad__op_batch_norm,       &grad__op_dropout,
    &grad__op_standardise,   &grad__op_standardise_pull, NULL,
};
