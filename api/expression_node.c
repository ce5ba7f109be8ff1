/* expression_node.c -- nodes of a program: how they enter the document, and how they get names.
 *
 * A node is added without a name, for nobody knows yet whether it is a variable's whole value. If
 * it is, it is the last one added, and its entry in the table of names is simply taken back.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "expression_parse.h"
#include "table.h"

const grad_op *op_of(parser *p, sign s)
{
    static const char *const op_names[SIGNS] = {
        [SIGN_ADD] = "add", [SIGN_SUB] = "sub", [SIGN_MUL] = "mul", [SIGN_DIV] = "div",
        [SIGN_FLOOR] = "floor_divide", [SIGN_REM] = "remainder", [SIGN_MATMUL] = "matmul",
        [SIGN_POW] = "pow", [SIGN_LT] = "lt", [SIGN_LE] = "le", [SIGN_GT] = "gt", [SIGN_GE] = "ge",
        [SIGN_EQ] = "eq", [SIGN_NE] = "ne", [SIGN_NEG] = "neg", [SIGN_T] = "transpose",
    };
    if (!p->op[s]) p->op[s] = grad_op_find(op_names[s]);
    return p->op[s];
}

/* ---- adding ---------------------------------------------------------------------------------- */

static int too_many(parser *p)
{
    char where[40];
    snprintf(where, sizeof where, "/graph/@%u", place_of(p, p->at));
    api_fail(p->r.c, "graph_too_large", where, NULL, "the graph has more than %zu nodes, those of "
             "sub-expressions included", p->r.c->api->host.node_limit);
    return -1;
}

static int grow(parser *p)
{
    document *d = p->r.d;
    source *s = d->source;
    grad_host *host = &p->r.c->host;
    if (d->n_nodes == d->order_room) {
        uint32_t *grown = table_grow(host, d->order, &d->order_room, sizeof *grown, &p->r.err);
        if (!grown) return parser_end(p);
        d->order = grown;
    }
    if (d->n_nodes == s->node_room) {
        uint32_t *grown = table_grow(host, s->node_at, &s->node_room, sizeof *grown, &p->r.err);
        if (!grown) return parser_end(p);
        s->node_at = grown;
    }
    return 0;
}

int begin_named(parser *p, uint32_t number, uint32_t at)
{
    document *d = p->r.d;
    uint32_t place = d->n_nodes;
    if (d->library->n_nodes + (size_t)place >= p->r.c->api->host.node_limit || place == NO_NAME)
        return too_many(p);
    if ((place & 4095) == 4095 && grad_is_set(&p->r.c->stop)) {
        grad_fail(&p->r.err, GRAD_STOPPED, "the deadline passed while the graph was read");
        return parser_end(p);
    }
    if ((place == d->order_room || place == d->source->node_room) && grow(p) < 0) return -1;
    d->order[place] = number;
    d->source->node_at[place] = at;
    name *n = &d->names.at[number];
    n->place = place;
    n->operands = d->n_operands;
    p->r.node = place;
    p->r.name = number;
    d->n_nodes++;
    return 0;
}

int begin_node(parser *p, const grad_op *op, uint32_t at)
{
    uint32_t number;
    if (names_add_unnamed(&number, &p->r.d->names, &p->r.err) < 0) return parser_end(p);
    p->r.d->names.at[number].op = op;
    return begin_named(p, number, at);
}

static int grow_operands(parser *p)
{
    document *d = p->r.d;
    source *s = d->source;
    grad_host *host = &p->r.c->host;
    if (d->n_operands == d->operand_room) {
        uint32_t *grown = table_grow(host, d->operand, &d->operand_room, sizeof *grown, &p->r.err);
        if (!grown) return parser_end(p);
        d->operand = grown;
    }
    if (d->n_operands == s->operand_room) {
        uint32_t *grown = table_grow(host, s->operand_at, &s->operand_room, sizeof *grown,
                                     &p->r.err);
        if (!grown) return parser_end(p);
        s->operand_at = grown;
    }
    return 0;
}

int put_operand(parser *p, value v)
{
    document *d = p->r.d;
    uint32_t k = d->n_operands;
    if ((k == d->operand_room || k == d->source->operand_room) && grow_operands(p) < 0) return -1;
    d->operand[k] = v.operand;
    d->source->operand_at[k] = v.at;
    d->n_operands++;
    if (!is_literal(v)) return 0;
    const doc_odd *odd = &d->odd[v.operand & ~OPERAND_ODD];
    if (odd->kind != ODD_TENSOR) return 0;
    d->tensor[odd->at].name = p->r.name;
    d->tensor[odd->at].operand = k - d->names.at[p->r.name].operands;
    return 0;
}

