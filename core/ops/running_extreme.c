/* running_extreme.c -- running extremes: cummax and cummin, and where they stand. */
#include <math.h>

#include "running.h"

extern const grad_op grad__op_cummax_place, grad__op_cummin_place;

/* The latest of equals is the extreme; so is a NaN, up to the next NaN. */
#define EXTREME(name, type, field, at_least)                                                      \
    static type name(scan_line *h, type x, int64_t place)                                         \
    {                                                                                             \
        if (x at_least h->so_far.field || x != x) h->so_far.field = x, h->place = place;          \
        return h->so_far.field;                                                                   \
    }                                                                                             \
    static int64_t name##_place(scan_line *h, type x, int64_t place)                              \
    {                                                                                             \
        name(h, x, place);                                                                        \
        return h->place;                                                                          \
    }
EXTREME(larger_real, double, r, >=)
EXTREME(smaller_real, double, r, <=)
EXTREME(larger_whole, int64_t, i, >=)
EXTREME(smaller_whole, int64_t, i, <=)

#define EXTREME_SCANS(name, real, whole)                                                          \
    REAL_SCANS(name, real)                                                                        \
    SCAN(name##_i64, int64_t, int64_t, whole)                                                     \
    SCAN(name##_i32, int32_t, int32_t, whole)                                                     \
    SCAN(name##_b8, uint8_t, uint8_t, whole)                                                      \
    SCAN(name##_place_f64, double, int64_t, real##_place)                                         \
    SCAN(name##_place_f32, float, int64_t, real##_place)                                          \
    SCAN(name##_place_i64, int64_t, int64_t, whole##_place)                                       \
    SCAN(name##_place_i32, int32_t, int64_t, whole##_place)                                       \
    SCAN(name##_place_b8, uint8_t, int64_t, whole##_place)
EXTREME_SCANS(largest, larger_real, larger_whole)
EXTREME_SCANS(smallest, smaller_real, smaller_whole)

#define ALL(name)                                                                                 \
    static const grad_scan name[GRAD_DTYPES] = {                                                  \
        REALS(name), [GRAD_INT64] = name##_i64, [GRAD_INT32] = name##_i32,                        \
        [GRAD_BOOL] = name##_b8};
ALL(largest)
ALL(largest_place)
ALL(smallest)
ALL(smallest_place)

/* What every element is an extreme beside. */
static scan_line extreme_start(const grad_call *c, bool least)
{
    scan_line h = {.so_far = {.i = least ? INT64_MAX : INT64_MIN}};
    if (grad_dtype_is_float(c->in_dtype[0])) h.so_far.r = least ? INFINITY : -INFINITY;
    return h;
}

SCAN_KERNEL(cummax_kernel, largest, extreme_start(c, false), false)
SCAN_KERNEL(cummin_kernel, smallest, extreme_start(c, true), false)
SCAN_KERNEL(cummax_place_kernel, largest_place, extreme_start(c, false), false)
SCAN_KERNEL(cummin_place_kernel, smallest_place, extreme_start(c, true), false)

static void give_places(B *b, const grad_pull *p, const grad_op *place)
{
    if (!wants(p, 0)) return;
    V at = v_emit(b, place, 1, p->in, 1, p->attr), total = grad_total(b, p, 0);
    grad_give_total(b, p, 0,
                    v_emit(b, &grad__op_scatter_add, 3, (V[]){total, at, p->g}, 1, p->attr));
}

static void cummax_rule(B *b, const grad_pull *p) { give_places(b, p, &grad__op_cummax_place); }
static void cummin_rule(B *b, const grad_pull *p) { give_places(b, p, &grad__op_cummin_place); }

#define EXTREME_TRIALS                                                                            \
    "[] axis=0; [5] axis=0; [2,3] axis=0; [2,3] axis=1; [2,3,4] axis=1; [0,3] axis=0; "           \
    "[3,0] axis=0; [1,3] axis=0; [2,70] axis=0"

const grad_op grad__op_cummax = {
    .name = "cummax",
    .doc = "The largest element so far along an axis; NaN from the first NaN on.",
    .gradient = "g to the element that was the largest so far, the latest of equals",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_KEEP,
    .infer = grad__running_infer,
    .kernel = cummax_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .rule = cummax_rule,
    .example = "cummax([1, 3, 2, 4], axis=0) -> [1, 3, 3, 4]\n"
               "cummax([[1, 5], [3, 4]], axis=0) -> [[1, 5], [3, 5]]\n"
               "cummax([[5, 1], [3, 4]], axis=-1) -> [[5, 5], [3, 4]]\n"
               "cummax([1, NaN, 3], axis=0) -> [1, NaN, NaN]\n"
               "cummax(5, axis=0) -> 5",
    .trials = EXTREME_TRIALS,
};

const grad_op grad__op_cummin = {
    .name = "cummin",
    .doc = "The smallest element so far along an axis; NaN from the first NaN on.",
    .gradient = "g to the element that was the smallest so far, the latest of equals",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_KEEP,
    .infer = grad__running_infer,
    .kernel = cummin_kernel,
    .reach = REACH_LINE,
    .in_place = true,
    .rule = cummin_rule,
    .example = "cummin([4, 2, 3, 1], axis=0) -> [4, 2, 2, 1]\n"
               "cummin([[1, 5], [3, 4]], axis=0) -> [[1, 5], [1, 4]]\n"
               "cummin([[5, 1], [3, 4]], axis=-1) -> [[5, 1], [3, 3]]\n"
               "cummin([1, NaN, 0], axis=0) -> [1, NaN, NaN]\n"
               "cummin(5, axis=0) -> 5",
    .trials = EXTREME_TRIALS,
};

const grad_op grad__op_cummax_place = {
    .name = "cummax_place",
    .doc = "Where along the axis the largest element so far stands.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = grad__running_infer,
    .kernel = cummax_place_kernel,
    .internal = true,
    .rule = no_gradient,
    .example = "cummax_place([2, 1, 2, 3], axis=0) -> [0, 0, 2, 3]\n"
               "cummax_place([1, NaN, 3, NaN], axis=0) -> [0, 1, 1, 3]",
};

const grad_op grad__op_cummin_place = {
    .name = "cummin_place",
    .doc = "Where along the axis the smallest element so far stands.",
    .gradient = "none",
    .in = {{.name = "x"}},
    .attr = SCAN_ATTRIBUTES,
    .types = TYPES_KEEP,
    .result = RESULT_INT64,
    .infer = grad__running_infer,
    .kernel = cummin_place_kernel,
    .internal = true,
    .rule = no_gradient,
    .example = "cummin_place([2, 3, 2, 1], axis=0) -> [0, 0, 2, 3]",
};

const grad_op *const grad__family_running_extreme[] = {
    &grad__op_cummax,
    &grad__op_cummin,
    &grad__op_cummax_place,
    &grad__op_cummin_place,
    NULL,
};
