/* expression_index.c -- x[1, 2:4, ..., null, i]: one node that holds the whole index, for which
 * axis an item is about depends on the rank where there is an ellipsis.
 */
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"
#include "table.h"

enum { MOST = 2 * GRAD_RANK_MAX + 1, EACH = 4 };

typedef struct index_state {
    uint32_t first;            /* of its items in p->item: kind, start, stop, step each */
    uint32_t n;
    value tensor;              /* the one among them, or an operand of OPERAND_ABSENT */
    bool ellipsis;
} index_state;

/* -1: the call has ended. */
static int put(parser *p, index_state *s, const char *at, grad_index_kind kind, int64_t start,
               int64_t stop, int64_t step)
{
    if (s->n == MOST) {
        problem_at(p, "bad_attribute", at, "an index has more items than a tensor can have axes, %d",
                   GRAD_RANK_MAX);
        return 0;
    }
    while (p->n_items + EACH > p->item_room) {
        int64_t *grown = table_grow(&p->r.c->host, p->item, &p->item_room, sizeof *grown,
                                    &p->r.err);
        if (!grown) return parser_end(p);
        p->item = grown;
    }
    int64_t *item = &p->item[p->n_items];
    p->n_items += EACH;
    s->n++;
    item[0] = kind;
    item[1] = start;
    item[2] = stop;
    item[3] = step;
    return 0;
}

/* A whole number with its sign; false, and p->at stays, where there is none. */
static bool whole_here(parser *p, int64_t *out)
{
    const char *at = p->at, *digits;
    bool minus = *at == '-';
    char text[24] = "-";
    if (*at == '-' || *at == '+') p->at++;
    while (*p->at == ' ') p->at++;
    digits = p->at;
    size_t n = (size_t)(text_digit_run(digits, p->end) - digits);
    const char *after = digits + n;
    if (n == 0 || n > 19 || *after == '.' || id_length(after)) {
        bool dots = n && n < 20 && after[0] == '.' && after[1] == '.';
        if (!dots) {
            p->at = at;
            return false;
        }
    }
    memcpy(text + 1, digits, n);
    json_number x = json_read_number(&(json_cursor){minus ? text : text + 1});
    p->at = after;
    skip(p);
    *out = x.whole;
    if (x.is_whole) return true;
    p->at = at;
    return false;
}

/* What follows the first colon of a slice. */
static int slice_item(parser *p, index_state *s, const char *at, bool started, int64_t start)
{
    int64_t stop = 0, step = 1;
    p->at++;
    skip(p);
    bool stopped = whole_here(p, &stop);
    if (*p->at == ':') {
        p->at++;
        skip(p);
        whole_here(p, &step);
    }
    if (*p->at != ',' && *p->at != ']')
        return syntax_fail(p, p->at, "the bounds of a slice are whole numbers; for places that are "
                           "computed there is take(x, indices, axis=0)");
    if (step == 0) problem_at(p, "bad_attribute", at, "the step of a slice may not be zero");
    if (!started) start = step < 0 ? INT64_MAX : 0;
    if (!stopped) stop = step < 0 ? INT64_MIN : INT64_MAX;
    return put(p, s, at, GRAD_INDEX_SLICE, start, stop, step);
}

static void no_mask(parser *p, const char *at)
{
    problem_at(p, "dtype_mismatch", at, "an index is a place or a tensor of places, and no mask; "
               "to choose by truth values there is where(cond, a, b)");
}

