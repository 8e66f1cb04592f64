/* SPDX-License-Identifier: MIT */
#include "worker_health.h"

#include "clock.h"
#include "inherit.h"
#include "message.h"
#include "notice.h"

static void poke(void *context)
{
    const struct birth *birth = context;

    notice_poke(birth->control_fd, birth->number, birth->serial);
}

/* Requests of other methods are the application's. */
static bool find(void *context, const struct request *request, struct h1_own_answer *own)
{
    enum health_probe probe = health_find(request->path);

    if (probe == HEALTH_NONE ||
        (!slice_equal(request->method, SLICE("GET")) && !slice_equal(request->method, SLICE("HEAD"))))
        return false;
    own->status = health_ask(context, probe, clock_now_us(), &own->text) ? 200 : 503;
    return true;
}

void worker_health_init(struct worker_health *health, const struct inherit *inherit, const struct birth *birth)
{
    *health = (struct worker_health){
        .health = {.scoreboard = inherit->scoreboard, .poke = poke, .context = (void *)(uintptr_t)birth},
        .answerer = {.context = &health->health, .find = find},
    };
}
