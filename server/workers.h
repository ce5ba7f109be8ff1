/* workers.h -- threads that take jobs from a bounded queue, first come, first served. */
#ifndef SERVER_WORKERS_H
#define SERVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct workers workers;

/* Lives inside what it is a job of. The queue does not touch it once `run` has begun. */
typedef struct job {
    struct job *next;
    void (*run)(struct job *j);
} job;

/* `count` threads, and room for `queue` jobs beyond those that a thread is free for. Owned;
   workers_stop. NULL when threads or memory are short. */
workers *workers_start(size_t count, size_t queue);

/* Reserves a place; false where there is none. Every reserved place must be filled with
   workers_push, so that between the two the job can be made ready for any thread to run it. */
bool workers_admit(workers *w);
void workers_push(workers *w, job *j);

/* Lets the threads finish what is queued, then ends them. May be NULL. */
void workers_stop(workers *w);

#endif
