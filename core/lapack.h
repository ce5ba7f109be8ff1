/* lapack.h -- factorisations by LAPACK, which OpenBLAS brings along: lapack.c alone knows it.
 *
 * Matrices are LAPACK's, column after column, without gaps; a row-major matrix is such a one
 * transposed, which is mostly turned to use. All memory is the caller's. Matrices start at
 * multiples of 64 bytes: no kernel computes one in another way because of where it lies. Sizes are
 * above zero and at most GRAD_LAPACK_MOST; the entries are finite, save of triangles and lu: some
 * routines never return from a NaN. Results are LAPACK's `info`: 0 when all went well.
 */
#ifndef GRAD_LAPACK_H
#define GRAD_LAPACK_H

#include "op.h"

/* The library counts with 32 bits: neither a size nor a workspace may be beyond. */
#define GRAD_LAPACK_MOST INT32_MAX

/* a = P L U in place; row i was exchanged with row pivots[i] - 1, i = 0, 1, … */
void grad__lapack_lu(grad_dtype t, int64_t n, void *a, int32_t *pivots);

/* The upper triangle of a becomes U, a = Uᵀ U; not 0: a is not positive definite. */
int grad__lapack_cholesky(grad_dtype t, int64_t n, void *a);

/* Solves X op(T) = B in place: b is k by n, t n by n and triangular; op transposes. */
typedef struct grad_triangle {
    bool upper, transpose, unit;
    int64_t n, k;
} grad_triangle;
void grad__lapack_triangular(grad_dtype t, const grad_triangle *s, const void *a, void *b);

/* Symmetric a becomes its eigenvectors, column by column, w the eigenvalues, ascending. `work` and
   `iwork` have as many numbers as grad__lapack_eigh_work says. Not 0: no convergence. */
void grad__lapack_eigh_work(int64_t n, int64_t *work, int64_t *iwork);
int grad__lapack_eigh(grad_dtype t, int64_t n, void *a, void *w, void *work, int32_t *iwork);

/* a = U diag(s) Vh with k = min(m, n) singular values, descending; a is destroyed. `iwork` has 8 k
   integers. Not 0: no convergence. */
int64_t grad__lapack_svd_work(grad_dtype t, int64_t m, int64_t n);
int grad__lapack_svd(grad_dtype t, int64_t m, int64_t n, void *a, void *s, void *u, void *vh,
                     void *work, int32_t *iwork);

/* a becomes R above and on its diagonal, and reflectors below with `tau` (k numbers); then the
   first k columns of a become Q. Both have one workspace. */
int64_t grad__lapack_qr_work(grad_dtype t, int64_t m, int64_t n);
void grad__lapack_qr(grad_dtype t, int64_t m, int64_t n, void *a, void *tau, void *work);
void grad__lapack_qr_q(grad_dtype t, int64_t m, int64_t n, void *a, const void *tau, void *work);

#endif
