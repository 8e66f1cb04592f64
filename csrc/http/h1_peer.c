/* SPDX-License-Identifier: MIT */
#include "h1_peer.h"

#include <arpa/inet.h>

#include "text.h"

void h1_peer_name(const struct sockaddr_storage *address, char name[INET6_ADDRSTRLEN], char port_text[6])
{
    unsigned port = 0;

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &in->sin_addr, name, INET6_ADDRSTRLEN);
        port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, name, INET6_ADDRSTRLEN);
        port = ntohs(in6->sin6_port);
    } else {
        return; /* a unix socket: its client has no name */
    }
    port_text[text_format_u64(port_text, port)] = '\0';
}
