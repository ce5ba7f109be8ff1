/* tree.h -- answers that are small enough to be built as jansson trees and then written. */
#ifndef API_TREE_H
#define API_TREE_H

#include <jansson.h>

#include "call.h"

/* Writes a tree; takes it over. NULL (memory was short when it was built) sets to->failed. */
void tree_write(buffer *to, json_t *tree);

/* 200 with the tree as the body; takes it over. */
api_next tree_answer(api_call *c, json_t *tree);

#endif
