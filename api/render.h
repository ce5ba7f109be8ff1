/* render.h -- a graph written for people. */
#ifndef API_RENDER_H
#define API_RENDER_H

#include "expression.h"
#include "functions.h"

/* As a program. -1 with the call ended. */
int render_expression(buffer *to, const document *d);

#endif
