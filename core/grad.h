/* grad.h -- graphs, their derivatives, and running them: the manual of libgrad.
 *
 * A graph is an append-only list of nodes; a node refers only to earlier nodes. A derivative is
 * more nodes of the same graph. A program is what is left of a graph when only certain results are
 * wanted; any number of threads may run it, each with a workspace of its own.
 *
 *     grad_host host = GRAD_HOST_DEFAULT;
 *     grad_error err = {0};
 *     grad_graph *g;
 *     grad_program *program;
 *     grad_workspace *w;
 *     grad_node x, y, q, z, f, grads[3];
 *     grad_graph_new(&g, &host, GRAD_FLOAT64, &err);
 *     grad_input(&x, g, GRAD_FLOAT64, 0, NULL, &err);     (y and z likewise)
 *     grad_apply(&q, g, grad_op_find("add"), (grad_operand[]){GRAD_AT(x), GRAD_AT(y)}, 2,
 *                NULL, 0, &err);
 *     grad_apply(&f, g, grad_op_find("mul"), (grad_operand[]){GRAD_AT(q), GRAD_AT(z)}, 2,
 *                NULL, 0, &err);
 *     grad_gradient(grads, g, &f, NULL, 1, (grad_node[]){x, y, z}, 3, &err);
 *     grad_compile(&program, g, (grad_node[]){f, grads[0], grads[1], grads[2]}, 4, &err);
 *     grad_workspace_new(&w, program, &host, &err);
 *     grad_run(program, w, (const void *[]){&(double){-2}, &(double){5}, &(double){-4}}, &err);
 *     *(const double *)grad_result(w, 0) is -12; the gradients -4, -4 and 3 follow.
 *     grad_workspace_free(w), grad_program_free(program), grad_graph_free(g);
 *
 * Left out here: every call that can fail is asked whether it did (the compiler insists).
 *
 * Conventions. Functions return 0, or -1 with *err filled; out-parameters come first and are
 * untouched on failure. `void` cannot fail; _free(NULL) is fine. Sizes are in elements unless named
 * bytes. Tensors are row-major and contiguous. The first error wins; err may not be NULL.
 */
#ifndef GRAD_H
#define GRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GRAD_API __attribute__((visibility("default")))
#define GRAD_CHECK __attribute__((warn_unused_result))
#else
#define GRAD_API
#define GRAD_CHECK
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* One row an error that the core can find: code, name. What a name means to a client is said in
   api/errors.c, which lists these first. */
#define GRAD_ERRORS(X)                                                                            \
    X(OUT_OF_MEMORY, "out_of_memory")                                                             \
    X(STOPPED, "deadline_exceeded")                                                               \
    X(GRAPH_TOO_LARGE, "graph_too_large")                                                         \
    X(TENSOR_TOO_LARGE, "tensor_too_large")                                                       \
    X(MEMORY_LIMIT, "memory_limit")                                                               \
    X(UNKNOWN_ATTRIBUTE, "unknown_attribute")                                                     \
    X(MISSING_ATTRIBUTE, "missing_attribute")                                                     \
    X(BAD_ATTRIBUTE, "bad_attribute")                                                             \
    X(WRONG_ARITY, "wrong_arity")                                                                 \
    X(SHAPE_MISMATCH, "shape_mismatch")                                                           \
    X(DTYPE_MISMATCH, "dtype_mismatch")                                                           \
    X(BAD_NUMBER, "bad_number")                                                                   \
    X(INDEX_OUT_OF_RANGE, "index_out_of_range")                                                   \
    X(SINGULAR_MATRIX, "singular_matrix")                                                         \
    X(NO_CONVERGENCE, "no_convergence")                                                           \
    X(SEED_REQUIRED, "seed_required")                                                             \
    X(NOT_SCALAR, "not_scalar")                                                                   \
    X(NOT_DIFFERENTIABLE, "not_differentiable")                                                   \
    X(INTERNAL, "internal")

typedef enum grad_code {
    GRAD_OK,
#define X(code, name) GRAD_##code,
    GRAD_ERRORS(X)
#undef X
    GRAD_CODES
} grad_code;

typedef uint32_t grad_node; /* a node's place in its graph */
#define GRAD_NONE UINT32_MAX

/* Caller-owned, fixed size; start it as {0}. Filling it allocates nothing. */
typedef struct grad_error {
    grad_code code;
    grad_node node;    /* found at run time: the result of the call at fault; else GRAD_NONE */
    int input;         /* the operand at fault of that call, or -1 */
    char attribute[32]; /* the attribute at fault, or "" */
    char text[480];    /* one sentence: what was expected, what was found */
} grad_error;

