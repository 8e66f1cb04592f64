/* SPDX-License-Identifier: MIT
 * What config_parse promises for any command line, environment and file. */
#ifndef CLUTCH_FUZZ_OUTCOME_H
#define CLUTCH_FUZZ_OUTCOME_H

/* Parses twice: it must be understood, within the bounds of every option and the same way each time, or refused with a
 * reason that a terminal can show. Returns all that was said; the caller frees it. */
char *outcome_check(int count, char *const *words, char *const *variables);

#endif
