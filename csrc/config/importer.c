/* SPDX-License-Identifier: MIT
 * Sorts the settings of another server: what becomes an option here, what is always so, what has no counterpart. A
 * value counts only when the option takes it, so what comes out can be read again. */
#include "importer.h"

#include <errno.h>
#include <stdlib.h>

#include "app_name.h"
#include "buf.h"
#include "config_file.h"
#include "counterparts.h"
#include "units.h"
#include "value.h"

enum {
    ADDRESS_BYTES = 300,
    MOST_VALUE_BYTES = 16000, /* with the name in front, ini_lines takes it */
};

/* A line of the section [clutch]. */
struct import_line {
    enum option_id id; /* OPTIONS_COUNT: the application */
    const char *key, *value;
    const char *name; /* in the other server's file: kept */
    unsigned number;  /* of its line there, or 0 */
};

struct importer {
    const char *source, *server;
    struct config *config;     /* owned: tries each value */
    struct import_line *lines; /* owned */
    size_t count;
    struct buf idle, missing, of_now;     /* comments */
    bool has_workers, is_lazy, is_silent; /* what is said of workers, of loading the application, of logging requests */
    bool is_bounded;                      /* what is said of gunicorn's time limit, or of workers that have none */
};

/* A setting on its way. */
struct incoming {
    const char *name;
    unsigned line; /* 0: not known */
    enum import_kind kind;
    struct counterpart meaning;
};

struct importer *importer_new(const char *source, const char *server)
{
    struct importer *importer = calloc(1, sizeof *importer);
    struct config *config = calloc(1, sizeof *config);

    if (importer == NULL || config == NULL || (config->ledger = ledger_new()) == NULL) {
        free(importer);
        free(config);
        return NULL;
    }
    *importer = (struct importer){.source = source, .server = server, .config = config};
    return importer;
}

void importer_free(struct importer *importer)
{
    if (importer == NULL)
        return;
    config_free(importer->config);
    free(importer->lines);
    buf_fini(&importer->idle);
    buf_fini(&importer->missing);
    buf_fini(&importer->of_now);
    free(importer);
}

static void check(struct importer *importer, int error)
{
    importer->config->ledger->is_out_of_memory |= error < 0;
}

/* ";   socket = :3031 (line 3): why", with value NULL for none. */
static void note(struct importer *importer, struct buf *comments, const struct incoming *incoming, const char *value,
                 const char *why)
{
    check(importer, buf_append_format(comments, ";   %s", mistakes_quote(slice_of_string(incoming->name)).text));
    if (value != NULL)
        check(importer, buf_append_format(comments, " = %s", mistakes_quote(slice_of_string(value)).text));
    if (incoming->line > 0)
        check(importer, buf_append_format(comments, " (line %u)", incoming->line));
    check(importer, buf_append_format(comments, ": %s\n", why));
}

static bool may_repeat(enum option_id id)
{
    return id != OPTIONS_COUNT && (options_table[id].kind == KIND_LIST || options_table[id].kind == KIND_PATHS);
}

/* Another line says the same option: the later one wins, as there. */
static void replace_line(struct importer *importer, struct import_line *before, struct import_line line)
{
    const struct incoming lost = {.name = before->name, .line = before->number};

    if (strcmp(before->value, line.value) != 0)
        note(importer, &importer->missing, &lost, before->value, "a later setting says otherwise");
    *before = line;
}

static void add_line(struct importer *importer, const struct incoming *incoming, enum option_id id, const char *key,
                     const char *value)
{
    struct config_ledger *ledger = importer->config->ledger;
    struct import_line line = {id, key, ledger_keep(ledger, slice_of_string(value)),
                               ledger_keep(ledger, slice_of_string(incoming->name)), incoming->line};
    struct import_line *lines;

    for (size_t i = 0; i < importer->count && !may_repeat(id); i++) {
        if (importer->lines[i].id == id) {
            replace_line(importer, &importer->lines[i], line);
            return;
        }
    }
    lines = realloc(importer->lines, (importer->count + 1) * sizeof *lines);
    if (lines == NULL) {
        ledger->is_out_of_memory = true;
        return;
    }
    importer->lines = lines;
    lines[importer->count++] = line;
}

