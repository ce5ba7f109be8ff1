/* loss_margin.c -- losses that ask for a margin: of scores by their signs, and of distances and
 * angles between vectors.
 *
 * Where a hinge is just closed (its argument is 0) its derivative is that of the open side.
 */
#include <inttypes.h>
#include <math.h>

#include "loss.h"

extern const grad_op grad__op_norm; /* moments.c */

/* ---- soft_margin_loss ------------------------------------------------------------------------ */

static int soft_margin_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    V wrong = v_neg(b, v_mul(b, a->in[0], a->in[1]));
    *out = grad__reduce_loss(b, v_emit(b, &grad__op_log1pexp, 1, &wrong, 0, NULL), &a->attr[0]);
    return 0;
}

const grad_op grad__op_soft_margin_loss = {
    .name = "soft_margin_loss",
    .doc = "log(1 + exp(-x y)), without overflow, for y of 1 and -1.",
    .gradient = "-g y sigmoid(-x y) to x, -g x sigmoid(-x y) to y, by reduction",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = soft_margin_loss_expand,
    .example = "soft_margin_loss([1, 0, -800], [1, 1, 1], reduction=\"none\") -> "
               "[0.3132616875182228, 0.6931471805599453, 800]\n"
               "soft_margin_loss([1, 1], [1, -1]) -> 0.8132616875182228\n"
               "soft_margin_loss([1, 1], [1, -1], reduction=\"sum\") -> 1.6265233750364456",
    .trials = "[] []; [3] [3]; [2,3] [3] reduction=\"none\"; [2,3] b[3]; "
              "[0] [0] reduction=\"sum\"",
};

/* ---- hinge_embedding_loss -------------------------------------------------------------------- */

/* `loss` where y is not `exempt`, else 0. */
static V unless(B *b, V y, double exempt, V loss)
{
    return v_where(b, v_ne(b, y, v_num(b, y, exempt)), loss, v_num(b, loss, 0));
}

static int hinge_embedding_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    V x = a->in[0], y = a->in[1];
    V near = grad__hinge(b, v_sub(b, v_num(b, x, a->attr[0].r), x));
    *out = grad__reduce_loss(b, v_add(b, unless(b, y, 1, near), unless(b, y, -1, x)), &a->attr[1]);
    return 0;
}

const grad_op grad__op_hinge_embedding_loss = {
    .name = "hinge_embedding_loss",
    .doc = "The distance x where y is 1, what it lacks of the margin, max(0, margin - x), where y "
           "is -1, and both together for any other y.",
    .gradient = "g to x where y is not -1, less g where y is not 1 and x <= margin; none to y",
    .in = {{.name = "x"}, {.name = "y"}},
    .attr = {{.name = "margin", .type = ATTR_REAL, .otherwise = REAL_(1)}, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = hinge_embedding_loss_expand,
    .example = "hinge_embedding_loss([0.5, 0.25, 2], [1, -1, -1]) -> 0.4166666666666667\n"
               "hinge_embedding_loss([0.5, 0.25, 2], [1, -1, -1], reduction=\"sum\") -> 1.25\n"
               "hinge_embedding_loss([0.5, 0.25, 2], [1, -1, -1], margin=3, reduction=\"none\") -> "
               "[0.5, 2.75, 1]\n"
               "hinge_embedding_loss([0.5, 2, NaN], [0, 0.5, 1], reduction=\"none\") -> "
               "[1, 2, NaN]",
    .trials = "[] []; [3] b[3]; [2,3] [3] reduction=\"none\"; [2,3] b[2,1] margin=0.5; "
              "[0] [0] reduction=\"sum\"",
};

/* ---- margin_ranking_loss --------------------------------------------------------------------- */

static int margin_ranking_loss_expand(B *b, const grad_args *a, V *out)
{
    if (grad__check_broadcast(b, a) < 0) return -1;
    V ahead = v_mul(b, a->in[2], v_sub(b, a->in[0], a->in[1]));
    V lacks = v_sub(b, v_num(b, ahead, a->attr[0].r), ahead);
    *out = grad__reduce_loss(b, grad__hinge(b, lacks), &a->attr[1]);
    return 0;
}

const grad_op grad__op_margin_ranking_loss = {
    .name = "margin_ranking_loss",
    .doc = "max(0, margin - y (a - b)): a is to be ahead of b where y is 1, behind it where y is "
           "-1.",
    .gradient = "where y (a - b) <= margin: -g y to a, g y to b, -g (a - b) to y; else 0",
    .in = {{.name = "a"}, {.name = "b"}, {.name = "y"}},
    .attr = {{.name = "margin", .type = ATTR_REAL, .otherwise = REAL_(0)}, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = margin_ranking_loss_expand,
    .example = "margin_ranking_loss([1, 2, 5], [2, 1, 3], [1, 1, -1]) -> 1\n"
               "margin_ranking_loss([1, 2, 5], [2, 1, 3], [1, 1, -1], reduction=\"sum\") -> 3\n"
               "margin_ranking_loss([1, 2, 5], [2, 1, 3], [1, 1, -1], margin=2, reduction=\"none\")"
               " -> [3, 1, 4]",
    .trials = "[] [] []; [3] [3] [3]; [2,3] [3] [2,1] margin=0.5 reduction=\"none\"; "
              "[3] [3] b[3] margin=1; [0] [0] [0] reduction=\"sum\"",
};

/* ---- triplet_margin_loss --------------------------------------------------------------------- */

/* Along the last axis; eps keeps it off 0, where it has no derivative. */
static V distance(B *b, V x, V y, double eps, double order)
{
    V apart = v_add(b, v_sub(b, x, y), v_num(b, x, eps));
    return v_emit(b, &grad__op_norm, 1, &apart, 2,
                  (grad_value[]){REAL_(order), grad__list(&(int64_t){-1}, 1)});
}

static int check_order(B *b, const grad_args *a, double order)
{
    if (isnan(order))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "p_norm",
                                "triplet_margin_loss: p_norm must not be NaN");
    for (size_t k = 0; k < 3 && (order < 0 || isinf(order)); k++) {
        const grad_shape *s = v_shape(b, a->in[k]);
        if (s->rank > 0 && s->dim[s->rank - 1] == 0)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                    "triplet_margin_loss: vectors of no elements have a norm of a "
                                    "positive, finite order only");
    }
    return 0;
}

