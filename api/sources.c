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

static int add_constant(grad_node *out, evaluation *e, const tensor_text *t, grad_dtype dtype,
                        const spot *at)
{
    grad_host *host = &e->c->host;
    grad_error err = {0};
    int64_t few[8]; /* where most constants fit */
    size_t room = tensor_room(t, dtype);
    void *data = room <= sizeof few ? few : table_new(host, room, 1, &err);
    if (!data) return end(e, &err, at);
    int result = tensor_fill(data, e->c, t, dtype, at);
    if (result == 0 && grad_constant(out, e->graph, dtype, t->rank, t->dim, data, &err) < 0)
        result = end(e, &err, at);
    if (data != few) table_free(host, data, room, 1);
    return result;
}

int add_input(grad_node *out, evaluation *e, const tensor_text *t, grad_dtype dtype, const spot *at)
{
    grad_error err = {0};
    void *data = arena_new(&e->c->arena, tensor_room(t, dtype), 1, &err);
    if (!data) return end(e, &err, at);
    if (tensor_fill(data, e->c, t, dtype, at) < 0) return -1;
    if (e->n_data == e->data_room) {
        const void **grown = table_grow(&e->c->host, e->data, &e->data_room, sizeof *e->data, &err);
        if (!grown) return end(e, &err, at);
        e->data = grown;
    }
    if (grad_input(out, e->graph, dtype, t->rank, t->dim, &err) < 0) return end(e, &err, at);
    e->data[e->n_data++] = data;
    return 0;
}

/* ---- declarations ---------------------------------------------------------------------------- */

static int check_declared(evaluation *e, const doc_more *m, const tensor_text *t, const spot *at)
{
    char want[SHAPE_ROOM], found[SHAPE_ROOM];
    bool same = m->n == RANK_ANY || (int)m->n == t->rank;
    for (int i = 0; same && m->n != RANK_ANY && i < t->rank; i++)
        same = m->dim[i] == SIZE_ANY || m->dim[i] == t->dim[i];
    if (same) return 0;
    return spot_fail(e->c, at, "shape_mismatch", "", "the node declares the shape %s, this has %s",
                     shape_text(want, (int)m->n, m->dim), shape_text(found, t->rank, t->dim));
}

/* Measures a tensor and settles its type. */
static int look_at(tensor_text *t, grad_dtype *dtype, evaluation *e, const char *text, unsigned as,
                   const doc_more *declared, uint32_t slot, const spot *at)
{
    unsigned uses = as ? as : e->flag[slot];
    if (tensor_measure(t, e->c, text, uses & AS_INDEX, at) < 0) return -1;
    if (declared && check_declared(e, declared, t, at) < 0) return -1;
    return settle_dtype(dtype, e, t, as, declared ? (grad_dtype)declared->dtype : GRAD_DTYPES, slot,
                        at);
}

/* A constant's value, or the one that stands in for an input's. */
static int declared_tensor(evaluation *e, uint32_t index, const char *text, const spot *at)
{
    tensor_text t;
    grad_dtype dtype;
    const name *n = name_of(e, index);
    const doc_more *m = document_more(&e->document, n);
    if (look_at(&t, &dtype, e, text, 0, m, index, at) < 0) return -1;
    if (m->kind == DOC_CONSTANT) return add_constant(&e->node[index], e, &t, dtype, at);
    if (e->flag[index] & GIVEN) return 0;
    return add_input(&e->node[index], e, &t, dtype, at);
}

static int graph_tensors(evaluation *e)
{
    const document *d = &e->document;
    grad_error err = {0};
    if (d->n_tensors == 0) return 0;
    e->literal = table_new(&e->c->host, d->n_tensors, sizeof *e->literal, &err);
    if (!e->literal) return evaluation_end(e, &err);
    e->n_literals = d->n_tensors;
    for (uint32_t i = 0; i < d->n_tensors; i++) {
        const doc_tensor *in_graph = &d->tensor[i];
        const name *n = name_of(e, in_graph->name);
        spot at = {.node = n->place, .operand = in_graph->operand, .id = name_text(n),
                   .id_length = n->length};
        if (in_graph->operand == NO_NAME) {
            if (declared_tensor(e, in_graph->name, in_graph->text, &at) < 0) return -1;
            continue;
        }
        tensor_text t;
        grad_dtype dtype;
        unsigned as = use_of_role(grad_op_role(n->op, in_graph->operand));
        if (look_at(&t, &dtype, e, in_graph->text, as, NULL, 0, &at) < 0 ||
            add_constant(&e->literal[i], e, &t, dtype, &at) < 0)
            return -1;
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
    if (look_at(&t, &dtype, e, text, 0, document_more(&e->document, n), slot, &at) < 0) return -1;
    return add_input(&e->node[slot], e, &t, dtype, &at);
}

int read_sources(evaluation *e)
{
    if (e->document.roles) note_uses(e);
    if (graph_tensors(e) < 0 || check_missing(e) < 0) return -1;
    for (uint32_t k = 0; k < e->request.n_inputs; k++) {
        json_cursor at = {e->request.inputs[k]};
        json_slice key = json_name(&at);
        if (given_tensor(e, key, at.at) < 0) return -1;
    }
    return 0;
}
