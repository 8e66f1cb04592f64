/* SPDX-License-Identifier: MIT */
#include "scoreboard.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "text.h"

static size_t scoreboard_bytes(int row_count)
{
    return sizeof(struct scoreboard) + (size_t)row_count * sizeof(struct scoreboard_row);
}

struct scoreboard *scoreboard_new(int row_count)
{
    struct scoreboard *scoreboard =
        mmap(NULL, scoreboard_bytes(row_count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (scoreboard == MAP_FAILED)
        return NULL;
    scoreboard->row_count = row_count;
    return scoreboard;
}

void scoreboard_free(struct scoreboard *scoreboard)
{
    if (scoreboard != NULL)
        munmap(scoreboard, scoreboard_bytes(scoreboard->row_count));
}

struct scoreboard_row *scoreboard_row(struct scoreboard *scoreboard, int number)
{
    return &scoreboard->rows[number - 1];
}

void scoreboard_enter_row(struct scoreboard_row *row, int64_t now_us)
{
    atomic_store(&row->pid, getpid());
    atomic_store(&row->request_started_us, 0);
    atomic_store(&row->started_us, now_us);
    atomic_store(&row->state, WORKER_STARTING);
}

void scoreboard_clear_row(struct scoreboard_row *row)
{
    atomic_store(&row->state, WORKER_ABSENT);
    atomic_store(&row->request_started_us, 0);
    atomic_store(&row->pid, 0);
}

static size_t append(char *out, size_t len, size_t size, const char *bytes, size_t count)
{
    if (count > size - len)
        count = size - len;
    if (count > 0)
        memcpy(out + len, bytes, count);
    return len + count;
}

void scoreboard_begin_request(struct scoreboard_row *row, struct slice method, struct slice target,
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

uint64_t scoreboard_end_request(struct scoreboard *scoreboard, struct scoreboard_row *row)
{
    /* The row has one writer: no need to lock the bus for it. */
    uint64_t requests = atomic_load_explicit(&row->requests, memory_order_relaxed) + 1;

    atomic_store_explicit(&row->requests, requests, memory_order_relaxed);
    atomic_store_explicit(&row->request_started_us, 0, memory_order_release);
    return atomic_fetch_add_explicit(&scoreboard->requests, 1, memory_order_relaxed) + 1;
}

bool scoreboard_read_request(const struct scoreboard_row *row, struct scoreboard_request *request)
{
    uint32_t len;

    request->started_us = atomic_load_explicit(&row->request_started_us, memory_order_acquire);
    if (request->started_us == 0)
        return false;
    len = atomic_load_explicit(&row->line_len, memory_order_relaxed);
    if (len > sizeof(row->line))
        len = sizeof(row->line);
    text_escape(request->line, sizeof(request->line), slice_of(row->line, len));
    memcpy(request->peer, row->peer, sizeof(request->peer));
    request->peer[sizeof(request->peer) - 1] = '\0';
    return true;
}
