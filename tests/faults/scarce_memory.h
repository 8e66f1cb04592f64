/* SPDX-License-Identifier: MIT
 * Memory that runs out at a chosen allocation of the calling thread. Link with --wrap=malloc,calloc,realloc,strdup. */
#ifndef CLUTCH_SCARCE_MEMORY_H
#define CLUTCH_SCARCE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

struct scarcity {
    bool is_on;
    bool has_begun;  /* an allocation has failed */
    bool is_lasting; /* and so do all that follow */
    int left;        /* allocations before the first that fails */
};

static _Thread_local struct scarcity scarcity;

/* The n-th allocation from now on fails (0: the next one), and with is_lasting all behind it. */
static void scarcity_begin(int n, bool is_lasting)
{
    scarcity = (struct scarcity){.is_on = true, .is_lasting = is_lasting, .left = n};
}

/* Returns whether one has failed. */
static bool scarcity_end(void)
{
    scarcity.is_on = false;
    return scarcity.has_begun;
}

static bool is_refused(void)
{
    if (!scarcity.is_on || scarcity.left-- > 0)
        return false;
    if (scarcity.has_begun && !scarcity.is_lasting)
        return false;
    scarcity.has_begun = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return is_refused() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return is_refused() ? NULL : __real_strdup(text);
}

#endif
