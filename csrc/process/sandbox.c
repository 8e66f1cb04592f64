/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "log.h"
#include "sandbox_files.h"

enum { LIST_BYTES = 1024 };

/* Written to without anything being stored. */
static const char *const harmless_files[] = {"/dev/null", "/dev/zero", "/dev/full"};

/* --- Rules --- */

static const char *temporary_directory(const struct config *config)
{
    const char *directory = config->body_temp_path != NULL ? config->body_temp_path : getenv("TMPDIR");

    return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

static int complain(const char *option, const char *path, int result, char *error, size_t size)
{
    snprintf(error, size, "%s: '%s' cannot be allowed: %s; expected a directory or file that exists", option, path,
             strerror(-result));
    return -1;
}

static int allow_writing(struct sandbox *sandbox, char *error, size_t size)
{
    const struct config_list *paths = &sandbox->config->sandbox_write;

    for (size_t i = 0; i < ARRAY_COUNT(harmless_files); i++)
        (void)!sandbox_files_allow_writing(sandbox->rules_fd, sandbox->abi, harmless_files[i]);
    sandbox->temporary = temporary_directory(sandbox->config);
    /* Without it large bodies are kept in memory, as without the sandbox. */
    if (sandbox_files_allow_writing(sandbox->rules_fd, sandbox->abi, sandbox->temporary) < 0)
        sandbox->temporary = NULL;
    for (size_t i = 0; i < paths->count; i++) {
        int result = sandbox_files_allow_writing(sandbox->rules_fd, sandbox->abi, paths->items[i]);

        if (result < 0)
            return complain("--sandbox-write", paths->items[i], result, error, size);
    }
    return 0;
}

/* Dynamic programs are executed together with the loader that they name; ours is the one that most name. */
static int note_loader(struct dl_phdr_info *info, size_t size, void *context)
{
    const char **loader = context;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_INTERP)
            *loader = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    }
    return 1; /* the first one is the program itself */
}

static int allow_executing(const struct sandbox *sandbox, char *error, size_t size)
{
    const struct config_list *paths = &sandbox->config->sandbox_exec;
    const char *loader = NULL;

    for (size_t i = 0; i < paths->count; i++) {
        int result = sandbox_files_allow_executing(sandbox->rules_fd, paths->items[i]);

        if (result < 0)
            return complain("--sandbox-exec", paths->items[i], result, error, size);
    }
    dl_iterate_phdr(note_loader, &loader);
    if (paths->count > 0 && loader != NULL)
        (void)!sandbox_files_allow_executing(sandbox->rules_fd, loader);
    return 0;
}

static int make_rules(struct sandbox *sandbox, char *error, size_t size)
{
    sandbox->abi = sandbox_files_abi();
    if (sandbox->abi == 0)
        return 0;
    sandbox->rules_fd = sandbox_files_open(sandbox->abi);
    if (sandbox->rules_fd < 0) {
        snprintf(error, size, "--sandbox: Landlock cannot be set up: %s", strerror(-sandbox->rules_fd));
        return -1;
    }
    return allow_writing(sandbox, error, size) < 0 || allow_executing(sandbox, error, size) < 0 ? -1 : 0;
}

int sandbox_prepare(struct sandbox *sandbox, const struct config *config, char *error, size_t size)
{
    *sandbox = SANDBOX_NONE;
    if (config->sandbox == SANDBOX_OFF) {
        if (config->sandbox_write.count + config->sandbox_exec.count > 0)
            log_warning("--sandbox-write and --sandbox-exec do nothing without --sandbox on");
        return 0;
    }
    sandbox->config = config;
    sandbox->filters_calls =
        sandbox_calls_are_supported() && sandbox_calls_build(&sandbox->calls, config->sandbox_exec.count > 0);
    if (make_rules(sandbox, error, size) < 0)
        return -1;
    if (config->sandbox != SANDBOX_ON || (sandbox->abi > 0 && sandbox->filters_calls))
        return 0;
    snprintf(error, size,
             "--sandbox on: this kernel, or the container around the server, offers no %s; --sandbox best-effort "
             "would go without",
             sandbox->abi > 0         ? "seccomp filter"
             : sandbox->filters_calls ? "Landlock (Linux 5.13, in the boot parameter lsm=)"
                                      : "Landlock (Linux 5.13, in the boot parameter lsm=) and no seccomp filter");
    return -1;
}

void sandbox_fini(struct sandbox *sandbox)
{
    fd_close(&sandbox->rules_fd);
}

/* --- What is in force --- */

static void append(char *text, const char *path)
{
    size_t len = strlen(text);

    snprintf(text + len, LIST_BYTES - len, "%s%s", len > 0 ? ", " : "", path);
}

static const char *list_paths(char *text, const char *first, const struct config_list *paths)
{
    text[0] = '\0';
    if (first != NULL)
        append(text, first);
    for (size_t i = 0; i < paths->count; i++)
        append(text, paths->items[i]);
    return text;
}

static void announce_files(const struct sandbox *sandbox)
{
    char writable[LIST_BYTES], executable[LIST_BYTES];

    list_paths(writable, sandbox->temporary, &sandbox->config->sandbox_write);
    list_paths(executable, NULL, &sandbox->config->sandbox_exec);
    log_info("sandbox: Landlock ABI %d: files may be written below: %s; executed: %s%s%s%s", sandbox->abi,
             writable[0] != '\0' ? writable : "none", executable[0] != '\0' ? executable : "none",
             sandbox->config->sandbox_exec.count > 0 ? ", and what the loader or an interpreter among them reads" : "",
             sandbox->abi >= LANDLOCK_TCP ? "; no TCP port may be bound" : "",
             sandbox->abi >= LANDLOCK_SCOPES ? "; no signals to processes outside, no abstract sockets of theirs" : "");
    if (sandbox->abi < LANDLOCK_NEWEST)
        log_warning("sandbox: the Landlock of this kernel cannot restrict%s%s%s signals and abstract sockets",
                    sandbox->abi < LANDLOCK_TRUNCATE ? " the emptying of files," : "",
                    sandbox->abi < LANDLOCK_TCP ? " the binding of TCP ports," : "",
                    sandbox->abi < LANDLOCK_DEVICES ? " ioctl on devices," : "");
    if (sandbox->abi < LANDLOCK_RENAMES)
        log_warning("sandbox: the Landlock of this kernel refuses to rename files from one directory to another");
}

void sandbox_announce(const struct sandbox *sandbox)
{
    if (sandbox->config == NULL)
        return;
    if (sandbox->abi > 0)
        announce_files(sandbox);
    else
        log_warning("sandbox: this kernel has no Landlock: files, ports and signals are not restricted");
    if (sandbox->filters_calls)
        log_info("sandbox: seccomp: %d system calls are refused%s", sandbox->calls.refused_count,
                 sandbox->config->sandbox_exec.count > 0 ? "" : ", execve among them");
    else
        log_warning("sandbox: this kernel has no seccomp filter: system calls are not restricted");
}

int sandbox_enter(struct sandbox *sandbox)
{
    int result = 0;

    if (sandbox->config == NULL)
        return 0;
    if (sandbox->abi > 0)
        result = sandbox_files_enter(sandbox->rules_fd);
    fd_close(&sandbox->rules_fd);
    if (result == 0 && sandbox->filters_calls)
        result = sandbox_calls_enter(&sandbox->calls);
    return result;
}

int sandbox_separate(const struct sandbox *sandbox)
{
    return sandbox->config != NULL && sandbox->abi > 0 ? sandbox_files_separate(sandbox->abi) : 0;
}
