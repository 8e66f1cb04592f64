/* SPDX-License-Identifier: MIT
 * How many CPUs this process is really granted. */
#ifndef CLUTCH_CPUS_H
#define CLUTCH_CPUS_H

/* The smallest of: the CPUs of the affinity mask, those of the cpuset, and the CPU time quotas (cpu.max, or
 * cpu.cfs_quota_us of cgroup v1) of this process's control group and all groups above it that can be seen, a quota
 * rounded up to whole CPUs. Never less than 1. What cannot be read does not count. */
unsigned cpus_count_granted(void);

/* The part that reads files, for any tree that looks like "/": proc/self/mountinfo, proc/self/cgroup and the mounted
 * groups under `root` ("" is the real one). `affinity_count` is what sched_getaffinity grants. */
unsigned cpus_count_under(const char *root, unsigned affinity_count);

#endif
