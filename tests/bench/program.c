/* program.c -- one million lines "v12 = v11 * v7 + 0.5", as a program and as a graph object:
 * processor seconds to read either into a document, and to evaluate it with all gradients.
 *
 *     program [LINES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "call.h"
#include "document.h"
#include "expression.h"

static double now(void *cls)
{
    struct timespec t;
    (void)cls;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int earlier(int i)
{
    static unsigned long long state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    int back = 1 + (int)((state >> 33) % 1000);
    return back > i ? 0 : i - back;
}

/* The request's text; every line is two nodes. */
static char *write_request(int lines, int program)
{
    char *text = malloc((size_t)lines * 160 + 200), *at = text;
    if (!text) abort();
    at += sprintf(at, program ? "{\"graph\":\"" : "{\"graph\":{\"nodes\":[");
    for (int i = 1; i <= lines; i++) {
        int a = i - 1, b = earlier(i);
        if (program)
            at += sprintf(at, "v%d = v%d * v%d + 0.5\\n", i, a, b);
        else
            at += sprintf(at, "%s{\"id\":\"m%d\",\"op\":\"mul\",\"inputs\":[\"v%d\",\"v%d\"]},"
                          "{\"id\":\"v%d\",\"op\":\"add\",\"inputs\":[\"m%d\",0.5]}",
                          i > 1 ? "," : "", i, a, b, i, i);
    }
    sprintf(at, program ? "\",\"inputs\":{\"v0\":0.25}}" : "]},\"inputs\":{\"v0\":0.25}}");
    return text;
}

static void read_once(const api *a, const char *body, double *seconds)
{
    api_call *c = api_call_new(a);
    document d;
    json_cursor at = json_open(body);
    if (!c) abort();
    c->body = body;
    c->length = strlen(body);
    json_enter(&at);
    json_more(&at);
    json_name(&at);
    json_slice graph = json_skip(&at);
    double start = now(NULL);
    if (document_read(&d, c, graph) < 0) abort();
    double took = now(NULL) - start;
    if (took < *seconds) *seconds = took;
    document_free(&d);
    api_call_free(c);
}

static void answer_once(const api *a, const char *body, double seconds[API_PHASES])
{
    api_head head = {.method = "POST", .path = "/v1/evaluate", .fresh_id = "x",
                     .content_length = -1};
    api_call *c = api_call_new(a);
    if (!c) abort();
    const api_reply *r = api_handle(c, &head, body, strlen(body));
    if (r->status != 200) printf("%d %.300s\n", r->status, r->body);
    for (int k = 0; k < API_PHASES; k++)
        if (r->phase[k] < seconds[k]) seconds[k] = r->phase[k];
    api_call_free(c);
}

int main(int argc, char **argv)
{
    int lines = argc > 1 ? atoi(argv[1]) : 1000000;
    api_host host = {.now = now};
    api *a = api_new(&host);
    if (!a) return 1;
    for (int program = 1; program >= 0; program--) {
        char *body = write_request(lines, program);
        double mib = (double)strlen(body) / 1e6, reading = 1e9;
        double phase[API_PHASES] = {1e9, 1e9, 1e9, 1e9};
        for (int k = 0; k < 3; k++) read_once(a, body, &reading);
        for (int k = 0; k < 2; k++) answer_once(a, body, phase);
        printf("%-7s %d lines, %.0f MB: read in %.3f s (%.0f MB/s, %.3f us a line)\n",
               program ? "program" : "json", lines, mib, reading, mib / reading,
               1e6 * reading / lines);
        printf("        parse %.3f + compile %.3f s, %.3f us a line; evaluate %.3f s, encode %.3f "
               "s\n", phase[API_PARSE], phase[API_COMPILE],
               1e6 * (phase[API_PARSE] + phase[API_COMPILE]) / lines, phase[API_EVALUATE],
               phase[API_ENCODE]);
        free(body);
    }
    api_free(a);
    return 0;
}
