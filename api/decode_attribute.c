/* decode_attribute.c -- what stands beside "op": an operator's attributes, or the declaration of an
 * input or a constant.
 *
 * Here attributes get their JSON's plainest meaning (a whole number, a real, a text, a list); which
 * of them it accepts is for the operator's row to say.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "table.h"

/* Records a problem at the attribute `member`. */
__attribute__((format(printf, 4, 5)))
static int member_fail(decoder *r, const char *code, json_slice member, const char *format, ...)
{
    char text[400], below[200] = "";
    pointer at;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pointer_start(&at, "%s", "");
    pointer_name(&at, member);
    if (pointer_text(&at) && at.n < sizeof below) memcpy(below, at.at, at.n + 1);
    return decode_fail(r, code, below, "%s", text);
}

/* ---- values ---------------------------------------------------------------------------------- */

static const char *expected(decoder *r, json_slice member)
{
    const grad_op *op = r->row->op;
    for (size_t k = 0; k < grad_op_attributes(op); k++)
        if (json_is(member, grad_op_attribute_name(op, k))) return grad_op_attribute_type(op, k);
    return "something else";
}

static int bad_value(decoder *r, json_slice member, const char *found)
{
    return member_fail(r, "bad_attribute", member, "%s: attribute \"%.*s\" must be of type %s, "
                       "found %s", grad_op_name(r->row->op), shown(member), member.at,
                       expected(r, member), found);
}

static bool whole_number(json_cursor *at, int64_t *out)
{
    if (json_peek(*at) != KIND_NUMBER) return false;
    json_number x = json_read_number(at);
    *out = x.whole;
    return x.is_whole;
}

/* Reads [i, j, ...], [[i, j], ...] or two lists of one length flat into `to`; counts only where
   `to` is NULL. false where the array is none of these. */
static bool whole_numbers(json_cursor at, int64_t *to, size_t *count, grad_kind *kind)
{
    int64_t ignored;
    size_t items = 0, lists = 0, each = 0;
    *count = 0;
    for (json_enter(&at); json_more(&at); items++) {
        size_t before = *count;
        if (json_peek(at) != KIND_ARRAY) {
            if (lists > 0 || !whole_number(&at, to ? &to[*count] : &ignored)) return false;
            ++*count;
            continue;
        }
        if (lists != items) return false;
        for (json_enter(&at); json_more(&at); ++*count)
            if (!whole_number(&at, to ? &to[*count] : &ignored)) return false;
        if (lists++ == 0) each = *count;
        if (*count - before != each) return false;
    }
    *kind = lists == 0 ? GRAD_LIST : each == 2 ? GRAD_PAIRS : GRAD_LISTS;
    return *count < UINT32_MAX && (*kind != GRAD_LISTS || lists == 2);
}

/* Reads [x, y, ...] into `to`; false where the array holds anything but numbers. */
static bool numbers(json_cursor at, double *to, size_t count)
{
    size_t n = 0;
    for (json_enter(&at); json_more(&at); n++) {
        if (json_peek(at) != KIND_NUMBER || n == count) return false;
        to[n] = json_read_number(&at).real;
    }
    return n == count;
}

static size_t items(json_cursor at)
{
    size_t n = 0;
    for (json_enter(&at); json_more(&at); n++) json_skip(&at);
    return n;
}

static int reals_value(decoder *r, json_slice member, json_cursor at, grad_value *out)
{
    size_t count = items(at);
    json_cursor first = at;
    json_enter(&first);
    if (count > 0 && json_peek(first) == KIND_ARRAY)
        return bad_value(r, member, "an array of other lists");
    double *list = arena_new(&r->c->arena, count + 1, sizeof *list, &r->err);
    if (!list) return decode_end(r);
    if (count > UINT32_MAX || !numbers(at, list, count))
        return bad_value(r, member, "an array of other things than numbers");
    for (size_t i = 0; i < count; i++)
        if (isinf(list[i]))
            return member_fail(r, "bad_number", member, "a number is beyond float64");
    *out = (grad_value){.kind = GRAD_REALS, .n = (uint32_t)count, .reals = list};
    return 0;
}

static int list_value(decoder *r, json_slice member, json_cursor at, grad_value *out)
{
    size_t count;
    grad_kind kind;
    if (!whole_numbers(at, NULL, &count, &kind)) return reals_value(r, member, at, out);
    int64_t *list = arena_new(&r->c->arena, count + 1, sizeof *list, &r->err);
    if (!list) return decode_end(r);
    whole_numbers(at, list, &count, &kind);
    out->kind = kind;
    out->n = (uint32_t)count;
    out->list = list;
    return 0;
}

