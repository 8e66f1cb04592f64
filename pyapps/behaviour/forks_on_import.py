# SPDX-License-Identifier: MIT
"""Forks while it is imported, and lets the child run on; answers with how that ended. Forks likewise in a handler of
SIGWINCH, and prints how that child ended."""

import os
import signal

from forks import wait_for
from tools import text_reply

child = os.fork()


def on_signal(signal_number, frame):
    made = os.fork()
    if made != 0:
        os.write(1, f"child of the handler ended: {wait_for(made)}\n".encode())


signal.signal(signal.SIGWINCH, on_signal)


def application(environ, start_response):
    return text_reply(start_response, wait_for(child))
