/* control_kernels.c -- running bodies: loop, repeat and branch.
 *
 * A body is a program run in memory that was planned with the rest (scratch, whose first part is the
 * bodies' own). Steps alternate between two workspaces, so that a step reads the carries where the
 * step before has left them and nothing large is copied from step to step.
 */
#include <string.h>

#include "control.h"
#include "program.h"

static size_t bytes_of(const grad_shape *s, grad_dtype dtype)
{
    return (size_t)s->count * grad_dtype_size(dtype);
}

static size_t aligned(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* The scratch of two bodies that run in turn. */
static size_t shared_scratch(const grad_program *a, const grad_program *b)
{
    return aligned(b && b->scratch > a->scratch ? b->scratch : a->scratch);
}

/* ---- results in their block -------------------------------------------------------------------- */

/* The parts of a call's block in turn; NULL for those that were trimmed. */
typedef struct parts {
    char *at, *end;
} parts;

static parts parts_of(const grad_call *c, void *out)
{
    return (parts){out, (char *)out + (size_t)c->shape->count * 8};
}

static char *next_part(parts *p, size_t bytes)
{
    char *here = p->at;
    size_t room = aligned(bytes);
    if (room > (size_t)(p->end - p->at)) {
        p->at = p->end;
        return NULL;
    }
    p->at += room;
    return here;
}

/* ---- a body that is run step after step -------------------------------------------------------- */

typedef struct stepper {
    const grad_program *body;
    grad_workspace *w[2];
    const void **in;     /* the body's operands: carries first */
    size_t carries;
    const size_t *bytes; /* of each carry */
    char **kept[2];      /* where a carry is kept that the body only hands on; NULL for others */
    size_t steps;        /* done */
} stepper;

/* Is result k some input's own bytes, which may stand where the next step but one will write? */
static bool hands_on(const grad_program *p, size_t k)
{
    ref r = p->results[k].at;
    return !r.scalar && p->buffers[r.at].home == IN_INPUT;
}

static size_t stepper_bytes(const grad_call *c, const grad_program *body, size_t n_in,
                            size_t carries, size_t first)
{
    size_t total = 2 * grad__workspace_bytes(body) + aligned(n_in * sizeof(void *)) +
                   aligned(carries * sizeof(size_t)) + 2 * aligned(carries * sizeof(char *));
    for (size_t j = 0; j < carries; j++)
        if (hands_on(body, j))
            total += 2 * aligned(bytes_of(c->in[first + j], c->in_dtype[first + j]));
    return total;
}

/* Operand `first` of the call is the first carry. Returns what is left of the memory from `at` on. */
static char *stepper_start(stepper *s, const grad_call *c, const grad_program *body, size_t n_in,
                           size_t carries, size_t first, const void *const *in, char *at,
                           const grad_frame *frame)
{
    *s = (stepper){.body = body, .carries = carries};
    s->in = (const void **)at;
    at += aligned(n_in * sizeof(void *));
    size_t *bytes = (size_t *)at;
    s->bytes = bytes;
    at += aligned(carries * sizeof(size_t));
    for (int side = 0; side < 2; side++, at += aligned(carries * sizeof(char *)))
        s->kept[side] = (char **)at;
    for (size_t j = 0; j < carries; j++) {
        bytes[j] = bytes_of(c->in[first + j], c->in_dtype[first + j]);
        for (int side = 0; side < 2; side++) {
            s->kept[side][j] = hands_on(body, j) ? at : NULL;
            if (hands_on(body, j)) at += aligned(bytes[j]);
        }
    }
    for (int side = 0; side < 2; side++, at += grad__workspace_bytes(body))
        s->w[side] = grad__workspace_at(at, frame->scratch, body, frame->stop);
    memcpy(s->in, in + first, n_in * sizeof *in);
    return at;
}

/* One step; the operands other than carries have been set in s->in. */
static int stepper_step(stepper *s, grad_frame *frame)
{
    int side = s->steps & 1;
    grad_workspace *w = s->w[side];
    if (grad_stopped(frame)) return grad_frame_stopped(frame);
    if (grad_run(s->body, w, s->in, frame->err) < 0) return -1;
    for (size_t j = 0; j < s->carries; j++)
        if (s->kept[side][j]) grad__copy(s->kept[side][j], grad_result(w, j), s->bytes[j]);
    for (size_t j = 0; j < s->carries; j++)
        s->in[j] = s->kept[side][j] ? s->kept[side][j] : grad_result(w, j);
    s->steps++;
    return 0;
}

/* Writes the carries that step i begins with to the tapes, as far as they have not been trimmed.
   Where not even one row would fit there is no derivative that could read them. */
static int tape(const stepper *s, parts tapes, size_t i, size_t rows, grad_frame *frame)
{
    for (size_t j = 0; j < s->carries; j++) {
        char *to = next_part(&tapes, rows * s->bytes[j]);
        if (!to || !s->bytes[j] || !rows) continue;
        if (i >= rows)
            return grad_fail(frame->err, GRAD_MEMORY_LIMIT,
                             "the memory that a request may take holds the carries of %zu steps, "
                             "which a derivative goes back through, and there are more", rows);
        grad__copy(to + i * s->bytes[j], s->in[j], s->bytes[j]);
    }
    return 0;
}

/* ---- loop -------------------------------------------------------------------------------------- */

/* Operands: count?, carries, sliced, shared. */
size_t grad__loop_scratch(const grad_call *c)
{
    size_t lists = (size_t)(c->attr[LOOP_RESULTS].i + c->attr[LOOP_SLICED].i);
    return shared_scratch(c->program[0], NULL) +
           stepper_bytes(c, c->program[0], c->n_in - 1, (size_t)c->attr[LOOP_CARRIES].i, 1) +
           aligned(lists * sizeof(size_t));
}

/* Bytes of one slice along the first axis. */
static size_t slice_bytes(const grad_shape *s, grad_dtype dtype)
{
    return s->dim[0] ? bytes_of(s, dtype) / (size_t)s->dim[0] : 0;
}

static size_t steps_of(const grad_call *c, const void *const *in)
{
    int64_t length = c->attr[LOOP_LENGTH].i, count = length;
    if (c->in[0]) memcpy(&count, in[0], sizeof count);
    return (size_t)(count < 0 ? 0 : count > length ? length : count);
}

/* Rows of a stacked result that no step writes are zero. */
static void clear_rows(char *part, size_t row, size_t from, size_t to)
{
    if (part && row) memset(part + from * row, 0, (to - from) * row);
}

int grad__loop_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_program *body = c->program[0];
    size_t carries = (size_t)c->attr[LOOP_CARRIES].i, sliced = (size_t)c->attr[LOOP_SLICED].i;
    size_t results = (size_t)c->attr[LOOP_RESULTS].i, length = (size_t)c->attr[LOOP_LENGTH].i;
    size_t steps = steps_of(c, in), stacked = results - carries;
    size_t taped = (size_t)c->attr[LOOP_TAPED].i;
    stepper s;
    char *rest = (char *)frame->scratch + shared_scratch(body, NULL);
    rest = stepper_start(&s, c, body, c->n_in - 1, carries, 1, in, rest, frame);
    size_t *x_bytes = (size_t *)rest, *y_bytes = x_bytes + sliced;
    parts p = parts_of(c, out), finals = p;
    for (size_t j = 0; j < carries; j++) next_part(&p, s.bytes[j]);
    parts ys = p;
    for (size_t r = 0; r < stacked; r++) {
        y_bytes[r] = grad__result_bytes(body, carries + r);
        clear_rows(next_part(&p, length * y_bytes[r]), y_bytes[r], steps, length);
    }
    parts tapes = p;
    for (size_t m = 0; m < sliced; m++)
        x_bytes[m] = slice_bytes(c->in[1 + carries + m], c->in_dtype[1 + carries + m]);
    for (size_t t = 0; t < steps; t++) {
        size_t i = c->attr[LOOP_REVERSE].i ? steps - 1 - t : t;
        if (tape(&s, tapes, i, taped, frame) < 0) return -1;
        for (size_t m = 0; m < sliced; m++)
            s.in[carries + m] = (const char *)in[1 + carries + m] + i * x_bytes[m];
        if (stepper_step(&s, frame) < 0) return -1;
        parts row = ys;
        for (size_t r = 0; r < stacked; r++) {
            char *y = next_part(&row, length * y_bytes[r]);
            if (y)
                grad__copy(y + i * y_bytes[r], grad_result(s.w[t & 1], carries + r), y_bytes[r]);
        }
    }
    for (size_t j = 0; j < carries; j++) {
        char *final = next_part(&finals, s.bytes[j]);
        if (final) grad__copy(final, s.in[j], s.bytes[j]);
    }
    return 0;
}

