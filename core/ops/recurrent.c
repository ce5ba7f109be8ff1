/* recurrent.c -- one step of recurrent networks. The gates of a cell are one product of matrices
 * for x and one for the state, cut into pieces along the last axis.
 */
#include <string.h>

#include "shape.h"

extern const grad_op grad__op_linear;

/* A cell's operands by place: x, h, c of an lstm, then weights, then biases. */
typedef struct cell {
    V x, h, w_ih, w_hh, b_ih, b_hh;
    int64_t hidden;
} cell;

static int misfit(B *b, const grad_args *a, size_t k, const char *wants)
{
    char found[96];
    const grad_shape *s = v_shape(b, a->in[k]);
    return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, (int)k, NULL,
                            "%s: `%s` must have shape %s, found %s", a->op->name,
                            a->op->in[k].name, wants, grad__dims_text(found, s->rank, s->dim));
}

/* Operand k must have this shape, if it is there. */
static int must_be(B *b, const grad_args *a, size_t k, int rank, const int64_t *dim)
{
    char text[96];
    if (grad__given(a, k) == GRAD_NONE) return 0;
    const grad_shape *s = v_shape(b, a->in[k]);
    if (s->rank == rank && memcmp(s->dim, dim, (size_t)rank * sizeof *dim) == 0) return 0;
    return misfit(b, a, k, grad__dims_text(text, rank, dim));
}

/* x is [N, inputs] or [inputs], and so are the states; weights have `gates` rows a hidden one. */
static int read_cell(cell *c, B *b, const grad_args *a, int64_t gates, size_t states)
{
    const size_t w = 1 + states;
    *c = (cell){.x = a->in[0], .h = a->in[1], .w_ih = a->in[w], .w_hh = a->in[w + 1],
                .b_ih = grad__given(a, w + 2), .b_hh = grad__given(a, w + 3)};
    const grad_shape *x = v_shape(b, c->x), *h = v_shape(b, c->h);
    if (x->rank < 1 || x->rank > 2) return misfit(b, a, 0, "[samples, inputs] or [inputs]");
    if (h->rank != x->rank || (h->rank == 2 && h->dim[0] != x->dim[0]))
        return misfit(b, a, 1, "[samples, hidden] or [hidden], with as many samples as x");
    const int64_t inputs = x->dim[x->rank - 1];
    int64_t rows;
    c->hidden = h->dim[h->rank - 1];
    if (__builtin_mul_overflow(gates, c->hidden, &rows)) rows = INT64_MAX;
    for (size_t k = 2; k < w; k++)
        if (must_be(b, a, k, h->rank, h->dim) < 0) return -1;
    if (must_be(b, a, w, 2, (int64_t[]){rows, inputs}) < 0 ||
        must_be(b, a, w + 1, 2, (int64_t[]){rows, c->hidden}) < 0 ||
        must_be(b, a, w + 2, 1, &rows) < 0 || must_be(b, a, w + 3, 1, &rows) < 0)
        return -1;
    return 0;
}

static V linear(B *b, V x, V weight, V bias)
{
    return v_emit(b, &grad__op_linear, bias == GRAD_NONE ? 2 : 3, (V[]){x, weight, bias}, 0, NULL);
}

static V of_input(B *b, const cell *c) { return linear(b, c->x, c->w_ih, c->b_ih); }
static V of_state(B *b, const cell *c) { return linear(b, c->h, c->w_hh, c->b_hh); }

static V gate(B *b, const cell *c, V all, int64_t k)
{
    const int64_t start = k * c->hidden, stop = start + c->hidden, axis = v_rank(b, all) - 1;
    return v_emit(b, &grad__op_slice, 1, &all, 4,
                  (grad_value[]){grad__list(&start, 1), grad__list(&stop, 1),
                                 (grad_value)NOTHING, grad__list(&axis, 1)});
}

/* ---- rnn_cell -------------------------------------------------------------------------------- */

static int rnn_cell_expand(B *b, const grad_args *a, V *out)
{
    cell c;
    if (read_cell(&c, b, a, 1, 1) < 0) return -1;
    V sum = v_add(b, of_input(b, &c), of_state(b, &c));
    *out = a->attr[0].i ? v_relu(b, sum) : v_tanh(b, sum);
    return 0;
}

/* ---- gru_cell -------------------------------------------------------------------------------- */

/* r, z = sigmoid(...), n = tanh(nx + r nh), and n + z (h - n). */
static int gru_cell_expand(B *b, const grad_args *a, V *out)
{
    cell c;
    if (read_cell(&c, b, a, 3, 1) < 0) return -1;
    V x = of_input(b, &c), h = of_state(b, &c);
    V reset = v_sigmoid(b, v_add(b, gate(b, &c, x, 0), gate(b, &c, h, 0)));
    V update = v_sigmoid(b, v_add(b, gate(b, &c, x, 1), gate(b, &c, h, 1)));
    V made = v_tanh(b, v_add(b, gate(b, &c, x, 2), v_mul(b, reset, gate(b, &c, h, 2))));
    *out = v_add(b, made, v_mul(b, update, v_sub(b, c.h, made)));
    return 0;
}

