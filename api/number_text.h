/* number_text.h -- libstdc++'s from_chars and to_chars, for C. */
#ifndef API_NUMBER_TEXT_H
#define API_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The number that at[0..n) spells, rounded once; false where it is beyond the type at either end,
   and *out is untouched. */
bool number_text_to_double(double *out, const char *at, size_t n);
bool number_text_to_float(float *out, const char *at, size_t n);

/* The shortest text of a finite number, in at most `room` bytes; with an exponent always, or only
   where that is shorter. Returns its length. */
size_t number_text_of_double(char *to, size_t room, double x, bool exponent);
size_t number_text_of_float(char *to, size_t room, float x, bool exponent);

#ifdef __cplusplus
}
#endif
#endif
