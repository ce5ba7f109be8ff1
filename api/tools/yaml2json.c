/* yaml2json.c -- a YAML file as JSON in C: yaml2json FILE NAME writes `const char NAME[]` and
 * `NAME_length`.
 *
 * Plain scalars are read by YAML 1.2's core schema (null, true, false, numbers; all else is text);
 * quoted ones are text. Names must be unique, and numbers finite.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH = 200 };

static const char *path;

__attribute__((noreturn, format(printf, 2, 3)))
static void fail(const yaml_mark_t *at, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s:", path);
    if (at) fprintf(stderr, "%zu:%zu:", at->line + 1, at->column + 1);
    fprintf(stderr, " ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

static json_t *some(json_t *j)
{
    if (!j) fail(NULL, "out of memory");
    return j;
}

static int is_any(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return 1;
    return 0;
}

/* A plain scalar that looks like a number, or NULL. */
static json_t *number(const char *text, const yaml_mark_t *at)
{
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || strspn(digits, "0123456789.eE+-") != strlen(digits)) return NULL;
    if (digits[strcspn(digits, "0123456789")] == '\0') return NULL;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (!*end && !errno) return some(json_integer(whole));
    double real = strtod(text, &end);
    if (*end) return NULL;
    if (!isfinite(real)) fail(at, "%s is not finite", text);
    return some(json_real(real));
}

static json_t *scalar(const yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    const char *text = (const char *)node->data.scalar.value;
    size_t n = node->data.scalar.length;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (is_any(text, nulls)) return json_null();
        if (is_any(text, trues)) return json_true();
        if (is_any(text, falses)) return json_false();
        json_t *j = number(text, &node->start_mark);
        if (j) return j;
    }
    return some(json_stringn(text, n));
}

static json_t *convert(yaml_document_t *document, int place, int depth)
{
    yaml_node_t *node = yaml_document_get_node(document, place);
    if (depth > DEPTH) fail(&node->start_mark, "nested too deep");
    if (node->type == YAML_SEQUENCE_NODE) {
        json_t *list = some(json_array());
        for (yaml_node_item_t *i = node->data.sequence.items.start;
             i < node->data.sequence.items.top; i++)
            json_array_append_new(list, convert(document, *i, depth + 1));
        return list;
    }
    if (node->type == YAML_MAPPING_NODE) {
        json_t *object = some(json_object());
        for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
             p < node->data.mapping.pairs.top; p++) {
            yaml_node_t *key = yaml_document_get_node(document, p->key);
            if (key->type != YAML_SCALAR_NODE) fail(&key->start_mark, "a name must be text");
            const char *name = (const char *)key->data.scalar.value;
            if (json_object_get(object, name)) fail(&key->start_mark, "%s is repeated", name);
            if (json_object_set_new(object, name, convert(document, p->value, depth + 1)))
                fail(&key->start_mark, "%s cannot be a name", name);
        }
        return object;
    }
    return scalar(node);
}

static json_t *read_file(void)
{
    yaml_parser_t parser;
    yaml_document_t document;
    FILE *f = fopen(path, "rb");
    if (!f || !yaml_parser_initialize(&parser)) fail(NULL, "cannot be read");
    yaml_parser_set_input_file(&parser, f);
    if (!yaml_parser_load(&parser, &document)) fail(&parser.problem_mark, "%s", parser.problem);
    if (!yaml_document_get_root_node(&document)) fail(NULL, "is empty");
    json_t *j = convert(&document, 1, 0);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    fclose(f);
    return j;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: yaml2json FILE NAME\n");
        return 2;
    }
    const char *name = argv[2];
    path = argv[1];
    json_t *j = read_file();
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    if (!text) fail(NULL, "out of memory");
    printf("/* Made by yaml2json. */\n#include <stddef.h>\n\nextern const char %s[];\n"
           "extern const size_t %s_length;\nconst char %s[] = {",
           name, name, name);
    for (size_t i = 0; text[i]; i++) printf("%s%d,", i % 24 ? "" : "\n    ", text[i]);
    printf("\n    0};\nconst size_t %s_length = %zu;\n", name, strlen(text));
    free(text);
    json_decref(j);
    return fflush(stdout) || ferror(stdout);
}
