/* SPDX-License-Identifier: MIT
 * The seccomp program of --sandbox: run here, instruction by instruction, over every system call number, so that it is
 * tested where the kernel has no seccomp too; then, in a child, by the kernel. */
#include "sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#define NATIVE 0
#endif

enum { NUMBERS = 1024, CLONE3 = 435 };

#define EXPECT_ERROR(number) (SECCOMP_RET_ERRNO | (unsigned)(number))

static struct sandbox_calls calls;

static void fail_at(size_t at, const char *what)
{
    fail_msg("instruction %zu of %zu: %s", at, calls.length, what);
}

static uint32_t load(const struct seccomp_data *data, size_t at, uint32_t offset)
{
    uint32_t word;

    if (offset % sizeof(word) != 0 || offset + sizeof(word) > sizeof(*data))
        fail_at(at, "reads outside of the call");
    memcpy(&word, (const char *)data + offset, sizeof(word));
    return word;
}

/* What the kernel would do: the answer of the program. */
static uint32_t simulate(const struct seccomp_data *data)
{
    uint32_t accumulator = 0;

    for (size_t at = 0; at < calls.length; at++) {
        const struct sock_filter *instruction = &calls.program[at];
        bool is_true = false;

        switch (instruction->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            accumulator = load(data, at, instruction->k);
            continue;
        case BPF_RET | BPF_K:
            return instruction->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            is_true = accumulator == instruction->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            is_true = accumulator >= instruction->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            is_true = (accumulator & instruction->k) != 0;
            break;
        default:
            fail_at(at, "an instruction that this program has no use for");
        }
        at += is_true ? instruction->jt : instruction->jf;
    }
    fail_msg("the program ends without an answer");
    return 0;
}

static uint32_t ask(uint32_t arch, uint32_t number, uint64_t first, uint64_t second)
{
    const struct seccomp_data data = {.nr = (int)number, .arch = arch, .args = {first, second}};

    return simulate(&data);
}

static uint32_t ask_for(uint32_t number)
{
    return ask(NATIVE, number, 0, 0);
}

static int build(bool may_execute)
{
    if (!sandbox_calls_build(&calls, may_execute)) {
        print_message("this processor is not known to the sandbox\n");
        skip();
    }
    return 0;
}

static void test_what_attacks_begin_with_is_refused(void **state)
{
    static const uint32_t numbers[] = {
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
        SYS_mount,
        SYS_umount2,
        SYS_chroot,
        SYS_pivot_root,
        SYS_unshare,
        SYS_setns,
        SYS_init_module,
        SYS_bpf,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_reboot,
        SYS_swapon,
        SYS_swapoff,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_open_by_handle_at,
        SYS_add_key,
        SYS_keyctl,
        SYS_request_key,
        SYS_listen,
        SYS_clock_settime,
        425 /* io_uring_setup */,
        429 /* move_mount */,
        430 /* fsopen */,
        438 /* pidfd_getfd */,
    };

    (void)state;
    build(true);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (ask_for(numbers[i]) != EXPECT_ERROR(EPERM))
            fail_msg("system call %u is not refused with EPERM", numbers[i]);
    }
}

static void test_what_applications_live_on_is_allowed(void **state)
{
    static const uint32_t numbers[] = {
        SYS_read,     SYS_write,     SYS_openat,  SYS_close,     SYS_mmap,         SYS_mprotect,  SYS_brk,
        SYS_futex,    SYS_socket,    SYS_connect, SYS_accept4,   SYS_bind,         SYS_sendmsg,   SYS_recvmsg,
        SYS_clone,    SYS_wait4,     SYS_kill,    SYS_epoll_ctl, SYS_epoll_pwait,  SYS_getrandom, SYS_fcntl,
        SYS_flock,    SYS_ioctl,     SYS_execve,  SYS_execveat,  SYS_memfd_create, SYS_statx,     SYS_exit_group,
        SYS_sendfile, SYS_renameat2, SYS_fsync,   SYS_pwritev,   SYS_rt_sigaction, SYS_seccomp,   SYS_prctl,
    };

    (void)state;
    build(true);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (ask_for(numbers[i]) != SECCOMP_RET_ALLOW)
            fail_msg("system call %u is not allowed", numbers[i]);
    }
}

/* Of all numbers exactly the announced ones are refused, and each answer is one that harms nobody. */
static void test_the_count_is_right(void **state)
{
    (void)state;
    for (int may_execute = 0; may_execute < 2; may_execute++) {
        int refused = 0;

        build(may_execute != 0);
        for (uint32_t number = 0; number < NUMBERS; number++) {
            /* 0, 0 says to the one that its own priority is meant, to the other nothing. */
            uint32_t answer = number == SYS_ioprio_set ? ask(NATIVE, number, 1, 0) : ask_for(number);

            refused += answer == EXPECT_ERROR(EPERM) || answer == EXPECT_ERROR(EACCES);
            if (answer != SECCOMP_RET_ALLOW && (answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
                fail_msg("system call %u is answered with %#x", number, answer);
        }
        assert_int_equal(refused, calls.refused_count);
    }
}

static void test_programs_are_started_only_where_allowed(void **state)
{
    (void)state;
    build(false);
    assert_int_equal(ask_for(SYS_execve), EXPECT_ERROR(EACCES));
    assert_int_equal(ask_for(SYS_execveat), EXPECT_ERROR(EACCES));
}

static void test_other_ways_into_the_kernel_are_closed(void **state)
{
    static const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0, UINT32_MAX};

    (void)state;
    build(true);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        for (uint32_t number = 0; number < NUMBERS; number++)
            assert_int_equal(ask(others[i], number, 0, 0), EXPECT_ERROR(ENOSYS));
    }
#ifdef __x86_64__
    assert_int_equal(ask_for(0x40000000U), EXPECT_ERROR(ENOSYS));
    assert_int_equal(ask_for(0x40000000U | SYS_read), EXPECT_ERROR(ENOSYS));
    assert_int_equal(ask_for(UINT32_MAX), EXPECT_ERROR(ENOSYS));
#endif
}

