/* conv_thin_loops.h -- convolution in thin groups for one type: T, and names that end in NAME.
 * Included by conv_thin.c once a type.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define ON(name) JOIN(name, NAME)
#define VEC ON(vec)
#define WIDTH ((int64_t)(sizeof(VEC) / sizeof(T)))

typedef T VEC __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* What a block is computed in. */
typedef struct ON(desk) {
    T *packed, *result, *weight;
    int32_t *offset;
} ON(desk);

static ON(desk) ON(lay_out)(const grad_conv *c, const packing *p, void *scratch)
{
    ON(desk) d = {.packed = scratch};
    d.result = d.packed + p->elements + SLACK;
    d.weight = d.result + p->plane + SLACK;
    d.offset = (int32_t *)(d.weight + larger(c->from, c->to) * c->taps);
    memset(d.packed + p->elements, 0, SLACK * sizeof(T));
    return d;
}

/* result[i] = the sum over taps of weight * packed[offset + i], for i < n and a little beyond. */
static void ON(sum_taps)(const ON(desk) *d, int64_t taps, int64_t n)
{
    for (int64_t i = 0; i < n; i += VECTORS * WIDTH) {
        VEC s[VECTORS], *to = (VEC *)(d->result + i);
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) s[v] = (VEC){0};
        for (int64_t k = 0; k < taps; k++) {
            const VEC *x = (const VEC *)(d->packed + d->offset[k] + i);
            const T w = d->weight[k];
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) s[v] += w * x[v];
        }
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) to[v] = s[v];
    }
}

/* to[i] = row[start + i * stride] for i < n, zero off the row. */
static void ON(pack_row)(T *to, int64_t n, const T *row, int64_t size, int64_t start,
                         int64_t stride)
{
    int64_t low = start >= 0 ? 0 : (stride - 1 - start) / stride;
    int64_t high = start >= size ? 0 : (size - 1 - start) / stride + 1;
    high = smaller(high, n);
    low = smaller(low, n);
    for (int64_t i = 0; i < low; i++) to[i] = 0;
    if (stride == 1)
        for (int64_t i = low; i < high; i++) to[i] = row[start + i];
    else
        for (int64_t i = low; i < high; i++) to[i] = row[start + i * stride];
    for (int64_t i = larger(low, high); i < n; i++) to[i] = 0;
}

/* One plane: element (i, j) is x at start + (i, j) * stride. */
static void ON(pack_plane)(T *to, const packing *p, const T *x, const int64_t size[3],
                           int64_t deep, int64_t high, int64_t wide, const int64_t stride[3])
{
    for (int64_t i = 0; i < p->rows + p->reach[1]; i++, to += p->pitch, high += stride[1]) {
        if (deep < 0 || deep >= size[0] || high < 0 || high >= size[1])
            memset(to, 0, (size_t)p->pitch * sizeof *to);
        else
            ON(pack_row)(to, p->pitch, x + (deep * size[1] + high) * size[2], size[2], wide,
                         stride[2]);
    }
}

/* ---- y, and w, from x ------------------------------------------------------------------------ */

/* All of a group's x that the block of y from `at` on depends on. */
static void ON(pack_x)(T *to, const grad_conv *c, const packing *p, const T *x,
                       const int64_t at[3])
{
    for (int64_t n = 0; n < c->from; n++, x += c->places)
        for (int64_t k = 0; k < c->kernel[0]; k++)
            for (int64_t i = 0; i < p->rests[1]; i++)
                for (int64_t j = 0; j < p->rests[2]; j++, to += p->plane)
                    ON(pack_plane)(to, p, x, c->in,
                                   at[0] * c->stride[0] + k * c->dilation[0] - c->before[0],
                                   at[1] * c->stride[1] + i - c->before[1],
                                   at[2] * c->stride[2] + j - c->before[2], c->stride);
}

static void ON(offsets_in_x)(int32_t *offset, const grad_conv *c, const packing *p)
{
    for (int64_t n = 0; n < c->from * c->kernel[0]; n++)
        for (int64_t i = 0; i < c->kernel[1]; i++)
            for (int64_t j = 0; j < c->kernel[2]; j++) {
                const int64_t high = i * c->dilation[1], wide = j * c->dilation[2];
                const int64_t rest = high % c->stride[1] * p->rests[2] + wide % c->stride[2];
                const int64_t plane = n * p->rests[1] * p->rests[2] + rest;
                *offset++ = (int32_t)(plane * p->plane + high / c->stride[1] * p->pitch +
                                      wide / c->stride[2]);
            }
}

