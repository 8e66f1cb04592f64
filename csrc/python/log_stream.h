/* SPDX-License-Identifier: MIT
 * The application's output: sys.stdout on descriptor 1, sys.stderr and wsgi.errors on the error log. Whole lines only,
 * each with one write, so that lines of several workers never mix; an unfinished line waits for its newline, 64 KiB, or
 * the end. What a child of the application prints is passed on as it comes: such a child often ends without an end. */
#ifndef CLUTCH_LOG_STREAM_H
#define CLUTCH_LOG_STREAM_H

#include "python_api.h"

#include <sys/types.h>

#include "attrs.h"
#include "line_tail.h"

enum log_stream_target { LOG_STREAM_OUTPUT, LOG_STREAM_LOG, LOG_STREAM_COUNT };

struct log_stream {
    enum log_stream_target target;
    pid_t owner;           /* the process whose lines `tail` holds: a child that the application forks has none */
    struct line_tail tail; /* outlives the interpreter: what is left is written after its end */
};

struct log_streams {
    struct log_stream streams[LOG_STREAM_COUNT];
    PyObject *texts[LOG_STREAM_COUNT]; /* owned: io.TextIOWrapper */
};

/* Makes the streams and puts them in place of sys.stdout, sys.stderr and their dunder copies; what these had buffered
 * is flushed. Registers the flush at exit, so call it before any application code. The struct must stay where it is
 * until log_streams_fini(). Requires the GIL. Returns 0, or -1 with an exception; log_streams_fini() is needed either
 * way. */
int log_streams_init(struct log_streams *) MUST_CHECK;

/* Pushes out what Python has buffered and what is left of unfinished lines. Requires the GIL, gives it up while
 * writing. Errors of a stream that the application closed are passed over. */
void log_streams_flush(struct log_streams *);

/* Makes the calling process, a worker just forked, the owner of the streams. Requires the GIL. */
void log_streams_adopt(struct log_streams *);

/* Drops the objects. Requires the GIL. */
void log_streams_clear(struct log_streams *);

/* Writes what is left; after the interpreter's end, or when it did not start. */
void log_streams_fini(struct log_streams *);

#endif
