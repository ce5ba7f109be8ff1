/* main.c -- the life of the service, from its settings to its exit status.
 *
 * Exit status: 0 after an orderly end, 1 where something failed or the end was forced, 2 for a bad
 * setting.
 */
#include "cpu.h"
#include "drain.h"
#include "log.h"
#include "probe.h"
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#ifndef GRAD_VERSION
#define GRAD_VERSION "0"
#endif
#ifndef GRADD_BUILD
#define GRADD_BUILD "unknown"
#endif

/* The signals that end the service; blocked everywhere, awaited here. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

static void allow_files(uint64_t connections)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= connections + 64) return;
    files.rlim_cur = connections + 64 < files.rlim_max ? connections + 64 : files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* "http://127.0.0.1:8080 and http://[::1]:8080" */
static void name_all(char *to, size_t room, const listener *l, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(to + at, room - at, "%s%s", i > 0 ? " and " : "", l[i].url);
}

static int serve(const server_config *config, char **argv)
{
    server s;
    listener l[LISTEN_MAX];
    char why[512] = "cannot start a thread", urls[LISTEN_MAX * (LISTEN_URL_ROOM + 5)];
    sigset_t signals = block_signals();
    cpu_correct_kernels(argv);
    allow_files(config->connections);
    int n = listen_open(l, config->listen, why, sizeof why);
    name_all(urls, sizeof urls, l, n);
    if (n < 0 || log_start() != 0 ||
        server_start(&s, config, l, n, GRAD_VERSION, GRADD_BUILD, why, sizeof why) != 0) {
        log_event("%s", why);
        log_stop();
        return EXIT_FAILURE;
    }
    log_event("version %s (%s), %llu workers, %s kernels", GRAD_VERSION, GRADD_BUILD,
              (unsigned long long)config->workers, api_blas_kernels());
    log_event("ready on %s", urls);
    int signal_number;
    sigwait(&signals, &signal_number);
    return drain(&s, &signals) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    server_config config;
    server_action action;
    char why[1024];
    (void)argc;
    if (config_read(&config, &action, argv, getenv, why, sizeof why) != 0) {
        fprintf(stderr, "gradd: %s\n", why);
        return 2;
    }
    switch (action) {
    case ACTION_HELP: config_help(stdout); return EXIT_SUCCESS;
    case ACTION_VERSION: printf("gradd %s (%s)\n", GRAD_VERSION, GRADD_BUILD); return EXIT_SUCCESS;
    case ACTION_CHECK: config_list(stdout, &config); return EXIT_SUCCESS;
    case ACTION_HEALTHCHECK:
        if (probe(config.listen, why, sizeof why)) return EXIT_SUCCESS;
        fprintf(stderr, "gradd: %s\n", why);
        return EXIT_FAILURE;
    case ACTION_SERVE: break;
    }
    return serve(&config, argv);
}
