/* control_adjoint.c -- the derivatives of loop, repeat and branch: bodies derived from bodies.
 *
 * The adjoint of a body takes the body's operands and the cotangents of its results, computes the
 * body again and walks back through it. A loop's derivative is a loop over that, from the last step
 * to the first, fed with the carries that the steps began with. What goes whole to every step
 * carries the sum of its cotangents from step to step.
 */
#include <string.h>

#include "control.h"

/* What of a body is differentiated. Lists are of 0 and 1. */
typedef struct request {
    const function *body;
    size_t carries, sliced, shared;     /* its operands */
    const uint8_t *wants;               /* operand: its gradient is asked for */
    const uint8_t *gives;               /* result: it has a cotangent (of carries: at some step) */
    const uint8_t *tape_gives;          /* carry: its tape has a cotangent */
} request;

static bool is_real(const function *f, V x)
{
    return grad_dtype_is_float(grad_node_dtype(f->body, x));
}

static size_t count(const uint8_t *list, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += list[i];
    return sum;
}

/* ---- the adjoint of a body that is a step ------------------------------------------------------- */

/* The layout of its operands and results, in this order:
     carried: cotangents of the next carries, cotangents of shared operands so far
     sliced:  the carries, the sliced operands, cotangents of stacked results, of tapes
     shared:  the shared operands
   results:   cotangents of the carries, of shared operands, then of the sliced ones */
typedef struct layout {
    size_t back, summed; /* carried */
    size_t stacked, taped;
    size_t n_in, n_out, slices;
} layout;

static layout lay_out(const request *r)
{
    layout l;
    size_t results = r->body->n_out;
    l.back = count(r->gives, r->carries);
    l.summed = count(r->wants + r->carries + r->sliced, r->shared);
    l.stacked = count(r->gives + r->carries, results - r->carries);
    l.taped = count(r->tape_gives, r->carries);
    l.n_in = l.back + l.summed + r->carries + r->sliced + l.stacked + l.taped + r->shared;
    l.slices = count(r->wants + r->carries, r->sliced);
    l.n_out = l.back + l.summed + l.slices;
    return l;
}

static void operand_types(operand_type *to, const request *r)
{
    const function *f = r->body;
    size_t operands = r->carries + r->sliced;
    for (size_t j = 0; j < r->carries; j++)
        if (r->gives[j]) *to++ = grad__type_of(f->body, f->in[j]);
    for (size_t l = operands; l < f->n_in; l++)
        if (r->wants[l]) *to++ = grad__type_of(f->body, f->in[l]);
    for (size_t k = 0; k < operands; k++) *to++ = grad__type_of(f->body, f->in[k]);
    for (size_t k = r->carries; k < f->n_out; k++)
        if (r->gives[k]) *to++ = grad__type_of(f->body, f->out[k]);
    for (size_t j = 0; j < r->carries; j++)
        if (r->tape_gives[j]) *to++ = grad__type_of(f->body, f->in[j]);
    for (size_t l = operands; l < f->n_in; l++) *to++ = grad__type_of(f->body, f->in[l]);
}

