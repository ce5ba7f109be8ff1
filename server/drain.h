/* drain.h -- the orderly end of the service. */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include <signal.h>
#include <stdbool.h>

#include "server.h"

/* Ends the service so that every request under way is answered. False where some had to be stopped.
   Does not return, and exits with status 1, when one of `signals` (blocked) comes meanwhile, or
   when there is work that cannot be stopped. */
bool drain(server *s, const sigset_t *signals);

#endif
