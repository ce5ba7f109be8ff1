/* tensor_fill.c -- a tensor's elements, from text or base64 into the bytes of its type.
 *
 * The text has been measured: it is rectangular, and every element is a number, a truth value or
 * one of the strings that stand for numbers. So brackets, commas and spaces can be stepped over
 * alike.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "table.h"
#include "tensor.h"

/* Base64 is decoded in groups, which may end up to two bytes behind the last element. */
enum { SPARE = 3 };

typedef struct filler {
    api_call *c;
    const tensor_text *t;
    const spot *at;
    grad_dtype dtype;
    int64_t i; /* the element */
} filler;

size_t tensor_room(const tensor_text *t, grad_dtype dtype)
{
    return (size_t)t->count * grad_dtype_size(dtype) + SPARE;
}

static int element_fail(filler *f, const char *p, const char *expected)
{
    const tensor_text *t = f->t;
    char below[GRAD_RANK_MAX * 12 + 16];
    int64_t place[GRAD_RANK_MAX], left = f->i;
    size_t n = (size_t)snprintf(below, sizeof below, "%s", t->in_object ? "/data" : "");
    for (int k = t->rank; k-- > 0;) {
        place[k] = left % t->dim[k];
        left /= t->dim[k];
    }
    if (t->flat)
        snprintf(below + n, sizeof below - n, "/%lld", (long long)f->i);
    else
        for (int k = 0; k < t->rank && n + 12 < sizeof below; k++)
            n += (size_t)snprintf(below + n, sizeof below - n, "/%lld", (long long)place[k]);
    json_slice text = json_skip(&(json_cursor){p});
    return spot_fail(f->c, f->at, "bad_number", below, "expected %s, found %.*s", expected,
                     (int)(text.n < 80 ? text.n : 80), text.at);
}

static const char *to_element(const char *p)
{
    while (*p == ',' || *p == '[' || *p == ']' || text_is_space(*p)) p++;
    return p;
}

static bool poll(filler *f)
{
    if (!grad_is_set(&f->c->stop)) return true;
    spot_fail(f->c, f->at, "deadline_exceeded", "", "the deadline passed while tensors were read");
    return false;
}

/* ---- reals ----------------------------------------------------------------------------------- */

/* true and false, and the strings. */
static double other_real(json_cursor *at)
{
    if (json_peek(*at) != KIND_STRING) {
        double truth = json_peek(*at) == KIND_TRUE;
        json_skip(at);
        return truth;
    }
    json_slice text = json_read_string(at);
    return json_is(text, "NaN") ? NAN : json_is(text, "Infinity") ? INFINITY : -INFINITY;
}

static bool is_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

static int fill_doubles(filler *f, double *to)
{
    json_cursor at = {f->t->data};
    for (f->i = 0; f->i < f->t->count; f->i++) {
        at.at = to_element(at.at);
        const char *start = at.at;
        if ((f->i & 65535) == 65535 && !poll(f)) return -1;
        to[f->i] = is_number(*start) ? json_read_real(&at) : other_real(&at);
        if (isinf(to[f->i]) && is_number(*start))
            return element_fail(f, start, "a number within float64");
    }
    return 0;
}

static int fill_floats(filler *f, float *to)
{
    json_cursor at = {f->t->data};
    for (f->i = 0; f->i < f->t->count; f->i++) {
        at.at = to_element(at.at);
        const char *start = at.at;
        if ((f->i & 65535) == 65535 && !poll(f)) return -1;
        to[f->i] = is_number(*start) ? json_read_float(&at) : (float)other_real(&at);
        if (isinf(to[f->i]) && is_number(*start))
            return element_fail(f, start, "a number within float32");
    }
    return 0;
}

/* ---- integers and truth values --------------------------------------------------------------- */

