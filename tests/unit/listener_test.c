/* SPDX-License-Identifier: MIT
 * Addresses that can be listened at, those that cannot, and what the user is told. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/listener_test.XXXXXX";
static char error[256];

static int connect_network(const struct listener *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(listener->server_port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void assert_refused(const char *address, const char *reason)
{
    struct listener listener;

    error[0] = '\0';
    assert_int_equal(listener_open(&listener, address, 8, error, sizeof(error)), -1);
    assert_int_equal(listener.fd, -1);
    assert_non_null(strstr(error, address));
    if (strstr(error, reason) == NULL)
        fail_msg("'%s' does not say '%s'", error, reason);
}

static void test_ipv4_gets_a_free_port(void **state)
{
    struct listener listener;
    char url[64];

    (void)state;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 8, error, sizeof(error)), 0);
    assert_string_equal(listener.server_name, "127.0.0.1");
    assert_true(atoi(listener.server_port) > 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%s", listener.server_port);
    assert_string_equal(listener.url, url);
    assert_false(listener.is_unix);
    assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
    listener_close(&listener);
    assert_int_equal(listener.fd, -1);
}

static void test_no_host_means_all_ipv4_addresses(void **state)
{
    struct listener listener;

    (void)state;
    assert_int_equal(listener_open(&listener, ":0", 8, error, sizeof(error)), 0);
    assert_string_equal(listener.server_name, "0.0.0.0");
    listener_close(&listener);
}

static void test_a_name_prefers_ipv4(void **state)
{
    struct listener listener;

    (void)state;
    assert_int_equal(listener_open(&listener, "localhost:0", 8, error, sizeof(error)), 0);
    assert_string_equal(listener.server_name, "127.0.0.1");
    listener_close(&listener);
}

static void test_ipv6_stands_beside_ipv4(void **state)
{
    struct listener first, second;
    char address[32], url[64];

    (void)state;
    if (listener_open(&first, "[::1]:0", 8, error, sizeof(error)) < 0) {
        print_message("%s\n", error);
        skip();
    }
    snprintf(url, sizeof(url), "http://[::1]:%s", first.server_port);
    assert_string_equal(first.url, url);
    assert_string_equal(first.server_name, "::1");
    listener_close(&first);

    /* A port that is free in IPv6 may be taken in IPv4, by whatever else runs here. */
    for (int tries = 20;; tries--) {
        assert_int_equal(listener_open(&first, "[::]:0", 8, error, sizeof(error)), 0);
        snprintf(address, sizeof(address), "0.0.0.0:%s", first.server_port);
        if (listener_open(&second, address, 8, error, sizeof(error)) == 0)
            break;
        assert_true(tries > 0);
        listener_close(&first);
    }
    listener_close(&second);
    listener_close(&first);
}

