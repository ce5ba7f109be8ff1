/* expression_literal.c -- numbers, texts and lists of a program, handed on as JSON where attributes
 * and tensors are to be made of them: those are read by the same code as in a graph object.
 */
#include <math.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"

/* ---- words ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *json;
    double value;
} words[] = {
    {"pi", "3.141592653589793", 3.141592653589793},
    {"e", "2.718281828459045", 2.718281828459045},
    {"inf", "\"Infinity\"", INFINITY},
    {"nan", "\"NaN\"", NAN},
};

int find_word(json_slice id)
{
    for (int k = 0; k < 4; k++)
        if (slice_is(id, words[k].name)) return k;
    return -1;
}

double word_value(uint32_t k) { return words[k].value; }
const char *word_json(uint32_t k) { return words[k].json; }

/* ---- numbers --------------------------------------------------------------------------------- */

size_t number_length(const parser *p, const char *at)
{
    const char *s = text_digit_run(at, p->end);
    bool digits = s > at;
    if (*s == '.') {
        const char *after = text_digit_run(s + 1, p->end);
        if (!digits && after == s + 1) return 0;
        if (!(after == s + 1 && *after == '.')) s = after; /* of 1... the point is another's */
        digits = true;
    }
    if (digits && (*s | 0x20) == 'e') {
        const char *e = s + 1 + (s[1] == '-' || s[1] == '+');
        if (text_is_digit(*e)) s = text_digit_run(e, p->end);
    }
    return digits ? (size_t)(s - at) : 0;
}

/* The number's bytes, or 0 with the call ended. */
static size_t number_here(parser *p)
{
    const char *at = p->at;
    size_t n = number_length(p, at);
    if (*at == '0' && n > 1 && text_is_digit(at[1])) {
        syntax_fail(p, at, "a number does not start with 0");
        return 0;
    }
    size_t run = n ? id_length(at + n) : 0;
    if (n && (run || text_is_digit(at[n]) || (at[n] == '.' && at[n + 1] != '.'))) {
        if (run)
            syntax_fail(p, at + n, "expected an operator after the number, found '%.*s'; a product "
                        "is written with *", (int)(run < 40 ? run : 40), at + n);
        else
            syntax_fail(p, at + n, "the number goes on after its end");
        return 0;
    }
    if (!n) syntax_expected(p, "a number");
    return n;
}

