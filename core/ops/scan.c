/* scan.c -- scan and map: loops over slices, and loops of loops where memory is to be saved. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "control.h"
#include "shape.h"

extern const grad_op grad__op_concat; /* shape_join.c */

typedef struct scan {
    const grad_args *a;
    const V *in;
    size_t n, carries, sliced, shared;
    int64_t length;
    bool reverse;
    int64_t number;
    function *f;
} scan;

/* The length that the sliced operands agree on, and `length` too where it is given. */
static int find_length(B *b, scan *s, const grad_value *given)
{
    char text[96];
    bool known = given && given->kind != GRAD_NULL;
    s->length = known ? given->i : -1;
    for (size_t k = s->carries; k < s->carries + s->sliced; k++) {
        const grad_shape *x = v_shape(b, s->in[k]);
        if (x->rank == 0)
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL, "%s: operand %zu is taken "
                                    "slice by slice along axis 0 and has no axis; the last `shared` "
                                    "operands go whole to every step", s->a->op->name, k);
        if (s->length < 0) s->length = x->dim[0];
        if (s->length != x->dim[0])
            return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL, "%s: operand %zu of shape "
                                    "%s has %" PRId64 " slices along axis 0, and there are %" PRId64
                                    " steps", s->a->op->name, k,
                                    grad__dims_text(text, x->rank, x->dim), x->dim[0], s->length);
    }
    if (s->length >= 0) return 0;
    return grad_expand_fail(b, given ? GRAD_MISSING_ATTRIBUTE : GRAD_WRONG_ARITY, -1,
                            given ? "length" : NULL, given
                            ? "%s: without operands to slice, the attribute `length` says how many "
                              "steps there are"
                            : "%s: there is no operand to slice", s->a->op->name);
}

static int find_body(B *b, scan *s, int attribute)
{
    operand_type *type = grad__control_types(b, s->in, s->n);
    if (!type) return -1;
    for (size_t k = s->carries; k < s->carries + s->sliced; k++) {
        type[k].rank--;
        type[k].dim++;
    }
    s->f = grad__control_find(&s->number, b, s->a, attribute, type, s->n);
    grad__free(b->g->host, type, s->n * sizeof *type);
    return s->f ? grad__control_carries(b, s->a, s->f, s->in, s->carries) : -1;
}

/* `length` steps of function `number`: final carries, stacked results. in[]: carries, sliced,
   shared. out[] is left without the tapes. */
static int append_loop(B *b, V *out, const scan *s, int64_t number, int64_t length, const V *in)
{
    size_t results = s->f->n_out + s->carries, room = 1 + s->n + results;
    V *all = grad__array(b, room, sizeof *all), *made;
    if (!all) return -1;
    all[0] = GRAD_NONE;
    if (s->n) memcpy(all + 1, in, s->n * sizeof *in);
    made = all + 1 + s->n;
    grad_value attr[] = {[LOOP_BODY] = INT_(number),
                         [LOOP_RESULTS] = INT_((int64_t)s->f->n_out),
                         [LOOP_CARRIES] = INT_((int64_t)s->carries),
                         [LOOP_SLICED] = INT_((int64_t)s->sliced),
                         [LOOP_LENGTH] = INT_(length),
                         [LOOP_REVERSE] = BOOL_(s->reverse)};
    v_emits(b, made, &grad__op_loop, s->n + 1, all, sizeof attr / sizeof *attr, attr);
    memcpy(out, made, s->f->n_out * sizeof *out);
    grad__free(b->g->host, all, room * sizeof *all);
    return v_failed(b) ? -1 : 0;
}

/* ---- checkpoints: a loop of loops ---------------------------------------------------------------- */

/* x's rows from `start` on, `count` of them, as `segments` along a new first axis where that is > 0. */
static V rows(B *b, V x, int64_t start, int64_t count, int64_t segments)
{
    const grad_shape *s = v_shape(b, x);
    int64_t dim[GRAD_RANK_MAX + 1], stop = start + count, zero = 0;
    if (v_failed(b)) return GRAD_NONE;
    if (count != s->dim[0])
        x = v_emit(b, &grad__op_slice, 1, &x, 4, (grad_value[]){
            grad__list(&start, 1), grad__list(&stop, 1), NOTHING, grad__list(&zero, 1)});
    if (segments <= 0 || v_failed(b)) return x;
    dim[0] = segments;
    dim[1] = count / segments;
    memcpy(dim + 2, s->dim + 1, (size_t)(s->rank - 1) * sizeof *dim);
    return v_reshape(b, x, s->rank + 1, dim);
}

