/* SPDX-License-Identifier: MIT
 * Command lines and environments made by chance (always the same ones): nothing may crash, leak, or pass its bounds. */
#include "config_support.h"

#include "options.h"

enum { ROUNDS = 4000, MOST_TEXTS = 7, TEXT_BYTES = 48 };

static uint64_t random_state;

/* xorshift64: the same numbers on every machine. */
static unsigned random_below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % limit);
}

static const char *const pieces[] = {
    "app",   "m:app", "m:make()", "/dev/null", "x.py",     "--",  "-",        "=",
    ",",     "5",     "-5",       "auto",      "1.5s",     "64k", "yes",      "no",
    "--no-", "--",    "-w",       "-p",        "-b",       "-M",  "-MTw",     "99999999999999999999",
    "0777",  "A=1",   "socket",   "harakiri",  "worker",   "\n",  "\x7f\xff", "true",
    "debug", ":",     "/",        ".",         "markdown",
};

static void append(char text[TEXT_BYTES], const char *piece)
{
    strncat(text, piece, TEXT_BYTES - 1 - strlen(text));
}

/* Puts a text together from option names, values, and now and then a byte that nobody asked for. */
static void make_text(char text[TEXT_BYTES])
{
    text[0] = '\0';
    if (random_below(2) == 0) {
        const struct option_name *name = &options_names[random_below((unsigned)options_names_count)];

        append(text, random_below(8) == 0 ? "--no-" : "--");
        append(text, name->name != NULL ? name->name : "");
        append(text, random_below(2) == 0 ? "=" : "");
    }
    for (unsigned count = random_below(3); count > 0; count--)
        append(text, pieces[random_below(ARRAY_COUNT(pieces))]);
    if (text[0] != '\0' && random_below(8) == 0)
        text[random_below((unsigned)strlen(text))] = (char)(1 + random_below(255));
}

static void make_variable(char text[TEXT_BYTES])
{
    const char *name = options_names[random_below((unsigned)options_names_count)].name;

    strcpy(text, "CLUTCH_");
    append(text, name != NULL ? name : "APP");
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '-' ? '_' : (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    append(text, random_below(16) == 0 ? "" : "=");
    append(text, pieces[random_below(ARRAY_COUNT(pieces))]);
    if (random_below(8) == 0)
        text[random_below((unsigned)strlen(text))] = (char)(1 + random_below(255));
}

/* Every line begins with the program's name and holds only what a terminal can show. */
static void check_lines(const char *errors)
{
    for (const char *line = errors; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_int_equal(strncmp(line, "clutch: ", 8), 0);
        for (const char *at = line; *at != '\n'; at++)
            assert_in_range((unsigned char)*at, ' ', '~');
    }
}

static void check_config(const struct config *config)
{
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];
        const void *value = options_value(config, id);

        if (option->kind == KIND_OCTAL && *(const int64_t *)value == -1)
            continue;
        if (option->least < option->most)
            assert_true(*(const int64_t *)value >= option->least && *(const int64_t *)value <= option->most);
        if (option->kind == KIND_CHOICE)
            assert_in_range(*(const int *)value, 0, 4);
    }
    if (!config->help && !config->version && !config->print_config)
        assert_true((config->app.module != NULL) != (config->app.file != NULL));
}

static void print_everything(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    config_print_values(config, out);
    fclose(out);
    assert_non_null(strstr(text, "\naccess-logformat "));
    free(text);
}

static void anything_is_answered(void **state)
{
    char texts[2 * MOST_TEXTS][TEXT_BYTES];
    const char *argv[MOST_TEXTS + 2] = {"clutch"}, *environment[MOST_TEXTS + 1];
    unsigned good = 0;

    (void)state;
    random_state = 20240401;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned count = random_below(MOST_TEXTS + 1), variables = random_below(3);
        struct parsed parsed;

        for (unsigned i = 0; i < count; i++)
            make_text(texts[i]), argv[i + 1] = texts[i];
        argv[count + 1] = NULL;
        for (unsigned i = 0; i < variables; i++)
            make_variable(texts[MOST_TEXTS + i]), environment[i] = texts[MOST_TEXTS + i];
        environment[variables] = NULL;
        parsed = parse(argv, environment);
        check_lines(parsed.errors);
        assert_int_equal(parsed.config == NULL, strstr(parsed.errors, "clutch: try 'clutch --help'\n") != NULL);
        if (parsed.config != NULL) {
            good++;
            check_config(parsed.config);
            print_everything(parsed.config);
        }
        parsed_fini(&parsed);
    }
    assert_true(good > ROUNDS / 100); /* else the texts are too wild to test anything */
}

static void no_arguments_at_all(void **state)
{
    char *nothing[] = {NULL};
    char *errors = NULL;
    size_t size;
    FILE *out = open_memstream(&errors, &size);

    (void)state;
    assert_null(config_parse(0, nothing, NULL, out));
    fclose(out);
    assert_int_equal(strncmp(errors, "clutch: no application is named", 31), 0);
    free(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_is_answered),
        cmocka_unit_test(no_arguments_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
