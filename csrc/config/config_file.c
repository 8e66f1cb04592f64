/* SPDX-License-Identifier: MIT
 * Reads a configuration file to its end before anything is made of it. The master does it before the first fork. */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "ini_lines.h"
#include "placeholders.h"

enum { MOST_FILE_BYTES = 1 << 20, BLOCK_BYTES = 8192, MOST_SETTINGS = 10000 };

struct reader {
    struct config_file *file;
    struct mistakes *mistakes;
    struct placeholders placeholders;
    bool is_full; /* that there are too many settings has been told */
};

/* Returns a descriptor, or -errno; -EINVAL for what is no file: a terminal would never end. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode)))
        return fd;
    close(fd);
    return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
}

/* Returns 0 or -errno; -EFBIG for more than MOST_FILE_BYTES. */
static int read_all(int fd, struct buf *text)
{
    for (;;) {
        ssize_t count;

        if (buf_reserve(text, BLOCK_BYTES) < 0)
            return -ENOMEM;
        count = read(fd, text->ptr + text->len, BLOCK_BYTES);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        text->len += (size_t)count;
        if (text->len > MOST_FILE_BYTES)
            return -EFBIG;
    }
}

static const char *describe_obstacle(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
        return "does not exist: an ini file is needed";
    case -EISDIR:
        return "is a directory: an ini file is needed";
    case -EINVAL:
        return "is no file: an ini file is needed";
    case -EFBIG:
        return "is too large: a configuration file has 1m at the most";
    case -EACCES:
        return "cannot be read: permission is missing";
    case -ELOOP:
        return "is a symbolic link that leads to itself";
    default:
        return strerror(-error);
    }
}

static void add_setting(struct reader *reader, struct file_setting setting)
{
    struct config_file *file = reader->file;
    struct file_setting *settings = realloc(file->settings, (file->count + 1) * sizeof *settings);
    if (settings == NULL) {
        file->ledger->is_out_of_memory = true;
        return;
    }
    file->settings = settings;
    settings[file->count++] = setting;
}

/* The last setting of that name before this one. */
static const char *find_earlier(void *context, struct slice name)
{
    const struct config_file *file = context;

    for (size_t i = file->count; i > 0; i--) {
        struct file_setting *setting = &file->settings[i - 1];

        if (setting->is_uwsgi && slice_equal(slice_of_string(setting->key), name)) {
            setting->is_read = true;
            return setting->value;
        }
    }
    return NULL;
}

/* The value with all placeholders replaced, kept; NULL after a mistake. */
static const char *expand(struct reader *reader, const struct ini_line *line, bool *is_of_now)
{
    struct config_ledger *ledger = reader->file->ledger;
    const char *kept = NULL;
    struct placeholders_lack lack;
    struct buf value;
    int error;

    buf_init(&value);
    error = placeholders_expand(&value, slice_of_string(line->value), &reader->placeholders, &lack);
    if (error == -E2BIG)
        mistakes_add(reader->mistakes, "%s:%u: %s: with its placeholders replaced the value is too long",
                     reader->file->name.text, line->number, mistakes_quote(slice_of_string(line->key)).text);
    else if (error < 0)
        ledger->is_out_of_memory = true;
    else if (lack.unset.ptr != NULL)
        mistakes_add(reader->mistakes, "%s:%u: %s: $(%s) is not set in the environment", reader->file->name.text,
                     line->number, mistakes_quote(slice_of_string(line->key)).text, mistakes_quote(lack.unset).text);
    else
        kept = ledger_keep(ledger, buf_slice(&value));
    *is_of_now = lack.has_variables;
    if (kept != NULL && lack.unknown != '\0')
        mistakes_warn(reader->mistakes, "%s:%u: %s: the placeholder %%%c is not known here and stays as it is",
                      reader->file->name.text, line->number, mistakes_quote(slice_of_string(line->key)).text,
                      lack.unknown);
    if (kept != NULL && strstr(line->value, "@(") != NULL)
        mistakes_warn(reader->mistakes, "%s:%u: %s: what @(...) names is not read here: it stays as it is",
                      reader->file->name.text, line->number, mistakes_quote(slice_of_string(line->key)).text);
    buf_fini(&value);
    return kept;
}

