/* render_expression.c -- a graph object written as a program, a line a node: what the program
 * evaluates to has the same bits.
 *
 * A program is given back as it was sent. The outputs of a graph object have no place in a program;
 * they are named in a comment.
 */
#include <math.h>
#include <string.h>

#include "render_write.h"

/* ---- inputs and constants -------------------------------------------------------------------- */

static int write_declaration(render_writer *w, const name *n)
{
    const doc_more *m = document_more(w->d, n);
    tensor_text t;
    spot at;
    bool given = m->tensor != NO_NAME, input = m->kind == DOC_INPUT;
    if (given && render_measure(w, &t, n, m->tensor, NO_NAME, &at) < 0) return -1;
    render_id(w, n, 0);
    bool typed = m->dtype != GRAD_DTYPES, shaped = m->n != RANK_ANY;
    if (!input && !typed && !shaped && !t.named && !render_needs_shape(&t)) {
        buffer_text(w->b, " = ");
        render_data(w, t.data);
        return 0;
    }
    bool plain = !given || (!t.named && !render_needs_shape(&t));
    if (!input || !plain || !(typed || shaped)) {
        buffer_text(w->b, " = ");
        return render_declaring_call(w, input ? "input" : "constant", m, given ? &t : NULL, &at);
    }
    buffer_text(w->b, ": ");
    if (typed) buffer_text(w->b, grad_dtype_name((grad_dtype)m->dtype));
    if (shaped) render_shape(w, m->n, m->dim);
    if (given) buffer_text(w->b, " = ");
    if (given) render_data(w, t.data);
    return 0;
}

static bool is_list(const tensor_text *t)
{
    return !t->named && !render_needs_shape(t) && *t->data == '[';
}

/* ---- operators ------------------------------------------------------------------------------- */

static int write_operand(render_writer *w, const name *n, uint32_t k, uint32_t operand)
{
    const document *d = w->d;
    tensor_text t;
    spot at;
    if (operand == OPERAND_ABSENT) {
        buffer_text(w->b, "null");
        return 0;
    }
    if (!(operand & OPERAND_ODD)) {
        render_id(w, &d->names.at[operand], 0);
        return 0;
    }
    const doc_odd *odd = &d->odd[operand & ~OPERAND_ODD];
    switch ((odd_kind)odd->kind) {
    case ODD_WHOLE: buffer_format(w->b, "%lld", (long long)odd->whole); break;
    case ODD_REAL: render_real(w, odd->real); break;
    case ODD_TRUTH: buffer_text(w->b, odd->whole ? "true" : "false"); break;
    case ODD_RESULT: render_id(w, &d->names.at[odd->at], odd->result); break;
    case ODD_TENSOR:
        if (render_measure(w, &t, n, odd->at, k, &at) < 0) return -1;
        if (!is_list(&t)) return render_declaring_call(w, "constant", NULL, &t, &at);
        render_data(w, t.data);
    }
    return 0;
}

static bool is_number(const document *d, uint32_t operand, bool negative)
{
    if (!(operand & OPERAND_ODD) || operand == OPERAND_ABSENT) return false;
    const doc_odd *odd = &d->odd[operand & ~OPERAND_ODD];
    if (odd->kind == ODD_WHOLE) return !negative || odd->whole < 0;
    return odd->kind == ODD_REAL && (!negative || signbit(odd->real));
}

static const char *infix(const grad_op *op)
{
    static const struct {
        const char *name, *sign;
    } signs[] = {
        {"add", "+"}, {"sub", "-"}, {"mul", "*"}, {"div", "/"}, {"floor_divide", "//"},
        {"remainder", "%"}, {"matmul", "@"}, {"pow", "**"}, {"lt", "<"}, {"le", "<="}, {"gt", ">"},
        {"ge", ">="}, {"eq", "=="}, {"ne", "!="},
    };
    for (size_t k = 0; k < sizeof signs / sizeof *signs; k++)
        if (strcmp(grad_op_name(op), signs[k].name) == 0) return signs[k].sign;
    return NULL;
}

static int write_call(render_writer *w, const name *n, const uint32_t *in, uint32_t count)
{
    const doc_more *m = document_more(w->d, n);
    const char *op = grad_op_name(n->op);
    bool direct = m && m->n == 1 && strcmp(op, "call") == 0; /* a function by its own name */
    if (direct) render_function(w, m->attr[0].value.text, m->attr[0].value.n);
    else buffer_text(w->b, op);
    buffer_byte(w->b, '(');
    for (uint32_t k = 0; k < count; k++) {
        if (k) buffer_text(w->b, ", ");
        if (write_operand(w, n, k, in[k]) < 0) return -1;
    }
    for (uint32_t k = 0; m && !direct && k < m->n; k++) {
        const grad_attribute *a = &m->attr[k];
        bool callee = false;
        for (size_t i = 0; i < grad_op_attributes(n->op); i++)
            if (strcmp(grad_op_attribute_name(n->op, i), a->name) == 0)
                callee = grad_op_attribute_is_function(n->op, i);
        buffer_format(w->b, "%s%s=", k || count ? ", " : "", a->name);
        if (render_attribute(w, &a->value, callee) < 0) return -1;
    }
    buffer_byte(w->b, ')');
    return 0;
}

