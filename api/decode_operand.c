/* decode_operand.c -- what a node takes: references, numbers, truth values, tensors, or nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

static int operand_fail(decoder *r, const char *code, uint32_t k, const char *text)
{
    char below[32];
    snprintf(below, sizeof below, "/inputs/%u", k);
    return decode_fail(r, code, below, "%s", text);
}

/* ---- references ------------------------------------------------------------------------------ */

static int not_an_id(decoder *r, json_slice text, uint32_t k)
{
    char below[32], *end = NULL, number[64] = "";
    snprintf(below, sizeof below, "/inputs/%u", k);
    snprintf(number, sizeof number, "%.*s", (int)(text.n < sizeof number ? text.n : 0), text.at);
    double value = strtod(number, &end);
    if (strcmp(number, "-Infinity") == 0)
        return decode_fail(r, "unknown_input", below, "no node and no input is called \"%s\"; the "
                           "number is written {\"data\": \"%s\"}", number, number);
    if (number[0] && !*end && isfinite(value))
        return decode_fail(r, "unknown_input", below, "no node and no input is called \"%s\"; a "
                           "number is written without quotes", number);
    return decode_fail(r, "unknown_input", below, "\"%.*s\" cannot be the id of a node or an input",
                       shown(text), text.at);
}

/* A further result of a node, or what is no id. */
static int odd_reference(decoder *r, json_slice text, uint32_t k, uint32_t *out)
{
    uint32_t result, at;
    if (decode_plain(r, &text) < 0) return -1;
    size_t n = split_result(text.at, text.n, &result);
    if (!is_id(text.at, n)) return not_an_id(r, text, k);
    if (names_intern(&at, &r->d->names, text.at, n, &r->err) < 0) return decode_end(r);
    *out = at;
    if (result == 0) return 0;
    doc_odd *odd = push_odd(r, out);
    if (!odd) return decode_end(r);
    *odd = (doc_odd){.kind = ODD_RESULT, .at = at, .result = result};
    *out |= OPERAND_ODD;
    r->d->results = true;
    return 0;
}

static int reference(decoder *r, json_cursor *at, uint32_t k, uint32_t *out)
{
    const char *text = at->at + 1;
    size_t n = id_length(text);
    if (n == 0 || text[n] != '"') return odd_reference(r, json_read_string(at), k, out);
    at->at = text + n + 1;
    return names_intern(out, &r->d->names, text, n, &r->err) < 0 ? decode_end(r) : 0;
}

/* ---- literals -------------------------------------------------------------------------------- */

static int literal(decoder *r, doc_odd value, uint32_t *out)
{
    doc_odd *odd = push_odd(r, out);
    if (!odd) return decode_end(r);
    *odd = value;
    *out |= OPERAND_ODD;
    return 0;
}

static int bare_number(decoder *r, json_cursor *at, uint32_t k, uint32_t *out)
{
    json_number x = json_read_number(at);
    if (isinf(x.real))
        return operand_fail(r, "bad_number", k, "the number is beyond float64; infinity is a "
                            "tensor, {\"data\": \"Infinity\"}");
    if (x.is_whole && !(x.whole == 0 && signbit(x.real)))
        return literal(r, (doc_odd){.kind = ODD_WHOLE, .whole = x.whole}, out);
    return literal(r, (doc_odd){.kind = ODD_REAL, .real = x.real}, out);
}

static int left_off(decoder *r, uint32_t k, uint32_t *out)
{
    char text[160];
    const grad_op *op = r->row->op;
    *out = OPERAND_ABSENT;
    if (!op || k >= grad_op_inputs(op) || grad_op_input_is_optional(op, k)) return 0;
    snprintf(text, sizeof text, "%s needs its input \"%s\"; null leaves off an optional one only",
             grad_op_name(op), grad_op_input_name(op, k));
    return operand_fail(r, "wrong_arity", k, text);
}

static int array_operand(decoder *r, json_cursor at, uint32_t k)
{
    json_slice text = json_skip(&at);
    char below[32];
    snprintf(below, sizeof below, "/inputs/%u", k);
    if (text.n <= 60)
        return decode_fail(r, "wrong_type", below, "an array cannot stand as an input by itself; "
                           "write {\"data\": %.*s}", (int)text.n, text.at);
    return decode_fail(r, "wrong_type", below, "an array cannot stand as an input by itself; write "
                       "it as {\"data\": [1, 2]}");
}

