/* metrics.c -- lock-free counters, and their text.
 *
 * Labels come from closed lists (routes and errors from the api, methods and statuses from here, a
 * last slot for everything else), so that no request can make a new time series. A histogram keeps
 * its sum as a whole number of a small unit, which an atomic can add.
 */
#include "metrics.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef atomic_uint_fast64_t counter;

enum { ROUTES_MAX = 48, BOUNDS_MAX = 18 };

static const char *const methods[] = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "other"};
static const int statuses[] = {200, 204, 400, 404, 405, 406, 413, 415, 417, 422, 499, 503, 504,
                               500};
static const char *const phases[API_PHASES] = {"parse", "compile", "evaluate", "encode"};
static const char *const rejections[] = {"bad_request", "expectation_failed", "body_too_large",
                                         "overloaded", "draining", "out_of_memory"};
static const char *const cancellations[] = {"deadline", "draining"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const double second_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                       0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10, 30};
static const double byte_bounds[] = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304,
                                     16777216, 67108864, 268435456};

typedef struct histogram {
    counter bucket[BOUNDS_MAX]; /* one for each bound, and one beyond */
    counter sum;                /* in nanoseconds, or bytes */
} histogram;

struct metrics {
    const char *version, *build;
    double started; /* seconds since 1970 */
    size_t routes;
    counter requests[ROUTES_MAX + 1][COUNT(methods)][COUNT(statuses)];
    histogram duration[ROUTES_MAX + 1];
    histogram size;
    histogram eval[API_PHASES];
    histogram wait;
    counter rejected[COUNT(rejections)];
    counter cancelled[COUNT(cancellations)];
    atomic_int_fast64_t inflight, depth;
};

