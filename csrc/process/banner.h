/* SPDX-License-Identifier: MIT
 * Which program this is and what it is made of. */
#ifndef CLUTCH_BANNER_H
#define CLUTCH_BANNER_H

struct gateway_ops;

enum { BANNER_BYTES = 128 };

/* "0.1.0". Static. */
const char *banner_version(void);

/* Writes "clutch 0.1.0 (CPython 3.11.7, llhttp 9.2.1)" to `text` (BANNER_BYTES) and returns it. */
const char *banner_format(char *text, const struct gateway_ops *);

#endif
