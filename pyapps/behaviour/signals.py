# SPDX-License-Identifier: MIT
"""Installs Python signal handlers of its own, for SIGWINCH and a timer (SIGALRM), which print a line each time.

/arm?ms= starts the timer; any other path tells how often each handler ran."""

import os
import signal
import threading

from tools import json_reply, number

counts = {"SIGWINCH": 0, "SIGALRM": 0}


def on_signal(signal_number, frame):
    name = signal.Signals(signal_number).name
    counts[name] += 1
    main = threading.current_thread() is threading.main_thread()
    os.write(
        1, f"handler of {name} ran {counts[name]} times, main thread: {main}\n".encode()
    )  # print() is not reentrant


signal.signal(signal.SIGWINCH, on_signal)
signal.signal(signal.SIGALRM, on_signal)


def application(environ, start_response):
    if environ["PATH_INFO"].endswith("/arm"):
        signal.setitimer(signal.ITIMER_REAL, number(environ, "ms", 20) / 1000)
    return json_reply(start_response, counts)
