/* metrics.h -- what the service counts, and how Prometheus reads it.
 *
 * Every counter is an atomic of its own; nothing here waits or allocates after metrics_new.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"

typedef struct metrics metrics;

/* Owned; metrics_free. NULL when memory is short. Both texts are borrowed. */
metrics *metrics_new(const char *version, const char *build);
void metrics_free(metrics *m);

/* A request that is over. */
typedef struct metrics_request {
    const char *route, *method;
    int status;
    double seconds;
    size_t bytes_in;
    const double *phase; /* API_PHASES seconds, 0 where a phase did not take place; may be NULL */
} metrics_request;
void metrics_count_request(metrics *m, const metrics_request *r);

/* Why the host refused a request or stopped one: an error's code. */
void metrics_count_rejected(metrics *m, const char *reason);
void metrics_count_cancelled(metrics *m, const char *reason);

void metrics_inflight(metrics *m, int change);
int64_t metrics_inflight_now(const metrics *m);
void metrics_queued(metrics *m);
void metrics_dequeued(metrics *m, double waited);

/* Writes the exposition format, version 0.0.4, in pieces. */
void metrics_write(const metrics *m, void (*write)(void *to, const char *text, size_t n), void *to);

#endif
