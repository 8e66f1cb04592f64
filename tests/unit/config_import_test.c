/* SPDX-License-Identifier: MIT
 * clutch import-config: nothing of the other server's settings is lost in silence, and what comes out can be read. */
#include "config_file_support.h"

#include "counterparts.h"
#include "importer.h"

static char *print_import(struct importer *importer)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_int_equal(importer_print(importer, out), 0);
    fclose(out);
    importer_free(importer);
    return text;
}

/* What shop.ini with this text becomes. */
static char *convert_with(char *const *environment, const char *text, const char *said)
{
    struct importer *importer = importer_new("shop.ini", "uWSGI");
    char *errors = NULL;
    size_t size;
    FILE *out = open_memstream(&errors, &size);

    assert_non_null(importer);
    assert_non_null(out);
    write_file("shop.ini", text);
    assert_int_equal(importer_uwsgi(importer, environment, out), said == NULL);
    fclose(out);
    assert_string_equal(errors, said != NULL ? said : "");
    free(errors);
    if (said == NULL)
        return print_import(importer);
    importer_free(importer);
    return NULL;
}

static char *convert(const char *text, const char *said)
{
    return convert_with(NULL, text, said);
}

static void an_ini_file_becomes_ours(void **state)
{
    char *text = convert("[uwsgi]\n"
                         "base = /srv\n"
                         "unused = 1\n"
                         "master = true\n"
                         "lazy-apps = false\n"
                         "http-socket = :8080\n"
                         "http = :8081\n"
                         "socket = :3031\n"
                         "wsgi-file = %(base)/shop.wsgi\n"
                         "callable = app\n"
                         "processes = 4\n"
                         "processes = 5\n"
                         "threads = many\n"
                         "chmod-socket = 664\n"
                         "log-format = %(addr)\n"
                         "if-env = X\n"
                         "ini = other.ini\n"
                         "version = true\n",
                         NULL);

    (void)state;
    assert_string_equal(
        text, "; From shop.ini, for uWSGI.\n"
              "[clutch]\n"
              "bind = :8080\n"
              "bind = :8081\n"
              "app = /srv/shop.wsgi\n"
              "callable = app\n"
              "workers = 5\n"
              "chmod-socket = 664\n"
              "; uWSGI logs every request (no disable-logging). Here that is\n"
              ";access-logfile = -\n"
              ";access-logformat = uwsgi\n"
              "\n"
              "; Without effect, because it is always so:\n"
              ";   master = true (line 4): there is always a master\n"
              "\n"
              "; No counterpart:\n"
              ";   unused = 1 (line 3): clutch does not know it\n"
              ";   lazy-apps = false (line 5): the application is loaded in each worker unless --preload is given\n"
              ";   socket = :3031 (line 8): the uwsgi protocol is not spoken; use --bind and let the proxy in front "
              "speak HTTP\n"
              ";   processes = 4 (line 11): a later setting says otherwise\n"
              ";   threads = many (line 13): threads: 'many' is not a whole number (1 to 1024)\n"
              ";   log-format = %(addr) (line 15): see --access-logfile and --access-logformat; its fields are written "
              "%(name)s as "
              "well, but have gunicorn's names\n"
              ";   if-env = X (line 16): conditions and loops are not understood: what stands inside was taken as if "
              "it held\n"
              ";   ini = other.ini (line 17): one file cannot name another: give --config for each\n"
              ";   version = true (line 18): it works on the command line only\n");
    free(text);
}

