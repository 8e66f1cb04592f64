/* SPDX-License-Identifier: MIT
 * Virtual environments as their directories show them: which are used, which are refused, and what the message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venv.h"

static const struct venv_release wanted = {3, 11};

struct place {
    char base[64];
    char venv[128];
};

static void write_file(const char *directory, const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void make_directory(const char *directory, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* An environment with bin/python; `config` NULL: without pyvenv.cfg. */
static void make_venv(struct place *place, const char *config)
{
    make_directory(place->base, "venv");
    make_directory(place->venv, "bin");
    write_file(place->venv, "bin/python", "", 0700);
    if (config != NULL)
        write_file(place->venv, "pyvenv.cfg", config, 0600);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    snprintf(place->base, sizeof(place->base), "/tmp/clutch-venv-XXXXXX");
    assert_non_null(mkdtemp(place->base));
    snprintf(place->venv, sizeof(place->venv), "%s/venv", place->base);
    unsetenv("VIRTUAL_ENV");
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"venv/bin/python",
                                        "venv/pyvenv.cfg",
                                        "venv/bin",
                                        "venv/lib/python3.11",
                                        "venv/lib",
                                        "venv",
                                        "bin/python3.11",
                                        "bin",
                                        ""};
    struct place *place = *state;
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", place->base, names[i]);
        remove(path);
    }
    assert_int_equal(access(place->base, F_OK), -1);
    free(place);
    return 0;
}

static bool is_usable(const struct place *place, char *error, size_t size)
{
    struct venv venv = {.directory = place->venv, .source = "--venv"};

    error[0] = '\0';
    return venv_is_usable(&venv, place->venv, wanted, error, size);
}

static void expect_refused(const struct place *place, const char *const *words, size_t count)
{
    char error[2048];

    assert_false(is_usable(place, error, sizeof(error)));
    for (size_t i = 0; i < count; i++) {
        if (strstr(error, words[i]) == NULL)
            fail_msg("'%s' does not say '%s'", error, words[i]);
    }
}

static void accepts_every_spelling_of_the_version(void **state)
{
    static const char *const configs[] = {
        "home = /usr/bin\nversion = 3.11.2\n",
        "version=3.11",
        "home = /x\nimplementation = CPython\nversion_info = 3.11.7.final.0\n",
        "include-system-site-packages = false\n  Version   =   3.11.0rc1  \n",
        "no key here\nversion = 3.11.9\nversion_info = 3.10.0\n",
    };
    struct place *place = *state;
    char error[2048];

    make_venv(place, NULL);
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        write_file(place->venv, "pyvenv.cfg", configs[i], 0600);
        if (!is_usable(place, error, sizeof(error)))
            fail_msg("refused: %s", error);
    }
}

static void refuses_another_release(void **state)
{
    static const char *const words[] = {"--venv", "Python 3.12", "Python 3.11"};
    static const char *const major[] = {"Python 2.11", "Python 3.11"};
    struct place *place = *state;

    make_venv(place, "version = 3.12.1\n");
    expect_refused(place, words, 3);
    write_file(place->venv, "pyvenv.cfg", "version = 2.11.1\n", 0600);
    expect_refused(place, major, 2);
    write_file(place->venv, "pyvenv.cfg", "version = 3.1\n", 0600);
    expect_refused(place, words + 2, 1);
}

static void refuses_what_is_no_environment(void **state)
{
    static const char *const no_config[] = {"not a virtual environment", "pyvenv.cfg"};
    static const char *const no_python[] = {"bin/python", "python3.11 -m venv"};
    struct place *place = *state;
    char path[PATH_MAX];

    make_venv(place, NULL);
    expect_refused(place, no_config, 2);
    write_file(place->venv, "pyvenv.cfg", "version = 3.11.2\n", 0600);
    snprintf(path, sizeof(path), "%s/bin/python", place->venv);
    assert_int_equal(unlink(path), 0);
    expect_refused(place, no_python, 2);
    assert_int_equal(symlink("/nonexistent/python3.11", path), 0);
    expect_refused(place, no_python, 2);
}

static void goes_by_the_library_when_the_config_is_silent(void **state)
{
    static const char *const words[] = {"lib/python3.11", "Python 3.11"};
    struct place *place = *state;
    char error[2048];

    make_venv(place, "home = /usr/bin\n");
    expect_refused(place, words, 2);
    make_directory(place->venv, "lib");
    make_directory(place->venv, "lib/python3.11");
    assert_true(is_usable(place, error, sizeof(error)));
}

