/* gate.h -- what is refused before anything else looks at a request. */
#ifndef SERVER_GATE_H
#define SERVER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the head of a request says, as far as it matters here. Texts are borrowed; the first of
   several, NULL where absent. */
typedef struct gate_facts {
    const char *method;
    const char *version;           /* "HTTP/1.1" */
    unsigned hosts;                /* how many Host headers */
    unsigned lengths;              /* … Content-Length */
    unsigned codings;              /* … Transfer-Encoding */
    unsigned expectations;         /* … Expect */
    const char *transfer_encoding;
    const char *expect;
    int64_t content_length;        /* -1 where absent or not a number */
    bool bad_name;                 /* a header's name is not a token */
    bool bad_value;                /* a header's value holds a control character */
} gate_facts;

typedef struct gate_refusal {
    const char *code;   /* static: "bad_request", … */
    const char *detail; /* static: one sentence */
} gate_refusal;

/* Is the request refused? The first reason, in the order in which a reader of the head meets them.
   A refused connection is closed, because where the next request begins is in doubt. */
bool gate_refuses(const gate_facts *f, gate_refusal *why);

bool gate_is_token(const char *text);       /* RFC 9110 token */
bool gate_is_clean_value(const char *text); /* no control characters but the tab */
int64_t gate_read_length(const char *text); /* digits only; -1 for anything else */

#endif
