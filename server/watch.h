/* watch.h -- an eye on requests that nobody else looks at: sets the stop flag of calls whose time
 * is up, and hangs up on bodies that will never be complete. */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include <stdbool.h>

typedef struct watch watch;

/* Lives inside the request that it watches, which is either at work (stop and deadline count) or
   still coming in (fd counts). */
typedef struct watched {
    struct watched *next, *before;
    volatile int *stop; /* NULL: coming in */
    double deadline;    /* by clock_seconds */
    bool stopped;       /* the flag was set by us; to be read after watch_remove */
    int fd;             /* stays open until watch_remove */
    bool silent;        /* the client had finished sending when last looked at */
} watched;

watch *watch_start(void); /* owned; watch_stop. NULL when a thread or memory is short */
void watch_stop(watch *w); /* nothing may be watched any more; may be NULL */

void watch_add(watch *w, watched *x);
/* After this neither the flag nor the descriptor is touched any more. */
void watch_remove(watch *w, watched *x);
/* Stops everything that is at work, now and from now on. */
void watch_stop_all(watch *w);

#endif
