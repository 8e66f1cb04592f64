# SPDX-License-Identifier: MIT
"""Takes all signals that end a program, and those of children, while it is imported: by a loop of asyncio that never
runs, and then by handlers of its own, which do nothing; and has CPython write to a socket that nobody reads."""

import asyncio
import signal
import socket

from tools import text_reply

NAMES = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGCHLD", "SIGPIPE")

loop = asyncio.new_event_loop()
for name in NAMES:
    loop.add_signal_handler(getattr(signal, name), print, name)
for name in NAMES:
    signal.signal(getattr(signal, name), lambda number, frame: None)
ends = socket.socketpair()
for end in ends:
    end.setblocking(False)
signal.set_wakeup_fd(ends[1].fileno())


def application(environ, start_response):
    return text_reply(start_response, "served")
