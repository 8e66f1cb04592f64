/* SPDX-License-Identifier: MIT
 * Clients that do what a script says. A script is the bytes that a client sends, and between them operations: single
 * bytes from 0x80 on. So it is mostly text, and cutting, moving and repeating pieces of it gives other good scripts.
 *
 *   0x80..0x83  from here on, the first .. fourth client; connects it when it is not connected
 *   0x84        it half-closes
 *   0x85        it closes; a reset, when something of an answer is unread
 *   0x86        it receives all there is
 *   0x87        it receives a little
 *   0x88        nothing: what was sent before and what comes next arrive apart
 *   0x89..0x8c  0.1 s, 1 s, 4 s, 20 s pass
 *   0x8d N      sends N * 256 bytes
 *   0x8e B      sends the byte B
 *   0x8f        the server is told to end
 *   0x90 0x91   from here on, requests find no free app thread, or one
 *   0x92 N      the next N requests are given to the queue of all workers
 *   0x93        the request that runs goes on, where it has left the loop to the sentry (w in fuzz_app.h) */
#ifndef CLUTCH_FUZZ_SCRIPT_H
#define CLUTCH_FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answers.h"

enum { SCRIPT_SEATS = 4, SCRIPT_MOST_CLIENTS = 12, SCRIPT_NAME_BYTES = 16 };

/* One connection; where the seat connects again, it is another one. */
struct client {
    int fd;                       /* -1: closed */
    char name[SCRIPT_NAME_BYTES]; /* of its socket, by which the server's side of it is recognised */
    size_t name_len;
    struct buf sent; /* what the kernel has taken */
    size_t executed; /* bytes of that whose requests have been run */
    struct buf received;
    bool is_at_end;  /* it has received the end, or a reset */
    bool has_closed; /* by itself */
    struct answer *answers;
    size_t answer_count;
};

struct script {
    const uint8_t *at, *end;
    struct client clients[SCRIPT_MOST_CLIENTS];
    size_t client_count;
    struct client *seats[SCRIPT_SEATS];
    size_t seat;
    int listener_fd;
    /* What it asks of the server, done by the owner. */
    void (*on_drain)(void);
    void (*on_shed)(int count);
    bool is_busy;
    bool is_drained;
    bool has_time_passed;
};

/* The listener is bound to a name of its own; borrowed. */
void script_begin(struct script *, const uint8_t *data, size_t size, int listener_fd);
void script_end(struct script *);

/* Does the next thing. False at the end. */
bool script_play(struct script *);

/* Whether the next thing is the end, or that the request that runs goes on; takes that off. */
bool script_ends_turn(struct script *);

/* All clients receive all there is. Returns whether there was anything. */
bool script_receive_all(struct script *);

/* The client at the other end of a socket of the server's. */
struct client *script_find_peer(struct script *, int server_fd);

/* Room for one more; zeroed. */
struct answer *script_add_answer(struct client *);

/* The clock of the server. */
extern int64_t script_now_us;

#endif
