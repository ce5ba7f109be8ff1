/* linalg_lu.c -- LU factors, and solving with them; triangular systems.
 *
 * The factors are those of the transpose, since a row-major matrix is its transpose to LAPACK:
 * Aᵀ = P L U. Then A x = b is Uᵀ, Lᵀ and P undone one after the other. Right-hand sides are
 * row-major as well, and solved from the right, so that nothing is ever turned.
 */
#include <math.h>
#include <string.h>

#include "factor.h"

enum { SMALL = 16 }; /* up to this size the loops are quicker than the calls */

#define T double
#define NAME float64
#include "linalg_small.h"

#define T float
#define NAME float32
#include "linalg_small.h"

/* ---- lu -------------------------------------------------------------------------------------- */

static int lu_infer(grad_infer *f)
{
    const grad_shape *A = f->in[0];
    if (grad__infer_square(f, 0) < 0) return -1;
    int64_t *dim = grad_infer_list(f, (size_t)A->rank);
    if (!dim) return -1;
    grad_infer_same(f, A);
    memcpy(dim, A->dim, (size_t)(A->rank - 1) * sizeof *dim);
    f->more[0] = (grad_part){GRAD_INT64, A->rank - 1, dim};
    return 0;
}

/* What large matrices take: a copy, and pivots as LAPACK counts them. */
typedef struct lu_room {
    void *m;
    int32_t *exchanged;
} lu_room;

static size_t lay_out_lu(lu_room *to, const grad_call *c, char *base)
{
    int64_t n = grad__rows(c->in[0]);
    grad_room r = {.base = base};
    if (n <= SMALL) return 0;
    to->m = grad__carve(&r, n * n, c->in_dtype[0]);
    to->exchanged = grad__carve(&r, n, GRAD_INT32);
    return r.used;
}

static size_t lu_scratch(const grad_call *c)
{
    lu_room none;
    return lay_out_lu(&none, c, NULL);
}

static double lu_work(const grad_call *c)
{
    double n = (double)grad__rows(c->in[0]);
    return (double)c->in[0]->count * (2 + 2 * n / 3);
}

static void large_lu(grad_dtype t, void *factors, int64_t *pivots, const void *A, int64_t n,
                     const lu_room *room)
{
    size_t bytes = (size_t)(n * n) * grad_dtype_size(t);
    memcpy(room->m, A, bytes);
    grad__lapack_lu(t, n, room->m, room->exchanged);
    memcpy(factors, room->m, bytes);
    for (int64_t i = 0; i < n; i++) pivots[i] = room->exchanged[i] - 1;
}

