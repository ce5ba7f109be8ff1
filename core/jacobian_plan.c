/* jacobian_plan.c -- by which sweeps a Jacobian is found: rows by reverse mode, columns by forward mode,
 * or some results' by the one and some by the other; and which rows or columns share a sweep.
 */
#include <string.h>

#include "jacobian.h"

enum { SPREAD_MAX = 1 << 23 }; /* entries of results whose rows are alike, written out for colouring */

/* ---- which way ---------------------------------------------------------------------------------- */

typedef struct counts {
    uint32_t *of_column; /* rows that have it */
    size_t columns;
} counts;

static size_t longest_row(const jacobian_result *r)
{
    size_t most = 0;
    if (!r->sets || r->rows == 0) return 0;
    if (!r->sets->start) return r->sets->n;
    for (size_t i = 0; i < r->rows; i++) {
        size_t n = r->sets->start[i + 1] - r->sets->start[i];
        if (n > most) most = n;
    }
    return most;
}

static void count(counts *c, const jacobian_result *r)
{
    uint32_t times = r->sets && !r->sets->start ? (uint32_t)r->rows : 1;
    for (size_t i = 0; r->sets && r->rows && i < r->sets->n; i++)
        c->of_column[r->sets->column[i]] += times;
}

static size_t most(counts *c)
{
    uint32_t n = 0;
    for (size_t k = 0; k < c->columns; k++) {
        if (c->of_column[k] > n) n = c->of_column[k];
        c->of_column[k] = 0;
    }
    return n;
}

/* The least number of sweeps that each choice can take; the smallest one is taken: sends[i] is whether
   result i goes forward. */
static void choose(bool *sends, const grad_jacobian *j, counts *c)
{
    size_t forward = 0, split_forward = 0;
    for (size_t i = 0; i < j->n_of; i++) count(c, &j->of[i]);
    size_t reverse = most(c);
    for (size_t i = 0; i < j->n_of; i++) {
        size_t row = longest_row(&j->of[i]);
        count(c, &j->of[i]);
        sends[i] = row < most(c);
        if (row > forward) forward = row;
        if (sends[i] && row > split_forward) split_forward = row;
    }
    for (size_t i = 0; i < j->n_of; i++)
        if (!sends[i]) count(c, &j->of[i]);
    size_t split = split_forward + most(c);
    if (split < reverse && split < forward) return;
    for (size_t i = 0; i < j->n_of; i++) sends[i] = forward < reverse;
}

/* ---- colours ------------------------------------------------------------------------------------ */

typedef struct lines {
    size_t n, *start;
    uint32_t *at;
    size_t entries;
} lines;

static void lines_free(lines *l, grad_host *host)
{
    grad__free(host, l->start, (l->n + 1) * sizeof *l->start);
    grad__free(host, l->at, l->entries * sizeof *l->at);
}

/* The members' rows as lists of columns; of rows that are alike one, or, where `spread`, all. */
static int list_rows(lines *l, const grad_jacobian *j, const direction *d, bool spread,
                     grad_error *err)
{
    *l = (lines){0};
    for (size_t m = 0; m < d->n_members; m++) {
        const jacobian_result *r = &j->of[d->member[m]];
        size_t times = !r->sets || r->sets->start || spread ? r->rows : r->rows > 0;
        l->n += times;
        l->entries += !r->sets ? 0 : r->sets->start ? (r->rows ? r->sets->n : 0) : times * r->sets->n;
    }
    l->start = grad__alloc_array(j->host, l->n + 1, sizeof *l->start, err);
    l->at = grad__alloc_array(j->host, l->entries, sizeof *l->at, err);
    if (!l->start || !l->at) return -1;
    size_t line = 0, at = 0;
    for (size_t m = 0; m < d->n_members; m++) {
        const jacobian_result *r = &j->of[d->member[m]];
        size_t times = !r->sets || r->sets->start || spread ? r->rows : r->rows > 0;
        for (size_t i = 0; i < times; i++) {
            l->start[line++] = at;
            if (!r->sets) continue;
            size_t from = grad__row_start(r->sets, i), n = grad__row_end(r->sets, i) - from;
            if (n) memcpy(l->at + at, r->sets->column + from, n * sizeof *l->at);
            at += n;
        }
    }
    l->start[line] = at;
    return 0;
}

static int colour_columns(const grad_jacobian *j, direction *d, grad_error *err)
{
    lines rows;
    int result = list_rows(&rows, j, d, false, err);
    if (result == 0)
        result = grad__colour(&d->colouring, j->host, j->columns, rows.n, rows.start, rows.at, err);
    lines_free(&rows, j->host);
    return result;
}

