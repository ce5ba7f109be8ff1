/* check.c -- POST /v1/check: gradients beside central differences.
 *
 * Every node in question has an input of zeros added to it (make_variable), which is moved both ways,
 * one element at a time, while the nodes that gradients start from are computed.
 */
#include <math.h>
#include <string.h>

#include "derivative.h"
#include "encode.h"
#include "endpoints.h"

typedef struct differences {
    evaluation *e;
    grad_program *program; /* of the nodes that gradients start from */
    grad_workspace *workspace;
    const void *const *seed; /* by such a node; NULL: 1 */
    double *up;            /* all their elements */
    size_t n;
} differences;

typedef struct comparison {
    double worst, analytic, numeric;
    int64_t at; /* -1: no element yet */
} comparison;

/* ---- numbers --------------------------------------------------------------------------------- */

static double read_real(const void *data, grad_dtype dtype, int64_t i)
{
    return dtype == GRAD_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static double rounded(double x, grad_dtype dtype)
{
    return dtype == GRAD_FLOAT64 ? x : (double)(float)x;
}

static double error_of(double analytic, double numeric)
{
    if (analytic == numeric || (isnan(analytic) && isnan(numeric))) return 0;
    if (!isfinite(analytic) || !isfinite(numeric)) return INFINITY;
    return fabs(analytic - numeric) / fmax(1, fmax(fabs(analytic), fabs(numeric)));
}

/* ---- differences ----------------------------------------------------------------------------- */

static int compute(differences *d)
{
    grad_error err = {0};
    if (grad_run(d->program, d->workspace, d->e->data, &err) < 0) return evaluation_end(d->e, &err);
    return 0;
}

static void move(const evaluation *e, uint32_t slot, grad_dtype dtype, int64_t i, double by)
{
    void *data = (void *)(uintptr_t)e->data[e->moved[slot]];
    if (dtype == GRAD_FLOAT64) ((double *)data)[i] = by;
    else ((float *)data)[i] = (float)by;
}

/* The seeded sum's difference between up[] and what was computed last. */
static double fall(const differences *d)
{
    const evaluation *e = d->e;
    double sum = 0;
    size_t n = 0;
    for (uint32_t k = 0; k < e->n_of_nodes; k++) {
        const form *f = &e->of_form[k];
        const void *down = grad_result(d->workspace, k);
        for (int64_t i = 0; i < f->count; i++, n++) {
            double weight = d->seed[k] ? read_real(d->seed[k], f->dtype, i) : 1;
            sum += weight * (d->up[n] - read_real(down, f->dtype, i));
        }
    }
    return sum;
}

static void keep(const differences *d)
{
    size_t n = 0;
    for (uint32_t k = 0; k < d->e->n_of_nodes; k++)
        for (int64_t i = 0; i < d->e->of_form[k].count; i++, n++)
            d->up[n] = read_real(grad_result(d->workspace, k), d->e->of_form[k].dtype, i);
}

static int one_element(double *numeric, differences *d, uint32_t slot, const form *f, double x,
                       int64_t i)
{
    evaluation *e = d->e;
    double given = e->request.epsilon;
    double step = rounded(given > 0 ? given : 6e-6 * fmax(1, fabs(x)), f->dtype);
    move(e, slot, f->dtype, i, step);
    if (compute(d) < 0) return -1;
    keep(d);
    move(e, slot, f->dtype, i, -step);
    if (compute(d) < 0) return -1;
    move(e, slot, f->dtype, i, 0);
    *numeric = fall(d) / (rounded(x + step, f->dtype) - rounded(x - step, f->dtype));
    return 0;
}

static int compare(comparison *c, differences *d, uint32_t slot, size_t result)
{
    const evaluation *e = d->e;
    const form *f = &e->form[e->form_of[slot]];
    const void *value = grad_result(e->workspace, result);
    const void *gradient = grad_result(e->workspace, result + e->n_variables);
    *c = (comparison){.at = -1};
    for (int64_t i = 0; i < f->count; i++) {
        double analytic = read_real(gradient, f->dtype, i), numeric;
        if (one_element(&numeric, d, slot, f, read_real(value, f->dtype, i), i) < 0) return -1;
        double error = error_of(analytic, numeric);
        if (c->at >= 0 && !(error > c->worst)) continue;
        *c = (comparison){error, analytic, numeric, i};
    }
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void write_real(buffer *b, double x) { buffer_numbers(b, GRAD_FLOAT64, &x, 1); }

static void write_comparison(buffer *b, const comparison *c, const form *f)
{
    int64_t place[GRAD_RANK_MAX], at = c->at;
    buffer_text(b, "{\"max_error\":");
    write_real(b, c->worst);
    if (c->at < 0) {
        buffer_text(b, ",\"worst\":null}");
        return;
    }
    for (int i = f->rank; i-- > 0; at /= f->dim[i]) place[i] = at % f->dim[i];
    buffer_text(b, ",\"worst\":{\"index\":[");
    buffer_numbers(b, GRAD_INT64, place, (size_t)f->rank);
    buffer_text(b, "],\"analytic\":");
    write_real(b, c->analytic);
    buffer_text(b, ",\"numeric\":");
    write_real(b, c->numeric);
    buffer_text(b, "}}");
}

static void write_all(evaluation *e, const comparison *c)
{
    api_call *call = e->c;
    buffer *b = &call->out;
    writer w = {.e = e, .b = b};
    double worst = 0;
    size_t k = 0;
    for (size_t i = 0; i < e->n_variables; i++) worst = c[i].worst > worst ? c[i].worst : worst;
    buffer_text(b, worst <= e->request.tolerance ? "{\"ok\":true,\"max_error\":"
                                                 : "{\"ok\":false,\"max_error\":");
    write_real(b, worst);
    buffer_text(b, ",\"inputs\":{");
    for (slot_walk s = {.e = e}; slots_next(&s);) {
        const form *f = &e->form[e->form_of[s.slot]];
        if (!(e->flag[s.slot] & WANTS_GRADIENT) || !grad_dtype_is_float(f->dtype)) continue;
        write_key(&w, s.name, s.result);
        write_comparison(b, &c[k++], f);
    }
    buffer_text(b, "}}");
    api_answer(call, 200, "application/json", b->at, b->n);
}

/* ---- the endpoint ---------------------------------------------------------------------------- */

/* The values and gradients of all nodes in question, and the seeds. */
static int run_once(evaluation *e)
{
    grad_error err = {0};
    if (grad_workspace_new(&e->workspace, e->program, &e->c->host, &err) < 0 ||
        grad_run(e->program, e->workspace, e->data, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

static int make_differences(differences *d)
{
    evaluation *e = d->e;
    grad_error err = {0};
    grad_host *host = &e->c->host;
    const void **list = arena_new(&e->c->arena, e->n_of_nodes, sizeof *list, &err);
    if (!list) return evaluation_end(e, &err);
    size_t result = 2 * e->n_variables;
    for (uint32_t k = 0; k < e->n_of_nodes; k++) {
        list[k] = e->seed_node[k] == GRAD_NONE ? NULL : grad_result(e->workspace, result++);
        d->n += (size_t)e->of_form[k].count;
    }
    d->seed = list;
    d->up = table_new(host, d->n, sizeof *d->up, &err);
    if (!d->up || grad_compile(&d->program, e->graph, e->of_node, e->n_of_nodes, &err) < 0 ||
        grad_workspace_new(&d->workspace, d->program, host, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

static int compare_all(differences *d)
{
    evaluation *e = d->e;
    grad_error err = {0};
    size_t k = 0;
    comparison *c = arena_new(&e->c->arena, e->n_variables, sizeof *c, &err);
    if (!c) return evaluation_end(e, &err);
    for (slot_walk s = {.e = e}; slots_next(&s);) {
        if (!(e->flag[s.slot] & WANTS_GRADIENT)) continue;
        if (!grad_dtype_is_float(e->form[e->form_of[s.slot]].dtype)) continue;
        if (compare(&c[k], d, meant_slot(e, s.slot), k) < 0) return -1;
        k++;
    }
    write_all(e, c);
    return 0;
}

api_next check_prepare(api_call *c)
{
    return evaluation_prepare(c, FOR_CHECK, true);
}

void check_run(api_call *c)
{
    evaluation *e = c->job;
    differences d = {.e = e};
    double start = api_now(c);
    int result = evaluation_compile(e);
    double compiled = api_now(c);
    c->reply.phase[API_COMPILE] += compiled - start;
    if (result == 0) result = run_once(e);
    if (result == 0) result = make_differences(&d);
    if (result == 0) compare_all(&d);
    grad_workspace_free(d.workspace);
    grad_program_free(d.program);
    table_free(&c->host, d.up, d.n, sizeof *d.up);
    evaluation_free_run(e);
    evaluation_free_plan(e);
    c->reply.phase[API_EVALUATE] += api_now(c) - compiled;
}
