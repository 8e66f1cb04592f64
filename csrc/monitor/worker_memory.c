/* SPDX-License-Identifier: MIT */
#include "worker_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "scoreboard.h"

enum { FILE_BYTES = 4096, PATH_BYTES = 64, KIBIBYTE = 1024 };

int worker_memory_init(struct worker_memory *memory, int row_count)
{
    *memory = (struct worker_memory){.row_count = row_count};
    memory->rows = calloc((size_t)row_count, sizeof(*memory->rows));
    return memory->rows != NULL ? 0 : -ENOMEM;
}

void worker_memory_fini(struct worker_memory *memory)
{
    free(memory->rows);
    memory->rows = NULL;
}

/* The beginning of /proc/PID/`name` as a string; false when it cannot be read. */
static bool read_file(pid_t pid, const char *name, char text[FILE_BYTES])
{
    char path[PATH_BYTES];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    len = read(fd, text, FILE_BYTES - 1);
    fd_close(&fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* The number of a line `name: 123 kB`, in bytes; 0 without such a line. */
static int64_t find_kilobytes(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    return line != NULL ? strtoll(line + strlen(name), NULL, 10) * KIBIBYTE : 0;
}

static void look_at_parts(struct worker_memory_figures *figures)
{
    char text[FILE_BYTES];

    figures->proportional_bytes = 0;
    if (read_file(figures->pid, "smaps_rollup", text))
        figures->proportional_bytes = find_kilobytes(text, "\nPss:");
}

static void look_at_whole(struct worker_memory_figures *figures)
{
    char text[FILE_BYTES];
    long long pages = 0;

    if (read_file(figures->pid, "statm", text) && sscanf(text, "%*d %lld", &pages) == 1)
        figures->resident_bytes = pages * sysconf(_SC_PAGESIZE);
}

static void note_pids(struct worker_memory *memory, const struct scoreboard *scoreboard, int end)
{
    for (int row = 0; row < end; row++) {
        pid_t pid = atomic_load(&scoreboard_row(scoreboard, row)->pid);

        if (memory->rows[row].pid != pid)
            memory->rows[row] = (struct worker_memory_figures){.pid = pid > 0 ? pid : 0};
    }
}

void worker_memory_look(struct worker_memory *memory, const struct scoreboard *scoreboard, int64_t budget_us)
{
    int end = scoreboard_row_end(scoreboard);
    int64_t until_us = clock_now_us() + budget_us;

    note_pids(memory, scoreboard, end);
    for (int row = 0; row < end; row++) {
        if (memory->rows[row].pid != 0)
            look_at_whole(&memory->rows[row]);
    }
    for (int looked = 0; looked < end && clock_now_us() < until_us; looked++) {
        struct worker_memory_figures *figures = &memory->rows[memory->next_row % end];

        memory->next_row = (memory->next_row + 1) % end;
        if (figures->pid != 0)
            look_at_parts(figures);
    }
}
