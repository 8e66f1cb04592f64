/* SPDX-License-Identifier: MIT
 * How often a service manager is told that the server lives. */
#include "service.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "master_priv.h"
#include "scoreboard.h"
#include "unit.h"

struct fixture {
    int manager_fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    struct launch launch;
    struct master master;
};

/* With an abstract socket whose name the kernel chooses. */
static void set_up(struct fixture *f, int64_t watchdog_us)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(address);

    *f = (struct fixture){.manager_fd = socket(AF_UNIX, SOCK_DGRAM, 0)};
    assert_int_equal(bind(f->manager_fd, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
    assert_int_equal(getsockname(f->manager_fd, (struct sockaddr *)&address, &len), 0);
    memcpy(f->path, address.sun_path, len - offsetof(struct sockaddr_un, sun_path));
    f->path[0] = '@';
    f->launch = (struct launch){.notify_socket = f->path, .watchdog_us = watchdog_us};
    f->master = (struct master){.launch = &f->launch, .scoreboard = scoreboard_new(1, 1)};
}

static void tear_down(struct fixture *f)
{
    scoreboard_free(f->master.scoreboard);
    close(f->manager_fd);
}

/* How long the master may sleep after a sign of life. */
static int64_t pause_after_sign(int64_t watchdog_us)
{
    struct fixture f;
    char told[SERVICE_TEXT_BYTES];
    int64_t before_us = clock_now_us(), next_us, after_us;

    set_up(&f, watchdog_us);
    service_step(&f.master);
    after_us = clock_now_us();
    next_us = service_next_us(&f.master);
    assert_int_equal(recv(f.manager_fd, told, sizeof(told), MSG_DONTWAIT), strlen("WATCHDOG=1"));
    assert_memory_equal(told, "WATCHDOG=1", strlen("WATCHDOG=1"));
    tear_down(&f);
    assert_true(next_us >= before_us && next_us <= after_us + watchdog_us + 5000);
    return next_us - before_us;
}

static void test_signs_of_life(void **state)
{
    (void)state;
    assert_true(pause_after_sign(200000) >= 100000);
    assert_true(pause_after_sign(10000) >= 5000);
}

/* However short the time is, the master has others to do. */
static void test_a_time_that_is_too_short(void **state)
{
    (void)state;
    for (int64_t us = 1; us <= 1000; us *= 10)
        assert_true(pause_after_sign(us) >= 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_of_life),
        cmocka_unit_test(test_a_time_that_is_too_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
