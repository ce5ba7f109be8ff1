/* unary_bounds.c -- clip and its kin: operators whose attributes are numbers to compare x with.
 *
 * A lane kernel sees operands only, so the composite hands its attributes to an internal row as 0-d
 * constants of x's type. An integer x stays one where all the attributes are whole.
 */
#include <float.h>
#include <math.h>

#include "graph.h"
#include "loops.h"

/* ---- attributes as constants ------------------------------------------------------------------- */

double grad__real_of(const grad_value *v)
{
    return v->kind == GRAD_REAL ? v->r : (double)v->i;
}

static bool is_fraction(const grad_value *v)
{
    return v->kind == GRAD_REAL && isfinite(v->r) && v->r != floor(v->r);
}

V grad__make_room(B *b, V x, const grad_value *v, size_t n)
{
    if (v_failed(b) || grad_dtype_is_float(v_dtype(b, x))) return x;
    for (size_t k = 0; k < n; k++)
        if (is_fraction(&v[k])) return v_cast(b, x, b->g->real);
    return v_dtype(b, x) == GRAD_BOOL ? v_cast(b, x, GRAD_INT64) : x;
}

V grad__constant_of(B *b, V x, const grad_value *v)
{
    grad_dtype dtype = v_dtype(b, x);
    if (v_failed(b)) return GRAD_NONE;
    if (grad_dtype_is_float(dtype)) return v_num(b, x, grad__real_of(v));
    int64_t least = dtype == GRAD_INT32 ? INT32_MIN : INT64_MIN;
    int64_t most = dtype == GRAD_INT32 ? INT32_MAX : INT64_MAX, i = v->i;
    if (v->kind == GRAD_REAL)
        i = v->r >= 0x1p63 ? INT64_MAX : v->r >= -0x1p63 ? (int64_t)v->r : INT64_MIN;
    return grad__scalar_int(b, dtype, i < least ? least : i > most ? most : i);
}

/* ---- keeping x between two bounds -------------------------------------------------------------- */

/* clang-format off */
LANES3(between_f64, f64, f64, f64, f64, x < y ? y : x > z ? z : x)
LANES3(between_f32, f32, f32, f32, f32, x < y ? y : x > z ? z : x)
LANES3(between_i64, i64, i64, i64, i64, x < y ? y : x > z ? z : x)
LANES3(between_i32, i32, i32, i32, i32, x < y ? y : x > z ? z : x)
/* clang-format on */

static V zero(B *b, V like) { return v_num(b, like, 0); }

static void pull_bounds(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 1, v_where(b, v_lt(b, x, p->in[1]), p->g, zero(b, p->g)));
    pull(p, 2, v_where(b, v_gt(b, x, p->in[2]), p->g, zero(b, p->g)));
}

static void clip_between_rule(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 0, v_where(b, v_logical_and(b, v_ge(b, x, p->in[1]), v_le(b, x, p->in[2])), p->g,
                       zero(b, p->g)));
    pull_bounds(b, p);
}

static void hardtanh_between_rule(B *b, const grad_pull *p)
{
    V x = p->in[0];
    pull(p, 0, v_where(b, v_logical_or(b, v_le(b, x, p->in[1]), v_ge(b, x, p->in[2])),
                       zero(b, p->g), p->g));
    pull_bounds(b, p);
}

const grad_op grad__op_clip_between = {
    .name = "clip_between",
    .doc = "The number between low and high that is nearest to x.",
    .gradient = "g where low <= x <= high, else 0",
    .in = {{.name = "x"}, {.name = "low"}, {.name = "high"}},
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(between),
    .flops = 2,
    .internal = true,
    .rule = clip_between_rule,
    .domain = {{-2, 2}, {-1.5, -0.5}, {0.5, 1.5}},
    .example = "clip_between([-2, 0.5, 3], -1, 1) -> [-1, 0.5, 1]",
};

const grad_op grad__op_hardtanh_between = {
    .name = "hardtanh_between",
    .doc = "The number between low and high that is nearest to x.",
    .gradient = "g where low < x < high, else 0: 0 at the bounds too",
    .in = {{.name = "x"}, {.name = "low"}, {.name = "high"}},
    .types = TYPES_PROMOTE,
    .lanes = NUMBERS(between),
    .flops = 2,
    .internal = true,
    .rule = hardtanh_between_rule,
    .domain = {{-2, 2}, {-1.5, -0.5}, {0.5, 1.5}},
    .example = "hardtanh_between([-2, 0.5, 3], -1, 1) -> [-1, 0.5, 1]",
};

