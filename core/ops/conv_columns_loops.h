/* conv_columns_loops.h -- columns for one type: T, and names that end in NAME. Included by
 * conv_columns.c once a type.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define ON(name) JOIN(name, NAME)

/* to[i] = row[start + i * stride] for the i of a piece, zero off the row. */
static void ON(take)(T *to, const T *row, int64_t stride, const piece *p)
{
    for (int64_t i = 0; i < p->low; i++) to[i] = 0;
    if (stride == 1)
        for (int64_t i = p->low; i < p->high; i++) to[i] = row[p->start + i];
    else if (stride == 2)
        for (int64_t i = p->low; i < p->high; i++) to[i] = row[p->start + 2 * i];
    else
        for (int64_t i = p->low; i < p->high; i++) to[i] = row[p->start + stride * i];
    for (int64_t i = p->high; i < p->n; i++) to[i] = 0;
}

static void ON(give)(const T *from, T *row, int64_t stride, const piece *p)
{
    if (stride == 1)
        for (int64_t i = p->low; i < p->high; i++) row[p->start + i] += from[i];
    else
        for (int64_t i = p->low; i < p->high; i++) row[p->start + stride * i] += from[i];
}

static void ON(columns)(const grad_conv *c, const grad_columns *b, T *block, const T *x)
{
    walk w;
    for (walk_begin(&w, c, b); walk_row(&w);) {
        T *to = block + w.in_block;
        const T *plane = x + w.channel * c->places;
        while (walk_piece(&w)) {
            if (w.row_of_x >= 0)
                ON(take)(to + w.at, plane + w.row_of_x, c->stride[2], &w.piece);
            else
                memset(to + w.at, 0, (size_t)w.piece.n * sizeof *to);
        }
    }
}

static void ON(columns_add)(const grad_conv *c, const grad_columns *b, const T *block, T *x)
{
    walk w;
    for (walk_begin(&w, c, b); walk_row(&w);) {
        const T *from = block + w.in_block;
        T *plane = x + w.channel * c->places;
        while (walk_piece(&w))
            if (w.row_of_x >= 0)
                ON(give)(from + w.at, plane + w.row_of_x, c->stride[2], &w.piece);
    }
}

#undef ON
#undef JOIN
#undef JOIN_
#undef NAME
#undef T
