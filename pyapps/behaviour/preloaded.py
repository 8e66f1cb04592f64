# SPDX-License-Identifier: MIT
"""Remembers the process that imported it and what the fork hooks did; answers with that as JSON."""

import os
import random
import threading

from tools import json_reply

IMPORT_PID = os.getpid()
hooks = []

os.register_at_fork(
    before=lambda: hooks.append("before"),
    after_in_parent=lambda: hooks.append("parent"),
    after_in_child=lambda: hooks.append("child"),
)
print(f"imported by process {IMPORT_PID}")


def application(environ, start_response):
    return json_reply(
        start_response,
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "import_pid": IMPORT_PID,
            "hooks": hooks,
            "random": random.getrandbits(64),
            "threads": threading.active_count(),
            "is_main": threading.current_thread() is threading.main_thread(),
        },
    )