static void reads_releases(void **state)
{
    static const char *const malformed[] = {"", "3", "3.", ".11", "x3.11", "3,11", "3.x", " 3.11"};
    struct venv_release release;

    (void)state;
    assert_true(venv_parse_release("3.13.0 (main, Oct  7 2024) [GCC 12]", &release));
    assert_int_equal(release.major, 3);
    assert_int_equal(release.minor, 13);
    assert_true(venv_parse_release("3.9", &release));
    assert_int_equal(release.minor, 9);
    assert_true(venv_parse_release("3.14.0rc1", &release));
    assert_int_equal(release.minor, 14);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        assert_false(venv_parse_release(malformed[i], &release));
}

static void prefers_the_option_to_the_active_environment(void **state)
{
    char own[PATH_MAX];
    struct venv venv;

    (void)state;
    assert_null(venv_find(NULL, own, sizeof(own)).directory);
    assert_null(venv_find("", own, sizeof(own)).directory);
    setenv("VIRTUAL_ENV", "/active", 1);
    venv = venv_find(NULL, own, sizeof(own));
    assert_string_equal(venv.directory, "/active");
    assert_string_equal(venv.source, "VIRTUAL_ENV");
    venv = venv_find("/given", own, sizeof(own));
    assert_string_equal(venv.directory, "/given");
    assert_string_equal(venv.source, "--venv");
    setenv("VIRTUAL_ENV", "", 1);
    assert_null(venv_find(NULL, own, sizeof(own)).directory);
    unsetenv("VIRTUAL_ENV");
}

/* Whether the environment of the test is found around a program with this path below it. */
static bool is_around(const struct place *place, const char *program)
{
    char path[PATH_MAX], found[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", place->venv, program);
    if (!venv_around(path, found, sizeof(found)))
        return false;
    assert_string_equal(found, place->venv);
    assert_false(venv_around(path, found, strlen(path)));
    return true;
}

static void finds_the_environment_around_a_program(void **state)
{
    struct place *place = *state;
    char found[PATH_MAX];

    make_venv(place, NULL);
    assert_false(is_around(place, "bin/clutch"));
    write_file(place->venv, "pyvenv.cfg", "version = 3.11.2\n", 0600);
    assert_true(is_around(place, "bin/clutch"));
    assert_true(is_around(place, "bin/clutch (deleted)"));
    assert_false(is_around(place, "clutch"));
    assert_false(is_around(place, "sbin/clutch"));
    assert_false(is_around(place, "lib/bin/clutch"));
    assert_false(venv_around("venv/bin/clutch", found, sizeof(found)));
    assert_false(venv_around("/clutch", found, sizeof(found)));
    assert_false(venv_around("/bin/clutch", found, sizeof(found)));
}

static void resolves_against_the_base_first(void **state)
{
    struct place *place = *state;
    char resolved[PATH_MAX];

    make_venv(place, NULL);
    assert_int_equal(venv_resolve("venv", place->base, resolved, sizeof(resolved)), 0);
    assert_string_equal(resolved, place->venv);
    assert_int_equal(venv_resolve(place->venv, "/elsewhere", resolved, sizeof(resolved)), 0);
    assert_string_equal(resolved, place->venv);
    assert_int_equal(venv_resolve("no-such-venv", place->base, resolved, sizeof(resolved)), -ENOENT);
    assert_int_equal(venv_resolve("no-such-venv", NULL, resolved, sizeof(resolved)), -ENOENT);
}

static void finds_the_executable(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX], expected[PATH_MAX], search[PATH_MAX], *before = strdup(getenv("PATH"));

    assert_true(venv_find_executable("/srv/venv", "/usr/bin/env", wanted, path, sizeof(path)));
    assert_string_equal(path, "/srv/venv/bin/python");
    assert_true(venv_find_executable(NULL, "/usr/bin/env", wanted, path, sizeof(path)));
    assert_string_equal(path, "/usr/bin/env");
    make_directory(place->base, "bin");
    write_file(place->base, "bin/python3.11", "", 0600);
    snprintf(search, sizeof(search), "relative::/nonexistent:%s/bin", place->base);
    setenv("PATH", search, 1);
    assert_false(venv_find_executable(NULL, "/nonexistent/python", wanted, path, sizeof(path)));
    write_file(place->base, "bin/python3.11", "", 0700);
    assert_true(venv_find_executable(NULL, "", wanted, path, sizeof(path)));
    snprintf(expected, sizeof(expected), "%s/bin/python3.11", place->base);
    assert_string_equal(path, expected);
    setenv("PATH", before, 1);
    free(before);
}

#define VENV_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VENV_TEST(accepts_every_spelling_of_the_version),
        VENV_TEST(refuses_another_release),
        VENV_TEST(refuses_what_is_no_environment),
        VENV_TEST(goes_by_the_library_when_the_config_is_silent),
        VENV_TEST(prefers_the_option_to_the_active_environment),
        VENV_TEST(finds_the_environment_around_a_program),
        VENV_TEST(resolves_against_the_base_first),
        VENV_TEST(finds_the_executable),
        cmocka_unit_test(reads_releases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
