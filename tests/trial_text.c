/* trial_text.c -- reading examples and trials. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

static void malformed(const trial *t, const char *at)
{
    fprintf(stderr, "%s: malformed text \"%s\" at \"%.30s\"\n", t->op->name, t->text, at);
    abort();
}

static void blank(const char **at)
{
    while (**at == ' ') (*at)++;
}

static bool take(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n)) return false;
    *at += n;
    return true;
}

static double number(const trial *t, const char **at, bool *truth, bool *whole)
{
    char *end;
    *truth = *whole = false;
    if (take(at, "true")) return *truth = true, 1;
    if (take(at, "false")) return *truth = true, 0;
    double x = strtod(*at, &end);
    if (end == *at) malformed(t, *at);
    *whole = !memchr(*at, '.', (size_t)(end - *at)) && isfinite(x) && x == floor(x);
    *at = end;
    return x;
}

/* Nested lists of numbers. The sizes are taken from the first branch and held against the rest. */
static void tensor(const trial *t, trial_tensor *to, const char **at)
{
    int64_t seen[TRIAL_RANK + 1] = {0};
    int depth = 0;
    *to = (trial_tensor){.truth = true, .whole = true};
    for (int i = 0; i < TRIAL_RANK; i++) to->dim[i] = -1;
    for (;;) {
        blank(at);
        if (take(at, "[")) {
            if (++depth > TRIAL_RANK) malformed(t, *at);
            if (depth > to->rank) to->rank = depth;
            seen[depth] = 0;
            blank(at);
            if (**at != ']') continue;
        } else if (**at != ']') {
            bool truth, whole;
            if (to->count == TRIAL_ROOM) malformed(t, *at);
            to->value[to->count++] = number(t, at, &truth, &whole);
            to->truth = to->truth && truth;
            to->whole = to->whole && whole;
            if (depth) seen[depth]++;
        }
        blank(at);
        while (depth && **at == ']') {
            (*at)++;
            if (to->dim[depth - 1] < 0) to->dim[depth - 1] = seen[depth];
            if (to->dim[depth - 1] != seen[depth]) malformed(t, *at);
            if (--depth) seen[depth]++;
            blank(at);
        }
        if (!depth) break;
        if (!take(at, ",")) malformed(t, *at);
    }
    if (!to->count) to->truth = false;
}

static void list(trial *t, grad_value *v, int64_t *room, const char **at)
{
    double real[TRIAL_LIST];
    int depth = 1;
    uint32_t lists = 0;
    v->kind = GRAD_LIST;
    for (blank(at); depth; blank(at)) {
        if (take(at, "[")) {
            depth++;
            lists++;
            v->kind = GRAD_PAIRS;
        } else if (take(at, "]")) {
            depth--;
        } else if (!take(at, ",")) {
            char *end;
            if (v->n == TRIAL_LIST) malformed(t, *at);
            real[v->n] = strtod(*at, &end);
            if (end == *at) malformed(t, *at);
            room[v->n] = (int64_t)real[v->n];
            if (memchr(*at, '.', (size_t)(end - *at))) v->kind = GRAD_REALS;
            *at = end;
            v->n++;
        }
    }
    if (v->kind == GRAD_PAIRS && v->n != 2 * lists) v->kind = GRAD_LISTS;
    if (v->kind == GRAD_REALS) memcpy(room, real, v->n * sizeof *real);
    v->list = room;
}

static bool ends_word(char c)
{
    return strchr(" ,);\n", c) != NULL;
}

/* name=value; false (and nothing read) where no name stands here. */
static bool attribute(trial *t, const char **at)
{
    size_t n = strspn(*at, "abcdefghijklmnopqrstuvwxyz_0123456789");
    if (!n || (*at)[n] != '=') return false;
    if (t->n_attrs == TRIAL_ATTRS) malformed(t, *at);
    int64_t *room = t->list[t->n_attrs];
    grad_attribute *a = &t->attr[t->n_attrs++];
    *a = (grad_attribute){.name = *at, .length = n};
    grad_value *v = &a->value;
    *at += n + 1;
    if (take(at, "[")) {
        list(t, v, room, at);
    } else if (take(at, "null")) {
        v->kind = GRAD_NULL;
    } else if (take(at, "true")) {
        *v = (grad_value)BOOL_(1);
    } else if (take(at, "false")) {
        *v = (grad_value)BOOL_(0);
    } else {
        char *end;
        bool quoted = take(at, "\"");
        double x = strtod(*at, &end);
        if (!quoted && end != *at && ends_word(*end)) {
            size_t point = strcspn(*at, ".eIN");
            bool whole = *at + point >= end;
            *v = whole ? (grad_value)INT_(strtoll(*at, NULL, 10)) : (grad_value)REAL_(x);
            *at = end;
        } else {
            size_t length = strcspn(*at, quoted ? "\"" : " ,);\n");
            if (!length) malformed(t, *at);
            *v = (grad_value){.kind = GRAD_TEXT, .n = (uint32_t)length, .text = *at};
            *at += length + quoted;
        }
    }
    return true;
}

