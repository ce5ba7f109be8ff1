/* loss.c -- losses: how far predictions are from targets, as one number or one a sample.
 *
 * Losses are composites. What holds for all of them, the shapes and the reduction, stands first.
 */
#include <inttypes.h>

#include "loops.h"
#include "shape.h"

extern const grad_op grad__op_log_softmax;             /* softmax.c */
extern const grad_op grad__op_pick, grad__op_place; /* loss_pick.c */

/* ---- reduction ------------------------------------------------------------------------------- */

enum { MEAN, SUM, NONE };

#define REDUCTION_ATTRIBUTE                                                                       \
    {.name = "reduction", .type = ATTR_TEXT, .otherwise = INT_(MEAN), .choices = "mean|sum|none"}

static V reduced(B *b, V loss, const grad_value *reduction)
{
    if (reduction->i == NONE) return loss;
    return reduction->i == SUM ? v_sum(b, loss, NULL, 0, false) : v_mean(b, loss, NULL, 0, false);
}

static V given(const grad_args *a, size_t k) { return k < a->n_in ? a->in[k] : GRAD_NONE; }

/* The operands must broadcast. Said here, so that the loss is named and not one of its parts. */
static int check_shapes(B *b, const grad_args *a)
{
    int64_t dim[GRAD_RANK_MAX]; /* from the last axis on */
    char text[96];
    int rank = 0;
    for (size_t k = 0; k < a->n_in; k++) {
        if (a->in[k] == GRAD_NONE) continue;
        const grad_shape *s = v_shape(b, a->in[k]);
        for (int i = 0; i < s->rank; i++) {
            int64_t d = s->dim[s->rank - 1 - i];
            if (i == rank) dim[rank++] = d;
            else if (dim[i] == 1) dim[i] = d;
            else if (d != 1 && d != dim[i])
                return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                        "%s: `%s` of shape %s does not broadcast with the operands "
                                        "before it: sizes %" PRId64 " and %" PRId64
                                        " meet on one axis and neither is 1",
                                        a->op->name, a->op->in[k].name,
                                        grad__dims_text(text, s->rank, s->dim), dim[i], d);
        }
    }
    return 0;
}

/* 0 - x: unlike -x, of 0 it makes 0 and not -0. */
static V from_zero(B *b, V x) { return v_sub(b, v_num(b, x, 0), x); }

/* ---- mse_loss -------------------------------------------------------------------------------- */

static int mse_loss_expand(B *b, const grad_args *a, V *out)
{
    if (check_shapes(b, a) < 0) return -1;
    *out = reduced(b, v_square(b, v_sub(b, a->in[0], a->in[1])), &a->attr[0]);
    return 0;
}

const grad_op grad__op_mse_loss = {
    .name = "mse_loss",
    .doc = "The squared difference of predictions and targets, its mean or its sum.",
    .gradient = "2 g (x - y) / n to x, the opposite to y",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = mse_loss_expand,
    .example = "mse_loss([1, 2, 3], [1, 4, 7]) -> 6.666666666666667\n"
               "mse_loss([1, 2, 3], [1, 4, 7], reduction=\"sum\") -> 20\n"
               "mse_loss([1, 2, 3], [1, 4, 7], reduction=\"none\") -> [0, 4, 16]",
    .trials = "[] []; [3] [3]; [2,3] [2,3] reduction=\"none\"; [2,3] [3] reduction=\"sum\"; "
              "[0] [0] reduction=\"sum\"",
};

/* ---- cross_entropy --------------------------------------------------------------------------- */

enum { IGNORE_INDEX, LABEL_SMOOTHING, REDUCTION };

typedef struct entropy {
    const grad_args *a;
    V logp, target, weight;  /* weight: along the class axis of logp, or GRAD_NONE */
    int64_t axis, classes;
    double smoothing;
} entropy;

static V pick(B *b, const entropy *e, V x)
{
    return v_emit(b, &grad__op_pick, 2, (V[]){x, e->target}, 2,
                  (grad_value[]){INT_(e->axis), e->a->attr[IGNORE_INDEX]});
}

static V weighted(B *b, const entropy *e, V x)
{
    return e->weight == GRAD_NONE ? x : v_mul(b, x, e->weight);
}

/* Targets are classes: each sample's -log p of its class, ignored ones 0, and smoothed with the
   mean over all classes. The mean is over the samples that count, by their classes' weights. */
