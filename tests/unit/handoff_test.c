/* SPDX-License-Identifier: MIT
 * The queue between workers: what goes in comes out once, in order, with its descriptors, whoever dies meanwhile. */
#include "handoff_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MORE_THAN_FITS = 100000 };

static void test_messages_come_in_order(void **state)
{
    const struct handoff *handoff = *state;

    assert_is_empty(handoff);
    assert_false(handoff_may_have_messages(handoff));
    assert_int_equal(give_text(handoff, "one", 0), 0);
    assert_int_equal(give_text(handoff, "two", 0), 0);
    assert_true(handoff_may_have_messages(handoff));
    assert_int_equal(waiting(handoff), 2);
    assert_takes(handoff, "one");
    assert_int_equal(give_text(handoff, "three", 0), 0);
    assert_takes(handoff, "two");
    assert_takes(handoff, "three");
    assert_int_equal(waiting(handoff), 0);
    assert_is_empty(handoff);
}

static void test_header_and_pieces_arrive_whole(void **state)
{
    const struct handoff *handoff = *state;
    static char head[] = "HEAD", body[50000], rest[] = "NXT";
    struct handoff_header header = {.kind = HANDOFF_REQUEST,
                                    .listener = 7,
                                    .head_bytes = 4,
                                    .body_bytes = sizeof(body),
                                    .rest_bytes = 3,
                                    .has_hung_up = 1,
                                    .arrived_us = 11,
                                    .enqueued_us = 12,
                                    .peer_len = 5};
    struct iovec pieces[] = {{head, 4}, {body, sizeof(body)}, {rest, 3}};
    struct handoff_message message;

    memset(body, 'b', sizeof(body));
    assert_int_equal(handoff_give(handoff, &header, pieces, 3, 0, -1), 0);
    assert_int_equal(handoff_take(handoff, buffer, &message), 1);
    assert_memory_equal(&message.header, &header, sizeof(header));
    assert_int_equal(message.len, sizeof(body) + 7);
    assert_memory_equal(message.bytes, "HEAD", 4);
    assert_memory_equal(message.bytes + 4, body, sizeof(body));
    assert_memory_equal(message.bytes + 4 + sizeof(body), "NXT", 3);
    assert_int_equal(message.file_fd, -1);
    assert_int_not_equal(fcntl(message.conn_fd, F_GETFD) & FD_CLOEXEC, 0);
    fd_close(&message.conn_fd);
}

static void test_descriptors_arrive_and_work(void **state)
{
    const struct handoff *handoff = *state;
    struct handoff_header header = {.kind = HANDOFF_REQUEST, .has_body_file = 1, .body_file_bytes = 4};
    struct handoff_message message;
    int conn[2], file = fd_temporary_file(NULL);
    char text[8] = "";

    assert_int_equal(fd_pipe(conn), 0);
    assert_int_equal(fd_write_all(file, "BODY", 4), 0);
    assert_int_equal(handoff_give(handoff, &header, NULL, 0, conn[1], file), 0);
    fd_close(&conn[1]);
    fd_close(&file);
    assert_int_equal(handoff_take(handoff, buffer, &message), 1);
    assert_int_equal(pread(message.file_fd, text, sizeof(text), 0), 4);
    assert_string_equal(text, "BODY");
    assert_int_equal(write(message.conn_fd, "x", 1), 1);
    fd_close(&message.conn_fd);
    assert_int_equal(read(conn[0], text, 1), 1);
    assert_int_equal(read(conn[0], text, 1), 0); /* no copy of it is open any more */
    fd_close(&conn[0]);
    fd_close(&message.file_fd);
}

static void test_a_full_queue_says_so_and_counts_right(void **state)
{
    const struct handoff *handoff = *state;
    int count = 0, result;

    while ((result = give_text(handoff, "x", 0)) == 0 && count < MORE_THAN_FITS)
        count++;
    assert_int_equal(result, -EAGAIN);
    assert_true(count > 50);
    assert_int_equal(waiting(handoff), count);
    assert_takes(handoff, "x");
    assert_int_equal(waiting(handoff), count - 1);
    for (int i = 1; i < count; i++)
        assert_takes(handoff, "x");
    assert_int_equal(waiting(handoff), 0);
    assert_is_empty(handoff);
    assert_int_equal(give_text(handoff, "again", 0), 0);
    assert_takes(handoff, "again");
}

static void test_a_killed_receiver_loses_only_what_it_took(void **state)
{
    const struct handoff *handoff = *state;
    pid_t pid;
    int status;

    assert_int_equal(give_text(handoff, "first", 0), 0);
    assert_int_equal(give_text(handoff, "second", 0), 0);
    assert_int_equal(give_text(handoff, "third", 0), 0);
    pid = fork();
    if (pid == 0) {
        struct handoff_message message;

        if (handoff_take(handoff, buffer, &message) == 1 && memcmp(message.bytes, "first", 5) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(waiting(handoff), 2);
    assert_takes(handoff, "second");
    assert_takes(handoff, "third");
    assert_is_empty(handoff);
}

static void send_raw(const struct handoff *handoff, const void *bytes, size_t len, const int *fds, size_t fd_count)
{
    struct iovec piece = {(void *)(uintptr_t)bytes, len};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = "";
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    if (fd_count > 0) {
        struct cmsghdr *item;

        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        item = CMSG_FIRSTHDR(&message);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(item), fds, fd_count * sizeof(int));
    }
    assert_int_equal(sendmsg(handoff->give_fd, &message, 0), len);
}

static void send_header(const struct handoff *handoff, struct handoff_header header, size_t fd_count)
{
    static const int fds[4] = {0, 1, 2, 0};

    send_raw(handoff, &header, sizeof(header), fds, fd_count);
}

static void test_messages_of_a_wrong_form_are_dropped(void **state)
{
    const struct handoff *handoff = *state;
    static char large[sizeof(struct handoff_header) + HANDOFF_MESSAGE_BYTES + 1];
    int before = open_fds();

    send_raw(handoff, "short", 5, NULL, 0);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_REQUEST}, 0);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_REQUEST}, 2);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_REQUEST}, 4);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_IDLE, .has_body_file = 1}, 1);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_IDLE, .rest_bytes = 1}, 1);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_REQUEST, .head_bytes = UINT32_MAX, .rest_bytes = 1},
                1);
    send_header(handoff, (struct handoff_header){.kind = HANDOFF_REQUEST, .is_all_in_file = 1, .head_bytes = 3}, 1);
    send_header(handoff, (struct handoff_header){.kind = 77}, 1);
    send_raw(handoff, large, sizeof(large), NULL, 0);
    assert_int_equal(give_text(handoff, "good", 0), 0);
    assert_takes(handoff, "good");
    assert_is_empty(handoff);
    assert_int_equal(waiting(handoff), 0);
    assert_int_equal(open_fds(), before);
}

