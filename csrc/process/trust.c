/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cidr.h"
#include "config.h"
#include "h1_limits.h"
#include "listener.h"
#include "log.h"
#include "worker_settings.h"

enum {
    PEERS_SHOWN = 8,
    PEERS_BYTES = (PEERS_SHOWN + 1) * (CIDR_TEXT_BYTES + 2),
    FIELDS_BYTES = 128,
    DEFAULT_FIELDS = H1_X_FORWARDED_FOR | H1_X_FORWARDED_PROTO,
};

static bool is_loopback(const struct cidr *network)
{
    static const struct cidr loopbacks[] = {
        {.first = {.len = 4, .bytes = {127}}, .prefix_bits = 8},
        {.first = {.len = 16, .bytes = {[15] = 1}}, .prefix_bits = 128},
    };

    for (size_t i = 0; i < ARRAY_COUNT(loopbacks); i++) {
        if (network->prefix_bits >= loopbacks[i].prefix_bits && cidr_holds(&loopbacks[i], &network->first))
            return true;
    }
    return false;
}

static bool is_more_than_default(const struct config *config, const struct cidr_list *peers)
{
    bool is_more =
        peers->has_any || config->proxy_protocol || ((unsigned)config->forwarded_headers & ~DEFAULT_FIELDS) != 0;

    for (size_t i = 0; i < peers->count; i++)
        is_more |= !is_loopback(&peers->items[i]);
    return is_more;
}

static void append(char *text, size_t size, const char *word)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", word);
}

static const char *list_peers(char text[PEERS_BYTES], const struct cidr_list *peers)
{
    char word[CIDR_TEXT_BYTES];

    text[0] = '\0';
    if (peers->has_any)
        return "whoever connects";
    if (peers->has_unix)
        append(text, PEERS_BYTES, "unix sockets");
    for (size_t i = 0; i < peers->count && i < PEERS_SHOWN; i++) {
        cidr_format(&peers->items[i], word);
        append(text, PEERS_BYTES, word);
    }
    if (peers->count > PEERS_SHOWN) {
        snprintf(word, sizeof(word), "%zu more", peers->count - PEERS_SHOWN);
        append(text, PEERS_BYTES, word);
    }
    return text;
}

static const char *list_fields(char text[FIELDS_BYTES], const struct config *config)
{
    static const char *const names[] = {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"};

    text[0] = '\0';
    if (config->proxy_protocol)
        append(text, FIELDS_BYTES, "PROXY headers");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (((unsigned)config->forwarded_headers & 1U << i) != 0)
            append(text, FIELDS_BYTES, names[i]);
    }
    return text;
}

/* The entry that has all who may connect to the listener, in its form or written to `text`; or NULL. */
static const char *find_everybody(const struct cidr_list *peers, const struct listener *listener,
                                  char text[CIDR_TEXT_BYTES])
{
    struct cidr here = {0};

    if (listener->is_unix)
        return NULL;
    /* A zone, as in fe80::1%eth0, is no part of what can be read; it is not a loopback. */
    if (!ip_address_parse(slice_of_string(listener->server_name), &here.first))
        here.first.len = 16;
    here.prefix_bits = here.first.len == 4 ? 32 : 128;
    if (is_loopback(&here))
        return NULL;
    if (peers->has_any)
        return "*";
    for (size_t i = 0; i < peers->count; i++) {
        if (peers->items[i].prefix_bits == 0 && peers->items[i].first.len == here.first.len) {
            cidr_format(&peers->items[i], text);
            return text;
        }
    }
    return NULL;
}

static void warn(const struct cidr_list *peers, const struct listener *listener)
{
    char text[CIDR_TEXT_BYTES];
    const char *everybody = find_everybody(peers, listener, text);

    if (everybody != NULL)
        log_warning("--forwarded-allow-ips %s: whoever reaches %s can pass for any client; name the addresses of the "
                    "proxies, or listen where only they can connect",
                    everybody, listener->url);
}

void trust_announce(const struct config *config, const struct listener *listeners, size_t count)
{
    char peers_text[PEERS_BYTES], fields_text[FIELDS_BYTES];
    struct cidr_list peers = {0};

    /* Who are wrong was said before the start; without memory the workers cannot start either. */
    if (worker_settings_trust(config, &peers) && is_more_than_default(config, &peers) &&
        (config->forwarded_headers != 0 || config->proxy_protocol)) {
        log_info("trusted proxies: %s; believed what %s say of the client", list_peers(peers_text, &peers),
                 list_fields(fields_text, config));
        for (size_t i = 0; i < count; i++)
            warn(&peers, &listeners[i]);
    }
    cidr_list_fini(&peers);
}
