/* SPDX-License-Identifier: MIT
 * What faulthandler writes about the threads of a process. */
#ifndef CLUTCH_STACKS_TEXT_H
#define CLUTCH_STACKS_TEXT_H

#include "slice.h"

/* The part of a dump without the thread that dumped the others, which has run no Python itself and stands first, and
 * without line feeds around it. Borrowed from the text. */
struct slice stacks_text_trim(struct slice text);

#endif
