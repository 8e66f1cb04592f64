/* SPDX-License-Identifier: MIT
 * What the tests of the HTTP server share: settings under which nothing expires, and a connection to a listener. */
#ifndef CLUTCH_LOOPBACK_H
#define CLUTCH_LOOPBACK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "h1_limits.h"
#include "listener.h"

static const struct h1_settings patient_settings = {
    .line_limit_bytes = 8190,
    .head_limit_bytes = 32768,
    .field_limit = 100,
    .body_limit_bytes = 1 << 24,
    .body_memory_bytes = 1 << 16,
    .head_timeout_us = 60000000,
    .body_timeout_us = 60000000,
    .send_timeout_us = 60000000,
    .keep_alive_us = 60000000,
    .response_memory_bytes = 1 << 20,
};

/* A client's socket, connected; owned by the caller. */
static int loopback_connect(const struct listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_port = htons((uint16_t)atoi(listener->server_port));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

#endif
