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

int capabilities_clear(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {0};
    int result;

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, sets) < 0)
        return -errno;
    result = read_sets(sets);
    if (result < 0)
        return result;
    for (int i = 0; i < 2; i++) {
        if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0)
            return -EPERM;
    }
    return 0;
}
