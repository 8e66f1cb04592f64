/* SPDX-License-Identifier: MIT
 * Every allocation of the parser fails once: it must say so and give back NULL, or do without; and leave nothing
 * behind. */
#include "config_support.h"
#include "scarce_memory.h"

static int refused_count; /* parses that gave back NULL */

/* Parses with the n-th allocation failing; returns whether there were that many. */
static bool parse_with_failure(int n)
{
    char *argv[] = {(char[]){"clutch"}, (char[]){"--http"},     (char[]){":1"},    (char[]){"-e"},
                    (char[]){"A=1"},    (char[]){"--pp=/a:/b"}, (char[]){"m:app"}, NULL};
    char *environment[] = {(char[]){"CLUTCH_BIND=:1,:2"}, (char[]){"CLUTCH_USER=nobody"}, (char[]){"CLUTCH_BOGUS=1"},
                           NULL};
    char *text = NULL;
    size_t size;
    FILE *errors = open_memstream(&text, &size);
    struct config *config;
    bool has_failed;

    assert_non_null(errors);
    scarcity_begin(n, false);
    config = config_parse((int)ARRAY_COUNT(argv) - 1, argv, environment, errors);
    has_failed = scarcity_end();
    fclose(errors);
    if (config == NULL)
        assert_non_null(strstr(text, "clutch: not enough memory to read the options\n"));
    else
        assert_string_equal(config->app.callable, "app");
    assert_true(has_failed || config != NULL);
    refused_count += config == NULL;
    config_free(config);
    free(text);
    return has_failed;
}

static void every_failure_is_survived(void **state)
{
    int count = 0;

    (void)state;
    while (parse_with_failure(count))
        count++;
    assert_in_range(count, 20, 1000);
    assert_in_range(refused_count, count - 2, count); /* counting CPUs can do without memory */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
