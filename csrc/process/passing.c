/* SPDX-License-Identifier: MIT */
#include "passing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line for the server, then one for each listener. */
#define FIRST_LINE "1 from=%d channel=%d keeper=%d queue=%d,%d,%llu"
#define LISTENER_LINE "%d %d %d %llu %llu "

char *passing_format(const struct passing *passing)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    fprintf(out, FIRST_LINE "\n", (int)passing->from, passing->channel_fd, passing->keeper_fd, passing->take_fd,
            passing->give_fd, (unsigned long long)passing->queue_format);
    for (size_t i = 0; i < passing->count; i++) {
        const struct passed_listener *listener = &passing->listeners[i];

        fprintf(out, LISTENER_LINE "%s\n", listener->fd, (int)listener->kind, listener->is_kept,
                (unsigned long long)listener->device, (unsigned long long)listener->inode, listener->address);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int parse_listener(struct passed_listener *listener, const char *line)
{
    unsigned long long device, inode;
    int fd, kind, is_kept, used = 0;

    if (sscanf(line, LISTENER_LINE "%n", &fd, &kind, &is_kept, &device, &inode, &used) != 5 || used == 0 || fd < 0 ||
        kind < 0 || kind >= PASSED_KINDS)
        return -1;
    *listener = (struct passed_listener){
        .fd = fd,
        .kind = (enum passed_kind)kind,
        .is_kept = is_kept != 0,
        .device = (dev_t)device,
        .inode = (ino_t)inode,
        .address = line + used,
    };
    return 0;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

int passing_parse(struct passing *passing, char *text)
{
    unsigned long long format;
    int from;
    char *line = strchr(text, '\n');

    *passing = (struct passing){.channel_fd = -1, .keeper_fd = -1, .take_fd = -1, .give_fd = -1};
    if (line == NULL || sscanf(text, FIRST_LINE, &from, &passing->channel_fd, &passing->keeper_fd, &passing->take_fd,
                               &passing->give_fd, &format) != 6)
        return -1;
    passing->from = from;
    passing->queue_format = format;
    passing->listeners = calloc(count_lines(text), sizeof(*passing->listeners));
    if (passing->listeners == NULL)
        return -1;
    for (line++; *line != '\0';) {
        char *end = strchr(line, '\n');

        if (end == NULL)
            return -1;
        *end = '\0';
        if (parse_listener(&passing->listeners[passing->count++], line) < 0)
            return -1;
        line = end + 1;
    }
    return 0;
}

void passing_fini(struct passing *passing)
{
    free(passing->listeners);
    passing->listeners = NULL;
    passing->count = 0;
}
