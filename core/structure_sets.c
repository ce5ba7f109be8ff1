/* structure_sets.c -- sets of columns, joined row by row. */
#include <stdlib.h>
#include <string.h>

#include "structure.h"

enum { ENTRIES_MAX = 1 << 23 }; /* of one node: beyond that all its rows are taken to be alike */

void grad__sets_drop(grad_host *host, column_sets *s)
{
    if (!s || --s->holders > 0) return;
    grad__free(host, s->column, s->n * sizeof *s->column);
    if (s->start) grad__free(host, s->start, (s->rows + 1) * sizeof *s->start);
    grad__free(host, s, sizeof *s);
}

column_sets *grad__sets_keep(const column_sets *s)
{
    column_sets *mine = (column_sets *)(uintptr_t)s;
    if (mine) mine->holders++;
    return mine;
}

/* `rows` of 0: all rows alike. */
static column_sets *new_sets(structure *s, size_t n, size_t rows)
{
    grad_error err = {0};
    column_sets *made = grad__alloc(s->host, sizeof *made, &err);
    if (!made) return NULL;
    *made = (column_sets){.holders = 1, .n = n, .rows = rows};
    made->column = grad__alloc_array(s->host, n, sizeof *made->column, &err);
    if (rows) made->start = grad__alloc_array(s->host, rows + 1, sizeof *made->start, &err);
    if (made->column && (!rows || made->start)) return made;
    if (made->column) grad__free(s->host, made->column, n * sizeof *made->column);
    if (made->start) grad__free(s->host, made->start, (rows + 1) * sizeof *made->start);
    grad__free(s->host, made, sizeof *made);
    return NULL;
}

column_sets *grad__sets_own(structure *s, size_t rows, size_t first)
{
    column_sets *made = new_sets(s, rows, rows);
    if (!made) return NULL;
    for (size_t r = 0; r < rows; r++) {
        made->column[r] = (uint32_t)(first + r);
        made->start[r] = r;
    }
    made->start[rows] = rows;
    return made;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void next_stamp(structure *s)
{
    if (++s->stamp != 0) return;
    memset(s->seen, 0, s->columns * sizeof *s->seen);
    s->stamp = 1;
}

/* Every column of all sources, for rows that are all alike. */
int grad__sets_all(column_sets **out, structure *s, const set_source *from, size_t n)
{
    size_t count = 0;
    next_stamp(s);
    for (size_t k = 0; k < n; k++) {
        const column_sets *x = from[k].sets;
        for (size_t i = 0; x && i < x->n; i++) {
            count += s->seen[x->column[i]] != s->stamp;
            s->seen[x->column[i]] = s->stamp;
        }
        if (x) s->patience -= (double)x->n;
    }
    *out = NULL;
    if (count == 0) return 0;
    column_sets *made = new_sets(s, count, 0);
    if (!made) return -1;
    for (size_t c = 0, at = 0; c < s->columns && at < count; c++)
        if (s->seen[c] == s->stamp) made->column[at++] = (uint32_t)c;
    s->patience -= (double)s->columns;
    *out = made;
    return 0;
}

/* ---- row by row ------------------------------------------------------------------------------- */

typedef struct rows_made {
    uint32_t *column;
    size_t n, room;
    bool sorted;
} rows_made;

static int take_row(structure *s, rows_made *m, const column_sets *x, int64_t row, size_t start)
{
    grad_error err = {0};
    if (row < 0) return 0;
    size_t from = grad__row_start(x, (size_t)row), end = grad__row_end(x, (size_t)row);
    if (grad__grow(s->host, &m->column, &m->room, m->n + (end - from), sizeof *m->column, &err) < 0)
        return -1;
    for (size_t i = from; i < end; i++) {
        uint32_t c = x->column[i];
        if (s->seen[c] == s->stamp) continue;
        s->seen[c] = s->stamp;
        m->sorted = m->sorted && (m->n == start || m->column[m->n - 1] < c);
        m->column[m->n++] = c;
    }
    s->patience -= (double)(end - from) + 1;
    return 0;
}

static int make_row(structure *s, rows_made *m, size_t r, const set_source *from, size_t n)
{
    size_t start = m->n;
    m->sorted = true;
    next_stamp(s);
    for (size_t k = 0; k < n; k++) {
        const set_source *f = &from[k];
        if (!f->sets) continue;
        if (f->list) {
            for (size_t i = f->list[r]; i < f->list[r + 1]; i++)
                if (take_row(s, m, f->sets, f->at[i], start) < 0) return -1;
        } else if (take_row(s, m, f->sets, f->at ? f->at[r] : (int64_t)r, start) < 0) {
            return -1;
        }
    }
    if (!m->sorted) qsort(m->column + start, m->n - start, sizeof *m->column, ascending);
    return m->n > ENTRIES_MAX || s->patience < 0 ? 1 : 0;
}

/* 1: too many to go on. */
static int make_rows(structure *s, column_sets **out, size_t rows, const set_source *from, size_t n)
{
    rows_made m = {0};
    grad_error err = {0};
    size_t *start = grad__alloc_array(s->host, rows + 1, sizeof *start, &err);
    int result = start ? 0 : -1;
    for (size_t r = 0; r < rows && result == 0; r++) {
        start[r] = m.n;
        result = make_row(s, &m, r, from, n);
        if (grad_is_set(s->host->stop)) result = -1;
    }
    column_sets *made = result == 0 ? new_sets(s, m.n, rows) : NULL;
    if (result == 0 && !made) result = -1;
    if (made) {
        start[rows] = m.n;
        if (m.n) memcpy(made->column, m.column, m.n * sizeof *made->column);
        memcpy(made->start, start, (rows + 1) * sizeof *start);
        *out = made;
    }
    grad__free(s->host, m.column, m.room * sizeof *m.column);
    if (start) grad__free(s->host, start, (rows + 1) * sizeof *start);
    return result;
}

/* Are all sources sets whose rows are alike, and does each row have something of each? */
static bool all_alike(const set_source *from, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (from[k].sets && (from[k].sets->start || from[k].at)) return false;
    return true;
}

int grad__sets_union(column_sets **out, structure *s, size_t rows, const set_source *from, size_t n)
{
    const column_sets *one = NULL;
    bool share = true;
    for (size_t k = 0; k < n; k++) {
        if (!from[k].sets) continue;
        share = share && !from[k].at && (!one || one == from[k].sets);
        one = from[k].sets;
    }
    *out = NULL;
    if (!one || rows == 0) return 0;
    if (share) {
        *out = grad__sets_keep(one);
        return 0;
    }
    if (all_alike(from, n) || s->patience < 0) return grad__sets_all(out, s, from, n);
    int result = make_rows(s, out, rows, from, n);
    return result == 1 ? grad__sets_all(out, s, from, n) : result;
}
