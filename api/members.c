/* members.c -- the members of a request to evaluate, and of its object "gradients".
 *
 * To add a member: a row in a table, and its reader.
 */
#include "members.h"

#include <math.h>
#include <stdio.h>

#include "pointer.h"
#include "table.h"

typedef struct reader {
    api_call *c;
    request *r;
    const char *base; /* the pointer of the object whose members are read */
} reader;

typedef struct known_names {
    const char *at[24];
} known_names;

typedef struct member_row {
    const char *name;
    int (*read)(reader *r, const char *name, json_cursor *at); /* leaves *at past the value */
    unsigned endpoints;
} member_row;

static bool is_for(const member_row *row, const reader *r)
{
    return row->endpoints & (unsigned)r->r->endpoint;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static int wrong_type(reader *r, const char *name, const char *expected, json_cursor found)
{
    char at[96];
    json_slice text = json_skip(&(json_cursor){found.at});
    bool quote = json_peek(found) == KIND_STRING;
    snprintf(at, sizeof at, "%s/%s", r->base, name);
    api_fail(r->c, "wrong_type", at, NULL, "\"%s\" must be %s, found %.*s", name, expected,
             quote ? (int)(text.n < 80 ? text.n : 80) : 80,
             quote ? text.at : json_type_name(json_peek(found)));
    return -1;
}

static const char *row_name(const void *rows, size_t i)
{
    return ((const known_names *)rows)->at[i];
}

static int unknown_member(reader *r, const member_row *rows, json_slice member)
{
    char known[160] = "";
    size_t n = 0;
    pointer at;
    const char *owner = r->base[0] ? r->base + 1 : "a request";
    pointer_start(&at, "%s", r->base);
    pointer_name(&at, member);
    int shown = (int)(member.n < 80 ? member.n : 80);
    known_names names = {{NULL}};
    size_t count = 0;
    for (const member_row *row = rows; row->name; row++) {
        if (!is_for(row, r)) continue;
        names.at[count++] = row->name;
        if (n < sizeof known)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", row->name);
    }
    const char *near = api_nearest(member.at, member.n, row_name, &names);
    if (near)
        api_fail(r->c, "unknown_member", pointer_text(&at), NULL,
                 "unknown member \"%.*s\"; did you mean \"%s\"?", shown, member.at, near);
    else
        api_fail(r->c, "unknown_member", pointer_text(&at), NULL,
                 "unknown member \"%.*s\"; %s has %s", shown, member.at, owner, known);
    return -1;
}

static int read_object(reader *r, const member_row *rows, json_cursor *at)
{
    for (json_enter(at); json_more(at);) {
        json_slice member = json_name(at);
        const member_row *row = rows;
        while (row->name && !(is_for(row, r) && json_is(member, row->name))) row++;
        if (!row->name) return unknown_member(r, rows, member);
        if (row->read(r, row->name, at) < 0) return -1;
    }
    return 0;
}

/* ---- lists of ids ---------------------------------------------------------------------------- */

id_list ids_open(const char *text)
{
    id_list l = {.at = {text}, .index = -1};
    l.list = json_peek(l.at) == KIND_ARRAY;
    return l;
}

bool ids_next(id_list *l)
{
    if (!l->started && l->list) json_enter(&l->at);
    if (l->list ? !json_more(&l->at) : l->started) return false;
    l->started = true;
    if (l->list) l->index++;
    l->id = json_read_string(&l->at);
    return true;
}

static int read_ids(reader *r, const char *name, json_cursor *at, const char **out)
{
    char element[96];
    uint32_t k = 0;
    *out = at->at;
    if (json_peek(*at) == KIND_STRING) {
        json_skip(at);
        return 0;
    }
    if (json_peek(*at) != KIND_ARRAY) return wrong_type(r, name, "an id or a list of ids", *at);
    for (json_enter(at); json_more(at); json_skip(at), k++) {
        if (json_peek(*at) == KIND_STRING) continue;
        snprintf(element, sizeof element, "%s/%s/%u", r->base, name, k);
        api_fail(r->c, "wrong_type", element, NULL, "\"%s\" must be a list of ids, found %s in it",
                 name, json_type_name(json_peek(*at)));
        return -1;
    }
    return 0;
}

/* ---- gradients ------------------------------------------------------------------------------- */

static int read_of(reader *r, const char *name, json_cursor *at)
{
    return read_ids(r, name, at, &r->r->of);
}

/* Takes the string if it is this one. */
static bool take_word(json_cursor *at, const char *word)
{
    json_cursor past = *at;
    if (json_peek(past) != KIND_STRING || !json_is(json_read_string(&past), word)) return false;
    *at = past;
    return true;
}

static int read_wrt(reader *r, const char *name, json_cursor *at)
{
    return take_word(at, "all") ? 0 : read_ids(r, name, at, &r->r->wrt);
}

static int read_seeds(reader *r, const char *name, json_cursor *at)
{
    if (json_peek(*at) != KIND_OBJECT)
        return wrong_type(r, name, "an object of tensors by id", *at);
    r->r->seeds = json_skip(at).at;
    return 0;
}

static int read_reduce(reader *r, const char *name, json_cursor *at)
{
    if (take_word(at, "none")) r->r->reduce = GRAD_EACH;
    else if (take_word(at, "sum")) r->r->reduce = GRAD_SUM;
    else if (take_word(at, "mean")) r->r->reduce = GRAD_MEAN;
    else return wrong_type(r, name, "\"none\", \"sum\" or \"mean\"", *at);
    return 0;
}

static const member_row gradient_members[] = {
    {"of", read_of, FOR_EVALUATE},
    {"wrt", read_wrt, FOR_EVALUATE},
    {"seeds", read_seeds, FOR_EVALUATE},
    {"reduce", read_reduce, FOR_EVALUATE},
    {NULL, NULL, 0},
};

/* ---- the request ----------------------------------------------------------------------------- */

static int read_graph(reader *r, const char *name, json_cursor *at)
{
    if (json_peek(*at) != KIND_OBJECT && json_peek(*at) != KIND_STRING)
        return wrong_type(r, name, "an object with a list of \"nodes\", or a program as a string",
                          *at);
    r->r->graph = json_skip(at);
    return 0;
}

/* Tensors may be long: their places are noted, so that nobody steps over them again. */
static int read_inputs(reader *r, const char *name, json_cursor *at)
{
    request *q = r->r;
    grad_error err = {0};
    if (json_peek(*at) != KIND_OBJECT)
        return wrong_type(r, name, "an object of tensors by id", *at);
    for (json_enter(at); json_more(at); json_skip(at)) {
        if (q->n_inputs == q->input_room) {
            const char **grown = table_grow(&r->c->host, q->inputs, &q->input_room,
                                            sizeof *q->inputs, &err);
            if (!grown) {
                api_fail_core(r->c, &err, NULL, NULL);
                return -1;
            }
            q->inputs = grown;
        }
        q->inputs[q->n_inputs++] = at->at;
        json_name(at);
    }
    return 0;
}

static int read_outputs(reader *r, const char *name, json_cursor *at)
{
    return read_ids(r, name, at, &r->r->outputs);
}

static int read_dtype(reader *r, const char *name, json_cursor *at)
{
    if (take_word(at, "float64")) r->r->dtype = GRAD_FLOAT64;
    else if (take_word(at, "float32")) r->r->dtype = GRAD_FLOAT32;
    else return wrong_type(r, name, "\"float64\" or \"float32\"", *at);
    return 0;
}

static int read_gradients(reader *r, const char *name, json_cursor *at)
{
    json_kind kind = json_peek(*at);
    if (kind == KIND_OBJECT) {
        reader inner = {r->c, r->r, "/gradients"};
        return read_object(&inner, gradient_members, at);
    }
    if (kind != KIND_TRUE && kind != KIND_FALSE)
        return wrong_type(r, name, "true, false or an object of \"of\", \"wrt\", \"seeds\" and \"reduce\"", *at);
    r->r->gradients = kind == KIND_TRUE;
    json_skip(at);
    return 0;
}

static int read_values(reader *r, const char *name, json_cursor *at)
{
    json_kind kind = json_peek(*at);
    if (kind != KIND_STRING && kind != KIND_ARRAY)
        return wrong_type(r, name, "\"all\", \"outputs\", \"none\" or a list of ids", *at);
    if (take_word(at, "all")) r->r->values = WHICH_ALL;
    else if (take_word(at, "outputs")) r->r->values = WHICH_OUTPUTS;
    else if (take_word(at, "none")) r->r->values = WHICH_NONE;
    else {
        r->r->values = WHICH_IDS;
        return read_ids(r, name, at, &r->r->values_ids);
    }
    return 0;
}

/* No ids are no batch. */
static int read_batch(reader *r, const char *name, json_cursor *at)
{
    const char *list;
    if (read_ids(r, name, at, &list) < 0) return -1;
    id_list ids = ids_open(list);
    r->r->batch = ids_next(&ids) ? list : NULL;
    return 0;
}

static int read_encoding(reader *r, const char *name, json_cursor *at)
{
    r->r->base64 = take_word(at, "base64");
    if (r->r->base64 || take_word(at, "json")) return 0;
    return wrong_type(r, name, "\"json\" or \"base64\"", *at);
}

static int read_format(reader *r, const char *name, json_cursor *at)
{
    r->r->as_program = take_word(at, "expression");
    return r->r->as_program ? 0 : wrong_type(r, name, "\"expression\"", *at);
}

/* ---- other derivatives ----------------------------------------------------------------------- */

static int read_ids_wrt(reader *r, const char *name, json_cursor *at)
{
    return read_ids(r, name, at, &r->r->wrt);
}

static int read_vectors(reader *r, const char *name, json_cursor *at)
{
    if (json_peek(*at) != KIND_OBJECT)
        return wrong_type(r, name, "an object of tensors by id", *at);
    r->r->vectors = json_skip(at).at;
    return 0;
}

static int read_sparse(reader *r, const char *name, json_cursor *at)
{
    json_kind kind = json_peek(*at);
    if (kind != KIND_TRUE && kind != KIND_FALSE) return wrong_type(r, name, "true or false", *at);
    r->r->sparse = kind == KIND_TRUE;
    json_skip(at);
    return 0;
}

static int read_positive(reader *r, const char *name, json_cursor *at, double *out)
{
    char place[96];
    if (json_peek(*at) != KIND_NUMBER) return wrong_type(r, name, "a number above 0", *at);
    *out = json_read_real(at);
    if (*out > 0 && isfinite(*out)) return 0;
    snprintf(place, sizeof place, "%s/%s", r->base, name);
    api_fail(r->c, "bad_number", place, NULL, "\"%s\" must be above 0", name);
    return -1;
}

static int read_epsilon(reader *r, const char *name, json_cursor *at)
{
    return read_positive(r, name, at, &r->r->epsilon);
}

static int read_tolerance(reader *r, const char *name, json_cursor *at)
{
    return read_positive(r, name, at, &r->r->tolerance);
}

/* ---- the whole ------------------------------------------------------------------------------- */

enum {
    FOR_ALL = 127,
    FOR_BLOCKS = FOR_JACOBIAN | FOR_HESSIAN
};

static const member_row request_members[] = {
    {"graph", read_graph, FOR_ALL},
    {"inputs", read_inputs, FOR_ALL},
    {"outputs", read_outputs, FOR_ALL},
    {"dtype", read_dtype, FOR_ALL},
    {"gradients", read_gradients, FOR_EVALUATE | FOR_RENDER},
    {"values", read_values, FOR_ALL},
    {"batch", read_batch, FOR_EVALUATE | FOR_JVP | FOR_HVP | FOR_RENDER},
    {"reduce", read_reduce, FOR_HVP},
    {"encoding", read_encoding, FOR_ALL},
    {"of", read_of, FOR_CHECK},
    {"seeds", read_seeds, FOR_CHECK},
    {"wrt", read_ids_wrt, FOR_BLOCKS | FOR_HVP | FOR_CHECK},
    {"tangents", read_vectors, FOR_JVP},
    {"vectors", read_vectors, FOR_HVP},
    {"sparse", read_sparse, FOR_BLOCKS},
    {"epsilon", read_epsilon, FOR_CHECK},
    {"tolerance", read_tolerance, FOR_CHECK},
    {"format", read_format, FOR_RENDER},
    {NULL, NULL, 0},
};

int members_read(request *out, api_call *c, endpoint asked)
{
    reader r = {.c = c, .r = out, .base = ""};
    json_cursor at = json_open(c->body);
    *out = (request){.endpoint = asked, .dtype = GRAD_FLOAT64, .tolerance = 1e-6};
    out->gradients = !(asked & (FOR_JVP | FOR_JACOBIAN));
    if (!(asked & (FOR_EVALUATE | FOR_RENDER))) out->values = WHICH_OUTPUTS;
    if (json_peek(at) != KIND_OBJECT) {
        api_fail(c, "wrong_type", "", NULL, "the request must be an object, found %s%s",
                 json_type_name(json_peek(at)),
                 json_peek(at) == KIND_STRING ? " (was it turned into JSON twice?)" : "");
        return -1;
    }
    if (read_object(&r, request_members, &at) < 0) return -1;
    if (asked == FOR_CHECK) out->values = WHICH_NONE; /* its answer has none */
    const char *missing = !out->graph.at                               ? "\"graph\""
                        : asked == FOR_RENDER && !out->as_program ? "\"format\": \"expression\""
                                                                       : NULL;
    if (!missing) return 0;
    api_fail(c, "missing_member", "", NULL, "the request has no member %s", missing);
    return -1;
}

void members_free(request *r, api_call *c)
{
    r->inputs = table_free(&c->host, r->inputs, r->input_room, sizeof *r->inputs);
}
