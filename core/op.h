/* op.h -- what an operator is: one row, described field by field.
 *
 * A row is a primitive (it has `infer` and kernels) or a composite (it has `expand`, which appends
 * other operators). Types are settled before a row is asked anything: `types` says how operands are
 * promoted, and casts are appended, so that neither rules nor kernels meet mixed types. Broadcast
 * reversal, accumulation over several consumers and the skipping of what is not needed happen in
 * differentiate.c, never in a rule.
 *
 * To add an operator: write its row in the family's file and name it in the list at its foot.
 */
#ifndef GRAD_OP_H
#define GRAD_OP_H

#include "grad.h"

#define GRAD_INPUTS_MAX 8
#define GRAD_ATTRIBUTES_MAX 7

/* ---- builders: appending nodes from inside the core ------------------------------------------ */

typedef struct grad_build B; /* a graph under construction; after a failure every call is a no-op */
typedef grad_node V;         /* a value: a node being combined into a formula */

/* ---- how operands' types are settled --------------------------------------------------------- */

typedef enum grad_types {
    TYPES_KEEP,    /* every operand stays as it is; the result has the first one's dtype */
    TYPES_EACH,    /* likewise, and a bare number has the graph's real dtype */
    TYPES_PROMOTE, /* the number operands take their common dtype; so has the result */
    TYPES_REAL,    /* as promoted; integers and booleans become the graph's real dtype */
    TYPES_WIDE,    /* as promoted; int32 and bool become int64 (sum, prod) */
    TYPES_LOGIC    /* every operand becomes bool */
} grad_types;

/* Operands of role INDEX must be integers and are cast to int64; CONDITION ones are cast to bool;
   CLASSES ones are cast to int64 if integer, else take part in promotion; MASK ones stay bool, or
   take part in promotion if they are not. Neither INDEX nor CONDITION takes part in promotion.
   `result` below overrides the result's dtype. */
typedef enum grad_result_type {
    RESULT_SAME,   /* the settled dtype */
    RESULT_BOOL,
    RESULT_INT64,
    RESULT_SET     /* infer sets it */
} grad_result_type;

typedef enum grad_attribute_type {
    ATTR_NONE,     /* the end of the list */
    ATTR_INT,
    ATTR_REAL,     /* a number; an integer is accepted; kept as GRAD_REAL */
    ATTR_NUMBER,   /* a number or truth value, kept as it was written */
    ATTR_BOOL,
    ATTR_INTS,     /* an integer or a list of them, kept as GRAD_LIST; or, where the row has
                      `choices`, one of those words, kept as GRAD_INT, the word's place */
    ATTR_REALS,    /* a number or a list of them; kept as GRAD_REALS */
    ATTR_PAIRS,    /* [[a, b], …]; kept as GRAD_PAIRS */
    ATTR_LISTS,    /* an integer, kept as GRAD_INT; or [[a, …], [b, …]] of one length, or [a, b]
                      for lists of one each, kept as GRAD_LISTS */
    ATTR_TEXT,     /* one of `choices` ("mean|sum|none"); kept as GRAD_INT, the choice's place */
    ATTR_FUNCTION, /* the name of a function; kept as GRAD_TEXT */
    ATTR_STRING,   /* any text; kept as GRAD_TEXT: n bytes, no NUL after them */
    ATTR_DTYPE,    /* a dtype's name; kept as GRAD_INT */
    ATTR_TENSOR    /* of `input` and `constant`, which whoever reads documents appends himself */
} grad_attribute_type;

typedef struct grad_attribute_row {
    const char *name;
    grad_attribute_type type;
    bool required;       /* must be given; else `otherwise` stands in */
    bool nullable;       /* null may be given */
    grad_value otherwise;
    const char *choices; /* ATTR_TEXT, ATTR_INTS */
    bool gives_results;  /* ATTR_FUNCTION: the operator has as many results as this function */
} grad_attribute_row;

