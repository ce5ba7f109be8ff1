/* evaluate.c -- POST /v1/evaluate: the values of a graph's nodes and their gradients.
 *
 * Errors come in the order of the steps: the members, the graph, the ids in lists, the tensors, the
 * shapes, where gradients start, and last a value that nothing refers to.
 */
#include <string.h>

#include "derivative.h"
#include "endpoints.h"
#include "table.h"

static int build_graph(evaluation *e)
{
    grad_error err = {0};
    if (grad_graph_new(&e->graph, &e->c->host, e->request.dtype, &err) < 0)
        return evaluation_end(e, &err);
    bool plain = e->request.endpoint == FOR_EVALUATE;
    add_library(e);
    if (!plain && start_derivative(e) < 0) return -1;
    if (add_document(e) < 0) return -1;
    if (!plain && settle_derivative(e) < 0) return -1;
    if (e->request.gradients && check_of(e) < 0) return -1;
    return check_unused(e);
}

static int read_request(evaluation *e, endpoint asked)
{
    if (members_read(&e->request, e->c, asked) < 0) return -1;
    int graph = document_read(&e->document, e->c, e->request.graph);
    if (api_failed(e->c) || bind_inputs(e) < 0 || graph < 0) return -1;
    return document_sort(&e->document) < 0 ? -1 : select_ids(e);
}

void evaluation_free_plan(evaluation *e)
{
    document_free_plan(&e->document);
    library_free(e->document.library);
    grad_graph_free(e->graph);
    e->graph = NULL;
}

void evaluation_free_run(evaluation *e)
{
    batch_free(e);
    grad_workspace_free(e->workspace);
    grad_program_free(e->program);
    grad_jacobian_free(e->jacobian);
    e->jacobian = NULL;
    e->workspace = NULL;
    e->program = NULL;
}

void evaluation_free(void *job)
{
    evaluation *e = job;
    grad_host *host = &e->c->host;
    evaluation_free_run(e);
    evaluation_free_plan(e);
    document_free(&e->document);
    members_free(&e->request, e->c);
    uint32_t slots = e->n_slots;
    e->flag = table_free(host, e->flag, slots, sizeof *e->flag);
    e->node = table_free(host, e->node, slots, sizeof *e->node);
    e->form_of = table_free(host, e->form_of, slots, sizeof *e->form_of);
    e->form = table_free(host, e->form, e->form_room, sizeof *e->form);
    e->data = table_free(host, e->data, e->data_room, sizeof *e->data);
    names_free(&e->strays);
}

api_next evaluation_prepare(api_call *c, endpoint asked, bool later)
{
    grad_error err = {0};
    double start = api_now(c);
    evaluation *e = arena_new(&c->arena, 1, sizeof *e, &err);
    if (!e) return api_fail_core(c, &err, NULL, NULL);
    memset(e, 0, sizeof *e);
    e->c = c;
    c->job = e;
    c->job_free = evaluation_free;
    int result = read_request(e, asked);
    double parsed = api_now(c);
    c->reply.phase[API_PARSE] += parsed - start;
    if (result == 0) result = build_graph(e);
    if (result == 0 && !later) result = evaluation_compile(e);
    if (!later) evaluation_free_plan(e);
    else c->cost = 1; /* not known; it is no small thing */
    c->reply.phase[API_COMPILE] += api_now(c) - parsed;
    return result == 0 ? API_RUN : API_DONE;
}

api_next evaluate_prepare(api_call *c) { return evaluation_prepare(c, FOR_EVALUATE, false); }

void evaluate_run(api_call *c)
{
    evaluation *e = c->job;
    grad_error err = {0};
    double start = api_now(c);
    if (grad_workspace_new(&e->workspace, e->program, &c->host, &err) < 0 ||
        (e->request.batch ? batch_run(e, &err)
                          : grad_run(e->program, e->workspace, e->data, &err)) < 0)
        evaluation_end(e, &err);
    double ran = api_now(c);
    c->reply.phase[API_EVALUATE] += ran - start;
    if (!api_failed(c)) write_answer(e);
    evaluation_free_run(e);
    c->reply.phase[API_ENCODE] += api_now(c) - ran;
}
