/* tensor.c -- what a tensor's text says of itself: shape, size, type, and that it is rectangular.
 *
 * Nested arrays are gone through with a list of places, one a level, never by recursion. Numbers
 * are stepped over here; what they are is for tensor_fill.c, once the size is known to be small
 * enough.
 */
#include "tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"

typedef struct reader {
    api_call *c;
    tensor_text *t;
    const spot *at;
    const char *end;  /* of the text: the body's, or a program's literal's */
    bool look;
    int depth;        /* of the arrays that are open */
    int deepest;
    int leaf;         /* the depth at which elements stand; -1 before the first */
    int64_t truths;
    int64_t place[GRAD_RANK_MAX + 1]; /* in each open array: the element being read */
    bool closed[GRAD_RANK_MAX + 1];   /* the size of this level is known */
} reader;

/* ---- errors ---------------------------------------------------------------------------------- */

int spot_fail(api_call *c, const spot *at, const char *code, const char *below, const char *format,
              ...)
{
    char text[800], id[512] = "";
    pointer p;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (at->base) {
        pointer_start(&p, "%s", at->base);
        pointer_name(&p, at->key);
    } else if (at->operand == UINT32_MAX) {
        pointer_start(&p, "%s/nodes/%u/value", at->graph, at->node);
    } else {
        pointer_start(&p, "%s/nodes/%u/inputs/%u", at->graph, at->node, at->operand);
    }
    pointer_add(&p, "%s", below);
    if (at->id_length < sizeof id) snprintf(id, sizeof id, "%.*s", (int)at->id_length, at->id);
    api_fail(c, code, pointer_text(&p), id[0] ? id : NULL, "%s", text);
    return -1;
}

const char *shape_text(char to[SHAPE_ROOM], int rank, const int64_t *dim)
{
    size_t n = 1;
    strcpy(to, "[");
    for (int i = 0; i < rank; i++) {
        char size[32];
        size_t m = (size_t)snprintf(size, sizeof size, dim[i] < 0 ? "%sany" : "%s%lld",
                                    i ? ", " : "", (long long)dim[i]);
        if (n + m + 6 > SHAPE_ROOM) {
            strcpy(to + n, ", ...");
            return to;
        }
        memcpy(to + n, size, m);
        n += m;
    }
    strcpy(to + n, "]");
    return to;
}

/* A problem at the element, or array, that is being read: its indices make the pointer. */
__attribute__((format(printf, 3, 4)))
static const char *element_fail(reader *r, const char *code, const char *format, ...)
{
    char text[400], below[GRAD_RANK_MAX * 12 + 16];
    size_t n = (size_t)snprintf(below, sizeof below, "%s", r->t->in_object ? "/data" : "");
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (int i = 0; i < r->depth && n + 12 < sizeof below; i++)
        n += (size_t)snprintf(below + n, sizeof below - n, "/%lld", (long long)r->place[i]);
    spot_fail(r->c, r->at, code, below, "%s", text);
    return NULL;
}

/* ---- elements -------------------------------------------------------------------------------- */

static const char *past_space(const char *p)
{
    while (text_is_space(*p)) p++;
    return p;
}

static bool is_whole(const char *text, const char *end, bool digits_only)
{
    if (digits_only && end - text <= 18) return true;
    return json_read_number(&(json_cursor){text}).is_whole;
}

static const char *past_number(reader *r, const char *p)
{
    const char *start = p, *end = r->end;
    p = text_digit_run(p + 1, end); /* whatever the first byte is */
    bool digits_only = *p != '.' && (*p | 0x20) != 'e';
    if (*p == '.') p = text_digit_run(p + 1, end);
    if ((*p | 0x20) == 'e') p = text_digit_run(p + 2, end);
    if (r->look && r->t->whole) r->t->whole = is_whole(start, p, digits_only);
    return p;
}

static const char *past_text(reader *r, const char *p)
{
    json_cursor at = {p};
    json_slice text = json_read_string(&at);
    r->t->whole = false;
    if (json_is(text, "NaN") || json_is(text, "Infinity") || json_is(text, "-Infinity"))
        return at.at;
    return element_fail(r, "wrong_type", "expected a number, found the string \"%.*s\"; the "
                        "strings that stand for numbers are \"NaN\", \"Infinity\" and \"-Infinity\"",
                        (int)(text.n < 80 ? text.n : 80), text.at);
}

