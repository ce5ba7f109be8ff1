/* test_scale.c -- graphs of the size that users have, over HTTP: a hundred layers, a million nodes.
 *
 * Every value and every gradient of the answer is held against a plain C loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"
#include "scalars.h"
#include "service.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { NODES = 50000, PEAK_MIB = 1 << 20 }; /* the tools' own memory is not ours to bound */
#else
enum { NODES = 1000000, PEAK_MIB = 600 };
#endif

static service gradd;

typedef struct reply {
    char *at;
    size_t n, room;
} reply;

static size_t keep(char *piece, size_t size, size_t count, void *to)
{
    reply *r = to;
    size_t n = size * count;
    if (r->room - r->n <= n) {
        r->room = (r->room + n) * 2;
        r->at = realloc(r->at, r->room);
        if (!r->at) abort();
    }
    memcpy(r->at + r->n, piece, n);
    r->n += n;
    r->at[r->n] = 0;
    return n;
}

static void post(reply *r, const char *body, size_t n)
{
    char url[80];
    long status = 0;
    CURL *c = curl_easy_init();
    struct curl_slist *head = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/evaluate", gradd.port);
    *r = (reply){0};
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    CURLcode result = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(head);
    curl_easy_cleanup(c);
    if (result != CURLE_OK || status != 200)
        fail_msg("%s, status %ld: %.600s", curl_easy_strerror(result), status, r->at ? r->at : "");
}

static int start(void **state)
{
    (void)state;
    service_start(&gradd, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return service_stop(&gradd);
}

/* ---- scalar graphs ----------------------------------------------------------------------------- */

/* Reads "name":number from *at and holds it against the reference. */
static void member(const char **at, int node, double want)
{
    char name[24], *end;
    int n = node < 0 ? sprintf(name, "\"x\":") : sprintf(name, "\"n%d\":", node);
    if (strncmp(*at, name, (size_t)n)) fail_msg("expected %s at %.60s", name, *at);
    *at += n;
    double got = strtod(*at, &end);
    if (!(fabs(got - want) <= 1e-11 * fabs(want) + 1e-300))
        fail_msg("%s%.17g, expected %.17g", name, got, want);
    *at = end;
    assert_true(**at == ',' || **at == '}');
    (*at)++;
}

static void members(const char *text, const char *which, int n, const double *want, bool backwards)
{
    const char *at = strstr(text, which);
    assert_non_null(at);
    at += strlen(which);
    member(&at, -1, want[0]);
    for (int k = 0; k < n; k++) {
        int i = backwards ? n - 1 - k : k;
        member(&at, i, want[i + 1]);
    }
}

static void check_graph(const scalar_node *g, double x, bool backwards)
{
    double *value = malloc((NODES + 1) * sizeof *value), *slope = malloc((NODES + 1) * sizeof *slope);
    size_t n;
    reply r;
    assert_true(value && slope);
    scalars_run(g, NODES, x, value, slope);
    char *body = scalars_request(g, NODES, x, backwards, &n);
    post(&r, body, n);
    members(r.at, "\"values\":{", NODES, value, backwards);
    members(r.at, "\"gradients\":{", NODES, slope, backwards);
    free(body);
    free(r.at);
    free(value);
    free(slope);
}

static scalar_node graph[NODES];

static void test_a_chain_of_a_million_nodes(void **state)
{
    (void)state;
    scalars_chain(graph, NODES);
    check_graph(graph, 0.5, false);
    assert_in_range(service_peak_mib(&gradd), 1, PEAK_MIB);
}

static void test_a_random_graph_of_a_million_nodes(void **state)
{
    (void)state;
    scalars_dag(graph, NODES, 1000);
    check_graph(graph, 0.5, false);
    scalars_dag(graph, NODES, NODES); /* operands from anywhere */
    check_graph(graph, 0.5, false);
    assert_in_range(service_peak_mib(&gradd), 1, PEAK_MIB);
}

static void test_a_million_nodes_in_reverse_order(void **state)
{
    (void)state;
    scalars_chain(graph, NODES);
    check_graph(graph, 0.5, true);
    assert_in_range(service_peak_mib(&gradd), 1, PEAK_MIB);
}

static void test_a_node_consumed_a_million_times(void **state)
{
    (void)state;
    scalars_star(graph, NODES);
    check_graph(graph, 0.5, false);
}

/* ---- the perceptron ---------------------------------------------------------------------------- */

static void hold(const json_t *gradients, const char *format, int layer, const double *want, int rows,
                 int columns, int stride)
{
    char name[16];
    double largest = 0;
    snprintf(name, sizeof name, format, layer);
    const json_t *got = json_object_get(gradients, name);
    assert_non_null(got);
    for (int i = 0; i < rows * stride; i++) largest = fmax(largest, fabs(want[i]));
    assert_true(largest > 0);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++) {
            const json_t *row = columns > 1 || stride > 1 ? json_array_get(got, (size_t)i) : got;
            double x = json_number_value(json_array_get(row, (size_t)(stride > 1 ? k : i)));
            if (!(fabs(x - want[i * stride + k]) <= 1e-9 * largest))
                fail_msg("%s[%d][%d] is %.17g, expected %.17g", name, i, k, x, want[i * stride + k]);
        }
}

static void test_a_perceptron_of_a_hundred_layers(void **state)
{
    (void)state;
    static mlp model, gradient;
    size_t n;
    reply r;
    mlp_fill(&model);
    double loss = mlp_loss(&model, &gradient);
    char *body = mlp_request(&model, &n);
    post(&r, body, n);
    json_t *tree = json_loadb(r.at, r.n, 0, NULL);
    assert_non_null(tree);
    double got = json_number_value(json_object_get(json_object_get(tree, "values"), "loss"));
    assert_true(fabs(got - loss) <= 1e-9 * loss);
    /* What PyTorch 1.13 computes for the same weights. */
    assert_true(fabs(got - MLP_TORCH_LOSS) <= 1e-9 * MLP_TORCH_LOSS);
    const json_t *gradients = json_object_get(tree, "gradients");
    hold(gradients, "x", 0, gradient.x[0], MLP_BATCH, MLP_WIDTH, MLP_WIDTH);
    for (int l = 0; l < MLP_LAYERS; l++) {
        hold(gradients, "w%d", l, gradient.w[l][0], mlp_rows(l), MLP_WIDTH, MLP_WIDTH);
        hold(gradients, "b%d", l, gradient.b[l], mlp_rows(l), 1, 1);
    }
    json_decref(tree);
    free(body);
    free(r.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chain_of_a_million_nodes),
        cmocka_unit_test(test_a_random_graph_of_a_million_nodes),
        cmocka_unit_test(test_a_million_nodes_in_reverse_order),
        cmocka_unit_test(test_a_node_consumed_a_million_times),
        cmocka_unit_test(test_a_perceptron_of_a_hundred_layers),
    };
    return cmocka_run_group_tests_name("scale", tests, start, stop);
}
