/* decode_function.c -- the graph's member "functions".
 *
 * A first look counts inputs and results, which nodes that name a function want to know wherever
 * the function stands. Then each is read: its members are looked for in a fixed order (inputs,
 * nodes, outputs), and its names are complete in themselves, so that unlike the graph's an error
 * can be told at once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "table.h"

/* ---- errors ---------------------------------------------------------------------------------- */

/* At a function, or at an item of one of its lists. */
__attribute__((format(printf, 5, 6)))
static int item_fail(decoder *r, const char *code, const char *list, int64_t k, const char *format,
                     ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    decode_member_fail(r, code, (json_slice){list, strlen(list)}, "%s", text);
    if (k >= 0) pointer_add(&r->d->problem->at, "/%lld", (long long)k);
    return -1;
}

static int stopped(decoder *r)
{
    if (!grad_is_set(&r->c->stop)) return 0;
    grad_fail(&r->err, GRAD_STOPPED, "the deadline passed while the graph was read");
    return decode_end(r);
}

static int too_many(decoder *r, const char *list)
{
    pointer at;
    pointer_start(&at, "%s/%s", r->d->base, list);
    api_fail(r->c, "graph_too_large", pointer_text(&at), NULL, "a function may have at most %zu %s",
             r->c->api->host.operand_limit, list);
    return -1;
}

/* ---- the first look -------------------------------------------------------------------------- */

/* How many ids a list has; one may stand for a list. */
static uint32_t count_ids(json_cursor at)
{
    uint32_t n = 0;
    if (json_peek(at) == KIND_STRING) return 1;
    if (json_peek(at) != KIND_ARRAY) return COUNT_UNKNOWN;
    for (json_enter(&at); json_more(&at) && n < COUNT_UNKNOWN; n++) json_skip(&at);
    return n;
}

static function *push_function(decoder *r)
{
    library *l = r->d->library;
    if (l->names.n - 1 == l->room) {
        function *grown = table_grow(&r->c->host, l->at, &l->room, sizeof *l->at, &r->err);
        if (!grown) return NULL;
        l->at = grown;
    }
    function *f = &l->at[l->names.n - 1];
    *f = (function){.n_inputs = COUNT_UNKNOWN, .n_results = 1};
    return f;
}

int decode_survey(decoder *r, json_slice id, json_cursor at)
{
    library *l = r->d->library;
    uint32_t number;
    if (decode_plain(r, &id) < 0) return -1;
    if (!is_id(id.at, id.n)) return 0; /* an error, when it is read */
    if (names_intern(&number, &l->names, id.at, id.n, &r->err) < 0) return decode_end(r);
    if (number + 1 != l->names.n) return 0; /* json_check lets none stand twice */
    function *f = push_function(r);
    if (!f) return decode_end(r);
    l->names.at[number].place = number;
    f->text = at.at;
    if (json_peek(at) != KIND_OBJECT) return 0;
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice member = json_name(&at);
        if (json_is(member, "inputs")) {
            f->inputs = at.at;
            f->n_inputs = count_ids(at);
        } else if (json_is(member, "outputs")) {
            uint32_t n = count_ids(at);
            f->n_results = n == COUNT_UNKNOWN || n == 0 ? 1 : n;
        }
    }
    return 0;
}

