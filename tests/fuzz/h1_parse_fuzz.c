/* SPDX-License-Identifier: MIT
 * Feeds the request parser the same bytes twice, whole and in pieces from memory that moves, and compares: both must
 * come to the same requests, and refuse or not. And what is handed over must be what the server relies on. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "h1_parse.h"

static const struct h1_settings settings = {
    .line_limit_bytes = 200,
    .head_limit_bytes = 600,
    .field_limit = 16,
    .body_limit_bytes = 300,
    .body_memory_bytes = 300,
};

/* What came of the bytes: a text of every request that was parsed, then whether one was refused. */
struct outcome {
    struct buf text;
    struct buf body;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int collect_body(void *context, struct slice bytes)
{
    struct outcome *outcome = context;

    if (outcome->body.len + bytes.len > settings.body_limit_bytes)
        return 413;
    return buf_append(&outcome->body, bytes) == 0 ? 0 : 500;
}

static void note(struct outcome *outcome, const char *label, struct slice value)
{
    if (buf_append_format(&outcome->text, "%s=%zu:", label, value.len) != 0 || buf_append(&outcome->text, value) != 0)
        abort();
}

static void check_value(struct slice value)
{
    assert(value.len == 0 || memchr(value.ptr, '\r', value.len) == NULL);
    assert(value.len == 0 || memchr(value.ptr, '\n', value.len) == NULL);
    assert(value.len == 0 || memchr(value.ptr, '\0', value.len) == NULL);
}

static void note_request(struct outcome *outcome, const struct h1_parse *parse)
{
    const struct request *request = &parse->request;

    assert(request->method.len > 0 && request->path.len > 0 && request->version_minor <= 1);
    assert(request->header_count <= settings.field_limit);
    assert(parse->head_bytes <= settings.head_limit_bytes);
    assert(!parse->has_length || parse->content_length == outcome->body.len);
    assert(!(parse->has_length && parse->is_chunked));
    note(outcome, "method", request->method);
    note(outcome, "target", request->target);
    note(outcome, "path", request->path);
    note(outcome, "query", request->query);
    note(outcome, "authority", request->authority);
    for (size_t i = 0; i < request->header_count; i++) {
        assert(memchr(request->headers[i].name.ptr, '_', request->headers[i].name.len) == NULL);
        check_value(request->headers[i].value);
        note(outcome, "name", request->headers[i].name);
        note(outcome, "value", request->headers[i].value);
    }
    check_value(request->target);
    note(outcome, "body", buf_slice(&outcome->body));
    note(outcome, parse->is_keep_alive ? "open" : "close", slice_of("", 0));
}

/* Feeds one message from `bytes` in pieces of `piece_bytes`, each time from fresh memory of exactly the size in use, so
 * that a slice left behind or a byte read too far is a sanitizer's report. Returns the bytes used, or 0 at the end:
 * refused or incomplete. */
static size_t feed_message(struct outcome *outcome, struct slice bytes, size_t piece_bytes)
{
    struct h1_parse *parse = malloc(h1_parse_size(&settings));
    enum h1_parse_result result = H1_NEED_MORE;
    size_t fed = 0, used = 0;
    char *held = NULL;

    if (parse == NULL)
        abort();
    outcome->body.len = 0;
    h1_parse_init(parse, &settings, collect_body, outcome);
    while (result == H1_NEED_MORE && fed < bytes.len) {
        size_t len = bytes.len - fed < piece_bytes ? bytes.len - fed : piece_bytes;
        char *moved = malloc(fed + len);

        if (moved == NULL)
            abort();
        memcpy(moved, bytes.ptr, fed + len);
        if (parse->start != NULL)
            h1_parse_rebase(parse, moved + (parse->start - held));
        free(held);
        held = moved;
        result = h1_parse_feed(parse, slice_of(held + fed, len), &used);
        assert(used <= len);
        fed += used;
        assert(result != H1_NEED_MORE || used == len);
    }
    if (result == H1_MESSAGE_DONE)
        note_request(outcome, parse);
    if (result == H1_REFUSED) {
        assert(parse->refusal.reason > H1_REASON_NONE && parse->refusal.reason < H1_REASON_COUNT);
        /* Which of two reasons it is told may depend on what had come by then. */
        note(outcome, "refused", slice_of("", 0));
    }
    free(held);
    free(parse);
    return result == H1_MESSAGE_DONE ? fed : 0;
}

static struct buf parse_stream(struct slice bytes, size_t piece_bytes)
{
    struct outcome outcome = {0};
    size_t used;

    while (bytes.len > 0 && (used = feed_message(&outcome, bytes, piece_bytes)) > 0)
        bytes = slice_of(bytes.ptr + used, bytes.len - used);
    buf_fini(&outcome.body);
    return outcome.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = size > 0 ? slice_of((const char *)data + 1, size - 1) : slice_of("", 0);
    struct buf whole = parse_stream(bytes, bytes.len + 1);
    struct buf pieces = parse_stream(bytes, size > 0 ? 1u + data[0] % 64 : 1);

    if (!slice_equal(buf_slice(&whole), buf_slice(&pieces))) {
        fprintf(stderr, "whole:  %.*s\npieces: %.*s\n", (int)whole.len, whole.ptr, (int)pieces.len, pieces.ptr);
        abort();
    }
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