static void add(counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static uint64_t read_counter(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void observe(histogram *h, const double *bounds, size_t n, double x, double unit)
{
    size_t i = 0;
    if (!(x > 0)) x = 0;
    while (i < n && x > bounds[i]) i++;
    add(&h->bucket[i], 1);
    add(&h->sum, (uint64_t)(x * unit));
}

static void observe_seconds(histogram *h, double x)
{
    observe(h, second_bounds, COUNT(second_bounds), x, 1e9);
}

/* The place of a text in a list; the list's last where it is not there. */
static size_t place(const char *const *list, size_t n, const char *text)
{
    size_t i = 0;
    while (i + 1 < n && (text == NULL || strcmp(list[i], text) != 0)) i++;
    return i;
}

static size_t route_place(const metrics *m, const char *route)
{
    for (size_t i = 0; i < m->routes; i++) {
        const char *name = api_route_name(i);
        if (name == route || (route != NULL && strcmp(name, route) == 0)) return i;
    }
    return m->routes;
}

static size_t status_place(int status)
{
    size_t i = 0;
    while (i + 1 < COUNT(statuses) && statuses[i] != status) i++;
    return i;
}

/* ---- the text -------------------------------------------------------------------------------- */

typedef struct writer {
    void (*write)(void *to, const char *text, size_t n);
    void *to;
} writer;

__attribute__((format(printf, 2, 3)))
static void print(const writer *w, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof line) w->write(w->to, line, (size_t)n);
}

static void head(const writer *w, const char *name, const char *type, const char *help)
{
    print(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* `label` is NULL or `name="value"`. */
static void print_histogram(const writer *w, const char *name, const char *label,
                            const histogram *h, const double *bounds, size_t n, double unit)
{
    uint64_t all = 0;
    const char *comma = label == NULL ? "" : ",";
    char braced[160] = "";
    if (label == NULL)
        label = "";
    else
        snprintf(braced, sizeof braced, "{%s}", label);
    for (size_t i = 0; i < n; i++) {
        all += read_counter(&h->bucket[i]);
        print(w, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, label, comma, bounds[i],
              (unsigned long long)all);
    }
    all += read_counter(&h->bucket[n]);
    print(w, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, comma, (unsigned long long)all);
    print(w, "%s_sum%s %.9g\n", name, braced, (double)read_counter(&h->sum) / unit);
    print(w, "%s_count%s %llu\n", name, braced, (unsigned long long)all);
}

static void print_seconds(const writer *w, const char *name, const char *label, const histogram *h)
{
    print_histogram(w, name, label, h, second_bounds, COUNT(second_bounds), 1e9);
}

static const char *route_label(const metrics *m, size_t i)
{
    return i < m->routes ? api_route_name(i) : "none";
}

static void print_requests(const metrics *m, const writer *w)
{
    head(w, "gradd_http_requests_total", "counter",
         "Requests answered, by route, method and status.");
    for (size_t r = 0; r <= m->routes; r++)
        for (size_t k = 0; k < COUNT(methods); k++)
            for (size_t s = 0; s < COUNT(statuses); s++) {
                uint64_t n = read_counter(&m->requests[r][k][s]);
                if (n == 0) continue;
                print(w, "gradd_http_requests_total{route=\"%s\",method=\"%s\",code=\"%d\"} %llu\n",
                      route_label(m, r), methods[k], statuses[s], (unsigned long long)n);
            }
    head(w, "gradd_http_request_duration_seconds", "histogram",
         "Time from the head of a request to the last byte of its answer.");
    for (size_t r = 0; r <= m->routes; r++) {
        char label[128];
        const histogram *h = &m->duration[r];
        uint64_t any = 0;
        for (size_t i = 0; i <= COUNT(second_bounds); i++) any += read_counter(&h->bucket[i]);
        if (any == 0) continue;
        snprintf(label, sizeof label, "route=\"%s\"", route_label(m, r));
        print_seconds(w, "gradd_http_request_duration_seconds", label, h);
    }
    head(w, "gradd_http_request_size_bytes", "histogram", "Bytes of the bodies of requests.");
    print_histogram(w, "gradd_http_request_size_bytes", NULL, &m->size, byte_bounds,
                    COUNT(byte_bounds), 1);
}

static void print_work(const metrics *m, const writer *w)
{
    head(w, "gradd_eval_seconds", "histogram", "Time spent in the phases of an evaluation.");
    for (size_t i = 0; i < API_PHASES; i++) {
        char label[32];
        snprintf(label, sizeof label, "phase=\"%s\"", phases[i]);
        print_seconds(w, "gradd_eval_seconds", label, &m->eval[i]);
    }
    head(w, "gradd_queue_depth", "gauge", "Requests waiting for a worker.");
    print(w, "gradd_queue_depth %lld\n", (long long)atomic_load(&m->depth));
    head(w, "gradd_queue_wait_seconds", "histogram", "Time that requests waited for a worker.");
    print_seconds(w, "gradd_queue_wait_seconds", NULL, &m->wait);
    head(w, "gradd_inflight_requests", "gauge", "Requests begun and not yet answered.");
    print(w, "gradd_inflight_requests %lld\n", (long long)metrics_inflight_now(m));
    head(w, "gradd_rejected_total", "counter", "Requests refused before they reached their route.");
    for (size_t i = 0; i < COUNT(rejections); i++)
        print(w, "gradd_rejected_total{reason=\"%s\"} %llu\n", rejections[i],
              (unsigned long long)read_counter(&m->rejected[i]));
    head(w, "gradd_cancelled_total", "counter", "Requests whose work was stopped.");
    for (size_t i = 0; i < COUNT(cancellations); i++)
        print(w, "gradd_cancelled_total{reason=\"%s\"} %llu\n", cancellations[i],
              (unsigned long long)read_counter(&m->cancelled[i]));
}

static unsigned long open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned long n = 0;
    if (d == NULL) return 0;
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long total, resident = 0;
    if (f == NULL) return 0;
    if (fscanf(f, "%lu %lu", &total, &resident) != 2) resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void print_process(const metrics *m, const writer *w)
{
    struct timespec cpu = {0};
    struct rlimit files = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrlimit(RLIMIT_NOFILE, &files);
    head(w, "process_cpu_seconds_total", "counter", "Processor time used.");
    print(w, "process_cpu_seconds_total %.6f\n", (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec);
    head(w, "process_resident_memory_bytes", "gauge", "Memory resident.");
    print(w, "process_resident_memory_bytes %.0f\n", resident_bytes());
    head(w, "process_open_fds", "gauge", "Open file descriptors.");
    print(w, "process_open_fds %lu\n", open_files());
    head(w, "process_max_fds", "gauge", "File descriptors that may be open.");
    print(w, "process_max_fds %.0f\n", (double)files.rlim_cur);
    head(w, "process_start_time_seconds", "gauge", "When the process started, since 1970.");
    print(w, "process_start_time_seconds %.3f\n", m->started);
}

/* ---- the outside ----------------------------------------------------------------------------- */

metrics *metrics_new(const char *version, const char *build)
{
    metrics *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    m->started = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    m->version = version;
    m->build = build;
    while (m->routes < ROUTES_MAX && api_route_name(m->routes) != NULL) m->routes++;
    return m;
}

void metrics_free(metrics *m)
{
    free(m);
}

void metrics_count_request(metrics *m, const metrics_request *r)
{
    size_t route = route_place(m, r->route);
    add(&m->requests[route][place(methods, COUNT(methods), r->method)][status_place(r->status)], 1);
    observe_seconds(&m->duration[route], r->seconds);
    observe(&m->size, byte_bounds, COUNT(byte_bounds), (double)r->bytes_in, 1);
    for (size_t i = 0; r->phase != NULL && i < API_PHASES; i++)
        if (r->phase[i] > 0) observe_seconds(&m->eval[i], r->phase[i]);
}

void metrics_count_rejected(metrics *m, const char *reason)
{
    add(&m->rejected[place(rejections, COUNT(rejections), reason)], 1);
}

void metrics_count_cancelled(metrics *m, const char *reason)
{
    add(&m->cancelled[place(cancellations, COUNT(cancellations), reason)], 1);
}

void metrics_inflight(metrics *m, int change)
{
    atomic_fetch_add(&m->inflight, change);
}

int64_t metrics_inflight_now(const metrics *m)
{
    return atomic_load(&m->inflight);
}

void metrics_queued(metrics *m)
{
    atomic_fetch_add(&m->depth, 1);
}

void metrics_dequeued(metrics *m, double waited)
{
    atomic_fetch_sub(&m->depth, 1);
    observe_seconds(&m->wait, waited);
}

void metrics_write(const metrics *m, void (*write)(void *to, const char *text, size_t n), void *to)
{
    writer w = {write, to};
    head(&w, "gradd_build_info", "gauge", "Always 1; the labels say what runs.");
    print(&w, "gradd_build_info{version=\"%s\",build=\"%s\"} 1\n", m->version, m->build);
    print_requests(m, &w);
    print_work(m, &w);
    print_process(m, &w);
}
