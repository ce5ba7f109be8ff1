/* metrics.c -- GET /metrics: what the host has counted, in Prometheus' text format. */
#include "endpoints.h"

static void append(void *to, const char *text, size_t n) { buffer_add(to, text, n); }

api_next metrics_prepare(api_call *c)
{
    const api_host *h = &c->api->host;
    if (!h->metrics)
        return api_fail(c, "not_found", NULL, NULL, "this host counts nothing: no metrics");
    h->metrics(h->cls, append, &c->out);
    api_add_header(c, "Cache-Control", "no-store");
    return api_answer(c, 200, "text/plain; version=0.0.4; charset=utf-8", c->out.at, c->out.n);
}
