/* SPDX-License-Identifier: MIT
 * Waiting for a word in memory to change: futex(2), within one process. */
#ifndef CLUTCH_FUTEX_H
#define CLUTCH_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/* Returns when the word was found different from `expected`, somebody has called futex_wake, `timeout_us` microseconds
 * (below 0: never) have passed, or for no reason: the caller looks again. */
void futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_us);

/* Wakes one thread that waits for this word. */
void futex_wake(_Atomic(uint32_t) *word);

#endif
