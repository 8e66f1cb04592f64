/* SPDX-License-Identifier: MIT
 * Takes the name of the application apart. Runs in the master, before Python exists: only the form is judged. */
#include "app_name.h"

struct app_parts {
    struct slice target;   /* a module or a file */
    struct slice callable; /* ptr NULL: not said */
    bool is_file;
};

static bool ends_with(struct slice text, struct slice end)
{
    return text.len > end.len && slice_equal_nocase(slice_of(text.ptr + text.len - end.len, end.len), end);
}

/* Python takes letters of all scripts; their UTF-8 bytes are all above 0x7f. */
static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c > 0x7f;
}

bool app_name_is_dotted(struct slice text)
{
    bool is_start = true;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_start ? !is_name_start(c) : !is_name_start(c) && c != '.' && !(c >= '0' && c <= '9'))
            return false;
        is_start = c == '.';
    }
    return !is_start;
}

/* `module:make()`: ends in a call of what follows the colon. */
static bool is_call(struct slice text, struct slice *call)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;

    if (colon == NULL || text.ptr[text.len - 1] != ')')
        return false;
    *call = slice_of(colon + 1, (size_t)(text.ptr + text.len - colon - 1));
    return memchr(call->ptr, '(', call->len) != NULL;
}

/* A colon begins the callable unless a '/' follows it: directories may have colons in their names. */
static struct app_parts split_parts(struct slice text, enum app_form form)
{
    struct app_parts parts = {.target = text};

    for (size_t i = text.len; i > 0 && text.ptr[i - 1] != '/'; i--) {
        if (text.ptr[i - 1] == ':') {
            parts.target = slice_of(text.ptr, i - 1);
            parts.callable = slice_of(text.ptr + i, text.len - i);
            break;
        }
    }
    parts.is_file =
        form == APP_FORM_FILE || (form == APP_FORM_GUESSED &&
                                  ((parts.target.len > 0 && memchr(parts.target.ptr, '/', parts.target.len) != NULL) ||
                                   ends_with(parts.target, SLICE(".py"))));
    return parts;
}

static bool is_foreign_configuration(struct slice target)
{
    return ends_with(target, SLICE(".xml")) || ends_with(target, SLICE(".yaml")) || ends_with(target, SLICE(".yml")) ||
           ends_with(target, SLICE(".json"));
}

static bool check_module(struct mistakes *mistakes, struct slice target, const char *label, const char *given)
{
    if (ends_with(target, SLICE(".ini")))
        mistakes_add(mistakes, "%s: '%s' is a configuration file: give it with --config", label, given);
    else if (is_foreign_configuration(target))
        mistakes_add(mistakes, "%s: '%s': of configuration files only ini files are read, with --config", label, given);
    else if (ends_with(target, SLICE(".py")))
        mistakes_add(mistakes, "%s: '%s' is a file, not a module: give it as it is, or with --wsgi-file", label, given);
    else if (!app_name_is_dotted(target))
        mistakes_add(mistakes,
                     "%s: '%s' names no module (words of letters, digits and _, parted by dots) and no .py file", label,
                     given);
    else
        return true;
    return false;
}

static bool check_parts(struct mistakes *mistakes, const struct app_parts *parts, const char *label, const char *given)
{
    if (parts->target.len == 0)
        mistakes_add(mistakes,
                     "%s: '%s' names no application: module, module:callable, file.py or file.py:callable is needed",
                     label, given);
    else if (!parts->is_file && !check_module(mistakes, parts->target, label, given))
        return false;
    else if (parts->callable.ptr != NULL && !app_name_is_dotted(parts->callable))
        mistakes_add(
            mistakes,
            "%s: '%s' has no name of a callable after the colon (words of letters, digits and _, parted by dots)",
            label, given);
    else
        return true;
    return false;
}

static bool is_same_text(const char *text, struct slice other)
{
    return text == NULL ? other.ptr == NULL : other.ptr != NULL && slice_equal(slice_of_string(text), other);
}

static bool is_same_app(const struct config_app *app, const struct app_parts *parts)
{
    return is_same_text(parts->is_file ? app->file : app->module, parts->target) &&
           is_same_text(app->callable, parts->callable);
}

static void store_parts(struct config *config, const struct app_parts *parts, struct slice given)
{
    const char *target = ledger_keep(config->ledger, parts->target);

    config->app = (struct config_app){
        .module = parts->is_file ? NULL : target,
        .file = parts->is_file ? target : NULL,
        .callable = parts->callable.ptr != NULL ? ledger_keep(config->ledger, parts->callable) : NULL,
        .given = ledger_keep(config->ledger, given),
    };
}

void app_name_set(struct config *config, struct mistakes *mistakes, enum app_form form, struct slice text,
                  struct origin origin)
{
    struct quoted label = mistakes_quote(slice_of_string(origin.spelling)), given = mistakes_quote(text);
    struct origin *before = &config->ledger->app;
    struct app_parts parts = split_parts(text, form);
    struct slice call;

    if (before->spelling == NULL)
        before->spelling = origin.spelling; /* a name that is refused is no missing name */
    if (is_call(text, &call)) {
        struct quoted maker = mistakes_quote(call);

        mistakes_add(
            mistakes,
            "%s: '%s' calls a factory, which is not supported: write `application = %s` in a module and name that",
            label.text, given.text, maker.text);
        return;
    }
    if (!check_parts(mistakes, &parts, label.text, given.text))
        return;
    if (config->app.given != NULL && origin_compare(before, &origin) == 0 && !is_same_app(&config->app, &parts)) {
        mistakes_add(mistakes, "the application is named twice: '%s' (%s) and '%s' (%s)",
                     mistakes_quote(slice_of_string(config->app.given)).text, before->spelling, given.text, label.text);
        return;
    }
    store_parts(config, &parts, text);
    *before = origin;
}