static const char *past_element(reader *r, const char *p)
{
    tensor_text *t = r->t;
    if (r->leaf < 0 && r->deepest <= r->depth) r->leaf = r->depth;
    if (r->leaf != r->depth)
        return element_fail(r, "ragged_array", "expected an array as beside it, found %s",
                            json_type_name(json_peek((json_cursor){p})));
    if (++t->count > r->c->host.elements)
        return element_fail(r, "tensor_too_large", "a tensor may have at most %lld elements",
                            (long long)r->c->host.elements);
    if ((t->count & 65535) == 0 && grad_is_set(&r->c->stop))
        return element_fail(r, "deadline_exceeded", "the deadline passed while tensors were read");
    switch (*p) {
    case 't': r->truths++; return p + 4;
    case 'f': r->truths++; return p + 5;
    case '"': return past_text(r, p);
    case 'n': return element_fail(r, "wrong_type", "expected a number, found null");
    case '{':
        return element_fail(r, "wrong_type", "expected a number or an array, found an object");
    default: return past_number(r, p);
    }
}

/* ---- nested arrays --------------------------------------------------------------------------- */

/* Closes the arrays that end at p. Past them, or NULL. */
static const char *past_ends(reader *r, const char *p)
{
    tensor_text *t = r->t;
    while (r->depth > 0 && *p == ']') {
        int level = --r->depth;
        int64_t found = r->place[level];
        if (r->closed[level] && t->dim[level] != found)
            return element_fail(r, "ragged_array", "this array has %lld element%s, the one before "
                                "it %lld", (long long)found, found == 1 ? "" : "s",
                                (long long)t->dim[level]);
        r->closed[level] = true;
        t->dim[level] = found;
        p++;
        if (r->depth == 0) return p;
        r->place[r->depth - 1]++;
        p = past_space(p);
    }
    return p;
}

static const char *open_array(reader *r, const char *p)
{
    if (r->depth == r->leaf)
        return element_fail(r, "ragged_array", "expected a number as beside it, found an array");
    if (r->depth == GRAD_RANK_MAX)
        return element_fail(r, "tensor_too_large", "a tensor has at most %d axes", GRAD_RANK_MAX);
    r->place[r->depth++] = 0;
    if (r->deepest < r->depth) r->deepest = r->depth;
    return past_space(p + 1);
}

static int measure(reader *r, const char *p)
{
    tensor_text *t = r->t;
    t->whole = true;
    r->leaf = -1;
    do {
        if (*p == '[') {
            if (!(p = open_array(r, p))) return -1;
            if (*p != ']') continue;
        } else {
            if (!(p = past_element(r, p))) return -1;
            if (r->depth == 0) break;
            r->place[r->depth - 1]++;
            p = past_space(p);
        }
        if (!(p = past_ends(r, p))) return -1;
        if (r->depth > 0 && *p == ',') p = past_space(p + 1);
    } while (r->depth > 0);
    t->rank = r->leaf >= 0 ? r->leaf : r->deepest;
    t->truths = r->truths == t->count;
    if (r->truths > 0) t->whole = false;
    return 0;
}

/* ---- the object form ------------------------------------------------------------------------- */

static const char *known_member(const void *list, size_t i)
{
    static const char *const members[] = {"shape", "dtype", "data", "base64", NULL};
    (void)list;
    return members[i];
}

static int unknown_member(reader *r, json_slice member)
{
    char below[300] = "";
    pointer at;
    pointer_start(&at, "%s", "");
    pointer_name(&at, member);
    if (!at.full && at.n < sizeof below) memcpy(below, at.at, at.n + 1);
    const char *near = api_nearest(member.at, member.n, known_member, NULL);
    int n = (int)(member.n < 80 ? member.n : 80);
    if (near)
        return spot_fail(r->c, r->at, "unknown_member", below, "a tensor has no member \"%.*s\"; "
                         "did you mean \"%s\"?", n, member.at, near);
    return spot_fail(r->c, r->at, "unknown_member", below, "a tensor has no member \"%.*s\"; it "
                     "takes shape, dtype, and data or base64", n, member.at);
}

static int read_dtype(reader *r, json_cursor at)
{
    json_slice whole = json_skip(&(json_cursor){at.at});
    if (json_peek(at) == KIND_STRING) {
        json_slice text = json_read_string(&at);
        char plain[16];
        size_t n = text.n <= sizeof plain ? json_unescape(plain, text) : 0;
        r->t->named = true;
        if (grad_dtype_find(&r->t->dtype, plain, n)) return 0;
    }
    return spot_fail(r->c, r->at, "wrong_type", "/dtype", "\"dtype\" must be \"float64\", "
                     "\"float32\", \"int64\", \"int32\" or \"bool\", found %.*s",
                     (int)(whole.n < 80 ? whole.n : 80), whole.at);
}

