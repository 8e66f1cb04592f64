/* SPDX-License-Identifier: MIT
 * `clutch import-config FILE`. */
#ifndef CLUTCH_IMPORT_COMMAND_H
#define CLUTCH_IMPORT_COMMAND_H

/* Writes to standard output what the configuration file of uWSGI (ini) or gunicorn (Python) in argv[2] is for clutch.
 * Returns the exit status: 0; 2 for a file or arguments that are not understood, told on standard error; 1 otherwise.
 */
int import_command_run(int argc, char **argv);

#endif
