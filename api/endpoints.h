/* endpoints.h -- what the rows of routes.c call: one function a step, one file an endpoint. */
#ifndef API_ENDPOINTS_H
#define API_ENDPOINTS_H

#include "call.h"

api_next evaluate_prepare(api_call *c); /* evaluate.c: POST /v1/evaluate */
void evaluate_run(api_call *c);         /* also of jvp and hvp */
api_next jvp_prepare(api_call *c);      /* jvp.c: POST /v1/jvp */
api_next jacobian_prepare(api_call *c); /* jacobian.c: POST /v1/jacobian */
api_next hessian_prepare(api_call *c);  /* hessian.c: POST /v1/hessian */
void blocks_run(api_call *c);           /* blocks.c: of both */
api_next check_prepare(api_call *c);    /* check.c: POST /v1/check */
void check_run(api_call *c);
api_next hvp_prepare(api_call *c);      /* hvp.c: POST /v1/hvp */

api_next render_prepare(api_call *c);   /* render.c: POST /v1/render */

api_next ops_prepare(api_call *c);      /* ops.c: GET /v1/ops */
api_next op_prepare(api_call *c);       /*        GET /v1/ops/{name} */
bool ops_write(buffer *to);             /* the body of the former; false when memory is short */

api_next version_prepare(api_call *c);  /* version.c: GET /v1/version */
api_next openapi_prepare(api_call *c);  /* openapi.c: GET /openapi.json */
api_next index_prepare(api_call *c);    /* index.c: GET / */
api_next error_prepare(api_call *c);    /* error_page.c: GET /errors/{code} */
api_next health_prepare(api_call *c);   /* health.c: GET /healthz and /livez */
api_next ready_prepare(api_call *c);    /*           GET /readyz */
api_next metrics_prepare(api_call *c);  /* metrics.c: GET /metrics */

#endif
