/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "fd.h"
#include "list.h"
#include "log.h"
#include "log_out.h"
#include "text.h"

static void buf_grows_and_consumes(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_append_format(&buf, "%03d,", i), 0);
    assert_int_equal(buf.len, 4000);
    buf_consume(&buf, 3996);
    assert_int_equal(buf.len, 4);
    assert_memory_equal(buf.ptr, "999,", 4);
    buf_consume(&buf, 4);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
    assert_null(buf.ptr);
}

static void buf_refuses_what_cannot_be(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf);
    assert_int_equal(buf_append(&buf, SLICE("abc")), 0);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), -ENOMEM);
    assert_int_equal(buf.len, 3);
    assert_memory_equal(buf.ptr, "abc", 3);
    buf_fini(&buf);
}

static void text_reads_numbers_strictly(void **state)
{
    static const char *const bad[] = {
        "", "+5", "-1", " 5", "5 ", "0x5", "5,5", "18446744073709551616", "99999999999999999999"};
    uint64_t value;

    (void)state;
    assert_true(text_parse_u64(SLICE("0"), &value));
    assert_int_equal(value, 0);
    assert_true(text_parse_u64(SLICE("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(text_parse_u64(slice_of_string(bad[i]), &value));
}

static void text_writes_numbers(void **state)
{
    char out[20];

    (void)state;
    assert_int_equal(text_format_u64(out, 0), 1);
    assert_memory_equal(out, "0", 1);
    assert_int_equal(text_format_u64(out, UINT64_MAX), 20);
    assert_memory_equal(out, "18446744073709551615", 20);
}

static void text_escapes_to_one_line(void **state)
{
    char out[16];

    (void)state;
    text_escape(out, sizeof(out), SLICE("a\r\n\"\xff"));
    assert_string_equal(out, "a\\x0d\\x0a...");
    text_escape(out, sizeof(out), SLICE("a\r\n\x7f"));
    assert_string_equal(out, "a\\x0d\\x0a\\x7f");
    text_escape(out, sizeof(out), SLICE("0123456789abcdef"));
    assert_string_equal(out, "0123456789ab...");
    for (size_t size = 0; size < 12; size++) {
        size_t len = text_escape(out, size, SLICE("\x01\x02\x03\x04"));

        assert_true(size == 0 || len < size);
    }
}

static void text_measures_spelling(void **state)
{
    (void)state;
    assert_int_equal(text_distance("workers", "workers"), 0);
    assert_int_equal(text_distance("worker", "workers"), 1);
    assert_int_equal(text_distance("wrokers", "workers"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("bind", "chdir"), 5);
}

struct item {
    int value;
    struct list_node node;
};

static void list_keeps_order(void **state)
{
    struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct list list;

    (void)state;
    list_init(&list);
    assert_true(list_is_empty(&list));
    for (int i = 0; i < 3; i++)
        list_append(&list, &items[i].node);
    list_remove(&items[1].node);
    list_remove(&items[1].node); /* a second time does nothing */
    assert_int_equal(CONTAINER_OF(list_pop(&list), struct item, node)->value, 0);
    assert_int_equal(CONTAINER_OF(list_pop(&list), struct item, node)->value, 2);
    assert_null(list_pop(&list));
}

static void clock_dates_are_fixed_length(void **state)
{
    char date[CLOCK_HTTP_DATE_BYTES + 1] = "";

    (void)state;
    memcpy(date, clock_http_date(), CLOCK_HTTP_DATE_BYTES);
    assert_int_equal(date[3], ',');
    assert_string_equal(date + 25, " GMT");
    assert_true(clock_now_us() <= clock_now_us());
}

static void fd_temporary_file_is_nameless(void **state)
{
    struct stat status;
    int fd;

    (void)state;
    fd = fd_temporary_file("/nonexistent/directory"); /* falls back to memory */
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, "abc", 3), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_size, 3);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    fd_close(&fd);
    assert_int_equal(fd, -1);
}

enum { WRITERS = 4, LINES = 50, LINE_BYTES = 40000 };

static void write_long_lines(int fd, char letter)
{
    char *line = malloc(LINE_BYTES);

    memset(line, letter, LINE_BYTES);
    line[LINE_BYTES - 1] = '\n';
    for (int i = 0; i < LINES; i++)
        log_write_lines(fd, slice_of(line, LINE_BYTES));
    free(line);
    _exit(0);
}

static bool has_patience; /* no time goes by, and who waits for a reader waits as long as it takes */

int64_t __real_clock_now_us(void);
int64_t __wrap_clock_now_us(void);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int64_t __wrap_clock_now_us(void)
{
    return has_patience ? 1000000000 : __real_clock_now_us();
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return __real_poll(fds, count, has_patience ? -1 : timeout);
}

/* A pipe takes large writes in pieces; the lines of several processes must come out whole all the same. None is lost,
 * however slowly a busy machine runs the reader. */
static void log_lines_of_processes_do_not_mix(void **state)
{
    int ends[2], lines = 0;
    FILE *reader;
    char *line = malloc(2 * LINE_BYTES);

    (void)state;
    has_patience = true;
    log_init(LOG_LEVEL_INFO);
    assert_int_equal(pipe(ends), 0);
    log_out_open(ends[1], "the pipe");
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0)
            write_long_lines(ends[1], (char)('a' + i));
    }
    log_out_close(ends[1]);
    close(ends[1]);
    reader = fdopen(ends[0], "r");
    while (fgets(line, 2 * LINE_BYTES, reader) != NULL) {
        assert_int_equal(strlen(line), LINE_BYTES);
        assert_int_equal(strspn(line, (char[]){line[0], '\0'}), LINE_BYTES - 1);
        lines++;
    }
    assert_int_equal(lines, WRITERS * LINES);
    fclose(reader);
    free(line);
    for (int i = 0; i < WRITERS; i++)
        wait(NULL);
    has_patience = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_and_consumes),
        cmocka_unit_test(buf_refuses_what_cannot_be),
        cmocka_unit_test(text_reads_numbers_strictly),
        cmocka_unit_test(text_writes_numbers),
        cmocka_unit_test(text_escapes_to_one_line),
        cmocka_unit_test(text_measures_spelling),
        cmocka_unit_test(list_keeps_order),
        cmocka_unit_test(clock_dates_are_fixed_length),
        cmocka_unit_test(fd_temporary_file_is_nameless),
        cmocka_unit_test(log_lines_of_processes_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
