/* SPDX-License-Identifier: MIT
 * The end of what a command prints. */
#ifndef CLUTCH_STANDARD_OUTPUT_H
#define CLUTCH_STANDARD_OUTPUT_H

/* Writes what is left in the buffer of standard output. Returns EXIT_SUCCESS, or EXIT_FAILURE when something could not
 * be written, after saying why on standard error; without a word when nobody reads any more (EPIPE). */
int standard_output_end(void);

#endif
