/* machine.c -- processors, memory and descriptors: what we may use, not what is there.
 *
 * A container's share is written in its control group, in one of two layouts. In version 2 there is
 * one hierarchy ("0::/path" in /proc/self/cgroup) and a limit may stand in any ancestor. In version
 * 1 each controller has a hierarchy of its own. Inside a container the path is often the host's and
 * not visible, so the hierarchy's root is looked at as well. Whatever cannot be read is no limit.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_ROOM = 1024 };

/* Reads one small file as text. */
static bool read_text(const char *path, char *to, size_t room)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) return false;
    size_t n = fread(to, 1, room - 1, f);
    to[n] = '\0';
    fclose(f);
    return n > 0;
}

static bool read_limit(const char *path, uint64_t *to)
{
    char text[64];
    if (!read_text(path, text, sizeof text)) return false;
    char *end;
    unsigned long long x = strtoull(text, &end, 10);
    if (end == text) return false; /* "max", or "-1" read as a huge number */
    *to = x;
    return true;
}

/* Calls `look` for the directory of our group and every directory above it. */
static void climb(const char *mount, const char *group,
                  void (*look)(const char *directory, void *found), void *found)
{
    char path[PATH_ROOM];
    int n = snprintf(path, sizeof path, "%s%s", mount, group);
    if (n < 0 || (size_t)n >= sizeof path) return;
    size_t top = strlen(mount);
    for (;;) {
        look(path, found);
        char *slash = strrchr(path + top, '/');
        if (slash == NULL) return;
        *slash = '\0';
    }
}

/* Is `name` among the comma-separated `list`? */
static bool has_name(const char *list, const char *name)
{
    for (size_t n; *list != '\0'; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        if (n == strlen(name) && memcmp(list, name, n) == 0) return true;
    }
    return false;
}

/* Finds our groups and climbs from each: version 2's, and version 1's of one controller. */
static void each_group(const char *root, const char *controller,
                       void (*look)(const char *directory, void *found), void *found)
{
    char path[PATH_ROOM], text[4096], mount[PATH_ROOM];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(path, text, sizeof text)) return;
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *names = strchr(line, ':');
        char *group = names == NULL ? NULL : strchr(names + 1, ':');
        if (group == NULL) continue;
        names++;
        *group++ = '\0';
        if (names[0] == '\0') {
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        } else {
            /* "cpu,cpuacct": the directory has the list's name, and links for each. */
            if (!has_name(names, controller)) continue;
            snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controller);
        }
        climb(mount, strcmp(group, "/") == 0 ? "" : group, look, found);
    }
}

static void look_at_memory(const char *directory, void *found)
{
    uint64_t *least = found, x;
    char path[PATH_ROOM + 32];
    const char *names[] = {"memory.max", "memory.limit_in_bytes"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        if (read_limit(path, &x) && x > 0 && x < *least) *least = x;
    }
}

static void keep_share(double quota, double period, double *least)
{
    if (quota > 0 && period > 0 && quota / period < *least) *least = quota / period;
}

static void look_at_cpus(const char *directory, void *found)
{
    char path[PATH_ROOM + 32], text[64];
    snprintf(path, sizeof path, "%s/cpu.max", directory);
    double quota, period;
    if (read_text(path, text, sizeof text) && sscanf(text, "%lf %lf", &quota, &period) == 2)
        keep_share(quota, period, found);
    uint64_t q, p;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
    if (!read_limit(path, &p)) return;
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
    if (read_limit(path, &q) && q < UINT64_MAX / 2) keep_share((double)q, (double)p, found);
}

uint64_t machine_cpus(const char *root)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    double cpus = online > 0 ? (double)online : 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        cpus = CPU_COUNT(&set);
    each_group(root, "cpu", look_at_cpus, &cpus);
    uint64_t whole = (uint64_t)cpus;
    if ((double)whole < cpus) whole++; /* a share of one and a half needs two threads */
    return whole > 0 ? whole : 1;
}

uint64_t machine_memory(const char *root)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
    each_group(root, "memory", look_at_memory, &bytes);
    return bytes;
}

uint64_t machine_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 1024;
    return files.rlim_max == RLIM_INFINITY ? UINT64_MAX : files.rlim_max;
}
