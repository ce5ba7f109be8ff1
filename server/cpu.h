/* cpu.h -- the right kernels for this processor. */
#ifndef SERVER_CPU_H
#define SERVER_CPU_H

/* Starts this program again, once, if the BLAS library may start threads of its own or chose
   kernels that are a class below what the processor has. Returns where there is nothing to correct
   or starting again failed. To be called before there are threads or sockets; blocked signals stay
   blocked. */
void cpu_correct_kernels(char **argv);

/* What cpu_correct_kernels decides by: the value for OPENBLAS_CORETYPE, or NULL to leave
   `running` as it is. */
typedef struct cpu_features {
    int avx512, avx2, amd;
} cpu_features;
const char *cpu_better_kernels(const cpu_features *cpu, const char *running);

#endif
