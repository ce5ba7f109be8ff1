/* hvp.c -- POST /v1/hvp: the gradient of one output, and its Hessian times vectors. */
#include "endpoints.h"
#include "evaluation.h"

api_next hvp_prepare(api_call *c)
{
    return evaluation_prepare(c, FOR_HVP, false);
}
