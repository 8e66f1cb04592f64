/* SPDX-License-Identifier: MIT */
#include "control_peers.h"

#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"

enum { REFUSAL_BYTES = 512, TEXT_BYTES = 160, LOG_EVERY_US = 1000000 };

static void refuse(const struct control_peers *peers, int fd, const struct ucred *peer)
{
    char response[REFUSAL_BYTES], text[TEXT_BYTES];
    int len =
        snprintf(text, sizeof(text), "the control socket is for the user with the id %u and for root; you are %u\n",
                 (unsigned)peers->owner, (unsigned)peer->uid);

    len = snprintf(response, sizeof(response),
                   "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
                   "Connection: close\r\n\r\n%s",
                   len, text);
    /* The buffer of a new socket has room for it. */
    (void)!send(fd, response, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool control_peers_is_welcome(struct control_peers *peers, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);
    int64_t now_us;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == peers->owner))
        return true;
    refuse(peers, fd, &peer);
    now_us = clock_now_us();
    if (peers->logged_us == 0 || now_us - peers->logged_us > LOG_EVERY_US) {
        peers->logged_us = now_us;
        log_warning("the control socket has refused process %d of user %u: it is for user %u and root", (int)peer.pid,
                    (unsigned)peer.uid, (unsigned)peers->owner);
    }
    return false;
}
