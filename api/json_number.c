/* json_number.c -- numbers out of checked text, each rounded once.
 *
 * A number is read as its digits, a whole number m, times 10 to the e. Where both are small, one
 * multiplication or division by an exact power of ten gives the nearest double; where m fits a word
 * and the number is a fraction of ordinary size, one division of integers does; the rest is left to
 * from_chars. Numbers of very many digits are cut to size first, so that nobody has to hold a
 * mantissa of a million digits or an exponent that cancels it.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "json.h"
#include "json_text.h"
#include "number_text.h"

enum {
    WORD_DIGITS = 19,    /* so many always fit in m */
    EXACT_POWER = 22,    /* 10^22 is the last power of ten that a double holds exactly */
    WORD_POWER = 27,     /* 5^27 is the last power of five in a word */
    SHORT_TEXT = 256,    /* numbers as long go to from_chars as they are */
    SIGNIFICANT = 800    /* no double, nor a place halfway between two, has more digits */
};

static const double ten[EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static const uint64_t five[WORD_POWER + 1] = {
    1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u, 1953125u, 9765625u, 48828125u,
    244140625u, 1220703125u, 6103515625u, 30517578125u, 152587890625u, 762939453125u,
    3814697265625u, 19073486328125u, 95367431640625u, 476837158203125u, 2384185791015625u,
    11920928955078125u, 59604644775390625u, 298023223876953125u, 1490116119384765625u,
    7450580596923828125u,
};

__extension__ typedef unsigned __int128 two_words;

/* A number as it is written. */
typedef struct decimal {
    const char *at;     /* its text */
    size_t n;
    uint64_t m;         /* its digits without the point; right up to WORD_DIGITS of them */
    size_t digits;      /* zeros before the first other digit not counted, nor needed */
    int64_t e;          /* the value is m times 10^e */
    bool minus;
} decimal;

/* Exponents are cut off where no text is long enough to make up for them. */
static const char *read_exponent(const char *p, int64_t *out)
{
    int64_t e = 0;
    bool minus = *p == '-';
    if (*p == '-' || *p == '+') p++;
    for (; text_is_digit(*p); p++)
        if (e < INT64_MAX / 100) e = e * 10 + (*p - '0');
    *out += minus ? -e : e;
    return p;
}

/* The digits are gathered in locals: in a struct that is passed on they would go through memory. */
static inline decimal read_decimal(json_cursor *c)
{
    const char *const at = c->at;
    const bool minus = *at == '-';
    const char *p = at + minus, *start = p;
    uint64_t m = 0;
    size_t digits = 0;
    int64_t e = 0;
    if (*p == '0') start = ++p;
    for (; text_is_digit(*p); p++) m = m * 10 + (uint64_t)(*p - '0');
    digits = (size_t)(p - start);
    if (*p == '.') {
        const char *point = p++;
        if (digits == 0)
            while (*p == '0') p++;
        start = p;
        for (; text_is_digit(*p); p++) m = m * 10 + (uint64_t)(*p - '0');
        e = point + 1 - p;
        digits += (size_t)(p - start);
    }
    if ((*p | 0x20) == 'e') p = read_exponent(p + 1, &e);
    c->at = p;
    return (decimal){at, (size_t)(p - at), m, digits, e, minus};
}

/* ---- text to the nearest real ---------------------------------------------------------------- */

/* m / 10^k for a whole m that is not 0 and k up to WORD_POWER. The quotient is taken to 62 or 63
   bits, of which the last says whether there are more: enough to round to 53 as if all were
   there. */
static inline double divide(uint64_t m, int k)
{
    int m_shift = __builtin_clzll(m), d_shift = __builtin_clzll(five[k]);
    uint64_t d = five[k] << d_shift;
    two_words dividend = (two_words)(m << m_shift) << 62;
    uint64_t q = (uint64_t)(dividend / d);
    q |= (uint64_t)dividend != q * d;
    uint64_t bits = (uint64_t)(DBL_MAX_EXP - 1 + d_shift - m_shift - 62 - k) << (DBL_MANT_DIG - 1);
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return (double)(int64_t)q * scale;
}

static inline bool read_short(double *out, const decimal *d)
{
    static const double sign[] = {1, -1}; /* no branch: signs are hard to guess */
    double x;
    if (d->digits > WORD_DIGITS) return false;
    if (d->m <= (uint64_t)1 << DBL_MANT_DIG && d->e >= -EXACT_POWER && d->e <= EXACT_POWER) {
        x = (double)(int64_t)d->m;
        x = d->e < 0 ? x / ten[-d->e] : x * ten[d->e];
    } else if (d->m && d->e < 0 && d->e >= -WORD_POWER) {
        x = divide(d->m, (int)-d->e);
    } else {
        return false;
    }
    *out = x * sign[d->minus];
    return true;
}

/* The weight of the first digit of all is 10^(this - 1). */
static int64_t first_weight(const decimal *d)
{
    const char *p = d->at + d->minus, *end = d->at + d->n;
    int64_t digits = 0;
    for (; p < end && (*p | 0x20) != 'e'; p++) digits += *p != '.';
    return digits + d->e;
}

typedef struct rewritten {
    char text[SIGNIFICANT + 32];
    size_t n;
    int64_t before;  /* the first digit that is not 0 has the weight 10^(before - 1) */
} rewritten;

/* The same number, or one on the same side of everything that matters, in few bytes: 0.ddde±ddd.
   Zero becomes "0". */
static void rewrite(rewritten *r, const decimal *d)
{
    const char *p = d->at + d->minus, *end = d->at + d->n;
    int64_t weight = first_weight(d); /* of the digit to come */
    char *to = r->text;
    size_t kept = 0;
    bool beyond = false; /* is there anything among the digits left out? */
    if (d->minus) *to++ = '-';
    *to++ = '0';
    r->before = 0;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') continue;
        if (kept == 0 && *p != '0') {
            *to++ = '.';
            r->before = weight;
        }
        if (kept > 0 || *p != '0') {
            if (kept < SIGNIFICANT) *to++ = *p, kept++;
            else beyond = beyond || *p != '0';
        }
        weight--;
    }
    if (beyond) *to++ = '1';
    if (kept) {
        int64_t e = r->before > 9999 ? 9999 : r->before < -9999 ? -9999 : r->before;
        *to++ = 'e';
        if (e < 0) *to++ = '-';
        e = e < 0 ? -e : e;
        for (int64_t unit = 1000; unit; unit /= 10) *to++ = (char)('0' + e / unit % 10);
    }
    r->n = (size_t)(to - r->text);
}

