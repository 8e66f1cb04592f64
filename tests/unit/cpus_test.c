/* SPDX-License-Identifier: MIT
 * Counts CPUs in made-up trees of /proc and /sys, as containers and services show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attrs.h"
#include "cpus.h"

struct file {
    const char *path, *content;
};

/* Writes the files below a new directory, whose name it puts into `root`. */
static void make_tree(char root[64], const struct file *files, size_t count)
{
    char path[512];

    strcpy(root, "/tmp/clutch-cpus-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < count; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s%s", root, files[i].path);
        for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
            *slash = '/';
        }
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(files[i].content, file);
        fclose(file);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static unsigned count_in_tree(const struct file *files, size_t count, unsigned affinity_count)
{
    char root[64];
    unsigned result;

    make_tree(root, files, count);
    result = cpus_count_under(root, affinity_count);
    assert_int_equal(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    return result;
}
#define COUNT(affinity_count, ...)                                                                                     \
    count_in_tree((const struct file[]){__VA_ARGS__}, ARRAY_COUNT(((const struct file[]){__VA_ARGS__})), affinity_count)

#define MOUNT_V2                                                                                                       \
    {                                                                                                                  \
        "/proc/self/mountinfo",                                                                                        \
            "22 1 0:20 / /proc rw - proc proc rw\n30 25 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"      \
    }

static void nothing_to_read_leaves_the_affinity(void **state)
{
    (void)state;
    assert_int_equal(COUNT(6, {"/etc/hostname", "x"}), 6);
    assert_int_equal(COUNT(6, MOUNT_V2), 6);
    assert_int_equal(COUNT(6, MOUNT_V2, {"/proc/self/cgroup", "0::/\n"}), 6);
    assert_int_equal(COUNT(0, MOUNT_V2), 1);
}

static void quotas_are_rounded_up(void **state)
{
    static const struct {
        const char *cpu_max;
        unsigned count;
    } cases[] = {
        {"max 100000\n", 8},
        {"100000 100000\n", 1},
        {"150000 100000\n", 2},
        {"200000 100000\n", 2},
        {"200001 100000\n", 3},
        {"1000 100000\n", 1},
        {"50000 10000\n", 5},
        {"9000000 100000\n", 8},
        {"", 8},
        {"nonsense\n", 8},
        {"100000\n", 8},
        {"100000 0\n", 8},
        {"-5 100000\n", 8},
        {"9223372036854775807 1\n", 8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(
            COUNT(8, MOUNT_V2, {"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", cases[i].cpu_max}),
            cases[i].count);
}

static void groups_above_limit_as_well(void **state)
{
    static const struct file cgroup = {"/proc/self/cgroup", "0::/system.slice/app.service/worker\n"};

    (void)state;
    assert_int_equal(COUNT(16, MOUNT_V2, cgroup,
                           {"/sys/fs/cgroup/system.slice/app.service/worker/cpu.max", "400000 100000"},
                           {"/sys/fs/cgroup/system.slice/app.service/cpu.max", "250000 100000\n"},
                           {"/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n"}),
                     3);
    assert_int_equal(COUNT(16, MOUNT_V2, cgroup,
                           {"/sys/fs/cgroup/system.slice/app.service/worker/cpu.max", "400000 100000"},
                           {"/sys/fs/cgroup/system.slice/cpu.max", "700000 100000\n"}),
                     4);
    assert_int_equal(COUNT(16, MOUNT_V2, cgroup, {"/sys/fs/cgroup/cpu.max", "500000 100000"}), 5);
    assert_int_equal(COUNT(16, MOUNT_V2, cgroup, {"/sys/fs/cgroup/other/cpu.max", "100000 100000"}), 16);
}

static void cpusets_count(void **state)
{
    static const struct {
        const char *list;
        unsigned count;
    } cases[] = {
        {"0\n", 1}, {"0-3\n", 4}, {"0-1,4,6-7\n", 5},     {"0-31\n", 8},
        {"\n", 8},  {"3-1\n", 8}, {"0-99999999999\n", 8}, {"x\n", 8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(COUNT(8, MOUNT_V2, {"/proc/self/cgroup", "0::/a\n"},
                               {"/sys/fs/cgroup/a/cpuset.cpus.effective", cases[i].list},
                               {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"}),
                         cases[i].count);
}

static void version_1_counts(void **state)
{
    static const struct file mounts = {"/proc/self/mountinfo",
                                       "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                                       "32 25 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                                       "33 25 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"};
    static const struct file cgroup = {"/proc/self/cgroup",
                                       "12:memory:/m\n11:cpuset:/s\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n0::/a\n"};

    (void)state;
    assert_int_equal(COUNT(16, mounts, cgroup, {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n"}),
                     16);
    assert_int_equal(COUNT(16, mounts, cgroup, {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "120000\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n"}),
                     3);
    assert_int_equal(COUNT(16, mounts, cgroup, {"/sys/fs/cgroup/cpuset/s/cpuset.effective_cpus", "0-6\n"}), 7);
    assert_int_equal(COUNT(16, mounts, cgroup, {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "100000\n"}), 16);
}

/* A container of an old engine: the group has the host's name, and only it is mounted. */
static void containers_see_their_group_at_the_mount_point(void **state)
{
    static const struct file mounts = {
        "/proc/self/mountinfo",
        "700 699 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro master:11 - cgroup cgroup rw,cpu,cpuacct\n"};

    (void)state;
    assert_int_equal(COUNT(16, mounts, {"/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}),
                     2);
    assert_int_equal(COUNT(16, mounts, {"/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc/inner\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_quota_us", "100000\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_period_us", "100000\n"}),
                     1);
    assert_int_equal(COUNT(16, mounts, {"/proc/self/cgroup", "4:cpu,cpuacct:/../../elsewhere\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n"},
                           {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}),
                     3);
}

static void other_mounts_do_not_count(void **state)
{
    static const struct file mounts = {"/proc/self/mountinfo",
                                       "30 25 0:26 /docker/other /rootfs/other rw - cgroup2 cgroup2 rw\n"
                                       "31 25 0:26 / /mnt/with\\040blank rw - cgroup2 cgroup2 rw\n"
                                       "a line without sense\n"
                                       "32 25 0:99 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"};

    (void)state;
    assert_int_equal(COUNT(16, mounts, {"/proc/self/cgroup", "0::/docker/me\n"},
                           {"/rootfs/other/cpu.max", "100000 100000\n"}, {"/sys/fs/cgroup/cpu.max", "100000 100000\n"},
                           {"/mnt/with blank/docker/me/cpu.max", "450000 100000\n"}),
                     5);
}

static void the_real_machine_grants_what_its_mask_says_at_most(void **state)
{
    cpu_set_t set;
    unsigned count = cpus_count_granted();

    (void)state;
    assert_true(count >= 1);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        assert_true(count <= (unsigned)CPU_COUNT(&set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_read_leaves_the_affinity),
        cmocka_unit_test(quotas_are_rounded_up),
        cmocka_unit_test(groups_above_limit_as_well),
        cmocka_unit_test(cpusets_count),
        cmocka_unit_test(version_1_counts),
        cmocka_unit_test(containers_see_their_group_at_the_mount_point),
        cmocka_unit_test(other_mounts_do_not_count),
        cmocka_unit_test(the_real_machine_grants_what_its_mask_says_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
