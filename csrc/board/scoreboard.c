/* SPDX-License-Identifier: MIT */
#include "scoreboard.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counters.h"
#include "text.h"

static size_t bytes_of(int row_count, int thread_count)
{
    size_t rows = (size_t)row_count, threads = rows * (size_t)thread_count;

    return sizeof(struct scoreboard_totals) + rows * sizeof(struct scoreboard_row) +
           threads * (sizeof(struct scoreboard_thread) + sizeof(struct counters)) + rows * STACKS_BYTES;
}

struct scoreboard *scoreboard_new(int row_count, int thread_count)
{
    struct scoreboard *scoreboard = malloc(sizeof(*scoreboard));
    void *shared;

    if (scoreboard == NULL)
        return NULL;
    shared = mmap(NULL, bytes_of(row_count, thread_count), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED) {
        free(scoreboard);
        return NULL;
    }
    scoreboard->row_count = row_count;
    scoreboard->thread_count = thread_count;
    scoreboard->totals = shared;
    scoreboard->rows = (struct scoreboard_row *)(scoreboard->totals + 1);
    scoreboard->threads = (struct scoreboard_thread *)(scoreboard->rows + row_count);
    scoreboard->counters = (struct counters *)(scoreboard->threads + (size_t)row_count * (size_t)thread_count);
    scoreboard->stacks = (char *)(scoreboard->counters + (size_t)row_count * (size_t)thread_count);
    return scoreboard;
}

void scoreboard_free(struct scoreboard *scoreboard)
{
    if (scoreboard == NULL)
        return;
    munmap(scoreboard->totals, bytes_of(scoreboard->row_count, scoreboard->thread_count));
    free(scoreboard);
}

struct scoreboard_row *scoreboard_row(const struct scoreboard *scoreboard, int row)
{
    return &scoreboard->rows[row];
}

struct scoreboard_thread *scoreboard_thread(const struct scoreboard *scoreboard, int row, int thread)
{
    return &scoreboard->threads[(size_t)row * (size_t)scoreboard->thread_count + (size_t)thread];
}

struct counters *scoreboard_counters(const struct scoreboard *scoreboard, int row, int thread)
{
    return &scoreboard->counters[(size_t)row * (size_t)scoreboard->thread_count + (size_t)thread];
}

int scoreboard_row_end(const struct scoreboard *scoreboard)
{
    int32_t end = atomic_load_explicit(&scoreboard->totals->row_end, memory_order_relaxed);

    /* Workers can write there. */
    return end < 0 ? 0 : end > scoreboard->row_count ? scoreboard->row_count : end;
}

/* Two workers may start at the same time. */
static void raise_row_end(const struct scoreboard *scoreboard, int32_t end)
{
    _Atomic(int32_t) *row_end = &scoreboard->totals->row_end;
    int32_t before = atomic_load(row_end);

    while (before < end && !atomic_compare_exchange_weak(row_end, &before, end))
        continue;
}

static void forget_requests(const struct scoreboard *scoreboard, int row)
{
    for (int thread = 0; thread < scoreboard->thread_count; thread++) {
        atomic_store(&scoreboard_thread(scoreboard, row, thread)->request_started_us, 0);
        atomic_store(&scoreboard_thread(scoreboard, row, thread)->progress.phase, 0);
    }
}

static void forget_connections(struct scoreboard_row *row)
{
    for (int wait = 0; wait < WAIT_COUNT; wait++)
        atomic_store(&row->connections.waiting[wait], 0);
}

void scoreboard_enter_row(struct scoreboard *scoreboard, int row, int number, int generation, int64_t now_us)
{
    struct scoreboard_row *ours = scoreboard_row(scoreboard, row);

    atomic_store(&ours->pid, getpid());
    forget_requests(scoreboard, row);
    forget_connections(ours);
    stacks_forget(scoreboard, row);
    atomic_store(&ours->has_finished, 0);
    atomic_store(&ours->number, number);
    atomic_store(&ours->generation, generation);
    atomic_store(&ours->started_us, now_us);
    atomic_store(&ours->state, WORKER_STARTING);
    raise_row_end(scoreboard, row + 1);
}

