/* SPDX-License-Identifier: MIT */
#include "control_print.h"

#include <stdio.h>
#include <stdlib.h>

#include "standard_output.h"

int control_print(struct slice text)
{
    if (text.len > 0)
        (void)!fwrite(text.ptr, 1, text.len, stdout);
    return standard_output_end();
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
