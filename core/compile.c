/* compile.c -- from a graph and the results wanted of it to a program.
 *
 * Backwards once, to mark what the results need; forwards once, to say which values share bytes and
 * when each is used for the last time; forwards again, to give every value a home and every node a
 * step. Only rewrites that keep every bit are made: a node is dropped where it passes an operand's
 * bytes on (reshape, identity, x * 1), and element-wise operators look through `expand`.
 */
#include <string.h>

#include "compile.h"

bool grad__is_lanes(const node *n)
{
    return !n->op->kernel && !n->op->alias && n->op != &grad__op_input &&
           n->op != &grad__op_constant;
}

bool grad__is_scalar_step(const grad_graph *g, const node *n)
{
    return n->n_in <= INLINE_OPERANDS && node_shape(g, n)->count == 1 && grad__is_lanes(n);
}

/* Element-wise tensor calls look through `expand`. */
uint32_t grad__operand_read(const compiler *c, const node *n, uint32_t k)
{
    uint32_t in = node_in(c->g, n)[k];
    if (in == GRAD_NONE || !grad__is_lanes(n) || node_shape(c->g, n)->count == 1) return in;
    const node *from = &c->g->at[in];
    return from->op->broadcasts ? node_in(c->g, from)[0] : in;
}

static bool is_number(const compiler *c, const node *n, double value)
{
    if (node_shape(c->g, n)->count != 1) return false;
    const void *data = grad__pool_constant_at(c->g->pool, n->in[0]);
    if (n->dtype == GRAD_FLOAT64) return memcmp(data, &value, sizeof value) == 0;
    float narrow = (float)value;
    return n->dtype == GRAD_FLOAT32 && memcmp(data, &narrow, sizeof narrow) == 0;
}

/* Does node i pass the bytes of one operand on? Then that operand, else GRAD_NONE. */
static uint32_t passes_on(const compiler *c, uint32_t i)
{
    const node *n = &c->g->at[i];
    if (n->op->alias) return node_in(c->g, n)[0];
    for (int k = 0; k < 2 && n->n_in == 2; k++) {
        if (!n->op->neutral[k].is || !(c->mark[n->in[k]] & CONSTANT) ||
            !is_number(c, &c->g->at[n->in[k]], n->op->neutral[k].value))
            continue;
        const node *other = &c->g->at[n->in[1 - k]];
        if (other->shape == n->shape && other->dtype == n->dtype) return n->in[1 - k];
    }
    return GRAD_NONE;
}

static int poll(const compiler *c, size_t i) { return grad__poll(c->g, i, "compiled", c->err); }

/* Leaves in bytes_of[] what each needed node passes on. */
static int mark(compiler *c, const grad_node *results, size_t n_results)
{
    for (size_t i = 0; i < c->n; i++) c->mark[i] = c->g->at[i].op == &grad__op_constant ? CONSTANT : 0;
    for (size_t i = 0; i < n_results; i++) c->mark[results[i]] |= NEEDED;
    for (size_t i = c->n; i-- > 0;) {
        if (poll(c, i) < 0) return -1;
        if (!(c->mark[i] & NEEDED)) continue;
        const node *n = &c->g->at[i];
        c->bytes_of[i] = passes_on(c, (uint32_t)i);
        if (c->bytes_of[i] != GRAD_NONE) {
            c->mark[c->bytes_of[i]] |= NEEDED;
            continue;
        }
        for (uint32_t k = 0; k < n->n_in; k++) {
            uint32_t from = grad__operand_read(c, n, k);
            if (from != GRAD_NONE) c->mark[from] |= NEEDED;
        }
    }
    return 0;
}

static bool is_source(const node *n)
{
    return n->op == &grad__op_input || n->op == &grad__op_constant;
}

/* Is node i one of several results that needs no step? A scalar has to be brought to its slot. */
static bool is_view(const grad_graph *g, uint32_t i)
{
    return g->at[i].op == &grad__op_part && node_shape(g, &g->at[i])->count > 1;
}

/* Whose life decides about these bytes. */
static uint32_t holder(const compiler *c, uint32_t bytes)
{
    return is_view(c->g, bytes) ? c->g->at[bytes].in[0] : bytes;
}

static void use(compiler *c, uint32_t bytes, uint32_t user)
{
    bytes = holder(c, bytes);
    if (c->last_use[bytes] == FOREVER) return;
    bool kept = user != FOREVER && grad__of_points(c, user) && !grad__of_points(c, bytes);
    c->last_use[bytes] = kept ? FOREVER : user; /* every block of points reads it again */
}