/* Whether the option (or the application) takes the value; if not, it is noted with the reason. */
static bool is_taken(struct importer *importer, const struct incoming *incoming, const char *value)
{
    const struct option_name *name = incoming->meaning.name;
    bool is_app = name->role == NAME_APP, is_good;
    struct origin origin = {.kind = ORIGIN_FILE, .spelling = is_app ? "app" : options_table[name->id].name};
    struct mistakes mistakes;

    if (mistakes_init(&mistakes) < 0) {
        importer->config->ledger->is_out_of_memory = true;
        return false;
    }
    if (is_app)
        app_name_set(importer->config, &mistakes, name->is_file ? APP_FORM_FILE : APP_FORM_MODULE,
                     slice_of_string(value), origin);
    else
        value_set(importer->config, &mistakes, name->id, slice_of_string(value), origin);
    fflush(mistakes.out);
    is_good = mistakes.count == 0;
    if (!is_good) { /* "clutch: keep-alive: ...\n" */
        mistakes.text[strcspn(mistakes.text, "\n")] = '\0';
        note(importer, &importer->missing, incoming, value, mistakes.text + strlen("clutch: "));
    }
    mistakes_fini(&mistakes);
    return is_good;
}

/* gunicorn's addresses may begin with tcp:// and need no port. */
static const char *gunicorn_address(char address[ADDRESS_BYTES], const char *value)
{
    const char *rest = strncmp(value, "tcp://", 6) == 0 ? value + 6 : value, *bracket = strrchr(rest, ']');
    int len = ADDRESS_BYTES;

    if (strncmp(rest, "fd://", 5) != 0 && strchr(bracket != NULL ? bracket : rest, ':') == NULL)
        len = snprintf(address, ADDRESS_BYTES, "%s:8000", rest);
    return len < ADDRESS_BYTES ? address : rest;
}

static void add_option(struct importer *importer, const struct incoming *incoming, const char *value)
{
    char address[ADDRESS_BYTES];
    enum option_id id = incoming->meaning.name->id;
    enum option_kind kind = options_table[id].kind;
    struct counterpart_value ours = counterparts_value(&incoming->meaning, value);
    char octal[UNITS_TEXT_BYTES];
    bool flag;

    value = ours.text != NULL ? ours.text : ours.copy;
    importer->has_workers |= id == OPTION_workers;
    if (id == OPTION_bind && !incoming->meaning.is_uwsgi)
        value = gunicorn_address(address, value);
    if (id == OPTION_graceful_timeout_ms && !incoming->meaning.is_uwsgi && strcmp(value, "0") == 0)
        value = "1ms"; /* there it means at once, here without end */
    if (id == OPTION_bind && strncmp(value, "fd://", 5) == 0) {
        note(importer, &importer->missing, incoming, value, "a descriptor is no address: name the one to listen at");
        return;
    }
    if (kind == KIND_OCTAL && incoming->kind == IMPORT_NUMBER) {
        snprintf(octal, sizeof octal, "%llo", strtoull(value, NULL, 10));
        value = octal;
    }
    if (!is_taken(importer, incoming, value))
        return;
    if (kind == KIND_FLAG && units_parse_flag(slice_of_string(value), &flag))
        value = flag ? "yes" : "no";
    add_line(importer, incoming, id, options_table[id].name, value);
}

/* Under the key `app` where that would be understood in the same way. */
static void add_app(struct importer *importer, const struct incoming *incoming, const char *value)
{
    bool is_file = incoming->meaning.name->is_file;
    size_t target = strcspn(value, ":");
    bool looks_like_file =
        memchr(value, '/', target) != NULL || (target > 3 && memcmp(value + target - 3, ".py", 3) == 0);

    if (!is_taken(importer, incoming, value))
        return;
    if (is_file == looks_like_file)
        add_line(importer, incoming, OPTIONS_COUNT, "app", value);
    else
        add_line(importer, incoming, OPTIONS_COUNT, is_file ? "wsgi-file" : "module", value);
}