/* ---- repeat ------------------------------------------------------------------------------------ */

/* Operands: carries, shared. Results: carries, how many steps were taken, tapes. */
size_t grad__repeat_scratch(const grad_call *c)
{
    return shared_scratch(c->program[0], c->program[1]) +
           stepper_bytes(c, c->program[1], c->n_in, (size_t)c->attr[REPEAT_CARRIES].i, 0) +
           grad__workspace_bytes(c->program[0]);
}

int grad__repeat_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    size_t carries = (size_t)c->attr[REPEAT_CARRIES].i, most = (size_t)c->attr[REPEAT_MOST].i;
    stepper s;
    char *rest = (char *)frame->scratch + shared_scratch(c->program[0], c->program[1]);
    rest = stepper_start(&s, c, c->program[1], c->n_in, carries, 0, in, rest, frame);
    grad_workspace *asked = grad__workspace_at(rest, frame->scratch, c->program[0], frame->stop);
    parts p = parts_of(c, out), finals = p;
    for (size_t j = 0; j < carries; j++) next_part(&p, s.bytes[j]);
    char *taken = next_part(&p, sizeof(int64_t));
    for (;;) {
        if (grad_run(c->program[0], asked, s.in, frame->err) < 0) return -1;
        if (!*(const uint8_t *)grad_result(asked, 0)) break;
        if (s.steps == most)
            return grad_fail(frame->err, GRAD_NO_CONVERGENCE,
                             "while: the condition still holds after max_steps, %zu", most);
        if (tape(&s, p, s.steps, (size_t)c->attr[REPEAT_TAPED].i, frame) < 0) return -1;
        if (stepper_step(&s, frame) < 0) return -1;
    }
    for (size_t j = 0; j < carries; j++) {
        char *final = next_part(&finals, s.bytes[j]);
        if (final) grad__copy(final, s.in[j], s.bytes[j]);
    }
    if (taken) memcpy(taken, &(int64_t){(int64_t)s.steps}, sizeof(int64_t));
    return 0;
}

