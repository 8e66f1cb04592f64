# SPDX-License-Identifier: MIT
"""Ignores SIGTERM and SIGINT as far as Python lets it, and never ends a request: it takes a SIGKILL to stop it."""

import os
import signal

from tools import query, text_reply


def application(environ, start_response):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    gate = query(environ).get("gate")
    while gate:
        with open(gate, "rb") as pipe:
            pipe.read()
    return text_reply(start_response, str(os.getpid()))
