/* adjoint.c -- where gradients start: the nodes of `of` with their seeds, and the walk back. */
#include <stdio.h>
#include <string.h>

#include "evaluation.h"
#include "table.h"

/* ---- errors ---------------------------------------------------------------------------------- */

/* Where the request says that gradients start here, or the node if it does not. */
static void point_at(const evaluation *e, const seed *s, pointer *p)
{
    const char *list = e->of_at ? e->of_at : e->outputs_at;
    if (list) {
        pointer_start(p, "%s", list);
        if (s->index >= 0) pointer_add(p, "/%lld", (long long)s->index);
    } else {
        pointer_start(p, "/graph/nodes/%u", name_of(e, s->at.first)->place);
    }
}

static void write_id(const evaluation *e, const ref *r, char *to, size_t room)
{
    const name *n = name_of(e, r->first);
    int length = (int)(n->length < 400 ? n->length : 400);
    if (r->result) snprintf(to, room, "%.*s:%u", length, name_text(n), r->result);
    else snprintf(to, room, "%.*s", length, name_text(n));
}

static int not_differentiable(evaluation *e, const seed *s)
{
    char id[512];
    pointer at;
    const char *dtype = grad_dtype_name(grad_node_dtype(e->graph, e->node[s->at.slot]));
    point_at(e, s, &at);
    write_id(e, &s->at, id, sizeof id);
    api_fail(e->c, "not_differentiable", pointer_text(&at), id,
             "\"%s\" is %s, and only floating-point nodes have gradients", id, dtype);
    return -1;
}

/* Ones of the shape as JSON; in words where that would be long. */
static void write_ones(const grad_shape *shape, char *to, size_t room)
{
    char dims[SHAPE_ROOM];
    size_t n = 0;
    if (shape->count > 24 || shape->rank > 4 || shape->count == 0) {
        snprintf(to, room, "a tensor of shape %s", shape_text(dims, shape->rank, shape->dim));
        return;
    }
    for (int64_t i = 0; i < shape->count; i++) {
        int64_t under = 1; /* elements below this level */
        int opens = 0, closes = 0;
        for (int k = shape->rank; k-- > 0;) {
            under *= shape->dim[k];
            opens += i % under == 0;
            closes += (i + 1) % under == 0;
        }
        n += (size_t)snprintf(to + n, room - n, "%s%.*s1%.*s", i ? ", " : "", opens, "[[[[", closes,
                              "]]]]");
    }
}

static int seed_required(evaluation *e, const seed *s)
{
    char id[512], ones[400], dims[SHAPE_ROOM];
    pointer at;
    bool check = e->request.endpoint == FOR_CHECK;
    const grad_shape *shape = grad_node_shape(e->graph, e->node[s->at.slot]);
    point_at(e, s, &at);
    write_id(e, &s->at, id, sizeof id);
    write_ones(shape, ones, sizeof ones);
    if (e->document.source) {
        api_fail(e->c, "seed_required", pointer_text(&at), id,
                 "\"%s\" has shape %s, and a gradient is that of one number: end with sum(%s), or "
                 "weigh its elements with \"gradients\": {\"seeds\": {\"%s\": %s}}, or ask for "
                 "none with \"gradients\": false",
                 id, shape_text(dims, shape->rank, shape->dim), id, id, ones);
        return -1;
    }
    api_fail(e->c, "seed_required", pointer_text(&at), id,
             "\"%s\" has shape %s, and a gradient is that of one number: add a node {\"id\": ..., "
             "\"op\": \"sum\", \"inputs\": [\"%s\"]}, or weigh its elements with %s\"seeds\": {\"%s\": %s}%s",
             id, shape_text(dims, shape->rank, shape->dim), id, check ? "" : "\"gradients\": {", id,
             ones, check ? "" : "}, or ask for none with \"gradients\": false");
    return -1;
}

static const char *seeds_at(const evaluation *e)
{
    return e->request.endpoint == FOR_EVALUATE ? "/gradients/seeds" : "/seeds";
}

/* ---- seeds ----------------------------------------------------------------------------------- */

/* A tensor of its node's shape and type, as an input of the graph: its value is the request's. */
int read_vector(grad_node *out, evaluation *e, const seed *s, const char *base, const char *what)
{
    char id[512], want[SHAPE_ROOM], found[SHAPE_ROOM];
    tensor_text t;
    write_id(e, &s->at, id, sizeof id);
    spot at = {.base = base, .key = s->key, .id = id, .id_length = strlen(id)};
    const grad_shape *shape = grad_node_shape(e->graph, e->node[s->at.slot]);
    grad_dtype dtype = grad_node_dtype(e->graph, e->node[s->at.slot]);
    if (tensor_measure(&t, e->c, s->text, false, &at) < 0) return -1;
    if (t.named && t.dtype != dtype)
        return spot_fail(e->c, &at, "dtype_mismatch", "/dtype", "the %s of a %s node is %s, this is "
                         "%s", what, grad_dtype_name(dtype), grad_dtype_name(dtype),
                         grad_dtype_name(t.dtype));
    bool batched = e->flag[s->at.slot] & BATCHED;
    t.points = batched && t.rank == shape->rank + 1 && t.dim[0] == e->batch.points;
    if (tensor_rank(&t) != shape->rank ||
        memcmp(tensor_dim(&t), shape->dim, (size_t)shape->rank * sizeof *t.dim) != 0)
        return spot_fail(e->c, &at, "shape_mismatch", "", "a %s has the shape of its node, %s%s; "
                         "this has %s", what, shape_text(want, shape->rank, shape->dim),
                         batched ? ", with or without the axis of the batch before it" : "",
                         shape_text(found, t.rank, t.dim));
    return add_input(out, e, &t, dtype, &at);
}

/* The nodes of `of` that are floating-point, with their seeds. */
static int collect(evaluation *e, grad_node *of, grad_node *seeds, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < e->n_of; i++) {
        const seed *s = &e->of[i];
        grad_node node = e->node[s->at.slot];
        if (!grad_dtype_is_float(grad_node_dtype(e->graph, node))) {
            /* Among outputs by default, those of other types are passed over. */
            if (e->of_at || s->text) return not_differentiable(e, s);
            continue;
        }
        e->batch.of_points |= (e->flag[s->at.slot] & BATCHED) != 0;
        of[*n] = node;
        seeds[*n] = GRAD_NONE;
        if (s->text) {
            if (read_vector(&seeds[*n], e, s, seeds_at(e), "seed") < 0) return -1;
        } else if (grad_node_shape(e->graph, node)->count != 1) {
            return seed_required(e, s);
        }
        ++*n;
    }
    return 0;
}

int check_of(evaluation *e)
{
    grad_error err = {0};
    e->of_node = arena_new(&e->c->arena, e->n_of, sizeof *e->of_node, &err);
    e->seed_node = arena_new(&e->c->arena, e->n_of, sizeof *e->seed_node, &err);
    if (!e->of_node || !e->seed_node) return evaluation_end(e, &err);
    return collect(e, e->of_node, e->seed_node, &e->n_of_nodes);
}

int add_gradients(grad_node *out, evaluation *e, const grad_node *wrt, size_t n)
{
    grad_error err = {0};
    if (grad_gradient(out, e->graph, e->of_node, e->seed_node, e->n_of_nodes, wrt, n, &err) < 0)
        return evaluation_end(e, &err);
    return 0;
}
