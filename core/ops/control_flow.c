/* control_flow.c -- call, cond and while, and what all operators that name functions check.
 *
 * Here operands are counted and types compared, so that errors speak of the function that the
 * document names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

/* ---- bodies ------------------------------------------------------------------------------------ */

static const char *type_text(char text[128], const operand_type *t)
{
    char dims[96];
    snprintf(text, 128, "%s %s", grad_dtype_name(t->dtype),
             grad__dims_text(dims, t->rank, t->dim));
    return text;
}

function *grad__control_find(int64_t *number, B *b, const grad_args *a, int k,
                             const operand_type *type, size_t n)
{
    const grad_library *library = b->g->library;
    const grad_value *name = &a->attr[k];
    int shown = (int)(name->n < 60 ? name->n : 60);
    size_t n_in, n_out;
    if (!library || !library->find(library->context, name->text, name->n, &n_in, &n_out)) {
        grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, a->op->attr[k].name, "%s: there is no function "
                         "\"%.*s\"", a->op->name, shown, name->text);
        return NULL;
    }
    if (n_out == 0) {
        grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, a->op->attr[k].name, "%s: the function \"%.*s\" "
                         "has no results", a->op->name, shown, name->text);
        return NULL;
    }
    if (n != n_in) {
        grad_expand_fail(b, GRAD_WRONG_ARITY, -1, NULL, "%s: the function \"%.*s\" takes %zu "
                         "input%s and is given %zu", a->op->name, shown, name->text, n_in,
                         n_in == 1 ? "" : "s", n);
        return NULL;
    }
    if (grad__function_named(number, b, name->text, name->n, type, n, n_out) < 0) return NULL;
    return grad__function_at(b->g, *number);
}

int grad__control_carries(B *b, const grad_args *a, const function *f, const V *carry, size_t carries)
{
    char has[128], want[128];
    if (f->n_out < carries)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1,
                                strcmp(a->op->name, "while") == 0 ? "body" : "function",
                                "%s: the body returns the %zu next carries first, and has %zu "
                                "result%s", a->op->name, carries, f->n_out,
                                f->n_out == 1 ? "" : "s");
    for (size_t j = 0; j < carries; j++) {
        operand_type in = grad__type_of(b->g, carry[j]), out = grad__type_of(f->body, f->out[j]);
        if (grad__same_type(&in, &out)) continue;
        return grad_expand_fail(b, in.dtype == out.dtype ? GRAD_SHAPE_MISMATCH : GRAD_DTYPE_MISMATCH,
                                (int)j, NULL, "%s: carry %zu goes in as %s and comes out of the "
                                "body as %s; they must be the same", a->op->name, j,
                                type_text(want, &in), type_text(has, &out));
    }
    return 0;
}

operand_type *grad__control_types(B *b, const V *in, size_t n)
{
    operand_type *type = grad__array(b, n, sizeof *type);
    for (size_t k = 0; k < n && type; k++) type[k] = grad__type_of(b->g, in[k]);
    return type;
}

int grad__control_count(B *b, const grad_args *a, int k)
{
    if (a->attr[k].kind == GRAD_NULL || a->attr[k].i >= 0) return 0;
    return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, a->op->attr[k].name,
                            "%s: attribute `%s` must be 0 or more, found %" PRId64, a->op->name,
                            a->op->attr[k].name, a->attr[k].i);
}

/* ---- call, cond -------------------------------------------------------------------------------- */

static int append_branch(B *b, V *out, V pred, int64_t then, int64_t otherwise, size_t results,
                         const V *in, size_t n)
{
    V *all = grad__array(b, n + 1, sizeof *all);
    if (!all) return -1;
    all[0] = pred;
    if (n) memcpy(all + 1, in, n * sizeof *in);
    v_emits(b, out, &grad__op_branch, n + 1, all, 3,
            (grad_value[]){INT_(then), INT_(otherwise), INT_((int64_t)results)});
    grad__free(b->g->host, all, (n + 1) * sizeof *all);
    return v_failed(b) ? -1 : 0;
}

static int call_expand(B *b, const grad_args *a, V *out)
{
    int64_t number;
    operand_type *type = grad__control_types(b, a->in, a->n_in);
    function *f = type ? grad__control_find(&number, b, a, 0, type, a->n_in) : NULL;
    grad__free(b->g->host, type, a->n_in * sizeof *type);
    return f ? append_branch(b, out, GRAD_NONE, number, -1, f->n_out, a->in, a->n_in) : -1;
}

static int check_alike(B *b, const function *then, const function *other)
{
    char left[128], right[128];
    if (then->n_out != other->n_out)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1, "else", "cond: `then` has %zu result%s and "
                                "`else` %zu; they must have the same", then->n_out,
                                then->n_out == 1 ? "" : "s", other->n_out);
    for (size_t r = 0; r < then->n_out; r++) {
        operand_type t = grad__type_of(then->body, then->out[r]);
        operand_type e = grad__type_of(other->body, other->out[r]);
        if (grad__same_type(&t, &e)) continue;
        return grad_expand_fail(b, t.dtype == e.dtype ? GRAD_SHAPE_MISMATCH : GRAD_DTYPE_MISMATCH,
                                -1, "else", "cond: result %zu is %s of `then` and %s of `else`; "
                                "they must be the same", r, type_text(left, &t),
                                type_text(right, &e));
    }
    return 0;
}

