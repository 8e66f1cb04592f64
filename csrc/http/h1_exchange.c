/* SPDX-License-Identifier: MIT */
#include "h1_exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "h1_hints.h"
#include "h1_send.h"
#include "text.h"

enum {
    CLIENT_CLOSED_REQUEST = 499,
    GATEWAY_TIMEOUT = 504,
    FILE_COPY_BYTES = 65536,
    SERVER_TIMING_BYTES = 96,
};

static_assert(offsetof(struct h1_exchange, base) == 0, "an exchange is the start of its h1_exchange");

static struct h1_exchange *of(struct exchange *exchange)
{
    return (struct h1_exchange *)(void *)exchange;
}

/* Whoever judges the request may read it at any time. */
static void note_sent(struct h1_exchange *x, uint64_t body_bytes)
{
    atomic_store_explicit(&x->sent_body_bytes, body_bytes, memory_order_relaxed);
}

static uint64_t sent_body_bytes(const struct h1_exchange *x)
{
    return atomic_load_explicit(&x->sent_body_bytes, memory_order_relaxed);
}

static bool status_forbids_body(int status)
{
    return status == 204 || status == 205 || status == 304;
}

static enum head_error begin_head(struct exchange *exchange, int status, struct slice reason)
{
    struct h1_exchange *x = of(exchange);
    enum head_error error = h1_head_begin(&x->head, status, reason);

    exchange->status = error == HEAD_OK ? status : 0;
    exchange->has_length = false;
    exchange->declared_bytes = 0;
    return error;
}

static enum head_error add_header(struct exchange *exchange, struct slice name, struct slice value)
{
    struct h1_exchange *x = of(exchange);
    enum head_error error = h1_head_add(&x->head, name, value);

    exchange->has_length = x->head.has_length;
    exchange->declared_bytes = x->head.length;
    return error;
}

/* RFC 9112 6.3, from the server's side. */
static enum h1_framing choose_framing(const struct h1_exchange *x, bool is_whole)
{
    if (x->is_head_request || status_forbids_body(x->base.status))
        return H1_FRAMING_NONE;
    if (x->head.has_length || is_whole)
        return H1_FRAMING_LENGTH;
    return x->version_minor == 0 ? H1_FRAMING_CLOSE : H1_FRAMING_CHUNKED;
}

/* Milliseconds. No %f: the application may have set a locale with a decimal comma. */
static lldiv_t split(int64_t duration_us)
{
    return lldiv(duration_us > 0 ? duration_us : 0, 1000);
}

static size_t format_server_timing(const struct h1_exchange *x, char *out, size_t size)
{
    const struct exchange_times *times = &x->base.times;
    lldiv_t queue = split(times->taken_us - times->arrived_us), gil = split(times->gil_wait_us);
    lldiv_t app = split(clock_now_us() - times->taken_us - times->gil_wait_us);
    int len = snprintf(out, size, "queue;dur=%lld.%03lld, gil;dur=%lld.%03lld, app;dur=%lld.%03lld", queue.quot,
                       queue.rem, gil.quot, gil.rem, app.quot, app.rem);

    return len > 0 ? (size_t)len : 0;
}

/* Completes the head. `length` is the body's, known when is_whole. Returns false without memory: then nothing can be
 * sent. */
static bool finish_head(struct h1_exchange *x, bool is_whole, uint64_t length)
{
    char timing[SERVER_TIMING_BYTES];
    struct header id;
    struct h1_head_end end = {.version_minor = x->version_minor, .length = length};

    x->framing = choose_framing(x, is_whole);
    if (x->framing == H1_FRAMING_CLOSE || atomic_load_explicit(x->is_draining, memory_order_relaxed))
        x->is_keep_alive = false;
    h1_fate_note_end(&x->fate, x->framing == H1_FRAMING_CLOSE);
    if (x->framing == H1_FRAMING_CLOSE)
        h1_send_end_by_reset(x->socket_fd, true);
    end.framing = x->framing;
    end.is_keep_alive = x->is_keep_alive;
    if (x->settings->has_server_timing)
        end.server_timing = slice_of(timing, format_server_timing(x, timing, sizeof(timing)));
    if (UNLIKELY(x->base.request_id.len > 0)) {
        id = (struct header){.name = x->settings->request_id_header, .value = x->base.request_id};
        end.extra = &id;
    }
    /* RFC 9110 15.3.6: 205 says so with a length of 0. */
    if (x->base.status == 205 && !x->is_head_request) {
        end.framing = H1_FRAMING_LENGTH;
        end.length = 0;
    }
    x->base.is_head_sent = true;
    return h1_head_finish(&x->head, &end) == 0;
}

