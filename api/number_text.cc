/* number_text.cc -- libstdc++'s from_chars and to_chars, for C: the one file that is not C. */
#include "number_text.h"

#include <charconv>

namespace {

template <typename real> bool read(real *out, const char *at, size_t n)
{
    return std::from_chars(at, at + n, *out).ec == std::errc();
}

template <typename real> size_t write(char *to, size_t room, real x, bool exponent)
{
    std::to_chars_result end = exponent
                                   ? std::to_chars(to, to + room, x, std::chars_format::scientific)
                                   : std::to_chars(to, to + room, x);
    return static_cast<size_t>(end.ptr - to);
}

} // namespace

bool number_text_to_double(double *out, const char *at, size_t n)
{
    return read(out, at, n);
}

bool number_text_to_float(float *out, const char *at, size_t n)
{
    return read(out, at, n);
}

size_t number_text_of_double(char *to, size_t room, double x, bool exponent)
{
    return write(to, room, x, exponent);
}

size_t number_text_of_float(char *to, size_t room, float x, bool exponent)
{
    return write(to, room, x, exponent);
}