/* What a file leaves to the other server's defaults, says twice or takes from the environment is not lost either. */
static void what_is_not_in_the_file_is_told(void **state)
{
    static const char *const lines[] = {
        "graceful-timeout = 8\n",
        "bind = :90\n",
        "; The number of workers is not understood: see below.\nworkers = 1\n",
        "; uWSGI loads the application once, before it forks (no lazy-apps). Here that is\n;preload = yes\n",
        "; uWSGI logs every request (no disable-logging). Here that is\n;access-logfile = -\n",
        "; From the environment of this moment:\n;   http = :90 (line 2): later changes of the variable are not seen\n",
        ";   worker-reload-mercy = 60 (line 3): a later setting says otherwise\n",
        ";   processes = many (line 5): workers: 'many' is not a whole number or auto (1 to 1024)\n",
    };
    char port[] = "PORT=90", *environment[] = {port, NULL}, *text;

    (void)state;
    text = convert_with(
        environment, "[uwsgi]\nhttp = :$(PORT)\nworker-reload-mercy = 60\nreload-mercy = 8\nprocesses = many\n", NULL);
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no '%s' in:\n%s", lines[i], text);
    }
    free(text);
    text = convert("[uwsgi]\nsocket = :1\nprotocol = http\n", NULL);
    assert_non_null(strstr(text, "\nbind = :1\n"));
    assert_non_null(strstr(text, ";   protocol = http (line 3): HTTP is always spoken\n"));
    free(text);
    text = convert("[uwsgi]\nlazy-apps\ndisable-logging\nmodule = a\nprocesses = 2\nprocesses = 2\n", NULL);
    assert_non_null(strstr(text, "; No address for HTTP is named. Here that is\n;bind = 127.0.0.1:8000\n"));
    assert_null(strstr(text, "uWSGI l"));
    assert_null(strstr(text, "otherwise"));
    free(text);
}

static void what_comes_out_can_be_read(void **state)
{
    char *text =
        convert("[uwsgi]\nmodule = shop:app\nhttp = :80\npreload = true\nenv = A=1\nenv = B= ; #\nvenv = /v\n", NULL);
    char *values = print_file(text, ARGV("-c", "shop.ini"), NULL, "");

    (void)state;
    assert_value(values, "app", "shop:app", "shop.ini:3");
    assert_value(values, "bind", ":80", "shop.ini:4");
    assert_value(values, "preload", "yes", "shop.ini:5");
    assert_value(values, "env", "A=1, B= ; #", "shop.ini:7");
    assert_value(values, "workers", "1", "shop.ini:10"); /* not auto: it is what uWSGI did */
    free(values);
    free(text);
}

