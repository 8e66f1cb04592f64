/* SPDX-License-Identifier: MIT
 * Every allocation of the parser fails once: it must say so and give back NULL, or do without; and leave nothing
 * behind. */
#include "config_support.h"
#include "importer.h"
#include "scarce_memory.h"

#include <unistd.h>

static int refused_count; /* parses that gave back NULL */

/* Parses with the n-th allocation failing: NULL, which must have been said, or a config owned by the caller. Whether
 * there were that many allocations is in *has_failed. */
static struct config *parse_scarcely(int n, char **argv, char **environment, bool *has_failed)
{
    char *text = NULL;
    size_t size;
    FILE *errors = open_memstream(&text, &size);
    struct config *config;
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    assert_non_null(errors);
    scarcity_begin(n, false);
    config = config_parse(argc, argv, environment, errors);
    *has_failed = scarcity_end();
    fclose(errors);
    if (config == NULL)
        assert_non_null(strstr(text, "clutch: not enough memory to read the options\n"));
    assert_true(*has_failed || config != NULL);
    free(text);
    return config;
}

/* Returns whether there were n allocations. */
static bool parse_with_failure(int n)
{
    char *argv[] = {(char[]){"clutch"}, (char[]){"--http"},     (char[]){":1"},    (char[]){"-e"},
                    (char[]){"A=1"},    (char[]){"--pp=/a:/b"}, (char[]){"m:app"}, NULL};
    char *environment[] = {(char[]){"CLUTCH_BIND=:1,:2"}, (char[]){"CLUTCH_USER=nobody"}, (char[]){"CLUTCH_BOGUS=1"},
                           NULL};
    bool has_failed;
    struct config *config = parse_scarcely(n, argv, environment, &has_failed);

    if (config != NULL)
        assert_string_equal(config->app.callable, "app");
    refused_count += config == NULL;
    config_free(config);
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

static char file_path[] = "/tmp/clutch-config-XXXXXX";

static int write_file(void **state)
{
    static const char text[] = "[uwsgi]\nbase = /srv\nmodule = m:app\nhttp = :1\npidfile = %(base)/%n\nxyzzy = 1\n"
                               "[clutch]\nenv = A=1\n[other]\n";
    int fd = mkstemp(file_path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

static bool read_file_with_failure(int n)
{
    char *argv[] = {(char[]){"clutch"}, (char[]){"-c"}, file_path, NULL};
    bool has_failed;
    struct config *config = parse_scarcely(n, argv, NULL, &has_failed);

    if (config != NULL)
        assert_memory_equal(config->pid, "/srv/clutch-config-", 19);
    config_free(config);
    return has_failed;
}

static void every_failure_with_a_file_is_survived(void **state)
{
    int count = 0;

    (void)state;
    while (read_file_with_failure(count))
        count++;
    assert_in_range(count, 40, 1000);
}

static bool import_with_failure(int n)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct importer *importer;
    bool has_failed, is_whole = false;

    assert_non_null(out);
    scarcity_begin(n, false);
    importer = importer_new(file_path, "uWSGI");
    if (importer != NULL)
        is_whole = importer_uwsgi(importer, NULL, out) && importer_print(importer, out) == 0;
    has_failed = scarcity_end();
    importer_free(importer);
    fclose(out);
    assert_true(has_failed || is_whole);
    if (is_whole)
        assert_non_null(strstr(text, "\npid = /srv/clutch-config"));
    free(text);
    return has_failed;
}

static void every_failure_of_an_import_is_survived(void **state)
{
    int count = 0;

    (void)state;
    while (import_with_failure(count))
        count++;
    assert_in_range(count, 20, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_is_survived),
        cmocka_unit_test(every_failure_with_a_file_is_survived),
        cmocka_unit_test(every_failure_of_an_import_is_survived),
    };

    return cmocka_run_group_tests(tests, write_file, remove_file);
}
