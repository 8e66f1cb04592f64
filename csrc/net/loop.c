/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"

int loop_init(struct loop *loop)
{
    *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    list_init(&loop->deadline_queues);
    loop->now_us = clock_now_us();
    return loop->epoll_fd >= 0 ? 0 : -errno;
}

void loop_fini(struct loop *loop)
{
    fd_close(&loop->epoll_fd);
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0 ? 0 : -errno;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = loop->event_next; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == source)
            loop->events[i].data.ptr = NULL;
    }
}

/* Milliseconds until the first deadline, rounded up; -1 when there is none. */
static int next_timeout_ms(const struct loop *loop)
{
    int64_t earliest_us = INT64_MAX, wait_us;

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
    if (earliest_us == INT64_MAX)
        return -1;
    wait_us = earliest_us - clock_now_us();
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

bool loop_wait(struct loop *loop, bool may_wait)
{
    int count;

    if (loop->event_next < loop->event_count)
        return true;
    loop->event_next = loop->event_count = 0;
    count = epoll_wait(loop->epoll_fd, loop->events, LOOP_BATCH, may_wait ? next_timeout_ms(loop) : 0);
    loop->now_us = clock_now_us();
    if (count > 0)
        loop->event_count = count;
    run_deadlines(loop);
    return loop->event_count > 0;
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
