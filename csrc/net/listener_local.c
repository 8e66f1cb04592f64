/* SPDX-License-Identifier: MIT
 * The address of a control socket: a file that only its owner may use, or no file at all. */
#include "listener.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "socket_file.h"
#include "unix_address.h"

enum { OWNER_ALONE = 0600 };

int listener_check_local_address(const char *address, char *error, size_t size)
{
    struct unix_address unix_address;
    const char *expected = unix_address_parse(address, &unix_address);

    if (expected == NULL)
        return 0;
    snprintf(error, size, "cannot listen at '%s': expected %s", address, expected);
    return -1;
}

static int open_abstract(struct listener *listener, const struct unix_address *address, int backlog, char *error,
                         size_t size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address->socket, address->len) < 0 || listen(fd, backlog) < 0) {
        snprintf(error, size, "cannot listen at '%s': %s", address->name,
                 errno == EADDRINUSE ? "another process listens there" : strerror(errno));
        fd_close(&fd);
        return -1;
    }
    listener->fd = fd;
    listener->is_unix = true;
    snprintf(listener->server_name, sizeof(listener->server_name), "localhost");
    snprintf(listener->url, sizeof(listener->url), "unix:%s", address->name);
    return 0;
}

int listener_open_local(struct listener *listener, const char *address, int backlog, char *error, size_t size)
{
    const struct socket_file_access access = {.mode = OWNER_ALONE, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct unix_address unix_address;
    char text[sizeof("unix:") + LISTENER_PATH_BYTES];
    int result;

    *listener = (struct listener){.fd = -1};
    if (listener_check_local_address(address, error, size) < 0 || unix_address_parse(address, &unix_address) != NULL)
        return -1;
    snprintf(text, sizeof(text), "unix:%s", unix_address.name);
    result = unix_address.is_abstract ? open_abstract(listener, &unix_address, backlog, error, size)
                                      : listener_open_for(listener, text, &access, backlog, error, size);
    snprintf(listener->address, sizeof(listener->address), "%s", address);
    return result;
}
