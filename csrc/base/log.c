/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log_out.h"
#include "log_record.h"
#include "log_syslog.h"
#include "text_block.h"

enum { MESSAGE_BYTES = 2048, ROLE_BYTES = 32, PREFIX_BYTES = 128, LINE_BYTES = PREFIX_BYTES + MESSAGE_BYTES };

/* A record of a message without details, as a whole. */
enum { RECORD_BYTES = LOG_RECORD_FIXED_BYTES + 6 * (MESSAGE_BYTES + ROLE_BYTES) };

static struct {
    enum log_level level;
    char role[ROLE_BYTES];
    bool is_json;
    bool is_journal;           /* standard error leads to the journal of systemd */
    struct log_syslog *syslog; /* NULL: lines go to standard error */
} state = {.level = LOG_LEVEL_INFO, .role = "master"};

/* --- Settings --- */

void log_init(enum log_level level)
{
    state.level = level;
    log_out_init();
    log_out_open(STDERR_FILENO, "standard error");
    log_out_open(STDOUT_FILENO, "standard output");
    log_look_for_journal();
}

void log_look_for_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat status;

    if (stream == NULL || fstat(STDERR_FILENO, &status) < 0) {
        state.is_journal = false;
        return;
    }
    snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
    state.is_journal = strcmp(stream, own) == 0;
}

void log_use_json(void)
{
    state.is_json = true;
}

void log_use_syslog(struct log_syslog *syslog)
{
    state.syslog = syslog;
}

int log_fd(void)
{
    return STDERR_FILENO;
}

bool log_is_enabled(enum log_level level)
{
    return level >= state.level;
}

void log_set_role(const char *role)
{
    snprintf(state.role, sizeof(state.role), "%s", role);
}

/* --- Lines --- */

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error", "critical"};

    return names[level];
}

/* What the journal takes for the priority of a line (sd-daemon(3)). */
static size_t format_priority(char *out, size_t size, enum log_level level)
{
    static const int priorities[] = {7, 6, 4, 3, 2};

    return (size_t)snprintf(out, size, "<%d>", priorities[level]);
}

static size_t format_time(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return strftime(out, size, "[%Y-%m-%d %H:%M:%S %z] ", &tm);
}

/* Syslog and the journal know the time, and the former the process. */
static size_t format_prefix(char *out, size_t size, enum log_level level)
{
    size_t len = 0;

    if (state.syslog == NULL) {
        len = state.is_journal ? format_priority(out, size, level) : format_time(out, size);
        len += (size_t)snprintf(out + len, size - len, "[%d] ", (int)getpid());
    }
    return len + (size_t)snprintf(out + len, size - len, "[%s] %s: ", level_name(level), state.role);
}

/* Whole lines in their last form to where the error log is. Returns whether they were written, as far as anybody can
 * tell. */
static bool emit(struct log_out *out, enum log_level level, struct slice lines)
{
    if (state.syslog == NULL)
        return log_out_write(out, STDERR_FILENO, lines);
    log_syslog_send_lines(state.syslog, level, lines);
    return true;
}

static bool emit_record(struct log_out *out, const struct log_record *record, char *bytes, size_t size)
{
    size_t start = state.is_journal && state.syslog == NULL ? format_priority(bytes, size, record->level) : 0;
    size_t len = log_record_format(record, bytes + start, size - start);

    return len == 0 || emit(out, record->level, slice_of(bytes, start + len));
}

/* A record of any length. Without memory: as much as fits here, without the details. */
static bool write_record(struct log_out *out, const struct log_record *record)
{
    char spare[RECORD_BYTES];
    size_t size = log_record_bytes(record);
    char *bytes = size > sizeof(spare) ? malloc(size) : NULL;
    struct log_record shorter = *record;
    bool is_written;

    if (bytes == NULL && size > sizeof(spare)) {
        shorter.body.len = shorter.body.len < MESSAGE_BYTES ? shorter.body.len : MESSAGE_BYTES;
        shorter.details.len = 0;
        shorter.about = NULL;
    }
    is_written =
        bytes != NULL ? emit_record(out, record, bytes, size) : emit_record(out, &shorter, spare, sizeof(spare));
    free(bytes);
    return is_written;
}

static bool write_message(struct log_out *out, enum log_level level, struct slice message)
{
    char line[LINE_BYTES];
    size_t len;

    if (state.is_json)
        return write_record(
            out, &(struct log_record){.has_level = true, .level = level, .role = state.role, .body = message});
    len = format_prefix(line, PREFIX_BYTES, level);
    len += text_block_copy_line(line + len, MESSAGE_BYTES - 1, message);
    line[len++] = '\n';
    return emit(out, level, slice_of(line, len));
}

