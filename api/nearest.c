/* nearest.c -- "did you mean": the known name that a misspelt one is nearest to.
 *
 * The distance is that of optimal string alignment: insertions, deletions, replacements and swaps
 * of neighbours count one each, and the case of letters nothing. Only names within a third of their
 * length are near; the first of several at the same distance is taken. Distances beyond that limit
 * are not computed, so that a long list of candidates costs little.
 */
#include <string.h>

#include "call.h"

enum { LONGEST = 64, FAR = 255 };

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int least(int a, int b) { return a < b ? a : b; }

/* The distance from a to b, or FAR where it is above `limit`. Three rows of the usual table are
   kept, and of each only the band within `limit` of the diagonal. */
static int distance(const char *a, int na, const char *b, int nb, int limit)
{
    int rows[3][LONGEST + 2];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    if (na - nb > limit || nb - na > limit) return FAR;
    for (int j = 0; j <= nb; j++) above[j] = j, before[j] = FAR;
    for (int i = 1; i <= na; i++) {
        int first = i > limit ? i - limit : 1;
        int last = least(nb, i + limit);
        int closest = FAR;
        row[first - 1] = first == 1 ? i : FAR;
        for (int j = first; j <= last; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            int up = j < i + limit ? above[j] + 1 : FAR;
            int d = least(least(up, row[j - 1] + 1), above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                d = least(d, before[j - 2] + 1);
            row[j] = d;
            closest = least(closest, d);
        }
        if (closest > limit) return FAR;
        int *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[nb] <= limit ? above[nb] : FAR;
}

const char *api_nearest(const char *name, size_t n, api_candidate at, const void *list)
{
    const char *best = NULL;
    if (n == 0 || n > LONGEST) return NULL;
    int limit = n < 3 ? 1 : (int)(n / 3);
    const char *candidate;
    for (size_t i = 0; limit >= 0 && (candidate = at(list, i)); i++) {
        size_t m = strnlen(candidate, LONGEST + 1);
        if (m > LONGEST) continue;
        int d = distance(name, (int)n, candidate, (int)m, limit);
        /* A name of which nothing is left is not near. */
        if (d > limit || (size_t)d >= (n > m ? n : m)) continue;
        best = candidate;
        limit = d - 1;
    }
    return best;
}

static const char *op_name(const void *list, size_t i)
{
    (void)list;
    return i < grad_op_count() ? grad_op_name(grad_op_at(i)) : NULL;
}

const char *api_nearest_op(const char *name, size_t n)
{
    return api_nearest(name, n, op_name, NULL);
}
