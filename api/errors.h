/* errors.h -- the table of errors: what a code means, and what to do about it. */
#ifndef API_ERRORS_H
#define API_ERRORS_H

#include <stddef.h>

typedef struct api_error {
    const char *code;    /* stable: clients compare it */
    int status;
    const char *title;   /* the same for every occurrence; plain ASCII without quotes */
    const char *meaning;
    const char *remedy;
} api_error;

extern const api_error api_errors[]; /* ends at a NULL code */

const api_error *api_error_find(const char *code); /* NULL if there is none */

#endif
