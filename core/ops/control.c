/* control.c -- loop, repeat and branch: the primitives that run bodies. */
#include <string.h>

#include "control.h"

/* ---- results ----------------------------------------------------------------------------------- */

/* Result r of the node: `rows` of them stacked where that is not negative. */
static int set_result(grad_infer *f, size_t r, const operand_type *t, int64_t rows)
{
    int rank = t->rank + (rows >= 0);
    if (rank > GRAD_RANK_MAX)
        return grad_infer_fail(f, GRAD_TENSOR_TOO_LARGE, -1, NULL,
                               "stacked results have more than %d axes", GRAD_RANK_MAX);
    int64_t *dim = r ? grad_infer_list(f, (size_t)rank) : f->dim;
    if (!dim) return -1;
    if (rows >= 0) dim[0] = rows;
    if (t->rank) memcpy(dim + (rows >= 0), t->dim, (size_t)t->rank * sizeof *dim);
    if (r) {
        f->more[r - 1] = (grad_part){t->dtype, rank, dim};
    } else {
        f->dtype = t->dtype;
        f->rank = rank;
    }
    return 0;
}

static const function *body_of(const grad_infer *f, int k)
{
    return grad__function_at(f->build->g, f->attr[k].i);
}

static operand_type result_type(const function *f, size_t r)
{
    return grad__type_of(f->body, f->out[r]);
}

/* The rows that tapes of all carries can have: of `rows` as many as fit `bytes`, and the limit on
   elements. */
static int64_t rows_that_fit(const grad_infer *f, size_t first, size_t carries, int64_t rows,
                             uint64_t bytes)
{
    uint64_t row = 0, largest = 1; /* bytes of a row of all, elements of one of the largest */
    for (size_t j = 0; j < carries; j++) {
        const grad_shape *s = f->in[first + j];
        uint64_t extent = (uint64_t)grad__extent(s->rank, s->dim);
        row += (uint64_t)s->count * grad_dtype_size(f->in_dtype[first + j]);
        if (extent > largest) largest = extent;
    }
    uint64_t most = (uint64_t)f->build->g->host->elements / largest;
    if (row && most > bytes / row) most = bytes / row;
    return carries == 0 || (uint64_t)rows < most ? rows : (int64_t)most;
}

/* The tapes after result `from`: each carry as every step found it. */
static int set_tapes(grad_infer *f, size_t from, size_t first, size_t carries, int64_t rows)
{
    for (size_t j = 0; j < carries; j++) {
        const grad_shape *s = f->in[first + j];
        operand_type t = {f->in_dtype[first + j], s->rank, s->dim};
        if (set_result(f, from + j, &t, rows) < 0) return -1;
    }
    return 0;
}

/* ---- loop -------------------------------------------------------------------------------------- */

static size_t loop_results(const grad_value *attr)
{
    return (size_t)(attr[LOOP_RESULTS].i + attr[LOOP_CARRIES].i);
}

static int loop_infer(grad_infer *f)
{
    const function *body = body_of(f, LOOP_BODY);
    size_t results = (size_t)f->attr[LOOP_RESULTS].i, carries = (size_t)f->attr[LOOP_CARRIES].i;
    int64_t length = f->attr[LOOP_LENGTH].i;
    for (size_t r = 0; r < results; r++) {
        operand_type t = result_type(body, r);
        if (set_result(f, r, &t, r < carries ? -1 : length) < 0) return -1;
    }
    int64_t rows = rows_that_fit(f, 1, carries, length, f->build->g->host->memory);
    f->attr[LOOP_TAPED] = (grad_value)INT_(rows);
    return set_tapes(f, results, 1, carries, rows);
}

const grad_op grad__op_loop = {
    .name = "loop",
    .doc = "A body run over and over: its first results are carried into the next step, its others "
           "stacked; sliced operands give each step a row.",
    .gradient = "the loop run the other way over the body's adjoint, on the carries as they were",
    .in = {{.name = "count", .role = GRAD_ROLE_INDEX, .optional = true},
           {.name = "operands", .optional = true}},
    .attr = {{.name = "body", .type = ATTR_INT, .required = true},
             {.name = "results", .type = ATTR_INT, .required = true},
             {.name = "carries", .type = ATTR_INT, .required = true},
             {.name = "sliced", .type = ATTR_INT, .required = true},
             {.name = "length", .type = ATTR_INT, .required = true},
             {.name = "reverse", .type = ATTR_BOOL, .otherwise = BOOL_(0)},
             {.name = "taped", .type = ATTR_INT, .otherwise = INT_(0)}},
    .variadic = true,
    .types = TYPES_KEEP,
    .result = RESULT_SET,
    .results = loop_results,
    .infer = loop_infer,
    .kernel = grad__loop_kernel,
    .scratch = grad__loop_scratch,
    .work = grad__loop_work,
    .runs_empty = true,
    .trims = true,
    .functions = 1,
    .internal = true,
    .rule = grad__loop_rule,
};

