/* SPDX-License-Identifier: MIT
 * The layouts of the access log that are no list of fields: the line that uWSGI's users know, and JSON (one object a
 * line). */
#ifndef CLUTCH_ACCESS_LOG_LAYOUTS_H
#define CLUTCH_ACCESS_LOG_LAYOUTS_H

#include "access_line.h"

void access_log_layout_uwsgi(struct access_line *);
void access_log_layout_json(struct access_line *);

/* A record of the OpenTelemetry log data model, its attributes by the semantic conventions for HTTP servers. */
void access_log_layout_otel(struct access_line *);

#endif
