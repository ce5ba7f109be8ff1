/* tree.c -- answers that are small enough to be built as jansson trees and then written. */
#include "tree.h"

static int append(const char *text, size_t n, void *to)
{
    buffer_add(to, text, n);
    return 0;
}

void tree_write(buffer *to, json_t *tree)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(15);
    if (!tree || json_dump_callback(tree, append, to, flags)) {
        if (!to->failed) to->failed = GRAD_OUT_OF_MEMORY;
    }
    json_decref(tree);
}

api_next tree_answer(api_call *c, json_t *tree)
{
    tree_write(&c->out, tree);
    return api_answer(c, 200, "application/json", c->out.at, c->out.n);
}
