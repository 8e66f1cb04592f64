/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "slice.h"
#include "socket_file.h"
#include "text.h"

#define UNIX_PREFIX "unix:"

enum { HOST_BYTES = 256, PORT_BYTES = 6 };

/* An address taken apart. */
struct place {
    char host[HOST_BYTES]; /* "" means all IPv4 addresses */
    char port[PORT_BYTES];
};

/* --- Network addresses --- */

static bool parse_port(const char *text, char *port)
{
    uint64_t number;

    if (!text_parse_u64(slice_of_string(text), &number) || number > 65535)
        return false;
    snprintf(port, PORT_BYTES, "%u", (unsigned)number);
    return true;
}

/* Takes HOST:PORT, :PORT or [IPV6]:PORT apart; false when it is none of them. */
static bool parse_place(struct place *place, const char *address)
{
    const char *host = address;
    const char *colon = strrchr(address, ':');
    size_t len;

    if (colon == NULL || !parse_port(colon + 1, place->port))
        return false;
    len = (size_t)(colon - address);
    if (len > 0 && host[0] == '[') {
        if (len < 3 || host[len - 1] != ']')
            return false;
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return false;
    }
    if (len >= HOST_BYTES)
        return false;
    memcpy(place->host, host, len);
    place->host[len] = '\0';
    return true;
}

static int open_socket(const struct addrinfo *info, int backlog)
{
    const int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
    int result;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* A connection is worth accepting when its request is there: a worker that accepted it before could be busy by
     * then, while another one is free. One that stays silent is accepted all the same after about this many seconds. */
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
    /* So that [::]:80 and 0.0.0.0:80 can stand side by side, and clients of each have addresses of their own kind. */
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, backlog) == 0)
        return fd;
    result = -errno;
    close(fd);
    return result;
}

/* Tries the addresses of a name, IPv4 before IPv6: `localhost` is expected to be 127.0.0.1 first of all. */
static int open_first(const struct addrinfo *infos, int backlog)
{
    static const int families[] = {AF_INET, AF_INET6};
    int result = -EAFNOSUPPORT;

    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next) {
            if (info->ai_family != families[i])
                continue;
            result = open_socket(info, backlog);
            if (result >= 0 || result == -EADDRINUSE || result == -EACCES)
                return result;
        }
    }
    return result;
}

static const char *explain_bind(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "the address is in use by another process";
    case EADDRNOTAVAIL:
        return "this machine has no such address";
    case EACCES:
        return "not permitted; ports below net.ipv4.ip_unprivileged_port_start (1024) need root or "
               "CAP_NET_BIND_SERVICE";
    default:
        return strerror(error);
    }
}

