/* gate.c -- the framing of a request, held strictly against RFC 9112.
 *
 * libmicrohttpd before 1.0 takes requests that a proxy in front of us might read differently (two
 * lengths, a length beside chunks, a name with a space before its colon), and what two readers
 * frame differently can smuggle a request past one of them. A pure function over a few facts, so
 * that every case is a line in a test.
 */
#include "gate.h"

#include <string.h>
#include <strings.h>

bool gate_is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        bool letter = (*text | 32) >= 'a' && (*text | 32) <= 'z';
        bool digit = *text >= '0' && *text <= '9';
        if (!letter && !digit && strchr(others, *text) == NULL) return false;
    }
    return true;
}

bool gate_is_clean_value(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

int64_t gate_read_length(const char *text)
{
    int64_t n = 0;
    if (*text == '\0') return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || n > (INT64_MAX - 9) / 10) return -1;
        n = n * 10 + (*text - '0');
    }
    return n;
}

static bool refuse(gate_refusal *why, const char *code, const char *detail)
{
    why->code = code;
    why->detail = detail;
    return true;
}

bool gate_refuses(const gate_facts *f, gate_refusal *why)
{
    bool v11 = strcmp(f->version, "HTTP/1.1") == 0;
    if (!gate_is_token(f->method))
        return refuse(why, "bad_request", "the method is not a token");
    if (!v11 && strcmp(f->version, "HTTP/1.0") != 0)
        return refuse(why, "bad_request", "the version must be HTTP/1.1 or HTTP/1.0");
    if (f->bad_name)
        return refuse(why, "bad_request",
                      "the name of a header holds a character that names may not hold");
    if (f->bad_value)
        return refuse(why, "bad_request", "the value of a header holds a control character");
    if (v11 && f->hosts == 0)
        return refuse(why, "bad_request", "a request of HTTP/1.1 needs a Host header");
    if (f->hosts > 1)
        return refuse(why, "bad_request", "there is more than one Host header");
    if (f->lengths > 1)
        return refuse(why, "bad_request", "there is more than one Content-Length header");
    if (f->lengths == 1 && f->content_length < 0)
        return refuse(why, "bad_request", "Content-Length is not a whole number");
    if (f->codings > 1)
        return refuse(why, "bad_request", "there is more than one Transfer-Encoding header");
    if (f->codings == 1 && strcasecmp(f->transfer_encoding, "chunked") != 0)
        return refuse(why, "bad_request", "the only Transfer-Encoding known here is chunked");
    if (f->codings == 1 && f->lengths == 1)
        return refuse(why, "bad_request",
                      "Content-Length and Transfer-Encoding do not go together");
    if (f->codings == 1 && !v11)
        return refuse(why, "bad_request", "HTTP/1.0 has no Transfer-Encoding");
    if (f->expectations > 1 ||
        (f->expectations == 1 && strcasecmp(f->expect, "100-continue") != 0))
        return refuse(why, "expectation_failed",
                      "the only expectation known here is 100-continue");
    return false;
}
