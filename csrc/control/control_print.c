/* SPDX-License-Identifier: MIT */
#include "control_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int control_print(struct slice text)
{
    if ((text.len == 0 || fwrite(text.ptr, 1, text.len, stdout) == text.len) && fflush(stdout) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "clutch: standard output cannot be written: %s\n", strerror(errno));
    return EXIT_FAILURE;
}

int control_print_view(int (*view)(const void *context, struct buf *), const void *context)
{
    struct buf text;
    int exit_status = EXIT_FAILURE;

    buf_init(&text);
    if (view(context, &text) < 0)
        fputs("clutch: not enough memory\n", stderr);
    else
        exit_status = control_print(buf_slice(&text));
    buf_fini(&text);
    return exit_status;
}
