# SPDX-License-Identifier: MIT
"""Computes, sleeps and computes again, as most applications do: parse, ask the database, render.

COMPARE_SPIN_SECONDS is how much CPU time a request takes in all (0.02 by default), COMPARE_SLEEP_SECONDS how long it
sleeps (0.08).
"""

import os
import time

TITLE = "Mixed (some CPU, some sleep)"
SAYS = (
    "Threads fill the time in which others sleep, so the first few gain much; then requests meet at the GIL and gain "
    "little more.",
    "Workers and threads together come close to what the CPUs can do: look for the setting after which the answers "
    "stop coming sooner.",
)

SPIN_S = float(os.environ.get("COMPARE_SPIN_SECONDS", "0.02"))
SLEEP_S = float(os.environ.get("COMPARE_SLEEP_SECONDS", "0.08"))


def spin(seconds):
    """Uses this many seconds of this thread's CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(500))


def application(environ, start_response):
    spin(SPIN_S / 2)
    time.sleep(SLEEP_S)
    spin(SPIN_S / 2)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"mixed\n"]
