/* buffer.h -- text that grows: what every answer is written into. */
#ifndef API_BUFFER_H
#define API_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grad.h"

/* Start as {0} with `host` set (or NULL: uncounted). After a failure `failed` holds the code and all
   writing is a no-op, so that a writer looks once, at the end. */
typedef struct buffer {
    char *at;
    size_t n, room;
    grad_host *host; /* the bytes are charged here */
    grad_code failed; /* GRAD_OK, GRAD_OUT_OF_MEMORY or GRAD_MEMORY_LIMIT */
} buffer;

void buffer_free(buffer *b);
bool buffer_reserve(buffer *b, size_t more); /* room for `more` bytes past n */
void buffer_add(buffer *b, const char *text, size_t n);
void buffer_text(buffer *b, const char *text);
void buffer_byte(buffer *b, char c);
void buffer_string(buffer *b, const char *text, size_t n); /* quoted and escaped */
void buffer_format(buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers as the contract has them: the shortest text that reads back as the same value; "NaN",
   "Infinity", "-Infinity" as strings; -0.0 keeps its sign; whole reals below 2^53 without exponent
   or point (3, -12), from 2^53 on with an exponent. `to` needs NUMBER_ROOM bytes. */
enum { NUMBER_ROOM = 32 };
size_t number_write_double(char *to, double x);
size_t number_write_float(char *to, float x);
size_t number_write_int(char *to, int64_t x);
/* `count` elements of `dtype`, separated by commas. */
void buffer_numbers(buffer *b, grad_dtype dtype, const void *data, size_t count);
/* Standard base64 with padding. */
void buffer_base64(buffer *b, const void *data, size_t bytes);
/* Strict decoding: *out bytes written to `to` (room for text.n / 4 * 3); false if malformed. */
bool base64_read(void *to, size_t *out, const char *text, size_t n);

#endif
