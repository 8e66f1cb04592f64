/* SPDX-License-Identifier: MIT
 * The two sections of a configuration file. [clutch] is as strict as the command line; [uwsgi] was written for another
 * server, so what clutch does not know there is passed over. */
#include "file_options.h"

#include "app_name.h"
#include "buf.h"
#include "counterparts.h"
#include "options.h"
#include "suggest.h"
#include "units.h"
#include "value.h"

/* One setting on its way into the config. */
struct applying {
    struct config *config;
    struct mistakes *mistakes;
    const struct config_file *file;
    unsigned layer;
    struct buf unused; /* [uwsgi]: "socket (line 3), ..." */
};

static void set_app(const struct applying *applying, enum app_form form, const char *value, struct origin origin)
{
    app_name_set(applying->config, applying->mistakes, form, slice_of_string(value), origin);
}

/* `master = no` would be a lie if it passed. Returns whether the setting asks for what is so. */
static bool is_always_so(const struct option_name *name, const char *value)
{
    bool is_wanted = true;

    return name->takes_value || !units_parse_flag(slice_of_string(value), &is_wanted) || is_wanted;
}

/* Whether the same section has set it before: nobody could tell which of the two lines was meant. */
static bool is_set_twice(const struct applying *applying, enum option_id id, const struct origin *origin)
{
    const struct origin *before = &applying->config->ledger->options[id];
    enum option_kind kind = options_table[id].kind;

    if (kind == KIND_LIST || kind == KIND_PATHS || before->kind != ORIGIN_FILE || origin_compare(before, origin) != 0)
        return false;
    mistakes_add(applying->mistakes, "%s: it is set in line %u already", origin->spelling, before->line);
    return true;
}

static void set_option(const struct applying *applying, const struct file_setting *setting, enum option_id id,
                       const char *value, struct origin origin)
{
    if (options_table[id].kind == KIND_ACTION)
        mistakes_add(applying->mistakes, "%s: it works on the command line only", origin.spelling);
    else if (id == OPTION_config_files)
        mistakes_add(applying->mistakes, "%s: a file cannot name another one: give --config for each", origin.spelling);
    else if (setting->is_uwsgi || !is_set_twice(applying, id, &origin))
        value_set(applying->config, applying->mistakes, id, slice_of_string(value), origin);
}

static void report_unknown(const struct applying *applying, const struct file_setting *setting,
                           const struct origin *origin)
{
    struct slice key = slice_of_string(setting->key);
    const struct foreign_option *foreign = suggest_find_foreign(key);
    const struct option_name *nearest = foreign == NULL ? suggest_find_nearest(key) : NULL;

    if (foreign != NULL)
        mistakes_add(applying->mistakes, "%s is not an option of clutch: %s", origin->spelling, foreign->instead);
    else if (nearest != NULL)
        mistakes_add(applying->mistakes, "%s: there is no such option: did you mean %s?", origin->spelling,
                     nearest->name);
    else
        mistakes_add(applying->mistakes, "%s: there is no such option", origin->spelling);
}

static void apply_own(struct applying *applying, const struct file_setting *setting)
{
    const struct option_name *name = options_find_long(slice_of_string(setting->key));
    struct origin origin = config_file_origin(applying->file, setting, applying->layer);

    if (strcmp(setting->key, "app") == 0)
        set_app(applying, APP_FORM_GUESSED, setting->value, origin);
    else if (name == NULL)
        report_unknown(applying, setting, &origin);
    else if (name->role == NAME_APP)
        set_app(applying, name->is_file ? APP_FORM_FILE : APP_FORM_MODULE, setting->value, origin);
    else if (name->role != NAME_NO_EFFECT)
        set_option(applying, setting, name->id, setting->value, origin);
    else if (!is_always_so(name, setting->value))
        mistakes_add(applying->mistakes, "%s: '%s' is not possible: %s", origin.spelling,
                     mistakes_quote(slice_of_string(setting->value)).text, name->why);
}

static void note_unused(struct applying *applying, const struct file_setting *setting)
{
    if (buf_append_format(&applying->unused, "%s%s (line %u)", applying->unused.len > 0 ? ", " : "",
                          mistakes_quote(slice_of_string(setting->key)).text, setting->line) < 0)
        applying->config->ledger->is_out_of_memory = true;
}

static void apply_uwsgi(struct applying *applying, const struct file_setting *setting)
{
    const char *key = config_file_uwsgi_name(applying->file, setting);
    struct counterpart meaning = counterparts_of_uwsgi(slice_of_string(key), setting->value);
    struct counterpart_value value = counterparts_value(&meaning, setting->value);
    const struct option_name *name = meaning.name;
    struct origin origin = config_file_origin(applying->file, setting, applying->layer);

    if (setting->is_broken) {
        if (applying->config->ledger->app.spelling == NULL)
            applying->config->ledger->app.spelling = origin.spelling; /* it may have named the application */
    } else if (key == NULL)
        return;
    else if (counterparts_is_uwsgi_logic(setting->key))
        mistakes_add(applying->mistakes, "%s: conditions and loops of uWSGI are not understood", origin.spelling);
    else if (name == NULL && setting->is_read)
        return;
    else if (name == NULL)
        note_unused(applying, setting);
    else if (name->role == NAME_APP)
        set_app(applying, name->is_file ? APP_FORM_FILE : APP_FORM_MODULE, setting->value, origin);
    else if (name->role != NAME_NO_EFFECT)
        set_option(applying, setting, name->id, value.text != NULL ? value.text : value.copy, origin);
    else if (!is_always_so(name, setting->value))
        mistakes_warn(applying->mistakes, "%s: '%s' is not possible: %s", origin.spelling,
                      mistakes_quote(slice_of_string(setting->value)).text, name->why);
}

static void apply_section(struct applying *applying, bool is_uwsgi)
{
    for (size_t i = 0; i < applying->file->count; i++) {
        const struct file_setting *setting = &applying->file->settings[i];

        if (setting->is_uwsgi && is_uwsgi)
            apply_uwsgi(applying, setting);
        else if (!setting->is_uwsgi && !is_uwsgi)
            apply_own(applying, setting);
    }
}

void file_options_read(struct config *config, struct mistakes *mistakes, const char *spelling, const char *path,
                       unsigned number, char *const *environment)
{
    struct config_file file;
    struct applying applying = {.config = config, .mistakes = mistakes, .file = &file, .layer = 2 * number};

    buf_init(&applying.unused);
    config_file_read(&file, config->ledger, mistakes, spelling, path, environment);
    apply_section(&applying, true);
    applying.layer++;
    apply_section(&applying, false);
    if (applying.unused.len > 0)
        mistakes_warn(mistakes, "%s: not used: %.*s: `clutch import-config` says why", file.name.text,
                      (int)applying.unused.len, applying.unused.ptr);
    buf_fini(&applying.unused);
    config_file_fini(&file);
}
