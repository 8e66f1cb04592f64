/* SPDX-License-Identifier: MIT
 * Hands a text to inih line by line, so that limits, line numbers and messages are ours. Nobody else includes ini.h. */
#include "ini_lines.h"

#include <errno.h>
#include <ini.h>

#include "buf.h"

enum { MOST_LINE_BYTES = 16384 };

enum section { SECTION_NONE, SECTION_CLUTCH, SECTION_UWSGI, SECTION_OTHER };

struct reading {
    const char *file;
    struct mistakes *mistakes;
    ini_line_fn *on_line;
    void *context;
    struct slice rest;
    unsigned number; /* of the line that inih has now */
    enum section section;
    bool is_pair_due; /* inih must find a pair in that line */
    bool has_section; /* one of ours */
    bool is_out_of_memory;
    struct buf others; /* "[loggers] (line 3), ..." */
};

static void complain(struct reading *reading, const char *what)
{
    mistakes_add(reading->mistakes, "%s:%u: %s", reading->file, reading->number, what);
}

static void check_pair(struct reading *reading)
{
    if (reading->is_pair_due)
        complain(reading, "neither a [section] nor name = value nor a comment");
    reading->is_pair_due = false;
}

static void note_other(struct reading *reading, struct slice name)
{
    if (buf_append_format(&reading->others, "%s[%s] (line %u)", reading->others.len > 0 ? ", " : "",
                          mistakes_quote(name).text, reading->number) < 0)
        reading->is_out_of_memory = true;
}

/* A file whose lines end with a lone carriage return is one line to us: all of its settings would be lost. */
static bool is_end(struct slice rest)
{
    rest = slice_trim(rest);
    return rest.len == 0 || ((rest.ptr[0] == ';' || rest.ptr[0] == '#') && memchr(rest.ptr, '\r', rest.len) == NULL);
}

/* Sections are noted here and not where inih calls back, since an empty one counts as well. */
static void enter_section(struct reading *reading, struct slice line)
{
    const char *end = memchr(line.ptr, ']', line.len);
    struct slice name = slice_of(line.ptr + 1, end != NULL ? (size_t)(end - line.ptr - 1) : 0);

    reading->section = SECTION_OTHER;
    if (end == NULL)
        complain(reading, "a section's name ends with ']'");
    else if (!is_end(slice_of(end + 1, (size_t)(line.ptr + line.len - end - 1))))
        complain(reading, "behind the ']' of a section there is nothing but a comment");
    else if (slice_equal(name, SLICE("clutch")))
        reading->section = SECTION_CLUTCH;
    else if (slice_equal(name, SLICE("uwsgi")))
        reading->section = SECTION_UWSGI;
    else
        note_other(reading, name);
    reading->has_section |= reading->section != SECTION_OTHER;
}

/* The next line without the blanks around it. */
static struct slice cut_line(struct reading *reading)
{
    const char *end = memchr(reading->rest.ptr, '\n', reading->rest.len);
    struct slice line =
        slice_of(reading->rest.ptr, end != NULL ? (size_t)(end - reading->rest.ptr) : reading->rest.len);
    size_t taken = line.len + (end != NULL);

    reading->rest = slice_of(reading->rest.ptr + taken, reading->rest.len - taken);
    reading->number++;
    if (reading->number == 1 && line.len >= 3 && memcmp(line.ptr, "\xEF\xBB\xBF", 3) == 0)
        line = slice_of(line.ptr + 3, line.len - 3);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return slice_trim(line);
}

static bool has_inline_comment(struct slice line)
{
#ifndef CLUTCH_INIH_HAS_SETTINGS
    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] == ';' && (line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return true;
    }
#endif
    (void)line;
    return false;
}

/* Whether inih shall see the line; it never sees one that it would cut. */
static bool is_fit(struct reading *reading, struct slice line, size_t room)
{
    if (line.len == 0 || line.ptr[0] == ';' || line.ptr[0] == '#')
        return false;
    if (line.ptr[0] == '[') {
        enter_section(reading, line);
    } else if (reading->section == SECTION_NONE) {
        complain(reading, "a setting before any section: the line [clutch] must stand above it");
        return false;
    }
    if (reading->section == SECTION_OTHER && line.ptr[0] != '[')
        return false;
    if (memchr(line.ptr, '\0', line.len) != NULL)
        complain(reading, "a NUL byte in a line");
    else if (line.len > room)
        mistakes_add(reading->mistakes, "%s:%u: the line is too long: %zu bytes are the most", reading->file,
                     reading->number, room);
    else if (has_inline_comment(line))
        complain(reading, "a ';' behind a blank: comments have lines of their own");
    else
        return true;
    return false;
}

/* uWSGI takes the name of a flag alone. */
static bool is_bare_flag(const struct reading *reading, struct slice line)
{
    if (reading->section != SECTION_UWSGI || line.len == 0)
        return false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9' && i > 0) && !(c == '-' && i > 0))
            return false;
    }
    return true;
}

/* `out` has room for the line. */
static void take_flag(struct reading *reading, char *out, struct slice line)
{
    struct ini_line flag = {out, "true", reading->number, true};

    memcpy(out, line.ptr, line.len);
    out[line.len] = '\0';
    reading->on_line(reading->context, &flag);
}

/* Like fgets(). A line that inih shall not see is an empty one to it. */
static char *give_line(char *out, int size, void *stream)
{
    struct reading *reading = stream;
    struct slice line;

    check_pair(reading);
    if (reading->rest.len == 0 || size < 2)
        return NULL;
    line = cut_line(reading);
    if (!is_fit(reading, line, (size_t)size - 2))
        line.len = 0;
    if (is_bare_flag(reading, line)) {
        take_flag(reading, out, line);
        line.len = 0;
    }
    reading->is_pair_due = line.len > 0 && line.ptr[0] != '[';
    if (line.len > 0)
        memcpy(out, line.ptr, line.len);
    memcpy(out + line.len, "\n", 2);
    return out;
}

static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct ini_line line = {name, value, reading->number, strcmp(section, "uwsgi") == 0};

    reading->is_pair_due = false;
    if (reading->section != SECTION_OTHER)
        reading->on_line(reading->context, &line);
    return 1;
}

static void set_up_inih(void)
{
#ifdef CLUTCH_INIH_HAS_SETTINGS
    ini_use_stack = true;
    ini_max_line = MOST_LINE_BYTES;
    ini_allow_inline_comments = false;
    ini_allow_multiline = false;
    ini_allow_no_value = false;
    ini_stop_on_first_error = false;
#endif
}

static void tell_of_others(struct reading *reading)
{
    if (!reading->has_section)
        mistakes_add(reading->mistakes, "%s: it has no section [clutch], and no [uwsgi]", reading->file);
    else if (reading->others.len > 0)
        mistakes_warn(reading->mistakes, "%s: only [clutch] and [uwsgi] are read, not %.*s", reading->file,
                      (int)reading->others.len, reading->others.ptr);
}

int ini_lines_read(const char *file, struct slice text, struct mistakes *mistakes, ini_line_fn *on_line, void *context)
{
    struct reading reading = {.file = file, .mistakes = mistakes, .on_line = on_line, .context = context, .rest = text};

    buf_init(&reading.others);
    set_up_inih();
    if (ini_parse_stream(give_line, &reading, take_pair, &reading) == -2)
        reading.is_out_of_memory = true;
    check_pair(&reading);
    tell_of_others(&reading);
    buf_fini(&reading.others);
    return reading.is_out_of_memory ? -ENOMEM : 0;
}
