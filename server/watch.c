/* watch.c -- a thread that looks at a list of requests every few milliseconds.
 *
 * The list holds what is queued or run by a worker, and requests whose body is not complete, so it
 * is short, and a look at all of it costs less than an order would. When it has been empty for a
 * second the thread sleeps.
 *
 * Why bodies: libmicrohttpd 0.9.75 waits for edges of readiness, and takes a short read to mean
 * that nothing is left. Where a client sent a part of a request and closed at once, its end was
 * there before that read, no further edge comes, and the connection would stand until the idle
 * timeout. Shutting it down makes an edge.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "watch.h"

#include "clock.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const long TICK = 20 * 1000 * 1000; /* nanoseconds */
enum {
    PEER_TICKS = 10, /* ticks between two looks at clients */
    IDLE_TICKS = 50  /* empty ones before it sleeps, so that a busy service need not wake it */
};

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    watched list; /* a ring through this head */
    bool stopping, ending, asleep;
};

static void set(watched *x)
{
    x->stopped = true;
    __atomic_store_n(x->stop, 1, __ATOMIC_RELAXED);
}

/* Has the client sent all that it will send, and has all of it been read? Twice in a row, for what
   was read may still be on its way through the library. */
static void look_at_client(watched *x)
{
    struct pollfd p = {.fd = x->fd, .events = POLLRDHUP};
    int unread = 0;
    bool silent = poll(&p, 1, 0) == 1 && ioctl(x->fd, FIONREAD, &unread) == 0 && unread == 0;
    if (silent && x->silent) shutdown(x->fd, SHUT_RDWR);
    x->silent = silent;
}

static void look_at_all(watch *w, bool clients)
{
    double now = clock_seconds();
    for (watched *x = w->list.next; x != &w->list; x = x->next) {
        if (x->stop != NULL && now >= x->deadline) set(x);
        if (x->stop == NULL && clients) look_at_client(x);
    }
}

static void *look(void *cls)
{
    watch *w = cls;
    unsigned idle = 0;
    pthread_mutex_lock(&w->lock);
    for (unsigned tick = 1; !w->ending; tick++) {
        idle = w->list.next == &w->list ? idle + 1 : 0;
        if (idle > IDLE_TICKS) {
            w->asleep = true;
            pthread_cond_wait(&w->more, &w->lock);
            w->asleep = false;
            idle = 0;
            continue;
        }
        look_at_all(w, tick % PEER_TICKS == 0);
        pthread_mutex_unlock(&w->lock);
        nanosleep(&(struct timespec){.tv_nsec = TICK}, NULL);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

watch *watch_start(void)
{
    watch *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->list.next = w->list.before = &w->list;
    if (pthread_create(&w->thread, NULL, look, w) == 0) return w;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
    return NULL;
}

void watch_stop(watch *w)
{
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
}

void watch_add(watch *w, watched *x)
{
    x->stopped = x->silent = false;
    pthread_mutex_lock(&w->lock);
    x->next = &w->list;
    x->before = w->list.before;
    x->before->next = x;
    w->list.before = x;
    if (w->stopping && x->stop != NULL) set(x);
    if (w->asleep) pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

void watch_remove(watch *w, watched *x)
{
    pthread_mutex_lock(&w->lock);
    x->before->next = x->next;
    x->next->before = x->before;
    pthread_mutex_unlock(&w->lock);
}

void watch_stop_all(watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    for (watched *x = w->list.next; x != &w->list; x = x->next)
        if (x->stop != NULL) set(x);
    pthread_mutex_unlock(&w->lock);
}
