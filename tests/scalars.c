/* scalars.c -- large scalar graphs and the plain loop that works them out. */
#include "scalars.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void scalars_chain(scalar_node *g, int n)
{
    for (int i = 0; i < n; i++) g[i] = (scalar_node){SCALAR_SIN, i - 1, -1};
}

void scalars_star(scalar_node *g, int n)
{
    for (int i = 0; i < n; i++) g[i] = (scalar_node){SCALAR_ADD, i - 1, -1};
}

void scalars_dag(scalar_node *g, int n, int reach)
{
    /* Chosen so that neither values nor slopes die out or explode. */
    static const scalar_op ops[] = {SCALAR_SIN, SCALAR_ADD,  SCALAR_SIN, SCALAR_SUB,
                                    SCALAR_SIN, SCALAR_TANH, SCALAR_MUL, SCALAR_SIN};
    uint64_t state = 1;
    for (int i = 0; i < n; i++) {
        int draw[3], choices = i < reach ? i + 1 : reach;
        for (int k = 0; k < 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            draw[k] = (int)((state >> 33) % (k < 2 ? (unsigned)choices : 8));
        }
        g[i] = (scalar_node){ops[draw[2]], i - 1 - draw[0], i - 1 - draw[1]};
    }
}

void scalars_run(const scalar_node *g, int n, double x, double *value, double *gradient)
{
    double *v = value + 1, *d = gradient + 1;
    v[-1] = x;
    for (int i = 0; i < n; i++)
        switch (g[i].op) {
        case SCALAR_SIN: v[i] = sin(v[g[i].a]); break;
        case SCALAR_TANH: v[i] = tanh(v[g[i].a]); break;
        case SCALAR_ADD: v[i] = v[g[i].a] + v[g[i].b]; break;
        case SCALAR_SUB: v[i] = v[g[i].a] - v[g[i].b]; break;
        case SCALAR_MUL: v[i] = v[g[i].a] * v[g[i].b]; break;
        }
    for (int i = -1; i < n; i++) d[i] = 1; /* of what nothing consumes; the others start at 0 */
    for (int i = 0; i < n; i++) {
        d[g[i].a] = 0;
        if (g[i].op >= SCALAR_ADD) d[g[i].b] = 0;
    }
    for (int i = n - 1; i >= 0; i--)
        switch (g[i].op) {
        case SCALAR_SIN: d[g[i].a] += d[i] * cos(v[g[i].a]); break;
        case SCALAR_TANH: d[g[i].a] += d[i] * (1 - v[i] * v[i]); break;
        case SCALAR_ADD: d[g[i].a] += d[i], d[g[i].b] += d[i]; break;
        case SCALAR_SUB: d[g[i].a] += d[i], d[g[i].b] -= d[i]; break;
        case SCALAR_MUL:
            d[g[i].a] += d[i] * v[g[i].b], d[g[i].b] += d[i] * v[g[i].a];
            break;
        }
}

static int name(char *to, int node)
{
    return node < 0 ? sprintf(to, "\"x\"") : sprintf(to, "\"n%d\"", node);
}

char *scalars_request(const scalar_node *g, int n, double x, bool backwards, size_t *length)
{
    static const char *const ops[] = {"sin", "tanh", "add", "sub", "mul"};
    char *text = malloc((size_t)n * 64 + 200), *at = text;
    if (!text) abort();
    at += sprintf(at, "{\"graph\":{\"nodes\":[");
    for (int k = 0; k < n; k++) {
        int i = backwards ? n - 1 - k : k;
        at += sprintf(at, "%s{\"id\":\"n%d\",\"op\":\"%s\",\"inputs\":[", k ? "," : "", i, ops[g[i].op]);
        at += name(at, g[i].a);
        if (g[i].op >= SCALAR_ADD) {
            *at++ = ',';
            at += name(at, g[i].b);
        }
        at += sprintf(at, "]}");
    }
    at += sprintf(at, "]},\"inputs\":{\"x\":%.17g}}", x);
    *length = (size_t)(at - text);
    return text;
}
