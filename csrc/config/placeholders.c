/* SPDX-License-Identifier: MIT
 * uWSGI's placeholders. */
#include "placeholders.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "cpus.h"

enum { PATH_BYTES = 4096 };

/* What is told of the file. */
static bool find_part(const char *path, char letter, struct slice *text)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path, *dot = strrchr(name, '.');
    struct slice directory = slice_of(path, (size_t)(slash != NULL ? slash - path : 0));

    switch (letter) {
    case 'p':
        *text = slice_of_string(path);
        return true;
    case 'd':
        *text = slice_of(path, (size_t)(name - path));
        return true;
    case 'c':
        while (directory.len > 0 && memchr(directory.ptr, '/', directory.len) != NULL)
            directory = slice_of(directory.ptr + 1, directory.len - 1);
        *text = directory;
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
    default:
        return false;
    }
}

/* The name of the user or of the group who starts the server, or the number where it has none. */
static struct slice find_owner(char letter, char scratch[PATH_BYTES])
{
    const struct passwd *user = letter == 'U' ? getpwuid(getuid()) : NULL;
    const struct group *group = letter == 'G' ? getgrgid(getgid()) : NULL;
    unsigned number = letter == 'u' || letter == 'U' ? getuid() : getgid();
    int len = user != NULL    ? snprintf(scratch, PATH_BYTES, "%s", user->pw_name)
              : group != NULL ? snprintf(scratch, PATH_BYTES, "%s", group->gr_name)
                              : snprintf(scratch, PATH_BYTES, "%u", number);

    return slice_of(scratch, len < PATH_BYTES ? (size_t)len : 0);
}

/* What is told of the machine and the process; `scratch` may hold the text. */
static bool find_fact(char letter, char scratch[PATH_BYTES], struct slice *text)
{
    switch (letter) {
    case '%':
        *text = SLICE("%");
        return true;
    case 'x':
        *text = SLICE("uwsgi"); /* the section */
        return true;
    case 'v':
        *text = slice_of_string(getcwd(scratch, PATH_BYTES));
        return text->ptr != NULL;
    case 'k':
        *text = slice_of(scratch, (size_t)snprintf(scratch, PATH_BYTES, "%u", cpus_count_granted()));
        return true;
    case 'h':
        if (gethostname(scratch, PATH_BYTES) < 0)
            return false;
        *text = slice_of_string(scratch);
        return true;
    case 'u':
    case 'U':
    case 'g':
    case 'G':
        *text = find_owner(letter, scratch);
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
                    struct placeholders_lack *lack)
{
    const char *found;
    struct slice name;

    if (find_name(text, &name)) {
        found = text.ptr[0] == '%' ? facts->find(facts->context, name) : find_variable(facts->environment, name);
        if (found == NULL && text.ptr[0] == '$')
            lack->unset = name;
        lack->has_variables |= found != NULL && text.ptr[0] == '$';
        *value = slice_of_string(found);
        return found != NULL ? name.len + 3 : 0;
    }
    if (text.len < 2 || text.ptr[0] != '%')
        return 0;
    return find_part(facts->path, text.ptr[1], value) || find_fact(text.ptr[1], scratch, value) ? 2 : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int placeholders_expand(struct buf *out, struct slice text, const struct placeholders *facts,
                        struct placeholders_lack *lack)
{
    char scratch[PATH_BYTES];

    *lack = (struct placeholders_lack){.unknown = '\0'};
    while (text.len > 0) {
        bool is_sign = text.ptr[0] == '%' || text.ptr[0] == '$';
        struct slice value;
        size_t len = is_sign ? match(facts, text, scratch, &value, lack) : 0;

        if (len == 0) {
            if (text.len > 1 && text.ptr[0] == '%' && is_letter(text.ptr[1]))
                lack->unknown = text.ptr[1];
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
