# SPDX-License-Identifier: MIT
"""Computes in pure Python, as an application does that renders, parses or calculates. Only who holds the GIL computes.

COMPARE_SPIN_SECONDS is how much CPU time a request takes (0.1 by default), however long that lasts by the clock.
"""

import os
import time

TITLE = "Spinning (CPU-bound)"
SAYS = (
    "More workers help until each CPU has one; beyond that the same work is only spread thinner, and every bar grows "
    "longer.",
    "More threads in a worker do not help at all: they take turns with its one GIL.",
)

SPIN_S = float(os.environ.get("COMPARE_SPIN_SECONDS", "0.1"))


def spin(seconds):
    """Uses this many seconds of this thread's CPU time; returns how far it counted."""
    end = time.thread_time() + seconds
    count = 0
    while time.thread_time() < end:
        for _ in range(2000):
            count += 1
    return count


def application(environ, start_response):
    answer = f"{spin(SPIN_S)}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
