/* sources.c -- what a graph starts from: constants, literals, and the inputs with their values.
 *
 * The tensors of the graph are read first, in document order, then those of `inputs` in the order
 * in which they were sent. Constants are copied by the graph, so their bytes are given back at
 * once; inputs are read where they are and live as long as the request.
 */
#include <stdio.h>
#include <string.h>

#include "evaluation.h"
#include "table.h"

static int end(evaluation *e, const grad_error *err, const spot *at)
{
    return spot_fail(e->c, at, grad_code_name(err->code), "", "%s", err->text);
}

/* ---- into the graph -------------------------------------------------------------------------- */

static int add_constant(grad_node *out, instance *i, const tensor_text *t, grad_dtype dtype,
                        const spot *at)
{
    api_call *c = i->e->c;
    grad_error err = {0};
    int64_t few[8]; /* where most constants fit */
    size_t room = tensor_room(t, dtype);
    void *data = room <= sizeof few ? few : table_new(&c->host, room, 1, &err);
    if (!data) return end(i->e, &err, at);
    int result = tensor_fill(data, c, t, dtype, at);
    if (result == 0 && grad_constant(out, i->graph, dtype, t->rank, t->dim, data, &err) < 0)
        result = end(i->e, &err, at);
    if (data != few) table_free(&c->host, data, room, 1);
    return result;
}

/* An input whose elements have been read. */
static int add_read_input(grad_node *out, evaluation *e, const tensor_text *t, grad_dtype dtype,
                          const void *data, const spot *at)
{
    grad_error err = {0};
    if (e->n_data == e->data_room) {
        const void **grown = table_grow(&e->c->host, e->data, &e->data_room, sizeof *e->data, &err);
        if (!grown) return end(e, &err, at);
        e->data = grown;
    }
    if (grad_input(out, e->graph, dtype, tensor_rank(t), tensor_dim(t), &err) < 0 ||
        batch_add_input(e, t, dtype, &err) < 0)
        return end(e, &err, at);
    e->data[e->n_data++] = data;
    return 0;
}

int add_input(grad_node *out, evaluation *e, const tensor_text *t, grad_dtype dtype, const spot *at)
{
    grad_error err = {0};
    void *data = arena_new(&e->c->arena, tensor_room(t, dtype), 1, &err);
    if (!data) return end(e, &err, at);
    if (tensor_fill(data, e->c, t, dtype, at) < 0) return -1;
    return add_read_input(out, e, t, dtype, data, at);
}

/* An input of zeros, in memory that may be written to. */
int add_zeros(grad_node *out, evaluation *e, grad_node like)
{
    const grad_shape *shape = grad_node_shape(e->graph, like);
    grad_dtype dtype = grad_node_dtype(e->graph, like);
    grad_error err = {0};
    spot nowhere = {.base = ""};
    tensor_text t = {.rank = shape->rank, .count = shape->count};
    size_t room = tensor_room(&t, dtype);
    memcpy(t.dim, shape->dim, (size_t)shape->rank * sizeof *t.dim);
    void *data = arena_new(&e->c->arena, room, 1, &err);
    if (!data) return end(e, &err, &nowhere);
    memset(data, 0, room);
    return add_read_input(out, e, &t, dtype, data, &nowhere);
}

/* ---- declarations ---------------------------------------------------------------------------- */

static int check_declared(evaluation *e, const doc_more *m, const tensor_text *t, const spot *at)
{
    char want[SHAPE_ROOM], found[SHAPE_ROOM];
    bool same = m->n == RANK_ANY || (int)m->n == tensor_rank(t);
    for (int i = 0; same && m->n != RANK_ANY && i < tensor_rank(t); i++)
        same = m->dim[i] == SIZE_ANY || m->dim[i] == tensor_dim(t)[i];
    if (same) return 0;
    return spot_fail(e->c, at, "shape_mismatch", "", "the node declares the shape %s, this has %s%s",
                     shape_text(want, (int)m->n, m->dim),
                     shape_text(found, tensor_rank(t), tensor_dim(t)),
                     t->points ? " at each point of the batch" : "");
}