static uint64_t total_of(const struct slice *blocks, size_t count)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += blocks[i].len;
    return total;
}

static bool buffer_body(struct exchange *exchange, const struct slice *blocks, size_t count)
{
    struct h1_exchange *x = of(exchange);
    uint64_t total = total_of(blocks, count);
    struct buf *bytes = &x->head.bytes;

    if (exchange->is_head_sent || total > H1_SMALL_BODY_BYTES || exchange->status == 0)
        return false;
    if (exchange->has_length && total != exchange->declared_bytes && !x->is_head_request)
        return false;
    if (buf_reserve(bytes, (size_t)total + 512) < 0 || !finish_head(x, true, total))
        return false;
    exchange->body_bytes = total;
    x->is_buffered = x->is_ended = true;
    if (x->framing == H1_FRAMING_NONE)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (buf_append(bytes, blocks[i]) < 0)
            x->is_aborted = true;
    }
    note_sent(x, total);
    return true;
}

/* How much of `total` more bytes the response still has room for. */
static uint64_t room_for(const struct h1_exchange *x, uint64_t total)
{
    uint64_t left;

    if (x->framing == H1_FRAMING_NONE)
        return 0;
    if (!x->base.has_length)
        return total;
    left = x->base.declared_bytes - x->base.body_bytes;
    return total < left ? total : left;
}

static void gather_body(struct h1_gather *gather, const struct slice *blocks, size_t count, uint64_t room)
{
    for (size_t i = 0; i < count && room > 0; i++) {
        size_t len = blocks[i].len < room ? blocks[i].len : (size_t)room;

        h1_gather_add(gather, blocks[i].ptr, len);
        room -= len;
    }
}

/* Whether the response is complete with `room` more bytes of body. */
static bool will_end(const struct h1_exchange *x, uint64_t room, bool is_last)
{
    const struct exchange *base = &x->base;

    if (x->framing == H1_FRAMING_NONE)
        return true;
    return base->has_length ? base->body_bytes + room >= base->declared_bytes : is_last;
}

/* Its time was over before its end. */
static enum exchange_result account_gone(struct h1_exchange *x)
{
    x->is_gone = true;
    return EXCHANGE_GONE;
}

/* The answer to a gateway that has handed over `total` bytes. */
static enum exchange_result account(struct h1_exchange *x, uint64_t total, uint64_t room, bool is_last)
{
    struct exchange *base = &x->base;

    base->body_bytes += x->framing == H1_FRAMING_NONE ? total : room;
    note_sent(x, sent_body_bytes(x) + room);
    exchange_note_sent(base, sent_body_bytes(x));
    if (x->is_gone || x->is_aborted)
        return EXCHANGE_GONE;
    if (x->framing == H1_FRAMING_NONE || (base->has_length && base->body_bytes >= base->declared_bytes)) {
        x->is_ended = true;
        return EXCHANGE_FULL;
    }
    x->is_ended = is_last && !base->has_length;
    return EXCHANGE_OK;
}

static enum exchange_result write_blocks(struct exchange *exchange, const struct slice *blocks, size_t count,
                                         bool is_last)
{
    struct h1_exchange *x = of(exchange);
    struct h1_gather gather;
    uint64_t total = total_of(blocks, count), room;
    int64_t started_us = clock_now_us();
    char chunk_line[H1_CHUNK_LINE_BYTES];

    h1_gather_begin(&gather, x);
    if (x->is_gone || x->is_aborted || exchange->status == 0)
        return EXCHANGE_GONE;
    if (x->is_ended)
        return EXCHANGE_FULL;
    if (!exchange->is_head_sent) {
        if (!finish_head(x, is_last, total)) {
            x->is_aborted = true;
            return EXCHANGE_GONE;
        }
        h1_gather_add(&gather, x->head.bytes.ptr, x->head.bytes.len);
    }
    room = room_for(x, total);
    if (will_end(x, room, is_last) && !h1_fate_end(&x->fate))
        return account_gone(x);
    if (x->framing == H1_FRAMING_CHUNKED && room > 0)
        h1_gather_chunk_line(&gather, chunk_line, room);
    gather_body(&gather, blocks, count, room);
    if (x->framing == H1_FRAMING_CHUNKED && room > 0)
        h1_gather_add(&gather, "\r\n", 2);
    if (x->framing == H1_FRAMING_CHUNKED && is_last)
        h1_gather_add(&gather, "0\r\n\r\n", 5);
    h1_gather_send(&gather);
    exchange->times.write_us += clock_now_us() - started_us;
    return account(x, total, room, is_last);
}

