/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <ctype.h>

#include "known_headers.h"

/* The hash is perfect: every name of the table finds itself, in any case. */
static void every_name_is_found(void **state)
{
    (void)state;
    for (enum known_header id = HEADER_UNKNOWN + 1; id < KNOWN_HEADER_COUNT; id++) {
        struct slice name = known_header_name(id);
        char upper[64];

        for (size_t i = 0; i < name.len; i++)
            upper[i] = (char)toupper((unsigned char)name.ptr[i]);
        assert_int_equal(known_header_find(name), id);
        assert_int_equal(known_header_find(slice_of(upper, name.len)), id);
    }
}

static void variables_follow_the_names(void **state)
{
    (void)state;
    for (enum known_header id = HEADER_UNKNOWN + 1; id < KNOWN_HEADER_COUNT; id++) {
        struct slice name = known_header_name(id);
        const char *variable = known_header_variable(id);

        if (strncmp(variable, "HTTP_", 5) == 0)
            variable += 5;
        assert_int_equal(strlen(variable), name.len);
        for (size_t i = 0; i < name.len; i++)
            assert_int_equal(variable[i], name.ptr[i] == '-' ? '_' : toupper((unsigned char)name.ptr[i]));
    }
}

static void others_are_unknown(void **state)
{
    static const char *const names[] = {"", "x", "hos", "hosts", "x-unknown", "content_length", "accept-", "ho\0t"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(known_header_find(slice_of_string(names[i])), HEADER_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found),
        cmocka_unit_test(variables_follow_the_names),
        cmocka_unit_test(others_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
