/* media.h -- the header fields Content-Type and Accept, as far as they matter here. */
#ifndef API_MEDIA_H
#define API_MEDIA_H

#include <stdbool.h>

/* Is `header` this media type (in lower case), whatever its parameters? */
bool media_is(const char *header, const char *type);

/* The weight, 0 to 1, that an Accept header gives a media type; 1 where there is no header. */
double media_weight(const char *accept, const char *type);

#endif
