/* SPDX-License-Identifier: MIT
 * Runs on the app thread of the request, without the GIL. */
#include "h1_hints.h"

#include "clock.h"
#include "h1_exchange.h"
#include "h1_send.h"

/* Checks the fields and writes them one after the other, behind a status line that is not sent, and whose length is
 * returned in *skip. */
static enum head_error format(struct h1_head *head, struct early_hints *hints, size_t *skip)
{
    enum head_error error = h1_head_begin(head, 200, SLICE(""));

    *skip = head->bytes.len;
    for (hints->bad_at = 0; error == HEAD_OK && hints->bad_at < hints->count; hints->bad_at++) {
        error = h1_head_add(head, hints->names[hints->bad_at], hints->values[hints->bad_at]);
        if (error == HEAD_OK && head->has_length) /* RFC 9110 8.6 */
            error = HEAD_HOP_BY_HOP;
        if (error != HEAD_OK)
            return error;
    }
    return error;
}

static void send_fields(struct h1_exchange *x, const char *fields, size_t len)
{
    static const char status_line[] = "HTTP/1.1 103 Early Hints\r\n";
    struct h1_gather gather;
    int64_t started_us = clock_now_us();

    h1_gather_begin(&gather, x);
    h1_gather_add(&gather, status_line, sizeof(status_line) - 1);
    h1_gather_add(&gather, fields, len);
    h1_gather_add(&gather, "\r\n", 2);
    h1_gather_send(&gather);
    if (!x->has_queued)
        h1_fate_unsend(&x->fate);
    x->base.times.write_us += clock_now_us() - started_us;
}

enum head_error h1_hints_send(struct exchange *exchange, struct early_hints *hints)
{
    struct h1_exchange *x = CONTAINER_OF(exchange, struct h1_exchange, base);
    struct h1_head head;
    enum head_error error;
    size_t skip;

    h1_head_init(&head, x->settings->strips_hop_by_hop);
    error = format(&head, hints, &skip);
    hints->is_sent = error == HEAD_OK && head.field_count > 0 && x->version_minor > 0 && !exchange->is_head_sent &&
                     !x->is_aborted && !x->is_gone;
    if (hints->is_sent)
        send_fields(x, head.bytes.ptr + skip, head.bytes.len - skip);
    h1_head_fini(&head);
    return error;
}
