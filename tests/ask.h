/* ask.h -- for tests: one request to the api, and what came back. */
#ifndef TESTS_ASK_H
#define TESTS_ASK_H

#include <jansson.h>

#include "api.h"

/* An api of default limits that all tests of a program share; owned by ask.c. */
const api *ask_api(void);
void ask_end(void);

/* One call, all steps. `head` may leave all but method and path NULL. Owned: api_call_free. */
api_call *ask_with(const api *a, const api_head *head, const char *body);
api_call *ask(const char *method, const char *path);
api_call *ask_body(const char *path, const char *body);

const char *ask_header(const api_call *c, const char *name); /* "" where absent */
json_t *ask_json(const api_call *c); /* the body, which must be JSON; owned by the caller */

/* Fails the test unless the reply is a complete problem document with this code. */
void ask_expect_problem(const api_call *c, const char *code);

#endif
