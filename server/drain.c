/* drain.c -- from the first signal to the last answer.
 *
 * Readiness goes first, so that a load balancer looks elsewhere (it may take drain-delay to
 * notice); then the door; then what is under way is waited for, and stopped if it takes too long. A
 * second signal ends the process at any point.
 */
#include "drain.h"

#include "clock.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

enum { GRACE = 5 }; /* seconds that work which was told to stop is waited for */

/* Waits, and ends the process if a signal insists meanwhile. */
static void wait_or_insist(const sigset_t *signals, double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    if (sigtimedwait(signals, NULL, &t) < 0) return;
    log_event("second signal: ending at once");
    log_stop();
    _exit(EXIT_FAILURE);
}

/* Waits until no request is under way, seen twice in a row: a request that has just arrived on an
   open connection is counted only when its head has been read. */
static bool wait_for_requests(const server *s, const sigset_t *signals, double seconds)
{
    double until = clock_seconds() + seconds;
    for (int quiet = 0; quiet < 2;) {
        quiet = server_inflight(s) == 0 ? quiet + 1 : 0;
        if (quiet == 0 && clock_seconds() >= until) return false;
        wait_or_insist(signals, 0.02);
    }
    return true;
}

bool drain(server *s, const sigset_t *signals)
{
    const server_config *config = s->config;
    log_event("draining: %lld requests under way", (long long)server_inflight(s));
    server_leave(s);
    if (config->drain_delay > 0) wait_or_insist(signals, config->drain_delay);
    server_shut_door(s);
    bool good = wait_for_requests(s, signals, config->drain_timeout);
    if (!good) {
        log_event("%lld requests did not finish in time and are stopped",
                  (long long)server_inflight(s));
        server_cancel(s);
        if (!wait_for_requests(s, signals, GRACE)) {
            log_event("some requests cannot be stopped: ending at once");
            log_stop();
            _exit(EXIT_FAILURE);
        }
    }
    server_end(s);
    log_event("stopped");
    log_stop();
    return good;
}