static int survey(decoder *r, json_cursor at)
{
    library *l = r->d->library;
    size_t limit = r->c->api->host.node_limit;
    if (names_start(&l->names, &r->c->host, 16, &r->err) < 0) return decode_end(r);
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice id = json_name(&at);
        if (stopped(r) < 0 || decode_survey(r, id, at) < 0) return -1;
        if (l->names.n <= limit) continue;
        api_fail(r->c, "graph_too_large", "/graph/functions", NULL, "the graph has more than %zu "
                 "functions", limit);
        return -1;
    }
    return 0;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static int one_input(decoder *r, json_cursor *at, int64_t k)
{
    uint32_t number, before = r->d->names.n;
    if (json_peek(*at) != KIND_STRING)
        return item_fail(r, "wrong_type", "inputs", k, "\"inputs\" of a function must be a list of "
                         "ids, found %s in it", json_type_name(json_peek(*at)));
    json_slice text = json_read_string(at);
    if (decode_plain(r, &text) < 0) return -1;
    if (!is_id(text.at, text.n))
        return item_fail(r, "bad_id", "inputs", k, "\"%.*s\" is not an id: a letter or _ comes "
                         "first, then letters, digits, _ and .", shown(text), text.at);
    if (names_intern(&number, &r->d->names, text.at, text.n, &r->err) < 0) return decode_end(r);
    if (number == before) return 0;
    return item_fail(r, "duplicate_id", "inputs", k, "the function has two inputs \"%.*s\"",
                     shown(text), text.at);
}

int decode_function_inputs(decoder *r, json_cursor at)
{
    uint32_t k = 0;
    if (json_peek(at) == KIND_STRING) return one_input(r, &at, -1);
    if (json_peek(at) != KIND_ARRAY)
        return item_fail(r, "wrong_type", "inputs", -1, "\"inputs\" of a function must be a list "
                         "of ids, found %s", json_type_name(json_peek(at)));
    for (json_enter(&at); json_more(&at); k++) {
        if (k >= r->c->api->host.operand_limit) return too_many(r, "inputs");
        if (((k & 4095) == 4095 && stopped(r) < 0) || one_input(r, &at, k) < 0) return -1;
    }
    return 0;
}

/* ---- references ------------------------------------------------------------------------------ */

/* Does the name stand for something in the function? */
static bool is_known(const function *f, uint32_t number)
{
    return number < f->n_inputs || f->d.names.at[number].place != NO_NAME;
}

typedef struct known_names {
    decoder *r;
    uint32_t next;
} known_names;

/* For api_nearest, which asks for one after another. */
static const char *known_name(const void *list, size_t i)
{
    known_names *k = (known_names *)(uintptr_t)list;
    const function *f = k->r->f;
    enum { MOST = 4000 };
    while (k->next < f->d.names.n && (f->d.names.at[k->next].length > 64 || !is_known(f, k->next)))
        k->next++;
    if (k->next >= f->d.names.n || i >= MOST) return NULL;
    const name *n = &f->d.names.at[k->next++];
    return arena_text(&k->r->c->arena, name_text(n), n->length);
}

static const char *nearest(decoder *r, const name *to)
{
    known_names list = {r, 0};
    return api_nearest(name_text(to), to->length, known_name, &list);
}

static int unknown_input(decoder *r, const name *node, uint32_t k, uint32_t from, uint32_t result)
{
    const function *f = r->f;
    const name *to = &f->d.names.at[from];
    int length = (int)(to->length < 80 ? to->length : 80);
    char id[ID_ROOM];
    pointer at;
    pointer_start(&at, "%s/nodes/%u/inputs/%u", f->d.base, node->place, k);
    name_copy(id, node);
    if (is_known(f, from)) {
        uint32_t results = from < f->n_inputs ? 1 : document_results(&f->d, to);
        api_fail(r->c, "unknown_input", pointer_text(&at), id, "\"%.*s\" has %u result%s, so there "
                 "is no \"%.*s:%u\"", length, name_text(to), results, results == 1 ? "" : "s",
                 length, name_text(to), result);
        return -1;
    }
    const char *near = nearest(r, to);
    api_fail(r->c, "unknown_input", pointer_text(&at), id, "no node and no input of the function "
             "is called \"%.*s\"%s%s%s", length, name_text(to), near ? "; did you mean \"" : "; a "
             "function sees only its own inputs and nodes, literals and other functions",
             near ? near : "", near ? "\"?" : "");
    return -1;
}

