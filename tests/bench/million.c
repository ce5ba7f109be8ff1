/* million.c -- one million scalar nodes: the request's text, and jansson alone reading it.
 *
 *     million text chain|dag FILE      writes the request
 *     million parse FILE               seconds and peak MiB of json_loadb, printed as "s MiB"
 *
 * million.sh puts gradd's own figures beside these.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "scalars.h"

enum { NODES = 1000000, NEAR = 1000 };

static int write_text(const char *kind, const char *path)
{
    scalar_node *g = malloc(NODES * sizeof *g);
    FILE *f = fopen(path, "w");
    size_t n;
    if (!g || !f) return 1;
    if (strcmp(kind, "chain") == 0) scalars_chain(g, NODES);
    else scalars_dag(g, NODES, NEAR);
    char *text = scalars_request(g, NODES, 0.5, false, &n);
    int bad = fwrite(text, 1, n, f) != n || fclose(f) != 0;
    free(text);
    free(g);
    return bad;
}

static int parse(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f || fseek(f, 0, SEEK_END) != 0) return 1;
    long n = ftell(f);
    rewind(f);
    char *text = malloc((size_t)n);
    if (!text || fread(text, 1, (size_t)n, f) != (size_t)n) return 1;
    fclose(f);
    struct timespec a, b;
    struct rusage after;
    clock_gettime(CLOCK_MONOTONIC, &a);
    json_t *tree = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    getrusage(RUSAGE_SELF, &after);
    if (!tree) return 1;
    printf("%.3f %ld\n", (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec),
           after.ru_maxrss / 1024);
    return 0; /* the tree dies with the process */
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "text") == 0) return write_text(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "parse") == 0) return parse(argv[2]);
    fputs("use: million text chain|dag FILE | million parse FILE\n", stderr);
    return 2;
}
