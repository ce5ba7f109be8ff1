/* test_promotion.c -- which type results have, and their values where types are mixed.
 *
 * tests/oracle/promotion.txt says what NumPy 2 gives for every pair of types (PROMOTION names
 * another file); beyond it every row of the table is tried with every pair, so that a new operator
 * is covered by being there. "real" is the type that mathematics on integers has: the request's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "trial.h"

enum { ROOM = 16, OPERANDS = 4 };

static const grad_dtype reals[] = {GRAD_FLOAT64, GRAD_FLOAT32};

static double element(const void *data, grad_dtype dtype, size_t i)
{
    switch (dtype) {
    case GRAD_FLOAT64: return ((const double *)data)[i];
    case GRAD_FLOAT32: return ((const float *)data)[i];
    case GRAD_INT64: return (double)((const int64_t *)data)[i];
    case GRAD_INT32: return ((const int32_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

static void put(void *data, grad_dtype dtype, size_t i, double x)
{
    switch (dtype) {
    case GRAD_FLOAT64: ((double *)data)[i] = x; break;
    case GRAD_FLOAT32: ((float *)data)[i] = (float)x; break;
    case GRAD_INT64: ((int64_t *)data)[i] = (int64_t)x; break;
    case GRAD_INT32: ((int32_t *)data)[i] = (int32_t)x; break;
    default: ((uint8_t *)data)[i] = x != 0;
    }
}

/* ---- NumPy's answers ------------------------------------------------------------------------- */

typedef struct line {
    char op[32], text[120];
    size_t operands, n;
    grad_dtype in[2], out; /* out: GRAD_DTYPES where it is the request's real type */
    bool none;             /* no answer */
    double value[ROOM];
} line;

static grad_dtype dtype_named(const char *name)
{
    grad_dtype d;
    if (!grad_dtype_find(&d, name, strlen(name))) fail_msg("no dtype is called %s", name);
    return d;
}

static void read_line(line *l, char *text)
{
    char *word, *rest = text;
    *l = (line){.n = 0};
    snprintf(l->text, sizeof l->text, "%.*s", (int)strcspn(text, ":"), text);
    snprintf(l->op, sizeof l->op, "%s", strtok_r(text, " ", &rest));
    while (strcmp(word = strtok_r(NULL, " ", &rest), "->") != 0)
        l->in[l->operands++] = dtype_named(word);
    word = strtok_r(NULL, ": \n", &rest);
    l->none = strcmp(word, "none") == 0;
    if (!l->none) l->out = strcmp(word, "real") == 0 ? GRAD_DTYPES : dtype_named(word);
    while ((word = strtok_r(NULL, " \n", &rest))) {
        assert_true(l->n < ROOM);
        l->value[l->n++] = strtod(word, NULL);
    }
}

static bool is_of_a_matrix(const char *op)
{
    static const char *const all[] = {"trace", "transpose", "tril", "triu"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i], op) == 0) return true;
    return false;
}

