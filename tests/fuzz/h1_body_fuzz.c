/* SPDX-License-Identifier: MIT
 * Chunked bodies: what the server decodes, keeps in memory and in a file, is what a second decoder reads, or it is
 * refused; however the bytes are cut. And what nobody could object to is not refused. The first byte of the input says
 * how it is cut. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "h1_body.h"
#include "h1_parse.h"
#include "reference.h"

enum { BODY_LIMIT_BYTES = 3000 };

static const struct h1_settings settings = {
    .line_limit_bytes = 200,
    .head_limit_bytes = 600,
    .field_limit = 16,
    .body_limit_bytes = BODY_LIMIT_BYTES,
    .body_memory_bytes = 100,
};

static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

struct outcome {
    enum h1_parse_result result;
    size_t used;
    struct buf body;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int store(void *body, struct slice bytes)
{
    return h1_body_append(body, bytes);
}

/* What a gateway would read of it. */
static void read_back(const struct h1_body *body, struct buf *out)
{
    struct request_body seen;

    h1_body_describe(body, &seen);
    check(buf_reserve(out, (size_t)seen.length + 1) == 0, "out of memory");
    if (seen.file_fd >= 0)
        check(pread(seen.file_fd, out->ptr, out->capacity, 0) == (ssize_t)seen.length, "the file is not the body");
    else if (seen.length > 0)
        memcpy(out->ptr, seen.memory, (size_t)seen.length);
    out->len = (size_t)seen.length;
}

static struct h1_parse *begin(struct h1_body *body)
{
    struct h1_parse *parse = malloc(h1_parse_size(&settings));
    size_t used;

    check(parse != NULL, "out of memory");
    h1_parse_init(parse, &settings, store, body);
    check(h1_parse_feed(parse, slice_of(head, sizeof(head) - 1), &used) == H1_NEED_MORE && used == sizeof(head) - 1,
          "a head was not taken");
    return parse;
}

/* Feeds the bytes in pieces, each in memory of its own size. */
static struct outcome decode(struct slice bytes, size_t piece_bytes)
{
    struct outcome outcome = {.result = H1_NEED_MORE};
    struct h1_body body;
    struct h1_parse *parse;

    h1_body_init(&body, &settings);
    parse = begin(&body);
    while (outcome.result == H1_NEED_MORE && outcome.used < bytes.len) {
        size_t len = bytes.len - outcome.used < piece_bytes ? bytes.len - outcome.used : piece_bytes, used;
        char *piece = malloc(len);

        check(piece != NULL, "out of memory");
        memcpy(piece, bytes.ptr + outcome.used, len);
        outcome.result = h1_parse_feed(parse, slice_of(piece, len), &used);
        check(used <= len && (outcome.result != H1_NEED_MORE || used == len), "not all bytes were used");
        outcome.used += used;
        free(piece);
    }
    check(body.length <= BODY_LIMIT_BYTES, "a body is larger than its limit");
    if (outcome.result == H1_MESSAGE_DONE)
        read_back(&body, &outcome.body);
    else if (outcome.result == H1_REFUSED)
        check(parse->refusal.reason != H1_REASON_NONE, "a refusal without a reason");
    h1_body_fini(&body);
    free(parse);
    return outcome;
}

static void compare(const struct outcome *outcome, struct slice bytes)
{
    struct buf body = {0};
    size_t used = 0, extra_bytes = 0;
    enum reference_result expected = reference_read_chunked(bytes, &body, &used, &extra_bytes);
    bool is_plain = expected == REFERENCE_WHOLE && extra_bytes == 0 && body.len <= BODY_LIMIT_BYTES;

    if (outcome->result == H1_MESSAGE_DONE) {
        check(expected == REFERENCE_WHOLE, "a body was taken that is none");
        check(outcome->used == used, "a body ends somewhere else");
        check(slice_equal(buf_slice(&outcome->body), buf_slice(&body)), "a body was decoded to something else");
    }
    check(outcome->result != H1_NEED_MORE || expected != REFERENCE_WHOLE, "a whole body was not seen");
    check(!is_plain || outcome->result == H1_MESSAGE_DONE, "a plain body was refused");
    buf_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = size > 0 ? slice_of((const char *)data + 1, size - 1) : slice_of("", 0);
    struct outcome whole = decode(bytes, bytes.len + 1), pieces = decode(bytes, size > 0 ? 1u + data[0] % 64 : 1);

    compare(&whole, bytes);
    compare(&pieces, bytes);
    check(whole.result == pieces.result, "the cuts make a difference");
    buf_fini(&whole.body);
    buf_fini(&pieces.body);
    return 0;
}