int grad__expand_between(B *b, const grad_args *a, V *out, const grad_op *inner)
{
    grad_value low = a->attr[0], high = a->attr[1];
    if (low.kind == GRAD_NULL) low = (grad_value)REAL_(-HUGE_VAL);
    if (high.kind == GRAD_NULL) high = (grad_value)REAL_(HUGE_VAL);
    if (!(grad__real_of(&low) <= grad__real_of(&high)))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "min",
                                "%s: min must not be above max, found min %s and max %s",
                                a->op->name, NUMBER(grad__real_of(&low)),
                                NUMBER(grad__real_of(&high)));
    V x = grad__make_room(b, a->in[0], (grad_value[]){low, high}, 2);
    V bounds[2] = {grad__constant_of(b, x, &low), grad__constant_of(b, x, &high)};
    out[0] = v_emit(b, inner, 3, (V[]){x, bounds[0], bounds[1]}, 0, NULL);
    return 0;
}

static int clip_expand(B *b, const grad_args *a, V *out)
{
    if (a->attr[0].kind == GRAD_NULL && a->attr[1].kind == GRAD_NULL) {
        out[0] = v_identity(b, a->in[0]);
        return 0;
    }
    return grad__expand_between(b, a, out, &grad__op_clip_between);
}

const grad_op grad__op_clip = {
    .name = "clip",
    .doc = "x held to min <= x <= max; either bound may be left off.",
    .gradient = "g where min <= x <= max, at the bounds too, else 0",
    .in = X_ONLY,
    .attr = {{.name = "min", .type = ATTR_NUMBER, .nullable = true, .otherwise = NOTHING},
             {.name = "max", .type = ATTR_NUMBER, .nullable = true, .otherwise = NOTHING}},
    .types = TYPES_PROMOTE,
    .expand = clip_expand,
    .example = "clip([-2, 0.5, 3], min=-1, max=1) -> [-1, 0.5, 1]\n"
               "clip([-2, 3, NaN], min=0) -> [0, 3, NaN]\n"
               "clip([-2, 3], max=1) -> [-2, 1]",
    .trials = "[] min=-1 max=1; [2,3] min=-1 max=1; [4] min=0; [4] max=0.5; [3]",
};

/* ---- nan_to_num -------------------------------------------------------------------------------- */

static int nan_to_num_expand(B *b, const grad_args *a, V *out)
{
    V x = a->in[0];
    grad_dtype dtype = v_dtype(b, x);
    double largest = dtype == GRAD_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    if (!grad_dtype_is_float(dtype)) {
        out[0] = v_identity(b, x);
        return 0;
    }
    V nan = v_num(b, x, grad__real_of(&a->attr[0]));
    V above = v_num(b, x, a->attr[1].kind == GRAD_NULL ? largest : grad__real_of(&a->attr[1]));
    V below = v_num(b, x, a->attr[2].kind == GRAD_NULL ? -largest : grad__real_of(&a->attr[2]));
    V y = v_where(b, v_eq(b, x, v_num(b, x, -HUGE_VAL)), below, x);
    y = v_where(b, v_eq(b, x, v_num(b, x, HUGE_VAL)), above, y);
    out[0] = v_where(b, v_isnan(b, x), nan, y);
    return 0;
}

const grad_op grad__op_nan_to_num = {
    .name = "nan_to_num",
    .doc = "x with NaN, Infinity and -Infinity replaced; null means the largest finite number.",
    .gradient = "g where x is finite, else 0",
    .in = X_ONLY,
    .attr = {{.name = "nan", .type = ATTR_REAL, .otherwise = REAL_(0)},
             {.name = "posinf", .type = ATTR_REAL, .nullable = true, .otherwise = NOTHING},
             {.name = "neginf", .type = ATTR_REAL, .nullable = true, .otherwise = NOTHING}},
    .types = TYPES_KEEP,
    .expand = nan_to_num_expand,
    .example = "nan_to_num([NaN, 1, -2]) -> [0, 1, -2]\n"
               "nan_to_num([NaN, Infinity, -Infinity], nan=3, posinf=8, neginf=-9) -> [3, 8, -9]",
    .trials = "[]; [2,3] nan=1 posinf=2",
};