static int cond_expand(B *b, const grad_args *a, V *out)
{
    int64_t number[2];
    size_t n = a->n_in - 1;
    char text[96];
    const grad_shape *pred = v_shape(b, a->in[0]);
    if (pred->rank != 0)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL, "cond: `pred` is one truth value, "
                                "a 0-d tensor; found shape %s",
                                grad__dims_text(text, pred->rank, pred->dim));
    operand_type *type = grad__control_types(b, a->in + 1, n);
    function *then = type ? grad__control_find(&number[0], b, a, 0, type, n) : NULL;
    function *other = then ? grad__control_find(&number[1], b, a, 1, type, n) : NULL;
    grad__free(b->g->host, type, n * sizeof *type);
    if (!other || check_alike(b, then, other) < 0) return -1;
    return append_branch(b, out, a->in[0], number[0], number[1], then->n_out, a->in + 1, n);
}

/* ---- while ------------------------------------------------------------------------------------- */

enum { WHILE_COND, WHILE_BODY, WHILE_SHARED, WHILE_MOST };

static int check_condition(B *b, const function *f)
{
    char text[128];
    operand_type t = f->n_out ? grad__type_of(f->body, f->out[0]) : (operand_type){0};
    if (f->n_out == 1 && t.rank == 0 && t.dtype == GRAD_BOOL) return 0;
    if (f->n_out != 1)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1, "cond", "while: `cond` returns one truth "
                                "value, and has %zu results", f->n_out);
    return grad_expand_fail(b, t.rank ? GRAD_SHAPE_MISMATCH : GRAD_DTYPE_MISMATCH, -1, "cond",
                            "while: `cond` returns one truth value, a 0-d bool; found %s",
                            type_text(text, &t));
}

static int while_expand(B *b, const grad_args *a, V *out)
{
    int64_t number[2], most = a->attr[WHILE_MOST].i;
    if (grad__control_count(b, a, WHILE_SHARED) < 0 || grad__control_count(b, a, WHILE_MOST) < 0) return -1;
    uint64_t shared = (uint64_t)a->attr[WHILE_SHARED].i;
    if (shared > a->n_in)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1, "shared",
                                "while: %" PRIu64 " shared inputs are announced, and there are "
                                "%zu inputs", shared, a->n_in);
    size_t carries = a->n_in - (size_t)shared, room = 2 * carries + 1;
    operand_type *type = grad__control_types(b, a->in, a->n_in);
    V *made = grad__array(b, room, sizeof *made);
    function *cond = type && made ? grad__control_find(&number[0], b, a, WHILE_COND, type, a->n_in) : NULL;
    function *body = cond ? grad__control_find(&number[1], b, a, WHILE_BODY, type, a->n_in) : NULL;
    int result = -1;
    if (!body || check_condition(b, cond) < 0 || grad__control_carries(b, a, body, a->in, carries) < 0)
        goto done;
    if (body->n_out != carries) {
        grad_expand_fail(b, GRAD_WRONG_ARITY, -1, "body", "while: the body returns the next "
                         "carries, %zu of them, and has %zu results", carries, body->n_out);
        goto done;
    }
    v_emits(b, made, &grad__op_repeat, a->n_in, a->in, 4,
            (grad_value[]){INT_(number[0]), INT_(number[1]), INT_((int64_t)carries), INT_(most)});
    memcpy(out, made, carries * sizeof *out);
    result = v_failed(b) ? -1 : 0;
done:
    grad__free(b->g->host, type, a->n_in * sizeof *type);
    grad__free(b->g->host, made, room * sizeof *made);
    return result;
}

/* ---- rows -------------------------------------------------------------------------------------- */

static const grad_op call = {
    .name = "call",
    .doc = "The function's results at these operands.",
    .gradient = "through the function's nodes",
    .in = {OPERANDS},
    .attr = {{.name = "function", BODY_OF_RESULTS}},
    .variadic = true,
    .types = TYPES_EACH,
    .expand = call_expand,
    .example = "call(3, function=\"square\") -> 9\n"
               "call([1, 2], 5, function=\"mul\") -> [5, 10]",
    .trials = "[2,3] function=\"sin\"; [3] [] function=\"mul\"; [0] function=\"exp\"",
};

static const grad_op cond = {
    .name = "cond",
    .doc = "The results of the function `then` where pred is true, else of the function `else`; the "
           "other one is not run.",
    .gradient = "through the function that was run",
    .in = {{.name = "pred", .role = GRAD_ROLE_CONDITION}, OPERANDS},
    .attr = {{.name = "then", BODY_OF_RESULTS},
             {.name = "else", .type = ATTR_FUNCTION, .required = true}},
    .variadic = true,
    .types = TYPES_EACH,
    .expand = cond_expand,
    .example = "cond(true, 3, then=\"square\", else=\"neg\") -> 9\n"
               "cond(false, 3, then=\"square\", else=\"neg\") -> -3",
    .trials = "b[] [2,3] then=\"sin\" else=\"exp\"; b[] [3] [] then=\"mul\" else=\"add\"",
};

static const grad_op while_row = {
    .name = "while",
    .doc = "The function `body` run on the carries, and the last `shared` operands, as long as the "
           "function `cond` of the same is true. More than max_steps steps are no_convergence.",
    .gradient = "back through the steps that were taken",
    .in = {OPERANDS},
    .attr = {{.name = "cond", .type = ATTR_FUNCTION, .required = true},
             {.name = "body", BODY_OF_RESULTS},
             {.name = "shared", .type = ATTR_INT, .otherwise = INT_(0)},
             {.name = "max_steps", .type = ATTR_INT, .required = true}},
    .variadic = true,
    .types = TYPES_EACH,
    .expand = while_expand,
    .example = "while(1, 100, cond=\"lt\", body=\"add\", shared=1, max_steps=5) -> 101\n"
               "while(5, 3, cond=\"lt\", body=\"add\", shared=1, max_steps=5) -> 5",
    .trials = "[] [] cond=\"lt\" body=\"hypot\" shared=1 max_steps=9",
};

const grad_op *const grad__family_control_flow[] = {&call, &cond, &while_row, NULL};