static int number_value(decoder *r, json_slice member, json_cursor at, grad_value *out)
{
    json_number x = json_read_number(&at);
    if (isinf(x.real))
        return member_fail(r, "bad_number", member, "the number is beyond float64; infinity is "
                           "written \"Infinity\"");
    out->kind = x.is_whole && !(x.whole == 0 && signbit(x.real)) ? GRAD_INT : GRAD_REAL;
    if (out->kind == GRAD_INT) out->i = x.whole;
    else out->r = x.real;
    return 0;
}

static int value(decoder *r, json_slice member, json_cursor at, grad_value *out)
{
    *out = (grad_value){.kind = GRAD_NULL};
    json_slice text;
    switch (json_peek(at)) {
    case KIND_NULL: return 0;
    case KIND_TRUE:
    case KIND_FALSE:
        *out = (grad_value){.kind = GRAD_TRUTH, .i = json_peek(at) == KIND_TRUE};
        return 0;
    case KIND_NUMBER: return number_value(r, member, at, out);
    case KIND_ARRAY: return list_value(r, member, at, out);
    case KIND_OBJECT: return bad_value(r, member, "an object");
    case KIND_STRING:
        text = json_read_string(&at);
        if (decode_plain(r, &text) < 0) return -1;
        *out = (grad_value){.kind = GRAD_TEXT, .n = (uint32_t)text.n, .text = text.at};
    }
    return 0;
}

/* ---- an operator's attributes ---------------------------------------------------------------- */

static const char *attribute_name(const void *op, size_t i)
{
    return i < grad_op_attributes(op) ? grad_op_attribute_name(op, i) : NULL;
}

static int unknown_attribute(decoder *r, json_slice member)
{
    const grad_op *op = r->row->op;
    char known[200] = "it takes none";
    size_t n = 0;
    for (size_t i = 0; i < grad_op_attributes(op) && n < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "it takes ",
                              grad_op_attribute_name(op, i));
    const char *near = api_nearest(member.at, member.n, attribute_name, op);
    return member_fail(r, "unknown_attribute", member, "%s has no attribute \"%.*s\"; %s%s%s",
                       grad_op_name(op), shown(member), member.at, near ? "did you mean \"" : known,
                       near ? near : "", near ? "\"?" : "");
}

static int one_attribute(decoder *r, json_slice member, json_cursor at, grad_attribute *out)
{
    const grad_op *op = r->row->op;
    size_t k = 0, count = grad_op_attributes(op);
    while (k < count && !json_is(member, grad_op_attribute_name(op, k))) k++;
    if (k == count) return unknown_attribute(r, member);
    out->name = grad_op_attribute_name(op, k);
    out->length = strlen(out->name);
    return value(r, member, at, &out->value);
}

/* What the operator's row says of the attributes as a whole, and of each one's type. */
static int check_attributes(decoder *r, const grad_attribute *attr, uint32_t n)
{
    grad_error err = {0};
    char below[40] = "";
    if (grad_op_check(r->row->op, attr, n, &err) == 0) return 0;
    if (err.code != GRAD_MISSING_ATTRIBUTE) snprintf(below, sizeof below, "/%s", err.attribute);
    return decode_fail(r, grad_code_name(err.code), below, "%s", err.text);
}

/* Each is a node of the graph that is built, and a function's name can stand for many. */
static int too_many_results(decoder *r)
{
    pointer at;
    pointer_start(&at, "%s/nodes/%u", r->d->base, r->node);
    api_fail(r->c, "graph_too_large", pointer_text(&at), NULL, "the nodes have more than %zu "
             "results", r->c->host.nodes);
    return -1;
}

int decode_attributes(decoder *r, uint32_t count)
{
    json_cursor at = {r->text};
    uint32_t n = 0;
    grad_attribute *attr = NULL;
    if (count) attr = arena_new(&r->c->arena, count, sizeof *attr, &r->err);
    if (count && !attr) return decode_end(r);
    for (json_enter(&at); n < count && json_more(&at); json_skip(&at)) {
        json_slice member = json_name(&at);
        if (is_node_member(member)) continue;
        if (one_attribute(r, member, at, &attr[n]) < 0) return -1;
        n++;
    }
    if (check_attributes(r, attr, n) < 0) return -1;
    doc_more *m = push_more(r);
    if (!m) return decode_end(r);
    m->attr = attr;
    m->n = n;
    uint32_t operands = r->d->n_operands - r->d->names.at[r->name].operands;
    m->results = (uint32_t)grad_op_results(r->row->op, attr, n, operands);
    if (r->row->calls && decode_calls(r, m) < 0) return -1;
    m->further = r->d->n_further;
    if (m->results - 1 > r->c->host.nodes - m->further) return too_many_results(r);
    r->d->n_further += m->results - 1;
    return 0;
}

