/* body.c -- a buffer that doubles, within a limit of its own and a budget shared with the others.
 *
 * A Content-Length is only a claim: at most SEED bytes are taken for it before they arrive.
 */
#include "body.h"

#include <stdlib.h>
#include <string.h>

enum { SEED = 64 * 1024, LEAST = 1024 };

static void fail(body *b, body_state state)
{
    body_free(b);
    b->state = state;
}

/* Gives the body `room` bytes. */
static void resize(body *b, size_t room)
{
    size_t more = room - b->room;
    if (atomic_fetch_add(&b->budget->held, more) + more > b->budget->most) {
        atomic_fetch_sub(&b->budget->held, more);
        fail(b, BODY_NO_ROOM);
        return;
    }
    char *at = realloc(b->at, room);
    if (at == NULL) {
        atomic_fetch_sub(&b->budget->held, more);
        fail(b, BODY_NO_ROOM);
        return;
    }
    b->at = at;
    b->room = room;
}

void body_expect(body *b, int64_t length)
{
    if (length > 0) resize(b, (length < SEED ? (size_t)length : SEED) + 1);
}

void body_add(body *b, const char *data, size_t n)
{
    b->received += n;
    if (b->state != BODY_GOOD) return;
    if (n > b->limit - b->n) {
        fail(b, BODY_TOO_LARGE);
        return;
    }
    size_t need = b->n + n + 1; /* limit is far below SIZE_MAX */
    if (need > b->room) {
        size_t room = b->room < LEAST ? LEAST : b->room;
        while (room < need) room = room > SIZE_MAX / 2 ? need : room * 2;
        if (room > b->limit + 1) room = b->limit + 1;
        resize(b, room);
        if (b->state != BODY_GOOD) return;
    }
    memcpy(b->at + b->n, data, n);
    b->n += n;
    b->at[b->n] = '\0';
}

void body_free(body *b)
{
    free(b->at);
    atomic_fetch_sub(&b->budget->held, b->room);
    b->at = NULL;
    b->n = b->room = 0;
}
