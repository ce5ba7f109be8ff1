/* test_machine.c -- control groups of both versions, and which BLAS kernels suit a processor. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "cpu.h"
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64]; /* a made-up root of the file system */

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/gradd-test-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int drop_root(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void test_no_groups(void **state)
{
    (void)state;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    assert_int_equal(machine_memory(root), (uint64_t)pages * (uint64_t)size);
    assert_in_range(machine_cpus(root), 1, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(machine_files() > 0);
}

static void test_version_2(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/memory.max", "67108864\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    assert_int_equal(machine_memory(root), 67108864);
    assert_int_equal(machine_cpus(root), 1);
}

static void test_version_2_root(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "33554432\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_int_equal(machine_memory(root), 33554432);
    assert_in_range(machine_cpus(root), 1, sysconf(_SC_NPROCESSORS_ONLN));
}

static void test_version_1(void **state)
{
    (void)state;
    put("/proc/self/cgroup",
        "5:cpuset:/x\n4:memory:/docker/abc\n3:cpuacct,cpu:/docker/abc\n0::/\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "16777216\n"); /* the path is the host's */
    put("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "20000\n");
    put("/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    assert_int_equal(machine_memory(root), 16777216);
    assert_int_equal(machine_cpus(root), 1);
}

static void test_version_1_unlimited(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "3:cpu,cpuacct:/\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_in_range(machine_cpus(root), 1, sysconf(_SC_NPROCESSORS_ONLN));
}

static void test_kernels(void **state)
{
    (void)state;
    cpu_features avx512 = {.avx512 = 1, .avx2 = 1}, avx2 = {.avx2 = 1};
    cpu_features zen = {.avx2 = 1, .amd = 1}, old = {0};
    assert_string_equal(cpu_better_kernels(&avx512, "Prescott"), "SkylakeX");
    assert_string_equal(cpu_better_kernels(&avx512, "Haswell"), "SkylakeX");
    assert_string_equal(cpu_better_kernels(&avx512, "ZEN"), "SkylakeX");
    assert_null(cpu_better_kernels(&avx512, "Cooperlake"));
    assert_null(cpu_better_kernels(&avx512, "SkylakeX"));
    assert_string_equal(cpu_better_kernels(&avx2, "Sandybridge"), "Haswell");
    assert_string_equal(cpu_better_kernels(&zen, "Prescott"), "Zen");
    assert_null(cpu_better_kernels(&zen, "Haswell"));
    assert_null(cpu_better_kernels(&old, "Prescott"));
    assert_null(cpu_better_kernels(&avx512, "SomethingOfTomorrow"));
    assert_null(cpu_better_kernels(&avx512, NULL));
}

int main(void)
{
#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, drop_root)
    const struct CMUnitTest tests[] = {
        WITH_ROOT(test_no_groups),      WITH_ROOT(test_version_2),
        WITH_ROOT(test_version_2_root), WITH_ROOT(test_version_1),
        WITH_ROOT(test_version_1_unlimited), cmocka_unit_test(test_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