static void test_accepted_connections_inherit_nodelay(void **state)
{
    struct listener listener;
    int client, accepted, value = 0;
    socklen_t len = sizeof(value);

    (void)state;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 8, error, sizeof(error)), 0);
    client = connect_network(&listener);
    assert_true(client >= 0);
    /* Not before there is something to read. */
    assert_int_equal(accept(listener.fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(poll(&(struct pollfd){.fd = listener.fd, .events = POLLIN}, 1, 10000), 1);
    accepted = accept(listener.fd, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    assert_true(value != 0);
    close(accepted);
    close(client);
    listener_close(&listener);
}

static void test_bad_addresses_say_what_is_expected(void **state)
{
    static const char *const addresses[] = {
        "",         "8000",      "127.0.0.1", "127.0.0.1:",   "127.0.0.1:http", "127.0.0.1:65536",
        "::1:8000", "[::1:8000", "[]:8000",   "127.0.0.1:-1", "127.0.0.1: 80",  "[::1]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++)
        assert_refused(addresses[i], "expected HOST:PORT, :PORT, [IPV6]:PORT or unix:PATH");
    assert_refused("no such host:8000", "the host 'no such host' has no address");
    assert_refused("unix:", "expected a path");
    assert_refused("192.0.2.1:0", "this machine has no such address");
}

static void test_address_in_use_is_named(void **state)
{
    struct listener listener;
    char address[64];

    (void)state;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 8, error, sizeof(error)), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%s", listener.server_port);
    assert_refused(address, "in use");
    listener_close(&listener);
}

/* Another process, here a second descriptor, still has the socket: nobody gets in all the same. */
static void test_end_refuses_while_others_hold_the_socket(void **state)
{
    struct listener listener;
    int copy, client;

    (void)state;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 8, error, sizeof(error)), 0);
    copy = dup(listener.fd);
    client = connect_network(&listener);
    assert_true(client >= 0);
    close(client);
    listener_end(&listener);
    assert_int_equal(listener.fd, -1);
    assert_int_equal(connect_network(&listener), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(copy);
}

static void test_unix_socket_comes_and_goes(void **state)
{
    struct listener listener;
    char address[128];
    struct stat status;
    int client, copy;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/app.sock", directory);
    assert_int_equal(listener_open(&listener, address, 8, error, sizeof(error)), 0);
    assert_true(listener.is_unix);
    assert_string_equal(listener.url, address);
    assert_string_equal(listener.server_name, "localhost");
    assert_string_equal(listener.server_port, "");
    assert_string_equal(listener.path, address + strlen("unix:"));
    client = connect_unix(listener.path);
    assert_true(client >= 0);
    close(client);
    assert_refused(address, "another process listens there");

    copy = dup(listener.fd);
    listener_end(&listener);
    assert_int_equal(stat(listener.path, &status), -1);
    close(copy);
}

static void test_stale_unix_socket_is_replaced(void **state)
{
    struct listener listener;
    char address[128];
    int client;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/stale.sock", directory);
    assert_int_equal(listener_open(&listener, address, 8, error, sizeof(error)), 0);
    listener_close(&listener); /* as after a SIGKILL: the file stays */
    assert_int_equal(connect_unix(listener.path), -1);

    assert_int_equal(listener_open(&listener, address, 8, error, sizeof(error)), 0);
    client = connect_unix(listener.path);
    assert_true(client >= 0);
    close(client);
    listener_end(&listener);
}

/* Somebody has removed the file and another server listens at the path by now: the end of the first is not its end. */
static void test_the_unix_socket_of_a_successor_stays(void **state)
{
    struct listener first, second;
    char address[128];
    int client;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/shared.sock", directory);
    assert_int_equal(listener_open(&first, address, 8, error, sizeof(error)), 0);
    assert_int_equal(unlink(first.path), 0);
    assert_int_equal(listener_open(&second, address, 8, error, sizeof(error)), 0);
    listener_end(&first);
    client = connect_unix(second.path);
    assert_true(client >= 0);
    close(client);
    listener_end(&second);
    assert_int_equal(access(second.path, F_OK), -1);
}

static void test_files_are_never_replaced_by_a_socket(void **state)
{
    char address[128], missing[128], long_path[300] = "unix:/";
    struct stat status;
    int fd;

    (void)state;
    snprintf(address, sizeof(address), "unix:%s/file", directory);
    fd = open(address + strlen("unix:"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_refused(address, "no socket");
    assert_int_equal(stat(address + strlen("unix:"), &status), 0);
    unlink(address + strlen("unix:"));

    snprintf(missing, sizeof(missing), "unix:%s/missing/app.sock", directory);
    assert_refused(missing, "No such file or directory");
    assert_refused("unix:@app", "abstract sockets are not offered");
    assert_refused("unix:@app", "'unix:./@app'");
    memset(long_path + 6, 'a', LISTENER_PATH_BYTES);
    assert_refused(long_path, "expected a path of 1 to 107 bytes");
    assert_refused("unix:a\nb", "expected a path without control characters");
    assert_refused("unix:\x7f", "expected a path without control characters");
}

static void test_backlog_limit_is_read_from_the_kernel(void **state)
{
    (void)state;
    assert_true(listener_longest_backlog() >= 1);
    if (access("/proc/sys/net/core/somaxconn", R_OK) == 0)
        assert_true(listener_longest_backlog() < INT_MAX);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_gets_a_free_port),
        cmocka_unit_test(test_no_host_means_all_ipv4_addresses),
        cmocka_unit_test(test_a_name_prefers_ipv4),
        cmocka_unit_test(test_ipv6_stands_beside_ipv4),
        cmocka_unit_test(test_accepted_connections_inherit_nodelay),
        cmocka_unit_test(test_bad_addresses_say_what_is_expected),
        cmocka_unit_test(test_address_in_use_is_named),
        cmocka_unit_test(test_end_refuses_while_others_hold_the_socket),
        cmocka_unit_test(test_unix_socket_comes_and_goes),
        cmocka_unit_test(test_stale_unix_socket_is_replaced),
        cmocka_unit_test(test_the_unix_socket_of_a_successor_stays),
        cmocka_unit_test(test_files_are_never_replaced_by_a_socket),
        cmocka_unit_test(test_backlog_limit_is_read_from_the_kernel),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
