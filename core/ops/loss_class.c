/* loss_class.c -- losses of samples that belong to classes: nll_loss and cross_entropy.
 *
 * The classes lie along axis 1, or along the only axis; what is left are the samples. A sample
 * whose target is `ignore_index` costs nothing and weighs nothing.
 */
#include <inttypes.h>

#include "loss.h"

extern const grad_op grad__op_log_softmax;          /* softmax.c */
extern const grad_op grad__op_pick, grad__op_place; /* loss_pick.c */

typedef struct entropy {
    const grad_args *a;
    V logp, target, weight; /* weight: along the class axis of logp, or GRAD_NONE */
    int64_t axis, classes, ignore;
    double smoothing;
    const grad_value *reduction;
} entropy;

static V pick(B *b, const entropy *e, V x)
{
    return v_emit(b, &grad__op_pick, 2, (V[]){x, e->target}, 2,
                  (grad_value[]){INT_(e->axis), INT_(e->ignore)});
}

static V weighted(B *b, const entropy *e, V x)
{
    return e->weight == GRAD_NONE ? x : v_mul(b, x, e->weight);
}

/* Targets are classes: each sample's -log p of its class, ignored ones 0, and smoothed with the
   mean over all classes. The mean is over the samples that count, by their classes' weights. */
static V of_classes(B *b, const entropy *e)
{
    V counts = v_ne(b, e->target, v_int(b, e->ignore));
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
    loss = grad__from_zero(b, loss);
    if (e->reduction->i != LOSS_MEAN) return grad__reduce_loss(b, loss, e->reduction);
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
    return grad__reduce_loss(b, grad__from_zero(b, loss), e->reduction);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* Does the target have the shape of x without the class axis? */
static bool is_sample_shape(const grad_shape *x, const grad_shape *target, int64_t axis)
{
    if (target->rank != x->rank - 1) return false;
    for (int i = 0; i < target->rank; i++)
        if (target->dim[i] != x->dim[i < axis ? i : i + 1]) return false;
    return true;
}

/* Is the target one class a sample? `or_else` is what it might be instead, for the message. */
static int check_classes(B *b, const entropy *e, const char *or_else)
{
    char has[96], found[96];
    const char *name = e->a->op->name, *of = e->a->op->in[0].name;
    const grad_shape *s = v_shape(b, e->a->in[0]), *t = v_shape(b, e->target);
    if (!is_sample_shape(s, t, e->axis))
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "%s: `target` has the shape of `%s`, %s, without axis %" PRId64
                                ", one class a sample%s; found %s",
                                name, of, grad__dims_text(has, s->rank, s->dim), e->axis, or_else,
                                grad__dims_text(found, t->rank, t->dim));
    if (v_dtype(b, e->target) != GRAD_INT64)
        return grad_expand_fail(b, GRAD_DTYPE_MISMATCH, 1, NULL,
                                "%s: classes are integers, and `target` is taken as %s", name,
                                grad_dtype_name(v_dtype(b, e->target)));
    return 0;
}

static int check_weight(B *b, entropy *e, int rank)
{
    int64_t dim[GRAD_RANK_MAX];
    char found[96];
    if (e->weight == GRAD_NONE) return 0;
    const grad_shape *s = v_shape(b, e->weight);
    if (s->rank != 1 || s->dim[0] != e->classes)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 2, NULL,
                                "%s: `weight` has one element for each of the %" PRId64
                                " classes, this has shape %s",
                                e->a->op->name, e->classes,
                                grad__dims_text(found, s->rank, s->dim));
    for (int i = 0; i < rank; i++) dim[i] = i == e->axis ? e->classes : 1;
    e->weight = rank == 1 ? e->weight : v_reshape(b, e->weight, rank, dim);
    return 0;
}

/* Finds the class axis of operand 0. */
static int begin(B *b, entropy *e, const grad_args *a)
{
    if (v_failed(b)) return -1;
    const grad_shape *s = v_shape(b, a->in[0]);
    *e = (entropy){.a = a, .target = a->in[1], .weight = grad__given(a, 2), .axis = s->rank > 1};
    if (s->rank == 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "%s: `%s` must have a class axis (axis 1, or the only one), found "
                                "a single number",
                                a->op->name, a->op->in[0].name);
    e->classes = s->dim[e->axis];
    return 0;
}

/* ---- nll_loss -------------------------------------------------------------------------------- */

