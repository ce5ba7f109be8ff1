/* media.c -- the header fields Content-Type and Accept, as far as they matter here.
 *
 * Accept is read as RFC 9110 has it: the most specific range that covers a type gives its weight.
 * Parameters other than q are skipped, and what is malformed is passed over, for an odd header is
 * no reason to refuse an answer.
 */
#include "media.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static size_t blanks(const char *at) { return strspn(at, " \t"); }

/* The bytes of a media range: up to a parameter, the next range, a blank or the end. */
static size_t range_length(const char *at) { return strcspn(at, ";, \t"); }

/* How closely a range names the type: 3 exactly, 2 by its first half, 1 as any type, 0 not. */
static int closeness(const char *range, size_t n, const char *type)
{
    size_t half = strcspn(type, "/") + 1;
    if (n == strlen(type) && strncasecmp(range, type, n) == 0) return 3;
    if (n == half + 1 && range[half] == '*' && strncasecmp(range, type, half) == 0) return 2;
    if ((n == 3 && strncmp(range, "*/*", 3) == 0) || (n == 1 && *range == '*')) return 1;
    return 0;
}

/* "0.8", "1", ".5": no more than that, and the same in every locale. */
static double read_weight(const char *at)
{
    double value = 0, place = 1;
    for (; *at >= '0' && *at <= '9'; at++) value = value * 10 + (*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++) value += (place /= 10) * (*at - '0');
    return value > 1 ? 1 : value;
}

/* Steps over one parameter's value, which may be a quoted string. */
static const char *skip_value(const char *at)
{
    if (*at != '"') return at + range_length(at);
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1]) at++;
    return *at ? at + 1 : at;
}

/* Reads the parameters of a range; returns where they end. */
static const char *read_parameters(const char *at, double *weight)
{
    *weight = 1;
    for (at += blanks(at); *at == ';'; at += blanks(at)) {
        at += 1 + blanks(at + 1);
        bool is_weight = (*at == 'q' || *at == 'Q') && at[1] == '=';
        at += strcspn(at, "=;,");
        if (*at != '=') continue;
        at++;
        if (is_weight) *weight = read_weight(at);
        at = skip_value(at);
    }
    return at + strcspn(at, ",");
}

bool media_is(const char *header, const char *type)
{
    header += blanks(header);
    size_t n = range_length(header);
    return n == strlen(type) && strncasecmp(header, type, n) == 0;
}

double media_weight(const char *accept, const char *type)
{
    int closest = 0;
    double best = 0;
    bool empty = true;
    for (const char *at = accept ? accept : ""; *at;) {
        at += strspn(at, ", \t");
        if (!*at) break;
        const char *range = at;
        size_t n = range_length(at);
        double weight;
        at = read_parameters(at + n, &weight);
        empty = false;
        int close = closeness(range, n, type);
        if (close > closest || (close == closest && close && weight > best)) {
            closest = close;
            best = weight;
        }
    }
    return empty ? 1 : best;
}
