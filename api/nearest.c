/* nearest.c -- "did you mean": the known name that a misspelt one is nearest to.
 *
 * The distance is that of optimal string alignment: insertions, deletions, replacements and swaps
 * of neighbours count one each, and the case of letters nothing. Only names within a third of their
 * length are near; the first of several at the same distance is taken. Distances beyond that limit
 * are not computed, so that a long list of candidates costs little. Operators are also known by the
 * names they have elsewhere: "cat" is concat, though cast is nearer.
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

/* ---- operators ------------------------------------------------------------------------------- */

/* What other libraries and languages call an operator of ours, in small letters and without "_". */
static const struct {
    const char *theirs, *ours;
} elsewhere[] = {
    {"+", "add"}, {"plus", "add"},
    {"-", "sub"}, {"minus", "sub"}, {"subtract", "sub"},
    {"*", "mul"}, {"times", "mul"}, {"multiply", "mul"},
    {"/", "div"}, {"divide", "div"}, {"truediv", "div"}, {"truedivide", "div"},
    {"//", "floor_divide"}, {"floordiv", "floor_divide"},
    {"%", "remainder"}, {"mod", "remainder"}, {"modulo", "remainder"},
    {"**", "pow"}, {"^", "pow"}, {"power", "pow"},
    {"@", "matmul"}, {"mm", "matmul"}, {"bmm", "matmul"}, {"mv", "matmul"},
    {"negative", "neg"}, {"negate", "neg"}, {"absolute", "abs"}, {"squareroot", "sqrt"},
    {"ln", "log"}, {"sigm", "sigmoid"}, {"swish", "silu"}, {"clamp", "clip"},
    {"<", "lt"}, {"less", "lt"}, {"<=", "le"}, {"lessequal", "le"},
    {">", "gt"}, {"greater", "gt"}, {">=", "ge"}, {"greaterequal", "ge"},
    {"==", "eq"}, {"equal", "eq"}, {"!=", "ne"}, {"notequal", "ne"},
    {"and", "logical_and"}, {"or", "logical_or"}, {"xor", "logical_xor"}, {"not", "logical_not"},
    {"reducesum", "sum"}, {"reducemean", "mean"}, {"average", "mean"},
    {"amax", "max"}, {"reducemax", "max"}, {"amin", "min"}, {"reducemin", "min"},
    {"cat", "concat"}, {"concatenate", "concat"}, {"view", "reshape"}, {"permute", "transpose"},
    {"t", "transpose"}, {"broadcastto", "expand"}, {"indexselect", "take"}, {"range", "arange"},
    {"detach", "stop_gradient"}, {"dense", "linear"}, {"crossentropyloss", "cross_entropy"},
    {"bcewithlogitsloss", "bce_with_logits"},
    {"binarycrossentropywithlogits", "bce_with_logits"},
    {"variable", "input"}, {"placeholder", "input"}, {"parameter", "input"},
    {"tensor", "constant"}, {"const", "constant"},
    {"conv", "conv1d"}, {"convolve", "conv1d"}, {"convolution", "conv1d"},
    {"softmaxcrossentropy", "cross_entropy"}, {"crossentropywithlogits", "cross_entropy"},
    {"variance", "var"}, {"stddev", "std"}, {"stdev", "std"},
    {"gamma", "lgamma"}, {"gammaln", "lgamma"}, {"psi", "digamma"},
    {"normalcdf", "ndtr"}, {"normcdf", "ndtr"}, {"probit", "ndtri"},
    {"eig", "eigh"}, {"inverse", "inv"}, {"qrdecomposition", "qr"}, {"expm", "matrix_exp"},
    {"lstm", "lstm_cell"}, {"gru", "gru_cell"}, {"rnn", "rnn_cell"},
    {"attention", "scaled_dot_product_attention"}, {"batchnorm", "batch_norm"},
    {"if", "cond"}, {"whileloop", "while"}, {"vmap", "map"}, {"gradient", "grad"},
    {NULL, NULL},
};

static bool is_theirs(const char *name, size_t n, const char *theirs)
{
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '_') continue;
        if (lower(name[i]) != (unsigned char)*theirs++) return false;
    }
    return !*theirs;
}

static const char *op_name(const void *list, size_t i)
{
    (void)list;
    return i < grad_op_count() ? grad_op_name(grad_op_at(i)) : NULL;
}

const char *api_nearest_op(const char *name, size_t n)
{
    for (size_t i = n; i > 0; i--) /* torch.sum is sum */
        if (name[i - 1] == '.') {
            name += i;
            n -= i;
            break;
        }
    for (size_t i = 0; elsewhere[i].theirs; i++)
        if (is_theirs(name, n, elsewhere[i].theirs) && grad_op_find(elsewhere[i].ours))
            return elsewhere[i].ours;
    return api_nearest(name, n, op_name, NULL);
}
