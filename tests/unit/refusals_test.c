/* SPDX-License-Identifier: MIT
 * The count of refused requests: by reason, by all workers, also by one that was killed; and how it is told. */
#include "refusals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attrs.h"
#include "scoreboard.h"

static int set_up(void **state)
{
    *state = scoreboard_new(2, 1);
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    scoreboard_free(*state);
    return 0;
}

static void nothing_refused_is_nothing_to_tell(void **state)
{
    char text[256] = "?";

    assert_int_equal(refusals_total(*state), 0);
    assert_string_equal(refusals_describe(*state, text, sizeof(text)), "");
}

static void reasons_are_counted_apart(void **state)
{
    char text[256];

    refusals_count(*state, H1_REASON_HOST_MISSING);
    assert_string_equal(refusals_describe(*state, text, sizeof(text)), "1 request refused: 1 host_missing");
    refusals_count(*state, H1_REASON_QUEUE_FULL);
    refusals_count(*state, H1_REASON_QUEUE_FULL);
    assert_int_equal(refusals_of(*state, H1_REASON_HOST_MISSING), 1);
    assert_int_equal(refusals_of(*state, H1_REASON_QUEUE_FULL), 2);
    assert_int_equal(refusals_of(*state, H1_REASON_TLS), 0);
    assert_int_equal(refusals_total(*state), 3);
    assert_string_equal(refusals_describe(*state, text, sizeof(text)),
                        "3 requests refused: 2 queue_full, 1 host_missing");
}

static void a_killed_worker_leaves_its_counts_behind(void **state)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        refusals_count(*state, H1_REASON_TLS);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    scoreboard_clear_row(*state, 1);
    assert_int_equal(refusals_of(*state, H1_REASON_TLS), 1);
}

static void what_is_told_is_cut_to_whole_reasons(void **state)
{
    char text[64], all[8192];
    size_t len;

    for (int reason = H1_REASON_NONE + 1; reason < H1_REASON_COUNT; reason++)
        refusals_count(*state, (enum h1_reason)reason);
    len = strlen(refusals_describe(*state, text, sizeof(text)));
    assert_true(len < sizeof(text));
    assert_string_equal(text + len - 5, ", ...");
    refusals_describe(*state, all, sizeof(all));
    assert_memory_equal(all, text, len - 5);
    assert_null(strstr(all, "..."));
    assert_non_null(strstr(all, h1_reason_label((enum h1_reason)(H1_REASON_COUNT - 1))));
}

static void every_reason_has_its_words(void **state)
{
    (void)state;
    for (int i = H1_REASON_NONE + 1; i < H1_REASON_COUNT; i++) {
        enum h1_reason reason = (enum h1_reason)i;
        const char *label = h1_reason_label(reason);

        assert_in_range(h1_reason_status(reason), 400, 599);
        assert_in_range(strlen(h1_reason_text(reason)), 3, 80);
        assert_int_equal(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(label));
        for (int other = H1_REASON_NONE + 1; other < i; other++)
            assert_string_not_equal(label, h1_reason_label((enum h1_reason)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_refused_is_nothing_to_tell, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reasons_are_counted_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_worker_leaves_its_counts_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_told_is_cut_to_whole_reasons, set_up, tear_down),
        cmocka_unit_test(every_reason_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
