# SPDX-License-Identifier: MIT
"""Leaves ?count= processes behind whose parent has gone; they end at once. Answers with how many it made."""

import os

from tools import number, text_reply


def leave_orphan():
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.execv("/bin/true", ["true"])
        os._exit(0)
    os.waitpid(child, 0)


def application(environ, start_response):
    count = number(environ, "count", 1)
    for _ in range(count):
        leave_orphan()
    return text_reply(start_response, str(count))
