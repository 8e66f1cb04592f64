/* SPDX-License-Identifier: MIT
 * The value of an option that means syslog. */
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "log_syslog.h"

static const char PREFIX[] = "syslog:";
static const char DEFAULT_PATH[] = "/dev/log";

enum { HOST_BYTES = 256, FACILITY_DAEMON = 3 };

/* RFC 5424 6.2.1. */
static const struct {
    const char *name;
    int number;
} facilities[] = {
    {"kern", 0},    {"user", 1},    {"mail", 2},    {"daemon", 3},    {"auth", 4},    {"syslog", 5},  {"lpr", 6},
    {"news", 7},    {"uucp", 8},    {"cron", 9},    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21},   {"local6", 22}, {"local7", 23},
};

bool log_syslog_is_meant(const char *text)
{
    return strncmp(text, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static int complain(char *error, size_t size, struct slice what, const char *expected)
{
    snprintf(error, size, "'%.*s' is %s", (int)(what.len < 100 ? what.len : 100), what.ptr, expected);
    return -1;
}

static int parse_path(struct log_syslog *syslog, struct slice path, char *error, size_t size)
{
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&syslog->address;

    if (path.len == 0 || path.len >= sizeof(address->sun_path))
        return complain(error, size, path, "no path of a socket (at most 107 bytes)");
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path.ptr, path.len);
    syslog->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return 0;
}

static int parse_host(struct log_syslog *syslog, struct slice text, char *error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    char host[HOST_BYTES], *colon, *name = host;
    struct addrinfo *found = NULL;
    size_t len;

    snprintf(host, sizeof(host), "%.*s", (int)(text.len < sizeof(host) ? text.len : sizeof(host) - 1), text.ptr);
    colon = strrchr(host, ':');
    if (colon == NULL || colon[1] == '\0' || colon == host || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
        return complain(error, size, text, "no address: a path, HOST:PORT or [IPV6]:PORT");
    *colon = '\0';
    len = (size_t)(colon - host);
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        name++;
    }
    if (getaddrinfo(name, colon + 1, &hints, &found) != 0 || found == NULL)
        return complain(error, size, text, "no address that can be found");
    memcpy(&syslog->address, found->ai_addr, found->ai_addrlen);
    syslog->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    syslog->is_rfc5424 = true;
    return 0;
}

static int parse_address(struct log_syslog *syslog, struct slice text, char *error, size_t size)
{
    static const char unix_prefix[] = "unix:";
    size_t prefix_len = sizeof(unix_prefix) - 1;

    if (text.len == 0)
        return parse_path(syslog, slice_of_string(DEFAULT_PATH), error, size);
    if (text.len > prefix_len && memcmp(text.ptr, unix_prefix, prefix_len) == 0)
        return parse_path(syslog, slice_of(text.ptr + prefix_len, text.len - prefix_len), error, size);
    return text.ptr[0] == '/' ? parse_path(syslog, text, error, size) : parse_host(syslog, text, error, size);
}

static int parse_facility(struct log_syslog *syslog, struct slice name, char *error, size_t size)
{
    for (size_t i = 0; i < ARRAY_COUNT(facilities); i++) {
        if (slice_equal(name, slice_of_string(facilities[i].name))) {
            syslog->facility = facilities[i].number;
            return 0;
        }
    }
    return complain(error, size, name, "no facility: daemon, user, local0 to local7, ... are");
}

/* A word of visible ASCII, as the first program that reads it will part the line at spaces, colons and brackets. */
static int parse_tag(struct log_syslog *syslog, struct slice tag, char *error, size_t size)
{
    bool is_good = tag.len > 0 && tag.len < sizeof(syslog->tag);

    for (size_t i = 0; i < tag.len && is_good; i++)
        is_good = tag.ptr[i] > ' ' && tag.ptr[i] <= '~' && strchr(":[]", tag.ptr[i]) == NULL;
    if (!is_good)
        return complain(error, size, tag, "no tag: 1 to 48 visible characters without colon and brackets");
    memcpy(syslog->tag, tag.ptr, tag.len);
    syslog->tag[tag.len] = '\0';
    return 0;
}

static int parse_format(struct log_syslog *syslog, struct slice name, char *error, size_t size)
{
    if (!slice_equal(name, SLICE("bsd")) && !slice_equal(name, SLICE("rfc5424")))
        return complain(error, size, name, "no format: bsd and rfc5424 are");
    syslog->is_rfc5424 = slice_equal(name, SLICE("rfc5424"));
    return 0;
}

static int parse_item(struct log_syslog *syslog, struct slice item, char *error, size_t size)
{
    static const struct {
        const char *name;
        int (*parse)(struct log_syslog *, struct slice, char *, size_t);
    } items[] = {{"facility=", parse_facility}, {"tag=", parse_tag}, {"format=", parse_format}};

    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        size_t len = strlen(items[i].name);

        if (item.len >= len && memcmp(item.ptr, items[i].name, len) == 0)
            return items[i].parse(syslog, slice_of(item.ptr + len, item.len - len), error, size);
    }
    return complain(error, size, item, "none of facility=NAME, tag=TEXT and format=bsd|rfc5424");
}

int log_syslog_parse(struct log_syslog *syslog, const char *text, char *error, size_t size)
{
    const char *at = text + sizeof(PREFIX) - 1;
    size_t len = strcspn(at, ",");

    *syslog = (struct log_syslog){.facility = FACILITY_DAEMON, .tag = "clutch", .name = text, .fd = -1};
    if (parse_address(syslog, slice_of(at, len), error, size) < 0)
        return -1;
    while (at[len] == ',') {
        at += len + 1;
        len = strcspn(at, ",");
        if (parse_item(syslog, slice_of(at, len), error, size) < 0)
            return -1;
    }
    return 0;
}
