/* linalg_cofactor.c -- the gradient of the determinant, which exists where no inverse does.
 *
 * It is the matrix of cofactors, a polynomial of the entries. Where A has an inverse it is
 * det(A) A⁻ᵀ, which the factors give without a division by the last pivot.
 */
#include <math.h>
#include <string.h>

#include "factor.h"

extern const grad_op grad__op_cofactor_pull;

static int cofactor_infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    grad_infer_same(f, f->in[0]);
    return 0;
}

/* A product that may leave the range of numbers on its way: y 2^power. */
typedef struct product {
    double y;
    int64_t power;
} product;

static void times(product *p, double x)
{
    int more = 0;
    p->y = frexp(p->y * x, &more);
    p->power += more;
}

static double value(const product *p, double x)
{
    int64_t power = p->power > 9999 ? 9999 : p->power < -9999 ? -9999 : p->power;
    return ldexp(p->y * x, (int)power);
}

static void scale(grad_dtype t, void *x, int64_t n, const product *p)
{
    for (int64_t i = 0; i < n; i++) grad__real_put(t, x, i, value(p, grad__real_at(t, x, i)));
}

/* With Aᵀ = P L U the cofactors are det(P) adj(U) L⁻¹ Pᵀ. Let u be the last pivot, and U' be U with
   a 1 in its place: adj(U) is the product of the other pivots times U'⁻¹, all columns of which but
   the last are multiplied by u. `m` is a copy of the factors. */
static void by_factors(grad_dtype t, void *y, void *m, const int64_t *pivots, int64_t n)
{
    const grad_triangular u = {.lower = true, .transpose = true};
    const grad_triangular l = {.lower = false, .transpose = true, .unit = true};
    product others = {1, 0};
    double last = grad__real_at(t, m, n * n - 1);
    grad__fill_real(t, y, n * n, 0);
    for (int64_t i = 0; i < n; i++) grad__real_put(t, y, i * (n + 1), 1);
    for (int64_t i = 0; i < n; i++) {
        grad__exchange_rows(t, y, n, i, pivots[i]);
        if (pivots[i] != i) others.y = -others.y;
        if (i < n - 1) times(&others, grad__real_at(t, m, i * (n + 1)));
    }
    grad__solve_triangle(t, y, m, n, n, l);
    for (int64_t i = 0; i < n * (n - 1); i++)
        grad__real_put(t, y, i, grad__real_at(t, y, i) * last);
    grad__real_put(t, m, n * n - 1, 1);
    grad__solve_triangle(t, y, m, n, n, u);
    scale(t, y, n * n, &others);
}

/* Elimination of Aᵀ (in m, column by column) with the largest pivot of all that is left, until
   nothing is left or one row. The places that rows and columns came from; whether an odd number of
   exchanges was made; -1 where it was stopped, else how many pivots were found. */
