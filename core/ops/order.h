/* order.h -- elements as keys, in whose order they stand: what sorting, selecting and searching
 * share.
 *
 * A key is an unsigned integer. The smaller element has the smaller key, equal elements (0 and -0
 * among them) have equal keys, and every NaN has the largest of all.
 */
#ifndef GRAD_OPS_ORDER_H
#define GRAD_OPS_ORDER_H

#include <string.h>

#include "op.h"

/* A negative number's bits run backwards, a positive one's come after them; -0 + 0 is 0. */
static inline uint64_t grad__key_f64(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static inline uint64_t grad__key_f32(float x)
{
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return UINT32_MAX;
    return bits >> 31 ? ~bits : bits | (uint32_t)1 << 31;
}

static inline uint64_t grad__key_i64(int64_t x) { return (uint64_t)x ^ (uint64_t)1 << 63; }
static inline uint64_t grad__key_i32(int32_t x) { return (uint32_t)x ^ (uint32_t)1 << 31; }
static inline uint64_t grad__key_b8(uint8_t x) { return x; }

/* X(dtype, C type, suffix) */
#define GRAD_KEY_TYPES(X)                                                                         \
    X(GRAD_FLOAT64, double, f64)                                                                  \
    X(GRAD_FLOAT32, float, f32)                                                                   \
    X(GRAD_INT64, int64_t, i64)                                                                   \
    X(GRAD_INT32, int32_t, i32)                                                                   \
    X(GRAD_BOOL, uint8_t, b8)

/* An element of a line: its key and its place there. */
typedef struct grad_ranked {
    uint64_t key;
    int64_t place;
} grad_ranked;

/* n elements `step` apart, of places `first` and on; `flip` turns the order round (all ones). */
typedef void (*grad_rank)(grad_ranked *to, const void *x, int64_t n, int64_t step, int64_t first,
                          uint64_t flip);
extern const grad_rank grad__rank[GRAD_DTYPES]; /* sort.c */

/* Stable, for a few dozen at most. */
static inline void grad__insertion_sort(grad_ranked *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const grad_ranked one = a[i];
        int64_t k = i;
        for (; k > 0 && a[k - 1].key > one.key; k--) a[k] = a[k - 1];
        a[k] = one;
    }
}

#endif
