/* select.c -- which nodes a request means: outputs, of, wrt, seeds and values as slots and flags. */
#include <stdio.h>

#include "evaluation.h"
#include "expression.h"
#include "table.h"

typedef struct list {
    const char *text;
    const char *base;  /* its pointer */
    const char *what;  /* how a sentence calls it */
    const char *words; /* what may stand in its place, where a word may */
} list;

static int end(evaluation *e, const grad_error *err)
{
    api_fail_core(e->c, err, NULL, NULL);
    return -1;
}

static void point_at(pointer *p, const list *l, int64_t index)
{
    pointer_start(p, "%s", l->base);
    if (index >= 0) pointer_add(p, "/%lld", (long long)index);
}

static int unknown_id(evaluation *e, const pointer *at, const char *what, const char *words,
                      json_slice id)
{
    int shown = (int)(id.n < 80 ? id.n : 80);
    const char *near = nearest_id(e, id);
    if (near)
        api_fail(e->c, "unknown_id", pointer_text(at), NULL, "%s names \"%.*s\", which is not in "
                 "the graph; did you mean \"%s\"?", what, shown, id.at, near);
    else
        api_fail(e->c, "unknown_id", pointer_text(at), NULL, "%s names \"%.*s\", which is not in "
                 "the graph%s%s", what, shown, id.at, words ? "; it takes ids or " : "",
                 words ? words : "");
    return -1;
}

/* Looks the id up; what is named is used. */
static int resolve(evaluation *e, const list *l, const id_list *ids, ref *out)
{
    pointer at;
    if (find_ref(e, ids->id, out)) {
        e->flag[out->first] |= NAMED;
        return 0;
    }
    point_at(&at, l, ids->index);
    return unknown_id(e, &at, l->what, ids->index < 0 ? l->words : NULL, ids->id);
}

/* A list in which nothing may stand twice, marked with `flag`. */
static int read_list(evaluation *e, const list *l, unsigned flag, seed **out, uint32_t *n)
{
    grad_error err = {0};
    uint32_t count = 0;
    for (id_list ids = ids_open(l->text); ids_next(&ids);) count++;
    *out = arena_new(&e->c->arena, count, sizeof **out, &err);
    if (!*out) return end(e, &err);
    *n = 0;
    for (id_list ids = ids_open(l->text); ids_next(&ids);) {
        seed *s = &(*out)[(*n)++];
        *s = (seed){.index = ids.index};
        if (resolve(e, l, &ids, &s->at) < 0) return -1;
        if (e->flag[s->at.slot] & flag) {
            pointer at;
            point_at(&at, l, ids.index);
            api_fail(e->c, "duplicate_id", pointer_text(&at), NULL, "%s names \"%.*s\" twice",
                     l->what, (int)(ids.id.n < 80 ? ids.id.n : 80), ids.id.at);
            return -1;
        }
        e->flag[s->at.slot] |= (uint16_t)flag;
    }
    return 0;
}

static int mark_list(evaluation *e, const list *l, unsigned flag)
{
    for (id_list ids = ids_open(l->text); ids_next(&ids);) {
        ref r;
        if (resolve(e, l, &ids, &r) < 0) return -1;
        e->flag[r.slot] |= (uint16_t)flag;
    }
    return 0;
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* Of a program: second names of operators take part for the operator, the last one of each. The
   others count as consumed. */
static void mark_other_names(evaluation *e)
{
    const document *d = &e->document;
    if (!d->source || !d->source->n_aliases) return;
    for (uint32_t i = d->n_nodes; i-- > 0;) {
        const name *n = &d->names.at[d->order[i]];
        if (document_kind(d, n) != DOC_ALIAS || !n->length) continue;
        uint32_t operand = d->operand[n->operands];
        bool first = !(operand & OPERAND_ODD) && d->names.at[operand].op;
        if (!first || e->flag[operand] & CONSUMED) e->flag[d->order[i]] |= CONSUMED;
        else e->flag[operand] |= CONSUMED;
    }
}

static bool is_operator(const evaluation *e, const name *n)
{
    const document *d = &e->document;
    if (n->op) return true;
    if (document_kind(d, n) != DOC_ALIAS) return false;
    uint32_t operand = d->operand[n->operands];
    return !(operand & OPERAND_ODD) && d->names.at[operand].op;
}

/* The operators that nothing consumes; in a graph without operators, all nodes. */
static int default_outputs(evaluation *e)
{
    const document *d = &e->document;
    grad_error err = {0};
    bool operators = false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->n_nodes; i++) operators = operators || d->names.at[d->order[i]].op;
    mark_other_names(e);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            e->outputs = arena_new(&e->c->arena, count, sizeof *e->outputs, &err);
            if (!e->outputs) return end(e, &err);
        }
        for (uint32_t i = 0; i < d->n_nodes; i++) {
            uint32_t at = d->order[i];
            const name *n = &d->names.at[at];
            if (operators && (!is_operator(e, n) || e->flag[at] & CONSUMED)) continue;
            if (!n->length) continue;
            if (pass == 0) count++;
            else e->outputs[e->n_outputs++] = (seed){.at = {at, at, 0}, .index = -1};
            e->flag[at] |= IS_OUTPUT;
        }
    }
    return 0;
}

