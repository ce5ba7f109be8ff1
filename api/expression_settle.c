/* expression_settle.c -- what the whole program tells: words, dotted names, second names. */
#include <string.h>

#include "expression_parse.h"
#include "table.h"

static int end(document *d, const grad_error *err)
{
    api_fail_core(d->c, err, NULL, NULL);
    return -1;
}

/* ---- words and dotted names ------------------------------------------------------------------ */

typedef struct scope {
    const uint16_t *flag;
    unsigned given;
    uint32_t n_inputs;
} scope;

static bool exists(const document *d, const scope *s, uint32_t number)
{
    if (d->names.at[number].place != NO_NAME) return true;
    return s->flag ? s->flag[number] & s->given : number < s->n_inputs;
}

/* The node "W.T" gives way to the id. */
static int make_second_name(document *d, const source_dot *dot, grad_error *err)
{
    name *n = &d->names.at[d->order[dot->place]];
    if (d->n_more == d->more_room) {
        doc_more *grown = table_grow(&d->c->host, d->more, &d->more_room, sizeof *grown, err);
        if (!grown) return end(d, err);
        d->more = grown;
    }
    n->op = NULL;
    n->more = d->n_more;
    d->more[d->n_more++] = (doc_more){.results = 1, .tensor = NO_NAME, .kind = DOC_ALIAS,
                                      .dtype = GRAD_DTYPES};
    d->operand[n->operands] = dot->full;
    d->source->n_aliases++;
    return 0;
}

/* A second name of a word is a constant. */
static int make_word_constant(document *d, uint32_t number, uint32_t which, grad_error *err)
{
    doc_more *m = &d->more[d->names.at[number].more];
    if (d->n_tensors == d->tensor_room) {
        doc_tensor *grown = table_grow(&d->c->host, d->tensor, &d->tensor_room, sizeof *grown, err);
        if (!grown) return end(d, err);
        d->tensor = grown;
    }
    m->kind = DOC_CONSTANT;
    m->n = RANK_ANY;
    m->tensor = d->n_tensors;
    d->tensor[d->n_tensors++] = (doc_tensor){word_json(which), number, NO_NAME};
    return 0;
}

static int settle_word(document *d, const source_word *w, grad_error *err)
{
    uint32_t row = d->n_odd | OPERAND_ODD;
    if (d->n_odd == d->odd_room) {
        doc_odd *grown = table_grow(&d->c->host, d->odd, &d->odd_room, sizeof *grown, err);
        if (!grown) return end(d, err);
        d->odd = grown;
    }
    d->odd[d->n_odd++] = (doc_odd){.kind = ODD_REAL, .real = word_value(w->which)};
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        const name *n = &d->names.at[d->order[i]];
        if (document_kind(d, n) != DOC_ALIAS || d->operand[n->operands] != w->name) continue;
        if (make_word_constant(d, d->order[i], w->which, err) < 0) return -1;
    }
    for (uint32_t k = 0; k < d->n_operands; k++)
        if (d->operand[k] == w->name) d->operand[k] = row;
    return 0;
}

int expression_settle(document *d, const uint16_t *flag, unsigned given, uint32_t n_inputs)
{
    source *s = d->source;
    scope in = {flag, given, n_inputs};
    grad_error err = {0};
    if (!s) return 0;
    for (uint32_t k = 0; k < s->n_dots; k++)
        if (exists(d, &in, s->dot[k].full) && make_second_name(d, &s->dot[k], &err) < 0) return -1;
    for (uint32_t k = 0; k < s->n_words; k++)
        if (!exists(d, &in, s->word[k].name) && settle_word(d, &s->word[k], &err) < 0) return -1;
    return 0;
}

/* ---- second names ---------------------------------------------------------------------------- */

/* What a plain reference to a second name stands for. */
static uint32_t meant(const document *d, uint32_t operand)
{
    if (operand & OPERAND_ODD) return operand;
    const name *n = &d->names.at[operand];
    if (n->place == NO_NAME || document_kind(d, n) != DOC_ALIAS) return operand;
    return d->operand[n->operands];
}

void expression_resolve(document *d)
{
    const uint32_t *walk = d->walk ? d->walk : d->order;
    if (!d->source || d->source->n_aliases == 0) return;
    for (uint32_t i = 0; i < d->n_nodes; i++) { /* one that a second name stands for comes before */
        const name *n = &d->names.at[walk[i]];
        uint32_t *operand = &d->operand[n->operands];
        if (document_kind(d, n) == DOC_ALIAS) *operand = meant(d, *operand);
    }
    for (uint32_t k = 0; k < d->n_operands; k++) d->operand[k] = meant(d, d->operand[k]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_program(parser *p)
{
    const char *end = memchr(p->start, '\0', (size_t)(p->end - p->start));
    if (end) return syntax_fail(p, end, "a NUL byte cannot stand in a program");
    if (survey_functions(p) < 0 || statements(p) < 0) return -1;
    end = p->at;
    if (p->at != p->end) return syntax_expected(p, "a statement");
    if (end_functions(p) < 0) return -1;
    if (is_skipping(p)) return -1;
    return p->r.d->n_nodes > 0 ? 0 : problem_at(p, "empty_graph", end, "the graph has no nodes");
}

int expression_read(decoder *r, json_slice graph)
{
    json_cursor at = {graph.at};
    json_slice raw = json_read_string(&at);
    char *text = arena_new(&r->c->arena, raw.n + 1, 1, &r->err);
    source *s = arena_new(&r->c->arena, 1, sizeof *s, &r->err);
    if (!text || !s) return decode_end(r);
    size_t n = json_unescape(text, raw);
    text[n] = '\0';
    *s = (source){.text = text, .length = (uint32_t)n};
    r->d->source = s;
    r->c->program = r->d;
    parser p = {.r = *r, .start = text, .end = text + n, .at = text};
    p.json.host = &r->c->host;
    p.loose_input = p.failed_place = NO_NAME;
    int result = read_program(&p);
    table_free(&r->c->host, p.arg, p.arg_room, sizeof *p.arg);
    table_free(&r->c->host, p.item, p.item_room, sizeof *p.item);
    buffer_free(&p.json);
    r->err = p.r.err;
    return result;
}

void expression_free_plan(document *d)
{
    source *s = d->source;
    if (!s) return;
    grad_host *host = &d->c->host;
    s->operand_at = table_free(host, s->operand_at, s->operand_room, sizeof *s->operand_at);
    s->dot = table_free(host, s->dot, s->dot_room, sizeof *s->dot);
    s->operand_room = s->dot_room = s->n_dots = 0;
}

void expression_free(document *d)
{
    source *s = d->source;
    if (!s) return;
    s->node_at = table_free(&d->c->host, s->node_at, s->node_room, sizeof *s->node_at);
    s->node_room = 0;
}