static int lu_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *A = c->in[0];
    grad_dtype t = c->in_dtype[0];
    int64_t n = grad__rows(A), many = grad__stack_count(A, 2);
    int64_t *pivots = (int64_t *)(void *)((char *)out + grad_part_bytes(A->count, t));
    lu_room room = {0};
    lay_out_lu(&room, c, frame->scratch);
    for (int64_t i = 0; i < many && n > 0; i++, pivots += n) {
        const void *a = grad__matrix(in[0], i, n * n, t);
        void *to = (char *)out + (size_t)(i * n * n) * grad_dtype_size(t);
        if (grad__any_nan(t, a, n * n)) {
            grad__fill_real(t, to, n * n, NAN);
            for (int64_t k = 0; k < n; k++) pivots[k] = k;
        } else if (room.m) { /* it is large */
            large_lu(t, to, pivots, a, n, &room);
        } else if (t == GRAD_FLOAT64) {
            small_lu_float64(to, a, pivots, (int)n);
        } else {
            small_lu_float32(to, a, pivots, (int)n);
        }
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

const grad_op grad__op_lu = {
    .name = "lu",
    .doc = "The factors of the transpose, Aᵀ = P L U, in one matrix that holds them column by "
           "column; and the row that each row was exchanged with, in order.",
    .gradient = "none: who uses the factors is differentiated with respect to A",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .results = grad__two_results,
    .infer = lu_infer,
    .kernel = lu_kernel,
    .scratch = lu_scratch,
    .work = lu_work,
    .internal = true,
    .rule = no_gradient,
    .example = "lu([[1, 2], [3, 4]]) -> [[2, 0.5], [4, 1]]; [1, 1]\n"
               "lu([[NaN, 2], [3, 4]]) -> [[NaN, NaN], [NaN, NaN]]; [0, 1]",
};

/* ---- triangles ------------------------------------------------------------------------------- */

void grad__solve_triangle(grad_dtype type, void *x, const void *t, int64_t n, int64_t k,
                          grad_triangular how)
{
    if (n > SMALL) {
        const grad_triangle s = {.upper = how.lower, .transpose = how.transpose, .unit = how.unit,
                                 .n = n, .k = k};
        grad__lapack_triangular(type, &s, t, x);
        return;
    }
    int row = how.transpose ? 1 : (int)n, column = how.transpose ? (int)n : 1;
    bool upper = how.lower == how.transpose;
    if (type == GRAD_FLOAT64)
        small_triangular_float64(x, t, (int)n, k, row, column, upper, how.unit);
    else
        small_triangular_float32(x, t, (int)n, k, row, column, upper, how.unit);
}

static bool has_zero_on_diagonal(grad_dtype t, const void *m, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (grad__real_at(t, m, i * (n + 1)) == 0) return true;
    return false;
}

/* What the two solvers share: a matrix, and the right-hand side where it is solved in place. Large
   ones are copied to scratch memory first. */
typedef struct system {
    grad_dtype t;
    int64_t n, k;
    void *copy, *room;      /* of the matrix, and for the right-hand side */
    const void *m, *copied; /* the matrix, and what the copy was taken from */
    void *x;
} system;

static size_t lay_out_system(system *s, const grad_shape *A, const grad_shape *y, grad_dtype t,
                             char *base)
{
    grad_room r = {.base = base};
    *s = (system){.t = t, .n = grad__rows(A), .k = grad__columns(y)};
    if (s->n <= SMALL) return 0;
    s->copy = grad__carve(&r, s->n * s->n, t);
    s->room = grad__carve(&r, s->n * s->k, t);
    return r.used;
}

static void begin_system(system *s, const void *m, const void *y, void *to)
{
    size_t size = grad_dtype_size(s->t);
    if (s->copy && s->copied != m) memcpy(s->copy, m, (size_t)(s->n * s->n) * size);
    s->copied = m;
    s->m = s->copy ? s->copy : m;
    s->x = s->copy ? s->room : to;
    memcpy(s->x, y, (size_t)(s->n * s->k) * size);
}

static void end_system(const system *s, void *to)
{
    if (s->x != to) memcpy(to, s->x, (size_t)(s->n * s->k) * grad_dtype_size(s->t));
}

enum { LOWER, UNIT, TRANSPOSE, STRICT };

static int triangular_infer(grad_infer *f)
{
    const grad_shape *y = f->in[1];
    if (grad__infer_square(f, 0) < 0) return -1;
    if (y->rank < 2 || grad__rows(y) != grad__rows(f->in[0]))
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 1, NULL, "b and A differ in rows");
    if (grad__infer_stacks(f, (const int[]){2, 2}) < 0) return -1;
    f->dim[f->rank++] = grad__rows(y);
    f->dim[f->rank++] = grad__columns(y);
    return 0;
}

static size_t triangular_scratch(const grad_call *c)
{
    system none;
    return lay_out_system(&none, c->in[0], c->in[1], c->dtype, NULL);
}

static double triangular_work(const grad_call *c)
{
    return (double)c->shape->count * (double)grad__rows(c->in[0]);
}

static int triangular_kernel(const grad_call *c, void *out, const void *const *in,
                             grad_frame *frame)
{
    const grad_shape *A = c->in[0];
    const grad_triangular how = {c->attr[LOWER].i != 0, c->attr[UNIT].i != 0,
                                 c->attr[TRANSPOSE].i != 0, c->attr[STRICT].i != 0};
    char *to = out;
    system s;
    grad_stacks at;
    lay_out_system(&s, A, c->in[1], c->dtype, frame->scratch);
    grad__stacks_begin(&at, c->shape, c->shape->rank - 2);
    grad__stacks_operand(&at, A, 2);
    grad__stacks_operand(&at, c->in[1], 2);
    do {
        const void *m = grad__matrix(in[0], at.at[0], s.n * s.n, s.t);
        if (how.strict && !how.unit && has_zero_on_diagonal(s.t, m, s.n))
            return grad__bad_matrix(frame, GRAD_SINGULAR_MATRIX, A, A->rank - 2, at.at[0],
                                    "is singular: it has a zero on its diagonal");
        begin_system(&s, m, grad__matrix(in[1], at.at[1], s.n * s.k, s.t), to);
        grad__solve_triangle(s.t, s.x, s.m, s.n, s.k, how);
        end_system(&s, to);
        to += (size_t)(s.n * s.k) * grad_dtype_size(s.t);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    } while (grad__stacks_next(&at));
    return 0;
}

