/* derivative.c -- what requests for derivatives other than gradients have in common: with respect to
 * what, along which tangents or vectors, and of which output.
 */
#include "derivative.h"

#include <stdio.h>
#include <string.h>

static int end(evaluation *e, const grad_error *err)
{
    api_fail_core(e->c, err, NULL, NULL);
    return -1;
}

static bool is_real(const evaluation *e, uint32_t slot)
{
    return grad_dtype_is_float(grad_node_dtype(e->graph, e->node[slot]));
}

/* ---- with respect to what -------------------------------------------------------------------- */

static void mark_inputs(evaluation *e)
{
    for (slot_walk w = {.e = e}; slots_next(&w);)
        if (document_kind(&e->document, w.name) == DOC_INPUT && is_real(e, w.slot))
            e->flag[w.slot] |= WANTS_GRADIENT;
}

/* ---- of one number --------------------------------------------------------------------------- */

static void point_at_output(const evaluation *e, const seed *s, pointer *at)
{
    if (e->outputs_at) {
        pointer_start(at, "%s", e->outputs_at);
        if (s->index >= 0) pointer_add(at, "/%lld", (long long)s->index);
    } else {
        pointer_start(at, "/graph/nodes/%u", name_of(e, s->at.first)->place);
    }
}

static int not_one_output(evaluation *e, uint32_t found)
{
    char known[200];
    size_t n = 0;
    known[0] = '\0';
    for (uint32_t i = 0; i < e->n_outputs && n + 80 < sizeof known; i++) {
        const name *of = name_of(e, e->outputs[i].at.first);
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%.*s", i ? ", " : "",
                              (int)(of->length < 60 ? of->length : 60), name_text(of));
    }
    api_fail(e->c, "not_scalar", e->outputs_at, NULL, "this is the derivative of one floating-point "
             "output, and there are %u (%s); name one in \"outputs\"", found, known);
    return -1;
}

/* The one output, which gradients start from. */
static int settle_output(evaluation *e)
{
    pointer at;
    char id[ID_ROOM], text[SHAPE_ROOM];
    seed *one = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->n_outputs; i++) {
        if (!e->outputs_at && !is_real(e, e->outputs[i].at.slot)) continue;
        one = &e->outputs[i];
        count++;
    }
    if (count != 1) return not_one_output(e, count);
    grad_node node = e->node[one->at.slot];
    const grad_shape *shape = grad_node_shape(e->graph, node);
    e->of = one;
    e->n_of = 1;
    point_at_output(e, one, &at);
    name_copy(id, name_of(e, one->at.first));
    if (!is_real(e, one->at.slot)) return api_fail(
        e->c, "not_differentiable", pointer_text(&at), id, "\"%s\" is %s, and only floating-point "
        "nodes have derivatives", id, grad_dtype_name(grad_node_dtype(e->graph, node))), -1;
    if (shape->count == 1) return 0;
    if (e->document.source) return api_fail(
        e->c, "not_scalar", pointer_text(&at), id, "\"%s\" has shape %s, and second derivatives are "
        "those of one number: end with sum(%s)", id,
        shape_text(text, shape->rank, shape->dim), id), -1;
    api_fail(e->c, "not_scalar", pointer_text(&at), id, "\"%s\" has shape %s, and second derivatives "
             "are those of one number: add a node {\"id\": ..., \"op\": \"sum\", \"inputs\": "
             "[\"%s\"]} and name it in \"outputs\"", id,
             shape_text(text, shape->rank, shape->dim), id);
    return -1;
}

/* ---- along what ------------------------------------------------------------------------------ */

static int settle_vector(evaluation *e, const seed *s)
{
    pointer at;
    char id[ID_ROOM];
    bool tangent = e->request.endpoint == FOR_JVP;
    pointer_start(&at, "%s", vectors_at(e));
    pointer_name(&at, s->key);
    name_copy(id, name_of(e, s->at.first));
    if (!is_real(e, s->at.slot)) return api_fail(
        e->c, "not_differentiable", pointer_text(&at), id, "\"%s\" is %s, and only floating-point "
        "nodes have %s", id, grad_dtype_name(grad_node_dtype(e->graph, e->node[s->at.slot])),
        tangent ? "tangents" : "vectors"), -1;
    if (!tangent && !(e->flag[s->at.slot] & WANTS_GRADIENT)) return api_fail(
        e->c, "unknown_id", pointer_text(&at), id, "a vector for \"%s\", which is no input; name it "
        "in \"wrt\"", id), -1;
    return read_vector(&e->moved[s->at.slot], e, s, vectors_at(e), tangent ? "tangent" : "vector");
}

static int settle_vectors(evaluation *e)
{
    for (uint32_t i = 0; i < e->n_vectors; i++)
        if (settle_vector(e, &e->vectors[i]) < 0) return -1;
    return 0;
}

int start_derivative(evaluation *e)
{
    grad_error err = {0};
    e->moved = arena_new(&e->c->arena, e->n_slots, sizeof *e->moved, &err);
    if (!e->moved) return end(e, &err);
    memset(e->moved, 0xff, e->n_slots * sizeof *e->moved); /* GRAD_NONE */
    return 0;
}

int settle_derivative(evaluation *e)
{
    endpoint asked = e->request.endpoint;
    if (asked != FOR_JVP && !e->request.wrt) mark_inputs(e);
    if (asked & (FOR_HESSIAN | FOR_HVP) && settle_output(e) < 0) return -1;
    for (slot_walk w = {.e = e}; asked == FOR_CHECK && slots_next(&w);) {
        if (!(e->flag[w.slot] & WANTS_GRADIENT) || !is_real(e, w.slot)) continue;
        e->flag[w.slot] |= WANTS_VALUE;
        e->n_variables++;
    }
    return settle_vectors(e);
}

