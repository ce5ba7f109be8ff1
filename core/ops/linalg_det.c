/* linalg_det.c -- determinants: det, slogdet and logdet from the factors that lu gives. */
#include <math.h>

#include "factor.h"

extern const grad_op grad__op_det_of, grad__op_slogdet_of, grad__op_cofactor;

/* One factored matrix: the diagonal of its U, and whether its P turns the sign. */
typedef struct factored {
    grad_dtype t;
    int64_t n;
    const void *m;
    const int64_t *pivots;
} factored;

static factored factored_at(const grad_call *c, const void *const *in, int64_t i)
{
    factored f = {.t = c->in_dtype[1], .n = grad__rows(c->in[1])};
    f.m = grad__matrix(in[1], i, f.n * f.n, f.t);
    f.pivots = (const int64_t *)in[2] + i * f.n;
    return f;
}

static double diagonal(const factored *f, int64_t k)
{
    return grad__real_at(f->t, f->m, k * (f->n + 1));
}

static bool is_odd(const factored *f)
{
    bool odd = false;
    for (int64_t k = 0; k < f->n; k++) odd ^= f->pivots[k] != k;
    return odd;
}

static void stack_shape(grad_infer *f)
{
    grad_infer_same(f, f->in[0]);
    f->rank -= 2;
}

static double diagonal_work(const grad_call *c)
{
    return (double)c->in[2]->count * 20;
}

#define FACTORED                                                                                  \
    {{.name = "A"}, {.name = "factors"}, {.name = "pivots", .role = GRAD_ROLE_INDEX}}

/* ---- det ------------------------------------------------------------------------------------- */

static int det_of_infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    stack_shape(f);
    return 0;
}