static V of_classes(B *b, const entropy *e)
{
    int64_t reduction = e->a->attr[REDUCTION].i;
    V counts = v_ne(b, e->target, v_int(b, e->a->attr[IGNORE_INDEX].i));
    V loss = pick(b, e, e->logp), weight = GRAD_NONE;
    if (e->weight != GRAD_NONE) {
        weight = pick(b, e, e->weight);
        loss = v_mul(b, loss, weight);
    }
    if (e->smoothing > 0) {
        V all = v_sum(b, weighted(b, e, e->logp), &e->axis, 1, false);
        all = v_where(b, counts, all, v_num(b, all, 0));
        loss = v_add(b, v_mul(b, loss, v_num(b, loss, 1 - e->smoothing)),
                     v_mul(b, all, v_num(b, all, e->smoothing / (double)e->classes)));
    }
    loss = from_zero(b, loss);
    if (reduction != MEAN) return reduced(b, loss, &e->a->attr[REDUCTION]);
    V total = v_sum(b, weight == GRAD_NONE ? counts : weight, NULL, 0, false);
    return v_div(b, v_sum(b, loss, NULL, 0, false), v_cast(b, total, v_dtype(b, e->logp)));
}

/* Targets are probabilities: -sum p log q of each sample. */
static V of_probabilities(B *b, const entropy *e)
{
    V p = v_cast(b, e->target, v_dtype(b, e->logp));
    if (e->smoothing > 0)
        p = v_add(b, v_mul(b, p, v_num(b, p, 1 - e->smoothing)),
                  v_num(b, p, e->smoothing / (double)e->classes));
    V loss = v_sum(b, weighted(b, e, v_mul(b, e->logp, p)), &e->axis, 1, false);
    return reduced(b, from_zero(b, loss), &e->a->attr[REDUCTION]);
}

/* Does the target have the logits' shape without the class axis? */
static bool is_sample_shape(const grad_shape *x, const grad_shape *target, int64_t axis)
{
    if (target->rank != x->rank - 1) return false;
    for (int i = 0; i < target->rank; i++)
        if (target->dim[i] != x->dim[i < axis ? i : i + 1]) return false;
    return true;
}

static int check_target(B *b, const entropy *e, V x)
{
    char has[96], found[96];
    const grad_shape *s = v_shape(b, x), *t = v_shape(b, e->target);
    bool classes = is_sample_shape(s, t, e->axis);
    if (classes && v_dtype(b, e->target) == GRAD_INT64) return 0;
    if (classes)
        return grad_expand_fail(b, GRAD_DTYPE_MISMATCH, 1, NULL,
                                "cross_entropy: classes are integers, and `target` is %s",
                                grad_dtype_name(v_dtype(b, e->target)));
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                            "cross_entropy: `target` has the shape of the logits, %s, for "
                            "probabilities, or that without axis %" PRId64 " for classes; found %s",
                            grad__dims_text(has, s->rank, s->dim), e->axis,
                            grad__dims_text(found, t->rank, t->dim));
}

static int check_weight(B *b, entropy *e, int rank)
{
    int64_t dim[GRAD_RANK_MAX];
    const grad_shape *s = v_shape(b, e->weight);
    if (s->rank != 1 || s->dim[0] != e->classes)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 2, NULL,
                                "cross_entropy: `weight` has one element for each of the %" PRId64
                                " classes",
                                e->classes);
    for (int i = 0; i < rank; i++) dim[i] = i == e->axis ? e->classes : 1;
    e->weight = rank == 1 ? e->weight : v_reshape(b, e->weight, rank, dim);
    return 0;
}

static int cross_entropy_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    const grad_shape *s = v_shape(b, x);
    entropy e = {.a = a, .target = a->in[1], .weight = given(a, 2), .axis = s->rank > 1,
                 .smoothing = a->attr[LABEL_SMOOTHING].r};
    if (!(e.smoothing >= 0 && e.smoothing <= 1))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "label_smoothing",
                                "cross_entropy: label_smoothing must be from 0 to 1");
    if (s->rank == 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "cross_entropy: the logits must have a class axis (axis 1, or the "
                                "only one), found a single number");
    e.classes = s->dim[e.axis];
    bool probabilities = v_shape(b, e.target)->id == s->id;
    if (!probabilities && check_target(b, &e, x) < 0) return -1;
    if (e.weight != GRAD_NONE && check_weight(b, &e, s->rank) < 0) return -1;
    e.logp = v_emit(b, &grad__op_log_softmax, 1, &x, 1, (grad_value[]){INT_(e.axis)});
    *out = probabilities ? of_probabilities(b, &e) : of_classes(b, &e);
    return 0;
}

