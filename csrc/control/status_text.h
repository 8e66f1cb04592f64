/* SPDX-License-Identifier: MIT
 * Figures as people read them, short. Each writes to `text` (STATUS_TEXT_BYTES) and returns it. */
#ifndef CLUTCH_STATUS_TEXT_H
#define CLUTCH_STATUS_TEXT_H

#include <stdint.h>

enum { STATUS_TEXT_BYTES = 24 };

/* "870us" "12.5ms" "3.2s" "4m10s" "2h05m" "3d04h"; below 0: "-". */
const char *status_text_time(char *text, int64_t us);
/* "512" "38.2M" "1.5G". */
const char *status_text_bytes(char *text, int64_t bytes);
/* "7" "999999" "12.3M". */
const char *status_text_count(char *text, int64_t count);
/* So many in so long, for each second: "0" "0.4" "12.3" "1204". */
const char *status_text_rate(char *text, int64_t count, int64_t us);

#endif
