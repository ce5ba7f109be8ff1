/* health.c -- GET /healthz, /livez and /readyz: for load balancers and orchestrators. */
#include <string.h>

#include "endpoints.h"

static api_next answer_ok(api_call *c)
{
    static const char ok[] = "{\"status\":\"ok\"}";
    api_add_header(c, "Cache-Control", "no-store");
    return api_answer(c, 200, "application/json", ok, strlen(ok));
}

/* That the question reaches this place is the answer. */
api_next health_prepare(api_call *c) { return answer_ok(c); }

api_next ready_prepare(api_call *c)
{
    const api_host *h = &c->api->host;
    if (!h->ready || h->ready(h->cls)) return answer_ok(c);
    return api_fail(c, "draining", NULL, NULL, "the service takes no new requests now");
}