/* One size, and the product so far; the zeros are left out of it, so that [0, 2^62] is refused. */
static int read_size(reader *r, json_cursor *at, int i, int64_t *product)
{
    char below[32];
    snprintf(below, sizeof below, "/shape/%d", i);
    json_slice text = json_skip(&(json_cursor){at->at});
    if (json_peek(*at) != KIND_NUMBER)
        return spot_fail(r->c, r->at, "wrong_type", below, "a size must be a whole number, found "
                         "%s", json_type_name(json_peek(*at)));
    json_number x = json_read_number(at);
    if ((!x.is_whole && x.real < 9e18) || x.real < 0)
        return spot_fail(r->c, r->at, "bad_number", below, "a size must be a whole number from 0 "
                         "on, found %.*s", (int)(text.n < 80 ? text.n : 80), text.at);
    r->t->dim[i] = x.whole;
    if (!x.is_whole || (x.whole > 0 && *product > r->c->host.elements / x.whole))
        return spot_fail(r->c, r->at, "tensor_too_large", "/shape", "the shape claims more than "
                         "the %lld elements that a tensor may have", (long long)r->c->host.elements);
    if (x.whole > 0) *product *= x.whole;
    return 0;
}

static int read_shape(reader *r, json_cursor at)
{
    int64_t product = 1;
    bool empty = false;
    if (json_peek(at) != KIND_ARRAY)
        return spot_fail(r->c, r->at, "wrong_type", "/shape", "\"shape\" must be a list of sizes, "
                         "found %s", json_type_name(json_peek(at)));
    r->t->rank = 0;
    for (json_enter(&at); json_more(&at); r->t->rank++) {
        if (r->t->rank == GRAD_RANK_MAX)
            return spot_fail(r->c, r->at, "tensor_too_large", "/shape", "a tensor has at most %d "
                             "axes", GRAD_RANK_MAX);
        if (read_size(r, &at, r->t->rank, &product) < 0) return -1;
        empty = empty || r->t->dim[r->t->rank] == 0;
    }
    r->t->count = empty ? 0 : product;
    return 0;
}

/* Holds data against the shape beside it: nested in that shape, or one flat list. */
static int check_shape(reader *r, const tensor_text *given)
{
    tensor_text *t = r->t;
    char want[SHAPE_ROOM], found[SHAPE_ROOM];
    bool same = t->rank == given->rank &&
                memcmp(t->dim, given->dim, (size_t)t->rank * sizeof *t->dim) == 0;
    t->flat = t->rank == 1;
    if (same) return 0;
    bool fits = t->rank == 1 && t->count == given->count;
    if (!fits && t->rank == 1)
        return spot_fail(r->c, r->at, "shape_mismatch", "/data", "the shape %s takes %lld "
                         "element%s, \"data\" has %lld", shape_text(want, given->rank, given->dim),
                         (long long)given->count, given->count == 1 ? "" : "s", (long long)t->count);
    if (!fits)
        return spot_fail(r->c, r->at, "shape_mismatch", "/data", "\"shape\" is %s, \"data\" has "
                         "the shape %s", shape_text(want, given->rank, given->dim),
                         shape_text(found, t->rank, t->dim));
    t->rank = given->rank;
    memcpy(t->dim, given->dim, sizeof t->dim);
    return 0;
}

static int measure_object(reader *r, json_cursor at)
{
    tensor_text *t = r->t, given;
    const char *shape = NULL, *base64 = NULL;
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice member = json_name(&at);
        int result = 0;
        if (json_is(member, "shape")) result = read_shape(r, at), shape = at.at;
        else if (json_is(member, "dtype")) result = read_dtype(r, at);
        else if (json_is(member, "data")) t->data = at.at;
        else if (json_is(member, "base64")) base64 = at.at;
        else result = unknown_member(r, member);
        if (result < 0) return -1;
    }
    if (!t->data == !base64)
        return spot_fail(r->c, r->at, t->data ? "wrong_type" : "missing_member", "",
                         "a tensor has either \"data\" or \"base64\"%s",
                         t->data ? ", this one both" : "");
    if (base64) {
        json_cursor text = {base64};
        if (json_peek(text) != KIND_STRING)
            return spot_fail(r->c, r->at, "wrong_type", "/base64", "\"base64\" must be a string, "
                             "found %s", json_type_name(json_peek(text)));
        if (!shape || !t->named)
            return spot_fail(r->c, r->at, "missing_member", "", "base64 says neither shape nor "
                             "type; give \"%s\"", shape ? "dtype" : "shape");
        t->base64 = json_read_string(&text);
        return 0;
    }
    given = *t;
    t->rank = 0;
    t->count = 0;
    t->in_object = true;
    if (measure(r, t->data) < 0) return -1;
    return shape ? check_shape(r, &given) : 0;
}

int tensor_measure(tensor_text *out, api_call *c, const char *text, bool look, const spot *at)
{
    reader r = {.c = c, .t = out, .at = at, .look = look, .end = c->body + c->length};
    uintptr_t from = (uintptr_t)text - (uintptr_t)c->body;
    if (from >= c->length) r.end = text + strlen(text);
    json_cursor start = {text};
    memset(out, 0, offsetof(tensor_text, dim));
    if (json_peek(start) == KIND_OBJECT) return measure_object(&r, start);
    out->data = text;
    return measure(&r, text);
}