/* Defaults, for `otherwise`. */
#define NOTHING {.kind = GRAD_NULL}
#define INT_(x) {.kind = GRAD_INT, .i = (x)}
#define REAL_(x) {.kind = GRAD_REAL, .r = (x)}
#define BOOL_(x) {.kind = GRAD_TRUTH, .i = (x)}

typedef struct grad_input_row {
    const char *name;
    grad_role role;
    bool optional;
} grad_input_row;

/* ---- what results are made of ------------------------------------------------------------------ */

/* Which elements of the operands an element of the result depends on, as far as derivatives go: what
   the search for a Jacobian's zeros asks (structure.c). REACH_ALL is always true. Element-wise rows
   and aliases need not say anything. */
typedef enum grad_depends {
    REACH_ALL,
    REACH_SAME,   /* the one at its own place */
    REACH_MOVE,   /* one element of one operand, or none: which, does not depend on real operands */
    REACH_ADD,    /* those that are added up in it: an element of an operand is added, unweighed, to
                     one element of the result or none */
    REACH_ADD_TO, /* likewise, on top of the first operand, which keeps its place */
    REACH_AXES,   /* all of the operand along the attribute `axis`, which is reduced */
    REACH_LINE,   /* all along the attribute `axis`, which stays */
    REACH_AHEAD,  /* along `axis` the one at its own place and as many more as the result is shorter */
    REACH_PRODUCT /* its row and its column: matmul_t */
} grad_depends;

/* ---- what the functions of a row are given ---------------------------------------------------- */

/* One result of several. */
typedef struct grad_part {
    grad_dtype dtype;
    int rank;
    int64_t *dim; /* from grad_infer_list */
} grad_part;

/* A primitive's shape rule. It reads the operands (their dtypes are settled), may rewrite attr[] to
   a normal form (axes not negative, null filled in), and sets `dim`, `rank` and, for RESULT_SET,
   `dtype`. Lists it writes come from grad_infer_list. Returns 0, or grad_infer_fail(...). */
typedef struct grad_infer {
    const struct grad_op *op;
    size_t n_in;
    const grad_shape *const *in; /* NULL where an optional operand was left off */
    const grad_dtype *in_dtype;
    grad_value *attr;
    B *build;
    grad_error *err;
    grad_dtype dtype; /* in: the settled dtype of the operands; out: the result's */
    int rank;
    int64_t dim[GRAD_RANK_MAX];
    size_t n_results;
    grad_part *more; /* where there are several results: those after the first, to be set as well */
} grad_infer;

/* A composite's expansion: combine in[] into out[]. attr[] is complete (defaults filled in) but not
   normalised. GRAD_NONE stands for an optional operand left off. */
typedef struct grad_args {
    const struct grad_op *op;
    size_t n_in;
    const V *in;
    const grad_value *attr;
} grad_args;

/* A primitive's derivative rule: for every operand k that wants(p, k), give its cotangent with
   pull(p, k, contribution). The contribution may have any shape that the operand's broadcasts to
   (it is summed back) or that broadcasts to the operand's (it is expanded). */
typedef struct grad_pull {
    V y;              /* the node itself */
    V g;              /* its cotangent: y's shape and dtype; of several results: grad_part_cotangent */
    size_t n_in;
    const V *in;
    const grad_value *attr; /* normalised */
    struct grad_walk *walk;
} grad_pull;

/* What a kernel is bound to when a program is compiled; immutable and shared by threads. */
typedef struct grad_call {
    const struct grad_op *op;
    const grad_value *attr;
    size_t n_in;
    grad_dtype dtype; /* of the result */
    const grad_shape *shape;
    const grad_dtype *in_dtype;
    const grad_shape *const *in; /* NULL: operand left off */
    const grad_program *const *program; /* of the row's functions, in the order of its attributes */
} grad_call;

/* What a kernel may use while it runs. */
typedef struct grad_frame {
    void *scratch;            /* the bytes that the row's `scratch` asked for, 64-byte aligned */
    const volatile int *stop; /* poll it (grad_stopped) in anything longer than a millisecond */
    grad_error *err;
} grad_frame;

