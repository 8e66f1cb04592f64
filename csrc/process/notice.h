/* SPDX-License-Identifier: MIT
 * What the workers and the zygote tell the master. Each of them has a channel of its own, a pair of sockets whose other
 * end is the master's: so nobody can speak for another one, nor read or hold up what others say. The other way it
 * carries the word to go on, log files opened anew, the end, and to the zygote its orders. */
#ifndef CLUTCH_NOTICE_H
#define CLUTCH_NOTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"

struct passed_fds;

enum notice_kind {
    NOTICE_SPAWNED,      /* the zygote has forked a worker; `pid` is its process id */
    NOTICE_SPAWN_FAILED, /* the zygote could not fork; already logged */
    NOTICE_READY,        /* it could serve, once it is told to; the zygote: the application is loaded */
    NOTICE_BOOT_FAILED,  /* the application could not be loaded; already logged; the process ends by itself */
    NOTICE_DRAINING,     /* a worker was told by a signal to end */
    NOTICE_STUCK,        /* all that a worker which is to end still runs are requests that do not end: to be killed */
    NOTICE_POKE,         /* nothing but that the master is to go through its loop; also from the monitor */
    NOTICE_RECYCLE,      /* a worker is to be replaced, for this cause */
    NOTICE_HATCHED,      /* a worker that the zygote has forked is the master's child now: its pid can be looked at */
    /* From who may have no right to send a signal: */
    NOTICE_ASK_RELOAD, /* the monitor, or with --uwsgi-module a worker: somebody wants a reload */
    NOTICE_ASK_STACKS, /* the monitor: a worker is to dump its stacks, the one in the row `pid` */
    NOTICE_KINDS
};

struct notice {
    uint64_t serial; /* of the spawn it belongs to: a notice of a predecessor in the same slot is told by it */
    int32_t number;  /* of the worker; 0: the zygote */
    int32_t pid;     /* or whatever the kind says */
    uint32_t kind;   /* enum notice_kind */
    uint32_t cause;  /* NOTICE_RECYCLE: enum restart_cause; otherwise 0 */
};

/* Log files that were opened anew; -1: not this one. */
struct notice_logs {
    int error_fd, access_fd;
};

/* What there is on a channel. */
enum notice_news {
    NOTICE_NONE,    /* nothing now */
    NOTICE_ARRIVED, /* a notice, which may still be a lie */
    NOTICE_RUBBISH, /* something else, which is gone now: its sender writes to descriptors that are not its own */
    NOTICE_OVER,    /* the other end has been closed or shut down */
};

/* Master: makes a channel; ends[0] is the master's, ends[1] the child's, which waits where it must. 0 or -errno. */
int notice_open_channel(int ends[2]) MUST_CHECK;

/* Child: about the calling process (`pid` 0) or another one. Waits if the channel is full; when the master has gone
 * nobody is interested. No SIGPIPE, whatever the application has made of that. */
void notice_send(int channel_fd, enum notice_kind, int number, uint64_t serial, pid_t pid);

/* Child: has the master go through its loop once. Never waits. */
void notice_poke(int channel_fd, int number, uint64_t serial);
/* Child: the same, and asks it for something. 0, or -errno: a full channel, which the master is about to read, or one
 * that has been closed, loses it. */
int notice_ask(int channel_fd, enum notice_kind, int number, uint64_t serial, int32_t subject);

/* Worker: asks to be replaced, for this cause (enum restart_cause). Never waits: false when the channel is full. */
bool notice_ask_recycle(int channel_fd, int number, uint64_t serial, int cause) MUST_CHECK;

/* Master: tells a worker that is ready to serve; once it does, just asks for a sign of life. Never waits. One that has
 * died will be noticed otherwise. */
void notice_let_go(int channel_fd);
/* Master: tells a child to end. What it is told later it still hears, unless its channel is full now. Never waits. */
void notice_end(int channel_fd);
/* Master: gives a child the log files that it is to write to from now on. Descriptors are copied. Never waits. 0 or
 * -errno, as passed_fds_send. */
int notice_give_logs(int channel_fd, const struct notice_logs *) MUST_CHECK;

/* What the master has told a child. */
enum notice_word {
    NOTICE_GO,   /* it may serve */
    NOTICE_LOGS, /* there are new log files */
    NOTICE_END,  /* it is to end; more words may follow */
    NOTICE_GONE, /* it is to end, and nothing follows: the master has died, or its word found no room */
};

/* Child: takes the next word, when the channel is readable. With NOTICE_LOGS the descriptors are the caller's; both
 * are -1 when no descriptor was free. */
enum notice_word notice_take_word(int channel_fd, struct notice_logs *) MUST_CHECK;

/* Child: whether the other end has been closed, as the master's death does it; the order to end only shuts it down. */
bool notice_is_abandoned(int channel_fd) MUST_CHECK;

/* Whether `len` bytes and what came with them are the word of new logs; then they are taken out of `passed`. For the
 * zygote, which also gets messages of another kind. */
bool notice_read_logs(const void *bytes, size_t len, struct passed_fds *passed, struct notice_logs *);

/* Master: takes the next message off the channel. Never waits. */
enum notice_news notice_receive(int channel_fd, struct notice *) MUST_CHECK;

#endif
