/* SPDX-License-Identifier: MIT */
#include "sandbox_calls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH 0
#endif

#define X32_BIT 0x40000000U

enum { IO_PRIORITY_PROCESS = 1 }; /* IOPRIO_WHO_PROCESS of ioprio_set(2), which old C libraries do not name */

/* Calls that are younger than some C libraries; their numbers are the same on every processor. */
enum {
    CALL_IO_URING_SETUP = 425,
    CALL_IO_URING_ENTER = 426,
    CALL_IO_URING_REGISTER = 427,
    CALL_OPEN_TREE = 428,
    CALL_MOVE_MOUNT = 429,
    CALL_FSOPEN = 430,
    CALL_FSCONFIG = 431,
    CALL_FSMOUNT = 432,
    CALL_FSPICK = 433,
    CALL_CLONE3 = 435,
    CALL_PIDFD_GETFD = 438,
    CALL_MOUNT_SETATTR = 442,
    CALL_QUOTACTL_FD = 443,
    CALL_OPEN_TREE_ATTR = 467,
};

static const uint32_t refused[] = {
    /* Other processes' memory and descriptors. */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    CALL_PIDFD_GETFD,
    SYS_move_pages,
    SYS_migrate_pages,
    /* Mounts, roots, namespaces. */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    CALL_OPEN_TREE,
    CALL_OPEN_TREE_ATTR,
    CALL_MOVE_MOUNT,
    CALL_FSOPEN,
    CALL_FSCONFIG,
    CALL_FSMOUNT,
    CALL_FSPICK,
    CALL_MOUNT_SETATTR,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_quotactl,
    CALL_QUOTACTL_FD,
    /* The kernel and the machine. */
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_syslog,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_vhangup,
    SYS_personality,
    /* Large interfaces that most kernel exploits go through. io_uring would also do what the others here may not. */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    CALL_IO_URING_SETUP,
    CALL_IO_URING_ENTER,
    CALL_IO_URING_REGISTER,
    /* A server of its own: the master has opened the listeners. */
    SYS_listen,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_lookup_dcookie
    SYS_lookup_dcookie,
#endif
#ifdef __x86_64__
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS_ustat,
    SYS_sysfs,
#endif
};

/* Calls whose first argument is a process: what it may use, and how it is scheduled. Siblings have the same user, often
 * the master too: who may do it to them could leave them without descriptors, memory or processor. */
static const uint32_t for_itself_alone[] = {
    SYS_prlimit64, SYS_sched_setaffinity, SYS_sched_setattr, SYS_sched_setparam, SYS_sched_setscheduler,
};

enum {
    REFUSED_COUNT = sizeof(refused) / sizeof(refused[0]),
    ITSELF_COUNT = sizeof(for_itself_alone) / sizeof(for_itself_alone[0]),
    OTHER_INSTRUCTIONS = 40,
};
_Static_assert(REFUSED_COUNT + ITSELF_COUNT + OTHER_INSTRUCTIONS <= SANDBOX_CALLS_MOST, "all of them have room");

/* Where a jump goes. The answers stand at the end of the program. */
enum label {
    NEXT,
    CLONE,
    IOCTL,
    PRIORITY,
    IO_PRIORITY,
    SECOND_IS_ITSELF,
    FIRST_IS_ITSELF,
    ALLOW,
    EPERM_ANSWER,
    EACCES_ANSWER,
    ENOSYS_ANSWER,
    LABELS
};

struct assembler {
    struct sandbox_calls *calls;
    uint8_t places[LABELS];
};

static void emit(struct assembler *assembler, uint16_t code, uint32_t operand, enum label if_true, enum label if_false)
{
    struct sandbox_calls *calls = assembler->calls;

    calls->program[calls->length++] =
        (struct sock_filter){.code = code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = operand};
}

static void put(struct assembler *assembler, enum label label)
{
    assembler->places[label] = (uint8_t)assembler->calls->length;
}

static void load(struct assembler *assembler, size_t offset)
{
    emit(assembler, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, NEXT, NEXT);
}

static void jump_if_equal(struct assembler *assembler, uint32_t value, enum label label)
{
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, value, label, NEXT);
}

static void jump_unless_equal(struct assembler *assembler, uint32_t value, enum label label)
{
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, value, NEXT, label);
}

static void answer(struct assembler *assembler, enum label label, uint32_t action)
{
    put(assembler, label);
    emit(assembler, BPF_RET | BPF_K, action, NEXT, NEXT);
}

