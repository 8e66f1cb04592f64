/* SPDX-License-Identifier: MIT
 * The error log: one line, one write, from any process and thread. Lines of several processes never mix: a line is
 * written with one system call, and to a log with a reader as log_out.h says. Whatever that reader does, nothing here
 * fails towards the caller or keeps it waiting for long. */
#ifndef CLUTCH_LOG_H
#define CLUTCH_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_CRITICAL };

/* Call once, before the first fork: sets up what the processes share, and standard error and output as logs. Until then
 * lines go to standard error unlocked. */
void log_init(enum log_level level);

/* Looks whether standard error leads to the journal of systemd ($JOURNAL_STREAM): then lines have the priority that it
 * understands, and no time. log_init() does it; again when something else has been put under the number. */
void log_look_for_journal(void);

/* Messages are JSON from now on, one object a line (log_record.h), and so is what the application writes. Before the
 * first fork. */
void log_use_json(void);

struct log_syslog;
/* The lines of the error log go there from now on, and no more to standard error, which stays as it is for those that
 * write to the descriptor itself. Borrowed for ever. Before the first fork. */
void log_use_syslog(struct log_syslog *);

/* The descriptor of the error log; the master puts --error-logfile under this number. */
int log_fd(void);

bool log_is_enabled(enum log_level level);

/* Who speaks: "master", "worker 3", "zygote". Borrows a string with static lifetime or copies up to 31 bytes. */
void log_set_role(const char *role);

/* Writes "[2026-11-23 14:02:11 +0000] [pid] [level] role: message\n", unless something else was asked for. Arguments
 * are not evaluated when the level is off. */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
#define LOG_AT(level, ...) (log_is_enabled(level) ? log_write(level, __VA_ARGS__) : (void)0)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_critical(...) LOG_AT(LOG_LEVEL_CRITICAL, __VA_ARGS__)

/* The request that a message is about; all may be empty. */
struct log_about {
    struct slice request_id, trace_id, span_id;
};

/* A message and a text of several lines that belongs to it. */
struct log_report {
    enum log_level level;
    struct log_about about;
    const char *details_name; /* in JSON: "exception.stacktrace" */
    struct slice details;     /* anything: what stands below the message is made harmless (text_block.h) */
};

/* Writes the message as log_write() does, and below it the details. May wait a second for a reader: call it without the
 * GIL. */
void log_report(const struct log_report *, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes bytes that are whole lines already (output of the application, the access log) to `fd` with the same promise
 * when that is a log. May wait a second for a reader: call it without the GIL. */
void log_write_lines(int fd, struct slice lines);

#endif
