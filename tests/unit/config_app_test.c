/* SPDX-License-Identifier: MIT
 * The ways to name the application, with a directory of files to find it in. */
#include "config_support.h"

#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/clutch-app-test-XXXXXX";

static void make_file(const char *name)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void run_on_path(const char *name, int (*action)(const char *path))
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    action(path);
}

static int make_private_directory(const char *path)
{
    return mkdir(path, 0700);
}

static int make_files(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    run_on_path("sub", make_private_directory);
    make_file("app_main.py");
    make_file("app.wsgi");
    make_file("sub/my-app.py");
    make_file("sub/with:colon.py");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    run_on_path("app_main.py", unlink);
    run_on_path("app.wsgi", unlink);
    run_on_path("sub/my-app.py", unlink);
    run_on_path("sub/with:colon.py", unlink);
    run_on_path("sub", rmdir);
    return rmdir(directory);
}

static void assert_text(const char *text, const char *expected)
{
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text != NULL ? text : "(NULL)", expected);
}

static void assert_app(const char *const *argv, const char *const *environment, const char *module, const char *file,
                       const char *callable)
{
    struct parsed parsed = parse_good(argv, environment);

    assert_text(parsed.config->app.module, module);
    assert_text(parsed.config->app.file, file);
    assert_text(parsed.config->app.callable, callable);
    assert_non_null(parsed.config->app.given);
    parsed_fini(&parsed);
}