static int select_outputs(evaluation *e)
{
    list of_graph = {e->document.outputs, "/graph/outputs", "\"outputs\"", NULL};
    list of_request = {e->request.outputs, "/outputs", "\"outputs\"", NULL};
    if (of_graph.text) {
        if (read_list(e, &of_graph, IS_OUTPUT, &e->outputs, &e->n_outputs) < 0) return -1;
        e->outputs_at = of_graph.base;
    }
    if (of_request.text) {
        for (uint32_t i = 0; i < e->n_outputs; i++)
            e->flag[e->outputs[i].at.slot] &= (uint16_t)~IS_OUTPUT;
        e->outputs_at = of_request.base;
        return read_list(e, &of_request, IS_OUTPUT, &e->outputs, &e->n_outputs);
    }
    if (of_graph.text) return 0;
    note_uses(e);
    return default_outputs(e);
}

/* ---- gradients ------------------------------------------------------------------------------- */

static int seed_of_another(evaluation *e, const pointer *at, json_slice id)
{
    char known[200];
    size_t n = 0;
    for (uint32_t i = 0; i < e->n_of && n + 80 < sizeof known; i++) {
        const name *of = name_of(e, e->of[i].at.first);
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%.*s", i ? ", " : "",
                              (int)(of->length < 60 ? of->length : 60), name_text(of));
    }
    known[n] = '\0';
    api_fail(e->c, "unknown_id", pointer_text(at), NULL, "a seed for \"%.*s\", which is not among "
             "the nodes that gradients start from (%s)", (int)(id.n < 80 ? id.n : 80), id.at,
             known);
    return -1;
}

static int one_seed(evaluation *e, json_slice key, const char *text, const uint32_t *place)
{
    ref r;
    pointer at;
    bool evaluate = e->request.endpoint == FOR_EVALUATE;
    pointer_start(&at, evaluate ? "/gradients/seeds" : "/seeds");
    pointer_name(&at, key);
    if (!find_ref(e, key, &r)) return unknown_id(e, &at, "\"seeds\"", NULL, key);
    if (!(e->flag[r.slot] & IS_OF)) return seed_of_another(e, &at, key);
    seed *s = &e->of[place[r.slot]];
    if (s->text) {
        api_fail(e->c, "duplicate_id", pointer_text(&at), NULL, "\"%.*s\" has a seed already",
                 (int)(key.n < 80 ? key.n : 80), key.at);
        return -1;
    }
    s->text = text;
    s->key = key;
    return 0;
}

static int select_seeds(evaluation *e)
{
    grad_error err = {0};
    grad_host *host = &e->c->host;
    json_cursor at = {e->request.seeds};
    int result = 0;
    uint32_t *place = table_new(host, e->n_slots, sizeof *place, &err);
    if (!place) return end(e, &err);
    for (uint32_t i = 0; i < e->n_of; i++) place[e->of[i].at.slot] = i;
    for (json_enter(&at); result == 0 && json_more(&at); json_skip(&at)) {
        json_slice key = json_name(&at);
        result = one_seed(e, key, at.at, place);
    }
    table_free(host, place, e->n_slots, sizeof *place);
    return result;
}

static int select_gradients(evaluation *e)
{
    const request *r = &e->request;
    bool evaluate = r->endpoint == FOR_EVALUATE;
    list of = {r->of, evaluate ? "/gradients/of" : "/of", "\"of\"", NULL};
    grad_error err = {0};
    if (of.text) {
        e->of_at = of.base;
        if (read_list(e, &of, IS_OF, &e->of, &e->n_of) < 0) return -1;
    } else {
        e->of = arena_new(&e->c->arena, e->n_outputs, sizeof *e->of, &err);
        if (!e->of) return end(e, &err);
        e->n_of = e->n_outputs;
        for (uint32_t i = 0; i < e->n_of; i++) {
            e->of[i] = e->outputs[i];
            e->flag[e->of[i].at.slot] |= IS_OF;
        }
    }
    return r->seeds ? select_seeds(e) : 0;
}

/* ---- the batch ---------------------------------------------------------------------------------- */

