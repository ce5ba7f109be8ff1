/* million.c -- one million scalar nodes: the document's text, and jansson alone reading it.
 *
 *     million text chain|dag FILE      writes the request
 *     million parse FILE               seconds and MiB that json_loadb takes, printed as "s MiB"
 *
 * million.sh puts gradd's own figures beside these.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { NODES = 1000000, NEAR = 1000 };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % n);
}

static void name(char *to, int node)
{
    if (node < 0) strcpy(to, "x");
    else sprintf(to, "n%d", node);
}

static int write_text(const char *kind, const char *path)
{
    static const char *const two[] = {"add", "sub", "mul"};
    FILE *f = fopen(path, "w");
    if (!f) return 1;
    fputs("{\"graph\":{\"nodes\":[", f);
    for (int i = 0; i < NODES; i++) {
        char a[16], b[16];
        if (strcmp(kind, "chain") == 0) {
            name(a, i - 1);
            fprintf(f, "%s{\"id\":\"n%d\",\"op\":\"sin\",\"inputs\":[\"%s\"]}", i ? "," : "", i, a);
        } else {
            unsigned reach = i < NEAR ? (unsigned)i + 1 : NEAR;
            name(a, i - 1 - (int)below(reach));
            name(b, i - 1 - (int)below(reach));
            if (i % 4 == 3)
                fprintf(f, ",{\"id\":\"n%d\",\"op\":\"tanh\",\"inputs\":[\"%s\"]}", i, a);
            else
                fprintf(f, "%s{\"id\":\"n%d\",\"op\":\"%s\",\"inputs\":[\"%s\",\"%s\"]}", i ? "," : "",
                        i, two[below(3)], a, b);
        }
    }
    fprintf(f, "],\"outputs\":[\"n%d\"]},\"inputs\":{\"x\":0.5}}\n", NODES - 1);
    return fclose(f) != 0;
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
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
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