/* For what sendfile cannot do: chunked framing, or a file that is none. */
static enum exchange_result copy_file(struct exchange *exchange, int fd, off_t offset, uint64_t length)
{
    char piece[FILE_COPY_BYTES];
    enum exchange_result result = EXCHANGE_OK;

    while (length > 0 && result == EXCHANGE_OK) {
        size_t wanted = length < sizeof(piece) ? (size_t)length : sizeof(piece);
        ssize_t got = pread(fd, piece, wanted, offset);
        struct slice block = slice_of(piece, got > 0 ? (size_t)got : 0);

        if (got <= 0) {
            h1_output_tell_short(got < 0 ? errno : 0);
            of(exchange)->is_aborted = true;
            return EXCHANGE_GONE;
        }
        offset += got;
        length -= (uint64_t)got;
        result = write_blocks(exchange, &block, 1, length == 0);
    }
    return result;
}

/* What the client takes at once; the rest is for whoever drives. */
static void queue_file(struct h1_exchange *x, int fd, off_t offset, uint64_t length)
{
    enum io_result result;

    h1_send_begin_queueing(x);
    if (h1_output_append_file(x->output, fd, offset, length) < 0) {
        x->is_aborted = true;
        return;
    }
    result = h1_output_drain(x->output, x->socket_fd);
    if (result == IO_FAILED && x->output->file.is_short)
        x->is_aborted = true; /* the client is there */
    else if (result == IO_FAILED)
        x->is_gone = true;
    else if (result == IO_MORE && x->output->on_behind != NULL)
        x->output->on_behind(x->output, true);
}

static enum exchange_result send_file(struct h1_exchange *x, int fd, off_t offset, uint64_t length)
{
    bool sends_head = !x->base.is_head_sent;
    struct h1_gather gather;

    if (sends_head && !finish_head(x, true, length)) {
        x->is_aborted = true;
        return EXCHANGE_GONE;
    }
    length = room_for(x, length);
    if (will_end(x, length, true) && !h1_fate_end(&x->fate))
        return account_gone(x);
    if (sends_head) {
        h1_gather_begin(&gather, x);
        h1_gather_add(&gather, x->head.bytes.ptr, x->head.bytes.len);
        h1_gather_send(&gather);
    }
    if (length > 0 && !x->is_gone)
        queue_file(x, fd, offset, length);
    return account(x, length, length, true);
}

static enum exchange_result write_file(struct exchange *exchange, int fd, off_t offset, uint64_t length)
{
    struct h1_exchange *x = of(exchange);
    int64_t started_us = clock_now_us();
    enum exchange_result result;

    if (x->is_gone || x->is_aborted || exchange->status == 0)
        return EXCHANGE_GONE;
    if (x->is_ended)
        return EXCHANGE_FULL;
    if (exchange->is_head_sent && x->framing == H1_FRAMING_CHUNKED)
        return copy_file(exchange, fd, offset, length);
    result = send_file(x, fd, offset, length);
    if (x->framing != H1_FRAMING_NONE && !exchange->has_length)
        x->is_ended = true;
    exchange->times.write_us += clock_now_us() - started_us;
    return result;
}

static void fail(struct exchange *exchange)
{
    static const char text[] = "Internal Server Error\n";
    struct h1_exchange *x = of(exchange);
    struct slice block = slice_of(text, sizeof(text) - 1);

    exchange->has_app_failed = true;
    if (exchange->is_head_sent) {
        x->is_aborted = !x->is_ended;
        return;
    }
    if (begin_head(exchange, 500, slice_of_string(h1_head_reason(500))) != HEAD_OK ||
        add_header(exchange, SLICE("Content-Type"), SLICE("text/plain; charset=utf-8")) != HEAD_OK ||
        !buffer_body(exchange, &block, 1))
        x->is_aborted = true;
}

