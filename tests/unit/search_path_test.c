/* SPDX-License-Identifier: MIT
 * Directories for sys.path: lists of them, absolute paths, and the parts of a file's name. */
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

#include "search_path.h"

static void expect_list(const char *list, const char *const *expected, size_t count)
{
    struct slice rest = slice_of_string(list), directory;
    size_t found = 0;

    while (search_path_next(&rest, &directory)) {
        if (found == count || !slice_equal(directory, slice_of_string(expected[found])))
            fail_msg("'%s': entry %zu is '%.*s'", list, found, (int)directory.len, directory.ptr);
        found++;
    }
    assert_int_equal(found, count);
    assert_int_equal(rest.len, 0);
}

static void parts_lists(void **state)
{
    static const char *const two[] = {"/a", "b/c"};
    static const char *const one[] = {"/a"};

    (void)state;
    expect_list("/a:b/c", two, 2);
    expect_list("/a,b/c", two, 2);
    expect_list(":,/a::,b/c,:", two, 2);
    expect_list("/a", one, 1);
    expect_list("", NULL, 0);
    expect_list(":,:", NULL, 0);
}

/* In a directory of its own: <base>/in. */
static void expect_absolute(const char *base, const char *path, const char *expected_tail)
{
    char expected[PATH_MAX], absolute[PATH_MAX];

    snprintf(expected, sizeof(expected), "%s%s", base, expected_tail);
    assert_int_equal(search_path_absolute(slice_of_string(path), absolute, sizeof(absolute)), 0);
    assert_string_equal(absolute, expected);
}

static void makes_paths_absolute(void **state)
{
    char base[] = "/tmp/clutch-search-path-XXXXXX", resolved[PATH_MAX], before[PATH_MAX], inside[PATH_MAX];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(base));
    assert_non_null(realpath(base, resolved));
    snprintf(inside, sizeof(inside), "%.4000s/in", resolved);
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(chdir(inside), 0);
    expect_absolute(resolved, "", "/in");
    expect_absolute(resolved, ".", "/in");
    expect_absolute(resolved, "./", "/in");
    expect_absolute(resolved, "app", "/in/app");
    expect_absolute(resolved, "./app/x", "/in/app/x");
    expect_absolute(resolved, "..", "");
    expect_absolute(resolved, "../other", "/other");
    expect_absolute(resolved, ".hidden", "/in/.hidden");
    expect_absolute(resolved, "..hidden", "/in/..hidden");
    expect_absolute("", "/srv/app", "/srv/app");
    expect_absolute("", "../../../../../../../../..", "/");
    expect_absolute("", "../../../../../../../../../etc", "/etc");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(inside), 0);
    assert_int_equal(rmdir(resolved), 0);
}

static void refuses_what_does_not_fit(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(search_path_absolute(SLICE("/1234567"), out, sizeof(out)), -ENAMETOOLONG);
    assert_int_equal(search_path_absolute(SLICE("/123456"), out, sizeof(out)), 0);
    assert_string_equal(out, "/123456");
    assert_int_equal(search_path_absolute(SLICE("a-name-that-is-longer-than-eight"), out, sizeof(out)), -ENAMETOOLONG);
}

static void expect_parts(const char *path, const char *directory, const char *stem)
{
    struct slice text = slice_of_string(path);

    if (!slice_equal(search_path_directory(text), slice_of_string(directory)))
        fail_msg("'%s' lies in '%.*s'", path, (int)search_path_directory(text).len, search_path_directory(text).ptr);
    if (!slice_equal(search_path_stem(text), slice_of_string(stem)))
        fail_msg("the stem of '%s' is '%.*s'", path, (int)search_path_stem(text).len, search_path_stem(text).ptr);
}

static void parts_file_names(void **state)
{
    (void)state;
    expect_parts("/srv/pkg/main.py", "/srv/pkg", "main");
    expect_parts("main.py", "", "main");
    expect_parts("pkg/app.v2.py", "pkg", "app.v2");
    expect_parts("/main.py", "/", "main");
    expect_parts("dir.d/wsgi", "dir.d", "wsgi");
    expect_parts(".hidden", "", ".hidden");
    expect_parts("x/.hidden.py", "x", ".hidden");
    expect_parts("", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_lists),
        cmocka_unit_test(makes_paths_absolute),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(parts_file_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