/* Fills the adjoint's body; v: room for four lists of all its values. */
static int fill(const request *r, const layout *l, function *to, V *map, V *v, grad_error *err)
{
    B inner = {to->body, err, NULL}, *b = &inner;
    const function *f = r->body;
    size_t operands = r->carries + r->sliced, n_of = 0, n_wrt = 0;
    const V *next = to->in, *back = next, *summed = back + l->back;
    const V *primal = summed + l->summed, *stacked = primal + operands;
    const V *taped = stacked + l->stacked, *shared = taped + l->taped;
    V *in = v, *of = in + f->n_in, *seed = of + f->n_out, *wrt = seed + f->n_out,
      *grad = wrt + f->n_in, *out = to->out;
    for (size_t k = 0; k < f->n_in; k++) in[k] = k < operands ? primal[k] : shared[k - operands];
    if (grad__function_copy(b, map, f, in) < 0) return -1;
    for (size_t k = 0; k < f->n_out; k++) {
        if (!r->gives[k]) continue;
        of[n_of] = map[f->out[k]];
        seed[n_of++] = k < r->carries ? *back++ : *stacked++;
    }
    /* All wanted, carries first; a carry is wanted because the step before gave it. */
    for (size_t j = 0; j < r->carries; j++)
        if (r->gives[j]) wrt[n_wrt++] = in[j];
    for (size_t k = operands; k < f->n_in; k++)
        if (r->wants[k]) wrt[n_wrt++] = in[k];
    for (size_t k = r->carries; k < operands; k++)
        if (r->wants[k]) wrt[n_wrt++] = in[k];
    if (grad_gradient(grad, to->body, of, seed, n_of, wrt, n_wrt, err) < 0) return -1;
    for (size_t j = 0; j < r->carries; j++) {
        if (!r->gives[j]) continue;
        *out++ = r->tape_gives[j] ? v_add(b, *grad, *taped++) : *grad;
        grad++;
    }
    for (size_t k = 0; k < l->summed; k++) *out++ = v_add(b, summed[k], *grad++);
    for (size_t k = 0; k < l->slices; k++) *out++ = *grad++;
    return v_failed(b) ? -1 : 0;
}

/* All that an adjoint depends on, as bytes. */
static size_t write_key(unsigned char *key, char kind, int64_t body, const request *r)
{
    size_t mark = SIZE_MAX, at = 0, sizes[3] = {r->carries, r->sliced, r->shared};
    memcpy(key, &mark, sizeof mark), at += sizeof mark;
    memcpy(key + at, &kind, 1), at++;
    memcpy(key + at, &body, sizeof body), at += sizeof body;
    memcpy(key + at, sizes, sizeof sizes), at += sizeof sizes;
    memcpy(key + at, r->wants, r->body->n_in), at += r->body->n_in;
    memcpy(key + at, r->gives, r->body->n_out), at += r->body->n_out;
    memcpy(key + at, r->tape_gives, r->carries), at += r->carries;
    return at;
}

static int step_adjoint(int64_t *number, B *b, int64_t body, const request *r, const layout *l)
{
    const function *f = r->body;
    grad_host *host = b->g->host;
    size_t key_room = 64 + f->n_in + f->n_out + r->carries, n_v = 4 * (f->n_in + f->n_out) + 1;
    unsigned char *key = grad__array(b, key_room, 1);
    operand_type *type = grad__array(b, l->n_in, sizeof *type);
    V *map = grad__array(b, f->body->n, sizeof *map), *v = grad__array(b, n_v, sizeof *v);
    size_t nodes = f->body->n;
    function *made = NULL;
    int result = -1;
    if (!key || !type || !map || !v) goto done;
    operand_types(type, r);
    result = grad__function_begin(number, &made, b, key, write_key(key, 'a', body, r), type, l->n_in,
                                  l->n_out);
    if (result != 0) goto done;
    result = fill(r, l, made, map, v, b->err) < 0 ? -1 : grad__function_add(number, b, made);
    if (result < 0) grad__function_drop(made);
done:
    grad__free(host, key, key_room);
    grad__free(host, type, l->n_in * sizeof *type);
    grad__free(host, map, nodes * sizeof *map);
    grad__free(host, v, n_v * sizeof *v);
    return result < 0 ? -1 : 0;
}

/* ---- loops, backwards --------------------------------------------------------------------------- */

/* A loop over a body that is to be walked back, and what has come back to it. */
typedef struct backwards {
    const grad_pull *p;
    int64_t body, length;
    bool reverse;
    V count;             /* or GRAD_NONE */
    const V *operand;    /* the body's, carries first */
    size_t first;        /* the first one's place among the node's operands */
    size_t tape;         /* the first tape's place among the node's results */
} backwards;