/* Measures a tensor and settles its type, which may depend on all nodes of the graph. */
static int look_at(tensor_text *t, grad_dtype *dtype, evaluation *e, const char *text, usage *u,
                   const uint16_t *use, const doc_more *declared, bool fill, const spot *at)
{
    if (use) u->uses = use[u->name];
    if (tensor_measure(t, e->c, text, u->uses & AS_INDEX, at) < 0) return -1;
    if (use == e->flag && use[u->name] & BATCHED && batch_take_axis(t, e, at) < 0) return -1;
    fill = fill && t->rank == 0 && !t->in_object;
    if (declared && !fill && check_declared(e, declared, t, at) < 0) return -1;
    if (use == e->flag && t->truths) {
        note_uses(e);
        u->uses = use[u->name];
    }
    return settle_dtype(dtype, e->request.dtype, u, t,
                        declared ? (grad_dtype)declared->dtype : GRAD_DTYPES, at);
}

/* "x: float32[2, 3] = 0": one number for all elements of the declared shape. */
static int add_filled(grad_node *out, evaluation *e, const tensor_text *one, grad_dtype dtype,
                      const doc_more *m, const spot *at)
{
    grad_error err = {0};
    tensor_text t = *one;
    int64_t element = 0;
    size_t size = grad_dtype_size(dtype);
    t.rank = (int)m->n;
    for (int i = 0; i < t.rank; i++) {
        t.dim[i] = m->dim[i];
        if (t.dim[i] == SIZE_ANY)
            return spot_fail(e->c, at, "shape_mismatch", "", "one number can be the default of a "
                             "whole shape only, without sizes that are left open");
        if (t.dim[i] > 0 && t.count > e->c->host.elements / t.dim[i])
            return spot_fail(e->c, at, "tensor_too_large", "", "a tensor may have at most %lld "
                             "elements", (long long)e->c->host.elements);
        if (t.dim[i] > 0) t.count *= t.dim[i];
    }
    for (int i = 0; i < t.rank; i++)
        if (t.dim[i] == 0) t.count = 0;
    if (tensor_fill(&element, e->c, one, dtype, at) < 0) return -1;
    char *data = arena_new(&e->c->arena, (size_t)t.count + 1, size, &err);
    if (!data) return end(e, &err, at);
    for (int64_t i = 0; i < t.count; i++) memcpy(data + (size_t)i * size, &element, size);
    return add_read_input(out, e, &t, dtype, data, at);
}

/* A constant's value, or the one that stands in for an input's. */
static int declared_tensor(instance *i, uint32_t index, const char *text, const spot *at)
{
    tensor_text t;
    grad_dtype dtype;
    usage u = {.document = i->d, .name = index};
    const doc_more *m = document_more(i->d, &i->d->names.at[index]);
    bool fill = i->d->source && m->kind == DOC_INPUT && m->n != RANK_ANY && m->n > 0;
    if (look_at(&t, &dtype, i->e, text, &u, i->use, m, fill, at) < 0) return -1;
    if (m->kind == DOC_CONSTANT) return add_constant(&i->node[index], i, &t, dtype, at);
    if (i->use[index] & GIVEN) return 0;
    if (fill && t.rank == 0) return add_filled(&i->node[index], i->e, &t, dtype, m, at);
    return add_input(&i->node[index], i->e, &t, dtype, at);
}

static int literal_tensor(instance *i, uint32_t row, const spot *at)
{
    tensor_text t;
    grad_dtype dtype;
    const doc_tensor *in_graph = &i->d->tensor[row];
    const name *n = &i->d->names.at[in_graph->name];
    usage u = {.document = i->d, .uses = use_of_operand(i->d, n, in_graph->operand), .literal = n,
               .operand = in_graph->operand};
    if (look_at(&t, &dtype, i->e, in_graph->text, &u, NULL, NULL, false, at) < 0) return -1;
    return add_constant(&i->literal[row], i, &t, dtype, at);
}

