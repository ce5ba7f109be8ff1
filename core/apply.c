/* apply.c -- appending an operator as a document asks for it: arity, types, casts, expansion. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "graph.h"

bool v_failed(B *b) { return b->err->code != GRAD_OK; }
const grad_shape *v_shape(B *b, V x)
{
    return x == GRAD_NONE ? grad__pool_shape_at(b->g->pool, 0) : grad_node_shape(b->g, x);
}
grad_dtype v_dtype(B *b, V x) { return x == GRAD_NONE ? b->g->real : grad_node_dtype(b->g, x); }
int v_rank(B *b, V x) { return v_shape(b, x)->rank; }

int grad_expand_fail(B *b, grad_code code, int input, const char *attribute, const char *format,
                     ...)
{
    char text[sizeof b->err->text];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (v_failed(b)) return -1;
    grad_fail(b->err, code, "%s", text);
    b->err->input = input;
    if (attribute) snprintf(b->err->attribute, sizeof b->err->attribute, "%s", attribute);
    return -1;
}

static int fail_at(B *b, grad_code code, size_t input, const char *format, const char *name,
                   const char *operand, const char *found)
{
    if (v_failed(b)) return -1;
    grad_fail(b->err, code, format, name, operand, found);
    b->err->input = (int)input;
    return -1;
}

static int check_arity(B *b, const grad_op *op, size_t n)
{
    size_t most = grad_op_inputs(op), least = most;
    while (least && op->in[least - 1].optional) least--;
    if (n >= least && (n <= most || op->variadic)) return 0;
    char expected[64];
    if (op->variadic) snprintf(expected, sizeof expected, "at least %zu", least);
    else if (least == most) snprintf(expected, sizeof expected, "%zu", most);
    else snprintf(expected, sizeof expected, "%zu to %zu", least, most);
    return grad_fail(b->err, GRAD_WRONG_ARITY, "%s takes %s input%s, found %zu", op->name, expected,
                     least == 1 && (most == 1 || op->variadic) ? "" : "s", n);
}

static const char *operand_name(const grad_op *op, size_t k)
{
    size_t n = grad_op_inputs(op);
    return n == 0 ? "" : op->in[k < n ? k : n - 1].name;
}

/* ---- types ------------------------------------------------------------------------------------- */

/* Does operand k take part in promotion? */
static bool promotes(const B *b, const grad_op *op, size_t k, V x)
{
    grad_role role = grad_op_role(op, k);
    if (role == GRAD_ROLE_NUMBER) return true;
    if (role == GRAD_ROLE_MASK) return b->g->at[x].dtype != GRAD_BOOL;
    if (role != GRAD_ROLE_CLASSES) return false;
    return b->g->at[x].dtype != GRAD_INT64 && b->g->at[x].dtype != GRAD_INT32;
}

/* Is a bare number none that an integer of some size could be? */
static bool is_fraction(const grad_operand *o)
{
    return o->kind == GRAD_OPERAND_REAL && !(o->r == floor(o->r) && isfinite(o->r));
}

/* The dtype in which the number operands meet; bare numbers give way to the others. */
static grad_dtype meeting(const B *b, const grad_op *op, size_t n, const V *in,
                          const grad_operand *bare)
{
    bool any = false, fraction = false, number = false;
    grad_dtype meet = b->g->real;
    for (size_t k = 0; k < n; k++) {
        if (in[k] != GRAD_NONE) {
            if (!promotes(b, op, k, in[k])) continue;
            grad_dtype d = (grad_dtype)b->g->at[in[k]].dtype;
            meet = any ? grad_dtype_promote(meet, d) : d;
            any = true;
        } else if (bare && bare[k].kind != GRAD_OPERAND_ABSENT &&
                   grad_op_role(op, k) == GRAD_ROLE_NUMBER) {
            number = true;
            fraction = fraction || is_fraction(&bare[k]);
        }
    }
    if (any && number && !grad_dtype_is_float(meet)) {
        if (fraction) meet = b->g->real;
        else if (meet == GRAD_BOOL) meet = GRAD_INT64;
    }
    switch (op->types) {
    case TYPES_REAL: return grad_dtype_is_float(meet) ? meet : b->g->real;
    case TYPES_WIDE: return grad_dtype_is_float(meet) ? meet : GRAD_INT64;
    case TYPES_LOGIC: return GRAD_BOOL;
    default: return meet;
    }
}