/* uWSGI's ways to say: this is no option, but a name for other values to use. */
static bool is_definition(const char *key)
{
    return strcmp(key, "set") == 0 || strcmp(key, "set-placeholder") == 0 || strcmp(key, "set-ph") == 0;
}

/* Every value is looked for among the settings before it, so they must not be too many. */
static bool is_full(struct reader *reader, const struct ini_line *line)
{
    if (reader->file->count < MOST_SETTINGS)
        return false;
    if (!reader->is_full)
        mistakes_add(reader->mistakes, "%s:%u: too many settings: a configuration file has %d at the most",
                     reader->file->name.text, line->number, MOST_SETTINGS);
    reader->is_full = true;
    return true;
}

static void add_line(struct reader *reader, const struct ini_line *line)
{
    struct config_ledger *ledger = reader->file->ledger;
    bool is_of_now = false;
    const char *value =
        line->is_uwsgi ? expand(reader, line, &is_of_now) : ledger_keep(ledger, slice_of_string(line->value));
    const char *equals = value != NULL ? strchr(value, '=') : NULL;
    struct file_setting setting = {.value = value != NULL ? value : "",
                                   .line = line->number,
                                   .is_uwsgi = line->is_uwsgi,
                                   .is_of_now = is_of_now,
                                   .is_broken = value == NULL};

    if (line->is_uwsgi && is_definition(line->key) && equals != NULL) {
        setting.key = ledger_keep(ledger, slice_of(value, (size_t)(equals - value)));
        setting.value = equals + 1;
        setting.is_read = true;
    } else {
        setting.key = ledger_keep(ledger, slice_of_string(line->key));
    }
    add_setting(reader, setting);
}

static void take_line(void *context, const struct ini_line *line)
{
    if (!is_full(context, line))
        add_line(context, line);
}

void config_file_read(struct config_file *file, struct config_ledger *ledger, struct mistakes *mistakes,
                      const char *spelling, const char *path, char *const *environment)
{
    struct reader reader = {.file = file, .mistakes = mistakes};
    char absolute[PATH_MAX];
    struct buf text;
    int fd, error;

    *file = (struct config_file){.path = ledger_keep(ledger, slice_of_string(path)), .ledger = ledger};
    file->name = mistakes_quote(slice_of_string(path));
    reader.placeholders = (struct placeholders){realpath(path, absolute) != NULL ? absolute : file->path, environment,
                                                find_earlier, file};
    buf_init(&text);
    fd = open_file(path);
    error = fd < 0 ? fd : read_all(fd, &text);
    if (fd >= 0)
        close(fd);
    if (error == 0)
        error = ini_lines_read(file->name.text, buf_slice(&text), mistakes, take_line, &reader);
    if (error == -ENOMEM)
        ledger->is_out_of_memory = true;
    else if (error < 0)
        mistakes_add(mistakes, "%s: '%s' %s", spelling, file->name.text, describe_obstacle(error));
    buf_fini(&text);
}

void config_file_fini(struct config_file *file)
{
    free(file->settings);
    file->settings = NULL;
    file->count = 0;
}

static bool is_http(const struct file_setting *setting)
{
    return setting->is_uwsgi && strcmp(setting->key, "protocol") == 0 && strcmp(setting->value, "http") == 0;
}

const char *config_file_uwsgi_name(const struct config_file *file, const struct file_setting *setting)
{
    bool speaks_http = false;

    if (strcmp(setting->key, "socket") != 0 && strcmp(setting->key, "protocol") != 0)
        return setting->key;
    for (size_t i = 0; i < file->count; i++)
        speaks_http |= is_http(&file->settings[i]);
    if (!speaks_http)
        return setting->key;
    return strcmp(setting->key, "socket") == 0 ? "http-socket" : is_http(setting) ? NULL : setting->key;
}

struct origin config_file_origin(const struct config_file *file, const struct file_setting *setting, unsigned layer)
{
    char place[300];

    snprintf(place, sizeof place, "%.190s:%u: %.60s", file->name.text, setting->line,
             mistakes_quote(slice_of_string(setting->key)).text);
    return (struct origin){
        .kind = ORIGIN_FILE,
        .layer = layer,
        .spelling = ledger_keep(file->ledger, slice_of_string(place)),
        .line = setting->line,
        .file = file->path,
    };
}
