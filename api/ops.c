/* ops.c -- GET /v1/ops and /v1/ops/{name}: operators, read from the table that runs them. */
#include <math.h>
#include <string.h>

#include "endpoints.h"
#include "tree.h"

static const char *const roles[] = {
    [GRAD_ROLE_NUMBER] = "number",
    [GRAD_ROLE_INDEX] = "index",
    [GRAD_ROLE_CLASSES] = "classes",
    [GRAD_ROLE_CONDITION] = "condition",
    [GRAD_ROLE_MASK] = "mask",
};

/* The i-th word of "mean|sum|none". */
static json_slice choice(const char *choices, int64_t i)
{
    for (; i > 0 && strchr(choices, '|'); i--) choices = strchr(choices, '|') + 1;
    return (json_slice){choices, strcspn(choices, "|")};
}

static json_t *all_choices(const char *choices)
{
    json_t *list = json_array();
    for (const char *at = choices; list; at++) {
        size_t n = strcspn(at, "|");
        if (json_array_append_new(list, json_stringn(at, n))) {
            json_decref(list);
            return NULL;
        }
        if (!*(at += n)) break;
    }
    return list;
}

static json_t *real(double r)
{
    if (isnan(r)) return json_string("NaN");
    if (isinf(r)) return json_string(r > 0 ? "Infinity" : "-Infinity");
    return json_real(r);
}

static json_t *integers(const grad_value *v)
{
    size_t step = v->kind == GRAD_PAIRS ? 2 : 1;
    json_t *list = json_array();
    for (size_t i = 0; list && i + step <= v->n; i += step) {
        json_t *item = step == 1 ? json_integer(v->list[i])
                                 : json_pack("[I, I]", (json_int_t)v->list[i],
                                             (json_int_t)v->list[i + 1]);
        if (json_array_append_new(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *reals(const grad_value *v)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < v->n; i++)
        if (json_array_append_new(list, real(v->reals[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A default as a request would write it. */
static json_t *value(const grad_value *v, const char *choices)
{
    switch (v->kind) {
    case GRAD_NULL: break;
    case GRAD_TRUTH: return json_boolean(v->i != 0);
    case GRAD_REAL: return real(v->r);
    case GRAD_TEXT: return json_stringn(v->text, v->n);
    case GRAD_LIST:
        if (v->n == 1) return json_integer(v->list[0]); /* a list of one may stand as a number */
        return integers(v);
    case GRAD_PAIRS:
    case GRAD_LISTS: return integers(v);
    case GRAD_REALS: return reals(v);
    case GRAD_INT:
        if (choices) {
            json_slice word = choice(choices, v->i);
            return json_stringn(word.at, word.n);
        }
        return json_integer(v->i);
    }
    return json_null();
}

static json_t *attribute(const grad_op *op, size_t i)
{
    const grad_value *otherwise = grad_op_attribute_default(op, i);
    const char *choices = grad_op_attribute_choices(op, i);
    json_t *j = json_pack("{s:s, s:s, s:b}", "name", grad_op_attribute_name(op, i), "type",
                          grad_op_attribute_type(op, i), "required", !otherwise);
    int failed = !j;
    if (otherwise) failed |= json_object_set_new(j, "default", value(otherwise, choices));
    if (choices) failed |= json_object_set_new(j, "choices", all_choices(choices));
    if (!failed) return j;
    json_decref(j);
    return NULL;
}

static json_t *input(const grad_op *op, size_t i)
{
    return json_pack("{s:s, s:s, s:b}", "name", grad_op_input_name(op, i), "role",
                     roles[grad_op_role(op, i)], "optional", grad_op_input_is_optional(op, i));
}

static json_t *list_of(const grad_op *op, size_t n, json_t *(*item)(const grad_op *, size_t))
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, item(op, i))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Texts that a row may leave out are NULL here and left out of the object ("s*"). */
static json_t *describe(const grad_op *op)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:b, s:o, s:b, s:s*, s:s*}",
                     "name", grad_op_name(op),
                     "family", grad_op_family(op),
                     "doc", grad_op_doc(op) ? grad_op_doc(op) : "",
                     "inputs", list_of(op, grad_op_inputs(op), input),
                     "variadic", grad_op_is_variadic(op),
                     "attributes", list_of(op, grad_op_attributes(op), attribute),
                     "differentiable", grad_op_is_differentiable(op),
                     "gradient", grad_op_gradient(op),
                     "example", grad_op_example(op));
}

bool ops_write(buffer *to)
{
    buffer_text(to, "{\"ops\":[");
    for (size_t i = 0; i < grad_op_count(); i++) {
        if (i) buffer_byte(to, ',');
        tree_write(to, describe(grad_op_at(i)));
    }
    buffer_text(to, "]}");
    return !to->failed;
}

api_next ops_prepare(api_call *c)
{
    return api_answer(c, 200, "application/json", c->api->ops.at, c->api->ops.n);
}

api_next op_prepare(api_call *c)
{
    const grad_op *op = grad_op_find_n(c->param.at, c->param.n);
    if (op) return tree_answer(c, describe(op));
    const char *near = api_nearest_op(c->param.at, c->param.n);
    if (near)
        return api_fail(c, "not_found", NULL, NULL,
                        "there is no operator \"%.100s\"; did you mean \"%s\"?", c->param.at,
                        near);
    return api_fail(c, "not_found", NULL, NULL,
                    "there is no operator \"%.100s\"; GET /v1/ops lists all", c->param.at);
}
