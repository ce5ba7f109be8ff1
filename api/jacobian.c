/* jacobian.c -- POST /v1/jacobian: every output's derivative with respect to every input, in full. */
#include "endpoints.h"
#include "evaluation.h"

api_next jacobian_prepare(api_call *c)
{
    return evaluation_prepare(c, FOR_JACOBIAN, true);
}