/* A lane kernel: n lanes of one instruction. in[k] is contiguous where step[k] is 1 and one element
   for all lanes where it is 0; out may be the same memory as any in[k] whose step is 1. Every lane
   has the same bits whatever n is and wherever it stands. */
typedef void (*grad_lanes)(void *out, const void *const *in, const size_t *step, size_t n);

/* A whole-tensor kernel. Returns 0, or -1 with frame->err filled. Never called for an empty result
   unless the row says `runs_empty`; in[] may be empty tensors. */
typedef int (*grad_kernel)(const grad_call *c, void *out, const void *const *in, grad_frame *frame);

/* ---- the row --------------------------------------------------------------------------------- */

struct grad_op {
    const char *name;
    const char *doc;      /* one line: what it computes, as a sentence or a formula */
    const char *gradient; /* the derivative as a formula, in words of the same kind */
    grad_input_row in[GRAD_INPUTS_MAX]; /* ends at a NULL name */
    grad_attribute_row attr[GRAD_ATTRIBUTES_MAX];
    bool variadic;        /* the last operand may be given any number of times, once at least */
    grad_types types;
    grad_result_type result;

    /* A composite has this one ... */
    int (*expand)(B *b, const grad_args *a, V *out);
    size_t (*results)(const grad_value *attr); /* where not NULL: how many results; else one. Also of
                          a primitive, whose kernel then writes a block: see grad_part_bytes */

    /* ... and a primitive these. An element-wise one has `lanes` by dtype and needs no `infer`:
       its operands broadcast. A dtype that has no entry is a dtype_mismatch. */
    int (*infer)(grad_infer *f);
    grad_lanes lanes[GRAD_DTYPES]; /* indexed by the settled dtype of the operands */
    grad_kernel kernel;
    size_t (*scratch)(const grad_call *c); /* bytes */
    double flops;                  /* an element of the result; 0 means 1 */
    double (*work)(const grad_call *c); /* where `flops` cannot say it: flops of the whole call */
    int checks;      /* 1 + the operand whose values the kernel may refuse; 0: the first of role
                        INDEX, if there is one */
    grad_depends reach;
    bool in_place;   /* the kernel may be given out == in[0] when in[0] dies here */
    bool runs_empty; /* run even when the result has no elements (checks its operands) */
    bool one_each;   /* a composite with a result for each operand after the first */
    bool alias;      /* the result is in[0]'s bytes under another shape: no kernel */
    bool broadcasts; /* the result is in[0] broadcast to another shape: lanes need not see it */
    bool trims;      /* of several results those at the end that nothing needs are cut off the block:
                        the kernel looks at the block's size in words, c->shape->count */
    int functions;   /* so many attributes, the first ones, are numbers of functions (functions.h) */
    bool internal;   /* for rules only: not found by name, not listed */

    /* An operand k of a binary row that leaves the other one as it is, bit for bit, where it is the
       constant neutral[k].value (x * 1): programs drop such nodes. */
    struct {
        bool is;
        double value;
    } neutral[2];

    /* Differentiation: a rule, or zero_gradient where the derivative is zero everywhere, or
       no_gradient where there is none to speak of (integer results, sources). A composite is
       differentiated through what it expands to and leaves this NULL. */
    void (*rule)(B *b, const grad_pull *p);

    /* The row's own tests. `domain[k]` is where random operands k are drawn from ({0,0}: -2 to 2).
       `example` are known values, one or more calls separated by newlines:
           sum([[1, 2], [3, 4]], axis=0) -> [4, 6]
       (0-d numbers, nested lists, true, NaN, Infinity; several results: a -> b; c).
       `trials` are shapes and attributes at which the derivative is held against central
       differences, separated by semicolons:
           [2,3]; [2,3] axis=1 keepdims=true; [0,3] axis=0
       one bracket an operand; i[4]<5 is an integer operand of values 0 to 4, b[4] a boolean one,
       d[3,3] one of matrices whose diagonals outweigh the rest, - an operand left off. Where NULL an
       element-wise operator is tried at [], [3], [2,3] and broadcast pairs. */
    double domain[GRAD_INPUTS_MAX][2];
    const char *example;
    const char *trials;
};