/* What a number beyond the type is: from_chars says only that it is. */
static double beyond_type(const rewritten *r, bool minus)
{
    double x = r->before > 0 ? INFINITY : 0.0;
    return minus ? -x : x;
}

__attribute__((noinline)) static double read_long(const decimal *d)
{
    double x;
    rewritten r;
    if (d->n <= SHORT_TEXT && number_text_to_double(&x, d->at, d->n)) return x;
    rewrite(&r, d);
    return number_text_to_double(&x, r.text, r.n) ? x : beyond_type(&r, d->minus);
}

__attribute__((noinline)) static float read_long_float(const decimal *d)
{
    float x;
    rewritten r;
    if (d->n <= SHORT_TEXT && number_text_to_float(&x, d->at, d->n)) return x;
    rewrite(&r, d);
    return number_text_to_float(&x, r.text, r.n) ? x : (float)beyond_type(&r, d->minus);
}

/* ---- whole numbers --------------------------------------------------------------------------- */

/* The value of any decimal, if it is whole and no larger than `limit`: digit by digit. */
static bool whole_long(uint64_t *out, const decimal *d, uint64_t limit)
{
    const char *p = d->at + d->minus, *end = d->at + d->n;
    int64_t weight = first_weight(d);
    uint64_t v = 0;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') continue;
        uint64_t digit = (uint64_t)(*p - '0');
        if (weight-- <= 0) {
            if (digit) return false;
            continue;
        }
        if (v > (limit - digit) / 10) return false;
        v = v * 10 + digit;
    }
    for (; v && weight > 0; weight--) {
        if (v > limit / 10) return false;
        v *= 10;
    }
    *out = v;
    return true;
}

static bool whole(uint64_t *out, const decimal *d, uint64_t limit)
{
    if (d->digits > WORD_DIGITS) return whole_long(out, d, limit);
    uint64_t m = d->m;
    if (m != 0 && d->e < 0) {
        if (d->e < -WORD_DIGITS) return false; /* m is below 10^WORD_DIGITS */
        uint64_t unit = five[-d->e] << -d->e;
        if (m % unit) return false;
        m /= unit;
    } else if (m != 0 && d->e > 0) {
        if (d->e > WORD_DIGITS || m > limit / (five[d->e] << d->e)) return false;
        m *= five[d->e] << d->e;
    }
    *out = m;
    return m <= limit;
}

/* ---- for callers ----------------------------------------------------------------------------- */

json_number json_read_number(json_cursor *c)
{
    decimal d = read_decimal(c);
    json_number number = {0};
    uint64_t v = 0;
    number.is_whole = whole(&v, &d, (uint64_t)INT64_MAX + d.minus);
    if (number.is_whole) number.whole = (int64_t)(d.minus ? 0 - v : v);
    if (!read_short(&number.real, &d)) number.real = read_long(&d);
    return number;
}

double json_read_real(json_cursor *c)
{
    double x;
    decimal d = read_decimal(c);
    return read_short(&x, &d) ? x : read_long(&d);
}

/* Rounding to a double and then to a float is rounding twice, which goes wrong only where the
   double lies exactly halfway between two floats. The short numbers are far from both ends of the
   type, so that halfway is one pattern of the bits that a float has no place for. */
float json_read_float(json_cursor *c)
{
    double x;
    uint64_t bits;
    decimal d = read_decimal(c);
    if (!read_short(&x, &d)) return read_long_float(&d);
    memcpy(&bits, &x, sizeof bits);
    const uint64_t lost = ((uint64_t)1 << (DBL_MANT_DIG - FLT_MANT_DIG)) - 1;
    return (bits & lost) == (lost >> 1) + 1 ? read_long_float(&d) : (float)x;
}