static void triangular_rule(B *b, const grad_pull *p)
{
    grad_triangular how = {p->attr[LOWER].i != 0, p->attr[UNIT].i != 0,
                           p->attr[TRANSPOSE].i == 0, p->attr[STRICT].i != 0};
    V back = grad__triangular(b, p->in[0], p->g, how);
    pull(p, 1, back);
    if (!wants(p, 0)) return;
    V outer = how.transpose ? grad__sum_of_outer(b, back, p->y, p->in[0])
                            : grad__sum_of_outer(b, p->y, back, p->in[0]);
    pull(p, 0, grad__triangle(b, v_neg(b, outer), how.lower,
                              how.unit ? (how.lower ? -1 : 1) : 0));
}

const grad_op grad__op_triangular = {
    .name = "triangular",
    .doc = "Solves op(A) x = b for triangular A; not strict, a singular one gives what is not "
           "finite.",
    .gradient = "op(A)⁻ᵀ g to b, minus the triangle of that times yᵀ to A",
    .in = {{.name = "A"}, {.name = "b"}},
    .attr = {{.name = "lower", .type = ATTR_BOOL, .otherwise = BOOL_(true)},
             {.name = "unit", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "transpose", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "strict", .type = ATTR_BOOL, .otherwise = BOOL_(true)}},
    .types = TYPES_REAL,
    .infer = triangular_infer,
    .kernel = triangular_kernel,
    .scratch = triangular_scratch,
    .work = triangular_work,
    .internal = true,
    .checks = 1,
    .rule = triangular_rule,
    .example = "triangular([[2, 0], [1, 4]], [[2], [9]]) -> [[1], [2]]\n"
               "triangular([[0, 9], [9, 1]], [[1], [1]], strict=false) -> "
               "[[Infinity], [-Infinity]]",
    .trials = "d[3,3] [3,2]; d[3,3] [3,2] transpose=true; d[3,3] [3,2] lower=false; "
              "[3,3] [3,2] unit=true; d[17,17] [17,2]; "
              "d[17,17] [2,17,1] lower=false transpose=true; "
              "d[2,1,3,3] [3,3,2]; [0,0] [0,2]; [2,2] [2,0] unit=true lower=false transpose=true",
};

/* ---- lu_solve -------------------------------------------------------------------------------- */

enum { TURNED, EXACT };

static int lu_solve_infer(grad_infer *f)
{
    const grad_shape *y = f->in[3];
    if (grad__infer_square(f, 0) < 0) return -1;
    if (y->rank < 2 || grad__rows(y) != grad__rows(f->in[0]))
        return grad_infer_fail(f, GRAD_SHAPE_MISMATCH, 3, NULL, "b and A differ in rows");
    if (grad__infer_stacks(f, (const int[]){0, 2, 1, 2}) < 0) return -1;
    f->dim[f->rank++] = grad__rows(y);
    f->dim[f->rank++] = grad__columns(y);
    return 0;
}

static size_t lu_solve_scratch(const grad_call *c)
{
    system none;
    return lay_out_system(&none, c->in[1], c->in[3], c->dtype, NULL);
}

static double lu_solve_work(const grad_call *c)
{
    return 2 * (double)c->shape->count * (double)grad__rows(c->in[1]);
}

void grad__exchange_rows(grad_dtype t, void *m, int64_t k, int64_t i, int64_t p)
{
    size_t bytes = (size_t)k * grad_dtype_size(t);
    char *x = (char *)m + (size_t)i * bytes, *y = (char *)m + (size_t)p * bytes;
    char few[256];
    if (i == p) return;
    for (size_t n; bytes; bytes -= n, x += n, y += n) {
        n = bytes < sizeof few ? bytes : sizeof few;
        memcpy(few, x, n);
        memcpy(x, y, n);
        memcpy(y, few, n);
    }
}