/* A family: its name and its rows, ended by NULL. The list of lists is in registry.c. */
typedef struct grad_family {
    const char *name;
    const grad_op *const *ops;
} grad_family;

const grad_family *grad__families(void); /* all, internal rows included; ended by a NULL name */

/* ---- services for rows (op.c, differentiate.c) ------------------------------------------------ */

/* infer */
int grad_infer_fail(grad_infer *f, grad_code code, int input, const char *attribute,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
void grad_infer_same(grad_infer *f, const grad_shape *s);      /* the result has this shape */
int grad_infer_broadcast(grad_infer *f, size_t first, size_t n); /* ... the broadcast of n operands */
int64_t *grad_infer_list(grad_infer *f, size_t n);             /* NULL and err when out of memory */
/* attr[k] as one axis of `rank`, made not negative in place; a 0-d tensor accepts 0 and -1. */
int grad_infer_axis(grad_infer *f, size_t k, int rank);
/* attr[k] as a sorted list of distinct axes; null becomes all. */
int grad_infer_axes(grad_infer *f, size_t k, int rank);

/* rules */
bool grad_wants(const grad_pull *p, size_t k);
void grad_give(B *b, const grad_pull *p, size_t k, V contribution);
#define wants(p, k) grad_wants(p, k)
#define pull(p, k, contribution)                                                                  \
    do {                                                                                          \
        if (grad_wants(p, k)) grad_give(b, p, k, (contribution));                                 \
    } while (0)
/* For adjoints that add pieces into a whole (slice, take, gather): the sum gathered so far for
   operand k (zeros of its shape at first). Append an operator that is `in_place` on it and give the
   result with grad_give_total: the pieces then share one buffer. */
V grad_total(B *b, const grad_pull *p, size_t k);
void grad_give_total(B *b, const grad_pull *p, size_t k, V total);
void zero_gradient(B *b, const grad_pull *p);
void no_gradient(B *b, const grad_pull *p);

/* Of a primitive with several results, whose rule is asked once for all: result k as a node, and its
   cotangent, GRAD_NONE where nothing came back to it. */
V grad_part_node(const grad_pull *p, size_t k);
V grad_part_cotangent(const grad_pull *p, size_t k);

/* composites */
int grad_expand_fail(B *b, grad_code code, int input, const char *attribute, const char *format,
                     ...) __attribute__((format(printf, 5, 6)));
/* Operand k; GRAD_NONE where it was left off. */
static inline V grad__given(const grad_args *a, size_t k)
{
    return k < a->n_in ? a->in[k] : GRAD_NONE;
}

/* kernels */

/* A primitive with several results writes them into one block, one after another, each in this many
   bytes; they are taken out by nodes of their own. The call's dtype and shape are the block's. */
static inline size_t grad_part_bytes(int64_t count, grad_dtype dtype)
{
    return ((size_t)count * grad_dtype_size(dtype) + 63) & ~(size_t)63;
}
static inline bool grad_stopped(const grad_frame *f)
{
    return grad_is_set(f->stop);
}
static inline int grad_frame_stopped(grad_frame *f) /* fills the error; returns -1 */
{
    return grad_fail(f->err, GRAD_STOPPED, "the deadline passed while the graph was running");
}

/* "[2, 3]", shortened with an ellipsis where it does not fit. Returns text. */
const char *grad__dims_text(char text[96], int rank, const int64_t *dim);
/* A number as a request writes it: the fewest digits that read back, NaN, Infinity. Returns text. */
const char *grad__number_text(char text[32], double x);
#define NUMBER(x) grad__number_text((char[32]){0}, (x))

/* looking at nodes */
const grad_shape *v_shape(B *b, V x);
grad_dtype v_dtype(B *b, V x);
int v_rank(B *b, V x);
bool v_failed(B *b);

#endif