/* A function that is `length` steps of s->f at once. */
static int segment_function(int64_t *number, B *b, const scan *s, int64_t length)
{
    struct { size_t mark, carries, sliced; int64_t kind, number, length, reverse; } key;
    memset(&key, 0, sizeof key);
    key.mark = SIZE_MAX, key.kind = 's', key.number = s->number, key.length = length;
    key.carries = s->carries, key.sliced = s->sliced, key.reverse = s->reverse;
    const function *f = s->f;
    size_t room = s->n * (GRAD_RANK_MAX + 1);
    operand_type *type = grad__array(b, s->n, sizeof *type);
    int64_t *dim = grad__array(b, room, sizeof *dim);
    function *made = NULL;
    int result = -1;
    for (size_t k = 0; k < s->n && type && dim; k++) {
        int64_t *mine = dim + k * (GRAD_RANK_MAX + 1);
        bool slice = k >= s->carries && k < s->carries + s->sliced;
        operand_type t = grad__type_of(f->body, f->in[k]);
        mine[0] = length;
        if (t.rank) memcpy(mine + 1, t.dim, (size_t)t.rank * sizeof *mine);
        type[k] = slice ? (operand_type){t.dtype, t.rank + 1, mine} : t;
    }
    if (type && dim)
        result = grad__function_begin(number, &made, b, &key, sizeof key, type, s->n, f->n_out);
    if (result == 0) {
        B inner = {made->body, b->err, NULL};
        result = append_loop(&inner, made->out, s, s->number, length, made->in);
        if (result == 0) result = grad__function_add(number, b, made);
        if (result < 0) grad__function_drop(made);
    }
    grad__free(b->g->host, type, s->n * sizeof *type);
    grad__free(b->g->host, dim, room * sizeof *dim);
    return result < 0 ? -1 : 0;
}

/* Segments of about the square root of the steps, and what is left over after them in time. The
   derivative of the outer loop computes each segment again when it comes to it. */
static int append_checkpoints(B *b, V *out, const scan *s)
{
    int64_t each = (int64_t)sqrt((double)s->length), segment;
    while ((uint64_t)each * (uint64_t)each < (uint64_t)s->length) each++; /* once or never */
    int64_t segments = s->length / each, whole = segments * each, rest = s->length - whole;
    V *in = grad__array(b, s->n, sizeof *in), *tail = grad__array(b, s->f->n_out, sizeof *tail);
    scan outer = *s;
    int result = -1;
    if (!in || !tail || segment_function(&segment, b, s, each) < 0) goto done;
    for (size_t k = 0; k < s->n; k++) {
        bool slice = k >= s->carries && k < s->carries + s->sliced;
        in[k] = slice ? rows(b, s->in[k], s->reverse ? rest : 0, whole, segments) : s->in[k];
    }
    if (append_loop(b, out, &outer, segment, segments, in) < 0) goto done;
    for (size_t r = s->carries; r < s->f->n_out; r++) { /* [segments, each, …] to [whole, …] */
        const grad_shape *y = v_shape(b, out[r]);
        int64_t dim[GRAD_RANK_MAX];
        dim[0] = whole;
        memcpy(dim + 1, y->dim + 2, (size_t)(y->rank - 2) * sizeof *dim);
        out[r] = v_reshape(b, out[r], y->rank - 1, dim);
    }
    result = v_failed(b) ? -1 : 0;
    if (rest == 0 || result < 0) goto done;
    for (size_t k = 0; k < s->n; k++) {
        bool slice = k >= s->carries && k < s->carries + s->sliced;
        in[k] = k < s->carries ? out[k]
              : slice ? rows(b, s->in[k], s->reverse ? 0 : whole, rest, 0) : s->in[k];
    }
    result = append_loop(b, tail, s, s->number, rest, in);
    for (size_t r = 0; r < s->f->n_out && result == 0; r++) {
        V first = s->reverse ? tail[r] : out[r], second = s->reverse ? out[r] : tail[r];
        out[r] = r < s->carries ? tail[r]
                                : v_emit(b, &grad__op_concat, 2, (V[]){first, second}, 0, NULL);
    }
done:
    grad__free(b->g->host, in, s->n * sizeof *in);
    grad__free(b->g->host, tail, s->f->n_out * sizeof *tail);
    return result < 0 || v_failed(b) ? -1 : 0;
}

enum { SCAN_FUNCTION, SCAN_CARRIES, SCAN_SHARED, SCAN_LENGTH, SCAN_REVERSE, SCAN_CHECKPOINT };

