/* factor_words.c -- the formulas that rules of factorisations are made of. */
#include <string.h>

#include "factor.h"

size_t grad__two_results(const grad_value *attr)
{
    (void)attr;
    return 2;
}

V grad__plus(B *b, V x, V y)
{
    return x == GRAD_NONE ? y : y == GRAD_NONE ? x : v_add(b, x, y);
}

V grad__turned(B *b, V x)
{
    int64_t axes[GRAD_RANK_MAX];
    int rank = v_rank(b, x);
    if (v_failed(b)) return GRAD_NONE;
    for (int i = 0; i < rank; i++) axes[i] = i;
    axes[rank - 2] = rank - 1;
    axes[rank - 1] = rank - 2;
    return v_transpose(b, x, rank, axes);
}

V grad__eye_like(B *b, V x, int64_t n)
{
    if (v_failed(b)) return GRAD_NONE;
    return v_emit(b, &grad__op_eye, 0, NULL, 3,
                  (grad_value[]){INT_(n), INT_(n), INT_(v_dtype(b, x))});
}

V grad__triangle(B *b, V x, bool lower, int64_t offset)
{
    return v_emit(b, lower ? &grad__op_tril : &grad__op_triu, 1, &x, 1,
                  (grad_value[]){INT_(offset)});
}

V grad__symmetric(B *b, V x)
{
    return v_mul(b, v_add(b, x, grad__turned(b, x)), v_num(b, x, 0.5));
}

/* x with `n` axes of size 1 put in before its last `after` axes. */
static V with_axes(B *b, V x, int n, int after)
{
    int64_t dim[GRAD_RANK_MAX + 2];
    if (v_failed(b)) return GRAD_NONE;
    const grad_shape *s = v_shape(b, x);
    for (int i = 0; i < s->rank - after; i++) dim[i] = s->dim[i];
    for (int i = 0; i < n; i++) dim[s->rank - after + i] = 1;
    for (int i = s->rank - after; i < s->rank; i++) dim[i + n] = s->dim[i];
    return v_reshape(b, x, s->rank + n, dim);
}

V grad__as_row(B *b, V x) { return with_axes(b, x, 1, 1); }
V grad__as_column(B *b, V x) { return with_axes(b, x, 1, 0); }
V grad__as_matrix(B *b, V x) { return with_axes(b, x, 2, 0); }

/* x, a stack of m by k matrices, as one matrix that has them side by side, transposed: rows are
   those of all the transposes. */
static V all_columns(B *b, V x, const int64_t *stack, int rank)
{
    int64_t dim[GRAD_RANK_MAX], flat[2];
    if (v_failed(b)) return GRAD_NONE;
    const grad_shape *s = v_shape(b, x);
    int64_t m = grad__rows(s), k = grad__columns(s);
    memcpy(dim, stack, (size_t)rank * sizeof *dim);
    dim[rank] = m;
    dim[rank + 1] = k;
    if (s->rank != rank + 2 || memcmp(s->dim, dim, (size_t)rank * sizeof *dim) != 0)
        x = v_expand(b, x, rank + 2, dim);
    if (k != 1 && m != 1) x = grad__turned(b, x);
    flat[0] = grad__dims_product(rank, stack);
    if (__builtin_mul_overflow(flat[0], k, &flat[0])) flat[0] = INT64_MAX;
    flat[1] = m;
    return v_reshape(b, x, 2, flat);
}

V grad__sum_of_outer(B *b, V x, V y, V A)
{
    int64_t stack[GRAD_RANK_MAX];
    if (v_failed(b)) return GRAD_NONE;
    const grad_shape *sx = v_shape(b, x), *sy = v_shape(b, y), *sA = v_shape(b, A);
    int rank = (sx->rank > sy->rank ? sx->rank : sy->rank) - 2;
    if (sA->rank > 2 || rank == 0 || sx->count == 0 || sy->count == 0)
        return grad__matmul_t(b, x, y, false, true);
    /* One matrix for a whole stack of right sides: one product adds up all of them. */
    for (int i = 1; i <= rank; i++) {
        int64_t p = i <= sx->rank - 2 ? sx->dim[sx->rank - 2 - i] : 1;
        int64_t q = i <= sy->rank - 2 ? sy->dim[sy->rank - 2 - i] : 1;
        stack[rank - i] = p == 1 ? q : p;
    }
    return grad__matmul_t(b, all_columns(b, x, stack, rank), all_columns(b, y, stack, rank), true,
                         false);
}

/* ---- right-hand sides ------------------------------------------------------------------------ */

int grad__right_side(grad_right_side *out, B *b, const grad_args *a, bool vectors_too)
{
    const grad_shape *A = v_shape(b, a->in[0]), *y = v_shape(b, a->in[1]);
    char left[96], right[96];
    int64_t n = grad__rows(A);
    bool stack = vectors_too && y->rank == A->rank - 1 &&
                 memcmp(y->dim, A->dim, (size_t)y->rank * sizeof *y->dim) == 0;
    *out = (grad_right_side){.b = a->in[1], .vector = y->rank == 1 || stack};
    int rows = y->rank - (out->vector ? 1 : 2);
    bool fits = y->rank > 0 && y->dim[rows] == n;
    for (int i = 1; fits && i <= rows && i <= A->rank - 2; i++) {
        int64_t p = A->dim[A->rank - 2 - i], q = y->dim[rows - i];
        fits = p == q || p == 1 || q == 1;
    }
    if (!fits)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 1, NULL,
                                "%s: `%s` must have %lld rows for A of shape %s, and stacks that "
                                "broadcast; found shape %s",
                                a->op->name, a->op->in[1].name, (long long)n,
                                grad__dims_text(left, A->rank, A->dim),
                                grad__dims_text(right, y->rank, y->dim));
    if (!out->vector && grad__columns(y) > GRAD_LAPACK_MOST)
        return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, 1, NULL, "%s: `%s` has too many columns",
                                a->op->name, a->op->in[1].name);
    if (out->vector) out->b = grad__as_column(b, out->b);
    return v_failed(b) ? -1 : 0;
}

V grad__left_side(B *b, const grad_right_side *r, V x)
{
    if (v_failed(b) || !r->vector) return x;
    const grad_shape *s = v_shape(b, x);
    return v_reshape(b, x, s->rank - 1, s->dim);
}

/* ---- LU and triangles ------------------------------------------------------------------------ */

grad_lu grad__lu(B *b, V A)
{
    V out[2];
    v_emits(b, out, &grad__op_lu, 1, &A, 0, NULL);
    return (grad_lu){A, out[0], out[1]};
}

V grad__lu_solve(B *b, const grad_lu *lu, V y, bool transpose, bool strict)
{
    return v_emit(b, &grad__op_lu_solve, 4, (V[]){lu->A, lu->factors, lu->pivots, y}, 2,
                  (grad_value[]){BOOL_(transpose), BOOL_(strict)});
}

V grad__triangular(B *b, V A, V y, grad_triangular how)
{
    return v_emit(b, &grad__op_triangular, 2, (V[]){A, y}, 4,
                  (grad_value[]){BOOL_(how.lower), BOOL_(how.unit), BOOL_(how.transpose),
                                 BOOL_(how.strict)});
}
