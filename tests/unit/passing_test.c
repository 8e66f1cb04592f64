/* SPDX-License-Identifier: MIT
 * What a master passes to the next one: written, read, and what is refused. */
#include "passing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_written_is_read(void **state)
{
    struct passed_listener listeners[] = {
        {.fd = 7, .kind = PASSED_BIND, .device = 3, .inode = 1ull << 40, .address = "unix:/a path/with blanks"},
        {.fd = 8, .kind = PASSED_METRICS, .address = "127.0.0.1:0"},
        {.fd = 9, .kind = PASSED_BIND, .is_kept = true, .address = ""},
    };
    const struct passing passing = {.from = 12,
                                    .channel_fd = 3,
                                    .keeper_fd = -1,
                                    .take_fd = 5,
                                    .give_fd = 6,
                                    .queue_format = UINT64_MAX,
                                    .listeners = listeners,
                                    .count = 3};
    struct passing again;
    char *text = passing_format(&passing);

    (void)state;
    assert_non_null(text);
    assert_int_equal(passing_parse(&again, text), 0);
    assert_int_equal(again.from, 12);
    assert_int_equal(again.channel_fd, 3);
    assert_int_equal(again.keeper_fd, -1);
    assert_int_equal(again.take_fd, 5);
    assert_int_equal(again.give_fd, 6);
    assert_true(again.queue_format == UINT64_MAX);
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < again.count; i++) {
        assert_int_equal(again.listeners[i].fd, listeners[i].fd);
        assert_int_equal(again.listeners[i].kind, listeners[i].kind);
        assert_int_equal(again.listeners[i].is_kept, listeners[i].is_kept);
        assert_true(again.listeners[i].device == listeners[i].device);
        assert_true(again.listeners[i].inode == listeners[i].inode);
        assert_string_equal(again.listeners[i].address, listeners[i].address);
    }
    passing_fini(&again);
    free(text);
}

static void test_what_means_nothing_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "yes",
        "yes\n",
        "1 from=1 channel=2 keeper=3 queue=4,5\n",
        "2 from=1 channel=2 keeper=3 queue=4,5,6\n",
        "1 from=1 channel=2 keeper=3 queue=4,5,6",
        "1 from=1 channel=2 keeper=3 queue=4,5,6\nnonsense\n",
        "1 from=1 channel=2 keeper=3 queue=4,5,6\n-1 0 0 0 0 a\n",
        "1 from=1 channel=2 keeper=3 queue=4,5,6\n7 99 0 0 0 a\n",
        "1 from=1 channel=2 keeper=3 queue=4,5,6\n7 0 0 0 0 no end",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct passing passing;
        char *text = strdup(texts[i]);

        if (passing_parse(&passing, text) == 0)
            fail_msg("'%s' was read", texts[i]);
        passing_fini(&passing);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_means_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