/* For every block of y of every group: x packed, then `use`. */
#define EACH_BLOCK_OF_Y(use)                                                                      \
    const packing p = plan_y(c);                                                                  \
    const ON(desk) d = ON(lay_out)(c, &p, frame->scratch);                                        \
    const int64_t taps = c->from * c->taps;                                                       \
    ON(offsets_in_x)(d.offset, c, &p);                                                            \
    for (int64_t n = 0; n < c->images * c->groups; n++) {                                         \
        const T *x_ = x + n * c->from * c->places;                                                \
        const int64_t group = n % c->groups;                                                      \
        int64_t at[3];                                                                            \
        for (at[0] = 0; at[0] < c->out[0]; at[0]++)                                               \
            for (at[1] = 0; at[1] < c->out[1]; at[1] += p.rows)                                   \
                for (at[2] = 0; at[2] < c->out[2]; at[2] += p.columns) {                          \
                    const int64_t rows = smaller(p.rows, c->out[1] - at[1]);                      \
                    const int64_t columns = smaller(p.columns, c->out[2] - at[2]);                \
                    ON(pack_x)(d.packed, c, &p, x_, at);                                          \
                    for (int64_t k = 0; k < c->to; k++) {                                         \
                        const int64_t in_y =                                                      \
                            (n * c->to + k) * c->positions +                                      \
                            (at[0] * c->out[1] + at[1]) * c->out[2] + at[2];                      \
                        const int64_t in_w = (group * c->to + k) * taps;                          \
                        use;                                                                      \
                    }                                                                             \
                    if (grad_stopped(frame)) return grad_frame_stopped(frame);                    \
                }                                                                                 \
    }                                                                                             \
    return 0

static void ON(block_of_y)(ON(desk) d, const grad_conv *c, const packing *p, T *y, const T *w,
                           int64_t rows, int64_t columns)
{
    const int64_t taps = c->from * c->taps;
    memcpy(d.weight, w, (size_t)taps * sizeof *w);
    ON(sum_taps)(&d, taps, (rows - 1) * p->pitch + columns);
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * c->out[2], d.result + i * p->pitch, (size_t)columns * sizeof *y);
}

static int ON(thin_y)(const grad_conv *c, T *y, const T *x, const T *w, grad_frame *frame)
{
    EACH_BLOCK_OF_Y(ON(block_of_y)(d, c, &p, y + in_y, w + in_w, rows, columns));
}

/* The sum of products of n elements. */
static T ON(dot)(const T *a, const T *b, int64_t n)
{
    VEC s0 = {0}, s1 = {0};
    T rest = 0, sum[sizeof(VEC) / sizeof(T)];
    for (; n >= 2 * WIDTH; n -= 2 * WIDTH, a += 2 * WIDTH, b += 2 * WIDTH) {
        const VEC *x = (const VEC *)a, *y = (const VEC *)b;
        s0 += x[0] * y[0];
        s1 += x[1] * y[1];
    }
    for (int64_t i = 0; i < n; i++) rest += a[i] * b[i];
    s0 += s1;
    memcpy(sum, &s0, sizeof s0);
    for (int64_t half = WIDTH / 2; half; half /= 2)
        for (int64_t i = 0; i < half; i++) sum[i] += sum[i + half];
    return sum[0] + rest;
}

static void ON(block_of_w)(ON(desk) d, const grad_conv *c, const packing *p, T *w, const T *y,
                           int64_t rows, int64_t columns)
{
    for (int64_t k = 0; k < c->from * c->taps; k++)
        for (int64_t i = 0; i < rows; i++)
            w[k] += ON(dot)(d.packed + d.offset[k] + i * p->pitch, y + i * c->out[2], columns);
}

static int ON(thin_w)(const grad_conv *c, T *w, const T *x, const T *y, grad_frame *frame)
{
    memset(w, 0, (size_t)(c->groups * c->to * c->from * c->taps) * sizeof *w);
    EACH_BLOCK_OF_Y(ON(block_of_w)(d, c, &p, w + in_w, y + in_y, rows, columns));
}

/* ---- x from y -------------------------------------------------------------------------------- */

/* The taps on channel k of x that meet places of these remainders, from a plane of x at `deep`:
   returns their number. */
