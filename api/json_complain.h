/* json_complain.h -- sentences about text that is not JSON. Between json_check.c and its sentences
 * only. */
#ifndef API_JSON_COMPLAIN_H
#define API_JSON_COMPLAIN_H

#include "json.h"

/* "expected a value, found 'NaN'; write "NaN" as a string": what stands from p on is described, and
   the usual mistakes get advice. `open`, where not NULL, is the bracket that the end of the text
   leaves unclosed. */
void json_complain_expected(json_complaint *why, const char *text, const char *p, const char *end,
                            const char *what, const char *open);
/* A sentence as it is, about the byte at p. */
void json_complain(json_complaint *why, const char *text, const char *p, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* At most `room` - 1 bytes of a raw name, cut between characters and ended by NUL. */
void json_complain_name(char *to, size_t room, json_slice raw);

#endif
