/* expression_parse.c -- expressions: operators by precedence, brackets, and what they are made of.
 *
 * Chains (a + b + c …) and rows of signs are loops; only what nests goes deeper on the stack, and
 * never beyond a fixed depth.
 */
#include <math.h>
#include <string.h>

#include "expression_parse.h"
#include "json_text.h"
#include "table.h"

/* ---- signs ----------------------------------------------------------------------------------- */

enum { COMPARING = 1, ADDING, MULTIPLYING };

typedef struct infix {
    sign s;
    uint8_t binds, length;
} infix;

/* The operator at p->at that binds two operands; of powers see below. */
static inline infix look(const parser *p)
{
    char c = p->at[0], d;
    switch (c) {
    case '+': return (infix){SIGN_ADD, ADDING, 1};
    case '-': return (infix){SIGN_SUB, ADDING, 1};
    case '*': return (infix){SIGN_MUL, MULTIPLYING, 1};
    case '/':
        d = p->at[1];
        return d == '/' ? (infix){SIGN_FLOOR, MULTIPLYING, 2} : (infix){SIGN_DIV, MULTIPLYING, 1};
    case '%': return (infix){SIGN_REM, MULTIPLYING, 1};
    case '@': return (infix){SIGN_MATMUL, MULTIPLYING, 1};
    case '<':
        d = p->at[1];
        return d == '=' ? (infix){SIGN_LE, COMPARING, 2} : (infix){SIGN_LT, COMPARING, 1};
    case '>':
        d = p->at[1];
        return d == '=' ? (infix){SIGN_GE, COMPARING, 2} : (infix){SIGN_GT, COMPARING, 1};
    case '=':
        if (p->at[1] == '=') return (infix){SIGN_EQ, COMPARING, 2};
        break;
    case '!':
        if (p->at[1] == '=') return (infix){SIGN_NE, COMPARING, 2};
        break;
    default: break;
    }
    return (infix){SIGN_NONE, 0, 0};
}

/* ---- atoms ----------------------------------------------------------------------------------- */

/* "W.T" and "W.T.T": an id, if there is one, or W the other way round; settled at the end. */
static value dotted(parser *p, json_slice id, uint32_t at)
{
    enum { MOST = 32 };
    document *d = p->r.d;
    source *s = d->source;
    uint32_t number;
    size_t base = id.n, times = 0;
    while (base > 2 && memcmp(id.at + base - 2, ".T", 2) == 0) base -= 2, times++;
    if (times > MOST) {
        syntax_fail(p, id.at, "so many .T in a row are not read");
        return ended();
    }
    if (intern(p, (json_slice){id.at, base}, &number) < 0) return ended();
    value v = {number, at};
    for (size_t k = 1; k <= times && !is_skipping(p); k++) {
        uint32_t full;
        if (intern(p, (json_slice){id.at, base + 2 * k}, &full) < 0) return ended();
        v = make_node(p, SIGN_T, at, 1, &v);
        if (is_ended(v)) return v;
        if (s->n_dots == s->dot_room) {
            source_dot *grown = table_grow(&p->r.c->host, s->dot, &s->dot_room, sizeof *grown,
                                           &p->r.err);
            if (!grown) {
                parser_end(p);
                return ended();
            }
            s->dot = grown;
        }
        s->dot[s->n_dots++] = (source_dot){p->r.node, full};
    }
    return is_skipping(p) ? skipped(at) : v;
}

/* A further result, `s:1`. */
static value further(parser *p, json_slice id, uint32_t at)
{
    uint32_t result, number, operand;
    size_t n = split_result(id.at, id.n, &result);
    if (intern(p, (json_slice){id.at, n}, &number) < 0) return ended();
    if (is_skipping(p)) return skipped(at);
    if (result == 0) return (value){number, at};
    doc_odd odd = {.kind = ODD_RESULT, .at = number, .result = result};
    p->r.d->results = true;
    return put_literal(p, odd, &operand) < 0 ? ended() : (value){operand, at};
}

static value truth(parser *p, bool is, uint32_t at)
{
    uint32_t operand;
    doc_odd odd = {.kind = ODD_TRUTH, .whole = is};
    if (is_skipping(p)) return skipped(at);
    return put_literal(p, odd, &operand) < 0 ? ended() : (value){operand, at};
}

static value named(parser *p)
{
    const char *start = p->at;
    uint32_t number, at = place_of(p, start);
    json_slice id;
    if (read_id(p, &id) < 0) return ended();
    skip(p);
    if (*p->at == '(') return call(p, id, at);
    if (*start == '`') return further(p, id, at);
    if (id.n > 3 && id.n < 7 && is_keyword(id)) {
        if (*id.at == 't' || *id.at == 'f') return truth(p, *id.at == 't', at);
        if (*id.at == 'n') return is_skipping(p) ? skipped(at) : (value){OPERAND_ABSENT, at};
    }
    if (id.n == 3 ? slice_is(id, "def") : slice_is(id, "return")) {
        if (id.n == 3) syntax_fail(p, start, "def begins a statement: def name(a, b) { return a }");
        else syntax_fail(p, start, "return stands at the end of a def's body");
        return ended();
    }
    if (id.n > 2 && memcmp(id.at + id.n - 2, ".T", 2) == 0) return dotted(p, id, at);
    if (intern(p, id, &number) < 0) return ended();
    return is_skipping(p) ? skipped(at) : (value){number, at};
}