static void applications_keep_their_meaning(void **state)
{
    const struct {
        const char *setting, *line;
    } cases[] = {
        {"module = a.b:c", "\napp = a.b:c\n"},
        {"wsgi = a", "\napp = a\n"},
        {"wsgi-file = a.py", "\napp = a.py\n"},
        {"file = ./a.py:b", "\napp = ./a.py:b\n"},
        {"wsgi-file = application.wsgi", "\nwsgi-file = application.wsgi\n"},
        {"module = a.py", "(line 2): app: 'a.py' is a file, not a module: give it as it is, or with --wsgi-file\n"},
        {"module = a\nwsgi-file = b.py", "(line 3): the application is named twice: 'a' (app) and 'b.py' (app)\n"},
        {"http = :1", "\n; The application is not named: here as `app = ...`, or on the command line.\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char file[200], *text;

        snprintf(file, sizeof file, "[uwsgi]\n%s\n", cases[i].setting);
        text = convert(file, NULL);
        if (strstr(text, cases[i].line) == NULL)
            fail_msg("no '%s' in:\n%s", cases[i].line, text);
        free(text);
    }
}

static void a_file_that_is_wrong_is_refused(void **state)
{
    (void)state;
    convert("[uwsgi]\nht tp\nmodule = $(NONE)\n",
            "clutch: shop.ini:2: neither a [section] nor name = value nor a comment\n"
            "clutch: shop.ini:3: module: $(NONE) is not set in the environment\n"
            "clutch: try 'clutch --help'\n");
    convert("[clutch]\nworkers = 3\n",
            "clutch: shop.ini: there is nothing in a section [uwsgi]\nclutch: try 'clutch --help'\n");
}

#define TEXTS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static void settings_of_gunicorn_become_ours(void **state)
{
    const struct import_setting settings[] = {
        {"my_own", IMPORT_TEXT, TEXTS("x")},
        {"wsgi_app", IMPORT_TEXT, TEXTS("shop:app")},
        {"bind", IMPORT_TEXT, TEXTS(":1", "unix:/a")},
        {"workers", IMPORT_NUMBER, TEXTS("3")},
        {"umask", IMPORT_NUMBER, TEXTS("18")},
        {"preload_app", IMPORT_TEXT, TEXTS("True")},
        {"proxy_protocol", IMPORT_TEXT, TEXTS("auto")},
        {"daemon", IMPORT_TEXT, TEXTS("False")},
        {"accesslog", IMPORT_TEXT, TEXTS("")},
        {"spew", IMPORT_TEXT, TEXTS("True")},
        {"worker_tmp_dir", IMPORT_TEXT, TEXTS("/dev/shm")},
        {"post_fork", IMPORT_CODE, NULL, 0},
        {"keepalive", IMPORT_OTHER, NULL, 0},
        {"chdir", IMPORT_TEXT, TEXTS("/a", "/b")},
        {"user", IMPORT_TEXT, TEXTS("a\nb")},
    };
    struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");
    char *text;

    (void)state;
    assert_non_null(importer);
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
        importer_gunicorn(importer, &settings[i]);
    text = print_import(importer);
    assert_string_equal(
        text, "; From gunicorn.conf.py, for gunicorn.\n"
              "[clutch]\n"
              "app = shop:app\n"
              "bind = :1\n"
              "bind = unix:/a\n"
              "workers = 3\n"
              "umask = 22\n"
              "preload = yes\n"
              "; gunicorn kills a worker of its kind sync whose request takes more than 30 s. Here the nearest is\n"
              ";request-timeout = 30\n"
              "\n"
              "; Without effect, because it is always so:\n"
              ";   worker_tmp_dir = /dev/shm: the watch over workers needs no file\n"
              "\n"
              "; No counterpart:\n"
              ";   proxy_protocol = auto: proxy-protocol: 'auto' is not yes or no\n"
              ";   spew = True: use a debugger or sys.settrace() in the application\n"
              ";   post_fork: see the built-in module clutch: on_worker_start\n"
              ";   keepalive: it has a value of a type that is not understood\n"
              ";   chdir = /a: it has a value of a type that is not understood\n"
              ";   user = a\\x0ab: an ini file has no values with blanks around them or line breaks\n");
    free(text);
}

static void addresses_of_gunicorn_are_understood(void **state)
{
    static const char *const wanted =
        "[clutch]\n"
        "; The application is not named: here as `app = ...`, or on the command line.\n"
        "bind = 127.0.0.1:80\n"
        "bind = unix:/run/a.sock\n"
        "bind = localhost:8000\n"
        "bind = [::1]:8000\n"
        "bind = 10.0.0.1:8000\n"
        "; The default of gunicorn without $WEB_CONCURRENCY; that of clutch is auto.\n"
        "workers = 1\n"
        "; gunicorn kills a worker of its kind sync whose request takes more than 30 s. Here the nearest is\n"
        ";request-timeout = 30\n"
        "\n"
        "; No counterpart:\n"
        ";   bind = fd://3: a descriptor is no address: name the one to listen at\n";
    const struct import_setting setting = {
        "bind", IMPORT_TEXT,
        TEXTS("127.0.0.1:80, unix:/run/a.sock,", "localhost", "[::1]", "tcp://10.0.0.1", "fd://3")};
    struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");
    char *text;

    (void)state;
    assert_non_null(importer);
    importer_gunicorn(importer, &setting);
    text = print_import(importer);
    assert_string_equal(strchr(text, '\n') + 1, wanted);
    free(text);
}

static void a_time_limit_of_gunicorn_is_told_once(void **state)
{
    static const char *const names[] = {"timeout", "threads", "worker_class"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");
        const struct import_setting setting = {names[i], IMPORT_TEXT, TEXTS("2")};
        char *text;

        assert_non_null(importer);
        importer_gunicorn(importer, &setting);
        text = print_import(importer);
        assert_null(strstr(text, "more than 30 s"));
        free(text);
    }
}

static void a_value_may_be_too_long_for_a_line(void **state)
{
    struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");
    char *text, *value = malloc(20001);
    const struct import_setting setting = {"pidfile", IMPORT_TEXT, (const char *const[]){value}, 1};

    (void)state;
    assert_non_null(importer);
    assert_non_null(value);
    memset(value, 'x', 20000);
    value[20000] = '\0';
    importer_gunicorn(importer, &setting);
    text = print_import(importer);
    assert_non_null(strstr(text, ": it is too long for a line of an ini file\n"));
    assert_null(strstr(text, "\npid = "));
    free(text);
    free(value);
}

static char *convert_gunicorn(const struct import_setting *settings, size_t count)
{
    struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");

    assert_non_null(importer);
    for (size_t i = 0; i < count; i++)
        importer_gunicorn(importer, &settings[i]);
    return print_import(importer);
}

static void what_means_something_else_here_is_put_right(void **state)
{
    struct import_setting settings[] = {
        {"graceful_timeout", IMPORT_NUMBER, TEXTS("0")},
        {"reload_extra_files", IMPORT_TEXT, TEXTS("/a", "/b")},
        {"reload", IMPORT_TEXT, TEXTS("False")},
    };
    char *text = convert_gunicorn(settings, ARRAY_COUNT(settings));

    (void)state;
    assert_non_null(strstr(text, "\ngraceful-timeout = 1ms\n"));
    assert_non_null(strstr(text, "\n; Of no effect there without reload:\n;reload-file = /a\n"));
    free(text);
    settings[2].values = (const char *const[]){"True"};
    text = convert_gunicorn(settings, ARRAY_COUNT(settings));
    assert_non_null(strstr(text, "\nreload-file = /a\nreload-file = /b\nreload = yes\n"));
    free(text);
}

/* 0 turns it off there; here it would have every body written to a file. */
static void post_buffering_may_be_off(void **state)
{
    char *text = convert("[uwsgi]\nmodule = a\npost-buffering = 0\n", NULL);

    (void)state;
    assert_null(strstr(text, "body-memory = "));
    assert_non_null(
        strstr(text, ";   post-buffering = 0 (line 3): bodies are always read whole before the application"));
    free(text);
    text = convert("[uwsgi]\nmodule = a\npost-buffering = 0\npost-buffering = 4096\n", NULL);
    assert_non_null(strstr(text, "\nbody-memory = 4096\n"));
    free(text);
}

/* Whatever the setting, it comes out as an option or as a comment. */
static void no_setting_is_lost(void **state)
{
    (void)state;
    for (const struct counterpart_row *row = counterparts_gunicorn; row->name != NULL; row++) {
        struct importer *importer = importer_new("gunicorn.conf.py", "gunicorn");
        struct import_setting setting = {row->name, IMPORT_TEXT, TEXTS("2")};
        char *text, place[100];

        assert_non_null(importer);
        importer_gunicorn(importer, &setting);
        text = print_import(importer);
        snprintf(place, sizeof place, ";   %s = 2: ", row->name);
        if (strstr(text, place) == NULL && strstr(text, " = 2\n") == NULL && strstr(text, " = 2:8000\n") == NULL)
            fail_msg("%s is lost:\n%s", row->name, text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ini_file_becomes_ours),
        cmocka_unit_test(what_comes_out_can_be_read),
        cmocka_unit_test(applications_keep_their_meaning),
        cmocka_unit_test(a_file_that_is_wrong_is_refused),
        cmocka_unit_test(settings_of_gunicorn_become_ours),
        cmocka_unit_test(what_is_not_in_the_file_is_told),
        cmocka_unit_test(addresses_of_gunicorn_are_understood),
        cmocka_unit_test(a_value_may_be_too_long_for_a_line),
        cmocka_unit_test(a_time_limit_of_gunicorn_is_told_once),
        cmocka_unit_test(what_means_something_else_here_is_put_right),
        cmocka_unit_test(post_buffering_may_be_off),
        cmocka_unit_test(no_setting_is_lost),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
