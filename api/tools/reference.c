/* reference.c -- the reference of the operators as Markdown, from the table that runs them.
 *
 * `make reference` writes api/docs/operators.md with it; a test holds the file against what it
 * writes now.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "grad.h"

/* ---- text ------------------------------------------------------------------------------------ */

/* A sentence of a row. Outside `code` it has formulas, whose signs Markdown must leave alone. */
static void write_text(const char *text)
{
    bool code = false;
    for (const char *at = text; *at; at++) {
        if (*at == '`') code = !code;
        if (!code && strchr("*_<>\\", *at)) putchar('\\');
        putchar(*at);
    }
}

static void write_sentence(const char *text)
{
    size_t n = strlen(text);
    write_text(text);
    if (n > 0 && text[n - 1] != '.') putchar('.');
}

/* The k-th word of "mean|sum|none". */
static void write_word(const char *choices, int64_t k)
{
    for (; k > 0 && strchr(choices, '|'); k--) choices = strchr(choices, '|') + 1;
    printf("\"%.*s\"", (int)strcspn(choices, "|"), choices);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void write_real(double r)
{
    if (isnan(r)) printf("\"NaN\"");
    else if (isinf(r)) printf(r > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        for (int digits = 1; digits <= 17; digits++) {
            char text[40];
            double back;
            /* 20 and not 2e+01 */
            if (r == floor(r) && fabs(r) < 1e6) snprintf(text, sizeof text, "%.0f", r);
            else snprintf(text, sizeof text, "%.*g", digits, r);
            if (sscanf(text, "%lf", &back) != 1 || (back != r && digits < 17)) continue;
            printf("%s", text);
            return;
        }
}

/* As a request would write it. */
static void write_value(const grad_value *v, const char *choices)
{
    size_t step = v->kind == GRAD_PAIRS ? 2 : 1;
    switch (v->kind) {
    case GRAD_NULL: printf("null"); return;
    case GRAD_TRUTH: printf(v->i ? "true" : "false"); return;
    case GRAD_REAL: write_real(v->r); return;
    case GRAD_TEXT: printf("\"%.*s\"", (int)v->n, v->text); return;
    case GRAD_INT:
        if (choices) write_word(choices, v->i);
        else printf("%lld", (long long)v->i);
        return;
    case GRAD_LIST:
        if (v->n == 1) { /* a list of one may stand as a number */
            printf("%lld", (long long)v->list[0]);
            return;
        }
        /* fall through */
    case GRAD_PAIRS:
    case GRAD_LISTS:
    case GRAD_REALS:
        putchar('[');
        for (size_t i = 0; i + step <= v->n; i += step) {
            if (i) printf(", ");
            if (v->kind == GRAD_REALS) write_real(v->reals[i]);
            else if (step == 1) printf("%lld", (long long)v->list[i]);
            else printf("[%lld, %lld]", (long long)v->list[i], (long long)v->list[i + 1]);
        }
        putchar(']');
    }
}

/* ---- an operator ----------------------------------------------------------------------------- */

/* sum(x; axis=null, keepdims=false) */
static void write_signature(const grad_op *op)
{
    size_t inputs = grad_op_inputs(op), attributes = grad_op_attributes(op);
    printf("%s(", grad_op_name(op));
    for (size_t i = 0; i < inputs; i++) {
        bool last = i + 1 == inputs && grad_op_is_variadic(op);
        printf("%s%s%s", i ? ", " : "", grad_op_input_name(op, i),
               last ? ", …" : grad_op_input_is_optional(op, i) ? "?" : "");
    }
    for (size_t i = 0; i < attributes; i++) {
        const grad_value *otherwise = grad_op_attribute_default(op, i);
        printf("%s%s", i ? ", " : inputs ? "; " : ";", grad_op_attribute_name(op, i));
        if (!otherwise) continue;
        putchar('=');
        write_value(otherwise, grad_op_attribute_choices(op, i));
    }
    putchar(')');
}

static void write_inputs(const grad_op *op)
{
    static const char *const roles[] = {
        [GRAD_ROLE_NUMBER] = NULL,
        [GRAD_ROLE_INDEX] = "integers",
        [GRAD_ROLE_CLASSES] = "classes (integers), or probabilities where the operator takes them",
        [GRAD_ROLE_CONDITION] = "true or false",
        [GRAD_ROLE_MASK] = "true where something is kept, or numbers that are added",
    };
    for (size_t i = 0; i < grad_op_inputs(op); i++) {
        bool last = i + 1 == grad_op_inputs(op) && grad_op_is_variadic(op);
        const char *role = roles[grad_op_role(op, i)];
        bool optional = grad_op_input_is_optional(op, i);
        if (!role && !optional && !last) continue; /* the signature says it all */
        printf("- input `%s`", grad_op_input_name(op, i));
        if (role) printf(": %s", role);
        if (last)
            printf("%s any number of them%s", role ? "," : ":", optional ? "" : ", one at least");
        else if (optional) printf("%s optional", role ? "," : ":");
        putchar('\n');
    }
}

static void write_choices(const char *choices, bool others)
{
    for (int64_t k = 0; choices; k++) {
        const char *next = strchr(choices, '|');
        printf("%s`", k == 0 ? (others ? ", or " : "") : next ? ", " : " or ");
        write_word(choices, 0);
        putchar('`');
        choices = next ? next + 1 : NULL;
    }
}

static void write_attributes(const grad_op *op)
{
    for (size_t i = 0; i < grad_op_attributes(op); i++) {
        const grad_value *otherwise = grad_op_attribute_default(op, i);
        const char *choices = grad_op_attribute_choices(op, i);
        const char *type = grad_op_attribute_type(op, i);
        bool word = choices && strcmp(type, "string") == 0;
        printf("- `%s`: %s", grad_op_attribute_name(op, i), word ? "" : type);
        if (choices) write_choices(choices, !word);
        if (!otherwise) {
            printf("; required\n");
            continue;
        }
        printf("; default `");
        write_value(otherwise, choices);
        printf("`\n");
    }
}

static void write_operator(const grad_op *op)
{
    printf("\n### %s\n\n```text\n", grad_op_name(op));
    write_signature(op);
    printf("\n```\n\n");
    write_sentence(grad_op_doc(op) ? grad_op_doc(op) : "");
    printf("\n\n");
    write_inputs(op);
    write_attributes(op);
    printf("- gradient: ");
    if (grad_op_gradient(op)) write_text(grad_op_gradient(op));
    else printf(grad_op_is_differentiable(op) ? "by the operators that it is made of" : "none");
    printf("\n");
    if (grad_op_example(op)) printf("\n```text\n%s\n```\n", grad_op_example(op));
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Is operator i the first one of its family? A family's rows may stand apart. */
static bool is_first(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(grad_op_family(grad_op_at(k)), grad_op_family(grad_op_at(i))) == 0) return false;
    return true;
}

/* The next operator of the family from i on. */
static const grad_op *next_of(size_t *i, const char *family)
{
    for (; *i < grad_op_count(); ++*i)
        if (strcmp(grad_op_family(grad_op_at(*i)), family) == 0) return grad_op_at((*i)++);
    return NULL;
}

static void write_contents(void)
{
    for (size_t i = 0; i < grad_op_count(); i++) {
        if (!is_first(i)) continue;
        const char *family = grad_op_family(grad_op_at(i));
        printf("- %s:", family);
        size_t k = 0;
        for (const grad_op *op; (op = next_of(&k, family));)
            printf(" [%s](#%s)", grad_op_name(op), grad_op_name(op));
        putchar('\n');
    }
}

static const char introduction[] =
    "# Operators\n"
    "\n"
    "<!-- Written by `make reference` from the table that runs them: edit the rows there. -->\n"
    "\n"
    "A node names an operator in `op`, its operands in `inputs`, and its attributes beside them:\n"
    "`{\"id\": \"s\", \"op\": \"sum\", \"inputs\": [\"x\"], \"axis\": 0}`. A signature has the inputs first\n"
    "and, after the semicolon, the attributes with their defaults; `?` marks an input that may be\n"
    "left off, at the end or as `null` in between. Operands broadcast as in NumPy where nothing\n"
    "else is said.\n"
    "\n"
    "In gradients, g is the gradient of the operator's result y, and what is said of x, or of dx,\n"
    "is the gradient that x gets; it is summed over axes along which x was broadcast.\n"
    "\n"
    "The examples are calls with their results, those of several results separated by semicolons;\n"
    "a function in them is the operator of that name. They are run by the tests. `GET /v1/ops` says\n"
    "the same as JSON.\n"
    "\n";

int main(void)
{
    printf("%s", introduction);
    write_contents();
    for (size_t i = 0; i < grad_op_count(); i++) {
        if (!is_first(i)) continue;
        const char *family = grad_op_family(grad_op_at(i));
        printf("\n## Family: %s\n", family); /* select is a family, and an operator of another */
        size_t k = 0;
        for (const grad_op *op; (op = next_of(&k, family));) write_operator(op);
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
