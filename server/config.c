/* config.c -- one table of settings: flag, variable, default, bounds, doc line.
 *
 * A row is all there is to a setting: the environment variable is GRADD_ and the flag's name in
 * capitals, and --help, --check, the checks and the messages are made from the row. To add one, add
 * a member to server_config and a row. A variable that is empty counts as absent; variables that no
 * row names are left alone, for orchestrators set GRADD_… names of their own.
 */
#include "config.h"

#include "listen.h"
#include "machine.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { ADDRESSES, COUNT, BYTES, SECONDS, WHOLE_SECONDS, MICROSECONDS, WORD } kind;

typedef struct setting {
    const char *flag;
    kind kind;
    size_t at;                   /* the member's offset in server_config */
    const char *preset;          /* the default as text, or NULL where the machine tells */
    uint64_t (*machine)(void);
    double low, high;            /* bounds, both allowed */
    const char *const *words;    /* of a WORD, ended by NULL; the value is the index */
    const char *doc;
} setting;

static const double KIB = 1024, MIB = 1048576, GIB = 1073741824;

static const char *const log_words[] = {"events", "requests", NULL};

static uint64_t own_cpus(void)
{
    return machine_cpus("");
}

static uint64_t own_memory(void)
{
    uint64_t half = machine_memory("") / 2, most = (uint64_t)2 << 30;
    return half < most ? half : most;
}

static uint64_t own_connections(void)
{
    uint64_t files = machine_files(), most = 10000;
    if (files < 128) return files > 64 ? files - 64 : 1;
    return files - 64 < most ? files - 64 : most;
}

#define AT(member) offsetof(server_config, member)

/* clang-format off */
static const setting settings[] = {
    {"listen", ADDRESSES, AT(listen), "localhost:8080", NULL, 0, 0, NULL,
     "addresses to listen on, separated by commas; the flag may be repeated. localhost is "
     "127.0.0.1 and ::1, no host or * is every address, port 0 picks a free one"},
    {"workers", COUNT, AT(workers), NULL, own_cpus, 1, 1024, NULL,
     "threads that evaluate; by default as many as there are processors for us"},
    {"queue", COUNT, AT(queue), "256", NULL, 0, 1e6, NULL,
     "requests that may wait for a worker; one more is answered 503"},
    {"inline-cost", MICROSECONDS, AT(inline_cost), "50", NULL, 0, 1e6, NULL,
     "requests estimated to take no longer are answered without a worker; 0: none"},
    {"body-limit", BYTES, AT(body_limit), "256MiB", NULL, 1, 4294967296, NULL,
     "bytes of a request's body"},
    {"node-limit", COUNT, AT(node_limit), "2000000", NULL, 1, 1e8, NULL,
     "nodes of a graph"},
    {"operand-limit", COUNT, AT(operand_limit), "1000000", NULL, 1, 1e8, NULL,
     "operands of a node"},
    {"element-limit", COUNT, AT(element_limit), "100000000", NULL, 1, 1e12, NULL,
     "elements of a tensor"},
    {"memory-limit", BYTES, AT(memory_limit), NULL, own_memory, 1048576, 1099511627776, NULL,
     "bytes a request may take, its body and answer included, and all bodies together; by default "
     "2GiB, or half of the memory there is for us if that is less"},
    {"timeout", SECONDS, AT(timeout), "30", NULL, 0.001, 86400, NULL,
     "time from the last byte of a request to its answer; what takes longer is answered 504"},
    {"idle-timeout", WHOLE_SECONDS, AT(idle_timeout), "60", NULL, 1, 86400, NULL,
     "a connection on which nothing moves for so long is closed"},
    {"connections", COUNT, AT(connections), NULL, own_connections, 1, 1e6, NULL,
     "connections open at once; by default what the limit on open files allows, at most 10000"},
    {"drain-delay", SECONDS, AT(drain_delay), "0", NULL, 0, 3600, NULL,
     "after SIGTERM, time in which new connections are still taken while /readyz says 503"},
    {"drain-timeout", SECONDS, AT(drain_timeout), "30", NULL, 0, 3600, NULL,
     "after that, time that requests under way have to finish"},
    {"log", WORD, AT(log), "events", NULL, 0, 0, log_words,
     "what to write to standard error: events (start, stop, warnings), or requests as well, a line "
     "of JSON each"},
    {NULL, 0, 0, NULL, NULL, 0, 0, NULL, NULL}
};

