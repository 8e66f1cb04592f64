/* SPDX-License-Identifier: MIT
 * Configuration files of arbitrary bytes: each is either understood or refused, as config_fuzz says of command lines;
 * and what import-config makes of its section [uwsgi] is an ini file that has no line which clutch cannot read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "importer.h"
#include "outcome.h"

/* A file in memory that the parser can open by its name. */
struct memory_file {
    int fd;
    char path[32];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct memory_file *file, const void *bytes, size_t size)
{
    if (file->path[0] == '\0') {
        file->fd = memfd_create("ini", MFD_CLOEXEC);
        snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
    }
    check(ftruncate(file->fd, 0) == 0 && pwrite(file->fd, bytes, size, 0) == (ssize_t)size, "no file in memory");
}

/* All that is said of the file when it is read for a server. */
static char *read_as_configuration(const struct memory_file *file)
{
    char program[] = "clutch", option[] = "-c", path[sizeof file->path], variable[] = "A=1";
    char *words[] = {program, option, path, NULL}, *variables[] = {variable, NULL};

    memcpy(path, file->path, sizeof path);
    return outcome_check(3, words, variables);
}

/* What import-config prints; NULL when it refuses the file. */
static char *convert(const struct memory_file *file)
{
    char variable[] = "A=1", *variables[] = {variable, NULL}, *text = NULL, *errors = NULL;
    struct importer *importer = importer_new(file->path, "uWSGI");
    size_t len, errors_len;
    FILE *out = open_memstream(&text, &len), *said = open_memstream(&errors, &errors_len);
    bool is_good;

    check(importer != NULL && out != NULL && said != NULL, "out of memory");
    is_good = importer_uwsgi(importer, variables, said);
    check(importer_print(importer, out) == 0, "out of memory");
    fclose(out);
    fclose(said);
    importer_free(importer);
    check(is_good || errors_len > 0, "refused without a reason");
    free(errors);
    if (is_good)
        return text;
    free(text);
    return NULL;
}

/* Whether it is a matter of the file's form. A value is quoted, and may say anything. */
static bool is_about_form(const char *line)
{
    static const char *const words[] = {"neither a [section]",
                                        "there is no such option",
                                        "it is set in line",
                                        "the command line only",
                                        "NUL byte",
                                        "is not an option of clutch",
                                        "the value is empty",
                                        "warning"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strchr(line, '\'') == NULL && strstr(line, words[i]) != NULL)
            return true;
    }
    return false;
}

/* What comes out may name things that are not there, but has no line that is not understood. */
static void check_conversion(const char *text)
{
    static struct memory_file file;
    char *said;

    fill(&file, text, strlen(text));
    said = read_as_configuration(&file);
    for (char *line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n"))
        check(!is_about_form(line), line);
    free(said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_file file;
    char *first, *second;

    fill(&file, data, size);
    free(read_as_configuration(&file));
    first = convert(&file);
    second = convert(&file);
    check((first == NULL) == (second == NULL), "not refused the second time");
    if (first != NULL) {
        check(strcmp(first, second) == 0, "something else the second time");
        check_conversion(first);
    }
    free(first);
    free(second);
    return 0;
}