int listener_describe_network(struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    bool is_ipv6;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
        return -errno;
    if (getnameinfo((struct sockaddr *)&address, len, listener->server_name, sizeof(listener->server_name),
                    listener->server_port, sizeof(listener->server_port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -EINVAL;
    is_ipv6 = address.ss_family == AF_INET6;
    snprintf(listener->url, sizeof(listener->url), "http://%s%s%s:%s", is_ipv6 ? "[" : "", listener->server_name,
             is_ipv6 ? "]" : "", listener->server_port);
    return 0;
}

static int open_network(struct listener *listener, const char *address, int backlog, char *error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *infos = NULL;
    struct place place;
    int result;

    if (!parse_place(&place, address))
        return -1;
    result = getaddrinfo(place.host[0] != '\0' ? place.host : "0.0.0.0", place.port, &hints, &infos);
    if (result != 0) {
        snprintf(error, size, "cannot listen at '%s': the host '%s' has no address (%s)", address, place.host,
                 gai_strerror(result));
        return -1;
    }
    listener->fd = open_first(infos, backlog);
    freeaddrinfo(infos);
    result = listener->fd < 0 ? listener->fd : listener_describe_network(listener);
    if (result < 0)
        snprintf(error, size, "cannot listen at '%s': %s", address, explain_bind(-result));
    return result < 0 ? -1 : 0;
}

/* --- Unix sockets --- */

/* Whether some process answers at the socket; when it cannot be told, it is taken to be alive. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_alive =
        fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED;

    fd_close(&fd);
    return is_alive;
}

/* Makes room for a socket at the path. NULL, or why that is not possible. */
static const char *clear_path(const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat(address->sun_path, &status) < 0)
        return errno == ENOENT ? NULL : strerror(errno);
    if (!S_ISSOCK(status.st_mode))
        return "something that is no socket is there already";
    if (is_answered(address))
        return "another process listens there";
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return "a stale socket is there and may not be removed";
    return NULL;
}

static int bind_unix(const struct sockaddr_un *address, const struct socket_file_access *access, int backlog,
                     struct stat *file)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -errno;
    result = socket_file_bind(fd, address, access, file);
    if (result == 0 && listen(fd, backlog) == 0)
        return fd;
    if (result == 0)
        result = -errno;
    close(fd);
    return result;
}

static const char *explain_bind_unix(int error, const struct socket_file_access *access)
{
    if (error == EPERM && (access->uid != (uid_t)-1 || access->gid != (gid_t)-1))
        return "--chown-socket: only root can give files to others, or to a group that it is not in";
    if (error == ESTALE)
        return "another process has removed or replaced the socket meanwhile; expected a directory in which nobody "
               "else may do that";
    return strerror(error);
}

static int open_unix(struct listener *listener, const char *path, const struct socket_file_access *access, int backlog,
                     char *error, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status = {0};
    const char *obstacle;

    memcpy(address.sun_path, path, strlen(path) + 1);
    obstacle = clear_path(&address);
    if (obstacle == NULL) {
        listener->fd = bind_unix(&address, access, backlog, &status);
        if (listener->fd < 0)
            obstacle = explain_bind_unix(-listener->fd, access);
    }
    if (obstacle != NULL) {
        snprintf(error, size, "cannot listen at 'unix:%s': %s", path, obstacle);
        return -1;
    }
    listener->is_unix = true;
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    memcpy(listener->path, address.sun_path, sizeof(listener->path));
    snprintf(listener->server_name, sizeof(listener->server_name), "localhost");
    snprintf(listener->url, sizeof(listener->url), "unix:%s", path);
    return 0;
}

/* --- Public --- */

/* The path of a unix address, or NULL when it is of another kind. */
static const char *unix_path(const char *address)
{
    const size_t prefix_len = sizeof(UNIX_PREFIX) - 1;

    return strncmp(address, UNIX_PREFIX, prefix_len) == 0 ? address + prefix_len : NULL;
}

int listener_check_address(const char *address, char *error, size_t size)
{
    const char *path = unix_path(address);
    struct place place;

    if (path == NULL && !parse_place(&place, address)) {
        snprintf(
            error, size,
            "cannot listen at '%s': expected HOST:PORT, :PORT, [IPV6]:PORT or unix:PATH, with a port of 0 to 65535",
            address);
        return -1;
    }
    /* The kernel guards them by no permission at all: whoever is on the machine may connect. */
    if (path != NULL && path[0] == '@') {
        snprintf(error, size,
                 "cannot listen at '%s': abstract sockets are not offered, because no permission guards them; expected "
                 "a path, which for a file of this name is 'unix:./%s'",
                 address, path);
        return -1;
    }
    if (path != NULL && (path[0] == '\0' || strlen(path) >= LISTENER_PATH_BYTES)) {
        snprintf(error, size, "cannot listen at '%s': expected a path of 1 to %d bytes after 'unix:'", address,
                 LISTENER_PATH_BYTES - 1);
        return -1;
    }
    if (path != NULL && text_has_control(path)) {
        snprintf(error, size, "cannot listen at '%s': expected a path without control characters", address);
        return -1;
    }
    return 0;
}

int listener_open(struct listener *listener, const char *address, int backlog, char *error, size_t size)
{
    return listener_open_for(listener, address, &SOCKET_FILE_ACCESS_DEFAULT, backlog, error, size);
}

int listener_open_for(struct listener *listener, const char *address, const struct socket_file_access *access,
                      int backlog, char *error, size_t size)
{
    const char *path = unix_path(address);
    int result;

    *listener = (struct listener){.fd = -1};
    snprintf(listener->address, sizeof(listener->address), "%s", address);
    if (listener_check_address(address, error, size) < 0)
        return -1;
    if (path != NULL)
        result = open_unix(listener, path, access, backlog, error, size);
    else
        result = open_network(listener, address, backlog, error, size);
    if (result < 0)
        listener_close(listener);
    return result;
}

void listener_close(struct listener *listener)
{
    fd_close(&listener->fd);
}

/* The inode is not given to another file while the socket is open. */
bool listener_is_file(const char *path, dev_t device, ino_t inode)
{
    struct stat status;

    return path[0] != '\0' && lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void listener_end(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    if (listener->is_kept) {
        listener_close(listener);
        return;
    }
    /* Closing alone would leave the queue open for as long as one worker is busy: its clients would wait for nobody. */
    shutdown(listener->fd, SHUT_RDWR);
    if (listener_is_file(listener->path, listener->device, listener->inode))
        unlink(listener->path);
    listener_close(listener);
}

int listener_longest_backlog(void)
{
    char text[32];
    uint64_t longest;
    int fd = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

    fd_close(&fd);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len <= 0 || !text_parse_u64(slice_of(text, (size_t)len), &longest) || longest > INT_MAX)
        return INT_MAX;
    return (int)longest;
}