static int nll_loss_expand(B *b, const grad_args *a, V *out)
{
    enum { IGNORE_INDEX, REDUCTION };
    entropy e;
    if (begin(b, &e, a) < 0 || check_classes(b, &e, "") < 0 ||
        check_weight(b, &e, v_rank(b, a->in[0])) < 0)
        return -1;
    e.logp = a->in[0];
    e.ignore = a->attr[IGNORE_INDEX].i;
    e.reduction = &a->attr[REDUCTION];
    *out = of_classes(b, &e);
    return 0;
}

#define CLASS_INPUTS(first)                                                                       \
    {{.name = first},                                                                             \
     {.name = "target", .role = GRAD_ROLE_CLASSES},                                               \
     {.name = "weight", .optional = true}}
#define IGNORE_ATTRIBUTE {.name = "ignore_index", .type = ATTR_INT, .otherwise = INT_(-100)}

const grad_op grad__op_nll_loss = {
    .name = "nll_loss",
    .doc = "-logp at the target class (axis 1, or the only one), by weight; a target of "
           "`ignore_index` counts for nothing. The mean is by the weights of the targets.",
    .gradient = "-g at the target classes, by weight and reduction",
    .in = CLASS_INPUTS("logp"),
    .attr = {IGNORE_ATTRIBUTE, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = nll_loss_expand,
    .example = "nll_loss([[-1, -2, -3], [-1, -4, -6]], [2, 1]) -> 3.5\n"
               "nll_loss([-1, -2, -3], 2) -> 3\n"
               "nll_loss([[-1, -2, -3], [-1, -4, -6]], [2, 0], [2, 3, 6]) -> 2.5\n"
               "nll_loss([[-1, -2, -3], [-1, -4, -6]], [2, 1], reduction=\"sum\") -> 7\n"
               "nll_loss([[-1, -2, -3], [-1, -4, -6]], [2, 1], [2, 3, 4], reduction=\"none\") -> "
               "[12, 12]\n"
               "nll_loss([[-1, -2], [-Infinity, -4]], [1, -100], reduction=\"none\") -> [2, 0]\n"
               "nll_loss([[-1, -2], [-1, -4]], [1, 0], ignore_index=0) -> 2\n"
               "nll_loss([[[-1, -2], [-3, -4]]], [[1, 0]], reduction=\"none\") -> [[3, 2]]\n"
               "nll_loss([[-1, -2]], [-100]) -> NaN",
    .trials = "[4,3] i[4]<3; [4,3] i[4]<3 [3]; [3] i[]<3; [3] i[]<3 [3]; "
              "[2,3,4] i[2,4]<3 [3] reduction=\"none\"; [4,3] i[4]<3 [3] ignore_index=1; "
              "[2,3,2,2] i[2,2,2]<3 reduction=\"sum\"; [0,3] i[0]<3 reduction=\"sum\"; "
              "[1,1] i[1]<1 [1]",
    .domain = {{0, 0}, {0, 0}, {0.5, 2}},
};

/* ---- cross_entropy --------------------------------------------------------------------------- */

static int cross_entropy_expand(B *b, const grad_args *a, V *out)
{
    enum { IGNORE_INDEX, LABEL_SMOOTHING, REDUCTION };
    entropy e;
    if (begin(b, &e, a) < 0) return -1;
    e.smoothing = a->attr[LABEL_SMOOTHING].r;
    e.ignore = a->attr[IGNORE_INDEX].i;
    e.reduction = &a->attr[REDUCTION];
    if (!(e.smoothing >= 0 && e.smoothing <= 1))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "label_smoothing",
                                "cross_entropy: label_smoothing must be from 0 to 1, found %s",
                                NUMBER(e.smoothing));
    V x = a->in[0];
    bool probabilities = v_shape(b, e.target)->id == v_shape(b, x)->id;
    if (!probabilities && check_classes(b, &e, ", or that shape itself, probabilities") < 0)
        return -1;
    if (check_weight(b, &e, v_rank(b, x)) < 0) return -1;
    e.logp = v_emit(b, &grad__op_log_softmax, 1, &x, 1, (grad_value[]){INT_(e.axis)});
    *out = probabilities ? of_probabilities(b, &e) : of_classes(b, &e);
    return 0;
}

const grad_op grad__op_cross_entropy = {
    .name = "cross_entropy",
    .doc = "-log softmax(logits) at the target class (axis 1, or the only one), or, for a target "
           "of the logits' shape, its mean under the target's probabilities.",
    .gradient = "g (softmax(logits) - target), by weight and reduction",
    .in = CLASS_INPUTS("logits"),
    .attr = {IGNORE_ATTRIBUTE,
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

const grad_op *const grad__family_loss_class[] = {
    &grad__op_nll_loss, &grad__op_cross_entropy, &grad__op_pick, &grad__op_place, NULL,
};
