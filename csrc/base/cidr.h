/* SPDX-License-Identifier: MIT
 * IP addresses and lists of networks (CIDR, RFC 4632, RFC 4291 2.3): who is in which. No names are looked up. An IPv4
 * address is the same in its own form and mapped into IPv6 (::ffff:192.0.2.1, RFC 4291 2.5.5.2). */
#ifndef CLUTCH_CIDR_H
#define CLUTCH_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "attrs.h"
#include "slice.h"

enum { CIDR_TEXT_BYTES = 52 }; /* the longest IPv6 address, "/128" and a NUL */

struct ip_address {
    uint8_t len; /* 4: IPv4, 16: IPv6, 0: none */
    unsigned char bytes[16];
};

struct cidr {
    struct ip_address first; /* the host's bits are zero */
    uint8_t prefix_bits;
};

/* Who belongs to it: networks and two words. */
struct cidr_list {
    struct cidr *items; /* owned */
    size_t count;
    bool has_any;  /* "*": whoever it is */
    bool has_unix; /* "unix": clients of unix sockets, who have no address */
};

enum cidr_result {
    CIDR_DONE,
    CIDR_MALFORMED, /* not an address (zone ids, names and ports are not part of one), or a prefix out of range */
    CIDR_HOST_BITS, /* bits behind the prefix are set: 10.0.0.1/8 */
    CIDR_NO_MEMORY,
};

/* Reads "192.0.2.1" or "2001:db8::1": all of the text, nothing else. False when it is none. */
bool ip_address_parse(struct slice text, struct ip_address *) MUST_CHECK;

/* The address of a socket; len is 0 when it has none (a unix socket). */
struct ip_address ip_address_of(const struct sockaddr_storage *);

/* Writes it in its usual form (RFC 5952), "" for none. */
void ip_address_format(const struct ip_address *, char text[CIDR_TEXT_BYTES]);

bool ip_address_equal(const struct ip_address *, const struct ip_address *);

/* Reads ADDRESS or ADDRESS/BITS. After CIDR_HOST_BITS *out is the network that may have been meant. */
enum cidr_result cidr_parse(struct slice text, struct cidr *out) MUST_CHECK;

/* Writes it as ADDRESS/BITS. */
void cidr_format(const struct cidr *, char text[CIDR_TEXT_BYTES]);

/* A network of IPv6 holds no IPv4 address, also when it is ::/0. */
bool cidr_holds(const struct cidr *, const struct ip_address *);

/* Adds the entries of `text`, parted by commas, with white space around them or not; empty ones and "none" add nobody.
 * Stops at the first that is wrong: *wrong is set to it (borrowed from `text`). */
enum cidr_result cidr_list_add(struct cidr_list *, struct slice text, struct slice *wrong) MUST_CHECK;
void cidr_list_fini(struct cidr_list *);

/* Whether one of the networks holds the address; "*" and "unix" are not asked. */
bool cidr_list_holds(const struct cidr_list *, const struct ip_address *);

/* Whether a peer that is connected to one of our sockets belongs to the list: by its address, "*" or "unix". */
bool cidr_list_holds_peer(const struct cidr_list *, const struct ip_address *);

#endif