/* ---- branch ------------------------------------------------------------------------------------ */

/* Operands: pred? (left off: then), and the bodies' operands. */
size_t grad__branch_scratch(const grad_call *c)
{
    size_t then = grad__workspace_bytes(c->program[0]);
    size_t other = c->program[1] ? grad__workspace_bytes(c->program[1]) : 0;
    return shared_scratch(c->program[0], c->program[1]) + (then > other ? then : other);
}

int grad__branch_kernel(const grad_call *c, void *out, const void *const *in, grad_frame *frame)
{
    const grad_program *taken = c->program[in[0] && !*(const uint8_t *)in[0]];
    char *rest = (char *)frame->scratch + shared_scratch(c->program[0], c->program[1]);
    grad_workspace *w = grad__workspace_at(rest, frame->scratch, taken, frame->stop);
    parts p = parts_of(c, out);
    if (grad_run(taken, w, in + 1, frame->err) < 0) return -1;
    for (size_t r = 0; r < taken->n_results; r++) {
        size_t bytes = grad__result_bytes(taken, r);
        char *part = next_part(&p, bytes);
        if (part) grad__copy(part, grad_result(w, r), bytes);
    }
    return 0;
}

/* ---- cost -------------------------------------------------------------------------------------- */

/* A body's work as flops, what it reads and writes and its steps' overhead included. */
static double once(const grad_program *p)
{
    grad_cost cost = grad_program_cost(p);
    return cost.flops + cost.bytes / 2 + 25 * (double)cost.steps + 50;
}

double grad__loop_work(const grad_call *c)
{
    return (double)c->attr[LOOP_LENGTH].i * once(c->program[0]);
}

/* How often is not known; max_steps is most often far off. */
double grad__repeat_work(const grad_call *c)
{
    double steps = c->attr[REPEAT_MOST].i < 100 ? (double)c->attr[REPEAT_MOST].i : 100;
    return steps * (once(c->program[0]) + once(c->program[1]));
}

double grad__branch_work(const grad_call *c)
{
    double then = once(c->program[0]), other = c->program[1] ? once(c->program[1]) : 0;
    return then > other ? then : other;
}