static int fill_others(filler *f, void *to)
{
    static const struct { const char *expected; int64_t low, high; } range[GRAD_DTYPES] = {
        [GRAD_INT64] = {"a whole number within int64", INT64_MIN, INT64_MAX},
        [GRAD_INT32] = {"a whole number within int32", INT32_MIN, INT32_MAX},
        [GRAD_BOOL] = {"true or false", 0, 1},
    };
    json_cursor at = {f->t->data};
    for (f->i = 0; f->i < f->t->count; f->i++) {
        at.at = to_element(at.at);
        const char *start = at.at;
        json_number x = {.is_whole = false};
        if ((f->i & 65535) == 65535 && !poll(f)) return -1;
        if (is_number(*start)) {
            x = json_read_number(&at);
        } else {
            x.is_whole = *start != '"';
            x.whole = *start == 't';
            json_skip(&at);
        }
        if (!x.is_whole || x.whole < range[f->dtype].low || x.whole > range[f->dtype].high)
            return element_fail(f, start, range[f->dtype].expected);
        if (f->dtype == GRAD_INT64) ((int64_t *)to)[f->i] = x.whole;
        else if (f->dtype == GRAD_INT32) ((int32_t *)to)[f->i] = (int32_t)x.whole;
        else ((uint8_t *)to)[f->i] = (uint8_t)x.whole;
    }
    return 0;
}

/* ---- base64 ---------------------------------------------------------------------------------- */

static int check_truths(filler *f, const uint8_t *at)
{
    for (int64_t i = 0; i < f->t->count; i++)
        if (at[i] > 1)
            return spot_fail(f->c, f->at, "bad_number", "/base64", "byte %lld is %u; in a bool it "
                             "must be 0 or 1", (long long)i, at[i]);
    return 0;
}

static int decode(filler *f, void *to, json_slice text)
{
    size_t bytes = (size_t)f->t->count * grad_dtype_size(f->dtype), found = text.n / 4 * 3;
    char shape[SHAPE_ROOM];
    for (size_t i = 1; i <= 2 && i <= text.n; i++) found -= text.at[text.n - i] == '=';
    if (text.n % 4 != 0)
        return spot_fail(f->c, f->at, "bad_base64", "/base64", "base64 comes in groups of four "
                         "characters with = at the end, found %zu characters", text.n);
    if (found != bytes)
        return spot_fail(f->c, f->at, "shape_mismatch", "/base64", "the shape %s takes %zu bytes "
                         "of %s, \"base64\" has %zu", shape_text(shape, f->t->rank, f->t->dim), bytes,
                         grad_dtype_name(f->dtype), found);
    if (!base64_read(to, &found, text.at, text.n) || found != bytes)
        return spot_fail(f->c, f->at, "bad_base64", "/base64", "the text is not base64 of the "
                         "alphabet A-Z a-z 0-9 + /");
    return f->dtype == GRAD_BOOL ? check_truths(f, to) : 0;
}

static int fill_base64(filler *f, void *to)
{
    json_slice text = f->t->base64;
    grad_error err = {0};
    if (!memchr(text.at, '\\', text.n)) return decode(f, to, text);
    /* "\/" is how some write a slash in JSON */
    grad_host *host = &f->c->host;
    char *plain = table_new(host, text.n, 1, &err);
    if (!plain) {
        api_fail_core(f->c, &err, NULL, NULL);
        return -1;
    }
    int result = decode(f, to, (json_slice){plain, json_unescape(plain, text)});
    table_free(host, plain, text.n, 1);
    return result;
}

int tensor_fill(void *to, api_call *c, const tensor_text *t, grad_dtype dtype, const spot *at)
{
    filler f = {.c = c, .t = t, .at = at, .dtype = dtype};
    if (!t->data) return fill_base64(&f, to);
    if (dtype == GRAD_FLOAT64) return fill_doubles(&f, to);
    if (dtype == GRAD_FLOAT32) return fill_floats(&f, to);
    return fill_others(&f, to);
}
