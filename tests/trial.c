/* trial.c -- running examples, and derivatives held against central differences.
 *
 * The derivative of f(x) = sum(u * op(x)) is asked of grad_gradient and compared with
 * (f(x + h) - f(x - h)) / 2h, one element at a time; for the second order f is sum(v * gradient).
 * The u and v are random, so that no error can hide behind a symmetry.
 */
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double uniform(uint64_t *state) /* splitmix64, 0 to 1 */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

grad_dtype trial_dtype(const trial *t, size_t k, grad_dtype real)
{
    grad_role role = grad_op_role(t->op, k);
    const trial_tensor *x = &t->in[k];
    if (x->truth) return GRAD_BOOL;
    if (x->whole && (role == GRAD_ROLE_INDEX || role == GRAD_ROLE_CLASSES)) return GRAD_INT64;
    return real;
}

void trial_store(void *to, grad_dtype dtype, size_t i, double x)
{
    if (dtype == GRAD_FLOAT64) ((double *)to)[i] = x;
    else if (dtype == GRAD_FLOAT32) ((float *)to)[i] = (float)x;
    else if (dtype == GRAD_INT64) ((int64_t *)to)[i] = (int64_t)x;
    else if (dtype == GRAD_INT32) ((int32_t *)to)[i] = (int32_t)x;
    else ((uint8_t *)to)[i] = x != 0;
}

static double fetch(const void *from, grad_dtype dtype, size_t i)
{
    if (dtype == GRAD_FLOAT64) return ((const double *)from)[i];
    if (dtype == GRAD_FLOAT32) return ((const float *)from)[i];
    if (dtype == GRAD_INT64) return (double)((const int64_t *)from)[i];
    if (dtype == GRAD_INT32) return ((const int32_t *)from)[i];
    return ((const uint8_t *)from)[i];
}

static bool fail(trial_report *r, const trial *t, const char *what)
{
    snprintf(r->text, sizeof r->text, "%.40s (%.250s): %.480s", t->op->name, t->text, what);
    return false;
}

/* In examples and trials an operator's name is that of the function which applies it. */
static bool find_function(void *context, const char *name, size_t length, size_t *inputs,
                          size_t *results)
{
    const grad_op *op = grad_op_find_n(name, length);
    (void)context;
    if (!op) return false;
    *inputs = grad_op_inputs(op);
    *results = 1;
    return true;
}

static int build_function(void *context, grad_graph *body, const char *name, size_t length,
                          const grad_node *in, grad_node *out, grad_error *err)
{
    const grad_op *op = grad_op_find_n(name, length);
    grad_operand operand[TRIAL_OPERANDS];
    (void)context;
    for (size_t k = 0; k < grad_op_inputs(op); k++) operand[k] = (grad_operand)GRAD_AT(in[k]);
    return grad_apply(out, body, op, operand, grad_op_inputs(op), NULL, 0, err);
}

static const grad_library operators = {NULL, find_function, build_function};

int trial_build(grad_graph *g, const trial *t, grad_dtype real, grad_node *in, grad_node *result,
                size_t *n, grad_error *err)
{
    grad_operand operand[TRIAL_OPERANDS];
    for (size_t k = 0; k < t->n_in; k++) {
        const trial_tensor *x = &t->in[k];
        in[k] = GRAD_NONE;
        operand[k] = (grad_operand){.kind = GRAD_OPERAND_ABSENT};
        if (x->absent) continue;
        if (grad_input(&in[k], g, trial_dtype(t, k, real), x->rank, x->dim, err) < 0) return -1;
        operand[k] = (grad_operand)GRAD_AT(in[k]);
    }
    grad_graph_functions(g, &operators);
    *n = grad_op_results(t->op, t->attr, t->n_attrs, t->n_in);
    if (*n > TRIAL_RESULTS) abort();
    return grad_apply(result, g, t->op, operand, t->n_in, t->attr, t->n_attrs, err);
}

typedef struct inputs {
    const void *data[TRIAL_OPERANDS];
    void *memory;
} inputs;

static void fill(inputs *to, const trial *t, grad_dtype real)
{
    char *at = to->memory = calloc(TRIAL_OPERANDS, TRIAL_ROOM * 8);
    size_t n = 0;
    for (size_t k = 0; k < t->n_in; k++, at += TRIAL_ROOM * 8) {
        if (t->in[k].absent) continue;
        for (size_t i = 0; i < t->in[k].count; i++)
            trial_store(at, trial_dtype(t, k, real), i, t->in[k].value[i]);
        to->data[n++] = at;
    }
}

