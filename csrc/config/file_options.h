/* SPDX-License-Identifier: MIT
 * Configuration files into options. Private to this folder. */
#ifndef CLUTCH_FILE_OPTIONS_H
#define CLUTCH_FILE_OPTIONS_H

#include "config_file.h"
#include "ledger.h"
#include "mistakes.h"

/* Reads the file at `path`, which `spelling` names ("--config"), and sets what its sections say; [clutch] wins over
 * [uwsgi]. `number`: from 0 in the order of the files; a later one wins. Where [clutch] is wrong, that is a mistake;
 * what is not known in [uwsgi] is only warned of. */
void file_options_read(struct config *, struct mistakes *, const char *spelling, const char *path, unsigned number,
                       char *const *environment);

#endif