const grad_op grad__op_cross_entropy = {
    .name = "cross_entropy",
    .doc = "-log softmax(logits) at the target class (axis 1, or the only one), or, for a target "
           "of the logits' shape, its mean under the target's probabilities.",
    .gradient = "g (softmax(logits) - target), by weight and reduction",
    .in = {{.name = "logits"},
           {.name = "target", .role = GRAD_ROLE_CLASSES},
           {.name = "weight", .optional = true}},
    .attr = {{.name = "ignore_index", .type = ATTR_INT, .otherwise = INT_(-100)},
             {.name = "label_smoothing", .type = ATTR_REAL, .otherwise = REAL_(0)},
             REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = cross_entropy_expand,
    .example = "cross_entropy([[1, 2, 3], [1, 2, 3]], [2, 0]) -> 1.4076059644443804\n"
               "cross_entropy([[1, 2, 3], [1, 2, 3]], [[0, 0, 1], [0.5, 0.5, 0]]) -> "
               "1.1576059644443804\n"
               "cross_entropy([[1, 2, 3]], [2], label_smoothing=0.1) -> 0.5076059644443803\n"
               "cross_entropy([1, 2, 3], 2) -> 0.4076059644443803\n"
               "cross_entropy([[1, 2, 3], [1, 2, 3]], [2, 0], [1, 2, 3]) -> 0.9076059644443804\n"
               "cross_entropy([[1, 2, 3], [1, 2, 3]], [2, 0], reduction=\"none\") -> "
               "[0.4076059644443803, 2.40760596444438]\n"
               "cross_entropy([[1, 2, 3], [1, 2, 3]], [2, -100], reduction=\"none\") -> "
               "[0.4076059644443803, 0]\n"
               "cross_entropy([[1, 2, 3], [1, 2, 3]], [2, -100]) -> 0.4076059644443803\n"
               "cross_entropy([[1, 2, 3]], [-100]) -> NaN",
    .trials = "[4,3] i[4]<3; [4,3] i[4]<3 [3]; [3] i[]<3; [2,3,4] i[2,4]<3 [3] reduction=\"none\"; "
              "[4,3] i[4]<3 [3] label_smoothing=0.2; [4,3] [4,3]; "
              "[4,3] [4,3] [3] label_smoothing=0.2 reduction=\"sum\"; [3] [3]; "
              "[4,3] i[4]<3 [3] ignore_index=1; [4,3] i[4]<3 ignore_index=1 label_smoothing=0.3; "
              "[0,3] i[0]<3 reduction=\"sum\"",
    .domain = {{0, 0}, {0, 1}, {0.5, 2}},
};

/* ---- bce_with_logits ------------------------------------------------------------------------- */

/* -(w y log s + (1 - y) log(1 - s)) for s = sigmoid(x) is (1 - y) x + (1 + (w - 1) y) log(1 +
   exp(-x)), where nothing overflows. */
static int bce_with_logits_expand(B *b, const grad_args *a, V *out)
{
    if (check_shapes(b, a) < 0) return -1;
    V x = a->in[0], y = a->in[1], weight = given(a, 2), positive = given(a, 3);
    V one = v_num(b, x, 1), negated = v_neg(b, x);
    V rest = v_emit(b, &grad__op_log1pexp, 1, &negated, 0, NULL);
    if (positive != GRAD_NONE)
        rest = v_mul(b, rest, v_add(b, one, v_mul(b, v_sub(b, positive, one), y)));
    V loss = v_add(b, v_mul(b, v_sub(b, one, y), x), rest);
    if (weight != GRAD_NONE) loss = v_mul(b, loss, weight);
    *out = reduced(b, loss, &a->attr[0]);
    return 0;
}

const grad_op grad__op_bce_with_logits = {
    .name = "bce_with_logits",
    .doc = "-(pos_weight y log s + (1 - y) log(1 - s)) weight, where s = sigmoid(x): the binary "
           "cross-entropy, without overflow.",
    .gradient = "g (sigmoid(x) - y) to x (for a pos_weight of 1), by weight and reduction",
    .in = {{.name = "x"},
           {.name = "y"},
           {.name = "weight", .optional = true},
           {.name = "pos_weight", .optional = true}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = bce_with_logits_expand,
    .example = "bce_with_logits(0, 1) -> 0.6931471805599453\n"
               "bce_with_logits([2, -1], [1, 0]) -> 0.2200948492805977\n"
               "bce_with_logits([2, -1], [1, 0], reduction=\"none\") -> "
               "[0.1269280110429725, 0.3132616875182228]\n"
               "bce_with_logits([2, -1], [1, 0.5], [1, 2], [3, 3], reduction=\"none\") -> "
               "[0.3807840331289175, 4.253046750072891]\n"
               "bce_with_logits([1000, -1000], [0, 1], reduction=\"sum\") -> 2000",
    .trials = "[] []; [3] [3]; [2,3] [2,3] [3] [3] reduction=\"none\"; [2,3] [2,3] - [3]; "
              "[2,3] [2,3] [2,1] reduction=\"sum\"; [0] [0] reduction=\"sum\"",
    .domain = {{-3, 3}, {0, 1}, {0.5, 2}, {0.5, 2}},
};

const grad_op *const grad__family_loss[] = {
    &grad__op_mse_loss, &grad__op_cross_entropy, &grad__op_bce_with_logits,
    &grad__op_pick,     &grad__op_place,         NULL,
};
