/* op.c -- reading a row: what it says of itself, and its attributes as given by a caller. */
#include "op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph.h"

const char *grad_op_name(const grad_op *op) { return op->name; }
const char *grad_op_doc(const grad_op *op) { return op->doc; }
const char *grad_op_gradient(const grad_op *op) { return op->gradient; }
const char *grad_op_example(const grad_op *op) { return op->example; }
bool grad_op_is_variadic(const grad_op *op) { return op->variadic; }

bool grad_op_is_differentiable(const grad_op *op)
{
    return op->expand ? op->rule != no_gradient : op->rule && op->rule != no_gradient;
}

size_t grad_op_inputs(const grad_op *op)
{
    size_t n = 0;
    while (n < GRAD_INPUTS_MAX && op->in[n].name) n++;
    return n;
}

const char *grad_op_input_name(const grad_op *op, size_t i) { return op->in[i].name; }
bool grad_op_input_is_optional(const grad_op *op, size_t i) { return op->in[i].optional; }

grad_role grad_op_role(const grad_op *op, size_t operand)
{
    size_t n = grad_op_inputs(op);
    if (operand >= n) return op->variadic && n ? op->in[n - 1].role : GRAD_ROLE_NUMBER;
    return op->in[operand].role;
}

size_t grad__attributes(const grad_op *op)
{
    size_t n = 0;
    while (n < GRAD_ATTRIBUTES_MAX && op->attr[n].name) n++;
    return n;
}

size_t grad_op_attributes(const grad_op *op) { return grad__attributes(op); }
const char *grad_op_attribute_name(const grad_op *op, size_t i) { return op->attr[i].name; }

const char *grad_op_attribute_type(const grad_op *op, size_t i)
{
    static const char *const types[] = {
        [ATTR_NONE] = "none",      [ATTR_INT] = "integer", [ATTR_REAL] = "number",
        [ATTR_NUMBER] = "number or boolean", [ATTR_BOOL] = "boolean",
        [ATTR_INTS] = "integer or list of integers", [ATTR_PAIRS] = "list of [before, after]",
        [ATTR_LISTS] = "integer or two lists of integers",
        [ATTR_REALS] = "number or list of numbers",
        [ATTR_TEXT] = "string",    [ATTR_STRING] = "string",
        [ATTR_FUNCTION] = "name of a function",
        [ATTR_DTYPE] = "dtype",    [ATTR_TENSOR] = "tensor",
    };
    return types[op->attr[i].type];
}

const char *grad_op_attribute_choices(const grad_op *op, size_t i)
{
    return op->attr[i].choices;
}

const grad_value *grad_op_attribute_default(const grad_op *op, size_t i)
{
    return op->attr[i].required ? NULL : &op->attr[i].otherwise;
}

int grad_op_results_of(const grad_op *op)
{
    for (size_t k = 0; k < grad__attributes(op); k++)
        if (op->attr[k].type == ATTR_FUNCTION && op->attr[k].gives_results) return (int)k;
    return -1;
}

bool grad_op_attribute_is_function(const grad_op *op, size_t i)
{
    return op->attr[i].type == ATTR_FUNCTION;
}

/* ---- names that are nearly right ---------------------------------------------------------------- */

