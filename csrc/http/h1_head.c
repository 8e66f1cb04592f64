/* SPDX-License-Identifier: MIT */
#include "h1_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "h1_rules.h"
#include "text.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *h1_head_reason(int status)
{
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}

void h1_head_init(struct h1_head *head, bool strips_hop_by_hop)
{
    *head = (struct h1_head){.strips_hop_by_hop = strips_hop_by_hop};
}

void h1_head_fini(struct h1_head *head)
{
    buf_fini(&head->bytes);
}

void h1_head_reset(struct h1_head *head)
{
    struct buf bytes = head->bytes;

    bytes.len = 0;
    *head = (struct h1_head){.bytes = bytes, .strips_hop_by_hop = head->strips_hop_by_hop};
}

static void put(struct buf *buf, struct slice bytes)
{
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

enum head_error h1_head_begin(struct h1_head *head, int status, struct slice reason)
{
    static const struct slice version = {.ptr = "HTTP/1.1 ", .len = 9};
    char digits[4];

    h1_head_reset(head);
    if (status < 200 || status > 599)
        return HEAD_BAD_STATUS;
    if (!h1_rules_is_field_value(reason))
        return HEAD_BAD_REASON;
    if (buf_reserve(&head->bytes, version.len + 4 + reason.len + 2) < 0)
        return HEAD_NO_MEMORY;
    digits[0] = (char)('0' + status / 100);
    digits[1] = (char)('0' + status / 10 % 10);
    digits[2] = (char)('0' + status % 10);
    digits[3] = ' ';
    put(&head->bytes, version);
    put(&head->bytes, slice_of(digits, sizeof(digits)));
    if (reason.len > 0)
        put(&head->bytes, reason);
    put(&head->bytes, SLICE("\r\n"));
    head->status = status;
    return HEAD_OK;
}

/* RFC 9110 7.6.1 and the list of PEP 3333 ("Other HTTP Features"): these belong to the connection. */
static bool is_hop_by_hop(struct slice name)
{
    static const struct slice names[] = {
        {"te", 2},
        {"trailer", 7},
        {"upgrade", 7},
        {"trailers", 8},
        {"connection", 10},
        {"keep-alive", 10},
        {"proxy-connection", 16},
        {"transfer-encoding", 17},
        {"proxy-authenticate", 18},
        {"proxy-authorization", 19},
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (slice_equal_nocase(name, names[i]))
            return true;
    }
    return false;
}

/* Notes the one Content-Length; a second equal one is dropped. */
static enum head_error note_length(struct h1_head *head, struct slice name, struct slice value, bool *is_duplicate)
{
    uint64_t length;

    if (!text_parse_u64(value, &length))
        return HEAD_BAD_LENGTH;
    *is_duplicate = head->has_length;
    if (head->has_length)
        return head->length == length ? HEAD_OK : HEAD_BAD_LENGTH;
    head->has_length = true;
    head->length = length;
    head->length_at = head->bytes.len;
    head->length_line_bytes = name.len + value.len + 4;
    return HEAD_OK;
}

/* Notes the fields that the server would add or that it must refuse. *is_dropped: checked, but not to be sent. */
static enum head_error note_field(struct h1_head *head, struct slice name, struct slice value, bool *is_dropped)
{
    *is_dropped = false;
    switch (name.len) {
    case 4:
        head->has_date |= slice_equal_nocase(name, SLICE("date"));
        return HEAD_OK;
    case 6:
        head->has_server |= slice_equal_nocase(name, SLICE("server"));
        return HEAD_OK;
    case 14:
        if (slice_equal_nocase(name, SLICE("content-length")))
            return note_length(head, name, value, is_dropped);
        return HEAD_OK;
    case 12: /* Content-Type, the most frequent of all */
        return HEAD_OK;
    default:
        if (!is_hop_by_hop(name))
            return HEAD_OK;
        *is_dropped = head->strips_hop_by_hop;
        return head->strips_hop_by_hop ? HEAD_OK : HEAD_HOP_BY_HOP;
    }
}

enum head_error h1_head_add(struct h1_head *head, struct slice name, struct slice value)
{
    enum head_error error;
    bool is_dropped;

    if (!h1_rules_is_token(name))
        return HEAD_BAD_NAME;
    if (!h1_rules_is_field_value(value))
        return HEAD_BAD_VALUE;
    error = note_field(head, name, value, &is_dropped);
    if (error != HEAD_OK || is_dropped)
        return error;
    if (buf_reserve(&head->bytes, name.len + value.len + 4) < 0)
        return HEAD_NO_MEMORY;
    put(&head->bytes, name);
    put(&head->bytes, SLICE(": "));
    if (value.len > 0)
        put(&head->bytes, value);
    put(&head->bytes, SLICE("\r\n"));
    head->field_count++;
    return HEAD_OK;
}

/* RFC 9110 8.6: no Content-Length with 204; where a body has become impossible to give the declared one is a lie. */
static void drop_length(struct h1_head *head)
{
    char *at = head->bytes.ptr + head->length_at;
    size_t behind = head->bytes.len - head->length_at - head->length_line_bytes;

    if (!head->has_length)
        return;
    memmove(at, at + head->length_line_bytes, behind);
    head->bytes.len -= head->length_line_bytes;
    head->has_length = false;
    head->field_count--;
}

static void put_length(struct h1_head *head, uint64_t length)
{
    char digits[20];

    put(&head->bytes, SLICE("Content-Length: "));
    put(&head->bytes, slice_of(digits, text_format_u64(digits, length)));
    put(&head->bytes, SLICE("\r\n"));
}

static void put_framing(struct h1_head *head, const struct h1_head_end *end)
{
    if (end->framing == H1_FRAMING_LENGTH && !head->has_length)
        put_length(head, end->length);
    if (end->framing == H1_FRAMING_CHUNKED)
        put(&head->bytes, SLICE("Transfer-Encoding: chunked\r\n"));
    if (!end->is_keep_alive)
        put(&head->bytes, SLICE("Connection: close\r\n"));
    else if (end->version_minor == 0)
        put(&head->bytes, SLICE("Connection: keep-alive\r\n"));
}

/* Whether the application has set this field. */
static bool has_field(const struct h1_head *head, struct slice name)
{
    const char *at = head->bytes.ptr, *end = at + head->app_bytes - 2;

    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end) {
        if ((size_t)(end - at) > name.len && at[name.len] == ':' && slice_equal_nocase(slice_of(at, name.len), name))
            return true;
    }
    return false;
}