static size_t begin(trial *t, const grad_op *op, const char **at, const char *separators)
{
    *at += strspn(*at, separators);
    size_t n = strcspn(*at, separators + 1);
    memset(t, 0, sizeof *t);
    t->op = op;
    if (n >= sizeof t->text) malformed(t, *at);
    memcpy(t->text, *at, n);
    *at += n;
    while (n && t->text[n - 1] == ' ') t->text[--n] = 0;
    return n;
}

bool trial_next_example(trial *t, const grad_op *op, const char **text)
{
    if (!*text || !begin(t, op, text, " \n")) return false;
    const char *at = t->text;
    if (!take(&at, op->name) || !take(&at, "(")) malformed(t, at);
    for (blank(&at); !take(&at, ")"); blank(&at)) {
        if (take(&at, ",")) continue;
        if (attribute(t, &at)) continue;
        if (t->n_in == TRIAL_OPERANDS) malformed(t, at);
        if (take(&at, "null")) t->in[t->n_in++].absent = true;
        else tensor(t, &t->in[t->n_in++], &at);
    }
    blank(&at);
    if (!take(&at, "->")) malformed(t, at);
    do {
        if (t->n_out == TRIAL_OPERANDS) malformed(t, at);
        tensor(t, &t->out[t->n_out++], &at);
        blank(&at);
    } while (take(&at, ";"));
    if (*at) malformed(t, at);
    return true;
}

static void shape(trial *t, trial_tensor *to, const char **at)
{
    char *end;
    *to = (trial_tensor){.count = 1};
    if (take(at, "-")) {
        to->absent = true;
        return;
    }
    to->whole = take(at, "i");
    to->truth = !to->whole && take(at, "b");
    bool heavy = !to->whole && !to->truth && take(at, "d");
    if (!take(at, "[")) malformed(t, *at);
    for (blank(at); !take(at, "]"); blank(at)) {
        if (take(at, ",")) continue;
        if (to->rank == TRIAL_RANK) malformed(t, *at);
        to->dim[to->rank] = strtoll(*at, &end, 10);
        if (end == *at) malformed(t, *at);
        to->count *= (size_t)to->dim[to->rank++];
        *at = end;
    }
    if (to->whole) {
        if (!take(at, "<")) malformed(t, *at);
        to->below = strtoll(*at, &end, 10);
        *at = end;
    }
    if (heavy) to->heavy = (size_t)to->dim[to->rank - 1];
    if (to->count > TRIAL_ROOM) malformed(t, *at);
}

bool trial_next_shapes(trial *t, const grad_op *op, const char **text)
{
    if (!*text || !begin(t, op, text, " ;")) return false;
    const char *at = t->text;
    for (blank(&at); *at; blank(&at)) {
        if (attribute(t, &at)) continue;
        if (t->n_in == TRIAL_OPERANDS) malformed(t, at);
        shape(t, &t->in[t->n_in++], &at);
    }
    return true;
}

const char *trial_shapes(const grad_op *op)
{
    if (op->trials) return op->trials;
    if (op->infer || op->variadic) return NULL;
    switch (grad_op_inputs(op)) {
    case 1: return "[]; [3]; [2,3]; [0,3]; [1]";
    case 2: return "[] []; [3] [3]; [2,3] [3]; [2,1] [1,3]; [] [2]; [0,3] [3]; [1] [2,1]";
    case 3: return "[] [] []; [3] [3] [3]; [2,3] [3] []; [2,1] [1,3] [2,3]; [0,3] [3] [1]";
    default: return NULL;
    }
}
