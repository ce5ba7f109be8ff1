/* weak.c -- bare numbers among the operands of call, cond, scan, while and map.
 *
 * A bare number takes the type of the operands beside it. Operands of a function meet inside it
 * only, so here it takes the type that those taken as numbers have together; and int64 where the
 * function takes it as an index. That is settled before the core sees the node.
 */
#include <math.h>

#include "evaluation.h"

static bool is_bare(const grad_operand *o)
{
    return o->kind == GRAD_OPERAND_INT || o->kind == GRAD_OPERAND_REAL;
}

static bool is_index(unsigned use) { return (use & AS_ANYTHING) == AS_INDEX; }

/* The type in which the operands that are numbers meet. */
static grad_dtype meeting(const grad_operand *in, uint32_t from, uint32_t count,
                          const grad_graph *g, const document *d, const name *n, grad_dtype real)
{
    bool any = false, fraction = false;
    grad_dtype meet = real;
    for (uint32_t k = from; k < count; k++) {
        unsigned use = use_of_operand(d, n, k);
        if (is_index(use) || use == AS_CONDITION) continue;
        if (in[k].kind == GRAD_OPERAND_REAL) fraction = true;
        if (in[k].kind != GRAD_OPERAND_NODE) continue;
        grad_dtype has = grad_node_dtype(g, in[k].node);
        meet = any ? grad_dtype_promote(meet, has) : has;
        any = true;
    }
    if (grad_dtype_is_float(meet)) return meet;
    return fraction ? real : meet == GRAD_BOOL ? GRAD_INT64 : meet;
}

static int make_constant(grad_operand *o, grad_graph *g, grad_dtype dtype, grad_error *err)
{
    union {
        double f64;
        float f32;
        int64_t i64;
        int32_t i32;
        uint8_t truth;
    } data = {0};
    double real = o->kind == GRAD_OPERAND_INT ? (double)o->i : o->r;
    bool fits = true;
    switch (dtype) {
    case GRAD_FLOAT64: data.f64 = real; break;
    case GRAD_FLOAT32:
        data.f32 = o->kind == GRAD_OPERAND_INT ? (float)o->i : (float)o->r;
        fits = !isinf(data.f32) || isinf(real);
        break;
    case GRAD_INT32:
        data.i32 = (int32_t)o->i;
        fits = o->kind == GRAD_OPERAND_INT && data.i32 == o->i;
        break;
    case GRAD_INT64:
        data.i64 = o->i;
        fits = o->kind == GRAD_OPERAND_INT;
        break;
    default: data.truth = real != 0; break;
    }
    if (!fits)
        return grad_fail(err, GRAD_BAD_NUMBER, "the number is beyond %s", grad_dtype_name(dtype));
    o->kind = GRAD_OPERAND_NODE;
    return grad_constant(&o->node, g, dtype, 0, NULL, &data, err);
}

int settle_numbers(grad_operand *in, grad_graph *g, const document *d, const name *n,
                   grad_dtype real, grad_error *err)
{
    uint32_t count, from = library_kept(n->op), k = from;
    document_operands(d, n, &count);
    while (k < count && !is_bare(&in[k])) k++;
    if (k >= count) return 0;
    grad_dtype meet = meeting(in, from, count, g, d, n, real);
    for (; k < count; k++) {
        if (!is_bare(&in[k])) continue;
        bool index = in[k].kind == GRAD_OPERAND_INT && is_index(use_of_operand(d, n, k));
        if (make_constant(&in[k], g, index ? GRAD_INT64 : meet, err) == 0) continue;
        err->input = (int)k;
        return -1;
    }
    return 0;
}