/* The call of one line: the operands of make_promotion.py, an axis where one must be given. */
static bool agrees(const line *l, const grad_op *op, grad_dtype real)
{
    static const double numbers[2][4] = {{7, -3, 0, 1}, {2, 2, 3, 1}}, where[4] = {1, 0, 0, 1};
    const int64_t four[] = {4}, two[] = {2, 2};
    const bool matrix = is_of_a_matrix(l->op);
    grad_attribute axis = {"axis", 4, {.kind = GRAD_INT, .i = 0}};
    size_t attributes = 0, n = 0;
    double memory[OPERANDS][4];
    const void *data[OPERANDS];
    grad_operand operand[OPERANDS];
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error err = {0};
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_node x, y[4];
    grad_dtype want = l->out == GRAD_DTYPES ? real : l->out;
    bool good = false, truths = true; /* which may always be refused */
    for (size_t k = 0; k < l->operands; k++) truths = truths && l->in[k] == GRAD_BOOL;
    for (size_t i = 0; i < grad_op_attributes(op); i++)
        if (!grad_op_attribute_default(op, i)) attributes = 1; /* cumsum and its like */
    if (grad_graph_new(&g, &host, real, &err) < 0) goto done;
    for (size_t lead = grad_op_inputs(op) > l->operands; n < lead + l->operands; n++) {
        grad_dtype d = n < lead ? GRAD_BOOL : l->in[n - lead]; /* `where` has its condition first */
        for (size_t i = 0; i < 4; i++)
            put(memory[n], d, i, n < lead ? where[i] : numbers[n - lead][i]);
        data[n] = memory[n];
        if (grad_input(&x, g, d, matrix ? 2 : 1, matrix ? two : four, &err) < 0) goto done;
        operand[n] = (grad_operand)GRAD_AT(x);
    }
    if (grad_apply(y, g, op, operand, n, &axis, attributes, &err) < 0) goto done;
    if (l->none || grad_node_dtype(g, y[0]) != want) {
        snprintf(err.text, sizeof err.text, "is %s", grad_dtype_name(grad_node_dtype(g, y[0])));
        goto done;
    }
    if (grad_compile(&p, g, y, 1, &err) < 0 || grad_workspace_new(&w, p, &host, &err) < 0 ||
        grad_run(p, w, data, &err) < 0)
        goto done;
    good = (size_t)grad_node_shape(g, y[0])->count == l->n;
    for (size_t i = 0; good && i < l->n; i++) {
        double found = element(grad_result(w, 0), want, i), expected = l->value[i];
        double near = want == GRAD_FLOAT64 ? 1e-14 : want == GRAD_FLOAT32 ? 1e-6 : 0;
        good = found == expected || fabs(found - expected) <= near * fabs(expected) ||
               (isnan(found) && isnan(expected));
        if (!good) snprintf(err.text, sizeof err.text, "element %zu is %.9g", i, found);
    }
done:
    if (err.code == GRAD_DTYPE_MISMATCH && truths) good = true;
    if (!good) fprintf(stderr, "  %s, real %s: %s\n", l->text, grad_dtype_name(real), err.text);
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    return good;
}

static void mixed_types_are_as_in_numpy(void **state)
{
    (void)state;
    const char *path = getenv("PROMOTION");
    FILE *f = fopen(path ? path : "tests/oracle/promotion.txt", "r");
    char text[400];
    int lines = 0, bad = 0;
    assert_non_null(f);
    while (fgets(text, sizeof text, f)) {
        line l;
        if (text[0] == '#') continue;
        read_line(&l, text);
        const grad_op *op = grad_op_find(l.op);
        if (!op) fail_msg("there is no operator \"%s\"", l.op);
        lines++;
        for (size_t i = 0; i < 2; i++) bad += !agrees(&l, op, reals[i]);
    }
    fclose(f);
    printf("  %d lines\n", lines);
    assert_true(lines > 1000);
    assert_int_equal(bad, 0);
}

/* ---- every row ------------------------------------------------------------------------------- */

/* The type of a row's first result for number operands that meet in `meet`; GRAD_DTYPES where only
   the row knows. */
static grad_dtype promised(const grad_op *op, grad_dtype meet, grad_dtype first, grad_dtype real)
{
    switch (op->result) {
    case RESULT_BOOL: return GRAD_BOOL;
    case RESULT_INT64: return GRAD_INT64;
    case RESULT_SET: return GRAD_DTYPES;
    case RESULT_SAME: break;
    }
    switch (op->types) {
    case TYPES_KEEP: return first;
    case TYPES_PROMOTE: return meet;
    case TYPES_REAL: return grad_dtype_is_float(meet) ? meet : real;
    case TYPES_WIDE: return grad_dtype_is_float(meet) ? meet : GRAD_INT64;
    case TYPES_LOGIC: return GRAD_BOOL;
    default: return GRAD_DTYPES;
    }
}

/* The type beside a bare number: that of the other operand, but a fraction makes integers real. */
static grad_dtype beside(grad_dtype d, bool fraction, grad_dtype real)
{
    if (grad_dtype_is_float(d)) return d;
    return fraction ? real : d == GRAD_BOOL ? GRAD_INT64 : d;
}

/* A composite may set bare numbers beside its operands: its own, or its attributes. */
static bool is_promised(const trial *t, grad_dtype found, grad_dtype want, grad_dtype real)
{
    if (want == GRAD_DTYPES || found == want) return true;
    return t->op->expand && (found == beside(want, false, real) ||
                             (t->n_attrs > 0 && found == beside(want, true, real)));
}

typedef struct tried {
    int calls, refused, bad;
} tried;