static int find_last_uses(compiler *c, const grad_node *results, size_t n_results)
{
    for (size_t i = 0; i < c->n; i++) {
        if (poll(c, i) < 0) return -1;
        if (!(c->mark[i] & NEEDED)) continue;
        const node *n = &c->g->at[i];
        if (c->bytes_of[i] != GRAD_NONE) {
            c->bytes_of[i] = c->bytes_of[c->bytes_of[i]];
            continue;
        }
        c->bytes_of[i] = (uint32_t)i;
        c->last_use[i] = is_source(n) || is_view(c->g, (uint32_t)i) ? FOREVER : (uint32_t)i;
        for (uint32_t k = 0; k < n->n_in; k++) {
            uint32_t from = grad__operand_read(c, n, k);
            if (from == GRAD_NONE) continue;
            use(c, c->bytes_of[from], (uint32_t)i);
        }
    }
    for (size_t i = 0; i < n_results; i++) use(c, c->bytes_of[results[i]], FOREVER);
    return 0;
}

/* ---- homes ------------------------------------------------------------------------------------- */

const grad_shape *grad__shape_kept(const compiler *c, uint32_t i)
{
    const node *n = &c->g->at[i];
    if (!n->op->trims) return node_shape(c->g, n);
    int64_t words = 0, kept = 0;
    for (uint32_t k = i + 1; k < c->n && grad__is_part(c->g, k, i); k++) {
        const node *part = &c->g->at[k];
        words += (int64_t)grad_part_bytes(node_shape(c->g, part)->count, (grad_dtype)part->dtype) / 8;
        if (c->mark[k] & NEEDED) kept = words;
    }
    return grad__pool_shape(c->p->pool, 1, &kept, c->err);
}

size_t grad__bytes_kept(const compiler *c, uint32_t i)
{
    const grad_shape *s = grad__shape_kept(c, i);
    return s ? (size_t)s->count * grad_dtype_size((grad_dtype)c->g->at[i].dtype) : 0;
}

static plan *plan_of(const compiler *c, uint32_t i) { return c->plan[grad__of_points(c, i)]; }

static int add_buffer(compiler *c, uint32_t i, tensor_buffer b)
{
    grad_program *p = c->p;
    if (p->n_buffers > REF_MAX)
        return grad_fail(c->err, GRAD_GRAPH_TOO_LARGE, "the graph computes too many tensors");
    if (grad__grow(p->host, &p->buffers, &p->buffer_room, p->n_buffers + 1, sizeof *p->buffers,
                   c->err) < 0)
        return -1;
    b.points = grad__of_points(c, i);
    p->buffers[p->n_buffers] = b;
    c->home[i] = (ref){0, b.points, p->n_buffers++ & REF_MAX};
    return 0;
}

/* Is node i a scalar of each point that is read when all is done? Its row may be the caller's. */
static bool is_lasting_row(const compiler *c, uint32_t i)
{
    return grad__of_points(c, i) && c->last_use[i] == FOREVER;
}

static int take_slot(compiler *c, uint32_t i)
{
    uint32_t slot;
    if ((is_lasting_row(c, i) ? grad__plan_slot_own : grad__plan_slot)(&slot, plan_of(c, i),
                                                                         c->err) < 0)
        return -1;
    c->home[i] = (ref){1, grad__of_points(c, i), slot & REF_MAX};
    return 0;
}

/* Inputs and constants: scalars are loaded into slots, tensors are read where they are. */
static int settle_source(compiler *c, uint32_t i)
{
    const node *n = &c->g->at[i];
    grad_program *p = c->p;
    bool input = n->op == &grad__op_input, points = grad__of_points(c, i);
    if (node_shape(c->g, n)->count != 1)
        return add_buffer(c, i, (tensor_buffer){.home = input ? IN_INPUT : IN_CONSTANT,
                                                .at = n->in[0]});
    load **list = points ? &p->points.inputs : input ? &p->inputs : &p->constants;
    size_t *count = points ? &p->points.n_inputs : input ? &p->n_inputs : &p->n_constants;
    size_t *room = points ? &p->points.input_room : input ? &p->input_room : &p->constant_room;
    if (take_slot(c, i) < 0 ||
        grad__grow(p->host, list, room, *count + 1, sizeof **list, c->err) < 0)
        return -1;
    (*list)[(*count)++] = (load){c->home[i].at, n->in[0],
                                 (uint32_t)grad_dtype_size((grad_dtype)n->dtype)};
    return 0;
}