/* Fills *err unless it holds an error already; always returns -1. */
GRAD_API int grad_fail(grad_error *err, grad_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
GRAD_API const char *grad_code_name(grad_code code); /* "shape_mismatch"; static */

/* ---- the host -------------------------------------------------------------------------------- */

/* What the caller grants: it must outlive the graphs, programs and workspaces made with it. One
   host serves one request: its counters are not for sharing between threads. */
typedef struct grad_host {
    size_t memory;     /* bytes that everything made with this host may take together */
    size_t used;       /* bytes taken now: kept by the core, the caller may charge its own too */
    size_t nodes;      /* nodes a graph may grow to, derivatives included */
    int64_t elements;  /* elements a tensor may have */
    const volatile int *stop; /* where not NULL and no longer 0, work ends with GRAD_STOPPED */
} grad_host;

/* Is a stop flag set? Another thread may set it at any time. */
static inline bool grad_is_set(const volatile int *flag)
{
    return flag && __atomic_load_n(flag, __ATOMIC_RELAXED);
}

#define GRAD_HOST_DEFAULT {(size_t)2 << 30, 0, (size_t)32000000, 100000000, NULL}

/* Takes `bytes` from the budget or fails with GRAD_MEMORY_LIMIT; grad_release gives them back. */
GRAD_API GRAD_CHECK int grad_charge(grad_host *host, size_t bytes, grad_error *err);
GRAD_API void grad_release(grad_host *host, size_t bytes);

/* ---- types and tensors ----------------------------------------------------------------------- */

typedef enum grad_dtype {
    GRAD_FLOAT64,
    GRAD_FLOAT32,
    GRAD_INT64,
    GRAD_INT32,
    GRAD_BOOL, /* one byte, 0 or 1 */
    GRAD_DTYPES
} grad_dtype;

#define GRAD_RANK_MAX 32

GRAD_API const char *grad_dtype_name(grad_dtype dtype);             /* "float64"; static */
GRAD_API bool grad_dtype_find(grad_dtype *out, const char *name, size_t length);
GRAD_API size_t grad_dtype_size(grad_dtype dtype);                  /* bytes an element */
static inline bool grad_dtype_is_float(grad_dtype d) { return d <= GRAD_FLOAT32; }
GRAD_API grad_dtype grad_dtype_promote(grad_dtype a, grad_dtype b); /* NumPy 2's table */

typedef struct grad_shape {
    int rank;
    uint32_t id;      /* two shapes of one graph are equal where their ids are */
    int64_t count;    /* elements: 1 for rank 0 */
    int64_t dim[];    /* rank of them */
} grad_shape;

/* ---- operators ------------------------------------------------------------------------------- */

/* An attribute's value, as given and as kept. Lists and texts are borrowed while a call lasts. */
typedef enum grad_kind {
    GRAD_NULL,
    GRAD_INT,
    GRAD_REAL,
    GRAD_TRUTH,
    GRAD_TEXT,
    GRAD_LIST, /* of integers */
    GRAD_PAIRS, /* [[before, after], …], flat: n counts the integers */
    GRAD_LISTS, /* two lists of one length, and that not 2, which is GRAD_PAIRS; flat likewise */
    GRAD_REALS  /* a list of numbers, some of them no integers */
} grad_kind;

typedef struct grad_value {
    grad_kind kind;
    uint32_t n; /* of a list: its numbers; of a text: bytes */
    union {
        int64_t i; /* GRAD_INT, GRAD_TRUTH */
        double r;
        const char *text;
        const int64_t *list;
        const double *reals;
    };
} grad_value;

typedef struct grad_attribute {
    const char *name;
    size_t length; /* bytes of name */
    grad_value value;
} grad_attribute;

/* An operator: a row of the table. Its description is read with the functions below. */
typedef struct grad_op grad_op;

typedef enum grad_role {  /* what an operand is for, which says what an untyped tensor becomes */
    GRAD_ROLE_NUMBER,     /* a number like any other */
    GRAD_ROLE_INDEX,      /* integers only */
    GRAD_ROLE_CLASSES,    /* integers are classes, reals are probabilities */
    GRAD_ROLE_CONDITION,  /* true or false; a number is true where it is not zero */
    GRAD_ROLE_MASK        /* truth values say what is kept, numbers are added */
} grad_role;

GRAD_API size_t grad_op_count(void);
GRAD_API const grad_op *grad_op_at(size_t i);                      /* in the order of the table */
GRAD_API const grad_op *grad_op_find(const char *name);            /* NULL if there is none */
GRAD_API const grad_op *grad_op_find_n(const char *name, size_t length);
GRAD_API const char *grad_op_name(const grad_op *op);
GRAD_API const char *grad_op_family(const grad_op *op);
GRAD_API const char *grad_op_doc(const grad_op *op);
GRAD_API const char *grad_op_gradient(const grad_op *op);          /* the derivative as a formula */
GRAD_API const char *grad_op_example(const grad_op *op);           /* "sum([1, 2]) -> 3" */
GRAD_API bool grad_op_is_differentiable(const grad_op *op);
GRAD_API size_t grad_op_inputs(const grad_op *op);                 /* named operands */
GRAD_API const char *grad_op_input_name(const grad_op *op, size_t i);
GRAD_API bool grad_op_input_is_optional(const grad_op *op, size_t i);
GRAD_API bool grad_op_is_variadic(const grad_op *op);              /* the last operand may repeat */
GRAD_API grad_role grad_op_role(const grad_op *op, size_t operand);
GRAD_API size_t grad_op_attributes(const grad_op *op);
GRAD_API const char *grad_op_attribute_name(const grad_op *op, size_t i);
GRAD_API const char *grad_op_attribute_type(const grad_op *op, size_t i); /* "integer", … */
GRAD_API const char *grad_op_attribute_choices(const grad_op *op, size_t i); /* "a|b" or NULL */
GRAD_API const grad_value *grad_op_attribute_default(const grad_op *op, size_t i); /* NULL: required */
/* Does the row accept these attributes, as far as can be said without operands? Else err says which
   one it does not. */
GRAD_API GRAD_CHECK int grad_op_check(const grad_op *op, const grad_attribute *attrs, size_t n,
                                      grad_error *err);
/* How many results a node of this operator has with these attributes and n_in operands: 1 for almost
   all. Those of
   call, cond, scan, while and map are the results of the function that the attribute at
   grad_op_results_of names: they are for the caller to look up; here they count as 1. */
GRAD_API size_t grad_op_results(const grad_op *op, const grad_attribute *attrs, size_t n,
                                size_t n_in);
GRAD_API int grad_op_results_of(const grad_op *op); /* -1: no attribute says it */
/* Is attribute i the name of a function? */
GRAD_API bool grad_op_attribute_is_function(const grad_op *op, size_t i);

/* NumPy's x[...] as one operator, which is in no list: its operands are x and, where one item is a
   tensor of places, that one. Its attribute "items" is a list of four integers an item: what it is,
   and for a place: which; for a slice: start, stop and step (INT64_MAX and INT64_MIN: to the end,
   or for a step back to the front). */
typedef enum grad_index_kind {
    GRAD_INDEX_AT,     /* a place: the axis goes */
    GRAD_INDEX_SLICE,
    GRAD_INDEX_REST,   /* "...": whole axes, as many as are left; once at most */
    GRAD_INDEX_NEW,    /* a new axis of size 1 */
    GRAD_INDEX_TENSOR, /* the second operand; once at most */
    GRAD_INDEX_KINDS
} grad_index_kind;

GRAD_API const grad_op *grad_op_index(void);

/* ---- graphs ---------------------------------------------------------------------------------- */

typedef struct grad_graph grad_graph;

/* `real` is the type that mathematics on integers converts to. *out: owned, grad_graph_free. */
GRAD_API GRAD_CHECK int grad_graph_new(grad_graph **out, grad_host *host, grad_dtype real,
                                       grad_error *err);
GRAD_API void grad_graph_free(grad_graph *g);
GRAD_API size_t grad_graph_size(const grad_graph *g);
GRAD_API grad_dtype grad_node_dtype(const grad_graph *g, grad_node n);
GRAD_API const grad_shape *grad_node_shape(const grad_graph *g, grad_node n); /* borrowed from g */

/* A graph's inputs are numbered in the order of these calls. */
GRAD_API GRAD_CHECK int grad_input(grad_node *out, grad_graph *g, grad_dtype dtype, int rank,
                                   const int64_t *dim, grad_error *err);
/* A constant of the given bytes; a copy is taken. */
GRAD_API GRAD_CHECK int grad_constant(grad_node *out, grad_graph *g, grad_dtype dtype, int rank,
                                      const int64_t *dim, const void *data, grad_error *err);

/* An operand is a node, or a bare number, which takes the type of the operands beside it. */
typedef enum grad_operand_kind {
    GRAD_OPERAND_NODE,
    GRAD_OPERAND_INT,
    GRAD_OPERAND_REAL,
    GRAD_OPERAND_ABSENT /* an optional input left off */
} grad_operand_kind;

typedef struct grad_operand {
    grad_operand_kind kind;
    grad_node node;
    union {
        int64_t i;
        double r;
    };
} grad_operand;

#define GRAD_AT(n) {GRAD_OPERAND_NODE, (n), {0}}

/* Appends op(in…; attrs…) with whatever casts and smaller operators it takes. out[] receives
   grad_op_results() nodes. Errors: arity, attributes, shapes, types, limits; err->input and
   err->attribute say where. */
GRAD_API GRAD_CHECK int grad_apply(grad_node *out, grad_graph *g, const grad_op *op,
                                   const grad_operand *in, size_t n_in,
                                   const grad_attribute *attrs, size_t n_attrs, grad_error *err);

/* ---- functions --------------------------------------------------------------------------------- */

/* Where call, cond, scan, while and map find the functions that their attributes name. A function
   becomes a graph of its own once for each list of operand types it is used with, and nodes refer
   to that; it is never copied into the graph that uses it. It must outlive the graph. */
typedef struct grad_library {
    void *context;
    /* Is there a function of this name, and how many operands and results (one at least) has it? */
    bool (*find)(void *context, const char *name, size_t length, size_t *inputs, size_t *results);
    /* Appends its body to `body`, a fresh graph of which in[] are inputs of the types at hand, and
       sets out[]. Bodies may use further functions of the library. */
    int (*build)(void *context, grad_graph *body, const char *name, size_t length,
                 const grad_node *in, grad_node *out, grad_error *err);
} grad_library;

GRAD_API void grad_graph_functions(grad_graph *g, const grad_library *library);

/* ---- derivatives ------------------------------------------------------------------------------- */

/* Appends the gradient of sum(seed[i] * of[i]) with respect to every wrt[k]: out[k] has the shape
   and type of wrt[k], zeros where no path leads; GRAD_NONE where wrt[k] is not floating-point.
   A seed of GRAD_NONE (or seed NULL) is 1 and needs an `of` of one element. One walk serves all. */
GRAD_API GRAD_CHECK int grad_gradient(grad_node *out, grad_graph *g, const grad_node *of,
                                      const grad_node *seed, size_t n_of, const grad_node *wrt,
                                      size_t n_wrt, grad_error *err);

/* Appends how every of[i] changes as each wrt[k] moves along tangent[k] (of its shape and type;
   GRAD_NONE stands for zeros): out[i] has the shape and type of of[i]; GRAD_NONE where that is not
   floating-point. */
GRAD_API GRAD_CHECK int grad_tangent(grad_node *out, grad_graph *g, const grad_node *of,
                                     size_t n_of, const grad_node *wrt, const grad_node *tangent,
                                     size_t n_wrt, grad_error *err);

/* ---- programs -------------------------------------------------------------------------------- */

typedef struct grad_program grad_program;
typedef struct grad_workspace grad_workspace;

typedef struct grad_cost {
    double flops;     /* arithmetic, a transcendental counted as twenty */
    double bytes;     /* read and written */
    size_t workspace; /* bytes a workspace takes */
    size_t steps;
    double seconds;   /* a rough estimate from the above, for deciding where to run */
    double point;     /* of these, what every further point of a batch takes; else 0 */
} grad_cost;

/* results: nodes of g, none of them GRAD_NONE. *out: owned, immutable, independent of g (which may
   be freed, but whose host stays the program's); grad_program_free. */
GRAD_API GRAD_CHECK int grad_compile(grad_program **out, grad_graph *g, const grad_node *results,
                                     size_t n_results, grad_error *err);
GRAD_API void grad_program_free(grad_program *p);
GRAD_API grad_cost grad_program_cost(const grad_program *p);

/* *out: owned, grad_workspace_free, before p. The host may be another one than the program's. While
   it is made nobody may add to the graph that p was compiled from. */
GRAD_API GRAD_CHECK int grad_workspace_new(grad_workspace **out, const grad_program *p,
                                           grad_host *host, grad_error *err);
GRAD_API void grad_workspace_free(grad_workspace *w);

/* inputs[i]: the data of input i, in the dtype and shape declared (may be NULL where no result
   depends on it); borrowed, and must stay as it is until the results have been read. Allocates
   nothing. err->node names the result of the call at fault, also of one that is differentiated. */
GRAD_API GRAD_CHECK int grad_run(const grad_program *p, grad_workspace *w,
                                 const void *const *inputs, grad_error *err);
/* The data of result k of the last run: borrowed from w, from the inputs or from the program. */
GRAD_API const void *grad_result(const grad_workspace *w, size_t k);

/* ---- batches ----------------------------------------------------------------------------------- */

/* The graph is one point's, and so are the shapes of its nodes. A program made for a batch runs it
   for many points: in blocks, element-wise operators over all points of a block at once, so that a
   scalar graph too is computed with vectors. What depends on no batched input is computed once. A
   result's bits are those of grad_run for that point alone, wherever in a batch it stands. A
   workspace has room for a block, however many points there are. */

typedef enum grad_reduce {
    GRAD_EACH, /* the results of all points, one after another */
    GRAD_SUM,  /* their sum: floating-point results only */
    GRAD_MEAN  /* their sum divided by the number of points; of none, NaN */
} grad_reduce;

typedef struct grad_batch {
    const bool *batched;       /* by the graph's inputs: has it a value of its own for each point? */
    const grad_reduce *reduce; /* by result; NULL: GRAD_EACH for all */
} grad_batch;

GRAD_API GRAD_CHECK int grad_compile_batch(grad_program **out, grad_graph *g,
                                           const grad_node *results, size_t n_results,
                                           const grad_batch *batch, grad_error *err);

/* Values of all points: that of point i is `stride` bytes after that of point i - 1. */
typedef struct grad_points {
    const void *data;
    size_t stride; /* 0: all points have the same; of inputs that are not batched it is not read */
} grad_points;

typedef struct grad_stack {
    void *data;    /* NULL: left out. One value's room where points are summed or averaged */
    size_t stride; /* as above; of a value's bytes, where they are to stand one after another */
} grad_stack;

/* Runs points 0 to points - 1: inputs by their numbers, results by theirs. Of a result that depends
   on no batched input every point gets a copy; grad_result(w, k) has it too, also for no points at
   all. Sums are taken over the points in their order, in double precision with what rounding lost
   carried along, and so are the same for every size of block. An error found at one of the points
   names it: the first point at which there is one. */
GRAD_API GRAD_CHECK int grad_run_batch(const grad_program *p, grad_workspace *w, size_t points,
                                       const grad_points *inputs, const grad_stack *results,
                                       grad_error *err);

/* ---- Jacobians --------------------------------------------------------------------------------- */

typedef struct grad_jacobian grad_jacobian;

/* The derivatives of every element of every of[i] with respect to every element of every wrt[k], all
   of them floating-point, and `results` beside them. Which can be other than zero is read from the
   graph, to which nodes and inputs are appended. Rows are found by reverse mode or columns by forward
   mode, those together that cannot meet; a result with infinities or NaN among its entries as a
   gradient of its own. `inputs` are the data that it is to be run with: where operators like take find
   elements depends on them, and so does the structure. *out: owned, grad_jacobian_free, before g. */
GRAD_API GRAD_CHECK int grad_jacobian_new(grad_jacobian **out, grad_graph *g,
                                          const grad_node *results, size_t n_results,
                                          const grad_node *of, size_t n_of, const grad_node *wrt,
                                          size_t n_wrt, const void *const *inputs, grad_error *err);
GRAD_API void grad_jacobian_free(grad_jacobian *j);
/* The inputs may differ from those above, but not so that such operators find other elements. */
GRAD_API GRAD_CHECK int grad_jacobian_run(grad_jacobian *j, const void *const *inputs,
                                          grad_error *err);
/* Of the last run: results[k], and row `row` of of[i]'s Jacobian. */
GRAD_API const void *grad_jacobian_result(const grad_jacobian *j, size_t k);
typedef struct grad_entries {
    size_t n;
    const uint32_t *column; /* ascending; those of wrt[0] come first, then those of wrt[1], … */
    const double *value;    /* the others are 0 */
} grad_entries;
GRAD_API grad_entries grad_jacobian_row(const grad_jacobian *j, size_t i, size_t row);
/* How many sweeps a run takes: forward, or reverse. */
GRAD_API size_t grad_jacobian_sweeps(const grad_jacobian *j, bool forward);

/* ---- the build ------------------------------------------------------------------------------- */

#define GRAD_VERSION "0.1.0"
GRAD_API const char *grad_version(void);
GRAD_API const char *grad_blas_kernels(void); /* what OpenBLAS says it runs: "SkylakeX"; static */

#ifdef __cplusplus
}
#endif
#endif
