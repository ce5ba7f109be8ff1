/* cpu.c -- makes OpenBLAS use the processor it runs on.
 *
 * OpenBLAS knows processors by model number, and a release that is older than the processor may
 * fall back to kernels of another age: 0.3.21 (Debian 12) runs its SSE3 "Prescott" kernels on newer
 * Intel processors, at less than half the speed. What the processor can do is written in its
 * feature bits, so we compare those with the name of the kernels that were chosen. Threads of its
 * own it must not have: the workers are enough, and it would start them with signals unblocked. The
 * library reads its variables only while it is loaded, hence the second start; that they are then
 * set keeps it from being a third.
 *
 * Names that the table does not hold are newer than this file and are left alone. On AMD's Zen 4,
 * which has both, float64 products took (GF/s, 64, 256 and 1024 wide; OpenBLAS 0.3.21)
 *     SkylakeX   57  52  52        Zen, Haswell   43-46  51-52  50
 * and Cooperlake, which it picks by itself there, as SkylakeX: AVX-512 wins where it is there.
 */
#include "cpu.h"

#include "api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SSE, AVX, AVX2, AVX512 };

static const struct {
    const char *name;
    int class;
} kernels[] = {
    {"SkylakeX", AVX512},    {"Cooperlake", AVX512}, {"SapphireRapids", AVX512},
    {"Haswell", AVX2},       {"Zen", AVX2},          {"Excavator", AVX},
    {"Steamroller", AVX},    {"Piledriver", AVX},    {"Bulldozer", AVX},
    {"Sandybridge", AVX},    {"Nehalem", SSE},       {"Dunnington", SSE},
    {"Penryn", SSE},         {"Core2", SSE},         {"Prescott", SSE},
    {"Northwood", SSE},      {"Banias", SSE},        {"Katmai", SSE},
    {"Coppermine", SSE},     {"Atom", SSE},          {"Nano", SSE},
    {"Athlon", SSE},         {"Opteron", SSE},       {"Opteron_SSE3", SSE},
    {"Barcelona", SSE},      {"Bobcat", SSE},        {"generic", SSE},
    {"Unknown", SSE},        {NULL, 0},
};

static cpu_features features(void)
{
    cpu_features f = {0};
#if defined(__x86_64__)
    __builtin_cpu_init();
    f.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    f.avx512 = f.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    f.amd = __builtin_cpu_is("amd") != 0;
#endif
    return f;
}

const char *cpu_better_kernels(const cpu_features *cpu, const char *running)
{
    size_t i = 0;
    if (running == NULL) return NULL;
    while (kernels[i].name != NULL && strcasecmp(kernels[i].name, running) != 0) i++;
    if (kernels[i].name == NULL) return NULL;
    if (cpu->avx512) return kernels[i].class < AVX512 ? "SkylakeX" : NULL;
    if (cpu->avx2 && kernels[i].class < AVX2) return cpu->amd ? "Zen" : "Haswell";
    return NULL;
}

/* Sets a variable that is not so yet; true where it had to be. */
static bool set(const char *name, const char *value)
{
    const char *now = getenv(name);
    return !(now != NULL && strcmp(now, value) == 0) && setenv(name, value, 1) == 0;
}

/* By the program's own path, so that it keeps its name in lists of processes. */
static void start_again(char **argv)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0) return;
    path[n] = 0;
    execv(path, argv);
}

void cpu_correct_kernels(char **argv)
{
    cpu_features cpu = features();
    const char *better =
        getenv("OPENBLAS_CORETYPE") == NULL ? cpu_better_kernels(&cpu, api_blas_kernels()) : NULL;
    bool changed = better != NULL && set("OPENBLAS_CORETYPE", better);
    changed = set("OPENBLAS_NUM_THREADS", "1") || changed;
    if (changed) start_again(argv);
}
