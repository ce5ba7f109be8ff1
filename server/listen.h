/* listen.h -- addresses to listen on: their text, and the sockets they become. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

enum { LISTEN_MAX = 16, LISTEN_URL_ROOM = 96 };

/* Text is a comma-separated list of HOST:PORT. HOST is a name, an IPv4 address, an IPv6 address in
   brackets, "localhost" (127.0.0.1 and ::1), or "*" or nothing (every address). */

/* One host and port of a list. Moves *text past it; false at the end. */
typedef struct listen_place {
    char host[256];
    char port[6];
} listen_place;

/* Is the list well formed? If not, `why` says in one line what is wrong. */
bool listen_check(const char *text, char *why, size_t room);
/* Walks a list that listen_check liked. */
bool listen_next(const char **text, listen_place *to);

typedef struct listener {
    int fd;
    char url[LISTEN_URL_ROOM]; /* "http://127.0.0.1:8080", the port being the real one */
} listener;

/* Opens sockets for the whole list, listening and non-blocking; the number of them, or -1 with
   `why` filled and nothing open. */
int listen_open(listener *to, const char *text, char *why, size_t room);
void listen_close(listener *l, int count);

/* A connection to our own listening socket, finished or under way; -1 if there can be none. */
int listen_connect(const listener *l);

#endif