static void add_value(struct importer *importer, const struct incoming *incoming, const char *value)
{
    const struct option_name *name = incoming->meaning.name;
    bool is_wanted = true;

    if (strpbrk(value, "\r\n") != NULL || slice_trim(slice_of_string(value)).len != strlen(value))
        note(importer, &importer->missing, incoming, value,
             "an ini file has no values with blanks around them or line breaks");
    else if (strlen(value) > MOST_VALUE_BYTES)
        note(importer, &importer->missing, incoming, value, "it is too long for a line of an ini file");
    else if (name->role == NAME_APP)
        add_app(importer, incoming, value);
    else if (name->role != NAME_NO_EFFECT && options_table[name->id].kind == KIND_ACTION)
        note(importer, &importer->missing, incoming, value, "it works on the command line only");
    else if (name->role != NAME_NO_EFFECT && name->id == OPTION_config_files)
        note(importer, &importer->missing, incoming, value, "one file cannot name another: give --config for each");
    else if (name->role != NAME_NO_EFFECT)
        add_option(importer, incoming, value);
    else if (name->takes_value || !units_parse_flag(slice_of_string(value), &is_wanted) || is_wanted)
        note(importer, &importer->idle, incoming, value, name->why);
    else
        note(importer, &importer->missing, incoming, value, name->why);
}

static const char *explain(const struct file_setting *setting, const struct counterpart *meaning)
{
    if (counterparts_is_uwsgi_logic(setting->key))
        return "conditions and loops are not understood: what stands inside was taken as if it held";
    return meaning->why != NULL ? meaning->why : "clutch does not know it";
}

/* `name`: what the setting is looked up by; NULL: there is nothing to do for it. */
static void add_uwsgi(struct importer *importer, const struct file_setting *setting, const char *name)
{
    struct incoming incoming = {.name = setting->key, .line = setting->line, .kind = IMPORT_TEXT};

    if (name == NULL) {
        note(importer, &importer->idle, &incoming, setting->value, "HTTP is always spoken");
        return;
    }
    incoming.meaning = counterparts_of_uwsgi(slice_of_string(name), setting->value);
    importer->is_lazy |= strcmp(setting->key, "lazy-apps") == 0 || strcmp(setting->key, "lazy") == 0;
    importer->is_silent |= strcmp(setting->key, "disable-logging") == 0;
    if (setting->is_of_now && incoming.meaning.name != NULL)
        note(importer, &importer->of_now, &incoming, setting->value, "later changes of the variable are not seen");
    if (incoming.meaning.name != NULL)
        add_value(importer, &incoming, setting->value);
    else if (!setting->is_read)
        note(importer, &importer->missing, &incoming, setting->value, explain(setting, &incoming.meaning));
}

bool importer_uwsgi(struct importer *importer, char *const *environment, FILE *errors)
{
    struct config_file file;
    struct mistakes mistakes;
    bool is_good, has_section = false;

    if (mistakes_init(&mistakes) < 0) {
        importer->config->ledger->is_out_of_memory = true;
        return true;
    }
    config_file_read(&file, importer->config->ledger, &mistakes, "import-config", importer->source, environment);
    for (size_t i = 0; i < file.count; i++) {
        has_section |= file.settings[i].is_uwsgi;
        if (file.settings[i].is_uwsgi && !file.settings[i].is_broken)
            add_uwsgi(importer, &file.settings[i], config_file_uwsgi_name(&file, &file.settings[i]));
    }
    if (mistakes.count == 0 && !has_section)
        mistakes_add(&mistakes, "%s: there is nothing in a section [uwsgi]", file.name.text);
    is_good = mistakes.count == 0;
    mistakes_print(&mistakes, errors);
    mistakes_fini(&mistakes);
    config_file_fini(&file);
    return is_good;
}

/* Several addresses may stand in one text, parted by commas. */
static void add_item(struct importer *importer, const struct incoming *incoming, const char *value)
{
    const struct option_name *name = incoming->meaning.name;
    bool is_bind = name->role != NAME_APP && name->role != NAME_NO_EFFECT && name->id == OPTION_bind;

    while (is_bind && strchr(value, ',') != NULL) {
        size_t len = strcspn(value, ",");
        struct slice item = slice_trim(slice_of(value, len));

        if (item.len > 0)
            add_value(importer, incoming, ledger_keep(importer->config->ledger, item));
        value += len + 1;
        value += strspn(value, " \t");
    }
    if (!is_bind || value[0] != '\0')
        add_value(importer, incoming, value);
}