static int check_operand(decoder *r, const name *node, uint32_t k, uint32_t operand)
{
    const document *d = r->d;
    uint32_t from = document_source(d, operand), result = 0, results = 1;
    if (from == NO_NAME) return 0;
    if (!is_known(r->f, from)) return unknown_input(r, node, k, from, 0);
    if (operand & OPERAND_ODD) result = d->odd[operand & ~OPERAND_ODD].result;
    if (from >= r->f->n_inputs) {
        if (d->problem->code) return 0; /* nodes behind the error have not been looked into */
        results = document_results(d, &d->names.at[from]);
    }
    return result < results ? 0 : unknown_input(r, node, k, from, result);
}

int decode_references(decoder *r)
{
    const document *d = r->d;
    for (uint32_t i = 0; i < d->n_nodes; i++) {
        uint32_t count;
        const name *node = &d->names.at[d->order[i]];
        const uint32_t *in = document_operands(d, node, &count);
        for (uint32_t k = 0; k < count; k++)
            if (check_operand(r, node, k, in[k]) < 0) return -1;
    }
    return 0;
}

/* ---- results --------------------------------------------------------------------------------- */

static int one_result(decoder *r, json_slice text, int64_t index, uint32_t *out)
{
    const document *d = r->d;
    uint32_t result;
    json_slice raw = text;
    if (decode_plain(r, &text) < 0) return -1;
    size_t n = split_result(text.at, text.n, &result);
    uint32_t from = names_find(&d->names, text.at, n);
    if (from != NO_NAME && is_known(r->f, from)) {
        uint32_t results = from < r->f->n_inputs ? 1 : document_results(d, &d->names.at[from]);
        if (result < results) {
            *out = document_slot(d, from, result);
            return 0;
        }
    }
    name wanted = {.far = text.at, .length = (uint32_t)n};
    if (n <= sizeof wanted.near) memcpy(wanted.near, text.at, n);
    const char *near = from == NO_NAME ? nearest(r, &wanted) : NULL;
    return item_fail(r, "unknown_id", "outputs", index, "\"outputs\" names \"%.*s\", which is not "
                     "in the function%s%s%s", shown(raw), raw.at, near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
}

/* decode_outputs has said that they are an id or ids. */
static int read_results(decoder *r)
{
    function *f = r->f;
    json_cursor at = {r->d->outputs};
    json_slice bare = {NULL, 0};
    uint32_t k = 0;
    f->n_results = count_ids(at);
    if (f->n_results > r->c->api->host.operand_limit) return too_many(r, "outputs");
    if (f->n_results == 0)
        return item_fail(r, "wrong_type", "outputs", -1, "\"outputs\" of a function must name at "
                         "least one node or input, found an empty array");
    f->result = table_new(&r->c->host, f->n_results, sizeof *f->result, &r->err);
    if (!f->result) return decode_end(r);
    if (json_peek(at) == KIND_STRING) {
        bare = json_read_string(&at);
        return one_result(r, bare, -1, &f->result[0]);
    }
    for (json_enter(&at); json_more(&at); k++) {
        if ((k & 4095) == 4095 && stopped(r) < 0) return -1;
        if (one_result(r, json_read_string(&at), k, &f->result[k]) < 0) return -1;
    }
    return 0;
}

/* ---- a function ------------------------------------------------------------------------------ */

static const char *const members[] = {"inputs", "nodes", "outputs", "name", "doc", NULL};
enum { INPUTS, NODES, OUTPUTS, NEEDED };

static const char *known_member(const void *list, size_t i)
{
    (void)list;
    return members[i];
}

static int unknown_member(decoder *r, json_slice member)
{
    const char *near = api_nearest(member.at, member.n, known_member, NULL);
    return decode_member_fail(r, "unknown_member", member, "a function has no member \"%.*s\"; %s%s"
                              "%s", shown(member), member.at, near ? "did you mean \"" : "it takes "
                              "inputs, nodes, outputs, name and doc", near ? near : "",
                              near ? "\"?" : "");
}

static int find_members(decoder *r, json_cursor at, json_cursor found[NEEDED])
{
    if (json_peek(at) != KIND_OBJECT)
        return decode_member_fail(r, "wrong_type", (json_slice){"", 0}, "a function must be an "
                                  "object with \"inputs\", \"nodes\" and \"outputs\", found %s",
                                  json_type_name(json_peek(at)));
    for (json_enter(&at); json_more(&at); json_skip(&at)) {
        json_slice member = json_name(&at);
        int k = 0;
        while (members[k] && !json_is(member, members[k])) k++;
        if (!members[k]) return unknown_member(r, member);
        if (k < NEEDED) found[k] = at;
        else if (json_peek(at) != KIND_STRING)
            return decode_member_fail(r, "wrong_type", member, "\"%s\" must be a string, found %s",
                                      members[k], json_type_name(json_peek(at)));
    }
    for (int k = 0; k < NEEDED; k++)
        if (!found[k].at)
            return decode_member_fail(r, "missing_member", (json_slice){"", 0}, "the function has "
                                      "no \"%s\"", members[k]);
    return 0;
}

static int read_parts(decoder *r)
{
    json_cursor found[NEEDED] = {{NULL}};
    json_slice outputs = {"outputs", 7};
    if (find_members(r, (json_cursor){r->f->text}, found) < 0) return -1;
    if (decode_function_inputs(r, found[INPUTS]) < 0) return -1;
    r->f->n_inputs = r->d->names.n;
    if (decode_nodes(r, &found[NODES]) < 0) return -1;
    return decode_outputs(r, outputs, found[OUTPUTS]);
}

static int read_function(decoder *r, const name *id)
{
    function *f = r->f;
    library *l = f->d.library;
    char *base = arena_new(&r->c->arena, id->length + 24, 1, &r->err);
    if (!base) return decode_end(r);
    sprintf(base, "/graph/functions/%.*s", (int)id->length, name_text(id));
    f->d.base = base;
    size_t n = json_skip(&(json_cursor){f->text}).n;
    if (names_start(&f->d.names, &r->c->host, n / 48 + 4, &r->err) < 0) return decode_end(r);
    f->calls = l->n_calls;
    int result = read_parts(r);
    if (api_failed(r->c) || decode_references(r) < 0) return -1;
    if (result == 0 && document_sort(&f->d) < 0) return -1;
    if (result < 0 || read_results(r) < 0) return document_complain(&f->d);
    f->n_calls = l->n_calls - f->calls;
    names_free_index(&f->d.names);
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int bad_name(decoder *r, json_slice text)
{
    pointer at;
    pointer_start(&at, "/graph/functions");
    pointer_name(&at, text);
    api_fail(r->c, "bad_id", pointer_text(&at), NULL, "\"%.*s\" cannot be the name of a function: "
             "a letter or _ comes first, then letters, digits, _ and .", shown(text), text.at);
    return -1;
}

int decode_functions(decoder *r, json_cursor at)
{
    library *l = r->d->library;
    if (l->read) return 0;
    l->read = true;
    if (json_peek(at) != KIND_OBJECT) {
        api_fail(r->c, "wrong_type", "/graph/functions", NULL, "\"functions\" must be an object of "
                 "functions by name, found %s", json_type_name(json_peek(at)));
        return -1;
    }
    if (survey(r, at) < 0) return -1;
    uint32_t number = 0;
    decoder body = {.c = r->c};
    for (json_enter(&at); json_more(&at); json_skip(&at), number++) {
        json_slice id = json_name(&at);
        if (stopped(r) < 0) return -1;
        if (number == l->names.n || l->at[number].text != at.at) return bad_name(r, id);
        function *f = &l->at[number];
        f->d = (document){.c = r->c, .library = l, .problem = r->d->problem};
        body.d = &f->d;
        body.f = f;
        body.name = NO_NAME;
        body.node = 0;
        if (read_function(&body, &l->names.at[number]) < 0) return -1;
        l->n_nodes += body.node;
    }
    return library_sort(l);
}
