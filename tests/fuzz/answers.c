/* SPDX-License-Identifier: MIT */
#include "answers.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_LIMIT = 32 };

/* A response as it stands in the bytes. */
struct response {
    int status;
    bool has_length, is_chunked, closes;
    uint64_t length;
};

static void fail(const char *what, struct slice at)
{
    fprintf(stderr, "%s, at: \"%.*s\"\n", what, (int)(at.len < 400 ? at.len : 400), at.ptr);
    abort();
}

static void check(bool is_right, const char *what, struct slice at)
{
    if (!is_right)
        fail(what, at);
}

static struct slice rest_of(struct slice text, size_t from)
{
    return slice_of(text.ptr + from, text.len - from);
}

static bool starts_with(struct slice text, struct slice start)
{
    return text.len >= start.len && slice_equal(slice_of(text.ptr, start.len), start);
}

/* Takes a line off the start; false when it has no end yet. */
static bool take_line(struct slice *left, struct slice *line)
{
    const char *end = left->len > 0 ? memmem(left->ptr, left->len, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = slice_of(left->ptr, (size_t)(end - left->ptr));
    *left = rest_of(*left, line->len + 2);
    for (size_t i = 0; i < line->len; i++)
        check((unsigned char)line->ptr[i] >= 0x20 && line->ptr[i] != 0x7f, "a control character in a line", *line);
    return true;
}

static uint64_t read_number(struct slice text, int base)
{
    char digits[17] = "", *end;
    uint64_t value;

    check(text.len > 0 && text.len < sizeof(digits), "not a number", text);
    memcpy(digits, text.ptr, text.len);
    value = strtoull(digits, &end, base);
    check(*end == '\0' && digits[0] != '-' && digits[0] != '+' && digits[0] != ' ', "not a number", text);
    return value;
}

static void read_field(struct response *response, struct slice line)
{
    const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    struct slice name, value;

    check(colon != NULL && colon != line.ptr && colon + 1 < line.ptr + line.len && colon[1] == ' ', "a malformed field",
          line);
    name = slice_of(line.ptr, (size_t)(colon - line.ptr));
    value = rest_of(line, name.len + 2);
    check(memchr(name.ptr, ' ', name.len) == NULL, "a space in a name", line);
    if (slice_equal_nocase(name, SLICE("Content-Length"))) {
        check(!response->has_length, "two lengths", line);
        response->has_length = true;
        response->length = read_number(value, 10);
    } else if (slice_equal_nocase(name, SLICE("Transfer-Encoding"))) {
        check(!response->is_chunked && slice_equal(value, SLICE("chunked")), "a strange coding", line);
        response->is_chunked = true;
    } else if (slice_equal_nocase(name, SLICE("Connection"))) {
        response->closes = slice_equal(value, SLICE("close"));
        check(response->closes || slice_equal(value, SLICE("keep-alive")), "a strange Connection", line);
    }
}

/* False when its end is missing. */
static bool take_head(struct slice *left, struct response *response)
{
    struct slice line;

    *response = (struct response){0};
    if (!take_line(left, &line))
        return false;
    check(line.len > 13 && starts_with(line, SLICE("HTTP/1.1 ")) && line.ptr[12] == ' ', "no status line", line);
    response->status = (int)read_number(slice_of(line.ptr + 9, 3), 10);
    for (int i = 0; i < FIELD_LIMIT && take_line(left, &line); i++) {
        if (line.len == 0)
            return true;
        read_field(response, line);
    }
    return false;
}

static void check_part(const struct answer *answer, uint64_t from, struct slice part)
{
    check(from + part.len <= answer->body.len, "more body than the application gave", part);
    check(part.len == 0 || memcmp(answer->body.ptr + from, part.ptr, part.len) == 0, "not the application's body",
          part);
}

/* Takes the body off the start; false when its end is missing. */
static bool take_body_of_length(struct slice *left, const struct response *response, const struct answer *answer)
{
    size_t len = response->length < left->len ? (size_t)response->length : left->len;

    check(!answer->is_whole || response->length == (answer->has_length ? answer->declared_bytes : answer->body.len),
          "a wrong length", *left);
    check_part(answer, 0, slice_of(left->ptr, len));
    *left = rest_of(*left, len);
    return len == response->length;
}

static bool take_chunked_body(struct slice *left, const struct answer *answer)
{
    uint64_t from = 0, size;
    struct slice line;

    while (take_line(left, &line)) {
        size = read_number(line, 16);
        if (size == 0) {
            check(from == answer->body.len && answer->is_whole, "a cut body that looks whole", *left);
            return take_line(left, &line) && line.len == 0;
        }
        check_part(answer, from, slice_of(left->ptr, size < left->len ? (size_t)size : left->len));
        from += size;
        if (left->len < size + 2)
            break;
        check(starts_with(rest_of(*left, (size_t)size), SLICE("\r\n")), "a malformed chunk", *left);
        *left = rest_of(*left, (size_t)size + 2);
    }
    *left = slice_of(left->ptr + left->len, 0);
    return false;
}

static bool may_have_body(const struct answer *answer)
{
    return !answer->is_head_request && answer->status != 204 && answer->status != 304;
}

static bool take_body(struct slice *left, const struct response *response, const struct answer *answer)
{
    bool is_all;

    check(!(response->has_length && response->is_chunked), "both a length and a coding", *left);
    check(!response->is_chunked || !answer->is_version_1_0, "a coding for HTTP/1.0", *left);
    check(answer->status != 204 || (!response->has_length && !response->is_chunked), "204 with a body", *left);
    if (!may_have_body(answer))
        return true;
    if (answer->status == 205) {
        check(response->has_length && response->length == 0, "205 with a body", *left);
        return true;
    }
    if (response->is_chunked)
        return take_chunked_body(left, answer);
    if (response->has_length)
        return take_body_of_length(left, response, answer);
    check(response->closes, "a body without an end", *left);
    check_part(answer, 0, *left);
    is_all = left->len == answer->body.len;
    *left = slice_of(left->ptr + left->len, 0);
    return is_all;
}

static void skip_continue(struct slice *left)
{
    static const struct slice text = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

    while (starts_with(*left, text))
        *left = rest_of(*left, text.len);
    if (left->len > 0 && left->len < text.len && starts_with(text, *left))
        *left = slice_of(left->ptr + left->len, 0); /* cut in the middle */
}

/* The server's own words, after which nothing follows. */
static void check_refusal(struct slice left)
{
    struct response response;

    skip_continue(&left);
    if (left.len == 0)
        return;
    if (!take_head(&left, &response))
        return;
    check(response.status >= 400 && response.closes && response.has_length, "an answer to no request", left);
    check(left.len <= response.length, "bytes behind a refusal", left);
}

void answers_check(const struct answer *answers, size_t count, struct slice received, enum answers_extent extent)
{
    struct response response = {0};
    struct slice left = received;

    for (size_t i = 0; i < count; i++) {
        bool is_cut;

        skip_continue(&left);
        check(!response.closes, "a request was run behind the last one", left);
        is_cut = !take_head(&left, &response);
        if (!is_cut) {
            check(response.status == answers[i].status, "not the application's status", left);
            is_cut = !take_body(&left, &response, &answers[i]);
        }
        if (is_cut) {
            check(extent == ANSWERS_UNREAD || i + 1 == count, "a request was run behind a cut answer", left);
            check(extent != ANSWERS_WHOLE || !answers[i].is_whole, "an answer was cut off", received);
            return;
        }
    }
    check(!response.closes || left.len == 0, "bytes behind the last answer", left);
    if (!response.closes)
        check_refusal(left);
}
