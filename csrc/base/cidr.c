/* SPDX-License-Identifier: MIT */
#include "cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

enum { IPV4_BYTES = 4, IPV6_BYTES = 16, MAPPED_BYTES = 12, MAPPED_BITS = 8 * MAPPED_BYTES };

static const unsigned char mapped_prefix[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

static struct ip_address of_bytes(const void *bytes, uint8_t len)
{
    struct ip_address address = {.len = len};

    memcpy(address.bytes, bytes, len);
    return address;
}

/* IPv4 in IPv6 is IPv4. */
static void unmap(struct ip_address *address)
{
    if (address->len != IPV6_BYTES || memcmp(address->bytes, mapped_prefix, MAPPED_BYTES) != 0)
        return;
    *address = of_bytes(address->bytes + MAPPED_BYTES, IPV4_BYTES);
}

/* As written: a mapped address stays what it is. */
static bool parse_as_written(struct slice text, struct ip_address *address)
{
    char copy[INET6_ADDRSTRLEN];

    *address = (struct ip_address){0};
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, address->bytes) == 1)
        address->len = IPV4_BYTES;
    else if (inet_pton(AF_INET6, copy, address->bytes) == 1)
        address->len = IPV6_BYTES;
    return address->len != 0;
}

bool ip_address_parse(struct slice text, struct ip_address *address)
{
    if (!parse_as_written(text, address))
        return false;
    unmap(address);
    return true;
}

struct ip_address ip_address_of(const struct sockaddr_storage *socket_address)
{
    struct ip_address address = {0};

    if (socket_address->ss_family == AF_INET) {
        address = of_bytes(&((const struct sockaddr_in *)socket_address)->sin_addr, IPV4_BYTES);
    } else if (socket_address->ss_family == AF_INET6) {
        address = of_bytes(&((const struct sockaddr_in6 *)socket_address)->sin6_addr, IPV6_BYTES);
        unmap(&address);
    }
    return address;
}

void ip_address_format(const struct ip_address *address, char text[CIDR_TEXT_BYTES])
{
    text[0] = '\0';
    if (address->len != 0)
        inet_ntop(address->len == IPV4_BYTES ? AF_INET : AF_INET6, address->bytes, text, CIDR_TEXT_BYTES);
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Returns whether there was anything to clear. */
static bool clear_host_bits(struct cidr *cidr)
{
    bool had_any = false;

    for (unsigned i = 0; i < cidr->first.len; i++) {
        unsigned kept_bits = cidr->prefix_bits >= 8 * (i + 1) ? 8
                             : cidr->prefix_bits > 8 * i      ? cidr->prefix_bits % 8
                                                              : 0;
        unsigned char mask = (unsigned char)(0xff00 >> kept_bits);

        had_any |= (cidr->first.bytes[i] & ~mask) != 0;
        cidr->first.bytes[i] &= mask;
    }
    return had_any;
}

static bool parse_prefix(struct slice text, unsigned most, uint8_t *bits)
{
    uint64_t value;

    if (text.len > 3 || (text.len > 1 && text.ptr[0] == '0') || !text_parse_u64(text, &value) || value > most)
        return false;
    *bits = (uint8_t)value;
    return true;
}

enum cidr_result cidr_parse(struct slice text, struct cidr *out)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    size_t address_len = slash != NULL ? (size_t)(slash - text.ptr) : text.len;

    *out = (struct cidr){0};
    if (!parse_as_written(slice_of(text.ptr, address_len), &out->first))
        return CIDR_MALFORMED;
    out->prefix_bits = (uint8_t)(8 * out->first.len);
    if (slash != NULL &&
        !parse_prefix(slice_of(slash + 1, text.len - address_len - 1), out->prefix_bits, &out->prefix_bits))
        return CIDR_MALFORMED;
    if (out->first.len == IPV6_BYTES && out->prefix_bits >= MAPPED_BITS) {
        unmap(&out->first);
        if (out->first.len == IPV4_BYTES)
            out->prefix_bits = (uint8_t)(out->prefix_bits - MAPPED_BITS);
    }
    return clear_host_bits(out) ? CIDR_HOST_BITS : CIDR_DONE;
}

void cidr_format(const struct cidr *cidr, char text[CIDR_TEXT_BYTES])
{
    size_t len;

    ip_address_format(&cidr->first, text);
    len = strlen(text);
    snprintf(text + len, CIDR_TEXT_BYTES - len, "/%u", (unsigned)cidr->prefix_bits);
}

bool cidr_holds(const struct cidr *cidr, const struct ip_address *address)
{
    unsigned whole = cidr->prefix_bits / 8, bits = cidr->prefix_bits % 8;
    unsigned char mask = (unsigned char)(0xff00 >> bits);

    if (address->len != cidr->first.len || memcmp(address->bytes, cidr->first.bytes, whole) != 0)
        return false;
    return bits == 0 || (address->bytes[whole] & mask) == cidr->first.bytes[whole];
}

static enum cidr_result add_entry(struct cidr_list *list, struct slice entry)
{
    enum cidr_result result;
    struct cidr cidr, *items;

    if (slice_equal(entry, SLICE("*"))) {
        list->has_any = true;
        return CIDR_DONE;
    }
    if (slice_equal_nocase(entry, SLICE("unix"))) {
        list->has_unix = true;
        return CIDR_DONE;
    }
    if (slice_equal_nocase(entry, SLICE("none")))
        return CIDR_DONE;
    result = cidr_parse(entry, &cidr);
    if (result != CIDR_DONE)
        return result;
    items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL)
        return CIDR_NO_MEMORY;
    list->items = items;
    list->items[list->count++] = cidr;
    return CIDR_DONE;
}

enum cidr_result cidr_list_add(struct cidr_list *list, struct slice text, struct slice *wrong)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma != NULL ? (size_t)(comma - text.ptr) : text.len;
        struct slice entry = slice_trim(slice_of(text.ptr, len));
        enum cidr_result result = entry.len > 0 ? add_entry(list, entry) : CIDR_DONE;

        if (result != CIDR_DONE) {
            *wrong = entry;
            return result;
        }
        len += comma != NULL;
        text = slice_of(text.ptr + len, text.len - len);
    }
    return CIDR_DONE;
}

void cidr_list_fini(struct cidr_list *list)
{
    free(list->items);
    *list = (struct cidr_list){0};
}

bool cidr_list_holds(const struct cidr_list *list, const struct ip_address *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cidr_holds(&list->items[i], address))
            return true;
    }
    return false;
}

bool cidr_list_holds_peer(const struct cidr_list *list, const struct ip_address *address)
{
    if (list->has_any || (list->has_unix && address->len == 0))
        return true;
    return cidr_list_holds(list, address);
}
