/* SPDX-License-Identifier: MIT */
#include "h1_request_id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "h1_parse.h"
#include "text.h"

/* --- Making --- */

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

/* xoshiro256++ by Blackman and Vigna: a period of 2^256 - 1, and no two seeds alike. */
static uint64_t next(uint64_t state[4])
{
    uint64_t result = rotate(state[0] + state[3], 23) + state[0], shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

/* The kernel gives so few bytes whole, or not at all: then there is still the clock, the process and the place. */
static void begin(struct h1_request_ids *ids)
{
    if (getrandom(ids->state, sizeof(ids->state), 0) == (ssize_t)sizeof(ids->state))
        return;
    ids->state[0] = (uint64_t)clock_wall_us();
    ids->state[1] = (uint64_t)getpid();
    ids->state[2] = (uint64_t)(uintptr_t)ids;
    ids->state[3] = 1;
    for (int i = 0; i < 16; i++)
        (void)next(ids->state);
}

struct slice h1_request_id_make(struct h1_request_ids *ids)
{
    static const char digits[] = "0123456789abcdef";
    static const int dashes[] = {8, 13, 18, 23};
    uint64_t bits[2];
    int at = 0;

    if (UNLIKELY((ids->state[0] | ids->state[1] | ids->state[2] | ids->state[3]) == 0))
        begin(ids);
    bits[0] = (next(ids->state) & ~0xf000ull) | 0x4000ull;
    bits[1] = (next(ids->state) & ~(3ull << 62)) | 2ull << 62;
    for (int i = 0; i < 32; i++) {
        if (at == dashes[0] || at == dashes[1] || at == dashes[2] || at == dashes[3])
            ids->text[at++] = '-';
        ids->text[at++] = digits[bits[i / 16] >> (60 - i % 16 * 4) & 15];
    }
    return slice_of(ids->text, H1_REQUEST_ID_BYTES);
}

/* --- Taking --- */

bool h1_request_id_is_sane(struct slice value)
{
    if (value.len == 0 || value.len > H1_REQUEST_ID_MOST)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] <= ' ' || value.ptr[i] > '~')
            return false;
    }
    return true;
}

/* Keeps the first field of the name and drops the others; the number of them all. *first: where it is, or would be. */
static size_t gather(struct h1_parse *parse, struct slice name, size_t *first)
{
    size_t kept = 0, found = 0;

    for (size_t i = 0; i < parse->request.header_count; i++) {
        if (slice_equal_nocase(parse->fields[i].name, name)) {
            if (++found > 1)
                continue;
            *first = kept;
        }
        if (kept != i)
            parse->fields[kept] = parse->fields[i];
        kept++;
    }
    if (found == 0)
        *first = kept++;
    parse->request.header_count = kept;
    return found;
}

struct slice h1_request_id_settle(struct h1_request_ids *ids, struct h1_parse *parse)
{
    struct slice name = parse->settings->request_id_header;
    size_t at = 0, count = gather(parse, name, &at);
    struct header *field = &parse->fields[at];

    if (count == 0) /* h1_parse_size has counted it */
        *field = (struct header){.name = name, .id = known_header_find(name)};
    if (count != 1 || !parse->is_peer_trusted || !h1_request_id_is_sane(field->value))
        field->value = h1_request_id_make(ids);
    return field->value;
}

/* --- Of what is refused --- */

/* Whether the end of the field has come, in a head that is not complete. */
static bool is_whole(const struct h1_parse *parse, const struct header *field)
{
    const char *end;

    if (field->value.len == 0)
        return false;
    end = field->value.ptr + field->value.len;
    return end < parse->start + parse->fed_bytes && *end == '\r';
}

static size_t count_whole(const struct h1_parse *parse)
{
    size_t count = parse->field_count;

    if (parse->is_head_done)
        return parse->request.headers != NULL ? parse->request.header_count : count;
    return count > 0 && !is_whole(parse, &parse->fields[count - 1]) ? count - 1 : count;
}

struct slice h1_request_id_of_refused(struct h1_request_ids *ids, const struct h1_parse *parse)
{
    const struct header *found = NULL;

    if (parse == NULL || !parse->is_peer_trusted)
        return h1_request_id_make(ids);
    for (size_t i = 0, count = count_whole(parse); i < count; i++) {
        const struct header *field = &parse->fields[i];

        if (!slice_equal_nocase(field->name, parse->settings->request_id_header))
            continue;
        /* The rules move fields forward, and may have stopped in the middle: one of them can be there twice. */
        if (found != NULL && found->name.ptr != field->name.ptr)
            return h1_request_id_make(ids);
        found = field;
    }
    if (found == NULL || !h1_request_id_is_sane(slice_trim_end(found->value)))
        return h1_request_id_make(ids);
    return slice_trim_end(found->value);
}

/* --- To be seen --- */

void h1_request_id_format_field(char out[static H1_REQUEST_ID_FIELD_BYTES], struct slice name, struct slice id)
{
    out[0] = '\0';
    if (id.len > 0)
        snprintf(out, H1_REQUEST_ID_FIELD_BYTES, "%.*s: %.*s\r\n", (int)name.len, name.ptr, (int)id.len, id.ptr);
}

void h1_request_id_show(char out[static H1_REQUEST_ID_SHOWN_BYTES], struct slice id)
{
    char shown[H1_REQUEST_ID_MOST * 4 + 1];

    out[0] = '\0';
    if (id.len == 0)
        return;
    text_escape(shown, sizeof(shown), id);
    snprintf(out, H1_REQUEST_ID_SHOWN_BYTES, " (request %s)", shown);
}
