/* http.h -- HTTP/1.1 on the listeners, by libmicrohttpd. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stddef.h>

#include "listen.h"
#include "server.h"

typedef struct http http;

/* Serves on every listener, one thread each, and owns them from then on. Owned; http_stop. NULL with
   `why` filled where it fails: listeners may then be left open, for the process is to end. */
http *http_start(server *s, const listener *l, int listeners, char *why, size_t room);

/* Takes no more connections. Those that were made before are served. */
void http_shut_door(http *h);

/* Closes all connections. No request may be under way, and no worker may be alive. */
void http_stop(http *h);

#endif
