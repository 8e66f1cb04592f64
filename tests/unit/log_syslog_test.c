/* SPDX-License-Identifier: MIT
 * Lines to syslog: the values of options, the messages, and what becomes of them when nobody is there. */
#include "log_syslog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static char directory[] = "/tmp/clutch-syslog-XXXXXX";
static char path[64], value[128];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/log", directory);
    snprintf(value, sizeof(value), "syslog:%s,facility=local0,tag=shop", path);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* A receiver at `path`. */
static int listen_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static struct log_syslog parsed(const char *text)
{
    struct log_syslog syslog;
    char error[256];

    assert_int_equal(log_syslog_parse(&syslog, text, error, sizeof(error)), 0);
    return syslog;
}

/* The next message; static storage. "": there is none. */
static const char *received(int fd)
{
    static char text[16384];
    ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void test_values(void **state)
{
    struct log_syslog syslog = parsed("syslog:");
    const struct sockaddr_un *address = (const struct sockaddr_un *)(const void *)&syslog.address;

    (void)state;
    assert_true(log_syslog_is_meant("syslog:") && !log_syslog_is_meant("syslog") && !log_syslog_is_meant("/syslog:"));
    assert_string_equal(address->sun_path, "/dev/log");
    assert_string_equal(syslog.tag, "clutch");
    assert_int_equal(syslog.facility, 3);
    assert_false(syslog.is_rfc5424);
    syslog = parsed("syslog:unix:/run/x,tag=a-b,format=rfc5424,facility=local7");
    assert_string_equal(address->sun_path, "/run/x");
    assert_string_equal(syslog.tag, "a-b");
    assert_int_equal(syslog.facility, 23);
    assert_true(syslog.is_rfc5424);
    assert_true(parsed("syslog:127.0.0.1:514").is_rfc5424);
    assert_int_equal(parsed("syslog:[::1]:514").address.ss_family, AF_INET6);
}

static void test_values_that_mean_nothing(void **state)
{
    static const struct {
        const char *text, *complaint;
    } bad[] = {
        {"syslog:host", "'host' is no address"},
        {"syslog:host:", "is no address"},
        {"syslog::514", "is no address"},
        {"syslog:host:5x", "is no address"},
        {"syslog:[]:514", "no address that can be found"},
        {"syslog:,facility=none", "'none' is no facility"},
        {"syslog:,tag=", "is no tag"},
        {"syslog:,tag=a b", "is no tag"},
        {"syslog:,tag=a[1]:", "is no tag"},
        {"syslog:,tag=1234567890123456789012345678901234567890123456789", "is no tag"},
        {"syslog:,format=json", "is no format"},
        {"syslog:,colour=red", "'colour=red' is none of"},
        {"syslog:,", "'' is none of"},
    };
    struct log_syslog syslog;
    char error[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(log_syslog_parse(&syslog, bad[i].text, error, sizeof(error)), -1);
        assert_non_null(strstr(error, bad[i].complaint));
    }
}

static void test_messages_as_syslog_3_writes_them(void **state)
{
    struct log_syslog syslog = parsed(value);
    int fd = listen_there(), day, pid;
    char month[4], rest[64];

    (void)state;
    assert_int_equal(log_syslog_open(&syslog), 0);
    log_syslog_send(&syslog, LOG_LEVEL_ERROR, SLICE("oh no"));
    assert_int_equal(sscanf(received(fd), "<131>%3s %2d %*d:%*d:%*d shop[%d]: %63[^\n]", month, &day, &pid, rest), 4);
    assert_string_equal(rest, "oh no");
    assert_int_equal(pid, getpid());
    log_syslog_send_lines(&syslog, LOG_LEVEL_INFO, SLICE("one\n\ntwo\nthree"));
    assert_non_null(strstr(received(fd), "]: one"));
    assert_non_null(strstr(received(fd), "]: "));
    assert_non_null(strstr(received(fd), "]: two"));
    assert_non_null(strstr(received(fd), "]: three"));
    assert_string_equal(received(fd), "");
    log_syslog_close(&syslog);
    close(fd);
}

static void test_messages_of_rfc_5424_by_udp(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), year, pid;
    struct log_syslog syslog;
    char text[64], host[256], rest[64];

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(text, sizeof(text), "syslog:127.0.0.1:%d", ntohs(address.sin_port));
    syslog = parsed(text);
    assert_int_equal(log_syslog_open(&syslog), 0);
    log_syslog_send(&syslog, LOG_LEVEL_WARNING, SLICE("over there"));
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20000), 1);
    assert_int_equal(sscanf(received(fd), "<28>1 %4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*6dZ %255s clutch %d - - %63[^\n]",
                            &year, host, &pid, rest),
                     4);
    assert_string_equal(rest, "over there");
    log_syslog_close(&syslog);
    close(fd);
}

