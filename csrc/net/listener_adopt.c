/* SPDX-License-Identifier: MIT
 * Sockets that another program has opened: a service manager, or the server that this one follows. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "fd.h"
#include "listener.h"

/* A whole-number property of the socket; -1: it has none. */
static int property(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* NULL, or what it is instead of a socket that can be served. */
static const char *find_fault(int fd)
{
    int family;

    if (fcntl(fd, F_GETFD) < 0)
        return "it is not open";
    family = property(fd, SO_DOMAIN);
    if (family < 0)
        return "it is no socket";
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return "it is a socket of another kind than IPv4, IPv6 and unix";
    if (property(fd, SO_TYPE) != SOCK_STREAM)
        return "it is no stream socket (ListenStream=)";
    if (property(fd, SO_ACCEPTCONN) != 1)
        return "it does not listen (with Accept=no it would)";
    return NULL;
}

static int describe_unix(struct listener *listener)
{
    struct sockaddr_un address = {0};
    socklen_t len = sizeof(address);
    size_t name_len;
    char name[LISTENER_PATH_BYTES + 1] = "";

    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
        return -errno;
    name_len = len > offsetof(struct sockaddr_un, sun_path) ? len - offsetof(struct sockaddr_un, sun_path) : 0;
    memcpy(name, address.sun_path, name_len < sizeof(address.sun_path) ? name_len : sizeof(address.sun_path));
    if (name_len > 0 && name[0] == '\0') /* an abstract one */
        name[0] = '@';
    listener->is_unix = true;
    snprintf(listener->server_name, sizeof(listener->server_name), "localhost");
    snprintf(listener->url, sizeof(listener->url), "unix:%s", name);
    return 0;
}

static int enter(struct listener *listener)
{
    int flags = fcntl(listener->fd, F_GETFL);
    const int on = 1;

    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    if (property(listener->fd, SO_DOMAIN) == AF_UNIX)
        return describe_unix(listener);
    setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(listener->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
    return listener_describe_network(listener);
}

int listener_adopt(struct listener *listener, int fd, char *error, size_t size)
{
    const char *fault = find_fault(fd);
    int result;

    *listener = (struct listener){.fd = fd, .is_kept = true};
    result = fault == NULL ? enter(listener) : 0;
    if (fault == NULL && result == 0)
        return 0;
    snprintf(error, size, "the passed descriptor %d cannot be listened at: %s", fd,
             fault != NULL ? fault : strerror(-result));
    listener_close(listener);
    return -1;
}
