/* test_workers.c -- the queue, the watch over deadlines, and the buffer of a body. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "body.h"
#include "clock.h"
#include "watch.h"
#include "workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static atomic_int done;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;

static void count(job *j)
{
    (void)j;
    atomic_fetch_add(&done, 1);
}

static void wait_at_gate(job *j)
{
    pthread_mutex_lock(&gate_lock);
    pthread_mutex_unlock(&gate_lock);
    count(j);
}

static void nap(double seconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 1e9)}, NULL);
}

static void test_all_jobs_run(void **state)
{
    (void)state;
    static job jobs[1000];
    atomic_store(&done, 0);
    workers *w = workers_start(4, 1000);
    assert_non_null(w);
    for (int i = 0; i < 1000; i++) {
        jobs[i].run = count;
        assert_true(workers_admit(w));
        workers_push(w, &jobs[i]);
    }
    workers_stop(w); /* finishes what is queued */
    assert_int_equal(atomic_load(&done), 1000);
    workers_stop(NULL);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    static job jobs[3];
    atomic_store(&done, 0);
    workers *w = workers_start(1, 1);
    assert_non_null(w);
    pthread_mutex_lock(&gate_lock);
    for (int i = 0; i < 2; i++) { /* one for the thread, one to wait */
        jobs[i].run = wait_at_gate;
        assert_true(workers_admit(w));
    }
    assert_false(workers_admit(w)); /* places count from their reservation on */
    workers_push(w, &jobs[0]);
    workers_push(w, &jobs[1]);
    nap(0.05);
    assert_false(workers_admit(w));
    pthread_mutex_unlock(&gate_lock);
    while (atomic_load(&done) < 2) nap(0.001);
    nap(0.01);
    assert_true(workers_admit(w));
    jobs[2].run = count;
    workers_push(w, &jobs[2]);
    workers_stop(w);
    assert_int_equal(atomic_load(&done), 3);
}

static void test_no_queue(void **state)
{
    (void)state;
    static job j;
    workers *w = workers_start(2, 0);
    assert_non_null(w);
    assert_true(workers_admit(w));
    assert_true(workers_admit(w));
    assert_false(workers_admit(w));
    j.run = count;
    workers_push(w, &j);
    workers_stop(w);
}

static int flag_of(volatile int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void test_watch(void **state)
{
    (void)state;
    volatile int soon = 0, late = 0, gone = 0;
    double now = clock_seconds();
    watched a = {.stop = &soon, .deadline = now + 0.05};
    watched b = {.stop = &late, .deadline = now + 600};
    watched c = {.stop = &gone, .deadline = now + 0.05};
    watch *w = watch_start();
    assert_non_null(w);
    watch_add(w, &a);
    watch_add(w, &b);
    watch_add(w, &c);
    watch_remove(w, &c);
    while (!flag_of(&soon)) nap(0.005);
    assert_in_range((clock_seconds() - now) * 1e3, 49, 2000);
    assert_false(flag_of(&late));
    assert_false(flag_of(&gone));
    watch_stop_all(w);
    assert_true(flag_of(&late));
    watch_add(w, &c); /* from now on at once */
    assert_true(flag_of(&gone));
    watch_remove(w, &c);
    watch_remove(w, &a);
    watch_remove(w, &b);
    assert_true(a.stopped && b.stopped);
    watch_stop(w);
}

static void test_watch_wakes_again(void **state)
{
    (void)state;
    watch *w = watch_start();
    assert_non_null(w);
    for (int i = 0; i < 3; i++) {
        volatile int flag = 0;
        watched a = {.stop = &flag, .deadline = clock_seconds() + 0.01};
        nap(0.03); /* it sleeps while there is nothing to watch */
        watch_add(w, &a);
        while (!flag_of(&flag)) nap(0.005);
        watch_remove(w, &a);
    }
    watch_stop(w);
}

static void test_body_grows(void **state)
{
    (void)state;
    static char piece[3000];
    body_budget all = {.most = 1 << 20};
    body b = {.budget = &all, .limit = 300000};
    memset(piece, 'x', sizeof piece);
    body_expect(&b, 250000000);
    assert_in_range(b.room, 1, 70000); /* a claim is not believed */
    for (int i = 0; i < 100; i++) body_add(&b, piece, sizeof piece);
    assert_int_equal(b.state, BODY_GOOD);
    assert_int_equal(b.n, 300000);
    assert_int_equal(b.at[300000], 0);
    assert_int_equal(atomic_load(&all.held), b.room);
    body_add(&b, "y", 1); /* one byte over */
    assert_int_equal(b.state, BODY_TOO_LARGE);
    assert_null(b.at);
    assert_int_equal(atomic_load(&all.held), 0);
    body_add(&b, "y", 1);
    assert_int_equal(b.received, 300002);
    body_free(&b);
}

static void test_bodies_share_a_budget(void **state)
{
    (void)state;
    static char piece[60000];
    body_budget all = {.most = 100000};
    body a = {.budget = &all, .limit = 1000000}, b = a;
    body_add(&a, piece, sizeof piece);
    body_add(&b, piece, sizeof piece);
    assert_int_equal(a.state, BODY_GOOD);
    assert_int_equal(b.state, BODY_NO_ROOM);
    body_free(&a);
    assert_int_equal(atomic_load(&all.held), 0);
    b = (body){.budget = &all, .limit = 1000000};
    body_add(&b, piece, sizeof piece);
    assert_int_equal(b.state, BODY_GOOD);
    body_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_jobs_run), cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_no_queue),     cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_wakes_again), cmocka_unit_test(test_body_grows),
        cmocka_unit_test(test_bodies_share_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
