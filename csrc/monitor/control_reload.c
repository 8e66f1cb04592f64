/* SPDX-License-Identifier: MIT */
#include "control_reload.h"

#include <errno.h>
#include <unistd.h>

#include "board_reload.h"
#include "json_write.h"
#include "monitor.h"
#include "scoreboard.h"

int control_reload_write(const struct monitor_task *task, struct buf *text)
{
    const struct scoreboard_totals *totals = task->view.scoreboard->totals;
    struct board_reload_news news = board_reload_read(&totals->reload);
    struct json json = {.out = text};

    json_begin(&json, NULL, '{');
    json_count(&json, "asked", news.asked);
    json_count(&json, "done", news.done);
    json_flag(&json, "is_failed", news.is_failed);
    json_number(&json, "generation", news.done > 0 ? news.generation : atomic_load(&totals->generation));
    json_flag(&json, "is_stopping", atomic_load(&totals->is_stopping) != 0);
    json_text(&json, "text", slice_of_string(news.text));
    json_number(&json, "pid", getppid());
    json_number(&json, "start_time_us", atomic_load(&totals->began_wall_us));
    json_end(&json, '}');
    return json.lacks_memory || buf_append(text, SLICE("\n")) < 0 ? -ENOMEM : 0;
}

int control_reload_ask(const struct monitor_task *task, struct buf *text)
{
    int result = control_reload_write(task, text);

    if (result == 0)
        task->ask_reload(task->context);
    return result;
}