static int leave(compiler *c, uint32_t bytes)
{
    ref r = c->home[bytes];
    c->last_use[bytes] = FOREVER; /* gone: never twice */
    plan *from = plan_of(c, bytes);
    if (r.scalar) return grad__plan_slot_back(from, r.at, c->err);
    return grad__plan_region_back(from, c->p->buffers[r.at].at, grad__bytes_kept(c, bytes), c->err);
}

/* May node i write over operand k's bytes, which die here? */
static bool may_take_over(const compiler *c, uint32_t i, uint32_t k)
{
    const node *n = &c->g->at[i];
    const uint32_t *in = node_in(c->g, n);
    uint32_t from = grad__operand_read(c, n, k), bytes = c->bytes_of[from];
    if (c->last_use[bytes] != i || grad__of_points(c, bytes) != grad__of_points(c, i)) return false;
    if (c->home[bytes].scalar != (node_shape(c->g, n)->count == 1)) return false;
    if (grad__bytes_kept(c, bytes) != grad__bytes_kept(c, i)) return false;
    if (grad__is_lanes(n)) /* the same memory must mean the same lane */
        return c->g->at[from].dtype == n->dtype;
    if (!n->op->in_place || k != 0) return false;
    for (uint32_t other = 1; other < n->n_in; other++)
        if (in[other] != GRAD_NONE && c->bytes_of[in[other]] == bytes) return false;
    return true;
}

uint32_t grad__bytes_read(const compiler *c, uint32_t i, uint32_t k)
{
    return c->bytes_of[grad__operand_read(c, &c->g->at[i], k)];
}

/* Is node i computed as one row of a block? */
static bool is_row_step(const compiler *c, uint32_t i)
{
    return grad__of_points(c, i) && grad__is_scalar_step(c->g, &c->g->at[i]);
}

static bool takes_rows(const compiler *c, uint32_t i)
{
    return is_row_step(c, i) && !is_lasting_row(c, i);
}

static int take_home(compiler *c, uint32_t i)
{
    const node *n = &c->g->at[i];
    const uint32_t *in = node_in(c->g, n);
    bool scalar = node_shape(c->g, n)->count == 1;
    uint64_t at;
    for (uint32_t k = 0; k < n->n_in && (!scalar || takes_rows(c, i)); k++)
        if (in[k] != GRAD_NONE && may_take_over(c, i, k)) {
            c->home[i] = c->home[grad__bytes_read(c, i, k)];
            c->last_use[grad__bytes_read(c, i, k)] = FOREVER;
            return 0;
        }
    if (scalar) return take_slot(c, i);
    size_t bytes = grad__bytes_kept(c, i);
    if (grad__plan_region(&at, plan_of(c, i), bytes, c->err) < 0) return -1;
    return add_buffer(c, i, (tensor_buffer){.home = IN_SLAB, .at = at, .stride = bytes});
}

static int clear_out(compiler *c, uint32_t i)
{
    const node *n = &c->g->at[i];
    for (uint32_t k = 0; k < n->n_in; k++) {
        if (node_in(c->g, n)[k] == GRAD_NONE) continue;
        uint32_t bytes = holder(c, grad__bytes_read(c, i, k));
        if (c->last_use[bytes] == i && leave(c, bytes) < 0) return -1;
    }
    return 0;
}

/* A scalar step reads its operands before it writes, so the homes of those that end here are free
   at once; a call's only after it, and a row's, of which other lanes are still to be read. */
static int move_in(compiler *c, uint32_t i)
{
    if (grad__is_scalar_step(c->g, &c->g->at[i]) && !is_row_step(c, i)) return clear_out(c, i) < 0 ? -1 : take_home(c, i);
    return take_home(c, i) < 0 ? -1 : clear_out(c, i);
}

/* A tensor among several results is read where its block has it, and lives as long as that. */
static int settle_view(compiler *c, uint32_t i)
{
    const grad_graph *g = c->g;
    tensor_buffer b = c->p->buffers[c->home[g->at[i].in[0]].at];
    b.offset = (uint64_t)node_attr(g, &g->at[i])[0].i;
    return add_buffer(c, i, b);
}

