/* errors.c -- the table of errors: what a code means, and what to do about it.
 *
 * A problem document takes its status and title from here, GET /errors/{code} the rest. The errors
 * that the core finds come first, in the order of GRAD_ERRORS; then those that the api finds in a
 * document, then those of HTTP. To add an error: add its row, and its code to openapi.yaml.
 */
#include "errors.h"

#include <string.h>

#include "api.h"

const api_error *api_error_find(const char *code)
{
    for (const api_error *e = api_errors; e->code; e++)
        if (strcmp(e->code, code) == 0) return e;
    return NULL;
}

const char *api_error_name(size_t i)
{
    size_t n = 0;
    while (n < i && api_errors[n].code) n++;
    return api_errors[n].code;
}

/* clang-format off */
const api_error api_errors[] = {
    /* The core's. */
    {"out_of_memory", 503, "Out of memory",
     "The service could not get the memory that this request needs at this moment.",
     "Try again later. If it happens again and again, the machine is too small for its work."},
    {"deadline_exceeded", 504, "Deadline exceeded",
     "The request was not finished within the time that the service grants one request.",
     "Ask for less in one request: fewer values and gradients, smaller tensors, or a part of the "
     "graph; or have the service's deadline raised."},
    {"graph_too_large", 413, "Graph too large",
     "The graph has more nodes, or one node has more operands, than the service accepts. The "
     "nodes that derivatives add count too.",
     "Write the computation with tensors instead of many scalars, name fewer nodes in wrt, or "
     "split the graph."},
    {"tensor_too_large", 413, "Tensor too large",
     "A tensor, given or computed, would have more elements than the service accepts.",
     "Look for a shape that broadcasts further than it was meant to; else split the work."},
    {"memory_limit", 413, "Memory limit",
     "The request would take more memory than the service grants one request. That is estimated "
     "before anything large is allocated.",
     "Ask for less: \"values\": \"outputs\" or a list of ids instead of \"all\", and in wrt only "
     "the nodes whose gradients you need."},
    {"unknown_attribute", 422, "Unknown attribute",
     "A node has a member that its operator does not know.",
     "GET /v1/ops/{name} lists the attributes of an operator; the detail names the nearest one."},
    {"missing_attribute", 422, "Missing attribute",
     "A node lacks an attribute that its operator cannot do without.",
     "Write the attribute beside \"op\", by its name; GET /v1/ops/{name} shows an example."},
    {"bad_attribute", 422, "Bad attribute",
     "An attribute has the wrong type or a value outside of what its operator can use.",
     "The detail says what was expected; GET /v1/ops/{name} gives types and defaults."},
    {"wrong_arity", 422, "Wrong number of inputs",
     "A node has fewer or more inputs than its operator takes.",
     "GET /v1/ops/{name} lists the inputs. An optional one in between is left off with null."},
    {"shape_mismatch", 422, "Shapes do not fit",
     "Shapes do not go together: operands that do not broadcast, a product whose inner sizes "
     "differ, a value whose shape is not the declared one, a seed whose shape is not its node's, "
     "inputs of a batch that have different lengths.",
     "Compare the shapes that the detail names. Broadcasting is NumPy's: sizes are compared from "
     "the last axis, and must be equal or 1."},
    {"dtype_mismatch", 422, "Types do not fit",
     "A tensor's type is not one that its place accepts, or a tensor that names no type is used "
     "in ways that call for different ones.",
     "Name the type: {\"dtype\": \"int64\", \"data\": [0, 2]}; or convert with the operator cast."},
    {"bad_number", 422, "Bad number",
     "A number does not fit the type it is read into: 1e400 as a real, 3000000000 as an int32, "
     "0.5 as an integer, or an unknown word in the place of a number.",
     "Write a number that the type can hold. Values that are not finite are the strings \"NaN\", "
     "\"Infinity\" and \"-Infinity\"."},
    {"index_out_of_range", 422, "Index out of range",
     "An index lies outside of the axis that it selects from.",
     "Indices go from 0 to size - 1; where they may be negative, they count from the end. A class "
     "may not be negative."},
    {"singular_matrix", 422, "Singular matrix",
     "A matrix that has to be inverted is exactly singular, or, for cholesky, not positive definite.",
     "The detail names the matrix of the batch; add a small multiple of the identity, or use pinv or "
     "lstsq."},
    {"no_convergence", 422, "No convergence",
     "An iteration did not come to its end: a while whose condition still holds after max_steps, or "
     "an eigenvalue or singular value that was not found.",
     "Raise max_steps, or look at the numbers that go in."},
    {"seed_required", 422, "Seed required",
     "A gradient was asked for of a node that has more than one element, or none: there is no "
     "single gradient to give.",
     "Reduce the node to one element (sum or mean), give its cotangent in \"gradients\": "
     "{\"seeds\": {id: tensor}}, or switch gradients off with \"gradients\": false."},
    {"not_scalar", 422, "Not a scalar",
     "Of a node that has more than one element, or none, there is no single gradient.",
     "Reduce the node to one element first, with sum or mean."},
    {"not_differentiable", 422, "Not differentiable",
     "A gradient was asked for of a node that has none, such as an integer or a truth value.",
     "Name floating-point nodes in \"of\", or leave it out: the default is the floating-point "
     "outputs."},
    {"internal", 500, "Internal error",
     "Something failed inside the service. That is a defect, not a fault of the request.",
     "Report it, together with the request and its X-Request-Id."},

    /* The document's. */
    {"invalid_json", 400, "Invalid JSON",
     "The body is not JSON as RFC 8259 defines it, or it is nested more than 1000 deep.",
     "Members line and column say where reading stopped. JSON has no comments, no comma after "
     "the last element and no NaN: write the string \"NaN\"."},
    {"duplicate_member", 400, "Duplicate member",
     "An object has two members of the same name, so that it is unclear which one counts.",
     "Remove one of them; line and column point at the second."},
    {"unknown_member", 422, "Unknown member",
     "An object has a member that means nothing there.",
     "Check the spelling; the detail names the nearest member, if one is near."},
    {"missing_member", 422, "Missing member",
     "An object lacks a member that it cannot do without.",
     "Add the member that the detail names."},
    {"wrong_type", 422, "Wrong type",
     "A JSON value has a type that its place does not accept.",
     "The detail says what was expected. An array as an operand is written {\"data\": [1, 2]}."},
    {"empty_graph", 422, "Empty graph",
     "The graph has no nodes, so there is nothing to evaluate.",
     "Give \"nodes\" at least one node."},
    {"expression_syntax", 422, "Expression syntax",
     "The program that describes the graph does not follow the grammar of the expression language.",
     "line and column say where, and caret shows it; the detail says what was expected there."},
    {"unknown_op", 422, "Unknown operator",
     "A node names an operator that does not exist.",
     "GET /v1/ops lists all operators; the detail names the nearest one, if one is near."},
    {"unknown_input", 422, "Unknown input",
     "A node refers to an id that no node declares and for which no value is given.",
     "Check the spelling, or give its value in \"inputs\"."},
    {"missing_input", 422, "Missing input",
     "A declared input has neither a value in \"inputs\" nor a default.",
     "Give its value in \"inputs\", or a default with \"value\" at its declaration."},
    {"unknown_id", 422, "Unknown id",
     "An id in outputs, of, wrt, values, seeds or batch is not in the graph.",
     "Check the spelling; the detail names the nearest id, if one is near."},
    {"not_an_input", 422, "Not an input",
     "A value was given for a node that is computed, or a batch names one.",
     "Give values for inputs only, and name only inputs in a batch; or declare the node with \"op\": \"input\"."},
    {"unused_input", 422, "Unused input",
     "A value was given for an id that nothing in the graph refers to.",
     "Remove the value, or check the spelling of the id where it should be used."},
    {"duplicate_id", 422, "Duplicate id",
     "Two nodes have the same id.",
     "Give every node an id of its own."},
    {"bad_id", 422, "Bad id",
     "An id is not a letter or underscore followed by letters, digits, underscores and dots.",
     "Rename the node, for example from 2x to x2."},
    {"cycle", 422, "Cycle",
     "Nodes depend on each other in a circle, so that none of them can be computed first.",
     "The detail names the ids on the cycle; break it at one of them."},
    {"ragged_array", 422, "Ragged array",
     "Nested arrays do not form a rectangle: rows differ in length or depth.",
     "Make all rows of one level equally long."},
    {"bad_base64", 422, "Bad base64",
     "A text is not standard base64 with padding, or its bytes are not those of the shape.",
     "Encode the little-endian bytes of all elements, row by row, with the alphabet A-Z a-z 0-9 "
     "+ / and = at the end."},

    /* HTTP's. */
    {"bad_request", 400, "Bad request",
     "The request is not well-formed HTTP, or has header fields that contradict each other.",
     "Use an HTTP/1.1 client that frames its requests as RFC 9112 says."},
    {"not_found", 404, "Not found",
     "Nothing is served at this path.",
     "GET /openapi.json lists all paths; the detail names the nearest one, if one is near."},
    {"method_not_allowed", 405, "Method not allowed",
     "The path exists, but not with this method.",
     "Use one of the methods in the header Allow."},
    {"not_acceptable", 406, "Not acceptable",
     "The Accept header excludes the only media type that the answer has.",
     "Accept application/json, or leave the header off."},
    {"body_too_large", 413, "Body too large",
     "The body has more bytes than the service accepts.",
     "Write tensors as base64 instead of digits, split the request, or have the limit raised."},
    {"unsupported_media_type", 415, "Unsupported media type",
     "The body is of a media type or in a content encoding that is not read here.",
     "Send JSON as it is, with Content-Type: application/json and no Content-Encoding."},
    {"expectation_failed", 417, "Expectation failed",
     "The header Expect asks for something other than 100-continue.",
     "Leave the header off."},
    {"overloaded", 503, "Overloaded",
     "The service has as much work waiting as it may hold, and took nothing on.",
     "Try again after the seconds in the header Retry-After."},
    {"draining", 503, "Not ready",
     "The service is starting or shutting down.",
     "Try again, if possible at another instance."},
    {NULL, 0, NULL, NULL, NULL},
};
/* clang-format on */