static int write_node(render_writer *w, const name *n)
{
    uint32_t count;
    buffer_text(w->b, w->indent);
    if (!n->op) return write_declaration(w, n);
    const uint32_t *in = document_operands(w->d, n, &count);
    const char *sign = n->more == NO_NAME && count == 2 ? infix(n->op) : NULL;
    render_id(w, n, 0);
    buffer_text(w->b, " = ");
    if (count == 1 && n->more == NO_NAME && strcmp(grad_op_name(n->op), "neg") == 0 &&
        !is_number(w->d, in[0], false) && in[0] != OPERAND_ABSENT) {
        buffer_byte(w->b, '-');
        return write_operand(w, n, 0, in[0]);
    }
    if (!sign || in[0] == OPERAND_ABSENT || in[1] == OPERAND_ABSENT)
        return write_call(w, n, in, count);
    bool bracket = sign[0] == '*' && sign[1] && is_number(w->d, in[0], true);
    if (bracket) buffer_byte(w->b, '(');
    if (write_operand(w, n, 0, in[0]) < 0) return -1;
    buffer_format(w->b, "%s %s ", bracket ? ")" : "", sign);
    return write_operand(w, n, 1, in[1]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int write_nodes(render_writer *w)
{
    for (uint32_t i = 0; i < w->d->n_nodes; i++) {
        if ((i & 4095) == 4095 && grad_is_set(&w->c->stop)) {
            api_fail(w->c, "deadline_exceeded", NULL, NULL, "the deadline passed while the program "
                     "was written");
            return -1;
        }
        if (write_node(w, &w->d->names.at[w->d->order[i]]) < 0) return -1;
        buffer_byte(w->b, '\n');
    }
    return 0;
}

static void write_slot(render_writer *w, uint32_t slot)
{
    const document *d = w->d;
    for (uint32_t i = 0; slot >= d->names.n && i < d->n_nodes; i++) {
        const doc_more *m = document_more(d, &d->names.at[d->order[i]]);
        uint32_t k = slot - d->names.n;
        if (!m || m->results < 2 || k < m->further || k >= m->further + m->results - 1) continue;
        render_id(w, &d->names.at[d->order[i]], k - m->further + 1);
        return;
    }
    render_id(w, &d->names.at[slot], 0);
}

static int write_definition(render_writer *w, const name *id, const function *f)
{
    render_writer body = {.c = w->c, .b = w->b, .d = &f->d, .indent = "    "};
    buffer_text(w->b, "def ");
    render_function(w, name_text(id), id->length);
    buffer_byte(w->b, '(');
    for (uint32_t k = 0; k < f->n_inputs; k++) {
        if (k) buffer_text(w->b, ", ");
        render_id(&body, &f->d.names.at[k], 0);
    }
    buffer_text(w->b, ") {\n");
    if (write_nodes(&body) < 0) return -1;
    buffer_text(w->b, "    return ");
    for (uint32_t k = 0; k < f->n_results; k++) {
        if (k) buffer_text(w->b, ", ");
        write_slot(&body, f->result[k]);
    }
    buffer_text(w->b, "\n}\n");
    return 0;
}

static void write_outputs(render_writer *w)
{
    json_cursor at = {w->d->outputs};
    bool list;
    if (!at.at) return;
    list = json_peek(at) == KIND_ARRAY;
    buffer_text(w->b, "# outputs: ");
    if (list) json_enter(&at);
    for (uint32_t k = 0; list ? json_more(&at) : k == 0; k++) {
        json_slice id = json_read_string(&at);
        if (k) buffer_text(w->b, ", ");
        buffer_add(w->b, id.at, id.n);
    }
    buffer_byte(w->b, '\n');
}

int render_expression(buffer *to, const document *d)
{
    render_writer w = {.c = d->c, .b = to, .d = d, .indent = ""};
    const library *l = d->library;
    if (d->source) {
        buffer_add(to, d->source->text, d->source->length);
        if (to->n && to->at[to->n - 1] != '\n') buffer_byte(to, '\n');
        return 0;
    }
    for (uint32_t k = 0; l->at && k < l->names.n; k++)
        if (write_definition(&w, &l->names.at[k], &l->at[k]) < 0) return -1;
    if (write_nodes(&w) < 0) return -1;
    write_outputs(&w);
    return 0;
}
