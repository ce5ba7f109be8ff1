/* select.c -- choosing between two values: by a condition, or by a weight. */
#include <math.h>

#include "loops.h"

/* ---- where ------------------------------------------------------------------------------------- */

LANES3(where_f64, f64, b8, f64, f64, x ? y : z)
LANES3(where_f32, f32, b8, f32, f32, x ? y : z)
LANES3(where_i64, i64, b8, i64, i64, x ? y : z)
LANES3(where_i32, i32, b8, i32, i32, x ? y : z)
LANES3(where_b8, b8, b8, b8, b8, x ? y : z)

/* The branch not chosen gets 0 itself, not g times 0, which might be NaN. */
static void where_rule(B *b, const grad_pull *p)
{
    V cond = p->in[0], zero = v_num(b, p->g, 0);
    pull(p, 1, v_where(b, cond, p->g, zero));
    pull(p, 2, v_where(b, cond, zero, p->g));
}

const grad_op grad__op_where = {
    .name = "where",
    .doc = "a where cond is true, else b.",
    .gradient = "g to a where cond is true, else 0; g to b where it is not, else 0",
    .in = {{.name = "cond", .role = GRAD_ROLE_CONDITION}, {.name = "a"}, {.name = "b"}},
    .types = TYPES_PROMOTE,
    .lanes = ALL_TYPES(where),
    .rule = where_rule,
    .example = "where([true, false], [1, 2], [3, 4]) -> [1, 4]\n"
               "where([[true], [false]], [1, 2], NaN) -> [[1, 2], [NaN, NaN]]",
    .trials = "b[] [] []; b[3] [3] [3]; b[2,3] [3] []; b[2,1] [1,3] [2,3]; b[3] [] [2,1]",
};

/* ---- masked_fill ------------------------------------------------------------------------------- */

static int masked_fill_expand(B *b, const grad_args *a, V *out)
{
    out[0] = v_where(b, a->in[1], a->in[2], a->in[0]);
    return 0;
}

const grad_op grad__op_masked_fill = {
    .name = "masked_fill",
    .doc = "x, but value where mask is true.",
    .gradient = "g where mask is false, else 0; to value the sum of g where it is true",
    .in = {{.name = "x"}, {.name = "mask", .role = GRAD_ROLE_CONDITION}, {.name = "value"}},
    .types = TYPES_PROMOTE,
    .expand = masked_fill_expand,
    .example = "masked_fill([1, 2, 3], [true, false, true], -1) -> [-1, 2, -1]",
    .trials = "[] b[] []; [2,3] b[3] []; [2,3] b[2,1] []",
};

/* ---- lerp -------------------------------------------------------------------------------------- */

/* From the nearer end, so that a weight of 0 gives a and a weight of 1 gives b exactly. */
LANES3(lerp_f64, f64, f64, f64, f64, fabs(z) < 0.5 ? x + z * (y - x) : y - (y - x) * (1 - z))
LANES3(lerp_f32, f32, f32, f32, f32, fabsf(z) < 0.5f ? x + z * (y - x) : y - (y - x) * (1 - z))

static void lerp_rule(B *b, const grad_pull *p)
{
    V weight = p->in[2];
    pull(p, 0, v_mul(b, p->g, v_sub(b, v_num(b, weight, 1), weight)));
    pull(p, 1, v_mul(b, p->g, weight));
    pull(p, 2, v_mul(b, p->g, v_sub(b, p->in[1], p->in[0])));
}

const grad_op grad__op_lerp = {
    .name = "lerp",
    .doc = "a + weight (b - a): from a to b on a straight line.",
    .gradient = "g (1 - weight) to a, g weight to b, g (b - a) to weight",
    .in = {{.name = "a"}, {.name = "b"}, {.name = "weight"}},
    .types = TYPES_REAL,
    .lanes = REALS(lerp),
    .flops = 4,
    .rule = lerp_rule,
    .example = "lerp([1, 10], [2, 20], 0.25) -> [1.25, 12.5]\n"
               "lerp(1, 3, 1) -> 3",
};

const grad_op *const grad__family_select[] = {
    &grad__op_where,
    &grad__op_lerp,
    &grad__op_masked_fill,
    NULL,
};
