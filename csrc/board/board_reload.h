/* SPDX-License-Identifier: MIT
 * How reloads have gone, for whoever asked for one with SIGHUP: part of the scoreboard. Written by the master alone.
 *
 *     asked = atomic_load(&reload->asked);
 *     kill(master, SIGHUP);
 *     ... until reload->asked > asked: the master has seen it; mine = reload->asked
 *     ... until board_reload_read(reload).done >= mine: that is how it went */
#ifndef CLUTCH_BOARD_RELOAD_H
#define CLUTCH_BOARD_RELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { BOARD_RELOAD_TEXT_BYTES = 512 };

struct board_reload {
    _Atomic(uint64_t) asked;     /* how often the master has been asked */
    _Atomic(uint64_t) done;      /* the last of these requests that has been dealt with, and with it all before */
    _Atomic(uint32_t) version;   /* odd while what follows is being written */
    _Atomic(int32_t) generation; /* that serves since */
    _Atomic(uint32_t) is_failed; /* it is the one that served before */
    char text[BOARD_RELOAD_TEXT_BYTES];
};

struct board_reload_news {
    uint64_t asked, done;
    int generation;
    bool is_failed;
    char text[BOARD_RELOAD_TEXT_BYTES]; /* "generation 2 serves", or why not; NUL-terminated, bytes as they came */
};

/* Master: it has been asked so often. It keeps the number itself: others can write here. */
void board_reload_ask(struct board_reload *, uint64_t number);
/* Master: all requests up to `number` have been dealt with. */
void board_reload_finish(struct board_reload *, uint64_t number, bool is_failed, int generation, const char *text);

/* From any process. */
struct board_reload_news board_reload_read(const struct board_reload *);

#endif
