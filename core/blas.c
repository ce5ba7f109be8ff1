/* blas.c -- matrix products by CBLAS, cut into pieces that can be stopped between. */
#include "blas.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

/* Threads belong to the caller: the library must not use its own. A library that was built without
   threads does not lock the table of its work buffers, and hands one buffer to two threads that
   call it in the same moment; then both get wrong results. So calls into such a library go one at a
   time. Which kind it is does not change once it is loaded. */
static struct {
    pthread_mutex_t lock;
    bool alone;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .alone = true};

__attribute__((constructor)) static void look_at_library(void)
{
    gate.alone = openblas_get_parallel() == OPENBLAS_SEQUENTIAL;
    openblas_set_num_threads(1);
}

void grad__blas_enter(void)
{
    if (gate.alone) pthread_mutex_lock(&gate.lock);
}

void grad__blas_leave(void)
{
    if (gate.alone) pthread_mutex_unlock(&gate.lock);
}

const char *grad_blas_kernels(void)
{
    return openblas_get_corename();
}

bool grad__blas_can(const grad_product *p)
{
    return grad_dtype_is_float(p->dtype) && p->m > 0 && p->n > 0 && p->k > 0 && p->m <= INT_MAX &&
           p->n <= INT_MAX && p->k <= INT_MAX;
}

/* A row or a column is left to gemv, which is given zeros to add to, since libraries differ in
   whether 0 times an old NaN is 0. */
#define BLOCK(name, type, gemm, gemv)                                                             \
    static void name(const grad_block *p, type *y, const type *a, const type *b)                  \
    {                                                                                             \
        int m = (int)p->m, n = (int)p->n, k = (int)p->k;                                          \
        int ldy = (int)p->y_step, lda = (int)p->a_step, ldb = (int)p->b_step;                     \
        if (m > 1 && n > 1) {                                                                     \
            gemm(CblasRowMajor, p->transpose_a ? CblasTrans : CblasNoTrans,                       \
                 p->transpose_b ? CblasTrans : CblasNoTrans, m, n, k, 1, a, lda, b, ldb,          \
                 p->onto ? 1 : 0, y, ldy);                                                        \
            return;                                                                               \
        }                                                                                         \
        for (int i = 0; i < m && !p->onto; i++)                                                   \
            memset(y + (size_t)i * (size_t)ldy, 0, (size_t)n * sizeof *y);                        \
        if (m == 1 && p->transpose_b)                                                             \
            gemv(CblasRowMajor, CblasNoTrans, n, k, 1, b, ldb, a, p->transpose_a ? lda : 1, 1, y, \
                 1);                                                                              \
        else if (m == 1)                                                                          \
            gemv(CblasRowMajor, CblasTrans, k, n, 1, b, ldb, a, p->transpose_a ? lda : 1, 1, y,   \
                 1);                                                                              \
        else if (p->transpose_a)                                                                  \
            gemv(CblasRowMajor, CblasTrans, k, m, 1, a, lda, b, p->transpose_b ? 1 : ldb, 1, y,   \
                 ldy);                                                                            \
        else                                                                                      \
            gemv(CblasRowMajor, CblasNoTrans, m, k, 1, a, lda, b, p->transpose_b ? 1 : ldb, 1, y, \
                 ldy);                                                                            \
    }
BLOCK(block64, double, cblas_dgemm, cblas_dgemv)
BLOCK(block32, float, cblas_sgemm, cblas_sgemv)

void grad__blas_block(const grad_block *p, void *y, const void *a, const void *b)
{
    grad__blas_enter();
    if (p->dtype == GRAD_FLOAT64) block64(p, y, a, b);
    else block32(p, y, a, b);
    grad__blas_leave();
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* How much of an extent goes into a piece, when one unit of it costs `products`. */
static int64_t share(int64_t extent, double products, int64_t least)
{
    const double most = 1e8; /* multiplications in a piece, where extents allow it */
    double n = most / products;
    return n < (double)least ? smaller(extent, least) : n < (double)extent ? (int64_t)n : extent;
}

int grad__blas_product(const grad_product *p, void *y, const void *a, const void *b,
                       grad_frame *frame)
{
    enum { ROWS = 256, COLUMNS = 512 }; /* smaller pieces than these are inefficient */
    size_t size = grad_dtype_size(p->dtype);
    grad_block block = {.dtype = p->dtype, .transpose_a = p->transpose_a,
                        .transpose_b = p->transpose_b, .y_step = p->n,
                        .a_step = p->transpose_a ? p->m : p->k,
                        .b_step = p->transpose_b ? p->k : p->n};
    int64_t rows = share(p->m, (double)p->n * (double)p->k, ROWS);
    int64_t columns = share(p->n, (double)rows * (double)p->k, COLUMNS);
    int64_t depth = share(p->k, (double)rows * (double)columns, 1);
    for (int64_t i = 0; i < p->m; i += rows)
        for (int64_t j = 0; j < p->n; j += columns)
            for (int64_t l = 0; l < p->k; l += depth) {
                int64_t in_y = i * p->n + j;
                int64_t in_a = p->transpose_a ? l * p->m + i : i * p->k + l;
                int64_t in_b = p->transpose_b ? j * p->k + l : l * p->n + j;
                block.m = smaller(rows, p->m - i);
                block.n = smaller(columns, p->n - j);
                block.k = smaller(depth, p->k - l);
                block.onto = l > 0;
                grad__blas_block(&block, (char *)y + (size_t)in_y * size,
                                 (const char *)a + (size_t)in_a * size,
                                 (const char *)b + (size_t)in_b * size);
                if (grad_stopped(frame)) return grad_frame_stopped(frame);
            }
    return 0;
}
