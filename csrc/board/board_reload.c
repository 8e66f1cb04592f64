/* SPDX-License-Identifier: MIT */
#include "board_reload.h"

#include <stdio.h>
#include <string.h>

enum { MOST_READS = 1000 }; /* a master that was killed while it wrote never ends */

void board_reload_ask(struct board_reload *reload, uint64_t number)
{
    atomic_store(&reload->asked, number);
}

void board_reload_finish(struct board_reload *reload, uint64_t number, bool is_failed, int generation, const char *text)
{
    atomic_fetch_add(&reload->version, 1);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_store(&reload->generation, generation);
    atomic_store(&reload->is_failed, is_failed);
    snprintf(reload->text, sizeof(reload->text), "%s", text);
    atomic_store(&reload->done, number);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_fetch_add(&reload->version, 1);
}

struct board_reload_news board_reload_read(const struct board_reload *reload)
{
    struct board_reload_news news = {.asked = 0};

    for (int i = 0; i < MOST_READS; i++) {
        uint32_t version = atomic_load(&reload->version);

        news.asked = atomic_load(&reload->asked);
        news.done = atomic_load(&reload->done);
        news.generation = atomic_load(&reload->generation);
        news.is_failed = atomic_load(&reload->is_failed) != 0;
        memcpy(news.text, reload->text, sizeof(news.text));
        atomic_thread_fence(memory_order_seq_cst);
        if (version % 2 == 0 && atomic_load(&reload->version) == version)
            break;
    }
    news.text[sizeof(news.text) - 1] = '\0';
    return news;
}
