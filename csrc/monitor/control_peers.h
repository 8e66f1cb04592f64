/* SPDX-License-Identifier: MIT
 * Who may use the control socket: processes of root and of whoever has started the server. The kernel says whose a
 * process is, so nothing need be kept secret, and an abstract socket is as good as a file. */
#ifndef CLUTCH_CONTROL_PEERS_H
#define CLUTCH_CONTROL_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct control_peers {
    uid_t owner;
    int64_t logged_us; /* when one was last refused with a line in the log; 0: never */
};

/* Whether who has connected may ask. Others are told so in a response, which is written at once, and in the log (once a
 * second at most). Never waits. */
bool control_peers_is_welcome(struct control_peers *, int fd);

#endif
