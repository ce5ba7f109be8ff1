/* workers.c -- one lock, one list, one condition.
 *
 * A connection must be suspended before the job that will resume it can run, or the resumption may
 * be lost. Hence the two steps: workers_admit says whether there will be room, the caller suspends,
 * and workers_push publishes the job, which cannot fail any more.
 */
#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

/* Functions that call functions take 6 KiB a level, of which there are 64; and the libraries below
   take large frames. */
enum { STACK = 2 * 1024 * 1024 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t more;
    job *first, **last;
    size_t waiting; /* admitted and not yet taken */
    size_t queue;
    size_t idle;    /* threads without a job */
    bool ending;
    size_t count;
    pthread_t thread[];
};

static void *serve(void *cls)
{
    workers *w = cls;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->first == NULL && !w->ending) pthread_cond_wait(&w->more, &w->lock);
        job *j = w->first;
        if (j == NULL) break;
        w->first = j->next;
        if (w->first == NULL) w->last = &w->first;
        w->waiting--;
        w->idle--;
        pthread_mutex_unlock(&w->lock);
        j->run(j);
        pthread_mutex_lock(&w->lock);
        w->idle++;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

bool workers_admit(workers *w)
{
    pthread_mutex_lock(&w->lock);
    bool room = w->waiting < w->queue + w->idle;
    if (room) w->waiting++;
    pthread_mutex_unlock(&w->lock);
    return room;
}

void workers_push(workers *w, job *j)
{
    pthread_mutex_lock(&w->lock);
    j->next = NULL;
    *w->last = j;
    w->last = &j->next;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

workers *workers_start(size_t count, size_t queue)
{
    workers *w = calloc(1, sizeof *w + count * sizeof *w->thread);
    pthread_attr_t attr;
    if (w == NULL) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->last = &w->first;
    w->queue = queue;
    w->idle = count; /* a thread that has not begun yet will take a job all the same */
    bool good = pthread_attr_init(&attr) == 0;
    if (good) pthread_attr_setstacksize(&attr, STACK);
    while (good && w->count < count) {
        good = pthread_create(&w->thread[w->count], &attr, serve, w) == 0;
        if (good) w->count++;
    }
    pthread_attr_destroy(&attr);
    if (good) return w;
    workers_stop(w);
    return NULL;
}

void workers_stop(workers *w)
{
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->count; i++) pthread_join(w->thread[i], NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
}
