/* SPDX-License-Identifier: MIT
 * A view of bytes owned by somebody else. Never freed, never assumed to end in NUL. */
#ifndef CLUTCH_SLICE_H
#define CLUTCH_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;      /* bytes */
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){.ptr = "" literal, .len = sizeof(literal) - 1})

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){.ptr = ptr, .len = len};
}

static inline struct slice slice_of_string(const char *string)
{
    return slice_of(string, string != NULL ? strlen(string) : 0);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters compare without regard to case (field names, RFC 9110 5.1). */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* The same without the spaces and tabs (OWS, RFC 9110 5.6.3) at its start, at its end, at both. */
static inline struct slice slice_trim_start(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_of(text.ptr + 1, text.len - 1);
    return text;
}

static inline struct slice slice_trim_end(struct slice text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static inline struct slice slice_trim(struct slice text)
{
    return slice_trim_end(slice_trim_start(text));
}

#endif