static V or_zeros(B *b, V cotangent, V like)
{
    return cotangent == GRAD_NONE ? v_zeros(b, like) : cotangent;
}

/* Appends the loop; back[] receives its results. */
static void append(B *b, const backwards *w, const request *r, const layout *l, int64_t adjoint,
                   V *in, V *back)
{
    const grad_pull *p = w->p;
    const function *f = r->body;
    size_t n = 0, operands = r->carries + r->sliced;
    in[n++] = w->count;
    for (size_t j = 0; j < r->carries; j++)
        if (r->gives[j]) in[n++] = or_zeros(b, grad_part_cotangent(p, j), w->operand[j]);
    for (size_t k = operands; k < f->n_in; k++)
        if (r->wants[k]) in[n++] = v_zeros(b, w->operand[k]);
    for (size_t j = 0; j < r->carries; j++) in[n++] = grad_part_node(p, w->tape + j);
    for (size_t k = r->carries; k < operands; k++) in[n++] = w->operand[k];
    for (size_t k = r->carries; k < f->n_out; k++)
        if (r->gives[k]) in[n++] = grad_part_cotangent(p, k);
    for (size_t j = 0; j < r->carries; j++)
        if (r->tape_gives[j]) in[n++] = grad_part_cotangent(p, w->tape + j);
    for (size_t k = operands; k < f->n_in; k++) in[n++] = w->operand[k];
    grad_value attr[] = {
        [LOOP_BODY] = INT_(adjoint),
        [LOOP_RESULTS] = INT_((int64_t)l->n_out),
        [LOOP_CARRIES] = INT_((int64_t)(l->back + l->summed)),
        [LOOP_SLICED] = INT_((int64_t)(operands + l->stacked + l->taped)),
        [LOOP_LENGTH] = INT_(w->length),
        [LOOP_REVERSE] = BOOL_(!w->reverse),
    };
    v_emits(b, back, &grad__op_loop, n, in, sizeof attr / sizeof *attr, attr);
}

static void give_back(B *b, const backwards *w, const request *r, const V *back)
{
    const function *f = r->body;
    size_t operands = r->carries + r->sliced;
    for (size_t j = 0; j < r->carries; j++)
        if (r->gives[j]) {
            pull(w->p, w->first + j, *back);
            back++;
        }
    for (size_t k = operands; k < f->n_in; k++)
        if (r->wants[k]) pull(w->p, w->first + k, *back++);
    for (size_t k = r->carries; k < operands; k++)
        if (r->wants[k]) pull(w->p, w->first + k, *back++);
}

/* Marks the real carries that have a cotangent at some step: gives[] has those of the last step, and
   the stacked results that do; whatever these are computed from joins them. Others stay without: a
   zero in their stead would meet derivatives that are not finite. */
static int spread(B *b, const function *f, uint8_t *gives, size_t carries)
{
    const grad_graph *g = f->body;
    grad_host *host = b->g->host;
    size_t n = 0, nodes = g->n;
    uint8_t *seen = grad__array(b, nodes, 1);
    V *todo = grad__array(b, nodes, sizeof *todo);
#define SEE(v)                                                                                    \
    do {                                                                                          \
        if ((v) != GRAD_NONE && !seen[v]) seen[todo[n++] = (v)] = 1;                              \
    } while (0)
    if (seen && todo) {
        memset(seen, 0, nodes);
        for (size_t k = 0; k < f->n_out; k++)
            if (gives[k]) SEE(f->out[k]);
        while (n > 0) {
            const node *at = &g->at[todo[--n]];
            if (at->op == &grad__op_input) {
                if (at->in[0] >= carries || !is_real(f, f->in[at->in[0]])) continue;
                gives[at->in[0]] = 1;
                SEE(f->out[at->in[0]]);
                continue;
            }
            for (uint32_t k = 0; k < at->n_in; k++) SEE(node_in(g, at)[k]);
        }
    }
#undef SEE
    grad__free(host, seen, nodes);
    grad__free(host, todo, nodes * sizeof *todo);
    return v_failed(b) ? -1 : 0;
}

