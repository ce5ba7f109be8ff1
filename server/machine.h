/* machine.h -- what the machine, or the part of it that a control group leaves us, can bear. */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include <stdint.h>

/* `root` is what stands before /proc and /sys: "" but in tests. */
uint64_t machine_cpus(const char *root);   /* processors we may use, at least 1 */
uint64_t machine_memory(const char *root); /* bytes we may use */
uint64_t machine_files(void);              /* descriptors we may have open */

#endif
