/* SPDX-License-Identifier: MIT
 * Each allocation of the access log and of what the workers share fails once: refused with a reason, nothing left. */
#include "unit.h"

#include <errno.h>

#include "access_log.h"
#include "crew.h"
#include "scarce_memory.h"

static bool open_access_log(const char *format, int n)
{
    char error[200] = "";
    struct access_log *log;
    bool has_failed;

    scarcity_begin(n, false);
    log = access_log_new(format, 1, error, sizeof(error));
    has_failed = scarcity_end();
    assert_true(has_failed == (log == NULL));
    if (has_failed)
        assert_string_equal(error, "out of memory");
    access_log_free(log);
    return has_failed;
}

static void the_access_log(void **state)
{
    static const char *const formats[] = {"combined", "json", "%(h)s %({X-A}i)s %%"};
    int n;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        for (n = 0; open_access_log(formats[i], n); n++)
            ;
        assert_in_range(n, 2, 10);
    }
}

static void the_crew(void **state)
{
    struct crew crew;

    (void)state;
    scarcity_begin(0, false);
    assert_int_equal(crew_init(&crew, 4, true), -ENOMEM);
    assert_true(scarcity_end());
    crew_fini(&crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_access_log), cmocka_unit_test(the_crew)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
