/* SPDX-License-Identifier: MIT
 * File names on their way into sys.path. Runs once, at the start of a worker, and in the unit tests. */
#include "search_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool search_path_next(struct slice *rest, struct slice *directory)
{
    while (rest->len > 0) {
        size_t len = 0;

        while (len < rest->len && rest->ptr[len] != ':' && rest->ptr[len] != ',')
            len++;
        *directory = slice_of(rest->ptr, len);
        if (len < rest->len)
            len++;
        *rest = slice_of(rest->ptr + len, rest->len - len);
        if (directory->len > 0)
            return true;
    }
    return false;
}

static bool has_prefix(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && slice_equal(slice_of(text.ptr, prefix.len), prefix);
}

static void drop_front(struct slice *text, size_t count)
{
    *text = slice_of(text->ptr + count, text->len - count);
    while (text->len > 0 && text->ptr[0] == '/')
        *text = slice_of(text->ptr + 1, text->len - 1);
}

/* Follows the "." and ".." that `path` begins with, the latter by shortening `base` (which getcwd() gave, so it has no
 * links). */
static void follow_dots(char *base, struct slice *path)
{
    for (;;) {
        if (slice_equal(*path, SLICE(".")) || has_prefix(*path, SLICE("./"))) {
            drop_front(path, 1);
        } else if (slice_equal(*path, SLICE("..")) || has_prefix(*path, SLICE("../"))) {
            drop_front(path, 2);
            *strrchr(base, '/') = '\0';
            if (base[0] == '\0')
                memcpy(base, "/", 2);
        } else {
            return;
        }
    }
}

int search_path_absolute(struct slice path, char *out, size_t size)
{
    const char *separator;
    size_t len;

    if (path.len > 0 && path.ptr[0] == '/') {
        if (path.len >= size)
            return -ENAMETOOLONG;
        memcpy(out, path.ptr, path.len);
        out[path.len] = '\0';
        return 0;
    }
    if (getcwd(out, size) == NULL)
        return errno == ERANGE ? -ENAMETOOLONG : -errno;
    follow_dots(out, &path);
    len = strlen(out);
    separator = path.len == 0 || len == 1 ? "" : "/";
    if (len + 1 + path.len >= size)
        return -ENAMETOOLONG;
    snprintf(out + len, size - len, "%s%.*s", separator, (int)path.len, path.ptr);
    return 0;
}

struct slice search_path_directory(struct slice path)
{
    const char *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;

    if (slash == NULL)
        return slice_of(path.ptr, 0);
    return slice_of(path.ptr, slash == path.ptr ? 1 : (size_t)(slash - path.ptr));
}

struct slice search_path_stem(struct slice path)
{
    const char *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;
    const char *start = slash != NULL ? slash + 1 : path.ptr;
    size_t len = path.len - (size_t)(start - path.ptr);
    const char *dot = len > 0 ? memrchr(start, '.', len) : NULL;

    return slice_of(start, dot != NULL && dot != start ? (size_t)(dot - start) : len);
}
