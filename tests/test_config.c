/* test_config.c -- settings from flags, environment and defaults, and complaints about bad ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "config.h"
#include "listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An environment of up to two variables. */
static const char *env_name[2], *env_value[2];

static char *env(const char *name)
{
    for (int i = 0; i < 2; i++)
        if (env_name[i] != NULL && strcmp(env_name[i], name) == 0)
            return (char *)(uintptr_t)env_value[i];
    return NULL;
}

static void set_env(const char *a, const char *va, const char *b, const char *vb)
{
    env_name[0] = a;
    env_value[0] = va;
    env_name[1] = b;
    env_value[1] = vb;
}

static char why[512];
static server_action action;

/* Reads the settings of a command line given as words, NULL at the end. */
static int read_line(server_config *c, ...)
{
    char *argv[16] = {(char *)(uintptr_t) "gradd"};
    va_list list;
    va_start(list, c);
    for (int i = 1; i < 15; i++) {
        argv[i] = va_arg(list, char *);
        if (argv[i] == NULL) break;
    }
    va_end(list);
    why[0] = '\0';
    return config_read(c, &action, argv, env, why, sizeof why);
}

static void test_defaults(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, NULL), 0);
    assert_int_equal(action, ACTION_SERVE);
    assert_string_equal(c.listen, "localhost:8080");
    assert_in_range(c.workers, 1, 1024);
    assert_int_equal(c.queue, 256);
    assert_true(c.inline_cost == 50);
    assert_int_equal(c.body_limit, 256u << 20);
    assert_int_equal(c.node_limit, 2000000);
    assert_int_equal(c.operand_limit, 1000000);
    assert_int_equal(c.element_limit, 100000000);
    assert_in_range(c.memory_limit, 1, (uint64_t)2 << 30);
    assert_true(c.timeout == 30);
    assert_true(c.drain_delay == 0);
    assert_true(c.drain_timeout == 30);
    assert_in_range(c.connections, 1, 10000);
    assert_int_equal(c.log, LOG_EVENTS);
}

static void test_flags(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--workers", "3", "--queue=0", "--timeout", "0.05",
                               "--body-limit", "64KiB", "--memory-limit=1.5GiB", "--log",
                               "requests", NULL),
                     0);
    assert_int_equal(c.workers, 3);
    assert_int_equal(c.queue, 0);
    assert_true(c.timeout == 0.05);
    assert_int_equal(c.body_limit, 65536);
    assert_int_equal(c.memory_limit, 3u << 29);
    assert_int_equal(c.log, LOG_REQUESTS);
}

static void test_last_flag_counts(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--workers", "3", "--workers", "5", NULL), 0);
    assert_int_equal(c.workers, 5);
}

static void test_listen_adds_up(void **state)
{
    (void)state;
    server_config c;
    set_env("GRADD_LISTEN", "10.0.0.1:1", NULL, NULL);
    assert_int_equal(read_line(&c, "--listen", "127.0.0.1:0", "--listen", "[::1]:81", NULL), 0);
    assert_string_equal(c.listen, "127.0.0.1:0,[::1]:81");
}

static void test_environment(void **state)
{
    (void)state;
    server_config c;
    set_env("GRADD_WORKERS", "7", "GRADD_DRAIN_DELAY", "2.5");
    assert_int_equal(read_line(&c, NULL), 0);
    assert_int_equal(c.workers, 7);
    assert_true(c.drain_delay == 2.5);
    assert_int_equal(read_line(&c, "--workers", "2", NULL), 0);
    assert_int_equal(c.workers, 2);
    set_env("GRADD_QUEUE", "", "GRADD_PORT", "tcp://10.0.0.1:8080");
    assert_int_equal(read_line(&c, NULL), 0);
    assert_int_equal(c.queue, 256);
}

static void test_actions(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--help", "--nonsense", NULL), 0);
    assert_int_equal(action, ACTION_HELP);
    assert_int_equal(read_line(&c, "--version", NULL), 0);
    assert_int_equal(action, ACTION_VERSION);
    assert_int_equal(read_line(&c, "--check", "--workers", "9", NULL), 0);
    assert_int_equal(action, ACTION_CHECK);
    assert_int_equal(c.workers, 9);
    assert_int_equal(read_line(&c, "--healthcheck", NULL), 0);
    assert_int_equal(action, ACTION_HEALTHCHECK);
}

static void test_bounds(void **state)
{
    (void)state;
    static const struct { const char *flag, *low, *below, *high, *above; } rows[] = {
        {"--workers", "1", "0", "1024", "1025"},
        {"--queue", "0", "-1", "1000000", "1000001"},
        {"--inline-cost", "0", "-1", "1000000", "1000001"},
        {"--body-limit", "1", "0", "4GiB", "5GiB"},
        {"--memory-limit", "1MiB", "1023KiB", "1024GiB", "1025GiB"},
        {"--timeout", "0.001", "0.0009", "86400", "86401"},
        {"--idle-timeout", "1", "0", "86400", "86401"},
        {"--drain-delay", "0", "-1", "3600", "3600.1"},
    };
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_line(&c, rows[i].flag, rows[i].low, NULL), 0);
        assert_int_equal(read_line(&c, rows[i].flag, rows[i].high, NULL), 0);
        assert_int_equal(read_line(&c, rows[i].flag, rows[i].below, NULL), -1);
        assert_int_equal(read_line(&c, rows[i].flag, rows[i].above, NULL), -1);
        assert_non_null(strstr(why, rows[i].flag));
        assert_null(strchr(why, '\n'));
    }
}

