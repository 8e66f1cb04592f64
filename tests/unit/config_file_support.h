/* SPDX-License-Identifier: MIT
 * Configuration files in a directory of their own, which is the current one. */
#ifndef CLUTCH_CONFIG_FILE_SUPPORT_H
#define CLUTCH_CONFIG_FILE_SUPPORT_H

#include "config_support.h"

#include <dirent.h>
#include <unistd.h>

static char file_directory[] = "/tmp/clutch-config-XXXXXX";

static inline int enter_directory(void **state)
{
    (void)state;
    return mkdtemp(file_directory) != NULL && chdir(file_directory) == 0 ? 0 : -1;
}

static inline int leave_directory(void **state)
{
    DIR *directory = opendir(".");

    (void)state;
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    return chdir("/") == 0 ? rmdir(file_directory) : -1;
}

static inline void write_bytes(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* The answer to --print-config: `argv` with shop.ini of this text, and what was said. */
static inline char *print_file(const char *text, const char *const *argv, const char *const *environment,
                               const char *said)
{
    struct parsed parsed;
    char *values = NULL;
    size_t size;
    FILE *out = open_memstream(&values, &size);

    assert_non_null(out);
    write_file("shop.ini", text);
    parsed = parse(argv, environment);
    assert_string_equal(parsed.errors, said);
    assert_non_null(parsed.config);
    config_print_values(parsed.config, out);
    fclose(out);
    parsed_fini(&parsed);
    return values;
}

/* `name value origin` in the answer to --print-config. */
static inline void assert_value(const char *values, const char *name, const char *value, const char *origin)
{
    char line[300];
    const char *at;

    snprintf(line, sizeof line, "%-22s %-28s %s\n", name, value, origin);
    at = strstr(values, line);
    if (at == NULL || (at != values && at[-1] != '\n'))
        fail_msg("no line '%s' in:\n%s", line, values);
}

#endif
