# SPDX-License-Identifier: MIT
"""Sleeps, as an application does that waits for a database, a disk or another service. The GIL is free meanwhile.

COMPARE_SLEEP_SECONDS is how long (0.3 by default): the experiment that this one repeats takes ten seconds.
"""

import os
import time

TITLE = "Sleeping (I/O-bound)"
SAYS = (
    "As many requests run at the same time as there are workers x threads; all others wait, and each further row of "
    "bars begins when the one before it ends.",
    "Twenty threads in one worker serve twenty callers as fast as twenty workers do, because whoever sleeps does not "
    "hold the GIL.",
)

SLEEP_S = float(os.environ.get("COMPARE_SLEEP_SECONDS", "0.3"))


def application(environ, start_response):
    time.sleep(SLEEP_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"true"]
