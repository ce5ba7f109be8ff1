/* lapack.c -- the LAPACK routines that are used, under one name for both types of reals.
 *
 * They are called by their Fortran names: everything by address, and the length of each text at the
 * end. Workspace is asked of the routines themselves where the best size is theirs to know.
 */
#include "lapack.h"

#include <math.h>

#include "blas.h"

#define PROTOTYPES(p, T)                                                                          \
    extern void p##getrf_(const int *m, const int *n, T *a, const int *lda, int *pivots,          \
                          int *info);                                                             \
    extern void p##potrf_(const char *uplo, const int *n, T *a, const int *lda, int *info,        \
                          size_t);                                                                \
    extern void p##trsm_(const char *side, const char *uplo, const char *trans,                   \
                         const char *diag, const int *m, const int *n, const T *alpha,            \
                         const T *a, const int *lda, T *b, const int *ldb, size_t, size_t,        \
                         size_t, size_t);                                                         \
    extern void p##syevd_(const char *jobz, const char *uplo, const int *n, T *a, const int *lda, \
                          T *w, T *work, const int *lwork, int *iwork, const int *liwork,         \
                          int *info, size_t, size_t);                                             \
    extern void p##gesdd_(const char *jobz, const int *m, const int *n, T *a, const int *lda,     \
                          T *s, T *u, const int *ldu, T *vt, const int *ldvt, T *work,            \
                          const int *lwork, int *iwork, int *info, size_t);                       \
    extern void p##geqrf_(const int *m, const int *n, T *a, const int *lda, T *tau, T *work,      \
                          const int *lwork, int *info);                                           \
    extern void p##orgqr_(const int *m, const int *n, const int *k, T *a, const int *lda,         \
                          const T *tau, T *work, const int *lwork, int *info);

PROTOTYPES(d, double)
PROTOTYPES(s, float)

/* Through the gate of the library: see blas.c. */
#define CALL(t, routine, ...)                                                                     \
    do {                                                                                          \
        grad__blas_enter();                                                                       \
        if ((t) == GRAD_FLOAT64) d##routine##_(__VA_ARGS__);                                      \
        else s##routine##_(__VA_ARGS__);                                                          \
        grad__blas_leave();                                                                       \
    } while (0)

static int smaller(int a, int b) { return a < b ? a : b; }

/* What a routine left in work[0] when it was asked for its best workspace. A float32 may have been
   rounded down. */
static int64_t answered(grad_dtype t, const void *work)
{
    double n = t == GRAD_FLOAT64 ? *(const double *)work : *(const float *)work;
    if (t == GRAD_FLOAT32) n += ceil(n * 0x1p-23);
    return n < 1 ? 1 : (int64_t)n;
}

void grad__lapack_lu(grad_dtype t, int64_t n, void *a, int32_t *pivots)
{
    int size = (int)n, info;
    CALL(t, getrf, &size, &size, a, &size, pivots, &info);
}

int grad__lapack_cholesky(grad_dtype t, int64_t n, void *a)
{
    int size = (int)n, info = 0;
    CALL(t, potrf, "U", &size, a, &size, &info, 1);
    return info;
}

void grad__lapack_triangular(grad_dtype t, const grad_triangle *s, const void *a, void *b)
{
    int k = (int)s->k, n = (int)s->n;
    const double one64 = 1;
    const float one32 = 1;
    const void *one = t == GRAD_FLOAT64 ? (const void *)&one64 : (const void *)&one32;
    CALL(t, trsm, "R", s->upper ? "U" : "L", s->transpose ? "T" : "N", s->unit ? "U" : "N", &k, &n,
         one, a, &n, b, &k, 1, 1, 1, 1);
}

/* The documented least is also enough for the blocked algorithms inside. */
void grad__lapack_eigh_work(int64_t n, int64_t *work, int64_t *iwork)
{
    *work = 1 + 6 * n + 2 * n * n;
    *iwork = 3 + 5 * n;
}

int grad__lapack_eigh(grad_dtype t, int64_t n, void *a, void *w, void *work, int32_t *iwork)
{
    int64_t words, integers;
    int size = (int)n, info = 0;
    grad__lapack_eigh_work(n, &words, &integers);
    const int lwork = (int)words, liwork = (int)integers;
    CALL(t, syevd, "V", "L", &size, a, &size, w, work, &lwork, iwork, &liwork, &info, 1, 1);
    return info;
}

int64_t grad__lapack_svd_work(grad_dtype t, int64_t m, int64_t n)
{
    double best[2] = {0}, none[1] = {0};
    int rows = (int)m, columns = (int)n, k = smaller(rows, columns), ask = -1, unused = 0, info = 0;
    CALL(t, gesdd, "S", &rows, &columns, (void *)none, &rows, (void *)none, (void *)none, &rows,
         (void *)none, &k, (void *)best, &ask, &unused, &info, 1);
    return answered(t, best);
}

int grad__lapack_svd(grad_dtype t, int64_t m, int64_t n, void *a, void *s, void *u, void *vh,
                     void *work, int32_t *iwork)
{
    int rows = (int)m, columns = (int)n, k = smaller(rows, columns), info = 0;
    const int lwork = (int)grad__lapack_svd_work(t, m, n);
    CALL(t, gesdd, "S", &rows, &columns, a, &rows, s, u, &rows, vh, &k, work, &lwork, iwork, &info,
         1);
    return info;
}

int64_t grad__lapack_qr_work(grad_dtype t, int64_t m, int64_t n)
{
    double best[2] = {0}, more[2] = {0}, none[1] = {0};
    int rows = (int)m, columns = (int)n, k = smaller(rows, columns), ask = -1, info = 0;
    CALL(t, geqrf, &rows, &columns, (void *)none, &rows, (void *)none, (void *)best, &ask, &info);
    CALL(t, orgqr, &rows, &k, &k, (void *)none, &rows, (void *)none, (void *)more, &ask, &info);
    int64_t first = answered(t, best), second = answered(t, more);
    return first > second ? first : second;
}

void grad__lapack_qr(grad_dtype t, int64_t m, int64_t n, void *a, void *tau, void *work)
{
    int rows = (int)m, columns = (int)n, info;
    const int lwork = (int)grad__lapack_qr_work(t, m, n);
    CALL(t, geqrf, &rows, &columns, a, &rows, tau, work, &lwork, &info);
}

void grad__lapack_qr_q(grad_dtype t, int64_t m, int64_t n, void *a, const void *tau, void *work)
{
    int rows = (int)m, k = smaller(rows, (int)n), info;
    const int lwork = (int)grad__lapack_qr_work(t, m, n);
    CALL(t, orgqr, &rows, &k, &k, a, &rows, tau, work, &lwork, &info);
}
