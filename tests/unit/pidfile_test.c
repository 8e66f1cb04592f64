/* SPDX-License-Identifier: MIT
 * The pid file: written whole, refused while its process lives, removed by its owner alone. */
#include "pidfile.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/pidfile_test.XXXXXX";
static char path[64], error[512];

static void put(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static long get(void)
{
    FILE *file = fopen(path, "r");
    long pid = -1;

    if (file == NULL)
        return -1;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = -1;
    fclose(file);
    return pid;
}

static int count_files(void)
{
    DIR *dir = opendir(directory);
    int count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

static void test_written_and_removed(void **state)
{
    (void)state;
    assert_int_equal(pidfile_write(path, error, sizeof(error)), 0);
    assert_int_equal(get(), getpid());
    assert_int_equal(count_files(), 1);
    pidfile_remove(path);
    assert_int_equal(count_files(), 0);
}

static void test_leftovers_are_replaced(void **state)
{
    char own[32];
    pid_t gone = fork();
    const char *leftovers[] = {"", "nonsense\n", "0\n", "-5\n", "99999999999999\n", own};

    (void)state;
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    snprintf(own, sizeof(own), "%d\n", (int)getpid());
    for (size_t i = 0; i < ARRAY_COUNT(leftovers); i++) {
        put(leftovers[i]);
        assert_int_equal(pidfile_write(path, error, sizeof(error)), 0);
        assert_int_equal(get(), getpid());
    }
    snprintf(own, sizeof(own), "%d\n", (int)gone);
    put(own);
    assert_int_equal(pidfile_write(path, error, sizeof(error)), 0);
    assert_int_equal(get(), getpid());
    pidfile_remove(path);
}

static void test_a_living_process_is_respected(void **state)
{
    char text[32];

    (void)state;
    snprintf(text, sizeof(text), "%d\n", (int)getppid());
    put(text);
    assert_int_equal(pidfile_write(path, error, sizeof(error)), -1);
    assert_non_null(strstr(error, path));
    text[strlen(text) - 1] = '\0';
    assert_non_null(strstr(error, text));
    assert_int_equal(get(), getppid());
    /* Nor is it removed by somebody else. */
    pidfile_remove(path);
    assert_int_equal(get(), getppid());
    unlink(path);
}

static void test_an_unwritable_place_is_named(void **state)
{
    char missing[128];

    (void)state;
    snprintf(missing, sizeof(missing), "%s/missing/app.pid", directory);
    assert_int_equal(pidfile_write(missing, error, sizeof(error)), -1);
    assert_non_null(strstr(error, missing));
    assert_non_null(strstr(error, "No such file or directory"));
    assert_int_equal(pidfile_write(directory, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "cannot be written"));
    assert_int_equal(count_files(), 0);
}

/* To root, /dev/null is a name like any other: a device that was replaced by a file would be missed by everybody. */
static void test_what_is_no_file_stays_what_it_is(void **state)
{
    char link_path[80];
    struct stat status;

    (void)state;
    snprintf(link_path, sizeof(link_path), "%s.link", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(pidfile_write(path, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "no regular file"));
    assert_int_equal(pidfile_write(link_path, error, sizeof(error)), -1);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(lstat(link_path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(count_files(), 2);
    unlink(link_path);
    unlink(path);
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/app.pid", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_removed),
        cmocka_unit_test(test_leftovers_are_replaced),
        cmocka_unit_test(test_a_living_process_is_respected),
        cmocka_unit_test(test_an_unwritable_place_is_named),
        cmocka_unit_test(test_what_is_no_file_stays_what_it_is),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