value number_operand(parser *p)
{
    const char *at = p->at;
    uint32_t operand, place = place_of(p, at);
    size_t n = number_here(p);
    if (!n) return ended();
    json_number x = json_read_number(&(json_cursor){at});
    p->at = at + n;
    skip(p);
    if (is_skipping(p)) return skipped(place);
    if (isinf(x.real)) {
        problem_at(p, "bad_number", at, "the number is beyond float64; infinity is written inf");
        return skipped(place);
    }
    doc_odd odd = {.kind = ODD_REAL, .real = x.real};
    if (x.is_whole) odd = (doc_odd){.kind = ODD_WHOLE, .whole = x.whole};
    return put_literal(p, odd, &operand) < 0 ? ended() : (value){operand, place};
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static int number_json(parser *p, bool minus)
{
    size_t n = number_here(p);
    if (!n) return -1;
    if (minus) buffer_byte(&p->json, '-');
    if (*p->at == '.') buffer_byte(&p->json, '0');
    const char *point = memchr(p->at, '.', n);
    size_t before = point ? (size_t)(point - p->at) : n;
    buffer_add(&p->json, p->at, before);
    if (point) {
        bool bare = before + 1 == n || !text_is_digit(point[1]);
        buffer_text(&p->json, bare ? ".0" : ".");
        buffer_add(&p->json, point + 1, n - before - 1);
    }
    p->at += n;
    return 0;
}

static int string_json(parser *p)
{
    const char *at = p->at, *close = memchr(at + 1, *at, (size_t)(p->end - at - 1));
    if (!close || memchr(at, '\n', (size_t)(close - at)))
        return syntax_fail(p, at, "the text that begins here has no end on its line");
    buffer_string(&p->json, at + 1, (size_t)(close - at - 1));
    p->at = close + 1;
    return 0;
}

/* A word, or where they are asked for any id, as a text. */
static int word_here(parser *p, bool minus, bool ids)
{
    const char *at = p->at;
    json_slice id;
    if (read_id(p, &id) < 0) return -1;
    int word = *at == '`' ? -1 : find_word(id);
    const char *after = p->at;
    while (*after == ' ') after++;
    if (*after == '(') word = -2;
    if (word >= 0) {
        if (minus && word != 3) {
            bool text = *word_json((uint32_t)word) == '"';
            buffer_text(&p->json, text ? "\"-" : "-");
            buffer_text(&p->json, word_json((uint32_t)word) + text);
        } else {
            buffer_text(&p->json, word_json((uint32_t)word));
        }
        return 0;
    }
    bool plain = slice_is(id, "true") || slice_is(id, "false") || slice_is(id, "null");
    plain = plain && *at != '`';
    if (word == -1 && !minus && plain) {
        buffer_add(&p->json, id.at, id.n);
        return 0;
    }
    if (word == -1 && !minus && ids) {
        buffer_string(&p->json, id.at, id.n);
        return 0;
    }
    p->at = at;
    return 1;
}

static int scalar_json(parser *p, bool ids)
{
    const char *start = p->at;
    bool minus = false;
    while (*p->at == '-' || *p->at == '+') {
        minus ^= *p->at++ == '-';
        skip(p);
    }
    char c = *p->at;
    int result = 1;
    if (text_is_digit(c) || (c == '.' && text_is_digit(p->at[1]))) result = number_json(p, minus);
    else if ((c == '"' || c == '\'') && p->at == start) result = string_json(p);
    else if (id_length(p->at) || c == '`') result = word_here(p, minus, ids && p->at == start);
    if (result == 0) skip(p);
    else if (result > 0) p->at = start;
    return result;
}

/* Lists are gone through with a count of those that are open. */
static int list_json(parser *p)
{
    const char *start = p->at;
    uint32_t depth = p->depth, brackets = p->brackets, open = 0;
    for (;;) {
        if (*p->at == '[') {
            if (enter(p, p->at, true) < 0) return -1;
            buffer_byte(&p->json, '[');
            open++;
            if (*p->at != ']') continue;
        } else {
            int result = scalar_json(p, false);
            if (result < 0) return -1;
            if (result > 0) break;
        }
        while (open && *p->at == ']') {
            if (leave(p, ']', start) < 0) return -1;
            buffer_byte(&p->json, ']');
            open--;
        }
        if (!open) return 0;
        if (*p->at != ',') break;
        p->at++;
        skip(p);
        if (*p->at != ']') buffer_byte(&p->json, ',');
        while (open && *p->at == ']') { /* a comma may stand behind the last item */
            if (leave(p, ']', start) < 0) return -1;
            buffer_byte(&p->json, ']');
            open--;
            if (open && *p->at == ',') {
                p->at++;
                skip(p);
                if (*p->at != ']') buffer_byte(&p->json, ',');
            }
        }
        if (!open) return 0;
        if ((p->json.n & 65535) < 16 && grad_is_set(&p->r.c->stop)) {
            grad_fail(&p->r.err, GRAD_STOPPED, "the deadline passed while the graph was read");
            return parser_end(p);
        }
    }
    p->at = start;
    p->depth = depth;
    p->brackets = brackets;
    return 1;
}

int literal(parser *p, bool ids)
{
    size_t before = p->json.n;
    int result = *p->at == '[' ? list_json(p) : scalar_json(p, ids);
    if (p->json.failed) {
        grad_fail(&p->r.err, p->json.failed, "the graph's literals take more memory than is left");
        return parser_end(p);
    }
    if (result > 0) p->json.n = before;
    return result;
}

/* ---- lists as operands ----------------------------------------------------------------------- */

/* A list that holds something other than numbers: read on, for what else there may be. */
static value list_of_expressions(parser *p)
{
    const char *open = p->at;
    problem_at(p, "wrong_type", open, "a list holds numbers; tensors are joined by stack(a, b, "
               "axis=0)");
    if (enter(p, open, true) < 0) return ended();
    while (*p->at != ']') {
        if (is_ended(expression(p))) return ended();
        if (*p->at != ',') break;
        p->at++;
        skip(p);
    }
    return leave(p, ']', open) < 0 ? ended() : skipped(place_of(p, open));
}

value list_operand(parser *p)
{
    const char *open = p->at;
    size_t before = p->json.n;
    uint32_t number, operand, at = place_of(p, open);
    int result = literal(p, false);
    if (result < 0) return ended();
    if (result > 0) return list_of_expressions(p);
    const char *text = arena_text(&p->r.c->arena, p->json.at + before, p->json.n - before);
    p->json.n = before;
    if (!text) {
        grad_fail(&p->r.err, GRAD_OUT_OF_MEMORY, "memory is short");
        parser_end(p);
        return ended();
    }
    if (is_skipping(p)) return skipped(at);
    if (push_tensor(&p->r, &number, text, NO_NAME) < 0) return ended();
    doc_odd odd = {.kind = ODD_TENSOR, .at = number};
    return put_literal(p, odd, &operand) < 0 ? ended() : (value){operand, at};
}
