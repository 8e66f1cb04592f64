/* SPDX-License-Identifier: MIT
 * The commands that talk to a running server: clutch status, top, stacks, reload. */
#ifndef CLUTCH_CONTROL_COMMANDS_H
#define CLUTCH_CONTROL_COMMANDS_H

/* Each is `clutch NAME ...`: argv[1] is the name. Returns the exit status: 0; 1 when the server is not there or
 * does not do it, with the reason on standard error; 2 for a mistake on the command line; reload --wait: 3 when it has
 * not ended in time. */
int status_command_run(int argc, char **argv);
int top_command_run(int argc, char **argv);
int stacks_command_run(int argc, char **argv);
int reload_command_run(int argc, char **argv);

#endif