static int scan_expand(B *b, const grad_args *a, V *out)
{
    enum { FEW_STEPS = 4 };
    for (int k = SCAN_CARRIES; k <= SCAN_LENGTH; k++)
        if (grad__control_count(b, a, k) < 0) return -1;
    uint64_t carries = (uint64_t)a->attr[SCAN_CARRIES].i, shared = (uint64_t)a->attr[SCAN_SHARED].i;
    if (carries > a->n_in || shared > a->n_in - carries)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1,
                                carries > a->n_in ? "carries" : "shared",
                                "scan: %" PRIu64 " carries and %" PRIu64
                                " shared inputs are announced, and there are %zu inputs",
                                carries, shared, a->n_in);
    scan s = {.a = a, .in = a->in, .n = a->n_in, .carries = (size_t)carries,
              .shared = (size_t)shared, .sliced = a->n_in - (size_t)(carries + shared),
              .reverse = a->attr[SCAN_REVERSE].i};
    if (find_length(b, &s, &a->attr[SCAN_LENGTH]) < 0 || find_body(b, &s, SCAN_FUNCTION) < 0)
        return -1;
    if (a->attr[SCAN_CHECKPOINT].i && s.length >= FEW_STEPS) return append_checkpoints(b, out, &s);
    return append_loop(b, out, &s, s.number, s.length, s.in);
}

enum { MAP_FUNCTION, MAP_SHARED };

static int map_expand(B *b, const grad_args *a, V *out)
{
    if (grad__control_count(b, a, MAP_SHARED) < 0) return -1;
    uint64_t shared = (uint64_t)a->attr[MAP_SHARED].i;
    if (shared >= a->n_in)
        return grad_expand_fail(b, GRAD_WRONG_ARITY, -1, "shared",
                                "map: %" PRIu64 " shared inputs are announced, and there are %zu "
                                "inputs: none is left to slice",
                                shared, a->n_in);
    scan s = {.a = a, .in = a->in, .n = a->n_in, .shared = (size_t)shared,
              .sliced = a->n_in - (size_t)shared};
    if (find_length(b, &s, NULL) < 0 || find_body(b, &s, MAP_FUNCTION) < 0) return -1;
    return append_loop(b, out, &s, s.number, s.length, s.in);
}

/* ---- rows -------------------------------------------------------------------------------------- */

static const grad_op scan_row = {
    .name = "scan",
    .doc = "A function run step after step: carries, then slices of the operands after them along "
           "axis 0, then the last `shared` operands whole, to the next carries and a slice of each "
           "stacked result. Gives the final carries, then the stacked results.",
    .gradient = "back through the steps, from the carries that each began with; with `checkpoint` "
                "only about the square root of them are kept",
    .in = {OPERANDS},
    .attr = {{.name = "function", BODY_OF_RESULTS},
             {.name = "carries", .type = ATTR_INT, .required = true},
             {.name = "shared", .type = ATTR_INT, .otherwise = INT_(0)},
             {.name = "length", .type = ATTR_INT, .nullable = true, .otherwise = NOTHING},
             {.name = "reverse", .type = ATTR_BOOL, .otherwise = BOOL_(0)},
             {.name = "checkpoint", .type = ATTR_BOOL, .otherwise = BOOL_(0)}},
    .variadic = true,
    .types = TYPES_EACH,
    .expand = scan_expand,
    .example = "scan(0, [1, 2, 3], function=\"sub\", carries=1) -> -6\n"
               "scan(8, [1, 2, 4], function=\"div\", carries=1, reverse=true) -> 1\n"
               "scan(1, 3, function=\"mul\", carries=1, shared=1, length=4) -> 81\n"
               "scan(1, 3, function=\"mul\", carries=1, shared=1, length=6, checkpoint=true) -> 729\n"
               "scan([1, 2], 3, function=\"mul\", carries=0, shared=1) -> [3, 6]",
    .trials = "[] [5] function=\"mul\" carries=1; [2] [0,2] function=\"mul\" carries=1; "
              "[2] [7,2] function=\"hypot\" carries=1 checkpoint=true reverse=true; "
              "[3] [] function=\"mul\" carries=1 shared=1 length=3",
};

static const grad_op map = {
    .name = "map",
    .doc = "A function of each slice of the operands along axis 0, and of the last `shared` operands "
           "whole; its results stacked.",
    .gradient = "through the function at each slice",
    .in = {OPERANDS},
    .attr = {{.name = "function", BODY_OF_RESULTS},
             {.name = "shared", .type = ATTR_INT, .otherwise = INT_(0)}},
    .variadic = true,
    .types = TYPES_EACH,
    .expand = map_expand,
    .example = "map([1, 2, 3], function=\"square\") -> [1, 4, 9]\n"
               "map([[1, 2], [3, 4]], [1, 10], function=\"mul\") -> [[1, 2], [30, 40]]\n"
               "map([1, 2], 5, function=\"add\", shared=1) -> [6, 7]",
    .trials = "[4] function=\"sin\"; [3,2] [2] function=\"mul\" shared=1; [0,2] function=\"exp\"",
};

const grad_op *const grad__family_scan[] = {&scan_row, &map, NULL};
