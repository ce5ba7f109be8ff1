/* decode_node.c -- one node of the list: its members, its id, and the rest in a fixed order.
 *
 * Members may stand in any order; they are looked at in this one: id, op, inputs, attributes. So
 * the same mistake gives the same error however a client's JSON library sorts members.
 */
#include <string.h>

#include "decode.h"
#include "table.h"

bool is_node_member(json_slice m)
{
    return json_is(m, "id") || json_is(m, "op") || json_is(m, "inputs") || json_is(m, "name") ||
           json_is(m, "doc");
}

typedef enum member { ID, OP, INPUTS, TEXT, OTHER } member;

static member member_of(json_slice m)
{
    if (m.n == 2 && memcmp(m.at, "id", 2) == 0) return ID;
    if (m.n == 2 && memcmp(m.at, "op", 2) == 0) return OP;
    if (m.n == 6 && memcmp(m.at, "inputs", 6) == 0) return INPUTS;
    if (json_is(m, "name") || json_is(m, "doc")) return TEXT;
    if (json_is_plain(m)) return OTHER;
    return json_is(m, "id") ? ID : json_is(m, "op") ? OP : json_is(m, "inputs") ? INPUTS : OTHER;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static int push_node(decoder *r)
{
    document *d = r->d;
    if (d->n_nodes == d->order_room) {
        uint32_t *grown = table_grow(&r->c->host, d->order, &d->order_room, sizeof *d->order,
                                     &r->err);
        if (!grown) return decode_end(r);
        d->order = grown;
    }
    d->order[d->n_nodes++] = r->name;
    d->names.at[r->name].place = r->node;
    d->names.at[r->name].operands = d->n_operands;
    return 0;
}

static int decode_id(decoder *r, json_cursor id)
{
    uint32_t number;
    if (!id.at) return decode_fail(r, "missing_member", "", "the node has no \"id\"");
    if (json_peek(id) != KIND_STRING)
        return decode_fail(r, "wrong_type", "/id", "\"id\" must be a string, found %s",
                           json_type_name(json_peek(id)));
    json_slice text = {id.at + 1, id_length(id.at + 1)};
    if (text.at[text.n] != '"' || text.n == 0) {
        text = json_read_string(&id);
        if (decode_plain(r, &text) < 0) return -1;
    }
    if (!is_id(text.at, text.n))
        return decode_fail(r, "bad_id", "/id", "\"%.*s\" is not an id: a letter or _ comes first, "
                           "then letters, digits, _ and .", shown(text), text.at);
    if (names_intern(&number, &r->d->names, text.at, text.n, &r->err) < 0) return decode_end(r);
    r->name = number;
    if (r->f && number < r->f->n_inputs)
        return decode_fail(r, "duplicate_id", "/id", "the id \"%.*s\" is taken by an input of the "
                           "function", shown(text), text.at);
    uint32_t before = r->d->names.at[number].place;
    if (before != NO_NAME)
        return decode_fail(r, "duplicate_id", "/id", "the id \"%.*s\" is taken by node %u of the "
                           "list", shown(text), text.at, before);
    return push_node(r);
}

bool decode_id_only(decoder *r, json_cursor *at)
{
    uint32_t number;
    if (json_peek(*at) != KIND_OBJECT) {
        json_skip(at);
        return true;
    }
    json_cursor id = {NULL};
    for (json_enter(at); json_more(at); json_skip(at))
        if (member_of(json_name(at)) == ID) id = *at;
    if (!id.at || json_peek(id) != KIND_STRING) return true;
    json_slice text = json_read_string(&id);
    if (!is_id(text.at, text.n) && decode_plain(r, &text) < 0) return false;
    if (!is_id(text.at, text.n)) return true;
    if (names_intern(&number, &r->d->names, text.at, text.n, &r->err) < 0) {
        decode_end(r);
        return false;
    }
    if (r->d->names.at[number].place == NO_NAME) r->d->names.at[number].place = r->node;
    return true;
}

/* ---- the node -------------------------------------------------------------------------------- */

static int check_texts(decoder *r)
{
    json_cursor at = {r->text};
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice m = json_name(&at);
        if (json_peek(at) == KIND_STRING) continue;
        if (json_is(m, "name"))
            return decode_fail(r, "wrong_type", "/name", "\"name\" must be a string, found %s",
                               json_type_name(json_peek(at)));
        if (json_is(m, "doc"))
            return decode_fail(r, "wrong_type", "/doc", "\"doc\" must be a string, found %s",
                               json_type_name(json_peek(at)));
    }
    return 0;
}

/* The members, read once where they stand in the usual order. */
typedef struct node_text {
    json_cursor id, op, inputs; /* at is NULL where absent */
    bool begun;                 /* id, op and inputs have been decoded */
    bool odd_text;              /* "name" or "doc" is no string */
    uint32_t others;            /* attributes */
} node_text;

static int begin_node(decoder *r, node_text *t)
{
    t->begun = true;
    if (decode_id(r, t->id) < 0 || decode_op(r, t->op) < 0) return -1;
    r->d->names.at[r->name].op = r->row->op;
    if (t->inputs.at) return decode_operands(r, &t->inputs);
    if (r->row->least == 0) return 0;
    return decode_fail(r, "missing_member", "", "the node has no \"inputs\", and %s takes %u",
                       grad_op_name(r->row->op), r->row->least);
}

static int read_node(decoder *r, json_cursor *at)
{
    node_text t = {.id = {NULL}};
    for (json_enter(at); json_more(at);) {
        member m = member_of(json_name(at));
        if (m == INPUTS) {
            t.inputs = *at;
            if (t.id.at && t.op.at) {
                if (begin_node(r, &t) < 0) return -1;
                *at = t.inputs; /* past the list */
                continue;
            }
        }
        if (m == ID) t.id = *at;
        if (m == OP) t.op = *at;
        t.others += m == OTHER;
        t.odd_text = t.odd_text || (m == TEXT && json_peek(*at) != KIND_STRING);
        json_skip(at);
    }
    if (!t.begun && begin_node(r, &t) < 0) return -1;
    if (r->row->kind != DOC_OPERATOR) {
        if (decode_declaration(r, t.others) < 0) return -1;
    } else if (t.others || r->row->required || r->row->results > 1 || r->row->calls) {
        if (decode_attributes(r, t.others) < 0) return -1;
    }
    return t.odd_text ? check_texts(r) : 0;
}

int decode_node(decoder *r, json_cursor *at)
{
    json_cursor end = *at;
    r->text = at->at;
    if (json_peek(*at) != KIND_OBJECT) {
        json_skip(at);
        return decode_fail(r, "wrong_type", "", "a node must be an object with \"id\", \"op\" and "
                           "\"inputs\", found %s", json_type_name(json_peek(end)));
    }
    if (read_node(r, at) == 0) return 0;
    json_skip(&end);
    *at = end;
    return -1;
}
