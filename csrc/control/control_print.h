/* SPDX-License-Identifier: MIT
 * What a command prints on standard output. */
#ifndef CLUTCH_CONTROL_PRINT_H
#define CLUTCH_CONTROL_PRINT_H

#include "buf.h"

/* Writes a text. Returns EXIT_SUCCESS, or EXIT_FAILURE as standard_output_end. */
int control_print(struct slice text);

/* Makes a text and writes it: `view` appends to the buffer and returns 0 or -ENOMEM. Returns as control_print. */
int control_print_view(int (*view)(const void *context, struct buf *), const void *context);

#endif
