/* SPDX-License-Identifier: MIT
 * Percent-decoding of paths: what is decoded, and above all what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "percent.h"

struct decode_case {
    const char *text;
    struct slice expected;
};

static void check_cases(const struct decode_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char out[64];
        size_t len = percent_decode(slice_of_string(cases[i].text), out);

        if (!slice_equal(slice_of(out, len), cases[i].expected))
            fail_msg("'%s' became '%.*s'", cases[i].text, (int)len, out);
    }
}

static void decodes_escapes(void **state)
{
    static const struct decode_case cases[] = {
        {"/%41%62", {"/Ab", 3}},
        {"/caf%C3%A9", {"/caf\xC3\xA9", 6}},
        {"/%c3%a9", {"/\xC3\xA9", 3}},
        {"/a%2Fb%2fc", {"/a/b/c", 6}},
        {"%00", {"\0", 1}},
        {"/%25%34%31", {"/%41", 4}},
        {"/%fF%Ff", {"/\xFF\xFF", 3}},
        {"%41", {"A", 1}},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

static void leaves_the_rest_alone(void **state)
{
    static const struct decode_case cases[] = {
        {"", {"", 0}},
        {"/a+b", {"/a+b", 4}},
        {"/%", {"/%", 2}},
        {"/%4", {"/%4", 3}},
        {"/%zz", {"/%zz", 4}},
        {"/%4z", {"/%4z", 4}},
        {"/%z4", {"/%z4", 4}},
        {"/%%41", {"/%A", 3}},
        {"/%G1", {"/%G1", 4}},
        {"/%:1", {"/%:1", 4}},
        {"//a/../b/./", {"//a/../b/./", 11}},
        {"/%2e%2E/", {"/../", 4}},
        {"*", {"*", 1}},
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Every byte, in upper and lower case; the text ends where the slice ends, so reading on would be seen by the
 * sanitizer. */
static void decodes_every_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (int is_upper = 0; is_upper < 2; is_upper++) {
            char text[4], *exact = malloc(3), out[3];

            snprintf(text, sizeof(text), is_upper ? "%%%02X" : "%%%02x", (unsigned)byte);
            memcpy(exact, text, 3);
            assert_int_equal(percent_decode(slice_of(exact, 3), out), 1);
            assert_int_equal((unsigned char)out[0], byte);
            assert_int_equal(percent_decode(slice_of(exact, 2), out), 2);
            assert_int_equal(percent_decode(slice_of(exact, 1), out), 1);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_escapes),
        cmocka_unit_test(leaves_the_rest_alone),
        cmocka_unit_test(decodes_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