static void test_messages_of_a_wrong_form_are_not_given(void **state)
{
    const struct handoff *handoff = *state;
    struct handoff_header header = {.kind = HANDOFF_REQUEST, .head_bytes = 3};
    static char text[] = "abc", large[HANDOFF_MESSAGE_BYTES + 1];
    struct iovec pieces[HANDOFF_IOV + 1] = {{text, 3}};

    assert_int_equal(handoff_give(handoff, &header, pieces, 1, -1, -1), -EINVAL);
    assert_int_equal(handoff_give(handoff, &header, pieces, 1, 0, 0), -EINVAL);
    assert_int_equal(handoff_give(handoff, &header, pieces, 0, 0, -1), -EINVAL);
    assert_int_equal(handoff_give(handoff, &header, pieces, HANDOFF_IOV + 1, 0, -1), -EINVAL);
    header.has_body_file = 1;
    assert_int_equal(handoff_give(handoff, &header, pieces, 1, 0, -1), -EINVAL);
    header = (struct handoff_header){.kind = HANDOFF_REQUEST, .head_bytes = sizeof(large)};
    pieces[0] = (struct iovec){large, sizeof(large)};
    assert_int_equal(handoff_give(handoff, &header, pieces, 1, 0, -1), -EMSGSIZE);
    assert_int_equal(waiting(handoff), 0);
    assert_is_empty(handoff);
}

static void test_the_largest_message_passes(void **state)
{
    const struct handoff *handoff = *state;
    static char large[HANDOFF_MESSAGE_BYTES];
    struct handoff_header header = {.kind = HANDOFF_REQUEST, .body_bytes = sizeof(large)};
    struct iovec piece = {large, sizeof(large)};
    struct handoff_message message;

    memset(large, 'l', sizeof(large));
    assert_int_equal(handoff_give(handoff, &header, &piece, 1, 0, -1), 0);
    assert_int_equal(handoff_take(handoff, buffer, &message), 1);
    assert_int_equal(message.len, sizeof(large));
    assert_memory_equal(message.bytes, large, sizeof(large));
    fd_close(&message.conn_fd);
}

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

static bool takes_all_between;
static int taken[64], taken_count;

/* Like another thread of the process, just before a message leaves the queue. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (takes_all_between && (flags & MSG_PEEK) == 0) {
        takes_all_between = false;
        while (taken_count < (int)ARRAY_COUNT(taken) && (taken[taken_count] = dup(fd)) >= 0)
            taken_count++;
    }
    return __real_recvmsg(fd, message, flags);
}

static void give_back_taken(void)
{
    while (taken_count > 0)
        close(taken[--taken_count]);
}

static struct rlimit limit_descriptors(rlim_t count)
{
    struct rlimit before, scarce;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    scarce = before;
    scarce.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &scarce), 0);
    return before;
}

/* A connection is not lost, whenever the application takes the last descriptors. */
static void test_what_finds_no_room_for_its_descriptors_is_kept(void **state)
{
    const struct handoff *handoff = *state;
    struct rlimit before = limit_descriptors(ARRAY_COUNT(taken));
    struct handoff_message message;
    int open_before = open_fds();

    assert_int_equal(give_text(handoff, "first", handoff->give_fd), 0);
    while ((taken[taken_count] = dup(handoff->take_fd)) >= 0)
        taken_count++;
    assert_int_equal(handoff_take(handoff, buffer, &message), -EMFILE);
    give_back_taken();
    takes_all_between = true;
    assert_int_equal(handoff_take(handoff, buffer, &message), 1);
    give_back_taken();
    assert_int_equal(message.len, strlen("first"));
    assert_true(fcntl(message.conn_fd, F_GETFD) >= 0);
    close(message.conn_fd);
    assert_int_equal(waiting(handoff), 0);
    assert_int_equal(open_fds(), open_before);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_messages_come_in_order),
        QUEUE_TEST(test_header_and_pieces_arrive_whole),
        QUEUE_TEST(test_descriptors_arrive_and_work),
        QUEUE_TEST(test_a_full_queue_says_so_and_counts_right),
        QUEUE_TEST(test_a_killed_receiver_loses_only_what_it_took),
        QUEUE_TEST(test_messages_of_a_wrong_form_are_dropped),
        QUEUE_TEST(test_messages_of_a_wrong_form_are_not_given),
        QUEUE_TEST(test_the_largest_message_passes),
        QUEUE_TEST(test_what_finds_no_room_for_its_descriptors_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