/* *at moves past it. */
static int operand(decoder *r, json_cursor *at, uint32_t k)
{
    uint32_t value = OPERAND_ABSENT, number;
    json_kind kind = json_peek(*at);
    int result = 0;
    switch (kind) {
    case KIND_STRING: result = reference(r, at, k, &value); break;
    case KIND_NUMBER: result = bare_number(r, at, k, &value); break;
    case KIND_TRUE:
    case KIND_FALSE:
        json_skip(at);
        result = literal(r, (doc_odd){.kind = ODD_TRUTH, .whole = kind == KIND_TRUE}, &value);
        break;
    case KIND_NULL:
        json_skip(at);
        result = left_off(r, k, &value);
        break;
    case KIND_ARRAY: result = array_operand(r, *at, k); break;
    case KIND_OBJECT:
        result = push_tensor(r, &number, json_skip(at).at, k);
        if (result == 0) result = literal(r, (doc_odd){.kind = ODD_TENSOR, .at = number}, &value);
        break;
    }
    if (result < 0) return -1;
    uint32_t *slot = push_operand(r);
    if (!slot) return decode_end(r);
    *slot = value;
    return 0;
}

/* ---- how many -------------------------------------------------------------------------------- */

typedef const char *(*op_word)(const grad_op *op, size_t i);

static void list_words(char *to, size_t room, size_t count, op_word word, const grad_op *op,
                       const char *before)
{
    size_t n = 0;
    to[0] = '\0';
    for (size_t i = 0; i < count && n < room; i++)
        n += (size_t)snprintf(to + n, room - n, "%s%s", i ? ", " : before, word(op, i));
}

static int wrong_arity(decoder *r, uint32_t found)
{
    const op_row *row = r->row;
    char inputs[160], attributes[160], takes[48];
    if (row->kind != DOC_OPERATOR)
        return decode_fail(r, "wrong_arity", "/inputs", "%s takes no inputs, found %u",
                           row->kind == DOC_INPUT ? "input" : "constant", found);
    list_words(inputs, sizeof inputs, grad_op_inputs(row->op), grad_op_input_name, row->op, " (");
    list_words(attributes, sizeof attributes, found > row->most ? grad_op_attributes(row->op) : 0,
               grad_op_attribute_name, row->op, "; attributes stand beside \"op\": ");
    if (row->most == UINT32_MAX) snprintf(takes, sizeof takes, "at least %u", row->least);
    else if (row->least == row->most) snprintf(takes, sizeof takes, "%u", row->most);
    else snprintf(takes, sizeof takes, "%u to %u", row->least, row->most);
    return decode_fail(r, "wrong_arity", "/inputs", "%s takes %s input%s%s%s, found %u%s",
                       grad_op_name(row->op), takes,
                       row->least == 1 && (row->most == 1 || row->most == UINT32_MAX) ? "" : "s",
                       inputs, inputs[0] ? ")" : "", found, attributes);
}

static int too_many(decoder *r)
{
    pointer at;
    pointer_start(&at, "%s/nodes/%u/inputs", r->d->base, r->node);
    api_fail(r->c, "graph_too_large", pointer_text(&at), NULL, "a node may take at most %zu inputs",
             r->c->api->host.operand_limit);
    return -1;
}

int decode_operands(decoder *r, json_cursor *at)
{
    uint32_t found = 0;
    if (r->row->roles) r->d->roles = true;
    if (json_peek(*at) == KIND_STRING) {
        if (operand(r, at, found++) < 0) return -1;
    } else if (json_peek(*at) == KIND_ARRAY) {
        for (json_enter(at); json_more(at); found++) {
            if (found >= r->c->api->host.operand_limit) return too_many(r);
            if ((found & 4095) == 4095 && grad_is_set(&r->c->stop)) {
                grad_fail(&r->err, GRAD_STOPPED, "the deadline passed while the graph was read");
                return decode_end(r);
            }
            if (operand(r, at, found) < 0) return -1;
        }
    } else {
        return decode_fail(r, "wrong_type", "/inputs", "\"inputs\" must be a list, found %s",
                           json_type_name(json_peek(*at)));
    }
    if (found >= r->row->least && found <= r->row->most) return 0;
    return wrong_arity(r, found);
}
