/* embedded.h -- files that the build turns into C (tools/yaml2json.c, tools/embed.c). */
#ifndef API_EMBEDDED_H
#define API_EMBEDDED_H

#include <stddef.h>

extern const char openapi_json[]; /* openapi.yaml as JSON */
extern const size_t openapi_json_length;

extern const char index_html[];
extern const size_t index_html_length;
extern const char index_html_policy[]; /* the Content-Security-Policy that fits it */

#endif
