/* SPDX-License-Identifier: MIT
 * uWSGI's placeholders. */
#include "placeholders.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cpus.h"

enum { PATH_BYTES = 4096 };

/* `letter` of the file or the machine; false when there is none. `scratch` may hold the text. */
static bool find_letter(const struct placeholders *facts, char letter, char scratch[PATH_BYTES], struct slice *text)
{
    struct slice path = slice_of_string(facts->path);
    const char *slash = strrchr(facts->path, '/'), *name = slash != NULL ? slash + 1 : facts->path;
    const char *dot = strrchr(name, '.');

    switch (letter) {
    case 'p':
        *text = path;
        return true;
    case 'd':
        *text = slice_of(facts->path, (size_t)(name - facts->path));
        return true;
    case 's':
        *text = slice_of_string(name);
        return true;
    case 'n':
        *text = dot != NULL ? slice_of(name, (size_t)(dot - name)) : slice_of_string(name);
        return true;
    case 'e':
        *text = slice_of_string(dot != NULL ? dot + 1 : "");
        return true;
    case 'v':
        *text = slice_of_string(getcwd(scratch, PATH_BYTES));
        return text->ptr != NULL;
    case 'k':
        *text = slice_of(scratch, (size_t)snprintf(scratch, PATH_BYTES, "%u", cpus_count_granted()));
        return true;
    default:
        return false;
    }
}

/* The name in "X(name)", when `text` begins so. */
static bool find_name(struct slice text, struct slice *name)
{
    const char *end = text.len > 2 && text.ptr[1] == '(' ? memchr(text.ptr, ')', text.len) : NULL;

    if (end == NULL)
        return false;
    *name = slice_of(text.ptr + 2, (size_t)(end - text.ptr - 2));
    return true;
}

/* The value of a variable of the environment, or NULL. */
static const char *find_variable(char *const *environment, struct slice name)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name.ptr, name.len) == 0 && (*environment)[name.len] == '=')
            return *environment + name.len + 1;
    }
    return NULL;
}

/* Length of the placeholder at the start of `text`, with its value; 0 when there is none. */
static size_t match(const struct placeholders *facts, struct slice text, char scratch[PATH_BYTES], struct slice *value,
                    struct slice *unset)
{
    const char *found;
    struct slice name;

    if (find_name(text, &name)) {
        found = text.ptr[0] == '%' ? facts->find(facts->context, name) : find_variable(facts->environment, name);
        if (found == NULL && text.ptr[0] == '$')
            *unset = name;
        *value = slice_of_string(found);
        return found != NULL ? name.len + 3 : 0;
    }
    return text.len > 1 && text.ptr[0] == '%' && find_letter(facts, text.ptr[1], scratch, value) ? 2 : 0;
}

int placeholders_expand(struct buf *out, struct slice text, const struct placeholders *facts, struct slice *unset)
{
    char scratch[PATH_BYTES];

    *unset = slice_of(NULL, 0);
    while (text.len > 0) {
        bool is_sign = text.ptr[0] == '%' || text.ptr[0] == '$';
        struct slice value;
        size_t len = is_sign ? match(facts, text, scratch, &value, unset) : 0;

        if (len == 0) {
            value = slice_of(text.ptr, 1);
            len = 1;
        }
        if (out->len + value.len > PLACEHOLDERS_MOST_BYTES)
            return -E2BIG;
        if (buf_append(out, value) < 0)
            return -ENOMEM;
        text = slice_of(text.ptr + len, text.len - len);
    }
    return 0;
}
