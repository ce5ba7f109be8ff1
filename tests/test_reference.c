/* test_reference.c -- api/docs/operators.md is what `make reference` would write now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grad.h"

/* The tool stands beside the service. */
static FILE *start_tool(void)
{
    char command[1100];
    const char *service = getenv("GRADD");
    if (!service) service = "build/gradd";
    const char *slash = strrchr(service, '/');
    snprintf(command, sizeof command, "'%.*s/reference'", slash ? (int)(slash - service) : 1,
             slash ? service : ".");
    FILE *f = popen(command, "r");
    assert_non_null(f);
    return f;
}

static void the_reference_is_current(void **state)
{
    (void)state;
    FILE *tool = start_tool(), *file = fopen("api/docs/operators.md", "r");
    char want[4000], found[4000];
    size_t lines = 0;
    assert_non_null(file);
    while (fgets(want, sizeof want, tool)) {
        lines++;
        if (!fgets(found, sizeof found, file)) strcpy(found, "(nothing)\n");
        if (strcmp(want, found) != 0)
            fail_msg("api/docs/operators.md:%zu is not what the table says: run make reference\n"
                     "the table: %sthe file:  %s", lines, want, found);
    }
    assert_null(fgets(found, sizeof found, file));
    assert_int_equal(pclose(tool), 0);
    assert_true(lines > grad_op_count());
    fclose(file);
}

static void every_operator_has_its_place(void **state)
{
    (void)state;
    FILE *file = fopen("api/docs/operators.md", "r");
    char line[4000];
    size_t headings = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "### ", 4) != 0) continue;
        headings++;
        if (!grad_op_find_n(line + 4, strcspn(line + 4, "\n"))) fail_msg("no operator: %s", line);
    }
    assert_int_equal(headings, grad_op_count());
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_current),
        cmocka_unit_test(every_operator_has_its_place),
    };
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
