# SPDX-License-Identifier: MIT
"""An application that answers "true" after ten seconds, whatever it is asked: a stand-in for work that takes long.

Served by N workers it shows what a synchronous server does with more than N callers: N requests run, the others wait.

    clutch --workers 5 app_main.py
    python3 client.py --callers 20

CLUTCH_DEMO_SECONDS sets another duration (any number of seconds, 0 for none).
"""

import os
import time
from urllib.parse import parse_qs


def read_duration(text):
    """Returns `text` as a number of seconds; raises ValueError with a message for the operator."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= 86400.0:
        raise ValueError(f"CLUTCH_DEMO_SECONDS is {text!r}; expected a number of seconds from 0 to 86400")
    return seconds


DURATION_S = read_duration(os.environ.get("CLUTCH_DEMO_SECONDS", "10"))


def long_running_task():
    time.sleep(DURATION_S)
    return "true"


def read_param(environ):
    """Returns the first `param` of the query, safe to print: one line, no control characters."""
    values = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace").get("param")
    if not values:
        return "No param value provided"
    return "".join(c if c.isprintable() else "?" for c in values[0])


def application(environ, start_response):
    print(f"Accept incoming request: {read_param(environ)}")
    answer = long_running_task().encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Worker-Pid", str(os.getpid()))])
    return [answer]