/* What operand k is to become; GRAD_DTYPES where it stays as it is. */
static grad_dtype wanted(const B *b, const grad_op *op, size_t k, V x, grad_dtype meet)
{
    switch (grad_op_role(op, k)) {
    case GRAD_ROLE_INDEX: return GRAD_INT64;
    case GRAD_ROLE_CONDITION: return GRAD_BOOL;
    case GRAD_ROLE_MASK:
        if (x != GRAD_NONE && !promotes(b, op, k, x)) return GRAD_BOOL;
        break;
    case GRAD_ROLE_CLASSES:
        if (x == GRAD_NONE || !promotes(b, op, k, x)) return GRAD_INT64;
        break;
    case GRAD_ROLE_NUMBER: break;
    }
    if (op->types == TYPES_EACH && x == GRAD_NONE) return b->g->real;
    return op->types <= TYPES_EACH && x != GRAD_NONE ? GRAD_DTYPES : meet;
}

static V beyond(B *b, const grad_op *op, size_t k, grad_dtype dtype)
{
    fail_at(b, GRAD_BAD_NUMBER, k, "%s: the number given as `%s` is beyond %s", op->name,
            operand_name(op, k), grad_dtype_name(dtype));
    return GRAD_NONE;
}

static V bare_number(B *b, const grad_op *op, size_t k, const grad_operand *o, grad_dtype dtype)
{
    grad_role role = grad_op_role(op, k);
    if (o->kind == GRAD_OPERAND_REAL) {
        if (role == GRAD_ROLE_INDEX || role == GRAD_ROLE_CLASSES)
            return fail_at(b, GRAD_DTYPE_MISMATCH, k, "%s: `%s` takes integers, found %s", op->name,
                           operand_name(op, k), "a fraction"), GRAD_NONE;
        if (dtype == GRAD_BOOL) return grad__scalar_int(b, dtype, o->r != 0);
        if (!grad_dtype_is_float(dtype) ||
            (dtype == GRAD_FLOAT32 && isinf((float)o->r) && !isinf(o->r)))
            return beyond(b, op, k, dtype);
        return grad__scalar_real(b, dtype, o->r);
    }
    if (dtype == GRAD_INT32 && (o->i < INT32_MIN || o->i > INT32_MAX)) return beyond(b, op, k, dtype);
    return grad__scalar_int(b, dtype, o->i);
}

/* Casts operands and turns bare numbers into constants. */
static int settle(B *b, const grad_op *op, size_t n, V *in, const grad_operand *bare)
{
    grad_dtype meet = meeting(b, op, n, in, bare);
    for (size_t k = 0; k < n; k++) {
        if (in[k] == GRAD_NONE) {
            if (!bare || bare[k].kind == GRAD_OPERAND_ABSENT) continue;
            in[k] = bare_number(b, op, k, &bare[k], wanted(b, op, k, GRAD_NONE, meet));
            continue;
        }
        grad_dtype has = (grad_dtype)b->g->at[in[k]].dtype;
        grad_dtype to = wanted(b, op, k, in[k], meet);
        if (to == GRAD_DTYPES || to == has) continue;
        if (grad_op_role(op, k) == GRAD_ROLE_INDEX && has != GRAD_INT32)
            return fail_at(b, GRAD_DTYPE_MISMATCH, k, "%s: `%s` takes integers, found %s", op->name,
                           operand_name(op, k), grad_dtype_name(has));
        in[k] = v_cast(b, in[k], to);
    }
    return v_failed(b) ? -1 : 0;
}

/* ---- applying ---------------------------------------------------------------------------------- */

/* out[]: all results. */
static int place(B *b, V *out, const grad_op *op, size_t n, const V *in, grad_value *attr)
{
    if (op->expand) {
        grad_args a = {op, n, in, attr};
        const grad_args *outer = b->call;
        if (!outer) b->call = &a;
        if (op->expand(b, &a, out) < 0 && !v_failed(b))
            grad_fail(b->err, GRAD_INTERNAL, "%s did not expand", op->name);
        if (outer && v_failed(b)) grad__blame_part(b, op, n, in);
        b->call = outer;
    } else {
        out[0] = grad__append(b, op, n, in, attr);
        if (!op->results || out[0] == GRAD_NONE) return v_failed(b) ? -1 : 0;
        V block = out[0];
        for (size_t k = op->results(attr); k-- > 0;) out[k] = block + 1 + (V)k;
    }
    return v_failed(b) ? -1 : 0;
}

