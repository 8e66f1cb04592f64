/* SPDX-License-Identifier: MIT
 * The tables themselves: a row that contradicts another one, or itself, fails here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attrs.h"
#include "counterparts.h"
#include "options.h"
#include "suggest.h"

static void every_name_is_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if (name->name != NULL)
            assert_ptr_equal(options_find_long(slice_of_string(name->name)), name);
        if (name->short_name != 0)
            assert_ptr_equal(options_find_short(name->short_name), name);
        assert_true(name->name != NULL || name->short_name != 0);
    }
}

static void every_option_has_its_own_name(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option_name *name = options_find_long(slice_of_string(options_table[id].name));
        bool is_bare = options_table[id].kind == KIND_FLAG || options_table[id].kind == KIND_ACTION;

        assert_non_null(name);
        assert_int_equal(name->role, NAME_OWN);
        assert_int_equal(name->id, id);
        assert_int_equal(name->takes_value, !is_bare);
        assert_int_equal(options_table[id].value[0] == '\0', is_bare);
        assert_true(strlen(options_table[id].help) > 10);
        assert_null(strstr(options_table[id].help, "may be repeated")); /* every kind of help says that by itself */
    }
}

static void aliases_take_values_as_their_options_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if (name->role == NAME_ALIAS)
            assert_int_equal(name->takes_value,
                             options_find_long(slice_of_string(options_table[name->id].name))->takes_value);
        if (name->role == NAME_APP)
            assert_true(name->takes_value);
        assert_int_equal(name->role == NAME_NO_EFFECT, name->why != NULL);
    }
}

static void bounds_are_in_order(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];
        bool has_bounds = option->kind == KIND_COUNT || option->kind == KIND_WORKERS || option->kind == KIND_DURATION ||
                          option->kind == KIND_SIZE || option->kind == KIND_OCTAL;

        assert_int_equal(option->least < option->most, has_bounds);
        assert_true(option->least >= 0);
    }
}

static void groups_are_not_scattered(void **state)
{
    (void)state;
    for (enum option_id id = 1; id < OPTIONS_COUNT; id++) {
        if (strcmp(options_table[id].group, options_table[id - 1].group) == 0)
            continue;
        for (enum option_id before = 0; before < id; before++)
            assert_string_not_equal(options_table[before].group, options_table[id].group);
    }
}

static void foreign_options_are_not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < suggest_foreign_count; i++) {
        const struct foreign_option *foreign = &suggest_foreign[i];

        if (options_find_long(slice_of_string(foreign->name)) != NULL ||
            options_find_short(foreign->short_name) != NULL)
            fail_msg("%s is in both tables", foreign->name);
        assert_ptr_equal(suggest_find_foreign(slice_of_string(foreign->name)), foreign);
        if (foreign->short_name != 0)
            assert_int_equal(suggest_find_foreign_short(foreign->short_name)->takes_value, foreign->takes_value);
    }
}

static void assert_names_real_options(const char *name, const char *sentence)
{
    for (const char *at = strstr(sentence, "--"); at != NULL; at = strstr(at + 2, "--")) {
        struct slice option = slice_of(at + 2, strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-"));

        if (options_find_long(option) == NULL)
            fail_msg("%s speaks of --%.*s", name, (int)option.len, option.ptr);
    }
}

/* A sentence that says "see --x" must name an option that is there. */
static void sentences_name_real_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < suggest_foreign_count; i++)
        assert_names_real_options(suggest_foreign[i].name, suggest_foreign[i].instead);
    for (const struct counterpart_row *row = counterparts_uwsgi; row->name != NULL; row++)
        assert_names_real_options(row->name, row->why != NULL ? row->why : "");
    for (const struct counterpart_row *row = counterparts_gunicorn; row->name != NULL; row++)
        assert_names_real_options(row->name, row->why != NULL ? row->why : "");
}

static void words_of_a_choice_come_in_order(void **state)
{
    static const char *const words[] = {"debug", "info", "warning", "error", "critical"};
    struct slice word = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        assert_true(options_next_word(&options_table[OPTION_log_level], &word));
        assert_true(slice_equal(word, slice_of_string(words[i])));
    }
    assert_false(options_next_word(&options_table[OPTION_log_level], &word));
}

static void slips_find_the_nearest_name(void **state)
{
    static const struct {
        const char *slip, *name; /* NULL: too far from everything */
    } cases[] = {
        {"worker", "workers"},
        {"wrokers", "workers"},
        {"bnd", "bind"},
        {"pidfile2", "pidfile"},
        {"limit-request-fiels", "limit-request-fields"},
        {"log-lvel", "log-level"},
        {"access-log", "access-logfile"},
        {"graceful", "graceful-timeout"},
        {"xyzzy-nothing", NULL},
        {"", NULL},
        {"q", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct option_name *nearest = suggest_find_nearest(slice_of_string(cases[i].slip));

        if (cases[i].name == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest == NULL ? "(none)" : nearest->name, cases[i].name);
    }
    assert_string_equal(suggest_find_nearest_own(SLICE("pidd"))->name, "pid");
    assert_null(suggest_find_nearest_own(SLICE("pidfile")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_unique),
        cmocka_unit_test(every_option_has_its_own_name),
        cmocka_unit_test(aliases_take_values_as_their_options_do),
        cmocka_unit_test(bounds_are_in_order),
        cmocka_unit_test(groups_are_not_scattered),
        cmocka_unit_test(foreign_options_are_not_ours),
        cmocka_unit_test(sentences_name_real_options),
        cmocka_unit_test(words_of_a_choice_come_in_order),
        cmocka_unit_test(slips_find_the_nearest_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