int put_literal(parser *p, doc_odd odd, uint32_t *operand)
{
    doc_odd *row = push_odd(&p->r, operand);
    if (!row) return parser_end(p);
    *row = odd;
    *operand |= OPERAND_ODD;
    return 0;
}

value make_node(parser *p, sign s, uint32_t at, uint32_t n, const value *in)
{
    const grad_op *op = op_of(p, s);
    if (is_skipping(p)) return skipped(at);
    for (uint32_t k = 0; k < n; k++) {
        if (in[k].operand != OPERAND_ABSENT) continue;
        problem_at(p, "wrong_arity", p->start + in[k].at, "null leaves off an optional input of a "
                   "call, and is no number");
        p->failed_place = at;
        return skipped(at);
    }
    if (begin_node(p, op, at) < 0) return ended();
    for (uint32_t k = 0; k < n; k++)
        if (put_operand(p, in[k]) < 0) return ended();
    return (value){p->r.name, at};
}

/* ---- names ----------------------------------------------------------------------------------- */

int intern(parser *p, json_slice id, uint32_t *number)
{
    document *d = p->r.d;
    uint32_t before = d->names.n;
    if (names_intern(number, &d->names, id.at, id.n, &p->r.err) < 0) return parser_end(p);
    if (id.n > 3 || *number != before) return 0;
    int word = find_word(id);
    if (word >= 0) d->source->word[d->source->n_words++] = (source_word){*number, (uint32_t)word};
    return 0;
}

static int taken(parser *p, json_slice id, uint32_t number, uint32_t at)
{
    size_t line, column;
    const document *d = p->r.d;
    if (p->r.f && number < p->r.f->n_inputs)
        return problem_at(p, "duplicate_id", p->start + at, "\"%.*s\" is an input of the function",
                          shown(id), id.at);
    json_locate(p->start, d->source->node_at[d->names.at[number].place], &line, &column);
    problem_at(p, "duplicate_id", p->start + at, "\"%.*s\" has a value already, from line %zu; a "
               "variable is assigned once", shown(id), id.at, line);
    snprintf(d->problem->node, sizeof d->problem->node, "%.*s", shown(id), id.at);
    return -1;
}

static bool is_taken(const parser *p, uint32_t number)
{
    return p->r.d->names.at[number].place != NO_NAME || (p->r.f && number < p->r.f->n_inputs);
}

/* While nothing is added, names are still known, so that references to them are good. */
static int declare_only(parser *p, json_slice id, value v)
{
    doc_problem *problem = p->r.d->problem;
    uint32_t number;
    if (p->failed_place == v.at && problem->node[0] == '\0')
        snprintf(problem->node, sizeof problem->node, "%.*s", (int)(id.n < 500 ? id.n : 0), id.at);
    p->failed_place = NO_NAME;
    if (intern(p, id, &number) < 0) return -1;
    name *n = &p->r.d->names.at[number];
    if (n->place == NO_NAME) n->place = p->r.d->n_nodes;
    return 0;
}

int make_alias(parser *p, uint32_t number, value v, uint32_t at)
{
    if (begin_named(p, number, at) < 0) return -1;
    doc_more *m = push_more(&p->r);
    if (!m) return parser_end(p);
    m->kind = DOC_ALIAS;
    p->r.d->source->n_aliases++;
    return put_operand(p, v);
}

/* A literal as JSON: the very digits that the client wrote, for a float32 is rounded once. */
static const char *literal_text(parser *p, const doc_odd *odd, const char *written)
{
    char whole[NUMBER_ROOM];
    if (odd->kind == ODD_TRUTH) return odd->whole ? "true" : "false";
    if (odd->kind == ODD_WHOLE)
        return arena_text(&p->r.c->arena, whole, number_write_int(whole, odd->whole));
    size_t n = number_length(p, written);
    char *text = arena_take(&p->r.c->arena, n + 3), *to = text;
    if (!text) return NULL;
    if (signbit(odd->real)) *to++ = '-';
    if (*written == '.') *to++ = '0';
    memcpy(to, written, n);
    to[n] = '\0';
    return text;
}