static void complain(tried *to, const grad_op *op, grad_dtype a, grad_dtype b, grad_dtype real,
                     const char *what)
{
    to->bad++;
    fprintf(stderr, "  %s of %s and %s, real %s: %s\n", op->name, grad_dtype_name(a),
            grad_dtype_name(b), grad_dtype_name(real), what);
}

/* The first number operand is an a, the others are b's; a gradient has its operand's type. */
static void try_pair(tried *to, const trial *t, grad_dtype a, grad_dtype b, grad_dtype real)
{
    const grad_op *op = t->op;
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error err = {0};
    grad_graph *g = NULL;
    grad_node in[TRIAL_OPERANDS], wrt[TRIAL_OPERANDS], d[TRIAL_OPERANDS], y[8];
    grad_operand operand[TRIAL_OPERANDS];
    grad_dtype meet = GRAD_DTYPES;
    size_t n_wrt = 0;
    if (grad_graph_new(&g, &host, real, &err) < 0) goto done;
    for (size_t k = 0; k < t->n_in; k++) {
        const trial_tensor *x = &t->in[k];
        grad_role role = grad_op_role(op, k);
        bool whole = role == GRAD_ROLE_INDEX || role == GRAD_ROLE_CLASSES;
        grad_dtype dtype = whole ? GRAD_INT64 : role != GRAD_ROLE_NUMBER ? GRAD_BOOL
                                              : meet == GRAD_DTYPES      ? a : b;
        operand[k] = (grad_operand){.kind = GRAD_OPERAND_ABSENT};
        if (x->absent) continue;
        if (role == GRAD_ROLE_NUMBER)
            meet = meet == GRAD_DTYPES ? dtype : grad_dtype_promote(meet, dtype);
        if (grad_input(&in[k], g, dtype, x->rank, x->dim, &err) < 0) goto done;
        operand[k] = (grad_operand)GRAD_AT(in[k]);
        if (grad_dtype_is_float(dtype)) wrt[n_wrt++] = in[k];
    }
    to->calls++;
    if (grad_apply(y, g, op, operand, t->n_in, t->attr, t->n_attrs, &err) < 0) {
        to->refused++;
        /* Reals are taken everywhere, integers and booleans where they make sense. */
        if (err.code != GRAD_DTYPE_MISMATCH || grad_dtype_is_float(meet))
            complain(to, op, a, b, real, err.text);
        err = (grad_error){0};
        goto done;
    }
    grad_dtype want = promised(op, meet, a, real), found = grad_node_dtype(g, y[0]);
    if (!is_promised(t, found, want, real)) complain(to, op, a, b, real, grad_dtype_name(found));
    if (grad_dtype_is_float(found) && grad_op_is_differentiable(op) && n_wrt) {
        if (grad_gradient(d, g, y, y, 1, wrt, n_wrt, &err) < 0) goto done;
        for (size_t k = 0; k < n_wrt; k++)
            if (grad_node_dtype(g, d[k]) != grad_node_dtype(g, wrt[k]) ||
                grad_node_shape(g, d[k])->id != grad_node_shape(g, wrt[k])->id)
                complain(to, op, a, b, real, "a gradient has not its operand's type and shape");
    }
done:
    if (err.code) complain(to, op, a, b, real, err.text);
    grad_graph_free(g);
}

/* Such a row's types are those of the functions' bodies, or each its own operand's. */
static bool has_types_of_its_own(const grad_op *op)
{
    if (op->one_each) return true;
    for (size_t i = 0; i < grad_op_attributes(op); i++)
        if (strstr(grad_op_attribute_type(op, i), "function")) return true;
    return false;
}

static void every_row_keeps_its_promise_for_every_pair(void **state)
{
    (void)state;
    static trial t;
    tried sum = {0};
    int rows = 0;
    for (size_t i = 0; i < grad_op_count(); i++) {
        const grad_op *op = grad_op_at(i);
        const char *at = trial_shapes(op);
        size_t numbers = 0;
        if (has_types_of_its_own(op) || !trial_next_shapes(&t, op, &at)) continue;
        for (size_t k = 0; k < t.n_in; k++)
            numbers += !t.in[k].absent && grad_op_role(op, k) == GRAD_ROLE_NUMBER;
        rows += numbers > 0;
        for (int a = 0; numbers && a < GRAD_DTYPES; a++)
            for (int b = 0; b < GRAD_DTYPES; b++)
                for (size_t r = 0; r < 2; r++)
                    if (numbers > 1 || b == a)
                        try_pair(&sum, &t, (grad_dtype)a, (grad_dtype)b, reals[r]);
    }
    printf("  %d operators, %d calls, %d of them refused\n", rows, sum.calls, sum.refused);
    assert_int_equal(sum.bad, 0);
}

