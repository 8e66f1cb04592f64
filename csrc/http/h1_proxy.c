/* SPDX-License-Identifier: MIT
 * As https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt has it; its sections are named where a rule comes from
 * there. Checksums and other TLVs (2.2.1) are skipped: the bytes come from a trusted peer. */
#include "h1_proxy.h"

#include "text.h"

enum {
    FIXED_BYTES = 16, /* of version 2: signature, version and command, family and transport, length */
    SIGNATURE_BYTES = 12,
    IPV4_PART_BYTES = 12, /* two addresses, two ports */
    IPV6_PART_BYTES = 36,
    UNIX_PART_BYTES = 216,
};

static const char line_start[] = "PROXY ";
static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static enum h1_proxy_result refuse(struct h1_proxy *proxy, enum h1_reason reason)
{
    proxy->reason = reason;
    return H1_PROXY_REFUSED;
}

struct slice h1_proxy_shown(const struct h1_proxy *proxy)
{
    size_t len = proxy->taken_bytes < sizeof(proxy->bytes) ? proxy->taken_bytes : sizeof(proxy->bytes);

    return slice_of((const char *)proxy->bytes, len);
}

/* --- Version 1 (2.1) --- */

/* Cuts off the word before the next space; all of it when there is none. An empty word where a space is missing or
 * doubled. */
static struct slice cut_word(struct slice *rest)
{
    const char *space = rest->len > 0 ? memchr(rest->ptr, ' ', rest->len) : NULL;
    struct slice word = slice_of(rest->ptr, space != NULL ? (size_t)(space - rest->ptr) : rest->len);
    size_t cut = word.len + (space != NULL);

