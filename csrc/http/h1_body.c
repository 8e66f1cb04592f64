/* SPDX-License-Identifier: MIT */
#include "h1_body.h"

#include <string.h>

#include "clock.h"
#include "fd.h"
#include "h1_log_limit.h"

void h1_body_init(struct h1_body *body, const struct h1_settings *settings)
{
    *body = (struct h1_body){.settings = settings, .file_fd = -1};
}

void h1_body_fini(struct h1_body *body)
{
    buf_fini(&body->memory);
    fd_close(&body->file_fd);
    h1_body_init(body, body->settings);
}

void h1_body_set_in_place(struct h1_body *body, struct slice bytes)
{
    body->in_place = bytes.ptr;
    body->length = bytes.len;
}

static int fail_in_memory(void)
{
    H1_LOG_EVENT(LOG_LEVEL_ERROR, "a request body cannot be kept: out of memory");
    return 503;
}

static int fail_in_file(const struct h1_body *body, int error)
{
    const char *directory = body->settings->body_temp_path;

    H1_LOG_EVENT(LOG_LEVEL_ERROR, "a request body cannot be kept in a temporary file in %s (--body-temp-path): %s",
                 directory != NULL ? directory : "$TMPDIR or /tmp", strerror(-error));
    return 503;
}

/* Moves what is in memory to a file; from then on everything goes there. */
static int spill(struct h1_body *body)
{
    int error;

    body->file_fd = fd_temporary_file(body->settings->body_temp_path);
    if (body->file_fd < 0) {
        error = body->file_fd;
        body->file_fd = -1;
        return fail_in_file(body, error);
    }
    error = fd_write_all(body->file_fd, body->memory.ptr, body->memory.len);
    buf_fini(&body->memory);
    return error == 0 ? 0 : fail_in_file(body, error);
}

static void note_start(struct h1_body *body)
{
    if (body->started_us == 0)
        body->started_us = clock_now_us();
}

int h1_body_expect(struct h1_body *body, uint64_t length)
{
    note_start(body);
    if (length > body->settings->body_memory_bytes)
        return spill(body);
    return buf_reserve(&body->memory, length) == 0 ? 0 : fail_in_memory();
}

int h1_body_append(struct h1_body *body, struct slice bytes)
{
    uint64_t limit = body->settings->body_limit_bytes, length = body->length + bytes.len;
    int error, status;

    if (limit != 0 && length > limit)
        return 413;
    note_start(body);
    if (body->file_fd < 0 && length > body->settings->body_memory_bytes && (status = spill(body)) != 0)
        return status;
    if (body->file_fd < 0 && buf_append(&body->memory, bytes) < 0)
        return fail_in_memory();
    if (body->file_fd >= 0 && (error = fd_write_all(body->file_fd, bytes.ptr, bytes.len)) < 0)
        return fail_in_file(body, error);
    body->length = length;
    return 0;
}

bool h1_body_is_too_slow(const struct h1_body *body, int64_t now_us)
{
    return body->started_us != 0 && h1_is_below_rate(body->length, now_us - body->started_us,
                                                     body->settings->body_rate_bytes, body->settings->body_timeout_us);
}

void h1_body_describe(const struct h1_body *body, struct request_body *out)
{
    out->length = body->length;
    out->file_fd = body->file_fd;
    out->memory = body->in_place != NULL ? body->in_place : body->memory.ptr;
    if (body->file_fd >= 0)
        out->memory = NULL;
}
