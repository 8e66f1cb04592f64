/* SPDX-License-Identifier: MIT */
#include "listen_queue.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

enum { FILE_BYTES = 16384, TCP_LISTENING = 10 /* as TCP_INFO says it */ };

bool listen_queue_read(int fd, uint32_t *waiting, uint32_t *most)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_state != TCP_LISTENING)
        return false;
    *waiting = info.tcpi_unacked;
    *most = info.tcpi_sacked;
    return true;
}

/* The value below `name` in the two lines of `TcpExt:`: names, then numbers. */
static bool find_value(const char *names, const char *values, const char *name, uint64_t *value)
{
    size_t len = strlen(name);

    while (*names != '\0' && *names != '\n' && *values != '\0' && *values != '\n') {
        size_t name_len = strcspn(names, " \n"), value_len = strcspn(values, " \n");

        if (name_len == len && memcmp(names, name, len) == 0) {
            *value = strtoull(values, NULL, 10);
            return true;
        }
        names += name_len + (names[name_len] == ' ');
        values += value_len + (values[value_len] == ' ');
    }
    return false;
}

bool listen_queue_read_overflows(uint64_t *overflows, uint64_t *drops)
{
    char text[FILE_BYTES];
    int fd = open("/proc/self/net/netstat", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    const char *values;

    fd_close(&fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    values = strstr(text, "\nTcpExt:");
    if (strncmp(text, "TcpExt:", strlen("TcpExt:")) != 0 || values == NULL)
        return false;
    return find_value(text, values + 1, "ListenOverflows", overflows) &&
           find_value(text, values + 1, "ListenDrops", drops);
}
