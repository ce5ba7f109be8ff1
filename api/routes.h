/* routes.h -- finding the row for a request, and refusing requests that have none. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "call.h"

extern const api_row api_rows[]; /* ends at a NULL method */

/* Sets c->row and c->param and returns true, or ends the call: 204 for OPTIONS, 404, 405, 406, 415,
   413, in this order. */
bool api_admit(api_call *c, const api_head *head);

#endif