/* ---- bare numbers ---------------------------------------------------------------------------- */

static void bare_numbers_give_way(void **state)
{
    (void)state;
    int bad = 0, calls = 0;
    for (size_t i = 0; i < grad_op_count(); i++) {
        const grad_op *op = grad_op_at(i);
        if (grad_op_inputs(op) != 2 || op->infer || op->variadic || grad_op_attributes(op) ||
            grad_op_role(op, 0) != GRAD_ROLE_NUMBER || grad_op_role(op, 1) != GRAD_ROLE_NUMBER)
            continue;
        for (int c = 0; c < GRAD_DTYPES * 8; c++) { /* dtype, fraction, side, real */
            grad_dtype d = (grad_dtype)(c >> 3), real = reals[c & 1];
            const bool fraction = c & 2;
            const size_t side = c & 4 ? 1 : 0;
            const int64_t three[] = {3};
            grad_host host = GRAD_HOST_DEFAULT;
            grad_error err = {0};
            grad_graph *g;
            grad_node x, y;
            grad_operand in[2];
            assert_int_equal(grad_graph_new(&g, &host, real, &err), 0);
            assert_int_equal(grad_input(&x, g, d, 1, three, &err), 0);
            in[side] = (grad_operand)GRAD_AT(x);
            in[!side] = (grad_operand){.kind = GRAD_OPERAND_INT, .i = 2};
            if (fraction) in[!side] = (grad_operand){.kind = GRAD_OPERAND_REAL, .r = 2.5};
            grad_dtype meet = beside(d, fraction, real), want = promised(op, meet, meet, real);
            bool taken = grad_apply(&y, g, op, in, 2, NULL, 0, &err) == 0;
            calls += taken;
            /* matmul takes no single number */
            if (taken ? grad_node_dtype(g, y) != want : err.code != GRAD_SHAPE_MISMATCH) {
                fprintf(stderr, "  %s of %s and %s: want %s, %s\n", op->name, grad_dtype_name(d),
                        fraction ? "2.5" : "2", grad_dtype_name(want),
                        err.code ? err.text : grad_dtype_name(grad_node_dtype(g, y)));
                bad++;
            }
            grad_graph_free(g);
        }
    }
    printf("  %d calls\n", calls);
    assert_true(calls > 400);
    assert_int_equal(bad, 0);
}

static void a_bare_number_that_the_type_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        grad_dtype dtype;
        grad_operand bare;
    } beyond[] = {
        {GRAD_INT32, {.kind = GRAD_OPERAND_INT, .i = (int64_t)1 << 31}},
        {GRAD_INT32, {.kind = GRAD_OPERAND_INT, .i = -((int64_t)1 << 31) - 1}},
        {GRAD_FLOAT32, {.kind = GRAD_OPERAND_REAL, .r = 1e300}},
        {GRAD_INT64, {.kind = GRAD_OPERAND_REAL, .r = 1e30}},
    };
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        grad_host host = GRAD_HOST_DEFAULT;
        grad_error err = {0};
        grad_graph *g;
        grad_node x, y;
        assert_int_equal(grad_graph_new(&g, &host, GRAD_FLOAT64, &err), 0);
        assert_int_equal(grad_input(&x, g, beyond[i].dtype, 0, NULL, &err), 0);
        grad_operand in[] = {GRAD_AT(x), beyond[i].bare};
        assert_int_equal(grad_apply(&y, g, grad_op_find("add"), in, 2, NULL, 0, &err), -1);
        assert_int_equal(err.code, GRAD_BAD_NUMBER);
        assert_int_equal(err.input, 1);
        grad_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_types_are_as_in_numpy),
        cmocka_unit_test(every_row_keeps_its_promise_for_every_pair),
        cmocka_unit_test(bare_numbers_give_way),
        cmocka_unit_test(a_bare_number_that_the_type_cannot_hold_is_refused),
    };
    return cmocka_run_group_tests_name("promotion", tests, NULL, NULL);
}
