/* SPDX-License-Identifier: MIT
 * Sorts the settings of another server: what becomes an option here, what is always so, what has no counterpart. A
 * value counts only when the option takes it, so what comes out can be read again. */
#include "import.h"

#include <errno.h>
#include <stdlib.h>

#include "app_name.h"
#include "buf.h"
#include "config_file.h"
#include "counterparts.h"
#include "units.h"
#include "value.h"

/* A line of the section [clutch]. */
struct import_line {
    enum option_id id; /* OPTIONS_COUNT: the application */
    const char *key, *value;
};

struct import {
    const char *source, *server;
    struct config *config;     /* owned: tries each value */
    struct import_line *lines; /* owned */
    size_t count;
    struct buf idle, missing; /* comments */
};

/* A setting on its way. */
struct incoming {
    const char *name;
    unsigned line; /* 0: not known */
    enum import_kind kind;
    struct counterpart meaning;
};

struct import *import_new(const char *source, const char *server)
{
    struct import *import = calloc(1, sizeof *import);
    struct config *config = calloc(1, sizeof *config);

    if (import == NULL || config == NULL || (config->ledger = ledger_new()) == NULL) {
        free(import);
        free(config);
        return NULL;
    }
    *import = (struct import){.source = source, .server = server, .config = config};
    return import;
}

void import_free(struct import *import)
{
    if (import == NULL)
        return;
    config_free(import->config);
    free(import->lines);
    buf_fini(&import->idle);
    buf_fini(&import->missing);
    free(import);
}

static void check(struct import *import, int error)
{
    import->config->ledger->is_out_of_memory |= error < 0;
}

/* ";   socket = :3031 (line 3): why", with value NULL for none. */
static void note(struct import *import, struct buf *comments, const struct incoming *incoming, const char *value,
                 const char *why)
{
    check(import, buf_append_format(comments, ";   %s", mistakes_quote(slice_of_string(incoming->name)).text));
    if (value != NULL)
        check(import, buf_append_format(comments, " = %s", mistakes_quote(slice_of_string(value)).text));
    if (incoming->line > 0)
        check(import, buf_append_format(comments, " (line %u)", incoming->line));
    check(import, buf_append_format(comments, ": %s\n", why));
}

static void add_line(struct import *import, enum option_id id, const char *key, const char *value)
{
    bool may_repeat =
        id != OPTIONS_COUNT && (options_table[id].kind == KIND_LIST || options_table[id].kind == KIND_PATHS);
    struct import_line line = {id, key, ledger_keep(import->config->ledger, slice_of_string(value))};
    struct import_line *lines;

    for (size_t i = 0; i < import->count && !may_repeat; i++) {
        if (import->lines[i].id == id) {
            import->lines[i] = line;
            return;
        }
    }
    lines = realloc(import->lines, (import->count + 1) * sizeof *lines);
    if (lines == NULL) {
        import->config->ledger->is_out_of_memory = true;
        return;
    }
    import->lines = lines;
    lines[import->count++] = line;
}

/* Whether the option (or the application) takes the value; if not, it is noted with the reason. */
static bool is_taken(struct import *import, const struct incoming *incoming, const char *value)
{
    const struct option_name *name = incoming->meaning.name;
    bool is_app = name->role == NAME_APP, is_good;
    struct origin origin = {.kind = ORIGIN_FILE, .spelling = is_app ? "app" : options_table[name->id].name};
    struct mistakes mistakes;

    if (mistakes_init(&mistakes) < 0) {
        import->config->ledger->is_out_of_memory = true;
        return false;
    }
    if (is_app)
        app_name_set(import->config, &mistakes, name->is_file ? APP_FORM_FILE : APP_FORM_MODULE, slice_of_string(value),
                     origin);
    else
        value_set(import->config, &mistakes, name->id, slice_of_string(value), origin);
    fflush(mistakes.out);
    is_good = mistakes.count == 0;
    if (!is_good) { /* "clutch: keep-alive: ...\n" */
        mistakes.text[strcspn(mistakes.text, "\n")] = '\0';
        note(import, &import->missing, incoming, value, mistakes.text + strlen("clutch: "));
    }
    mistakes_fini(&mistakes);
    return is_good;
}

static void add_option(struct import *import, const struct incoming *incoming, const char *value)
{
    enum option_id id = incoming->meaning.name->id;
    enum option_kind kind = options_table[id].kind;
    struct counterpart_value ours = counterparts_value(&incoming->meaning, value);
    char octal[UNITS_TEXT_BYTES];
    bool flag;

    value = ours.text != NULL ? ours.text : ours.copy;
    if (kind == KIND_OCTAL && incoming->kind == IMPORT_NUMBER) {
        snprintf(octal, sizeof octal, "%llo", strtoull(value, NULL, 10));
        value = octal;
    }
    if (!is_taken(import, incoming, value))
        return;
    if (kind == KIND_FLAG && units_parse_flag(slice_of_string(value), &flag))
        value = flag ? "yes" : "no";
    add_line(import, id, options_table[id].name, value);
}

/* Under the key `app` where that would be understood in the same way. */
static void add_app(struct import *import, const struct incoming *incoming, const char *value)
{
    bool is_file = incoming->meaning.name->is_file;
    size_t target = strcspn(value, ":");
    bool looks_like_file =
        memchr(value, '/', target) != NULL || (target > 3 && memcmp(value + target - 3, ".py", 3) == 0);

    if (!is_taken(import, incoming, value))
        return;
    if (is_file == looks_like_file)
        add_line(import, OPTIONS_COUNT, "app", value);
    else
        add_line(import, OPTIONS_COUNT, is_file ? "wsgi-file" : "module", value);
}

