/* hessian.c -- POST /v1/hessian: the gradient of one output, and its Jacobian. */
#include "endpoints.h"
#include "evaluation.h"

api_next hessian_prepare(api_call *c)
{
    return evaluation_prepare(c, FOR_HESSIAN, true);
}
