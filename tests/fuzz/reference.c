/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 15, PROXY_LINE_BYTES = 107 };

static struct slice rest_of(struct slice text, size_t from)
{
    return slice_of(text.ptr + from, text.len - from);
}

/* Takes a line off the start of `left`. It ends in CRLF, and neither stands alone. */
static enum reference_result take_line(struct slice *left, struct slice *line)
{
    for (size_t i = 0; i < left->len; i++) {
        if (left->ptr[i] == '\n')
            return REFERENCE_BAD;
        if (left->ptr[i] != '\r')
            continue;
        if (i + 1 == left->len)
            return REFERENCE_INCOMPLETE;
        if (left->ptr[i + 1] != '\n')
            return REFERENCE_BAD;
        *line = slice_of(left->ptr, i);
        *left = rest_of(*left, i + 2);
        return REFERENCE_WHOLE;
    }
    return REFERENCE_INCOMPLETE;
}

static bool is_token(struct slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_word && memchr(others, c, sizeof(others) - 1) == NULL)
            return false;
    }
    return text.len > 0;
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = rest_of(text, 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool split_field(struct slice line, struct reference_field *field)
{
    const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;

    if (colon == NULL)
        return false;
    field->name = slice_of(line.ptr, (size_t)(colon - line.ptr));
    field->value = trim(rest_of(line, field->name.len + 1));
    return is_token(field->name) && !has_control(field->value);
}

/* A number and nothing else. */
static bool read_number(struct slice text, int base, uint64_t *value)
{
    char digits[MOST_DIGITS + 1];
    const char *allowed = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";

    if (text.len == 0)
        return false;
    while (text.len > 1 && text.ptr[0] == '0')
        text = rest_of(text, 1);
    if (text.len > MOST_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(allowed, text.ptr[i], strlen(allowed)) == NULL)
            return false;
    }
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    *value = strtoull(digits, NULL, base);
    return true;
}

static enum reference_result read_trailers(struct slice *left, size_t *extra_bytes)
{
    struct reference_field field;
    struct slice line;
    enum reference_result result;

    while ((result = take_line(left, &line)) == REFERENCE_WHOLE && line.len > 0) {
        if (!split_field(line, &field))
            return REFERENCE_BAD;
        *extra_bytes += line.len + 2;
    }
    return result;
}

static enum reference_result take_chunk(struct slice *left, struct buf *body, uint64_t size)
{
    if (left->len < size)
        return REFERENCE_INCOMPLETE;
    if (buf_append(body, slice_of(left->ptr, (size_t)size)) < 0)
        abort();
    *left = rest_of(*left, (size_t)size);
    if ((left->len > 0 && left->ptr[0] != '\r') || (left->len > 1 && left->ptr[1] != '\n'))
        return REFERENCE_BAD;
    if (left->len < 2)
        return REFERENCE_INCOMPLETE;
    *left = rest_of(*left, 2);
    return REFERENCE_WHOLE;
}

enum reference_result reference_read_chunked(struct slice bytes, struct buf *body, size_t *used, size_t *extra_bytes)
{
    struct slice left = bytes, line;
    enum reference_result result;
    uint64_t size = 0;

    *extra_bytes = 0;
    while ((result = take_line(&left, &line)) == REFERENCE_WHOLE) {
        const char *semicolon = line.len > 0 ? memchr(line.ptr, ';', line.len) : NULL;
        size_t digits = semicolon != NULL ? (size_t)(semicolon - line.ptr) : line.len;

        if (!read_number(slice_of(line.ptr, digits), 16, &size) || has_control(line))
            return REFERENCE_BAD;
        *extra_bytes += line.len - digits;
        if (size == 0) {
            result = read_trailers(&left, extra_bytes);
            break;
        }
        result = take_chunk(&left, body, size);
        if (result != REFERENCE_WHOLE)
            break;
    }
    *used = bytes.len - left.len;
    return result;
}

static enum reference_result read_line(struct reference *request, struct slice line)
{
    const char *first = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
    const char *second = first != NULL ? memchr(first + 1, ' ', (size_t)(line.ptr + line.len - first - 1)) : NULL;
    struct slice version;