static int put_extra(struct h1_head *head, const struct header *extra)
{
    if (has_field(head, extra->name))
        return 0;
    if (buf_reserve(&head->bytes, 256 + extra->name.len + extra->value.len) < 0)
        return -ENOMEM;
    put(&head->bytes, extra->name);
    put(&head->bytes, SLICE(": "));
    put(&head->bytes, extra->value);
    put(&head->bytes, SLICE("\r\n"));
    return 0;
}

int h1_head_finish(struct h1_head *head, const struct h1_head_end *end)
{
    if (head->status == 204 || head->status == 205)
        drop_length(head);
    if (buf_reserve(&head->bytes, 256 + end->server_timing.len) < 0)
        return -ENOMEM;
    head->app_bytes = head->bytes.len + 2;
    if (!head->has_date) {
        put(&head->bytes, SLICE("Date: "));
        put(&head->bytes, slice_of(clock_http_date(), CLOCK_HTTP_DATE_BYTES));
        put(&head->bytes, SLICE("\r\n"));
    }
    if (!head->has_server)
        put(&head->bytes, SLICE("Server: clutch\r\n"));
    if (end->server_timing.len > 0) {
        put(&head->bytes, SLICE("Server-Timing: "));
        put(&head->bytes, end->server_timing);
        put(&head->bytes, SLICE("\r\n"));
    }
    if (UNLIKELY(end->extra != NULL) && put_extra(head, end->extra) < 0)
        return -ENOMEM;
    put_framing(head, end);
    put(&head->bytes, SLICE("\r\n"));
    return 0;
}