    *rest = slice_of(rest->ptr + cut, rest->len - cut);
    return word;
}

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value;

    if (text.len > 5 || (text.len > 1 && text.ptr[0] == '0') || !text_parse_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* The colon tells the families apart also where IPv4 is mapped into IPv6. */
static bool parse_address(struct slice text, bool is_ipv6, struct ip_address *address)
{
    bool has_colon = text.len > 0 && memchr(text.ptr, ':', text.len) != NULL;

    return has_colon == is_ipv6 && ip_address_parse(text, address);
}

/* `line` is without its CRLF. */
static enum h1_proxy_result read_line(struct h1_proxy *proxy, struct slice line)
{
    struct slice rest = slice_of(line.ptr + sizeof(line_start) - 1, line.len - (sizeof(line_start) - 1));
    struct slice family = cut_word(&rest), source, destination, source_port;
    bool is_ipv6 = slice_equal(family, SLICE("TCP6"));
    struct ip_address unused;
    uint16_t unused_port;

    if (slice_equal(family, SLICE("UNKNOWN"))) { /* what follows is to be ignored */
        proxy->origin = H1_PROXY_UNTOLD;
        return H1_PROXY_DONE;
    }
    if (!is_ipv6 && !slice_equal(family, SLICE("TCP4")))
        return refuse(proxy, H1_REASON_PROXY_FAMILY);
    source = cut_word(&rest);
    destination = cut_word(&rest);
    source_port = cut_word(&rest);
    if (!parse_address(source, is_ipv6, &proxy->client) || !parse_address(destination, is_ipv6, &unused))
        return refuse(proxy, H1_REASON_PROXY_ADDRESS);
    if (!parse_port(source_port, &proxy->port) || !parse_port(rest, &unused_port))
        return refuse(proxy, H1_REASON_PROXY_ADDRESS);
    proxy->origin = H1_PROXY_ADDRESS;
    return H1_PROXY_DONE;
}

static bool is_line(const struct h1_proxy *proxy)
{
    return proxy->bytes[0] == (unsigned char)line_start[0];
}

/* After each byte of version 1. */
static enum h1_proxy_result step_line(struct h1_proxy *proxy)
{
    size_t len = proxy->taken_bytes;
    unsigned char last = proxy->bytes[len - 1];

    if (len >= 2 && proxy->bytes[len - 2] == '\r')
        return last == '\n' ? read_line(proxy, slice_of((const char *)proxy->bytes, len - 2))
                            : refuse(proxy, H1_REASON_PROXY_LINE);
    if (last == '\n' || last == '\0')
        return refuse(proxy, H1_REASON_PROXY_LINE);
    if (len >= H1_PROXY_LINE_BYTES)
        return refuse(proxy, H1_REASON_PROXY_LINE);
    return H1_PROXY_NEED_MORE;
}

/* --- Version 2 (2.2) --- */

/* The bytes that must be there before the rest can be skipped: what is known of the addresses. */
static size_t part_bytes(unsigned char family)
{
    switch (family) {
    case 0x11:
    case 0x12:
        return IPV4_PART_BYTES;
    case 0x21:
    case 0x22:
        return IPV6_PART_BYTES;
    case 0x31:
    case 0x32:
        return UNIX_PART_BYTES;
    default:
        return 0;
    }
}

/* The fixed part is there. Datagrams and unix sockets are valid, but nothing to us: as if unspecified. */
static enum h1_proxy_result read_fixed(struct h1_proxy *proxy)
{
    unsigned char command = proxy->bytes[12], family = proxy->bytes[13];
    uint32_t len = (uint32_t)proxy->bytes[14] << 8 | proxy->bytes[15];

    if (command != 0x20 && command != 0x21)
        return refuse(proxy, H1_REASON_PROXY_VERSION);
    proxy->origin = command == 0x20                    ? H1_PROXY_LOCAL
                    : family == 0x11 || family == 0x21 ? H1_PROXY_ADDRESS
                                                       : H1_PROXY_UNTOLD;
    if (command == 0x21 && family != 0x00 && part_bytes(family) == 0)
        return refuse(proxy, H1_REASON_PROXY_FAMILY);
    if (command == 0x21 && len < part_bytes(family))
        return refuse(proxy, H1_REASON_PROXY_ADDRESS);
    if (len > H1_PROXY_MOST_BYTES)
        return refuse(proxy, H1_REASON_PROXY_TOO_LONG);
    proxy->whole_bytes = FIXED_BYTES + len;
    return H1_PROXY_NEED_MORE;
}

static struct ip_address address_at(const unsigned char *bytes, uint8_t len)
{
    struct ip_address address = {.len = len};
    char text[CIDR_TEXT_BYTES];

    memcpy(address.bytes, bytes, len);
    ip_address_format(&address, text);
    (void)!ip_address_parse(slice_of_string(text), &address); /* in the one form: IPv4 in IPv6 is IPv4 */
    return address;
}

static enum h1_proxy_result read_addresses(struct h1_proxy *proxy)
{
    bool is_ipv4 = proxy->bytes[13] == 0x11;
    const unsigned char *at = proxy->bytes + FIXED_BYTES, *port = at + (is_ipv4 ? 8 : 32);

    if (proxy->origin != H1_PROXY_ADDRESS)
        return H1_PROXY_DONE;
    proxy->client = address_at(at, is_ipv4 ? 4 : 16);
    proxy->port = (uint16_t)(port[0] << 8 | port[1]);
    return H1_PROXY_DONE;
}

/* After each byte of version 2 that is kept. */
static enum h1_proxy_result step_binary(struct h1_proxy *proxy)
{
    if (proxy->taken_bytes == FIXED_BYTES && read_fixed(proxy) == H1_PROXY_REFUSED)
        return H1_PROXY_REFUSED;
    if (proxy->whole_bytes != 0 && proxy->taken_bytes == proxy->whole_bytes)
        return read_addresses(proxy);
    return H1_PROXY_NEED_MORE;
}

/* --- Both --- */

static enum h1_proxy_result step(struct h1_proxy *proxy, unsigned char byte)
{
    size_t at = proxy->taken_bytes++;
    const char *start;
    size_t start_bytes;

    proxy->bytes[at] = byte;
    start = is_line(proxy) ? line_start : signature;
    start_bytes = is_line(proxy) ? sizeof(line_start) - 1 : (size_t)SIGNATURE_BYTES;
    if (at < start_bytes)
        return byte == (unsigned char)start[at] ? H1_PROXY_NEED_MORE : refuse(proxy, H1_REASON_PROXY_MISSING);
    return is_line(proxy) ? step_line(proxy) : step_binary(proxy);
}

/* Bytes of version 2 behind those that are kept. */
static size_t skip(struct h1_proxy *proxy, size_t available)
{
    size_t missing = proxy->whole_bytes - proxy->taken_bytes, len = available < missing ? available : missing;

    proxy->taken_bytes += (uint32_t)len;
    return len;
}

enum h1_proxy_result h1_proxy_feed(struct h1_proxy *proxy, struct slice bytes, size_t *used)
{
    enum h1_proxy_result result = H1_PROXY_NEED_MORE;
    size_t i = 0;

    while (result == H1_PROXY_NEED_MORE && i < bytes.len) {
        if (proxy->taken_bytes < sizeof(proxy->bytes)) {
            result = step(proxy, (unsigned char)bytes.ptr[i++]);
            continue;
        }
        i += skip(proxy, bytes.len - i);
        if (proxy->taken_bytes == proxy->whole_bytes)
            result = read_addresses(proxy);
    }
    *used = i;
    return result;
}