    if (second == NULL)
        return REFERENCE_BAD;
    request->method = slice_of(line.ptr, (size_t)(first - line.ptr));
    request->target = slice_of(first + 1, (size_t)(second - first - 1));
    version = rest_of(line, (size_t)(second + 1 - line.ptr));
    if (!slice_equal(version, SLICE("HTTP/1.0")) && !slice_equal(version, SLICE("HTTP/1.1")))
        return REFERENCE_BAD;
    request->version_minor = version.ptr[7] - '0';
    return is_token(request->method) && request->target.len > 0 && !has_control(request->target) ? REFERENCE_WHOLE
                                                                                                 : REFERENCE_BAD;
}

static enum reference_result read_fields(struct reference *request, struct slice *left)
{
    struct slice line;
    enum reference_result result;

    while ((result = take_line(left, &line)) == REFERENCE_WHOLE && line.len > 0) {
        if (request->field_count == REFERENCE_MOST_FIELDS ||
            !split_field(line, &request->fields[request->field_count++]))
            return REFERENCE_BAD;
    }
    return result;
}

/* The value of the only field of this name; a NULL pointer: there is none. Several are bad. */
static enum reference_result find_only(const struct reference *request, struct slice name, struct slice *value)
{
    *value = slice_of(NULL, 0);
    for (size_t i = 0; i < request->field_count; i++) {
        if (!slice_equal_nocase(request->fields[i].name, name))
            continue;
        if (value->ptr != NULL)
            return REFERENCE_BAD;
        *value = request->fields[i].value;
    }
    return REFERENCE_WHOLE;
}

static enum reference_result read_body(struct reference *request, struct slice *left)
{
    struct slice host, length, coding;
    enum reference_result result;
    uint64_t size = 0;
    size_t used = 0, extra_bytes;

    if (find_only(request, SLICE("Host"), &host) == REFERENCE_BAD ||
        find_only(request, SLICE("Content-Length"), &length) == REFERENCE_BAD ||
        find_only(request, SLICE("Transfer-Encoding"), &coding) == REFERENCE_BAD)
        return REFERENCE_BAD;
    if (request->version_minor == 1 && host.len == 0)
        return REFERENCE_BAD;
    if (coding.ptr != NULL) {
        if (length.ptr != NULL || request->version_minor == 0 || !slice_equal_nocase(coding, SLICE("chunked")))
            return REFERENCE_BAD;
        result = reference_read_chunked(*left, &request->body, &used, &extra_bytes);
        *left = rest_of(*left, used);
        return result;
    }
    if (length.ptr != NULL && !read_number(length, 10, &size))
        return REFERENCE_BAD;
    if (left->len < size)
        return REFERENCE_INCOMPLETE;
    if (buf_append(&request->body, slice_of(left->ptr, (size_t)size)) < 0)
        abort();
    *left = rest_of(*left, (size_t)size);
    return REFERENCE_WHOLE;
}

enum reference_result reference_read(struct reference *request, struct slice bytes)
{
    struct slice left = bytes, line;
    enum reference_result result;

    *request = (struct reference){0};
    while (left.len > 0 && (left.ptr[0] == '\r' || left.ptr[0] == '\n'))
        left = rest_of(left, 1);
    result = take_line(&left, &line);
    if (result == REFERENCE_WHOLE)
        result = read_line(request, line);
    if (result == REFERENCE_WHOLE)
        result = read_fields(request, &left);
    if (result == REFERENCE_WHOLE)
        result = read_body(request, &left);
    request->used = bytes.len - left.len;
    return result;
}

void reference_fini(struct reference *request)
{
    buf_fini(&request->body);
}

enum reference_result reference_skip_proxy(struct slice bytes, size_t *used)
{
    static const char signature[] = "\r\n\r\n\0\r\nQUIT\n", word[] = "PROXY ";
    const size_t signature_len = sizeof(signature) - 1, word_len = sizeof(word) - 1;
    struct slice left = bytes, line;
    enum reference_result result;

    *used = 0;
    if (bytes.len >= signature_len + 4 && memcmp(bytes.ptr, signature, signature_len) == 0) {
        const unsigned char *length = (const unsigned char *)bytes.ptr + signature_len + 2;

        *used = signature_len + 4 + ((size_t)length[0] << 8) + length[1];
        return *used <= bytes.len ? REFERENCE_WHOLE : REFERENCE_INCOMPLETE;
    }
    if (bytes.len < word_len || memcmp(bytes.ptr, word, word_len) != 0)
        return REFERENCE_INCOMPLETE;
    result = take_line(&left, &line);
    *used = bytes.len - left.len;
    return result == REFERENCE_WHOLE && *used > PROXY_LINE_BYTES ? REFERENCE_BAD : result;
}