static int64_t eliminate(double *m, int64_t n, int64_t *row, int64_t *column, bool *odd,
                         grad_frame *frame)
{
    for (int64_t i = 0; i < n; i++) row[i] = column[i] = i;
    for (int64_t j = 0; j < n - 1; j++) {
        int64_t p = j, q = j;
        for (int64_t c = j; c < n; c++)
            for (int64_t r = j; r < n; r++)
                if (fabs(m[c * n + r]) > fabs(m[q * n + p])) p = r, q = c;
        if (m[q * n + p] == 0) return j;
        *odd ^= (p != j) ^ (q != j);
        grad__exchange_rows(GRAD_FLOAT64, m, n, j, q); /* a column lies in one piece */
        grad__exchange_rows(GRAD_INT64, column, 1, j, q);
        grad__exchange_rows(GRAD_INT64, row, 1, j, p);
        for (int64_t c = 0; c < n && p != j; c++) {
            double swap = m[c * n + j];
            m[c * n + j] = m[c * n + p];
            m[c * n + p] = swap;
        }
        for (int64_t r = j + 1; r < n; r++) m[j * n + r] /= m[j * n + j];
        for (int64_t c = j + 1; c < n; c++)
            for (int64_t r = j + 1; r < n; r++) m[c * n + r] -= m[j * n + r] * m[c * n + j];
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return n - 1;
}

typedef struct cofactor_room {
    double *m;
    void *y;
    int64_t *row, *column;
} cofactor_room;

static size_t lay_out_cofactor(cofactor_room *to, const grad_call *c, char *base)
{
    int64_t n = grad__rows(c->in[0]);
    grad_room r = {.base = base};
    to->m = grad__carve(&r, n * n, GRAD_FLOAT64);
    to->y = grad__carve(&r, n * n, c->dtype);
    to->row = grad__carve(&r, n, GRAD_INT64);
    to->column = grad__carve(&r, n, GRAD_INT64);
    return r.used;
}

/* Of a singular matrix the cofactors are zero, or a column times a row: with n - 1 pivots, the
   vectors that U and Lᵀ take to multiples of the last unit vector. */
static int by_elimination(grad_dtype t, const void *A, int64_t n, const cofactor_room *room,
                          grad_frame *frame)
{
    double *m = room->m;
    bool odd = false;
    for (int64_t i = 0; i < n * n; i++) m[i] = grad__real_at(t, A, i);
    int64_t found = eliminate(m, n, room->row, room->column, &odd, frame);
    if (found < 0) return -1;
    grad__fill_real(t, room->y, n * n, 0);
    if (found < n - 1) return 0;
    /* v stands in the last column, w in the last row, which are not needed any more. */
    product others = {odd ? -1 : 1, 0};
    double *v = m + (n - 1) * n;
    v[n - 1] = -1;
    for (int64_t i = n - 1; i-- > 0;) {
        for (int64_t j = i + 1; j < n - 1; j++) v[i] -= m[j * n + i] * v[j];
        v[i] /= m[i * n + i];
        times(&others, m[i * n + i]);
    }
    for (int64_t i = n - 1; i-- > 0;) { /* w = e_n L⁻¹ */
        double s = m[i * n + n - 1];
        for (int64_t j = i + 1; j < n - 1; j++) s += m[j * n + n - 1] * m[i * n + j];
        m[i * n + n - 1] = -s;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double w = j == n - 1 ? 1 : m[j * n + n - 1];
            grad__real_put(t, room->y, room->column[i] * n + room->row[j],
                           value(&others, -v[i] * w));
        }
    return 0;
}

static bool has_inner_zero(grad_dtype t, const void *m, int64_t n)
{
    for (int64_t i = 0; i < n - 1; i++)
        if (grad__real_at(t, m, i * (n + 1)) == 0) return true;
    return false;
}

static size_t cofactor_scratch(const grad_call *c)
{
    cofactor_room none;
    return lay_out_cofactor(&none, c, NULL);
}

static double cofactor_work(const grad_call *c)
{
    return 2 * (double)c->shape->count * (4 + (double)grad__rows(c->in[0]));
}

static int cofactor_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const int64_t n = grad__rows(c->in[0]), many = grad__stack_count(c->in[0], 2);
    const int64_t *pivots = in[2];
    const size_t bytes = (size_t)(n * n) * grad_dtype_size(c->dtype);
    char *to = out;
    cofactor_room room;
    lay_out_cofactor(&room, c, frame->scratch);
    for (int64_t i = 0; i < many; i++, pivots += n, to += bytes) {
        const void *factors = grad__matrix(in[1], i, n * n, c->dtype);
        if (has_inner_zero(c->dtype, factors, n)) {
            const void *A = grad__matrix(in[0], i, n * n, c->dtype);
            if (by_elimination(c->dtype, A, n, &room, frame) < 0) return -1;
        } else {
            memcpy(room.m, factors, bytes);
            by_factors(c->dtype, room.y, room.m, pivots, n);
        }
        memcpy(to, room.y, bytes);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static void cofactor_rule(B *b, const grad_pull *p)
{
    pull(p, 0, v_emit(b, &grad__op_cofactor_pull, 2, (V[]){p->in[0], p->g}, 0, NULL));
}

const grad_op grad__op_cofactor = {
    .name = "cofactor",
    .doc = "The cofactors of A, given lu(A): the gradient of its determinant.",
    .gradient = "cofactor_pull(A, g)",
    .in = {{.name = "A"}, {.name = "factors"}, {.name = "pivots", .role = GRAD_ROLE_INDEX}},
    .types = TYPES_REAL,
    .infer = cofactor_infer,
    .kernel = cofactor_kernel,
    .scratch = cofactor_scratch,
    .work = cofactor_work,
    .internal = true,
    .rule = cofactor_rule,
    .example = "cofactor([[1, 2], [3, 4]], [[2, 0.5], [4, 1]], [1, 1]) -> [[4, -3], [-2, 1]]\n"
               "cofactor([[1, 2], [2, 4]], [[2, 0.5], [4, 0]], [1, 1]) -> [[4, -2], [-2, 1]]\n"
               "cofactor([[0, 5], [0, 0]], [[0, 0], [5, 0]], [0, 1]) -> [[0, 0], [-5, 0]]\n"
               "cofactor([[0, 0, 1], [0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 0, 0], [0, 0, 1]], "
               "[2, 1, 2]) -> [[0, 0, 0], [0, -1, 0], [0, 0, 0]]",
    /* Factors drawn by chance are not those of A: det tries the rule. */
    .trials = "[0,0] [0,0] i[0]<1",
};

const grad_op *const grad__family_linalg_cofactor[] = {&grad__op_cofactor, NULL};
