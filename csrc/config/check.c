/* SPDX-License-Identifier: MIT
 * Checks across options, after the environment and the command line were read. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_name.h"
#include "cidr.h"
#include "log_syslog.h"
#include "units.h"
#include "value.h"

enum { MOST_PATH_BYTES = 2000, MOST_NAME_BYTES = 64, LEAST_WORKER_BYTES = 1 << 20, ERROR_BYTES = 256 };

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

static struct quoted label_of(const struct config *config, enum option_id id)
{
    return value_label(config->ledger->options[id].spelling, &options_table[id]);
}

/* --callable gives the callable that APP does not. Between two different names the stronger origin decides. */
static void merge_callable(struct config *config, struct mistakes *mistakes)
{
    const struct config_ledger *ledger = config->ledger;
    const struct origin *option = &ledger->options[OPTION_callable];
    struct quoted label = label_of(config, OPTION_callable), callable;

    if (config->callable == NULL)
        return;
    callable = mistakes_quote(slice_of_string(config->callable));
    if (!app_name_is_dotted(slice_of_string(config->callable))) {
        mistakes_add(mistakes,
                     "%s: '%s' is not the name of a callable (words of letters, digits and _, parted by dots)",
                     label.text, callable.text);
        return;
    }
    if (config->app.callable != NULL && origin_compare(&ledger->app, option) == 0 &&
        strcmp(config->app.callable, config->callable) != 0)
        mistakes_add(mistakes, "%s: '%s' is not the callable that '%s' (%s) names", label.text, callable.text,
                     mistakes_quote(slice_of_string(config->app.given)).text, ledger->app.spelling);
    if (config->app.given != NULL && (config->app.callable == NULL || origin_compare(option, &ledger->app) > 0))
        config->app.callable = config->callable;
}

