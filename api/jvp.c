/* jvp.c -- POST /v1/jvp: how outputs change as inputs move along tangents (forward mode). */
#include "endpoints.h"
#include "evaluation.h"

api_next jvp_prepare(api_call *c)
{
    return evaluation_prepare(c, FOR_JVP, false);
}
