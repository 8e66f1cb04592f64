/* SPDX-License-Identifier: MIT
 * Gathers mistakes in memory: --help and --version must be able to forget them. */
#include "mistakes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "text.h"

int mistakes_init(struct mistakes *mistakes)
{
    *mistakes = (struct mistakes){0};
    mistakes->out = open_memstream(&mistakes->text, &mistakes->len);
    return mistakes->out != NULL ? 0 : -ENOMEM;
}

void mistakes_fini(struct mistakes *mistakes)
{
    fclose(mistakes->out);
    free(mistakes->text);
}

void mistakes_add(struct mistakes *mistakes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("clutch: ", mistakes->out);
    vfprintf(mistakes->out, format, args);
    fputc('\n', mistakes->out);
    va_end(args);
    mistakes->count++;
}

void mistakes_warn(struct mistakes *mistakes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("clutch: warning: ", mistakes->out);
    vfprintf(mistakes->out, format, args);
    fputc('\n', mistakes->out);
    va_end(args);
}

void mistakes_print(struct mistakes *mistakes, FILE *errors)
{
    if (mistakes->count > 0)
        fputs("clutch: try 'clutch --help'\n", mistakes->out);
    fflush(mistakes->out);
    fwrite(mistakes->text, 1, mistakes->len, errors);
    fflush(errors);
}

struct quoted mistakes_quote(struct slice text)
{
    struct quoted quoted;

    text_escape(quoted.text, sizeof quoted.text, text);
    return quoted;
}