/* An item that is some expression. */
static int computed(parser *p, index_state *s, const char *at)
{
    const char *first = at;
    while (*first == '[' || *first == ' ') first++;
    json_slice word = {first, id_length(first)};
    bool mask = slice_is(word, "true") || slice_is(word, "false");
    value v = expression(p);
    if (is_ended(v)) return -1;
    if (*p->at == ':')
        return syntax_fail(p, at, "the bounds of a slice are whole numbers; for places that are "
                           "computed there is take(x, indices, axis=0)");
    if (is_skipping(p)) return 0;
    if (v.operand == OPERAND_ABSENT) {
        return put(p, s, at, GRAD_INDEX_NEW, 0, 0, 0);
    }
    if (is_literal(v)) {
        const doc_odd *odd = &p->r.d->odd[v.operand & ~OPERAND_ODD];
        if (odd->kind == ODD_WHOLE) {
            return put(p, s, at, GRAD_INDEX_AT, odd->whole, 0, 0);
        }
        if (odd->kind == ODD_REAL) {
            problem_at(p, "dtype_mismatch", at, "an index is a whole number");
            return 0;
        }
        if (odd->kind == ODD_TRUTH || (mask && odd->kind == ODD_TENSOR)) {
            no_mask(p, at);
            return 0;
        }
    }
    if (s->tensor.operand != OPERAND_ABSENT) {
        problem_at(p, "bad_attribute", at, "one item of an index at most is a tensor; index twice, "
                   "or use gather(x, indices, axis=0)");
        return 0;
    }
    s->tensor = (value){v.operand, place_of(p, at)};
    return put(p, s, at, GRAD_INDEX_TENSOR, 0, 0, 0);
}

static int item(parser *p, index_state *s)
{
    const char *at = p->at;
    int64_t place = 0;
    if (at[0] == '.' && at[1] == '.' && at[2] == '.') {
        p->at += 3;
        skip(p);
        if (s->ellipsis) return syntax_fail(p, at, "an index has one ... at most");
        s->ellipsis = true;
        return put(p, s, at, GRAD_INDEX_REST, 0, 0, 0);
    }
    bool whole = whole_here(p, &place);
    if (*p->at == ':') return slice_item(p, s, at, whole, place);
    if (whole && (*p->at == ',' || *p->at == ']')) {
        return put(p, s, at, GRAD_INDEX_AT, place, 0, 0);
    }
    p->at = at;
    return computed(p, s, at);
}

static value add(parser *p, const index_state *s, value of, uint32_t at)
{
    size_t n = EACH * s->n;
    int64_t *list = arena_new(&p->r.c->arena, n, sizeof *list, &p->r.err);
    grad_attribute *attr = arena_new(&p->r.c->arena, 1, sizeof *attr, &p->r.err);
    if (!list || !attr) {
        parser_end(p);
        return ended();
    }
    memcpy(list, p->item + s->first, n * sizeof *list);
    *attr = (grad_attribute){"items", 5, {.kind = GRAD_LIST, .n = (uint32_t)n, .list = list}};
    if (begin_node(p, grad_op_index(), at) < 0 || put_operand(p, of) < 0) return ended();
    if (s->tensor.operand != OPERAND_ABSENT && put_operand(p, s->tensor) < 0) return ended();
    doc_more *m = push_more(&p->r);
    if (!m) {
        parser_end(p);
        return ended();
    }
    m->attr = attr;
    m->n = 1;
    m->further = p->r.d->n_further;
    p->r.d->roles = p->r.d->roles || s->tensor.operand != OPERAND_ABSENT;
    return (value){p->r.name, at};
}

value index_of(parser *p, value of)
{
    const char *open = p->at;
    index_state s = {.first = p->n_items, .tensor = {OPERAND_ABSENT, 0}};
    bool before = is_skipping(p);
    if (enter(p, open, true) < 0) return ended();
    if (*p->at == ']') {
        syntax_fail(p, p->at, "expected an index between the brackets");
        return ended();
    }
    while (*p->at != ']') {
        if (item(p, &s) < 0) return ended();
        if (*p->at != ',') break;
        p->at++;
        skip(p);
    }
    if (leave(p, ']', open) < 0) return ended();
    if (!is_skipping(p) && of.operand == OPERAND_ABSENT)
        problem_at(p, "wrong_arity", open, "null has no elements");
    if (is_skipping(p) && !before && p->failed_place == NO_NAME)
        p->failed_place = place_of(p, open);
    value v = is_skipping(p) ? skipped(place_of(p, open)) : add(p, &s, of, place_of(p, open));
    p->n_items = s.first;
    return v;
}
