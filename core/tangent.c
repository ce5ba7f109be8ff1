/* tangent.c -- forward mode, as reverse mode applied twice.
 *
 * With a cotangent u of its own for every result, reverse mode gives sum(u J) for every operand: a
 * graph that is linear in u. Its gradient with respect to u, seeded with the operands' tangents, is
 * J times these. No rule gives u itself to the second walk, so nothing of the first one is left to
 * run but the derivatives of single operators, which forward mode would compute as well.
 */
#include <string.h>

#include "emit.h"
#include "graph.h"

typedef struct tangents {
    V *u, *pulled;     /* by result; by operand */
    V *of, *seed, *at; /* those of them that take part */
} tangents;

static int append(B *b, V *out, const tangents *t, const V *of, size_t n_of, const V *wrt,
                  const V *tangent, size_t n_wrt)
{
    size_t sown = 0, real = 0;
    for (size_t i = 0; i < n_of; i++) {
        t->u[i] = GRAD_NONE;
        if (!grad_dtype_is_float(v_dtype(b, of[i]))) continue;
        t->at[real] = of[i];
        t->u[real++] = v_zeros(b, of[i]);
    }
    if (v_failed(b) || grad_gradient(t->pulled, b->g, t->at, t->u, real, wrt, n_wrt, b->err) < 0)
        return -1;
    for (size_t k = 0; k < n_wrt; k++) {
        if (t->pulled[k] == GRAD_NONE || tangent[k] == GRAD_NONE) continue;
        t->of[sown] = t->pulled[k];
        t->seed[sown++] = tangent[k];
    }
    if (grad_gradient(t->at, b->g, t->of, t->seed, sown, t->u, real, b->err) < 0) return -1;
    for (size_t i = 0, k = 0; i < n_of; i++)
        out[i] = grad_dtype_is_float(v_dtype(b, of[i])) ? t->at[k++] : GRAD_NONE;
    return 0;
}

int grad_tangent(grad_node *out, grad_graph *g, const grad_node *of, size_t n_of,
                 const grad_node *wrt, const grad_node *tangent, size_t n_wrt, grad_error *err)
{
    B b = {g, err, NULL};
    size_t n = 2 * n_of + 3 * n_wrt;
    V *list = grad__alloc_array(g->host, n, sizeof *list, err);
    if (!list) return -1;
    tangents t = {.u = list, .at = list + n_of, .pulled = list + 2 * n_of};
    t.of = t.pulled + n_wrt;
    t.seed = t.of + n_wrt;
    int result = append(&b, out, &t, of, n_of, wrt, tangent, n_wrt);
    grad__free(g->host, list, n * sizeof *list);
    return result;
}
