/* decode_op.c -- which operator a node names: looked up once for all nodes that name it. */
#include <string.h>

#include "decode.h"

static uint32_t place_of(const char *text, size_t n)
{
    uint32_t h = (uint32_t)n * 7;
    h += (unsigned char)text[0] * 5u + (unsigned char)text[n / 2] * 3u + (unsigned char)text[n - 1];
    return h % OP_ROWS;
}

static void describe(op_row *row, const grad_op *op)
{
    size_t inputs = grad_op_inputs(op);
    row->op = op;
    row->most = grad_op_is_variadic(op) ? UINT32_MAX : (uint32_t)inputs;
    for (size_t i = 0; i < inputs; i++) {
        if (!grad_op_input_is_optional(op, i)) row->least = (uint32_t)i + 1;
        row->roles = row->roles || grad_op_role(op, i) != GRAD_ROLE_NUMBER;
    }
    row->results = (uint32_t)grad_op_results(op, NULL, 0, row->most < 3 ? row->most : 3);
    for (size_t i = 0; i < grad_op_attributes(op); i++) {
        row->required = row->required || !grad_op_attribute_default(op, i);
        row->calls += grad_op_attribute_is_function(op, i);
    }
    row->roles = row->roles || row->calls > 0; /* a function may take its inputs as anything */
}

static int no_inputs_here(decoder *r)
{
    return decode_fail(r, "unknown_op", "/op", "\"input\" declares an input of the graph; those of "
                       "a function are the ids in its \"inputs\"");
}

static int unknown_op(decoder *r, json_slice text)
{
    const char *near = api_nearest_op(text.at, text.n);
    if (near)
        return decode_fail(r, "unknown_op", "/op", "unknown operator \"%.*s\"; did you mean "
                           "\"%s\"?", shown(text), text.at, near);
    return decode_fail(r, "unknown_op", "/op", "unknown operator \"%.*s\"; GET /v1/ops lists them "
                       "all", shown(text), text.at);
}

bool find_op_row(decoder *r, json_slice text, json_slice plain)
{
    op_row *row = &r->rows[place_of(text.at, text.n)];
    r->row = row;
    if (row->n == text.n && memcmp(row->text, text.at, text.n) == 0) return true;
    *row = (op_row){.text = text.at, .n = (uint32_t)text.n, .results = 1};
    if (plain.n == 5 && memcmp(plain.at, "input", 5) == 0) {
        row->kind = DOC_INPUT;
    } else if (plain.n == 8 && memcmp(plain.at, "constant", 8) == 0) {
        row->kind = DOC_CONSTANT;
    } else {
        const grad_op *op = memchr(plain.at, '\0', plain.n) ? NULL
                                                            : grad_op_find_n(plain.at, plain.n);
        if (!op) {
            row->n = 0;
            return false;
        }
        describe(row, op);
    }
    return true;
}

int decode_op(decoder *r, json_cursor at)
{
    if (!at.at) return decode_fail(r, "missing_member", "", "the node has no \"op\"");
    if (json_peek(at) != KIND_STRING)
        return decode_fail(r, "wrong_type", "/op", "\"op\" must be an operator's name, found %s",
                           json_type_name(json_peek(at)));
    json_slice text = json_read_string(&at), plain = text;
    if (text.n == 0) return unknown_op(r, text);
    if (decode_plain(r, &plain) < 0) return -1;
    if (!find_op_row(r, text, plain)) return unknown_op(r, plain);
    return r->f && r->row->kind == DOC_INPUT ? no_inputs_here(r) : 0;
}
