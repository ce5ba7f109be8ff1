/* linalg_solve.c -- solving with a square matrix, its inverse and its powers.
 *
 * All of them are made of one LU factorisation and what linalg_lu.c solves with it, forwards and
 * backwards.
 */
#include "factor.h"

/* ---- solve ----------------------------------------------------------------------------------- */

static int solve_expand(B *b, const grad_args *a, V *out)
{
    grad_right_side r;
    if (grad__expand_square(b, a, 0) < 0 || grad__right_side(&r, b, a, true) < 0) return -1;
    const grad_lu lu = grad__lu(b, a->in[0]);
    *out = grad__left_side(b, &r, grad__lu_solve(b, &lu, r.b, false, true));
    return 0;
}

static int triangular_solve_expand(B *b, const grad_args *a, V *out)
{
    grad_right_side r;
    const grad_triangular how = {.lower = a->attr[0].i != 0, .unit = a->attr[1].i != 0,
                                 .transpose = a->attr[2].i != 0, .strict = true};
    if (grad__expand_square(b, a, 0) < 0 || grad__right_side(&r, b, a, false) < 0) return -1;
    *out = grad__left_side(b, &r, grad__triangular(b, a->in[0], r.b, how));
    return 0;
}

const grad_op grad__op_solve = {
    .name = "solve",
    .doc = "The x with A x = b. A stack of square matrices and a stack of right-hand sides "
           "broadcast; b is a vector where it has one axis, or A's shape without the last axis. A "
           "matrix that is exactly singular is an error.",
    .gradient = "db = A⁻ᵀ g, dA = -db xᵀ",
    .in = {{.name = "A"}, {.name = "b"}},
    .types = TYPES_REAL,
    .expand = solve_expand,
    .example = "solve([[2, 0], [0, 4]], [2, 12]) -> [1, 3]\n"
               "solve([[1, 2], [3, 4]], [[5, 1], [11, 1]]) -> [[1, -1], [2, 1]]\n"
               "solve([[[2]], [[4]]], [[8], [8]]) -> [[4], [2]]\n"
               "solve([[[2]], [[4]]], [[8, 4]]) -> [[[4, 2]], [[2, 1]]]\n"
               "solve([[NaN, 0], [0, 1]], [1, 1]) -> [NaN, NaN]",
    .trials = "d[1,1] [1]; d[3,3] [3]; d[3,3] [3,2]; d[17,17] [17]; d[17,17] [17,3]; "
              "d[2,3,3] [2,3]; d[2,3,3] [3,2]; d[3,3] [2,3,2]; d[3,3] [4,2,3,1]; "
              "d[2,1,2,2] [3,2,2]; [0,0] [0]; [0,0] [0,3]; d[2,2] [2,0]; d[0,3,3] [0,3]",
};

const grad_op grad__op_triangular_solve = {
    .name = "triangular_solve",
    .doc = "The x with A x = b for a triangular A, of which the other triangle is not looked at; "
           "transpose solves Aᵀ x = b, and with unit the diagonal counts as ones. A zero on the "
           "diagonal is an error. b may be a vector.",
    .gradient = "db = A⁻ᵀ g, dA = the triangle of -db xᵀ; where transposed db = A⁻¹ g, "
                "dA = the triangle of -x dbᵀ",
    .in = {{.name = "A"}, {.name = "b"}},
    .attr = {{.name = "lower", .type = ATTR_BOOL, .otherwise = BOOL_(true)},
             {.name = "unit", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "transpose", .type = ATTR_BOOL, .otherwise = BOOL_(false)}},
    .types = TYPES_REAL,
    .expand = triangular_solve_expand,
    .example = "triangular_solve([[2, 9], [1, 4]], [2, 9]) -> [1, 2]\n"
               "triangular_solve([[2, 1], [9, 4]], [[4], [8]], lower=false) -> [[1], [2]]\n"
               "triangular_solve([[0, 9], [3, 0]], [2, 7], unit=true) -> [2, 1]\n"
               "triangular_solve([[2, 9], [1, 4]], [4, 8], transpose=true) -> [1, 2]",
    .trials = "d[3,3] [3]; d[3,3] [3,2]; d[3,3] [3,2] lower=false; [3,3] [3,2] unit=true; "
              "d[3,3] [3] transpose=true; [3,3] [3] lower=false unit=true transpose=true; "
              "d[17,17] [17,2]; [17,17] [17] unit=true lower=false; d[2,3,3] [3,2]; "
              "d[3,3] [2,3,2]; [0,0] [0]; d[2,2] [2,0]; d[0,2,2] [2,1]",
};