static value text_here(parser *p)
{
    const char *at = p->at;
    size_t before = p->json.n;
    if (literal(p, false) < 0) return ended();
    p->json.n = before;
    problem_at(p, "wrong_type", at, "a text is an attribute's value, and no operand");
    return skipped(place_of(p, at));
}

static value atom(parser *p)
{
    const char *at = p->at;
    if (text_is_digit(*at) || (*at == '.' && text_is_digit(at[1]))) return number_operand(p);
    if (id_length(at) || *at == '`') return named(p);
    if (*at == '(') {
        if (enter(p, at, true) < 0) return ended();
        value v = expression(p);
        return is_ended(v) || leave(p, ')', at) < 0 ? ended() : v;
    }
    if (*at == '[') return list_operand(p);
    if (*at == '"' || *at == '\'') return text_here(p);
    syntax_expected(p, "a value");
    return ended();
}

static value postfix(parser *p)
{
    value v = atom(p);
    for (;;) {
        char c = *p->at;
        if (is_ended(v)) return v;
        if (c == '[') {
            v = index_of(p, v);
        } else if (c == '.' && p->at[1] == 'T' &&
                   (p->at[2] == '.' || id_length(p->at + 1) == 1)) {
            uint32_t at = place_of(p, p->at);
            p->at += 2;
            skip(p);
            v = make_node(p, SIGN_T, at, 1, &v);
        } else if (c == '(') {
            syntax_fail(p, p->at, "expected an operator, found '('; a product is written with *");
            return ended();
        } else {
            return v;
        }
    }
}

/* ---- operators ------------------------------------------------------------------------------- */

static value unary(parser *p);

static value power(parser *p)
{
    value in[2] = {postfix(p)};
    bool stars = p->at[0] == '*' && p->at[1] == '*';
    if (is_ended(in[0]) || (!stars && *p->at != '^')) return in[0];
    const char *at = p->at;
    if (enter(p, at, false) < 0) return ended();
    p->at += 1 + stars;
    skip(p);
    in[1] = unary(p);
    if (is_ended(in[1])) return ended();
    p->depth--;
    return make_node(p, SIGN_POW, place_of(p, at), 2, in);
}

/* A number that a minus stands before is a number. False: it is none. */
static bool negate(parser *p, value v)
{
    if (!is_literal(v)) return false;
    doc_odd *odd = &p->r.d->odd[v.operand & ~OPERAND_ODD];
    if (odd->kind == ODD_REAL) {
        const char *at = p->start + v.at;
        bool lowest = odd->real == 0x1p63 && number_length(p, at) < 60;
        odd->real = -odd->real;
        if (!lowest) return true;
        char text[64] = "-"; /* may be -2^63, which is an int64 though 2^63 is none */
        memcpy(text + 1, at, number_length(p, at));
        json_number x = json_read_number(&(json_cursor){text});
        if (x.is_whole) *odd = (doc_odd){.kind = ODD_WHOLE, .whole = x.whole};
        return true;
    }
    if (odd->kind != ODD_WHOLE) return false;
    if (odd->whole == INT64_MIN) *odd = (doc_odd){.kind = ODD_REAL, .real = 0x1p63};
    else if (odd->whole == 0) *odd = (doc_odd){.kind = ODD_REAL, .real = -0.0};
    else odd->whole = -odd->whole;
    return true;
}

static value unary(parser *p)
{
    char c = *p->at;
    if (c != '-' && c != '+') return power(p);
    uint32_t minus = 0, at = place_of(p, p->at);
    for (; c == '-' || c == '+'; c = *p->at) {
        minus += c == '-';
        p->at++;
        skip(p);
    }
    value v = power(p);
    for (; minus > 0 && !is_ended(v); minus--)
        if (!negate(p, v)) v = make_node(p, SIGN_NEG, at, 1, &v);
    return v;
}

/* `left` and all that follows and binds at least so much. */
static value climb(parser *p, value left, unsigned least)
{
    for (;;) {
        infix i = look(p);
        if (i.binds < least || i.s == SIGN_NONE) return left;
        uint32_t at = place_of(p, p->at);
        p->at += i.length;
        skip(p);
        value in[2] = {left, unary(p)};
        if (is_ended(in[1])) return in[1];
        if (look(p).binds > i.binds) in[1] = climb(p, in[1], i.binds + 1u);
        if (is_ended(in[1])) return in[1];
        left = make_node(p, i.s, at, 2, in);
        if (is_ended(left)) return left;
        if (i.binds == COMPARING && look(p).binds == COMPARING) {
            syntax_fail(p, p->at, "comparisons do not chain; write logical_and(a < b, b < c)");
            return ended();
        }
    }
}

value expression(parser *p)
{
    value v = unary(p);
    return is_ended(v) ? v : climb(p, v, COMPARING);
}
