/* linalg_small.h -- LU and triangular solves by plain loops, where a call of LAPACK costs more than
 * the work. Included once for each type of real, with T (the type) and NAME (what names end in).
 *
 * The factors are laid out as LAPACK leaves them when it is given the matrix row by row, which it
 * takes for the transpose Aᵀ = P L U: element (i, j) of L and U is m[j * n + i]. Pivots are divided
 * by, and a sum of products is taken off at once, so that matrices of whole numbers whose rows
 * depend on each other mostly come out as singular as they are.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, NAME)

static T FN(size)(T x) { return x < 0 ? -x : x; }

static void FN(small_lu)(T *restrict m, const T *restrict a, int64_t *pivots, int n)
{
    memcpy(m, a, (size_t)n * (size_t)n * sizeof *m);
    for (int j = 0; j < n; j++) {
        T *column = m + j * n;
        int p = j;
        for (int i = 1; i < n; i++) {
            T s = 0;
            for (int k = 0; k < i && k < j; k++) s += m[k * n + i] * column[k];
            column[i] -= s;
        }
        for (int i = j + 1; i < n; i++)
            if (FN(size)(column[i]) > FN(size)(column[p])) p = i;
        pivots[j] = p;
        for (int k = 0; p != j && k < n; k++) {
            T swap = m[k * n + j];
            m[k * n + j] = m[k * n + p];
            m[k * n + p] = swap;
        }
        if (column[j] != 0)
            for (int i = j + 1; i < n; i++) column[i] /= column[j];
    }
}

/* x, of n rows and k columns, becomes the solution of t x = x: t[i * row + j * column] is lower
   triangular (or upper), with ones on its diagonal where `unit`. */
static void FN(small_triangular)(T *restrict x, const T *restrict t, int n, int64_t k, int row,
                                 int column, bool upper, bool unit)
{
    for (int step = 0; step < n; step++) {
        int i = upper ? n - 1 - step : step;
        T *xi = x + i * k;
        for (int j = upper ? i + 1 : 0; j < (upper ? n : i); j++) {
            T factor = t[i * row + j * column];
            const T *xj = x + j * k;
            for (int64_t c = 0; c < k; c++) xi[c] -= factor * xj[c];
        }
        if (unit) continue;
        T pivot = t[i * (row + column)];
        for (int64_t c = 0; c < k; c++) xi[c] /= pivot;
    }
}

#undef JOIN_
#undef JOIN
#undef FN
#undef T
#undef NAME