void scoreboard_clear_row(struct scoreboard *scoreboard, int row)
{
    struct scoreboard_row *gone = scoreboard_row(scoreboard, row);

    atomic_store(&gone->state, WORKER_ABSENT);
    forget_requests(scoreboard, row);
    forget_connections(gone);
    atomic_store(&gone->pid, 0);
}

static size_t append(char *out, size_t len, size_t size, const char *bytes, size_t count)
{
    if (count > size - len)
        count = size - len;
    if (count > 0)
        memcpy(out + len, bytes, count);
    return len + count;
}

void scoreboard_begin_request(struct scoreboard_thread *row, struct slice method, struct slice target,
                              const char *peer_address, const char *peer_port, int64_t now_us)
{
    size_t len = append(row->line, 0, sizeof(row->line), method.ptr, method.len);

    len = append(row->line, len, sizeof(row->line), " ", 1);
    len = append(row->line, len, sizeof(row->line), target.ptr, target.len);
    atomic_store_explicit(&row->line_len, (uint32_t)len, memory_order_relaxed);

    len = append(row->peer, 0, sizeof(row->peer) - 1, peer_address, strlen(peer_address));
    if (peer_port[0] != '\0') {
        len = append(row->peer, len, sizeof(row->peer) - 1, ":", 1);
        len = append(row->peer, len, sizeof(row->peer) - 1, peer_port, strlen(peer_port));
    }
    row->peer[len] = '\0';
    /* Last: whoever sees the time sees the text that belongs to it. */
    atomic_store_explicit(&row->request_started_us, now_us, memory_order_release);
}

uint64_t scoreboard_count_request(struct scoreboard *scoreboard, struct scoreboard_thread *row)
{
    /* The row has one writer: no need to lock the bus for it. */
    uint64_t requests = atomic_load_explicit(&row->requests, memory_order_relaxed) + 1;

    atomic_store_explicit(&row->requests, requests, memory_order_relaxed);
    return atomic_fetch_add_explicit(&scoreboard->totals->requests, 1, memory_order_relaxed) + 1;
}

void scoreboard_leave_request(struct scoreboard_thread *row)
{
    atomic_store_explicit(&row->request_started_us, 0, memory_order_release);
}

uint64_t scoreboard_end_request(struct scoreboard *scoreboard, struct scoreboard_thread *row)
{
    uint64_t all_requests = scoreboard_count_request(scoreboard, row);

    scoreboard_leave_request(row);
    return all_requests;
}

bool scoreboard_read_request(const struct scoreboard_thread *row, struct scoreboard_request *request)
{
    uint32_t len;

    request->started_us = atomic_load_explicit(&row->request_started_us, memory_order_acquire);
    if (request->started_us == 0)
        return false;
    request->phase = atomic_load_explicit(&row->progress.phase, memory_order_relaxed);
    request->sent_bytes = 0;
    if (atomic_load_explicit(&row->progress.sent_of_us, memory_order_relaxed) == request->started_us)
        request->sent_bytes = atomic_load_explicit(&row->progress.sent_bytes, memory_order_relaxed);
    len = atomic_load_explicit(&row->line_len, memory_order_relaxed);
    if (len > sizeof(row->line))
        len = sizeof(row->line);
    text_escape(request->line, sizeof(request->line), slice_of(row->line, len));
    text_escape(request->peer, sizeof(request->peer), slice_of(row->peer, strnlen(row->peer, sizeof(row->peer))));
    return true;
}

int scoreboard_count_running(const struct scoreboard *scoreboard, int row)
{
    int running = 0;

    for (int thread = 0; thread < scoreboard->thread_count; thread++)
        running += atomic_load(&scoreboard_thread(scoreboard, row, thread)->request_started_us) != 0;
    return running;
}
