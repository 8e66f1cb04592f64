/* SPDX-License-Identifier: MIT
 * What every cmocka test includes, in the order cmocka needs. */
#ifndef CLUTCH_UNIT_H
#define CLUTCH_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A macro of so common a word gets in the way of our own. */
#undef fail

#endif
