/* SPDX-License-Identifier: MIT
 * The command import-config: which kind of file it is, and what goes where. */
#include "import_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "importer.h"
#include "log.h"
#include "settings_file.h"
#include "standard_output.h"

enum { EXIT_MISTAKE = 2 };

static const char usage[] =
    "Usage: clutch import-config FILE\n"
    "\n"
    "Prints the ini file for clutch that does what FILE does for another server, and as comments what has no\n"
    "counterpart. FILE is an ini file of uWSGI's, or gunicorn.conf.py (any name that ends in .py): that is a Python\n"
    "program, and it is run, as gunicorn does.\n";

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

static void on_setting(void *context, const struct import_setting *setting)
{
    importer_gunicorn(context, setting);
}

/* Python would read a device to its end, which may never come. */
static bool is_program(const char *file)
{
    struct stat status;

    return stat(file, &status) == 0 && (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode));
}

static int convert(const char *file, bool is_python)
{
    struct importer *importer = importer_new(file, is_python ? "gunicorn" : "uWSGI");
    bool is_read;
    int status = EXIT_FAILURE;

    if (importer == NULL) {
        fputs("clutch: not enough memory\n", stderr);
        return EXIT_FAILURE;
    }
    is_read =
        is_python ? settings_file_run(file, on_setting, importer) == 0 : importer_uwsgi(importer, environ, stderr);
    if (!is_read)
        status = EXIT_MISTAKE;
    else if (importer_print(importer, stdout) < 0)
        fputs("clutch: not enough memory\n", stderr);
    else
        status = standard_output_end();
    importer_free(importer);
    return status;
}

int import_command_run(int argc, char **argv)
{
    const char *file = argc == 3 ? argv[2] : "-";

    if (strcmp(file, "--help") == 0 || strcmp(file, "-h") == 0) {
        fputs(usage, stdout);
        return standard_output_end();
    }
    if (file[0] == '-') {
        fprintf(stderr, "clutch: import-config: one file is needed\n%s", usage);
        return EXIT_MISTAKE;
    }
    if (ends_with(file, ".xml") || ends_with(file, ".yaml") || ends_with(file, ".yml") || ends_with(file, ".json")) {
        fputs("clutch: import-config: of uWSGI's configuration files only ini files are read\n", stderr);
        return EXIT_MISTAKE;
    }
    log_set_role("import-config");
    if (access(file, R_OK) < 0) {
        fprintf(stderr, "clutch: import-config: '%s' cannot be read: %s\n", file, strerror(errno));
        return EXIT_MISTAKE;
    }
    if (ends_with(file, ".py") && !is_program(file)) {
        fprintf(stderr, "clutch: import-config: '%s' is no file: a Python program is needed\n", file);
        return EXIT_MISTAKE;
    }
    return convert(file, ends_with(file, ".py"));
}
