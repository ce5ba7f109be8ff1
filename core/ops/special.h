/* special.h -- what the files of special functions share, and the random sources with them. */
#ifndef GRAD_OPS_SPECIAL_H
#define GRAD_OPS_SPECIAL_H

#include "loops.h"

/* The Chebyshev series sum of c[k] T_k(u), by Clenshaw's recurrence. */
static inline double grad__series_of(const double *c, size_t n, double u)
{
    double here = 0, before = 0;
    for (size_t k = n; k-- > 1;) {
        double next = 2 * u * here - before + c[k];
        before = here;
        here = next;
    }
    return u * here - before + c[0];
}
#define SERIES(c, u) grad__series_of(c, sizeof(c) / sizeof *(c), u)

/* The quantile function of the normal distribution, NaN outside 0 to 1: made of + - * / and sqrt
   alone, which IEEE 754 defines to the last bit, so that it has the same bits everywhere. */
double grad__normal_quantile(double p);

/* A function of which the derivatives of all orders are known: row name(x, order), whose derivative
   is name(x, order + 1). `e` is an expression of x, a double, and y, the order. */
#define ALL_ORDERS(name_, e, flops_, low, high, doc_, gradient_, example_)                        \
    LANES2(name_##_f64, f64, f64, i64, e)                                                         \
    LANES2(name_##_f32, f32, f32, i64, e)                                                         \
    extern const grad_op grad__op_##name_;                                                        \
    static V name_(B *b, V x, V order)                                                       \
    {                                                                                             \
        return v_emit(b, &grad__op_##name_, 2, (V[]){x, order}, 0, NULL);                         \
    }                                                                                             \
    static void name_##_rule(B *b, const grad_pull *p)                                            \
    {                                                                                             \
        pull(p, 0, v_mul(b, p->g, name_(b, p->in[0], v_add(b, p->in[1], v_int(b, 1)))));     \
    }                                                                                             \
    const grad_op grad__op_##name_ = {                                                            \
        .name = #name_,                                                                           \
        .doc = doc_,                                                                              \
        .gradient = gradient_,                                                                    \
        .in = {{.name = "x"}, {.name = "n", .role = GRAD_ROLE_INDEX}},                            \
        .types = TYPES_REAL,                                                                      \
        .lanes = REALS(name_),                                                                    \
        .flops = flops_,                                                                          \
        .internal = true,                                                                         \
        .rule = name_##_rule,                                                                     \
        .domain = {{low, high}},                                                                  \
        .example = example_,                                                                      \
        .trials = "[3] i[]<3; [2,3] i[3]<3",                                                      \
    };

#endif
