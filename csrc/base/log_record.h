/* SPDX-License-Identifier: MIT
 * A message of the error log as a JSON object: a record of OpenTelemetry's log data model
 * (https://opentelemetry.io/docs/specs/otel/logs/data-model/). */
#ifndef CLUTCH_LOG_RECORD_H
#define CLUTCH_LOG_RECORD_H

#include "log.h"

/* Beside the texts of the record. */
enum { LOG_RECORD_FIXED_BYTES = 1024 };

struct log_record {
    bool has_level;
    enum log_level level;
    const char *role;
    struct slice body;
    const char *stream;            /* of the application: "stderr"; NULL: the server's own message */
    const struct log_about *about; /* NULL: nothing more is known */
    const char *details_name;      /* attribute of ... */
    struct slice details;          /* empty: none */
};

/* Room that always suffices. */
size_t log_record_bytes(const struct log_record *);

/* Writes the object and a newline. Returns the number of bytes; 0: `size` is too small. */
size_t log_record_format(const struct log_record *, char *out, size_t size);

#endif