static void add_value(struct import *import, const struct incoming *incoming, const char *value)
{
    const struct option_name *name = incoming->meaning.name;
    bool is_wanted = true;

    if (strpbrk(value, "\r\n") != NULL || slice_trim(slice_of_string(value)).len != strlen(value))
        note(import, &import->missing, incoming, value,
             "an ini file has no values with blanks around them or line breaks");
    else if (name->role == NAME_APP)
        add_app(import, incoming, value);
    else if (name->role != NAME_NO_EFFECT && options_table[name->id].kind == KIND_ACTION)
        note(import, &import->missing, incoming, value, "it works on the command line only");
    else if (name->role != NAME_NO_EFFECT && name->id == OPTION_config_files)
        note(import, &import->missing, incoming, value, "one file cannot name another: give --config for each");
    else if (name->role != NAME_NO_EFFECT)
        add_option(import, incoming, value);
    else if (name->takes_value || !units_parse_flag(slice_of_string(value), &is_wanted) || is_wanted)
        note(import, &import->idle, incoming, value, name->why);
    else
        note(import, &import->missing, incoming, value, name->why);
}

static const char *explain(const struct file_setting *setting, const struct counterpart *meaning)
{
    if (counterparts_is_uwsgi_logic(setting->key))
        return "conditions and loops are not understood: what stands inside was taken as if it held";
    return meaning->why != NULL ? meaning->why : "clutch does not know it";
}

static void add_uwsgi(struct import *import, const struct file_setting *setting)
{
    struct incoming incoming = {.name = setting->key, .line = setting->line, .kind = IMPORT_TEXT};

    incoming.meaning = counterparts_of_uwsgi(slice_of_string(setting->key));
    if (incoming.meaning.name != NULL)
        add_value(import, &incoming, setting->value);
    else if (!setting->is_read)
        note(import, &import->missing, &incoming, setting->value, explain(setting, &incoming.meaning));
}

bool import_uwsgi(struct import *import, char *const *environment, FILE *errors)
{
    struct config_file file;
    struct mistakes mistakes;
    bool is_good, has_section = false;

    if (mistakes_init(&mistakes) < 0) {
        import->config->ledger->is_out_of_memory = true;
        return true;
    }
    config_file_read(&file, import->config->ledger, &mistakes, "import-config", import->source, environment);
    for (size_t i = 0; i < file.count; i++) {
        has_section |= file.settings[i].is_uwsgi;
        if (file.settings[i].is_uwsgi && !file.settings[i].is_broken)
            add_uwsgi(import, &file.settings[i]);
    }
    if (mistakes.count == 0 && !has_section)
        mistakes_add(&mistakes, "%s: there is nothing in a section [uwsgi]", file.name.text);
    is_good = mistakes.count == 0;
    mistakes_print(&mistakes, errors);
    mistakes_fini(&mistakes);
    config_file_fini(&file);
    return is_good;
}

void import_gunicorn(struct import *import, const struct import_setting *setting)
{
    struct incoming incoming = {.name = setting->name, .kind = setting->kind};
    const char *first = setting->count > 0 ? setting->values[0] : NULL;
    bool may_repeat;

    if (!counterparts_of_gunicorn(slice_of_string(setting->name), &incoming.meaning))
        return;
    if ((incoming.meaning.name == NULL || incoming.meaning.name->role == NAME_NO_EFFECT) && first != NULL &&
        strcmp(first, "False") == 0)
        return; /* what is not wanted is not missed */
    if (incoming.meaning.name == NULL) {
        note(import, &import->missing, &incoming, first, incoming.meaning.why);
        return;
    }
    may_repeat = incoming.meaning.name->role != NAME_APP && incoming.meaning.name->role != NAME_NO_EFFECT &&
                 (options_table[incoming.meaning.name->id].kind == KIND_LIST ||
                  options_table[incoming.meaning.name->id].kind == KIND_PATHS);
    if (setting->kind == IMPORT_CODE || setting->kind == IMPORT_OTHER || (setting->count > 1 && !may_repeat))
        note(import, &import->missing, &incoming, first, "it has a value of a type that is not understood");
    else
        for (size_t i = 0; i < setting->count; i++)
            add_value(import, &incoming, setting->values[i]);
}

static bool has_line(const struct import *import, enum option_id id)
{
    for (size_t i = 0; i < import->count; i++) {
        if (import->lines[i].id == id)
            return true;
    }
    return false;
}

static void print_comments(const char *title, const struct buf *comments, FILE *out)
{
    if (comments->len > 0)
        fprintf(out, "\n; %s\n%.*s", title, (int)comments->len, comments->ptr);
}

int import_print(const struct import *import, FILE *out)
{
    if (import->config->ledger->is_out_of_memory)
        return -ENOMEM;
    fprintf(out, "; From %s, for %s.\n[clutch]\n", mistakes_quote(slice_of_string(import->source)).text,
            import->server);
    if (!has_line(import, OPTIONS_COUNT))
        fputs("; The application is not named: here as `app = ...`, or on the command line.\n", out);
    for (size_t i = 0; i < import->count; i++)
        fprintf(out, "%s = %s\n", import->lines[i].key, import->lines[i].value);
    if (!has_line(import, OPTION_workers))
        fprintf(out, "; The default of %s; that of clutch is auto.\nworkers = 1\n", import->server);
    print_comments("Without effect, because it is always so:", &import->idle, out);
    print_comments("No counterpart:", &import->missing, out);
    return 0;
}
