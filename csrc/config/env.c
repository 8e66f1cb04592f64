/* SPDX-License-Identifier: MIT
 * Options from the environment; read by the master before the command line, which wins. */
#include "env.h"

#include "app_name.h"
#include "describe.h"
#include "options.h"
#include "suggest.h"
#include "value.h"

static const struct slice prefix = SLICE("CLUTCH_");

/* One CLUTCH_* variable. */
struct variable {
    struct slice name; /* "CLUTCH_LOG_LEVEL" */
    struct slice value;
    char option_text[64]; /* "log-level" */
};

static bool split_variable(const char *entry, struct variable *variable)
{
    const char *equals = strchr(entry, '=');
    size_t len = 0;

    if (equals == NULL || strncmp(entry, prefix.ptr, prefix.len) != 0)
        return false;
    variable->name = slice_of(entry, (size_t)(equals - entry));
    variable->value = slice_of_string(equals + 1);
    for (const char *from = entry + prefix.len; from < equals && len < sizeof variable->option_text - 1; from++)
        variable->option_text[len++] =
            *from == '_' ? '-' : (char)(*from >= 'A' && *from <= 'Z' ? *from - 'A' + 'a' : *from);
    variable->option_text[len] = '\0';
    return true;
}

/* In a Kubernetes cluster with a service called "clutch" every container gets CLUTCH_SERVICE_HOST,
 * CLUTCH_PORT=tcp://..., ... */
static bool is_service_link(const struct variable *variable)
{
    struct slice scheme = SLICE("://");

    return strcmp(variable->option_text, "service-host") == 0 ||
           strncmp(variable->option_text, "service-port", 12) == 0 || strncmp(variable->option_text, "port-", 5) == 0 ||
           (strcmp(variable->option_text, "port") == 0 &&
            memmem(variable->value.ptr, variable->value.len, scheme.ptr, scheme.len));
}

/* CLUTCH_DEMO_* are read by the applications in pyapps. */
static bool is_of_demonstration(const struct variable *variable)
{
    return strncmp(variable->option_text, "demo-", 5) == 0;
}

static void warn_unknown(struct mistakes *mistakes, const struct variable *variable, const struct option_name *alias)
{
    const struct option_name *nearest = alias != NULL && alias->role == NAME_ALIAS
                                            ? alias
                                            : suggest_find_nearest_own(slice_of_string(variable->option_text));
    struct quoted name = mistakes_quote(variable->name);

    if (nearest != NULL)
        mistakes_warn(mistakes, "%s is not used: did you mean %s?", name.text,
                      describe_variable(&options_table[nearest->id]).text);
    else
        mistakes_warn(mistakes, "%s is not used: there is no such option", name.text);
}

/* Options that act and exit belong on the command line. CLUTCH_VERSION passes without a word: images use such names for
 * their own purposes. */
static void warn_action(struct mistakes *mistakes, const struct option *option)
{
    if (option != &options_table[OPTION_version])
        mistakes_warn(mistakes, "%s is not used: --%s works on the command line only", describe_variable(option).text,
                      option->name);
}

static void set_items(struct config *config, struct mistakes *mistakes, enum option_id id, struct slice value,
                      struct origin origin)
{
    while (value.len > 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma != NULL ? (size_t)(comma - value.ptr) : value.len;

        if (len > 0)
            value_set(config, mistakes, id, slice_of(value.ptr, len), origin);
        len += comma != NULL;
        value = slice_of(value.ptr + len, value.len - len);
    }
}

static void read_variable(struct config *config, struct mistakes *mistakes, const struct variable *variable)
{
    const struct option_name *name = options_find_long(slice_of_string(variable->option_text));
    const struct option *option = name != NULL && name->role == NAME_OWN ? &options_table[name->id] : NULL;
    bool is_exact = option != NULL && slice_equal(variable->name, slice_of_string(describe_variable(option).text));
    struct origin origin = {.kind = ORIGIN_ENVIRONMENT, .spelling = NULL};

    if (is_exact && option->kind == KIND_ACTION) {
        warn_action(mistakes, option);
        return;
    }
    origin.spelling = ledger_keep(config->ledger, variable->name);
    if (slice_equal(variable->name, SLICE("CLUTCH_APP")))
        app_name_set(config, mistakes, APP_FORM_GUESSED, variable->value, origin);
    else if (!is_exact)
        warn_unknown(mistakes, variable, name);
    else if (option->kind == KIND_LIST)
        set_items(config, mistakes, name->id, variable->value, origin);
    else
        value_set(config, mistakes, name->id, variable->value, origin);
}

void env_read(struct config *config, struct mistakes *mistakes, char *const *environment)
{
    struct variable variable;

    for (; environment != NULL && *environment != NULL; environment++) {
        if (split_variable(*environment, &variable) && variable.value.len > 0 && !is_service_link(&variable) &&
            !is_of_demonstration(&variable))
            read_variable(config, mistakes, &variable);
    }
}