/* ---- values ------------------------------------------------------------------------------------ */

static bool close_to(double found, double want, double scale, double tolerance, double *worst)
{
    if (isnan(want)) return isnan(found);
    if (isinf(want)) return found == want;
    double error = fabs(found - want) / (scale > 0 ? scale : 1);
    if (error > *worst || isnan(error)) *worst = error;
    return error <= tolerance;
}

static bool compare(trial_report *r, const trial *t, const grad_graph *g, grad_node node,
                    const void *data, const trial_tensor *want, double tolerance)
{
    const grad_shape *s = grad_node_shape(g, node);
    bool same = s->rank == want->rank;
    for (int i = 0; same && i < s->rank; i++) same = s->dim[i] == want->dim[i];
    if (!same) return fail(r, t, "the result has another shape than the example");
    double scale = 0;
    for (size_t i = 0; i < want->count; i++)
        if (isfinite(want->value[i]) && fabs(want->value[i]) > scale) scale = fabs(want->value[i]);
    for (size_t i = 0; i < want->count; i++) {
        double found = fetch(data, grad_node_dtype(g, node), i);
        /* In float64 every element counts for itself, in float32 against the largest. */
        double own = tolerance < 1e-9 ? fabs(want->value[i]) : scale;
        if (!close_to(found, want->value[i], own, tolerance, &r->worst)) {
            char text[160];
            snprintf(text, sizeof text, "element %zu is %.17g, expected %.17g", i, found,
                     want->value[i]);
            return fail(r, t, text);
        }
    }
    return true;
}

/* Runs the call; the results are compared with t->out, or stored there where `keep` is set. */
static bool run_call(trial_report *r, trial *t, grad_dtype real, double tolerance, bool keep)
{
    grad_host host = GRAD_HOST_DEFAULT;
    grad_error err = {0};
    grad_graph *g = NULL;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    grad_node in[TRIAL_OPERANDS], out[TRIAL_RESULTS];
    inputs x = {0};
    size_t n = 0;
    bool good = false;
    if (grad_graph_new(&g, &host, real, &err) < 0 ||
        trial_build(g, t, real, in, out, &n, &err) < 0 ||
        grad_compile(&p, g, out, n, &err) < 0 || grad_workspace_new(&w, p, &host, &err) < 0)
        goto done;
    fill(&x, t, real);
    if (grad_run(p, w, x.data, &err) < 0) goto done;
    good = n == t->n_out || fail(r, t, "the call has another number of results");
    for (size_t i = 0; good && i < n; i++) {
        for (size_t k = 0; keep && k < t->out[i].count; k++)
            t->out[i].value[k] = fetch(grad_result(w, i), grad_node_dtype(g, out[i]), k);
        good = compare(r, t, g, out[i], grad_result(w, i), &t->out[i], tolerance);
    }
done:
    if (err.code) good = fail(r, t, err.text);
    grad_workspace_free(w);
    grad_program_free(p);
    grad_graph_free(g);
    free(x.memory);
    if (good && host.used) good = fail(r, t, "memory was not given back");
    return good;
}

bool trial_check_value(trial_report *r, trial *t, double tolerance)
{
    return run_call(r, t, GRAD_FLOAT64, tolerance, false);
}

bool trial_check_float32(trial_report *r, trial *t, double tolerance)
{
    for (size_t k = 0; k < t->n_in; k++)
        for (size_t i = 0; i < t->in[k].count; i++) t->in[k].value[i] = (float)t->in[k].value[i];
    return run_call(r, t, GRAD_FLOAT64, tolerance, true) &&
           run_call(r, t, GRAD_FLOAT32, tolerance, false);
}

/* ---- derivatives ------------------------------------------------------------------------------- */

