/* SPDX-License-Identifier: MIT
 * The forms of --help for other programs: whole, and without a byte that the other program would take for its own. What
 * the shells make of them is tested with real shells (tests/install). */
#include "config_support.h"
#include "help_forms.h"

static char *print_form(enum help_form form)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    config_print_help_form(form, out);
    fclose(out);
    return text;
}

static const struct option_name *name_of(const char *name)
{
    const struct option_name *found = options_find_long(slice_of_string(name));

    assert_non_null(found);
    return found;
}

static void forms_have_names(void **state)
{
    static const char *const names[] = {"markdown", "man", "bash", "zsh", "FISH"};
    enum help_form form = HELP_TEXT;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(help_forms_find(names[i], &form));
        assert_int_equal(form, HELP_MARKDOWN + i);
    }
    assert_false(help_forms_find("", &form));
    assert_false(help_forms_find("html", &form));
    assert_int_equal(form, HELP_FISH);
}

/* "debug-without" is hidden; --no-effect names are no options. */
static void every_form_names_every_option(void **state)
{
    (void)state;
    for (enum help_form form = HELP_MARKDOWN; form <= HELP_FISH; form++) {
        char *text = print_form(form);

        for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
            char name[100], *at = name;
            bool is_known = !options_is_hidden(&options_table[id]);

            at += sprintf(at, form == HELP_FISH ? " -l " : form == HELP_MAN ? "\\-\\-" : "--");
            for (const char *byte = options_table[id].name; *byte != '\0'; byte++)
                at += sprintf(at, form == HELP_MAN && *byte == '-' ? "\\-" : "%c", *byte);
            if ((strstr(text, name) != NULL) != is_known)
                fail_msg("form %d: %s is %s", form, name, is_known ? "missing" : "not hidden");
        }
        free(text);
    }
}

static void values_are_completed_by_their_kind(void **state)
{
    static const struct {
        const char *name;
        enum completion completion;
    } expected[] = {
        {"log-level", COMPLETE_WORDS},
        {"forwarded-headers", COMPLETE_LIST},
        {"workers", COMPLETE_WORDS},
        {"processes", COMPLETE_WORDS},
        {"pid", COMPLETE_FILES},
        {"pidfile", COMPLETE_FILES},
        {"venv", COMPLETE_DIRECTORIES},
        {"chown-socket", COMPLETE_USERS},
        {"user", COMPLETE_USERS},
        {"gid", COMPLETE_GROUPS},
        {"wsgi-file", COMPLETE_PYTHON_FILES},
        {"module", COMPLETE_TEXT},
        {"bind", COMPLETE_TEXT},
        {"preload", COMPLETE_NOTHING},
        {"master", COMPLETE_NOTHING},
        {"worker-tmp-dir", COMPLETE_TEXT},
        {"sandbox-write", COMPLETE_FILES},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        if (completion_of(name_of(expected[i].name)) != expected[i].completion)
            fail_msg("--%s", expected[i].name);
    }
}

static void summaries_end_at_a_semicolon(void **state)
{
    (void)state;
    assert_true(slice_equal(completion_summary(name_of("threads")), SLICE("app threads of each worker")));
    assert_true(slice_equal(completion_summary(name_of("chown-socket")),
                            SLICE("owner of unix sockets (names or numbers; :GROUP alone is enough)")));
    assert_true(slice_equal(completion_summary(name_of("master")), SLICE("there is always a master")));
}

static void finds_the_options_of_a_command(void **state)
{
    static const struct command_description command = {"status", "[--json] [--control-socket=ADDRESS] X", ""};
    static const struct command_description plain = {"top", "", ""};
    struct slice option = {0};

    (void)state;
    assert_true(completion_next_option(&command, &option));
    assert_true(slice_equal(option, SLICE("--json")));
    assert_true(completion_next_option(&command, &option));
    assert_true(slice_equal(option, SLICE("--control-socket")));
    assert_false(completion_next_option(&command, &option));
    option = (struct slice){0};
    assert_false(completion_next_option(&plain, &option));
}

/* A line that begins with a dot is a request, and only these are meant; no other line begins with what roff would eat.
 */
static void manual_page_has_only_known_requests(void **state)
{
    static const char *const known[] = {".\\\" ", ".TH ",  ".SH ",  ".SS ",  ".TP\n",
                                        ".P\n",   ".br\n", ".nf\n", ".fi\n", ".BR "};
    char *text = print_form(HELP_MAN);

    (void)state;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        bool is_known = *line != '.' && *line != '\'' && *line != '\n';

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            is_known |= strncmp(line, known[i], strlen(known[i])) == 0;
        if (!is_known)
            fail_msg("%.*s", (int)strcspn(line, "\n"), line);
    }
    free(text);
}

static void texts_are_quoted(void **state)
{
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    completion_print_quoted(out, SLICE("it's [a]:b"), "[]:", "'\\''");
    fclose(out);
    assert_string_equal(text, "it'\\''s \\[a\\]\\:b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_have_names),
        cmocka_unit_test(every_form_names_every_option),
        cmocka_unit_test(values_are_completed_by_their_kind),
        cmocka_unit_test(summaries_end_at_a_semicolon),
        cmocka_unit_test(finds_the_options_of_a_command),
        cmocka_unit_test(manual_page_has_only_known_requests),
        cmocka_unit_test(texts_are_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