/* ---- into the graph -------------------------------------------------------------------------- */

/* A computed node that a second derivative is taken with respect to gets a node of its own: what it
   was computed from keeps its value, as that of a function of other variables. To be checked, any node
   gets an input of zeros added, which then moves. */
int make_variable(evaluation *e, uint32_t slot)
{
    grad_error err = {0};
    bool checked = e->request.endpoint == FOR_CHECK;
    grad_operand in[] = {GRAD_AT(e->node[slot]), GRAD_AT(GRAD_NONE)};
    if (!checked && !(e->request.endpoint & (FOR_HESSIAN | FOR_HVP))) return 0;
    if (!grad_dtype_is_float(grad_node_dtype(e->graph, e->node[slot]))) return 0;
    if (checked) {
        e->moved[slot] = e->n_data;
        if (add_zeros(&in[1].node, e, e->node[slot]) < 0) return -1;
    }
    const grad_op *op = grad_op_find(checked ? "add" : "identity");
    if (grad_apply(&e->node[slot], e->graph, op, in, checked ? 2 : 1, NULL, 0, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

int make_variables(evaluation *e)
{
    const document *d = &e->document;
    for (uint32_t slot = 0; slot < e->n_slots && e->request.endpoint == FOR_CHECK; slot++) {
        if (slot >= d->names.n && slot < document_slots(d)) continue; /* a node's further result */
        const name *n = name_of(e, slot);
        doc_kind kind = document_kind(d, n);
        bool asked = e->request.wrt ? e->flag[slot] & VARIABLE : kind == DOC_INPUT;
        if (asked && !n->op && e->node[slot] != GRAD_NONE && make_variable(e, slot) < 0) return -1;
    }
    return 0;
}

/* The floating-point nodes with the flag, in the order of an answer. */
size_t derivative_nodes(grad_node *out, const evaluation *e, unsigned flag)
{
    size_t n = 0;
    for (slot_walk w = {.e = e}; slots_next(&w);) {
        if (!(e->flag[w.slot] & flag) || !is_real(e, w.slot)) continue;
        if (out) out[n] = e->node[w.slot];
        n++;
    }
    return n;
}

size_t count_derivatives(const evaluation *e)
{
    if (e->request.endpoint == FOR_JVP) return derivative_nodes(NULL, e, IS_OUTPUT);
    if (e->request.endpoint == FOR_HVP) return derivative_nodes(NULL, e, WANTS_GRADIENT);
    size_t seeds = 0;
    for (uint32_t i = 0; i < e->n_of_nodes && e->request.endpoint == FOR_CHECK; i++)
        seeds += e->seed_node[i] != GRAD_NONE;
    return seeds;
}

static int add_tangents(grad_node *out, evaluation *e)
{
    grad_error err = {0};
    size_t n_of = derivative_nodes(NULL, e, IS_OUTPUT), n = e->n_vectors;
    grad_node *of = arena_new(&e->c->arena, n_of + 2 * n, sizeof *of, &err);
    if (!of) return end(e, &err);
    grad_node *wrt = of + n_of, *tangent = wrt + n;
    derivative_nodes(of, e, IS_OUTPUT);
    for (size_t i = 0; i < n; i++) {
        wrt[i] = e->node[e->vectors[i].at.slot];
        tangent[i] = e->moved[e->vectors[i].at.slot];
    }
    if (grad_tangent(out, e->graph, of, n_of, wrt, tangent, n, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

/* Reverse mode over reverse mode: the gradient of the gradients' sum, weighed with the vectors. */
static int add_products(grad_node *out, evaluation *e, const grad_node *gradients,
                        const grad_node *wrt, size_t n)
{
    grad_error err = {0};
    grad_node *of = arena_new(&e->c->arena, 2 * n, sizeof *of, &err), *seeds = of + n;
    size_t k = 0, given = 0;
    if (!of) return end(e, &err);
    for (slot_walk w = {.e = e}; slots_next(&w);) {
        if (!(e->flag[w.slot] & WANTS_GRADIENT) || !is_real(e, w.slot)) continue;
        of[given] = gradients[k++];
        seeds[given] = e->moved[w.slot];
        given += seeds[given] != GRAD_NONE;
    }
    if (grad_gradient(out, e->graph, of, seeds, given, wrt, n, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}

/* To check: the seeds, and what is to be known of the nodes that they belong to. */
static int add_seeds(grad_node *out, evaluation *e)
{
    grad_error err = {0};
    e->of_form = arena_new(&e->c->arena, e->n_of_nodes, sizeof *e->of_form, &err);
    if (!e->of_form) return end(e, &err);
    for (uint32_t i = 0; i < e->n_of_nodes; i++) {
        e->of_form[i] = (form){.dtype = grad_node_dtype(e->graph, e->of_node[i]),
                               .count = grad_node_shape(e->graph, e->of_node[i])->count};
        if (e->seed_node[i] != GRAD_NONE) *out++ = e->seed_node[i];
    }
    return 0;
}

int add_derivatives(grad_node *out, evaluation *e, const grad_node *gradients, const grad_node *wrt,
                    size_t n)
{
    if (e->request.endpoint == FOR_JVP) return add_tangents(out, e);
    if (e->request.endpoint == FOR_HVP) return add_products(out, e, gradients, wrt, n);
    if (e->request.endpoint == FOR_CHECK) return add_seeds(out, e);
    return 0;
}