int trial_weigh(grad_node *f, grad_graph *g, const grad_node *node, size_t n, uint64_t *state,
                grad_error *err)
{
    const grad_op *mul = grad_op_find("mul"), *sum = grad_op_find("sum"), *add = grad_op_find("add");
    grad_node total = GRAD_NONE;
    for (size_t i = 0; i < n; i++) {
        if (node[i] == GRAD_NONE || !grad_dtype_is_float(grad_node_dtype(g, node[i]))) continue;
        const grad_shape *s = grad_node_shape(g, node[i]);
        grad_dtype dtype = grad_node_dtype(g, node[i]);
        double *u = malloc(((size_t)s->count + 1) * sizeof *u);
        grad_node c, m, part;
        for (int64_t k = 0; k < s->count; k++)
            trial_store(u, dtype, (size_t)k, (float)(0.5 + uniform(state)));
        int bad = grad_constant(&c, g, dtype, s->rank, s->dim, u, err) < 0 ||
                  grad_apply(&m, g, mul, (grad_operand[]){GRAD_AT(c), GRAD_AT(node[i])}, 2, NULL, 0,
                             err) < 0 ||
                  grad_apply(&part, g, sum, (grad_operand[]){GRAD_AT(m)}, 1, NULL, 0, err) < 0;
        free(u);
        if (bad) return -1;
        if (total == GRAD_NONE) total = part;
        else if (grad_apply(&total, g, add, (grad_operand[]){GRAD_AT(total), GRAD_AT(part)}, 2, NULL,
                            0, err) < 0)
            return -1;
    }
    *f = total;
    return 0;
}

void trial_draw(trial *t, uint64_t *state)
{
    for (size_t k = 0; k < t->n_in; k++) {
        trial_tensor *x = &t->in[k];
        size_t row = k < GRAD_INPUTS_MAX && (k < grad_op_inputs(t->op)) ? k : grad_op_inputs(t->op) - 1;
        double low = t->op->domain[row][0], high = t->op->domain[row][1];
        if (low == 0 && high == 0) low = -2, high = 2;
        for (size_t i = 0, n = x->heavy; i < x->count && !x->absent; i++) {
            double u = uniform(state);
            x->value[i] = x->truth ? u < 0.5 : x->whole ? floor(u * (double)x->below)
                                                        : low + (high - low) * u;
            if (n && i % (n * n) % (n + 1) == 0) x->value[i] += (double)(n + 1) * (high - low);
        }
    }
}

/* f and its derivatives as a program. */
typedef struct subject {
    grad_host host;
    grad_graph *g;
    grad_program *p; /* NULL where there is nothing to differentiate */
    grad_workspace *w;
    inputs x;
    size_t n_wrt, operand[TRIAL_OPERANDS]; /* which data, which operand of the trial */
    size_t data[TRIAL_OPERANDS];
} subject;

static int subject_new(subject *s, const trial *t, grad_dtype real, int order, uint64_t *state,
                       grad_error *err)
{
    grad_node in[TRIAL_OPERANDS], out[TRIAL_RESULTS], wrt[TRIAL_OPERANDS], want[TRIAL_OPERANDS + 1];
    size_t n = 0, data = 0;
    *s = (subject){.host = GRAD_HOST_DEFAULT};
    if (grad_graph_new(&s->g, &s->host, real, err) < 0 ||
        trial_build(s->g, t, real, in, out, &n, err) < 0)
        return -1;
    for (size_t k = 0; k < t->n_in; k++) {
        if (in[k] == GRAD_NONE) continue;
        if (grad_node_dtype(s->g, in[k]) == real) {
            s->operand[s->n_wrt] = k;
            s->data[s->n_wrt] = data;
            wrt[s->n_wrt++] = in[k];
        }
        data++;
    }
    if (trial_weigh(&want[0], s->g, out, n, state, err) < 0) return -1;
    if (want[0] == GRAD_NONE || s->n_wrt == 0) return 0;
    for (int i = 1; i < order; i++)
        if (grad_gradient(want + 1, s->g, want, NULL, 1, wrt, s->n_wrt, err) < 0 ||
            trial_weigh(&want[0], s->g, want + 1, s->n_wrt, state, err) < 0)
            return -1;
    if (grad_gradient(want + 1, s->g, want, NULL, 1, wrt, s->n_wrt, err) < 0 ||
        grad_compile(&s->p, s->g, want, s->n_wrt + 1, err) < 0 ||
        grad_workspace_new(&s->w, s->p, &s->host, err) < 0)
        return -1;
    fill(&s->x, t, real);
    return 0;
}

static bool subject_free(subject *s) /* was all memory given back? */
{
    grad_workspace_free(s->w);
    grad_program_free(s->p);
    grad_graph_free(s->g);
    free(s->x.memory);
    return s->host.used == 0;
}

static bool value_at(subject *s, double *out, grad_error *err)
{
    if (grad_run(s->p, s->w, s->x.data, err) < 0) return false;
    *out = *(const double *)grad_result(s->w, 0);
    return true;
}

