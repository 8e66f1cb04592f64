/* SPDX-License-Identifier: MIT */
#include "capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES_MOST = 64, BITS = 32 };

static int read_sets(struct __user_cap_data_struct sets[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, sets) == 0 ? 0 : -errno;
}

bool capabilities_has(int number)
{
    struct __user_cap_data_struct sets[2] = {0};

    return read_sets(sets) == 0 && (sets[number / BITS].effective & 1U << number % BITS) != 0;
}

void capabilities_empty_bounding_set(void)
{
    for (int number = 0; number < CAPABILITIES_MOST; number++) {
        if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)
            (void)prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
    }
}

/* 1, 0, or -errno. */
static int count_any(void)
{
    struct __user_cap_data_struct sets[2] = {0};
    int result = read_sets(sets);

    for (int i = 0; result == 0 && i < 2; i++) {
        if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0)
            return 1;
    }
    return result;
}

bool capabilities_has_any(void)
{
    return count_any() > 0;
}

int capabilities_clear(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {0};
    int result = count_any();

    if (result <= 0)
        return result;
    /* Before kernel 4.3 there are no ambient ones; since then these go with the others as well. */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0)
        return -errno;
    result = count_any();
    return result > 0 ? -EPERM : result;
}
