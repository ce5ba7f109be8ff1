/* index.c -- GET /: the page in index.html, which may run its own script and nothing else. */
#include "embedded.h"
#include "endpoints.h"

api_next index_prepare(api_call *c)
{
    /* The policy names the page's script and style by their hashes, which the build computes. */
    api_add_header(c, "Content-Security-Policy", index_html_policy);
    api_add_header(c, "Referrer-Policy", "no-referrer");
    return api_answer(c, 200, "text/html; charset=utf-8", index_html, index_html_length);
}
