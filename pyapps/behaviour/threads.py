# SPDX-License-Identifier: MIT
"""Tells on which thread the application runs, and how many requests were inside it at once at most."""

import threading
import time

from tools import json_reply, number

lock = threading.Lock()
inside = 0
most_inside = 0


def application(environ, start_response):
    global inside, most_inside
    with lock:
        inside += 1
        most_inside = max(most_inside, inside)
    time.sleep(number(environ, "ms") / 1000)
    with lock:
        inside -= 1
    current = threading.current_thread()
    return json_reply(
        start_response,
        {"name": current.name, "is_main": current is threading.main_thread(), "most_inside": most_inside},
    )