void importer_gunicorn(struct importer *importer, const struct import_setting *setting)
{
    struct incoming incoming = {.name = setting->name, .kind = setting->kind};
    const char *first = setting->count > 0 ? setting->values[0] : NULL;
    bool takes_several;

    if (!counterparts_of_gunicorn(slice_of_string(setting->name), &incoming.meaning))
        return;
    if (first != NULL && first[0] == '\0')
        return; /* unset */
    importer->is_bounded |= strcmp(setting->name, "timeout") == 0 || strcmp(setting->name, "worker_class") == 0 ||
                            strcmp(setting->name, "threads") == 0;
    if ((incoming.meaning.name == NULL || incoming.meaning.name->role == NAME_NO_EFFECT) && first != NULL &&
        strcmp(first, "False") == 0 && strcmp(setting->name, "sendfile") != 0)
        return; /* what is not wanted is not missed; sendfile alone is on where nothing is said */
    if (incoming.meaning.name == NULL) {
        note(importer, &importer->missing, &incoming, first, incoming.meaning.why);
        return;
    }
    takes_several = incoming.meaning.name->role != NAME_APP && incoming.meaning.name->role != NAME_NO_EFFECT &&
                    may_repeat(incoming.meaning.name->id);
    if (setting->kind == IMPORT_CODE || setting->kind == IMPORT_OTHER || (setting->count > 1 && !takes_several))
        note(importer, &importer->missing, &incoming, first, "it has a value of a type that is not understood");
    else
        for (size_t i = 0; i < setting->count; i++)
            add_item(importer, &incoming, setting->values[i]);
}

static bool has_line(const struct importer *importer, enum option_id id)
{
    for (size_t i = 0; i < importer->count; i++) {
        if (importer->lines[i].id == id)
            return true;
    }
    return false;
}

static void print_comments(const char *title, const struct buf *comments, FILE *out)
{
    if (comments->len > 0)
        fprintf(out, "\n; %s\n%.*s", title, (int)comments->len, comments->ptr);
}

/* What the other server does where its file says nothing, and clutch does not. */
static void print_defaults(const struct importer *importer, FILE *out)
{
    bool is_uwsgi = strcmp(importer->server, "uWSGI") == 0;

    if (importer->has_workers && !has_line(importer, OPTION_workers))
        fputs("; The number of workers is not understood: see below.\nworkers = 1\n", out);
    else if (!has_line(importer, OPTION_workers))
        fprintf(out, "; The default of %s%s; that of clutch is auto.\nworkers = 1\n", importer->server,
                is_uwsgi ? "" : " without $WEB_CONCURRENCY");
    if (!is_uwsgi && !importer->is_bounded)
        fputs("; gunicorn kills a worker of its kind sync whose request takes more than 30 s. Here the nearest is\n"
              ";request-timeout = 30\n",
              out);
    if (is_uwsgi && !has_line(importer, OPTION_bind))
        fputs("; No address for HTTP is named. Here that is\n;bind = 127.0.0.1:8000\n", out);
    if (is_uwsgi && !importer->is_lazy && !has_line(importer, OPTION_preload))
        fputs("; uWSGI loads the application once, before it forks (no lazy-apps). Here that is\n;preload = yes\n",
              out);
    if (is_uwsgi && !importer->is_silent && !has_line(importer, OPTION_access_logfile))
        fputs("; uWSGI logs every request (no disable-logging). Here that is\n;access-logfile = -\n"
              ";access-logformat = uwsgi\n",
              out);
}

/* gunicorn looks at reload_extra_files only with reload; with clutch they stand for themselves. */
static void print_line(const struct importer *importer, const struct import_line *line, FILE *out)
{
    bool is_idle = line->id == OPTION_reload_file && strcmp(importer->server, "gunicorn") == 0;

    for (size_t i = 0; i < importer->count && is_idle; i++)
        is_idle = importer->lines[i].id != OPTION_reload || strcmp(importer->lines[i].value, "yes") != 0;
    fprintf(out, "%s%s = %s\n", is_idle ? "; Of no effect there without reload:\n;" : "", line->key, line->value);
}

int importer_print(const struct importer *importer, FILE *out)
{
    if (importer->config->ledger->is_out_of_memory)
        return -ENOMEM;
    fprintf(out, "; From %s, for %s.\n[clutch]\n", mistakes_quote(slice_of_string(importer->source)).text,
            importer->server);
    if (!has_line(importer, OPTIONS_COUNT))
        fputs("; The application is not named: here as `app = ...`, or on the command line.\n", out);
    for (size_t i = 0; i < importer->count; i++)
        print_line(importer, &importer->lines[i], out);
    print_defaults(importer, out);
    print_comments("From the environment of this moment:", &importer->of_now, out);
    print_comments("Without effect, because it is always so:", &importer->idle, out);
    print_comments("No counterpart:", &importer->missing, out);
    return 0;
}
