/* matmul_loops.h -- matrix products by plain loops, for one type of element at a time.
 *
 * Included once a type, with T (the type), NAME (what names end in) and PLUS_PRODUCT(s, a, b),
 * which is s + a b. The order of the additions depends on the shape alone: where rows of a
 * meet columns of b that both lie along the sum, eight partial sums; otherwise first to last.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, NAME)

static T FN(dot)(const T *restrict a, const T *restrict b, size_t n)
{
    T s[8] = {0}, rest = 0;
    for (; n >= 8; n -= 8, a += 8, b += 8)
        for (int u = 0; u < 8; u++) s[u] = (T)PLUS_PRODUCT(s[u], a[u], b[u]);
    for (size_t i = 0; i < n; i++) rest = (T)PLUS_PRODUCT(rest, a[i], b[i]);
    for (int half = 4; half; half /= 2)
        for (int u = 0; u < half; u++) s[u] = (T)PLUS_PRODUCT(s[u], s[u + half], (T)1);
    return (T)PLUS_PRODUCT(s[0], rest, (T)1);
}

static void FN(add_multiple)(T *restrict y, T factor, const T *restrict x, size_t n)
{
    for (; n >= 8; n -= 8, y += 8, x += 8)
        for (int u = 0; u < 8; u++) y[u] = (T)PLUS_PRODUCT(y[u], factor, x[u]);
    for (size_t i = 0; i < n; i++) y[i] = (T)PLUS_PRODUCT(y[i], factor, x[i]);
}

/* One element of y, the sum taken in blocks so that a long one can be stopped. */
static int FN(along)(T *y, const T *a, const T *b, int64_t k, tempo *pace)
{
    enum { BLOCK = 4096 };
    *y = FN(dot)(a, b, (size_t)(k < BLOCK ? k : BLOCK));
    for (int64_t l = BLOCK; l < k; l += BLOCK) {
        T more = FN(dot)(a + l, b + l, (size_t)(k - l < BLOCK ? k - l : BLOCK));
        *y = (T)PLUS_PRODUCT(*y, more, (T)1);
        if (keep_pace(pace, BLOCK) < 0) return -1;
    }
    return keep_pace(pace, k < BLOCK ? k : BLOCK);
}

static int FN(product)(const grad_product *p, T *y, const T *a, const T *b, tempo *pace)
{
    int64_t m = p->m, n = p->n, k = p->k;
    bool turned_a = p->transpose_a, turned_b = p->transpose_b;
    if (n == 1 && m > 1) { /* a column is the row of the transposed product */
        const T *swap = a;
        a = b;
        b = swap;
        turned_b = !turned_a;
        n = m;
        m = 1;
    }
    if (m == 1) turned_a = false; /* a row is a column in memory */
    if (n == 1) turned_b = true;
    for (int64_t i = 0; i < m; i++, y += n) {
        if (turned_b && !turned_a) {
            for (int64_t j = 0; j < n; j++)
                if (FN(along)(y + j, a + i * k, b + j * k, k, pace) < 0) return -1;
            continue;
        }
        memset(y, 0, (size_t)n * sizeof *y);
        for (int64_t l = 0; l < k; l++) {
            T factor = turned_a ? a[l * m + i] : a[i * k + l];
            if (turned_b)
                for (int64_t j = 0; j < n; j++) y[j] = (T)PLUS_PRODUCT(y[j], factor, b[j * k + l]);
            else FN(add_multiple)(y, factor, b + l * n, (size_t)n);
            if (keep_pace(pace, n) < 0) return -1;
        }
    }
    return 0;
}

#undef JOIN_
#undef JOIN
#undef FN
#undef T
#undef NAME
#undef PLUS_PRODUCT
