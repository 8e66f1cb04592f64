/* SPDX-License-Identifier: MIT */
#include "h1_trust.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "handoff.h"
#include "h1_conn_priv.h"
#include "h1_driver.h"
#include "h1_peer.h"
#include "h1_proxy.h"
#include "h1_server_priv.h"
#include "text.h"

static_assert(sizeof(((struct handoff_header *)0)->client_address) == sizeof(((struct h1_conn *)0)->remote_address),
              "a message holds every address");

enum { SHOWN_HEADER_BYTES = 64 };

static const char http[] = "http", https[] = "https";

void h1_trust_begin(struct h1_conn *conn, const struct sockaddr_storage *peer)
{
    const struct h1_settings *settings = conn->server->settings;
    struct ip_address address = ip_address_of(peer);

    h1_peer_name(peer, conn->peer_address, conn->remote_port);
    memcpy(conn->remote_address, conn->peer_address, sizeof(conn->remote_address));
    conn->is_trusted = settings->trusted != NULL && cidr_list_holds_peer(settings->trusted, &address);
    conn->awaits_proxy_header = settings->wants_proxy_header;
    conn->endpoints = (struct endpoints){
        .remote_address = conn->remote_address,
        .remote_port = conn->remote_port,
        .peer_address = conn->peer_address,
        .server_name = conn->listener->server_name,
        .server_port = conn->listener->server_port,
        .scheme = http,
    };
}

void h1_trust_drop_header(struct h1_conn *conn)
{
    free(conn->proxy);
    conn->proxy = NULL;
}

static void write_port(char text[6], uint16_t port)
{
    text[port != 0 ? text_format_u64(text, port) : 0] = '\0';
}

static void write_address(char text[INET6_ADDRSTRLEN], const struct ip_address *address)
{
    char longer[CIDR_TEXT_BYTES] = ""; /* all of it goes to other processes */

    ip_address_format(address, longer);
    memcpy(text, longer, INET6_ADDRSTRLEN);
}

/* The header is complete. What the client itself sends next is believed only if the client is a trusted proxy: that
 * "*" trusts whoever connects does not mean whomever they name. */
static void take_origin(struct h1_conn *conn, const struct h1_proxy *proxy)
{
    if (proxy->origin == H1_PROXY_LOCAL)
        return;
    conn->is_trusted = false;
    if (proxy->origin != H1_PROXY_ADDRESS)
        return;
    conn->is_trusted = cidr_list_holds(conn->server->settings->trusted, &proxy->client);
    write_address(conn->remote_address, &proxy->client);
    write_port(conn->remote_port, proxy->port);
}

/* For the log: the beginning of the header, or of the line that stands where it should. What is behind it is the
 * client's, and may be a secret. */
static struct slice show_header(const struct h1_proxy *proxy, struct slice came, size_t used)
{
    struct slice shown = h1_proxy_shown(proxy);
    size_t len = 0;

    if (shown.ptr[0] == '\r') /* of version 2, or like it */
        return slice_of(shown.ptr, shown.len < SHOWN_HEADER_BYTES ? shown.len : SHOWN_HEADER_BYTES);
    if (proxy->taken_bytes == used) /* it begins in what came */
        shown = came;
    while (len < shown.len && len < SHOWN_HEADER_BYTES && shown.ptr[len] != '\r' && shown.ptr[len] != '\n')
        len++;
    return slice_of(shown.ptr, len);
}

static void refuse(struct h1_conn *conn, enum h1_reason reason, struct slice culprit)
{
    h1_conn_refuse(conn, NULL, (struct h1_refusal){.reason = reason, .culprit = culprit});
}

bool h1_trust_take_header(struct h1_conn *conn, struct slice *bytes)
{
    const struct slice came = *bytes;
    enum h1_proxy_result result;
    size_t used;

    if (conn->proxy == NULL && (conn->proxy = calloc(1, sizeof(*conn->proxy))) == NULL) {
        h1_conn_refuse(conn, NULL, (struct h1_refusal){.reason = H1_REASON_NO_MEMORY});
        return false;
    }
    result = h1_proxy_feed(conn->proxy, *bytes, &used);
    *bytes = slice_of(bytes->ptr + used, bytes->len - used);
    if (!conn->is_trusted)
        refuse(conn, H1_REASON_PROXY_UNTRUSTED, show_header(conn->proxy, came, used));
    else if (result == H1_PROXY_REFUSED)
        refuse(conn, conn->proxy->reason, show_header(conn->proxy, came, used));
    if (conn->proxy == NULL) /* refused */
        return false;
    if (result == H1_PROXY_DONE) {
        take_origin(conn, conn->proxy);
        conn->awaits_proxy_header = false;
        h1_trust_drop_header(conn);
    }
    if (bytes->len == 0 && conn->state != &H1_READING_HEAD) /* a connection that was handed over is idle no more */
        h1_conn_enter_state(conn, &H1_READING_HEAD);
    return result == H1_PROXY_DONE;
}

void h1_trust_describe(const struct h1_conn *conn, struct handoff_header *header)
{
    header->is_trusted = conn->is_trusted;
    header->awaits_proxy_header = conn->awaits_proxy_header;
    memcpy(header->client_address, conn->remote_address, sizeof(header->client_address));
    memcpy(header->client_port, conn->remote_port, sizeof(header->client_port));
}

void h1_trust_restore(struct h1_conn *conn, const struct handoff_header *header)
{
    conn->is_trusted = header->is_trusted != 0;
    conn->awaits_proxy_header = header->awaits_proxy_header != 0;
    memcpy(conn->remote_address, header->client_address, sizeof(header->client_address));
    memcpy(conn->remote_port, header->client_port, sizeof(header->client_port));
}

const struct endpoints *h1_trust_endpoints(struct h1_driver *driver, const struct h1_conn *conn,
                                           const struct h1_parse *parse)
{
    const struct h1_forwarded *told = &parse->forwarded;
    struct h1_told_endpoints *own = &driver->told;

    if (LIKELY(!told->has_client && told->scheme == H1_SCHEME_UNTOLD))
        return &conn->endpoints;
    own->endpoints = conn->endpoints;
    if (told->has_client) {
        write_address(own->address, &told->client);
        write_port(own->port, told->port);
        own->endpoints.remote_address = own->address;
        own->endpoints.remote_port = own->port;
    }
    if (told->scheme != H1_SCHEME_UNTOLD)
        own->endpoints.scheme = told->scheme == H1_SCHEME_HTTPS ? https : http;
    return &own->endpoints;
}