/* ---- the order of things -------------------------------------------------------------------- */

/* Sources are there before the first step, so that no step may live where they do. */
static int settle_sources(compiler *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        if ((c->mark[i] & NEEDED) && is_source(&c->g->at[i]) && settle_source(c, i) < 0) return -1;
    return 0;
}

/* Of a batch, first what is computed once, then what each point has of its own. */
static int place_and_step(compiler *c, bool points)
{
    if (points) c->p->points.first = c->p->n_steps;
    for (uint32_t i = 0; i < c->n; i++) {
        if (poll(c, i) < 0) return -1;
        if (!(c->mark[i] & NEEDED) || c->bytes_of[i] != i || is_source(&c->g->at[i])) continue;
        if (grad__of_points(c, i) != points) continue;
        if ((is_view(c->g, i) ? settle_view(c, i) : move_in(c, i) < 0 ? -1 : grad__add_step(c, i)) < 0)
            return -1;
    }
    return 0;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void finish(compiler *c)
{
    grad_program *p = c->p;
    p->slots = (size_t)grad__plan_slots(c->plan[0]);
    p->slab = ((p->slots * 8 + 63) & ~(size_t)63) + (size_t)grad__plan_bytes(c->plan[0]);
    if (c->batch) grad__size_block(c);
    p->cost.steps = p->n_steps;
    p->cost.workspace = grad__workspace_bytes(p) + p->scratch;
    p->cost.seconds = grad__seconds(&p->cost) + 1e-8 * (double)p->n_steps;
}

static int keep_results(compiler *c, const grad_node *results, size_t n)
{
    grad_program *p = c->p;
    p->results = grad__alloc_array(p->host, n, sizeof *p->results, c->err);
    if (!p->results) return -1;
    p->n_results = n;
    for (size_t i = 0; i < n; i++)
        p->results[i] = (program_result){.at = c->home[c->bytes_of[results[i]]],
                                         .bytes = grad__bytes_kept(c, results[i]) & 0xffffffffffffu};
    for (size_t i = 0; i < n && c->batch; i++)
        if (grad__reduce_result(c, i, results[i]) < 0) return -1;
    return 0;
}

int grad_compile(grad_program **out, grad_graph *g, const grad_node *results, size_t n_results,
                 grad_error *err)
{
    return grad_compile_batch(out, g, results, n_results, NULL, err);
}

int grad_compile_batch(grad_program **out, grad_graph *g, const grad_node *results,
                       size_t n_results, const grad_batch *batch, grad_error *err)
{
    compiler c = {.g = g, .err = err, .n = g->n, .batch = batch};
    int result = -1;
    grad_program *p = c.p = grad__alloc(g->host, sizeof *p, err);
    if (!p) return -1;
    memset(p, 0, sizeof *p);
    p->host = g->host;
    p->holders = 1;
    p->pool = g->pool;
    grad__pool_keep(p->pool);
    c.plan[0] = grad__plan_new(g->host, err);
    c.plan[1] = grad__plan_new(g->host, err);
    c.mark = grad__alloc(g->host, c.n, err);
    c.bytes_of = grad__alloc_array(g->host, c.n, sizeof *c.bytes_of, err);
    c.last_use = grad__alloc_array(g->host, c.n, sizeof *c.last_use, err);
    c.home = grad__alloc_array(g->host, c.n, sizeof *c.home, err);
    if (!c.plan[0] || !c.plan[1] || !c.mark || !c.bytes_of || !c.last_use || !c.home) goto done;
    if (mark(&c, results, n_results) < 0 || (batch && grad__mark_points(&c) < 0) ||
        find_last_uses(&c, results, n_results) < 0 || settle_sources(&c) < 0 ||
        place_and_step(&c, false) < 0 || (batch && place_and_step(&c, true) < 0) ||
        keep_results(&c, results, n_results) < 0)
        goto done;
    finish(&c);
    result = 0;
done:
    grad__free(g->host, c.mark, c.n);
    grad__free(g->host, c.bytes_of, c.n * sizeof *c.bytes_of);
    grad__free(g->host, c.last_use, c.n * sizeof *c.last_use);
    grad__free(g->host, c.home, c.n * sizeof *c.home);
    grad__plan_free(c.plan[0]);
    grad__plan_free(c.plan[1]);
    if (result < 0) grad_program_free(p);
    else *out = p;
    return result;
}
