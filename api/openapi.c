/* openapi.c -- GET /openapi.json: openapi.yaml, turned into JSON by the build. */
#include "embedded.h"
#include "endpoints.h"

api_next openapi_prepare(api_call *c)
{
    return api_answer(c, 200, "application/json", openapi_json, openapi_json_length);
}