static bool hold_against_differences(trial_report *r, const trial *t, subject *s, grad_error *err)
{
    double gradient[TRIAL_ROOM], plus, minus, here;
    for (size_t k = 0; k < s->n_wrt; k++) {
        size_t count = t->in[s->operand[k]].count;
        double *x = (double *)(uintptr_t)s->x.data[s->data[k]];
        if (!value_at(s, &here, err)) return false;
        memcpy(gradient, grad_result(s->w, k + 1), count * sizeof *gradient);
        for (size_t i = 0; i < count; i++) {
            double old = x[i], h = 4e-6 * fmax(1, fabs(old)), up = old + h, down = old - h;
            x[i] = up;
            if (!value_at(s, &plus, err)) return false;
            x[i] = down;
            if (!value_at(s, &minus, err)) return false;
            x[i] = old;
            double numeric = (plus - minus) / (up - down);
            /* Rounding in f is amplified by 1/h. */
            double scale = fmax(fmax(fabs(gradient[i]), fabs(numeric)), 1 + fabs(here));
            double error = fabs(gradient[i] - numeric) / scale;
            if (error > r->worst) r->worst = error;
            if (!(error <= 2e-7)) {
                char text[200];
                snprintf(text, sizeof text,
                         "d/d(operand %zu)[%zu] at %.6g is %.12g, differences say %.12g",
                         s->operand[k], i, old, gradient[i], numeric);
                return fail(r, t, text);
            }
        }
    }
    return true;
}

bool trial_check_gradient(trial_report *r, const trial *given, int order, uint64_t seed)
{
    static trial t; /* large */
    grad_error err = {0};
    subject s;
    uint64_t state = seed;
    bool good = false;
    t = *given;
    trial_draw(&t, &state);
    if (subject_new(&s, &t, GRAD_FLOAT64, order, &state, &err) == 0)
        good = !s.p || hold_against_differences(r, &t, &s, &err);
    if (err.code) good = fail(r, &t, err.text);
    if (!subject_free(&s) && good) good = fail(r, &t, "memory was not given back");
    return good;
}

static bool hold_against_float64(trial_report *r, const trial *t, const subject *narrow,
                                 const subject *wide, double tolerance)
{
    for (size_t k = 0; k < narrow->n_wrt; k++) {
        const float *found = grad_result(narrow->w, k + 1);
        const double *want = grad_result(wide->w, k + 1);
        size_t count = t->in[narrow->operand[k]].count;
        /* What cancels out leaves the rounding of its terms behind, which are of the size of f. */
        double scale = 1e-2 * (1 + fabs(*(const double *)grad_result(wide->w, 0)));
        for (size_t i = 0; i < count; i++)
            if (isfinite(want[i]) && fabs(want[i]) > scale) scale = fabs(want[i]);
        for (size_t i = 0; i < count; i++) {
            if (close_to(found[i], want[i], scale, tolerance, &r->worst)) continue;
            char text[200];
            snprintf(text, sizeof text,
                     "d/d(operand %zu)[%zu] is %.9g in float32, %.12g in float64, the largest %.6g",
                     narrow->operand[k], i, found[i], want[i], scale);
            return fail(r, t, text);
        }
    }
    return true;
}

bool trial_check_gradient_float32(trial_report *r, const trial *given, double tolerance,
                                  uint64_t seed)
{
    static trial t;
    grad_error err = {0};
    subject narrow = {0}, wide = {0};
    uint64_t state = seed, again;
    bool good = false;
    t = *given;
    trial_draw(&t, &state);
    again = state;
    for (size_t k = 0; k < t.n_in; k++)
        for (size_t i = 0; i < t.in[k].count; i++) t.in[k].value[i] = (float)t.in[k].value[i];
    if (subject_new(&narrow, &t, GRAD_FLOAT32, 1, &state, &err) == 0 &&
        subject_new(&wide, &t, GRAD_FLOAT64, 1, &again, &err) == 0)
        good = !narrow.p || (grad_run(narrow.p, narrow.w, narrow.x.data, &err) == 0 &&
                             grad_run(wide.p, wide.w, wide.x.data, &err) == 0 &&
                             hold_against_float64(r, &t, &narrow, &wide, tolerance));
    if (err.code) good = fail(r, &t, err.text);
    bool clean = subject_free(&narrow);
    clean = subject_free(&wide) && clean;
    if (good && !clean) good = fail(r, &t, "memory was not given back");
    return good;
}