/* Edits that turn a into b; a swap of neighbours is one edit. Gives up above `most`. */
static size_t distance(const char *a, size_t n, const char *b, size_t m, size_t most)
{
    enum { LONGEST = 40 };
    size_t row[3][LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return most + 1;
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

/* ---- attributes as given ------------------------------------------------------------------------ */

static void describe(char *text, size_t room, const grad_value *v)
{
    int cut = v->n < 60 ? (int)v->n : 60;
    if (v->kind == GRAD_TEXT && v->n > 60) /* not within a character of UTF-8 */
        while (cut > 0 && ((unsigned char)v->text[cut] & 0xc0) == 0x80) cut--;
    switch (v->kind) {
    case GRAD_NULL: snprintf(text, room, "null"); break;
    case GRAD_TRUTH: snprintf(text, room, v->i ? "true" : "false"); break;
    case GRAD_INT: snprintf(text, room, "%lld", (long long)v->i); break;
    case GRAD_REAL: snprintf(text, room, "%s", NUMBER(v->r)); break;
    case GRAD_TEXT: snprintf(text, room, "\"%.*s\"", cut, v->text); break;
    case GRAD_LIST: snprintf(text, room, "a list"); break;
    case GRAD_REALS: snprintf(text, room, "a list with a fraction"); break;
    case GRAD_PAIRS:
    case GRAD_LISTS: snprintf(text, room, "a list of lists"); break;
    }
}

static int refuse(grad_error *err, const grad_op *op, const grad_attribute_row *row,
                  const grad_value *v, const char *expected)
{
    char found[80] = "";
    if (err->code != GRAD_OK) return -1;
    describe(found, sizeof found, v);
    grad_fail(err, GRAD_BAD_ATTRIBUTE, "%s: attribute `%s` must be %s%s, found %s", op->name,
              row->name, expected, row->nullable ? ", or null" : "", found);
    snprintf(err->attribute, sizeof err->attribute, "%s", row->name);
    return -1;
}

static bool whole(const grad_value *v, int64_t *out)
{
    if (v->kind == GRAD_INT) *out = v->i;
    else if (v->kind == GRAD_REAL && v->r == floor(v->r) && fabs(v->r) < 9.2e18) *out = (int64_t)v->r;
    else return false;
    return true;
}

static bool text_is(const grad_value *v, const char *text)
{
    return v->kind == GRAD_TEXT && v->n == strlen(text) && memcmp(v->text, text, v->n) == 0;
}

static bool real(const grad_value *v, double *out)
{
    if (v->kind == GRAD_INT) *out = (double)v->i;
    else if (v->kind == GRAD_REAL) *out = v->r;
    else if (text_is(v, "Infinity")) *out = INFINITY;
    else if (text_is(v, "-Infinity")) *out = -INFINITY;
    else if (text_is(v, "NaN")) *out = NAN;
    else return false;
    return true;
}

static int choice(grad_value *out, const grad_op *op, const grad_attribute_row *row,
                  const grad_value *v, grad_error *err)
{
    char expected[200] = "";
    size_t written = 0;
    int64_t place = 0;
    if (row->type == ATTR_INTS) snprintf(expected, sizeof expected, "an integer, a list of them, ");
    written = strlen(expected);
    for (const char *at = row->choices; v->kind == GRAD_TEXT; place++) {
        size_t n = strcspn(at, "|");
        if (n == v->n && memcmp(at, v->text, n) == 0) {
            *out = (grad_value)INT_(place);
            return 0;
        }
        if (!at[n]) break;
        at += n + 1;
    }
    for (const char *at = row->choices; written < sizeof expected;) { /* "mean", "sum" or "none" */
        size_t n = strcspn(at, "|");
        const char *next = at[n] ? at + n + 1 : NULL;
        written += (size_t)snprintf(expected + written, sizeof expected - written, "\"%.*s\"%s",
                                    (int)n, at, !next ? "" : strchr(next, '|') ? ", " : " or ");
        if (!next) break;
        at = next;
    }
    return refuse(err, op, row, v, expected);
}

/* A list of integers is one of numbers too: its doubles are kept in `room`, as far as they fit. */
static int reals(grad_value *out, const grad_op *op, const grad_attribute_row *row,
                 const grad_value *v, double room[GRAD_RANK_MAX], grad_error *err)
{
    if (v->kind == GRAD_REALS) {
        *out = *v;
        return 0;
    }
    *out = (grad_value){.kind = GRAD_REALS, .n = 1, .reals = room};
    if (v->kind != GRAD_LIST || v->n > GRAD_RANK_MAX)
        return real(v, room) ? 0 : refuse(err, op, row, v, "a number or a list of numbers");
    for (uint32_t i = 0; i < v->n; i++) room[i] = (double)v->list[i];
    out->n = v->n;
    return 0;
}

/* `room` is where a number is kept that stands for a list. */
static int convert(grad_value *out, const grad_op *op, const grad_attribute_row *row,
                   const grad_value *v, attribute_room *room, grad_error *err)
{
    grad_dtype dtype;
    double r;
    int64_t i;
    if (v->kind == GRAD_NULL) {
        if (!row->nullable && !(row->otherwise.kind == GRAD_NULL && !row->required))
            return refuse(err, op, row, v, "given a value");
        *out = (grad_value)NOTHING;
        return 0;
    }
    switch (row->type) {
    case ATTR_INT:
        if (!whole(v, &i)) return refuse(err, op, row, v, "an integer");
        *out = (grad_value)INT_(i);
        return 0;
    case ATTR_REAL:
        if (!real(v, &r)) return refuse(err, op, row, v, "a number");
        *out = (grad_value)REAL_(r);
        return 0;
    case ATTR_NUMBER:
        if (v->kind == GRAD_TRUTH) *out = *v;
        else if (v->kind == GRAD_INT) *out = *v;
        else if (real(v, &r)) *out = (grad_value)REAL_(r);
        else return refuse(err, op, row, v, "a number");
        return 0;
    case ATTR_BOOL:
        if (v->kind != GRAD_TRUTH) return refuse(err, op, row, v, "true or false");
        *out = *v;
        return 0;
    case ATTR_INTS:
        if (v->kind == GRAD_LIST) {
            *out = *v;
        } else if (whole(v, &room->one)) {
            *out = (grad_value){.kind = GRAD_LIST, .n = 1, .list = &room->one};
        } else if (row->choices) {
            return choice(out, op, row, v, err);
        } else {
            return refuse(err, op, row, v, "an integer or a list of integers");
        }
        return 0;
    case ATTR_REALS:
        return reals(out, op, row, v, room->reals, err);
    case ATTR_FUNCTION:
        if (v->kind != GRAD_TEXT) return refuse(err, op, row, v, "the name of a function");
        *out = *v;
        return 0;
    case ATTR_STRING:
        if (v->kind != GRAD_TEXT) return refuse(err, op, row, v, "a text");
        *out = *v;
        return 0;
    case ATTR_PAIRS:
        if (v->kind != GRAD_PAIRS && !(v->kind == GRAD_LIST && v->n == 0))
            return refuse(err, op, row, v, "a list of pairs [before, after]");
        *out = *v;
        out->kind = GRAD_PAIRS;
        return 0;
    case ATTR_LISTS:
        if (whole(v, &i)) {
            *out = (grad_value)INT_(i);
        } else if (v->kind == GRAD_LISTS || (v->kind == GRAD_PAIRS && v->n == 4) ||
                   (v->kind == GRAD_LIST && v->n == 2)) {
            *out = *v;
            out->kind = GRAD_LISTS;
        } else {
            return refuse(err, op, row, v, "an integer or two lists of integers of one length");
        }
        return 0;
    case ATTR_TEXT:
        return choice(out, op, row, v, err);
    case ATTR_DTYPE:
        if (v->kind != GRAD_TEXT || !grad_dtype_find(&dtype, v->text, v->n))
            return refuse(err, op, row, v,
                          "\"float64\", \"float32\", \"int64\", \"int32\" or \"bool\"");
        *out = (grad_value)INT_(dtype);
        return 0;
    case ATTR_TENSOR:
    case ATTR_NONE:
        break;
    }
    return grad_fail(err, GRAD_INTERNAL, "%s: attribute without a type", op->name);
}

void grad__attributes_default(grad_value *v, const grad_op *op)
{
    for (size_t k = 0; k < GRAD_ATTRIBUTES_MAX && op->attr[k].name; k++) v[k] = op->attr[k].otherwise;
}

static int unknown_attribute(const grad_op *op, const grad_attribute *a, grad_error *err)
{
    char known[200] = "it has none";
    const char *near = NULL;
    size_t n = 0, least = 3;
    for (size_t k = 0; k < grad__attributes(op); k++) {
        const char *name = op->attr[k].name;
        size_t d = distance(a->name, a->length, name, strlen(name), least);
        if (d < least) {
            least = d;
            near = name;
        }
        n += (size_t)snprintf(known + n, n < sizeof known ? sizeof known - n : 0, "%s%s",
                              k ? ", " : "it takes ", name);
        if (n >= sizeof known) break;
    }
    grad_fail(err, GRAD_UNKNOWN_ATTRIBUTE, "%s has no attribute \"%.*s\"%s%s%s; %s", op->name,
              (int)(a->length < 60 ? a->length : 60), a->name, near ? "; did you mean \"" : "",
              near ? near : "", near ? "\"?" : "", known);
    snprintf(err->attribute, sizeof err->attribute, "%.*s", (int)(a->length < 31 ? a->length : 31),
             a->name);
    return -1;
}

int grad__attributes_read(grad_value *v, const grad_op *op, const grad_attribute *attrs, size_t n,
                          attribute_room *room, grad_error *err)
{
    bool given[GRAD_ATTRIBUTES_MAX] = {false};
    grad__attributes_default(v, op);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0, count = grad__attributes(op);
        while (k < count && !(strlen(op->attr[k].name) == attrs[i].length &&
                              memcmp(op->attr[k].name, attrs[i].name, attrs[i].length) == 0))
            k++;
        if (k == count) return unknown_attribute(op, &attrs[i], err);
        if (convert(&v[k], op, &op->attr[k], &attrs[i].value, &room[k], err) < 0) return -1;
        given[k] = true;
    }
    for (size_t k = 0; k < grad__attributes(op); k++)
        if (op->attr[k].required && !given[k]) {
            grad_fail(err, GRAD_MISSING_ATTRIBUTE, "%s needs the attribute \"%s\" (%s)", op->name,
                      op->attr[k].name, grad_op_attribute_type(op, k));
            snprintf(err->attribute, sizeof err->attribute, "%s", op->attr[k].name);
            return -1;
        }
    return 0;
}

int grad_op_check(const grad_op *op, const grad_attribute *attrs, size_t n, grad_error *err)
{
    grad_value v[GRAD_ATTRIBUTES_MAX];
    attribute_room room[GRAD_ATTRIBUTES_MAX];
    return grad__attributes_read(v, op, attrs, n, room, err);
}

size_t grad_op_results(const grad_op *op, const grad_attribute *attrs, size_t n, size_t n_in)
{
    grad_value v[GRAD_ATTRIBUTES_MAX];
    attribute_room room[GRAD_ATTRIBUTES_MAX];
    grad_error err = {0};
    if (op->one_each) return n_in > 1 ? n_in - 1 : 1;
    if (!op->results || grad__attributes_read(v, op, attrs, n, room, &err) < 0) return 1;
    size_t count = op->results(v);
    return count ? count : 1;
}