static int select_batch(evaluation *e)
{
    list batch = {e->request.batch, "/batch", "\"batch\"", NULL};
    for (id_list ids = ids_open(batch.text); ids_next(&ids);) {
        ref r;
        char id[ID_ROOM];
        pointer at;
        if (resolve(e, &batch, &ids, &r) < 0) return -1;
        const name *n = name_of(e, r.first);
        e->flag[r.slot] |= BATCHED;
        if (document_kind(&e->document, n) == DOC_INPUT) continue;
        name_copy(id, n);
        point_at(&at, &batch, ids.index);
        api_fail(e->c, "not_an_input", pointer_text(&at), id, "\"batch\" names inputs, and \"%s\" is "
                 "%s%s; what depends on a batched input needs no mention", id,
                 n->op ? "computed, by "
                 : document_kind(&e->document, n) == DOC_ALIAS ? "a second name"
                                                               : "a constant",
                 n->op ? grad_op_name(n->op) : "");
        return -1;
    }
    batch_spread(e);
    return 0;
}

/* Of a second name the slot that it stands for. */
uint32_t meant_slot(const evaluation *e, uint32_t slot)
{
    const document *d = &e->document;
    if (slot >= d->names.n || document_kind(d, &d->names.at[slot]) != DOC_ALIAS) return slot;
    uint32_t operand = d->operand[d->names.at[slot].operands], from = document_source(d, operand);
    uint32_t result = operand & OPERAND_ODD ? d->odd[operand & ~OPERAND_ODD].result : 0;
    return document_slot(d, from, result);
}

static int select_wrt(evaluation *e)
{
    const request *r = &e->request;
    bool evaluate = r->endpoint == FOR_EVALUATE;
    list wrt = {r->wrt, evaluate ? "/gradients/wrt" : "/wrt", "\"wrt\"", evaluate ? "\"all\"" : NULL};
    if (!wrt.text) return 0;
    if (mark_list(e, &wrt, WANTS_GRADIENT) < 0) return -1;
    for (uint32_t slot = 0; slot < e->n_slots && !evaluate; slot++)
        if (e->flag[slot] & WANTS_GRADIENT) e->flag[meant_slot(e, slot)] |= VARIABLE;
    return 0;
}

/* ---- tangents and vectors -------------------------------------------------------------------- */

/* The pointer of the object that they stand in, and what one of them is called. */
const char *vectors_at(const evaluation *e)
{
    return e->request.endpoint == FOR_JVP ? "/tangents" : "/vectors";
}

static int one_vector(evaluation *e, seed *s, json_slice key)
{
    pointer at;
    int shown = (int)(key.n < 80 ? key.n : 80);
    bool tangent = e->request.endpoint == FOR_JVP;
    pointer_start(&at, "%s", vectors_at(e));
    pointer_name(&at, key);
    if (!find_ref(e, key, &s->at))
        return unknown_id(e, &at, tangent ? "\"tangents\"" : "\"vectors\"", NULL, key);
    uint16_t *flag = &e->flag[s->at.slot];
    e->flag[s->at.first] |= NAMED;
    if (tangent && name_of(e, s->at.first)->op) {
        api_fail(e->c, "not_an_input", pointer_text(&at), NULL, "\"%.*s\" is computed, and only "
                 "inputs have tangents", shown, key.at);
        return -1;
    }
    if (!tangent && e->request.wrt && !(*flag & WANTS_GRADIENT)) {
        api_fail(e->c, "unknown_id", pointer_text(&at), NULL, "a vector for \"%.*s\", which is not "
                 "among the nodes in \"wrt\"", shown, key.at);
        return -1;
    }
    if (*flag & HAS_VECTOR) {
        api_fail(e->c, "duplicate_id", pointer_text(&at), NULL, "\"%.*s\" has one already", shown,
                 key.at);
        return -1;
    }
    *flag |= HAS_VECTOR;
    return 0;
}

static int select_vectors(evaluation *e)
{
    grad_error err = {0};
    json_cursor at = {e->request.vectors};
    uint32_t count = 0;
    for (json_enter(&at); json_more(&at); json_skip(&at), count++) json_name(&at);
    e->vectors = arena_new(&e->c->arena, count, sizeof *e->vectors, &err);
    if (!e->vectors) return end(e, &err);
    at = (json_cursor){e->request.vectors};
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice key = json_name(&at);
        seed *s = &e->vectors[e->n_vectors++];
        *s = (seed){.text = at.at, .key = key, .index = -1};
        if (one_vector(e, s, key) < 0) return -1;
    }
    return 0;
}

int select_ids(evaluation *e)
{
    const request *r = &e->request;
    list values = {r->values_ids, "/values", "\"values\"", "\"all\", \"outputs\", \"none\""};
    if (select_outputs(e) < 0) return -1;
    if (r->gradients && select_gradients(e) < 0) return -1;
    if (select_wrt(e) < 0) return -1;
    if (r->vectors && select_vectors(e) < 0) return -1;
    if (r->values == WHICH_IDS && mark_list(e, &values, WANTS_VALUE) < 0) return -1;
    if (r->values == WHICH_OUTPUTS)
        for (uint32_t i = 0; i < e->n_outputs; i++) e->flag[e->outputs[i].at.slot] |= WANTS_VALUE;
    return r->batch ? select_batch(e) : 0;
}