static const struct { const char *flag; server_action action; const char *doc; } actions[] = {
    {"help", ACTION_HELP, "print this and exit"},
    {"version", ACTION_VERSION, "print the version and exit"},
    {"check", ACTION_CHECK, "read the settings, list them, and exit"},
    {"healthcheck", ACTION_HEALTHCHECK,
     "ask the service at the first address of --listen how it is; exit with 0 if it is well, "
     "1 if not"},
    {NULL, ACTION_SERVE, NULL}
};
/* clang-format on */

static const struct {
    const char *suffix;
    double factor;
} units[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0}};

__attribute__((format(printf, 3, 4)))
static int explain(char *why, size_t room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, room, format, args);
    va_end(args);
    return -1;
}

static void variable_name(char *to, size_t room, const setting *s)
{
    snprintf(to, room, "GRADD_%s", s->flag);
    for (char *c = to; *c != '\0'; c++) *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

static bool is_whole(kind k)
{
    return k == COUNT || k == BYTES;
}

/* A number of a row's kind as a person would write it. */
static void write_number(char *to, size_t room, kind k, double x)
{
    const char *suffix = "";
    if (k == BYTES) {
        const double sizes[] = {GIB, MIB, KIB};
        const char *names[] = {"GiB", "MiB", "KiB"};
        for (int i = 0; i < 3 && suffix[0] == '\0'; i++)
            if (x >= sizes[i] && fmod(x, sizes[i]) == 0) {
                suffix = names[i];
                x /= sizes[i];
            }
    }
    snprintf(to, room, "%.15g%s", x, suffix);
}

static void write_value(char *to, size_t room, const setting *s, const void *config)
{
    const char *at = (const char *)config + s->at;
    if (s->kind == ADDRESSES)
        snprintf(to, room, "%s", at);
    else if (s->kind == WORD)
        snprintf(to, room, "%s", s->words[*(const uint64_t *)(const void *)at]);
    else if (is_whole(s->kind))
        write_number(to, room, s->kind, (double)*(const uint64_t *)(const void *)at);
    else
        write_number(to, room, s->kind, *(const double *)(const void *)at);
}

static const char *kind_name(kind k)
{
    switch (k) {
    case COUNT: return "a whole number";
    case BYTES: return "a size such as 64KiB, 256MiB or 2GiB";
    case WHOLE_SECONDS: return "whole seconds";
    case MICROSECONDS: return "microseconds";
    default: return "seconds";
    }
}

static int read_number(void *config, const setting *s, const char *text, char *why, size_t room)
{
    char *end, low[40], high[40];
    double x = 0;
    bool good = isdigit((unsigned char)text[0]) != 0;
    /* Digits and a point only: strtod would also read "inf", "0x10" and "1e3". */
    size_t n = strspn(text, "0123456789.");
    if (good) {
        char digits[32];
        good = n < sizeof digits;
        if (good) {
            memcpy(digits, text, n);
            digits[n] = '\0';
            x = strtod(digits, &end);
            good = *end == '\0';
        }
    }
    size_t unit = 0;
    while (good && units[unit].suffix != NULL && strcmp(text + n, units[unit].suffix) != 0) unit++;
    good = good && units[unit].suffix != NULL && (unit == 0 || s->kind == BYTES);
    if (good) x *= units[unit].factor;
    bool whole = is_whole(s->kind) || s->kind == WHOLE_SECONDS;
    if (!good || (whole && floor(x) != x) || x < s->low || x > s->high) {
        write_number(low, sizeof low, s->kind, s->low);
        write_number(high, sizeof high, s->kind, s->high);
        return explain(why, room, "expected %s from %s to %s, found \"%.60s\"", kind_name(s->kind),
                       low, high, text);
    }
    void *at = (char *)config + s->at;
    if (is_whole(s->kind))
        *(uint64_t *)at = (uint64_t)x;
    else
        *(double *)at = x;
    return 0;
}

static int read_value(server_config *c, const setting *s, const char *text, char *why, size_t room)
{
    if (s->kind == ADDRESSES) {
        if (strlen(text) >= sizeof c->listen) return explain(why, room, "the list is too long");
        if (!listen_check(text, why, room)) return -1;
        memmove(c->listen, text, strlen(text) + 1);
        return 0;
    }
    if (s->kind == WORD) {
        for (uint64_t i = 0; s->words[i] != NULL; i++)
            if (strcmp(text, s->words[i]) == 0) {
                *(uint64_t *)(void *)((char *)c + s->at) = i;
                return 0;
            }
        int n = snprintf(why, room, "expected one of");
        for (size_t i = 0; s->words[i] != NULL && n > 0 && (size_t)n < room; i++)
            n += snprintf(why + n, room - (size_t)n, " %s", s->words[i]);
        if (n > 0 && (size_t)n < room)
            snprintf(why + n, room - (size_t)n, ", found \"%.60s\"", text);
        return -1;
    }
    return read_number(c, s, text, why, room);
}

static void set_default(server_config *c, const setting *s)
{
    char why[8];
    if (s->preset != NULL)
        read_value(c, s, s->preset, why, sizeof why);
    else
        *(uint64_t *)(void *)((char *)c + s->at) = s->machine();
}

/* What one argument says: a row and its text, or an action. */
static int read_argument(char ***argv, const setting **s, const char **text, server_action *action,
                         char *why, size_t room)
{
    const char *arg = **argv;
    if (strncmp(arg, "--", 2) != 0)
        return explain(why, room, "unexpected argument \"%.60s\" (settings are --NAME VALUE)", arg);
    const char *name = arg + 2;
    size_t n = strcspn(name, "=");
    for (size_t i = 0; actions[i].flag != NULL; i++)
        if (strcmp(name, actions[i].flag) == 0) {
            *action = actions[i].action;
            return 0;
        }
    for (*s = settings; (*s)->flag != NULL; (*s)++)
        if (strlen((*s)->flag) == n && memcmp((*s)->flag, name, n) == 0) break;
    if ((*s)->flag == NULL)
        return explain(why, room, "unknown setting --%.60s (gradd --help lists them)", name);
    *text = name[n] == '=' ? name + n + 1 : *++*argv;
    if (*text == NULL) return explain(why, room, "--%s: a value is missing", (*s)->flag);
    return 0;
}

/* Puts what a flag or a variable says in front of a message about its value. */
static int blame(const char *source, char *why, size_t room)
{
    char what[512];
    snprintf(what, sizeof what, "%s", why);
    return explain(why, room, "%s: %s", source, what);
}

/* Repeated flags of a list add up; of all others the last one counts. */
static int read_flag(server_config *c, bool *given, const setting *s, const char *text, char *why,
                     size_t room)
{
    char flag[40], list[2 * sizeof c->listen + 8];
    if (s->kind == ADDRESSES && given[s - settings]) {
        snprintf(list, sizeof list, "%s,%.1024s", c->listen, text);
        text = list;
    }
    given[s - settings] = true;
    snprintf(flag, sizeof flag, "--%s", s->flag);
    return read_value(c, s, text, why, room) != 0 ? blame(flag, why, room) : 0;
}

int config_read(server_config *c, server_action *action, char **argv, char *(*env)(const char *),
                char *why, size_t room)
{
    bool given[sizeof settings / sizeof *settings] = {false};
    *action = ACTION_SERVE;
    memset(c, 0, sizeof *c);
    for (char **a = argv + 1; *a != NULL; a++) {
        const setting *s = NULL;
        const char *text = NULL;
        if (read_argument(&a, &s, &text, action, why, room) != 0) return -1;
        if (*action == ACTION_HELP || *action == ACTION_VERSION) return 0;
        if (s != NULL && read_flag(c, given, s, text, why, room) != 0) return -1;
    }
    for (const setting *s = settings; s->flag != NULL; s++) {
        char variable[48];
        if (given[s - settings]) continue;
        variable_name(variable, sizeof variable, s);
        const char *text = env(variable);
        if (text == NULL || text[0] == '\0')
            set_default(c, s);
        else if (read_value(c, s, text, why, room) != 0)
            return blame(variable, why, room);
    }
    return 0;
}

/* Prints text folded to 80 columns and indented. */
static void print_folded(FILE *to, const char *text)
{
    enum { INDENT = 6, WIDTH = 80 };
    int column = WIDTH;
    while (*text != '\0') {
        int n = (int)strcspn(text, " ");
        if (column + 1 + n > WIDTH) {
            fprintf(to, "\n%*s%.*s", INDENT, "", n, text);
            column = INDENT + n;
        } else {
            fprintf(to, " %.*s", n, text);
            column += 1 + n;
        }
        text += n + (text[n] == ' ');
    }
}

static void print_setting(FILE *to, const setting *s)
{
    static const char *const values[] = {"HOST:PORT[,…]", "N", "SIZE", "SECONDS", "SECONDS",
                                         "MICROSECONDS"};
    server_config c = {0};
    char variable[48], preset[sizeof c.listen], line[2048];
    set_default(&c, s);
    write_value(preset, sizeof preset, s, &c);
    variable_name(variable, sizeof variable, s);
    fprintf(to, "  --%s %s", s->flag, s->kind == WORD ? s->words[0] : values[s->kind]);
    for (size_t i = 1; s->kind == WORD && s->words[i] != NULL; i++) fprintf(to, "|%s", s->words[i]);
    print_folded(to, s->doc);
    int n = snprintf(line, sizeof line, "[%s; default %s", variable, preset);
    if (s->kind != ADDRESSES && s->kind != WORD && n > 0 && (size_t)n < sizeof line) {
        char low[40], high[40];
        write_number(low, sizeof low, s->kind, s->low);
        write_number(high, sizeof high, s->kind, s->high);
        snprintf(line + n, sizeof line - (size_t)n, "; from %s to %s", low, high);
    }
    print_folded(to, line);
    fprintf(to, "]\n");
}

void config_help(FILE *to)
{
    fprintf(to, "gradd answers computational graphs with their values and gradients, over HTTP.\n"
                "\nusage: gradd [--SETTING VALUE]…\n"
                "\nEvery setting is a flag and, in brackets, an environment variable; the flag "
                "wins.\n\n");
    for (const setting *s = settings; s->flag != NULL; s++) print_setting(to, s);
    fprintf(to, "\nInstead of serving:\n\n");
    for (size_t i = 0; actions[i].flag != NULL; i++) {
        fprintf(to, "  --%s", actions[i].flag);
        print_folded(to, actions[i].doc);
        fprintf(to, "\n");
    }
    fprintf(to, "\nSIGTERM and SIGINT finish what is under way and exit with 0; a second one exits "
                "at once.\n");
}

void config_list(FILE *to, const server_config *c)
{
    char value[sizeof c->listen];
    for (const setting *s = settings; s->flag != NULL; s++) {
        write_value(value, sizeof value, s, c);
        fprintf(to, "%s = %s\n", s->flag, value);
    }
}