/* Row by row the factors are lower triangular Uᵀ and unit upper triangular Lᵀ. */
static void solve_system(system *s, const int64_t *pivots, bool transpose)
{
    const grad_triangular u = {.lower = true, .transpose = transpose};
    const grad_triangular l = {.lower = false, .transpose = transpose, .unit = true};
    for (int64_t i = 0; i < s->n && transpose; i++)
        grad__exchange_rows(s->t, s->x, s->k, i, pivots[i]);
    grad__solve_triangle(s->t, s->x, s->m, s->n, s->k, transpose ? l : u);
    grad__solve_triangle(s->t, s->x, s->m, s->n, s->k, transpose ? u : l);
    for (int64_t i = s->n; i-- > 0 && !transpose;)
        grad__exchange_rows(s->t, s->x, s->k, i, pivots[i]);
}

static int lu_solve_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_shape *A = c->in[1];
    const int64_t *pivots = in[2];
    char *to = out;
    system s;
    grad_stacks at;
    lay_out_system(&s, A, c->in[3], c->dtype, frame->scratch);
    grad__stacks_begin(&at, c->shape, c->shape->rank - 2);
    grad__stacks_operand(&at, A, 2);
    grad__stacks_operand(&at, c->in[3], 2);
    do {
        const void *m = grad__matrix(in[1], at.at[0], s.n * s.n, s.t);
        if (c->attr[EXACT].i && has_zero_on_diagonal(s.t, m, s.n))
            return grad__bad_matrix(frame, GRAD_SINGULAR_MATRIX, A, A->rank - 2, at.at[0],
                                    "is singular");
        begin_system(&s, m, grad__matrix(in[3], at.at[1], s.n * s.k, s.t), to);
        solve_system(&s, pivots + at.at[0] * s.n, c->attr[TURNED].i != 0);
        end_system(&s, to);
        to += (size_t)(s.n * s.k) * grad_dtype_size(s.t);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    } while (grad__stacks_next(&at));
    return 0;
}

static void lu_solve_rule(B *b, const grad_pull *p)
{
    const grad_lu lu = {p->in[0], p->in[1], p->in[2]};
    bool transpose = p->attr[TURNED].i != 0;
    V back = grad__lu_solve(b, &lu, p->g, !transpose, p->attr[EXACT].i != 0);
    pull(p, 3, back);
    if (!wants(p, 0)) return;
    pull(p, 0, v_neg(b, transpose ? grad__sum_of_outer(b, p->y, back, p->in[0])
                                  : grad__sum_of_outer(b, back, p->y, p->in[0])));
}

const grad_op grad__op_lu_solve = {
    .name = "lu_solve",
    .doc = "Solves op(A) x = b, given lu(A); not strict, a singular A gives what is not finite.",
    .gradient = "op(A)⁻ᵀ g to b, minus that times yᵀ to A",
    .in = {{.name = "A"}, {.name = "factors"}, {.name = "pivots", .role = GRAD_ROLE_INDEX},
           {.name = "b"}},
    .attr = {{.name = "transpose", .type = ATTR_BOOL, .otherwise = BOOL_(false)},
             {.name = "strict", .type = ATTR_BOOL, .otherwise = BOOL_(true)}},
    .types = TYPES_REAL,
    .infer = lu_solve_infer,
    .kernel = lu_solve_kernel,
    .scratch = lu_solve_scratch,
    .work = lu_solve_work,
    .internal = true,
    .checks = 1,
    .rule = lu_solve_rule,
    .example = "lu_solve([[1, 2], [3, 4]], [[2, 0.5], [4, 1]], [1, 1], [[5], [11]]) -> [[1], [2]]\n"
               "lu_solve([[1, 2], [3, 4]], [[2, 0.5], [4, 1]], [1, 1], [[7], [10]], "
               "transpose=true) -> [[1], [2]]",
    /* Factors drawn by chance are not those of A: the operators made of this one try its rule. */
    .trials = "[0,0] [0,0] i[0]<1 [0,2]",
};

const grad_op *const grad__family_linalg_lu[] = {
    &grad__op_lu,
    &grad__op_lu_solve,
    &grad__op_triangular,
    NULL,
};