/* Returns a descriptor of the directory in which the application will be looked for, or -errno after a mistake. */
static int open_directory(const struct config *config, struct mistakes *mistakes)
{
    int fd = open(config->chdir != NULL ? config->chdir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    fd = -errno;
    if (config->chdir != NULL)
        mistakes_add(mistakes, "%s: '%s' %s", label_of(config, OPTION_chdir).text,
                     mistakes_quote(slice_of_string(config->chdir)).text,
                     fd == -ENOENT    ? "does not exist: an existing directory is needed"
                     : fd == -ENOTDIR ? "is not a directory"
                                      : "cannot be entered: permission is missing");
    return fd;
}

/* Only what is plainly wrong is a mistake: another user may be able to read what the master's user cannot. */
static void check_file(const struct config *config, struct mistakes *mistakes, int directory)
{
    const char *spelling = config->ledger->app.spelling;
    struct quoted file = mistakes_quote(slice_of_string(config->app.file));
    struct stat status;

    if (fstatat(directory, config->app.file, &status, 0) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            mistakes_add(mistakes, "%s: the file '%s' does not exist in %s", spelling, file.text,
                         config->app.file[0] == '/' ? "the file system"
                         : config->chdir != NULL    ? mistakes_quote(slice_of_string(config->chdir)).text
                                                    : "the current directory");
    } else if (S_ISDIR(status.st_mode)) {
        mistakes_add(mistakes, "%s: '%s' is a directory: a .py file or a module is needed", spelling, file.text);
    }
}

static void check_places(const struct config *config, struct mistakes *mistakes)
{
    int directory = open_directory(config, mistakes);

    if (directory < 0)
        return;
    if (config->app.file != NULL)
        check_file(config, mistakes, directory);
    close(directory);
}

static void check_pairs(const struct config *config, enum option_id id, const struct config_list *pairs,
                        struct mistakes *mistakes)
{
    struct quoted label = label_of(config, id);

    for (size_t i = 0; i < pairs->count; i++) {
        const char *entry = pairs->items[i], *equals = strchr(entry, '=');

        if (equals == NULL || equals == entry)
            mistakes_add(mistakes, "%s: '%s' is not of the form NAME=VALUE", label.text,
                         mistakes_quote(slice_of_string(entry)).text);
        else if (id == OPTION_environ_pairs && strncmp(entry, "HTTP_", 5) == 0)
            mistakes_add(mistakes, "%s: '%s': names that begin with HTTP_ are the client's", label.text,
                         mistakes_quote(slice_of_string(entry)).text);
    }
}

/* It becomes part of a request's first line as it is (RFC 9112 3.2.1). */
static bool is_path(const char *text)
{
    if (text[0] != '/' || strlen(text) > MOST_PATH_BYTES)
        return false;
    while (*text > ' ' && *text < 0x7f && *text != '#')
        text++;
    return *text == '\0';
}

static void check_warmup(const struct config *config, struct mistakes *mistakes)
{
    for (size_t i = 0; i < config->warmup.count; i++) {
        if (!is_path(config->warmup.items[i]))
            mistakes_add(mistakes, "%s: '%s' is not a path such as /health?full=1 (no blanks, at most %d bytes)",
                         label_of(config, OPTION_warmup).text,
                         mistakes_quote(slice_of_string(config->warmup.items[i])).text, MOST_PATH_BYTES);
    }
}

static void report_address(const struct config *config, struct mistakes *mistakes, enum cidr_result result,
                           struct slice entry)
{
    struct quoted label = label_of(config, OPTION_forwarded_allow_ips), quoted = mistakes_quote(entry);
    char meant[CIDR_TEXT_BYTES];
    struct cidr cidr;

    if (result == CIDR_NO_MEMORY) {
        config->ledger->is_out_of_memory = true;
    } else if (result == CIDR_HOST_BITS) {
        (void)!cidr_parse(entry, &cidr);
        cidr_format(&cidr, meant);
        mistakes_add(mistakes, "%s: '%s' has bits behind its prefix: the network is %s", label.text, quoted.text,
                     meant);
    } else {
        mistakes_add(mistakes,
                     "%s: '%s' is neither an IP address nor a network (such as 10.0.0.0/8 or 2001:db8::/32), nor unix, "
                     "* or none",
                     label.text, quoted.text);
    }
}

static void check_addresses(const struct config *config, struct mistakes *mistakes)
{
    const struct config_list *texts = &config->forwarded_allow_ips;
    struct cidr_list list = {0};
    bool is_whole = true;

    for (size_t i = 0; i < texts->count; i++) {
        struct slice wrong;
        enum cidr_result result = cidr_list_add(&list, slice_of_string(texts->items[i]), &wrong);

        is_whole &= result == CIDR_DONE;
        if (result != CIDR_DONE)
            report_address(config, mistakes, result, wrong);
    }
    if (config->proxy_protocol && is_whole && list.count == 0 && !list.has_any && !list.has_unix)
        mistakes_add(mistakes, "%s: nobody could connect: %s names none who may send PROXY headers",
                     label_of(config, OPTION_proxy_protocol).text, label_of(config, OPTION_forwarded_allow_ips).text);
    cidr_list_fini(&list);
}

/* The head's limit holds for the request line as well: a longer line could never get in. */
static void check_limits(const struct config *config, struct mistakes *mistakes)
{
    char line[UNITS_TEXT_BYTES], head[UNITS_TEXT_BYTES];

    if (config->limit_request_line_bytes <= config->limit_request_head_bytes ||
        config->ledger->options[OPTION_limit_request_line_bytes].kind == ORIGIN_DEFAULT)
        return;
    units_format_size(line, config->limit_request_line_bytes);
    units_format_size(head, config->limit_request_head_bytes);
    mistakes_add(mistakes, "%s: %s is more than --limit-request-head (%s), which counts the request line as well",
                 label_of(config, OPTION_limit_request_line_bytes).text, line, head);
}

/* The same option of uWSGI's counts in megabytes: taken for bytes, the number would have every worker replaced at once,
 * for ever. */
static void check_worker_rss(const struct config *config, struct mistakes *mistakes)
{
    char given[UNITS_TEXT_BYTES];

    if (config->max_worker_rss_bytes == 0 || config->max_worker_rss_bytes >= LEAST_WORKER_BYTES)
        return;
    units_format_size(given, config->max_worker_rss_bytes);
    mistakes_add(mistakes, "%s: no worker fits into '%s': a number without unit is bytes; 512m, say, is meant",
                 label_of(config, OPTION_max_worker_rss_bytes).text, given);
}

/* A name that may be that of a request's id: one that means something else would be overwritten. */
static void check_id_header(const struct config *config, struct mistakes *mistakes)
{
    static const char *const taken[] = {"host", "connection", "content-length", "content-type", "transfer-encoding",
                                        "date", "server",     "expect",         "cookie",       "traceparent"};
    const char *name = config->request_id_header;
    size_t len = name != NULL ? strlen(name) : 0;

    if (name == NULL)
        return;
    if (len == 0 || len > MOST_NAME_BYTES || strspn(name, NAME_CHARACTERS) != len)
        mistakes_add(mistakes, "%s: '%s' is no name of a header field: letters, digits and hyphens, at most %d",
                     label_of(config, OPTION_request_id_header).text, mistakes_quote(slice_of_string(name)).text,
                     MOST_NAME_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++) {
        if (strcasecmp(name, taken[i]) == 0)
            mistakes_add(mistakes, "%s: the field '%s' means something else: take X-Request-ID, say",
                         label_of(config, OPTION_request_id_header).text, name);
    }
}

static void check_syslog(const struct config *config, enum option_id id, const char *value, struct mistakes *mistakes)
{
    struct log_syslog syslog;
    char error[ERROR_BYTES];

    if (value != NULL && log_syslog_is_meant(value) && log_syslog_parse(&syslog, value, error, sizeof(error)) < 0)
        mistakes_add(mistakes, "%s: %s", label_of(config, id).text, error);
}

void check_config(struct config *config, struct mistakes *mistakes, bool needs_app)
{
    if (config->ledger->app.spelling == NULL && needs_app)
        mistakes_add(mistakes,
                     "no application is named: clutch [options] APP, where APP is module:callable, module, file.py or "
                     "file.py:callable");
    merge_callable(config, mistakes);
    check_places(config, mistakes);
    check_pairs(config, OPTION_env, &config->env, mistakes);
    check_pairs(config, OPTION_environ_pairs, &config->environ_pairs, mistakes);
    check_addresses(config, mistakes);
    check_warmup(config, mistakes);
    check_limits(config, mistakes);
    check_worker_rss(config, mistakes);
    check_id_header(config, mistakes);
    check_syslog(config, OPTION_error_logfile, config->error_logfile, mistakes);
    check_syslog(config, OPTION_access_logfile, config->access_logfile, mistakes);
}
