/* names.h -- the ids of a request: found by their text in constant time, whoever chose them.
 *
 * A name is numbered when it is first mentioned, so that a reference is a number from the start,
 * whether or not its node has been read yet.
 */
#ifndef API_NAMES_H
#define API_NAMES_H

#include "grad.h"
#include "json.h"

#define NO_NAME UINT32_MAX

/* 32 bytes: there may be millions. A short id stands in the name itself, which spares most look-ups
   a visit to the body. */
typedef struct name {
    union {
        const char *far; /* in the body, or in the arena if written with escapes */
        char near[8];
    };
    const grad_op *op;   /* NULL: an input or a constant, or declared by no node */
    uint32_t length;     /* bytes of id */
    uint32_t place;      /* the node's index in the document; NO_NAME: no node declares it */
    uint32_t operands;   /* the first of its operands in the document's list */
    uint32_t more;       /* what else there is to say of the node: a row in the document, or NO_NAME */
} name;

_Static_assert(sizeof(name) == 32, "a name takes 32 bytes");

/* Not ended by NUL; good until the table grows. */
static inline const char *name_text(const name *n)
{
    return n->length <= sizeof n->near ? n->near : n->far;
}

/* A copy for an error's "node"; empty where the id is longer than anyone would read. */
enum { ID_ROOM = 512 };
const char *name_copy(char to[ID_ROOM], const name *n);

typedef struct names {
    grad_host *host;
    name *at;
    uint32_t n, room;
    uint32_t *slot;      /* open addressing: the index plus one, under some bits of the hash */
    uint32_t slots;      /* a power of two; 0 until names_start */
    uint64_t key[2];     /* of the hash */
} names;

/* `guess` names are expected. */
int names_start(names *t, grad_host *host, size_t guess, grad_error *err);
void names_free(names *t);
void names_free_index(names *t); /* no more look-ups; the names stay */

uint32_t names_find(const names *t, const char *id, size_t length); /* NO_NAME if there is none */
/* Finds it, or adds it as declared by no node; `id` is borrowed for good. */
int names_intern(uint32_t *out, names *t, const char *id, size_t length, grad_error *err);

/* The name will be interned soon, and is likely to be new: its slot is fetched meanwhile. */
void names_expect(const names *t, const char *id, size_t length);
/* A name without text, which no look-up finds: of a sub-expression. */
int names_add_unnamed(uint32_t *out, names *t, grad_error *err);

/* How many of the bytes can stand in an id ([A-Za-z_][A-Za-z0-9_.]*). id_length is for text that is
   sure to hold some other byte. */
size_t id_run(const char *text, size_t n);
size_t id_length(const char *text);
static inline bool is_id(const char *text, size_t n) { return n > 0 && id_run(text, n) == n; }

#endif
