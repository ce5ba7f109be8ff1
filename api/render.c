/* render.c -- POST /v1/render: a graph written for people.
 *
 * As a program, a graph needs no inputs: an id that no node declares is taken for one.
 */
#include "render.h"

#include <stdio.h>
#include <string.h>

#include "endpoints.h"
#include "members.h"
#include "table.h"

typedef struct rendering {
    api_call *c;
    request request;
    document document;
} rendering;

static const char type[] = "text/plain; charset=utf-8";

static void rendering_free(void *job)
{
    rendering *r = job;
    library_free(r->document.library);
    document_free(&r->document);
    members_free(&r->request, r->c);
}

static int render(rendering *r)
{
    api_call *c = r->c;
    if (members_read(&r->request, c, FOR_RENDER) < 0) return -1;
    int read = document_read(&r->document, c, r->request.graph);
    if (api_failed(c)) return -1;
    if (read < 0) return document_complain(&r->document);
    return render_expression(&c->out, &r->document);
}

api_next render_prepare(api_call *c)
{
    grad_error err = {0};
    double start = api_now(c);
    rendering *r = arena_new(&c->arena, 1, sizeof *r, &err);
    if (!r) return api_fail_core(c, &err, NULL, NULL);
    memset(r, 0, sizeof *r);
    r->c = c;
    c->job = r;
    c->job_free = rendering_free;
    int result = render(r);
    c->reply.phase[API_PARSE] += api_now(c) - start;
    return result < 0 ? API_DONE : api_answer(c, 200, type, c->out.at, c->out.n);
}
