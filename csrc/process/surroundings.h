/* SPDX-License-Identifier: MIT
 * What the process stands on: standard descriptors, directory, environment, umask, log files. Set up in the master,
 * before anything is opened and while it still has its privileges; the children inherit it. */
#ifndef CLUTCH_SURROUNDINGS_H
#define CLUTCH_SURROUNDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

struct config;
struct log_syslog;

/* Fills descriptors 0 to 2 if the caller left them closed, lest a socket become the standard error. First of all in
 * main(). */
void surroundings_fill_standard_fds(void);

/* Applies --umask, --chdir, --env and --error-logfile, and points standard input to /dev/null. Later paths are relative
 * to --chdir. Returns 0, or -1 after writing to `error` (size bytes) which option is wrong and why. */
int surroundings_enter(const struct config *, char *error, size_t size) MUST_CHECK;

/* Opens the log at `path` for appending; "-" is `standard_fd`. Returns a descriptor, which is 1 or 2 for the standard
 * ones and else the caller's, or -1 after writing to `error` (size bytes) that the value of `option` is wrong and why.
 */
int surroundings_open_log(const char *option, const char *path, int standard_fd, char *error, size_t size) MUST_CHECK;

/* Opens the log at `text` ("syslog:..."), which is borrowed. That nobody is there is a warning. Returns 0, or -1 after
 * writing to `error` what is wrong. */
int surroundings_open_syslog(struct log_syslog *, const char *option, const char *text, char *error,
                             size_t size) MUST_CHECK;

/* Whether a path given as a log is that of a file to be opened, rather than a standard descriptor. */
bool surroundings_is_log_file(const char *path);

/* Opens such a file once more. Never waits. Returns a descriptor of the caller's, or -1 after writing to `error` (size
 * bytes) what is wrong. */
int surroundings_reopen_log(const char *option, const char *path, char *error, size_t size) MUST_CHECK;

/* Makes sure that the process may open `count` descriptors, raising its soft limit if need be. 0, or the hard limit,
 * which is less. */
uint64_t surroundings_allow_files(uint64_t count) MUST_CHECK;

#endif
