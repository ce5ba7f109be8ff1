/* body.h -- the bytes of a request as they come in. */
#ifndef SERVER_BODY_H
#define SERVER_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all bodies together may hold. */
typedef struct body_budget {
    atomic_size_t held;
    size_t most;
} body_budget;

typedef enum body_state { BODY_GOOD, BODY_TOO_LARGE, BODY_NO_ROOM } body_state;

/* Start as {.budget = …, .limit = …}. `at` may be NULL where n is 0; else a NUL follows the
   last byte. */
typedef struct body {
    char *at;
    size_t n, room;
    size_t limit;
    size_t received; /* counts on after a failure */
    body_state state; /* once not good it holds nothing and takes nothing */
    body_budget *budget;
} body;

/* Room for a body that is announced with `length` bytes (-1: unknown); never much before the bytes
   themselves have come. */
void body_expect(body *b, int64_t length);
void body_add(body *b, const char *data, size_t n);
void body_free(body *b);

#endif
