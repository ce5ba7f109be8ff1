/* mlp.c -- the hundred layers: weights, the request's text, and backpropagation as plain loops. */
#include "mlp.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static double uniform(void) /* splitmix64, -1 to 1 */
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
}

void mlp_fill(mlp *m)
{
    const double scale = 1.2 * sqrt(3.0 / MLP_WIDTH); /* keeps the signal alive through all layers */
    state = 20;
    for (int i = 0; i < MLP_BATCH; i++)
        for (int k = 0; k < MLP_WIDTH; k++) m->x[i][k] = uniform();
    for (int l = 0; l < MLP_LAYERS; l++)
        for (int i = 0; i < mlp_rows(l); i++) {
            for (int k = 0; k < MLP_WIDTH; k++) m->w[l][i][k] = scale * uniform();
            m->b[l][i] = 0.1 * uniform();
        }
    for (int i = 0; i < MLP_BATCH; i++) m->target[i] = (i * 7) % MLP_CLASSES;
}

/* out = in w' + b, then tanh where asked for */
static void layer(const mlp *m, int l, double in[][MLP_WIDTH], double out[][MLP_WIDTH])
{
    for (int n = 0; n < MLP_BATCH; n++)
        for (int i = 0; i < mlp_rows(l); i++) {
            double sum = m->b[l][i];
            for (int k = 0; k < MLP_WIDTH; k++) sum += in[n][k] * m->w[l][i][k];
            out[n][i] = l == MLP_LAYERS - 1 ? sum : tanh(sum);
        }
}

/* The loss of the logits, and its derivative in their place. */
static double cross_entropy(const mlp *m, double logit[][MLP_WIDTH])
{
    double loss = 0;
    for (int n = 0; n < MLP_BATCH; n++) {
        double most = logit[n][0], sum = 0;
        for (int i = 1; i < MLP_CLASSES; i++) most = fmax(most, logit[n][i]);
        for (int i = 0; i < MLP_CLASSES; i++) sum += exp(logit[n][i] - most);
        loss += log(sum) + most - logit[n][m->target[n]];
        for (int i = 0; i < MLP_CLASSES; i++)
            logit[n][i] = (exp(logit[n][i] - most) / sum - (i == m->target[n])) / MLP_BATCH;
    }
    return loss / MLP_BATCH;
}

double mlp_loss(const mlp *m, mlp *gradient)
{
    static double a[MLP_LAYERS + 1][MLP_BATCH][MLP_WIDTH], g[MLP_BATCH][MLP_WIDTH];
    memcpy(a[0], m->x, sizeof m->x);
    for (int l = 0; l < MLP_LAYERS; l++) layer(m, l, a[l], a[l + 1]);
    double loss = cross_entropy(m, a[MLP_LAYERS]);
    memset(gradient, 0, sizeof *gradient);
    memcpy(g, a[MLP_LAYERS], sizeof g);
    for (int l = MLP_LAYERS - 1; l >= 0; l--) {
        double back[MLP_BATCH][MLP_WIDTH] = {{0}};
        for (int n = 0; n < MLP_BATCH; n++)
            for (int i = 0; i < mlp_rows(l); i++) {
                gradient->b[l][i] += g[n][i];
                for (int k = 0; k < MLP_WIDTH; k++) {
                    gradient->w[l][i][k] += g[n][i] * a[l][n][k];
                    back[n][k] += g[n][i] * m->w[l][i][k];
                }
            }
        for (int n = 0; n < MLP_BATCH; n++)
            for (int k = 0; k < MLP_WIDTH; k++)
                g[n][k] = l ? back[n][k] * (1 - a[l][n][k] * a[l][n][k]) : back[n][k];
    }
    memcpy(gradient->x, g, sizeof g);
    return loss;
}

/* ---- the request ------------------------------------------------------------------------------- */

typedef struct text {
    char *at;
    size_t n, room;
} text;

static void add(text *t, const char *format, ...)
{
    va_list list;
    if (t->room - t->n < 256) {
        t->room = t->room * 2 + 4096;
        t->at = realloc(t->at, t->room);
        if (!t->at) abort();
    }
    va_start(list, format);
    t->n += (size_t)vsnprintf(t->at + t->n, t->room - t->n, format, list);
    va_end(list);
}

static void row(text *t, const double *x, int n)
{
    for (int i = 0; i < n; i++) add(t, "%s%.17g", i ? "," : "[", x[i]);
    add(t, "]");
}

char *mlp_request(const mlp *m, size_t *length)
{
    text t = {0};
    char in[16] = "x";
    add(&t, "{\"graph\":{\"nodes\":[");
    for (int l = 0; l < MLP_LAYERS; l++) {
        add(&t, "{\"id\":\"h%d\",\"op\":\"linear\",\"inputs\":[\"%s\",\"w%d\",\"b%d\"]},", l, in, l, l);
        snprintf(in, sizeof in, "h%d", l);
        if (l == MLP_LAYERS - 1) break;
        add(&t, "{\"id\":\"a%d\",\"op\":\"tanh\",\"inputs\":[\"h%d\"]},", l, l);
        snprintf(in, sizeof in, "a%d", l);
    }
    add(&t, "{\"id\":\"loss\",\"op\":\"cross_entropy\",\"inputs\":[\"%s\",\"target\"]}]},", in);
    add(&t, "\"inputs\":{\"x\":[");
    for (int i = 0; i < MLP_BATCH; i++) {
        if (i) add(&t, ",");
        row(&t, m->x[i], MLP_WIDTH);
    }
    add(&t, "],\"target\":");
    for (int i = 0; i < MLP_BATCH; i++) add(&t, "%s%d", i ? "," : "[", (int)m->target[i]);
    add(&t, "]");
    for (int l = 0; l < MLP_LAYERS; l++) {
        add(&t, ",\"w%d\":[", l);
        for (int i = 0; i < mlp_rows(l); i++) {
            if (i) add(&t, ",");
            row(&t, m->w[l][i], MLP_WIDTH);
        }
        add(&t, "],\"b%d\":", l);
        row(&t, m->b[l], mlp_rows(l));
    }
    add(&t, "}}");
    *length = t.n;
    return t.at;
}
