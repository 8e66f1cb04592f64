/* SPDX-License-Identifier: MIT
 * What a proxy says of its client, both ways. PROXY headers: fed whole and in pieces from fresh memory, which must give
 * the same and use the same bytes. Forwarded fields: whatever they hold, what is told is a slice of them and valid. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "h1_forwarded.h"
#include "h1_proxy.h"
#include "h1_rules.h"

enum { MOST_FIELDS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds in pieces of `piece_bytes`; returns how many bytes were used. */
static size_t feed(struct h1_proxy *proxy, enum h1_proxy_result *result, struct slice bytes, size_t piece_bytes)
{
    size_t fed = 0;

    *result = H1_PROXY_NEED_MORE;
    while (*result == H1_PROXY_NEED_MORE && fed < bytes.len) {
        size_t len = bytes.len - fed < piece_bytes ? bytes.len - fed : piece_bytes, used;
        char *piece = malloc(len);

        if (piece == NULL)
            abort();
        memcpy(piece, bytes.ptr + fed, len);
        *result = h1_proxy_feed(proxy, slice_of(piece, len), &used);
        free(piece);
        assert(used <= len && (*result != H1_PROXY_NEED_MORE || used == len));
        fed += used;
    }
    return fed;
}

static void check_header(struct slice bytes, size_t piece_bytes)
{
    struct h1_proxy whole = {0}, pieces = {0};
    enum h1_proxy_result whole_result, pieces_result;
    size_t whole_used = feed(&whole, &whole_result, bytes, bytes.len + 1);
    size_t pieces_used = feed(&pieces, &pieces_result, bytes, piece_bytes);

    assert(whole_result == pieces_result && whole_used == pieces_used);
    assert(whole_used <= 16 + H1_PROXY_MOST_BYTES);
    assert(h1_proxy_shown(&whole).len <= H1_PROXY_LINE_BYTES);
    if (whole_result == H1_PROXY_REFUSED)
        assert(whole.reason != H1_REASON_NONE && whole.reason == pieces.reason);
    if (whole_result != H1_PROXY_DONE)
        return;
    assert(whole.origin == pieces.origin && whole.port == pieces.port);
    assert(ip_address_equal(&whole.client, &pieces.client));
    assert(whole.origin != H1_PROXY_ADDRESS || whole.client.len == 4 || whole.client.len == 16);
}

/* Lines of the input are values; the first byte of each says of which field. */
static size_t split_fields(struct slice rest, struct header *headers)
{
    static const enum known_header ids[] = {HEADER_FORWARDED, HEADER_X_FORWARDED_FOR, HEADER_X_FORWARDED_PROTO,
                                            HEADER_X_FORWARDED_HOST};
    size_t count = 0;

    while (rest.len > 0 && count < MOST_FIELDS) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        enum known_header id = ids[(unsigned char)rest.ptr[0] % ARRAY_COUNT(ids)];
        struct slice value = len > 0 ? slice_of(rest.ptr + 1, len - 1) : slice_of(rest.ptr, 0);

        if (h1_rules_is_field_value(value)) /* others have been refused before */
            headers[count++] = (struct header){.name = known_header_name(id), .value = value, .id = id};
        len += end != NULL;
        rest = slice_of(rest.ptr + len, rest.len - len);
    }
    return count;
}

static void check_told(const struct cidr_list *trusted, const struct request *request, struct slice bytes)
{
    const struct h1_settings settings = {.trusted = trusted, .forwarded_fields = ~0u};
    const struct header *culprit = NULL;
    struct h1_forwarded told;
    enum h1_reason reason = h1_forwarded_read(&settings, request, &told, &culprit);

    if (reason != H1_REASON_NONE) {
        assert(culprit >= request->headers && culprit < request->headers + request->header_count);
        return;
    }
    assert(told.host.len == 0 ||
           (h1_rules_is_authority(told.host) && memchr(told.host.ptr, ',', told.host.len) == NULL));
    assert(told.host.len == 0 ||
           (told.host.ptr >= bytes.ptr && told.host.ptr + told.host.len <= bytes.ptr + bytes.len));
    assert(told.client.len == 0 || (told.has_client && (told.client.len == 4 || told.client.len == 16)));
    assert(told.client.len != 0 || told.port == 0);
}

static void check_fields(struct slice bytes)
{
    static struct cidr_list trusted;
    struct header headers[MOST_FIELDS];
    struct request request = {.headers = headers};
    struct slice wrong;

    if (trusted.count == 0 && cidr_list_add(&trusted, SLICE("10.0.0.0/8,::1"), &wrong) != CIDR_DONE)
        abort();
    request.header_count = split_fields(bytes, headers);
    check_told(&trusted, &request, bytes);
}

/* Whatever list the text is, it is read to its end or to what is wrong in it. */
static void check_list(struct slice bytes)
{
    struct cidr_list list = {0};
    struct slice wrong = {0};

    if (cidr_list_add(&list, bytes, &wrong) != CIDR_DONE)
        assert(wrong.len > 0 && wrong.ptr >= bytes.ptr && wrong.ptr + wrong.len <= bytes.ptr + bytes.len);
    for (size_t i = 0; i < list.count; i++)
        assert(cidr_holds(&list.items[i], &list.items[i].first));
    cidr_list_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = size > 1 ? malloc(size - 1) : NULL; /* of exactly that size, for the sanitizer */
    struct slice bytes = slice_of(copy, size > 1 ? size - 1 : 0);

    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    check_header(bytes, 1u + data[0] % 32);
    check_fields(bytes);
    check_list(bytes);
    free(copy);
    return 0;
}