/* ---- inv ------------------------------------------------------------------------------------- */

static V inverse(B *b, V A)
{
    const grad_lu lu = grad__lu(b, A);
    if (v_failed(b)) return GRAD_NONE;
    return grad__lu_solve(b, &lu, grad__eye_like(b, A, grad__rows(v_shape(b, A))), false, true);
}

static int inv_expand(B *b, const grad_args *a, V *out)
{
    if (grad__expand_square(b, a, 0) < 0) return -1;
    *out = inverse(b, a->in[0]);
    return 0;
}

const grad_op grad__op_inv = {
    .name = "inv",
    .doc = "The inverse of a square matrix, or of each in a stack. A matrix that is exactly "
           "singular is an error.",
    .gradient = "-yᵀ g yᵀ",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = inv_expand,
    .example = "inv([[2, 0], [0, 4]]) -> [[0.5, 0], [0, 0.25]]\n"
               "inv([[1, 2], [3, 4]]) -> [[-2, 1], [1.5, -0.5]]\n"
               "inv([[[4]], [[-8]]]) -> [[[0.25]], [[-0.125]]]\n"
               "inv([[Infinity]]) -> [[0]]",
    .trials = "d[1,1]; d[2,2]; d[3,3]; d[17,17]; d[2,3,3]; d[2,1,2,2]; [0,0]; d[0,2,2]",
};

/* ---- matrix_power ---------------------------------------------------------------------------- */

/* n is halved again and again: at most 126 products, whatever n is. */
static int matrix_power_expand(B *b, const grad_args *a, V *out)
{
    V square = a->in[0], y = GRAD_NONE;
    int64_t n = a->attr[0].i;
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
    if (grad__expand_square(b, a, 0) < 0) return -1;
    const grad_shape *s = v_shape(b, square);
    if (n == 0) {
        *out = v_expand(b, grad__eye_like(b, square, grad__rows(s)), s->rank, s->dim);
        return 0;
    }
    if (n < 0) square = inverse(b, square);
    for (; !v_failed(b); square = grad__matmul_t(b, square, square, false, false)) {
        if (rest & 1) y = y == GRAD_NONE ? square : grad__matmul_t(b, y, square, false, false);
        if (!(rest >>= 1)) break;
    }
    *out = y;
    return 0;
}

const grad_op grad__op_matrix_power = {
    .name = "matrix_power",
    .doc = "The product of n copies of a square matrix, or of each in a stack; the identity for "
           "n = 0, and powers of the inverse for n < 0.",
    .gradient = "the sum over k of (Aᵀ)^k g (Aᵀ)^(n-1-k)",
    .in = {{.name = "A"}},
    .attr = {{.name = "n", .type = ATTR_INT, .required = true}},
    .types = TYPES_PROMOTE,
    .expand = matrix_power_expand,
    .example = "matrix_power([[1, 1], [0, 1]], n=5) -> [[1, 5], [0, 1]]\n"
               "matrix_power([[1, 1], [1, 0]], n=10) -> [[89, 55], [55, 34]]\n"
               "matrix_power([[1, 1], [0, 1]], n=-3) -> [[1, -3], [0, 1]]\n"
               "matrix_power([[5, 7], [1, 2]], n=0) -> [[1, 0], [0, 1]]\n"
               "matrix_power([[[2]], [[3]]], n=2) -> [[[4]], [[9]]]",
    .trials = "[2,2] n=1; [2,2] n=2; [3,3] n=3; d[3,3] n=-1; d[3,3] n=-2; [2,2] n=0; [2,3,3] n=2; "
              "[0,0] n=3; [0,0] n=-1; [1,1] n=4; [0,2,2] n=5",
};

const grad_op *const grad__family_linalg_solve[] = {
    &grad__op_solve, &grad__op_triangular_solve, &grad__op_inv, &grad__op_matrix_power, NULL,
};
