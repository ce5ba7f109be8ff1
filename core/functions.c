/* functions.c -- the table of functions' bodies: built once, found again, counted, compiled. */
#include "functions.h"

#include <string.h>

typedef struct functions {
    grad_host *host;
    function **at;
    size_t n, room;
    uint32_t *slot; /* open addressing: number + 1 */
    size_t slots;   /* a power of two */
    int nesting;    /* bodies being built just now */
} functions;

void grad_graph_functions(grad_graph *g, const grad_library *library)
{
    g->library = library;
}

/* ---- life -------------------------------------------------------------------------------------- */

void grad__function_drop(function *f)
{
    if (!f) return;
    grad_host *host = f->body->host;
    grad_program_free(f->program);
    grad__free(host, f->in, f->n_in * sizeof *f->in);
    grad__free(host, f->out, f->n_out * sizeof *f->out);
    grad__free(host, f->key, f->key_bytes);
    grad_graph_free(f->body);
    grad__free(host, f, sizeof *f);
}

void grad__functions_free(struct functions *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n; i++) grad__function_drop(t->at[i]);
    grad__free(t->host, t->at, t->room * sizeof *t->at);
    grad__free(t->host, t->slot, t->slots * sizeof *t->slot);
    grad__free(t->host, t, sizeof *t);
}

static functions *table_of(B *b)
{
    grad_graph *g = b->g;
    if (g->functions) return g->functions;
    functions *t = grad__alloc(g->host, sizeof *t, b->err);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->host = g->host;
    return g->functions = t;
}

/* ---- finding ----------------------------------------------------------------------------------- */

