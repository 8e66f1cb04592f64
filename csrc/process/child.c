/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log.h"
#include "notice.h"
#include "privileges.h"
#include "role_signals.h"
#include "sandbox.h"
#include "slot.h"

enum { ROLE_BYTES = 24 };

/* For logs, ps and top. */
static void set_name(int number)
{
    char role[ROLE_BYTES] = "zygote", title[ROLE_BYTES] = "clutch: zygote";

    if (number == SLOT_MONITOR) {
        snprintf(role, sizeof(role), "monitor");
        snprintf(title, sizeof(title), "clutch: monitor");
    } else if (number > 0) {
        snprintf(role, sizeof(role), "worker %d", number);
        snprintf(title, sizeof(title), "clutch: w%d", number);
    }
    log_set_role(role);
    prctl(PR_SET_NAME, title);
}

void child_enter(const struct inherit *inherit, const struct birth *birth)
{
    int result;

    set_name(birth->number);
    role_signals_become_child();
    result = privileges_drop(inherit->privileges);
    if (result < 0) {
        log_critical("cannot change to the user and group of --user and --group: %s", strerror(-result));
        exit(EXIT_FAILURE);
    }
    result = sandbox_enter(inherit->sandbox);
    if (result < 0) {
        log_critical("cannot enter the sandbox of --sandbox: %s", strerror(-result));
        exit(EXIT_FAILURE);
    }
}

void child_hatch(const struct inherit *inherit, const struct birth *birth)
{
    int result;

    set_name(birth->number);
    result = sandbox_separate(inherit->sandbox);
    if (result < 0) {
        log_critical("cannot enter the sandbox of --sandbox: %s", strerror(-result));
        _exit(EXIT_FAILURE); /* what the application has registered is for workers that have begun */
    }
}

void child_tie(const struct birth *birth)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (notice_is_abandoned(birth->control_fd)) /* it was too late for that */
        _exit(EXIT_FAILURE);
}

void child_untie(void)
{
    prctl(PR_SET_PDEATHSIG, 0);
}