static void test_lost_lines_are_told_of(void **state)
{
    struct log_syslog syslog = parsed(value);
    int fd;

    (void)state;
    unlink(path);
    assert_int_equal(log_syslog_open(&syslog), -ENOENT);
    log_syslog_send_lines(&syslog, LOG_LEVEL_INFO, SLICE("one\ntwo\n"));
    fd = listen_there();
    log_syslog_send(&syslog, LOG_LEVEL_INFO, SLICE("three"));
    assert_non_null(strstr(received(fd), "]: three"));
    assert_non_null(strstr(received(fd), "[warning] 2 lines were lost: nobody took them at syslog:/tmp/"));
    close(fd);
    fd = listen_there(); /* it was started again */
    log_syslog_send(&syslog, LOG_LEVEL_INFO, SLICE("four"));
    assert_non_null(strstr(received(fd), "]: four"));
    log_syslog_close(&syslog);
    close(fd);
}

/* A traceback in JSON is one line. */
static void test_a_long_line_stays_whole(void **state)
{
    static char line[1 << 22], text[sizeof(line)];
    static const size_t lengths[][2] = {{10000, 10000}, {sizeof(line), 8192}};
    struct log_syslog syslog = parsed(value);
    int fd = listen_there();

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(log_syslog_open(&syslog), 0);
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        ssize_t len;

        log_syslog_send(&syslog, LOG_LEVEL_INFO, slice_of(line, lengths[i][0]));
        len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        assert_true(len > 0);
        text[len] = '\0';
        assert_int_equal(strspn(strstr(text, "]: ") + 3, "x"), lengths[i][1]);
    }
    assert_int_equal(syslog.lost_lines, 0);
    log_syslog_close(&syslog);
    close(fd);
}

static void test_a_full_queue_holds_nobody_up(void **state)
{
    struct log_syslog syslog = parsed(value);
    int fd = listen_there();

    (void)state;
    assert_int_equal(log_syslog_open(&syslog), 0);
    for (int i = 0; i < 10000 && syslog.lost_lines == 0; i++)
        log_syslog_send(&syslog, LOG_LEVEL_INFO, SLICE("more"));
    assert_int_equal(syslog.lost_lines, 1);
    log_syslog_close(&syslog);
    close(fd);
}

/* The number of its socket is that of a connection by now. */
static void test_no_line_gets_into_a_connection(void **state)
{
    struct log_syslog syslog = parsed(value);
    int fd = listen_there(), ends[2], number;

    (void)state;
    assert_int_equal(log_syslog_open(&syslog), 0);
    number = syslog.fd;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(dup2(ends[0], number), number);
    log_syslog_send(&syslog, LOG_LEVEL_INFO, SLICE("to whom"));
    assert_non_null(strstr(received(fd), "]: to whom"));
    assert_string_equal(received(ends[1]), "");
    assert_int_not_equal(syslog.fd, number);
    log_syslog_close(&syslog);
    close(number);
    close(ends[0]);
    close(ends[1]);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_that_mean_nothing),
        cmocka_unit_test(test_messages_as_syslog_3_writes_them),
        cmocka_unit_test(test_messages_of_rfc_5424_by_udp),
        cmocka_unit_test(test_lost_lines_are_told_of),
        cmocka_unit_test(test_a_long_line_stays_whole),
        cmocka_unit_test(test_a_full_queue_holds_nobody_up),
        cmocka_unit_test(test_no_line_gets_into_a_connection),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
