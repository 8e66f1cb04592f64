# SPDX-License-Identifier: MIT
"""Shows, as JSON, the set-up of the process that answers: its interpreter, its GIL, its threads, and how long this
request waited for both a free worker and the GIL. Ask several times: the pid changes, every worker has a GIL of its
own.

    clutch --workers 2 gil.py
    curl 'http://127.0.0.1:8000/'
    curl 'http://127.0.0.1:8000/?spin=500'      burns 500 ms of CPU first
"""

import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs

LONGEST_SPIN_MS = 60_000


def interpreter_id():
    """Returns the number of this interpreter in its process (0: the main one), or None where Python does not tell."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            current = __import__(name).get_current()
        except (ImportError, AttributeError):
            continue
        return int(current[0] if isinstance(current, tuple) else current)
    return None


def is_gil_enabled():
    """False only in a free-threaded build that runs without its GIL."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def describe_thread(thread):
    return {"name": thread.name, "ident": thread.ident, "native_id": thread.native_id, "daemon": thread.daemon}


def spin(milliseconds):
    """Computes for that long without ever giving up the GIL on its own; returns how often it went round."""
    end = time.monotonic() + milliseconds / 1000
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
    return rounds


def read_spin_ms(environ):
    """Returns the `spin` of the query as a number within bounds; 0 for anything else."""
    text = parse_qs(environ.get("QUERY_STRING", ""), errors="replace").get("spin", ["0"])[0]
    return min(int(text), LONGEST_SPIN_MS) if text.isascii() and text.isdigit() else 0


def describe_process(environ, spin_ms, spin_rounds):
    current = threading.current_thread()
    return {
        "pid": os.getpid(),
        "worker": environ.get("clutch.worker"),
        "server": environ.get("SERVER_SOFTWARE"),
        "python": sys.version,
        "interpreter_id": interpreter_id(),
        "gil_enabled": is_gil_enabled(),
        "switch_interval_s": sys.getswitchinterval(),
        "thread": describe_thread(current),
        "is_main_thread": current is threading.main_thread(),
        "threads": [describe_thread(thread) for thread in threading.enumerate()],
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
        "queue_us": environ.get("clutch.queue_us"),
        "gil_wait_us": environ.get("clutch.gil_wait_us"),
        "spin_ms": spin_ms,
        "spin_rounds": spin_rounds,
    }


def application(environ, start_response):
    spin_ms = read_spin_ms(environ)
    report = describe_process(environ, spin_ms, spin(spin_ms))
    body = json.dumps(report, indent=2).encode() + b"\n"
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("X-Worker-Pid", str(os.getpid()))],
    )
    return [body]