/* Each row a colour of its own, those without columns excepted. */
static int colour_each(const grad_jacobian *j, direction *d, size_t rows, grad_error *err)
{
    colouring *c = &d->colouring;
    *c = (colouring){.items = rows, .colours = rows};
    c->start = grad__alloc_array(j->host, rows + 1, sizeof *c->start, err);
    c->item = grad__alloc_array(j->host, rows, sizeof *c->item, err);
    if (!c->start || !c->item) return -1;
    size_t n = 0, first = 0;
    for (size_t m = 0; m < d->n_members; first += j->of[d->member[m++]].rows) {
        const jacobian_result *r = &j->of[d->member[m]];
        for (size_t i = 0; r->sets && i < r->rows; i++) {
            if (grad__row_start(r->sets, i) == grad__row_end(r->sets, i)) continue;
            c->start[n] = n;
            c->item[n++] = (uint32_t)(first + i);
        }
    }
    for (size_t i = n; i <= rows; i++) c->start[i] = n;
    c->coloured = n;
    return 0;
}

int grad__jacobian_colour_rows(const grad_jacobian *j, direction *d, grad_error *err)
{
    lines rows, turned = {0};
    size_t n = 0;
    double spread = 0;
    for (size_t m = 0; m < d->n_members; m++) {
        const jacobian_result *r = &j->of[d->member[m]];
        n += r->rows;
        if (r->sets && !r->sets->start) spread += (double)r->rows * (double)r->sets->n;
    }
    if (spread > SPREAD_MAX) return colour_each(j, d, n, err);
    int result = list_rows(&rows, j, d, true, err);
    if (result == 0) {
        turned = (lines){.n = j->columns, .entries = rows.entries};
        turned.start = grad__alloc_array(j->host, turned.n + 1, sizeof *turned.start, err);
        turned.at = grad__alloc_array(j->host, turned.entries, sizeof *turned.at, err);
        result = turned.start && turned.at ? 0 : -1;
    }
    if (result == 0) {
        grad__by_item(turned.start, turned.at, NULL, turned.n, rows.n, rows.start, rows.at);
        result = grad__colour(&d->colouring, j->host, n, turned.n, turned.start, turned.at, err);
    }
    lines_free(&rows, j->host);
    lines_free(&turned, j->host);
    return result;
}

/* ---- entries by column -------------------------------------------------------------------------- */

static int index_columns(const grad_jacobian *j, direction *d, grad_error *err)
{
    size_t first = 0, at = 0;
    for (size_t m = 0; m < d->n_members; m++) {
        const jacobian_result *r = &j->of[d->member[m]];
        if (r->sets && r->sets->start) d->entries += r->entries;
    }
    d->column_start = grad__alloc_array(j->host, j->columns + 1, sizeof *d->column_start, err);
    d->row = grad__alloc_array(j->host, d->entries, sizeof *d->row, err);
    d->place = grad__alloc_array(j->host, d->entries, sizeof *d->place, err);
    if (!d->column_start || !d->row || !d->place) return -1;
    memset(d->column_start, 0, (j->columns + 1) * sizeof *d->column_start);
    for (int pass = 0; pass < 2; pass++) {
        first = 0;
        for (size_t m = 0; m < d->n_members; first += j->of[d->member[m++]].rows) {
            const jacobian_result *r = &j->of[d->member[m]];
            if (!r->sets || !r->sets->start) continue;
            for (size_t i = 0; i < r->rows; i++)
                for (size_t e = r->sets->start[i]; e < r->sets->start[i + 1]; e++) {
                    size_t *next = &d->column_start[r->sets->column[e] + (pass == 0)];
                    if (pass == 1) {
                        d->row[*next] = (uint32_t)(first + i);
                        d->place[*next] = e;
                    }
                    ++*next;
                }
        }
        if (pass == 0)
            for (size_t c = 0; c < j->columns; c++) d->column_start[c + 1] += d->column_start[c];
    }
    for (at = j->columns; at-- > 0;) d->column_start[at + 1] = d->column_start[at];
    d->column_start[0] = 0;
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

int grad__jacobian_plan(grad_jacobian *j, grad_error *err)
{
    counts c = {.columns = j->columns};
    bool *sends = grad__alloc(j->host, j->n_of, err);
    int result = -1;
    c.of_column = grad__alloc_array(j->host, j->columns, sizeof *c.of_column, err);
    for (int way = 0; way < 2; way++)
        j->way[way].member = grad__alloc_array(j->host, j->n_of, sizeof(uint32_t), err);
    if (sends && c.of_column && j->way[0].member && j->way[1].member) {
        memset(c.of_column, 0, j->columns * sizeof *c.of_column);
        choose(sends, j, &c);
        for (size_t i = 0; i < j->n_of; i++) {
            direction *d = &j->way[sends[i]];
            d->forward = sends[i];
            d->member[d->n_members++] = (uint32_t)i;
        }
        result = 0;
    }
    if (result == 0 && j->way[0].n_members) result = grad__jacobian_colour_rows(j, &j->way[0], err);
    if (result == 0 && j->way[1].n_members) result = colour_columns(j, &j->way[1], err);
    if (result == 0 && j->way[1].n_members) result = index_columns(j, &j->way[1], err);
    grad__free(j->host, sends, j->n_of);
    grad__free(j->host, c.of_column, j->columns * sizeof *c.of_column);
    return result;
}
