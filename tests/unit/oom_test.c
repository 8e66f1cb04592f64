/* SPDX-License-Identifier: MIT
 * The kernel's count of what it has killed, in made-up trees of /proc and /sys. */
#include "oom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static char root[64];
static const char *written[8];
static size_t written_count;

static void write_file(const char *name, const char *content)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    written[written_count++] = name;
}

static int begin(void **state)
{
    (void)state;
    strcpy(root, "/tmp/clutch-oom-test-XXXXXX");
    written_count = 0;
    return mkdtemp(root) != NULL ? 0 : -1;
}

/* The files, and then the directories above each that have become empty. */
static int end(void **state)
{
    char path[512];

    (void)state;
    for (size_t i = 0; i < written_count; i++) {
        snprintf(path, sizeof(path), "%s%s", root, written[i]);
        unlink(path);
    }
    for (size_t i = 0; i < written_count; i++) {
        snprintf(path, sizeof(path), "%s%s", root, written[i]);
        for (char *slash = strrchr(path, '/'); slash != NULL && strlen(path) > strlen(root);
             slash = strrchr(path, '/')) {
            *slash = '\0';
            rmdir(path);
        }
    }
    return 0;
}

static void version_2(void **state)
{
    struct oom oom;
    char text[OOM_TEXT_BYTES];

    (void)state;
    write_file("/proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    write_file("/proc/self/cgroup", "0::/shop/web\n");
    write_file("/sys/fs/cgroup/shop/web/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 9\n");
    write_file("/sys/fs/cgroup/shop/web/memory.max", "536870912\n");
    oom_begin(&oom, root);
    assert_false(oom_take_kill(&oom));
    write_file("/sys/fs/cgroup/shop/web/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 5\noom_group_kill 9\n");
    assert_true(oom_take_kill(&oom));
    assert_true(oom_take_kill(&oom));
    assert_false(oom_take_kill(&oom));
    assert_string_equal(oom_describe_limit(&oom, text), "memory.max 512 MiB");
    write_file("/sys/fs/cgroup/shop/web/memory.max", "max\n");
    assert_string_equal(oom_describe_limit(&oom, text), "it has no limit of its own");
    oom_fini(&oom);
}

static void version_1(void **state)
{
    struct oom oom;
    char text[OOM_TEXT_BYTES];

    (void)state;
    write_file("/proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                                       "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    write_file("/proc/self/cgroup", "4:memory:/shop\n3:cpu,cpuacct:/\n");
    write_file("/sys/fs/cgroup/memory/shop/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
    write_file("/sys/fs/cgroup/memory/shop/memory.limit_in_bytes", "9223372036854771712\n");
    oom_begin(&oom, root);
    assert_false(oom_take_kill(&oom));
    write_file("/sys/fs/cgroup/memory/shop/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    assert_true(oom_take_kill(&oom));
    assert_false(oom_take_kill(&oom));
    assert_string_equal(oom_describe_limit(&oom, text), "it has no limit of its own");
    oom_fini(&oom);
}

static void nothing_to_read(void **state)
{
    struct oom oom;
    char text[OOM_TEXT_BYTES];

    (void)state;
    oom_begin(&oom, root);
    assert_false(oom_take_kill(&oom));
    assert_string_equal(oom_describe_limit(&oom, text), "it has no limit of its own");
    oom_fini(&oom);
    write_file("/proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    write_file("/proc/self/cgroup", "0::/\n");
    oom_begin(&oom, root); /* the root group has no such file */
    assert_false(oom_take_kill(&oom));
    oom_fini(&oom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_2, begin, end),
        cmocka_unit_test_setup_teardown(version_1, begin, end),
        cmocka_unit_test_setup_teardown(nothing_to_read, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
