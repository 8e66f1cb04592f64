/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "log.h"

int loop_init(struct loop *loop)
{
    /* Edge triggered: each write is one event, whether or not anybody reads. NULL: no source to tell. */
    struct epoll_event wake = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    list_init(&loop->deadline_queues);
    loop->now_us = clock_now_us();
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) < 0) {
        int failed = -errno;

        loop_fini(loop);
        return failed;
    }
    return 0;
}

void loop_fini(struct loop *loop)
{
    fd_close(&loop->epoll_fd);
    fd_close(&loop->wake_fd);
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0 ? 0 : -errno;
}

void loop_tell_again(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

bool loop_remove(struct loop *loop, struct loop_source *source)
{
    bool has_event = loop->event_count >= LOOP_BATCH;

    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = loop->event_next; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == source) {
            loop->events[i].data.ptr = NULL;
            has_event = true;
        }
    }
    return has_event;
}

/* Only this process could have done that. It would go round for ever, or sleep, deaf to all that it is told. */
static void NORETURN give_up(int error)
{
    log_error("the event loop has lost its descriptor (%s): has the application closed descriptors that it has not "
              "opened? This process ends.",
              strerror(error));
    _exit(EXIT_FAILURE);
}

/* The moment of the first deadline; INT64_MAX when there is none. */
static int64_t earliest_deadline_us(const struct loop *loop)
{
    int64_t earliest_us = INT64_MAX;

    for (struct list_node *node = loop->deadline_queues.head.next; node != &loop->deadline_queues.head;
         node = node->next) {
        const struct deadline_queue *queue = CONTAINER_OF(node, struct deadline_queue, queue_node);
        const struct list_node *first = list_first(&queue->list);

        if (first != NULL) {
            const struct deadline *deadline = CONTAINER_OF(first, struct deadline, node);

            if (deadline->expires_us < earliest_us)
                earliest_us = deadline->expires_us;
        }
    }
    return earliest_us;
}

/* Milliseconds that the loop may wait, rounded up; -1 for ever. */
static int next_timeout_ms(const struct loop *loop, int64_t earliest_us)
{
    int64_t wait_us = INT64_MAX;

    if (earliest_us != INT64_MAX)
        wait_us = earliest_us - clock_now_us();
    if (loop->longest_wait_us > 0 && loop->longest_wait_us < wait_us)
        wait_us = loop->longest_wait_us;
    if (wait_us == INT64_MAX)
        return -1;
    return wait_us > 0 ? (int)((wait_us + 999) / 1000) : 0;
}

static void run_deadlines(struct loop *loop)
{
    for (struct list_node *node = loop->deadline_queues.head.next; node != &loop->deadline_queues.head;
         node = node->next) {
        struct deadline_queue *queue = CONTAINER_OF(node, struct deadline_queue, queue_node);
        struct list_node *first;

        while ((first = list_first(&queue->list)) != NULL) {
            struct deadline *deadline = CONTAINER_OF(first, struct deadline, node);

            if (deadline->expires_us > loop->now_us)
                break;
            deadline_clear(deadline);
            queue->on_deadline(deadline);
        }
    }
}

static void set_waiting(struct loop *loop, uint32_t is_waiting, memory_order order)
{
    atomic_store_explicit(&loop->is_waiting, is_waiting, order);
    if (loop->waiting_flag != NULL)
        atomic_store_explicit(loop->waiting_flag, is_waiting, memory_order_relaxed);
}

/* Either the interrupter sees is_waiting and writes to wake_fd, or its interrupt is seen here: both store first, then
 * load, in the one order of all sequentially consistent operations. */
static int wait_for_events(struct loop *loop, int64_t earliest_us)
{
    int timeout_ms = next_timeout_ms(loop, earliest_us), count;

    set_waiting(loop, 1, memory_order_seq_cst);
    if (atomic_load(&loop->interrupts) != loop->seen_interrupts)
        timeout_ms = 0;
    count = epoll_wait(loop->epoll_fd, loop->events, LOOP_BATCH, timeout_ms);
    atomic_store_explicit(&loop->waits, atomic_load_explicit(&loop->waits, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    set_waiting(loop, 0, memory_order_relaxed);
    return count;
}

bool loop_wait(struct loop *loop, bool may_wait)
{
    int64_t earliest_us;
    int count;

    if (loop->event_next < loop->event_count)
        return true;
    loop->event_next = loop->event_count = 0;
    earliest_us = may_wait ? earliest_deadline_us(loop) : INT64_MIN;
    count = may_wait ? wait_for_events(loop, earliest_us) : epoll_wait(loop->epoll_fd, loop->events, LOOP_BATCH, 0);
    if (count < 0 && errno != EINTR)
        give_up(errno);
    loop->seen_interrupts = atomic_load(&loop->interrupts);
    loop->now_us = clock_now_us();
    if (count > 0)
        loop->event_count = count;
    if (loop->now_us >= earliest_us)
        run_deadlines(loop);
    return loop->event_count > 0;
}

void loop_interrupt(struct loop *loop)
{
    atomic_fetch_add(&loop->interrupts, 1);
    if (atomic_load(&loop->is_waiting) != 0 && eventfd_write(loop->wake_fd, 1) < 0)
        give_up(errno); /* EAGAIN would come after 2^64 - 2 interrupts */
}

void loop_repeat(struct loop *loop, struct loop_source *source, uint32_t events)
{
    if (loop->event_count < LOOP_BATCH + LOOP_REPEATS)
        loop->events[loop->event_count++] = (struct epoll_event){.events = events, .data.ptr = source};
}

bool loop_dispatch(struct loop *loop)
{
    while (loop->event_next < loop->event_count) {
        const struct epoll_event *event = &loop->events[loop->event_next++];
        struct loop_source *source = event->data.ptr;

        if (source != NULL) {
            source->on_events(source, event->events);
            return true;
        }
    }
    return false;
}

void deadline_queue_init(struct loop *loop, struct deadline_queue *queue, int64_t timeout_us,
                         void (*on_deadline)(struct deadline *))
{
    *queue = (struct deadline_queue){.timeout_us = timeout_us, .on_deadline = on_deadline};
    list_init(&queue->list);
    list_append(&loop->deadline_queues, &queue->queue_node);
}

void deadline_set(struct loop *loop, struct deadline_queue *queue, struct deadline *deadline)
{
    deadline_clear(deadline);
    if (queue->timeout_us == 0)
        return;
    deadline->expires_us = loop->now_us + queue->timeout_us;
    list_append(&queue->list, &deadline->node);
}
