/* window_mean_loops.h -- the mean over windows and its adjoint for one type: T, and names that end
 * in NAME. Included by window_mean.c once a type.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define ON(name) JOIN(name, NAME)

static int ON(add_row)(job *j, double *restrict to, const T *restrict x)
{
    const int64_t n = j->s[2].in;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t end = n - i < PIECE ? n : i + PIECE;
        for (int64_t k = i; k < end; k++) to[k] += x[k];
        if (keep_pace(j, end - i) < 0) return -1;
    }
    return 0;
}

static int ON(give_row)(job *j, T *restrict x, const double *restrict from)
{
    const int64_t n = j->s[2].in;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t end = n - i < PIECE ? n : i + PIECE;
        for (int64_t k = i; k < end; k++) x[k] = (T)(x[k] + from[k]);
        if (keep_pace(j, end - i) < 0) return -1;
    }
    return 0;
}

/* One row of results: windows that share the planes a and the rows b. */
static int ON(mean_row)(job *j, T *y, const T *plane, grad_reach a, grad_reach b)
{
    const double rows = (double)a.count * (double)b.count;
    memset(j->row, 0, (size_t)j->s[2].in * sizeof *j->row);
    for (int64_t p = a.first; p < a.end; p++)
        for (int64_t q = b.first; q < b.end; q++)
            if (ON(add_row)(j, j->row, plane + (p * j->s[1].in + q) * j->s[2].in) < 0) return -1;
    for (int64_t i = 0; i < j->s[2].out; i++) {
        const grad_reach r = grad__reach(&j->s[2], i);
        y[i] = (T)(sum(j->row + r.first, r.end - r.first) / (rows * (double)r.count));
        if (keep_pace(j, r.end - r.first + 1) < 0) return -1;
    }
    return 0;
}

static int ON(back_row)(job *j, T *plane, const T *y, grad_reach a, grad_reach b)
{
    const double rows = (double)a.count * (double)b.count;
    memset(j->row, 0, (size_t)j->s[2].in * sizeof *j->row);
    for (int64_t i = 0; i < j->s[2].out; i++) {
        const grad_reach r = grad__reach(&j->s[2], i);
        const double share = y[i] / (rows * (double)r.count);
        for (int64_t k = r.first; k < r.end; k++) j->row[k] += share;
        if (keep_pace(j, r.end - r.first + 1) < 0) return -1;
    }
    for (int64_t p = a.first; p < a.end; p++)
        for (int64_t q = b.first; q < b.end; q++)
            if (ON(give_row)(j, plane + (p * j->s[1].in + q) * j->s[2].in, j->row) < 0) return -1;
    return 0;
}

#define EACH_ROW(row)                                                                             \
    for (int64_t n = 0; n < j->planes; n++, x += j->in)                                           \
        for (int64_t p = 0; p < j->s[0].out; p++)                                                 \
            for (int64_t q = 0; q < j->s[1].out; q++, y += j->s[2].out)                           \
                if ((row) < 0) return -1;                                                         \
    return 0

static int ON(mean)(job *j, T *y, const T *x)
{
    EACH_ROW(ON(mean_row)(j, y, x, grad__reach(&j->s[0], p), grad__reach(&j->s[1], q)));
}

static int ON(back)(job *j, T *x, const T *y)
{
    EACH_ROW(ON(back_row)(j, x, y, grad__reach(&j->s[0], p), grad__reach(&j->s[1], q)));
}

#undef EACH_ROW
#undef ON
#undef JOIN
#undef JOIN_
#undef NAME
#undef T
