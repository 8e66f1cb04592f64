/* SPDX-License-Identifier: MIT
 * Preloaded into the server (LD_PRELOAD) by tests/integration/test_faults_*.py, which say what is to fail by writing to
 * a file that all processes of the server have mapped: $FAULTS_FILE, the struct below. Memory fails only for the
 * program itself: what CPython and the C library ask for, they get. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* tests/integration/support/faults.py writes it. */
struct faults {
    _Atomic(int64_t) wall_jump_s;     /* added to the wall clock */
    _Atomic(int32_t) forks_to_fail;   /* of the next calls */
    _Atomic(int32_t) memory_pid;      /* whose memory is scarce; 0: nobody's */
    _Atomic(int32_t) memory_left;     /* allocations that it still gets */
    _Atomic(int32_t) memory_failures; /* how many fail then */
    _Atomic(int32_t) memory_failed;   /* how many have */
    _Atomic(int32_t) forks_failed;
    _Atomic(int32_t) accepts_to_fail; /* of the next calls, as if the whole system had no file left */
    _Atomic(int32_t) accepts_failed;
    _Atomic(int32_t) pairs_to_fail; /* the same for socketpair */
    _Atomic(int32_t) pairs_failed;
};

static struct faults nothing, *faults = &nothing;
static uintptr_t program_start, program_end;

static int find_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            program_start = info->dlpi_addr + part->p_vaddr;
            program_end = program_start + part->p_memsz;
        }
    }
    return 1; /* the first one is the program */
}

__attribute__((constructor)) static void set_up(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = fd >= 0 ? mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (fd >= 0)
        close(fd);
    dl_iterate_phdr(find_program, NULL);
    if (mapped != MAP_FAILED)
        faults = mapped;
}

/* --- Memory --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static bool is_refused(const void *caller)
{
    if (atomic_load_explicit(&faults->memory_pid, memory_order_relaxed) == 0 || (uintptr_t)caller < program_start ||
        (uintptr_t)caller >= program_end || faults->memory_pid != getpid())
        return false;
    if (atomic_fetch_sub(&faults->memory_left, 1) > 0 || atomic_fetch_sub(&faults->memory_failures, 1) <= 0)
        return false;
    atomic_fetch_add(&faults->memory_failed, 1);
    errno = ENOMEM;
    return true;
}

EXPORTED void *malloc(size_t size)
{
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *memory, size_t size)
{
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

/* --- Processes --- */

/* Whether this call is one of those to fail. */
static bool takes_one(_Atomic(int32_t) *to_fail, _Atomic(int32_t) *failed, int error)
{
    if (atomic_load(to_fail) <= 0 || atomic_fetch_sub(to_fail, 1) <= 0)
        return false;
    atomic_fetch_add(failed, 1);
    errno = error;
    return true;
}

EXPORTED pid_t fork(void)
{
    static pid_t (*real)(void);

    if (real == NULL)
        *(void **)(void *)&real = dlsym(RTLD_NEXT, "fork");
    return takes_one(&faults->forks_to_fail, &faults->forks_failed, EAGAIN) ? -1 : real();
}

/* --- Files --- */

EXPORTED int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    static int (*real)(int, __SOCKADDR_ARG, socklen_t *, int);

    if (real == NULL)
        *(void **)(void *)&real = dlsym(RTLD_NEXT, "accept4");
    if (takes_one(&faults->accepts_to_fail, &faults->accepts_failed, ENFILE))
        return -1;
    return real(fd, address, len, flags);
}

EXPORTED int socketpair(int family, int type, int protocol, int ends[2])
{
    static int (*real)(int, int, int, int *);

    if (real == NULL)
        *(void **)(void *)&real = dlsym(RTLD_NEXT, "socketpair");
    if (takes_one(&faults->pairs_to_fail, &faults->pairs_failed, ENFILE))
        return -1;
    return real(family, type, protocol, ends);
}

/* --- Time --- */

EXPORTED int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    int result;

    if (real == NULL)
        *(void **)(void *)&real = dlsym(RTLD_NEXT, "clock_gettime");
    result = real(id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += faults->wall_jump_s;
    return result;
}

EXPORTED time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
