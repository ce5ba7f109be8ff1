/* number.c -- numbers to text: the shortest that reads back as the same value.
 *
 * Whole numbers, which are many, are written here; the rest is to_chars.
 */
#include <math.h>
#include <string.h>

#include "buffer.h"
#include "number_text.h"

enum { CHUNK = 256 };

static const double first_with_exponent = 9007199254740992.0; /* 2^53 */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static size_t write_digits(char *to, uint64_t v)
{
    char text[20], *p = text + sizeof text;
    while (v >= 100) {
        p -= 2;
        memcpy(p, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, pairs + v * 2, 2);
    } else {
        *--p = (char)('0' + v);
    }
    size_t n = (size_t)(text + sizeof text - p);
    memcpy(to, p, n);
    return n;
}

static size_t write_text(char *to, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n);
    return n;
}

static size_t write_non_finite(char *to, double x)
{
    return write_text(to, isnan(x) ? "\"NaN\"" : x > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

/* Writes x if it is whole and below 2^53; 0 if it is not. */
static inline size_t write_whole(char *to, double x)
{
    if (!(fabs(x) < first_with_exponent)) return 0;
    int64_t v = (int64_t)x;
    if ((double)v != x) return 0;
    if (v == 0 && signbit(x)) return write_text(to, "-0.0");
    return number_write_int(to, v);
}

size_t number_write_int(char *to, int64_t x)
{
    if (x >= 0) return write_digits(to, (uint64_t)x);
    *to = '-';
    return 1 + write_digits(to + 1, 0 - (uint64_t)x);
}

size_t number_write_double(char *to, double x)
{
    size_t n = write_whole(to, x);
    if (n) return n;
    if (!isfinite(x)) return write_non_finite(to, x);
    return number_text_of_double(to, NUMBER_ROOM, x, fabs(x) >= first_with_exponent);
}

size_t number_write_float(char *to, float x)
{
    size_t n = write_whole(to, (double)x);
    if (n) return n;
    if (!isfinite(x)) return write_non_finite(to, (double)x);
    return number_text_of_float(to, NUMBER_ROOM, x, fabsf(x) >= (float)first_with_exponent);
}

static inline size_t write_element(char *to, grad_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case GRAD_FLOAT64: return number_write_double(to, ((const double *)data)[i]);
    case GRAD_FLOAT32: return number_write_float(to, ((const float *)data)[i]);
    case GRAD_INT64: return number_write_int(to, ((const int64_t *)data)[i]);
    case GRAD_INT32: return number_write_int(to, ((const int32_t *)data)[i]);
    case GRAD_BOOL: return write_text(to, ((const unsigned char *)data)[i] ? "true" : "false");
    case GRAD_DTYPES: break;
    }
    return 0;
}

void buffer_numbers(buffer *b, grad_dtype dtype, const void *data, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t some = count - done < CHUNK ? count - done : CHUNK;
        if (!buffer_reserve(b, some * (NUMBER_ROOM + 1))) return;
        char *to = b->at + b->n;
        for (size_t end = done + some; done < end; done++) {
            if (done) *to++ = ',';
            to += write_element(to, dtype, data, done);
        }
        b->n = (size_t)(to - b->at);
    }
}
