/* SPDX-License-Identifier: MIT
 * Interned strings. Runs at the start and the end of a worker, with the GIL. */
#include "names.h"

#include <string.h>

#define CLUTCH_SOFTWARE "clutch/" CLUTCH_VERSION_STRING

static const char *const NAME_TEXTS[NAME_COUNT] = {
#define NAME(id, text) [NAME_##id] = text,
#include "names.def"
#undef NAME
};

int names_init(struct names *names)
{
    memset(names, 0, sizeof(*names));
    for (int i = 0; i < NAME_COUNT; i++) {
        names->texts[i] = PyUnicode_InternFromString(NAME_TEXTS[i]);
        if (names->texts[i] == NULL)
            goto failed;
    }
    for (int id = HEADER_UNKNOWN + 1; id < KNOWN_HEADER_COUNT; id++) {
        names->variables[id] = PyUnicode_InternFromString(known_header_variable((enum known_header)id));
        if (names->variables[id] == NULL)
            goto failed;
    }
    return 0;
failed:
    names_fini(names);
    return -1;
}

void names_fini(struct names *names)
{
    for (int i = 0; i < NAME_COUNT; i++)
        Py_CLEAR(names->texts[i]);
    for (int id = 0; id < KNOWN_HEADER_COUNT; id++)
        Py_CLEAR(names->variables[id]);
}