/* Into MESSAGE_BYTES - 1, and room for a newline. */
static struct slice PRINTF_LIKE(2, 0) format_message(char *message, const char *format, va_list arguments)
{
    int wanted = vsnprintf(message, MESSAGE_BYTES - 1, format, arguments);

    if (wanted < 0)
        return slice_of(message, 0);
    return slice_of(message, (size_t)wanted < MESSAGE_BYTES - 2 ? (size_t)wanted : MESSAGE_BYTES - 2);
}

static bool PRINTF_LIKE(2, 3) write_now(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    struct slice text;

    va_start(arguments, format);
    text = format_message(message, format, arguments);
    va_end(arguments);
    return write_message(log_out_of(STDERR_FILENO), level, text);
}

/* There is room again: for these lines, and first for the news of those that found none. */
static void tell_lost(struct log_out *out)
{
    uint32_t count = out != NULL ? log_out_take_lost(out) : 0;

    if (count > 0 &&
        !write_now(LOG_LEVEL_WARNING, "%u line%s lost: the reader of %s stood still or was slow, and there was no room",
                   count, count == 1 ? " was" : "s were", log_out_name(out)))
        log_out_give_back_lost(out, count);
}

/* --- From outside --- */

/* What the application writes to the error log, where that is no plain text. */
static bool write_foreign(struct log_out *out, struct slice lines)
{
    bool is_written = true;

    if (!state.is_json)
        return emit(out, LOG_LEVEL_INFO, lines);
    while (lines.len > 0) {
        const char *newline = memchr(lines.ptr, '\n', lines.len);
        size_t len = newline != NULL ? (size_t)(newline - lines.ptr) : lines.len;
        size_t taken = newline != NULL ? len + 1 : len;

        is_written &= write_record(out, &(struct log_record){.level = LOG_LEVEL_INFO,
                                                             .role = state.role,
                                                             .body = slice_of(lines.ptr, len),
                                                             .stream = "stderr"});
        lines = slice_of(lines.ptr + taken, lines.len - taken);
    }
    return is_written;
}

void log_write_lines(int fd, struct slice lines)
{
    struct log_out *out = log_out_of(fd);
    bool is_written = fd == STDERR_FILENO && (state.is_json || state.syslog != NULL) ? write_foreign(out, lines)
                                                                                     : log_out_write(out, fd, lines);

    if (is_written)
        tell_lost(out);
}

void log_write(enum log_level level, const char *format, ...)
{
    int saved_errno = errno;
    struct log_out *out = log_out_of(STDERR_FILENO);
    char message[MESSAGE_BYTES];
    va_list arguments;
    struct slice text;

    va_start(arguments, format);
    text = format_message(message, format, arguments);
    va_end(arguments);
    if (write_message(out, level, text))
        tell_lost(out);
    errno = saved_errno;
}

/* The journal wants the priority in every line. */
static int append_priorities(struct buf *to, enum log_level level, struct slice lines)
{
    char priority[8];
    struct slice before = slice_of(priority, format_priority(priority, sizeof(priority), level));

    while (lines.len > 0) {
        const char *newline = memchr(lines.ptr, '\n', lines.len);
        size_t taken = newline != NULL ? (size_t)(newline - lines.ptr) + 1 : lines.len;

        if (buf_append(to, before) < 0 || buf_append(to, slice_of(lines.ptr, taken)) < 0)
            return -ENOMEM;
        lines = slice_of(lines.ptr + taken, lines.len - taken);
    }
    return 0;
}

static bool write_block(struct log_out *out, enum log_level level, struct slice text)
{
    struct buf block, marked;
    bool is_marked = state.is_journal && state.syslog == NULL, is_written = true;

    buf_init(&block);
    buf_init(&marked);
    if (text_block_append(&block, text) == 0 &&
        (!is_marked || append_priorities(&marked, level, buf_slice(&block)) == 0))
        is_written = emit(out, level, buf_slice(is_marked ? &marked : &block));
    buf_fini(&marked);
    buf_fini(&block);
    return is_written;
}

void log_report(const struct log_report *report, const char *format, ...)
{
    int saved_errno = errno;
    struct log_out *out = log_out_of(STDERR_FILENO);
    char message[MESSAGE_BYTES];
    va_list arguments;
    struct slice text;
    bool is_written;

    va_start(arguments, format);
    text = format_message(message, format, arguments);
    va_end(arguments);
    if (state.is_json)
        is_written = write_record(out, &(struct log_record){.has_level = true,
                                                            .level = report->level,
                                                            .role = state.role,
                                                            .body = text,
                                                            .about = &report->about,
                                                            .details_name = report->details_name,
                                                            .details = report->details});
    else
        is_written = write_message(out, report->level, text) &&
                     (report->details.len == 0 || write_block(out, report->level, report->details));
    if (is_written)
        tell_lost(out);
    errno = saved_errno;
}