int make_constant(parser *p, uint32_t number, value v, uint32_t at)
{
    document *d = p->r.d;
    if (begin_named(p, number, at) < 0) return -1;
    doc_more *m = push_more(&p->r);
    if (!m) return parser_end(p);
    m->kind = DOC_CONSTANT;
    m->n = RANK_ANY;
    doc_odd odd = d->odd[v.operand & ~OPERAND_ODD];
    if (odd.kind == ODD_TENSOR) {
        m->tensor = odd.at;
        d->tensor[odd.at].name = number;
        d->tensor[odd.at].operand = NO_NAME;
        return 0;
    }
    const char *text = literal_text(p, &odd, p->start + v.at);
    if (!text) {
        grad_fail(&p->r.err, GRAD_OUT_OF_MEMORY, "memory is short");
        return parser_end(p);
    }
    return push_tensor(&p->r, &m->tensor, text, NO_NAME);
}

/* The node that was just added without a name gets one. */
static int rename_node(parser *p, json_slice id, uint32_t from, uint32_t at)
{
    document *d = p->r.d;
    name node = d->names.at[from];
    uint32_t number;
    bool last = from + 1 == d->names.n;
    if (last) d->names.n--;
    if (intern(p, id, &number) < 0) return -1;
    if (is_taken(p, number)) {
        if (last) d->names.n++;
        taken(p, id, number, at);
        return 0;
    }
    name *n = &d->names.at[number];
    n->op = node.op;
    n->place = node.place;
    n->operands = node.operands;
    n->more = node.more;
    d->order[node.place] = number;
    if (p->loose_input == from) p->loose_input = NO_NAME;
    if (p->r.name == from) p->r.name = number;
    if (number == from || d->n_tensors == 0) return 0;
    if (node.more != NO_NAME && !node.op && d->more[node.more].tensor != NO_NAME)
        d->tensor[d->more[node.more].tensor].name = number;
    uint32_t count;
    const uint32_t *in = document_operands(d, n, &count);
    for (uint32_t k = 0; k < count; k++) {
        if (!(in[k] & OPERAND_ODD) || in[k] == OPERAND_ABSENT) continue;
        const doc_odd *odd = &d->odd[in[k] & ~OPERAND_ODD];
        if (odd->kind == ODD_TENSOR) d->tensor[odd->at].name = number;
    }
    return 0;
}

int name_value(parser *p, json_slice id, value v, uint32_t at)
{
    uint32_t number;
    if (is_skipping(p)) return declare_only(p, id, v);
    if (is_unnamed(p, v) && v.operand == p->r.d->order[p->r.d->n_nodes - 1])
        return rename_node(p, id, v.operand, at);
    if (intern(p, id, &number) < 0) return -1;
    if (is_taken(p, number)) {
        taken(p, id, number, at);
        return 0;
    }
    if (v.operand == OPERAND_ABSENT) {
        problem_at(p, "wrong_type", p->start + v.at, "a variable cannot be null");
        return declare_only(p, id, v);
    }
    if (!is_literal(v) || p->r.d->odd[v.operand & ~OPERAND_ODD].kind == ODD_RESULT)
        return make_alias(p, number, v, at);
    return make_constant(p, number, v, at);
}

/* The names from the second on stand for the further results. */
static int name_rest(parser *p, const json_slice *id, uint32_t n, uint32_t node, uint32_t at)
{
    for (uint32_t k = 1; k < n; k++) {
        uint32_t number, operand;
        if (intern(p, id[k], &number) < 0) return -1;
        if (is_taken(p, number)) {
            taken(p, id[k], number, place_of(p, id[k].at));
            return 0;
        }
        doc_odd odd = {.kind = ODD_RESULT, .at = node, .result = k};
        if (put_literal(p, odd, &operand) < 0) return -1;
        p->r.d->results = true;
        if (make_alias(p, number, (value){operand, at}, place_of(p, id[k].at)) < 0) return -1;
    }
    return 0;
}

int name_results(parser *p, const json_slice *id, uint32_t n, value v, uint32_t at)
{
    document *d = p->r.d;
    uint32_t results = 1;
    if (!is_skipping(p)) {
        bool fresh = is_unnamed(p, v) && v.operand == d->order[d->n_nodes - 1];
        if (fresh) results = document_results(d, &d->names.at[v.operand]);
        if (results != n)
            problem_at(p, "wrong_arity", p->start + v.at, "%u names for %u result%s", n, results,
                       results == 1 ? "" : "s");
    }
    if (is_skipping(p)) {
        for (uint32_t k = 0; k < n; k++)
            if (declare_only(p, id[k], v) < 0) return -1;
        return 0;
    }
    d->more[d->names.at[v.operand].more].each_named = true;
    if (rename_node(p, id[0], v.operand, at) < 0) return -1;
    return is_skipping(p) ? 0 : name_rest(p, id, n, p->r.name, v.at);
}
