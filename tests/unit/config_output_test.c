/* SPDX-License-Identifier: MIT
 * --help, --print-config and the reference page: complete, within their width, and true. */
#include "config_support.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cpus.h"
#include "options.h"
#include "suggest.h"

static char *print_text(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out);
    fclose(out);
    return text;
}

static char *print_values(const char *const *argv, const char *const *environment)
{
    struct parsed parsed = parse_good(argv, environment);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    config_print_values(parsed.config, out);
    fclose(out);
    parsed_fini(&parsed);
    return text;
}

static void assert_names_everything(const char *text)
{
    char name[100];

    for (size_t i = 0; i < options_names_count; i++) {
        bool is_hidden = options_names[i].role == NAME_OWN && options_is_hidden(&options_table[options_names[i].id]);

        if (options_names[i].name == NULL)
            continue;
        snprintf(name, sizeof name, "--%s", options_names[i].name);
        if ((strstr(text, name) == NULL) != is_hidden)
            fail_msg("%s is %s", name, is_hidden ? "not hidden" : "missing");
    }
}

static size_t find_longest_line(const char *text)
{
    size_t longest = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, "\r\n");

        longest = len > longest ? len : longest;
        text += len + (text[len] != '\0');
    }
    return longest;
}

static void help_names_everything_in_80_columns(void **state)
{
    char *text = print_text(config_print_help);

    (void)state;
    assert_names_everything(text);
    assert_in_range(find_longest_line(text), 70, 80);
    assert_null(strstr(text, " \n"));
    assert_non_null(strstr(text, "[default 4096; 1 to 65535; also\n                            --listen, -l]\n"));
    assert_non_null(strstr(text, "      --backlog N           connections the kernel queues"));
    assert_non_null(strstr(text, "\nExamples:\n"));
    assert_non_null(strstr(text, "clutch --http 0.0.0.0:8000 --wsgi-file app_main.py --master --processes 5\n"));
    free(text);
}

/* Prints the help on a terminal of so many columns; returns its longest line. */
static size_t find_width_on_terminal(unsigned short columns)
{
    struct winsize window = {.ws_row = 24, .ws_col = columns};
    int terminal, other_end, saved = 0;
    char *text = NULL;
    size_t size, longest;
    FILE *out, *copy = open_memstream(&text, &size);

    assert_non_null(copy);
    assert_int_equal(openpty(&other_end, &terminal, NULL, NULL, &window), 0);
    out = fdopen(terminal, "w");
    assert_non_null(out);
    setvbuf(out, NULL, _IOFBF, 65536); /* all of it in one write, which the small terminal takes bit by bit */
    if (fork() == 0) {
        close(other_end);
        config_print_help(out);
        fflush(out);
        _exit(0);
    }
    close(terminal);
    for (char bytes[512];;) {
        ssize_t count = read(other_end, bytes, sizeof bytes);

        if (count <= 0)
            break;
        fwrite(bytes, 1, (size_t)count, copy);
        saved += (int)count;
    }
    fclose(copy);
    assert_true(saved > 1000);
    longest = find_longest_line(text);
    free(text);
    close(other_end);
    return longest;
}

static void help_follows_the_terminal(void **state)
{
    (void)state;
    assert_in_range(find_width_on_terminal(40), 70, 80);
    assert_in_range(find_width_on_terminal(90), 81, 90);
    assert_in_range(find_width_on_terminal(200), 91, 100);
}

static void reference_page_names_everything(void **state)
{
    char *text = print_text(config_print_markdown);
    char name[100];

    (void)state;
    assert_names_everything(text);
    for (size_t i = 0; i < suggest_foreign_count; i++) {
        snprintf(name, sizeof name, "| `--%s`", suggest_foreign[i].name);
        if (strstr(text, name) == NULL)
            fail_msg("%s is missing", name);
    }
    assert_non_null(
        strstr(text, "| `--workers N\\|auto` `-w` `--processes` | `auto` | 1 to 1024, auto | worker processes;"));
    assert_non_null(strstr(text, "| `--log-level` | `info` | one of debug, info, warning, error, critical |"));
    free(text);
}