/* ---- lstm_cell ------------------------------------------------------------------------------- */

static size_t lstm_cell_results(const grad_value *attr)
{
    (void)attr;
    return 2;
}

/* Gates in the order input, forget, made, output. */
static int lstm_cell_expand(B *b, const grad_args *a, V *out)
{
    cell c;
    if (read_cell(&c, b, a, 4, 2) < 0) return -1;
    V all = v_add(b, of_input(b, &c), of_state(b, &c));
    V kept = v_mul(b, v_sigmoid(b, gate(b, &c, all, 1)), a->in[2]);
    V made = v_mul(b, v_sigmoid(b, gate(b, &c, all, 0)), v_tanh(b, gate(b, &c, all, 2)));
    out[1] = v_add(b, kept, made);
    out[0] = v_mul(b, v_sigmoid(b, gate(b, &c, all, 3)), v_tanh(b, out[1]));
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define WEIGHTS_AND_BIASES                                                                        \
    {.name = "w_ih"}, {.name = "w_hh"}, {.name = "b_ih", .optional = true},                       \
        {.name = "b_hh", .optional = true}

const grad_op grad__op_rnn_cell = {
    .name = "rnn_cell",
    .doc = "tanh (or relu) of w_ih x + b_ih + w_hh h + b_hh: a step of a plain recurrent network. "
           "x and h are vectors, or matrices with a row a sample.",
    .gradient = "of u = g (1 - y²), or g where y > 0: u w_ih to x, u w_hh to h, uᵀ x and uᵀ h to "
                "the weights, u to the biases",
    .in = {{.name = "x"}, {.name = "h"}, WEIGHTS_AND_BIASES},
    .attr = {{.name = "nonlinearity", .type = ATTR_TEXT, .otherwise = INT_(0),
              .choices = "tanh|relu"}},
    .types = TYPES_REAL,
    .expand = rnn_cell_expand,
    .example = "rnn_cell([1, 2], [3], [[1, 1]], [[-1]], [0.25], [0.25]) -> [0.46211715726000974]\n"
               "rnn_cell([[1, 2], [0, 0]], [[1], [2]], [[1, 1]], [[-1]], nonlinearity=\"relu\") -> "
               "[[2], [0]]",
    .trials = "[3] [2] [2,3] [2,2] [2] [2]; [2,3] [2,2] [2,3] [2,2] - [2]; "
              "[2,3] [2,4] [4,3] [4,4] [4] - nonlinearity=\"relu\"; [0,3] [0,2] [2,3] [2,2]; "
              "[2,0] [2,2] [2,0] [2,2]",
};

const grad_op grad__op_gru_cell = {
    .name = "gru_cell",
    .doc = "n + z (h - n), with gates from w_ih x + b_ih and w_hh h + b_hh, whose rows are those "
           "of r, z and n: r and z are the sigmoids of the sums, n = tanh(x's part + r h's part).",
    .gradient = "through the gates, as written",
    .in = {{.name = "x"}, {.name = "h"}, WEIGHTS_AND_BIASES},
    .types = TYPES_REAL,
    .expand = gru_cell_expand,
    .example = "gru_cell([0], [2], [[1], [1], [1]], [[0], [0], [0]]) -> [1]\n"
               "gru_cell([[1]], [[0]], [[0], [0], [0]], [[1], [1], [1]], [0, 0, 0.25], "
               "[0, 0, 0.5]) -> [[0.23105857863000487]]",
    .trials = "[3] [2] [6,3] [6,2] [6] [6]; [2,3] [2,2] [6,3] [6,2] - [6]; "
              "[2,3] [2,1] [3,3] [3,1] [3] -; [0,3] [0,2] [6,3] [6,2] [6] [6]",
};

const grad_op grad__op_lstm_cell = {
    .name = "lstm_cell",
    .doc = "The next h and c: c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c), where "
           "i, f, g and o are the pieces of w_ih x + b_ih + w_hh h + b_hh in this order.",
    .gradient = "through the gates, as written",
    .in = {{.name = "x"}, {.name = "h"}, {.name = "c"}, WEIGHTS_AND_BIASES},
    .types = TYPES_REAL,
    .expand = lstm_cell_expand,
    .results = lstm_cell_results,
    .example = "lstm_cell([0], [0], [2], [[1], [1], [1], [1]], [[1], [1], [1], [1]]) -> "
               "[0.3807970779778823]; [1]\n"
               "lstm_cell([[1]], [[0]], [[0]], [[0], [0], [0], [0]], [[1], [1], [1], [1]], "
               "[0, 0, 0.5, 0]) -> [[0.11351630435872714]]; [[0.23105857863000487]]",
    .trials = "[3] [2] [2] [8,3] [8,2] [8] [8]; [2,3] [2,2] [2,2] [8,3] [8,2] - [8]; "
              "[2,3] [2,1] [2,1] [4,3] [4,1]; [0,3] [0,2] [0,2] [8,3] [8,2] [8] [8]",
};

const grad_op *const grad__family_recurrent[] = {
    &grad__op_rnn_cell,
    &grad__op_gru_cell,
    &grad__op_lstm_cell,
    NULL,
};
