/* SPDX-License-Identifier: MIT */
#include "access_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "access_line.h"
#include "access_log_fields.h"
#include "access_log_layouts.h"
#include "log.h"
#include "log_syslog.h"

enum { MOST_PIECES = 128, LEAST_SERVER_ERROR = 500 };

/* A piece of a format: literal text, or a field with its argument. */
struct piece {
    access_field_fn put; /* NULL: literal */
    struct slice text;   /* the literal, or the argument of the field */
};

struct access_log {
    int fd;
    struct log_syslog *syslog; /* NULL: fd is written to */
    bool shows_queue;
    void (*layout)(struct access_line *); /* NULL: pieces */
    char *format;                         /* owned; the pieces point into it */
    size_t piece_count;
    struct piece pieces[MOST_PIECES];
};

static int add_piece(struct access_log *log, access_field_fn put, struct slice text)
{
    if (text.len == 0 && put == NULL)
        return 0;
    if (log->piece_count == MOST_PIECES)
        return -ENOSPC;
    log->pieces[log->piece_count++] = (struct piece){.put = put, .text = text};
    return 0;
}

/* "%(name)s" at `at`; returns its end, or NULL after writing to `error`. */
static const char *compile_field(struct access_log *log, const char *at, char *error, size_t size)
{
    const char *close = strchr(at, ')');
    const struct access_field *field;
    struct slice name, argument;

    if (at[1] != '(' || close == NULL || close[1] != 's') {
        snprintf(error, size, "'%.20s' is no field: a field is written %%(name)s, a percent sign %%%%", at);
        return NULL;
    }
    name = slice_of(at + 2, (size_t)(close - at) - 2);
    field = access_field_find(name, &argument);
    if (field == NULL) {
        snprintf(error, size, "unknown field '%.*s'", (int)name.len, name.ptr);
        return NULL;
    }
    if (add_piece(log, field->put, argument) < 0) {
        snprintf(error, size, "more than %d pieces", MOST_PIECES);
        return NULL;
    }
    log->shows_queue |= field->shows_queue;
    return close + 2;
}

static int compile(struct access_log *log, char *error, size_t size)
{
    const char *at = log->format;

    while (*at != '\0') {
        size_t literal_len = strcspn(at, "%");

        if (add_piece(log, NULL, slice_of(at, literal_len)) < 0) {
            snprintf(error, size, "more than %d pieces", MOST_PIECES);
            return -1;
        }
        at += literal_len;
        if (at[0] == '%' && at[1] == '%') {
            if (add_piece(log, NULL, slice_of(at, 1)) < 0)
                return -1;
            at += 2;
        } else if (at[0] == '%' && (at = compile_field(log, at, error, size)) == NULL) {
            return -1;
        }
    }
    return 0;
}

static const char *const common = "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s";
static const char *const combined = "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"";

static void choose_layout(struct access_log *log, const char **format)
{
    if (strcmp(*format, "common") == 0)
        *format = common;
    else if (strcmp(*format, "combined") == 0)
        *format = combined;
    else if (strcmp(*format, "uwsgi") == 0)
        log->layout = access_log_layout_uwsgi;
    else if (strcmp(*format, "json") == 0)
        log->layout = access_log_layout_json;
    else if (strcmp(*format, "otel") == 0)
        log->layout = access_log_layout_otel;
    log->shows_queue = log->layout == access_log_layout_json || log->layout == access_log_layout_otel;
}

struct access_log *access_log_new(const char *format, int fd, char *error, size_t size)
{
    struct access_log *log = calloc(1, sizeof(*log));

    snprintf(error, size, "out of memory");
    if (log == NULL)
        return NULL;
    choose_layout(log, &format);
    log->format = strdup(format);
    if (log->format == NULL || (log->layout == NULL && compile(log, error, size) < 0)) {
        access_log_free(log);
        return NULL;
    }
    log->fd = fd;
    return log;
}

void access_log_free(struct access_log *log)
{
    if (log == NULL)
        return;
    free(log->format);
    free(log);
}

bool access_log_shows_queue(const struct access_log *log)
{
    return log->shows_queue;
}

void access_log_use_syslog(struct access_log *log, struct log_syslog *syslog)
{
    log->syslog = syslog;
}

static void render(const struct access_log *log, struct access_line *line)
{
    if (log->layout != NULL) {
        log->layout(line);
        return;
    }
    for (size_t i = 0; i < log->piece_count; i++) {
        const struct piece *piece = &log->pieces[i];

        if (piece->put != NULL)
            piece->put(line, piece->text);
        else
            access_line_put(line, piece->text);
    }
}

void access_log_write(struct access_log *log, const struct exchange *exchange, const struct h1_summary *summary,
                      const struct access_log_place *place)
{
    struct access_line line;

    line.exchange = exchange;
    line.summary = summary;
    line.place = place;
    line.len = 0;
    render(log, &line);
    if (UNLIKELY(log->syslog != NULL)) {
        log_syslog_send(log->syslog, summary->status >= LEAST_SERVER_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                        slice_of(line.text, line.len));
        return;
    }
    line.text[line.len++] = '\n'; /* there is always room for it: the text ends one short of the line */
    log_write_lines(log->fd, slice_of(line.text, line.len));
}