/* Jumps were written with the labels for distances. */
static void resolve(struct assembler *assembler)
{
    for (size_t i = 0; i < assembler->calls->length; i++) {
        struct sock_filter *instruction = &assembler->calls->program[i];

        instruction->jt = instruction->jt == NEXT ? 0 : (uint8_t)(assembler->places[instruction->jt] - i - 1);
        instruction->jf = instruction->jf == NEXT ? 0 : (uint8_t)(assembler->places[instruction->jf] - i - 1);
    }
}

/* The numbers mean something else to the processor's other ways into the kernel: 32-bit programs, x32. */
static void check_architecture(struct assembler *assembler)
{
    load(assembler, offsetof(struct seccomp_data, arch));
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, NEXT, ENOSYS_ANSWER);
    load(assembler, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    emit(assembler, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, ENOSYS_ANSWER, NEXT);
#endif
}

/* 0 is the caller itself. Its own pid or thread is not known here: it is refused like another's. Groups and users hold
 * the master and the other workers too, 0 or not. */
static void check_processes(struct assembler *assembler)
{
    put(assembler, PRIORITY);
    load(assembler, offsetof(struct seccomp_data, args[0]));
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, PRIO_PROCESS, SECOND_IS_ITSELF, EPERM_ANSWER);
    put(assembler, IO_PRIORITY);
    load(assembler, offsetof(struct seccomp_data, args[0]));
    jump_unless_equal(assembler, IO_PRIORITY_PROCESS, EPERM_ANSWER);
    put(assembler, SECOND_IS_ITSELF);
    load(assembler, offsetof(struct seccomp_data, args[1]));
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, 0, ALLOW, EPERM_ANSWER);
    put(assembler, FIRST_IS_ITSELF);
    load(assembler, offsetof(struct seccomp_data, args[0]));
    jump_unless_equal(assembler, 0, EPERM_ANSWER);
}

/* Processors for which this is written are little-endian: the low half of an argument comes first. The kernel looks at
 * no more of the ones that matter here. */
static void check_arguments(struct assembler *assembler)
{
    put(assembler, CLONE);
    load(assembler, offsetof(struct seccomp_data, args[0]));
    emit(assembler, BPF_JMP | BPF_JSET | BPF_K,
         CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
         EPERM_ANSWER, ALLOW);
    /* Typing for whoever sits at the terminal that the server was started from. */
    put(assembler, IOCTL);
    load(assembler, offsetof(struct seccomp_data, args[1]));
    jump_if_equal(assembler, TIOCSTI, EPERM_ANSWER);
    emit(assembler, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, EPERM_ANSWER, ALLOW);
    check_processes(assembler);
}

bool sandbox_calls_build(struct sandbox_calls *calls, bool may_execute)
{
    struct assembler assembler = {.calls = calls};

    calls->length = 0;
    check_architecture(&assembler);
    for (size_t i = 0; i < REFUSED_COUNT; i++)
        jump_if_equal(&assembler, refused[i], EPERM_ANSWER);
    if (!may_execute) {
        jump_if_equal(&assembler, SYS_execve, EACCES_ANSWER);
        jump_if_equal(&assembler, SYS_execveat, EACCES_ANSWER);
    }
    /* Its flags are in memory, where no filter sees them. C libraries then call clone. */
    jump_if_equal(&assembler, CALL_CLONE3, ENOSYS_ANSWER);
    for (size_t i = 0; i < ITSELF_COUNT; i++)
        jump_if_equal(&assembler, for_itself_alone[i], FIRST_IS_ITSELF);
    jump_if_equal(&assembler, SYS_setpriority, PRIORITY);
    jump_if_equal(&assembler, SYS_ioprio_set, IO_PRIORITY);
    jump_if_equal(&assembler, SYS_clone, CLONE);
    emit(&assembler, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, IOCTL, ALLOW);
    check_arguments(&assembler);
    answer(&assembler, ALLOW, SECCOMP_RET_ALLOW);
    answer(&assembler, EPERM_ANSWER, SECCOMP_RET_ERRNO | EPERM);
    answer(&assembler, EACCES_ANSWER, SECCOMP_RET_ERRNO | EACCES);
    answer(&assembler, ENOSYS_ANSWER, SECCOMP_RET_ERRNO | ENOSYS);
    resolve(&assembler);
    calls->refused_count = REFUSED_COUNT + (may_execute ? 0 : 2);
    return NATIVE_ARCH != 0;
}

bool sandbox_calls_are_supported(void)
{
    const uint32_t action = SECCOMP_RET_ERRNO;

    return NATIVE_ARCH != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int sandbox_calls_enter(struct sandbox_calls *calls)
{
    const struct sock_fprog program = {.len = (unsigned short)calls->length, .filter = calls->program};

    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : -errno;
}
