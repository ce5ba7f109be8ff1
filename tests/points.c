/* points.c -- a batch beside its single runs. */
#include "points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

void points_begin(points *s, size_t most)
{
    grad_error err = {0};
    *s = (points){.host = GRAD_HOST_DEFAULT, .most = most};
    assert_int_equal(grad_graph_new(&s->g, &s->host, GRAD_FLOAT64, &err), 0);
}

size_t points_bytes(const points *s, grad_node n)
{
    return (size_t)grad_node_shape(s->g, n)->count * grad_dtype_size(grad_node_dtype(s->g, n));
}

grad_node points_input(points *s, grad_dtype dtype, int rank, const int64_t *dim)
{
    grad_error err = {0};
    grad_node n = GRAD_NONE;
    if (grad_input(&n, s->g, dtype, rank, dim, &err) < 0) fail_msg("%s", err.text);
    s->data[s->n_in] = calloc(s->most + 1, points_bytes(s, n) + 1);
    return s->in[s->n_in++] = n;
}

void points_end(points *s)
{
    for (size_t k = 0; k < s->n_in; k++) free(s->data[k]);
    grad_graph_free(s->g);
    assert_int_equal(s->host.used, 0);
}

typedef struct check {
    points *s;
    const char *what;
    unsigned mask;
    size_t n, block, stretch; /* bytes between values, in memory given and taken */
    void *in[POINT_INPUTS], *out[POINT_RESULTS];
} check;

/* A run of the same workspace with memory elsewhere and results left out: the next is not to know. */
static void run_otherwise(const check *c, const grad_program *p, grad_workspace *w)
{
    const points *s = c->s;
    grad_points in[POINT_INPUTS];
    grad_stack out[POINT_RESULTS];
    grad_error err = {0};
    char *memory[POINT_RESULTS];
    for (size_t k = 0; k < s->n_in; k++) in[k] = (grad_points){s->data[k], points_bytes(s, s->in[k])};
    for (size_t k = 0; k < s->n_out; k++) {
        size_t bytes = points_bytes(s, s->out[k]);
        memory[k] = malloc(2 * bytes + 1);
        out[k] = (grad_stack){k % 2 ? memory[k] : NULL, bytes};
    }
    (void)!grad_run_batch(p, w, c->n < 2 ? c->n : 2, in, out, &err);
    for (size_t k = 0; k < s->n_out; k++) free(memory[k]);
}

/* A workspace, which must not take more than its program says. */
static int workspace_new(grad_workspace **w, const grad_program *p, points *s, grad_error *err)
{
    enum { ALIGN = 64 };
    size_t before = s->host.used;
    int result = grad_workspace_new(w, p, &s->host, err);
    assert_true(s->host.used - before <= grad_program_cost(p).workspace + ALIGN);
    return result;
}

/* The batch: its results in c->out, or the error. */
static void run_batch(check *c, grad_error *err)
{
    points *s = c->s;
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    bool batched[POINT_INPUTS];
    grad_points in[POINT_INPUTS];
    grad_stack out[POINT_RESULTS];
    grad_batch batch = {batched, NULL};
    for (size_t k = 0; k < s->n_in; k++) {
        size_t bytes = points_bytes(s, s->in[k]), stride = bytes + c->stretch;
        batched[k] = c->mask >> k & 1;
        c->in[k] = malloc((c->n + 1) * stride + 1);
        for (size_t i = 0; i < c->n + 1 && i < s->most; i++)
            memcpy((char *)c->in[k] + i * stride, (char *)s->data[k] + i * bytes, bytes);
        in[k] = (grad_points){c->in[k], stride};
    }
    for (size_t k = 0; k < s->n_out; k++) {
        size_t stride = points_bytes(s, s->out[k]) + c->stretch;
        c->out[k] = malloc(c->n * stride + 1);
        memset(c->out[k], 0xaa, c->n * stride + 1);
        out[k] = (grad_stack){c->out[k], stride};
    }
    if (grad_compile_batch(&p, s->g, s->out, s->n_out, &batch, err) == 0) {
        if (c->block && c->block < p->points.block) p->points.block = c->block;
        if (workspace_new(&w, p, s, err) == 0) {
            run_otherwise(c, p, w);
            (void)!grad_run_batch(p, w, c->n, in, out, err);
        }
    }
    grad_workspace_free(w);
    grad_program_free(p);
}

static void compare(const check *c, grad_workspace *w, size_t point)
{
    const points *s = c->s;
    for (size_t k = 0; k < s->n_out; k++) {
        size_t bytes = points_bytes(s, s->out[k]), stride = bytes + c->stretch;
        const char *found = (const char *)c->out[k] + point * stride;
        if (memcmp(found, grad_result(w, k), bytes) != 0)
            fail_msg("%s: result %zu of point %zu of %zu (inputs %x, block %zu) is not that of a "
                     "single run", c->what, k, point, c->n, c->mask, c->block);
        for (size_t i = 0; i < c->stretch; i++)
            if (found[bytes + i] != (char)0xaa) fail_msg("%s: written beyond a value", c->what);
    }
}

void points_check(points *s, unsigned mask, size_t n, size_t block, const char *what)
{
    check c = {.s = s, .what = what, .mask = mask, .n = n, .block = block,
               .stretch = n % 3 == 1 ? 16 : 0};
    grad_error err = {0}, single = {0};
    grad_program *p = NULL;
    grad_workspace *w = NULL;
    assert_true(n <= s->most);
    run_batch(&c, &err);
    if (grad_compile(&p, s->g, s->out, s->n_out, &single) < 0 ||
        workspace_new(&w, p, s, &single) < 0)
        fail_msg("%s: %s", what, single.text);
    for (size_t i = 0; i < n && single.code == GRAD_OK; i++) {
        const void *in[POINT_INPUTS];
        for (size_t k = 0; k < s->n_in; k++)
            in[k] = (char *)s->data[k] + (mask >> k & 1 ? i * points_bytes(s, s->in[k]) : 0);
        if (grad_run(p, w, in, &single) == 0) {
            if (err.code == GRAD_OK) compare(&c, w, i);
            continue;
        }
        char point[64];
        snprintf(point, sizeof point, "(point %zu of the batch)", i);
        bool of_all = err.code == single.code && !strstr(err.text, "of the batch)");
        if (err.code != single.code || err.input != single.input || err.node != single.node ||
            strncmp(err.text, single.text, strlen(single.text)) != 0 ||
            (!of_all && !strstr(err.text, point)) || (of_all && i > 0))
            fail_msg("%s: point %zu alone: %s; the batch: %s", what, i, single.text, err.text);
    }
    if (n > 0 && err.code != single.code) fail_msg("%s: the batch alone: %s", what, err.text);
    grad_workspace_free(w);
    grad_program_free(p);
    for (size_t k = 0; k < s->n_in; k++) free(c.in[k]);
    for (size_t k = 0; k < s->n_out; k++) free(c.out[k]);
}
