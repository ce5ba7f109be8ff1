/* linalg_einsum.c -- einsum: an equation read as labels of axes.
 *
 * It is read twice, so that nothing has to be kept for any number of operands: once to
 * check it and to learn every label's size, and once to take the operands.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "products.h"
#include "shape.h"

enum { LETTERS = 52 };

/* The labels that stand for the axes of an ellipsis, from the last axis backwards. */
static uint8_t label_of_ellipsis(int from_last) { return (uint8_t)(GRAD_LABELS - from_last); }

static int label_of_letter(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static char letter_of(int label) { return (char)(label < 26 ? 'A' + label : 'a' + label - 26); }

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct equation {
    B *b;
    const char *text;
    uint32_t n, at;
    size_t seen[LETTERS]; /* how often a letter stands before the arrow */
    int axes;             /* that an ellipsis stands for, at most */
} equation;

__attribute__((format(printf, 2, 3)))
static int bad(const equation *e, const char *format, ...)
{
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return grad_expand_fail(e->b, GRAD_BAD_ATTRIBUTE, -1, "equation", "einsum: %s", text);
}

static bool next_is(const equation *e, const char *word)
{
    size_t n = strlen(word);
    return e->n - e->at >= n && memcmp(e->text + e->at, word, n) == 0;
}

/* The letters and the ellipsis of an operand, or of the result. */
typedef struct subscripts {
    int n, before; /* letters, and those before the ellipsis */
    bool ellipsis;
    uint8_t label[GRAD_RANK_MAX];
    uint32_t at;   /* where they begin */
} subscripts;

static int strange(const equation *e)
{
    unsigned char c = (unsigned char)e->text[e->at];
    if (c == '.')
        return bad(e, "character %" PRIu32 " is a dot, and dots stand in threes", e->at + 1);
    if (c < 0x20 || c >= 0x7f)
        return bad(e, "character %" PRIu32 " is no letter (byte 0x%02x)", e->at + 1, c);
    return bad(e, "character %" PRIu32 ", '%c', is neither a letter nor \"...\", \",\" or \"->\"",
               e->at + 1, c);
}

/* Reads up to the next comma, arrow or end. */
static int read_subscripts(equation *e, subscripts *s)
{
    *s = (subscripts){.at = e->at};
    for (; e->at < e->n; e->at++) {
        char c = e->text[e->at];
        int label = label_of_letter(c);
        if (c == ' ') continue;
        if (c == ',' || next_is(e, "->")) break;
        if (label >= 0) {
            if (s->n == GRAD_RANK_MAX)
                return bad(e, "at character %" PRIu32 " there are more letters than a tensor may "
                           "have axes, %d", e->at + 1, GRAD_RANK_MAX);
            s->label[s->n++] = (uint8_t)label;
        } else if (!next_is(e, "...")) {
            return strange(e);
        } else if (s->ellipsis) {
            return bad(e, "character %" PRIu32 " begins a second \"...\" of one operand",
                       e->at + 1);
        } else {
            s->ellipsis = true;
            s->before = s->n;
            e->at += 2;
        }
    }
    if (!s->ellipsis) s->before = s->n;
    return 0;
}

/* The labels of an operand with `axes` axes for the ellipsis. */
static void lay_out(grad_labelled *to, const subscripts *s, int axes)
{
    to->rank = 0;
    for (int i = 0; i < s->before; i++) to->label[to->rank++] = s->label[i];
    for (int i = 0; i < axes; i++) to->label[to->rank++] = label_of_ellipsis(axes - i);
    for (int i = s->before; i < s->n; i++) to->label[to->rank++] = s->label[i];
}

/* ---- einsum ---------------------------------------------------------------------------------- */

static int wrong_size(grad_contraction *c, const equation *e, const grad_labelled *x, size_t k,
                      int axis)
{
    char text[96], name[32];
    const grad_shape *s = v_shape(e->b, x->v);
    uint8_t label = x->label[axis];
    snprintf(name, sizeof name, label < LETTERS ? "axis \"%c\"" : "an axis of \"...\"",
             letter_of(label));
    int64_t size = c->size[label];
    for (int i = 0; i < axis; i++)
        if (x->label[i] == label) size = s->dim[i];
    return grad_expand_fail(e->b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                            "einsum: %s has size %" PRId64 " in operand %zu, of shape %s, and size "
                            "%" PRId64 " before it",
                            name, s->dim[axis], k, grad__dims_text(text, s->rank, s->dim), size);
}

/* Reads operand k of the equation, whose tensor is x, and where `learn` is set notes its sizes. */
static int read_operand(grad_contraction *c, equation *e, size_t k, grad_labelled *x, bool learn)
{
    char text[96];
    subscripts s;
    const grad_shape *shape = v_shape(e->b, x->v);
    if (k > 0) e->at++; /* the comma */
    if (read_subscripts(e, &s) < 0) return -1;
    int axes = shape->rank - s.n;
    if (axes < 0 || (axes > 0 && !s.ellipsis))
        return grad_expand_fail(e->b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                                "einsum: operand %zu has shape %s, and the equation gives it %d "
                                "letter%s (from character %" PRIu32 " on)%s",
                                k, grad__dims_text(text, shape->rank, shape->dim), s.n,
                                s.n == 1 ? "" : "s", s.at + 1,
                                s.ellipsis ? " and an ellipsis" : "");
    lay_out(x, &s, axes);
    if (!learn) return 0;
    if (axes > e->axes) e->axes = axes;
    for (int i = 0; i < s.n; i++) e->seen[s.label[i]]++;
    int axis = grad__label_axes(c, e->b, x);
    return axis < 0 ? 0 : wrong_size(c, e, x, k, axis);
}

static int keep(grad_contraction *c, equation *e, const subscripts *s)
{
    grad_labelled result;
    int axes = s->ellipsis ? e->axes : 0;
    if (s->n + axes > GRAD_RANK_MAX)
        return bad(e, "the result would have %d axes, and a tensor has %d at most", s->n + axes,
                   GRAD_RANK_MAX);
    lay_out(&result, s, axes);
    c->rank = result.rank;
    memcpy(c->label, result.label, (size_t)result.rank);
    for (int i = 0; i < c->rank; i++) c->kept[c->label[i]] = true;
    return 0;
}

/* Without an arrow: the ellipsis, then the letters that stand once only. */
static int implicit_result(grad_contraction *c, equation *e)
{
    subscripts s = {.ellipsis = true};
    for (int label = 0; label < LETTERS; label++) {
        if (e->seen[label] != 1) continue;
        if (s.n == GRAD_RANK_MAX) return bad(e, "the result would have more than %d axes", s.n);
        s.label[s.n++] = (uint8_t)label;
    }
    return keep(c, e, &s);
}

static int explicit_result(grad_contraction *c, equation *e)
{
    subscripts s;
    e->at += 2;
    if (read_subscripts(e, &s) < 0) return -1;
    if (e->at < e->n)
        return bad(e, "character %" PRIu32 ", '%c', stands after the result", e->at + 1,
                   e->text[e->at]);
    for (int i = 0; i < s.n; i++) {
        char letter = letter_of(s.label[i]);
        if (e->seen[s.label[i]] == 0)
            return bad(e, "the result has \"%c\" (after character %" PRIu32 "), and no operand has",
                       letter, s.at);
        if (memchr(s.label, s.label[i], (size_t)i))
            return bad(e, "the result has \"%c\" twice (after character %" PRIu32 ")", letter,
                       s.at);
    }
    return keep(c, e, &s);
}

/* Everything that can be wrong, and all sizes. */
static int read_all(grad_contraction *c, equation *e, const grad_args *a)
{
    size_t operands = 1;
    for (; e->at < e->n && !next_is(e, "->"); e->at++) operands += e->text[e->at] == ',';
    e->at = 0;
    for (size_t k = 0; k < a->n_in && k < operands; k++) {
        grad_labelled x = {.v = a->in[k]};
        if (read_operand(c, e, k, &x, true) < 0) return -1;
    }
    if (operands != a->n_in)
        return bad(e, "the equation has %zu operand%s, and %zu %s given", operands,
                   operands == 1 ? "" : "s", a->n_in, a->n_in == 1 ? "is" : "are");
    return e->at < e->n ? explicit_result(c, e) : implicit_result(c, e);
}

static int einsum_expand(B *b, const grad_args *a, V *out)
{
    grad_contraction c = {0};
    equation e = {.b = b, .text = a->attr[0].text, .n = a->attr[0].n};
    if (read_all(&c, &e, a) < 0) return -1;
    e.at = 0;
    for (size_t k = 0; k < a->n_in && !v_failed(b); k++) {
        grad_labelled x = {.v = a->in[k]};
        if (read_operand(&c, &e, k, &x, false) < 0) return -1;
        grad__contract(&c, b, &x, k + 1 == a->n_in);
    }
    *out = grad__contracted(&c, b);
    return 0;
}

const grad_op grad__op_einsum = {
    .name = "einsum",
    .doc = "Sums of products in Einstein's notation: \"ij,jk->ik\" is a matrix product. A letter "
           "an axis, \"...\" for the axes without one; letters that the result lacks are summed "
           "over. Without \"->\" the result has the ellipsis, then the letters that stand once, in "
           "the order of the alphabet, capitals first. Axes of size 1 broadcast.",
    .gradient = "to each operand the same sum with g in its place",
    .in = {{.name = "a"}},
    .variadic = true,
    .attr = {{.name = "equation", .type = ATTR_STRING, .required = true}},
    .types = TYPES_PROMOTE,
    .expand = einsum_expand,
    .example =
        "einsum([[1, 2], [3, 4]], [[5, 6], [7, 8]], equation=\"ij,jk->ik\") -> "
        "[[19, 22], [43, 50]]\n"
        "einsum([[1, 2], [3, 4]], equation=\"ii\") -> 5\n"
        "einsum([[1, 2], [3, 4]], equation=\"ii->i\") -> [1, 4]\n"
        "einsum([[1, 2, 3], [4, 5, 6]], equation=\"ba\") -> [[1, 4], [2, 5], [3, 6]]\n"
        "einsum([[1, 2], [3, 4]], equation=\"aB\") -> [[1, 3], [2, 4]]\n"
        "einsum([[1, 2], [3, 4]], equation=\" i j -> \") -> 10\n"
        "einsum([[1, 2], [3, 4]], [5, 6], equation=\"...i,i->...\") -> [17, 39]\n"
        "einsum([[1, 2], [3, 4]], [5, 6], equation=\"i...,...\") -> [[5, 15], [12, 24]]\n"
        "einsum([1, 2], [3, 4], [5, 6], equation=\"i,j,i->ji\") -> [[15, 36], [20, 48]]\n"
        "einsum([1, 2, 3], [4], equation=\"i,i->i\") -> [4, 8, 12]\n"
        "einsum([[[1, 2]], [[3, 4]]], [[5], [6]], equation=\"bij,bi->bj\") -> [[5, 10], [18, 24]]\n"
        "einsum(2, 3, equation=\",\") -> 6",
    .trials = "[3] equation=\"i->\"; [2,3] equation=\"ji\"; [3,3] equation=\"ii\"; "
              "[2,3,2,3] equation=\"abab->ba\"; [2,3] [3,4] equation=\"ij,jk\"; "
              "[2,3] [4,3] equation=\"ij,kj->ki\"; [2,3,4] [2,4,2] equation=\"bij,bjk->bik\"; "
              "[2,3,4] [4,2] equation=\"bij,jb->bi\"; [2,3] [3,2] equation=\"ij,ji->i\"; "
              "[2,3] [2,3] equation=\"ij,ij\"; [2,3] [4] equation=\"ij,k->kij\"; "
              "[2,3] [3,2] [2,2] equation=\"ij,jk,kl->il\"; "
              "[2,1,3] [3] equation=\"...ik,...j->ij\"; "
              "[2,3] [1,3] equation=\"ij,ij->ij\"; [2,3] [2,1] equation=\"ij,ij->\"; "
              "[0,3] [3,2] equation=\"ij,jk->ik\"; [2,0] [0,3] equation=\"ij,jk->ik\"; "
              "[2,3,2,2] [2,4,2,2] equation=\"bqhd,bkhd->bhqk\"; [] [2] equation=\",i->i\"; "
              "[2,2,3] [2] [3,3] equation=\"aai,a,ij->j\"",
};

extern const grad_op grad__op_tensordot; /* linalg_tensordot.c */

const grad_op *const grad__family_linalg_einsum[] = {
    &grad__op_einsum,
    &grad__op_tensordot,
    NULL,
};
