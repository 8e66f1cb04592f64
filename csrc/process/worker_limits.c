/* SPDX-License-Identifier: MIT */
#include "worker_limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "log.h"
#include "notice.h"
#include "restarts.h"

enum { LOOK_US = 1000000, STATM_BYTES = 128 };

/* 0 .. most. */
static uint64_t choose(uint64_t most)
{
    uint64_t random = 0;

    if (most == 0 || getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        return 0;
    return random % (most + 1);
}

void worker_limits_init(struct worker_limits *limits, const struct config *config, const struct birth *birth)
{
    *limits = (struct worker_limits){
        .most_requests = UINT64_MAX,
        .most_rss_bytes = INT64_MAX,
        .control_fd = birth->control_fd,
        .number = birth->number,
        .serial = birth->serial,
        .next_look_us = INT64_MAX,
    };
    if (config->max_requests > 0)
        limits->most_requests = (uint64_t)config->max_requests + choose((uint64_t)config->max_requests_jitter);
    if (config->max_worker_rss_bytes > 0) {
        limits->most_rss_bytes = config->max_worker_rss_bytes;
        atomic_store(&limits->next_look_us, 0);
    }
}

/* Bytes of this process that are in memory; 0 when the system does not say. */
static int64_t rss_bytes(void)
{
    char text[STATM_BYTES];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    long pages = 0;

    fd_close(&fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    return sscanf(text, "%*d %ld", &pages) == 1 ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}

/* Whether the caller is the one that is to look now. */
static bool takes_look(struct worker_limits *limits, int64_t now_us)
{
    int64_t due_us = atomic_load_explicit(&limits->next_look_us, memory_order_relaxed);

    return due_us <= now_us && atomic_compare_exchange_strong(&limits->next_look_us, &due_us, now_us + LOOK_US);
}

static void ask(struct worker_limits *limits, enum restart_cause cause)
{
    if (!atomic_exchange(&limits->has_asked, true) &&
        !notice_ask_recycle(limits->control_fd, limits->number, limits->serial, cause))
        atomic_store(&limits->has_asked, false);
}

/* What it needs from its first request on its successor needs too: they would be replaced one after the other. */
static void warn_of_little_room(int64_t rss)
{
    log_warning(
        "this worker has %.1f MiB in memory after its first request, more than --max-worker-rss: so will each that "
        "replaces it; raise the limit",
        (double)rss / (1 << 20));
}

static void look_at_rss(struct worker_limits *limits, bool is_first)
{
    int64_t rss = rss_bytes();

    if (rss <= limits->most_rss_bytes)
        return;
    if (is_first)
        warn_of_little_room(rss);
    ask(limits, RESTART_RSS);
}

void worker_limits_see(struct worker_limits *limits, uint64_t request, int64_t now_us)
{
    if (UNLIKELY(request >= limits->most_requests) && !atomic_load(&limits->has_asked))
        ask(limits, RESTART_MAX_REQUESTS);
    if (UNLIKELY(atomic_load_explicit(&limits->next_look_us, memory_order_relaxed) <= now_us) &&
        takes_look(limits, now_us))
        look_at_rss(limits, request == 1);
}
