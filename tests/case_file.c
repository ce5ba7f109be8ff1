/* case_file.c -- reading golden tests. */
#include "case_file.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    const char *path, *name;
    char *next; /* the line to come */
    int line;
} source;

static void *check(void *p)
{
    if (p) return p;
    fputs("out of memory\n", stderr);
    exit(1);
}

static _Noreturn void malformed(const source *s, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", s->path, s->line, what);
    exit(1);
}

/* The next line, ended by NUL in place; NULL at the end of the file. */
static char *next_line(source *s)
{
    char *line = s->next, *end;
    if (!*line) return NULL;
    end = line + strcspn(line, "\n");
    s->next = *end ? end + 1 : end;
    *end = '\0';
    s->line++;
    return line;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r")] == '\0';
}

static bool is_status(const char *line)
{
    return strlen(line) == 3 && strspn(line, "0123456789") == 3;
}

/* "Name: value": the value, or NULL where the line is no such thing. */
static char *header_value(char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':') return NULL;
    return line + n + 1 + strspn(line + n + 1, " ");
}

static bool take_header(golden *g, char *line)
{
    struct { const char *name; const char **to; } texts[] = {
        {"Content-Type", &g->head.content_type}, {"Accept", &g->head.accept},
        {"Content-Encoding", &g->head.content_encoding}, {"Origin", &g->head.origin},
        {"X-Request-Id", &g->head.request_id},
    };
    struct { const char *name; size_t *to; } sizes[] = {
        {"Node-Limit", &g->host.node_limit}, {"Operand-Limit", &g->host.operand_limit},
        {"Memory-Limit", &g->host.memory_limit}, {"Body-Limit", &g->host.body_limit},
    };
    char *value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if ((value = header_value(line, texts[i].name))) return *texts[i].to = value, true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if ((value = header_value(line, sizes[i].name)))
            return *sizes[i].to = strtoull(value, NULL, 10), true;
    if ((value = header_value(line, "Element-Limit")))
        return g->host.element_limit = strtoll(value, NULL, 10), true;
    if ((value = header_value(line, "Tolerance"))) return g->tolerance = strtod(value, NULL), true;
    return false;
}

/* Lines are ended by NUL in place; those of a body are joined again. */
static void add_line(char **to, size_t *n, const char *line)
{
    size_t more = strlen(line);
    *to = check(realloc(*to, *n + more + 2));
    if (*n) (*to)[(*n)++] = '\n';
    memcpy(*to + *n, line, more + 1);
    *n += more;
}

static void read_case(source *s, golden *g, char *claim)
{
    size_t answer = 0;
    char *line = next_line(s), *space = line ? strchr(line, ' ') : NULL;
    *g = (golden){.line = s->line - 1, .tolerance = 1e-9};
    g->file = check(strdup(s->path));
    g->claim = check(malloc(strlen(s->name) + strlen(claim) + 3));
    sprintf(g->claim, "%s: %s", s->name, claim);
    if (!space || !isupper((unsigned char)line[0])) malformed(s, "expected METHOD PATH");
    *space = '\0';
    g->method = line;
    g->path = space + 1;
    while ((line = next_line(s)) && take_header(g, line)) continue;
    g->body = check(strdup(""));
    for (; line && !is_status(line); line = next_line(s)) add_line(&g->body, &g->body_length, line);
    if (!line) malformed(s, "the case has no status");
    g->status = atoi(line);
    g->answer = check(strdup(""));
    while ((line = next_line(s)) && !is_blank(line)) add_line(&g->answer, &answer, line);
    g->head.method = g->method;
    g->head.path = g->path;
    g->head.content_length = (int64_t)g->body_length;
}

/* The next word of a line, ended by NUL in place. */
static char *take_word(const source *s, char **line)
{
    char *word = *line, *end = word + strcspn(word, " ");
    if (end == word || !*end) malformed(s, "expected STATUS CODE POINTER DETAIL");
    *end = '\0';
    *line = end + 1;
    return word;
}

static void read_refusal(source *s, golden *g, const char *node)
{
    static const char before[] = "{\"graph\": {\"nodes\": [{\"id\": \"y\", ";
    static const char after[] = "]}, \"gradients\": false}";
    char *line = next_line(s), pointer[100];
    *g = (golden){.line = s->line - 1, .method = "POST", .path = "/v1/evaluate"};
    if (!line) malformed(s, "the node has no answer");
    g->file = check(strdup(s->path));
    g->body_length = strlen(before) + strlen(node + 1) + strlen(after);
    g->body = check(malloc(g->body_length + 1));
    sprintf(g->body, "%s%s%s", before, node + 1, after);
    g->status = atoi(take_word(s, &line));
    const char *code = take_word(s, &line), *place = take_word(s, &line);
    snprintf(pointer, sizeof pointer, "/graph/nodes/0%s", strcmp(place, ".") == 0 ? "" : place);
    g->claim = check(malloc(strlen(s->name) + strlen(line) + 20));
    sprintf(g->claim, "%s:%d: %s", s->name, g->line, line);
    json_t *answer = json_pack("{s:s, s:s, s:s, s:s}", "code", code, "pointer", pointer, "node", "y",
                               "detail", line);
    g->answer = check(answer ? json_dumps(answer, 0) : NULL);
    json_decref(answer);
    g->head.method = g->method;
    g->head.path = g->path;
    g->head.content_length = (int64_t)g->body_length;
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0, got;
    if (!f) {
        perror(path);
        exit(1);
    }
    do {
        text = check(realloc(text, n + 65537));
        got = fread(text + n, 1, 65536, f);
        n += got;
    } while (got > 0);
    text[n] = '\0';
    fclose(f);
    return text;
}

void golden_read(golden_list *to, const char *path)
{
    const char *slash = strrchr(path, '/');
    source s = {.path = path, .name = slash ? slash + 1 : path};
    char *line;
    s.next = read_text(path);
    to->text = check(realloc(to->text, (to->texts + 1) * sizeof *to->text));
    to->text[to->texts++] = s.next;
    while ((line = next_line(&s))) {
        if (is_blank(line) || line[0] == '#') continue;
        if (to->n == to->room) {
            to->room = to->room ? to->room * 2 : 64;
            to->at = check(realloc(to->at, to->room * sizeof *to->at));
        }
        if (line[0] == '{') read_refusal(&s, &to->at[to->n++], line);
        else read_case(&s, &to->at[to->n++], line);
    }
}

static int is_case(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 5 && strcmp(d->d_name + n - 5, ".case") == 0;
}

void golden_read_folder(golden_list *to, const char *folder)
{
    struct dirent **found;
    int n = scandir(folder, &found, is_case, alphasort);
    if (n < 0) {
        perror(folder);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char *path = check(malloc(strlen(folder) + strlen(found[i]->d_name) + 2));
        sprintf(path, "%s/%s", folder, found[i]->d_name);
        golden_read(to, path);
        free(path);
        free(found[i]);
    }
    free(found);
}

void golden_free(golden_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i].claim);
        free(l->at[i].file);
        free(l->at[i].body);
        free(l->at[i].answer);
    }
    for (size_t i = 0; i < l->texts; i++) free(l->text[i]);
    free(l->text);
    free(l->at);
}