static size_t hash(const unsigned char *key, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, folded */
    for (size_t i = 0; i < n; i++) h = (h ^ key[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot where the key stands or would stand. */
static size_t probe(const functions *t, const void *key, size_t n)
{
    size_t at = hash(key, n) & (t->slots - 1);
    for (; t->slot[at]; at = (at + 1) & (t->slots - 1)) {
        const function *f = t->at[t->slot[at] - 1];
        if (f->key_bytes == n && memcmp(f->key, key, n) == 0) break;
    }
    return at;
}

static int make_room(functions *t, grad_error *err)
{
    if (2 * (t->n + 1) <= t->slots) return 0;
    size_t slots = t->slots ? 2 * t->slots : 16;
    uint32_t *fresh = grad__alloc_array(t->host, slots, sizeof *fresh, err);
    if (!fresh) return -1;
    memset(fresh, 0, slots * sizeof *fresh);
    grad__free(t->host, t->slot, t->slots * sizeof *t->slot);
    t->slot = fresh;
    t->slots = slots;
    for (size_t i = 0; i < t->n; i++)
        t->slot[probe(t, t->at[i]->key, t->at[i]->key_bytes)] = (uint32_t)i + 1;
    return 0;
}

function *grad__function_at(const grad_graph *g, int64_t number)
{
    return g->functions->at[number];
}

uint64_t grad__function_nodes(const function *f)
{
    return f->body->n + f->body->within;
}

grad_program *grad__function_program(function *f, grad_error *err)
{
    if (!f->program && grad_compile(&f->program, f->body, f->out, f->n_out, err) < 0) return NULL;
    return f->program;
}

/* ---- making ------------------------------------------------------------------------------------ */

static function *begin(B *b, functions *t, const void *key, size_t key_bytes, size_t n_in,
                       size_t n_out)
{
    grad_host *host = b->g->host;
    grad_graph *body;
    if (grad_graph_new(&body, host, b->g->real, b->err) < 0) return NULL;
    body->functions = t;
    body->library = b->g->library;
    body->is_body = true;
    function *f = grad__alloc(host, sizeof *f, b->err);
    if (!f) {
        grad_graph_free(body);
        return NULL;
    }
    *f = (function){.body = body, .n_in = n_in, .n_out = n_out, .key_bytes = key_bytes};
    f->in = grad__alloc_array(host, n_in, sizeof *f->in, b->err);
    f->out = grad__alloc_array(host, n_out, sizeof *f->out, b->err);
    f->key = grad__alloc(host, key_bytes, b->err);
    if (f->in && f->out && f->key) {
        memcpy(f->key, key, key_bytes);
        return f;
    }
    grad__function_drop(f);
    return NULL;
}

int grad__function_begin(int64_t *number, function **f, B *b, const void *key, size_t key_bytes,
                         const operand_type *type, size_t n_in, size_t n_out)
{
    functions *t = v_failed(b) ? NULL : table_of(b);
    if (!t || make_room(t, b->err) < 0) return -1;
    uint32_t found = t->slot[probe(t, key, key_bytes)];
    if (found) {
        *number = found - 1;
        return 1;
    }
    function *made = begin(b, t, key, key_bytes, n_in, n_out);
    if (!made) return -1;
    for (size_t i = 0; i < n_in; i++)
        if (grad_input(&made->in[i], made->body, type[i].dtype, type[i].rank, type[i].dim, b->err)) {
            grad__function_drop(made);
            return -1;
        }
    *f = made;
    return 0;
}

int grad__function_add(int64_t *number, B *b, function *f)
{
    functions *t = b->g->functions;
    if (v_failed(b)) return -1;
    if (f->body->depth >= NESTING_MAX)
        return grad_fail(b->err, GRAD_GRAPH_TOO_LARGE, "functions are nested more than %d deep",
                         NESTING_MAX);
    if (t->n >= UINT32_MAX - 1 || make_room(t, b->err) < 0 ||
        grad__grow(t->host, &t->at, &t->room, t->n + 1, sizeof *t->at, b->err) < 0)
        return -1;
    t->slot[probe(t, f->key, f->key_bytes)] = (uint32_t)t->n + 1;
    *number = (int64_t)t->n;
    t->at[t->n++] = f;
    return 0;
}

/* ---- functions with a name --------------------------------------------------------------------- */

static size_t key_of(unsigned char *key, const char *name, size_t length, const operand_type *type,
                     size_t n)
{
    size_t at = 0;
#define PUT(p, bytes)                                                                             \
    do {                                                                                          \
        if (key) memcpy(key + at, p, bytes);                                                      \
        at += (bytes);                                                                            \
    } while (0)
    PUT(&length, sizeof length);
    PUT(name, length);
    for (size_t i = 0; i < n; i++) {
        int32_t head[2] = {(int32_t)type[i].dtype, type[i].rank};
        PUT(head, sizeof head);
        if (type[i].rank) PUT(type[i].dim, (size_t)type[i].rank * sizeof *type[i].dim);
    }
#undef PUT
    return at;
}

static int build(int64_t *number, B *b, function *f, const char *name, size_t length)
{
    functions *t = b->g->functions;
    const grad_library *library = b->g->library;
    if (t->nesting >= NESTING_MAX)
        return grad_fail(b->err, GRAD_GRAPH_TOO_LARGE, "functions are nested more than %d deep",
                         NESTING_MAX);
    t->nesting++;
    int result = library->build(library->context, f->body, name, length, f->in, f->out, b->err);
    t->nesting--;
    return result < 0 ? -1 : grad__function_add(number, b, f);
}

int grad__function_named(int64_t *number, B *b, const char *name, size_t length,
                         const operand_type *type, size_t n, size_t n_out)
{
    if (v_failed(b)) return -1;
    size_t key_bytes = key_of(NULL, name, length, type, n);
    unsigned char *key = grad__alloc(b->g->host, key_bytes, b->err);
    function *f;
    if (!key) return -1;
    key_of(key, name, length, type, n);
    int result = grad__function_begin(number, &f, b, key, key_bytes, type, n, n_out);
    grad__free(b->g->host, key, key_bytes);
    if (result != 0) return result < 0 ? -1 : 0;
    result = build(number, b, f, name, length);
    if (result < 0) grad__function_drop(f);
    return result;
}

int grad__function_copy(B *to, V *map, const function *f, const V *in)
{
    const grad_graph *from = f->body;
    for (size_t i = 0; i < from->n; i++) {
        const node *n = &from->at[i];
        map[i] = n->op == &grad__op_input ? in[n->in[0]] : grad__copy_node(to, from, i, map);
        if (v_failed(to)) return -1;
    }
    return 0;
}