static void walk_back(B *b, const backwards *w, size_t carries, size_t sliced)
{
    const function *f = grad__function_at(b->g, w->body);
    grad_host *host = b->g->host;
    size_t n = f->n_in + f->n_out + carries;
    uint8_t *flags = grad__array(b, n, 1);
    V *v = NULL;
    size_t n_v = 0;
    int64_t adjoint;
    if (!flags) return;
    uint8_t *wants = flags, *gives = wants + f->n_in, *tape_gives = gives + f->n_out;
    for (size_t k = 0; k < f->n_in; k++)
        wants[k] = grad_wants(w->p, w->first + k) && is_real(f, f->in[k]);
    for (size_t k = 0; k < f->n_out; k++) gives[k] = grad_part_cotangent(w->p, k) != GRAD_NONE;
    for (size_t j = 0; j < carries; j++) {
        tape_gives[j] = grad_part_cotangent(w->p, w->tape + j) != GRAD_NONE;
        gives[j] |= tape_gives[j];
    }
    if (spread(b, f, gives, carries) < 0) goto done;
    request r = {f, carries, sliced, f->n_in - carries - sliced, wants, gives, tape_gives};
    layout l = lay_out(&r);
    n_v = 1 + l.n_in + l.n_out + l.back + l.summed;
    if (l.n_out > 0 && step_adjoint(&adjoint, b, w->body, &r, &l) == 0 &&
        (v = grad__array(b, n_v, sizeof *v))) {
        V *back = v + 1 + l.n_in;
        append(b, w, &r, &l, adjoint, v, back);
        if (!v_failed(b)) give_back(b, w, &r, back);
    }
done:
    grad__free(host, flags, n);
    grad__free(host, v, n_v * sizeof *v);
}

void grad__loop_rule(B *b, const grad_pull *p)
{
    if (p->attr[LOOP_TAPED].i < p->attr[LOOP_LENGTH].i) {
        grad_fail(b->err, GRAD_MEMORY_LIMIT, "the derivative of a scan of %lld steps keeps the "
                  "carries of all of them, which is more than a request may take; with "
                  "\"checkpoint\": true it keeps about the square root of them",
                  (long long)p->attr[LOOP_LENGTH].i);
        return;
    }
    backwards w = {p, p->attr[LOOP_BODY].i, p->attr[LOOP_LENGTH].i, p->attr[LOOP_REVERSE].i,
                   p->in[0], p->in + 1, 1, (size_t)p->attr[LOOP_RESULTS].i};
    walk_back(b, &w, (size_t)p->attr[LOOP_CARRIES].i, (size_t)p->attr[LOOP_SLICED].i);
}

void grad__repeat_rule(B *b, const grad_pull *p)
{
    size_t carries = (size_t)p->attr[REPEAT_CARRIES].i;
    if (p->attr[REPEAT_TAPED].i == 0 && p->attr[REPEAT_MOST].i > 0) {
        grad_fail(b->err, GRAD_MEMORY_LIMIT, "the derivative of a while keeps the carries of every "
                  "step, and those of one take more than an eighth of what a request may take");
        return;
    }
    backwards w = {p, p->attr[REPEAT_BODY].i, p->attr[REPEAT_TAPED].i, false,
                   grad_part_node(p, carries), p->in, 0, carries + 1};
    walk_back(b, &w, carries, 0);
}

/* ---- branch ------------------------------------------------------------------------------------- */

