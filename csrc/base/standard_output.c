/* SPDX-License-Identifier: MIT */
#include "standard_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int standard_output_end(void)
{
    int error = errno; /* a full buffer may have been written, or not, by the last that was printed */

    if (fflush(stdout) != 0)
        error = errno;
    else if (!ferror(stdout))
        return EXIT_SUCCESS;
    if (error != EPIPE)
        fprintf(stderr, "clutch: standard output cannot be written: %s\n", strerror(error));
    return EXIT_FAILURE;
}
