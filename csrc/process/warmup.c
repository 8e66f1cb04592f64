/* SPDX-License-Identifier: MIT */
#include "warmup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "h1_server.h"
#include "log.h"

enum { READ_BYTES = 16384, STATUS_AT = 9 /* behind "HTTP/1.1 " */, FIRST_FAILURE = 500 };

static int ask(struct warmup *warmup);

static const char *path_of(const struct warmup *warmup)
{
    return warmup->paths->items[warmup->next - 1];
}

static void end(struct warmup *warmup, bool is_warm)
{
    warmup_fini(warmup);
    warmup->on_end(warmup->context, is_warm);
}

/* The connection has ended, and with it the answer. */
static void judge(struct warmup *warmup)
{
    int status = 0, result;

    if (warmup->len < sizeof(warmup->status_line) || sscanf(warmup->status_line + STATUS_AT, "%3d", &status) != 1) {
        log_error("--warmup %s: no answer came", path_of(warmup));
        end(warmup, false);
    } else if (status >= FIRST_FAILURE) {
        log_error("--warmup %s: the answer has the status %d", path_of(warmup), status);
        end(warmup, false);
    } else if (warmup->next == warmup->paths->count) {
        end(warmup, true);
    } else {
        warmup_fini(warmup);
        result = ask(warmup);
        if (result == 0 || result == -ESHUTDOWN)
            return;
        log_error("--warmup %s: the request cannot be made: %s", path_of(warmup), strerror(-result));
        end(warmup, false);
    }
}

static void on_readable(void *context, int fd)
{
    struct warmup *warmup = context;
    char bytes[READ_BYTES];
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    size_t room = sizeof(warmup->status_line) - warmup->len;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        judge(warmup);
        return;
    }
    if ((size_t)got < room)
        room = (size_t)got;
    memcpy(warmup->status_line + warmup->len, bytes, room);
    warmup->len += room;
}

/* Writes the request into the socket, which has room for it: paths have a limit. */
static int send_request(int fd, const char *path)
{
    int result = dprintf(fd,
                         "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: clutch-warmup\r\nAccept: */*\r\n"
                         "Connection: close\r\n\r\n",
                         path);

    return result > 0 ? 0 : -EIO;
}

static int ask(struct warmup *warmup)
{
    int ends[2], result;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    warmup->fd = ends[0];
    warmup->len = 0;
    warmup->next++;
    result = send_request(ends[0], path_of(warmup));
    if (result == 0)
        result = h1_server_watch(warmup->server, ends[0], on_readable, warmup);
    if (result == 0)
        result = h1_server_adopt(warmup->server, ends[1]);
    if (result < 0)
        close(ends[1]);
    return result;
}

int warmup_begin(struct warmup *warmup, const struct config_list *paths, struct h1_server *server,
                 void (*on_end)(void *context, bool is_warm), void *context)
{
    *warmup =
        (struct warmup){.paths = paths, .server = server, .fd = -1, .on_end = on_end, .context = context, .next = 0};
    return ask(warmup);
}

void warmup_fini(struct warmup *warmup)
{
    if (warmup->fd >= 0)
        h1_server_unwatch(warmup->server, warmup->fd);
    fd_close(&warmup->fd);
}