/* ---- repeat ------------------------------------------------------------------------------------ */

static size_t repeat_results(const grad_value *attr)
{
    return 2 * (size_t)attr[REPEAT_CARRIES].i + 1;
}

static int repeat_infer(grad_infer *f)
{
    const function *body = body_of(f, REPEAT_BODY);
    size_t carries = (size_t)f->attr[REPEAT_CARRIES].i;
    for (size_t r = 0; r < carries; r++) {
        operand_type t = result_type(body, r);
        if (set_result(f, r, &t, -1) < 0) return -1;
    }
    if (set_result(f, carries, &(operand_type){.dtype = GRAD_INT64}, -1) < 0) return -1;
    /* Most repetitions end long before max_steps: what is kept room for is a part of the memory. */
    int64_t rows = rows_that_fit(f, 0, carries, f->attr[REPEAT_MOST].i,
                                 f->build->g->host->memory / 8);
    f->attr[REPEAT_TAPED] = (grad_value)INT_(rows);
    return set_tapes(f, carries + 1, 0, carries, rows);
}

const grad_op grad__op_repeat = {
    .name = "repeat",
    .doc = "A body run as long as a condition on what it carries holds, and how often that was.",
    .gradient = "a loop back over the steps taken, on the carries as they were",
    .in = {{.name = "operands", .optional = true}},
    .attr = {{.name = "cond", .type = ATTR_INT, .required = true},
             {.name = "body", .type = ATTR_INT, .required = true},
             {.name = "carries", .type = ATTR_INT, .required = true},
             {.name = "max_steps", .type = ATTR_INT, .required = true},
             {.name = "taped", .type = ATTR_INT, .otherwise = INT_(0)}},
    .variadic = true,
    .types = TYPES_KEEP,
    .result = RESULT_SET,
    .results = repeat_results,
    .infer = repeat_infer,
    .kernel = grad__repeat_kernel,
    .scratch = grad__repeat_scratch,
    .work = grad__repeat_work,
    .runs_empty = true,
    .trims = true,
    .functions = 2,
    .internal = true,
    .rule = grad__repeat_rule,
};

/* ---- branch ------------------------------------------------------------------------------------ */

static size_t branch_results(const grad_value *attr) { return (size_t)attr[BRANCH_RESULTS].i; }

static int branch_infer(grad_infer *f)
{
    const function *body = body_of(f, BRANCH_THEN);
    for (size_t r = 0; r < body->n_out; r++) {
        operand_type t = result_type(body, r);
        if (set_result(f, r, &t, -1) < 0) return -1;
    }
    return 0;
}

const grad_op grad__op_branch = {
    .name = "branch",
    .doc = "The body `then` run where pred is true or left off, else the body `else`.",
    .gradient = "the same branch of the bodies' adjoints",
    .in = {{.name = "pred", .role = GRAD_ROLE_CONDITION, .optional = true},
           {.name = "operands", .optional = true}},
    .attr = {{.name = "then", .type = ATTR_INT, .required = true},
             {.name = "else", .type = ATTR_INT, .required = true},
             {.name = "results", .type = ATTR_INT, .required = true}},
    .variadic = true,
    .types = TYPES_KEEP,
    .result = RESULT_SET,
    .results = branch_results,
    .infer = branch_infer,
    .kernel = grad__branch_kernel,
    .scratch = grad__branch_scratch,
    .work = grad__branch_work,
    .runs_empty = true,
    .trims = true,
    .functions = 2,
    .internal = true,
    .rule = grad__branch_rule,
};

const grad_op *const grad__family_control_bodies[] = {&grad__op_loop, &grad__op_repeat,
                                                      &grad__op_branch, NULL};