enum { FEW = 8 };

void v_emits(B *b, V *out, const grad_op *op, size_t n_in, const V *in, size_t n_attr,
             const grad_value *attr)
{
    grad_value v[GRAD_ATTRIBUTES_MAX];
    V few[FEW], *x = few;
    grad__attributes_default(v, op);
    for (size_t k = 0; k < n_attr; k++) v[k] = attr[k];
    for (size_t k = op->results ? op->results(v) : 1; k-- > 0;) out[k] = GRAD_NONE;
    if (v_failed(b)) return;
    if (n_in > FEW && !(x = grad__alloc_array(b->g->host, n_in, sizeof *x, b->err))) return;
    if (n_in) memcpy(x, in, n_in * sizeof *x);
    if (settle(b, op, n_in, x, NULL) == 0) place(b, out, op, n_in, x, v);
    if (x != few) grad__free(b->g->host, x, n_in * sizeof *x);
}

V v_emit(B *b, const grad_op *op, size_t n_in, const V *in, size_t n_attr, const grad_value *attr)
{
    V out;
    v_emits(b, &out, op, n_in, in, n_attr, attr);
    return v_failed(b) ? GRAD_NONE : out;
}

/* Every node of a document has a node of its own, whatever it expands to. */
static V own(B *b, V made, size_t before)
{
    if (made == GRAD_NONE || (made >= before && b->g->at[made].op != &grad__op_constant))
        return made;
    return v_identity(b, made);
}

/* A function's that is not there are found missing when it is looked up. */
static size_t results_of(const grad_graph *g, const grad_op *op, const grad_value *v, size_t n_in)
{
    const grad_library *library = g->library;
    int k = grad_op_results_of(op);
    size_t inputs, results = 1;
    if (op->one_each) return n_in - 1;
    if (k < 0) return op->results ? op->results(v) : 1;
    if (library) library->find(library->context, v[k].text, v[k].n, &inputs, &results);
    return results;
}

int grad_apply(grad_node *out, grad_graph *g, const grad_op *op, const grad_operand *in,
               size_t n_in, const grad_attribute *attrs, size_t n_attrs, grad_error *err)
{
    B build = {g, err, NULL}, *b = &build;
    grad_value v[GRAD_ATTRIBUTES_MAX];
    attribute_room room[GRAD_ATTRIBUTES_MAX];
    V few[FEW], few_made[FEW], *x = few, *made = few_made;
    if (check_arity(b, op, n_in) < 0 || grad__attributes_read(v, op, attrs, n_attrs, room, err) < 0)
        return -1;
    for (size_t k = 0; k < n_in; k++) {
        size_t named = grad_op_inputs(op) - op->variadic; /* one that repeats stands for itself */
        if (in[k].kind != GRAD_OPERAND_ABSENT || (k < named && op->in[k].optional)) continue;
        return fail_at(b, GRAD_WRONG_ARITY, k, "%s: `%s` may not be left off%s", op->name,
                       operand_name(op, k), "");
    }
    size_t results = results_of(g, op, v, n_in);
    if (n_in > FEW) x = grad__alloc_array(g->host, n_in, sizeof *x, err);
    if (results > FEW) made = grad__alloc_array(g->host, results, sizeof *made, err);
    if (!x || !made) goto done;
    memset(made, 0xff, results * sizeof *made); /* GRAD_NONE */
    for (size_t k = 0; k < n_in; k++)
        x[k] = in[k].kind == GRAD_OPERAND_NODE ? in[k].node : GRAD_NONE;
    if (settle(b, op, n_in, x, in) < 0) goto done;
    size_t before = g->n;
    if (place(b, made, op, n_in, x, v) < 0) goto done;
    for (size_t i = 0; i < results; i++) made[i] = own(b, made[i], before);
    if (grad__blame_call(b, before, made[0], op, n_in, x) < 0) goto done;
    if (!v_failed(b)) memcpy(out, made, results * sizeof *out);
done:
    if (x != few) grad__free(g->host, x, n_in * sizeof *x);
    if (made != few_made) grad__free(g->host, made, results * sizeof *made);
    return v_failed(b) ? -1 : 0;
}