static int64_t ON(taps_of_x)(ON(desk) d, const grad_conv *c, const packing *p, const T *w,
                             int64_t k, int64_t deep, const int64_t rest[3])
{
    int64_t n = 0;
    for (int64_t m = 0; m < c->to; m++)
        for (int64_t t = 0; t < c->kernel[0]; t++) {
            const int64_t plane = (m * c->kernel[0] + t) * p->plane;
            const int64_t from = deep + c->before[0] - t * c->dilation[0];
            if (from < 0 || from % c->stride[0] || from / c->stride[0] >= c->out[0]) continue;
            for (int64_t i = 0; i < c->kernel[1]; i++)
                for (int64_t j = 0; j < c->kernel[2]; j++) {
                    const int64_t high = i * c->dilation[1], wide = j * c->dilation[2];
                    if (high % c->stride[1] != rest[1] || wide % c->stride[2] != rest[2]) continue;
                    d.weight[n] = w[((m * c->from + k) * c->kernel[0] + t) * c->kernel[1] *
                                        c->kernel[2] +
                                    i * c->kernel[2] + j];
                    d.offset[n++] = (int32_t)(plane +
                                              (p->reach[1] - high / c->stride[1]) * p->pitch +
                                              p->reach[2] - wide / c->stride[2]);
                }
        }
    return n;
}

/* The results for places base * stride + rest - before, to the x that they are. */
static void ON(unpack)(T *x, const T *from, const grad_conv *c, const packing *p,
                       const int64_t base[3], const int64_t rest[3])
{
    for (int64_t i = 0; i < p->rows; i++, from += p->pitch) {
        const int64_t high = (base[1] + i) * c->stride[1] + rest[1] - c->before[1];
        const int64_t wide = base[2] * c->stride[2] + rest[2] - c->before[2];
        if (high < 0 || high >= c->in[1]) continue;
        int64_t first = wide >= 0 ? 0 : (c->stride[2] - 1 - wide) / c->stride[2];
        int64_t end = wide >= c->in[2] ? 0 : (c->in[2] - 1 - wide) / c->stride[2] + 1;
        end = smaller(end, p->columns);
        T *to = x + high * c->in[2];
        for (int64_t j = first; j < end; j++) to[wide + j * c->stride[2]] = from[j];
    }
}

static void ON(block_of_x)(ON(desk) d, const grad_conv *c, const packing *p, T *x, const T *y,
                           const T *w, int64_t deep, const int64_t base[3])
{
    static const int64_t steps[3] = {1, 1, 1};
    T *to = d.packed;
    for (int64_t m = 0; m < c->to; m++)
        for (int64_t t = 0; t < c->kernel[0]; t++, to += p->plane) {
            const int64_t from = deep + c->before[0] - t * c->dilation[0];
            if (from < 0 || from % c->stride[0]) continue;
            ON(pack_plane)(to, p, y + m * c->positions, c->out, from / c->stride[0],
                           base[1] - p->reach[1], base[2] - p->reach[2], steps);
        }
    for (int64_t k = 0; k < c->from; k++)
        for (int64_t i = 0; i < c->stride[1]; i++)
            for (int64_t j = 0; j < c->stride[2]; j++) {
                const int64_t rest[3] = {0, i, j};
                const int64_t taps = ON(taps_of_x)(d, c, p, w, k, deep, rest);
                ON(sum_taps)(&d, taps, (p->rows - 1) * p->pitch + p->columns);
                ON(unpack)(x + k * c->places + deep * c->in[1] * c->in[2], d.result, c, p, base,
                           rest);
            }
}

static int ON(thin_x)(const grad_conv *c, T *x, const T *y, const T *w, grad_frame *frame)
{
    const packing p = plan_x(c);
    const ON(desk) d = ON(lay_out)(c, &p, frame->scratch);
    int64_t first[3], extent[3], base[3];
    memset(d.packed, 0, (size_t)p.elements * sizeof(T));
    for (int k = 1; k < 3; k++) bases(c, k, &first[k], &extent[k]);
    for (int64_t n = 0; n < c->images * c->groups; n++)
        for (int64_t deep = 0; deep < c->in[0]; deep++)
            for (base[1] = first[1]; base[1] < first[1] + extent[1]; base[1] += p.rows)
                for (base[2] = first[2]; base[2] < first[2] + extent[2]; base[2] += p.columns) {
                    ON(block_of_x)(d, c, &p, x + n * c->from * c->places,
                                   y + n * c->to * c->positions,
                                   w + n % c->groups * c->to * c->from * c->taps, deep, base);
                    if (grad_stopped(frame)) return grad_frame_stopped(frame);
                }
    return 0;
}

#undef EACH_BLOCK_OF_Y
#undef WIDTH
#undef VEC
#undef ON
#undef JOIN
#undef JOIN_
#undef NAME
#undef T
