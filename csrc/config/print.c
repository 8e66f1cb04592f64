/* SPDX-License-Identifier: MIT
 * The answer to --print-config. */
#include "buf.h"
#include "describe.h"
#include "ledger.h"
#include "mistakes.h"

enum { NAME_COLUMNS = 22, VALUE_COLUMNS = 28 };

static void print_origin(const struct config_ledger *ledger, const struct origin *origin, FILE *out)
{
    if (ledger == NULL || origin->kind == ORIGIN_DEFAULT)
        fputs("default\n", out);
    else if (origin->kind == ORIGIN_FILE)
        fprintf(out, "%s:%u\n", mistakes_quote(slice_of_string(origin->file)).text, origin->line);
    else if (origin->kind == ORIGIN_ENVIRONMENT)
        fprintf(out, "environment %s\n", origin->spelling);
    else
        fprintf(out, "command line %s\n", origin->spelling);
}

/* In one line: what cannot be printed comes as \x0a. */
static int make_printable(struct buf *out, struct slice text)
{
    int error = 0;

    for (size_t i = 0; i < text.len && error == 0; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        error = byte < 0x20 || byte == 0x7f ? buf_append_format(out, "\\x%02x", byte)
                                            : buf_append(out, slice_of(text.ptr + i, 1));
    }
    return error;
}

static void print_value(const char *name, struct slice text, FILE *out)
{
    struct buf value;

    buf_init(&value);
    if (make_printable(&value, text) < 0)
        fprintf(out, "%-*s (not enough memory) ", NAME_COLUMNS, name);
    else
        fprintf(out, "%-*s %-*.*s ", NAME_COLUMNS, name, VALUE_COLUMNS, (int)value.len, value.ptr);
    buf_fini(&value);
}

static void print_option(const struct config *config, enum option_id id, FILE *out)
{
    struct buf value;

    buf_init(&value);
    if (describe_value(&value, config, id) < 0)
        fprintf(out, "%-*s (not enough memory) ", NAME_COLUMNS, options_table[id].name);
    else
        print_value(options_table[id].name, buf_slice(&value), out);
    print_origin(config->ledger, config->ledger != NULL ? &config->ledger->options[id] : NULL, out);
    buf_fini(&value);
}

/* A hidden option is shown once it is set. */
static bool is_shown(const struct config *config, enum option_id id)
{
    bool is_default = config->ledger == NULL || config->ledger->options[id].kind == ORIGIN_DEFAULT;

    return options_table[id].kind != KIND_ACTION && !(options_is_hidden(&options_table[id]) && is_default);
}

void config_print_values(const struct config *config, FILE *out)
{
    print_value("app", config->app.given != NULL ? slice_of_string(config->app.given) : SLICE("(none)"), out);
    if (config->ledger != NULL && config->app.given != NULL)
        print_origin(config->ledger, &config->ledger->app, out);
    else
        fputs("-\n", out);
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        if (is_shown(config, id))
            print_option(config, id, out);
    }
}
