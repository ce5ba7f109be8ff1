/* version.c -- GET /v1/version: which build this is, and which kernels run on this CPU. */
#include "endpoints.h"
#include "tree.h"

const char *api_blas_kernels(void) { return grad_blas_kernels(); }

api_next version_prepare(api_call *c)
{
    return tree_answer(c, json_pack("{s:s, s:s, s:s, s:s}",
                                    "name", "gradd",
                                    "version", grad_version(),
                                    "build", c->api->host.build,
                                    "blas", grad_blas_kernels()));
}