/* The adjoint of a body on its own: its operands, then the cotangents that have come back. */
static int body_adjoint(int64_t *number, B *b, int64_t body, const uint8_t *wants,
                        const uint8_t *gives)
{
    const function *f = grad__function_at(b->g, body);
    request r = {.body = f, .shared = f->n_in, .wants = wants, .gives = gives, .tape_gives = gives};
    grad_host *host = b->g->host;
    size_t n_g = count(gives, f->n_out), n_out = count(wants, f->n_in), nodes = f->body->n;
    size_t n_in = f->n_in + n_g, key_room = 64 + f->n_in + f->n_out, n_v = f->n_in + n_g + 1;
    unsigned char *key = grad__array(b, key_room, 1);
    operand_type *type = grad__array(b, n_in, sizeof *type);
    V *map = grad__array(b, nodes, sizeof *map), *v = grad__array(b, n_v, sizeof *v);
    V *of = v, *wrt = of ? of + n_g : NULL;
    function *made = NULL;
    int result = -1;
    if (!key || !type || !map || !v) goto done;
    for (size_t k = 0; k < f->n_in; k++) type[k] = grad__type_of(f->body, f->in[k]);
    for (size_t k = 0, n = f->n_in; k < f->n_out; k++)
        if (gives[k]) type[n++] = grad__type_of(f->body, f->out[k]);
    result = grad__function_begin(number, &made, b, key, write_key(key, 'b', body, &r), type, n_in,
                                  n_out);
    if (result != 0) goto done;
    B inner = {made->body, b->err, NULL};
    result = grad__function_copy(&inner, map, f, made->in);
    for (size_t k = 0, n = 0; k < f->n_out && result == 0; k++)
        if (gives[k]) of[n++] = map[f->out[k]];
    for (size_t k = 0, n = 0; k < f->n_in && result == 0; k++)
        if (wants[k]) wrt[n++] = made->in[k];
    if (result == 0)
        result = grad_gradient(made->out, made->body, of, made->in + f->n_in, n_g, wrt, n_out,
                               b->err);
    if (result == 0) result = grad__function_add(number, b, made);
    if (result < 0) grad__function_drop(made);
done:
    grad__free(host, key, key_room);
    grad__free(host, type, n_in * sizeof *type);
    grad__free(host, map, nodes * sizeof *map);
    grad__free(host, v, n_v * sizeof *v);
    return result < 0 ? -1 : 0;
}

void grad__branch_rule(B *b, const grad_pull *p)
{
    const function *f = grad__function_at(b->g, p->attr[BRANCH_THEN].i);
    grad_host *host = b->g->host;
    size_t n_flags = f->n_in + f->n_out, n = 0, n_v = 1 + 2 * f->n_in + f->n_out;
    uint8_t *wants = grad__array(b, n_flags, 1), *gives = wants ? wants + f->n_in : NULL;
    V *v = grad__array(b, n_v, sizeof *v), *back = v ? v + 1 + f->n_in + f->n_out : NULL;
    int64_t adjoint[2] = {-1, -1};
    if (!wants || !v) goto done;
    for (size_t k = 0; k < f->n_in; k++) wants[k] = grad_wants(p, 1 + k) && is_real(f, f->in[k]);
    for (size_t k = 0; k < f->n_out; k++) gives[k] = grad_part_cotangent(p, k) != GRAD_NONE;
    for (int k = BRANCH_THEN; k <= BRANCH_ELSE; k++)
        if (p->attr[k].i >= 0 && body_adjoint(&adjoint[k], b, p->attr[k].i, wants, gives) < 0)
            goto done;
    for (size_t k = 0; k < p->n_in; k++) v[n++] = p->in[k];
    for (size_t k = 0; k < f->n_out; k++)
        if (gives[k]) v[n++] = grad_part_cotangent(p, k);
    size_t results = count(wants, f->n_in);
    if (results)
        v_emits(b, back, &grad__op_branch, n, v, 3,
                (grad_value[]){INT_(adjoint[0]), INT_(adjoint[1]), INT_((int64_t)results)});
    for (size_t k = 0; k < f->n_in && !v_failed(b); k++)
        if (wants[k]) pull(p, 1 + k, *back++);
done:
    grad__free(host, wants, n_flags);
    grad__free(host, v, n_v * sizeof *v);
}