static void test_threads_and_processes_but_no_namespaces(void **state)
{
    static const uint64_t namespaces[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
                                          CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                            CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

    (void)state;
    build(true);
    assert_int_equal(ask(NATIVE, SYS_clone, 17, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(NATIVE, SYS_clone, thread, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(NATIVE, SYS_clone, CLONE_VM | CLONE_VFORK | 17, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_for(CLONE3), EXPECT_ERROR(ENOSYS));
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
        assert_int_equal(ask(NATIVE, SYS_clone, thread | namespaces[i], 0), EXPECT_ERROR(EPERM));
}

static void test_nobody_types_for_the_operator(void **state)
{
    (void)state;
    build(true);
    assert_int_equal(ask(NATIVE, SYS_ioctl, 0, TIOCSTI), EXPECT_ERROR(EPERM));
    assert_int_equal(ask(NATIVE, SYS_ioctl, 0, TIOCLINUX), EXPECT_ERROR(EPERM));
    /* The kernel looks at the low half alone. */
    assert_int_equal(ask(NATIVE, SYS_ioctl, 0, UINT64_C(0xdead00000000) | TIOCSTI), EXPECT_ERROR(EPERM));
    assert_int_equal(ask(NATIVE, SYS_ioctl, TIOCSTI, TCGETS), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(NATIVE, SYS_ioctl, 0, FIONREAD), SECCOMP_RET_ALLOW);
}

static void test_limits_and_priorities_are_its_own_alone(void **state)
{
    static const uint32_t of_first[] = {SYS_prlimit64, SYS_sched_setaffinity, SYS_sched_setattr, SYS_sched_setparam,
                                        SYS_sched_setscheduler};
    static const struct {
        uint32_t number;
        uint64_t process, group, user;
    } of_second[] = {{SYS_setpriority, 0, 1, 2}, {SYS_ioprio_set, 1, 2, 3}};

    (void)state;
    build(true);
    for (size_t i = 0; i < sizeof(of_first) / sizeof(of_first[0]); i++) {
        assert_int_equal(ask(NATIVE, of_first[i], 0, 1), SECCOMP_RET_ALLOW);
        assert_int_equal(ask(NATIVE, of_first[i], 1, 0), EXPECT_ERROR(EPERM));
        assert_int_equal(ask(NATIVE, of_first[i], UINT32_MAX, 0), EXPECT_ERROR(EPERM));
        /* The kernel looks at the low half alone. */
        assert_int_equal(ask(NATIVE, of_first[i], UINT64_C(0xdead00000000), 0), SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < sizeof(of_second) / sizeof(of_second[0]); i++) {
        uint32_t number = of_second[i].number;

        assert_int_equal(ask(NATIVE, number, of_second[i].process, 0), SECCOMP_RET_ALLOW);
        assert_int_equal(ask(NATIVE, number, of_second[i].process, 1), EXPECT_ERROR(EPERM));
        assert_int_equal(ask(NATIVE, number, of_second[i].group, 0), EXPECT_ERROR(EPERM));
        assert_int_equal(ask(NATIVE, number, of_second[i].user, 0), EXPECT_ERROR(EPERM));
    }
}

/* In a child: 0 when the kernel does what the simulation says. */
static int try_it(void)
{
    const struct rlimit no_core = {0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_calls_enter(&calls) < 0)
        return 1;
    if (listen(fd, 1) != -1 || errno != EPERM)
        return 2;
    if (unshare(CLONE_NEWUSER) != -1 || errno != EPERM)
        return 3;
    if (syscall(SYS_execve, "/bin/true", NULL, NULL) != -1 || errno != EACCES)
        return 4;
    if (syscall(CLONE3, NULL, 0) != -1 || errno != ENOSYS)
        return 5;
    if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setpriority(PRIO_PROCESS, 0, 19) < 0)
        return 6;
    if (prlimit(getppid(), RLIMIT_CORE, &no_core, NULL) != -1 || errno != EPERM)
        return 7;
    return close(fd) == 0 && getppid() > 0 ? 0 : 8;
}

static void test_the_kernel_agrees(void **state)
{
    int wait_status;
    pid_t pid;

    (void)state;
    if (!sandbox_calls_are_supported()) {
        print_message("this kernel has no seccomp filter\n");
        skip();
    }
    build(false);
    pid = fork();
    if (pid == 0)
        _exit(try_it());
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_attacks_begin_with_is_refused),
        cmocka_unit_test(test_what_applications_live_on_is_allowed),
        cmocka_unit_test(test_the_count_is_right),
        cmocka_unit_test(test_programs_are_started_only_where_allowed),
        cmocka_unit_test(test_other_ways_into_the_kernel_are_closed),
        cmocka_unit_test(test_threads_and_processes_but_no_namespaces),
        cmocka_unit_test(test_nobody_types_for_the_operator),
        cmocka_unit_test(test_limits_and_priorities_are_its_own_alone),
        cmocka_unit_test(test_the_kernel_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