static bool is_client_gone(struct exchange *exchange)
{
    struct h1_exchange *x = of(exchange);
    char byte;
    ssize_t got;

    if (x->is_gone)
        return true;
    got = recv(x->socket_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        x->is_gone = true;
    /* The end of what it sends is most often the end of it all; but it may still read, and is answered. */
    return got == 0 || x->is_gone;
}

static const struct exchange_ops operations = {
    .begin_head = begin_head,
    .add_header = add_header,
    .buffer_body = buffer_body,
    .write = write_blocks,
    .write_file = write_file,
    .early_hints = h1_hints_send,
    .fail = fail,
    .is_client_gone = is_client_gone,
};

void h1_exchange_init(struct h1_exchange *x, const struct h1_settings *settings, const _Atomic(bool) *is_draining)
{
    *x = (struct h1_exchange){.settings = settings, .is_draining = is_draining, .base.ops = &operations};
    h1_head_init(&x->head, settings->strips_hop_by_hop);
}

void h1_exchange_fini(struct h1_exchange *x)
{
    h1_head_fini(&x->head);
}

void h1_exchange_start(struct h1_exchange *x, const struct h1_parse *parse, const struct h1_body *body,
                       const struct endpoints *endpoints, int socket_fd, struct h1_output *output, uint64_t number)
{
    x->base = (struct exchange){
        .ops = &operations,
        .request = &parse->request,
        .endpoints = endpoints,
        .number = number,
        .body = {.is_present = parse->has_length || parse->is_chunked, .was_chunked = parse->is_chunked},
    };
    h1_body_describe(body, &x->base.body);
    h1_head_reset(&x->head);
    x->socket_fd = socket_fd;
    x->output = output;
    x->framing = H1_FRAMING_NONE;
    x->version_minor = parse->request.version_minor;
    x->is_head_request = slice_equal(parse->request.method, SLICE("HEAD"));
    x->is_keep_alive = parse->is_keep_alive;
    x->is_buffered = x->is_ended = x->is_aborted = x->is_gone = x->has_queued = false;
    note_sent(x, 0);
    x->finished_us = 0;
    x->outcome = H1_FATE_NONE;
}

static bool is_timed_out(const struct h1_exchange *x)
{
    return x->outcome == H1_FATE_ANSWERED || x->outcome == H1_FATE_CUT;
}

void h1_exchange_finish(struct h1_exchange *x)
{
    struct iovec piece;

    x->is_gone |= x->base.is_given_up;
    if (!x->base.is_head_sent && !x->is_aborted && !x->is_gone)
        fail(&x->base); /* a gateway that left no response */
    /* The application has ended in time, or it has not. From here on nobody may cut the connection off: the client may
     * have all of the response, and send its next request. */
    x->outcome = h1_fate_close(&x->fate);
    x->is_gone |= is_timed_out(x);
    if (x->is_buffered && !x->is_aborted) {
        int64_t started_us = clock_now_us();

        piece = (struct iovec){.iov_base = x->head.bytes.ptr, .iov_len = x->head.bytes.len};
        h1_send_pieces(x, &piece, 1, x->is_keep_alive ? 0 : MSG_MORE);
        x->finished_us = clock_now_us();
        x->base.times.write_us += x->finished_us - started_us;
    }
    if (!x->is_ended)
        x->is_aborted = true;
    if (x->is_aborted || x->is_gone)
        x->is_keep_alive = false;
}

void h1_exchange_summarize(const struct h1_exchange *x, struct h1_summary *summary)
{
    size_t head_len = x->head.bytes.len - (x->is_buffered ? (size_t)sent_body_bytes(x) : 0);
    int64_t now_us = x->finished_us != 0 ? x->finished_us : clock_now_us();

    *summary = (struct h1_summary){
        .status = is_timed_out(x) ? GATEWAY_TIMEOUT
                  : x->is_gone    ? CLIENT_CLOSED_REQUEST
                                  : x->base.status,
        .body_bytes = sent_body_bytes(x),
        .head = x->base.is_head_sent && x->outcome != H1_FATE_ANSWERED ? slice_of(x->head.bytes.ptr, head_len)
                                                                       : slice_of(NULL, 0),
        .field_count = x->head.field_count,
        .app_head_bytes = x->head.app_bytes,
        .duration_us = now_us - x->base.times.taken_us,
        .is_told = x->outcome != H1_FATE_NONE,
    };
}

void h1_exchange_summarize_running(const struct h1_exchange *x, enum h1_fate verdict, int64_t now_us,
                                   struct exchange *copy, struct h1_summary *summary)
{
    const struct exchange *base = &x->base;
    uint32_t phase = atomic_load_explicit(&base->progress->phase, memory_order_relaxed);
    int64_t running_us = now_us - base->times.taken_us;

    *copy = (struct exchange){
        .ops = base->ops,
        .request = base->request,
        .endpoints = base->endpoints,
        .body = base->body,
        .times = {.arrived_us = base->times.arrived_us, .taken_us = base->times.taken_us},
        .request_id = base->request_id,
        .number = base->number,
        .progress = base->progress,
    };
    if (phase == EXCHANGE_GIL)
        copy->times.gil_wait_us = running_us;
    else if (phase == EXCHANGE_WRITE)
        copy->times.write_us = running_us;
    else
        copy->times.app_us = running_us;
    *summary = (struct h1_summary){
        .status = verdict == H1_FATE_LATE ? base->status : GATEWAY_TIMEOUT,
        .body_bytes = verdict == H1_FATE_ANSWERED ? 0 : sent_body_bytes(x),
        .duration_us = running_us,
    };
}
