/* SPDX-License-Identifier: MIT */
#include "known_headers.h"

#include <assert.h>
#include <stdint.h>

static_assert(KNOWN_HEADER_COUNT <= 64, "sets of known headers are 64-bit masks");

static const struct {
    struct slice name;
    const char *variable;
} headers[KNOWN_HEADER_COUNT] = {
#define KNOWN_HEADER(id, name_, variable_) [HEADER_##id] = {{name_, sizeof(name_) - 1}, variable_},
#include "known_headers.def"
#undef KNOWN_HEADER
};

enum { TABLE_SIZE = 256, SHORTEST = 2 };
static uint8_t table[TABLE_SIZE];

/* Perfect for the names of known_headers.def: no two share a slot (a unit test holds it to that). The length and three
 * characters decide; bit 0x20 makes letters lower case and leaves '-' alone. */
static unsigned hash(struct slice name)
{
    unsigned middle = (unsigned char)name.ptr[name.len / 2] | 0x20u;
    unsigned late = (unsigned char)name.ptr[name.len * 3 / 4] | 0x20u;
    unsigned last = (unsigned char)name.ptr[name.len - 1] | 0x20u;

    return ((unsigned)name.len * 411 + late * 201 + last * 38 + middle * 73) % TABLE_SIZE;
}

__attribute__((constructor)) static void fill_table(void)
{
    for (unsigned id = HEADER_UNKNOWN + 1; id < KNOWN_HEADER_COUNT; id++)
        table[hash(headers[id].name)] = (uint8_t)id;
}

enum known_header known_header_find(struct slice name)
{
    uint8_t id;

    if (name.len < SHORTEST)
        return HEADER_UNKNOWN;
    id = table[hash(name)];
    if (id == HEADER_UNKNOWN || !slice_equal_nocase(name, headers[id].name))
        return HEADER_UNKNOWN;
    return (enum known_header)id;
}

struct slice known_header_name(enum known_header id)
{
    return headers[id].name;
}

const char *known_header_variable(enum known_header id)
{
    return headers[id].variable;
}