/* ---- inputs and constants -------------------------------------------------------------------- */

static int declared_size(decoder *r, json_slice member, json_cursor *at, int64_t *out)
{
    if (json_peek(*at) == KIND_NULL) {
        *out = SIZE_ANY;
        json_skip(at);
        return 0;
    }
    if (whole_number(at, out) && *out >= 0) return 0;
    return member_fail(r, "bad_attribute", member,
                       "a size in \"shape\" must be a whole number from 0 on, or null for any");
}

static int declared_shape(decoder *r, json_slice member, json_cursor at, doc_more *m)
{
    int64_t dim[GRAD_RANK_MAX];
    uint32_t rank = 0;
    if (json_peek(at) == KIND_NULL) return 0;
    if (json_peek(at) == KIND_NUMBER) { /* of one axis */
        if (declared_size(r, member, &at, &dim[rank++]) < 0) return -1;
    } else if (json_peek(at) != KIND_ARRAY) {
        return member_fail(r, "bad_attribute", member, "\"shape\" must be a list of sizes, found "
                           "%s", json_type_name(json_peek(at)));
    } else {
        for (json_enter(&at); json_more(&at); rank++) {
            if (rank == GRAD_RANK_MAX)
                return member_fail(r, "tensor_too_large", member, "a tensor has at most %d axes",
                                   GRAD_RANK_MAX);
            if (declared_size(r, member, &at, &dim[rank]) < 0) return -1;
        }
    }
    int64_t *kept = arena_new(&r->c->arena, rank + 1, sizeof *kept, &r->err);
    if (!kept) return decode_end(r);
    memcpy(kept, dim, rank * sizeof *dim);
    m->dim = kept;
    m->n = rank;
    return 0;
}

static int declared_dtype(decoder *r, json_slice member, json_cursor at, doc_more *m)
{
    grad_dtype dtype;
    json_slice whole = json_skip(&(json_cursor){at.at});
    if (json_peek(at) == KIND_NULL) return 0;
    if (json_peek(at) == KIND_STRING) {
        json_slice text = json_read_string(&at);
        if (decode_plain(r, &text) < 0) return -1;
        if (grad_dtype_find(&dtype, text.at, text.n)) {
            m->dtype = (uint8_t)dtype;
            return 0;
        }
    }
    return member_fail(r, "bad_attribute", member, "\"dtype\" must be \"float64\", \"float32\", "
                       "\"int64\", \"int32\" or \"bool\", found %.*s", shown(whole), whole.at);
}

static int declared_value(decoder *r, json_cursor at, doc_more *m)
{
    if (m->kind == DOC_INPUT && json_peek(at) == KIND_NULL) return 0;
    return push_tensor(r, &m->tensor, at.at, NO_NAME);
}

static const char *declaration_member(const void *list, size_t i)
{
    static const char *const members[] = {"shape", "dtype", "value", NULL};
    (void)list;
    return members[i];
}

static int unknown_in_declaration(decoder *r, json_slice member)
{
    const char *op = r->row->kind == DOC_INPUT ? "input" : "constant";
    const char *near = api_nearest(member.at, member.n, declaration_member, NULL);
    if (near)
        return member_fail(r, "unknown_attribute", member, "%s has no attribute \"%.*s\"; did you "
                           "mean \"%s\"?", op, shown(member), member.at, near);
    return member_fail(r, "unknown_attribute", member, "%s has no attribute \"%.*s\"; it takes "
                       "shape, dtype, value", op, shown(member), member.at);
}

int decode_declaration(decoder *r, uint32_t count)
{
    json_cursor at = {r->text};
    doc_more *m = push_more(r);
    if (!m) return decode_end(r);
    m->kind = (uint8_t)r->row->kind;
    m->n = RANK_ANY;
    if (m->kind == DOC_INPUT) r->d->declares = true;
    for (json_enter(&at); count && json_more(&at); json_skip(&at)) {
        json_slice member = json_name(&at);
        int result = 0;
        if (is_node_member(member)) continue;
        if (json_is(member, "value")) result = declared_value(r, at, m);
        else if (json_is(member, "shape")) result = declared_shape(r, member, at, m);
        else if (json_is(member, "dtype")) result = declared_dtype(r, member, at, m);
        else result = unknown_in_declaration(r, member);
        if (result < 0) return -1;
    }
    if (m->kind == DOC_INPUT || m->tensor != NO_NAME) return 0;
    return decode_fail(r, "missing_attribute", "", "constant needs the attribute \"value\" (a "
                       "tensor)");
}
