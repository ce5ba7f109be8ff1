/* probe.h -- asks a running service how it is, for container health checks. */
#ifndef SERVER_PROBE_H
#define SERVER_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* GET /healthz at the first place of a list that listen_check likes. True when the answer is 200;
   else `why` says in one line what is wrong. */
bool probe(const char *listen, char *why, size_t room);

#endif