static int det_of_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    for (int64_t i = 0; i < c->shape->count; i++) {
        const factored f = factored_at(c, in, i);
        double y = is_odd(&f) ? -1 : 1;
        int64_t power = 0; /* of two: the product on the way may be beyond the range */
        for (int64_t k = 0; k < f.n; k++) {
            int more = 0;
            y = frexp(y * diagonal(&f, k), &more);
            power += more;
        }
        power = power > 9999 ? 9999 : power < -9999 ? -9999 : power;
        grad__real_put(c->dtype, out, i, y == 0 ? 0 : ldexp(y, (int)power));
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static void det_of_rule(B *b, const grad_pull *p)
{
    if (!wants(p, 0)) return;
    V cofactors = v_emit(b, &grad__op_cofactor, 3, p->in, 0, NULL);
    pull(p, 0, v_mul(b, grad__as_matrix(b, p->g), cofactors));
}

const grad_op grad__op_det_of = {
    .name = "det_of",
    .doc = "The determinant of A, given lu(A).",
    .gradient = "g cofactor(A)",
    .in = FACTORED,
    .types = TYPES_REAL,
    .infer = det_of_infer,
    .kernel = det_of_kernel,
    .work = diagonal_work,
    .internal = true,
    .rule = det_of_rule,
    .example = "det_of([[1, 2], [3, 4]], [[2, 0.5], [4, 1]], [1, 1]) -> -2",
    /* Factors drawn by chance are not those of A: det tries the rule. */
    .trials = "[0,0] [0,0] i[0]<1",
};

static int det_expand(B *b, const grad_args *a, V *out)
{
    if (grad__expand_square(b, a, 0) < 0) return -1;
    const grad_lu lu = grad__lu(b, a->in[0]);
    *out = v_emit(b, &grad__op_det_of, 3, (V[]){lu.A, lu.factors, lu.pivots}, 0, NULL);
    return 0;
}

const grad_op grad__op_det = {
    .name = "det",
    .doc = "The determinant of a square matrix, or of each in a stack; 1 of the empty matrix.",
    .gradient = "g times the cofactors of A, which are y A⁻ᵀ where A has an inverse",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = det_expand,
    .example = "det([[1, 2], [3, 4]]) -> -2\n"
               "det([[1, 2], [2, 4]]) -> 0\n"
               "det([[[2, 0], [0, 3]], [[0, 1], [1, 0]]]) -> [6, -1]\n"
               "det([[NaN, 0], [0, 1]]) -> NaN",
    .trials = "[1,1]; [2,2]; [3,3]; [4,4]; [2,3,3]; [2,1,2,2]; [0,0]; [2,0,0]; [0,2,2]; d[17,17]",
};

/* ---- slogdet, logdet ------------------------------------------------------------------------- */

static int slogdet_of_infer(grad_infer *f)
{
    if (grad__infer_square(f, 0) < 0) return -1;
    stack_shape(f);
    int64_t *dim = grad_infer_list(f, (size_t)f->rank);
    if (!dim) return -1;
    for (int i = 0; i < f->rank; i++) dim[i] = f->dim[i];
    f->more[0] = (grad_part){f->dtype, f->rank, dim};
    return 0;
}

static int slogdet_of_kernel(const grad_call *c, void *out, const void *const *in,
                             grad_frame *frame)
{
    const int64_t many = grad__stack_count(c->in[0], 2);
    grad_dtype t = c->in_dtype[1];
    void *logs = (char *)out + grad_part_bytes(many, t);
    for (int64_t i = 0; i < many; i++) {
        const factored f = factored_at(c, in, i);
        double sign = is_odd(&f) ? -1 : 1, sum = 0;
        for (int64_t k = 0; k < f.n; k++) {
            double x = diagonal(&f, k);
            sign = isnan(x) ? NAN : x == 0 ? 0 : x < 0 ? 0 - sign : sign;
            sum += log(fabs(x));
        }
        grad__real_put(t, out, i, sign);
        grad__real_put(t, logs, i, sum);
        if (grad_stopped(frame)) return grad_frame_stopped(frame);
    }
    return 0;
}

static void slogdet_of_rule(B *b, const grad_pull *p)
{
    const grad_lu lu = {p->in[0], p->in[1], p->in[2]};
    V g = grad_part_cotangent(p, 1);
    if (g == GRAD_NONE || !wants(p, 0)) return; /* the sign is constant */
    V eye = grad__eye_like(b, p->in[0], grad__rows(v_shape(b, p->in[0])));
    pull(p, 0, v_mul(b, grad__as_matrix(b, g), grad__lu_solve(b, &lu, eye, true, false)));
}

const grad_op grad__op_slogdet_of = {
    .name = "slogdet_of",
    .doc = "The sign of A's determinant and the logarithm of its size, given lu(A).",
    .gradient = "g A⁻ᵀ, g being the second result's",
    .in = FACTORED,
    .types = TYPES_REAL,
    .results = grad__two_results,
    .infer = slogdet_of_infer,
    .kernel = slogdet_of_kernel,
    .work = diagonal_work,
    .internal = true,
    .rule = slogdet_of_rule,
    .example = "slogdet_of([[1, 2], [3, 4]], [[2, 0.5], [4, 1]], [1, 1]) -> "
               "-1; 0.6931471805599453",
    /* Factors drawn by chance are not those of A: slogdet tries the rule. */
    .trials = "[0,0] [0,0] i[0]<1",
};

static void sign_and_log(B *b, V out[2], V A)
{
    const grad_lu lu = grad__lu(b, A);
    v_emits(b, out, &grad__op_slogdet_of, 3, (V[]){lu.A, lu.factors, lu.pivots}, 0, NULL);
}

static int slogdet_expand(B *b, const grad_args *a, V *out)
{
    if (grad__expand_square(b, a, 0) < 0) return -1;
    sign_and_log(b, out, a->in[0]);
    return 0;
}

const grad_op grad__op_slogdet = {
    .name = "slogdet",
    .doc = "The sign of the determinant (1, -1, or 0 where the matrix is singular) and the "
           "logarithm of its absolute value, of each matrix in a stack.",
    .gradient = "g A⁻ᵀ, g being the second result's; the sign has none",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .results = grad__two_results,
    .expand = slogdet_expand,
    .example = "slogdet([[1, 2], [3, 4]]) -> -1; 0.6931471805599453\n"
               "slogdet([[1, 2], [2, 4]]) -> 0; -Infinity\n"
               "slogdet([[[2]], [[-1]]]) -> [1, -1]; [0.6931471805599453, 0]",
    .trials = "d[1,1]; d[3,3]; d[17,17]; d[2,3,3]; [0,0]; [2,0,0]; [0,2,2]",
};

static int logdet_expand(B *b, const grad_args *a, V *out)
{
    V part[2];
    if (grad__expand_square(b, a, 0) < 0) return -1;
    sign_and_log(b, part, a->in[0]);
    if (v_failed(b)) return -1;
    V negative = v_lt(b, part[0], v_num(b, part[0], 0));
    *out = v_where(b, negative, v_num(b, part[1], NAN), part[1]);
    return 0;
}

const grad_op grad__op_logdet = {
    .name = "logdet",
    .doc = "The logarithm of the determinant, of each matrix in a stack: NaN where the determinant "
           "is negative, -Infinity where it is zero.",
    .gradient = "g A⁻ᵀ, and 0 where the determinant is negative",
    .in = {{.name = "A"}},
    .types = TYPES_REAL,
    .expand = logdet_expand,
    .example = "logdet([[2, 1], [0, 3]]) -> 1.791759469228055\n"
               "logdet([[0, 1], [1, 0]]) -> NaN\n"
               "logdet([[1, 2], [2, 4]]) -> -Infinity\n"
               "logdet([[[1]], [[2]]]) -> [0, 0.6931471805599453]",
    .trials = "d[1,1]; d[3,3]; d[17,17]; d[2,3,3]; [0,0]; [2,0,0]; [0,2,2]",
};

const grad_op *const grad__family_linalg_det[] = {
    &grad__op_det,        &grad__op_slogdet, &grad__op_logdet,
    &grad__op_det_of,     &grad__op_slogdet_of, NULL,
};