int read_tensors(instance *i)
{
    const document *d = i->d;
    for (uint32_t k = 0; k < d->n_tensors; k++) {
        const doc_tensor *in_graph = &d->tensor[k];
        const name *n = &d->names.at[in_graph->name];
        spot at = {.graph = d->base, .node = n->place, .operand = in_graph->operand,
                   .id = name_text(n), .id_length = n->length};
        int result = in_graph->operand == NO_NAME
                         ? declared_tensor(i, in_graph->name, in_graph->text, &at)
                         : literal_tensor(i, k, &at);
        if (result < 0) return -1;
    }
    return 0;
}

/* Inputs that are declared and have neither a value nor a default. */
static int check_missing(evaluation *e)
{
    const document *d = &e->document;
    if (!d->declares) return 0;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t index = d->order[i];
        const name *n = &d->names.at[index];
        if (document_kind(d, n) != DOC_INPUT || e->flag[index] & GIVEN) continue;
        if (document_more(d, n)->tensor != NO_NAME) continue;
        char at[64], id[ID_ROOM];
        snprintf(at, sizeof at, "/graph/nodes/%u", n->place);
        name_copy(id, n);
        api_fail(e->c, "missing_input", at, id, "the input \"%s\" has no value: neither in "
                 "\"inputs\" nor as \"value\" where it is declared", id);
        return -1;
    }
    return 0;
}

/* ---- the request's inputs -------------------------------------------------------------------- */

/* A member of `inputs` whose name is not that of an input. */
static int refuse_name(evaluation *e, json_slice key)
{
    pointer at;
    ref r;
    int shown = (int)(key.n < 80 ? key.n : 80);
    pointer_start(&at, "/inputs");
    pointer_name(&at, key);
    if (!find_ref(e, key, &r)) {
        api_fail(e->c, "bad_id", pointer_text(&at), NULL, "\"%.*s\" cannot be the id of an input: "
                 "a letter or _ comes first, then letters, digits, _ and .", shown, key.at);
        return -1;
    }
    const name *n = name_of(e, r.first);
    char id[ID_ROOM];
    name_copy(id, n);
    if (document_kind(&e->document, n) == DOC_CONSTANT)
        api_fail(e->c, "not_an_input", pointer_text(&at), id, "\"%.*s\" is a constant; declare it "
                 "with \"op\": \"input\" to give it values", shown, key.at);
    else if (document_kind(&e->document, n) == DOC_ALIAS)
        api_fail(e->c, "not_an_input", pointer_text(&at), id, "\"%.*s\" is a second name of "
                 "something in the graph; only inputs are given values", shown, key.at);
    else if (n->op)
        api_fail(e->c, "not_an_input", pointer_text(&at), id, "\"%.*s\" is computed, by %s; only "
                 "inputs are given values", shown, key.at, grad_op_name(n->op));
    else
        api_fail(e->c, "not_an_input", pointer_text(&at), id, "\"%.*s\" is written \"%s\" here",
                 shown, key.at, id);
    return -1;
}

static int given_tensor(evaluation *e, json_slice key, const char *text)
{
    char room[512];
    json_slice id = key;
    tensor_text t;
    grad_dtype dtype;
    if (!json_is_plain(key) && key.n <= sizeof room)
        id = (json_slice){room, json_unescape(room, key)};
    uint32_t slot = names_find(&e->document.names, id.at, id.n);
    if (slot == NO_NAME) {
        slot = names_find(&e->strays, id.at, id.n);
        if (slot == NO_NAME) return refuse_name(e, key);
        slot += first_stray(e);
    }
    const name *n = name_of(e, slot);
    if (n->op || document_kind(&e->document, n) != DOC_INPUT) return refuse_name(e, key);
    spot at = {.base = "/inputs", .key = key, .id = name_text(n), .id_length = n->length};
    usage u = {.document = &e->document, .name = slot};
    if (look_at(&t, &dtype, e, text, &u, e->flag, document_more(&e->document, n), false,
                &at) < 0)
        return -1;
    return add_input(&e->node[slot], e, &t, dtype, &at);
}

int read_inputs(evaluation *e)
{
    if (check_missing(e) < 0) return -1;
    for (uint32_t k = 0; k < e->request.n_inputs; k++) {
        json_cursor at = {e->request.inputs[k]};
        json_slice key = json_name(&at);
        if (given_tensor(e, key, at.at) < 0) return -1;
    }
    return 0;
}
