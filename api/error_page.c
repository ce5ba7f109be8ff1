/* error_page.c -- GET /errors/{code}: what a problem's `type` leads to.
 *
 * People get a page, programs JSON, by what Accept prefers. Nothing in either comes from the
 * request: all texts are those of the table.
 */
#include <string.h>

#include "endpoints.h"
#include "errors.h"
#include "media.h"
#include "tree.h"

static void write_html_text(buffer *to, const char *text)
{
    static const struct { char c; const char *name; } entities[] = {
        {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {0, NULL},
    };
    for (; *text; text++) {
        size_t k = 0;
        while (entities[k].c && entities[k].c != *text) k++;
        if (entities[k].c) buffer_text(to, entities[k].name);
        else buffer_byte(to, *text);
    }
}

static api_next answer_page(api_call *c, const api_error *e)
{
    buffer *to = &c->out;
    buffer_format(to,
                  "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  "<title>%s - gradd</title>\n<h1>%s</h1>\n<p><code>%s</code>, status %d</p>\n<p>",
                  e->title, e->title, e->code, e->status);
    write_html_text(to, e->meaning);
    buffer_text(to, "</p>\n<p>");
    write_html_text(to, e->remedy);
    buffer_text(to, "</p>\n<p><a href=\"/\">gradd</a></p>\n</html>\n");
    api_add_header(c, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    return api_answer(c, 200, "text/html; charset=utf-8", to->at, to->n);
}

static const char *code_at(const void *list, size_t i)
{
    (void)list;
    return api_error_name(i);
}

static api_next refuse_code(api_call *c)
{
    const char *near = api_nearest(c->param.at, c->param.n, code_at, NULL);
    if (near)
        return api_fail(c, "not_found", NULL, NULL,
                        "there is no error \"%.100s\"; did you mean \"%s\"?", c->param.at, near);
    return api_fail(c, "not_found", NULL, NULL,
                    "there is no error \"%.100s\"; /openapi.json lists all", c->param.at);
}

api_next error_prepare(api_call *c)
{
    const api_error *e = api_error_find(c->param.at); /* the path's last segment ends by NUL */
    if (!e) return refuse_code(c);
    api_add_header(c, "Vary", "Accept");
    if (media_weight(c->accept, "text/html") > media_weight(c->accept, "application/json"))
        return answer_page(c, e);
    return tree_answer(c, json_pack("{s:s, s:i, s:s, s:s++}",
                                    "code", e->code,
                                    "status", e->status,
                                    "title", e->title,
                                    "detail", e->meaning, " ", e->remedy));
}
