/* config.h -- the settings, and the command line and environment they are read from. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum server_log_level { LOG_EVENTS, LOG_REQUESTS } server_log_level;

typedef struct server_config {
    char listen[1024];     /* a list that listen_check likes */
    uint64_t workers;
    uint64_t queue;        /* requests that may wait for a worker */
    double inline_cost;    /* microseconds; 0: everything goes to the workers */
    uint64_t body_limit;   /* bytes */
    uint64_t node_limit, operand_limit, element_limit;
    uint64_t memory_limit; /* bytes a request; also of all bodies together */
    double timeout;        /* seconds */
    double idle_timeout;   /* seconds, whole */
    uint64_t connections;
    double drain_delay, drain_timeout; /* seconds */
    uint64_t log;          /* a server_log_level */
} server_config;

typedef enum server_action {
    ACTION_SERVE,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_CHECK,
    ACTION_HEALTHCHECK
} server_action;

/* Reads flags, then the environment (`env` is getenv but in tests), then defaults: what comes first
   counts. 0, or -1 with `why` holding one line that names the flag or variable at fault. For
   ACTION_HELP and ACTION_VERSION nothing else is looked at. */
int config_read(server_config *c, server_action *action, char **argv, char *(*env)(const char *),
                char *why, size_t room);

void config_help(FILE *to);                          /* from the table, with defaults and bounds */
void config_list(FILE *to, const server_config *c);  /* what was read, a line a setting */

#endif