static int triplet_margin_loss_expand(B *b, const grad_args *a, V *out)
{
    enum { MARGIN, P_NORM, EPS, SWAP, REDUCTION };
    double eps = a->attr[EPS].r, order = a->attr[P_NORM].r;
    if (grad__check_broadcast(b, a) < 0 || grad__check_not_negative(b, a, EPS) < 0 ||
        check_order(b, a, order) < 0)
        return -1;
    V positive = distance(b, a->in[0], a->in[1], eps, order);
    V negative = distance(b, a->in[0], a->in[2], eps, order);
    if (a->attr[SWAP].i)
        negative = v_minimum(b, negative, distance(b, a->in[1], a->in[2], eps, order));
    V margin = v_num(b, positive, a->attr[MARGIN].r);
    *out = grad__reduce_loss(b, grad__hinge(b, v_sub(b, v_add(b, positive, margin), negative)),
                         &a->attr[REDUCTION]);
    return 0;
}

const grad_op grad__op_triplet_margin_loss = {
    .name = "triplet_margin_loss",
    .doc = "max(0, |a - p| + margin - |a - n|) along the last axis: a is to be nearer to p than to "
           "n. The distances are norms of order p_norm of the difference plus eps; with swap, "
           "|p - n| stands for |a - n| where it is less.",
    .gradient = "where the loss is open, g by the norms' slopes: of |a - p| to a and p, less those "
                "of |a - n| to a and n",
    .in = {{.name = "a"}, {.name = "p"}, {.name = "n"}},
    .attr = {{.name = "margin", .type = ATTR_REAL, .otherwise = REAL_(1)},
             {.name = "p_norm", .type = ATTR_REAL, .otherwise = REAL_(2)},
             {.name = "eps", .type = ATTR_REAL, .otherwise = REAL_(1e-6)},
             {.name = "swap", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = triplet_margin_loss_expand,
    .example = "triplet_margin_loss([0, 0], [3, 4], [0, 2], eps=0) -> 4\n"
               "triplet_margin_loss([0, 0], [3, 4], [0, 2], eps=0, p_norm=1) -> 6\n"
               "triplet_margin_loss([0, 0], [3, 4], [0, 2], eps=0, margin=3) -> 6\n"
               "triplet_margin_loss([0, 0], [3, 4], [-12, 4], eps=0) -> 0\n"
               "triplet_margin_loss([0, 0], [3, 4], [3, 5], eps=0, swap=true) -> 5\n"
               "triplet_margin_loss([0, 0], [1, -3], [2, 0], eps=0.5, p_norm=Infinity) -> 3\n"
               "triplet_margin_loss([[0, 0], [1, 0]], [[3, 4], [1, 2]], [[0, 2], [1, 1]], eps=0, "
               "reduction=\"none\") -> [4, 2]\n"
               "triplet_margin_loss([[0, 0], [1, 0]], [[3, 4], [1, 2]], [[0, 2], [1, 1]], eps=0, "
               "reduction=\"sum\") -> 6",
    .trials = "[4] [4] [4]; [2,3] [2,3] [2,3]; [2,3] [2,3] [2,3] margin=4 swap=true "
              "reduction=\"none\"; [2,3] [1,3] [3] p_norm=1 margin=3; "
              "[2,3] [2,3] [2,3] p_norm=3 margin=3 reduction=\"sum\"; "
              "[3] [3] [3] p_norm=Infinity margin=3; [] [] [] margin=5; "
              "[2,0] [2,0] [2,0]; [0,2] [0,2] [0,2] reduction=\"sum\"; "
              "[2,2,3] [2,2,3] [2,3] p_norm=1.5 margin=2",
};

/* ---- cosine_embedding_loss ------------------------------------------------------------------- */

/* `eps` in the squared lengths lets vectors of 0 have a cosine, 0. It is PyTorch's 1e-12, which is
   rounded to float32. */
static V cosine(B *b, V x, V y)
{
    const int64_t last = v_rank(b, x) - 1;
    V eps = v_num(b, x, (double)1e-12f);
    V x2 = v_add(b, v_sum(b, v_square(b, x), &last, 1, false), eps);
    V y2 = v_add(b, v_sum(b, v_square(b, y), &last, 1, false), eps);
    V along = v_sum(b, v_mul(b, x, y), &last, 1, false);
    return v_div(b, along, v_mul(b, v_sqrt(b, x2), v_sqrt(b, y2)));
}

/* a and b have one axis more than y: that of the vectors, of one length. */
static int check_vectors(B *b, const grad_args *a)
{
    char found[96], beside[96];
    const grad_shape *first = v_shape(b, a->in[0]), *y = v_shape(b, a->in[2]);
    for (size_t k = 0; k < 2; k++) {
        const grad_shape *s = v_shape(b, a->in[k]);
        bool fits = s->rank == y->rank + 1 && s->dim[y->rank] == first->dim[y->rank];
        for (int i = 0; fits && i < y->rank; i++)
            fits = s->dim[i] == first->dim[i] || s->dim[i] == 1 || first->dim[i] == 1;
        if (!fits)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                    "cosine_embedding_loss: `a` and `b` hold vectors of one length "
                                    "along their last axis, and have the axes of y besides; `%s` "
                                    "has shape %s and y %s",
                                    a->op->in[k].name, grad__dims_text(found, s->rank, s->dim),
                                    grad__dims_text(beside, y->rank, y->dim));
    }
    return 0;
}

static int cosine_embedding_loss_expand(B *b, const grad_args *a, V *out)
{
    if (v_failed(b) || check_vectors(b, a) < 0) return -1;
    V y = a->in[2], cos = cosine(b, a->in[0], a->in[1]), none = v_num(b, cos, 0);
    grad_args sides = *a; /* as they meet, for the message */
    sides.in = (V[]){cos, cos, y};
    if (grad__check_broadcast(b, &sides) < 0) return -1;
    V alike = v_sub(b, v_num(b, cos, 1), cos);
    V apart = grad__hinge(b, v_sub(b, cos, v_num(b, cos, a->attr[0].r)));
    V loss = v_where(b, v_eq(b, y, v_num(b, y, 1)), alike, none);
    loss = v_where(b, v_eq(b, y, v_num(b, y, -1)), apart, loss);
    *out = grad__reduce_loss(b, loss, &a->attr[1]);
    return 0;
}

const grad_op grad__op_cosine_embedding_loss = {
    .name = "cosine_embedding_loss",
    .doc = "1 - cos where y is 1, max(0, cos - margin) where y is -1, else 0, where cos is the "
           "cosine of the vectors along the last axis of a and b; y has their other axes.",
    .gradient = "by that of the cosine, -g where y is 1, g where y is -1 and cos >= margin; none "
                "to y",
    .in = {{.name = "a"}, {.name = "b"}, {.name = "y"}},
    .attr = {{.name = "margin", .type = ATTR_REAL, .otherwise = REAL_(0)}, REDUCTION_ATTRIBUTE},
    .types = TYPES_REAL,
    .expand = cosine_embedding_loss_expand,
    .example = "cosine_embedding_loss([3, 4], [4, 3], -1) -> 0.9599999999999616\n"
               "cosine_embedding_loss([[3, 4], [3, 4], [3, 4], [0, 0]], "
               "[[4, 3], [4, 3], [4, 3], [1, 0]], [1, -1, 0, 1], margin=0.46, reduction=\"none\") "
               "-> [0.0400000000000384, 0.4999999999999616, 0, 1]\n"
               "cosine_embedding_loss([[3, 4], [0, 0]], [[-3, 4], [1, 0]], [-1, 1]) -> "
               "0.6399999999999944\n"
               "cosine_embedding_loss([[3, 4], [0, 0]], [[4, 3], [1, 0]], [1, 1], "
               "reduction=\"sum\") -> 1.0400000000000384",
    .trials = "[4] [4] b[]; [3,4] [3,4] b[3] reduction=\"none\"; "
              "[3,4] [1,4] b[3] reduction=\"sum\"; [2,3] [2,3] [2]; "
              "[0,3] [0,3] [0] reduction=\"sum\"; [2,0] [2,0] b[2]; [2,2,3] [2,2,3] b[2,2]",
};

const grad_op *const grad__family_loss_margin[] = {
    &grad__op_soft_margin_loss,    &grad__op_hinge_embedding_loss, &grad__op_margin_ranking_loss,
    &grad__op_triplet_margin_loss, &grad__op_cosine_embedding_loss, NULL,
};