static void the_form_says_module_or_file(void **state)
{
    const struct {
        const char *app, *module, *file, *callable;
    } cases[] = {
        {"app", "app", NULL, NULL},
        {"project.wsgi", "project.wsgi", NULL, NULL},
        {"project.wsgi:application", "project.wsgi", NULL, "application"},
        {"app:site.wsgi", "app", NULL, "site.wsgi"},
        {"_a1.b_2:_c", "_a1.b_2", NULL, "_c"},
        {"\xc3\xa9t\xc3\xa9:na\xc3\xafve", "\xc3\xa9t\xc3\xa9", NULL, "na\xc3\xafve"},
        {"app_main.py", NULL, "app_main.py", NULL},
        {"app_main.py:app", NULL, "app_main.py", "app"},
        {"./app_main.py", NULL, "./app_main.py", NULL},
        {"sub/my-app.py:a.b", NULL, "sub/my-app.py", "a.b"},
        {"./app.wsgi:app", NULL, "./app.wsgi", "app"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_app(ARGV("--chdir", directory, cases[i].app), NULL, cases[i].module, cases[i].file, cases[i].callable);
}

static void uwsgi_spellings_say_it_too(void **state)
{
    (void)state;
    assert_app(ARGV("--chdir", directory, "--wsgi-file", "app.wsgi"), NULL, NULL, "app.wsgi", NULL);
    assert_app(ARGV("--chdir", directory, "--file=app_main.py:app"), NULL, NULL, "app_main.py", "app");
    assert_app(ARGV("--module", "m:app"), NULL, "m", NULL, "app");
    assert_app(ARGV("--wsgi", "m", "--callable", "app"), NULL, "m", NULL, "app");
    assert_app(ARGV("--callable=app", "--chdir", directory, "--wsgi-file", "app_main.py"), NULL, NULL, "app_main.py",
               "app");
    assert_app(ARGV("m:app", "--callable", "app"), NULL, "m", NULL, "app");
    assert_app(ARGV("--module", "m", "m"), NULL, "m", NULL, NULL);
}

/* The command line of the article that this server is measured by. */
static void the_seed_experiment_starts(void **state)
{
    struct parsed parsed = parse_good(ARGV("--http", "0.0.0.0:8000", "--wsgi-file", "app_main.py", "--master",
                                           "--processes", "5", "--chdir", directory),
                                      NULL);

    (void)state;
    assert_int_equal(parsed.config->bind.count, 1);
    assert_string_equal(parsed.config->bind.items[0], "0.0.0.0:8000");
    assert_string_equal(parsed.config->app.file, "app_main.py");
    assert_int_equal(parsed.config->workers, 5);
    parsed_fini(&parsed);
}

static void files_are_looked_for_where_chdir_leads(void **state)
{
    char path[200], line[400];

    (void)state;
    snprintf(path, sizeof path, "%s/sub", directory);
    assert_app(ARGV("--chdir", path, "my-app.py"), NULL, NULL, "my-app.py", NULL);
    assert_app(ARGV("--chdir", path, "../app_main.py"), NULL, NULL, "../app_main.py", NULL);
    assert_app(ARGV("--chdir", path, "--wsgi-file", "./with:colon.py:app"), NULL, NULL, "./with:colon.py", "app");
    snprintf(line, sizeof line, "clutch: APP: the file 'app_main.py' does not exist in %s\n", path);
    assert_mistakes(ARGV("--chdir", path, "app_main.py"), NULL, line);
    assert_mistakes(ARGV("no_such_file.py:app"), NULL,
                    "clutch: APP: the file 'no_such_file.py' does not exist in the current directory\n");
    assert_mistakes(ARGV("--file", "/no/such/file"), NULL,
                    "clutch: --file: the file '/no/such/file' does not exist in the file system\n");
    snprintf(line, sizeof line, "clutch: APP: '%s' is a directory: a .py file or a module is needed\n", path);
    assert_mistakes(ARGV(path), NULL, line);
}

static void malformed_names_are_refused(void **state)
{
    static const char no_module[] = "names no module (words of letters, digits and _, parted by dots) and no .py file";
    static const char *const malformed[] = {"my-app", "1app", "a..b", ".a", "a.", "a b", "0.0.0.0:8000", "a:b:c", "-"};
    static const char *const no_callable[] = {"a:", "a:1", "a:b.", "a:.b", "a:b c", "a:b(", "app_main.py:"};
    char line[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        snprintf(line, sizeof line, "clutch: APP: '%s' %s\n", malformed[i], no_module);
        assert_mistakes(ARGV(malformed[i]), NULL, line);
    }
    for (size_t i = 0; i < ARRAY_COUNT(no_callable); i++) {
        snprintf(
            line, sizeof line,
            "clutch: APP: '%s' has no name of a callable after the colon (words of letters, digits and _, parted by "
            "dots)\n",
            no_callable[i]);
        assert_mistakes(ARGV(no_callable[i]), NULL, line);
    }
    assert_mistakes(ARGV(":app"), NULL,
                    "clutch: APP: ':app' names no application: module, module:callable, file.py or file.py:callable is "
                    "needed\n");
    assert_mistakes(
        ARGV("--callable", "a-b", "m"), NULL,
        "clutch: --callable: 'a-b' is not the name of a callable (words of letters, digits and _, parted by "
        "dots)\n");
}

static void near_misses_are_explained(void **state)
{
    (void)state;
    assert_mistakes(
        ARGV("m:make()"), NULL,
        "clutch: APP: 'm:make()' calls a factory, which is not supported: write `application = make()` in a "
        "module and name that\n");
    assert_mistakes(
        ARGV("--module=m:make('a/b', c=1)"), NULL,
        "clutch: --module: 'm:make('a/b', c=1)' calls a factory, which is not supported: write `application = "
        "make('a/b', c=1)` in a module and name that\n");
    assert_mistakes(ARGV("--module", "app_main.py"), NULL,
                    "clutch: --module: 'app_main.py' is a file, not a module: give it as it is, or with --wsgi-file\n");
    assert_mistakes(ARGV("uwsgi.ini"), NULL,
                    "clutch: APP: 'uwsgi.ini' is a configuration file: give it with --config\n");
    assert_mistakes(ARGV("uwsgi.yaml"), NULL,
                    "clutch: APP: 'uwsgi.yaml': of configuration files only ini files are read, with --config\n");
    assert_mistakes(
        ARGV("-w", "2"), NULL,
        "clutch: no application is named: clutch [options] APP, where APP is module:callable, module, file.py "
        "or file.py:callable\n");
}

static void two_applications_are_a_mistake(void **state)
{
    (void)state;
    assert_mistakes(ARGV("a", "b"), NULL, "clutch: the application is named twice: 'a' (APP) and 'b' (APP)\n");
    assert_mistakes(ARGV("--module", "a", "--wsgi-file", "a"), NULL,
                    "clutch: the application is named twice: 'a' (--module) and 'a' (--wsgi-file)\n");
    assert_mistakes(ARGV("a:b", "--module=a"), NULL,
                    "clutch: the application is named twice: 'a:b' (APP) and 'a' (--module)\n");
    assert_mistakes(ARGV("a:b", "--callable", "c"), NULL,
                    "clutch: --callable: 'c' is not the callable that 'a:b' (APP) names\n");
    assert_mistakes(ARGV("--print-config"), ENVIRONMENT("CLUTCH_APP=a:b", "CLUTCH_CALLABLE=c"),
                    "clutch: CLUTCH_CALLABLE: 'c' is not the callable that 'a:b' (CLUTCH_APP) names\n");
}

static void the_command_line_names_it_last(void **state)
{
    (void)state;
    assert_app(ARGV("--master"), ENVIRONMENT("CLUTCH_APP=a:b"), "a", NULL, "b");
    assert_app(ARGV("c"), ENVIRONMENT("CLUTCH_APP=a:b"), "c", NULL, NULL);
    assert_app(ARGV("c:d"), ENVIRONMENT("CLUTCH_CALLABLE=e"), "c", NULL, "d");
    assert_app(ARGV("c"), ENVIRONMENT("CLUTCH_CALLABLE=e"), "c", NULL, "e");
    assert_app(ARGV("--callable", "d"), ENVIRONMENT("CLUTCH_APP=a:b"), "a", NULL, "d");
    assert_app(ARGV("--callable", "d"), ENVIRONMENT("CLUTCH_APP=a", "CLUTCH_CALLABLE=e"), "a", NULL, "d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_says_module_or_file),   cmocka_unit_test(uwsgi_spellings_say_it_too),
        cmocka_unit_test(the_seed_experiment_starts),     cmocka_unit_test(files_are_looked_for_where_chdir_leads),
        cmocka_unit_test(malformed_names_are_refused),    cmocka_unit_test(near_misses_are_explained),
        cmocka_unit_test(two_applications_are_a_mistake), cmocka_unit_test(the_command_line_names_it_last),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