/* Every row of a table has as many cells as its head. */
static void reference_tables_are_whole(void **state)
{
    char *text = print_text(config_print_markdown);
    int expected = 0;

    (void)state;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        int cells = 0;

        for (const char *at = line; *at != '\n'; at++)
            cells += *at == '|' && (at == line || at[-1] != '\\');
        if (*line != '|')
            expected = 0;
        else if (expected == 0)
            expected = cells;
        if (cells != expected)
            fail_msg("%.*s", (int)strcspn(line, "\n"), line);
    }
    free(text);
}

static void assert_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (at == NULL || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void values_say_where_they_come_from(void **state)
{
    char *text = print_values(ARGV("--print-config", "--http", ":1", "-b", "unix:/a", "-m22", "--no-preload", "m:app"),
                              ENVIRONMENT("CLUTCH_WORKERS=7", "CLUTCH_KEEP_ALIVE=1500ms", "CLUTCH_LOG_LEVEL=debug"));

    (void)state;
    assert_line(text, "app                    m:app                        command line APP");
    assert_line(text, "bind                   :1, unix:/a                  command line -b");
    assert_line(text, "workers                7                            environment CLUTCH_WORKERS");
    assert_line(text, "keep-alive             1500ms                       environment CLUTCH_KEEP_ALIVE");
    assert_line(text, "log-level              debug                        environment CLUTCH_LOG_LEVEL");
    assert_line(text, "umask                  022                          command line -m");
    assert_line(text, "preload                no                           command line --no-preload");
    assert_line(text, "limit-request-head     32k                          default");
    assert_line(text, "limit-request-line     8190                         default");
    assert_line(text, "venv                   (none)                       default");
    free(text);
}

static void values_stay_in_their_lines(void **state)
{
    char *text =
        print_values(ARGV("--print-config", "--bind", "a\nworkers 9\x1b[2J", "--logto", "\xc3\xa9", "m:app"), NULL);

    (void)state;
    assert_line(text, "bind                   a\\x0aworkers 9\\x1b[2J        command line --bind");
    assert_line(text, "error-logfile          \xc3\xa9                           command line --logto");
    free(text);
}

static void values_name_every_setting(void **state)
{
    char *text = print_values(ARGV("--print-config"), NULL);
    char start[100];

    (void)state;
    assert_line(text, "app                    (none)                       -");
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        snprintf(start, sizeof start, "\n%s ", options_table[id].name);
        assert_int_equal(strstr(text, start) != NULL,
                         options_table[id].kind != KIND_ACTION && !options_is_hidden(&options_table[id]));
    }
    free(text);
}

static void hidden_options_are_shown_once_they_are_set(void **state)
{
    char *text = print_values(ARGV("--print-config", "--debug-without=gil-count,sentry"), NULL);

    (void)state;
    assert_line(text, "debug-without          sentry,gil-count             command line --debug-without");
    free(text);
}

static void auto_workers_show_their_number(void **state)
{
    unsigned granted = cpus_count_granted();
    char *text = print_values(ARGV("--print-config"), NULL), value[30], line[100];

    (void)state;
    snprintf(value, sizeof value, "auto (%u)", granted > 1024 ? 1024 : granted);
    snprintf(line, sizeof line, "workers                %-28s default", value);
    assert_line(text, line);
    free(text);
    text = print_values(ARGV("--print-config", "-w", "auto"), ENVIRONMENT("CLUTCH_WORKERS=7"));
    snprintf(line, sizeof line, "workers                %-28s command line -w", value);
    assert_line(text, line);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_everything_in_80_columns),
        cmocka_unit_test(help_follows_the_terminal),
        cmocka_unit_test(reference_page_names_everything),
        cmocka_unit_test(reference_tables_are_whole),
        cmocka_unit_test(values_say_where_they_come_from),
        cmocka_unit_test(values_stay_in_their_lines),
        cmocka_unit_test(values_name_every_setting),
        cmocka_unit_test(auto_workers_show_their_number),
        cmocka_unit_test(hidden_options_are_shown_once_they_are_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