static void test_bad_values(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    const char *bad[] = {"", "x", "3x", "1.5", "1e3", "0x10", "inf", "nan", " 3", "3 ", "+3",
                         "3KiB", "1..2", "1234567890123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_line(&c, "--workers", bad[i], NULL), -1);
    const char *sizes[] = {"64kb", "64 KiB", "KiB", "0.3B", "-1KiB", "1TiB"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_int_equal(read_line(&c, "--body-limit", sizes[i], NULL), -1);
}

static void test_messages(void **state)
{
    (void)state;
    server_config c;
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--workers", "x", NULL), -1);
    assert_string_equal(why, "--workers: expected a whole number from 1 to 1024, found \"x\"");
    assert_int_equal(read_line(&c, "--log", "all", NULL), -1);
    assert_string_equal(why, "--log: expected one of events requests, found \"all\"");
    assert_int_equal(read_line(&c, "--wrokers", "1", NULL), -1);
    assert_string_equal(why, "unknown setting --wrokers (gradd --help lists them)");
    assert_int_equal(read_line(&c, "8080", NULL), -1);
    assert_string_equal(why, "unexpected argument \"8080\" (settings are --NAME VALUE)");
    assert_int_equal(read_line(&c, "--workers", NULL), -1);
    assert_string_equal(why, "--workers: a value is missing");
    set_env("GRADD_BODY_LIMIT", "0", NULL, NULL);
    assert_int_equal(read_line(&c, NULL), -1);
    assert_string_equal(why, "GRADD_BODY_LIMIT: expected a size such as 64KiB, 256MiB or 2GiB "
                             "from 1 to 4GiB, found \"0\"");
}

static void test_addresses(void **state)
{
    (void)state;
    const char *good[] = {"localhost:8080", ":8080", "*:80", "[::1]:0", "0.0.0.0:65535",
                          "a.example:1, b.example:2", "[::]:8080"};
    const char *bad[] = {"", ",", "8080", "localhost", "localhost:", "localhost:x", "a:65536",
                         "::1:8080", "[::1]8080", "[::1", "a:-1", "a:123456", "a:1,b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(listen_check(good[i], why, sizeof why));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(listen_check(bad[i], why, sizeof why));
    listen_place p;
    const char *text = " [fe80::1]:80 ,*:0081";
    assert_true(listen_next(&text, &p));
    assert_string_equal(p.host, "fe80::1");
    assert_string_equal(p.port, "80");
    assert_true(listen_next(&text, &p));
    assert_string_equal(p.host, "");
    assert_string_equal(p.port, "81");
    assert_false(listen_next(&text, &p));
}

static void test_long_list(void **state)
{
    (void)state;
    server_config c;
    char *text = malloc(4000);
    assert_non_null(text);
    memset(text, 'a', 3999);
    text[3999] = '\0';
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--listen", text, NULL), -1);
    assert_int_equal(read_line(&c, "--listen", "a:1", "--listen", text, NULL), -1);
    free(text);
}

/* Every setting that --check lists is in --help, and what it lists can be read again. */
static void test_help_and_check(void **state)
{
    (void)state;
    server_config c, again;
    static char help[16384], list[4096];
    set_env(NULL, NULL, NULL, NULL);
    assert_int_equal(read_line(&c, "--timeout", "1.25", "--body-limit", "5KiB", NULL), 0);
    FILE *f = fmemopen(help, sizeof help, "w");
    config_help(f);
    fclose(f);
    f = fmemopen(list, sizeof list, "w");
    config_list(f, &c);
    fclose(f);
    assert_non_null(strstr(help, "--healthcheck"));
    assert_non_null(strstr(help, "GRADD_INLINE_COST; default 50; from 0 to 1000000]"));
    int settings = 0;
    for (char *rest = NULL, *line = strtok_r(list, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), settings++) {
        char name[40], flag[48], value[64];
        assert_int_equal(sscanf(line, "%39s = %63s", name, value), 2);
        snprintf(flag, sizeof flag, "--%s", name);
        assert_non_null(strstr(help, flag));
        assert_int_equal(read_line(&again, flag, value, NULL), 0);
    }
    assert_int_equal(settings, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_flags),
        cmocka_unit_test(test_last_flag_counts), cmocka_unit_test(test_listen_adds_up),
        cmocka_unit_test(test_environment),    cmocka_unit_test(test_actions),
        cmocka_unit_test(test_bounds),         cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_messages),       cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_long_list),      cmocka_unit_test(test_help_and_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
