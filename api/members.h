/* members.h -- the request's own members, checked for their names and types; ids are looked up
 * later, when the graph is known.
 */
#ifndef API_MEMBERS_H
#define API_MEMBERS_H

#include "call.h"

typedef enum which { WHICH_ALL, WHICH_OUTPUTS, WHICH_NONE, WHICH_IDS } which;

/* Which endpoint a request is for, as bits: most members are several endpoints'. */
typedef enum endpoint {
    FOR_EVALUATE = 1,
    FOR_JVP = 2,
    FOR_JACOBIAN = 4,
    FOR_HESSIAN = 8,
    FOR_HVP = 16,
    FOR_CHECK = 32,
    FOR_RENDER = 64
} endpoint;

/* Texts of members are at the value; NULL where the member is absent. */
typedef struct request {
    endpoint endpoint;
    json_slice graph;
    const char **inputs; /* the members of "inputs", each where its name starts */
    uint32_t n_inputs, input_room;
    const char *outputs; /* an id or a list of ids, like all lists here */
    grad_dtype dtype;
    bool base64;
    which values;
    const char *values_ids;
    bool gradients;
    const char *of;
    const char *wrt;     /* NULL: all floating-point nodes; but to evaluate, inputs only */
    const char *seeds;   /* an object */
    grad_reduce reduce;  /* over the points of the batch */
    const char *batch;   /* the inputs that have an axis of points */
    const char *vectors; /* an object: "vectors", or "tangents" */
    bool sparse;
    double epsilon;      /* 0: by default */
    double tolerance;
    bool as_program;     /* the format to render */
} request;

/* -1 with the call ended. members_free also then. */
int members_read(request *out, api_call *c, endpoint asked);
void members_free(request *r, api_call *c);

/* Walks a list of ids, or the one id that stands for it:
       for (id_list l = ids_open(text); ids_next(&l);) ... l.id (raw), l.index (-1: no list) */
typedef struct id_list {
    json_cursor at;
    bool list, started;
    json_slice id;
    int64_t index;
} id_list;

id_list ids_open(const char *text);
bool ids_next(id_list *l);

#endif
