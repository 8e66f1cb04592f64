/* SPDX-License-Identifier: MIT */
#include "unix_address.h"

#include <stddef.h>
#include <string.h>

#include "text.h"

#define UNIX_PREFIX "unix:"

const char *unix_address_parse(const char *text, struct unix_address *address)
{
    const size_t prefix_len = sizeof(UNIX_PREFIX) - 1;
    bool has_prefix = strncmp(text, UNIX_PREFIX, prefix_len) == 0;
    const char *name = has_prefix ? text + prefix_len : text;
    size_t len = strlen(name);

    *address = (struct unix_address){.socket = {.sun_family = AF_UNIX}, .name = name, .is_abstract = name[0] == '@'};
    if (!has_prefix && !address->is_abstract && strchr(name, ':') != NULL && strchr(name, '/') == NULL)
        return "@NAME (an abstract unix socket), unix:PATH or a path: it is not offered to the network";
    if (len < 1 + (size_t)address->is_abstract)
        return "@NAME (an abstract unix socket), unix:PATH or a path";
    if (text_has_control(name))
        return "a name or path without control characters";
    if (len >= sizeof(address->socket.sun_path))
        return "a name or path of at most 107 bytes";
    memcpy(address->socket.sun_path, name, len);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (address->is_abstract)
        address->socket.sun_path[0] = '\0';
    else
        address->len++;
    return NULL;
}
